/* CPU kernels on raw pointers. Includes nothing of skua. Serial functions over a range; the cpu backend splits work
 * over threads.
 *
 * One small struct of function pointers for each family, filled with the reference first and overwritten level by level
 * by what the processor has (detect.c, compiled without instruction-set flags). SKUA_CPU=ref|avx2|avx512|avx512bf16
 * lowers the level. Activations are [rows][c] with rows = N*H*W, dense, float32 (f32) or bfloat16 (bf16: uint16_t,
 * round to nearest even, NaN stays NaN); arithmetic is float32. No function reads or writes past its ranges; any c >=
 * 1, rows >= 0. */
#ifndef SKUA_KERN_H
#define SKUA_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/wino.h"

enum sk_isa { SK_ISA_REF, SK_ISA_AVX2, SK_ISA_AVX512, SK_ISA_AVX512_BF16 };
enum sk_isa sk_isa_hardware(void);        /* best level the processor and the system have */
enum sk_isa sk_isa_level(void);           /* that, lowered by SKUA_CPU; read once */
const char *sk_isa_name(enum sk_isa isa); /* "ref", "avx2", "avx512", "avx512bf16" */
bool sk_isa_has_bf16(void);               /* level is avx512bf16 (AVX512_BF16, perhaps AMX) */
/* All instruction-set extensions of interest that the processor has, as text ("avx2 fma avx512f ... amx_bf16"). */
const char *sk_isa_features(void);
/* One sentence where SKUA_CPU is unknown or above the hardware (the hardware's level is used then), for the caller to
 * tell; else NULL. */
const char *sk_isa_complaint(void);

static inline float sk_bf16_to_f32(uint16_t h)
{
    union {
        uint32_t u;
        float f;
    } v = {(uint32_t)h << 16};
    return v.f;
}
uint16_t sk_f32_to_bf16(float f);

/* ---- batch norm passes; x, y, dy, ... all of one type (f32 or bf16), statistics float32 [c] ---- */
struct sk_bn_grad {
    const void *dy, *dy2; /* dy2: second contribution added to dy, or NULL */
    const void *x, *y;    /* y: mask is y > 0; NULL: mask (where relu) is scale*x + shift > 0 */
    const float *scale, *shift, *mean;
    bool relu;
    void *dz; /* reduce: where the masked sum dy(+dy2) is stored, may be dy or dy2; NULL: not stored */
};
struct sk_kern_norm {
    /* mean[c] and m2[c] = sum (x - mean)^2 of these rows (two passes: no digits lost). Meant for blocks that fit in L2.
     */
    void (*stats)(const void *x, size_t rows, size_t c, float *mean, float *m2);
    /* y = x * scale + shift (+ residual), then relu if asked; y may be x or residual. */
    void (*apply)(const void *x, const void *residual, size_t rows, size_t c, const float *scale, const float *shift,
                  bool relu, void *y);
    /* dz = relu ? (dy + dy2) masked : dy + dy2; sum[c] = sum dz, dot[c] = sum dz * (x - mean). Overwrites sum and dot.
     */
    void (*grad_reduce)(const struct sk_bn_grad *a, size_t rows, size_t c, float *sum, float *dot);
    /* dx = k0 * dz + k1 * (x - mean) + k2 with dz as above (from dy, dy2 and the mask); dx may be dy or dy2. */
    void (*grad_apply)(const struct sk_bn_grad *a, size_t rows, size_t c, const float *k0, const float *k1,
                       const float *k2, void *dx);
};
/* ---- pointwise over n elements ---- */
struct sk_kern_point {
    void (*relu)(const void *x, size_t n, void *y);
    void (*relu_grad)(const void *dy, const void *y, size_t n, void *dx);
    void (*add)(const void *a, const void *b, size_t n, void *y);
    /* y[i] = x[i] * scale if keep else 0; keep from sk_philox counters: element i of a stream keyed by key[2]; the mask
     * of an element depends on (key, first + i) alone; threshold: keep where the 32-bit draw >= threshold. */
    void (*dropout)(const void *x, size_t n, const uint32_t key[2], uint64_t first, uint32_t threshold, float scale,
                    void *y);
    /* pixels [rows][c] to this type: (x * unit - mean[c]) * inv_std[c], computed as x * mul[c] + add[c]. */
    void (*normalize_u8)(const uint8_t *x, size_t rows, size_t c, const float *mul, const float *add, void *y);
    void (*normalize_f32)(const float *x, size_t rows, size_t c, const float *mul, const float *add, void *y);
    void (*to_f32)(const void *x, size_t n, float *y);
    void (*from_f32)(const float *x, size_t n, void *y);
};
/* ---- pooling, one image [h][w][c] to [p][q][c] ---- */
struct sk_pool_shape {
    int h, w, c, p, q, kernel, stride, pad;
};
struct sk_kern_pool {
    /* argmax[p][q][c] = kh * kernel + kw of the first maximum (NaN wins, as PyTorch). argmax may be NULL. */
    void (*max)(const struct sk_pool_shape *s, const void *x, void *y, uint8_t *argmax);
    void (*max_grad)(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax,
                     void *dx);                                      /* overwrites dx */
    void (*avg)(const void *x, size_t hw, size_t c, void *y);        /* mean over hw rows */
    void (*avg_grad)(const void *dy, size_t hw, size_t c, void *dx); /* dy / hw to every row */
    /* Means of what of each window lies in the picture; pad is 0. */
    void (*window)(const struct sk_pool_shape *s, const void *x, void *y);
    void (*window_grad)(const struct sk_pool_shape *s, const void *dy, void *dx); /* overwrites dx */
    /* Largest of hw rows, and which row (the first; NaN wins). */
    void (*max_all)(const void *x, size_t hw, size_t c, void *y, int32_t *argmax);
};
/* ---- smooth activations over n elements; exp by a polynomial, within 2 ulp ---- */
struct sk_kern_act {
    void (*silu)(const void *x, size_t n, void *y); /* y = x * sigmoid(x); y may be x */
    void (*silu_grad)(const void *dy, const void *x, size_t n, void *dx);
    void (*sigmoid)(const void *x, size_t n, void *y);
    void (*sigmoid_grad)(const void *dy, const void *y, size_t n, void *dx);
};
/* ---- depthwise convolution: one input channel for each output channel, float32 sums; shapes as below with c == k, groups == c.
 * w [r * s][c]: the kernels of all channels side by side (unlike OIHW) ---- */
struct sk_conv_shape;
struct sk_kern_depthwise {
    /* One image. bias [c] may be NULL. */
    void (*forward)(const struct sk_conv_shape *s, const void *x, const float *w, const float *bias, void *y);
    void (*grad_data)(const struct sk_conv_shape *s, const void *dy, const float *w, void *dx);
    /* dw [r * s][c] of one image. */
    void (*grad_weight)(const struct sk_conv_shape *s, const void *dy, const void *x, float *dw);
};
/* ---- optimizer, float32, n elements ----
 * What is the same for all elements of a parameter in a step. Of a gradient g the rules see
 * d = trust * (g' + decay * p), g' = g * scale cut to [-clip, clip] (a NaN stays one). */
struct sk_optim {
    float lr, scale, clip, decay, trust;
    float shrink;         /* p is multiplied by it first: decoupled weight decay */
    float momentum, keep; /* keep: share of d that enters the momentum, 1 - dampening */
    float beta1, beta2;   /* decay of the mean of d, of its square */
    float rest1, rest2;   /* 1 - beta, which float32 would lose digits of */
    float eps, c1, c2;    /* c: 1 - beta^t of PyTorch's Adam */
    bool nesterov, centered;
};
enum { SK_OPTIM_SLOTS = 3 };
typedef void sk_optim_update(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a);
/* Sums of the squares of the parameter, and of the direction in which it is to go. */
typedef void sk_optim_measure(const float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a,
                              double sum[2]);
struct sk_kern_optim {
    sk_optim_update *sgd;       /* momentum */
    sk_optim_update *adam;      /* mean, square */
    sk_optim_update *rmsprop;   /* square, momentum, mean (used where centered) */
    sk_optim_update *adagrad;   /* square */
    sk_optim_update *adadelta;  /* square, delta */
    sk_optim_measure *gradient; /* direction: g' */
    /* LAMB: moments moves mean and square, direction: r + decay * p; lamb goes there, trust * lr far. */
    sk_optim_measure *moments;
    sk_optim_update *lamb;
};
/* ---- convolution by definition: the judge, and the fallback. x [n][h][w][c], w OIHW float32 [k][c/groups][r][s], y
 * [n][p][q][k] ---- */
struct sk_conv_shape {
    int n, h, w, c, k, r, s, p, q, stride, pad, groups; /* groups: 0 is 1 */
};
struct sk_kern_conv {
    /* images n0 <= n < n1; bias [k] f32, residual like y, may be NULL. Sums in double. */
    void (*forward)(const struct sk_conv_shape *s, const void *x, const float *w, const float *bias,
                    const void *residual, bool relu, void *y, int n0, int n1);
    void (*grad_data)(const struct sk_conv_shape *s, const void *dy, const float *w, void *dx, int n0, int n1);
    void (*grad_weight)(const struct sk_conv_shape *s, const void *dy, const void *x, float *dw, int k0,
                        int k1); /* output channels k0 <= k < k1 */
};
/* ---- linear, float32 logits: y[n][k] = sum_c x[n][c] * w[k][c] + b[k]; x of this type ---- */
struct sk_kern_linear {
    void (*forward)(const void *x, const float *w, const float *b, float *y, size_t n, size_t c, size_t k);
    void (*grad_data)(const float *dy, const float *w, void *dx, size_t n, size_t c, size_t k);
    void (*grad_weight)(const float *dy, const void *x, float *dw, float *db, size_t n, size_t c, size_t k0, size_t k1,
                        size_t k);
};
/* ---- resizing 8-bit pictures (Pillow's fixed point): weighted sums of pixels, rounded and cut to 0..255 ----
 * A weight counts 2^-22; it is low + high * 2^12 with 0 <= low < 2^12. Weights lie in groups of four: low[4], high[4];
 * those behind the last tap are 0. */
enum { SK_RESIZE_BITS = 22, SK_RESIZE_LOW_BITS = 12, SK_RESIZE_GROUP = 4 };
struct sk_resize_axis {
    int n, groups;           /* outputs; groups of weights of each */
    const int *first, *taps; /* [n]: output i is a sum over taps[i] pixels from first[i] on */
    const int16_t *weight;   /* [n][groups][2 * SK_RESIZE_GROUP] */
};
struct sk_kern_resize {
    /* Along a row: out[n][channels] from in[width][channels]. */
    void (*row)(const struct sk_resize_axis *a, const uint8_t *in, size_t width, size_t channels, uint8_t *out);
    /* Across rows: out[j] from row[k][j], k below taps, j below n; weight: the groups of one output. */
    void (*column)(const uint8_t *const *row, const int16_t *weight, int taps, size_t n, uint8_t *out);
};
/* ---- ceilings of the processor, for skua bench: loops that do one thing as fast as it goes ---- */
struct sk_peak_madd {
    const char *name;            /* what multiplies and adds: "vdpbf16ps"; NULL: the level has nothing for this type */
    double flops;                /* of a round, two a multiply-add */
    float (*run)(size_t rounds); /* flops * rounds / 4, where float32 can tell (a sum of rounds that are all needed) */
};
struct sk_kern_peak {
    struct sk_peak_madd madd[SK_K_TYPES]; /* products of this type, sums in float32 */
    /* Arrays are aligned to 64 bytes, n is a multiple of SK_PEAK_STEP. read: the sum of x[n]; triad: a = b + s * c. */
    float (*read)(const float *x, size_t n);
    void (*triad)(const float *b, const float *c, float s, size_t n, float *a);
};
enum { SK_PEAK_STEP = 64 };
/* ---- loss on float32 logits [n][k]; plain functions, no variants ---- */
/* The target of row i is (1-e) (lambda at label[i], 1 - lambda at the label of row i - 1, of row 0 the last) + e/k. */
struct sk_loss {
    const float *logits;
    const int32_t *label;
    size_t n, k;
    float lambda, smoothing; /* 1: no mixing; e */
    const float *weight;     /* [k], of each class in the target; NULL: all 1 */
};
/* Cross-entropy of rows from <= i < to, their sum (double). NaN where a label that counts is out of range. */
double sk_loss_ref(const struct sk_loss *a, size_t from, size_t to);
/* dlogits[i] = (softmax - target) * scale of these rows; NaN for a row where the loss is. */
void sk_loss_grad_ref(const struct sk_loss *a, size_t from, size_t to, float scale, float *dlogits);
void sk_softmax_ref(const float *logits, size_t n, size_t k, float *prob);
/* How many rows have the label at rank 1 and within rank 5 (ties: as torch.topk on CPU would rank the first; a NaN row
 * counts as wrong). */
void sk_topk_ref(const float *logits, const int32_t *label, size_t n, size_t k, int32_t correct[2]);

/* The kernels of a level (tests) and of the current level (backend); norm[SK_K_F32], norm[SK_K_BF16], ... */
struct sk_kern {
    struct sk_kern_norm norm[SK_K_TYPES];
    struct sk_kern_point point[SK_K_TYPES];
    struct sk_kern_pool pool[SK_K_TYPES];
    struct sk_kern_act act[SK_K_TYPES];
    struct sk_kern_depthwise depthwise[SK_K_TYPES];
    struct sk_kern_conv conv[SK_K_TYPES];
    struct sk_kern_linear linear[SK_K_TYPES];
    struct sk_kern_optim optim;
    struct sk_kern_wino wino[SK_WINO_ALGS][SK_WINO_TYPES];
    struct sk_kern_resize resize;
    struct sk_kern_peak peak;
};
void sk_kern_init(struct sk_kern *k, enum sk_isa level); /* level must not exceed the hardware's */
const struct sk_kern *sk_kern_get(void);                 /* of sk_isa_level(), made once (call first from one thread) */

#endif

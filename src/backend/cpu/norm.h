/* Passes of batch norm that its kernels share with convolutions that have a norm fused to them (fused.c).
 *
 * Functions that say so are called by all threads of a parallel region, and end with a barrier. */
#ifndef SKUA_BACKEND_CPU_NORM_H
#define SKUA_BACKEND_CPU_NORM_H

#include <math.h>

#include "backend/cpu/cpu.h"

/* The tensor that is normalized, as rows of c channels cut into blocks. */
struct sk_cpu_norm {
    const struct sk_kern_norm *kern;
    enum sk_ktype type;
    size_t c, rows;
    struct sk_cpu_blocks blocks;
    bool parallel; /* worth more than one thread */
};
/* UNSUPPORTED where x is neither f32 nor bf16. */
enum sk_code sk_cpu_norm_init(struct sk_cpu_norm *n, const struct sk_desc *x, struct sk_err *err) SK_MUST;

/* scale = gamma / sqrt(var + eps), shift = beta - mean * scale. Forward and backward must agree to the bit: the mask of
 * a ReLU is taken from them again. */
static inline void sk_cpu_scale_shift(const float *gamma, const float *beta, const float *mean, const float *var,
                                      double eps, size_t c, float *scale, float *shift)
{
    for (size_t j = 0; j < c; j++) {
        double s = (double)gamma[j] / sqrt((double)var[j] + eps);
        scale[j] = (float)s;
        shift[j] = (float)((double)beta[j] - (double)mean[j] * s);
    }
}

/* Channels that one thread combines; a cache line of float32. */
enum { SK_CPU_CHANNELS = 16 };
static inline size_t sk_cpu_groups(size_t c)
{
    return (c + SK_CPU_CHANNELS - 1) / SK_CPU_CHANNELS;
}
/* The channels of group g: from c0 to *c1. */
static inline size_t sk_cpu_group(size_t c, size_t g, size_t *c1)
{
    size_t c0 = g * SK_CPU_CHANNELS;
    *c1 = c0 + SK_CPU_CHANNELS < c ? c0 + SK_CPU_CHANNELS : c;
    return c0;
}

/* ---- forward (norm.c) ---- */
/* Floats of scratch that sk_cpu_norm_stats takes: mean and m2 of each block. */
static inline size_t sk_cpu_norm_parts(const struct sk_cpu_norm *n)
{
    return 2 * n->blocks.count * n->c;
}
/* Mean and biased variance [c] of x. In a parallel region. */
void sk_cpu_norm_stats(const struct sk_cpu_norm *n, const void *x, float *parts, float *mean, float *var);
/* Block b of y = x * scale + shift (+ residual), then relu if asked; y may be x or residual. */
void sk_cpu_norm_apply(const struct sk_cpu_norm *n, size_t b, const void *x, const void *residual, const float *scale,
                       const float *shift, bool relu, void *y);

/* ---- backward (norm_grad.c) ---- */
struct sk_cpu_norm_grad {
    const void *dy, *second, *x, *y; /* second and y may be NULL; y: the mask is y > 0, else it is told from x */
    const float *gamma, *beta, *mean, *var;
    double eps;
    bool relu;
    void *dz; /* where the masked sum dy(+second) is stored, may be dy or second; NULL: not stored */
    float *dgamma, *dbeta;
};
/* Floats of scratch that sk_cpu_norm_reduce takes: scale, shift, then sum and dot of each block. */
static inline size_t sk_cpu_norm_reduce_floats(const struct sk_cpu_norm *n)
{
    return (2 + 2 * n->blocks.count) * n->c;
}
/* dz, dgamma and dbeta; leaves scale and shift at the beginning of scratch. In a parallel region. */
void sk_cpu_norm_reduce(const struct sk_cpu_norm *n, const struct sk_cpu_norm_grad *g, float *scratch);

#endif

/* Inside the cpu backend: the kernels it offers and what they share. Only files of this folder include this.
 *
 * A kernel is a struct sk_kernel of backend.h around serial functions of kern/, split over OpenMP threads. Reductions
 * work on blocks whose size depends on the shape alone and combine their parts in block order, so results do not depend
 * on the number of threads. */
#ifndef SKUA_BACKEND_CPU_H
#define SKUA_BACKEND_CPU_H

#include "backend/backend.h"
#include "kern/kern.h"

/* ---- Winograd convolution (wino*.c), tried first ---- */
extern const struct sk_kernel sk_wino_conv, sk_wino_conv_grad_data, sk_wino_conv_grad_weight;

/* ---- oneDNN (onednn*.c) ---- */
extern const struct sk_kernel sk_onednn_conv, sk_onednn_conv_grad_data, sk_onednn_conv_grad_weight;
extern const struct sk_kernel sk_onednn_linear, sk_onednn_linear_grad_data, sk_onednn_linear_grad_weight;
/* Its version, "2.6.3", and the instruction set that its own variable of the environment limits it to. */
const char *sk_onednn_version(void);
/* It names up to ten implementations, and the order is one that was measured: so many are worth measuring again. */
enum { SK_DNNL_QUICK = 2 };

/* ---- depthwise convolution (depthwise.c) ---- */
extern const struct sk_kernel sk_depthwise_conv, sk_depthwise_conv_grad_data, sk_depthwise_conv_grad_weight;

/* ---- reference convolution and linear (conv_ref.c, linear_ref.c) ---- */
extern const struct sk_kernel sk_ref_conv, sk_ref_conv_grad_data, sk_ref_conv_grad_weight;
extern const struct sk_kernel sk_ref_linear, sk_ref_linear_grad_data, sk_ref_linear_grad_weight;

/* ---- the convolutions above with batch norm fused to them, under their names (fused.c); these are offered ---- */
extern const struct sk_kernel sk_fused_onednn_conv, sk_fused_onednn_conv_grad_data, sk_fused_onednn_conv_grad_weight;
extern const struct sk_kernel sk_fused_depthwise_conv, sk_fused_depthwise_conv_grad_data, sk_fused_depthwise_conv_grad_weight;
extern const struct sk_kernel sk_fused_ref_conv, sk_fused_ref_conv_grad_data, sk_fused_ref_conv_grad_weight;

/* ---- own kernels ---- */
extern const struct sk_kernel sk_cpu_batch_norm, sk_cpu_batch_norm_infer;                  /* norm.c */
extern const struct sk_kernel sk_cpu_batch_norm_grad;                                      /* norm_grad.c */
extern const struct sk_kernel sk_cpu_running_stats, sk_cpu_fold_norm;                      /* norm_state.c */
extern const struct sk_kernel sk_cpu_normalize;                             /* normalize.c */
extern const struct sk_kernel sk_cpu_relu, sk_cpu_relu_grad, sk_cpu_add; /* point.c */
extern const struct sk_kernel sk_cpu_dropout, sk_cpu_dropout_grad;                         /* dropout.c */
extern const struct sk_kernel sk_cpu_max_pool, sk_cpu_max_pool_grad;                       /* pool.c */
extern const struct sk_kernel sk_cpu_avg_pool, sk_cpu_avg_pool_grad;
extern const struct sk_kernel sk_cpu_avg_window, sk_cpu_avg_window_grad, sk_cpu_max_all, sk_cpu_max_all_grad;
extern const struct sk_kernel sk_cpu_group_norm, sk_cpu_group_norm_grad;                      /* group_norm.c */
extern const struct sk_kernel sk_cpu_silu, sk_cpu_silu_grad, sk_cpu_sigmoid, sk_cpu_sigmoid_grad; /* point.c */
extern const struct sk_kernel sk_cpu_gate, sk_cpu_gate_grad, sk_cpu_bias_grad;                /* gate.c */
extern const struct sk_kernel sk_cpu_loss, sk_cpu_loss_grad, sk_cpu_topk, sk_cpu_softmax; /* loss.c */
extern const struct sk_kernel sk_cpu_update, sk_cpu_square_sum, sk_cpu_accumulate, sk_cpu_average; /* optim.c */

/* ---- ceilings of this machine at the current level (peak.c) ---- */
enum sk_code sk_cpu_peak(int threads, struct sk_peak *out, struct sk_err *err) SK_MUST;

/* ---- what is used of OpenMP's runtime: declared here, for clang cannot read the header of GCC 12 ---- */
void omp_set_num_threads(int threads);
void omp_set_dynamic(int dynamic);
int omp_get_num_threads(void);
int omp_get_thread_num(void);

int omp_get_num_procs(void);

/* ---- waiting (wait.c); one thread calls these ---- */
void sk_cpu_wait_init(int threads);
/* After each step: threads that wait for each other sleep soon while other programs need the processors. */
void sk_cpu_wait_watch(void);

/* ---- shared (common.c) ---- */
/* Fewer elements than SK_CPU_PARALLEL are not worth a second thread; SK_CPU_BLOCK elements (64 KiB of float32) stay in
 * L2 together with what is read beside them. */
enum { SK_CPU_BLOCK = 16384, SK_CPU_PARALLEL = 32768 };

/* SK_UNSUPPORTED "no more implementations" for a variant above 0, and with the reason where a tensor of op is not
 * dense. */
enum sk_code sk_cpu_accept(const struct sk_op_desc *op, int variant, struct sk_err *err) SK_MUST;
/* The same, and a zeroed instance of size bytes in *self, with the level's name in need->label. */
enum sk_code sk_cpu_open(void **self, size_t size, const struct sk_op_desc *op, int variant,
                         struct sk_kernel_need *need, struct sk_err *err) SK_MUST;
/* Kernel type of an activation tensor; UNSUPPORTED for one that is neither f32 nor bf16. what: "x", for the message. */
enum sk_code sk_cpu_type(const struct sk_desc *d, const char *what, enum sk_ktype *t, struct sk_err *err) SK_MUST;
/* UNSUPPORTED unless d is of this type. */
enum sk_code sk_cpu_want(const struct sk_desc *d, const char *what, enum sk_dtype dtype, struct sk_err *err) SK_MUST;
/* Of a convolution of x [N,H,W,C] by w [K,C/groups,R,S] to y [N,P,Q,K]. */
struct sk_conv_shape sk_cpu_conv_shape(const struct sk_attr *attr, const struct sk_desc *x, const struct sk_desc *w,
                                       const struct sk_desc *y);

static inline size_t sk_cpu_size(enum sk_ktype t)
{
    return t == SK_K_BF16 ? 2 : 4;
}
/* Address of element i. */
static inline const void *sk_cpu_at(const void *p, size_t i, enum sk_ktype t)
{
    return p == NULL ? NULL : (const char *)p + i * sk_cpu_size(t);
}
static inline void *sk_cpu_at_mut(void *p, size_t i, enum sk_ktype t)
{
    return p == NULL ? NULL : (char *)p + i * sk_cpu_size(t);
}

/* Adds a 64-byte aligned piece to *total; returns its offset. */
static inline size_t sk_cpu_piece(size_t *total, size_t bytes)
{
    size_t at = (*total + 63) / 64 * 64;
    *total = at + (bytes + 63) / 64 * 64;
    return at;
}
static inline void *sk_cpu_inside(void *base, size_t offset)
{
    return base == NULL ? NULL : (char *)base + offset;
}

/* n items cut into blocks of a fixed size. */
struct sk_cpu_blocks {
    size_t n, size, count;
};
struct sk_cpu_blocks sk_cpu_blocks_make(size_t n, size_t size);
/* Blocks over rows of c elements, SK_CPU_BLOCK elements each (at least one row). */
struct sk_cpu_blocks sk_cpu_rows_make(size_t rows, size_t c);
static inline size_t sk_cpu_block_len(const struct sk_cpu_blocks *b, size_t i)
{
    return i + 1 < b->count ? b->size : b->n - i * b->size;
}

/* The part of n items that falls to the calling thread of a parallel region: the same items as `omp for
 * schedule(static)` gives it. */
void sk_cpu_share(size_t n, size_t *from, size_t *to);

/* A tensor seen as [rows][c]: c is the last dimension. */
static inline size_t sk_cpu_channels(const struct sk_desc *d)
{
    return (size_t)d->dim[d->rank - 1];
}
static inline size_t sk_cpu_rows(const struct sk_desc *d)
{
    return (size_t)sk_desc_count(d) / sk_cpu_channels(d);
}

#endif

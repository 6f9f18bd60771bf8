/* Winograd convolution in the cpu backend: what its three passes share. Only wino*.c include this. */
#ifndef SKUA_BACKEND_CPU_WINO_H
#define SKUA_BACKEND_CPU_WINO_H

#include "backend/cpu/cpu.h"

/* How work is split over threads. TILES: each takes blocks of tiles through all steps, in memory of its own that stays
 * in its L2 cache. CHANNELS: all transform the tiles of a group, then each takes blocks of output channels: for few
 * tiles and many channels, where the transformed weights are what takes time to read. */
enum sk_wino_split { SK_WINO_TILES, SK_WINO_CHANNELS };
struct sk_wino_choice {
    const struct sk_kern_wino *kern;
    enum sk_wino_split split;
};
/* A convolution that Winograd can do. */
struct sk_wino_job {
    struct sk_wino_shape shape; /* of the forward pass; for the gradient of the data of what is done: from dy to dx */
    int stride;
    bool back;          /* the gradient of the data */
    enum sk_dtype type; /* of activations */
    /* Which split to try first. */
    enum sk_wino_split (*split)(const struct sk_wino_shape *s, const struct sk_kern_wino *kern, int threads);
};
/* Reads the shape of a 3x3 convolution with stride 1 or 2: x, w [k][c][3][3], y of op as in the forward pass.
 * UNSUPPORTED with the reason where Winograd cannot do it, or is not allowed to. */
enum sk_code sk_wino_accept(struct sk_wino_job *job, const struct sk_op_desc *op, const struct sk_desc *x,
                            const struct sk_desc *w, const struct sk_desc *y, const struct sk_kernel_env *env,
                            struct sk_err *err) SK_MUST;
/* Turns an accepted job into that of the gradient of its data. */
void sk_wino_turn(struct sk_wino_job *job);
/* The algorithms that env allows for a job, each with both splits, most promising first; past the last: UNSUPPORTED
 * with SK_NO_MORE. */
enum sk_code sk_wino_choose(struct sk_wino_choice *choice, const struct sk_wino_job *job,
                            const struct sk_kernel_env *env, int variant, struct sk_err *err) SK_MUST;
/* "f4 tiles", "f2 bf16 channels", "s2 tiles", ... */
void sk_wino_label(const struct sk_wino_choice *choice, char *label, size_t size);

/* Operations of the products, padded channels included: what is left of the convolution. */
double sk_wino_flops(const struct sk_wino_shape *s, const struct sk_kern_wino *kern);

/* A piece of memory with a cache line to spare, so that pieces of equal size do not fall on the same cache sets. */
static inline size_t sk_wino_piece(size_t *total, size_t bytes)
{
    return sk_cpu_piece(total, bytes + 64);
}
static inline size_t sk_wino_least(size_t a, size_t b)
{
    return a < b ? a : b;
}
static inline size_t sk_wino_round(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}
/* Elements from point to point where each has n: a cache line more, for the same reason. */
static inline size_t sk_wino_plane(size_t n, enum sk_ktype t)
{
    return n + 64 / sk_cpu_size(t);
}

#endif

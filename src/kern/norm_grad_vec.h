/* Inside kern: the sums of a block of batch norm backward, then the gradient of its input, over whole vectors. Included
 * by one file for each instruction set, after its vec_*.h. */
#include "kern/join.h"
#include "kern/levels.h"

/* dz of elements i in channels j; x: those elements' input. */
SK_INLINE sk_vec masked(const struct sk_bn_grad *a, size_t i, size_t j, sk_lanes m, sk_vec x, enum sk_ktype t)
{
    sk_vec g = sk_vload(a->dy, i, m, t);
    if (a->dy2)
        g = sk_vadd(g, sk_vload(a->dy2, i, m, t));
    if (!a->relu)
        return g;
    if (a->y)
        return sk_vwhere(sk_vload(a->y, i, m, t), g);
    return sk_vwhere(sk_vfma(x, sk_vget(a->scale, j, m), sk_vget(a->shift, j, m)), g);
}

SK_INLINE void reduce_vec(const struct sk_bn_grad *a, size_t i, size_t j, sk_lanes m, float *sum, float *dot,
                          enum sk_ktype t)
{
    sk_vec x = sk_vload(a->x, i, m, t), g = masked(a, i, j, m, x, t);
    sk_vec d = sk_vfma(g, sk_vsub(x, sk_vget(a->mean, j, m)), sk_vget(dot, j, m));
    sk_vset(sum, j, m, sk_vadd(sk_vget(sum, j, m), g));
    sk_vset(dot, j, m, d);
    if (a->dz)
        sk_vstore(a->dz, i, m, t, g);
}

SK_INLINE void reduce_row(const struct sk_bn_grad *a, size_t i, size_t c, float *sum, float *dot, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        reduce_vec(a, i + j, j, SK_ALL, sum, dot, t);
    if (j < c)
        reduce_vec(a, i + j, j, sk_first(c - j), sum, dot, t);
}

/* Per-channel values of a for joined rows. */
struct spread {
    float scale[SK_JOIN], shift[SK_JOIN], mean[SK_JOIN];
};

SK_INLINE struct sk_bn_grad join_args(const struct sk_bn_grad *a, const struct sk_join *w, struct spread *s)
{
    struct sk_bn_grad b = *a;
    bool from_x = a->relu && !a->y;
    b.scale = from_x ? sk_join_spread(w, a->scale, s->scale) : NULL;
    b.shift = from_x ? sk_join_spread(w, a->shift, s->shift) : NULL;
    b.mean = sk_join_spread(w, a->mean, s->mean);
    return b;
}

SK_INLINE void grad_reduce(const struct sk_bn_grad *a, size_t rows, size_t c, float *sum, float *dot, enum sk_ktype t)
{
    float wide_sum[SK_JOIN], wide_dot[SK_JOIN];
    struct spread s;
    struct sk_join w = sk_join_make(rows, c);
    const struct sk_bn_grad b = join_args(a, &w, &s);
    float *sums = sk_join_sums(&w, sum, wide_sum), *dots = sk_join_sums(&w, dot, wide_dot);
    for (size_t r = 0; r < w.rows; r++)
        reduce_row(&b, r * w.c, w.c, sums, dots, t);
    if (w.rest)
        reduce_row(&b, w.rows * w.c, w.rest, sums, dots, t);
    sk_join_fold(&w, sums, sum);
    sk_join_fold(&w, dots, dot);
}

struct factors {
    const float *k0, *k1, *k2;
};

SK_INLINE void grad_vec(const struct sk_bn_grad *a, size_t i, size_t j, sk_lanes m, const struct factors *k, void *dx,
                        enum sk_ktype t)
{
    sk_vec x = sk_vload(a->x, i, m, t), g = masked(a, i, j, m, x, t);
    sk_vec rest = sk_vfma(sk_vget(k->k1, j, m), sk_vsub(x, sk_vget(a->mean, j, m)), sk_vget(k->k2, j, m));
    sk_vstore(dx, i, m, t, sk_vfma(sk_vget(k->k0, j, m), g, rest));
}

SK_INLINE void grad_row(const struct sk_bn_grad *a, size_t i, size_t c, const struct factors *k, void *dx,
                        enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        grad_vec(a, i + j, j, SK_ALL, k, dx, t);
    if (j < c)
        grad_vec(a, i + j, j, sk_first(c - j), k, dx, t);
}

SK_INLINE void grad_apply(const struct sk_bn_grad *a, size_t rows, size_t c, const float *k0, const float *k1,
                          const float *k2, void *dx, enum sk_ktype t)
{
    float wide[3][SK_JOIN];
    struct spread s;
    struct sk_join w = sk_join_make(rows, c);
    const struct sk_bn_grad b = join_args(a, &w, &s);
    const struct factors k = {sk_join_spread(&w, k0, wide[0]), sk_join_spread(&w, k1, wide[1]),
                              sk_join_spread(&w, k2, wide[2])};
    for (size_t r = 0; r < w.rows; r++)
        grad_row(&b, r * w.c, w.c, &k, dx, t);
    if (w.rest)
        grad_row(&b, w.rows * w.c, w.rest, &k, dx, t);
}

static void grad_reduce_f32(const struct sk_bn_grad *a, size_t rows, size_t c, float *sum, float *dot)
{
    grad_reduce(a, rows, c, sum, dot, SK_K_F32);
}

static void grad_reduce_bf16(const struct sk_bn_grad *a, size_t rows, size_t c, float *sum, float *dot)
{
    grad_reduce(a, rows, c, sum, dot, SK_K_BF16);
}

static void grad_apply_f32(const struct sk_bn_grad *a, size_t rows, size_t c, const float *k0, const float *k1,
                           const float *k2, void *dx)
{
    grad_apply(a, rows, c, k0, k1, k2, dx, SK_K_F32);
}

static void grad_apply_bf16(const struct sk_bn_grad *a, size_t rows, size_t c, const float *k0, const float *k1,
                            const float *k2, void *dx)
{
    grad_apply(a, rows, c, k0, k1, k2, dx, SK_K_BF16);
}

static inline void fill(struct sk_kern_norm k[SK_K_TYPES])
{
    k[SK_K_F32].grad_reduce = grad_reduce_f32;
    k[SK_K_F32].grad_apply = grad_apply_f32;
    k[SK_K_BF16].grad_reduce = grad_reduce_bf16;
    k[SK_K_BF16].grad_apply = grad_apply_bf16;
}

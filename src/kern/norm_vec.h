/* Inside kern: statistics of a block of batch norm and their application, over whole vectors. Included by one file for
 * each instruction set, after its vec_*.h. */
#include "kern/join.h"
#include "kern/levels.h"

/* acc[j] += the sum over rows rows of x, or of (x - mean)^2; rows is 1 or 4. */
SK_INLINE void add_rows(const void *x, size_t i, size_t stride, size_t rows, const float *mean, size_t j, sk_lanes m,
                        float *acc, enum sk_ktype t)
{
    sk_vec sum = sk_vget(acc, j, m), center = mean ? sk_vget(mean, j, m) : sk_vzero();
    for (size_t r = 0; r < rows; r++) {
        sk_vec v = sk_vload(x, i + r * stride, m, t);
        if (mean) {
            v = sk_vsub(v, center);
            sum = sk_vfma(v, v, sum);
        } else {
            sum = sk_vadd(sum, v);
        }
    }
    sk_vset(acc, j, m, sum);
}

/* The same for c channels. */
SK_INLINE void add_row(const void *x, size_t i, size_t c, size_t rows, const float *mean, float *acc, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        add_rows(x, i + j, c, rows, mean, j, SK_ALL, acc, t);
    if (j < c)
        add_rows(x, i + j, c, rows, mean, j, sk_first(c - j), acc, t);
}

SK_INLINE void add_all(const void *x, const struct sk_join *w, const float *mean, float *acc, enum sk_ktype t)
{
    enum { TOGETHER = 4 };
    size_t r = 0;
    for (; r + TOGETHER <= w->rows; r += TOGETHER)
        add_row(x, r * w->c, w->c, TOGETHER, mean, acc, t);
    for (; r < w->rows; r++)
        add_row(x, r * w->c, w->c, 1, mean, acc, t);
    if (w->rest)
        add_row(x, r * w->c, w->rest, 1, mean, acc, t);
}

SK_INLINE void stats(const void *x, size_t rows, size_t c, float *mean, float *m2, enum sk_ktype t)
{
    float wide_mean[SK_JOIN], wide[SK_JOIN];
    struct sk_join w = sk_join_make(rows, c);
    float *sum = sk_join_sums(&w, mean, wide);
    add_all(x, &w, NULL, sum, t);
    sk_join_fold(&w, sum, mean);
    for (size_t j = 0; j < c; j++)
        mean[j] = rows ? mean[j] / (float)rows : 0.0f;
    sum = sk_join_sums(&w, m2, wide);
    add_all(x, &w, sk_join_spread(&w, mean, wide_mean), sum, t);
    sk_join_fold(&w, sum, m2);
}

SK_INLINE void apply_vec(const void *x, const void *residual, size_t i, size_t j, sk_lanes m, const float *scale,
                         const float *shift, bool relu, void *y, enum sk_ktype t)
{
    sk_vec v = sk_vfma(sk_vload(x, i, m, t), sk_vget(scale, j, m), sk_vget(shift, j, m));
    if (residual)
        v = sk_vadd(v, sk_vload(residual, i, m, t));
    sk_vstore(y, i, m, t, relu ? sk_vrelu(v) : v);
}

SK_INLINE void apply_row(const void *x, const void *residual, size_t i, size_t c, const float *scale,
                         const float *shift, bool relu, void *y, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        apply_vec(x, residual, i + j, j, SK_ALL, scale, shift, relu, y, t);
    if (j < c)
        apply_vec(x, residual, i + j, j, sk_first(c - j), scale, shift, relu, y, t);
}

SK_INLINE void apply(const void *x, const void *residual, size_t rows, size_t c, const float *scale, const float *shift,
                     bool relu, void *y, enum sk_ktype t)
{
    float a[SK_JOIN], b[SK_JOIN];
    struct sk_join w = sk_join_make(rows, c);
    scale = sk_join_spread(&w, scale, a);
    shift = sk_join_spread(&w, shift, b);
    for (size_t r = 0; r < w.rows; r++)
        apply_row(x, residual, r * w.c, w.c, scale, shift, relu, y, t);
    if (w.rest)
        apply_row(x, residual, w.rows * w.c, w.rest, scale, shift, relu, y, t);
}

static void stats_f32(const void *x, size_t rows, size_t c, float *mean, float *m2)
{
    stats(x, rows, c, mean, m2, SK_K_F32);
}

static void stats_bf16(const void *x, size_t rows, size_t c, float *mean, float *m2)
{
    stats(x, rows, c, mean, m2, SK_K_BF16);
}

static void apply_f32(const void *x, const void *residual, size_t rows, size_t c, const float *scale,
                      const float *shift, bool relu, void *y)
{
    apply(x, residual, rows, c, scale, shift, relu, y, SK_K_F32);
}

static void apply_bf16(const void *x, const void *residual, size_t rows, size_t c, const float *scale,
                       const float *shift, bool relu, void *y)
{
    apply(x, residual, rows, c, scale, shift, relu, y, SK_K_BF16);
}

static inline void fill(struct sk_kern_norm k[SK_K_TYPES])
{
    k[SK_K_F32].stats = stats_f32;
    k[SK_K_F32].apply = apply_f32;
    k[SK_K_BF16].stats = stats_bf16;
    k[SK_K_BF16].apply = apply_bf16;
}

/* Batch norm forward, AVX2: statistics of a block and their application. */
#include "kern/join.h"
#include "kern/levels.h"
#include "kern/vec_avx2.h"

/* acc[j] += the sum over rows rows of x, or of (x - mean)^2; rows is 1 or 4. */
SK_INLINE void add_rows(const void *x, size_t i, size_t stride, size_t rows, const float *mean, size_t j, size_t n,
                        float *acc, enum sk_ktype t)
{
    __m256 sum = sk_vget(acc, j, n), center = mean ? sk_vget(mean, j, n) : _mm256_setzero_ps();
    for (size_t r = 0; r < rows; r++) {
        __m256 v = sk_vload(x, i + r * stride, n, t);
        if (mean) {
            v = _mm256_sub_ps(v, center);
            sum = _mm256_fmadd_ps(v, v, sum);
        } else {
            sum = _mm256_add_ps(sum, v);
        }
    }
    sk_vset(acc, j, n, sum);
}

/* The same for c channels. */
SK_INLINE void add_row(const void *x, size_t i, size_t c, size_t rows, const float *mean, float *acc, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        add_rows(x, i + j, c, rows, mean, j, SK_VEC, acc, t);
    if (j < c)
        add_rows(x, i + j, c, rows, mean, j, c - j, acc, t);
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

SK_INLINE void apply_vec(const void *x, const void *residual, size_t i, size_t j, size_t n, const float *scale,
                         const float *shift, bool relu, void *y, enum sk_ktype t)
{
    __m256 v = _mm256_fmadd_ps(sk_vload(x, i, n, t), sk_vget(scale, j, n), sk_vget(shift, j, n));
    if (residual)
        v = _mm256_add_ps(v, sk_vload(residual, i, n, t));
    sk_vstore(y, i, n, t, relu ? sk_vrelu(v) : v);
}

SK_INLINE void apply_row(const void *x, const void *residual, size_t i, size_t c, const float *scale,
                         const float *shift, bool relu, void *y, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        apply_vec(x, residual, i + j, j, SK_VEC, scale, shift, relu, y, t);
    if (j < c)
        apply_vec(x, residual, i + j, j, c - j, scale, shift, relu, y, t);
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

void sk_norm_avx2(struct sk_kern_norm k[SK_K_TYPES])
{
    k[SK_K_F32].stats = stats_f32;
    k[SK_K_F32].apply = apply_f32;
    k[SK_K_BF16].stats = stats_bf16;
    k[SK_K_BF16].apply = apply_bf16;
}

/* Batch norm passes, reference: sums in double. */
#include "kern/levels.h"
#include "kern/scalar.h"

enum { CHUNK = 64 }; /* channels summed together */

SK_INLINE void stats(const void *x, size_t rows, size_t c, float *mean, float *m2, enum sk_ktype t)
{
    for (size_t c0 = 0; c0 < c; c0 += CHUNK) {
        size_t n = c - c0 < CHUNK ? c - c0 : CHUNK;
        double sum[CHUNK] = {0}, square[CHUNK] = {0};
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++)
                sum[j] += (double)sk_get(x, r * c + c0 + j, t);
        for (size_t j = 0; j < n; j++)
            sum[j] = rows ? sum[j] / (double)rows : 0.0;
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++) {
                double d = (double)sk_get(x, r * c + c0 + j, t) - sum[j];
                square[j] += d * d;
            }
        for (size_t j = 0; j < n; j++) {
            mean[c0 + j] = (float)sum[j];
            m2[c0 + j] = (float)square[j];
        }
    }
}

SK_INLINE void apply(const void *x, const void *residual, size_t rows, size_t c, const float *scale, const float *shift,
                     bool relu, void *y, enum sk_ktype t)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < c; j++) {
            size_t i = r * c + j;
            float v = sk_get(x, i, t) * scale[j] + shift[j];
            if (residual)
                v += sk_get(residual, i, t);
            sk_put(y, i, t, relu ? sk_relu1(v) : v);
        }
}

/* dz of element i in channel j. */
SK_INLINE float masked(const struct sk_bn_grad *a, size_t i, size_t j, enum sk_ktype t)
{
    float g = sk_get(a->dy, i, t);
    if (a->dy2)
        g += sk_get(a->dy2, i, t);
    if (!a->relu)
        return g;
    float y = a->y ? sk_get(a->y, i, t) : sk_get(a->x, i, t) * a->scale[j] + a->shift[j];
    return y > 0 ? g : 0.0f;
}

SK_INLINE void grad_reduce(const struct sk_bn_grad *a, size_t rows, size_t c, float *sum, float *dot, enum sk_ktype t)
{
    for (size_t c0 = 0; c0 < c; c0 += CHUNK) {
        size_t n = c - c0 < CHUNK ? c - c0 : CHUNK;
        double s[CHUNK] = {0}, d[CHUNK] = {0};
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++) {
                size_t i = r * c + c0 + j;
                float g = masked(a, i, c0 + j, t);
                s[j] += (double)g;
                d[j] += (double)g * ((double)sk_get(a->x, i, t) - (double)a->mean[c0 + j]);
                if (a->dz)
                    sk_put(a->dz, i, t, g);
            }
        for (size_t j = 0; j < n; j++) {
            sum[c0 + j] = (float)s[j];
            dot[c0 + j] = (float)d[j];
        }
    }
}

SK_INLINE void grad_apply(const struct sk_bn_grad *a, size_t rows, size_t c, const float *k0, const float *k1,
                          const float *k2, void *dx, enum sk_ktype t)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < c; j++) {
            size_t i = r * c + j;
            float g = masked(a, i, j, t);
            sk_put(dx, i, t, k0[j] * g + k1[j] * (sk_get(a->x, i, t) - a->mean[j]) + k2[j]);
        }
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

void sk_norm_ref(struct sk_kern_norm k[SK_K_TYPES])
{
    k[SK_K_F32] = (struct sk_kern_norm){stats_f32, apply_f32, grad_reduce_f32, grad_apply_f32};
    k[SK_K_BF16] = (struct sk_kern_norm){stats_bf16, apply_bf16, grad_reduce_bf16, grad_apply_bf16};
}

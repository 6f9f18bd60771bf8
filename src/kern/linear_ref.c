/* Linear layer, reference: sums in double. */
#include "kern/levels.h"
#include "kern/scalar.h"

enum { CHUNK = 64 };

SK_INLINE void forward(const void *x, const float *w, const float *b, float *y, size_t n, size_t c, size_t k,
                       enum sk_ktype t)
{
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < k; o++) {
            double sum = b ? (double)b[o] : 0.0;
            for (size_t j = 0; j < c; j++)
                sum += (double)sk_get(x, i * c + j, t) * (double)w[o * c + j];
            y[i * k + o] = (float)sum;
        }
}

SK_INLINE void grad_data(const float *dy, const float *w, void *dx, size_t n, size_t c, size_t k, enum sk_ktype t)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c0 = 0; c0 < c; c0 += CHUNK) {
            size_t m = c - c0 < CHUNK ? c - c0 : CHUNK;
            double sum[CHUNK] = {0};
            for (size_t o = 0; o < k; o++)
                for (size_t j = 0; j < m; j++)
                    sum[j] += (double)dy[i * k + o] * (double)w[o * c + c0 + j];
            for (size_t j = 0; j < m; j++)
                sk_put(dx, i * c + c0 + j, t, (float)sum[j]);
        }
}

SK_INLINE void grad_weight(const float *dy, const void *x, float *dw, float *db, size_t n, size_t c, size_t k0,
                           size_t k1, size_t k, enum sk_ktype t)
{
    for (size_t o = k0; o < k1; o++) {
        double bias = 0;
        for (size_t c0 = 0; c0 < c; c0 += CHUNK) {
            size_t m = c - c0 < CHUNK ? c - c0 : CHUNK;
            double sum[CHUNK] = {0};
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < m; j++)
                    sum[j] += (double)dy[i * k + o] * (double)sk_get(x, i * c + c0 + j, t);
            for (size_t j = 0; j < m; j++)
                dw[o * c + c0 + j] = (float)sum[j];
        }
        for (size_t i = 0; i < n; i++)
            bias += (double)dy[i * k + o];
        if (db)
            db[o] = (float)bias;
    }
}

static void forward_f32(const void *x, const float *w, const float *b, float *y, size_t n, size_t c, size_t k)
{
    forward(x, w, b, y, n, c, k, SK_K_F32);
}

static void forward_bf16(const void *x, const float *w, const float *b, float *y, size_t n, size_t c, size_t k)
{
    forward(x, w, b, y, n, c, k, SK_K_BF16);
}

static void grad_data_f32(const float *dy, const float *w, void *dx, size_t n, size_t c, size_t k)
{
    grad_data(dy, w, dx, n, c, k, SK_K_F32);
}

static void grad_data_bf16(const float *dy, const float *w, void *dx, size_t n, size_t c, size_t k)
{
    grad_data(dy, w, dx, n, c, k, SK_K_BF16);
}

static void grad_weight_f32(const float *dy, const void *x, float *dw, float *db, size_t n, size_t c, size_t k0,
                            size_t k1, size_t k)
{
    grad_weight(dy, x, dw, db, n, c, k0, k1, k, SK_K_F32);
}

static void grad_weight_bf16(const float *dy, const void *x, float *dw, float *db, size_t n, size_t c, size_t k0,
                             size_t k1, size_t k)
{
    grad_weight(dy, x, dw, db, n, c, k0, k1, k, SK_K_BF16);
}

void sk_linear_ref(struct sk_kern_linear k[SK_K_TYPES])
{
    k[SK_K_F32] = (struct sk_kern_linear){forward_f32, grad_data_f32, grad_weight_f32};
    k[SK_K_BF16] = (struct sk_kern_linear){forward_bf16, grad_data_bf16, grad_weight_bf16};
}

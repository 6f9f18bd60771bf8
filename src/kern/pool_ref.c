/* Pooling of one image, reference. */
#include "kern/levels.h"
#include "kern/scalar.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 64 }; /* channels done together */

static size_t at(int row, int width, int column, int c)
{
    return ((size_t)row * (size_t)width + (size_t)column) * (size_t)c;
}

/* Channels c0 to c0 + n of one window. A NaN wins over everything before it, as in PyTorch. */
SK_INLINE void max_at(const struct sk_pool_shape *s, const void *x, int p, int q, size_t c0, size_t n, void *y,
                      uint8_t *argmax, enum sk_ktype t)
{
    float best[CHUNK];
    uint8_t where[CHUNK];
    bool first = true;
    for (int kh = 0; kh < s->kernel; kh++)
        for (int kw = 0; kw < s->kernel; kw++) {
            int h = p * s->stride - s->pad + kh, w = q * s->stride - s->pad + kw;
            if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                continue;
            for (size_t j = 0; j < n; j++) {
                float v = sk_get(x, at(h, s->w, w, s->c) + c0 + j, t);
                bool wins = first || v > best[j] || isnan(v);
                best[j] = wins ? v : best[j];
                where[j] = wins ? (uint8_t)(kh * s->kernel + kw) : where[j];
            }
            first = false;
        }
    size_t i = at(p, s->q, q, s->c) + c0;
    for (size_t j = 0; j < n; j++)
        sk_put(y, i + j, t, best[j]);
    if (argmax)
        memcpy(argmax + i, where, n);
}

SK_INLINE void max(const struct sk_pool_shape *s, const void *x, void *y, uint8_t *argmax, enum sk_ktype t)
{
    size_t c = (size_t)s->c;
    for (int p = 0; p < s->p; p++)
        for (int q = 0; q < s->q; q++)
            for (size_t c0 = 0; c0 < c; c0 += CHUNK)
                max_at(s, x, p, q, c0, c - c0 < CHUNK ? c - c0 : CHUNK, y, argmax, t);
}

/* The window that has position h at offset k along one side, or -1. */
static int window(int h, int k, int stride, int pad, int count)
{
    int start = h + pad - k;
    return start >= 0 && start % stride == 0 && start / stride < count ? start / stride : -1;
}

/* Gathers what the windows over one position send to it, so that the sum is rounded once. */
SK_INLINE void max_grad_at(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax, int h, int w,
                           size_t c0, size_t n, void *dx, enum sk_ktype t)
{
    float sum[CHUNK] = {0};
    for (int kh = 0; kh < s->kernel; kh++) {
        int p = window(h, kh, s->stride, s->pad, s->p);
        for (int kw = 0; kw < s->kernel && p >= 0; kw++) {
            int q = window(w, kw, s->stride, s->pad, s->q);
            if (q < 0)
                continue;
            size_t i = at(p, s->q, q, s->c) + c0;
            for (size_t j = 0; j < n; j++)
                sum[j] += argmax[i + j] == kh * s->kernel + kw ? sk_get(dy, i + j, t) : 0.0f;
        }
    }
    for (size_t j = 0; j < n; j++)
        sk_put(dx, at(h, s->w, w, s->c) + c0 + j, t, sum[j]);
}

SK_INLINE void max_grad(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax, void *dx, enum sk_ktype t)
{
    size_t c = (size_t)s->c;
    for (int h = 0; h < s->h; h++)
        for (int w = 0; w < s->w; w++)
            for (size_t c0 = 0; c0 < c; c0 += CHUNK)
                max_grad_at(s, dy, argmax, h, w, c0, c - c0 < CHUNK ? c - c0 : CHUNK, dx, t);
}

SK_INLINE void avg(const void *x, size_t hw, size_t c, void *y, enum sk_ktype t)
{
    for (size_t j = 0; j < c; j++) {
        double sum = 0;
        for (size_t i = 0; i < hw; i++)
            sum += (double)sk_get(x, i * c + j, t);
        sk_put(y, j, t, (float)(sum / (double)hw));
    }
}

SK_INLINE void avg_grad(const void *dy, size_t hw, size_t c, void *dx, enum sk_ktype t)
{
    for (size_t i = 0; i < hw; i++)
        for (size_t j = 0; j < c; j++)
            sk_put(dx, i * c + j, t, sk_get(dy, j, t) / (float)hw);
}

static void max_f32(const struct sk_pool_shape *s, const void *x, void *y, uint8_t *argmax)
{
    max(s, x, y, argmax, SK_K_F32);
}

static void max_bf16(const struct sk_pool_shape *s, const void *x, void *y, uint8_t *argmax)
{
    max(s, x, y, argmax, SK_K_BF16);
}

static void max_grad_f32(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax, void *dx)
{
    max_grad(s, dy, argmax, dx, SK_K_F32);
}

static void max_grad_bf16(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax, void *dx)
{
    max_grad(s, dy, argmax, dx, SK_K_BF16);
}

static void avg_f32(const void *x, size_t hw, size_t c, void *y)
{
    avg(x, hw, c, y, SK_K_F32);
}

static void avg_bf16(const void *x, size_t hw, size_t c, void *y)
{
    avg(x, hw, c, y, SK_K_BF16);
}

static void avg_grad_f32(const void *dy, size_t hw, size_t c, void *dx)
{
    avg_grad(dy, hw, c, dx, SK_K_F32);
}

static void avg_grad_bf16(const void *dy, size_t hw, size_t c, void *dx)
{
    avg_grad(dy, hw, c, dx, SK_K_BF16);
}

void sk_pool_ref(struct sk_kern_pool k[SK_K_TYPES])
{
    k[SK_K_F32] = (struct sk_kern_pool){max_f32, max_grad_f32, avg_f32, avg_grad_f32};
    k[SK_K_BF16] = (struct sk_kern_pool){max_bf16, max_grad_bf16, avg_bf16, avg_grad_bf16};
}

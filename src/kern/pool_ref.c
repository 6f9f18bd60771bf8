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

/* Rows and columns of window (p, q) that lie in the picture. */
struct window {
    int h0, h1, w0, w1;
};
static struct window window_at(const struct sk_pool_shape *s, int p, int q)
{
    int h = p * s->stride, w = q * s->stride, h1 = h + s->kernel, w1 = w + s->kernel;
    return (struct window){h, h1 < s->h ? h1 : s->h, w, w1 < s->w ? w1 : s->w};
}

static float window_size(const struct window *v)
{
    return (float)((v->h1 - v->h0) * (v->w1 - v->w0));
}

SK_INLINE void window_mean(const struct sk_pool_shape *s, const void *x, void *y, enum sk_ktype t)
{
    for (int i = 0; i < s->p * s->q; i++) {
        struct window v = window_at(s, i / s->q, i % s->q);
        for (size_t j = 0; j < (size_t)s->c; j++) {
            float sum = 0;
            for (int h = v.h0; h < v.h1; h++)
                for (int w = v.w0; w < v.w1; w++)
                    sum += sk_get(x, at(h, s->w, w, s->c) + j, t);
            sk_put(y, (size_t)i * (size_t)s->c + j, t, sum / window_size(&v));
        }
    }
}

/* What the windows over one position send to it. */
SK_INLINE float window_sum(const struct sk_pool_shape *s, const void *dy, int h, int w, size_t j, enum sk_ktype t)
{
    float sum = 0;
    for (int kh = 0; kh < s->kernel; kh++)
        for (int kw = 0; kw < s->kernel; kw++) {
            int p = window(h, kh, s->stride, 0, s->p), q = window(w, kw, s->stride, 0, s->q);
            if (p < 0 || q < 0)
                continue;
            struct window v = window_at(s, p, q);
            sum += sk_get(dy, at(p, s->q, q, s->c) + j, t) / window_size(&v);
        }
    return sum;
}

SK_INLINE void window_grad(const struct sk_pool_shape *s, const void *dy, void *dx, enum sk_ktype t)
{
    for (int h = 0; h < s->h; h++)
        for (int w = 0; w < s->w; w++)
            for (size_t j = 0; j < (size_t)s->c; j++)
                sk_put(dx, at(h, s->w, w, s->c) + j, t, window_sum(s, dy, h, w, j, t));
}

SK_INLINE void max_all(const void *x, size_t hw, size_t c, void *y, int32_t *argmax, enum sk_ktype t)
{
    for (size_t j = 0; j < c; j++) {
        size_t best = 0;
        for (size_t i = 1; i < hw; i++) {
            float v = sk_get(x, i * c + j, t), most = sk_get(x, best * c + j, t);
            if (v > most || (isnan(v) && !isnan(most)))
                best = i;
        }
        argmax[j] = (int32_t)best;
        sk_put(y, j, t, sk_get(x, best * c + j, t));
    }
}

static void window_f32(const struct sk_pool_shape *s, const void *x, void *y)
{
    window_mean(s, x, y, SK_K_F32);
}

static void window_bf16(const struct sk_pool_shape *s, const void *x, void *y)
{
    window_mean(s, x, y, SK_K_BF16);
}

static void window_grad_f32(const struct sk_pool_shape *s, const void *dy, void *dx)
{
    window_grad(s, dy, dx, SK_K_F32);
}

static void window_grad_bf16(const struct sk_pool_shape *s, const void *dy, void *dx)
{
    window_grad(s, dy, dx, SK_K_BF16);
}

static void max_all_f32(const void *x, size_t hw, size_t c, void *y, int32_t *argmax)
{
    max_all(x, hw, c, y, argmax, SK_K_F32);
}

static void max_all_bf16(const void *x, size_t hw, size_t c, void *y, int32_t *argmax)
{
    max_all(x, hw, c, y, argmax, SK_K_BF16);
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
    k[SK_K_F32] = (struct sk_kern_pool){max_f32,    max_grad_f32,    avg_f32,    avg_grad_f32,
                                        window_f32, window_grad_f32, max_all_f32};
    k[SK_K_BF16] = (struct sk_kern_pool){max_bf16,    max_grad_bf16,    avg_bf16,    avg_grad_bf16,
                                         window_bf16, window_grad_bf16, max_all_bf16};
}

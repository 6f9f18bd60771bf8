/* Inside kern: depthwise convolution, compiled once for each level from plain loops over channels that the compiler
 * vectorizes. Channels are done CHUNK at a time, so that sums stay in registers or the nearest cache. Whoever includes
 * this calls SK_DEPTHWISE_LEVEL(name). */
#ifndef SKUA_KERN_DEPTHWISE_LOOPS_H
#define SKUA_KERN_DEPTHWISE_LOOPS_H

#include <string.h>

#include "kern/levels.h"
#include "kern/scalar.h"

enum { SK_DEPTHWISE_CHUNK = 32 };

/* sum[j] += a[j] * w[j] for channels of one pixel. */
SK_INLINE void sk_depthwise_add(float *sum, const void *a, size_t at, const float *w, size_t n, enum sk_ktype t)
{
    for (size_t j = 0; j < n; j++)
        sum[j] += sk_get(a, at + j, t) * w[j];
}

/* Position of x that output position o reads at k of the kernel, or -1. */
SK_INLINE int sk_depthwise_source(int o, int k, int stride, int pad, int size)
{
    int i = o * stride - pad + k;
    return i < size ? i : -1;
}

/* Output position that reads position i of x at k of the kernel, or -1. */
SK_INLINE int sk_depthwise_reader(int i, int k, int stride, int pad, int count)
{
    int o = i + pad - k;
    return o >= 0 && o % stride == 0 && o / stride < count ? o / stride : -1;
}

/* Channels c0 to c0 + n of one result: of y from x, or (back) of dx from dy. */
SK_INLINE void sk_depthwise_at(const struct sk_conv_shape *s, bool back, const void *x, const float *w, int row,
                               int column, size_t c0, size_t n, float *sum, enum sk_ktype t)
{
    int high = back ? s->p : s->h, wide = back ? s->q : s->w;
    size_t c = (size_t)s->c;
    for (int r = 0; r < s->r; r++) {
        int i = back ? sk_depthwise_reader(row, r, s->stride, s->pad, high)
                     : sk_depthwise_source(row, r, s->stride, s->pad, high);
        for (int k = 0; k < s->s && i >= 0; k++) {
            int j = back ? sk_depthwise_reader(column, k, s->stride, s->pad, wide)
                         : sk_depthwise_source(column, k, s->stride, s->pad, wide);
            if (j >= 0)
                sk_depthwise_add(sum, x, ((size_t)i * (size_t)wide + (size_t)j) * c + c0,
                                 w + (size_t)(r * s->s + k) * c + c0, n, t);
        }
    }
}

SK_INLINE void sk_depthwise_image(const struct sk_conv_shape *s, bool back, const void *x, const float *w,
                                  const float *bias, void *y, enum sk_ktype t)
{
    int high = back ? s->h : s->p, wide = back ? s->w : s->q;
    size_t c = (size_t)s->c;
    for (int i = 0; i < high * wide; i++)
        for (size_t c0 = 0; c0 < c; c0 += SK_DEPTHWISE_CHUNK) {
            size_t n = c - c0 < SK_DEPTHWISE_CHUNK ? c - c0 : SK_DEPTHWISE_CHUNK;
            float sum[SK_DEPTHWISE_CHUNK] = {0};
            if (bias)
                memcpy(sum, bias + c0, n * sizeof *sum);
            if (n == SK_DEPTHWISE_CHUNK) /* a constant: vectors without a rest */
                sk_depthwise_at(s, back, x, w, i / wide, i % wide, c0, SK_DEPTHWISE_CHUNK, sum, t);
            else
                sk_depthwise_at(s, back, x, w, i / wide, i % wide, c0, n, sum, t);
            for (size_t j = 0; j < n; j++)
                sk_put(y, (size_t)i * c + c0 + j, t, sum[j]);
        }
}

SK_INLINE void sk_depthwise_weight(const struct sk_conv_shape *s, const void *dy, const void *x, float *dw,
                                   enum sk_ktype t)
{
    size_t c = (size_t)s->c;
    memset(dw, 0, (size_t)(s->r * s->s) * c * sizeof *dw);
    for (int i = 0; i < s->p * s->q; i++)
        for (int rs = 0; rs < s->r * s->s; rs++) {
            int h = sk_depthwise_source(i / s->q, rs / s->s, s->stride, s->pad, s->h);
            int w = sk_depthwise_source(i % s->q, rs % s->s, s->stride, s->pad, s->w);
            if (h < 0 || w < 0)
                continue;
            size_t from = ((size_t)h * (size_t)s->w + (size_t)w) * c;
            for (size_t j = 0; j < c; j++)
                dw[(size_t)rs * c + j] += sk_get(dy, (size_t)i * c + j, t) * sk_get(x, from + j, t);
        }
}

#define SK_DEPTHWISE_TYPE(suffix, t)                                                                                   \
    static void forward_##suffix(const struct sk_conv_shape *s, const void *x, const float *w, const float *bias,      \
                                 void *y)                                                                              \
    {                                                                                                                  \
        sk_depthwise_image(s, false, x, w, bias, y, t);                                                                \
    }                                                                                                                  \
    static void grad_data_##suffix(const struct sk_conv_shape *s, const void *dy, const float *w, void *dx)            \
    {                                                                                                                  \
        sk_depthwise_image(s, true, dy, w, NULL, dx, t);                                                               \
    }                                                                                                                  \
    static void grad_weight_##suffix(const struct sk_conv_shape *s, const void *dy, const void *x, float *dw)          \
    {                                                                                                                  \
        sk_depthwise_weight(s, dy, x, dw, t);                                                                          \
    }

#define SK_DEPTHWISE_LEVEL(name)                                                                                       \
    SK_DEPTHWISE_TYPE(f32, SK_K_F32)                                                                                   \
    SK_DEPTHWISE_TYPE(bf16, SK_K_BF16)                                                                                 \
    void name(struct sk_kern_depthwise k[SK_K_TYPES])                                                                  \
    {                                                                                                                  \
        k[SK_K_F32] = (struct sk_kern_depthwise){forward_f32, grad_data_f32, grad_weight_f32};                         \
        k[SK_K_BF16] = (struct sk_kern_depthwise){forward_bf16, grad_data_bf16, grad_weight_bf16};                     \
    }

#endif

/* Inside kern: the activations of kern.h, compiled once for each level from plain loops that the compiler vectorizes.
 * Whoever includes this calls SK_ACT_LEVEL(name). */
#ifndef SKUA_KERN_ACT_LOOPS_H
#define SKUA_KERN_ACT_LOOPS_H

#include <string.h>

#include "kern/levels.h"
#include "kern/scalar.h"

/* exp(x) = 2^n * exp(r), |r| <= ln(2) / 2, the latter by its Taylor polynomial of degree 7; x beyond +-87 is cut, a NaN
 * stays one. */
SK_INLINE float sk_act_exp(float x)
{
    float cut = x > 87.0f ? 87.0f : x < -87.0f ? -87.0f : x;
    float n = cut * 1.44269504f + 12582912.0f; /* rounded to an integer, in the lower bits */
    int32_t bits;
    memcpy(&bits, &n, sizeof bits);
    n -= 12582912.0f;
    float r = (cut - n * 0.693145752f) - n * 1.42860677e-6f;
    float p =
        1.0f +
        r * (1.0f +
             r * (0.5f + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720 + r * (1.0f / 5040)))))));
    bits = (int32_t)(((uint32_t)bits + 127u) << 23);
    memcpy(&n, &bits, sizeof n);
    return p * n;
}

SK_INLINE float sk_act_sigmoid(float x)
{
    return 1.0f / (1.0f + sk_act_exp(-x));
}

SK_INLINE float sk_act_silu_slope(float x)
{
    float s = sk_act_sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

#define SK_ACT_TYPE(suffix, t)                                                                                         \
    static void silu_##suffix(const void *x, size_t n, void *y)                                                        \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
            sk_put(y, i, t, sk_get(x, i, t) * sk_act_sigmoid(sk_get(x, i, t)));                                        \
    }                                                                                                                  \
    static void silu_grad_##suffix(const void *dy, const void *x, size_t n, void *dx)                                  \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
            sk_put(dx, i, t, sk_get(dy, i, t) * sk_act_silu_slope(sk_get(x, i, t)));                                   \
    }                                                                                                                  \
    static void sigmoid_##suffix(const void *x, size_t n, void *y)                                                     \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
            sk_put(y, i, t, sk_act_sigmoid(sk_get(x, i, t)));                                                          \
    }                                                                                                                  \
    static void sigmoid_grad_##suffix(const void *dy, const void *y, size_t n, void *dx)                               \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
            sk_put(dx, i, t, sk_get(dy, i, t) * sk_get(y, i, t) * (1.0f - sk_get(y, i, t)));                           \
    }

#define SK_ACT_LEVEL(name)                                                                                             \
    SK_ACT_TYPE(f32, SK_K_F32)                                                                                         \
    SK_ACT_TYPE(bf16, SK_K_BF16)                                                                                       \
    void name(struct sk_kern_act k[SK_K_TYPES])                                                                        \
    {                                                                                                                  \
        k[SK_K_F32] = (struct sk_kern_act){silu_f32, silu_grad_f32, sigmoid_f32, sigmoid_grad_f32};                    \
        k[SK_K_BF16] = (struct sk_kern_act){silu_bf16, silu_grad_bf16, sigmoid_bf16, sigmoid_grad_bf16};               \
    }

#endif

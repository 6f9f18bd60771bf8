/* Inside kern: one element of either type, for the reference kernels. The type is a constant at every call, so nothing
 * is left of it. */
#ifndef SKUA_KERN_SCALAR_H
#define SKUA_KERN_SCALAR_H

#include "kern/kern.h"

#define SK_INLINE static inline __attribute__((always_inline))

/* Round to nearest even; a NaN keeps its sign and upper bits and becomes quiet. */
SK_INLINE uint16_t sk_bf16_round(float f)
{
    union {
        float f;
        uint32_t u;
    } v = {f};
    if ((v.u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(v.u >> 16 | 0x40u);
    return (uint16_t)((v.u + 0x7fffu + (v.u >> 16 & 1u)) >> 16);
}

SK_INLINE float sk_get(const void *p, size_t i, enum sk_ktype t)
{
    return t == SK_K_BF16 ? sk_bf16_to_f32(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

SK_INLINE void sk_put(void *p, size_t i, enum sk_ktype t, float v)
{
    if (t == SK_K_BF16)
        ((uint16_t *)p)[i] = sk_bf16_round(v);
    else
        ((float *)p)[i] = v;
}

SK_INLINE size_t sk_ktype_size(enum sk_ktype t)
{
    return t == SK_K_BF16 ? 2 : 4;
}

/* A NaN stays a NaN. */
SK_INLINE float sk_relu1(float v)
{
    return 0.0f > v ? 0.0f : v;
}

#endif

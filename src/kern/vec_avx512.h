/* Inside kern: 16 elements of either type as float32, for the _avx512 files. Elements outside the mask are neither read
 * nor written. */
#ifndef SKUA_KERN_VEC_AVX512_H
#define SKUA_KERN_VEC_AVX512_H

#include <immintrin.h>

#include "kern/scalar.h"

enum { SK_VEC = 16 };
#define SK_ALL ((__mmask16)0xffff)

/* The first n of 16, n <= 16. */
SK_INLINE __mmask16 sk_mask(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

SK_INLINE __m512 sk_vload(const void *p, size_t i, __mmask16 m, enum sk_ktype t)
{
    if (t == SK_K_F32)
        return _mm512_maskz_loadu_ps(m, (const float *)p + i);
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, (const uint16_t *)p + i)), 16));
}

/* As sk_bf16_round. Not vcvtneps2bf16: that one takes denormals for zero, and these passes wait for memory anyway. */
SK_INLINE __m256i sk_vround(__m512 v)
{
    __m512i u = _mm512_castps_si512(v), up = _mm512_srli_epi32(u, 16);
    __m512i odd = _mm512_and_si512(up, _mm512_set1_epi32(1));
    __m512i sum = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
    __m512i high = _mm512_mask_or_epi32(_mm512_srli_epi32(sum, 16), _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), up,
                                        _mm512_set1_epi32(0x40));
    return _mm512_cvtepi32_epi16(high);
}

SK_INLINE void sk_vstore(void *p, size_t i, __mmask16 m, enum sk_ktype t, __m512 v)
{
    if (t == SK_K_F32)
        _mm512_mask_storeu_ps((float *)p + i, m, v);
    else
        _mm256_mask_storeu_epi16((uint16_t *)p + i, m, sk_vround(v));
}

/* Per-channel float32 values. */
SK_INLINE __m512 sk_vget(const float *p, size_t j, __mmask16 m)
{
    return _mm512_maskz_loadu_ps(m, p + j);
}

/* A NaN stays a NaN: vmaxps gives its second operand then. */
SK_INLINE __m512 sk_vrelu(__m512 v)
{
    return _mm512_max_ps(_mm512_setzero_ps(), v);
}

/* v where y > 0, else 0 */
SK_INLINE __m512 sk_vwhere(__m512 y, __m512 v)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_GT_OQ), v);
}

#endif

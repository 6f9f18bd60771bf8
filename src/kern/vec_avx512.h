/* Inside kern: 16 elements of either type as float32, for the _avx512 files. Elements outside the mask are neither read
 * nor written. */
#ifndef SKUA_KERN_VEC_AVX512_H
#define SKUA_KERN_VEC_AVX512_H

#include <immintrin.h>

#include "kern/scalar.h"

enum { SK_VEC = 16 };
#define SK_ALL ((__mmask16)0xffff)
typedef __m512 sk_vec;
typedef __mmask16 sk_lanes; /* which elements are read or written */

/* The first n of 16, n <= 16. */
SK_INLINE __mmask16 sk_mask(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

/* The same, all of them where n is larger. */
SK_INLINE sk_lanes sk_first(size_t n)
{
    return n < SK_VEC ? sk_mask(n) : SK_ALL;
}

SK_INLINE __m512 sk_vload(const void *p, size_t i, __mmask16 m, enum sk_ktype t)
{
    if (m == SK_ALL && t == SK_K_F32)
        return _mm512_loadu_ps((const float *)p + i);
    if (m == SK_ALL)
        return _mm512_castsi512_ps(_mm512_slli_epi32(
            _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)((const uint16_t *)p + i))), 16));
    if (t == SK_K_F32)
        return _mm512_maskz_loadu_ps(m, (const float *)p + i);
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, (const uint16_t *)p + i)), 16));
}

/* As sk_bf16_round; vcvtneps2bf16, where the file may use it, takes denormals for zero. */
SK_INLINE __m256i sk_vround(__m512 v)
{
#ifdef __AVX512BF16__
    return (__m256i)_mm512_cvtneps_pbh(v);
#else
    __m512i u = _mm512_castps_si512(v), up = _mm512_srli_epi32(u, 16);
    __m512i odd = _mm512_and_si512(up, _mm512_set1_epi32(1));
    __m512i sum = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
    __m512i high = _mm512_mask_or_epi32(_mm512_srli_epi32(sum, 16), _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), up,
                                        _mm512_set1_epi32(0x40));
    return _mm512_cvtepi32_epi16(high);
#endif
}

SK_INLINE void sk_vstore(void *p, size_t i, __mmask16 m, enum sk_ktype t, __m512 v)
{
    if (m == SK_ALL && t == SK_K_F32)
        _mm512_storeu_ps((float *)p + i, v);
    else if (m == SK_ALL)
        _mm256_storeu_si256((__m256i *)((uint16_t *)p + i), sk_vround(v));
    else if (t == SK_K_F32)
        _mm512_mask_storeu_ps((float *)p + i, m, v);
    else
        _mm256_mask_storeu_epi16((uint16_t *)p + i, m, sk_vround(v));
}

SK_INLINE sk_vec sk_vbytes(const uint8_t *p, size_t i, sk_lanes n)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(n, p + i)));
}

/* v as it reads after it was stored as t. */
SK_INLINE sk_vec sk_vstored(sk_vec v, enum sk_ktype t)
{
    return t == SK_K_F32 ? v : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(sk_vround(v)), 16));
}

/* Per-channel float32 values. */
SK_INLINE __m512 sk_vget(const float *p, size_t j, __mmask16 m)
{
    return _mm512_maskz_loadu_ps(m, p + j);
}

SK_INLINE void sk_vset(float *p, size_t j, __mmask16 m, __m512 v)
{
    _mm512_mask_storeu_ps(p + j, m, v);
}

/* ---- arithmetic under the names that the _avx2 files use, too ---- */
SK_INLINE sk_vec sk_vzero(void)
{
    return _mm512_setzero_ps();
}

SK_INLINE sk_vec sk_vset1(float f)
{
    return _mm512_set1_ps(f);
}

SK_INLINE sk_vec sk_vadd(sk_vec a, sk_vec b)
{
    return _mm512_add_ps(a, b);
}

SK_INLINE sk_vec sk_vsub(sk_vec a, sk_vec b)
{
    return _mm512_sub_ps(a, b);
}

SK_INLINE sk_vec sk_vmul(sk_vec a, sk_vec b)
{
    return _mm512_mul_ps(a, b);
}

/* a * b + c */
SK_INLINE sk_vec sk_vfma(sk_vec a, sk_vec b, sk_vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* c - a * b */
SK_INLINE sk_vec sk_vfnma(sk_vec a, sk_vec b, sk_vec c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

/* a / b */
SK_INLINE sk_vec sk_vdiv(sk_vec a, sk_vec b)
{
    return _mm512_div_ps(a, b);
}

SK_INLINE sk_vec sk_vsqrt(sk_vec v)
{
    return _mm512_sqrt_ps(v);
}

/* v cut to [-bound, bound]; a NaN stays a NaN. */
SK_INLINE sk_vec sk_vclip(sk_vec v, sk_vec bound)
{
    return _mm512_max_ps(_mm512_sub_ps(_mm512_setzero_ps(), bound), _mm512_min_ps(bound, v));
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

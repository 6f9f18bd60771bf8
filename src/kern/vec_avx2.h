/* Inside kern: up to 8 elements of either type as float32, for the _avx2 files. Of n elements just those are read or
 * written. */
#ifndef SKUA_KERN_VEC_AVX2_H
#define SKUA_KERN_VEC_AVX2_H

#include <immintrin.h>
#include <string.h>

#include "kern/scalar.h"

enum { SK_VEC = 8 };
typedef __m256 sk_vec;
typedef size_t sk_lanes; /* how many elements are read or written */
#define SK_ALL ((sk_lanes)SK_VEC)

/* The first n of 8 lanes. */
SK_INLINE __m256i sk_mask(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* n, or all lanes where it is larger. */
SK_INLINE sk_lanes sk_first(size_t n)
{
    return n < SK_VEC ? n : SK_VEC;
}

/* Per-channel float32 values. */
SK_INLINE __m256 sk_vget(const float *p, size_t j, size_t n)
{
    return n == SK_VEC ? _mm256_loadu_ps(p + j) : _mm256_maskload_ps(p + j, sk_mask(n));
}

SK_INLINE void sk_vset(float *p, size_t j, size_t n, __m256 v)
{
    if (n == SK_VEC)
        _mm256_storeu_ps(p + j, v);
    else
        _mm256_maskstore_ps(p + j, sk_mask(n), v);
}

/* As sk_bf16_round. */
SK_INLINE __m128i sk_vround(__m256 v)
{
    __m256i u = _mm256_castps_si256(v), up = _mm256_srli_epi32(u, 16);
    __m256i odd = _mm256_and_si256(up, _mm256_set1_epi32(1));
    __m256i sum = _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd);
    __m256i quiet = _mm256_or_si256(up, _mm256_set1_epi32(0x40));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    __m256i high = _mm256_blendv_epi8(_mm256_srli_epi32(sum, 16), quiet, nan);
    return _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
}

SK_INLINE __m256 sk_vload(const void *p, size_t i, size_t n, enum sk_ktype t)
{
    if (t == SK_K_F32)
        return sk_vget(p, i, n);
    __m128i half = _mm_setzero_si128();
    if (n == SK_VEC)
        half = _mm_loadu_si128((const __m128i *)((const uint16_t *)p + i));
    else
        memcpy(&half, (const uint16_t *)p + i, n * sizeof(uint16_t));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

SK_INLINE void sk_vstore(void *p, size_t i, size_t n, enum sk_ktype t, __m256 v)
{
    if (t == SK_K_F32) {
        sk_vset(p, i, n, v);
        return;
    }
    __m128i half = sk_vround(v);
    if (n == SK_VEC)
        _mm_storeu_si128((__m128i *)((uint16_t *)p + i), half);
    else
        memcpy((uint16_t *)p + i, &half, n * sizeof(uint16_t));
}

SK_INLINE sk_vec sk_vbytes(const uint8_t *p, size_t i, sk_lanes n)
{
    uint64_t bytes = 0;
    memcpy(&bytes, p + i, n);
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes)));
}

/* v as it reads after it was stored as t. */
SK_INLINE sk_vec sk_vstored(sk_vec v, enum sk_ktype t)
{
    return t == SK_K_F32 ? v : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(sk_vround(v)), 16));
}

/* ---- arithmetic under the names that the _avx512 files use, too ---- */
SK_INLINE sk_vec sk_vzero(void)
{
    return _mm256_setzero_ps();
}

SK_INLINE sk_vec sk_vset1(float f)
{
    return _mm256_set1_ps(f);
}

SK_INLINE sk_vec sk_vadd(sk_vec a, sk_vec b)
{
    return _mm256_add_ps(a, b);
}

SK_INLINE sk_vec sk_vsub(sk_vec a, sk_vec b)
{
    return _mm256_sub_ps(a, b);
}

SK_INLINE sk_vec sk_vmul(sk_vec a, sk_vec b)
{
    return _mm256_mul_ps(a, b);
}

/* a * b + c */
SK_INLINE sk_vec sk_vfma(sk_vec a, sk_vec b, sk_vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* c - a * b */
SK_INLINE sk_vec sk_vfnma(sk_vec a, sk_vec b, sk_vec c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

/* a / b */
SK_INLINE sk_vec sk_vdiv(sk_vec a, sk_vec b)
{
    return _mm256_div_ps(a, b);
}

SK_INLINE sk_vec sk_vsqrt(sk_vec v)
{
    return _mm256_sqrt_ps(v);
}

/* v cut to [-bound, bound]; a NaN stays a NaN. */
SK_INLINE sk_vec sk_vclip(sk_vec v, sk_vec bound)
{
    return _mm256_max_ps(_mm256_sub_ps(_mm256_setzero_ps(), bound), _mm256_min_ps(bound, v));
}

/* A NaN stays a NaN: vmaxps gives its second operand then. */
SK_INLINE __m256 sk_vrelu(__m256 v)
{
    return _mm256_max_ps(_mm256_setzero_ps(), v);
}

/* v where y > 0, else 0 */
SK_INLINE __m256 sk_vwhere(__m256 y, __m256 v)
{
    return _mm256_and_ps(_mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_GT_OQ), v);
}

#endif

/* Ceilings of AVX-512; the triad's stores bypass the caches. */
#include "kern/levels.h"
#include "kern/vec_avx512.h"

enum { SUMS = 16, READS = 4 };

static volatile float zero = 0.0f, half = 0.5f, one = 1.0f; /* unknown to the compiler: see the reference */

static float madd_f32(size_t rounds)
{
    __m512 sum[SUMS], factor = _mm512_set1_ps(one), term = _mm512_set1_ps(half);
    float all = 0;
#pragma GCC unroll 16
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm512_set1_ps(zero);
    for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 16
        for (int i = 0; i < SUMS; i++)
            sum[i] = _mm512_fmadd_ps(sum[i], factor, term);
    }
    for (int i = 0; i < SUMS; i++)
        all += _mm512_reduce_add_ps(sum[i]);
    return all;
}

static float read(const float *x, size_t n)
{
    __m512 sum[READS] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    for (size_t i = 0; i < n; i += READS * SK_VEC) {
#pragma GCC unroll 4
        for (size_t k = 0; k < READS; k++)
            sum[k] = _mm512_add_ps(sum[k], _mm512_load_ps(x + i + k * SK_VEC));
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

static void triad(const float *b, const float *c, float s, size_t n, float *a)
{
    __m512 scale = _mm512_set1_ps(s);
    for (size_t i = 0; i < n; i += SK_VEC)
        _mm512_stream_ps(a + i, _mm512_fmadd_ps(scale, _mm512_load_ps(c + i), _mm512_load_ps(b + i)));
    _mm_sfence();
}

void sk_peak_avx512(struct sk_kern_peak *k)
{
    k->madd[SK_K_F32] = (struct sk_peak_madd){.name = "AVX-512 fma", .flops = 2 * SUMS * SK_VEC, .run = madd_f32};
    k->read = read;
    k->triad = triad;
}

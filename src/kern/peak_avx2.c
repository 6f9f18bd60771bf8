/* Ceilings of AVX2 with fused multiply-add; the triad's stores bypass the caches. */
#include "kern/levels.h"
#include "kern/vec_avx2.h"

enum { SUMS = 12, READS = 4 }; /* more than two units times their latency, and no more than there are registers */

static volatile float zero = 0.0f, half = 0.5f, one = 1.0f; /* unknown to the compiler: see the reference */

SK_INLINE float total(const __m256 *sum, int n)
{
    float lane[SK_VEC], all = 0;
    for (int i = 0; i < n; i++) {
        _mm256_storeu_ps(lane, sum[i]);
        for (int k = 0; k < SK_VEC; k++)
            all += lane[k];
    }
    return all;
}

static float madd_f32(size_t rounds)
{
    __m256 sum[SUMS], factor = _mm256_set1_ps(one), term = _mm256_set1_ps(half);
#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm256_set1_ps(zero);
    for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sum[i] = _mm256_fmadd_ps(sum[i], factor, term);
    }
    return total(sum, SUMS);
}

static float read(const float *x, size_t n)
{
    __m256 sum[READS] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t i = 0; i < n; i += READS * SK_VEC) {
#pragma GCC unroll 4
        for (size_t k = 0; k < READS; k++)
            sum[k] = _mm256_add_ps(sum[k], _mm256_load_ps(x + i + k * SK_VEC));
    }
    return total(sum, READS);
}

static void triad(const float *b, const float *c, float s, size_t n, float *a)
{
    __m256 scale = _mm256_set1_ps(s);
    for (size_t i = 0; i < n; i += SK_VEC)
        _mm256_stream_ps(a + i, _mm256_fmadd_ps(scale, _mm256_load_ps(c + i), _mm256_load_ps(b + i)));
    _mm_sfence();
}

void sk_peak_avx2(struct sk_kern_peak *k)
{
    k->madd[SK_K_F32] = (struct sk_peak_madd){.name = "AVX2 fma", .flops = 2 * SUMS * SK_VEC, .run = madd_f32};
    k->read = read;
    k->triad = triad;
}

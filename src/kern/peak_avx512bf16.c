/* Ceiling of AVX512_BF16: vdpbf16ps adds two products of bf16 to each of 16 sums. */
#include "kern/levels.h"
#include "kern/vec_avx512.h"

enum { SUMS = 16, PAIR = 2 };

static volatile float zero = 0.0f, half = 0.5f, one = 1.0f; /* unknown to the compiler: see the reference */

static float madd_bf16(size_t rounds)
{
    __m512 sum[SUMS];
    __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(half), _mm512_set1_ps(half));
    __m512bh b = _mm512_cvtne2ps_pbh(_mm512_set1_ps(one), _mm512_set1_ps(one));
    float all = 0;
#pragma GCC unroll 16
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm512_set1_ps(zero);
    for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 16
        for (int i = 0; i < SUMS; i++)
            sum[i] = _mm512_dpbf16_ps(sum[i], a, b);
    }
    for (int i = 0; i < SUMS; i++)
        all += _mm512_reduce_add_ps(sum[i]);
    return all;
}

void sk_peak_avx512bf16(struct sk_kern_peak *k)
{
    k->madd[SK_K_BF16] =
        (struct sk_peak_madd){.name = "vdpbf16ps", .flops = 2 * SUMS * SK_VEC * PAIR, .run = madd_bf16};
}

/* Ceilings in plain C: what the compiler makes of independent sums for the baseline of the processor. */
#include "kern/levels.h"

enum { SUMS = 32 };

/* Not known to the compiler, and anew each time they are read: otherwise it could leave the multiplication out and make
 * one of all sums. */
static volatile float zero = 0.0f, half = 0.5f, one = 1.0f;

static float madd_f32(size_t rounds)
{
    float sum[SUMS], factor = one, term = half, all = 0;
    for (int i = 0; i < SUMS; i++)
        sum[i] = zero;
    for (size_t r = 0; r < rounds; r++)
        for (int i = 0; i < SUMS; i++)
            sum[i] = sum[i] * factor + term;
    for (int i = 0; i < SUMS; i++)
        all += sum[i];
    return all;
}

static float read(const float *x, size_t n)
{
    float sum[SUMS] = {0}, all = 0;
    for (size_t i = 0; i < n; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            sum[k] += x[i + k];
    for (int k = 0; k < SUMS; k++)
        all += sum[k];
    return all;
}

static void triad(const float *b, const float *c, float s, size_t n, float *a)
{
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] + s * c[i];
}

void sk_peak_ref(struct sk_kern_peak *k)
{
    *k = (struct sk_kern_peak){
        .madd[SK_K_F32] = {.name = "plain C", .flops = 2 * SUMS, .run = madd_f32},
        .read = read,
        .triad = triad,
    };
}

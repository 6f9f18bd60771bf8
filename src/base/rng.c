/* Random numbers: Philox4x32-10, after J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011. A stream is the blocks counter[0] = 0, 1, ... of one (seed, epoch, index, purpose). */
#include "base/base.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void sk_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The purpose lies in the top byte of the key: streams of two purposes differ for all seeds below 2^56. */
void sk_rng_init(struct sk_rng *r, uint64_t seed, uint32_t epoch, uint64_t index, enum sk_purpose purpose)
{
    *r = (struct sk_rng){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32) ^ ((uint32_t)purpose << 24)},
        .counter = {0, (uint32_t)index, (uint32_t)(index >> 32), epoch},
        .used = 4,
    };
}

uint32_t sk_rng_u32(struct sk_rng *r)
{
    if (r->used >= 4) {
        sk_philox(r->counter, r->key, r->out);
        r->counter[0]++;
        r->used = 0;
    }
    return r->out[r->used++];
}

/* D. Lemire, "Fast random integer generation in an interval", 2019: redraws where the low word would give a bias. */
uint32_t sk_rng_below(struct sk_rng *r, uint32_t n)
{
    assert(n >= 1);
    uint64_t product = (uint64_t)sk_rng_u32(r) * n;
    if ((uint32_t)product < n) {
        uint32_t bound = -n % n;
        while ((uint32_t)product < bound)
            product = (uint64_t)sk_rng_u32(r) * n;
    }
    return (uint32_t)(product >> 32);
}

float sk_rng_unit(struct sk_rng *r)
{
    return (float)(sk_rng_u32(r) >> 8) * 0x1p-24f;
}

/* In (0, 1]: its logarithm is finite. */
static double above_zero(struct sk_rng *r)
{
    return ((double)sk_rng_u32(r) + 1.0) * 0x1p-32;
}

float sk_rng_normal(struct sk_rng *r)
{
    double radius = above_zero(r);
    double angle = (double)sk_rng_u32(r) * 0x1p-32 * 6.283185307179586;
    return (float)(sqrt(-2.0 * log(radius)) * cos(angle));
}

/* Logarithm of a Gamma(a) number: G. Marsaglia, W. Tsang, "A simple method for generating gamma variables", 2000, of
 * a + 1, times u^(1/a), which for a small a would be zero were it no logarithm. */
static double log_gamma(struct sk_rng *r, double a)
{
    double d = a + 1.0 - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d), x, v;
    do {
        x = (double)sk_rng_normal(r);
        v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
    } while (v <= 0 || log(above_zero(r)) >= 0.5 * x * x + d - d * v + d * log(v));
    return log(d * v) + log(above_zero(r)) / a;
}

double sk_rng_beta(struct sk_rng *r, double a)
{
    a = fmax(a, 1e-6);
    double x = log_gamma(r, a), y = log_gamma(r, a);
    return 1.0 / (1.0 + exp(y - x));
}

/* Random numbers: the published known answers of Philox4x32-10 (Random123), streams, and the shape of what is drawn. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

static void known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } rows[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        uint32_t got[4];
        sk_philox(rows[i].counter, rows[i].key, got);
        assert_memory_equal(got, rows[i].want, sizeof(got));
    }
}

/* Streams are part of the contract of resumed runs: these figures must never change. */
static void streams_stay_what_they_are(void **state)
{
    (void)state;
    struct sk_rng r;
    sk_rng_init(&r, 0x123456789ABCDEF0u, 7, 0x1122334455667788u, SK_RNG_AUGMENT);
    const uint32_t key[2] = {0x9ABCDEF0, 0x12345678 ^ (3u << 24)};
    for (uint32_t block = 0; block < 3; block++) {
        const uint32_t counter[4] = {block, 0x55667788, 0x11223344, 7};
        uint32_t want[4];
        sk_philox(counter, key, want);
        for (int i = 0; i < 4; i++)
            assert_int_equal(sk_rng_u32(&r), want[i]);
    }
}

static void streams_differ_in_every_part(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, index;
        uint32_t epoch;
        enum sk_purpose purpose;
    } rows[] = {{1, 1, 1, SK_RNG_ORDER},
                {2, 1, 1, SK_RNG_ORDER},
                {1 + (1ull << 32), 1, 1, SK_RNG_ORDER},
                {1, 2, 1, SK_RNG_ORDER},
                {1, 1 + (1ull << 32), 1, SK_RNG_ORDER},
                {1, 1, 2, SK_RNG_ORDER},
                {1, 1, 1, SK_RNG_AUGMENT}};
    uint32_t first[SK_COUNT(rows)];
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_rng r;
        sk_rng_init(&r, rows[i].seed, rows[i].epoch, rows[i].index, rows[i].purpose);
        first[i] = sk_rng_u32(&r);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(first[i], first[k]);
    }
}

/* Chi-squared over n cells of equal chance; for these sizes 60 has a chance below one in a million. */
static void below_is_even(void **state)
{
    (void)state;
    enum { DRAWS = 90000 };
    struct sk_rng r;
    for (uint64_t seed = 0; seed < 5; seed++) {
        static const uint32_t sides[] = {2, 3, 6, 7, 10};
        for (size_t s = 0; s < SK_COUNT(sides); s++) {
            uint32_t n = sides[s], seen[10] = {0};
            sk_rng_init(&r, seed, 0, n, SK_RNG_TEST);
            for (int i = 0; i < DRAWS; i++) {
                uint32_t value = sk_rng_below(&r, n);
                assert_true(value < n);
                seen[value]++;
            }
            double sum = 0, mean = (double)DRAWS / n;
            for (uint32_t i = 0; i < n; i++)
                sum += (seen[i] - mean) * (seen[i] - mean) / mean;
            if (sum > 60)
                fail_msg("seed %llu, %u sides: chi-squared %g", (unsigned long long)seed, n, sum);
        }
    }
}

/* With n = 3 * 2^30 a plain modulo or multiplication gives a third of the values twice the chance of the others. */
static void below_is_unbiased_for_large_n(void **state)
{
    (void)state;
    enum { DRAWS = 30000 };
    struct sk_rng r;
    sk_rng_init(&r, 11, 0, 0, SK_RNG_TEST);
    uint32_t low = 0, residue = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t value = sk_rng_below(&r, 3u << 30);
        assert_true(value < 3u << 30);
        low += value < 1u << 30;
        residue += value % 3 == 0;
    }
    double deviation = sqrt(DRAWS * (1.0 / 3) * (2.0 / 3));
    assert_true(fabs(low - DRAWS / 3.0) < 5 * deviation);
    assert_true(fabs(residue - DRAWS / 3.0) < 5 * deviation);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sk_rng_below(&r, 1), 0);
}

static void unit_and_normal_have_their_moments(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    struct sk_rng r;
    double unit = 0, unit2 = 0, normal = 0, normal2 = 0, normal4 = 0;
    sk_rng_init(&r, 3, 0, 0, SK_RNG_TEST);
    for (int i = 0; i < DRAWS; i++) {
        double u = (double)sk_rng_unit(&r), x = (double)sk_rng_normal(&r);
        assert_true(u >= 0 && u < 1);
        assert_true(isfinite(x));
        unit += u;
        unit2 += u * u;
        normal += x;
        normal2 += x * x;
        normal4 += x * x * x * x;
    }
    double root = sqrt(DRAWS); /* each bound: five standard deviations of the mean */
    assert_true(fabs(unit / DRAWS - 0.5) < 5 * sqrt(1.0 / 12) / root);
    assert_true(fabs(unit2 / DRAWS - 1.0 / 3) < 5 * sqrt(4.0 / 45) / root);
    assert_true(fabs(normal / DRAWS) < 5 / root);
    assert_true(fabs(normal2 / DRAWS - 1) < 5 * sqrt(2) / root);
    assert_true(fabs(normal4 / DRAWS - 3) < 5 * sqrt(96) / root);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The distribution functions of Beta(a, a) that are elementary: the arcsine law, the uniform one, 3x^2 - 2x^3. */
static double beta_below(double a, double x)
{
    if (a == 0.5)
        return 2.0 / 3.141592653589793 * asin(sqrt(x));
    return a == 1 ? x : x * x * (3 - 2 * x);
}

/* Kolmogorov-Smirnov: sqrt(n) D is above 2.23 once in ten thousand. */
static void beta_has_its_distribution(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    static double drawn[DRAWS];
    static const double alphas[] = {0.5, 1, 2};
    struct sk_rng r;
    for (size_t k = 0; k < SK_COUNT(alphas); k++) {
        double worst = 0;
        sk_rng_init(&r, 4, 0, k, SK_RNG_TEST);
        for (int i = 0; i < DRAWS; i++)
            drawn[i] = sk_rng_beta(&r, alphas[k]);
        qsort(drawn, DRAWS, sizeof(*drawn), compare);
        for (int i = 0; i < DRAWS; i++)
            worst = fmax(worst, fabs(beta_below(alphas[k], drawn[i]) - (i + 0.5) / DRAWS));
        if (!(worst * sqrt(DRAWS) < 2.23))
            fail_msg("Beta(%g): sqrt(n) D = %g", alphas[k], worst * sqrt(DRAWS));
    }
}

/* Variance 1 / (4 (2a + 1)), fourth moment 3 / (16 (2a + 1) (2a + 3)); each bound: five standard deviations of the
 * mean. */
static void beta_has_its_moments(void **state)
{
    (void)state;
    enum { DRAWS = 50000 };
    static const double alphas[] = {1e-9, 0.05, 0.2, 0.4, 1, 8, 1000};
    struct sk_rng r;
    for (size_t k = 0; k < SK_COUNT(alphas); k++) {
        double a = alphas[k], sum = 0, sum2 = 0;
        double variance = 1 / (4 * (2 * a + 1)), fourth = 3 / (16 * (2 * a + 1) * (2 * a + 3));
        sk_rng_init(&r, 5, 0, k, SK_RNG_TEST);
        for (int i = 0; i < DRAWS; i++) {
            double x = sk_rng_beta(&r, a);
            assert_true(x >= 0 && x <= 1);
            sum += x - 0.5;
            sum2 += (x - 0.5) * (x - 0.5);
        }
        assert_true(fabs(sum / DRAWS) < 5 * sqrt(variance / DRAWS));
        assert_true(fabs(sum2 / DRAWS - variance) < 5 * sqrt((fourth - variance * variance) / DRAWS) + 1e-8);
    }
}

/* The extremes that the generator can give: the largest unit stays below 1, the smallest radius stays finite. */
static void extremes_are_safe(void **state)
{
    (void)state;
    struct sk_rng r = {.out = {0xFFFFFFFF, 0, 0, 0x80000000}, .used = 0};
    assert_true(sk_rng_unit(&r) < 1.0f);
    assert_true(sk_rng_unit(&r) == 0.0f);
    float far = sk_rng_normal(&r); /* radius from 0, angle pi */
    assert_true(far < -6.0f && far > -7.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(streams_stay_what_they_are),
        cmocka_unit_test(streams_differ_in_every_part),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(below_is_unbiased_for_large_n),
        cmocka_unit_test(unit_and_normal_have_their_moments),
        cmocka_unit_test(beta_has_its_distribution),
        cmocka_unit_test(beta_has_its_moments),
        cmocka_unit_test(extremes_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

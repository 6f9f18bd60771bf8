/* The loops that measure ceilings do what they say: sums of known terms, so that a loop that leaves work out fails. */
#include "kern/check.h"

#include <math.h>

enum { N = 5 * SK_PEAK_STEP };

static void for_all(void (*check)(const struct sk_kern_peak *k))
{
    enum sk_isa levels[3];
    struct sk_kern kern;
    size_t n = check_levels(levels);
    sk_kern_init(&kern, SK_ISA_REF);
    check(&kern.peak);
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        check_case("level %s", sk_isa_name(levels[l]));
        check(&kern.peak);
    }
}

/* Every sum of a round grows by a half for two operations; what is rounded after very many rounds stays finite. */
static void check_madd(const struct sk_kern_peak *k)
{
    for (enum sk_ktype t = SK_K_F32; t < SK_K_TYPES; t++) {
        const struct sk_peak_madd *m = &k->madd[t];
        if (m->name == NULL)
            continue;
        for (size_t rounds = 0; rounds < 100; rounds += 7)
            if ((double)m->run(rounds) != m->flops * (double)rounds / 4)
                fail_msg("%s: %zu rounds of %g operations came to %g", m->name, rounds, m->flops,
                         (double)m->run(rounds));
        float many = m->run(100000);
        if (!isfinite(many) || many <= 0)
            fail_msg("%s: %g after many rounds", m->name, (double)many);
    }
}

static void test_madd(void **state)
{
    (void)state;
    for_all(check_madd);
}

static void test_types(void **state)
{
    struct sk_kern kern;
    (void)state;
    sk_kern_init(&kern, sk_isa_hardware());
    assert_non_null(kern.peak.madd[SK_K_F32].name);
    assert_int_equal(kern.peak.madd[SK_K_BF16].name != NULL, sk_isa_hardware() == SK_ISA_AVX512_BF16);
}

static void check_memory(const struct sk_kern_peak *k)
{
    struct guard a, b, c;
    struct sk_rng r;
    double sum = 0;
    check_rng(&r, 0);
    guard_open(&a, N * sizeof(float));
    guard_open(&b, N * sizeof(float));
    guard_open(&c, N * sizeof(float));
    for (enum side side = SIDE_BEGIN; side < SIDES; side++) {
        float *to = guard_place(&a, N * sizeof *to, side), *x = guard_place(&b, N * sizeof *x, side);
        float *y = guard_place(&c, N * sizeof *y, side), want[N];
        check_fill(x, N, SK_K_F32, FILL_EXACT, &r);
        check_fill(y, N, SK_K_F32, FILL_EXACT, &r);
        k->triad(x, y, 3, N, to);
        sum = 0;
        for (int i = 0; i < N; i++) {
            want[i] = x[i] + 3 * y[i];
            sum += (double)x[i];
        }
        check_same("triad", to, want, N, SK_K_F32);
        check_one("read", 0, (double)k->read(x, N), sum, 0, SK_K_F32);
        guard_verify(&a, "a");
        guard_verify(&b, "b");
        guard_verify(&c, "c");
    }
    guard_close(&a);
    guard_close(&b);
    guard_close(&c);
}

static void test_memory(void **state)
{
    (void)state;
    for_all(check_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_madd),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

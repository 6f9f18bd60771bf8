/* Ceilings of the machine: measured, finite, of the level in use, and whatever the number of threads. */
#include <math.h>

#include "backend/backend.h"
#include "kern/kern.h"
#include "test.h"

static void assert_rate(double rate)
{
    assert_true(isfinite(rate));
    assert_true(rate > 0);
}

static void check(int threads)
{
    const struct sk_backend *b = sk_backend_cpu();
    struct sk_peak p = {0};
    struct sk_err err = {0};
    assert_ok(b->start(threads, &err), err);
    assert_ok(b->peak(threads, &p, &err), err);
    assert_rate(p.f32);
    assert_rate(p.read);
    assert_rate(p.triad);
    assert_non_null(p.f32_by);
    assert_int_equal(p.bf16_by != NULL, b->has_bf16());
    if (b->has_bf16())
        assert_rate(p.bf16);
    else
        assert_true(p.bf16 <= 0);
}

static void test_one_thread(void **state)
{
    (void)state;
    check(1);
}

static void test_threads(void **state)
{
    (void)state;
    check(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_thread), cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

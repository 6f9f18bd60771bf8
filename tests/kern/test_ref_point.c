/* Reference pointwise kernels: bf16 rounding, ReLU at its edges, dropout's random numbers. */
#include "kern/check.h"

#include <math.h>

static uint16_t rounded(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return sk_f32_to_bf16(f);
}

/* IEEE 754 round to nearest, ties to even, on the upper half. */
static void test_bf16(void **state)
{
    (void)state;
    assert_int_equal(rounded(0x3f800000), 0x3f80); /* 1 */
    assert_int_equal(rounded(0x3f808000), 0x3f80); /* half way: down to even */
    assert_int_equal(rounded(0x3f818000), 0x3f82); /* half way: up to even */
    assert_int_equal(rounded(0x3f808001), 0x3f81);
    assert_int_equal(rounded(0x3f80ffff), 0x3f81);
    assert_int_equal(rounded(0x7f7fffff), 0x7f80); /* the largest becomes infinity */
    assert_int_equal(rounded(0xff800000), 0xff80);
    assert_int_equal(rounded(0x00000001), 0x0000);
    assert_int_equal(rounded(0x80008001), 0x8001);           /* denormals round like the others */
    assert_true(isnan(sk_bf16_to_f32(rounded(0x7f800001)))); /* a NaN whose upper half is infinity's */
    assert_int_equal(rounded(0xffc12345), 0xffc1);
    assert_true(sk_bf16_to_f32(0xc049) == -3.140625f);
}

static void test_relu(void **state)
{
    const float x[5] = {-1, 2, NAN, INFINITY, -INFINITY};
    const float dy[5] = {1, 2, 3, 4, 5};
    float y[5], dx[5];
    struct sk_kern kern;
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    kern.point[SK_K_F32].relu(x, 5, y);
    assert_true(y[0] == 0 && y[1] == 2 && isnan(y[2]) && y[3] == INFINITY && y[4] == 0);
    kern.point[SK_K_F32].relu_grad(dy, y, 5, dx);
    assert_true(dx[0] == 0 && dx[1] == 2 && dx[2] == 0 && dx[3] == 4 && dx[4] == 0);
}

/* Known answers of Philox4x32-10 published with it: key and counter 0 draw 6627e8d5 e169c58d bc57ac4c 9b00dbd8. */
static void test_philox(void **state)
{
    const uint32_t key[2] = {0, 0}, draw[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    const float x[4] = {1, 1, 1, 1};
    float y[4];
    struct sk_kern kern;
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    for (int i = 0; i < 4; i++) { /* an element is kept where its draw is at least the threshold */
        kern.point[SK_K_F32].dropout(x, 4, key, 0, draw[i], 2, y);
        for (int k = 0; k < 4; k++)
            assert_true(y[k] == (draw[k] >= draw[i] ? 2.0f : 0.0f));
        kern.point[SK_K_F32].dropout(x, 4, key, 0, draw[i] + 1, 2, y);
        assert_true(y[i] == 0);
    }
}

/* The same generator as base has, for elements far out too. */
static void test_philox_base(void **state)
{
    const uint32_t key[2] = {0xa4093822, 0x299f31d0};
    const float x[1] = {1};
    struct sk_kern kern;
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    for (uint64_t e = UINT64_C(0x23a308d3243f6a88); e % 16 != 0; e++) {
        const uint32_t counter[4] = {(uint32_t)(e / 4), (uint32_t)(e / 4 >> 32), 0, 0};
        uint32_t draw[4];
        float y;
        sk_philox(counter, key, draw);
        kern.point[SK_K_F32].dropout(x, 1, key, e, draw[e % 4], 1, &y);
        assert_true(y == 1);
        kern.point[SK_K_F32].dropout(x, 1, key, e, draw[e % 4] + 1, 1, &y);
        assert_true(y == 0);
    }
}

/* The mask of an element does not depend on where a call begins, and the share kept is right. */
static void test_dropout(void **state)
{
    enum { LENGTH = 20000, CUT = 4003 };
    static float x[LENGTH], y[LENGTH], parts[LENGTH];
    static uint16_t x16[LENGTH], y16[LENGTH];
    const uint32_t key[2] = {1, 2}, threshold = 0x40000000; /* a quarter dropped */
    struct sk_kern kern;
    size_t kept = 0;
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    for (size_t i = 0; i < LENGTH; i++) {
        x[i] = 1;
        x16[i] = sk_f32_to_bf16(1);
    }
    kern.point[SK_K_F32].dropout(x, LENGTH, key, 0, threshold, 4, y);
    kern.point[SK_K_F32].dropout(x, CUT, key, 0, threshold, 4, parts);
    kern.point[SK_K_F32].dropout(x + CUT, LENGTH - CUT, key, CUT, threshold, 4, parts + CUT);
    kern.point[SK_K_BF16].dropout(x16, LENGTH, key, 0, threshold, 4, y16);
    for (size_t i = 0; i < LENGTH; i++) {
        assert_true(y[i] == 0 || y[i] == 4);
        assert_true(parts[i] == y[i] && sk_bf16_to_f32(y16[i]) == y[i]);
        kept += y[i] > 0;
    }
    assert_true(kept > 14700 && kept < 15300); /* five standard deviations are 306 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bf16),        cmocka_unit_test(test_relu),    cmocka_unit_test(test_philox),
        cmocka_unit_test(test_philox_base), cmocka_unit_test(test_dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

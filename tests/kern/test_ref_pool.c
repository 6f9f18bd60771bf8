/* Reference pooling: against PyTorch's values. */
#include "kern/check.h"

#include <math.h>

/* PyTorch 2.15, max_pool2d(kernel 3, stride 2, padding 1) of [4,5,2] with equal values, a NaN and infinities; index: h
 * * 5 + w. */
static const float pool_x[] = {3.0f,  -INFINITY, 3.0f, -3.0f, 3.0f,  -2.0f, -3.0f, -1.0f,    1.0f,  3.0f,
                               -2.0f, 1.0f,      NAN,  -1.0f, 3.0f,  -3.0f, 2.0f,  3.0f,     -2.0f, 3.0f,
                               2.0f,  1.0f,      3.0f, 2.0f,  -1.0f, -3.0f, 1.0f,  INFINITY, -2.0f, -2.0f,
                               -1.0f, 2.0f,      3.0f, -3.0f, -2.0f, 2.0f,  -3.0f, 1.0f,     1.0f,  1.0f};
static const float pool_y[] = {NAN, 1.0f, NAN, 3.0f, 2.0f, 3.0f, NAN, 2.0f, NAN, INFINITY, 2.0f, INFINITY};
static const int32_t pool_index[] = {6, 5, 6, 8, 8, 4, 6, 11, 6, 13, 8, 13};

static const struct sk_pool_shape stored = {.h = 4, .w = 5, .c = 2, .p = 2, .q = 3, .kernel = 3, .stride = 2, .pad = 1};

static void test_max(void **state)
{
    struct sk_kern kern;
    float y[SK_COUNT(pool_y)];
    uint8_t argmax[SK_COUNT(pool_y)];
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    check_case("stored");
    kern.pool[SK_K_F32].max(&stored, pool_x, y, argmax);
    check_same("y", y, pool_y, SK_COUNT(y), SK_K_F32);
    for (int i = 0; i < (int)SK_COUNT(y); i++) {
        int p = i / 2 / stored.q, q = i / 2 % stored.q;
        int h = p * 2 - 1 + argmax[i] / 3, w = q * 2 - 1 + argmax[i] % 3;
        assert_int_equal(h * stored.w + w, pool_index[i]);
    }
}

/* The gradient of each output goes to the position it came from; where windows overlap, the sum. */
static void test_max_grad(void **state)
{
    struct sk_kern kern;
    float y[SK_COUNT(pool_y)], dy[SK_COUNT(pool_y)], dx[SK_COUNT(pool_x)], want[SK_COUNT(pool_x)] = {0};
    uint8_t argmax[SK_COUNT(pool_y)];
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    check_case("gradient");
    kern.pool[SK_K_F32].max(&stored, pool_x, y, argmax);
    for (size_t i = 0; i < SK_COUNT(dy); i++) {
        dy[i] = (float)(i + 1);
        want[(size_t)pool_index[i] * 2 + i % 2] += dy[i];
    }
    kern.pool[SK_K_F32].max_grad(&stored, dy, argmax, dx);
    check_same("dx", dx, want, SK_COUNT(dx), SK_K_F32);
}

static void test_avg(void **state)
{
    struct sk_kern kern;
    const float x[6] = {1, 10, 2, 20, 6, 60};
    float y[2], dx[6];
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    kern.pool[SK_K_F32].avg(x, 3, 2, y);
    assert_true(y[0] == 3 && y[1] == 30);
    kern.pool[SK_K_F32].avg_grad(y, 3, 2, dx);
    for (int i = 0; i < 6; i++)
        assert_true(dx[i] == (i % 2 ? 10.0f : 1.0f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max),
        cmocka_unit_test(test_max_grad),
        cmocka_unit_test(test_avg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

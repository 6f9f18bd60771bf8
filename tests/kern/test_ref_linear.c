/* Reference linear layer: against PyTorch's values. */
#include "kern/check.h"

/* PyTorch 2.15, linear of [3,5] to 4 and its gradients; exact in binary. */
static const float linear_x[] = {-0.375f, 0.125f, 0.125f,  0.375f, -0.875f, -0.125f, -0.125f, 0.5f,
                                 -0.5f,   0.375f, -0.875f, -0.75f, -0.5f,   1.0f,    -0.875f};
static const float linear_w[] = {-0.75f,  0.75f,   -0.75f,  -0.75f, 0.375f, 0.5f,   -0.625f, 1.0f,    1.0f,   0.125f,
                                 -0.875f, -0.375f, -0.125f, 1.0f,   1.0f,   0.125f, 0.5f,    -0.875f, 0.625f, -0.375f};
static const float linear_b[] = {-1.0f, 0.375f, 0.5f, 0.625f};
static const float linear_y[] = {-1.328125f, 0.5f,      0.265625f,  1.09375f,  -0.859375f, 0.4375f,
                                 0.46875f,   -0.34375f, -1.609375f, 0.796875f, 1.734375f,  1.53125f};
static const float linear_dy[] = {0.0f,   0.125f,  0.75f,   0.5f, 0.75f,  -0.625f,
                                  0.875f, -0.875f, -0.875f, 0.5f, -0.25f, 1.0f};
static const float linear_dx[] = {-0.53125f,  -0.109375f, -0.40625f, 1.1875f, 0.578125f, -1.75f,   0.1875f,   -0.53125f,
                                  -0.859375f, 1.40625f,   1.25f,     -0.375f, 0.3125f,   1.53125f, -0.890625f};
static const float linear_dw[] = {0.671875f,  0.5625f,    0.8125f,    -1.25f,     1.046875f, -0.40625f, -0.28125f,
                                  -0.546875f, 0.859375f,  -0.78125f,  -0.171875f, 0.171875f, 0.65625f,  -0.40625f,
                                  -0.109375f, -0.953125f, -0.578125f, -0.875f,    1.625f,    -1.640625f};
static const float linear_db[] = {-0.125f, 0.0f, 1.375f, 0.625f};

enum { N = 3, C = 5, K = 4 };

static void to_type(const float *from, void *to, size_t n, enum sk_ktype t)
{
    struct sk_kern kern;
    sk_kern_init(&kern, SK_ISA_REF);
    kern.point[t].from_f32(from, n, to);
}

static void check_type(enum sk_ktype t)
{
    struct sk_kern kern;
    float x[N * C], want[N * C], dx[N * C], y[N * K], dw[K * C], db[K];
    sk_kern_init(&kern, SK_ISA_REF);
    const struct sk_kern_linear *k = &kern.linear[t];
    check_case("%s", t ? "bf16" : "f32");
    to_type(linear_x, x, N * C, t); /* eighths: exact in bf16 */
    k->forward(x, linear_w, linear_b, y, N, C, K);
    check_same("y", y, linear_y, N * K, SK_K_F32);
    k->grad_weight(linear_dy, x, dw, db, N, C, 0, 1, K); /* in two parts */
    k->grad_weight(linear_dy, x, dw, db, N, C, 1, K, K);
    check_same("dw", dw, linear_dw, K * C, SK_K_F32);
    check_same("db", db, linear_db, K, SK_K_F32);
    k->grad_data(linear_dy, linear_w, dx, N, C, K);
    to_type(linear_dx, want, N * C, t);
    check_same("dx", dx, want, N * C, t);
}

static void test_stored(void **state)
{
    (void)state;
    check_type(SK_K_F32);
    check_type(SK_K_BF16);
}

/* More channels than are summed together at once: ones, so that every result is a count. */
static void test_long(void **state)
{
    enum { LONG = 150 };
    static float x[2 * LONG], w[3 * LONG], y[6], dy[6], dx[2 * LONG], dw[3 * LONG], db[3];
    struct sk_kern kern;
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    for (size_t i = 0; i < 3 * LONG; i++)
        w[i] = 1;
    for (size_t i = 0; i < 2 * LONG; i++)
        x[i] = 1;
    for (size_t i = 0; i < 6; i++)
        dy[i] = 1;
    kern.linear[SK_K_F32].forward(x, w, NULL, y, 2, LONG, 3);
    kern.linear[SK_K_F32].grad_data(dy, w, dx, 2, LONG, 3);
    kern.linear[SK_K_F32].grad_weight(dy, x, dw, db, 2, LONG, 0, 3, 3);
    for (size_t i = 0; i < 6; i++)
        assert_true(y[i] == LONG);
    for (size_t i = 0; i < 2 * LONG; i++)
        assert_true(dx[i] == 3);
    for (size_t i = 0; i < 3 * LONG; i++)
        assert_true(dw[i] == 2);
    assert_true(db[0] == 2 && db[2] == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

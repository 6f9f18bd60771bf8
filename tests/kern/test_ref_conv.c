/* Reference convolution: against PyTorch's values, the definition written out, and the identity that makes gradients
 * gradients. */
#include "kern/check.h"

#include <math.h>

/* PyTorch 2.15, conv2d of [2,5,4,3] with 4 filters of 3x3, stride 2, padding 1, and its gradients; exact in binary. */
static const float conv_x[] = {
    0.125f, -0.375f, 0.0f,    0.125f,  0.75f,  0.5f,    -0.875f, 0.125f,  -0.125f, -0.75f,  -0.5f,   -0.625f,
    0.125f, 0.875f,  -0.25f,  0.75f,   0.875f, 0.75f,   -0.25f,  1.0f,    0.5f,    -0.625f, 0.125f,  0.125f,
    -1.0f,  0.75f,   0.375f,  0.25f,   -0.75f, 1.0f,    0.0f,    -0.25f,  0.125f,  -0.625f, 1.0f,    -0.875f,
    0.125f, -0.25f,  0.125f,  0.25f,   0.0f,   0.625f,  -0.25f,  -0.125f, -0.875f, 0.25f,   -0.875f, 0.75f,
    0.125f, 0.5f,    -0.375f, -0.875f, 0.25f,  -0.625f, -1.0f,   -0.125f, -0.625f, 0.625f,  -0.5f,   0.5f,
    0.0f,   -0.375f, 0.875f,  -1.0f,   -1.0f,  -0.875f, -1.0f,   -0.375f, -1.0f,   0.375f,  -0.625f, 0.5f,
    -1.0f,  -0.5f,   0.375f,  1.0f,    0.25f,  0.25f,   -0.625f, 0.25f,   -1.0f,   0.75f,   0.125f,  -0.625f,
    -0.75f, 0.875f,  0.625f,  -0.875f, 0.75f,  -0.25f,  -0.25f,  0.375f,  -0.25f,  0.25f,   -0.875f, 0.25f,
    0.625f, -0.25f,  -1.0f,   0.0f,    0.0f,   0.5f,    -0.25f,  0.375f,  0.25f,   0.5f,    0.0f,    0.5f,
    0.75f,  0.5f,    -0.75f,  -0.875f, 0.5f,   1.0f,    0.0f,    1.0f,    0.125f,  0.75f,   0.625f,  0.5f};
static const float conv_w[] = {
    -0.5f,   -0.625f, -0.125f, -0.625f, 0.75f,   0.875f, -0.5f,   -1.0f,   -1.0f,   -0.625f, 0.875f,  -0.375f,
    0.625f,  1.0f,    1.0f,    0.25f,   -0.5f,   -0.75f, 0.375f,  -0.125f, 0.875f,  0.0f,    0.375f,  -0.125f,
    -0.25f,  -0.5f,   0.75f,   0.5f,    -0.875f, -0.25f, -0.75f,  1.0f,    1.0f,    -0.375f, -0.125f, -0.875f,
    -0.375f, 0.75f,   0.0f,    0.0f,    -0.875f, 0.25f,  -0.125f, 0.75f,   0.25f,   -0.125f, -0.75f,  -0.5f,
    0.25f,   0.75f,   1.0f,    0.625f,  -0.25f,  0.625f, -0.75f,  -0.75f,  0.125f,  -0.375f, -0.75f,  0.375f,
    -0.375f, 0.625f,  -0.25f,  0.0f,    0.375f,  -1.0f,  0.625f,  0.875f,  0.875f,  0.25f,   0.125f,  0.0f,
    0.5f,    -0.875f, 0.25f,   -0.5f,   1.0f,    0.625f, -0.5f,   -0.75f,  -0.625f, -0.625f, 0.25f,   0.0f,
    0.375f,  -0.25f,  0.625f,  1.0f,    0.375f,  -0.25f, -0.875f, -0.625f, 1.0f,    -0.125f, 0.5f,    -0.75f,
    -0.75f,  0.875f,  -1.0f,   -0.875f, 0.75f,   -0.25f, 0.25f,   0.625f,  1.0f,    0.25f,   -0.125f, 0.25f};
static const float conv_b[] = {-0.875f, -0.75f, -0.25f, -0.625f};
static const float conv_y[] = {-1.640625f, 1.25f,      0.0625f,    -0.859375f, -2.359375f, -1.90625f, -1.3125f,
                               0.0f,       -0.28125f,  -0.953125f, 0.953125f,  1.84375f,   0.765625f, -0.5f,
                               -2.0f,      -3.046875f, -0.65625f,  -3.546875f, -0.890625f, -1.875f,   -0.078125f,
                               -0.21875f,  2.796875f,  -2.484375f, -2.625f,    -2.890625f, -2.875f,   -2.3125f,
                               -3.546875f, -1.671875f, -0.578125f, 0.0625f,    0.203125f,  -2.59375f, 2.84375f,
                               -0.171875f, -1.28125f,  1.78125f,   0.0625f,    -1.46875f,  -0.53125f, -0.984375f,
                               0.046875f,  -1.515625f, 3.265625f,  0.65625f,   2.578125f,  -0.359375f};
static const float conv_dy[] = {0.125f, -0.25f,  0.625f,  0.0f,   0.25f,   -0.5f,   0.625f, 0.5f,   0.625f, 1.0f,
                                0.125f, -1.0f,   -0.375f, -1.0f,  0.125f,  0.625f,  0.625f, 0.875f, -1.0f,  0.875f,
                                0.25f,  0.25f,   -1.0f,   -0.25f, -0.375f, -1.0f,   -1.0f,  0.0f,   -0.75f, -0.625f,
                                -0.75f, -0.25f,  0.0f,    0.375f, 0.25f,   0.0f,    0.125f, 0.375f, 0.125f, -0.875f,
                                0.75f,  -0.625f, 0.5f,    0.0f,   -0.875f, -0.875f, -0.75f, -0.625f};
static const float conv_dx[] = {
    -0.625f,    0.890625f,  0.484375f,  0.265625f,  1.09375f,   -0.1875f,  -0.90625f,  1.484375f,  0.65625f,
    0.265625f,  0.296875f,  0.359375f,  -1.3125f,   1.796875f,  -2.15625f, -0.84375f,  -1.546875f, -1.1875f,
    1.5625f,    -1.40625f,  0.625f,     0.21875f,   -0.171875f, -0.34375f, 1.625f,     -0.640625f, 0.484375f,
    2.140625f,  1.5f,       -0.15625f,  -1.53125f,  0.921875f,  -0.375f,   -0.890625f, -0.984375f, -0.25f,
    -1.234375f, -0.140625f, 0.265625f,  0.34375f,   1.984375f,  -0.25f,    1.125f,     0.1875f,    0.734375f,
    0.84375f,   0.0625f,    -0.921875f, 1.875f,     -0.578125f, 0.4375f,   1.53125f,   -1.125f,    1.546875f,
    1.25f,      -0.96875f,  -0.875f,    -0.0625f,   -0.375f,    -0.65625f, -0.53125f,  -0.375f,    -1.890625f,
    -0.578125f, -2.40625f,  -1.421875f, -0.5625f,   -0.984375f, -1.65625f, -1.71875f,  -1.375f,    -1.25f,
    -0.640625f, -0.3125f,   0.6875f,    2.65625f,   0.21875f,   0.53125f,  -0.453125f, 0.578125f,  0.0625f,
    1.453125f,  -0.390625f, -0.375f,    0.1875f,    -0.109375f, 0.53125f,  -0.265625f, 0.578125f,  0.34375f,
    0.59375f,   -0.53125f,  -0.09375f,  -0.015625f, 0.984375f,  -0.4375f,  -0.1875f,   0.6875f,    -0.34375f,
    -0.4375f,   1.40625f,   1.046875f,  1.296875f,  -1.84375f,  0.8125f,   -0.03125f,  1.328125f,  -0.328125f,
    -0.4375f,   1.734375f,  0.3125f,    1.46875f,   0.09375f,   -0.40625f, -0.8125f,   -1.078125f, -2.125f,
    -2.3125f,   -1.28125f,  -1.859375f};
static const float conv_dw[] = {
    -0.09375f,  0.796875f,  0.578125f,  1.125f,     0.28125f,   -1.359375f, -0.65625f,  0.9375f,    -0.875f,
    -0.296875f, -0.5f,      0.296875f,  0.9375f,    0.796875f,  -0.28125f,  0.03125f,   0.296875f,  0.28125f,
    -0.53125f,  -1.578125f, 0.859375f,  -0.65625f,  -0.515625f, 0.890625f,  -0.171875f, 1.140625f,  0.671875f,
    -0.3125f,   -0.359375f, 1.875f,     0.53125f,   -0.953125f, 1.03125f,   -1.25f,     2.0f,       -1.15625f,
    -0.78125f,  -0.640625f, 0.671875f,  0.90625f,   1.328125f,  -1.109375f, -0.59375f,  -0.453125f, 0.265625f,
    -0.9375f,   -0.6875f,   0.46875f,   -1.828125f, 0.078125f,  1.140625f,  -0.96875f,  0.78125f,   0.140625f,
    -0.03125f,  0.28125f,   -0.515625f, 2.28125f,   1.1875f,    -0.65625f,  -0.25f,     1.5f,       -1.359375f,
    0.140625f,  0.109375f,  1.078125f,  0.59375f,   -0.046875f, 1.765625f,  0.359375f,  1.421875f,  0.171875f,
    -0.875f,    0.0625f,    -1.40625f,  0.9375f,    0.515625f,  0.65625f,   0.421875f,  0.21875f,   1.125f,
    -0.46875f,  0.59375f,   -1.953125f, 2.0f,       1.390625f,  -2.71875f,  0.28125f,   -0.03125f,  -1.03125f,
    0.328125f,  -0.890625f, -0.6875f,   -0.875f,    -1.234375f, 2.0f,       0.375f,     0.28125f,   -0.515625f,
    -0.21875f,  1.609375f,  -0.078125f, 0.84375f,   -0.140625f, -3.1875f,   0.265625f,  -0.390625f, -0.375f};

static const struct sk_conv_shape stored = {
    .n = 2, .h = 5, .w = 4, .c = 3, .k = 4, .r = 3, .s = 3, .p = 3, .q = 2, .stride = 2, .pad = 1};

static void test_stored(void **state)
{
    struct sk_kern kern;
    float y[SK_COUNT(conv_y)], dx[SK_COUNT(conv_x)], dw[SK_COUNT(conv_w)];
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    check_case("stored");
    kern.conv[SK_K_F32].forward(&stored, conv_x, conv_w, conv_b, NULL, false, y, 0, stored.n);
    check_same("y", y, conv_y, SK_COUNT(y), SK_K_F32);
    kern.conv[SK_K_F32].grad_data(&stored, conv_dy, conv_w, dx, 0, stored.n);
    check_same("dx", dx, conv_dx, SK_COUNT(dx), SK_K_F32);
    kern.conv[SK_K_F32].grad_weight(&stored, conv_dy, conv_x, dw, 0, stored.k);
    check_same("dw", dw, conv_dw, SK_COUNT(dw), SK_K_F32);
}

/* ---- any shape, small integers: everything is exact ---- */

enum { MOST = 40000 };
static float w[MOST], dw[MOST], bias[64];
static unsigned char x[4 * MOST], y[4 * MOST], dx[4 * MOST], dy[4 * MOST], residual[4 * MOST];

static const struct sk_conv_shape shapes[] = {
    {.n = 2, .h = 8, .w = 8, .c = 3, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 1},
    {.n = 1, .h = 9, .w = 7, .c = 17, .k = 9, .r = 3, .s = 3, .stride = 2, .pad = 1},
    {.n = 3, .h = 5, .w = 6, .c = 70, .k = 5, .r = 1, .s = 1, .stride = 1, .pad = 0},
    {.n = 2, .h = 6, .w = 7, .c = 8, .k = 40, .r = 1, .s = 1, .stride = 2, .pad = 0},
    {.n = 1, .h = 15, .w = 12, .c = 3, .k = 8, .r = 7, .s = 7, .stride = 2, .pad = 3},
    {.n = 1, .h = 1, .w = 1, .c = 65, .k = 33, .r = 3, .s = 3, .stride = 1, .pad = 1},
    {.n = 2, .h = 4, .w = 9, .c = 2, .k = 3, .r = 2, .s = 5, .stride = 3, .pad = 2},
};

struct sizes {
    size_t x, y, w;
};

static struct sizes sizes_of(const struct sk_conv_shape *s)
{
    struct sizes z = {(size_t)(s->n * s->h * s->w * s->c), (size_t)(s->n * s->p * s->q * s->k),
                      (size_t)(s->k * s->c * s->r * s->s)};
    assert_true(z.x <= MOST && z.y <= MOST && z.w <= MOST);
    return z;
}

static double x_at(const struct sk_conv_shape *s, int n, int h, int column, int c, enum sk_ktype t)
{
    if (h < 0 || h >= s->h || column < 0 || column >= s->w)
        return 0;
    return (double)check_get(x, (size_t)(((n * s->h + h) * s->w + column) * s->c + c), t);
}

/* One output by the definition. */
static double defined(const struct sk_conv_shape *s, int n, int p, int q, int k, enum sk_ktype t)
{
    double sum = 0;
    for (int c = 0; c < s->c; c++)
        for (int r = 0; r < s->r; r++)
            for (int i = 0; i < s->s; i++)
                sum += x_at(s, n, p * s->stride - s->pad + r, q * s->stride - s->pad + i, c, t) *
                       (double)w[((k * s->c + c) * s->r + r) * s->s + i];
    return sum;
}

static void check_forward(const struct sk_conv_shape *s, const struct sk_kern_conv *kern, int variant, enum sk_ktype t)
{
    bool relu = variant & 4;
    size_t i = 0;
    kern->forward(s, x, w, variant & 1 ? bias : NULL, variant & 2 ? residual : NULL, relu, y, 0, s->n);
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < s->p; p++)
            for (int q = 0; q < s->q; q++)
                for (int k = 0; k < s->k; k++, i++) {
                    double v = defined(s, n, p, q, k, t) + (variant & 1 ? (double)bias[k] : 0) +
                               (variant & 2 ? (double)check_get(residual, i, t) : 0);
                    v = relu && v < 0 ? 0 : v;
                    float want = t == SK_K_BF16 ? sk_bf16_to_f32(sk_f32_to_bf16((float)v)) : (float)v;
                    check_one("y", i, (double)check_get(y, i, t), (double)want, 0, SK_K_F32);
                }
}

static double dot(const void *a, const void *b, size_t n, enum sk_ktype t, enum sk_ktype u)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)check_get(a, i, t) * (double)check_get(b, i, u);
    return sum;
}

/* <dy, conv(x, w)> = <grad_data(dy, w), x> = <grad_weight(dy, x), w> for every x, dy and w. */
static void check_gradients(const struct sk_conv_shape *s, const struct sk_kern_conv *kern, enum sk_ktype t)
{
    struct sizes z = sizes_of(s);
    kern->forward(s, x, w, NULL, NULL, false, y, 0, s->n);
    kern->grad_data(s, dy, w, dx, 0, s->n);
    kern->grad_weight(s, dy, x, dw, 0, s->k / 2); /* in two parts */
    kern->grad_weight(s, dy, x, dw, s->k / 2, s->k);
    double right = dot(dy, y, z.y, t, t);
    if (t == SK_K_F32)
        assert_true(dot(dx, x, z.x, t, t) == right);
    double room = t == SK_K_F32 ? 0 : 0x1p-8 * (double)z.y * 16 * 200; /* y was rounded */
    assert_true(fabs(dot(dw, w, z.w, SK_K_F32, SK_K_F32) - right) <= room);
}

static void test_shapes(void **state)
{
    struct sk_kern kern;
    struct sk_rng r;
    (void)state;
    sk_kern_init(&kern, SK_ISA_REF);
    for (size_t i = 0; i < SK_COUNT(shapes); i++)
        for (int type = 0; type < SK_K_TYPES; type++) {
            enum sk_ktype t = (enum sk_ktype)type;
            struct sk_conv_shape s = shapes[i];
            s.p = (s.h + 2 * s.pad - s.r) / s.stride + 1;
            s.q = (s.w + 2 * s.pad - s.s) / s.stride + 1;
            struct sizes z = sizes_of(&s);
            check_rng(&r, i);
            check_case("shape %zu %s", i, type ? "bf16" : "f32");
            check_fill(x, z.x, t, FILL_EXACT, &r);
            check_fill(dy, z.y, t, FILL_EXACT, &r);
            check_fill(residual, z.y, t, FILL_EXACT, &r);
            check_fill(w, z.w, SK_K_F32, FILL_EXACT, &r);
            check_fill(bias, (size_t)s.k, SK_K_F32, FILL_EXACT, &r);
            for (int variant = 0; variant < 8; variant++)
                check_forward(&s, &kern.conv[t], variant, t);
            check_gradients(&s, &kern.conv[t], t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* oneDNN's kernels: every implementation of every convolution of the ResNets, of narrower, wider and odd ones, against
 * the definition; what they decline. */
#include "backend/conv_case.h"

static void check_all(struct sk_conv_shape shape, enum fill fill, int samples)
{
    for (int pass = 0; pass < CONV_PASSES; pass++)
        for (int type = 0; type < SK_K_TYPES; type++) {
            struct conv_case c = {.pass = pass, .type = type, .shape = shape, .fill = fill, .samples = samples};
            conv_case_check(&c);
        }
}

/* Something must be there, or the tests below would pass without testing. */
static void test_offers(void **state)
{
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    for (int pass = 0; pass < CONV_PASSES; pass++) {
        struct conv_case c = {.pass = pass, .shape = conv_shape(4, 4, 4, 16, 16, 3, 1, 1), .fill = FILL_EXACT};
        assert_true(conv_case_check(&c) >= 1);
        c.type = SK_K_BF16;
        assert_true(!sk_isa_has_bf16() || conv_case_check(&c) >= 1);
    }
}

/* Layers of ResNet-18 and -50 on 224x224 and 32x32 pictures: {picture, in, out, kernel, stride}. */
static const int resnet[][5] = {
    {224, 3, 64, 7, 2},    {56, 64, 64, 3, 1},    {56, 64, 128, 3, 2},   {56, 64, 128, 1, 2},  {28, 128, 128, 3, 1},
    {28, 128, 256, 3, 2},  {28, 128, 256, 1, 2},  {14, 256, 256, 3, 1},  {14, 256, 512, 3, 2}, {14, 256, 512, 1, 2},
    {7, 512, 512, 3, 1},   {56, 64, 64, 1, 1},    {56, 64, 256, 1, 1},   {56, 256, 64, 1, 1},  {56, 256, 128, 1, 1},
    {56, 128, 128, 3, 2},  {56, 256, 512, 1, 2},  {28, 512, 128, 1, 1},  {28, 128, 512, 1, 1}, {28, 256, 256, 3, 2},
    {28, 512, 1024, 1, 2}, {14, 1024, 256, 1, 1}, {14, 256, 1024, 1, 1}, {14, 512, 512, 3, 2}, {14, 1024, 2048, 1, 2},
    {7, 2048, 512, 1, 1},  {7, 512, 2048, 1, 1},  {32, 3, 64, 3, 1},     {32, 64, 64, 3, 1},   {32, 64, 128, 3, 2},
    {16, 128, 128, 3, 1},  {16, 128, 256, 3, 2},  {8, 256, 256, 3, 1},   {8, 256, 512, 3, 2},  {8, 256, 512, 1, 2},
    {4, 512, 512, 3, 1},
};

static void test_resnet(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(resnet); i++) {
        const int *l = resnet[i];
        int n = l[0] == 224 ? 1 : l[0] > 16 ? 2 : 5;
        check_all(conv_shape(n, l[0], l[0], l[1], l[2], l[3], l[4], l[3] / 2), FILL_EXACT, 60);
    }
}

/* Widths 0.125 to 2 of the 32x32 network; more pictures, so that some are side by side and some rows stay unfilled. */
static void test_widths(void **state)
{
    (void)state;
    static const int channels[] = {8, 16, 32, 48, 96, 128, 1024};
    for (size_t i = 0; i < SK_COUNT(channels); i++) {
        int c = channels[i], n = c == 1024 ? 3 : 37;
        check_all(conv_shape(n, 4, 4, c, c, 3, 1, 1), FILL_EXACT, 200);
        check_all(conv_shape(n, 8, 8, c / 2, c, 3, 2, 1), FILL_EXACT, 200);
        check_all(conv_shape(n, 8, 8, c / 2, c, 1, 2, 0), FILL_EXACT, 200);
    }
}

/* Channel counts and sizes that no vector length divides. */
static void test_odd(void **state)
{
    (void)state;
    static const int channels[][2] = {{1, 1}, {3, 5}, {17, 1}, {1, 33}, {19, 65}, {67, 10}};
    for (size_t i = 0; i < SK_COUNT(channels); i++) {
        int c = channels[i][0], k = channels[i][1];
        check_all(conv_shape(7, 5, 9, c, k, 3, 1, 1), FILL_EXACT, 300);
        check_all(conv_shape(7, 9, 5, c, k, 3, 2, 1), FILL_EXACT, 300);
        check_all(conv_shape(3, 6, 7, c, k, 3, 2, 0), FILL_EXACT, 300);
        check_all(conv_shape(5, 7, 3, c, k, 1, 1, 0), FILL_EXACT, 300);
        check_all(conv_shape(5, 7, 6, c, k, 1, 2, 0), FILL_EXACT, 300);
        check_all(conv_shape(3, 16, 16, c, k, 1, 2, 0), FILL_EXACT, 300);
        check_all(conv_shape(2, 11, 10, c, k, 5, 1, 2), FILL_EXACT, 300);
        check_all(conv_shape(1, 1, 1, c, k, 3, 1, 1), FILL_EXACT, 0);
    }
}

static void test_real(void **state)
{
    (void)state;
    check_all(conv_shape(9, 4, 4, 64, 96, 3, 1, 1), FILL_RANDOM, 500);
    check_all(conv_shape(3, 14, 14, 64, 32, 3, 2, 1), FILL_RANDOM, 500);
    check_all(conv_shape(4, 7, 7, 128, 32, 1, 1, 0), FILL_RANDOM, 500);
}

/* Thread counts that divide the pictures and that do not, and more threads than pictures. */
static void test_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 3, 4, 7};
    for (size_t i = 0; i < SK_COUNT(threads); i++)
        for (int pass = 0; pass < CONV_PASSES; pass++) {
            struct conv_case c = {.pass = pass, .threads = threads[i], .fill = FILL_EXACT, .samples = 300};
            c.shape = conv_shape(12, 4, 4, 32, 48, 3, 1, 1);
            conv_case_check(&c);
            c.type = SK_K_BF16;
            conv_case_check(&c);
            c.shape = conv_shape(5, 8, 8, 40, 32, 1, 2, 0);
            conv_case_check(&c);
            c.shape = conv_shape(12, 18, 18, 16, 16, 3, 1, 1);
            conv_case_check(&c);
        }
}

static void check_fused(struct conv_case c)
{
    static const struct sk_conv_shape none = {0};
    struct sk_conv_shape shapes[] = {conv_shape(2, 20, 20, 32, 48, 3, 1, 1), conv_shape(11, 4, 4, 64, 64, 3, 1, 1),
                                     conv_shape(6, 8, 8, 32, 40, 1, 2, 0), none};
    for (int i = 0; shapes[i].n > 0; i++) {
        c.shape = shapes[i];
        conv_case_check(&c);
    }
}

static void test_fused(void **state)
{
    (void)state;
    for (int mask = 1; mask < 32; mask++) {
        struct conv_case c = {.bias = mask & 1,
                              .residual = mask & 2,
                              .relu = mask & 4,
                              .frozen = mask & 8,
                              .in_place = mask & 16,
                              .fill = FILL_EXACT,
                              .samples = 300};
        if (c.in_place && !c.residual)
            continue;
        check_fused(c);
        c.type = SK_K_BF16;
        check_fused(c);
    }
}

static void test_frozen_grad_data(void **state)
{
    (void)state;
    for (int type = 0; type < SK_K_TYPES; type++) {
        struct conv_case c = {.pass = CONV_GRAD_DATA,
                              .type = type,
                              .shape = conv_shape(9, 4, 4, 32, 48, 3, 1, 1),
                              .frozen = true,
                              .fill = FILL_EXACT};
        conv_case_check(&c);
    }
}

static void declines(const struct sk_op_desc *op, const char *why)
{
    struct sk_err err = {0};
    struct sk_kernel_env env = {.threads = 1};
    struct sk_kernel_need need;
    void *self = NULL;
    assert_error(sk_onednn_conv.open(&self, op, &env, 0, &need, &err), SK_UNSUPPORTED, err, why);
    assert_null(self);
}

static void test_declines(void **state)
{
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    struct conv_case c = {.shape = conv_shape(2, 4, 4, 8, 8, 3, 1, 1)};
    const struct sk_op_desc good = conv_case_op(&c);
    struct sk_op_desc op = good;
    op.out[0].layout = SK_LAYOUT_BLOCKED;
    declines(&op, "y is blocked");
    op = good;
    op.in[0].dim[0] = 0;
    declines(&op, "x is empty or too large");
    op = good;
    op.in[0].dim[1] = op.in[0].dim[2] = 1 << 20;
    declines(&op, "x is empty or too large");
    op = good;
    op.in[0].dtype = SK_U8;
    declines(&op, "neither f32 nor bf16");
    op = good;
    op.out[0].dtype = SK_BF16;
    declines(&op, "y: expected f32");
    c.residual = true;
    op = conv_case_op(&c);
    op.in[2].dim[1] = 3;
    declines(&op, "do not belong together");
    op = good;
    op.out[0].dim[1] = 9;
    declines(&op, "y is 9x4, where x, kernel, stride and padding give 4x4");
}

/* Every allocation of ours can fail; what was made before is given back. */
static void test_memory(void **state)
{
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    for (int pass = 0; pass < CONV_PASSES; pass++) {
        struct conv_case c = {.pass = pass, .shape = conv_shape(4, 4, 4, 8, 8, 3, 1, 1)};
        const struct sk_op_desc op = conv_case_op(&c);
        struct sk_kernel_env env = {.threads = 2};
        enum sk_code code = SK_NOMEM;
        for (long n = 1; code != SK_OK; n++) {
            struct sk_err err = {0};
            struct sk_kernel_need need;
            void *self;
            sk_mem_fail_after(n);
            code = conv_case_kernel(&c)->open(&self, &op, &env, 0, &need, &err);
            sk_mem_fail_after(0);
            assert_int_equal(code, n == 1 ? SK_NOMEM : err.code);
            assert_true((code == SK_OK) == (self != NULL));
            conv_case_kernel(&c)->close(self);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_resnet),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_real),
        cmocka_unit_test(test_fused),
        cmocka_unit_test(test_frozen_grad_data),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_declines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

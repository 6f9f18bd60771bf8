/* Winograd convolution in the cpu backend: every algorithm and split against the definition, the same bits with any
 * number of threads; what it declines. With --errors: how far each algorithm is from the definition, as a table. */
#include <sys/wait.h>
#include <unistd.h>

#include "backend/conv_case.h"

/* What fast allows in bf16 is all that safe does and more. */
static void check(struct conv_case c)
{
    c.kernel = "winograd";
    c.winograd = SK_WINOGRAD_FAST;
    for (int type = 0; type < SK_K_TYPES; type++) {
        c.type = (enum sk_ktype)type;
        conv_case_check(&c);
    }
}

static void check_all(struct sk_conv_shape shape, enum fill fill, int samples)
{
    for (int pass = 0; pass < CONV_PASSES; pass++)
        check((struct conv_case){.pass = (enum conv_pass)pass, .shape = shape, .fill = fill, .samples = samples});
}

static int offered(enum conv_pass pass, enum sk_ktype type, enum sk_winograd winograd, int stride)
{
    struct conv_case c = {.kernel = "winograd",
                          .pass = pass,
                          .type = type,
                          .winograd = winograd,
                          .shape = conv_shape(4, 4, 4, 16, 16, 3, stride, 1),
                          .fill = FILL_EXACT};
    return conv_case_check(&c);
}

/* Two splits of F(4x4) and F(2x2), or of what there is for stride 2, and in bf16 what is allowed inside. */
static void test_offers(void **state)
{
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    for (int i = 0; i < CONV_PASSES; i++) {
        enum conv_pass pass = (enum conv_pass)i;
        bool bf16 = sk_isa_has_bf16();
        assert_int_equal(offered(pass, SK_K_F32, SK_WINOGRAD_SAFE, 1), 4);
        assert_int_equal(offered(pass, SK_K_F32, SK_WINOGRAD_FAST, 1), 4);
        assert_int_equal(offered(pass, SK_K_BF16, SK_WINOGRAD_SAFE, 1), bf16 ? 6 : 4);
        assert_int_equal(offered(pass, SK_K_BF16, SK_WINOGRAD_FAST, 1), bf16 ? 8 : 4);
        assert_int_equal(offered(pass, SK_K_F32, SK_WINOGRAD_SAFE, 2), 2);
        assert_int_equal(offered(pass, SK_K_BF16, SK_WINOGRAD_SAFE, 2), bf16 ? 4 : 2);
    }
}

/* 3x3 layers of ResNet-18 and -50 at 224 and 32 pixels: {picture, in, out, stride}. */
static void test_resnet(void **state)
{
    static const int resnet[][4] = {{56, 64, 64, 1},  {28, 128, 128, 1}, {14, 256, 256, 1}, {7, 512, 512, 1},
                                    {56, 64, 128, 2}, {28, 128, 256, 2}, {14, 256, 512, 2}, {56, 128, 128, 2},
                                    {32, 64, 64, 1},  {16, 128, 128, 1}, {8, 256, 256, 1},  {4, 512, 512, 1},
                                    {32, 64, 128, 2}, {16, 128, 256, 2}, {8, 256, 512, 2}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(resnet); i++) {
        const int *l = resnet[i];
        check_all(conv_shape(1, l[0], l[0], l[1], l[2], 3, l[3], 1), FILL_EXACT, 16);
    }
}

/* Many tiles of few channels, in blocks; so many channels that the tiles go in several groups; few tiles of many
 * channels; fewer channels than threads have k-blocks. */
static void test_sizes(void **state)
{
    (void)state;
    check_all(conv_shape(33, 16, 16, 16, 24, 3, 1, 1), FILL_RANDOM, 60);
    check_all(conv_shape(11, 14, 14, 512, 16, 3, 1, 1), FILL_EXACT, 16);
    check_all(conv_shape(11, 14, 14, 16, 512, 3, 1, 1), FILL_RANDOM, 8);
    check_all(conv_shape(1, 4, 4, 256, 320, 3, 1, 1), FILL_RANDOM, 16);
    check_all(conv_shape(33, 16, 16, 16, 24, 3, 2, 1), FILL_RANDOM, 60);
    check_all(conv_shape(11, 28, 28, 512, 16, 3, 2, 1), FILL_EXACT, 8);
    check_all(conv_shape(1, 8, 8, 256, 320, 3, 2, 1), FILL_RANDOM, 16);
    check_all(conv_shape(5, 7, 7, 64, 8, 3, 1, 1), FILL_RANDOM, 60);
}

/* Widths 0.25 to 2 of the last layer at 32 pixels. */
static void test_widths(void **state)
{
    static const int channels[][2] = {{128, 128}, {96, 1024}, {1024, 96}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(channels); i++)
        check_all(conv_shape(7, 4, 4, channels[i][0], channels[i][1], 3, 1, 1), FILL_EXACT, 16);
}

/* Channels and pictures that no vector and no tile divides, and every padding; batch 1 to 3. */
static void test_odd(void **state)
{
    static const int channels[][2] = {{8, 8}, {9, 33}, {17, 15}, {31, 65}, {48, 19}, {100, 10}, {12, 130}};
    static const int pictures[][3] = {{1, 1, 1}, {5, 7, 0}, {13, 9, 1}, {3, 6, 2}, {2, 2, 1}, {7, 4, 2}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(channels) * SK_COUNT(pictures); i++) {
        const int *p = pictures[i % SK_COUNT(pictures)], *c = channels[i / SK_COUNT(pictures)];
        enum fill fill = i % 3 == 0 ? FILL_RANDOM : FILL_EXACT;
        check_all(conv_shape(1 + (int)i % 3, p[0], p[1], c[0], c[1], 3, 1, p[2]), fill, 30);
        if (i % 2 == 0)
            check_all(conv_shape(1 + (int)i % 3, p[0], p[1], c[0], c[1], 3, 2, 1), fill, 30);
    }
}

/* Bias, residual, in place, ReLU, weights transformed in advance; batch 1 and more. */
static void test_fused(void **state)
{
    const struct sk_conv_shape shapes[] = {conv_shape(2, 10, 11, 32, 48, 3, 1, 1),
                                           conv_shape(1, 4, 4, 64, 130, 3, 1, 1), conv_shape(9, 6, 6, 17, 20, 3, 1, 0),
                                           conv_shape(3, 9, 8, 18, 24, 3, 2, 1)};
    (void)state;
    for (int mask = 1; mask < 32; mask++)
        for (size_t i = 0; i < SK_COUNT(shapes); i++) {
            struct conv_case c = {.bias = mask & 1,
                                  .residual = mask & 2,
                                  .relu = mask & 4,
                                  .frozen = mask & 8,
                                  .in_place = mask & 16,
                                  .shape = shapes[i],
                                  .fill = mask % 3 == 0 ? FILL_RANDOM : FILL_EXACT,
                                  .samples = 60};
            if (c.residual || !c.in_place)
                check(c);
        }
}

static void test_frozen_grad_data(void **state)
{
    (void)state;
    check((struct conv_case){.pass = CONV_GRAD_DATA,
                             .shape = conv_shape(9, 4, 4, 32, 48, 3, 1, 1),
                             .frozen = true,
                             .fill = FILL_EXACT,
                             .samples = 60});
}

/* ---- what it declines ---- */

static void declines_env(const struct sk_op_desc *op, const struct sk_kernel *k, enum sk_winograd winograd,
                         const char *why)
{
    struct sk_err err = {0};
    struct sk_kernel_env env = {.threads = 2, .winograd = winograd};
    struct sk_kernel_need need;
    void *self = NULL;
    assert_error(k->open(&self, op, &env, 0, &need, &err), SK_UNSUPPORTED, err, why);
    assert_null(self);
}

/* Every pass of it. */
static void declines(struct sk_conv_shape shape, enum sk_winograd winograd, const char *why)
{
    for (int pass = 0; pass < CONV_PASSES; pass++) {
        struct conv_case c = {.kernel = "winograd", .pass = (enum conv_pass)pass, .shape = shape};
        const struct sk_op_desc op = conv_case_op(&c);
        declines_env(&op, conv_case_kernel(&c), winograd, why);
    }
}

static void test_declines(void **state)
{
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    declines(conv_shape(2, 4, 4, 16, 16, 3, 1, 1), SK_WINOGRAD_OFF, "engine.winograd is off");
    declines(conv_shape(2, 6, 6, 16, 16, 5, 1, 2), SK_WINOGRAD_SAFE, "5x5 with stride 1, not 3x3 with stride 1 or 2");
    declines(conv_shape(2, 4, 4, 16, 16, 1, 1, 0), SK_WINOGRAD_SAFE, "1x1 with stride 1, not 3x3 with stride 1 or 2");
    declines(conv_shape(2, 7, 7, 16, 16, 3, 3, 1), SK_WINOGRAD_FAST, "3x3 with stride 3, not 3x3 with stride 1 or 2");
    declines(conv_shape(2, 4, 4, 3, 64, 3, 1, 1), SK_WINOGRAD_SAFE, "3 channels: too few to gain");
    declines(conv_shape(2, 4, 4, 64, 7, 3, 1, 1), SK_WINOGRAD_SAFE, "7 channels: too few to gain");
    declines(conv_shape(2, 4, 4, 16, 16, 3, 1, 3), SK_WINOGRAD_SAFE, "a padding of 3 with stride 1");
    declines(conv_shape(2, 5, 5, 16, 16, 3, 2, 0), SK_WINOGRAD_SAFE, "a padding of 0 with stride 2");
    struct conv_case c = {.kernel = "winograd", .shape = conv_shape(2, 4, 4, 16, 16, 3, 1, 1)};
    const struct sk_op_desc good = conv_case_op(&c);
    struct sk_op_desc op = good;
    op.in[0].dim[0] = op.out[0].dim[0] = 0;
    declines_env(&op, &sk_wino_conv, SK_WINOGRAD_SAFE, "x is empty");
    op = good;
    op.out[0].dim[1] = 5;
    declines_env(&op, &sk_wino_conv, SK_WINOGRAD_SAFE, "do not belong together");
    op = good;
    op.in[1].dim[1] = 17;
    declines_env(&op, &sk_wino_conv, SK_WINOGRAD_SAFE, "do not belong together");
    op = good;
    op.out[0].dtype = SK_BF16;
    declines_env(&op, &sk_wino_conv, SK_WINOGRAD_SAFE, "do not belong together");
    op = good;
    op.in[0].dtype = op.out[0].dtype = SK_I32;
    declines_env(&op, &sk_wino_conv, SK_WINOGRAD_SAFE, "neither f32 nor bf16");
}

/* SKUA_CPU is read once a process: a child asks. */
static void test_declines_ref(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("SKUA_CPU", "ref", 1);
        execl("/proc/self/exe", "test_wino", "--ref", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_ref(void **state)
{
    (void)state;
    declines(conv_shape(2, 4, 4, 16, 16, 3, 1, 1), SK_WINOGRAD_SAFE, "SKUA_CPU=ref has none");
}

/* Every allocation of ours can fail; what was made before is given back. */
static void test_memory(void **state)
{
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    for (int pass = 0; pass < CONV_PASSES; pass++) {
        struct conv_case c = {
            .kernel = "winograd", .pass = (enum conv_pass)pass, .shape = conv_shape(4, 4, 4, 8, 8, 3, 1, 1)};
        const struct sk_op_desc op = conv_case_op(&c);
        struct sk_kernel_env env = {.threads = 2, .winograd = SK_WINOGRAD_SAFE};
        enum sk_code code = SK_NOMEM;
        for (long n = 1; code != SK_OK; n++) {
            struct sk_err err = {0};
            struct sk_kernel_need need;
            void *self = NULL;
            sk_mem_fail_after(n);
            code = conv_case_kernel(&c)->open(&self, &op, &env, 0, &need, &err);
            sk_mem_fail_after(0);
            assert_int_equal(code, n == 1 ? SK_NOMEM : err.code);
            assert_true((code == SK_OK) == (self != NULL));
            conv_case_kernel(&c)->close(self);
        }
    }
}

/* The table of errors that the guide sums up. */
static int print_errors(void)
{
    static const char *const kernel[] = {NULL, "winograd"};
    printf("| op | type | channels | stride | kernel | error |\n|---|---|---|---|---|---|\n");
    for (int pass = 0; pass < CONV_PASSES; pass++)
        for (int type = 0; type < SK_K_TYPES; type++)
            for (int channels = 64; channels <= 512; channels *= 8)
                for (int stride = 1; stride <= 2; stride++)
                    for (size_t i = 0; i < 2; i++)
                        conv_case_errors(
                            &(struct conv_case){.kernel = kernel[i],
                                                .winograd = SK_WINOGRAD_FAST,
                                                .pass = (enum conv_pass)pass,
                                                .type = (enum sk_ktype)type,
                                                .shape = conv_shape(8, 16, 16, channels, channels, 3, stride, 1),
                                                .fill = FILL_RANDOM,
                                                .samples = 1000,
                                                .masters = true});
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),   cmocka_unit_test(test_resnet),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_widths),
        cmocka_unit_test(test_odd),      cmocka_unit_test(test_fused),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_frozen_grad_data),
        cmocka_unit_test(test_declines), cmocka_unit_test(test_declines_ref),
    };
    const struct CMUnitTest ref[] = {cmocka_unit_test(test_ref)};
    if (argc > 1 && strcmp(argv[1], "--errors") == 0)
        return print_errors();
    if (argc > 1 && strcmp(argv[1], "--ref") == 0)
        return cmocka_run_group_tests(ref, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Winograd kernels: whole convolutions, gradients of data and of weights against the definition in double, for every
 * kind at every instruction-set level, with guard pages around all memory. */
#include <math.h>
#include <stdio.h>

#include "kern/wino_bound.h"
#include "kern/wino_case.h"

static int runs;

/* All passes, both types, with stride 1 both tile sizes where the fill allows it. */
static void check_all(struct sk_conv_shape shape, enum fill fill, bool norm, size_t work)
{
    int most = shape.stride == 2 || fill == FILL_EXACT ? 2 : 4;
    for (int pass = 0; pass < CONV_PASSES; pass++)
        for (int outer = 0; outer < SK_K_TYPES; outer++)
            for (int m = 2; m <= most; m += 2) {
                enum sk_wino_alg alg = wino_bound_alg((enum conv_pass)pass, shape.stride, m);
                struct wino_case c = {(enum conv_pass)pass, alg, (enum sk_ktype)outer, shape, fill, norm, work};
                if (!norm || pass != CONV_GRAD_DATA)
                    runs += wino_case_check(&c);
            }
}

/* What the bounds are made of is Winograd's algorithm. */
static void test_matrices(void **state)
{
    (void)state;
    for (int alg = 0; alg < SK_WINO_ALGS; alg++)
        assert_true(wino_bound_identity((enum sk_wino_alg)alg) <= (alg == SK_WINO_F4 ? 1e-14 : 0));
}

/* Every kind is there at the levels that can have it. */
static void test_kinds(void **state)
{
    static const int sizes[SK_WINO_ALGS][2] = {{2, 16}, {4, 36}, {2, 25}, {4, 25}}; /* m, points */
    (void)state;
    for (int level = SK_ISA_REF; level <= (int)sk_isa_hardware(); level++) {
        struct sk_kern all;
        sk_kern_init(&all, (enum sk_isa)level);
        for (int i = 0; i < SK_WINO_ALGS * SK_WINO_TYPES; i++) {
            int alg = i / SK_WINO_TYPES, type = i % SK_WINO_TYPES;
            const struct sk_kern_wino *k = &all.wino[alg][type];
            bool has = level >= (type == SK_WINO_BF16 ? SK_ISA_AVX512_BF16 : SK_ISA_AVX2);
            assert_int_equal(k->points, has ? sizes[alg][1] : 0);
            if (!has)
                continue;
            assert_int_equal(k->m, sizes[alg][0]);
            assert_int_equal(k->alg, alg);
            assert_int_equal(k->outer, type == SK_WINO_F32 ? SK_K_F32 : SK_K_BF16);
            assert_int_equal(k->inner, type == SK_WINO_BF16 ? SK_K_BF16 : SK_K_F32);
            assert_true(k->block > 0 && k->block % SK_WINO_ALIGN == 0);
        }
    }
}

/* ---- shapes ---- */

/* 3x3 layers of ResNet-18 and -50 at 224 and 32 pixels: {picture, in, out, stride}. */
static const int resnet[][4] = {
    {56, 64, 64, 1},   {28, 128, 128, 1}, {14, 256, 256, 1}, {7, 512, 512, 1},  {56, 64, 128, 2}, {28, 128, 256, 2},
    {14, 256, 512, 2}, {56, 128, 128, 2}, {28, 256, 256, 2}, {14, 512, 512, 2}, {32, 64, 64, 1},  {16, 128, 128, 1},
    {8, 256, 256, 1},  {4, 512, 512, 1},  {32, 64, 128, 2},  {16, 128, 256, 2}, {8, 256, 512, 2}};

static void test_resnet(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(resnet); i++) {
        const int *l = resnet[i];
        check_all(conv_shape(1, l[0], l[0], l[1], l[2], 3, l[3], 1), FILL_RANDOM, false, 200000);
    }
}

/* Widths 0.25 to 2 of the last layers of the 32-pixel network, some pictures, and its stem. */
static void test_widths(void **state)
{
    static const int widths[][3] = {{16, 4, 3}, {32, 4, 3}, {64, 4, 3},  {128, 4, 2},
                                    {96, 8, 1}, {48, 7, 2}, {1024, 4, 1}}; /* channels, picture, pictures */
    (void)state;
    for (size_t i = 0; i < SK_COUNT(widths); i++) {
        int c = widths[i][0], size = widths[i][1], k = c == 1024 ? 96 : c;
        check_all(conv_shape(widths[i][2], size, size, c, k, 3, 1, 1), FILL_EXACT, false, 100000);
        check_all(conv_shape(widths[i][2], 2 * size, size, k, c, 3, 2, 1), FILL_EXACT, false, 100000);
        check_all(conv_shape(1, size, size, k, c, 3, 1, 1), FILL_RANDOM, false, 100000);
    }
    check_all(conv_shape(2, 32, 32, 3, 64, 3, 1, 1), FILL_EXACT, false, 100000);
}

static const int odd[] = {1, 3, 7, 16, 17, 31, 48, 65, 100, 130};
/* Pictures: {height, width, pad}. */
static const int pictures[][3] = {{1, 1, 1}, {1, 1, 2}, {2, 1, 1}, {3, 3, 0}, {1, 6, 1},  {4, 4, 1},  {5, 7, 0},
                                  {5, 3, 2}, {7, 6, 1}, {6, 9, 2}, {8, 8, 0}, {13, 9, 1}, {9, 13, 1}, {12, 5, 2}};

/* Some pairs of channels, the pictures in turn. */
static void check_odd(enum fill fill, bool norm, int stride, size_t step)
{
    size_t turn = (size_t)fill * 5 + norm;
    for (size_t i = 0; i < SK_COUNT(odd); i++)
        for (size_t j = turn % step; j < SK_COUNT(odd); j += step) {
            const int *p = pictures[turn++ % SK_COUNT(pictures)];
            check_all(conv_shape(1 + (int)(turn % 3), p[0], p[1], odd[i], odd[j], 3, stride, stride == 2 ? 1 : p[2]),
                      fill, norm, 200000);
        }
}

static void test_exact(void **state)
{
    (void)state;
    check_odd(FILL_EXACT, false, 1, 1);
    check_odd(FILL_EXACT, false, 2, 1);
}

static void test_random(void **state)
{
    (void)state;
    check_odd(FILL_RANDOM, false, 1, 1);
    check_odd(FILL_RANDOM, false, 2, 2);
}

static void test_special(void **state)
{
    (void)state;
    for (int stride = 1; stride <= 2; stride++) {
        check_odd(FILL_SPECIAL, false, stride, 4);
        check_odd(FILL_SPECIAL, true, stride, 5);
    }
}

/* Shifts of either sign: beside the picture there is zero, not relu(shift). */
static void test_norm(void **state)
{
    (void)state;
    for (int stride = 1; stride <= 2; stride++) {
        check_odd(FILL_EXACT, true, stride, 5);
        check_odd(FILL_RANDOM, true, stride, 5);
    }
}

/* Every result of every picture, channels on either side of a vector. */
static void test_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(pictures); i++) {
        const int *p = pictures[i];
        check_all(conv_shape(2, p[0], p[1], 5, 17, 3, 1, p[2]), FILL_RANDOM, false, 0);
        check_all(conv_shape(1, p[0], p[1], 18, 33, 3, 1, p[2]), FILL_EXACT, false, 0);
        check_all(conv_shape(2, p[0], p[1], 17, 5, 3, 2, 1), FILL_RANDOM, false, 0);
        check_all(conv_shape(1, p[0], p[1], 33, 18, 3, 2, 1), FILL_EXACT, false, 0);
    }
}

/* ---- a weight that is not finite ---- */

static const struct sk_conv_shape weight_shape = {2, 5, 6, 19, 21, 3, 3, 5, 6, 1, 1, 1};

static void check_weight(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    enum { BAD = 18 };
    static float w[19 * 21 * 9], x[2 * 5 * 6 * 19], y[2 * 5 * 6 * 21];
    const struct sk_conv_shape *s = &weight_shape;
    struct sk_rng r;
    struct wino_run run = {kern, {s->n, s->h, s->w, s->c, s->k, s->p, s->q, s->pad}, 4, SIDE_END, 0x3F};
    check_rng(&r, 77);
    check_case("%s %s, a weight that is not finite", sk_isa_name(level), wino_case_name(kern));
    check_fill(x, conv_count_x(s), kern->outer, FILL_RANDOM, &r);
    check_fill(w, conv_count_w(s), SK_K_F32, FILL_RANDOM, &r);
    w[conv_at(BAD, 3, s->c, 1, 3, 2, 3)] = *(const float *)arg;
    wino_run_conv(&run, &(struct sk_wino_source){.x = x}, w, false,
                  &(struct sk_wino_sink){.finish = SK_WINO_STORE, .y = y}, NULL);
    for (size_t i = 0; i < conv_count_y(s); i++) {
        struct conv_index at = conv_index(i, s->p, s->q, s->k);
        bool reads = at.d == BAD && at.c + 1 < s->w; /* tap 2 of the last column is outside */
        float v = check_get(y, i, kern->outer);
        if (reads ? isfinite(v) : at.d != BAD && !isfinite(v))
            check_fail("result %zu is %g", i, (double)v);
    }
}

static void test_weight(void **state)
{
    (void)state;
    float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < SK_COUNT(bad); i++)
        for (int outer = 0; outer < SK_K_TYPES; outer++)
            for (int m = 2; m <= 4; m += 2)
                wino_case_each(m == 2 ? SK_WINO_F2 : SK_WINO_F4, (enum sk_ktype)outer, check_weight, &bad[i]);
}

/* The tests above would pass without a kernel. */
static void test_ran(void **state)
{
    (void)state;
    assert_true(sk_isa_hardware() == SK_ISA_REF ? runs == 0 : runs > 1000);
}

/* ---- timing ---- */

/* 28 x 28 pictures of 64 channels, in float32 or bf16: a k-block of each function. */
enum { BENCH_CHANNELS = 64, BENCH_SIZE = 28, BENCH_TILES = 49, BENCH_PLANE = BENCH_TILES * BENCH_CHANNELS + 32 };
static float bench_x[BENCH_SIZE * BENCH_SIZE * BENCH_CHANNELS], bench_y[BENCH_SIZE * BENCH_SIZE * BENCH_CHANNELS];
static float bench_w[BENCH_CHANNELS * BENCH_CHANNELS * 9];
static float bench_u[SK_WINO_POINTS * BENCH_CHANNELS * BENCH_CHANNELS] __attribute__((aligned(64)));
static float bench_v[SK_WINO_POINTS * BENCH_PLANE] __attribute__((aligned(64)));
static float bench_m[SK_WINO_POINTS * BENCH_PLANE] __attribute__((aligned(64)));

static struct sk_wino_shape bench_shape(const struct sk_kern_wino *kern)
{
    const int size = BENCH_SIZE, c = BENCH_CHANNELS;
    if (kern->alg == SK_WINO_S2)
        return (struct sk_wino_shape){1, size, size, c, c, size / 2, size / 2, 1};
    if (kern->alg == SK_WINO_T2)
        return (struct sk_wino_shape){1, size / 2, size / 2, c, c, size, size, 1};
    return (struct sk_wino_shape){1, size, size, c, c, size, size, 1};
}

static void time_filter(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    kern->filter(kern, &s, bench_w, false, 0, 0, BENCH_CHANNELS, bench_u);
}

static void time_input(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    kern->input(kern, &s, &(struct sk_wino_source){.x = bench_x}, 0, BENCH_TILES, bench_v, BENCH_PLANE);
}

static void time_product(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    kern->product(kern, &s, bench_u, 0, bench_v, BENCH_PLANE, BENCH_TILES, bench_m, BENCH_PLANE);
}

static void time_output(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    struct sk_wino_sink to = {.finish = SK_WINO_STORE, .y = bench_y};
    kern->output(kern, &s, &to, 0, BENCH_TILES, 0, bench_m, BENCH_PLANE);
}

static void time_forward(void *arg)
{
    time_input(arg);
    time_product(arg);
    time_output(arg);
}

static void time_grad_input(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    kern->grad_input(kern, &s, &(struct sk_wino_source){.x = bench_x}, 0, BENCH_TILES, bench_v, BENCH_PLANE);
}

static void time_grad_output(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    kern->grad_output(kern, &s, bench_y, 0, BENCH_TILES, bench_m, BENCH_PLANE);
}

static void time_grad_product(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    size_t size = kern->inner == SK_K_BF16 ? 2 : 4, width = sk_wino_width(kern, &s, 0);
    for (size_t p = 0; p < (size_t)kern->points; p++)
        kern->grad_product(kern, &s, (char *)bench_v + p * BENCH_PLANE * size, (char *)bench_m + p * BENCH_PLANE * size,
                           BENCH_TILES - 1, 0, true, bench_u + p * BENCH_CHANNELS * width);
}

static void time_grad_filter(void *arg)
{
    const struct sk_kern_wino *kern = arg;
    struct sk_wino_shape s = bench_shape(kern);
    kern->grad_filter(kern, &s, bench_u, 0, 0, BENCH_CHANNELS, bench_w);
}

/* Bytes are those of the tiles, or of the weights, on the side of the transformed domain. */
static void bench_kind(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    static const struct {
        const char *name;
        void (*f)(void *arg);
        bool weights, grad;
    } parts[] = {{"forward", time_forward, false, false},
                 {"filter", time_filter, true, false},
                 {"input", time_input, false, false},
                 {"product", time_product, false, false},
                 {"output", time_output, false, false},
                 {"grad_input", time_grad_input, false, true},
                 {"grad_output", time_grad_output, false, true},
                 {"grad_product", time_grad_product, false, true},
                 {"grad_filter", time_grad_filter, true, true}};
    struct sk_kern_wino copy = *kern;
    (void)arg;
    for (size_t i = 0; i < SK_COUNT(parts); i++) {
        char name[64];
        double each = (double)(kern->points * BENCH_CHANNELS * (kern->inner == SK_K_BF16 ? 2 : 4));
        snprintf(name, sizeof name, "%s.%s", wino_case_name(kern), parts[i].name);
        if (!parts[i].grad || kern->alg != SK_WINO_T2)
            check_bench(name, level, kern->outer, each * (parts[i].weights ? kern->block : BENCH_TILES), parts[i].f,
                        &copy);
    }
}

static int bench(void)
{
    struct sk_rng r;
    check_rng(&r, 1);
    check_fill(bench_x, SK_COUNT(bench_x), SK_K_BF16, FILL_RANDOM, &r); /* as float32, too, they are numbers */
    check_fill(bench_y, SK_COUNT(bench_y), SK_K_BF16, FILL_RANDOM, &r);
    check_fill(bench_w, SK_COUNT(bench_w), SK_K_F32, FILL_RANDOM, &r);
    for (int alg = 0; alg < SK_WINO_ALGS; alg++)
        for (int outer = 0; outer < SK_K_TYPES; outer++)
            wino_case_each((enum sk_wino_alg)alg, (enum sk_ktype)outer, bench_kind, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrices), cmocka_unit_test(test_kinds),  cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_exact),    cmocka_unit_test(test_random), cmocka_unit_test(test_special),
        cmocka_unit_test(test_norm),     cmocka_unit_test(test_weight), cmocka_unit_test(test_resnet),
        cmocka_unit_test(test_widths),   cmocka_unit_test(test_ran),
    };
    if (check_wants_bench(argc, argv))
        return bench();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

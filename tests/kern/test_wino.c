/* Winograd kernels: whole convolutions, gradients of data and of weights against the definition in double, for every
 * kind at every instruction-set level, with guard pages around all memory. */
#include <math.h>
#include <stdio.h>

#include "kern/wino_bound.h"
#include "kern/wino_case.h"

static int runs;

/* Both types, both m where the fill allows it, all passes. */
static void check_all(struct sk_conv_shape shape, enum fill fill, bool norm, size_t work)
{
    for (int pass = 0; pass < CONV_PASSES; pass++)
        for (int outer = 0; outer < SK_K_TYPES; outer++)
            for (int m = 2; m <= (fill == FILL_EXACT ? 2 : 4); m += 2) {
                struct wino_case c = {(enum conv_pass)pass, m, (enum sk_ktype)outer, shape, fill, norm, work};
                if (!norm || pass != CONV_GRAD_DATA)
                    runs += wino_case_check(&c);
            }
}

/* What the bounds are made of is Winograd's algorithm. */
static void test_matrices(void **state)
{
    (void)state;
    assert_true(wino_bound_identity(2) == 0);
    assert_true(wino_bound_identity(4) < 1e-14);
}

/* Every kind is there at the highest level, and none but these. */
static void test_kinds(void **state)
{
    static const struct {
        int m;
        enum sk_ktype outer, inner;
    } want[SK_WINO_KINDS] = {
        [SK_WINO_F2_F32] = {2, SK_K_F32, SK_K_F32},    [SK_WINO_F4_F32] = {4, SK_K_F32, SK_K_F32},
        [SK_WINO_F2_MIXED] = {2, SK_K_BF16, SK_K_F32}, [SK_WINO_F4_MIXED] = {4, SK_K_BF16, SK_K_F32},
        [SK_WINO_F2_BF16] = {2, SK_K_BF16, SK_K_BF16}, [SK_WINO_F4_BF16] = {4, SK_K_BF16, SK_K_BF16}};
    (void)state;
    for (int level = SK_ISA_REF; level <= (int)sk_isa_hardware(); level++) {
        struct sk_kern all;
        sk_kern_init(&all, (enum sk_isa)level);
        for (int i = 0; i < SK_WINO_KINDS; i++) {
            const struct sk_kern_wino *k = &all.wino[i];
            bool has = level >= (want[i].inner == SK_K_BF16 ? SK_ISA_AVX512_BF16 : SK_ISA_AVX2);
            assert_int_equal(k->m, has ? want[i].m : 0);
            assert_true(!has || (k->outer == want[i].outer && k->inner == want[i].inner));
            assert_true(!has || (k->block > 0 && k->block % SK_WINO_ALIGN == 0));
        }
    }
}

/* ---- shapes ---- */

/* 3x3 layers with stride 1 of ResNet-18 and -50 at 224 and 32 pixels: {picture, channels}. */
static const int resnet[][2] = {{56, 64}, {28, 128}, {14, 256}, {7, 512}, {32, 64}, {16, 128}, {8, 256}, {4, 512}};

static void test_resnet(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(resnet); i++) {
        int size = resnet[i][0], c = resnet[i][1];
        check_all(conv_shape(1, size, size, c, c, 3, 1, 1), FILL_RANDOM, false, 400000);
    }
}

/* Widths 0.25 to 2 of the last layers of the 32-pixel network, some pictures, and its stem. */
static void test_widths(void **state)
{
    static const int widths[][3] = {{16, 4, 3}, {32, 4, 3}, {64, 4, 3},  {128, 4, 2},
                                    {96, 8, 1}, {48, 7, 2}, {1024, 4, 1}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(widths); i++) {
        int c = widths[i][0], size = widths[i][1];
        check_all(conv_shape(widths[i][2], size, size, c, c, 3, 1, 1), c == 1024 ? FILL_RANDOM : FILL_EXACT, false,
                  100000);
    }
    check_all(conv_shape(2, 32, 32, 3, 64, 3, 1, 1), FILL_EXACT, false, 100000);
}

static const int odd[] = {1, 3, 7, 16, 17, 31, 48, 65, 100, 130};
/* Pictures: {height, width, pad}. */
static const int pictures[][3] = {{1, 1, 1}, {1, 1, 2}, {2, 1, 1}, {3, 3, 0}, {1, 6, 1},  {4, 4, 1},  {5, 7, 0},
                                  {5, 3, 2}, {7, 6, 1}, {6, 9, 2}, {8, 8, 0}, {13, 9, 1}, {9, 13, 1}, {12, 5, 2}};

/* Every pair of channels once, the pictures in turn: all results of small ones. */
static void check_odd(enum fill fill, bool norm, size_t step)
{
    size_t turn = (size_t)fill * 5 + norm;
    for (size_t i = 0; i < SK_COUNT(odd); i++)
        for (size_t j = turn % step; j < SK_COUNT(odd); j += step) {
            const int *p = pictures[turn++ % SK_COUNT(pictures)];
            check_all(conv_shape(1 + (int)(turn % 3), p[0], p[1], odd[i], odd[j], 3, 1, p[2]), fill, norm, 200000);
        }
}

static void test_exact(void **state)
{
    (void)state;
    check_odd(FILL_EXACT, false, 1);
}

static void test_random(void **state)
{
    (void)state;
    check_odd(FILL_RANDOM, false, 1);
}

static void test_special(void **state)
{
    (void)state;
    check_odd(FILL_SPECIAL, false, 4);
    check_odd(FILL_SPECIAL, true, 5);
}

/* Shifts of either sign: beside the picture there is zero, not relu(shift). */
static void test_norm(void **state)
{
    (void)state;
    check_odd(FILL_EXACT, true, 5);
    check_odd(FILL_RANDOM, true, 5);
}

/* Every result of every picture, channels on either side of a vector. */
static void test_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(pictures); i++) {
        const int *p = pictures[i];
        check_all(conv_shape(2, p[0], p[1], 5, 17, 3, 1, p[2]), FILL_RANDOM, false, 0);
        check_all(conv_shape(1, p[0], p[1], 18, 33, 3, 1, p[2]), FILL_EXACT, false, 0);
    }
}

/* ---- a weight that is not finite ---- */

static const struct sk_conv_shape weight_shape = {2, 5, 6, 19, 21, 3, 3, 5, 6, 1, 1};

static void check_weight(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    enum { BAD = 18 };
    static float w[19 * 21 * 9], x[2 * 5 * 6 * 19], y[2 * 5 * 6 * 21];
    const struct sk_conv_shape *s = &weight_shape;
    struct sk_rng r;
    struct wino_run run = {kern, {s->n, s->h, s->w, s->c, s->k, s->p, s->q, s->pad}, 4, SIDE_END, 0x3F};
    check_rng(&r, 77);
    check_case("%s f%d, a weight that is not finite", sk_isa_name(level), kern->m);
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
                wino_case_each(m, (enum sk_ktype)outer, check_weight, &bad[i]);
}

/* The tests above would pass without a kernel. */
static void test_ran(void **state)
{
    (void)state;
    assert_true(sk_isa_hardware() == SK_ISA_REF ? runs == 0 : runs > 1000);
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
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

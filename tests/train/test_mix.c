/* MixUp and CutMix: boxes against torchvision's (backend/mix/make_mix.py), draws against their definitions with a fixed
 * seed. Bounds are those that chance exceeds once in ten thousand. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "train/train.h"

enum { DRAWS = 6000, HEIGHT = 32, WIDTH = 48 };

static void boxes_are_torchvisions(void **state)
{
    const char *other = getenv("SKUA_MIX_CASES");
    struct sk_safetensors st;
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_st_open(&st, other ? other : SKUA_TEST_DIR "/backend/mix/mix.safetensors", &err), err);
    const struct sk_st_tensor *t = sk_st_find(&st, "boxes");
    assert_true(t && t->elem == SK_ELEM_F64 && t->rank == 2 && t->dim[0] >= 100 && t->dim[1] == 10);
    for (int64_t i = 0; i < t->dim[0]; i++) {
        double b[10];
        memcpy(b, (const char *)t->data + (size_t)i * sizeof b, sizeof b);
        struct sk_mix mix = sk_mix_cut(b[0], (int)b[1], (int)b[2], (int)b[3], (int)b[4]);
        assert_true((double)mix.left == b[5] && (double)mix.top == b[6] && (double)mix.right == b[7] &&
                    (double)mix.bottom == b[8]);
        assert_true(fabs((double)mix.lambda - b[9]) < 1e-7);
    }
    sk_st_close(&st);
}

static struct sk_mix draw(double mixup, double cutmix, uint64_t batch)
{
    struct sk_recipe_train r = {.seed = 20, .mixup_alpha = mixup, .cutmix_alpha = cutmix};
    return sk_mix_draw(&r, 3, batch, HEIGHT, WIDTH);
}

static bool has_box(struct sk_mix m)
{
    return m.top < m.bottom && m.left < m.right;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* value[n] is uniform over 0..1 up to steps of `grain`: Kolmogorov-Smirnov. */
static void assert_uniform(const char *what, double *value, int n, double grain)
{
    double worst = 0;
    qsort(value, (size_t)n, sizeof *value, compare);
    for (int i = 0; i < n; i++)
        worst = fmax(worst, fabs(value[i] - (i + 0.5) / n));
    if (!(worst * sqrt(n) < 2.23 + grain * sqrt(n)))
        fail_msg("%s is not uniform: sqrt(n) D = %g", what, worst * sqrt(n));
}

static void mixup_draws_beta(void **state)
{
    static double lambda[DRAWS];
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_mix m = draw(1, 0, i);
        assert_false(has_box(m));
        lambda[i] = (double)m.lambda;
    }
    assert_uniform("lambda of Beta(1, 1)", lambda, DRAWS, 0);
}

/* With Beta(1000, 1000) boxes are 32 to 34 wide where no border cuts them, which tells their middle to a pixel or so.
 */
static void cutmix_middles_are_even(void **state)
{
    static double x[DRAWS];
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_mix m = draw(0, 1000, i);
        x[i] = (double)(m.left > 0 ? m.left + 17 : m.right - 17) / WIDTH;
    }
    assert_uniform("the middle of boxes", x, DRAWS, 2.0 / WIDTH);
}

/* What is left of the picture: its mean and deviation over all boxes, whose middles and (alpha 1) areas are even. */
static void cutmix_draws_areas(void **state)
{
    enum { CELLS = 200 };
    double sum = 0, square = 0, drawn = 0, n = (double)CELLS * HEIGHT * WIDTH;
    (void)state;
    for (int i = 0; i < CELLS; i++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                double left = (double)sk_mix_cut((i + 0.5) / CELLS, x, y, HEIGHT, WIDTH).lambda;
                sum += left;
                square += left * left;
            }
    double mean = sum / n, deviation = sqrt(square / n - mean * mean);
    for (uint64_t i = 0; i < DRAWS; i++)
        drawn += (double)draw(0, 1, i).lambda;
    assert_true(fabs(drawn / DRAWS - mean) < 3.9 * deviation / sqrt(DRAWS));
}

static void both_come_with_even_odds(void **state)
{
    int cut = 0, none = 0;
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        cut += has_box(draw(1, 8, i)); /* Beta(8, 8): hardly ever too small for a box */
        none += !has_box(draw(0, 8, i));
    }
    assert_int_equal(none, 0);
    assert_true(fabs(cut - DRAWS / 2.0) < 3.9 * sqrt(DRAWS / 4.0));
}

static void same_key_same_draw(void **state)
{
    struct sk_recipe_train r = {.seed = 1, .mixup_alpha = 0.4, .cutmix_alpha = 1},
                           s = {.seed = 2, .mixup_alpha = 0.4, .cutmix_alpha = 1};
    (void)state;
    struct sk_mix a = sk_mix_draw(&r, 1, 2, 32, 32), same = sk_mix_draw(&r, 1, 2, 32, 32);
    struct sk_mix others[] = {sk_mix_draw(&s, 1, 2, 32, 32), sk_mix_draw(&r, 2, 2, 32, 32),
                              sk_mix_draw(&r, 1, 3, 32, 32)};
    assert_memory_equal(&a, &same, sizeof a);
    for (size_t i = 0; i < SK_COUNT(others); i++)
        assert_memory_not_equal(&a, &others[i], sizeof a);
    struct sk_mix off = draw(0, 0, 1);
    assert_true(off.lambda == 1 && !has_box(off));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_torchvisions),   cmocka_unit_test(mixup_draws_beta),
        cmocka_unit_test(cutmix_middles_are_even),  cmocka_unit_test(cutmix_draws_areas),
        cmocka_unit_test(both_come_with_even_odds), cmocka_unit_test(same_key_same_draw)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

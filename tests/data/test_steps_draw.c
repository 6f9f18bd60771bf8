/* What steps draw, against their definitions: Kolmogorov-Smirnov for continuous values, chi-square for discrete ones,
 * with a fixed seed; and what is done with boxes and holes. Bounds are those that chance exceeds once in ten thousand. */
#include "test.h"

#include "data/steps.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWS = 6000, SEED = 20 };

static struct sk_drawn draw(const struct sk_picture_step *s, int h, int w, uint64_t index)
{
    struct sk_err err = {0};
    struct sk_drawn d = {0};
    struct sk_rng rng;
    sk_rng_init(&rng, SEED, 0, index, SK_RNG_AUGMENT);
    assert_ok(sk_step_draw(&d, s, h, w, &rng, &err), err);
    return d;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* value[n] must be uniform over low..high: sqrt(n) D is above 2.23 once in ten thousand. */
static void assert_uniform(const char *what, double *value, int n, double low, double high)
{
    double worst = 0;
    qsort(value, (size_t)n, sizeof(*value), compare);
    for (int i = 0; i < n; i++) {
        double f = (value[i] - low) / (high - low);
        worst = fmax(worst, fmax(fabs(f - (double)i / n), fabs(f - (i + 1.0) / n)));
    }
    if (!(worst * sqrt(n) < 2.23))
        fail_msg("%s: not uniform over %g..%g: sqrt(n) D = %g", what, low, high, worst * sqrt(n));
}

/* Counts of equally likely outcomes; the bound is Wilson and Hilferty's for one in ten thousand. */
static void assert_even(const char *what, const int *count, int cells)
{
    double all = 0, sum = 0, k = cells - 1;
    for (int i = 0; i < cells; i++)
        all += count[i];
    for (int i = 0; i < cells; i++)
        sum += (count[i] - all / cells) * (count[i] - all / cells) / (all / cells);
    double bound = k * pow(1 - 2 / (9 * k) + 3.719 * sqrt(2 / (9 * k)), 3);
    if (!(sum < bound))
        fail_msg("%s: chi-square %g of %d cells, at most %g expected", what, sum, cells, bound);
}

static void assert_share(const char *what, int hits, double p)
{
    double off = (hits - DRAWS * p) / sqrt(DRAWS * p * (1 - p));
    if (!(fabs(off) < 3.9))
        fail_msg("%s: %d of %d, %g deviations from %g", what, hits, DRAWS, off, p);
}

static double values[4][DRAWS];

/* Where every box fits, areas are uniform, aspects uniform in their logarithm, places even. */
static void resized_crop_boxes(void **state)
{
    (void)state;
    enum { SIDE = 30000, CELLS = 8 };
    struct sk_picture_step s = {.kind = SK_STEP_RANDOM_RESIZED_CROP, .scale = {0.08, 0.5}, .ratio = {0.75, 4.0 / 3}};
    int place[2][CELLS] = {{0}};
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_window w = draw(&s, SIDE, SIDE, i).window;
        values[0][i] = (double)w.height * w.width / ((double)SIDE * SIDE);
        values[1][i] = log((double)w.width / w.height);
        place[0][(int64_t)w.top * CELLS / (SIDE - w.height + 1)]++;
        place[1][(int64_t)w.left * CELLS / (SIDE - w.width + 1)]++;
    }
    assert_uniform("area", values[0], DRAWS, 0.08, 0.5);
    assert_uniform("aspect", values[1], DRAWS, log(0.75), log(4.0 / 3));
    assert_even("top", place[0], CELLS);
    assert_even("left", place[1], CELLS);
}

/* Boxes lie within any picture; one that no box of the aspects fits gives the largest in the middle. */
static void resized_crop_of_any_picture(void **state)
{
    (void)state;
    struct sk_picture_step s = {.kind = SK_STEP_RANDOM_RESIZED_CROP, .scale = {0.08, 1}, .ratio = {0.75, 4.0 / 3}};
    struct sk_rng rng;
    sk_rng_init(&rng, SEED, 0, 0, SK_RNG_TEST);
    for (uint64_t i = 0; i < DRAWS; i++) {
        int h = 1 + (int)sk_rng_below(&rng, 40), w = 1 + (int)sk_rng_below(&rng, 40);
        struct sk_window box = draw(&s, h, w, i).window;
        assert_true(box.top >= 0 && box.left >= 0 && box.height >= 1 && box.width >= 1);
        assert_true(box.top + box.height <= h && box.left + box.width <= w);
    }
    s.scale = (struct sk_range){1, 1};
    struct sk_window wide = draw(&s, 9, 100, 1).window, high = draw(&s, 100, 10, 1).window;
    assert_true(wide.top == 0 && wide.left == 44 && wide.height == 9 && wide.width == 12);
    assert_true(high.top == 43 && high.left == 0 && high.height == 13 && high.width == 10);
}

static void jitter_factors(void **state)
{
    (void)state;
    struct sk_picture_step s = {.kind = SK_STEP_COLOR_JITTER, .brightness = {0.6, 1.4}, .contrast = {0, 3},
                                .saturation = {0.8, 1}, .hue = {-0.1, 0.4}};
    const struct sk_range *ranges[] = {&s.brightness, &s.contrast, &s.saturation, &s.hue};
    int orders[256] = {0}, even[24], n = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_drawn d = draw(&s, 10, 10, i);
        for (int k = 0; k < SK_JITTERS; k++)
            values[k][i] = d.factor[k];
        orders[d.order[0] | d.order[1] << 2 | d.order[2] << 4 | d.order[3] << 6]++;
    }
    for (int k = 0; k < SK_JITTERS; k++)
        assert_uniform("factor", values[k], DRAWS, ranges[k]->low, ranges[k]->high);
    for (int i = 0; i < 256; i++)
        if (orders[i] > 0) {
            assert_true(n < 24);
            even[n++] = orders[i];
        }
    assert_int_equal(n, 24);
    assert_even("order", even, 24);
}

static void angles_and_shifts(void **state)
{
    (void)state;
    struct sk_picture_step s = {.kind = SK_STEP_AFFINE, .degrees = {-30, 60}, .translate = {0.1, 0.3}, .scale = {0.5, 2},
                                .shear = {-5, 10}, .shear_y = {1, 2}};
    int shift[61] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_affine a = draw(&s, 100, 50, i).affine;
        values[0][i] = a.angle;
        values[1][i] = a.scale;
        values[2][i] = a.shear[0];
        values[3][i] = a.shear[1];
        assert_true(fabs(a.shift[0]) <= 5 && fabs(a.shift[1]) <= 30 && a.centre[0] == 25 && a.centre[1] == 50);
        shift[(int)a.shift[1] + 30]++;
    }
    assert_uniform("angle", values[0], DRAWS, -30, 60);
    assert_uniform("scale", values[1], DRAWS, 0.5, 2);
    assert_uniform("shear along x", values[2], DRAWS, -5, 10);
    assert_uniform("shear along y", values[3], DRAWS, 1, 2);
    assert_even("shift", shift + 1, 59); /* the outermost two are rounded from half as much */
    s = (struct sk_picture_step){.kind = SK_STEP_ROTATION, .degrees = {10, 20}};
    for (uint64_t i = 0; i < DRAWS; i++)
        values[0][i] = draw(&s, 10, 10, i).angle;
    assert_uniform("rotation", values[0], DRAWS, 10, 20);
}

static void erased_boxes(void **state)
{
    (void)state;
    struct sk_picture_step s = {.kind = SK_STEP_RANDOM_ERASING, .p = 0.3, .scale = {0.02, 0.2}, .ratio = {0.3, 3.3}};
    int on = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_drawn d = draw(&s, 20000, 20000, i);
        if (!d.on)
            continue;
        values[0][on] = d.window.height * (double)d.window.width / 4e8;
        values[1][on++] = log((double)d.window.height / d.window.width);
        assert_true(d.window.top + d.window.height <= 20000 && d.window.left + d.window.width <= 20000);
    }
    assert_share("erased", on, 0.3);
    assert_uniform("area", values[0], on, 0.02, 0.2);
    assert_uniform("aspect", values[1], on, log(0.3), log(3.3));
    s.scale = (struct sk_range){1, 1};
    s.p = 1;
    assert_false(draw(&s, 10, 10, 0).on); /* no box is that large */
}

/* Every pixel is the middle of a hole as often; what hangs out is cut off. */
static void holes(void **state)
{
    (void)state;
    struct sk_picture_step s = {.kind = SK_STEP_CUTOUT, .holes = 2, .length = 4, .value = {10, 20, 30}};
    int seen[6 * 5] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_drawn d = draw(&s, 6, 5, i);
        struct sk_picture p = {0}, scratch = {0};
        struct sk_err err = {0};
        for (int k = 0; k < 2; k++) {
            const struct sk_window *w = &d.hole[k];
            int y = w->top > 0 ? w->top + 2 : w->height - 2, x = w->left > 0 ? w->left + 2 : w->width - 2;
            seen[y * 5 + x]++;
            assert_true(w->top == (y < 2 ? 0 : y - 2) && w->top + w->height == (y + 2 > 6 ? 6 : y + 2));
            assert_true(w->left == (x < 2 ? 0 : x - 2) && w->left + w->width == (x + 2 > 5 ? 5 : x + 2));
        }
        if (i >= 50)
            continue;
        assert_ok(sk_picture_reserve(&p, 6, 5, 3, SK_PIXEL_U8, &err), err);
        memset(p.data, 200, 90);
        assert_ok(sk_step_apply(&p, &scratch, &s, &d, &err), err);
        for (int at = 0; at < 90; at++) {
            int y = at / 15, x = at / 3 % 5;
            bool in = false;
            for (int k = 0; k < 2; k++)
                in = in || (y >= d.hole[k].top && y < d.hole[k].top + d.hole[k].height && x >= d.hole[k].left &&
                            x < d.hole[k].left + d.hole[k].width);
            assert_int_equal(((uint8_t *)p.data)[at], in ? 10 * (1 + at % 3) : 200);
        }
        sk_picture_release(&p);
    }
    assert_even("middle", seen, 30);
}

static void policies(void **state)
{
    (void)state;
    struct sk_picture_step s = {.kind = SK_STEP_RAND_AUGMENT, .n = 3, .m = 15};
    int op[SK_OPS] = {0}, sign[2] = {0}, level[SK_MAGNITUDES] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct sk_drawn d = draw(&s, 64, 32, i);
        assert_int_equal(d.ops, 3);
        op[d.op[i % 3].op]++;
        if (d.op[0].op == SK_OP_ROTATE) {
            assert_true(fabs(d.op[0].magnitude) == 15);
            sign[d.op[0].magnitude > 0]++;
        }
    }
    assert_even("operation", op, SK_OPS);
    assert_even("sign", sign, 2);
    memset(op, 0, sizeof(op));
    s = (struct sk_picture_step){.kind = SK_STEP_TRIVIAL_AUGMENT_WIDE};
    for (uint64_t i = 0; i < 5 * DRAWS; i++) {
        struct sk_drawn d = draw(&s, 64, 32, i);
        op[d.op[0].op]++;
        if (d.op[0].op == SK_OP_ROTATE)
            level[lround(fabs(d.op[0].magnitude) / 4.5)]++;
    }
    assert_even("operation", op, SK_OPS);
    assert_even("magnitude", level, SK_MAGNITUDES);
}

static void chances(void **state)
{
    (void)state;
    static const enum sk_step_kind kinds[] = {SK_STEP_FLIP, SK_STEP_VERTICAL_FLIP, SK_STEP_GRAYSCALE};
    for (size_t k = 0; k < SK_COUNT(kinds); k++) {
        struct sk_picture_step s = {.kind = kinds[k], .p = 0.2};
        int on = 0;
        for (uint64_t i = 0; i < DRAWS; i++)
            on += draw(&s, 4, 4, i).on;
        assert_share("chance", on, 0.2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resized_crop_boxes), cmocka_unit_test(resized_crop_of_any_picture),
        cmocka_unit_test(jitter_factors),     cmocka_unit_test(angles_and_shifts),
        cmocka_unit_test(erased_boxes),       cmocka_unit_test(holes),
        cmocka_unit_test(policies),           cmocka_unit_test(chances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

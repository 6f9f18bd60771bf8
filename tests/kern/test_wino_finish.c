/* What Winograd kernels do with their outputs: bias, residual and ReLU, the statistics of a batch norm, mask and sums
 * of one's gradient; for every kind at every level, exactly for all but F(4x4) on integers and within derived bounds
 * else. */
#include <math.h>
#include <stdio.h>

#include "kern/wino_bound.h"
#include "kern/wino_case.h"

enum tensor { X, W, Y, RESIDUAL, BIAS, MASK_X, MASK_Y, SCALE, SHIFT, MEAN, PARTS, TENSORS };
static const enum tensor of_outputs[] = {Y, RESIDUAL, MASK_X, MASK_Y};
static const struct sk_conv_shape shapes[] = {
    {2, 9, 7, 5, 17, 3, 3, 9, 7, 1, 1, 1}, {1, 13, 9, 16, 48, 3, 3, 11, 7, 1, 0, 1}, {3, 4, 4, 20, 70, 3, 3, 4, 4, 1, 1, 1},
    {2, 1, 1, 3, 8, 3, 3, 1, 1, 1, 1, 1},  {1, 3, 10, 33, 31, 3, 3, 5, 12, 1, 2, 1}, {2, 9, 14, 7, 33, 3, 3, 5, 7, 2, 1, 1},
};
struct fixture {
    const struct sk_conv_shape *s;
    enum sk_wino_alg alg;
    int m; /* outputs of a tile */
    enum sk_ktype outer;
    bool exact;
    struct guard memory[TENSORS];
    double *want; /* the convolution, by definition */
    struct wino_bound *bound;
    size_t rows; /* tiles of a range */
    int runs;
};

static size_t count_of(const struct fixture *f, int t)
{
    switch (t) {
    case X:
        return conv_count_x(f->s);
    case W:
        return conv_count_w(f->s);
    case PARTS:
        return 3 * conv_count_y(f->s); /* no more ranges than pixels */
    case BIAS:
    case SCALE:
    case SHIFT:
    case MEAN:
        return (size_t)f->s->k;
    default:
        return conv_count_y(f->s);
    }
}

static enum sk_ktype type_of(const struct fixture *f, int t)
{
    bool outer = t == X;
    for (size_t i = 0; i < SK_COUNT(of_outputs); i++)
        outer = outer || t == (int)of_outputs[i];
    return outer ? f->outer : SK_K_F32;
}

static size_t bytes_of(const struct fixture *f, int t)
{
    return count_of(f, t) * (type_of(f, t) == SK_K_BF16 ? 2 : 4);
}

static double get(const struct fixture *f, enum tensor t, size_t i)
{
    return (double)check_get(f->memory[t].data, i, type_of(f, (int)t));
}

static float *floats(const struct fixture *f, enum tensor t)
{
    return (float *)(void *)f->memory[t].data;
}

/* The convolution of what X and W hold. */
static void define(struct fixture *f)
{
    size_t n = conv_count_y(f->s);
    double *x = sk_alloc(count_of(f, X), sizeof *x, NULL), *w = sk_alloc(count_of(f, W), sizeof *w, NULL);
    f->want = sk_alloc(n, sizeof *f->want, NULL);
    f->bound = sk_alloc(n, sizeof *f->bound, NULL);
    assert_true(x != NULL && w != NULL && f->want != NULL && f->bound != NULL);
    for (size_t i = 0; i < count_of(f, X); i++)
        x[i] = get(f, X, i);
    for (size_t i = 0; i < count_of(f, W); i++)
        w[i] = get(f, W, i);
    for (size_t i = 0; i < n; i++) {
        struct conv_data d = {x, w, NULL, NULL};
        f->want[i] = conv_define(CONV_FORWARD, f->s, &d, i).value;
        if (!f->exact)
            f->bound[i] = wino_bound_at(f->alg, CONV_FORWARD, f->s, &d, i);
    }
    sk_free(x);
    sk_free(w);
}

/* What a mask is taken from is always integers: whether it lets pass is never in doubt. */
static void open_fixture(struct fixture *f, enum side side)
{
    struct sk_rng r;
    check_rng(&r, (uint64_t)(f->s->c * 1000 + f->s->k * 10 + f->m));
    for (int t = 0; t < TENSORS; t++) {
        guard_open(&f->memory[t], bytes_of(f, t));
        void *p = guard_place(&f->memory[t], bytes_of(f, t), side);
        if (t == SCALE)
            check_fill_channels(p, count_of(f, t), FILL_EXACT, &r);
        else if (f->exact || t == MASK_X || t == MASK_Y || t == SHIFT)
            wino_case_integers(p, count_of(f, t), type_of(f, t), t == W ? 4.0f : 1.0f, &r);
        else
            check_fill(p, count_of(f, t), type_of(f, t), FILL_RANDOM, &r);
    }
}

static void close_fixture(struct fixture *f)
{
    for (int t = 0; t < TENSORS; t++)
        guard_close(&f->memory[t]);
    sk_free(f->want);
    sk_free(f->bound);
}

/* ---- running ---- */

/* One run with y full of rubbish, or of the residual where that is in place. */
static void run(struct fixture *f, const struct sk_kern_wino *kern, struct sk_wino_sink to)
{
    const struct sk_conv_shape *s = f->s;
    struct wino_run r = {
        kern, {s->n, s->h, s->w, s->c, s->k, s->p, s->q, s->pad}, f->rows, (enum side)(f->runs++ % SIDES), 0xFF};
    to.y = f->memory[Y].data;
    memset(to.y, 0xFF, bytes_of(f, Y));
    memset(f->memory[PARTS].data, 0xFF, bytes_of(f, PARTS));
    if (to.residual == to.y)
        memcpy(to.y, f->memory[RESIDUAL].data, bytes_of(f, Y));
    wino_run_conv(&r, &(struct sk_wino_source){.x = f->memory[X].data}, floats(f, W), false, &to,
                  to.finish == SK_WINO_STORE ? NULL : floats(f, PARTS));
    for (int t = 0; t < TENSORS; t++)
        guard_verify(&f->memory[t], "a tensor");
}

/* Range of tiles that output i is of. */
static size_t range_of(const struct fixture *f, size_t i)
{
    struct conv_index y = conv_index(i, f->s->p, f->s->q, f->s->k);
    int down = (f->s->p + f->m - 1) / f->m, across = (f->s->q + f->m - 1) / f->m;
    return (size_t)((y.a * down + y.b / f->m) * across + y.c / f->m) / f->rows;
}

/* Bound of output i of this kernel before it is stored. */
static double bound_of(const struct fixture *f, const struct sk_kern_wino *kern, size_t i, double added)
{
    if (f->exact)
        return 0;
    return f->bound[i].f32 + (kern->inner == SK_K_BF16 ? f->bound[i].bf16 : 0) +
           2 * CHECK_EPS * (fabs(f->want[i]) + added);
}

static void compare(const struct fixture *f, size_t i, double want, double bound)
{
    if (f->exact && f->outer == SK_K_BF16)
        check_one("y", i, get(f, Y, i), (double)sk_bf16_to_f32(sk_f32_to_bf16((float)want)), 0, SK_K_F32);
    else
        check_one("y", i, get(f, Y, i), want, bound, f->outer);
}

static void set_case(const struct fixture *f, const struct sk_kern_wino *kern, enum sk_isa level, const char *what)
{
    const struct sk_conv_shape *s = f->s;
    check_case("%s %s %s: %s, %d images %dx%d, %d to %d channels, stride %d, pad %d, ranges of %zu tiles",
               sk_isa_name(level), wino_case_name(kern), f->exact ? "exact" : "random", what, s->n, s->h, s->w, s->c,
               s->k, s->stride, s->pad, f->rows);
}

/* Every shape, both types and, with stride 1, tile sizes, exact but for F(4x4); ranges of several lengths. */
static int for_all(void (*check)(void *arg, const struct sk_kern_wino *kern, enum sk_isa level))
{
    static const size_t rows[] = {1, 4, 7, 96};
    int runs = 0;
    for (size_t i = 0; i < SK_COUNT(shapes) * SK_K_TYPES * 3; i++) {
        const struct sk_conv_shape *s = &shapes[i / 3 / SK_K_TYPES];
        enum sk_wino_alg alg = wino_bound_alg(CONV_FORWARD, s->stride, i % 3 < 2 ? 2 : 4);
        struct fixture f = {.s = s,
                            .alg = alg,
                            .m = alg == SK_WINO_F4 ? 4 : 2,
                            .outer = (enum sk_ktype)(i / 3 % SK_K_TYPES),
                            .exact = i % 3 == 0,
                            .rows = rows[i % SK_COUNT(rows)]};
        open_fixture(&f, (enum side)(i % SIDES));
        define(&f);
        wino_case_each(f.alg, f.outer, check, &f);
        close_fixture(&f);
        runs += f.runs;
    }
    return runs;
}

/* ---- stored, perhaps with bias, residual and ReLU ---- */

static void check_store_as(struct fixture *f, const struct sk_kern_wino *kern, bool bias, int residual, bool relu)
{
    struct sk_wino_sink to = {.finish = SK_WINO_STORE, .relu = relu, .bias = bias ? floats(f, BIAS) : NULL};
    if (residual > 0)
        to.residual = f->memory[residual == 1 ? RESIDUAL : Y].data;
    run(f, kern, to);
    for (size_t i = 0; i < count_of(f, Y); i++) {
        double b = bias ? get(f, BIAS, i % (size_t)f->s->k) : 0, r = residual > 0 ? get(f, RESIDUAL, i) : 0;
        double want = f->want[i] + b + r;
        compare(f, i, relu && want < 0 ? 0 : want, bound_of(f, kern, i, fabs(b) + fabs(r)));
    }
}

static void check_store(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    static const char *const names[] = {"", " residual", " residual in place"};
    for (int i = 0; i < 12; i++) {
        char what[64];
        snprintf(what, sizeof what, "store%s%s%s", i % 2 ? " bias" : "", names[i / 4], i / 2 % 2 ? " relu" : "");
        set_case(arg, kern, level, what);
        check_store_as(arg, kern, i % 2, i / 4, i / 2 % 2);
    }
}

static void test_store(void **state)
{
    (void)state;
    assert_true(for_all(check_store) > 0 || sk_isa_hardware() == SK_ISA_REF);
}

/* ---- sums over ranges ---- */

/* What a range adds up for a channel, in double, and how far from it sums in float32 may come: as everywhere, a term is
 * rounded some times, and a sum's errors grow with the root of how many there are. */
struct sums {
    double n, sum, square, sum_size, square_size, sum_bound, square_bound;
};

static double part(const struct fixture *f, size_t range, int which, size_t k)
{
    return get(f, PARTS, (3 * range + (size_t)which) * (size_t)f->s->k + k);
}

/* Adds room for the rounding of the sums. */
static void add_rounding(struct sums *s)
{
    s->sum_bound += 2 * CHECK_EPS * (2 + sqrt(s->n)) * s->sum_size;
    s->square_bound += 2 * CHECK_EPS * (4 + sqrt(s->n)) * s->square_size;
}

/* ---- the gradient of a batch norm ---- */

static bool passes(const struct fixture *f, size_t i, bool mask_y)
{
    size_t k = i % (size_t)f->s->k;
    return (mask_y ? get(f, MASK_Y, i) : get(f, SCALE, k) * get(f, MASK_X, i) + get(f, SHIFT, k)) > 0;
}

static void check_grad_as(struct fixture *f, const struct sk_kern_wino *kern, bool mask_y, int residual)
{
    size_t k = (size_t)f->s->k;
    struct sk_wino_sink to = {.finish = SK_WINO_GRAD,
                              .x = f->memory[MASK_X].data,
                              .mask_y = mask_y ? f->memory[MASK_Y].data : NULL,
                              .scale = floats(f, SCALE),
                              .shift = floats(f, SHIFT),
                              .mean = floats(f, MEAN)};
    struct sums *all = sk_alloc(count_of(f, Y), sizeof *all, NULL);
    assert_non_null(all);
    if (residual > 0)
        to.residual = f->memory[residual == 1 ? RESIDUAL : Y].data;
    run(f, kern, to);
    for (size_t i = 0; i < count_of(f, Y); i++) {
        double r = residual > 0 ? get(f, RESIDUAL, i) : 0, x = get(f, MASK_X, i) - get(f, MEAN, i % k);
        bool pass = passes(f, i, mask_y);
        double want = pass ? f->want[i] + r : 0, bound = pass ? bound_of(f, kern, i, fabs(r)) : 0;
        struct sums *s = &all[range_of(f, i) * k + i % k];
        compare(f, i, want, bound);
        s->n++;
        s->sum += want;
        s->square += want * x;
        s->sum_size += fabs(want);
        s->square_size += fabs(want * x);
        s->sum_bound += bound;
        s->square_bound += bound * fabs(x);
    }
    for (size_t i = 0; i < count_of(f, Y); i++)
        if (all[i].n > 0) {
            if (!f->exact)
                add_rounding(&all[i]);
            check_one("sum", i, part(f, i / k, 1, i % k), all[i].sum, all[i].sum_bound, SK_K_F32);
            check_one("dot", i, part(f, i / k, 2, i % k), all[i].square, all[i].square_bound, SK_K_F32);
        }
    sk_free(all);
}

static void check_grad(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    static const char *const names[] = {"", " residual", " residual in place"};
    for (int i = 0; i < 6; i++) {
        char what[64];
        snprintf(what, sizeof what, "grad, mask of %s%s", i % 2 ? "y" : "x", names[i / 2]);
        set_case(arg, kern, level, what);
        check_grad_as(arg, kern, i % 2, i / 2);
    }
}

static void test_grad(void **state)
{
    (void)state;
    assert_true(for_all(check_grad) > 0 || sk_isa_hardware() == SK_ISA_REF);
}

/* ---- statistics ---- */

/* Sums of each range about its center against those of the values that were stored. */
static void compare_ranges(const struct fixture *f, struct sums *all)
{
    size_t k = (size_t)f->s->k;
    for (size_t i = 0; i < count_of(f, Y); i++) {
        struct sums *s = &all[range_of(f, i) * k + i % k];
        double d = get(f, Y, i) - part(f, range_of(f, i), 0, i % k);
        s->n++;
        s->sum += d;
        s->square += d * d;
        s->sum_size += fabs(d);
        s->square_size += d * d;
    }
    for (size_t i = 0; i < count_of(f, Y); i++)
        if (all[i].n > 0) {
            /* Even of integers the center has many digits: sums are rounded in any case. */
            add_rounding(&all[i]);
            check_one("sum", i, part(f, i / k, 1, i % k), all[i].sum, all[i].sum_bound, SK_K_F32);
            check_one("square", i, part(f, i / k, 2, i % k), all[i].square, all[i].square_bound, SK_K_F32);
        }
}

/* Mean and variance of channel k from the ranges, against those of the stored values in two passes. */
static void compare_channel(const struct fixture *f, const struct sums *all, size_t k)
{
    size_t ks = (size_t)f->s->k, rows = count_of(f, Y) / ks;
    double mean = 0, var = 0, got = 0, got_var = 0, room = 0, room_var = 0;
    for (size_t i = 0; i < rows; i++)
        mean += get(f, Y, i * ks + k) / (double)rows;
    for (size_t i = 0; i < rows; i++)
        var += pow(get(f, Y, i * ks + k) - mean, 2) / (double)rows;
    for (size_t r = 0; r < rows && all[r * ks + k].n > 0; r++) {
        const struct sums *s = &all[r * ks + k];
        double share = s->n / (double)rows, sum = part(f, r, 1, k), own = part(f, r, 0, k) + sum / s->n;
        double off = s->sum_bound / s->n, apart = fabs(own - mean);
        got += share * own;
        got_var += share * (part(f, r, 2, k) / s->n - sum / s->n * sum / s->n + apart * apart);
        room += share * off;
        room_var += share * (s->square_bound / s->n + off * (2 * fabs(sum / s->n) + 2 * apart + off));
    }
    check_one("mean", k, got, mean, room + 1e-15 * fabs(mean), SK_K_F32);
    check_one("variance", k, got_var, var, room_var + 1e-13 * var, SK_K_F32);
}

static void check_stats(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    struct fixture *f = arg;
    struct sums *all = sk_alloc(count_of(f, Y), sizeof *all, NULL);
    assert_non_null(all);
    set_case(f, kern, level, "statistics");
    run(f, kern, (struct sk_wino_sink){.finish = SK_WINO_STATS});
    for (size_t i = 0; i < count_of(f, Y) && f->want != NULL; i++)
        compare(f, i, f->want[i], bound_of(f, kern, i, 0));
    compare_ranges(f, all);
    for (size_t k = 0; k < (size_t)f->s->k; k++)
        compare_channel(f, all, k);
    sk_free(all);
}

static void test_stats(void **state)
{
    (void)state;
    assert_true(for_all(check_stats) > 0 || sk_isa_hardware() == SK_ISA_REF);
}

/* ---- a large mean ---- */

/* About its center a channel spreads by no more than a few times what its values do: no digits are lost to the mean. */
static void check_digits(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    struct fixture *f = arg;
    size_t k = (size_t)f->s->k, rows = count_of(f, Y) / k;
    check_stats(f, kern, level);
    for (size_t j = 0; j < k; j++) {
        double least = INFINITY, most = -INFINITY;
        for (size_t i = 0; i < rows; i++) {
            least = fmin(least, get(f, Y, i * k + j));
            most = fmax(most, get(f, Y, i * k + j));
        }
        assert_true(least > 9000 && most < 11000 && most - least > 0.5);
        for (size_t r = 0; r <= range_of(f, count_of(f, Y) - 1); r++) {
            double center = part(f, r, 0, j), step = check_ulp(most, f->outer);
            if (!(center >= least - step && center <= most + step))
                check_fail("center of channel %zu is %g, not from %g to %g", j, center, least, most);
        }
    }
}

/* Each output channel is an input channel: 10000 and a little. */
static void fill_digits(struct fixture *f)
{
    struct sk_rng r;
    check_rng(&r, 99);
    for (size_t i = 0; i < count_of(f, X); i++) {
        float v = 1e4f + (sk_rng_unit(&r) * 2 - 1) * (f->outer == SK_K_BF16 ? 300.0f : 1.0f);
        if (f->outer == SK_K_BF16)
            ((uint16_t *)(void *)f->memory[X].data)[i] = sk_f32_to_bf16(v);
        else
            floats(f, X)[i] = v;
    }
    for (int k = 0; k < f->s->k; k++)
        for (int c = 0; c < f->s->c; c++)
            for (int tap = 0; tap < 9; tap++)
                floats(f, W)[(k * f->s->c + c) * 9 + tap] = tap == 4 && c == k % f->s->c ? 1.0f : 0.0f;
}

static void test_digits(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * SK_K_TYPES; i++) {
        struct fixture f = {.s = &shapes[0],
                            .alg = i / SK_K_TYPES ? SK_WINO_F4 : SK_WINO_F2,
                            .m = i / SK_K_TYPES ? 4 : 2,
                            .outer = (enum sk_ktype)(i % SK_K_TYPES),
                            .rows = 5};
        open_fixture(&f, SIDE_END);
        fill_digits(&f);
        wino_case_each(f.alg, f.outer, check_digits, &f);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_grad),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

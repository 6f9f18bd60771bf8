/* Batch norm kernels: every level against the reference, over odd sizes, with guard pages around all memory. */
#include "kern/check.h"

#include <math.h>
#include <stdio.h>

enum { MOST_ROWS = 33, MOST_CHANNELS = 515 };
static const size_t channels[] = {1, 3, 7, 8, 15, 16, 17, 32, 33, 64, 65, 100, 128, 129, 255, 256, 257, MOST_CHANNELS};
static const size_t row_counts[] = {0, 1, 2, 3, 5, 16, MOST_ROWS};

static struct guard x, residual, y, want, dy, dy2, dz, want_dz;
static struct guard scales, shifts, means, out[2], want_out[2], k[3];
static struct guard *const large[] = {&x, &residual, &y, &want, &dy, &dy2, &dz, &want_dz};
static struct guard *const small[] = {&scales,      &shifts,      &means, &out[0], &out[1],
                                      &want_out[0], &want_out[1], &k[0],  &k[1],   &k[2]};

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(large); i++)
        guard_open(large[i], MOST_ROWS * MOST_CHANNELS * sizeof(float));
    for (size_t i = 0; i < SK_COUNT(small); i++)
        guard_open(small[i], MOST_CHANNELS * sizeof(float));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(large); i++)
        guard_close(large[i]);
    for (size_t i = 0; i < SK_COUNT(small); i++)
        guard_close(small[i]);
    return 0;
}

struct size {
    size_t rows, c;
    enum side side;
    enum fill fill;
    enum sk_ktype t;
    struct sk_rng r;
};

static size_t width(enum sk_ktype t)
{
    return t == SK_K_BF16 ? 2 : 4;
}

static void *place(struct guard *g, const struct size *s)
{
    return guard_place(g, s->rows * s->c * width(s->t), s->side);
}

static void *place_filled(struct guard *g, struct size *s)
{
    void *p = place(g, s);
    check_fill(p, s->rows * s->c, s->t, s->fill, &s->r);
    return p;
}

static float *place_channels(struct guard *g, struct size *s)
{
    float *p = guard_place(g, s->c * sizeof(float), s->side);
    check_fill_channels(p, s->c, s->fill, &s->r);
    return p;
}

static void verify_guards(void)
{
    for (size_t i = 0; i < SK_COUNT(large); i++)
        guard_verify(large[i], "an activation");
    for (size_t i = 0; i < SK_COUNT(small); i++)
        guard_verify(small[i], "a channel vector");
}

/* Runs check for every level, type, size, side and fill. */
static void for_all(void (*check)(const struct sk_kern_norm *kern, const struct sk_kern_norm *ref, struct size *s))
{
    enum sk_isa levels[3];
    struct sk_kern ref, kern;
    uint64_t index = 0;
    size_t n = check_levels(levels);
    sk_kern_init(&ref, SK_ISA_REF);
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        for (size_t i = 0; i < SK_COUNT(channels) * SK_COUNT(row_counts) * SIDES * FILLS * SK_K_TYPES; i++) {
            size_t rest = i;
            struct size s = {.c = channels[rest % SK_COUNT(channels)]};
            rest /= SK_COUNT(channels);
            s.rows = row_counts[rest % SK_COUNT(row_counts)];
            rest /= SK_COUNT(row_counts);
            s.side = (enum side)(rest % SIDES);
            s.fill = (enum fill)(rest / SIDES % FILLS);
            s.t = (enum sk_ktype)(rest / SIDES / FILLS);
            check_rng(&s.r, index++);
            check_case("%s %s rows %zu c %zu side %d fill %d", sk_isa_name(levels[l]), s.t ? "bf16" : "f32", s.rows,
                       s.c, (int)s.side, (int)s.fill);
            check(&kern.norm[s.t], &ref.norm[s.t], &s);
            verify_guards();
        }
    }
}

/* Sum over the rows of one channel of |x - center|. */
static double spread_of(const void *p, const struct size *s, size_t j, double center)
{
    double sum = 0;
    for (size_t r = 0; r < s->rows; r++)
        sum += fabs((double)check_get(p, r * s->c + j, s->t) - center);
    return sum;
}

static void check_stats(const struct sk_kern_norm *kern, const struct sk_kern_norm *ref, struct size *s)
{
    void *in = place_filled(&x, s);
    float *got[2], *right[2];
    for (int i = 0; i < 2; i++) {
        got[i] = guard_place(&out[i], s->c * sizeof(float), s->side);
        right[i] = guard_place(&want_out[i], s->c * sizeof(float), s->side);
    }
    kern->stats(in, s->rows, s->c, got[0], got[1]);
    ref->stats(in, s->rows, s->c, right[0], right[1]);
    if (s->fill == FILL_EXACT) /* a sum of small integers, divided once */
        check_same("mean", got[0], right[0], s->c, SK_K_F32);
    if (s->fill == FILL_EXACT && s->rows <= 16 && (s->rows & (s->rows - 1)) == 0) /* few binary digits */
        check_same("m2", got[1], right[1], s->c, SK_K_F32);
    double n = (double)s->rows + 8;
    for (size_t j = 0; j < s->c; j++) {
        double m = (double)right[0][j], m2 = (double)right[1][j], off = n * CHECK_EPS * spread_of(in, s, j, 0);
        double off_mean = s->rows ? off / (double)s->rows + CHECK_EPS * fabs(m) : 0;
        check_one("mean", j, (double)got[0][j], m, off_mean, SK_K_F32);
        check_one("m2", j, (double)got[1][j], m2,
                  n * 4 * CHECK_EPS * m2 + 2 * off_mean * spread_of(in, s, j, m) + n * off_mean * off_mean, SK_K_F32);
    }
}

static void test_stats(void **state)
{
    (void)state;
    for_all(check_stats);
}

static void compare_apply(const struct size *s, const void *in, const void *res, const float *scale, const float *shift,
                          const void *got, const void *right)
{
    size_t n = s->rows * s->c;
    if (s->fill == FILL_EXACT)
        check_same("y", got, right, n, s->t);
    for (size_t i = 0; i < n; i++) {
        size_t j = i % s->c;
        double sum = check_abs(in, i, s->t) * fabs((double)scale[j]) + fabs((double)shift[j]);
        if (res)
            sum += check_abs(res, i, s->t);
        check_one("y", i, (double)check_get(got, i, s->t), (double)check_get(right, i, s->t), 3 * CHECK_EPS * sum,
                  s->t);
    }
}

static void check_apply(const struct sk_kern_norm *kern, const struct sk_kern_norm *ref, struct size *s)
{
    void *in = place_filled(&x, s), *second = place_filled(&residual, s);
    void *right = place(&want, s);
    const float *scale = place_channels(&scales, s), *shift = place_channels(&shifts, s);
    size_t bytes = s->rows * s->c * width(s->t);
    for (int variant = 0; variant < 8; variant++) {
        const void *res = variant & 1 ? second : NULL;
        void *got = place(&y, s), *in_place = place(&dz, s);
        bool relu = variant & 2;
        ref->apply(in, res, s->rows, s->c, scale, shift, relu, right);
        if (variant & 4) { /* y over x, or over the residual */
            memcpy(in_place, res ? res : in, bytes);
            kern->apply(res ? in : in_place, res ? in_place : NULL, s->rows, s->c, scale, shift, relu, in_place);
            got = in_place;
        } else {
            kern->apply(in, res, s->rows, s->c, scale, shift, relu, got);
        }
        compare_apply(s, in, res, scale, shift, got, right);
        guard_verify(&y, "y");
    }
}

static void test_apply(void **state)
{
    (void)state;
    for_all(check_apply);
}

/* Inputs of the gradient kernels for a variant: bit 0 dy2, 1 relu, 2 mask from y. */
static struct sk_bn_grad grad_args(struct size *s, int variant)
{
    struct sk_bn_grad g = {.dy = place_filled(&dy, s), .x = place_filled(&x, s), .relu = variant & 2};
    g.scale = place_channels(&scales, s);
    g.shift = place_channels(&shifts, s);
    g.mean = place_channels(&means, s);
    if (variant & 1)
        g.dy2 = place_filled(&dy2, s);
    if (variant & 4)
        g.y = place_filled(&residual, s);
    return g;
}

/* Is every sign that the mask is taken from beyond doubt? Rounding may turn what is nearly zero. */
static bool mask_certain(const struct sk_bn_grad *g, const struct size *s)
{
    if (!g->relu || g->y || s->fill == FILL_EXACT)
        return true;
    for (size_t i = 0; i < s->rows * s->c; i++) {
        double v = (double)check_get(g->x, i, s->t) * (double)g->scale[i % s->c], w = (double)g->shift[i % s->c];
        if (isfinite(v) && fabs(v + w) <= 4 * CHECK_EPS * (fabs(v) + fabs(w)))
            return false;
    }
    return true;
}

static void check_reduce_variant(const struct sk_kern_norm *kern, const struct sk_kern_norm *ref, struct size *s,
                                 int variant)
{
    struct sk_bn_grad g = grad_args(s, variant);
    float *got[2], *right[2];
    void *stored = place(&dz, s), *right_stored = place(&want_dz, s);
    for (int i = 0; i < 2; i++) {
        got[i] = guard_place(&out[i], s->c * sizeof(float), s->side);
        right[i] = guard_place(&want_out[i], s->c * sizeof(float), s->side);
    }
    if (!mask_certain(&g, s))
        return;
    g.dz = right_stored;
    ref->grad_reduce(&g, s->rows, s->c, right[0], right[1]);
    g.dz = variant & 8 ? stored : NULL;
    kern->grad_reduce(&g, s->rows, s->c, got[0], got[1]);
    if (g.dz)
        check_same("dz", stored, right_stored, s->rows * s->c, s->t);
    for (int i = 0; i < 2 && s->fill == FILL_EXACT; i++)
        check_same(i ? "dot" : "sum", got[i], right[i], s->c, SK_K_F32);
    for (size_t j = 0; j < s->c; j++) {
        double sum = 0, dot = 0, n = (double)s->rows + 4;
        for (size_t i = j; i < s->rows * s->c; i += s->c) {
            double z = check_abs(g.dy, i, s->t) + (g.dy2 ? check_abs(g.dy2, i, s->t) : 0);
            sum += z;
            dot += z * (check_abs(g.x, i, s->t) + fabs((double)g.mean[j]));
        }
        check_one("sum", j, (double)got[0][j], (double)right[0][j], n * CHECK_EPS * sum, SK_K_F32);
        check_one("dot", j, (double)got[1][j], (double)right[1][j], n * 2 * CHECK_EPS * dot, SK_K_F32);
    }
}

static void check_reduce(const struct sk_kern_norm *kern, const struct sk_kern_norm *ref, struct size *s)
{
    for (int variant = 0; variant < 16; variant++)
        check_reduce_variant(kern, ref, s, variant);
}

static void test_grad_reduce(void **state)
{
    (void)state;
    for_all(check_reduce);
}

static void check_grad_apply_variant(const struct sk_kern_norm *kern, const struct sk_kern_norm *ref, struct size *s,
                                     int variant)
{
    struct sk_bn_grad g = grad_args(s, variant);
    const float *k0 = place_channels(&k[0], s), *k1 = place_channels(&k[1], s), *k2 = place_channels(&k[2], s);
    void *right = place(&want, s), *got = place(&y, s);
    size_t n = s->rows * s->c;
    if (!mask_certain(&g, s))
        return;
    ref->grad_apply(&g, s->rows, s->c, k0, k1, k2, right);
    if (variant & 8) { /* dx over dy */
        memcpy(got, g.dy, n * width(s->t));
        g.dy = got;
    }
    kern->grad_apply(&g, s->rows, s->c, k0, k1, k2, got);
    if (variant & 8)
        g.dy = dy.data;
    if (s->fill == FILL_EXACT)
        check_same("dx", got, right, n, s->t);
    for (size_t i = 0; i < n; i++) {
        size_t j = i % s->c;
        double z = check_abs(g.dy, i, s->t) + (g.dy2 ? check_abs(g.dy2, i, s->t) : 0);
        double sum = fabs((double)k0[j]) * z + fabs((double)k2[j]) +
                     fabs((double)k1[j]) * (check_abs(g.x, i, s->t) + fabs((double)g.mean[j]));
        check_one("dx", i, (double)check_get(got, i, s->t), (double)check_get(right, i, s->t), 5 * CHECK_EPS * sum,
                  s->t);
    }
}

static void check_grad_apply(const struct sk_kern_norm *kern, const struct sk_kern_norm *ref, struct size *s)
{
    for (int variant = 0; variant < 16; variant++)
        check_grad_apply_variant(kern, ref, s, variant);
}

static void test_grad_apply(void **state)
{
    (void)state;
    for_all(check_grad_apply);
}

/* ---- timing ---- */

struct timed {
    const struct sk_kern_norm *kern;
    struct sk_bn_grad grad;
    size_t rows, c;
};
static float bench_memory[4][16384], bench_channels[6][512];

static void time_stats(void *arg)
{
    const struct timed *b = arg;
    b->kern->stats(b->grad.x, b->rows, b->c, bench_channels[4], bench_channels[5]);
}

static void time_apply(void *arg)
{
    const struct timed *b = arg;
    b->kern->apply(b->grad.x, NULL, b->rows, b->c, bench_channels[0], bench_channels[1], true, bench_memory[2]);
}

static void time_reduce(void *arg)
{
    const struct timed *b = arg;
    b->kern->grad_reduce(&b->grad, b->rows, b->c, bench_channels[4], bench_channels[5]);
}

static void time_grad_apply(void *arg)
{
    const struct timed *b = arg;
    b->kern->grad_apply(&b->grad, b->rows, b->c, bench_channels[0], bench_channels[1], bench_channels[2],
                        bench_memory[3]);
}

/* A block as the backend cuts it, in cache. */
static void bench_level(enum sk_isa level, enum sk_ktype t, size_t c)
{
    struct sk_kern kern;
    sk_kern_init(&kern, level);
    struct timed b = {.kern = &kern.norm[t], .rows = 16384 / c, .c = c};
    b.grad = (struct sk_bn_grad){.dy = bench_memory[1],
                                 .x = bench_memory[0],
                                 .scale = bench_channels[0],
                                 .shift = bench_channels[1],
                                 .mean = bench_channels[2],
                                 .relu = true};
    double bytes = (double)(b.rows * c * width(t));
    printf("c = %zu\n", c);
    check_bench("norm.stats (2r)", level, t, 2 * bytes, time_stats, &b);
    check_bench("norm.apply (r, w)", level, t, 2 * bytes, time_apply, &b);
    check_bench("norm.grad_reduce (2r)", level, t, 2 * bytes, time_reduce, &b);
    check_bench("norm.grad_apply (2r, w)", level, t, 3 * bytes, time_grad_apply, &b);
}

static int bench(void)
{
    static const size_t c[] = {3, 16, 64, 512};
    enum sk_isa levels[4] = {SK_ISA_REF};
    size_t n = check_levels(levels + 1) + 1;
    for (size_t i = 0; i < SK_COUNT(c); i++)
        for (size_t l = 0; l < n; l++)
            for (int t = 0; t < SK_K_TYPES; t++)
                bench_level(levels[l], (enum sk_ktype)t, c[i]);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_grad_reduce),
        cmocka_unit_test(test_grad_apply),
    };
    if (check_wants_bench(argc, argv))
        return bench();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Pooling kernels: every level against the reference, with guard pages around all memory. */
#include "kern/check.h"

#include <math.h>
#include <stdio.h>

static const struct sk_pool_shape shapes[] = {
    {.h = 5, .w = 7, .kernel = 3, .stride = 2, .pad = 1}, {.h = 8, .w = 8, .kernel = 2, .stride = 2, .pad = 0},
    {.h = 6, .w = 5, .kernel = 3, .stride = 1, .pad = 1}, {.h = 1, .w = 1, .kernel = 3, .stride = 2, .pad = 1},
    {.h = 9, .w = 4, .kernel = 4, .stride = 3, .pad = 2}, {.h = 7, .w = 7, .kernel = 2, .stride = 3, .pad = 0},
    {.h = 3, .w = 9, .kernel = 5, .stride = 2, .pad = 2},
};
static const int channels[] = {1, 3, 8, 15, 16, 17, 33, 64};
enum { MOST = 64 * 64, WIDEST = 64 };
static struct guard x, y, want, argmax, want_argmax, dx;
static struct guard *const all[] = {&x, &y, &want, &argmax, &want_argmax, &dx};

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(all); i++)
        guard_open(all[i], MOST * sizeof(float));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(all); i++)
        guard_close(all[i]);
    return 0;
}

struct size {
    struct sk_pool_shape shape;
    enum side side;
    enum fill fill;
    enum sk_ktype t;
    struct sk_rng r;
};

static size_t width(enum sk_ktype t)
{
    return t == SK_K_BF16 ? 2 : 4;
}

static void verify_guards(void)
{
    for (size_t i = 0; i < SK_COUNT(all); i++)
        guard_verify(all[i], "a tensor");
}

static void for_all(void (*check)(const struct sk_kern_pool *kern, const struct sk_kern_pool *ref, struct size *s))
{
    enum sk_isa levels[3];
    struct sk_kern ref, kern;
    uint64_t index = 0;
    size_t n = check_levels(levels);
    sk_kern_init(&ref, SK_ISA_REF);
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        for (size_t i = 0; i < SK_COUNT(shapes) * SK_COUNT(channels) * SIDES * FILLS * SK_K_TYPES; i++) {
            size_t rest = i / SK_COUNT(shapes) / SK_COUNT(channels);
            struct size s = {.shape = shapes[i % SK_COUNT(shapes)],
                             .side = (enum side)(rest % SIDES),
                             .fill = (enum fill)(rest / SIDES % FILLS),
                             .t = (enum sk_ktype)(rest / SIDES / FILLS)};
            s.shape.c = channels[i / SK_COUNT(shapes) % SK_COUNT(channels)];
            s.shape.p = (s.shape.h + 2 * s.shape.pad - s.shape.kernel) / s.shape.stride + 1;
            s.shape.q = (s.shape.w + 2 * s.shape.pad - s.shape.kernel) / s.shape.stride + 1;
            check_rng(&s.r, index++);
            check_case("%s %s %dx%dx%d kernel %d stride %d side %d fill %d", sk_isa_name(levels[l]),
                       s.t ? "bf16" : "f32", s.shape.h, s.shape.w, s.shape.c, s.shape.kernel, s.shape.stride,
                       (int)s.side, (int)s.fill);
            check(&kern.pool[s.t], &ref.pool[s.t], &s);
            verify_guards();
        }
    }
}

static void check_max(const struct sk_kern_pool *kern, const struct sk_kern_pool *ref, struct size *s)
{
    size_t large = (size_t)(s->shape.h * s->shape.w * s->shape.c),
           small = (size_t)(s->shape.p * s->shape.q * s->shape.c);
    void *in = guard_place(&x, large * width(s->t), s->side);
    void *got = guard_place(&y, small * width(s->t), s->side),
         *right = guard_place(&want, small * width(s->t), s->side);
    uint8_t *where = guard_place(&argmax, small, s->side), *right_where = guard_place(&want_argmax, small, s->side);
    check_fill(in, large, s->t, s->fill, &s->r);
    ref->max(&s->shape, in, right, right_where);
    kern->max(&s->shape, in, got, where);
    check_same("y", got, right, small, s->t);
    assert_memory_equal(where, right_where, small);
    kern->max(&s->shape, in, got, NULL);
    check_same("y without argmax", got, right, small, s->t);

    void *dy = got, *out = guard_place(&dx, large * width(s->t), s->side);
    check_fill(dy, small, s->t, s->fill, &s->r);
    ref->max_grad(&s->shape, dy, where, in);
    kern->max_grad(&s->shape, dy, where, out);
    check_same("dx", out, in, large, s->t); /* added in the same order */
}

static void test_max(void **state)
{
    (void)state;
    for_all(check_max);
}

static void check_avg(const struct sk_kern_pool *kern, const struct sk_kern_pool *ref, struct size *s)
{
    size_t hw = (size_t)(s->shape.h * s->shape.w), c = (size_t)s->shape.c;
    void *in = guard_place(&x, hw * c * width(s->t), s->side), *out = guard_place(&dx, hw * c * width(s->t), s->side);
    void *got = guard_place(&y, c * width(s->t), s->side), *right = guard_place(&want, c * width(s->t), s->side);
    check_fill(in, hw * c, s->t, s->fill, &s->r);
    ref->avg(in, hw, c, right);
    kern->avg(in, hw, c, got);
    if (s->fill == FILL_EXACT)
        check_same("mean", got, right, c, s->t);
    for (size_t j = 0; j < c; j++) {
        double sum = 0;
        for (size_t i = 0; i < hw; i++)
            sum += check_abs(in, i * c + j, s->t);
        check_one("mean", j, (double)check_get(got, j, s->t), (double)check_get(right, j, s->t), 2 * CHECK_EPS * sum,
                  s->t);
    }
    ref->avg_grad(right, hw, c, in);
    kern->avg_grad(right, hw, c, out);
    check_same("dx", out, in, hw * c, s->t);
}

static void test_avg(void **state)
{
    (void)state;
    for_all(check_avg);
}

/* ---- timing ---- */

static float bench_memory[2][56 * 56 * WIDEST] __attribute__((aligned(64)));
static uint8_t bench_argmax[28 * 28 * WIDEST];
static const struct sk_pool_shape bench_shape = {56, 56, WIDEST, 28, 28, 3, 2, 1};

static void time_max(void *arg)
{
    ((const struct sk_kern_pool *)arg)->max(&bench_shape, bench_memory[0], bench_memory[1], bench_argmax);
}

static void time_max_grad(void *arg)
{
    ((const struct sk_kern_pool *)arg)->max_grad(&bench_shape, bench_memory[1], bench_argmax, bench_memory[0]);
}

static void time_avg(void *arg)
{
    ((const struct sk_kern_pool *)arg)->avg(bench_memory[0], 16, 512, bench_memory[1]);
}

static int bench(void)
{
    enum sk_isa levels[4] = {SK_ISA_REF};
    size_t n = check_levels(levels + 1) + 1;
    struct sk_kern kern;
    for (size_t l = 0; l < n; l++)
        for (int i = 0; i < SK_K_TYPES; i++) {
            enum sk_ktype t = (enum sk_ktype)i;
            double large = 56 * 56 * WIDEST * (double)width(t), small = 28 * 28 * WIDEST * (double)(width(t) + 1);
            sk_kern_init(&kern, levels[l]);
            check_bench("pool.max", levels[l], t, large + small, time_max, &kern.pool[t]);
            check_bench("pool.max_grad", levels[l], t, large + small, time_max_grad, &kern.pool[t]);
            check_bench("pool.avg", levels[l], t, 17 * 512 * (double)width(t), time_avg, &kern.pool[t]);
        }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max),
        cmocka_unit_test(test_avg),
    };
    if (check_wants_bench(argc, argv))
        return bench();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

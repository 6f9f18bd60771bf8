/* Optimizer kernels: every level against the reference, with guard pages around all memory. */
#include "kern/check.h"

#include <math.h>
#include <stdio.h>

static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 1000};
enum { TENSORS = 5, LONGEST = 1000 };
enum { P, G, M, V, E }; /* V and E: never negative */
static struct guard got[TENSORS], want[TENSORS];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < TENSORS; i++) {
        guard_open(&got[i], LONGEST * sizeof(float));
        guard_open(&want[i], LONGEST * sizeof(float));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < TENSORS; i++) {
        guard_close(&got[i]);
        guard_close(&want[i]);
    }
    return 0;
}

/* Two copies of the same p, g, m and v (which is not negative). */
static void place(size_t n, enum side side, enum fill fill, float *a[TENSORS], float *b[TENSORS], struct sk_rng *r)
{
    for (int i = 0; i < TENSORS; i++) {
        a[i] = guard_place(&got[i], n * sizeof(float), side);
        b[i] = guard_place(&want[i], n * sizeof(float), side);
        check_fill(a[i], n, SK_K_F32, i == G || fill != FILL_SPECIAL ? fill : FILL_RANDOM, r);
        for (size_t k = 0; k < n; k++) {
            a[i][k] = i == V || i == E ? fabsf(a[i][k]) : a[i][k];
            b[i][k] = a[i][k];
        }
    }
}

static void compare(const char *what, const float *a, const float *b, size_t n, double bound)
{
    for (size_t k = 0; k < n; k++)
        check_one(what, k, (double)a[k], (double)b[k], bound, SK_K_F32);
}

static void verify_guards(void)
{
    for (int i = 0; i < TENSORS; i++) {
        guard_verify(&got[i], "a tensor");
        guard_verify(&want[i], "a tensor");
    }
}

static struct sk_optim some(enum fill fill)
{
    struct sk_optim a = {.lr = 0.25f, .scale = 0.5f, .clip = INFINITY, .decay = 0.125f, .trust = 2, .shrink = 0.5f,
                         .momentum = 0.5f, .keep = 0.25f, .beta1 = 0.9f, .beta2 = 0.99f, .rest1 = 0.1f, .rest2 = 0.01f, .eps = 1e-3f, .c1 = 0.19f,
                         .c2 = 0.0199f}; /* those of sgd are exact with small integers */
    if (fill != FILL_EXACT) {
        a.lr = 0.1f, a.momentum = 0.9f, a.decay = 5e-4f, a.trust = 0.9f, a.keep = 0.8f, a.shrink = 0.999f, a.scale = 0.7f;
        a.clip = 0.9f;
    }
    return a;
}

/* Tensors in the order in which the rule has them as slots; all are compared. */
static void check_update(sk_optim_update *got_by, sk_optim_update *want_by, const int slot[SK_OPTIM_SLOTS],
                         const struct sk_optim *args, size_t n, enum side side, enum fill fill, struct sk_rng *r)
{
    float *a[TENSORS], *b[TENSORS];
    place(n, side, fill, a, b, r);
    got_by(a[P], a[G], (float *[]){a[slot[0]], a[slot[1]], a[slot[2]]}, n, args);
    want_by(b[P], b[G], (float *[]){b[slot[0]], b[slot[1]], b[slot[2]]}, n, args);
    for (int t = 0; t < TENSORS; t++)
        for (size_t k = 0; k < n; k++) { /* a quotient by a root of at least 1e-3 has many times the error of both */
            double bound = CHECK_EPS * 64 * (fabs((double)b[t][k]) + 1) * (t == P || t == M || t == E ? 16 : 1);
            check_one("a tensor", k, (double)a[t][k], (double)b[t][k], isfinite(bound) ? bound : 0, SK_K_F32);
        }
    verify_guards();
}

static void check_sgd(const struct sk_kern_optim *kern, const struct sk_kern_optim *ref, size_t n, enum side side,
                      enum fill fill, struct sk_rng *r)
{
    float *a[TENSORS], *b[TENSORS];
    for (int nesterov = 0; nesterov < 2; nesterov++) {
        struct sk_optim args = some(fill);
        args.nesterov = nesterov;
        place(n, side, fill, a, b, r);
        kern->sgd(a[P], a[G], (float *[]){a[M]}, n, &args);
        ref->sgd(b[P], b[G], (float *[]){b[M]}, n, &args);
        if (fill == FILL_EXACT) {
            check_same("p", a[P], b[P], n, SK_K_F32);
            check_same("m", a[M], b[M], n, SK_K_F32);
        }
        compare("m", a[M], b[M], n, 4 * CHECK_EPS * 5);
        compare("p", a[P], b[P], n, 4 * CHECK_EPS * 4);
        verify_guards();
    }
}

static void check_adam(const struct sk_kern_optim *kern, const struct sk_kern_optim *ref, size_t n, enum side side,
                       enum fill fill, struct sk_rng *r)
{
    float *a[TENSORS], *b[TENSORS];
    struct sk_optim args = some(fill);
    args.clip = INFINITY;
    args.eps = 1e-8f;
    place(n, side, fill, a, b, r);
    kern->adam(a[P], a[G], (float *[]){a[M], a[V]}, n, &args);
    ref->adam(b[P], b[G], (float *[]){b[M], b[V]}, n, &args);
    compare("m", a[M], b[M], n, 4 * CHECK_EPS * 8);
    compare("v", a[V], b[V], n, 4 * CHECK_EPS * 8);
    for (size_t k = 0; k < n; k++) { /* the relative error of m / sqrt(v), and that of p */
        double root = sqrt((double)b[V][k] / (double)args.c2 + 1e-20), rate = (double)(args.lr / args.c1);
        double step = fabs((double)b[M][k]) / root * rate, small = 4 * CHECK_EPS * 8 * rate / root;
        double bound = CHECK_EPS * (16 * step + 8) + small;
        check_one("p", k, (double)a[P][k], (double)b[P][k], isfinite(bound) ? bound : 0, SK_K_F32);
    }
    verify_guards();
}

static void check_others(const struct sk_kern_optim *kern, const struct sk_kern_optim *ref, size_t n, enum side side,
                         enum fill fill, struct sk_rng *r)
{
    struct sk_optim args = some(fill);
    const int moments[] = {M, V, V}, square[] = {V, M, E}, twice[] = {V, M, M},
              deltas[] = {V, E, E};
    if (fill == FILL_SPECIAL)
        return; /* infinities of any sign come out of different roundings */
    check_update(kern->lamb, ref->lamb, moments, &args, n, side, fill, r);
    check_update(kern->rmsprop, ref->rmsprop, square, &args, n, side, fill, r);
    args.centered = true;
    check_update(kern->rmsprop, ref->rmsprop, square, &args, n, side, fill, r);
    check_update(kern->adadelta, ref->adadelta, deltas, &args, n, side, fill, r);
    check_update(kern->adagrad, ref->adagrad, twice, &args, n, side, fill, r);
}

static void check_measure(const struct sk_kern_optim *kern, const struct sk_kern_optim *ref, size_t n, enum side side,
                          enum fill fill, struct sk_rng *r)
{
    float *a[TENSORS], *b[TENSORS];
    struct sk_optim args = some(fill);
    if (fill == FILL_SPECIAL)
        return;
    for (int moments = 0; moments < 2; moments++) {
        double got_sum[2], want_sum[2];
        place(n, side, fill, a, b, r);
        (moments ? kern->moments : kern->gradient)(a[P], a[G], (float *[]){a[M], a[V]}, n, &args, got_sum);
        (moments ? ref->moments : ref->gradient)(b[P], b[G], (float *[]){b[M], b[V]}, n, &args, want_sum);
        for (int i = 0; i < 2; i++)
            assert_true(fabs(got_sum[i] - want_sum[i]) <= 1e-5 * want_sum[i]);
        compare("m", a[M], b[M], n, 4 * CHECK_EPS * 8);
        compare("v", a[V], b[V], n, 4 * CHECK_EPS * 8);
        verify_guards();
    }
}

static void for_all(void (*check)(const struct sk_kern_optim *kern, const struct sk_kern_optim *ref, size_t n,
                                  enum side side, enum fill fill, struct sk_rng *r))
{
    enum sk_isa levels[3];
    struct sk_kern ref, kern;
    size_t n = check_levels(levels);
    sk_kern_init(&ref, SK_ISA_REF);
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        for (size_t i = 0; i < SK_COUNT(lengths) * SIDES * FILLS; i++) {
            struct sk_rng r;
            size_t rest = i / SK_COUNT(lengths), len = lengths[i % SK_COUNT(lengths)];
            check_rng(&r, i);
            check_case("%s n %zu fill %zu", sk_isa_name(levels[l]), len, rest / SIDES);
            check(&kern.optim, &ref.optim, len, (enum side)(rest % SIDES), (enum fill)(rest / SIDES), &r);
        }
    }
}

static void test_sgd(void **state)
{
    (void)state;
    for_all(check_sgd);
}

static void test_adam(void **state)
{
    (void)state;
    for_all(check_adam);
}

static void test_others(void **state)
{
    (void)state;
    for_all(check_others);
}

static void test_measure(void **state)
{
    (void)state;
    for_all(check_measure);
}

/* ---- timing ---- */

static float bench_memory[TENSORS][16384] __attribute__((aligned(64)));

static const struct sk_optim usual = {.lr = 0.1f, .scale = 1, .clip = INFINITY, .decay = 5e-4f, .trust = 1, .shrink = 1,
                                      .momentum = 0.9f, .keep = 1, .beta1 = 0.9f, .beta2 = 0.99f, .rest1 = 0.1f, .rest2 = 0.01f, .eps = 1e-8f,
                                      .c1 = 0.5f, .c2 = 0.5f, .nesterov = true};
static float *const slots[] = {bench_memory[M], bench_memory[V], bench_memory[E]};

static void time_sgd(void *arg)
{
    ((const struct sk_kern_optim *)arg)->sgd(bench_memory[P], bench_memory[G], slots, 16384, &usual);
}

static void time_adam(void *arg)
{
    ((const struct sk_kern_optim *)arg)->adam(bench_memory[P], bench_memory[G], slots, 16384, &usual);
}

static int bench(void)
{
    enum sk_isa levels[4] = {SK_ISA_REF};
    size_t n = check_levels(levels + 1) + 1;
    struct sk_kern kern;
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        check_bench("optim.sgd (3r, 2w)", levels[l], SK_K_F32, 5 * 4 * 16384, time_sgd, &kern.optim);
        check_bench("optim.adam (4r, 3w)", levels[l], SK_K_F32, 7 * 4 * 16384, time_adam, &kern.optim);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_measure),
    };
    if (check_wants_bench(argc, argv))
        return bench();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

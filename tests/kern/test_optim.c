/* Optimizer kernels: every level against the reference, with guard pages around all memory. */
#include "kern/check.h"

#include <math.h>
#include <stdio.h>

static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 1000};
enum { TENSORS = 4, LONGEST = 1000 };
enum { P, G, M, V };
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
            a[i][k] = i == V ? fabsf(a[i][k]) : a[i][k];
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

static void check_sgd(const struct sk_kern_optim *kern, const struct sk_kern_optim *ref, size_t n, enum side side,
                      enum fill fill, struct sk_rng *r)
{
    float *a[TENSORS], *b[TENSORS];
    for (int nesterov = 0; nesterov < 2; nesterov++) {
        float lr = 0.25f, momentum = 0.5f, decay = 0.125f; /* exact with small integers */
        if (fill != FILL_EXACT)
            lr = 0.1f, momentum = 0.9f, decay = 5e-4f;
        place(n, side, fill, a, b, r);
        kern->sgd(a[P], a[G], a[M], n, lr, momentum, decay, nesterov);
        ref->sgd(b[P], b[G], b[M], n, lr, momentum, decay, nesterov);
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
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        float lr = 0.01f, c1 = 1 - 0.9f * 0.9f, c2 = 1 - 0.99f * 0.99f, decay = 0.05f;
        place(n, side, fill, a, b, r);
        kern->adam(a[P], a[G], a[M], a[V], n, lr, 0.9f, 0.99f, 1e-8f, c1, c2, decay, decoupled);
        ref->adam(b[P], b[G], b[M], b[V], n, lr, 0.9f, 0.99f, 1e-8f, c1, c2, decay, decoupled);
        compare("m", a[M], b[M], n, 4 * CHECK_EPS * 8);
        compare("v", a[V], b[V], n, 4 * CHECK_EPS * 8);
        for (size_t k = 0; k < n; k++) { /* the relative error of m / sqrt(v), and that of p */
            double step = fabs((double)b[M][k]) / sqrt((double)b[V][k] + 1e-20) * 0.1;
            double small = 4 * CHECK_EPS * 8 * 0.1 / sqrt((double)b[V][k] + 1e-20);
            double bound = CHECK_EPS * (16 * step + 8) + small;
            check_one("p", k, (double)a[P][k], (double)b[P][k], isfinite(bound) ? bound : 0, SK_K_F32);
        }
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

/* ---- timing ---- */

static float bench_memory[TENSORS][16384] __attribute__((aligned(64)));

static void time_sgd(void *arg)
{
    const struct sk_kern_optim *k = arg;
    k->sgd(bench_memory[P], bench_memory[G], bench_memory[M], 16384, 0.1f, 0.9f, 5e-4f, true);
}

static void time_adam(void *arg)
{
    const struct sk_kern_optim *k = arg;
    k->adam(bench_memory[P], bench_memory[G], bench_memory[M], bench_memory[V], 16384, 0.1f, 0.9f, 0.99f, 1e-8f, 0.5f,
            0.5f, 0.01f, true);
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
    };
    if (check_wants_bench(argc, argv))
        return bench();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

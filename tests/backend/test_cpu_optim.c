/* Optimizer updates on the cpu backend: against their formulas, the same bits with any number of threads. */
#include "backend/op.h"

#include <math.h>

static const int64_t sizes[] = {1, 1000, 100001};
enum { P, G, M, V };

static struct op_test begin(enum sk_op_kind kind, int64_t n, int ins)
{
    struct sk_rng r;
    struct op_test t = {.kind = kind, .kernel = "cpu", .step = {.lr = 0.1, .step = 2}, .ins = ins, .outs = ins - 1};
    check_rng(&r, (uint64_t)n);
    check_case("%d elements", (int)n);
    for (int i = 0; i < ins; i++)
        t.in[i] = op_random(SK_F32, OP_DIMS(n), &r);
    t.out[0] = t.in[P];
    for (int i = 1; i < t.outs; i++)
        t.out[i] = t.in[i + 1];
    return t;
}

static void check_sgd(int64_t n, bool nesterov, double momentum)
{
    struct op_test t = begin(SK_OP_SGD, n, 3);
    t.attr.optim = (struct sk_attr_optim){.momentum = momentum, .weight_decay = 5e-4, .nesterov = nesterov};
    double *p = op_doubles((size_t)n), *m = op_doubles((size_t)n);
    for (size_t i = 0; i < (size_t)n; i++) {
        double d = op_get(&t.in[G], i) + 5e-4 * op_get(&t.in[P], i);
        m[i] = momentum * op_get(&t.in[M], i) + d;
        p[i] = op_get(&t.in[P], i) - 0.1 * (nesterov ? d + momentum * m[i] : m[i]);
    }
    op_run(&t);
    op_compare(&t, 0, p, 1e-6);
    op_compare(&t, 1, m, 1e-6);
    op_free_all();
}

static void test_sgd(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(sizes); i++) {
        check_sgd(sizes[i], false, 0.9);
        check_sgd(sizes[i], true, 0.9);
        check_sgd(sizes[i], false, 0);
    }
}

/* The third step: bias corrections are those of t = 3. */
static void check_adam(int64_t n, bool decoupled)
{
    struct op_test t = begin(SK_OP_ADAM, n, 4);
    const struct sk_attr_optim a = {
        .weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .decoupled = decoupled};
    double *p = op_doubles((size_t)n), *m = op_doubles((size_t)n), *v = op_doubles((size_t)n);
    t.attr.optim = a;
    for (size_t i = 0; i < (size_t)n; i++) {
        op_set(&t.in[V], i, fabs(op_get(&t.in[V], i)) + 0.01);
        double w = op_get(&t.in[P], i), d = op_get(&t.in[G], i) + (decoupled ? 0 : a.weight_decay * w);
        m[i] = a.beta1 * op_get(&t.in[M], i) + (1 - a.beta1) * d;
        v[i] = a.beta2 * op_get(&t.in[V], i) + (1 - a.beta2) * d * d;
        double hat = sqrt(v[i] / (1 - pow(a.beta2, 3))) + a.eps;
        p[i] = w * (decoupled ? 1 - 0.1 * a.weight_decay : 1) - 0.1 * m[i] / (1 - pow(a.beta1, 3)) / hat;
    }
    op_run(&t);
    op_compare(&t, 0, p, 3e-6);
    op_compare(&t, 1, m, 1e-6);
    op_compare(&t, 2, v, 1e-6);
    op_free_all();
}

static void test_adam(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(sizes); i++) {
        check_adam(sizes[i], false);
        check_adam(sizes[i], true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_adam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

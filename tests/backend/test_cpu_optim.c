/* Optimizer updates on the cpu backend: against their formulas, the same bits with any number of threads. */
#include "backend/op.h"

#include <math.h>

static const int64_t sizes[] = {1, 1000, 100001};
enum { P, G, M, V };

static struct op_test begin(enum sk_optimizer name, int64_t n, int ins)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_UPDATE, .kernel = "cpu", .step = {.lr = 0.1, .step = 2}, .ins = ins, .outs = ins - 1};
    check_rng(&r, (uint64_t)n);
    check_case("%s, %d elements", sk_optimizer_name(name), (int)n);
    for (int i = 0; i < ins; i++)
        t.in[i] = op_random(SK_F32, OP_DIMS(n), &r);
    t.out[0] = t.in[P];
    for (int i = 1; i < t.outs; i++)
        t.out[i] = t.in[i + 1];
    t.attr.optim.name = name;
    return t;
}

static void check_sgd(int64_t n, bool nesterov, double momentum)
{
    struct op_test t = begin(SK_OPT_SGD, n, 3);
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

/* The third step: bias corrections are those of t = 3. LAMB goes the same way, trust times as far. */
static void check_adam(enum sk_optimizer name, int64_t n, bool decoupled)
{
    struct op_test t = begin(name, n, 4);
    const struct sk_attr_optim a = {.name = name, .weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8,
                                    .trust = name == SK_OPT_LAMB, .decoupled = decoupled};
    double *p = op_doubles((size_t)n), *m = op_doubles((size_t)n), *v = op_doubles((size_t)n), w2 = 0, r2 = 0;
    bool lamb = name == SK_OPT_LAMB;
    t.attr.optim = a;
    for (size_t i = 0; i < (size_t)n; i++) {
        op_set(&t.in[V], i, fabs(op_get(&t.in[V], i)) + 0.01);
        double w = op_get(&t.in[P], i), d = op_get(&t.in[G], i) + (decoupled || lamb ? 0 : a.weight_decay * w);
        m[i] = a.beta1 * op_get(&t.in[M], i) + (1 - a.beta1) * d;
        v[i] = a.beta2 * op_get(&t.in[V], i) + (1 - a.beta2) * d * d;
        double hat = sqrt(v[i] / (1 - pow(a.beta2, 3))) + a.eps;
        p[i] = m[i] / (1 - pow(a.beta1, 3)) / hat + (lamb ? a.weight_decay * w : 0);
        w2 += w * w;
        r2 += p[i] * p[i];
    }
    for (size_t i = 0; i < (size_t)n; i++)
        p[i] = op_get(&t.in[P], i) * (decoupled ? 1 - 0.1 * a.weight_decay : 1) - 0.1 * (lamb ? sqrt(w2 / r2) : 1) * p[i];
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
        check_adam(SK_OPT_ADAM, sizes[i], false);
        check_adam(SK_OPT_ADAMW, sizes[i], true);
        check_adam(SK_OPT_LAMB, sizes[i], false);
    }
}

/* Along with the sum before it: the float32 pair holds what a double does. */
static void test_square_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(sizes); i++) {
        struct sk_rng r;
        struct op_test t = {.kind = SK_OP_SQUARE_SUM, .kernel = "cpu", .ins = 2, .outs = 1};
        double want = 0.75;
        check_rng(&r, i);
        t.in[0] = op_random(SK_F32, OP_DIMS(sizes[i]), &r);
        t.in[1] = op_tensor(SK_F32, OP_DIMS(2));
        t.out[0] = op_tensor(SK_F32, OP_DIMS(2));
        op_set(&t.in[1], 0, 0.5);
        op_set(&t.in[1], 1, 0.25);
        for (size_t k = 0; k < (size_t)sizes[i]; k++)
            want += op_get(&t.in[0], k) * op_get(&t.in[0], k);
        op_run(&t);
        assert_true(fabs(op_get(&t.out[0], 0) + op_get(&t.out[0], 1) - want) <= 2e-7 * want);
        op_free_all();
    }
}

/* Plain descent goes scale times as far where the pair holds the square of the norm. */
static void check_clip(double clip, double first, double second, double scale)
{
    struct op_test t = begin(SK_OPT_SGD, 100001, 4);
    double *p = op_doubles(100001);
    t.outs = 2;
    t.attr.optim.clip_norm = clip;
    t.in[3] = op_tensor(SK_F32, OP_DIMS(2));
    op_set(&t.in[3], 0, first);
    op_set(&t.in[3], 1, second);
    for (size_t i = 0; i < 100001; i++)
        p[i] = op_get(&t.in[P], i) - 0.1 * scale * op_get(&t.in[G], i);
    op_run(&t);
    op_compare(&t, 0, p, 1e-6);
    op_free_all();
}

/* As torch.nn.utils.clip_grad_norm_ scales: clip / (norm + 1e-6), and by nan where the norm is nan. */
static void test_clip(void **state)
{
    (void)state;
    check_clip(1, 3.25, 3, 0.4);
    check_clip(1, 0.25, 0, 1);
    check_clip(1e-6, 1e-12, 0, 0.5);
    check_clip(1, INFINITY, 0, 0);
    check_clip(1, NAN, 0, NAN);
}

/* The ratio is 1 where a norm is 0: weights that begin at zero leave it, and a gradient of zero is no division by it. */
static void check_no_ratio(enum sk_optimizer name, bool weights)
{
    struct op_test t = begin(name, 1000, name == SK_OPT_LAMB ? 4 : 3);
    double *p = op_doubles(1000);
    t.attr.optim = (struct sk_attr_optim){.name = name, .trust = 0.001, .eps = 1e-6};
    for (size_t i = 0; i < 1000; i++) {
        op_set(&t.in[M], i, 0);
        op_set(&t.in[weights ? G : P], i, 0);
        if (name == SK_OPT_LAMB)
            op_set(&t.in[V], i, 0);
        double g = op_get(&t.in[G], i), step = name == SK_OPT_LAMB ? g / (fabs(g) + 1e-6) : g;
        p[i] = op_get(&t.in[P], i) - 0.1 * step;
    }
    op_run(&t);
    op_compare(&t, 0, p, 3e-6);
    op_free_all();
}

static void test_no_ratio(void **state)
{
    (void)state;
    for (int weights = 0; weights < 2; weights++) {
        check_no_ratio(SK_OPT_LARS, weights);
        check_no_ratio(SK_OPT_LAMB, weights);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_square_sum),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_no_ratio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

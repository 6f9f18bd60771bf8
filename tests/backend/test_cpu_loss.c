/* Loss, its gradient, top-k and softmax on the cpu backend: against their formulas, the same bits with any number of
 * threads. */
#include "backend/op.h"

#include <math.h>

struct size {
    int64_t n, k;
    double smoothing;
};
static const struct size sizes[] = {{1, 2, 0}, {128, 10, 0.1}, {37, 1000, 0.1}, {300, 100, 0}, {2, 5000, 0.05}};

static struct op_test begin(enum sk_op_kind kind, const struct size *s)
{
    struct sk_rng r;
    struct op_test t = {.kind = kind, .kernel = "cpu", .attr = {.smoothing = s->smoothing}, .ins = 2, .outs = 1};
    check_rng(&r, (uint64_t)s->k);
    check_case("[%d,%d] smoothing %g", (int)s->n, (int)s->k, s->smoothing);
    t.in[0] = op_random(SK_F32, OP_DIMS(s->n, s->k), &r);
    t.in[1] = op_tensor(SK_I32, OP_DIMS(s->n));
    for (size_t i = 0; i < (size_t)s->n; i++)
        op_set(&t.in[1], i, (double)sk_rng_below(&r, (uint32_t)s->k));
    return t;
}

/* Softmax of row i into p. */
static void softmax(const struct op_tensor *x, const struct size *s, size_t i, double *p)
{
    double sum = 0;
    for (size_t j = 0; j < (size_t)s->k; j++)
        sum += exp(op_get(x, i * (size_t)s->k + j));
    for (size_t j = 0; j < (size_t)s->k; j++)
        p[j] = exp(op_get(x, i * (size_t)s->k + j)) / sum;
}

static void check_size(const struct size *s)
{
    size_t n = (size_t)s->n, k = (size_t)s->k;
    struct op_test loss = begin(SK_OP_LOSS, s), grad = begin(SK_OP_LOSS_GRAD, s), soft = begin(SK_OP_SOFTMAX, s);
    double *p = op_doubles(n * k), *d = op_doubles(n * k), mean = 0;
    for (size_t i = 0; i < n; i++) {
        size_t label = (size_t)op_get(&loss.in[1], i);
        softmax(&loss.in[0], s, i, p + i * k);
        for (size_t j = 0; j < k; j++) {
            double target = s->smoothing / (double)k + (j == label ? 1 - s->smoothing : 0);
            mean -= target * log(p[i * k + j]) / (double)n;
            d[i * k + j] = (p[i * k + j] - target) / (double)n;
        }
    }
    loss.out[0] = op_tensor(SK_F32, OP_DIMS(1));
    grad.out[0] = op_tensor(SK_F32, OP_DIMS(s->n, s->k));
    soft.out[0] = op_tensor(SK_F32, OP_DIMS(s->n, s->k));
    soft.ins = 1;
    op_run(&loss);
    op_compare(&loss, 0, &mean, 1e-6 * mean);
    op_run(&grad);
    op_compare(&grad, 0, d, 1e-7 / (double)n);
    op_run(&soft);
    op_compare(&soft, 0, p, 1e-7);
    op_free_all();
}

static void test_loss(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(sizes); i++)
        check_size(&sizes[i]);
}

static void check_topk(const struct size *s)
{
    size_t k = (size_t)s->k;
    struct op_test t = begin(SK_OP_TOPK, s);
    double want[2] = {0};
    t.out[0] = op_tensor(SK_I32, OP_DIMS(2));
    for (size_t i = 0; i < (size_t)s->n; i++) {
        size_t label = (size_t)op_get(&t.in[1], i), better = 0;
        for (size_t j = 0; j < k; j++)
            better += op_get(&t.in[0], i * k + j) > op_get(&t.in[0], i * k + label);
        want[0] += better == 0;
        want[1] += better < 5;
    }
    op_run(&t);
    op_compare(&t, 0, want, 0);
    op_free_all();
}

static void test_topk(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(sizes); i++)
        check_topk(&sizes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_topk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

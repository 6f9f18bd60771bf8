/* Loss, softmax and top-k: against PyTorch's values, and at the edges. */
#include "kern/check.h"

#include <math.h>

/* PyTorch 2.15 in float64: cross_entropy of [4,6], without and with label smoothing of 0.1, its gradient, and softmax.
 */
static const float logits[] = {3.70659351f,  1.04666078f,  0.530155361f, 2.20796394f,   -1.22366869f,   0.943885267f,
                               -3.05764627f, 0.969499648f, -1.89909387f, -1.10219848f,  -4.53753042f,   2.92336893f,
                               1.61951315f,  -1.5127399f,  2.12741327f,  0.0542387888f, -0.0331949815f, -3.03410292f,
                               3.58794665f,  0.217465818f, -5.25598621f, 7.39771938f,   2.93942857f,    -1.79020691f};
static const int32_t labels[] = {0, 5, 2, 2};
static const float dlogits_0[] = {-0.0721233476f,  0.0124429925f,   0.0074235115f,  0.0397440751f,  0.00128508921f,
                                  0.0112276793f,   0.000539464343f, 0.0302642556f,  0.00171836597f, 0.00381243924f,
                                  0.000122816644f, -0.0364573418f,  0.0802437969f,  0.00350018705f, -0.116651023f,
                                  0.0167734134f,   0.0153691357f,   0.00076448979f, 0.00535307463f, 0.000184001799f,
                                  -0.249999228f,   0.241638745f,    0.00279869436f, 2.4711601e-05f};
static const float dlogits_1[] = {-0.0512900143f,  0.00827632584f,  0.00325684483f,  0.0355774084f,    -0.00288157746f,
                                  0.00706101267f,  -0.00362720232f, 0.026097589f,    -0.0024483007f,   -0.000354227428f,
                                  -0.00404385002f, -0.0156240085f,  0.0760771302f,   -0.000666479614f, -0.0958176895f,
                                  0.0126067467f,   0.0112024691f,   -0.00340217688f, 0.00118640797f,   -0.00398266487f,
                                  -0.229165894f,   0.237472079f,    -0.00136797231f, -0.00414195507f};
static const float softmax[] = {0.711506609f,    0.04977197f,    0.029694046f,   0.1589763f,     0.00514035683f,
                                0.0449107174f,   0.00215785737f, 0.121057022f,   0.00687346387f, 0.015249757f,
                                0.000491266575f, 0.854170633f,   0.320975187f,   0.0140007482f,  0.533395909f,
                                0.0670936535f,   0.061476543f,   0.00305795916f, 0.0214122985f,  0.000736007198f,
                                3.08881606e-06f, 0.966554982f,   0.0111947774f,  9.8846404e-05f};

enum { N = 4, K = 6 };

/* Of all rows, their labels not mixed. */
static double loss_sum(const float *x, const int32_t *label, size_t n, size_t k, float smoothing)
{
    return sk_loss_ref(&(struct sk_loss){x, label, n, k, 1, smoothing}, 0, n);
}

static void loss_grad(const float *x, const int32_t *label, size_t n, size_t k, float smoothing, float scale, float *d)
{
    sk_loss_grad_ref(&(struct sk_loss){x, label, n, k, 1, smoothing}, 0, n, scale, d);
}

static void test_loss(void **state)
{
    (void)state;
    assert_true(fabs(loss_sum(logits, labels, N, K, 0) / N - 3.4535522255470577) < 1e-9);
    assert_true(fabs(loss_sum(logits, labels, N, K, 0.1f) / N - 3.5126474446972433) < 1e-7); /* 0.1f is not 0.1 */
}

static void test_loss_grad(void **state)
{
    float d[N * K];
    (void)state;
    check_case("gradient");
    loss_grad(logits, labels, N, K, 0, 1.0f / N, d);
    for (size_t i = 0; i < N * K; i++)
        check_one("dlogits", i, (double)d[i], (double)dlogits_0[i], 1e-7 * fabs((double)dlogits_0[i]) + 1e-9, SK_K_F32);
    loss_grad(logits, labels, N, K, 0.1f, 1.0f / N, d);
    for (size_t i = 0; i < N * K; i++)
        check_one("dlogits, smoothed", i, (double)d[i], (double)dlogits_1[i], 2e-8, SK_K_F32);
}

static void test_softmax(void **state)
{
    float p[N * K];
    (void)state;
    check_case("softmax");
    sk_softmax_ref(logits, N, K, p);
    for (size_t i = 0; i < N * K; i++)
        check_one("p", i, (double)p[i], (double)softmax[i], 2e-7 * (double)softmax[i], SK_K_F32);
}

/* Logits far apart neither overflow nor lose the loss. */
static void test_large(void **state)
{
    const float row[3] = {1e30f, -1e30f, 0};
    const int32_t label[1] = {0}, wrong[1] = {2};
    float d[3];
    (void)state;
    assert_true(loss_sum(row, label, 1, 3, 0) == 0);
    assert_true(fabs(loss_sum(row, wrong, 1, 3, 0) / 1e30 - 1) < 1e-6);
    loss_grad(row, wrong, 1, 3, 0, 1, d);
    assert_true(d[0] == 1 && d[1] == 0 && d[2] == -1);
}

static void test_bad_label(void **state)
{
    const int32_t low[1] = {-1}, high[1] = {K};
    float d[K];
    (void)state;
    assert_true(isnan(loss_sum(logits, low, 1, K, 0)));
    assert_true(isnan(loss_sum(logits, high, 1, K, 0)));
    loss_grad(logits, high, 1, K, 0, 1, d);
    assert_true(isnan(d[0]) && isnan(d[K - 1]));
}

static void test_nan(void **state)
{
    const float row[3] = {0, NAN, 1}, infinite[3] = {0, INFINITY, 1};
    const int32_t label[1] = {0};
    (void)state;
    assert_true(isnan(loss_sum(row, label, 1, 3, 0)));
    assert_true(!isfinite(loss_sum(infinite, label, 1, 3, 0)));
}

static void test_topk(void **state)
{
    static const float rows[5][7] = {
        {9, 1, 2, 3, 4, 5, 6},   /* label 0: first */
        {1, 2, 3, 4, 5, 6, 7},   /* label 2: fifth */
        {1, 2, 3, 4, 5, 6, 7},   /* label 1: sixth */
        {5, 5, 5, 5, 5, 5, 5},   /* label 0: first of equals; label 5 would be sixth */
        {1, NAN, 3, 4, 5, 6, 7}, /* wrong whatever the label */
    };
    const int32_t label[5] = {0, 2, 1, 0, 6}, last[5] = {6, 6, 6, 5, 6}, bad[5] = {-1, 7, 100, -5, 7};
    int32_t correct[2];
    (void)state;
    sk_topk_ref(rows[0], label, 5, 7, correct);
    assert_int_equal(correct[0], 2);
    assert_int_equal(correct[1], 3);
    sk_topk_ref(rows[0], last, 5, 7, correct);
    assert_int_equal(correct[0], 2);
    assert_int_equal(correct[1], 3);
    sk_topk_ref(rows[0], bad, 5, 7, correct);
    assert_int_equal(correct[0], 0);
    assert_int_equal(correct[1], 0);
    sk_topk_ref(rows[0], label, 1, 3, correct); /* fewer than five classes */
    assert_int_equal(correct[0], 1);
    assert_int_equal(correct[1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss),  cmocka_unit_test(test_loss_grad), cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_large), cmocka_unit_test(test_bad_label), cmocka_unit_test(test_nan),
        cmocka_unit_test(test_topk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

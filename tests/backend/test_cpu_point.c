/* Pointwise ops and dropout on the cpu backend: against their formulas, the same bits with any number of threads. */
#include "backend/op.h"

#include <math.h>

static const int64_t sizes[][4] = {{1, 1, 1, 1}, {2, 3, 3, 5}, {4, 32, 32, 16}, {3, 33, 31, 17}};

static const int64_t *shape(size_t i)
{
    static int64_t dim[5];
    memcpy(dim, sizes[i], sizeof sizes[i]);
    return dim;
}

/* Runs check for every size and type, out of place and in place. */
static void for_all(void (*check)(size_t size, enum sk_dtype type, bool in_place))
{
    for (size_t i = 0; i < SK_COUNT(sizes); i++)
        for (int f = 0; f < 4; f++) {
            check_case("size %zu %s in place %d", i, f & 1 ? "bf16" : "f32", f & 2);
            check(i, f & 1 ? SK_BF16 : SK_F32, f & 2);
            op_free_all();
        }
}

static struct op_test begin(enum sk_op_kind kind, int ins, size_t size, enum sk_dtype type, bool in_place)
{
    struct sk_rng r;
    struct op_test t = {.kind = kind, .kernel = "cpu", .ins = ins, .outs = 1};
    check_rng(&r, size);
    for (int i = 0; i < ins; i++)
        t.in[i] = op_random(type, shape(size), &r);
    t.out[0] = in_place ? t.in[0] : op_tensor(type, shape(size));
    return t;
}

/* The value of the type that is nearest. */
static double rounded(double v, enum sk_dtype type)
{
    return (double)(type == SK_BF16 ? sk_bf16_to_f32(sk_f32_to_bf16((float)v)) : (float)v);
}

static void check_relu(size_t size, enum sk_dtype type, bool in_place)
{
    struct op_test t = begin(SK_OP_RELU, 1, size, type, in_place);
    double *want = op_doubles(op_count(&t.in[0]));
    for (size_t i = 0; i < op_count(&t.in[0]); i++)
        want[i] = fmax(op_get(&t.in[0], i), 0);
    op_run(&t);
    op_compare(&t, 0, want, 0);
}

static void test_relu(void **state)
{
    (void)state;
    for_all(check_relu);
}

static void check_relu_grad(size_t size, enum sk_dtype type, bool in_place)
{
    struct op_test t = begin(SK_OP_RELU_GRAD, 2, size, type, in_place);
    double *want = op_doubles(op_count(&t.in[0]));
    for (size_t i = 0; i < op_count(&t.in[0]); i++)
        want[i] = op_get(&t.in[1], i) > 0 ? op_get(&t.in[0], i) : 0;
    op_run(&t);
    op_compare(&t, 0, want, 0);
}

static void test_relu_grad(void **state)
{
    (void)state;
    for_all(check_relu_grad);
}

static void check_add(size_t size, enum sk_dtype type, bool in_place)
{
    struct op_test t = begin(SK_OP_ADD, 2, size, type, in_place);
    double *want = op_doubles(op_count(&t.in[0]));
    for (size_t i = 0; i < op_count(&t.in[0]); i++)
        want[i] = rounded(op_get(&t.in[0], i) + op_get(&t.in[1], i), type);
    op_run(&t);
    op_compare(&t, 0, want, 0);
}

static void test_add(void **state)
{
    (void)state;
    for_all(check_add);
}

static void check_normalize(enum sk_dtype from, enum sk_dtype to, int64_t n, int64_t c)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_NORMALIZE, .kernel = "cpu", .ins = 1, .outs = 1};
    t.attr = (struct sk_attr){.dtype = to, .mean = {0.4914, 0.4822, 0.4465}, .std = {0.2023, 0.1994, 0.2010}};
    check_rng(&r, (uint64_t)c);
    t.in[0] = op_random(from, OP_DIMS(n, 32, 32, c), &r);
    t.out[0] = op_tensor(to, OP_DIMS(n, 32, 32, c));
    double *want = op_doubles(op_count(&t.in[0]));
    for (size_t i = 0; i < op_count(&t.in[0]); i++) {
        size_t j = i % (size_t)c;
        want[i] = (op_get(&t.in[0], i) / (from == SK_U8 ? 255 : 1) - t.attr.mean[j]) / t.attr.std[j];
    }
    check_case("normalize %s to %s", sk_dtype_name(from), sk_dtype_name(to));
    op_run(&t);
    op_compare(&t, 0, want, 2e-6);
    op_free_all();
}

static void test_normalize(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 13; n += 12)
        for (int64_t c = 1; c <= 3; c += 2) {
            check_normalize(SK_U8, SK_F32, n, c);
            check_normalize(SK_U8, SK_BF16, n, c);
            check_normalize(SK_F32, SK_F32, n, c);
            check_normalize(SK_F32, SK_BF16, n, c);
        }
}

/* Dropout of a tensor of ones; returns how many are kept. */
static size_t dropped_ones(enum sk_op_kind kind, double p, struct sk_step step, int salt, struct op_tensor *y)
{
    struct op_test t = {
        .kind = kind, .kernel = "cpu", .attr = {.p = p, .salt = salt}, .step = step, .ins = 1, .outs = 1};
    size_t kept = 0;
    t.in[0] = op_tensor(SK_F32, OP_DIMS(100, 512));
    for (size_t i = 0; i < op_count(&t.in[0]); i++)
        op_set(&t.in[0], i, 1);
    t.out[0] = *y = op_tensor(SK_F32, OP_DIMS(100, 512));
    op_run(&t);
    for (size_t i = 0; i < op_count(y); i++) {
        double v = op_get(y, i);
        assert_true(v == 0 || v == (double)(float)(1 / (1 - p)));
        kept += v != 0;
    }
    return kept;
}

static size_t differences(const struct op_tensor *a, const struct op_tensor *b)
{
    size_t n = 0;
    for (size_t i = 0; i < op_count(a); i++)
        n += op_get(a, i) != op_get(b, i);
    return n;
}

/* The gradient uses the same mask; another step, seed, part of the batch or salt another one, as unlike as chance has
 * it. */
static void test_dropout(void **state)
{
    const struct sk_step steps[4] = {{.step = 5, .seed = 7},
                                     {.step = 6, .seed = 7},
                                     {.step = 5, .seed = INT64_C(7) << 32},
                                     {.step = 5, .seed = 7, .part = 1}};
    struct op_tensor y, other;
    double n = 51200;
    (void)state;
    check_case("dropout");
    size_t kept = dropped_ones(SK_OP_DROPOUT, 0.3, steps[0], 1, &y);
    assert_true(fabs((double)kept - 0.7 * n) < 6 * sqrt(n * 0.3 * 0.7));
    (void)dropped_ones(SK_OP_DROPOUT_GRAD, 0.3, steps[0], 1, &other);
    assert_int_equal(differences(&y, &other), 0);
    for (int i = 0; i < 4; i++) {
        (void)dropped_ones(SK_OP_DROPOUT, 0.3, steps[i], i == 0 ? 2 : 1, &other);
        assert_true(fabs((double)differences(&y, &other) - 0.42 * n) < 6 * sqrt(n * 0.42 * 0.58));
    }
    assert_int_equal(dropped_ones(SK_OP_DROPOUT, 0, steps[0], 1, &y), (size_t)n);
    op_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relu),      cmocka_unit_test(test_relu_grad), cmocka_unit_test(test_add),
        cmocka_unit_test(test_normalize), cmocka_unit_test(test_dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

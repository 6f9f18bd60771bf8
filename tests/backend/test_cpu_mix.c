/* Mixed batches on the cpu backend: against torchvision's MixUp and CutMix and PyTorch's loss of soft targets
 * (mix/make_mix.py; SKUA_MIX_CASES names another file of such cases), and large ones against the definition. */
#include "backend/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/format.h"

static struct sk_safetensors cases;

/* Tensor "case.name" of the file, */
static struct op_tensor stored(int i, const char *name, enum sk_dtype type)
{
    char full[64];
    int64_t dim[SK_MAX_RANK + 1] = {0};
    snprintf(full, sizeof full, "%d.%s", i, name);
    const struct sk_st_tensor *t = sk_st_find(&cases, full);
    if (!t)
        fail_msg("no tensor '%s'", full);
    memcpy(dim, t->dim, (size_t)t->rank * sizeof *dim);
    struct op_tensor a = op_tensor(type, dim);
    assert_int_equal(t->bytes, sk_desc_bytes(&a.desc));
    memcpy(a.data, t->data, t->bytes);
    return a;
}

static double *stored_doubles(int i, const char *name)
{
    struct op_tensor t = stored(i, name, SK_F32);
    double *d = op_doubles(op_count(&t));
    for (size_t k = 0; k < op_count(&t); k++)
        d[k] = op_get(&t, k);
    return d;
}

static double largest(const double *d, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(d[i]));
    return most;
}

static void check_pictures(int i, enum sk_dtype to)
{
    char name[64];
    snprintf(name, sizeof name, "%d.pixels", i);
    bool bytes = sk_st_find(&cases, name)->elem == SK_ELEM_U8;
    struct op_test t = {.kind = SK_OP_NORMALIZE, .kernel = "cpu", .attr.dtype = to, .ins = 2, .outs = 1};
    double *norm = stored_doubles(i, "norm"), *want = stored_doubles(i, "pictures");
    memcpy(t.attr.mean, norm, sizeof t.attr.mean);
    memcpy(t.attr.std, norm + SK_MAX_CHANNELS, sizeof t.attr.std);
    t.in[0] = stored(i, "pixels", bytes ? SK_U8 : SK_F32);
    t.in[1] = stored(i, "mix", SK_F32);
    const int64_t *d = t.in[0].desc.dim;
    t.out[0] = op_tensor(to, OP_DIMS(d[0], d[1], d[2], d[3]));
    check_case("case %d to %s", i, sk_dtype_name(to));
    op_run(&t);
    op_compare(&t, 0, want, 1e-6 * largest(want, op_count(&t.out[0])));
    op_free_all();
}

static void test_pictures(void **state)
{
    char name[64];
    (void)state;
    int i = 0;
    for (; snprintf(name, sizeof name, "%d.pixels", i) && sk_st_find(&cases, name); i++) {
        check_pictures(i, SK_F32);
        check_pictures(i, SK_BF16);
    }
    assert_true(i >= 10);
}

static struct op_test loss_test(int i, enum sk_op_kind kind, bool weighted)
{
    struct op_test t = {.kind = kind, .kernel = "cpu", .ins = 3, .outs = 1};
    t.in[0] = stored(i, "logits", SK_F32);
    t.in[1] = stored(i, "labels", SK_I32);
    t.in[2] = stored(i, "mix", SK_F32);
    if (weighted)
        t.in[t.ins++] = stored(i, "weights", SK_F32);
    t.attr.weighted = weighted;
    t.attr.smoothing = stored_doubles(i, "smoothing")[0];
    t.out[0] = kind == SK_OP_LOSS ? op_tensor(SK_F32, OP_DIMS(1))
                                  : op_tensor(SK_F32, OP_DIMS(t.in[0].desc.dim[0], t.in[0].desc.dim[1]));
    return t;
}

static void check_loss(int i, bool weighted)
{
    struct op_test loss = loss_test(i, SK_OP_LOSS, weighted), grad = loss_test(i, SK_OP_LOSS_GRAD, weighted);
    check_case("case %d%s", i, weighted ? ", weighted" : "");
    op_run(&loss);
    op_compare(&loss, 0, stored_doubles(i, weighted ? "weighted_loss" : "loss"), 1e-6);
    op_run(&grad);
    op_compare(&grad, 0, stored_doubles(i, weighted ? "weighted_dlogits" : "dlogits"), 1e-6);
    op_free_all();
}

static void test_loss(void **state)
{
    char name[64];
    (void)state;
    for (int i = 0; snprintf(name, sizeof name, "%d.loss", i) && sk_st_find(&cases, name); i++) {
        check_loss(i, false);
        check_loss(i, true);
    }
}

/* Pixels as the definition has them. */
static double pixel(const struct op_test *t, size_t n, size_t y, size_t x, size_t c)
{
    const int64_t *d = t->in[0].desc.dim;
    size_t size = (size_t)(d[1] * d[2] * d[3]), other = (n + (size_t)d[0] - 1) % (size_t)d[0];
    size_t at = (y * (size_t)d[2] + x) * (size_t)d[3] + c;
    double own = op_get(&t->in[0], n * size + at), his = op_get(&t->in[0], other * size + at), mix[SK_MIX_VALUES];
    for (size_t k = 0; k < SK_MIX_VALUES; k++)
        mix[k] = op_get(&t->in[1], k);
    bool in = (double)y >= mix[1] && (double)x >= mix[2] && (double)y < mix[3] && (double)x < mix[4];
    return mix[3] > mix[1] ? (in ? his : own) : mix[0] * own + (1 - mix[0]) * his;
}

/* Large enough for several threads. */
static void check_large(const double mix[SK_MIX_VALUES], enum sk_dtype from, int64_t c)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_NORMALIZE, .kernel = "cpu", .ins = 2, .outs = 1};
    t.attr = (struct sk_attr){.dtype = SK_F32, .mean = {0.4914, 0.4822, 0.4465}, .std = {0.2023, 0.1994, 0.2010}};
    check_rng(&r, (uint64_t)c);
    t.in[0] = op_random(from, OP_DIMS(40, 33, 31, c), &r);
    t.in[1] = op_tensor(SK_F32, OP_DIMS(SK_MIX_VALUES));
    t.out[0] = op_tensor(SK_F32, OP_DIMS(40, 33, 31, c));
    for (size_t i = 0; i < SK_MIX_VALUES; i++)
        op_set(&t.in[1], i, mix[i]);
    double *want = op_doubles(op_count(&t.out[0])), unit = from == SK_U8 ? 255 : 1;
    for (size_t i = 0; i < op_count(&t.out[0]); i++) {
        size_t j = i % (size_t)c, x = i / (size_t)c % 31, y = i / (size_t)c / 31 % 33;
        want[i] = (pixel(&t, i / (size_t)c / 31 / 33, y, x, j) / unit - t.attr.mean[j]) / t.attr.std[j];
    }
    check_case("lambda %g, box %g, %s", mix[0], mix[3], sk_dtype_name(from));
    op_run(&t);
    op_compare(&t, 0, want, 4e-6);
    op_free_all();
}

static void test_large(void **state)
{
    static const double mixes[][SK_MIX_VALUES] = {
        {0.7, 0, 0, 0, 0}, {0.4, 3, 0, 30, 31}, {0.9, 10, 7, 14, 20}, {1, 0, 0, 0, 0}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(mixes); i++)
        for (int64_t c = 1; c <= 3; c += 2) {
            check_large(mixes[i], SK_U8, c);
            check_large(mixes[i], SK_F32, c);
        }
}

/* Correct is the label of the larger weight. */
static void test_topk(void **state)
{
    static const float logits[3][6] = {{9, 1, 2, 3, 4, 5}, {1, 9, 2, 3, 4, 5}, {1, 9, 2, 3, 4, 5}};
    static const int32_t labels[3] = {0, 0, 1}; /* of the row before: 1, 0, 0 */
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct op_test t = {.kind = SK_OP_TOPK, .kernel = "cpu", .ins = 3, .outs = 1};
        t.in[0] = op_tensor(SK_F32, OP_DIMS(3, 6));
        t.in[1] = op_tensor(SK_I32, OP_DIMS(3));
        t.in[2] = op_tensor(SK_F32, OP_DIMS(SK_MIX_VALUES));
        t.out[0] = op_tensor(SK_I32, OP_DIMS(2));
        memcpy(t.in[0].data, logits, sizeof logits);
        memcpy(t.in[1].data, labels, sizeof labels);
        op_set(&t.in[2], 0, i == 0 ? 0.5 : 0.49);
        check_case("lambda %g", op_get(&t.in[2], 0));
        op_run(&t);
        op_compare(&t, 0, i == 0 ? (double[]){2, 2} : (double[]){0, 0}, 0);
        op_free_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pictures), cmocka_unit_test(test_loss),
                                       cmocka_unit_test(test_large), cmocka_unit_test(test_topk)};
    const char *other = getenv("SKUA_MIX_CASES");
    struct sk_err err = {0};
    if (sk_st_open(&cases, other ? other : SKUA_TEST_DIR "/backend/mix/mix.safetensors", &err) != SK_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sk_st_close(&cases);
    return failed;
}

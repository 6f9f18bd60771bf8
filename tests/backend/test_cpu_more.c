/* Group norm, gates, smooth activations, windows and depthwise convolutions on the cpu backend: against the definition
 * in double, the same bits with any number of threads. */
#include "backend/op.h"

#include <math.h>

enum { N = 3, H = 7, W = 5, HW = H * W };

static void test_group_norm_of(enum sk_dtype type, int c, int groups)
{
    struct sk_rng r;
    struct op_test t = {
        .kind = SK_OP_GROUP_NORM, .kernel = "cpu", .attr = {.eps = 1e-3, .groups = groups}, .ins = 3, .outs = 3};
    struct op_test back = {.kind = SK_OP_GROUP_NORM_GRAD, .kernel = "cpu", .attr = t.attr, .ins = 5, .outs = 3};
    check_rng(&r, (uint64_t)c);
    check_case("group norm %s, %d channels, %d groups", sk_dtype_name(type), c, groups);
    t.in[0] = op_random(type, OP_DIMS(N, H, W, c), &r);
    t.in[1] = op_random(SK_F32, OP_DIMS(c), &r), t.in[2] = op_random(SK_F32, OP_DIMS(c), &r);
    t.out[0] = op_tensor(type, OP_DIMS(N, H, W, c));
    t.out[1] = op_tensor(SK_F32, OP_DIMS(N, groups)), t.out[2] = op_tensor(SK_F32, OP_DIMS(N, groups));
    back.in[0] = op_random(type, OP_DIMS(N, H, W, c), &r);
    back.in[1] = t.in[0], back.in[2] = t.in[1], back.in[3] = t.out[1], back.in[4] = t.out[2];
    back.out[0] = op_tensor(type, OP_DIMS(N, H, W, c));
    back.out[1] = op_tensor(SK_F32, OP_DIMS(c)), back.out[2] = op_tensor(SK_F32, OP_DIMS(c));
    size_t each = (size_t)(c / groups), total = (size_t)(N * HW * c), channels = (size_t)c;
    double *y = op_doubles(total), *dx = op_doubles(total), *dgamma = op_doubles(channels),
           *dbeta = op_doubles(channels);
    for (size_t g = 0; g < (size_t)(N * groups); g++) {
        double m = (double)(HW * (int)each), mean = 0, var = 0, s1 = 0, s2 = 0;
        size_t n = g / (size_t)groups, c0 = g % (size_t)groups * each;
#define EACH                                                                                                           \
    for (size_t k = 0, i, j; k < HW * each; k++)                                                                       \
        if (j = c0 + k % each, i = (n * HW + k / each) * channels + j, true)
        EACH mean += op_get(&t.in[0], i) / m;
        EACH var += pow(op_get(&t.in[0], i) - mean, 2) / m;
        double s = 1 / sqrt(var + 1e-3);
        EACH
        {
            double x = (op_get(&t.in[0], i) - mean) * s, d = op_get(&back.in[0], i), gamma = op_get(&t.in[1], j);
            y[i] = x * gamma + op_get(&t.in[2], j);
            dgamma[j] += d * x, dbeta[j] += d;
            s1 += d * gamma / m, s2 += d * gamma * x / m;
        }
        EACH dx[i] = s * (op_get(&back.in[0], i) * op_get(&t.in[1], j) - s1 - (op_get(&t.in[0], i) - mean) * s * s2);
#undef EACH
    }
    op_run(&t);
    op_compare(&t, 0, y, 1e-5);
    op_run(&back);
    op_compare(&back, 0, dx, 1e-5);
    op_compare(&back, 1, dgamma, 1e-4);
    op_compare(&back, 2, dbeta, 1e-4);
    op_free_all();
}

static void test_group_norm(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        enum sk_dtype t = type ? SK_BF16 : SK_F32;
        test_group_norm_of(t, 6, 2);
        test_group_norm_of(t, 35, 1);
        test_group_norm_of(t, 512, 32);
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* dy is in[0] of gradients; the other input is x or, for the sigmoid, its result. */
static double act(enum sk_op_kind kind, double a, double b)
{
    double s = sigmoid(kind == SK_OP_SILU_GRAD ? b : a);
    switch (kind) {
    case SK_OP_SILU:
        return a * s;
    case SK_OP_SIGMOID:
        return s;
    case SK_OP_SILU_GRAD:
        return a * s * (1 + b * (1 - s));
    default:
        return a * b * (1 - b);
    }
}

static void check_act(enum sk_op_kind kind, enum sk_dtype type, int inputs)
{
    struct sk_rng r;
    struct op_test t = {.kind = kind, .kernel = "cpu", .ins = inputs, .outs = 1};
    check_rng(&r, (uint64_t)kind);
    check_case("%s %s", sk_op_info(kind)->name, sk_dtype_name(type));
    for (int i = 0; i < inputs; i++)
        t.in[i] = op_random(type, OP_DIMS(9, 61, 67, 1), &r);
    op_set(&t.in[0], 0, 200), op_set(&t.in[0], 1, -200), op_set(&t.in[inputs - 1], 2, 40),
        op_set(&t.in[inputs - 1], 3, -40);
    t.out[0] = op_tensor(type, OP_DIMS(9, 61, 67, 1));
    double *want = op_doubles(op_count(&t.in[0]));
    for (size_t i = 0; i < op_count(&t.in[0]); i++)
        want[i] = act(kind, op_get(&t.in[0], i), inputs > 1 ? op_get(&t.in[1], i) : 0);
    op_run(&t);
    op_compare(&t, 0, want, 1e-3);
    op_set(&t.in[0], 0, 0), op_set(&t.in[0], 1, 0), op_set(&t.in[inputs - 1], 2, 0), op_set(&t.in[inputs - 1], 3, 0);
    for (size_t i = 0; i < 4; i++)
        want[i] = act(kind, op_get(&t.in[0], i), inputs > 1 ? op_get(&t.in[1], i) : 0);
    op_run(&t);
    op_compare(&t, 0, want, 2e-6);
    op_free_all();
}

static void test_act(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        enum sk_dtype t = type ? SK_BF16 : SK_F32;
        check_act(SK_OP_SILU, t, 1);
        check_act(SK_OP_SIGMOID, t, 1);
        check_act(SK_OP_SILU_GRAD, t, 2);
        check_act(SK_OP_SIGMOID_GRAD, t, 2);
    }
}

static void check_gate(enum sk_dtype type, int c)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_GATE, .kernel = "cpu", .ins = 2, .outs = 1};
    struct op_test back = {.kind = SK_OP_GATE_GRAD, .kernel = "cpu", .ins = 2, .outs = 1};
    struct op_test bias = {.kind = SK_OP_BIAS_GRAD, .kernel = "cpu", .ins = 1, .outs = 1};
    size_t n = (size_t)(N * HW * c), channels = (size_t)c;
    check_rng(&r, (uint64_t)c);
    check_case("gate %s %d channels", sk_dtype_name(type), c);
    t.in[0] = back.in[1] = op_random(type, OP_DIMS(N, H, W, c), &r);
    t.in[1] = op_random(type, OP_DIMS(N, 1, 1, c), &r);
    back.in[0] = bias.in[0] = op_random(type, OP_DIMS(N, H, W, c), &r);
    t.out[0] = op_tensor(type, OP_DIMS(N, H, W, c)), back.out[0] = op_tensor(type, OP_DIMS(N, 1, 1, c));
    bias.out[0] = op_tensor(SK_F32, OP_DIMS(c));
    double *y = op_doubles(n), *ds = op_doubles(N * channels), *db = op_doubles(channels);
    for (size_t i = 0; i < n; i++) {
        size_t s = i / (HW * channels) * channels + i % channels;
        y[i] = op_get(&t.in[0], i) * op_get(&t.in[1], s);
        ds[s] += op_get(&t.in[0], i) * op_get(&back.in[0], i);
        db[i % channels] += op_get(&bias.in[0], i);
    }
    op_run(&t), op_run(&back), op_run(&bias);
    op_compare(&t, 0, y, 1e-6);
    op_compare(&back, 0, ds, 2e-5);
    op_compare(&bias, 0, db, 5e-5);
    op_free_all();
}

static void test_gate(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        check_gate(type ? SK_BF16 : SK_F32, 5);
        check_gate(type ? SK_BF16 : SK_F32, 352);
    }
}

/* 2x2 windows with stride 2 on 7x5: the last ones are cut. The gradient of the mean, by its definition. */
static void test_window(void **state)
{
    enum { C = 6, P = 4, Q = 3 };
    struct sk_rng r;
    (void)state;
    struct op_test t = {
        .kind = SK_OP_AVG_WINDOW, .kernel = "cpu", .attr = {.kernel = 2, .stride = 2}, .ins = 1, .outs = 1};
    struct op_test back = {.kind = SK_OP_AVG_WINDOW_GRAD, .kernel = "cpu", .attr = t.attr, .ins = 1, .outs = 1};
    check_rng(&r, 1);
    check_case("windows");
    t.in[0] = op_random(SK_F32, OP_DIMS(N, H, W, C), &r), t.out[0] = op_tensor(SK_F32, OP_DIMS(N, P, Q, C));
    back.in[0] = op_random(SK_F32, OP_DIMS(N, P, Q, C), &r), back.out[0] = op_tensor(SK_F32, OP_DIMS(N, H, W, C));
    double *y = op_doubles(N * P * Q * C), *dx = op_doubles(N * HW * C);
    for (size_t i = 0; i < N * HW * C; i++) {
        size_t c = i % C, w = i / C % W, h = i / C / W % H, n = i / C / W / H,
               o = ((n * P + h / 2) * Q + w / 2) * C + c;
        double size = (h / 2 == P - 1 ? 1 : 2) * (w / 2 == Q - 1 ? 1 : 2);
        y[o] += op_get(&t.in[0], i) / size;
        dx[i] = op_get(&back.in[0], o) / size;
    }
    op_run(&t), op_run(&back);
    op_compare(&t, 0, y, 1e-6);
    op_compare(&back, 0, dx, 1e-6);
    op_free_all();
}

static void test_max_all(void **state)
{
    enum { C = 6 };
    struct sk_rng r;
    (void)state;
    struct op_test t = {.kind = SK_OP_MAX_ALL, .kernel = "cpu", .ins = 1, .outs = 2};
    struct op_test back = {.kind = SK_OP_MAX_ALL_GRAD, .kernel = "cpu", .ins = 2, .outs = 1};
    check_rng(&r, 2);
    check_case("maximum of all");
    t.in[0] = op_random(SK_BF16, OP_DIMS(N, H, W, C), &r), t.out[0] = op_tensor(SK_BF16, OP_DIMS(N, C));
    t.out[1] = back.in[1] = op_tensor(SK_I32, OP_DIMS(N, C));
    back.in[0] = op_random(SK_BF16, OP_DIMS(N, C), &r), back.out[0] = op_tensor(SK_BF16, OP_DIMS(N, H, W, C));
    double *y = op_doubles(N * C), *dx = op_doubles(N * HW * C);
    for (size_t o = 0; o < N * C; o++) {
        size_t first = o / C * HW * C + o % C, best = first;
        for (size_t i = first; i < first + HW * C; i += C)
            best = op_get(&t.in[0], i) > op_get(&t.in[0], best) ? i : best;
        y[o] = op_get(&t.in[0], best);
        dx[best] = op_get(&back.in[0], o);
    }
    op_run(&t), op_run(&back);
    op_compare(&t, 0, y, 0);
    op_compare(&back, 0, dx, 0);
    op_free_all();
}

struct grouped {
    int c, k, groups, kernel, stride;
};

/* All passes of a grouped convolution by one kernel: every product of the definition is added where it belongs. */
static void check_grouped(const struct grouped *s, const char *kernel, enum sk_dtype type)
{
    struct sk_rng r;
    int pad = s->kernel / 2, P = (H + 2 * pad - s->kernel) / s->stride + 1,
        Q = (W + 2 * pad - s->kernel) / s->stride + 1;
    int cg = s->c / s->groups, kg = s->k / s->groups, area = s->kernel * s->kernel;
    const struct sk_attr attr = {.kernel = s->kernel, .stride = s->stride, .pad = pad, .groups = s->groups};
    struct op_test t[3] = {{.kind = SK_OP_CONV}, {.kind = SK_OP_CONV_GRAD_DATA}, {.kind = SK_OP_CONV_GRAD_WEIGHT}};
    check_rng(&r, (uint64_t)s->c);
    check_case("%s %s, %d to %d channels in %d groups, kernel %d, stride %d", kernel, sk_dtype_name(type), s->c, s->k,
               s->groups, s->kernel, s->stride);
    struct op_tensor x = op_random(type, OP_DIMS(N, H, W, s->c), &r),
                     w = op_random(SK_F32, OP_DIMS(s->k, cg, s->kernel, s->kernel), &r);
    struct op_tensor dy = op_random(type, OP_DIMS(N, P, Q, s->k), &r);
    for (size_t i = 0; i < op_count(&w); i++)
        op_set(&w, i, round(op_get(&w, i) * 4) / 4); /* the same in bf16, in which oneDNN reads them */
    t[0].in[0] = x, t[0].in[1] = w, t[0].out[0] = op_tensor(type, OP_DIMS(N, P, Q, s->k));
    t[1].in[0] = dy, t[1].in[1] = w, t[1].out[0] = op_tensor(type, OP_DIMS(N, H, W, s->c));
    t[2].in[0] = dy, t[2].in[1] = x, t[2].out[0] = op_tensor(SK_F32, OP_DIMS(s->k, cg, s->kernel, s->kernel));
    double *want[3];
    for (int i = 0; i < 3; i++)
        want[i] = op_doubles(op_count(&t[i].out[0]));
    for (int o = 0; o < N * P * Q * s->k; o++)
        for (int i = 0; i < cg * area; i++) {
            int k = o % s->k, q = o / s->k % Q, p = o / s->k / Q % P, n = o / s->k / Q / P, c = k / kg * cg + i / area;
            int h = p * s->stride - pad + i % area / s->kernel, v = q * s->stride - pad + i % s->kernel;
            size_t at = (size_t)(((n * H + h) * W + v) * s->c + c), weight = (size_t)(k * cg * area + i);
            if (h < 0 || h >= H || v < 0 || v >= W)
                continue;
            want[0][o] += op_get(&x, at) * op_get(&w, weight);
            want[1][at] += op_get(&dy, (size_t)o) * op_get(&w, weight);
            want[2][weight] += op_get(&dy, (size_t)o) * op_get(&x, at);
        }
    for (int i = 0; i < 3; i++) {
        t[i].kernel = kernel, t[i].attr = attr, t[i].ins = 2, t[i].outs = 1;
        op_run(&t[i]);
        op_compare(&t[i], 0, want[i], 1e-4);
    }
    op_free_all();
}

static void test_grouped(void **state)
{
    static const struct grouped depthwise[] = {{32, 32, 32, 3, 1}, {40, 40, 40, 5, 2}, {7, 7, 7, 3, 2}};
    static const struct grouped other[] = {{12, 24, 3, 3, 1}, {64, 64, 2, 3, 2}, {20, 10, 5, 1, 1}};
    (void)state;
    for (int type = 0; type < 2; type++)
        for (size_t i = 0; i < 3; i++) {
            enum sk_dtype t = type ? SK_BF16 : SK_F32;
            check_grouped(&depthwise[i], "depthwise", t);
            check_grouped(&depthwise[i], "ref", t);
            check_grouped(&other[i], "ref", t);
        }
    if (sk_isa_level() != SK_ISA_REF) /* which does without oneDNN */
        check_grouped(&other[1], "onednn", SK_F32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_group_norm), cmocka_unit_test(test_act),
                                       cmocka_unit_test(test_gate),       cmocka_unit_test(test_window),
                                       cmocka_unit_test(test_max_all),    cmocka_unit_test(test_grouped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

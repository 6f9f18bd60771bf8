/* The reference convolution and linear layer as the backend runs them: attributes, several threads, all three passes.
 */
#include "backend/op.h"

#include <math.h>

enum { N = 5, H = 9, W = 8, C = 6, K = 20, S = 3, P = 5, Q = 4 }; /* 3x3, stride 2, padding 1 */

static double conv_at(const struct op_tensor *x, const struct op_tensor *w, int64_t n, int64_t p, int64_t q, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < S * S * C; i++) {
        int64_t c = i / (S * S), h = p * 2 - 1 + i / S % S, column = q * 2 - 1 + i % S;
        if (h >= 0 && h < H && column >= 0 && column < W)
            sum += op_get(x, (size_t)(((n * H + h) * W + column) * C + c)) *
                   op_get(w, (size_t)((k * C + c) * S * S + i % (S * S)));
    }
    return sum;
}

static void check_conv(enum sk_dtype type, bool bias, bool residual, bool relu, bool in_place)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_CONV, .kernel = "ref", .ins = 2, .outs = 1};
    t.attr = (struct sk_attr){.stride = 2, .pad = 1, .bias = bias, .residual = residual, .relu = relu};
    check_rng(&r, 1);
    check_case("conv %s bias %d residual %d relu %d in place %d", sk_dtype_name(type), bias, residual, relu, in_place);
    t.in[0] = op_random(type, OP_DIMS(N, H, W, C), &r);
    t.in[1] = op_random(SK_F32, OP_DIMS(K, C, S, S), &r);
    if (bias)
        t.in[t.ins++] = op_random(SK_F32, OP_DIMS(K), &r);
    if (residual)
        t.in[t.ins++] = op_random(type, OP_DIMS(N, P, Q, K), &r);
    t.out[0] = in_place ? t.in[t.ins - 1] : op_tensor(type, OP_DIMS(N, P, Q, K));
    double *want = op_doubles(N * P * Q * K);
    for (int64_t i = 0; i < N * P * Q * K; i++) {
        want[i] = conv_at(&t.in[0], &t.in[1], i / K / Q / P, i / K / Q % P, i / K % Q, i % K);
        want[i] += bias ? op_get(&t.in[2], (size_t)(i % K)) : 0;
        want[i] += residual ? op_get(&t.in[t.ins - 1], (size_t)i) : 0;
        want[i] = relu ? fmax(want[i], 0) : want[i];
    }
    op_run(&t);
    op_compare(&t, 0, want, 1e-5);
    op_free_all();
}

static void test_conv(void **state)
{
    (void)state;
    for (int f = 0; f < 32; f++)
        if ((f & 4) || !(f & 16))
            check_conv(f & 1 ? SK_BF16 : SK_F32, f & 2, f & 4, f & 8, f & 16);
}

/* With one weight or one input set, a gradient is what that one does to <dy, y>: all are checked through conv_at. */
static void test_conv_gradients(void **state)
{
    struct sk_rng r;
    const struct sk_attr attr = {.stride = 2, .pad = 1};
    struct op_test data = {.kind = SK_OP_CONV_GRAD_DATA, .kernel = "ref", .attr = attr, .ins = 2, .outs = 1};
    struct op_test weight = {.kind = SK_OP_CONV_GRAD_WEIGHT, .kernel = "ref", .attr = attr, .ins = 2, .outs = 1};
    (void)state;
    check_rng(&r, 2);
    check_case("gradients");
    data.in[0] = weight.in[0] = op_random(SK_F32, OP_DIMS(N, P, Q, K), &r);
    data.in[1] = op_random(SK_F32, OP_DIMS(K, C, S, S), &r);
    data.out[0] = op_tensor(SK_F32, OP_DIMS(N, H, W, C));
    weight.in[1] = op_random(SK_F32, OP_DIMS(N, H, W, C), &r);
    weight.out[0] = op_tensor(SK_F32, OP_DIMS(K, C, S, S));
    double *dx = op_doubles(N * H * W * C), *dw = op_doubles(K * C * S * S);
    for (int64_t i = 0; i < N * P * Q * K * C * S * S; i++) {
        int64_t o = i / (C * S * S), j = i % (C * S * S), c = j / (S * S), k = o % K;
        int64_t h = o / K / Q % P * 2 - 1 + j / S % S, column = o / K % Q * 2 - 1 + j % S;
        if (h < 0 || h >= H || column < 0 || column >= W)
            continue;
        int64_t from = ((o / K / Q / P * H + h) * W + column) * C + c;
        dx[from] += op_get(&data.in[0], (size_t)o) * op_get(&data.in[1], (size_t)(k * C * S * S + j));
        dw[k * C * S * S + j] += op_get(&data.in[0], (size_t)o) * op_get(&weight.in[1], (size_t)from);
    }
    op_run(&data);
    op_compare(&data, 0, dx, 1e-5);
    op_run(&weight);
    op_compare(&weight, 0, dw, 2e-5);
    op_free_all();
}

static void check_linear(enum sk_dtype type, int64_t n, int64_t c, int64_t k)
{
    struct sk_rng r;
    struct op_test forward = {.kind = SK_OP_LINEAR, .kernel = "ref", .ins = 3, .outs = 1};
    struct op_test data = {.kind = SK_OP_LINEAR_GRAD_DATA, .kernel = "ref", .ins = 2, .outs = 1};
    struct op_test weight = {.kind = SK_OP_LINEAR_GRAD_WEIGHT, .kernel = "ref", .ins = 2, .outs = 2};
    check_rng(&r, (uint64_t)c);
    check_case("linear %s [%d,%d] to %d", sk_dtype_name(type), (int)n, (int)c, (int)k);
    struct op_tensor x = op_random(type, OP_DIMS(n, c), &r), w = op_random(SK_F32, OP_DIMS(k, c), &r);
    struct op_tensor b = op_random(SK_F32, OP_DIMS(k), &r), dy = op_random(SK_F32, OP_DIMS(n, k), &r);
    forward.in[0] = x, forward.in[1] = w, forward.in[2] = b;
    data.in[0] = dy, data.in[1] = w;
    weight.in[0] = dy, weight.in[1] = x;
    forward.out[0] = op_tensor(SK_F32, OP_DIMS(n, k));
    data.out[0] = op_tensor(type, OP_DIMS(n, c));
    weight.out[0] = op_tensor(SK_F32, OP_DIMS(k, c));
    weight.out[1] = op_tensor(SK_F32, OP_DIMS(k));
    double *y = op_doubles((size_t)(n * k)), *dx = op_doubles((size_t)(n * c)), *dw = op_doubles((size_t)(k * c)),
           *db = op_doubles((size_t)k);
    for (int64_t i = 0; i < n * k; i++) {
        y[i] = op_get(&b, (size_t)(i % k));
        db[i % k] += op_get(&dy, (size_t)i);
        for (int64_t j = 0; j < c; j++) {
            double wij = op_get(&w, (size_t)(i % k * c + j)), xij = op_get(&x, (size_t)(i / k * c + j));
            y[i] += wij * xij;
            dx[i / k * c + j] += op_get(&dy, (size_t)i) * wij;
            dw[i % k * c + j] += op_get(&dy, (size_t)i) * xij;
        }
    }
    op_run(&forward);
    op_compare(&forward, 0, y, 1e-5);
    op_run(&data);
    op_compare(&data, 0, dx, 1e-5);
    op_run(&weight);
    op_compare(&weight, 0, dw, 1e-5);
    op_compare(&weight, 1, db, 1e-5);
    op_free_all();
}

static void test_linear(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        check_linear(type ? SK_BF16 : SK_F32, 1, 1, 2);
        check_linear(type ? SK_BF16 : SK_F32, 17, 130, 19);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_gradients),
        cmocka_unit_test(test_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Batch norm on the cpu backend: every variant against its formula in double, the same bits with any number of threads.
 */
#include "backend/op.h"

#include <math.h>
#include <stdio.h>

static const double EPS = 1e-5;

/* One row has no variance: 1 / sqrt(EPS) makes every error 300 times larger. */
static double steepness(size_t rows)
{
    return rows > 1 ? 8 : 3000;
}

struct norm { /* a batch norm in double */
    size_t rows, c;
    double *x, *gamma, *beta, *mean, *var, *pre; /* pre: before the ReLU */
};

static double *doubles_of(const struct op_tensor *t)
{
    double *d = op_doubles(op_count(t));
    for (size_t i = 0; i < op_count(t); i++)
        d[i] = op_get(t, i);
    return d;
}

static void statistics(struct norm *b)
{
    b->mean = op_doubles(b->c);
    b->var = op_doubles(b->c);
    for (size_t i = 0; i < b->rows * b->c; i++)
        b->mean[i % b->c] += b->x[i] / (double)b->rows;
    for (size_t i = 0; i < b->rows * b->c; i++)
        b->var[i % b->c] += pow(b->x[i] - b->mean[i % b->c], 2) / (double)b->rows;
}

static void normalize(struct norm *b, const double *residual)
{
    b->pre = op_doubles(b->rows * b->c);
    for (size_t i = 0; i < b->rows * b->c; i++) {
        size_t j = i % b->c;
        b->pre[i] =
            (b->x[i] - b->mean[j]) / sqrt(b->var[j] + EPS) * b->gamma[j] + b->beta[j] + (residual ? residual[i] : 0);
    }
}

struct variant {
    int64_t n, h, c;
    enum sk_dtype type;
    bool relu, residual, second, in_place, paired; /* paired: the residual has a norm of its own */
};

static const int64_t *shape(const struct variant *v)
{
    static int64_t dim[5];
    dim[0] = v->n, dim[1] = dim[2] = v->h, dim[3] = v->c, dim[4] = 0;
    return dim;
}

static void begin(const struct variant *v, struct sk_rng *r)
{
    check_rng(r, (uint64_t)(v->n * 1000 + v->c));
    check_case("[%d,%d,%d,%d] %s relu %d residual %d second %d in place %d", (int)v->n, (int)v->h, (int)v->h, (int)v->c,
               sk_dtype_name(v->type), v->relu, v->residual, v->second, v->in_place);
}

/* x with a mean and deviation of its own in every channel; gamma and beta. */
static struct norm inputs(const struct variant *v, struct op_test *t, int x, struct sk_rng *r)
{
    t->in[x] = op_random(v->type, shape(v), r);
    struct norm b = {.rows = (size_t)(v->n * v->h * v->h), .c = (size_t)v->c};
    for (size_t i = 0; i < b.rows * b.c; i++)
        op_set(&t->in[x], i, op_get(&t->in[x], i) * (1 + (double)(i % b.c % 5)) + (double)(i % b.c % 7) * 3);
    t->in[x + 1] = op_random(SK_F32, OP_DIMS(v->c), r);
    t->in[x + 2] = op_random(SK_F32, OP_DIMS(v->c), r);
    b.x = doubles_of(&t->in[x]);
    b.gamma = doubles_of(&t->in[x + 1]);
    b.beta = doubles_of(&t->in[x + 2]);
    return b;
}

static void rectify(double *y, size_t n, bool relu)
{
    for (size_t i = 0; i < n && relu; i++)
        y[i] = fmax(y[i], 0);
}

static void check_batch_norm(const struct variant *v)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_BATCH_NORM,
                        .kernel = "cpu",
                        .attr = {.eps = EPS, .relu = v->relu, .residual = v->residual},
                        .ins = 3,
                        .outs = 3};
    begin(v, &r);
    struct norm b = inputs(v, &t, 0, &r);
    if (v->residual)
        t.in[t.ins++] = op_random(v->type, shape(v), &r);
    t.out[0] = v->in_place ? t.in[t.ins - 1] : op_tensor(v->type, shape(v)); /* over x, or over the residual */
    if (v->in_place && !v->residual)
        t.out[0] = t.in[0];
    t.out[1] = op_tensor(SK_F32, OP_DIMS(v->c));
    t.out[2] = op_tensor(SK_F32, OP_DIMS(v->c));
    statistics(&b);
    normalize(&b, v->residual ? doubles_of(&t.in[3]) : NULL);
    rectify(b.pre, b.rows * b.c, v->relu);
    op_run(&t);
    op_compare(&t, 0, b.pre, 4e-6 * steepness(b.rows));
    op_compare(&t, 1, b.mean, 1e-6 * 20);
    op_compare(&t, 2, b.var, 1e-6 * 40);
    op_free_all();
}

static const int64_t sizes[][3] = {{2, 3, 5},   {1, 1, 1},   {5, 16, 64}, {3, 8, 512},
                                   {40, 17, 3}, {3, 40, 16}, {2, 2, 2050}};

static void for_all(void (*check)(const struct variant *v), int flags)
{
    for (size_t i = 0; i < SK_COUNT(sizes); i++)
        for (int f = 0; f < 1 << (flags + 1); f++) {
            struct variant v = {.n = sizes[i][0],
                                .h = sizes[i][1],
                                .c = sizes[i][2],
                                .type = f & 1 ? SK_BF16 : SK_F32,
                                .relu = f & 2,
                                .residual = f & 4,
                                .in_place = f & 8,
                                .second = f & 16};
            check(&v);
        }
}

static void test_batch_norm(void **state)
{
    (void)state;
    for_all(check_batch_norm, 3);
}

/* mean and var of b as inputs i and i + 1, and again as they were rounded. */
static void give_statistics(const struct variant *v, struct op_test *t, struct norm *b, int i, double more)
{
    statistics(b);
    for (int k = i; k < i + 2; k++) {
        t->in[k] = op_tensor(SK_F32, OP_DIMS(v->c));
        for (size_t j = 0; j < b->c; j++)
            op_set(&t->in[k], j, k == i ? b->mean[j] : b->var[j] + more);
    }
    b->mean = doubles_of(&t->in[i]);
    b->var = doubles_of(&t->in[i + 1]);
}

static void check_infer(const struct variant *v)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_BATCH_NORM_INFER,
                        .kernel = "cpu",
                        .attr = {.eps = EPS, .relu = v->relu, .residual = v->residual},
                        .ins = 5,
                        .outs = 1};
    begin(v, &r);
    struct norm b = inputs(v, &t, 0, &r);
    give_statistics(v, &t, &b, 3, 0.1);
    if (v->residual)
        t.in[t.ins++] = op_random(v->type, shape(v), &r);
    t.out[0] = v->in_place ? t.in[v->residual ? 5 : 0] : op_tensor(v->type, shape(v));
    normalize(&b, v->residual ? doubles_of(&t.in[5]) : NULL);
    rectify(b.pre, b.rows * b.c, v->relu);
    op_run(&t);
    op_compare(&t, 0, b.pre, 4e-6 * steepness(b.rows));
    op_free_all();
}

/* y = relu(norm(x) + norm(z)): the residual z is normalized too, and y may lie over it. */
static void check_paired(const struct variant *v)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_BATCH_NORM_INFER,
                        .kernel = "cpu",
                        .attr = {.eps = EPS, .relu = v->relu, .residual = true, .residual_norm = true},
                        .ins = 10,
                        .outs = 1},
                   other = t;
    begin(v, &r);
    struct norm b = inputs(v, &t, 0, &r), z = inputs(v, &other, 5, &r);
    give_statistics(v, &t, &b, 3, 0.1);
    give_statistics(v, &other, &z, 8, 0.2);
    for (int i = 5; i < 10; i++)
        t.in[i] = other.in[i];
    t.out[0] = v->in_place ? t.in[5] : op_tensor(v->type, shape(v));
    normalize(&z, NULL);
    if (v->type == SK_BF16) /* stored between as any activation */
        for (size_t i = 0; i < z.rows * z.c; i++)
            z.pre[i] = (double)sk_bf16_to_f32(sk_f32_to_bf16((float)z.pre[i]));
    normalize(&b, z.pre);
    double bound = 1e-5 * steepness(b.rows);
    for (size_t i = 0; i < b.rows * b.c && v->type == SK_BF16; i++) /* a step of bf16 more, of the larger of both */
        bound = fmax(bound, check_ulp(z.pre[i], SK_K_BF16));
    rectify(b.pre, b.rows * b.c, v->relu);
    op_run(&t);
    op_compare(&t, 0, b.pre, bound);
    op_free_all();
}

static void test_batch_norm_infer(void **state)
{
    (void)state;
    for_all(check_infer, 3);
    for_all(check_paired, 3);
}

/* dz: the gradient with the ReLU's mask on it. No gradient comes in where the mask is in doubt. */
static double *masked(const struct variant *v, struct op_test *t, const struct norm *b)
{
    double *dz = op_doubles(b->rows * b->c);
    for (size_t i = 0; i < b->rows * b->c; i++) {
        for (int k = 0; k < t->ins && fabs(b->pre[i]) < 1e-3; k = k == 0 && v->second ? t->ins - 1 : t->ins)
            op_set(&t->in[k], i, 0);
        double g = op_get(&t->in[0], i) + (v->second ? op_get(&t->in[t->ins - 1], i) : 0);
        dz[i] = v->relu && b->pre[i] <= 0 ? 0 : g;
    }
    return dz;
}

struct gradients {
    double *dx, *dgamma, *dbeta;
};

static struct gradients differentiate(const struct norm *b, const double *dz)
{
    struct gradients g = {op_doubles(b->rows * b->c), op_doubles(b->c), op_doubles(b->c)};
    for (size_t i = 0; i < b->rows * b->c; i++) {
        size_t j = i % b->c;
        g.dbeta[j] += dz[i];
        g.dgamma[j] += dz[i] * (b->x[i] - b->mean[j]) / sqrt(b->var[j] + EPS);
    }
    for (size_t i = 0; i < b->rows * b->c; i++) {
        size_t j = i % b->c;
        double inverse = 1 / sqrt(b->var[j] + EPS), hat = (b->x[i] - b->mean[j]) * inverse;
        g.dx[i] = b->gamma[j] * inverse * (dz[i] - g.dbeta[j] / (double)b->rows - hat * g.dgamma[j] / (double)b->rows);
    }
    return g;
}

/* In place as the planner does it: dresidual over dy, then dx over dy2; without a residual dx over dy. */
static void place_outputs(const struct variant *v, struct op_test *t)
{
    t->out[0] = op_tensor(v->type, shape(v));
    t->out[1] = op_tensor(SK_F32, OP_DIMS(v->c));
    t->out[2] = op_tensor(SK_F32, OP_DIMS(v->c));
    if (v->residual)
        t->out[t->outs++] = op_tensor(v->type, shape(v));
    if (!v->in_place)
        return;
    if (v->residual)
        t->out[3] = t->in[0];
    if (v->second)
        t->out[0] = t->in[t->ins - 1];
    else if (!v->residual)
        t->out[0] = t->in[0];
}

static void check_grad(const struct variant *v)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_BATCH_NORM_GRAD,
                        .kernel = "cpu",
                        .attr = {.eps = EPS, .relu = v->relu, .residual = v->residual, .second = v->second},
                        .ins = 6,
                        .outs = 3};
    begin(v, &r);
    struct norm b = inputs(v, &t, 1, &r);
    t.in[0] = op_random(v->type, shape(v), &r);
    statistics(&b);
    for (int i = 4; i < 6; i++) {
        t.in[i] = op_tensor(SK_F32, OP_DIMS(v->c));
        for (size_t j = 0; j < b.c; j++)
            op_set(&t.in[i], j, i == 4 ? b.mean[j] : b.var[j]);
    }
    struct op_tensor residual = op_random(v->type, shape(v), &r);
    normalize(&b, v->residual ? doubles_of(&residual) : NULL);
    if (v->residual && v->relu) { /* y */
        t.in[t.ins] = op_tensor(v->type, shape(v));
        for (size_t i = 0; i < b.rows * b.c; i++)
            op_set(&t.in[t.ins], i, fmax(b.pre[i], 0));
        t.ins++;
    }
    if (v->second)
        t.in[t.ins++] = op_random(v->type, shape(v), &r);
    double *dz = masked(v, &t, &b);
    struct gradients want = differentiate(&b, dz);
    place_outputs(v, &t);
    op_run(&t);
    double n = (double)b.rows, stored = v->type == SK_BF16 && v->residual ? 0x1p-7 : 0; /* dx from the rounded dz */
    double steep = steepness(b.rows);
    op_compare(&t, 0, want.dx, (3e-6 + stored) * steep);
    op_compare(&t, 1, want.dgamma, 1e-6 * steep * (4 + sqrt(n)));
    op_compare(&t, 2, want.dbeta, 1e-6 * (4 + sqrt(n)));
    if (v->residual)
        op_compare(&t, 3, dz, 1e-6);
    op_free_all();
}

static void test_batch_norm_grad(void **state)
{
    (void)state;
    for_all(check_grad, 4);
}

/* Given dz and its sums: dx alone, perhaps over dz. */
static void check_reduced(const struct variant *v)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_BATCH_NORM_GRAD,
                        .kernel = "cpu",
                        .attr = {.eps = EPS, .reduced = true},
                        .ins = 7,
                        .outs = 1};
    begin(v, &r);
    struct norm b = inputs(v, &t, 1, &r);
    t.in[0] = op_random(v->type, shape(v), &r);
    give_statistics(v, &t, &b, 3, 0);
    struct gradients want = differentiate(&b, doubles_of(&t.in[0]));
    for (int i = 5; i < 7; i++) {
        t.in[i] = op_tensor(SK_F32, OP_DIMS(v->c));
        for (size_t j = 0; j < b.c; j++)
            op_set(&t.in[i], j, i == 5 ? want.dgamma[j] : want.dbeta[j]);
    }
    t.out[0] = v->in_place ? t.in[0] : op_tensor(v->type, shape(v));
    op_run(&t);
    op_compare(&t, 0, want.dx, 3e-6 * steepness(b.rows));
    op_free_all();
}

static void test_reduced(void **state)
{
    (void)state;
    for_all(check_reduced, 3);
}

/* PyTorch: running = 0.9 running + 0.1 new, the variance times 1 / (1 - 1/count). */
static void test_running_stats(void **state)
{
    struct sk_rng r;
    struct op_test t = {
        .kind = SK_OP_RUNNING_STATS, .kernel = "cpu", .attr = {.momentum = 0.1, .dim = {5}}, .ins = 4, .outs = 2};
    double want[2][7];
    (void)state;
    check_rng(&r, 0);
    check_case("running statistics");
    for (int i = 0; i < 4; i++)
        t.in[i] = op_random(SK_F32, OP_DIMS(7), &r);
    t.out[0] = t.in[2];
    t.out[1] = t.in[3];
    for (size_t j = 0; j < 7; j++) {
        want[0][j] = 0.9 * op_get(&t.in[2], j) + 0.1 * op_get(&t.in[0], j);
        want[1][j] = 0.9 * op_get(&t.in[3], j) + 0.1 * op_get(&t.in[1], j) * 5 / 4;
    }
    op_run(&t);
    op_compare(&t, 0, want[0], 2e-7);
    op_compare(&t, 1, want[1], 2e-7);
    t.attr.dim[0] = 1; /* one value has no unbiased variance: taken as it is */
    t.attr.momentum = 1;
    for (size_t j = 0; j < 7; j++)
        want[1][j] = op_get(&t.in[1], j);
    op_run(&t);
    op_compare(&t, 1, want[1], 2e-7);
    op_free_all();
}

static void test_fold_norm(void **state)
{
    enum { K = 5, EACH = 18 };
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_FOLD_NORM, .kernel = "cpu", .attr = {.eps = EPS}, .ins = 5, .outs = 2};
    double weight[K * EACH], bias[K];
    (void)state;
    check_rng(&r, 1);
    check_case("fold");
    t.in[0] = op_random(SK_F32, OP_DIMS(K, 2, 3, 3), &r);
    for (int i = 1; i < 5; i++)
        t.in[i] = op_random(SK_F32, OP_DIMS(K), &r);
    for (size_t k = 0; k < K; k++) {
        op_set(&t.in[4], k, fabs(op_get(&t.in[4], k)) + 0.1);
        double scale = op_get(&t.in[1], k) / sqrt(op_get(&t.in[4], k) + EPS);
        bias[k] = op_get(&t.in[2], k) - op_get(&t.in[3], k) * scale;
        for (size_t i = 0; i < EACH; i++)
            weight[k * EACH + i] = (double)(float)(op_get(&t.in[0], k * EACH + i) * scale); /* rounded once */
    }
    t.out[0] = op_tensor(SK_F32, OP_DIMS(K, 2, 3, 3));
    t.out[1] = op_tensor(SK_F32, OP_DIMS(K));
    op_run(&t);
    op_compare(&t, 0, weight, 0);
    op_compare(&t, 1, bias, 1e-6);
    op_free_all();
}

/* ---- timing: the tensors of a training step, 128 pictures of 32x32 with 64 channels ---- */

static void bench_type(enum sk_dtype type, int threads)
{
    const struct variant v = {.n = 128, .h = 32, .c = 64, .type = type};
    struct sk_rng r;
    check_rng(&r, 0);
    struct op_test t = {
        .kind = SK_OP_BATCH_NORM, .kernel = "cpu", .attr = {.eps = EPS, .relu = true}, .ins = 3, .outs = 3};
    struct op_tensor big[6], small[6];
    for (int i = 0; i < 6; i++) {
        big[i] = op_random(type, shape(&v), &r);
        small[i] = op_random(SK_F32, OP_DIMS(v.c), &r);
        for (size_t j = 0; j < (size_t)v.c; j++)
            op_set(&small[i], j, fabs(op_get(&small[i], j)) + 0.1);
    }
    double bytes = (double)sk_desc_bytes(&big[0].desc);
    t.in[0] = big[0], t.in[1] = small[0], t.in[2] = small[1], t.in[3] = big[1];
    t.out[0] = big[2], t.out[1] = small[2], t.out[2] = small[3];
    op_bench(&t, "batch_norm (2r, w)", threads, 3 * bytes);
    t.ins = 4, t.attr.residual = true;
    op_bench(&t, "batch_norm, residual (3r, w)", threads, 4 * bytes);
    t = (struct op_test){.kind = SK_OP_BATCH_NORM_GRAD,
                         .kernel = "cpu",
                         .attr = {.eps = EPS, .relu = true},
                         .ins = 6,
                         .outs = 3,
                         .in = {big[0], big[1], small[0], small[1], small[2], small[3]},
                         .out = {big[0], small[4], small[5]}};
    op_bench(&t, "batch_norm_grad (4r, w)", threads, 5 * bytes);
    t.attr.residual = t.attr.second = true;
    t.ins = 8, t.outs = 4;
    t.in[6] = big[2], t.in[7] = big[3], t.out[0] = big[3], t.out[3] = big[0];
    op_bench(&t, "batch_norm_grad, residual (6r, 2w)", threads, 8 * bytes);
    t = (struct op_test){.kind = SK_OP_BATCH_NORM_INFER,
                         .kernel = "cpu",
                         .attr = {.eps = EPS, .relu = true},
                         .ins = 5,
                         .outs = 1,
                         .in = {big[0], small[0], small[1], small[2], small[3]},
                         .out = {big[1]}};
    op_bench(&t, "batch_norm_infer (r, w)", threads, 2 * bytes);
    op_free_all();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_norm),      cmocka_unit_test(test_batch_norm_infer),
        cmocka_unit_test(test_batch_norm_grad), cmocka_unit_test(test_running_stats),
        cmocka_unit_test(test_fold_norm),       cmocka_unit_test(test_reduced),
    };
    if (!check_wants_bench(argc, argv))
        return cmocka_run_group_tests(tests, NULL, NULL);
    for (int threads = 1; threads <= 2; threads++) {
        bench_type(SK_F32, threads);
        bench_type(SK_BF16, threads);
    }
    return 0;
}

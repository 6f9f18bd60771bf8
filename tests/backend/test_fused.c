/* Convolutions with a batch norm fused to them, against their definition in double: x normalized as it is read,
 * statistics of what is stored, mask and sums of a gradient. The reference gives the same bits with 1, 2 and 3 threads.
 */
#include "backend/op.h"

#include <math.h>

static const double EPS = 1e-5;

struct shape {
    int64_t n, h, w, c, k, r, stride, pad;
};
static const struct shape shapes[] = {
    {3, 7, 6, 5, 9, 3, 1, 1}, {2, 9, 7, 16, 20, 3, 2, 1}, {2, 5, 5, 33, 8, 1, 1, 0}, {6, 18, 17, 24, 24, 3, 1, 1}};
struct fixture {
    struct shape s;
    int64_t p, q;
    enum sk_dtype type;
    struct sk_rng r;
};

static struct fixture begin(const struct shape *s, enum sk_dtype type, const char *kernel, const char *what)
{
    struct fixture f = {.s = *s,
                        .p = (s->h + 2 * s->pad - s->r) / s->stride + 1,
                        .q = (s->w + 2 * s->pad - s->r) / s->stride + 1,
                        .type = type};
    check_rng(&f.r, (uint64_t)(s->c * 100 + s->k));
    check_case("%s, %s, %s: %d pictures %dx%d, %d to %d channels, kernel %d stride %d", kernel, what,
               sk_dtype_name(type), (int)s->n, (int)s->h, (int)s->w, (int)s->c, (int)s->k, (int)s->r, (int)s->stride);
    return f;
}

static struct sk_attr attributes(const struct fixture *f)
{
    return (struct sk_attr){.kernel = (int)f->s.r, .stride = (int)f->s.stride, .pad = (int)f->s.pad, .eps = EPS};
}

static struct op_tensor x_tensor(struct fixture *f)
{
    return op_random(f->type, OP_DIMS(f->s.n, f->s.h, f->s.w, f->s.c), &f->r);
}

static struct op_tensor y_tensor(struct fixture *f)
{
    return op_random(f->type, OP_DIMS(f->s.n, f->p, f->q, f->s.k), &f->r);
}

/* Numbers that bf16 has too: some kernels round weights to it, some do not. */
static struct op_tensor weights(struct fixture *f)
{
    struct op_tensor w = op_random(SK_F32, OP_DIMS(f->s.k, f->s.c, f->s.r, f->s.r), &f->r);
    for (size_t i = 0; i < op_count(&w); i++)
        op_set(&w, i, (double)sk_bf16_to_f32(sk_f32_to_bf16((float)op_get(&w, i))));
    return w;
}

/* gamma, beta, mean and var of c channels as inputs from t->ins on. */
static void add_norm(struct fixture *f, struct op_test *t, int64_t c)
{
    for (int i = 0; i < 4; i++)
        t->in[t->ins + i] = op_random(SK_F32, OP_DIMS(c), &f->r);
    for (size_t j = 0; j < (size_t)c; j++)
        op_set(&t->in[t->ins + 3], j, fabs(op_get(&t->in[t->ins + 3], j)) + 0.1);
    t->ins += 4;
}

/* The norm of element i of x with parameters from input first on. */
static double normalized(const struct op_test *t, const struct op_tensor *x, int first, size_t i)
{
    size_t j = i % op_count(&t->in[first]);
    double scale = op_get(&t->in[first], j) / sqrt(op_get(&t->in[first + 3], j) + EPS);
    return (op_get(x, i) - op_get(&t->in[first + 2], j)) * scale + op_get(&t->in[first + 1], j);
}

static double *doubles_of(const struct op_tensor *t)
{
    double *d = op_doubles(op_count(t));
    for (size_t i = 0; i < op_count(t); i++)
        d[i] = op_get(t, i);
    return d;
}

/* x as the convolution sees it. */
static double *loaded(const struct fixture *f, const struct op_test *t, const struct op_tensor *x, int first)
{
    double *d = doubles_of(x);
    for (size_t i = 0; i < op_count(x); i++) {
        d[i] = fmax(normalized(t, x, first, i), 0);
        if (f->type == SK_BF16)
            d[i] = (double)sk_bf16_to_f32(sk_f32_to_bf16((float)d[i]));
    }
    return d;
}

/* Calls visit for every product of a convolution: indices into x, w and y. */
static void products(const struct fixture *f, void (*visit)(void *arg, size_t x, size_t w, size_t y), void *arg)
{
    const struct shape *s = &f->s;
    for (int64_t y = 0; y < s->n * f->p * f->q * s->k; y++)
        for (int64_t i = 0; i < s->c * s->r * s->r; i++) {
            int64_t pixel = y / s->k, n = pixel / f->q / f->p, c = i / s->r / s->r;
            int64_t h = pixel / f->q % f->p * s->stride - s->pad + i / s->r % s->r,
                    w = pixel % f->q * s->stride - s->pad + i % s->r;
            if (h >= 0 && h < s->h && w >= 0 && w < s->w)
                visit(arg, (size_t)(((n * s->h + h) * s->w + w) * s->c + c),
                      (size_t)(y % s->k * s->c * s->r * s->r + i), (size_t)y);
        }
}

struct sums {
    double *x, *w, *y;
};
static void forward(void *arg, size_t x, size_t w, size_t y)
{
    struct sums *s = arg;
    s->y[y] += s->x[x] * s->w[w];
}

static void backward_data(void *arg, size_t x, size_t w, size_t y)
{
    struct sums *s = arg;
    s->x[x] += s->y[y] * s->w[w];
}

static void backward_weight(void *arg, size_t x, size_t w, size_t y)
{
    struct sums *s = arg;
    s->w[w] += s->x[x] * s->y[y];
}

/* False where the kernel is not to be had at this level. */
static bool run(struct op_test *t)
{
    if (strcmp(t->kernel, "ref") == 0)
        op_run(t);
    else if (sk_isa_level() != SK_ISA_REF)
        op_run_once(t, 2);
    else
        return false;
    return true;
}

/* A norm that is rounded otherwise by a step of bf16 where it lies between two numbers: weights it was summed with, of
 * at most 2, feel it. */
static double load_bound(const struct fixture *f, size_t terms)
{
    return f->type == SK_BF16 ? 0x1p-5 * sqrt((double)terms) : 2e-5 * sqrt((double)terms);
}

/* Mean and variance of each channel of what was stored. The mean of a block is summed in float32, some
 * steps off, whose square the variance takes on; a sum of squares would lose the mean's square times that. */
static void compare_stats(const struct op_test *t)
{
    const struct op_tensor *y = &t->out[0];
    size_t k = op_count(&t->out[1]), rows = op_count(y) / k;
    double *mean = op_doubles(k), *var = op_doubles(k);
    for (size_t i = 0; i < op_count(y); i++)
        mean[i % k] += op_get(y, i) / (double)rows;
    for (size_t i = 0; i < op_count(y); i++)
        var[i % k] += pow(op_get(y, i) - mean[i % k], 2) / (double)rows;
    for (size_t j = 0; j < k; j++) {
        check_one("mean", j, op_get(&t->out[1], j), mean[j], 1e-6 * sqrt(var[j] + mean[j] * mean[j]), SK_K_F32);
        check_one("var", j, op_get(&t->out[2], j), var[j], 2e-6 * var[j] + pow(8 * CHECK_EPS * mean[j], 2), SK_K_F32);
    }
}

static void check_forward(const struct shape *s, enum sk_dtype type, const char *kernel, bool norm, bool stats)
{
    struct fixture f = begin(s, type, kernel, norm ? stats ? "norm and statistics" : "norm" : "statistics");
    struct op_test t = {.kind = SK_OP_CONV, .kernel = kernel, .attr = attributes(&f), .ins = 2, .outs = stats ? 3 : 1};
    t.attr.norm = norm;
    t.attr.stats = stats;
    t.in[0] = x_tensor(&f);
    t.in[1] = weights(&f);
    if (norm)
        add_norm(&f, &t, s->c);
    t.out[0] = y_tensor(&f);
    t.out[1] = op_tensor(SK_F32, OP_DIMS(s->k));
    t.out[2] = op_tensor(SK_F32, OP_DIMS(s->k));
    struct sums sums = {norm ? loaded(&f, &t, &t.in[0], 2) : doubles_of(&t.in[0]), doubles_of(&t.in[1]),
                        op_doubles(op_count(&t.out[0]))};
    products(&f, forward, &sums);
    if (run(&t)) {
        op_compare(&t, 0, sums.y, norm ? load_bound(&f, (size_t)(s->c * s->r * s->r)) : 1e-4);
        if (stats)
            compare_stats(&t);
    }
    op_free_all();
}

static void check_grad_weight(const struct shape *s, enum sk_dtype type, const char *kernel)
{
    struct fixture f = begin(s, type, kernel, "gradient of the weights");
    struct op_test t = {.kind = SK_OP_CONV_GRAD_WEIGHT, .kernel = kernel, .attr = attributes(&f), .ins = 2, .outs = 1};
    t.attr.norm = true;
    t.in[0] = y_tensor(&f);
    t.in[1] = x_tensor(&f);
    add_norm(&f, &t, s->c);
    t.out[0] = op_tensor(SK_F32, OP_DIMS(s->k, s->c, s->r, s->r));
    struct sums sums = {loaded(&f, &t, &t.in[1], 2), op_doubles(op_count(&t.out[0])), doubles_of(&t.in[0])};
    products(&f, backward_weight, &sums);
    if (run(&t))
        op_compare(&t, 0, sums.w, load_bound(&f, (size_t)(s->n * f.p * f.q)));
    op_free_all();
}

/* ---- the gradient of the data ---- */
enum { IN_X = 2, IN_NORM, IN_PLAIN = IN_NORM + 4 };
struct masking {
    bool residual, second, in_place;
};

/* x is kept away from where its mask would be in doubt. */
static void add_masked_norm(struct fixture *f, struct op_test *t, const struct masking *m)
{
    t->in[IN_X] = x_tensor(f);
    t->ins = IN_NORM;
    add_norm(f, t, f->s.c);
    for (size_t i = 0; i < op_count(&t->in[IN_X]); i++)
        while (fabs(normalized(t, &t->in[IN_X], IN_NORM, i)) < 1e-2 &&
               fabs(op_get(&t->in[IN_NORM], i % (size_t)f->s.c)) > 1e-2)
            op_set(&t->in[IN_X], i, op_get(&t->in[IN_X], i) + 0.25);
    if (m->residual)
        t->in[t->ins++] = x_tensor(f); /* y: any numbers, of which a ReLU would have left those above 0 */
    if (m->second)
        t->in[t->ins++] = x_tensor(f);
}

/* g(+second) becomes dz; what it sums to. */
static void mask_and_sum(const struct op_test *t, const struct masking *m, double *g, double *dgamma, double *dbeta)
{
    const struct op_tensor *x = &t->in[IN_X];
    size_t c = op_count(&t->in[IN_NORM]);
    for (size_t i = 0; i < op_count(x); i++) {
        double root = sqrt(op_get(&t->in[IN_NORM + 3], i % c) + EPS);
        double a = m->residual ? op_get(&t->in[IN_PLAIN], i) : normalized(t, x, IN_NORM, i);
        g[i] = a > 0 ? g[i] + (m->second ? op_get(&t->in[t->ins - 1], i) : 0) : 0;
        dbeta[i % c] += g[i];
        dgamma[i % c] += g[i] * (op_get(x, i) - op_get(&t->in[IN_NORM + 2], i % c)) / root;
    }
}

static void check_grad_data(const struct shape *s, enum sk_dtype type, const char *kernel, struct masking m)
{
    struct fixture f = begin(s, type, kernel,
                             m.residual ? m.second ? "y and second" : "y"
                             : m.second ? "second"
                                        : "mask from x");
    struct op_test t = {.kind = SK_OP_CONV_GRAD_DATA, .kernel = kernel, .attr = attributes(&f), .outs = 3};
    t.attr.norm_grad = true;
    t.attr.residual = m.residual;
    t.attr.second = m.second;
    t.in[0] = y_tensor(&f);
    t.in[1] = weights(&f);
    add_masked_norm(&f, &t, &m);
    struct sums sums = {op_doubles(op_count(&t.in[IN_X])), doubles_of(&t.in[1]), doubles_of(&t.in[0])};
    double *dgamma = op_doubles((size_t)s->c), *dbeta = op_doubles((size_t)s->c);
    products(&f, backward_data, &sums);
    mask_and_sum(&t, &m, sums.x, dgamma, dbeta);
    t.out[0] = m.in_place ? t.in[t.ins - 1] : x_tensor(&f);
    t.out[1] = op_tensor(SK_F32, OP_DIMS(s->c));
    t.out[2] = op_tensor(SK_F32, OP_DIMS(s->c));
    if (run(&t)) {
        /* In bf16 g is rounded before second is added. A channel's sums gather the errors of its rows. */
        double rows = sqrt((double)(s->n * s->h * s->w)), step = 1e-4;
        for (size_t i = 0; i < op_count(&t.out[0]) && type == SK_BF16; i++)
            step = fmax(step, fabs(sums.x[i]) * 0x1p-8);
        op_compare(&t, 0, sums.x, step);
        op_compare(&t, 1, dgamma, step * 12 * rows);
        op_compare(&t, 2, dbeta, step * rows);
    }
    op_free_all();
}

static const char *const kernels[] = {"ref", "onednn"};

static void for_all(void (*check)(const struct shape *s, enum sk_dtype type, const char *kernel))
{
    for (size_t k = 0; k < SK_COUNT(kernels); k++)
        for (size_t i = 0; i < SK_COUNT(shapes); i++)
            for (int bf16 = 0; bf16 < 2; bf16++)
                if (!bf16 || k == 0 || sk_isa_has_bf16())
                    check(&shapes[i], bf16 ? SK_BF16 : SK_F32, kernels[k]);
}

static void each_forward(const struct shape *s, enum sk_dtype type, const char *kernel)
{
    check_forward(s, type, kernel, true, false);
    check_forward(s, type, kernel, false, true);
    check_forward(s, type, kernel, true, true);
}

static void each_grad_data(const struct shape *s, enum sk_dtype type, const char *kernel)
{
    for (int flags = 0; flags < 8; flags++)
        if ((flags & 2) || !(flags & 4))
            check_grad_data(s, type, kernel,
                            (struct masking){.residual = flags & 1, .second = flags & 2, .in_place = flags & 4});
}

static void test_forward(void **state)
{
    (void)state;
    for_all(each_forward);
}

static void test_grad_weight(void **state)
{
    (void)state;
    for_all(check_grad_weight);
}

static void test_grad_data(void **state)
{
    (void)state;
    for_all(each_grad_data);
}

/* Statistics of numbers far from zero keep their digits: a 1x1 convolution by the identity of 1000 + noise. */
static void test_digits(void **state)
{
    const struct shape s = {8, 32, 32, 16, 16, 1, 1, 0};
    struct fixture f = begin(&s, SK_F32, "ref", "digits");
    struct op_test t = {.kind = SK_OP_CONV, .kernel = "ref", .attr = attributes(&f), .ins = 2, .outs = 3};
    (void)state;
    t.attr.stats = true;
    t.in[0] = x_tensor(&f);
    for (size_t i = 0; i < op_count(&t.in[0]); i++)
        op_set(&t.in[0], i, 1000 + 0.01 * op_get(&t.in[0], i));
    t.in[1] = op_tensor(SK_F32, OP_DIMS(s.k, s.c, 1, 1));
    for (size_t j = 0; j < (size_t)s.k; j++)
        op_set(&t.in[1], j * (size_t)s.c + j, 1);
    t.out[0] = y_tensor(&f);
    t.out[1] = op_tensor(SK_F32, OP_DIMS(s.k));
    t.out[2] = op_tensor(SK_F32, OP_DIMS(s.k));
    op_run(&t);
    compare_stats(&t);
    op_free_all();
}

static void declines(const struct op_test *t, const char *why)
{
    const struct sk_kernel_env env = {.threads = 1};
    struct sk_kernel_need need;
    struct sk_op_desc d = op_desc(t);
    struct sk_err err = {0};
    void *self;
    assert_error(op_kernel(t->kind, t->kernel)->open(&self, &d, &env, 0, &need, &err), SK_UNSUPPORTED, err, why);
    assert_null(self);
}

static void test_declines(void **state)
{
    struct fixture f = begin(&shapes[0], SK_F32, "ref", "declines");
    struct op_test t = {.kind = SK_OP_CONV, .kernel = "ref", .attr = attributes(&f), .ins = 2, .outs = 1};
    (void)state;
    t.attr.norm = true;
    t.in[0] = x_tensor(&f);
    t.in[1] = weights(&f);
    add_norm(&f, &t, f.s.c);
    t.out[0] = y_tensor(&f);
    t.in[3].desc.dtype = SK_BF16;
    declines(&t, "a parameter of the norm is bf16, not f32");
    struct op_test g = {.kind = SK_OP_CONV_GRAD_DATA, .kernel = "ref", .attr = attributes(&f), .ins = 2, .outs = 3};
    g.attr.norm_grad = g.attr.second = true;
    g.in[0] = y_tensor(&f);
    g.in[1] = weights(&f);
    add_masked_norm(&f, &g, &(struct masking){.second = true});
    g.out[0] = x_tensor(&f);
    g.in[g.ins - 1].desc.dtype = SK_BF16;
    declines(&g, "y or second gradient is bf16, not f32");
    g.in[IN_X].desc.dtype = SK_BF16;
    declines(&g, "x of the norm is bf16, not f32");
    op_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forward), cmocka_unit_test(test_grad_weight),
                                       cmocka_unit_test(test_grad_data), cmocka_unit_test(test_digits),
                                       cmocka_unit_test(test_declines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

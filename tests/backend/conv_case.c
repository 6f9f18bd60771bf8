/* Checks one convolution of the cpu backend. */
#include "backend/conv_case.h"

#include <math.h>

#include "kern/wino_bound.h"

static bool is_winograd(const struct conv_case *c)
{
    return c->kernel != NULL && strcmp(c->kernel, "winograd") == 0;
}

const struct sk_kernel *conv_case_kernel(const struct conv_case *c)
{
    static const struct sk_kernel *const onednn[] = {&sk_onednn_conv, &sk_onednn_conv_grad_data,
                                                     &sk_onednn_conv_grad_weight};
    static const struct sk_kernel *const winograd[] = {&sk_wino_conv, &sk_wino_conv_grad_data,
                                                       &sk_wino_conv_grad_weight};
    return (is_winograd(c) ? winograd : onednn)[c->pass];
}

/* ---- descriptors ---- */
enum tensor { X, W, Y, BIAS, RESIDUAL, TENSORS };

static struct sk_desc describe(const struct conv_case *c, enum tensor t)
{
    const struct sk_conv_shape *s = &c->shape;
    struct sk_desc d = {.dtype = c->type == SK_K_BF16 ? SK_BF16 : SK_F32, .rank = 4};
    const int64_t dims[TENSORS][4] = {{s->n, s->h, s->w, s->c},
                                      {s->k, s->c, s->r, s->s},
                                      {s->n, s->p, s->q, s->k},
                                      {s->k, 1, 1, 1},
                                      {s->n, s->p, s->q, s->k}};
    memcpy(d.dim, dims[t], sizeof d.dim);
    if (t == W || t == BIAS)
        d.dtype = SK_F32;
    if (t == BIAS)
        d.rank = 1;
    return d;
}

static size_t count_of(const struct conv_case *c, enum tensor t)
{
    struct sk_desc d = describe(c, t);
    return (size_t)sk_desc_count(&d);
}

static enum sk_ktype type_of(const struct conv_case *c, enum tensor t)
{
    return t == W || t == BIAS ? SK_K_F32 : c->type;
}

/* Which tensors a case reads, in the order of the op, and the one it writes. */
static int inputs_of(const struct conv_case *c, enum tensor in[4], enum tensor *out)
{
    static const enum tensor table[CONV_PASSES][3] = {{X, W, Y}, {Y, W, X}, {Y, X, W}};
    int n = 2;
    in[0] = table[c->pass][0];
    in[1] = table[c->pass][1];
    *out = table[c->pass][2];
    if (c->bias)
        in[n++] = BIAS;
    if (c->residual)
        in[n++] = RESIDUAL;
    return n;
}

struct sk_op_desc conv_case_op(const struct conv_case *c)
{
    static const enum sk_op_kind kinds[] = {SK_OP_CONV, SK_OP_CONV_GRAD_DATA, SK_OP_CONV_GRAD_WEIGHT};
    struct sk_op_desc op = {.kind = kinds[c->pass],
                            .attr = {.kernel = c->shape.r,
                                     .stride = c->shape.stride,
                                     .pad = c->shape.pad,
                                     .bias = c->bias,
                                     .residual = c->residual,
                                     .relu = c->relu},
                            .out_count = 1,
                            .name = "conv"};
    enum tensor in[4], out;
    op.in_count = inputs_of(c, in, &out);
    for (int i = 0; i < op.in_count; i++)
        op.in[i] = describe(c, in[i]);
    op.out[0] = describe(c, out);
    return op;
}

/* ---- what is wanted ---- */
struct sample {
    size_t at;
    double want, sum;          /* sum: bound of a kernel that adds products up */
    struct wino_bound wino[2]; /* bounds of F(2x2) and F(4x4) */
};
struct bench {
    const struct conv_case *c;
    struct guard memory[TENSORS];
    double *value[TENSORS]; /* what the definition works on */
    void *first;            /* the output of the first run */
    struct sample *sample;
    size_t samples;
};

/* Kept from one use to the next: much of it, and often. */
static struct guard scratch, packed;

/* oneDNN's bf16 kernels round the weights, float32 masters, to bf16 before they multiply. */
static double *values_of(const struct bench *b, enum tensor t)
{
    size_t n = count_of(b->c, t);
    double *v = sk_alloc(n, sizeof *v, NULL);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++) {
        float f = check_get(b->memory[t].data, i, type_of(b->c, t));
        bool rounded = t == W && b->c->type == SK_K_BF16 && !is_winograd(b->c) && !b->c->masters;
        v[i] = (double)(rounded ? sk_bf16_to_f32(sk_f32_to_bf16(f)) : f);
    }
    return v;
}

/* What result i must be, and how far from it a kernel that sums in float32 may come. */
static struct sample expected(const struct bench *b, size_t i)
{
    const struct conv_case *c = b->c;
    struct conv_data d = {b->value[X], b->value[W], b->value[Y], NULL};
    struct conv_sum sum = conv_define(c->pass, &c->shape, &d, i);
    struct sample s = {.at = i};
    double bias = c->bias ? b->value[BIAS][i % (size_t)c->shape.k] : 0,
           residual = c->residual ? b->value[RESIDUAL][i] : 0;
    double v = sum.value + bias + residual, added = fabs(bias) + fabs(residual);
    /* Rounding errors of a sum are of either sign: they grow with the root of how many there are. */
    s.sum = 2 * CHECK_EPS * (sum.absolute + added) * (2 + sqrt((double)sum.terms));
    for (int f = 0; f < 2 && is_winograd(c); f++) {
        s.wino[f] = wino_bound_at(wino_bound_alg(c->pass, c->shape.stride, f == 0 ? 2 : 4), c->pass, &c->shape, &d, i);
        s.wino[f].f32 += 2 * CHECK_EPS * (fabs(sum.value) + added); /* two additions */
    }
    s.want = c->relu && v < 0 ? 0 : v;
    return s;
}

/* How far from the sample the variant of this name may be. */
static double bound_of(const struct conv_case *c, const struct sample *s, const char *label)
{
    bool f4 = strncmp(label, "f4", 2) == 0;
    if (c->fill == FILL_EXACT && !(is_winograd(c) && f4))
        return 0;
    if (!is_winograd(c))
        return s->sum;
    return s->wino[f4].f32 + (strstr(label, "bf16") != NULL ? s->wino[f4].bf16 : 0);
}

/* ---- running ---- */
static size_t bytes_of(const struct conv_case *c, enum tensor t)
{
    return count_of(c, t) * (type_of(c, t) == SK_K_BF16 ? 2 : 4);
}

static void take_samples(struct bench *b, struct sk_rng *r)
{
    enum tensor in[4], out;
    int n = inputs_of(b->c, in, &out);
    size_t count = count_of(b->c, out);
    for (int i = 0; i < n; i++)
        b->value[in[i]] = values_of(b, in[i]);
    b->samples = b->c->samples > 0 && (size_t)b->c->samples < count ? (size_t)b->c->samples : count;
    b->sample = sk_alloc(b->samples, sizeof *b->sample, NULL);
    assert_non_null(b->sample);
    for (size_t i = 0; i < b->samples; i++)
        b->sample[i] = expected(b, b->samples == count ? i : sk_rng_below(r, (uint32_t)count));
}

/* Winograd's F(2x2) is exact for weights that are multiples of 4. */
static void fill(struct bench *b, enum tensor t, struct sk_rng *r)
{
    check_fill(b->memory[t].data, count_of(b->c, t), type_of(b->c, t), b->c->fill, r);
    for (size_t i = 0; t == W && i < count_of(b->c, t) && b->c->fill == FILL_EXACT && is_winograd(b->c); i++)
        ((float *)(void *)b->memory[t].data)[i] *= 4;
}

/* Tensors lie at the end of their memory in one case and at its beginning in the next. */
static void open_bench(struct bench *b, const struct conv_case *c)
{
    static unsigned turn;
    enum side side = turn++ % SIDES;
    struct sk_rng r;
    enum tensor in[4], out;
    *b = (struct bench){.c = c};
    check_rng(&r, (uint64_t)c->shape.c * 4096 + (uint64_t)c->shape.k);
    int n = inputs_of(c, in, &out);
    for (int t = 0; t < TENSORS; t++) {
        guard_open(&b->memory[t], bytes_of(c, t));
        guard_place(&b->memory[t], bytes_of(c, t), side);
    }
    for (int i = 0; i < n; i++)
        fill(b, in[i], &r);
    b->first = sk_alloc(bytes_of(c, out), 1, NULL);
    assert_non_null(b->first);
    take_samples(b, &r);
}

static void close_bench(struct bench *b)
{
    for (int t = 0; t < TENSORS; t++) {
        guard_close(&b->memory[t]);
        sk_free(b->value[t]);
    }
    sk_free(b->first);
    sk_free(b->sample);
}

/* Runs self with rubbish in its scratch memory and output; in place, the output is the residual. */
static void run_once(struct bench *b, const struct sk_kernel *k, void *self, int rubbish)
{
    enum tensor in[4], out;
    struct sk_err err = {0};
    int n = inputs_of(b->c, in, &out);
    void *inputs[4], *output = b->memory[out].data;
    for (int i = 0; i < n; i++)
        inputs[i] = b->memory[in[i]].data;
    memset(output, rubbish, bytes_of(b->c, out));
    memset(scratch.data, rubbish, scratch.used);
    if (b->c->in_place) {
        memcpy(output, inputs[n - 1], bytes_of(b->c, out));
        inputs[n - 1] = output;
    }
    struct sk_kernel_call call = {.in = inputs,
                                  .out = &output,
                                  .scratch = scratch.used > 0 ? scratch.data : NULL,
                                  .packed = packed.used > 0 ? packed.data : NULL};
    if (b->c->frozen && k->prepare != NULL)
        assert_ok(k->prepare(self, &call, &err), err);
    assert_ok(k->run(self, &call, &err), err);
}

static void compare(const struct bench *b, const char *label)
{
    enum tensor in[4], out;
    inputs_of(b->c, in, &out);
    const void *got = b->memory[out].data;
    enum sk_ktype type = type_of(b->c, out);
    for (size_t i = 0; i < b->samples; i++) {
        const struct sample *s = &b->sample[i];
        double bound = bound_of(b->c, s, label);
        if (bound == 0 && type == SK_K_BF16)
            check_one("result", s->at, (double)check_get(got, s->at, type),
                      (double)sk_bf16_to_f32(sk_f32_to_bf16((float)s->want)), 0, SK_K_F32);
        else
            check_one("result", s->at, (double)check_get(got, s->at, type), s->want, bound, type);
    }
}

static void place_scratch(const struct sk_kernel_need *need)
{
    guard_fit(&scratch, need->scratch, SIDE_END);
    guard_fit(&packed, need->packed, SIDE_END);
}

static void verify_scratch(void)
{
    guard_verify(&scratch, "scratch");
    guard_verify(&packed, "packed");
}

static void want_first(struct bench *b, const char *what)
{
    enum tensor in[4], out;
    inputs_of(b->c, in, &out);
    if (memcmp(b->first, b->memory[out].data, bytes_of(b->c, out)) != 0)
        check_same(what, b->memory[out].data, b->first, count_of(b->c, out), type_of(b->c, out));
    guard_verify(&b->memory[out], "output");
}

static void check_variant(struct bench *b, const struct sk_kernel *k, void *self, const struct sk_kernel_need *need)
{
    enum tensor in[4], out;
    inputs_of(b->c, in, &out);
    place_scratch(need);
    run_once(b, k, self, 0xFF); /* NaN everywhere */
    compare(b, need->label);
    memcpy(b->first, b->memory[out].data, bytes_of(b->c, out));
    run_once(b, k, self, 0x3F);
    want_first(b, "second run");
    verify_scratch();
}

/* The same variant with other numbers of threads: the same bits. */
static void check_threads(struct bench *b, const struct sk_kernel *k, const struct sk_op_desc *op, const char *label)
{
    for (int threads = 1; threads <= 3; threads++) {
        struct sk_kernel_env env = {.threads = threads, .frozen = b->c->frozen, .winograd = b->c->winograd};
        struct sk_kernel_need need = {0};
        struct sk_err err = {0};
        void *self = NULL;
        if (threads == (b->c->threads > 0 ? b->c->threads : 2))
            continue;
        assert_ok(sk_backend_cpu()->start(threads, &err), err);
        for (int variant = 0; strcmp(need.label, label) != 0; variant++) {
            k->close(self);
            assert_ok(k->open(&self, op, &env, variant, &need, &err), err);
        }
        place_scratch(&need);
        run_once(b, k, self, 0xFF);
        want_first(b, threads == 1 ? "one thread" : threads == 2 ? "two threads" : "three threads");
        verify_scratch();
        k->close(self);
    }
}

int conv_case_check(const struct conv_case *c)
{
    static const char *const pass[] = {"forward", "grad_data", "grad_weight"};
    const struct sk_kernel *k = conv_case_kernel(c);
    const struct sk_conv_shape *s = &c->shape;
    struct sk_op_desc op = conv_case_op(c);
    struct sk_kernel_env env = {
        .threads = c->threads > 0 ? c->threads : 2, .frozen = c->frozen, .winograd = c->winograd};
    struct bench b;
    struct sk_err start_err = {0};
    assert_ok(sk_backend_cpu()->start(env.threads, &start_err), start_err);
    open_bench(&b, c);
    int variant = 0;
    for (;; variant++) {
        struct sk_kernel_need need;
        struct sk_err err = {0};
        void *self;
        enum sk_code code = k->open(&self, &op, &env, variant, &need, &err);
        if (code != SK_OK) {
            assert_error(code, SK_UNSUPPORTED, err, variant > 0 ? "no more implementations" : "");
            break;
        }
        check_case("%s %s %d images %dx%d, %d to %d channels, kernel %d stride %d pad %d%s%s%s%s%s, '%s'",
                   pass[c->pass], c->type == SK_K_BF16 ? "bf16" : "f32", s->n, s->h, s->w, s->c, s->k, s->r, s->stride,
                   s->pad, c->bias ? ", bias" : "", c->residual ? ", residual" : "", c->relu ? ", relu" : "",
                   c->in_place ? ", in place" : "", c->frozen ? ", frozen" : "", need.label);
        assert_int_equal(need.scratch % 64, 0);
        check_variant(&b, k, self, &need);
        if (is_winograd(c))
            check_threads(&b, k, &op, need.label);
        k->close(self);
    }
    close_bench(&b);
    return variant;
}

/* ---- errors ---- */
static double relative_error(const struct bench *b)
{
    enum tensor in[4], out;
    double error = 0, scale = 0;
    inputs_of(b->c, in, &out);
    for (size_t i = 0; i < b->samples; i++) {
        double want = b->sample[i].want,
               off = (double)check_get(b->memory[out].data, b->sample[i].at, type_of(b->c, out)) - want;
        error += off * off;
        scale += want * want;
    }
    return sqrt(error / scale);
}

void conv_case_errors(const struct conv_case *c)
{
    static const char *const pass[] = {"conv", "conv_grad_data", "conv_grad_weight"};
    const struct sk_kernel *k = conv_case_kernel(c);
    struct sk_op_desc op = conv_case_op(c);
    struct sk_kernel_env env = {.threads = 2, .winograd = c->winograd};
    struct sk_kernel_need need;
    struct sk_err err = {0};
    struct bench b;
    void *self;
    assert_ok(sk_backend_cpu()->start(env.threads, &err), err);
    open_bench(&b, c);
    for (int variant = 0; k->open(&self, &op, &env, variant, &need, &err) == SK_OK; variant++) {
        place_scratch(&need);
        run_once(&b, k, self, 0xFF);
        printf("| %s | %s | %d | %d | %s %s | %.1e |\n", pass[c->pass], c->type == SK_K_BF16 ? "bf16" : "fp32",
               c->shape.c, c->shape.stride, k->name, need.label, relative_error(&b));
        k->close(self);
    }
    close_bench(&b);
}

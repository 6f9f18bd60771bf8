/* Checks one convolution of the cpu backend. */
#include "backend/conv_case.h"

#include <math.h>

struct sk_conv_shape conv_shape(int n, int h, int w, int c, int k, int r, int stride, int pad)
{
    return (struct sk_conv_shape){.n = n,
                                  .h = h,
                                  .w = w,
                                  .c = c,
                                  .k = k,
                                  .r = r,
                                  .s = r,
                                  .p = (h + 2 * pad - r) / stride + 1,
                                  .q = (w + 2 * pad - r) / stride + 1,
                                  .stride = stride,
                                  .pad = pad};
}

const struct sk_kernel *conv_case_kernel(enum conv_pass pass)
{
    static const struct sk_kernel *const kernels[] = {&sk_onednn_conv, &sk_onednn_conv_grad_data,
                                                      &sk_onednn_conv_grad_weight};
    return kernels[pass];
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

/* ---- the definition ---- */
struct sum {
    double value, absolute; /* of products */
    size_t terms;
};
struct data {
    const void *t[TENSORS];
    enum sk_ktype type;
};

static void add_product(struct sum *sum, double a, double b)
{
    sum->value += a * b;
    sum->absolute += fabs(a * b);
    sum->terms++;
}

/* bf16 kernels round the weights, float32 masters, to bf16 before they multiply. */
static double weight_at(const struct data *d, size_t i)
{
    float w = ((const float *)d->t[W])[i];
    return (double)(d->type == SK_K_BF16 ? sk_bf16_to_f32(sk_f32_to_bf16(w)) : w);
}

static size_t at4(int a, int b, int nb, int c, int nc, int d, int nd)
{
    return (((size_t)a * (size_t)nb + (size_t)b) * (size_t)nc + (size_t)c) * (size_t)nd + (size_t)d;
}

static struct sum forward_at(const struct sk_conv_shape *s, const struct data *d, size_t i)
{
    struct sum sum = {0};
    size_t k = i % (size_t)s->k, pixel = i / (size_t)s->k;
    int q = (int)(pixel % (size_t)s->q), p = (int)(pixel / (size_t)s->q % (size_t)s->p);
    int n = (int)(pixel / (size_t)s->q / (size_t)s->p);
    for (int r = 0; r < s->r; r++)
        for (int t = 0; t < s->s; t++) {
            int h = p * s->stride - s->pad + r, w = q * s->stride - s->pad + t;
            if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                continue;
            for (int c = 0; c < s->c; c++)
                add_product(&sum, (double)check_get(d->t[X], at4(n, h, s->h, w, s->w, c, s->c), d->type),
                            weight_at(d, at4((int)k, c, s->c, r, s->r, t, s->s)));
        }
    return sum;
}

static struct sum grad_data_at(const struct sk_conv_shape *s, const struct data *d, size_t i)
{
    struct sum sum = {0};
    int c = (int)(i % (size_t)s->c);
    size_t pixel = i / (size_t)s->c;
    int w = (int)(pixel % (size_t)s->w), h = (int)(pixel / (size_t)s->w % (size_t)s->h);
    int n = (int)(pixel / (size_t)s->w / (size_t)s->h);
    for (int p = 0; p < s->p; p++)
        for (int q = 0; q < s->q; q++) {
            int r = h - p * s->stride + s->pad, t = w - q * s->stride + s->pad;
            if (r < 0 || r >= s->r || t < 0 || t >= s->s)
                continue;
            for (int k = 0; k < s->k; k++)
                add_product(&sum, (double)check_get(d->t[Y], at4(n, p, s->p, q, s->q, k, s->k), d->type),
                            weight_at(d, at4(k, c, s->c, r, s->r, t, s->s)));
        }
    return sum;
}

static struct sum grad_weight_at(const struct sk_conv_shape *s, const struct data *d, size_t i)
{
    struct sum sum = {0};
    int t = (int)(i % (size_t)s->s), r = (int)(i / (size_t)s->s % (size_t)s->r);
    size_t kc = i / (size_t)s->s / (size_t)s->r;
    int c = (int)(kc % (size_t)s->c), k = (int)(kc / (size_t)s->c);
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < s->p; p++)
            for (int q = 0; q < s->q; q++) {
                int h = p * s->stride - s->pad + r, w = q * s->stride - s->pad + t;
                if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                    continue;
                add_product(&sum, (double)check_get(d->t[Y], at4(n, p, s->p, q, s->q, k, s->k), d->type),
                            (double)check_get(d->t[X], at4(n, h, s->h, w, s->w, c, s->c), d->type));
            }
    return sum;
}

/* What result i must be, and how far from it a kernel that sums in float32 may come. */
static double expected(const struct conv_case *c, const struct data *d, size_t i, double *bound)
{
    static struct sum (*const by_pass[])(const struct sk_conv_shape *, const struct data *,
                                         size_t) = {forward_at, grad_data_at, grad_weight_at};
    struct sum sum = by_pass[c->pass](&c->shape, d, i);
    double v = sum.value, absolute = sum.absolute;
    if (c->bias) {
        v += (double)((const float *)d->t[BIAS])[i % (size_t)c->shape.k];
        absolute += fabs((double)((const float *)d->t[BIAS])[i % (size_t)c->shape.k]);
    }
    if (c->residual) {
        v += (double)check_get(d->t[RESIDUAL], i, c->type);
        absolute += check_abs(d->t[RESIDUAL], i, c->type);
    }
    /* Rounding errors of a sum are of either sign: they grow with the root of how many there are. */
    *bound = 2 * CHECK_EPS * absolute * (2 + sqrt((double)sum.terms));
    return c->relu && v < 0 ? 0 : v;
}

/* ---- running ---- */
struct sample {
    size_t at;
    double want, bound;
};
struct bench {
    const struct conv_case *c;
    struct guard memory[TENSORS], scratch, packed;
    void *first; /* the output of the first run */
    struct sample *sample;
    size_t samples;
};

static size_t bytes_of(const struct conv_case *c, enum tensor t)
{
    return count_of(c, t) * (type_of(c, t) == SK_K_BF16 ? 2 : 4);
}

static void take_samples(struct bench *b, struct sk_rng *r)
{
    enum tensor in[4], out;
    struct data d = {.type = b->c->type};
    for (int t = 0; t < TENSORS; t++)
        d.t[t] = b->memory[t].data;
    inputs_of(b->c, in, &out);
    size_t count = count_of(b->c, out);
    b->samples = b->c->samples > 0 && (size_t)b->c->samples < count ? (size_t)b->c->samples : count;
    b->sample = sk_alloc(b->samples, sizeof *b->sample, NULL);
    assert_non_null(b->sample);
    for (size_t i = 0; i < b->samples; i++) {
        struct sample *s = &b->sample[i];
        s->at = b->samples == count ? i : sk_rng_below(r, (uint32_t)count);
        s->want = expected(b->c, &d, s->at, &s->bound);
        if (b->c->fill == FILL_EXACT)
            s->bound = 0;
    }
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
        check_fill(b->memory[in[i]].data, count_of(c, in[i]), type_of(c, in[i]), c->fill, &r);
    b->first = sk_alloc(bytes_of(c, out), 1, NULL);
    assert_non_null(b->first);
    take_samples(b, &r);
}

static void close_bench(struct bench *b)
{
    for (int t = 0; t < TENSORS; t++)
        guard_close(&b->memory[t]);
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
    memset(b->scratch.data, rubbish, b->scratch.used);
    if (b->c->in_place) {
        memcpy(output, inputs[n - 1], bytes_of(b->c, out));
        inputs[n - 1] = output;
    }
    struct sk_kernel_call call = {.in = inputs,
                                  .out = &output,
                                  .scratch = b->scratch.used > 0 ? b->scratch.data : NULL,
                                  .packed = b->packed.used > 0 ? b->packed.data : NULL};
    if (b->c->frozen && k->prepare != NULL)
        assert_ok(k->prepare(self, &call, &err), err);
    assert_ok(k->run(self, &call, &err), err);
}

static void compare(const struct bench *b)
{
    enum tensor in[4], out;
    inputs_of(b->c, in, &out);
    const void *got = b->memory[out].data;
    enum sk_ktype type = type_of(b->c, out);
    for (size_t i = 0; i < b->samples; i++) {
        const struct sample *s = &b->sample[i];
        if (b->c->fill == FILL_EXACT && type == SK_K_BF16)
            check_one("result", s->at, (double)check_get(got, s->at, type),
                      (double)sk_bf16_to_f32(sk_f32_to_bf16((float)s->want)), 0, SK_K_F32);
        else
            check_one("result", s->at, (double)check_get(got, s->at, type), s->want, s->bound, type);
    }
}

static void check_variant(struct bench *b, const struct sk_kernel *k, void *self, const struct sk_kernel_need *need)
{
    enum tensor in[4], out;
    inputs_of(b->c, in, &out);
    size_t bytes = bytes_of(b->c, out);
    guard_open(&b->scratch, need->scratch);
    guard_open(&b->packed, need->packed);
    guard_place(&b->scratch, need->scratch, SIDE_END);
    guard_place(&b->packed, need->packed, SIDE_END);
    run_once(b, k, self, 0xFF); /* NaN everywhere */
    compare(b);
    memcpy(b->first, b->memory[out].data, bytes);
    run_once(b, k, self, 0x3F);
    if (memcmp(b->first, b->memory[out].data, bytes) != 0)
        check_same("second run", b->memory[out].data, b->first, count_of(b->c, out), type_of(b->c, out));
    guard_verify(&b->memory[out], "output");
    guard_verify(&b->scratch, "scratch");
    guard_verify(&b->packed, "packed");
    guard_close(&b->scratch);
    guard_close(&b->packed);
}

int conv_case_check(const struct conv_case *c)
{
    static const char *const pass[] = {"forward", "grad_data", "grad_weight"};
    const struct sk_kernel *k = conv_case_kernel(c->pass);
    const struct sk_conv_shape *s = &c->shape;
    struct sk_op_desc op = conv_case_op(c);
    struct sk_kernel_env env = {.threads = c->threads > 0 ? c->threads : 2, .frozen = c->frozen};
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
        k->close(self);
    }
    close_bench(&b);
    return variant;
}

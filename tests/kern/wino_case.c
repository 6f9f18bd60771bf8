/* Checks one Winograd convolution. */
#include "kern/wino_case.h"

#include <math.h>

#include "kern/wino_bound.h"

enum tensor { X, W, Y, SCALE, SHIFT, TENSORS };
struct sample {
    size_t at;
    double want;
    struct wino_bound bound;
};
struct bench {
    const struct wino_case *c;
    struct guard memory[TENSORS];
    double *value[TENSORS], *x_size; /* what the definition works on */
    enum tensor out;
    struct sample *sample;
    size_t samples;
    void *first; /* result of the first run */
    struct sk_rng r;
    int runs;
};

static size_t count_of(const struct wino_case *c, int t)
{
    const struct sk_conv_shape *s = &c->shape;
    switch (t) {
    case X:
        return conv_count_x(s);
    case W:
        return conv_count_w(s);
    case Y:
        return conv_count_y(s);
    default:
        return (size_t)s->c;
    }
}

static enum sk_ktype type_of(const struct wino_case *c, int t)
{
    return t == X || t == Y ? c->outer : SK_K_F32;
}

static size_t bytes_of(const struct wino_case *c, int t)
{
    return count_of(c, t) * (type_of(c, t) == SK_K_BF16 ? 2 : 4);
}

struct sk_wino_shape wino_case_shape(const struct wino_case *c)
{
    const struct sk_conv_shape *s = &c->shape;
    if (c->pass == CONV_GRAD_DATA)
        return (struct sk_wino_shape){s->n, s->p, s->q, s->k, s->c, s->h, s->w, s->stride == 2 ? s->pad : 2 - s->pad};
    return (struct sk_wino_shape){s->n, s->h, s->w, s->c, s->k, s->p, s->q, s->pad};
}

/* ---- fills ---- */

static void put(void *p, size_t i, enum sk_ktype t, float v)
{
    if (t == SK_K_BF16)
        ((uint16_t *)p)[i] = sk_f32_to_bf16(v);
    else
        ((float *)p)[i] = v;
}

void wino_case_integers(void *p, size_t n, enum sk_ktype t, float factor, struct sk_rng *r)
{
    for (size_t i = 0; i < n; i++)
        put(p, i, t, factor * ((float)sk_rng_below(r, 9) - 4.0f));
}

/* One to three of the special values. */
static void put_specials(struct bench *b, int t)
{
    static const float special[] = {INFINITY, -INFINITY, NAN};
    for (uint32_t left = 1 + sk_rng_below(&b->r, 3); left > 0; left--)
        put(b->memory[t].data, sk_rng_below(&b->r, (uint32_t)count_of(b->c, t)), type_of(b->c, t),
            special[sk_rng_below(&b->r, SK_COUNT(special))]);
}

static void fill(struct bench *b, int t)
{
    const struct wino_case *c = b->c;
    void *p = b->memory[t].data;
    if (c->fill == FILL_EXACT && t != SCALE)
        wino_case_integers(p, count_of(c, t), type_of(c, t), t == W ? 4.0f : 1.0f, &b->r);
    else if (t == SCALE)
        check_fill_channels(p, count_of(c, t), c->fill, &b->r);
    else
        check_fill(p, count_of(c, t), type_of(c, t), FILL_RANDOM, &b->r);
}

static double relu(double v)
{
    return v < 0 ? 0 : v; /* a NaN stays */
}

/* The numbers of tensor t as doubles; of x as the convolution sees it. */
static void take_values(struct bench *b, int t)
{
    size_t n = count_of(b->c, t), channels = (size_t)b->c->shape.c;
    double *v = b->value[t] = sk_alloc(n, sizeof *v, NULL);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = (double)check_get(b->memory[t].data, i, type_of(b->c, t));
    if (t != X || !b->c->norm)
        return;
    b->x_size = sk_alloc(n, sizeof *b->x_size, NULL);
    assert_non_null(b->x_size);
    for (size_t i = 0; i < n; i++) {
        double scale = (double)check_get(b->memory[SCALE].data, i % channels, SK_K_F32);
        double shift = (double)check_get(b->memory[SHIFT].data, i % channels, SK_K_F32);
        b->x_size[i] = fabs(scale * v[i]) + fabs(shift);
        v[i] = relu(scale * v[i] + shift);
    }
}

/* ---- what is wanted ---- */

/* How many products one result and its bound take. */
static size_t work_of(const struct wino_case *c)
{
    const struct sk_conv_shape *s = &c->shape;
    size_t pixels = (size_t)(s->n * s->p * s->q), channels = (size_t)(c->pass == CONV_FORWARD ? s->c : s->k);
    if (c->fill != FILL_RANDOM)
        return c->pass == CONV_GRAD_WEIGHT ? pixels : 9 * channels;
    return (c->pass == CONV_GRAD_WEIGHT ? pixels / (c->alg == SK_WINO_F4 ? 16 : 4) + 1 : channels) * 400;
}

static void take_samples(struct bench *b)
{
    enum { LEAST = 24 };
    const struct wino_case *c = b->c;
    struct conv_data d = {b->value[X], b->value[W], b->value[Y], b->x_size};
    size_t count = count_of(c, (int)b->out), n = c->work == 0 ? count : c->work / work_of(c) + LEAST;
    b->samples = n < count ? n : count;
    b->sample = sk_alloc(b->samples, sizeof *b->sample, NULL);
    assert_non_null(b->sample);
    for (size_t i = 0; i < b->samples; i++) {
        struct sample *s = &b->sample[i];
        s->at = b->samples == count ? i : i == 0 ? count - 1 : sk_rng_below(&b->r, (uint32_t)count);
        s->want = conv_define(c->pass, &c->shape, &d, s->at).value;
        if (c->fill == FILL_RANDOM)
            s->bound = wino_bound_at(c->alg, c->pass, &c->shape, &d, s->at);
    }
}

static void open_bench(struct bench *b, const struct wino_case *c)
{
    static const enum tensor outs[] = {Y, X, W};
    static unsigned turn;
    enum side side = turn++ % SIDES;
    *b = (struct bench){.c = c, .out = outs[c->pass]};
    check_rng(&b->r, conv_count_x(&c->shape) * 131 + conv_count_w(&c->shape) * 7 + (uint64_t)c->pass);
    for (int t = 0; t < TENSORS; t++) {
        guard_open(&b->memory[t], bytes_of(c, t));
        guard_place(&b->memory[t], bytes_of(c, t), side);
        if (t != (int)b->out)
            fill(b, t);
    }
    if (c->fill == FILL_SPECIAL)
        put_specials(b, c->pass == CONV_FORWARD || (c->pass == CONV_GRAD_WEIGHT && turn % 4 < 2) ? X : Y);
    for (int t = X; t <= Y; t++)
        if (t != (int)b->out)
            take_values(b, t);
    take_samples(b);
    b->first = sk_alloc(bytes_of(c, (int)b->out), 1, NULL);
    assert_non_null(b->first);
}

static void close_bench(struct bench *b)
{
    for (int t = 0; t < TENSORS; t++) {
        guard_close(&b->memory[t]);
        sk_free(b->value[t]);
    }
    sk_free(b->x_size);
    sk_free(b->sample);
    sk_free(b->first);
}

/* ---- running ---- */

static void run_once(struct bench *b, const struct sk_kern_wino *kern, size_t rows, int rubbish)
{
    const struct wino_case *c = b->c;
    struct wino_run r = {kern, wino_case_shape(c), rows, (enum side)(b->runs % SIDES), rubbish};
    const void *in = b->memory[c->pass == CONV_GRAD_DATA ? Y : X].data;
    struct sk_wino_source x = {.x = in};
    struct sk_wino_sink to = {.finish = SK_WINO_STORE, .y = b->memory[b->out].data};
    if (c->norm) {
        x.scale = (const float *)(const void *)b->memory[SCALE].data;
        x.shift = (const float *)(const void *)b->memory[SHIFT].data;
    }
    memset(b->memory[b->out].data, rubbish, bytes_of(c, (int)b->out));
    if (c->pass == CONV_GRAD_WEIGHT)
        wino_run_grad(&r, &x, b->memory[Y].data, (float *)(void *)b->memory[W].data);
    else
        wino_run_conv(&r, &x, (const float *)(const void *)b->memory[W].data, c->pass == CONV_GRAD_DATA, &to, NULL);
    for (int t = 0; t < TENSORS; t++)
        guard_verify(&b->memory[t], "a tensor");
}

static void compare(const struct bench *b, const struct sk_kern_wino *kern)
{
    enum sk_ktype t = type_of(b->c, (int)b->out);
    for (size_t i = 0; i < b->samples; i++) {
        const struct sample *s = &b->sample[i];
        double got = (double)check_get(b->memory[b->out].data, s->at, t);
        double bound = s->bound.f32 + (kern->inner == SK_K_BF16 ? s->bound.bf16 : 0);
        if (b->c->fill == FILL_SPECIAL && !isfinite(s->want)) {
            if (isfinite(got))
                check_fail("result %zu is %g where the definition gives %g", s->at, got, s->want);
        } else if (b->c->fill == FILL_EXACT) {
            double want = t == SK_K_BF16 ? (double)sk_bf16_to_f32(sk_f32_to_bf16((float)s->want)) : s->want;
            check_one("result", s->at, got, want, 0, SK_K_F32);
        } else if (b->c->fill == FILL_RANDOM) {
            check_one("result", s->at, got, s->want, bound, t);
        }
    }
}

/* Which result must be finite: none of whose tiles and channels holds anything special. */
static bool is_clean(const struct bench *b, size_t at)
{
    static const int sizes[SK_WINO_ALGS][3] = {{2, 4, 2}, {4, 6, 4}, {2, 5, 4}, {4, 3, 2}}; /* outputs, inputs, step */
    const struct sk_wino_shape k = wino_case_shape(b->c);
    const int *size = sizes[b->c->alg], pad = b->c->alg == SK_WINO_T2 ? 0 : k.pad;
    const double *in = b->value[b->c->pass == CONV_GRAD_DATA ? Y : X];
    struct conv_index y = conv_index(at, k.p, k.q, k.k);
    for (int i = 0; i < size[1]; i++)
        for (int j = 0; j < size[1]; j++) {
            int h = y.b / size[0] * size[2] - pad + i, w = y.c / size[0] * size[2] - pad + j;
            for (int c = 0; c < k.c && h >= 0 && h < k.h && w >= 0 && w < k.w; c++)
                if (!isfinite(in[conv_at(y.a, h, k.h, w, k.w, c, k.c)]))
                    return false;
        }
    return true;
}

/* Of a gradient of weights: neither of its channels holds anything special. */
static bool is_clean_weight(const struct bench *b, size_t at)
{
    const struct sk_conv_shape *s = &b->c->shape;
    struct conv_index g = conv_index(at, s->c, 3, 3);
    for (size_t i = (size_t)g.b; i < conv_count_x(s); i += (size_t)s->c)
        if (!isfinite(b->value[X][i]))
            return false;
    for (size_t i = (size_t)g.a; i < conv_count_y(s); i += (size_t)s->k)
        if (!isfinite(b->value[Y][i]))
            return false;
    return true;
}

static void compare_clean(const struct bench *b)
{
    enum sk_ktype t = type_of(b->c, (int)b->out);
    for (size_t i = 0; i < b->samples; i++) {
        size_t at = b->sample[i].at;
        if (b->c->pass == CONV_GRAD_WEIGHT ? is_clean_weight(b, at) : is_clean(b, at))
            if (!isfinite(check_get(b->memory[b->out].data, at, t)))
                check_fail("result %zu is not finite, and no tile of it holds such a number", at);
    }
}

/* Twice, over other memory, and in ranges of another length: sums go in the same order in any case, but for those over
 * tiles. */
static void check_kind(void *arg, const struct sk_kern_wino *kern, enum sk_isa level)
{
    static const char *const pass[] = {"forward", "grad_data", "grad_weight"};
    struct bench *b = arg;
    const struct wino_case *c = b->c;
    const struct sk_conv_shape *s = &c->shape;
    size_t tiles = (size_t)s->n * (size_t)((s->p + 1) / 2) * (size_t)((s->q + 1) / 2);
    size_t rows = tiles > 200 ? 96 - (size_t)b->runs % 7 : 1 + ((size_t)b->runs * 5 + (size_t)s->c) % 19;
    check_case("%s %s %s fill %d%s, %d images %dx%d, %d to %d channels, stride %d, pad %d, ranges of %zu tiles",
               sk_isa_name(level), wino_case_name(kern), pass[c->pass], (int)c->fill, c->norm ? " norm" : "", s->n,
               s->h, s->w, s->c, s->k, s->stride, s->pad, rows);
    run_once(b, kern, rows, 0xFF);
    compare(b, kern);
    if (c->fill == FILL_SPECIAL)
        compare_clean(b);
    memcpy(b->first, b->memory[b->out].data, bytes_of(c, (int)b->out));
    run_once(b, kern, c->pass == CONV_GRAD_WEIGHT || tiles > 200 ? rows : rows + 5, 0x3F);
    check_same("second run", b->memory[b->out].data, b->first, count_of(c, (int)b->out), type_of(c, (int)b->out));
    b->runs++;
}

const char *wino_case_name(const struct sk_kern_wino *kern)
{
    static const char *const names[SK_WINO_ALGS][3] = {{"f2 f32", "f2 bf16 around f32", "f2 bf16"},
                                                       {"f4 f32", "f4 bf16 around f32", "f4 bf16"},
                                                       {"s2 f32", "s2 bf16 around f32", "s2 bf16"},
                                                       {"t2 f32", "t2 bf16 around f32", "t2 bf16"}};
    return names[kern->alg][kern->outer == SK_K_BF16 ? 1 + (kern->inner == SK_K_BF16) : 0];
}

/* What a level has from the one below is not run again. */
void wino_case_each(enum sk_wino_alg alg, enum sk_ktype outer,
                    void (*f)(void *arg, const struct sk_kern_wino *kern, enum sk_isa level), void *arg)
{
    enum sk_isa levels[3];
    size_t n = check_levels(levels);
    static struct sk_kern all, below;
    memset(&below, 0, sizeof below);
    for (size_t l = 0; l < n; l++, below = all) {
        sk_kern_init(&all, levels[l]);
        for (int type = 0; type < SK_WINO_TYPES; type++) {
            const struct sk_kern_wino *kern = &all.wino[alg][type];
            if (kern->points > 0 && kern->outer == outer && memcmp(kern, &below.wino[alg][type], sizeof *kern) != 0)
                f(arg, kern, levels[l]);
        }
    }
}

int wino_case_check(const struct wino_case *c)
{
    struct bench b;
    open_bench(&b, c);
    wino_case_each(c->alg, c->outer, check_kind, &b);
    close_bench(&b);
    return b.runs;
}

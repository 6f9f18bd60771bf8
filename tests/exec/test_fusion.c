/* Training steps with and without each pass that fuses batch norms to convolutions: the same loss, gradients,
 * statistics and weights but for rounding, with basic blocks and bottlenecks, with and without a convolution in the
 * shortcut, at odd sizes.
 *
 * How much rounding may do is measured: the network without those passes is run again with every weight moved by one
 * step in the last place, up or down. What a fused network is off must be within a few times of what that does. */
#include "test.h"

#include <math.h>

#include "exec/internal.h"

enum { BATCH = 5, HEIGHT = 27, WIDTH = 21, CLASSES = 3, PIXELS = BATCH * HEIGHT * WIDTH * 3 };
enum pass { CONV_STATS = 1, NORM_ON_LOAD = 2, NORM_REDUCE = 4, NORM_PAIR = 8, ALL = 15, AGAIN_NORMS = 16, AGAIN_BLOCKS = 32 };

struct training {
    struct sk_engine *engine;
    struct sk_store *store;
    struct sk_plan *plan;
    int loss;
    double last; /* loss */
    struct sk_err err;
};

static void add_loss(struct training *t, struct sk_graph *g, int logits)
{
    struct sk_desc labels = sk_desc_make(SK_I32, 1, (int64_t[]){BATCH});
    int label;
    assert_ok(sk_graph_tensor(g, "labels", SK_ROLE_INPUT, &labels, &label, &t->err), t->err);
    assert_ok(sk_graph_emit(g, SK_OP_LOSS, "loss", (int[]){logits, label}, 2, NULL, &t->loss, &t->err), t->err);
    g->tensor[t->loss].role = SK_ROLE_RESULT;
}

static void build(struct training *t, struct sk_graph *g, const struct sk_recipe *r, enum pass passes)
{
    const struct sk_model_io io = {.batch = BATCH,
                                   .height = HEIGHT,
                                   .width = WIDTH,
                                   .channels = 3,
                                   .pixel = SK_F32,
                                   .compute = t->engine->precision == SK_PRECISION_BF16 ? SK_BF16 : SK_F32,
                                   .classes = CLASSES,
                                   .train = true};
    int logits;
    assert_ok(sk_model_build(g, &r->model, &io, &logits, &t->err), t->err);
    add_loss(t, g, logits);
    assert_ok(sk_pass_fuse_norm(g, &t->err), t->err);
    assert_ok(sk_graph_backward(g, t->loss, &t->err), t->err);
    assert_ok(sk_pass_fuse_grad_add(g, &t->err), t->err);
    for (size_t i = 0; i < g->tensor_count; i++)
        if (g->tensor[i].role == SK_ROLE_PARAM)
            g->tensor[g->tensor[i].grad].role = SK_ROLE_RESULT;
    assert_ok(sk_graph_update(g, &r->train, 0.1, &t->err), t->err);
    if (passes & CONV_STATS)
        assert_ok(sk_pass_conv_stats(g, &t->err), t->err);
    if (passes & NORM_ON_LOAD)
        assert_ok(sk_pass_norm_on_load(g, &t->err), t->err);
    if (passes & NORM_REDUCE)
        assert_ok(sk_pass_norm_reduce(g, &t->err), t->err);
    if (passes & NORM_PAIR)
        assert_ok(sk_pass_norm_pair(g, &t->err), t->err);
    if (passes & (AGAIN_NORMS | AGAIN_BLOCKS))
        assert_ok(sk_pass_recompute(g, passes & AGAIN_NORMS ? SK_RECOMPUTE_NORMS : SK_RECOMPUTE_BLOCKS, &t->err), t->err);
}

/* Weights as a network has them at its start, gammas around 1, betas around 0; nudge: moved by a step in the last
 * place. */
static void set_weights(struct training *t, bool nudge)
{
    for (size_t i = 0; i < t->store->count; i++) {
        const struct sk_store_entry *e = t->store->entry[i];
        float *x = e->data;
        struct sk_rng rng, side;
        sk_rng_init(&rng, 17, 0, i, SK_RNG_TEST);
        sk_rng_init(&side, 18, 0, i, SK_RNG_TEST);
        bool vector = e->desc.rank == 1, gamma = vector && strstr(e->name, "weight");
        double deviation = vector ? 0.2 : sqrt(2 * (double)e->desc.dim[0] / (double)sk_desc_count(&e->desc));
        for (int64_t k = 0; k < sk_desc_count(&e->desc) && e->role == SK_ROLE_PARAM; k++) {
            x[k] = sk_rng_normal(&rng) * (float)deviation + (gamma ? 1.0f : 0.0f);
            if (nudge)
                x[k] = nextafterf(x[k], sk_rng_unit(&side) < 0.5f ? -INFINITY : INFINITY);
        }
    }
}

static void step(struct training *t, int index)
{
    static float pixels[PIXELS];
    static const int32_t label[BATCH] = {0, 2, 1, 1, 0};
    const struct sk_step s = {.lr = 0.002, .step = index};
    float loss;
    struct sk_rng rng;
    sk_rng_init(&rng, 5, 0, (uint64_t)index, SK_RNG_TEST);
    for (int i = 0; i < PIXELS; i++)
        pixels[i] = sk_rng_normal(&rng);
    assert_ok(
        sk_plan_run(t->plan, SK_PHASE_FORWARD, SK_PHASE_UPDATE, (const void *[]){pixels, label}, &s, NULL, &t->err),
        t->err);
    assert_ok(sk_plan_read(t->plan, t->loss, &loss, sizeof loss, &t->err), t->err);
    t->last = (double)loss;
}

/* Winograd is off in the plan: kernels for it have bounds of their own. */
static struct sk_recipe recipe(const char *arch, enum sk_precision precision, int threads)
{
    struct sk_recipe r;
    sk_recipe_defaults(&r);
    strcpy(r.model.arch, arch);
    r.model.stem = SK_STEM_CIFAR;
    r.model.width = 5.0 / 64;
    r.engine.precision = precision;
    r.engine.threads = threads;
    r.engine.winograd = SK_WINOGRAD_OFF;
    return r;
}

static void train_recipe(struct training *t, const struct sk_recipe *r, enum pass passes, bool nudge)
{
    const struct sk_plan_options o = {.tune = SK_TUNE_OFF, .winograd = r->engine.winograd};
    struct sk_graph g = {0};
    *t = (struct training){0};
    assert_ok(sk_engine_open(&t->engine, &r->engine, &t->err), t->err);
    assert_ok(sk_store_new(&t->store, t->engine, &t->err), t->err);
    build(t, &g, r, passes);
    assert_ok(sk_plan_new(&t->plan, t->engine, t->store, &g, &o, &t->err), t->err);
    set_weights(t, nudge);
    step(t, 0);
}

static void train(struct training *t, const char *arch, enum sk_precision precision, int threads, enum pass passes,
                  bool nudge)
{
    struct sk_recipe r = recipe(arch, precision, threads);
    train_recipe(t, &r, passes, nudge);
}

static void stop(struct training *t)
{
    sk_plan_free(t->plan);
    sk_store_free(t->store);
    sk_engine_close(t->engine);
}

/* |a - b| / |b| in L2. */
static double distance(const float *a, const float *b, size_t n)
{
    double error = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        scale += (double)b[i] * (double)b[i];
    }
    return sqrt(error) / sqrt(scale + 1e-30);
}

/* The gradient of a param; freed by the caller. */
static float *gradient(struct training *t, const char *param, size_t n)
{
    const struct sk_graph *g = sk_plan_graph(t->plan);
    float *out = calloc(n, sizeof *out);
    assert_ok(sk_plan_read(t->plan, g->tensor[sk_graph_find(g, param)].grad, out, n * sizeof *out, &t->err), t->err);
    return out;
}

static double gradient_distance(struct training *a, struct training *b, const char *param, size_t n)
{
    float *x = gradient(a, param, n), *y = gradient(b, param, n);
    double d = distance(x, y, n);
    free(x), free(y);
    return d;
}

/* The largest distance of stored tensors (weights, statistics, optimizer state) and of gradients. */
struct drift {
    double stored, gradient;
};
static struct drift compare(struct training *a, struct training *b)
{
    struct drift d = {0};
    assert_int_equal(a->store->count, b->store->count);
    for (size_t i = 0; i < a->store->count; i++) {
        const struct sk_store_entry *x = a->store->entry[i], *y = sk_store_find(b->store, x->name);
        size_t n = (size_t)sk_desc_count(&x->desc);
        assert_non_null(y);
        d.stored = fmax(d.stored, distance(x->data, y->data, n));
        if (x->role == SK_ROLE_PARAM)
            d.gradient = fmax(d.gradient, gradient_distance(a, b, x->name, n));
    }
    return d;
}

static void check_within(const char *what, double got, double yard)
{
    const double times = 4, least = 0x1p-22; /* a loss may round to the same number again */
    if (!(got <= times * yard + least))
        fail_msg("%s is off by %.3g, rounding of the weights moves it by %.3g", what, got, yard);
}

static double loss_distance(const struct training *a, const struct training *b)
{
    return fabs(a->last - b->last) / fabs(b->last);
}

/* A second step, with what the first has left. */
static void check_second(struct training *fused, const struct training *nudged, const struct training *plain)
{
    step(fused, 1);
    check_within("the second loss", loss_distance(fused, plain), loss_distance(nudged, plain));
}

static void check_passes(const char *arch)
{
    static const enum pass sets[] = {CONV_STATS, CONV_STATS | NORM_ON_LOAD, NORM_REDUCE, CONV_STATS | NORM_PAIR, ALL};
    struct training plain, nudged;
    train(&plain, arch, SK_PRECISION_FP32, 2, 0, false);
    train(&nudged, arch, SK_PRECISION_FP32, 2, 0, true);
    struct drift yard = compare(&nudged, &plain), d[SK_COUNT(sets)];
    struct training fused[SK_COUNT(sets)];
    double loss = loss_distance(&nudged, &plain);
    for (size_t i = 0; i < SK_COUNT(sets); i++) {
        train(&fused[i], arch, SK_PRECISION_FP32, 2, sets[i], false);
        d[i] = compare(&fused[i], &plain);
        print_message("%s, passes %2d: stored %.2g of %.2g, gradient %.2g of %.2g, %zu bytes\n", arch, sets[i],
                      d[i].stored, yard.stored, d[i].gradient, yard.gradient, sk_plan_bytes(fused[i].plan));
        check_within("a stored tensor", d[i].stored, yard.stored);
        check_within("a gradient", d[i].gradient, yard.gradient);
        check_within("the loss", loss_distance(&fused[i], &plain), loss);
    }
    step(&plain, 1);
    step(&nudged, 1);
    for (size_t i = 0; i < SK_COUNT(sets); i++) {
        check_second(&fused[i], &nudged, &plain);
        stop(&fused[i]);
    }
    stop(&plain);
    stop(&nudged);
}

static void test_basic_blocks(void **state)
{
    (void)state;
    check_passes("resnet18");
}

static void test_bottlenecks(void **state)
{
    (void)state;
    check_passes("resnet50");
}

/* In bf16 a fused step may round elsewhere, but must not come further from the step in float32. */
static void test_bf16(void **state)
{
    struct training exact, plain, fused;
    (void)state;
    train(&exact, "resnet18", SK_PRECISION_FP32, 2, 0, false);
    train(&plain, "resnet18", SK_PRECISION_BF16, 2, 0, false);
    train(&fused, "resnet18", SK_PRECISION_BF16, 2, ALL, false);
    struct drift yard = compare(&plain, &exact), d = compare(&fused, &exact);
    print_message("bf16: gradient %.3g off without fusion, %.3g with\n", yard.gradient, d.gradient);
    if (!(d.gradient <= 1.5 * yard.gradient))
        fail_msg("a gradient in bf16 is off by %.3g, without fusion by %.3g", d.gradient, yard.gradient);
    stop(&exact);
    stop(&plain);
    stop(&fused);
}

/* A step's memory without and with normalized activations. */
static void test_memory(void **state)
{
    (void)state;
    struct training plain, fused;
    train(&plain, "resnet18", SK_PRECISION_FP32, 1, CONV_STATS | NORM_REDUCE | NORM_PAIR, false);
    train(&fused, "resnet18", SK_PRECISION_FP32, 1, ALL, false);
    if (!(sk_plan_bytes(fused.plan) < sk_plan_bytes(plain.plan)))
        fail_msg("%zu bytes without norms on load, %zu with", sk_plan_bytes(plain.plan), sk_plan_bytes(fused.plan));
    stop(&plain);
    stop(&fused);
}

static void assert_same_bits(struct training *a, struct training *b)
{
    assert_int_equal(a->store->count, b->store->count);
    for (size_t i = 0; i < a->store->count; i++) {
        const struct sk_store_entry *x = a->store->entry[i], *y = sk_store_find(b->store, x->name);
        size_t n = (size_t)sk_desc_count(&x->desc);
        assert_non_null(y);
        assert_memory_equal(x->data, y->data, n * sizeof(float));
        if (x->role != SK_ROLE_PARAM)
            continue;
        float *dx = gradient(a, x->name, n), *dy = gradient(b, x->name, n);
        assert_memory_equal(dx, dy, n * sizeof(float));
        free(dx), free(dy);
    }
    assert_memory_equal(&a->last, &b->last, sizeof a->last);
}

static bool on_reference(const struct sk_plan *p)
{
    for (size_t i = 0; i < p->graph.op_count; i++)
        if (p->graph.op[i].kind == SK_OP_CONV && strncmp(p->op[i].choice.name, "ref", 3) == 0)
            return true;
    return false;
}

/* Two steps: running statistics and momentum matter in the second. */
static void check_recompute(const struct sk_recipe *r, enum pass passes)
{
    struct training plain, norms, blocks;
    train_recipe(&plain, r, passes, false);
    train_recipe(&norms, r, passes | AGAIN_NORMS, false);
    train_recipe(&blocks, r, passes | AGAIN_BLOCKS, false);
    size_t all = sk_plan_bytes(plain.plan), less = sk_plan_bytes(norms.plan), least = sk_plan_bytes(blocks.plan);
    print_message("%s %s: %zu bytes, %zu with norms made again, %zu with blocks\n", r->model.arch,
                  sk_precision_name(r->engine.precision), all, less, least);
    bool small = on_reference(blocks.plan); /* whose own memory outweighs values as small as these */
    if (!(less < all && (least < less || small)))
        fail_msg("memory does not fall");
    for (int i = 0; i < 2; i++) {
        assert_same_bits(&norms, &plain);
        assert_same_bits(&blocks, &plain);
        step(&plain, 1), step(&norms, 1), step(&blocks, 1);
    }
    stop(&plain), stop(&norms), stop(&blocks);
}

/* What is made again has the same bits, whatever is fused, and its memory is saved. */
static void test_recompute(void **state)
{
    static const struct { const char *arch; enum sk_precision precision; enum sk_winograd winograd; enum sk_stem stem; enum pass passes; } net[] = {
        {"resnet18", SK_PRECISION_FP32, SK_WINOGRAD_OFF, SK_STEM_CIFAR, CONV_STATS | NORM_REDUCE | NORM_PAIR},
        {"resnet18", SK_PRECISION_FP32, SK_WINOGRAD_SAFE, SK_STEM_CIFAR, ALL},
        {"resnet18", SK_PRECISION_BF16, SK_WINOGRAD_SAFE, SK_STEM_IMAGENET, ALL},
        {"resnet50", SK_PRECISION_FP32, SK_WINOGRAD_SAFE, SK_STEM_IMAGENET, ALL},
        {"resnet50", SK_PRECISION_BF16, SK_WINOGRAD_SAFE, SK_STEM_CIFAR, ALL}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(net); i++) {
        struct sk_recipe r = recipe(net[i].arch, net[i].precision, 2);
        r.engine.winograd = net[i].winograd;
        r.model.stem = net[i].stem;
        r.model.dropout = 0.4;
        check_recompute(&r, net[i].passes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_basic_blocks), cmocka_unit_test(test_bottlenecks),
                                       cmocka_unit_test(test_bf16), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_recompute)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Gradients of every op against finite differences: the loss of a small network along a random direction of each tensor. */
#include "test.h"

#include <math.h>

#include "exec/internal.h"

/* A small graph around the op under test: its inputs are params, what follows turns its output into a loss. */
struct probe {
    struct sk_graph g;
    struct sk_err err;
    uint64_t seed;
    int loss, label;
    bool mixed; /* the loss is of mixed labels */
    bool weighted; /* classes have weights in the loss */
    int64_t n, classes;
    bool fused; /* batch norms are fused to convolutions */
};

static int param(struct probe *p, const char *name, int rank, const int64_t *dim)
{
    struct sk_desc d = sk_desc_make(SK_F32, rank, dim);
    int id;
    assert_ok(sk_graph_tensor(&p->g, name, SK_ROLE_PARAM, &d, &id, &p->err), p->err);
    return id;
}

static int emit(struct probe *p, enum sk_op_kind kind, const char *name, const int *in, int count, struct sk_attr attr)
{
    int out;
    assert_ok(sk_graph_emit(&p->g, kind, name, in, count, &attr, &out, &p->err), p->err);
    return out;
}

static int activation(struct probe *p, const char *name, int64_t h, int64_t w, int64_t c)
{
    return param(p, name, 4, (int64_t[]){p->n, h, w, c});
}

/* avg_pool, linear and loss behind tensor y [N,H,W,C] or [N,C]. */
static void finish(struct probe *p, int y, double smoothing)
{
    struct sk_desc labels = sk_desc_make(SK_I32, 1, (int64_t[]){p->n});
    if (p->g.tensor[y].desc.rank == 4)
        y = emit(p, SK_OP_AVG_POOL, "pool", &y, 1, (struct sk_attr){0});
    int64_t c = p->g.tensor[y].desc.dim[1];
    int w = param(p, "fc.w", 2, (int64_t[]){p->classes, c}), b = param(p, "fc.b", 1, &p->classes);
    y = emit(p, SK_OP_LINEAR, "fc", (int[]){y, w, b}, 3, (struct sk_attr){0});
    assert_ok(sk_graph_tensor(&p->g, "labels", SK_ROLE_INPUT, &labels, &p->label, &p->err), p->err);
    struct sk_desc mix = sk_desc_make(SK_F32, 1, (int64_t[]){SK_MIX_VALUES});
    int in[4] = {y, p->label}, count = 2;
    if (p->mixed)
        assert_ok(sk_graph_tensor(&p->g, "mix", SK_ROLE_INPUT, &mix, &in[count++], &p->err), p->err);
    struct sk_desc weights = sk_desc_make(SK_F32, 1, &p->classes);
    if (p->weighted)
        assert_ok(sk_graph_tensor(&p->g, "weights", SK_ROLE_INPUT, &weights, &in[count++], &p->err), p->err);
    p->loss = emit(p, SK_OP_LOSS, "loss", in, count,
                   (struct sk_attr){.smoothing = smoothing, .weighted = p->weighted});
    p->g.tensor[p->loss].role = SK_ROLE_RESULT;
}

struct run { struct sk_engine *engine; struct sk_store *store; struct sk_plan *plan; const void *inputs[3]; struct sk_err err; };

static double loss_of(struct run *r, int loss)
{
    struct sk_step step = {.step = 3, .seed = 5};
    float value;
    assert_ok(sk_plan_run(r->plan, SK_PHASE_FORWARD, SK_PHASE_BACKWARD, r->inputs, &step, NULL, &r->err), r->err);
    assert_ok(sk_plan_read(r->plan, loss, &value, sizeof value, &r->err), r->err);
    return (double)value;
}

static void randomize(struct run *r, uint64_t seed)
{
    for (size_t i = 0; i < r->store->count; i++) {
        float *x = r->store->entry[i]->data;
        struct sk_rng rng;
        sk_rng_init(&rng, seed, 0, i, SK_RNG_TEST);
        for (int64_t k = 0; k < sk_desc_count(&r->store->entry[i]->desc); k++)
            x[k] = sk_rng_normal(&rng) + (strstr(r->store->entry[i]->name, "gamma") ? 2.0f : 0.0f);
    }
}

/* Slope along d by central differences, and how much the slopes to both sides differ. */
struct slope { double central, sides; };
static struct slope slope(struct run *r, int loss, float *x, const float *d, const float *x0, int64_t n, double h)
{
    double at[3];
    for (int s = 0; s < 3; s++) {
        for (int64_t i = 0; i < n; i++)
            x[i] = x0[i] + (float)((s - 1) * h) * d[i];
        at[s] = loss_of(r, loss);
    }
    memcpy(x, x0, (size_t)n * sizeof *x);
    return (struct slope){(at[2] - at[0]) / (2 * h), (at[2] - 2 * at[1] + at[0]) / h};
}

/* Smooth: halving h leaves the slope and halves the difference of the sides. A kink between, however near, does not. */
static bool smooth(struct slope a, struct slope b)
{
    double kink = fabs(2 * b.sides - a.sides), bend = fabs(a.central - b.central);
    return bend < 1e-4 + 0.004 * fabs(b.central) && kink < 4e-4 + 0.006 * fabs(b.central);
}

static int check_tensor(struct run *r, struct probe *p, int t, uint64_t seed)
{
    const struct sk_tensor *tensor = &sk_plan_graph(r->plan)->tensor[t];
    int64_t n = sk_desc_count(&tensor->desc);
    float *x = r->plan->entry[t]->data, *grad = calloc((size_t)n, 4), *d = calloc((size_t)n, 4), *x0 = calloc((size_t)n, 4);
    struct sk_rng rng;
    int checked = 0;
    for (int direction = 0; direction < 24 && checked < 4; direction++) {
        double analytic = 0, length = 0;
        sk_rng_init(&rng, seed, (uint32_t)direction, (uint64_t)t, SK_RNG_TEST);
        loss_of(r, p->loss);
        assert_ok(sk_plan_read(r->plan, tensor->grad, grad, (size_t)n * 4, &r->err), r->err);
        for (int64_t i = 0; i < n; i++) {
            d[i] = direction == 0 ? grad[i] : sk_rng_normal(&rng); /* along the gradient first: the largest slope */
            length += (double)d[i] * d[i];
        }
        for (int64_t i = 0; i < n; i++) {
            d[i] = (float)(d[i] / sqrt(length + 1e-30));
            analytic += (double)d[i] * grad[i];
        }
        memcpy(x0, x, (size_t)n * 4);
        struct slope a = slope(r, p->loss, x, d, x0, n, 1e-2), b = slope(r, p->loss, x, d, x0, n, 5e-3);
        if (!smooth(a, b))
            continue;
        if (fabs(b.central - analytic) > 3e-4 + 0.015 * fabs(analytic))
            fail_msg("%s: slope %.6f by finite differences, %.6f by its gradient (seed %llu)", tensor->name, b.central, analytic, (unsigned long long)seed);
        checked++;
    }
    free(grad), free(d), free(x0);
    return checked;
}

static void fuse(struct probe *p)
{
    assert_ok(sk_pass_conv_stats(&p->g, &p->err), p->err);
    assert_ok(sk_pass_norm_on_load(&p->g, &p->err), p->err);
    assert_ok(sk_pass_norm_reduce(&p->g, &p->err), p->err);
    assert_ok(sk_pass_norm_pair(&p->g, &p->err), p->err);
}

static void check(struct probe *p, uint64_t seed)
{
    struct run r = {0};
    struct sk_recipe recipe;
    struct sk_plan_options o = {0};
    int32_t labels[64];
    assert_ok(sk_pass_fuse_norm(&p->g, &p->err), p->err);
    assert_ok(sk_graph_backward(&p->g, p->loss, &p->err), p->err);
    assert_ok(sk_pass_fuse_grad_add(&p->g, &p->err), p->err);
    for (size_t t = 0; t < p->g.tensor_count; t++)
        if (p->g.tensor[t].role == SK_ROLE_PARAM) {
            assert_true(p->g.tensor[t].grad >= 0);
            p->g.tensor[p->g.tensor[t].grad].role = SK_ROLE_RESULT;
        }
    if (p->fused)
        fuse(p);
    sk_recipe_defaults(&recipe);
    recipe.engine.precision = SK_PRECISION_FP32;
    assert_ok(sk_engine_open(&r.engine, &recipe.engine, &r.err), r.err);
    assert_ok(sk_store_new(&r.store, r.engine, &r.err), r.err);
    assert_ok(sk_plan_new(&r.plan, r.engine, r.store, &p->g, &o, &r.err), r.err);
    for (int i = 0; i < p->n; i++)
        labels[i] = (int32_t)(i % p->classes);
    r.inputs[0] = labels;
    r.inputs[1] = (float[SK_MIX_VALUES]){0.3f};
    r.inputs[p->mixed ? 2 : 1] = (float[]){0.5f, 2, 0, 1, 3.5f};
    randomize(&r, seed);
    const struct sk_graph *g = sk_plan_graph(r.plan);
    for (size_t t = 0; t < g->tensor_count; t++)
        if (g->tensor[t].role == SK_ROLE_PARAM && check_tensor(&r, p, (int)t, seed) == 0)
            fail_msg("%s: every direction met a kink (seed %llu)", g->tensor[t].name, (unsigned long long)seed);
    sk_plan_free(r.plan);
    sk_store_free(r.store);
    sk_engine_close(r.engine);
}

static struct probe start(int64_t n)
{
    return (struct probe){.n = n, .classes = 5};
}

static void test_conv(void **state)
{
    static const struct { int64_t size, c, k; int kernel, stride, pad; } shape[] = {
        {6, 3, 8, 3, 1, 1}, {7, 16, 16, 3, 2, 1}, {8, 16, 24, 1, 2, 0}, {9, 5, 7, 7, 2, 3}, {4, 32, 16, 1, 1, 0}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(shape); i++) {
        struct probe p = start(3);
        int x = activation(&p, "x", shape[i].size, shape[i].size, shape[i].c);
        int w = param(&p, "w", 4, (int64_t[]){shape[i].k, shape[i].c, shape[i].kernel, shape[i].kernel});
        struct sk_attr a = {.kernel = shape[i].kernel, .stride = shape[i].stride, .pad = shape[i].pad};
        finish(&p, emit(&p, SK_OP_CONV, "conv", (int[]){x, w}, 2, a), 0);
        check(&p, 11 + i);
    }
}

/* A pointwise op stands between x and the end; a second factor keeps its output from being averaged away. */
static void test_relu_add(void **state)
{
    (void)state;
    struct probe p = start(4);
    int x = activation(&p, "x", 3, 3, 6), z = activation(&p, "z", 3, 3, 6);
    int y = emit(&p, SK_OP_RELU, "relu", &x, 1, (struct sk_attr){0});
    y = emit(&p, SK_OP_ADD, "add", (int[]){y, z}, 2, (struct sk_attr){0});
    y = emit(&p, SK_OP_ADD, "twice", (int[]){y, x}, 2, (struct sk_attr){0});
    finish(&p, y, 0);
    check(&p, 21);
}

static int norm(struct probe *p, int x, const char *name)
{
    char gamma[32], beta[32];
    int64_t c[1] = {p->g.tensor[x].desc.dim[3]};
    snprintf(gamma, sizeof gamma, "%s.gamma", name);
    snprintf(beta, sizeof beta, "%s.beta", name);
    int ids[3] = {x, param(p, gamma, 1, c), param(p, beta, 1, c)};
    return emit(p, SK_OP_BATCH_NORM, name, ids, 3, (struct sk_attr){.eps = 1e-5});
}

static int conv(struct probe *p, int x, const char *name, int64_t k, int kernel)
{
    int w = param(p, name, 4, (int64_t[]){k, p->g.tensor[x].desc.dim[3], kernel, kernel});
    return emit(p, SK_OP_CONV, name, (int[]){x, w}, 2, (struct sk_attr){.kernel = kernel, .stride = 1, .pad = kernel / 2});
}

static int conv1x1(struct probe *p, int x, const char *name, int64_t k)
{
    return conv(p, x, name, k, 1);
}

static void test_batch_norm(void **state)
{
    (void)state;
    for (int relu = 0; relu < 2; relu++) {
        struct probe p = start(4);
        int y = norm(&p, activation(&p, "x", 3, 5, 6), "bn");
        if (relu)
            y = emit(&p, SK_OP_RELU, "relu", &y, 1, (struct sk_attr){0});
        finish(&p, conv1x1(&p, y, "after", 4), 0);
        check(&p, 31 + (uint64_t)relu);
    }
}

/* Two residual blocks in a row: norm + add + ReLU fused, and two gradients meeting in a norm's gradient. */
static void test_residual(void **state)
{
    (void)state;
    struct probe p = start(4);
    int x = activation(&p, "x", 4, 4, 8);
    x = norm(&p, conv1x1(&p, x, "stem", 8), "bn0");
    x = emit(&p, SK_OP_RELU, "relu0", &x, 1, (struct sk_attr){0});
    for (int i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "block%d", i);
        int y = conv1x1(&p, x, name, 8);
        snprintf(name, sizeof name, "bn%d", i + 1);
        y = norm(&p, y, name);
        snprintf(name, sizeof name, "add%d", i);
        y = emit(&p, SK_OP_ADD, name, (int[]){y, x}, 2, (struct sk_attr){0});
        snprintf(name, sizeof name, "out%d", i);
        x = emit(&p, SK_OP_RELU, name, &y, 1, (struct sk_attr){0});
    }
    finish(&p, x, 0);
    check(&p, 41);
}

/* A block without and with a norm in its shortcut: norms read on load, statistics, masked gradients with and without a second one. */
static void test_fused(void **state)
{
    (void)state;
    for (int project = 0; project < 2; project++) {
        struct probe p = start(4);
        p.fused = true;
        int x = norm(&p, conv(&p, activation(&p, "x", 3, 2, 3), "stem", 4, 3), "bn0");
        x = emit(&p, SK_OP_RELU, "relu0", &x, 1, (struct sk_attr){0});
        int y = norm(&p, conv(&p, x, "conv1", 3, 3), "bn1");
        y = emit(&p, SK_OP_RELU, "relu1", &y, 1, (struct sk_attr){0});
        y = norm(&p, conv(&p, y, "conv2", 4, 3), "bn2");
        int shortcut = project ? norm(&p, conv1x1(&p, x, "conv3", 4), "bn3") : x;
        y = emit(&p, SK_OP_ADD, "add", (int[]){y, shortcut}, 2, (struct sk_attr){0});
        y = emit(&p, SK_OP_RELU, "relu2", &y, 1, (struct sk_attr){0});
        finish(&p, conv1x1(&p, y, "after", 4), 0);
        check(&p, 81 + (uint64_t)project);
    }
}

static void test_pooling(void **state)
{
    (void)state;
    struct probe p = start(3);
    int x = activation(&p, "x", 7, 6, 5), y = emit(&p, SK_OP_MAX_POOL, "max", &x, 1, (struct sk_attr){.kernel = 3, .stride = 2, .pad = 1});
    finish(&p, y, 0);
    check(&p, 51);
}

static void test_dropout(void **state)
{
    (void)state;
    struct probe p = start(8);
    int x = param(&p, "x", 2, (int64_t[]){8, 32}), y = emit(&p, SK_OP_DROPOUT, "drop", &x, 1, (struct sk_attr){.p = 0.4, .salt = 1});
    finish(&p, y, 0);
    check(&p, 61);
}

static void test_loss_smoothing(void **state)
{
    (void)state;
    struct probe p = start(6);
    finish(&p, param(&p, "x", 2, (int64_t[]){6, 7}), 0.1);
    check(&p, 71);
}

/* Groups of several channels, depthwise (more channels than a chunk of them), a bias. */
static void test_grouped_conv(void **state)
{
    static const struct { int64_t c, k; int groups, kernel, stride; bool bias; } shape[] = {
        {8, 12, 4, 3, 1, false}, {6, 6, 6, 3, 2, false}, {35, 35, 35, 5, 1, true}, {4, 6, 1, 3, 1, true}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(shape); i++) {
        struct probe p = start(3);
        int groups = shape[i].groups, kernel = shape[i].kernel, x = activation(&p, "x", 6, 5, shape[i].c);
        int w = param(&p, "w", 4, (int64_t[]){shape[i].k, shape[i].c / groups, kernel, kernel});
        int b = shape[i].bias ? param(&p, "b", 1, &shape[i].k) : 0;
        struct sk_attr a = {.kernel = kernel, .stride = shape[i].stride, .pad = kernel / 2, .groups = groups, .bias = shape[i].bias};
        finish(&p, emit(&p, SK_OP_CONV, "conv", (int[]){x, w, b}, shape[i].bias ? 3 : 2, a), 0);
        check(&p, 91 + i);
    }
}

static void test_group_norm(void **state)
{
    static const int groups[] = {1, 2, 6};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(groups); i++) {
        struct probe p = start(3);
        int64_t c = 6;
        int in[3] = {activation(&p, "x", 4, 3, c), param(&p, "gamma", 1, &c), param(&p, "beta", 1, &c)};
        int y = emit(&p, SK_OP_GROUP_NORM, "gn", in, 3, (struct sk_attr){.eps = 1e-5, .groups = groups[i]});
        y = emit(&p, SK_OP_SILU, "act", &y, 1, (struct sk_attr){0});
        finish(&p, conv1x1(&p, y, "after", 4), 0);
        check(&p, 101 + i);
    }
}

/* Squeeze-and-excitation: x is gated by what is made of its own means. */
static void test_excite(void **state)
{
    (void)state;
    struct probe p = start(4);
    int x = activation(&p, "x", 3, 4, 8), s = emit(&p, SK_OP_AVG_POOL, "squeeze", &x, 1, (struct sk_attr){.keep = true});
    s = conv1x1(&p, s, "fc1", 3);
    s = emit(&p, SK_OP_SILU, "silu", &s, 1, (struct sk_attr){0});
    s = conv1x1(&p, s, "fc2", 8);
    s = emit(&p, SK_OP_SIGMOID, "sigmoid", &s, 1, (struct sk_attr){0});
    int y = emit(&p, SK_OP_GATE, "gate", (int[]){x, s}, 2, (struct sk_attr){0});
    finish(&p, conv1x1(&p, y, "after", 4), 0);
    check(&p, 111);
}

static void test_more_pooling(void **state)
{
    (void)state;
    struct probe p = start(3);
    int x = activation(&p, "x", 7, 5, 6), y = emit(&p, SK_OP_AVG_WINDOW, "window", &x, 1, (struct sk_attr){.kernel = 2, .stride = 2});
    finish(&p, conv1x1(&p, emit(&p, SK_OP_SILU, "act", &y, 1, (struct sk_attr){0}), "after", 4), 0);
    check(&p, 121);
    p = start(3);
    x = activation(&p, "x", 3, 2, 6);
    finish(&p, emit(&p, SK_OP_MAX_ALL, "max", &x, 1, (struct sk_attr){0}), 0);
    check(&p, 122);
}

static void test_drop_path(void **state)
{
    (void)state;
    struct probe p = start(8);
    int x = activation(&p, "x", 3, 2, 6), y = emit(&p, SK_OP_DROPOUT, "drop", &x, 1, (struct sk_attr){.p = 0.4, .salt = 2, .whole = true});
    finish(&p, emit(&p, SK_OP_ADD, "add", (int[]){y, x}, 2, (struct sk_attr){0}), 0);
    check(&p, 131);
}

static void test_loss_mixed(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 6; n += 5) {
        struct probe p = start(n);
        p.mixed = true;
        finish(&p, param(&p, "x", 2, (int64_t[]){n, 7}), 0.1);
        check(&p, 81);
    }
}

static void test_loss_mixed_weighted(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 6; n += 5) {
        struct probe p = start(n);
        p.mixed = p.weighted = true;
        finish(&p, param(&p, "x", 2, (int64_t[]){n, 7}), 0.1);
        check(&p, 87);
    }
}

static void test_loss_weighted(void **state)
{
    (void)state;
    for (int smooth = 0; smooth < 2; smooth++) {
        struct probe p = start(6);
        p.weighted = true;
        finish(&p, param(&p, "x", 2, (int64_t[]){6, 7}), smooth * 0.1);
        check(&p, 91);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conv), cmocka_unit_test(test_relu_add), cmocka_unit_test(test_batch_norm),
                                       cmocka_unit_test(test_residual), cmocka_unit_test(test_fused), cmocka_unit_test(test_pooling), cmocka_unit_test(test_dropout),
                                       cmocka_unit_test(test_loss_smoothing), cmocka_unit_test(test_loss_mixed),
                                       cmocka_unit_test(test_loss_mixed_weighted),
                                       cmocka_unit_test(test_loss_weighted), cmocka_unit_test(test_grouped_conv),
                                       cmocka_unit_test(test_group_norm),
                                       cmocka_unit_test(test_excite), cmocka_unit_test(test_more_pooling), cmocka_unit_test(test_drop_path)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

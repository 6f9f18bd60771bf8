/* A network as its users see it: folding changes nothing, a bad loss or a stop leaves the weights alone, steps repeat to the bit. */
#include "test.h"

#include <math.h>

#include "exec/internal.h"

enum { SIDE = 16, BATCH = 6, CLASSES = 5, PIXELS = BATCH * SIDE * SIDE * 3 };

struct fixture {
    struct sk_engine *engine;
    struct sk_net *net;
    struct sk_recipe recipe;
    struct sk_err err;
    float pixels[PIXELS];
    int32_t label[BATCH];
    struct sk_net_batch batch;
};

static void setup(struct fixture *f, enum sk_precision precision, const char *arch)
{
    struct sk_net_shape shape = {.height = SIDE, .width = SIDE, .channels = 3, .pixel = SK_F32, .classes = CLASSES};
    struct sk_rng rng;
    memset(f, 0, sizeof *f);
    sk_recipe_defaults(&f->recipe);
    strcpy(f->recipe.model.arch, arch);
    f->recipe.model.stem = SK_STEM_CIFAR;
    f->recipe.model.width = 0.25;
    f->recipe.model.dropout = 0.3;
    f->recipe.data.has_normalize = false;
    f->recipe.engine.precision = precision;
    f->recipe.engine.threads = 2;
    f->recipe.engine.tune = SK_TUNE_OFF;
    assert_ok(sk_engine_open(&f->engine, &f->recipe.engine, &f->err), f->err);
    assert_ok(sk_net_new(&f->net, f->engine, &f->recipe, &shape, &f->err), f->err);
    sk_net_init(f->net, 7);
    sk_rng_init(&rng, 1, 0, 0, SK_RNG_TEST);
    for (int i = 0; i < PIXELS; i++)
        f->pixels[i] = sk_rng_normal(&rng);
    for (int i = 0; i < BATCH; i++)
        f->label[i] = i % CLASSES;
    f->batch = (struct sk_net_batch){.count = BATCH, .pixels = f->pixels, .label = f->label};
}

static void teardown(struct fixture *f)
{
    sk_net_free(f->net);
    sk_engine_close(f->engine);
}

static double train(struct fixture *f, int steps)
{
    struct sk_net_result r = {0};
    for (int s = 0; s < steps; s++) {
        struct sk_step step = {.lr = 0.05, .step = s, .seed = 3};
        assert_ok(sk_net_train(f->net, &f->batch, &step, &r, NULL, &f->err), f->err);
    }
    return r.loss;
}

/* All weights and statistics, one after another. */
static float *snapshot(const struct fixture *f, size_t *count)
{
    float *out;
    size_t n = 0;
    for (size_t i = 0; i < f->net->store->count; i++)
        n += (size_t)sk_desc_count(&f->net->store->entry[i]->desc);
    out = calloc(n, sizeof *out);
    *count = n;
    n = 0;
    for (size_t i = 0; i < f->net->store->count; i++) {
        const struct sk_store_entry *e = f->net->store->entry[i];
        memcpy(out + n, e->data, sk_desc_bytes(&e->desc));
        n += (size_t)sk_desc_count(&e->desc);
    }
    return out;
}

static void test_learns(void **state)
{
    static const enum sk_precision precision[] = {SK_PRECISION_FP32, SK_PRECISION_BF16};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        setup(&f, precision[i], "resnet18");
        double first = train(&f, 1), last = train(&f, 25);
        if (!(last < 0.3 * first))
            fail_msg("%s: loss went from %.4f to %.4f", sk_precision_name(precision[i]), first, last);
        teardown(&f);
    }
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture a, b;
        size_t n, m;
        setup(&a, i ? SK_PRECISION_BF16 : SK_PRECISION_FP32, i ? "resnet50" : "resnet18");
        train(&a, 3);
        float *x = snapshot(&a, &n);
        setup(&b, i ? SK_PRECISION_BF16 : SK_PRECISION_FP32, i ? "resnet50" : "resnet18");
        train(&b, 3);
        float *y = snapshot(&b, &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, n * sizeof *x);
        free(x), free(y);
        teardown(&a);
        teardown(&b);
    }
}

/* What is frozen keeps its bits, running statistics too; what follows does not. */
static void check_freeze(const char *arch, struct sk_recipe_words words, const char *const *part)
{
    struct fixture f;
    size_t n, m, at = 0;
    setup(&f, SK_PRECISION_FP32, arch);
    f.net->recipe.train.freeze = words;
    assert_ok(sk_net_prepare(f.net, BATCH, true, &f.err), f.err);
    float *x = snapshot(&f, &n);
    train(&f, 2);
    float *y = snapshot(&f, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < f.net->store->count; i++) {
        const struct sk_store_entry *e = f.net->store->entry[i];
        bool frozen = false;
        for (int k = 0; part[k]; k++)
            frozen = frozen || strncmp(e->name, part[k], strlen(part[k])) == 0;
        if ((memcmp(x + at, y + at, sk_desc_bytes(&e->desc)) == 0) != frozen)
            fail_msg("'%s' %s", e->name, frozen ? "is frozen and changed" : "did not change");
        at += (size_t)sk_desc_count(&e->desc);
    }
    const struct sk_graph *g = sk_plan_graph(sk_net_plan(f.net, BATCH, true));
    for (size_t i = 0; i < g->op_count; i++) /* the backward pass ends behind them */
        for (int k = 0; part[k]; k++)
            assert_false(g->op[i].phase == SK_PHASE_BACKWARD && strncmp(g->op[i].name, part[k], strlen(part[k])) == 0);
    free(x), free(y);
    teardown(&f);
}

static void test_freeze(void **state)
{
    (void)state;
    check_freeze("resnet18", (struct sk_recipe_words){3, "stem\0layer1\0layer1.0"},
                 (const char *const[]){"conv1.", "bn1.", "layer1.", NULL});
    /* the trained shortcut of a block whose other layers are frozen; gamma without beta */
    check_freeze("resnet18", (struct sk_recipe_words){6, "stem\0layer1\0layer2.0.conv1\0layer2.0.bn1\0layer2.0.conv2\0layer2.0.bn2"},
                 (const char *const[]){"conv1.", "bn1.", "layer1.", "layer2.0.conv", "layer2.0.bn", NULL});
    check_freeze("resnet18", (struct sk_recipe_words){2, "conv1\0bn1.weight"},
                 (const char *const[]){"conv1.", "bn1.weight", NULL});
    check_freeze("efficientnet_b0", (struct sk_recipe_words){2, "stem\0features.1"},
                 (const char *const[]){"features.0.", "features.1.", NULL});
}

static void test_freeze_refused(void **state)
{
    static const struct { struct sk_recipe_words words; const char *message; } bad[] = {
        {{1, "layer9"}, "train.freeze: no weight of the network has a name that begins with 'layer9'"},
        {{6, "stem\0layer1\0layer2\0layer3\0layer4\0fc"}, "train.freeze: nothing is left to train"},
        {{1, "layer2"}, "stands behind weights that are trained: only the first parts of a network can be frozen"},
    };
    (void)state;
    for (size_t i = 0; i < SK_COUNT(bad); i++) {
        struct fixture f;
        setup(&f, SK_PRECISION_FP32, "resnet18");
        f.net->recipe.train.freeze = bad[i].words;
        assert_error(sk_net_prepare(f.net, BATCH, true, &f.err), SK_INPUT, f.err, bad[i].message);
        teardown(&f);
    }
}

/* Labels are 0, 1, 2, 3, 4, 0. Weights of 2 for all change nothing; a class that weighs nothing is not learned from. */
static void test_class_weights(void **state)
{
    static const double same[] = {2, 2, 2, 2, 2}, only_first[] = {3, 0, 0, 0, 0};
    double loss[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        setup(&f, SK_PRECISION_FP32, "resnet18");
        if (i > 0)
            assert_ok(sk_net_weigh_classes(f.net, i == 1 ? same : only_first, CLASSES, &f.err), f.err);
        loss[i] = train(&f, i == 2 ? 40 : 3);
        assert_error(sk_net_weigh_classes(f.net, same, 4, &f.err), SK_INPUT, f.err, "expected a weight for each of 5 classes, got 4");
        teardown(&f);
    }
    assert_true(fabs(loss[0] - loss[1]) <= 1e-4 * loss[0]);
    assert_true(loss[2] < 1e-2);
}

/* The mean of mixed labels is over the samples: weights of 2 make twice the loss. */
static void test_mixed_class_weights(void **state)
{
    static const double twice[] = {2, 2, 2, 2, 2};
    static const struct sk_mix mix = {.lambda = 0.3f};
    double loss[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        setup(&f, SK_PRECISION_FP32, "resnet18");
        f.net->recipe.train.mixup_alpha = 1;
        f.net->recipe.train.accumulate = 2;
        f.batch.mix = &mix;
        if (i > 0)
            assert_ok(sk_net_weigh_classes(f.net, twice, CLASSES, &f.err), f.err);
        loss[i] = train(&f, 1);
        teardown(&f);
    }
    assert_true(loss[0] > 1 && fabs(loss[1] - 2 * loss[0]) <= 1e-5 * loss[0]);
}

/* A batch of such a class alone: nothing to learn, and no mean of nothing. */
static void test_weightless_batch(void **state)
{
    static const double others[] = {1, 0, 1, 1, 1};
    struct fixture f;
    (void)state;
    setup(&f, SK_PRECISION_FP32, "resnet18");
    assert_ok(sk_net_weigh_classes(f.net, others, CLASSES, &f.err), f.err);
    for (int i = 0; i < BATCH; i++)
        f.label[i] = 1;
    assert_true(train(&f, 2) == 0);
    assert_null(sk_net_not_finite(f.net));
    teardown(&f);
}

/* Parts of 4 and 2 samples: the loss is the mean over all, and the step the same for parts that are alike. */
static void test_parts(void **state)
{
    struct sk_net_result r;
    struct sk_step step = {.lr = 0.05};
    struct fixture f;
    (void)state;
    setup(&f, SK_PRECISION_FP32, "resnet18");
    f.net->recipe.train.accumulate = 2;
    f.net->recipe.train.batch = 8; /* parts of 4 */
    assert_ok(sk_net_train(f.net, &f.batch, &step, &r, NULL, &f.err), f.err);
    double all = 0;
    for (int i = 0; i < BATCH; i++) {
        const float *row = r.logits + i * CLASSES;
        double sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)row[k]);
        all += log(sum) - (double)row[f.label[i]];
    }
    assert_true(fabs(r.loss - all / BATCH) < 1e-5);
    assert_non_null(sk_net_plan(f.net, 8, true));
    teardown(&f);
}

/* Logits of the folded plan against the same network with its norms left as ops. */
static void test_folding(void **state)
{
    (void)state;
    struct fixture f;
    struct sk_net_result r;
    struct sk_graph g = {0};
    struct sk_plan *plan;
    struct sk_plan_options o = {0};
    struct sk_model_io io = {.batch = BATCH, .height = SIDE, .width = SIDE, .channels = 3, .pixel = SK_F32, .compute = SK_F32, .classes = CLASSES};
    struct sk_step step = {0};
    float plain[BATCH * CLASSES];
    int logits;
    setup(&f, SK_PRECISION_FP32, "resnet50");
    train(&f, 4);
    assert_ok(sk_net_eval(f.net, &f.batch, &r, &f.err), f.err);
    assert_ok(sk_model_build(&g, &f.recipe.model, &io, &logits, &f.err), f.err);
    g.tensor[logits].role = SK_ROLE_RESULT;
    assert_ok(sk_plan_new(&plan, f.engine, f.net->store, &g, &o, &f.err), f.err);
    assert_ok(sk_plan_run(plan, SK_PHASE_FORWARD, SK_PHASE_FORWARD, (const void *[]){f.pixels}, &step, NULL, &f.err), f.err);
    assert_ok(sk_plan_read(plan, logits, plain, sizeof plain, &f.err), f.err);
    float largest = 0;
    for (int i = 0; i < BATCH * CLASSES; i++)
        largest = fmaxf(largest, fabsf(plain[i]));
    for (int i = 0; i < BATCH * CLASSES; i++)
        if (!(fabsf(plain[i] - r.logits[i]) <= 2e-5f * largest))
            fail_msg("logit %d: %.7g folded, %.7g not (largest %.4g)", i, (double)r.logits[i], (double)plain[i], (double)largest);
    /* the folded plan must see new weights */
    train(&f, 1);
    float before = r.logits[0];
    assert_ok(sk_net_eval(f.net, &f.batch, &r, &f.err), f.err);
    assert_true(r.logits[0] != before);
    sk_plan_free(plan);
    teardown(&f);
}

/* The tensor's block of memory is that of op's output. */
static bool shares(const struct sk_plan *p, const struct sk_op *op, int tensor)
{
    return p->memory.tensor_block[op->out[0]] == p->memory.tensor_block[tensor];
}

/* In evaluation a block's last convolution writes over its residual; in training a block's gradient over the one it is added to. */
static void test_in_place(void **state)
{
    (void)state;
    struct fixture f;
    int residuals = 0, seconds = 0;
    setup(&f, SK_PRECISION_FP32, "resnet18");
    assert_ok(sk_net_prepare(f.net, BATCH, false, &f.err), f.err);
    assert_ok(sk_net_prepare(f.net, BATCH, true, &f.err), f.err);
    for (int train = 0; train < 2; train++) {
        const struct sk_plan *p = sk_net_plan(f.net, BATCH, train);
        const struct sk_graph *g = sk_plan_graph(p);
        for (size_t i = 0; i < g->op_count; i++) {
            const struct sk_op *op = &g->op[i];
            residuals += op->kind == SK_OP_CONV && op->attr.residual && shares(p, op, op->in[3]);
            seconds += op->attr.norm_grad && op->attr.second && shares(p, op, op->in[op->in_count - 1]);
        }
    }
    assert_int_equal(residuals, 8);
    assert_int_equal(seconds, 8);
    teardown(&f);
}

static void test_nan_and_cancel(void **state)
{
    (void)state;
    struct fixture f;
    struct sk_net_result r;
    struct sk_step step = {.lr = 0.05, .step = 2};
    atomic_bool cancel = true;
    size_t n, m;
    setup(&f, SK_PRECISION_FP32, "resnet18");
    train(&f, 2);
    float *before = snapshot(&f, &n);
    f.pixels[5] = NAN;
    assert_ok(sk_net_train(f.net, &f.batch, &step, &r, NULL, &f.err), f.err);
    assert_true(isnan(r.loss));
    assert_int_equal(sk_net_train(f.net, &f.batch, &step, &r, &cancel, &f.err), SK_CANCELLED);
    float *after = snapshot(&f, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n * sizeof *before);
    free(before), free(after);
    teardown(&f);
}

static void test_not_finite_is_found(void **state)
{
    (void)state;
    struct fixture f;
    const float bad[] = {NAN, -INFINITY};
    setup(&f, SK_PRECISION_FP32, "resnet18");
    train(&f, 1);
    assert_null(sk_net_not_finite(f.net));
    for (size_t i = 0; i < f.net->store->count; i++) { /* weights, statistics and optimizer state; the last element of each */
        const struct sk_store_entry *e = f.net->store->entry[i];
        float *last = (float *)e->data + sk_desc_count(&e->desc) - 1, kept = *last;
        *last = bad[i % 2];
        assert_string_equal(sk_net_not_finite(f.net), e->name);
        *last = kept;
    }
    assert_null(sk_net_not_finite(f.net));
    teardown(&f);
}

static void test_weights_round_trip(void **state)
{
    (void)state;
    struct fixture a, b;
    struct sk_safetensors st;
    size_t n, m;
    const char *path = test_path("net.safetensors"), *slots = test_path("slots.safetensors");
    setup(&a, SK_PRECISION_FP32, "resnet18");
    train(&a, 2);
    assert_ok(sk_net_save(a.net, path, 2, NULL, 0, &a.err), a.err);
    assert_ok(sk_net_save_state(a.net, slots, &a.err), a.err);
    setup(&b, SK_PRECISION_FP32, "resnet18");
    assert_ok(sk_st_open(&st, path, &b.err), b.err);
    assert_ok(sk_net_load(b.net, &st, path, &b.err), b.err);
    sk_st_close(&st);
    assert_ok(sk_st_open(&st, slots, &b.err), b.err);
    assert_ok(sk_net_load_state(b.net, &st, slots, &b.err), b.err);
    sk_st_close(&st);
    train(&a, 3);
    train(&b, 3);
    float *x = snapshot(&a, &n), *y = snapshot(&b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
    free(x), free(y);
    teardown(&a);
    setup(&a, SK_PRECISION_FP32, "resnet34");
    assert_ok(sk_st_open(&st, path, &a.err), a.err);
    assert_error(sk_net_load(a.net, &st, path, &a.err), SK_INPUT, a.err, "is missing");
    sk_st_close(&st);
    teardown(&a);
    teardown(&b);
}

static void test_too_large(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SK_PRECISION_FP32, "resnet18");
    assert_error(sk_net_prepare(f.net, 60000000, true, &f.err), SK_INPUT, f.err, "a batch of 60000000: ");
    assert_ok(sk_net_prepare(f.net, 4, true, &f.err), f.err);
    teardown(&f);
}

/* engine.recompute: less memory, the same weights. */
static void test_recompute(void **state)
{
    (void)state;
    struct fixture a, b;
    size_t n, m;
    setup(&a, SK_PRECISION_FP32, "resnet50");
    setup(&b, SK_PRECISION_FP32, "resnet50");
    b.net->recipe.engine.recompute = true;
    train(&a, 3);
    train(&b, 3);
    float *x = snapshot(&a, &n), *y = snapshot(&b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
    assert_true(sk_net_bytes(b.net) < sk_net_bytes(a.net));
    free(x), free(y);
    teardown(&a);
    teardown(&b);
}

/* The loss of a training step on a fresh network, and the gradient of its first weights. */
static double first_step(const float *pixels, int shift, const struct sk_mix *mix, float *grad, size_t count)
{
    struct fixture f;
    struct sk_net_result r;
    struct sk_step step = {.lr = 0.05, .seed = 3};
    int32_t label[BATCH];
    setup(&f, SK_PRECISION_FP32, "resnet18");
    sk_net_free(f.net);
    f.recipe.train.mixup_alpha = mix ? 1 : 0;
    struct sk_net_shape shape = {.height = SIDE, .width = SIDE, .channels = 3, .pixel = SK_F32, .classes = CLASSES};
    assert_ok(sk_net_new(&f.net, f.engine, &f.recipe, &shape, &f.err), f.err);
    sk_net_init(f.net, 7);
    sk_net_keep_gradients(f.net);
    for (int i = 0; i < BATCH; i++)
        label[i] = f.label[(i + BATCH - shift) % BATCH];
    f.batch = (struct sk_net_batch){BATCH, pixels ? pixels : f.pixels, label, mix};
    assert_ok(sk_net_train(f.net, &f.batch, &step, &r, NULL, &f.err), f.err);
    assert_ok(sk_net_gradient(f.net, "conv1.weight", grad, count, &f.err), f.err);
    assert_int_equal(sk_graph_find(sk_plan_graph(sk_net_plan(f.net, BATCH, true)), "mix") >= 0, mix != NULL);
    teardown(&f);
    return r.loss;
}

/* A mixed batch is one of mixed pictures, whose loss and gradients are those of both labels, weighed. */
static void test_mixed(void **state)
{
    enum { WEIGHTS = 16 * 3 * 9, PICTURE = SIDE * SIDE * 3 };
    static const struct sk_mix mixes[] = {{.lambda = 0.7f}, {0.625f, 4, 0, 12, 12}};
    static float pixels[PIXELS], mixed[WEIGHTS], own[WEIGHTS], other[WEIGHTS];
    (void)state;
    for (size_t m = 0; m < SK_COUNT(mixes); m++) {
        struct fixture f;
        float lambda = mixes[m].lambda, top = mixes[m].top, left = mixes[m].left, bottom = mixes[m].bottom, right = mixes[m].right;
        setup(&f, SK_PRECISION_FP32, "resnet18");
        for (int i = 0; i < PIXELS; i++) {
            float x = (float)(i / 3 % SIDE), y = (float)(i / 3 / SIDE % SIDE), p = f.pixels[i];
            float q = f.pixels[(i + PIXELS - PICTURE) % PIXELS];
            pixels[i] = bottom == 0 ? lambda * p + (1 - lambda) * q : y >= top && y < bottom && x >= left && x < right ? q : p;
        }
        teardown(&f);
        double a = first_step(pixels, 0, NULL, own, WEIGHTS), b = first_step(pixels, 1, NULL, other, WEIGHTS);
        double loss = first_step(NULL, 0, &mixes[m], mixed, WEIGHTS), share = (double)lambda;
        assert_true(fabs(a - b) > 0.01 && fabs(loss - share * a - (1 - share) * b) < 1e-5);
        for (int i = 0; i < WEIGHTS; i++)
            assert_true(fabs((double)mixed[i] - share * (double)own[i] - (1 - share) * (double)other[i]) < 1e-4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_learns), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_freeze),
        cmocka_unit_test(test_freeze_refused),
        cmocka_unit_test(test_class_weights),
        cmocka_unit_test(test_mixed_class_weights),
        cmocka_unit_test(test_weightless_batch),
        cmocka_unit_test(test_parts), cmocka_unit_test(test_recompute), cmocka_unit_test(test_folding),
                                       cmocka_unit_test(test_in_place),
                                       cmocka_unit_test(test_nan_and_cancel), cmocka_unit_test(test_not_finite_is_found),
                                       cmocka_unit_test(test_weights_round_trip),
                                       cmocka_unit_test(test_mixed), cmocka_unit_test(test_too_large)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Operations of a step against figures worked out by hand, kernels that do fewer, and the trace of a step. */
#include "test.h"

#include <math.h>

#include "exec/internal.h"

enum { BATCH = 2, CLASSES = 10, SIDE = 32, OPS = 1024 };

struct fixture {
    struct sk_engine *engine;
    struct sk_net *net;
    struct sk_recipe recipe;
    struct sk_err err;
    uint8_t pixels[BATCH * SIDE * SIDE * 3];
    int32_t label[BATCH];
};

static void setup(struct fixture *f, double width, enum sk_precision precision)
{
    struct sk_net_shape shape = {.height = SIDE, .width = SIDE, .channels = 3, .pixel = SK_U8, .classes = CLASSES};
    memset(f, 0, sizeof *f);
    sk_recipe_defaults(&f->recipe);
    strcpy(f->recipe.model.arch, "resnet18");
    f->recipe.model.stem = SK_STEM_CIFAR;
    f->recipe.model.width = width;
    f->recipe.engine.precision = precision;
    f->recipe.engine.winograd = SK_WINOGRAD_OFF;
    f->recipe.engine.threads = 2;
    assert_ok(sk_engine_open(&f->engine, &f->recipe.engine, &f->err), f->err);
    assert_ok(sk_net_new(&f->net, f->engine, &f->recipe, &shape, &f->err), f->err);
    sk_net_init(f->net, 1);
    assert_ok(sk_net_prepare(f->net, BATCH, true, &f->err), f->err);
    assert_ok(sk_net_prepare(f->net, BATCH, false, &f->err), f->err);
}

static void teardown(struct fixture *f)
{
    sk_net_free(f->net);
    sk_engine_close(f->engine);
}

/* Multiply-adds of ResNet-18 for a picture of 32x32x3 and 10 classes, layer by layer; c: channels of the first stage.
 */
static double macs_by_hand(double c, double *stem)
{
    double stage = 4 * (32 * 32 * c * c * 9); /* layer1: four 3x3 convolutions */
    *stem = 32 * 32 * c * 3 * 9;
    double all = *stem + stage;
    for (double side = 16, to = 2 * c; side >= 4; side /= 2, to *= 2) /* layer2 to layer4 */
        all += side * side * to * (to / 2 * 9 + 3 * to * 9 + to / 2); /* the first, three more, the shortcut */
    return all + 8 * c * CLASSES;
}

static void check_flops(double width, double macs)
{
    struct fixture f;
    double stem, forward = macs_by_hand(64 * width, &stem);
    if (macs > 0)
        assert_true(forward <= macs && forward >= macs);
    setup(&f, width, SK_PRECISION_FP32);
    struct sk_flops train = sk_plan_flops(sk_net_plan(f.net, BATCH, true));
    struct sk_flops infer = sk_plan_flops(sk_net_plan(f.net, BATCH, false));
    double want_train = 2 * BATCH * (3 * forward - stem), want_infer = 2 * BATCH * forward;
    if (fabs(train.direct - want_train) > 0.5 || fabs(infer.direct - want_infer) > 0.5)
        fail_msg("width %g: training %.0f, inference %.0f operations, expected %.0f and %.0f", width, train.direct,
                 infer.direct, want_train, want_infer);
    assert_true(fabs(train.actual - train.direct) < 0.5); /* no kernel saves any with winograd off */
    teardown(&f);
}

static void test_flops(void **state)
{
    (void)state;
    check_flops(1.0, 555422720); /* 0.5554 GMAC */
    check_flops(0.5, 0);
}

static void test_fewer(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, 0.25, SK_PRECISION_FP32);
    const struct sk_plan *p = sk_net_plan(f.net, BATCH, true);
    struct sk_flops before = sk_plan_flops(p);
    for (size_t i = 0; i < p->graph.op_count; i++) {
        p->op[i].choice.need.flops = 0;
        if (p->graph.op[i].kind == SK_OP_CONV_GRAD_DATA)
            p->op[i].choice.need.flops = sk_op_cost(&p->graph, &p->graph.op[i]).flops / 4;
        if (p->graph.op[i].kind == SK_OP_BATCH_NORM)
            p->op[i].choice.need.flops = 1e18; /* does not multiply: never counted */
    }
    double stem, forward = BATCH * macs_by_hand(16, &stem), fc = BATCH * 2.0 * 128 * CLASSES;
    struct sk_flops after = sk_plan_flops(p);
    double want = before.direct - 0.75 * (2 * forward - 2 * BATCH * stem - fc);
    assert_true(fabs(after.direct - before.direct) < 0.5);
    if (fabs(after.actual - want) > 0.5)
        fail_msg("%.0f operations, expected %.0f", after.actual, want);
    teardown(&f);
}

struct seen {
    const struct sk_plan *plan;
    int calls[OPS];
    size_t last;
};

static void see(void *context, const struct sk_plan *p, size_t op, double seconds)
{
    struct seen *s = context;
    assert_true(op < OPS && isfinite(seconds) && seconds >= 0);
    assert_true(s->plan != p || op > s->last); /* in order */
    s->plan = p;
    s->last = op;
    s->calls[op]++;
}

static void test_trace(void **state)
{
    struct fixture f;
    static struct seen seen;
    struct sk_trace trace = {see, &seen};
    struct sk_step step = {.lr = 0.01};
    struct sk_net_result r;
    (void)state;
    setup(&f, 0.25, SK_PRECISION_AUTO);
    struct sk_net_batch batch = {.count = BATCH, .pixels = f.pixels, .label = f.label};
    const struct sk_plan *p = sk_net_plan(f.net, BATCH, true), *e = sk_net_plan(f.net, BATCH, false);
    sk_engine_trace(f.engine, &trace);
    assert_ok(sk_net_train(f.net, &batch, &step, &r, NULL, &f.err), f.err);
    assert_ptr_equal(seen.plan, p);
    for (size_t i = 0; i < OPS; i++)
        assert_int_equal(seen.calls[i], i < sk_plan_graph(p)->op_count);
    memset(&seen, 0, sizeof seen);
    assert_ok(sk_net_eval(f.net, &batch, &r, &f.err), f.err);
    assert_ptr_equal(seen.plan, e);
    for (size_t i = 0; i < sk_plan_graph(e)->op_count; i++) /* preparing is no part of the step */
        assert_int_equal(seen.calls[i], sk_plan_graph(e)->op[i].phase != SK_PHASE_PREPARE);
    memset(&seen, 0, sizeof seen);
    sk_engine_trace(f.engine, NULL);
    assert_ok(sk_net_train(f.net, &batch, &step, &r, NULL, &f.err), f.err);
    assert_null(seen.plan);
    teardown(&f);
}

static void test_report(void **state)
{
    struct fixture f;
    struct sk_op_report r;
    struct sk_flops sum = {0};
    (void)state;
    setup(&f, 0.25, SK_PRECISION_FP32);
    const struct sk_plan *p = sk_net_plan(f.net, BATCH, true);
    for (size_t i = 0; i < sk_plan_graph(p)->op_count; i++) {
        const struct sk_op *op = &sk_plan_graph(p)->op[i];
        sk_plan_report(p, i, &r);
        sum.direct += r.flops.direct;
        assert_int_equal(r.phase, op->phase);
        assert_string_equal(r.name, op->name);
        assert_true(r.kernel[0] != '\0' && r.bytes > 0);
        if (strcmp(r.name, "conv1") == 0) { /* pixels in and out in float32, weights, statistics */
            assert_string_equal(r.kind, "conv");
            assert_int_equal(r.type, SK_F32);
            assert_true(fabs(r.bytes - 4.0 * (BATCH * SIDE * SIDE * (3 + 16) + 16 * 27 + 2 * 16)) < 0.5);
        }
    }
    assert_true(fabs(sum.direct - sk_plan_flops(p).direct) < 0.5);
    teardown(&f);
}

static void test_peak(void **state)
{
    struct fixture f;
    struct sk_peak first, again;
    (void)state;
    setup(&f, 0.25, SK_PRECISION_FP32);
    assert_ok(sk_engine_peak(f.engine, &first, &f.err), f.err);
    assert_ok(sk_engine_peak(f.engine, &again, &f.err), f.err);
    assert_true(isfinite(first.f32) && first.f32 > 0);
    assert_memory_equal(&first, &again, sizeof first); /* measured once */
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flops),  cmocka_unit_test(test_fewer), cmocka_unit_test(test_trace),
        cmocka_unit_test(test_report), cmocka_unit_test(test_peak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Parity with PyTorch: a stored trajectory (trajectory.py --width 0.125 --batch 16 --steps 6 --seed 3: a float64 run, and how far PyTorch's own
 * float32 runs drift from it) is run again; every loss, gradient and change must stay within 3 times that drift, with Winograd within 6.
 * SKUA_TRAJECTORY=DIR:WIDTH:BATCH runs another one. */
#include "test.h"

#include <jansson.h>
#include <math.h>

#include "exec/exec.h"


struct trajectory {
    char dir[SK_PATH];
    double width;
    int batch;
    enum sk_winograd winograd;
    double yardsticks; /* allowed */
    struct sk_npy images, labels;
    struct sk_safetensors init, grad, final;
    json_t *losses, *yardstick;
};

static const char *file_in(const char *dir, const char *name)
{
    static char path[SK_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void open_trajectory(struct trajectory *t, struct sk_err *err)
{
    char *given = getenv("SKUA_TRAJECTORY"), *colon = NULL;
    snprintf(t->dir, sizeof t->dir, "%s", given ? given : SKUA_TEST_DIR "/exec/trajectory");
    t->width = 0.125;
    t->batch = 16;
    if (given && (colon = strchr(t->dir, ':'))) {
        *colon = 0;
        assert_int_equal(sscanf(colon + 1, "%lf:%d", &t->width, &t->batch), 2);
    }
    assert_ok(sk_npy_open(&t->images, file_in(t->dir, "images.npy"), err), *err);
    assert_ok(sk_npy_open(&t->labels, file_in(t->dir, "labels.npy"), err), *err);
    assert_ok(sk_st_open(&t->init, file_in(t->dir, "init.safetensors"), err), *err);
    assert_ok(sk_st_open(&t->grad, file_in(t->dir, "grad.safetensors"), err), *err);
    assert_ok(sk_st_open(&t->final, file_in(t->dir, "final.safetensors"), err), *err);
    t->losses = json_load_file(file_in(t->dir, "losses.json"), 0, NULL);
    t->yardstick = json_load_file(file_in(t->dir, "yardstick.json"), 0, NULL);
    assert_non_null(t->losses);
    assert_non_null(t->yardstick);
}

static void close_trajectory(struct trajectory *t)
{
    sk_npy_close(&t->images);
    sk_npy_close(&t->labels);
    sk_st_close(&t->init);
    sk_st_close(&t->grad);
    sk_st_close(&t->final);
    json_decref(t->losses);
    json_decref(t->yardstick);
}

static float *values(const struct sk_st_tensor *t, size_t n)
{
    struct sk_err err = {0};
    float *out = calloc(n, sizeof *out);
    assert_ok(sk_st_to_f32(t, out, n, &err), err);
    return out;
}

/* |a - b| / |b - from| in L2; from may be NULL (zero). */
static double relative(const float *a, const float *b, const float *from, size_t n)
{
    double error = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - b[i], s = (double)b[i] - (from ? from[i] : 0);
        error += d * d, scale += s * s;
    }
    return sqrt(error) / sqrt(scale + 1e-60);
}

/* Compares one tensor and says how many yardsticks off it is. */
static double compare(const struct trajectory *t, const char *what, const char *name, const float *ours, const float *theirs,
                      const float *from, size_t n)
{
    double yard = json_real_value(json_object_get(json_object_get(t->yardstick, what), name));
    double off = relative(ours, theirs, from, n);
    if (!(off <= t->yardsticks * yard))
        fail_msg("%s of '%s': error %.3g, PyTorch's float32 drifts by %.3g", what, name, off, yard);
    return off / yard;
}

static double compare_gradients(const struct trajectory *t, struct sk_net *net)
{
    struct sk_err err = {0};
    double worst = 0;
    for (size_t i = 0; i < t->grad.count; i++) {
        size_t n = t->grad.tensor[i].bytes / 4;
        float *ours = calloc(n, 4), *theirs = values(&t->grad.tensor[i], n);
        assert_ok(sk_net_gradient(net, t->grad.tensor[i].name, ours, n, &err), err);
        worst = fmax(worst, compare(t, "gradient", t->grad.tensor[i].name, ours, theirs, NULL, n));
        free(ours), free(theirs);
    }
    return worst;
}

static double compare_changes(const struct trajectory *t, struct sk_net *net)
{
    struct sk_err err = {0};
    double worst = 0;
    for (size_t i = 0; i < t->final.count; i++) {
        const struct sk_st_tensor *f = &t->final.tensor[i];
        size_t n = f->bytes / 4;
        float *ours = calloc(n, 4), *theirs = values(f, n), *start = values(sk_st_find(&t->init, f->name), n);
        assert_ok(sk_store_read(sk_net_store(net), f->name, ours, n, &err), err);
        worst = fmax(worst, compare(t, "change", f->name, ours, theirs, start, n));
        free(ours), free(theirs), free(start);
    }
    return worst;
}

static void make_recipe(struct sk_recipe *r, const struct trajectory *t)
{
    sk_recipe_defaults(r);
    strcpy(r->model.arch, "resnet18");
    r->model.stem = SK_STEM_CIFAR;
    r->model.width = t->width;
    r->model.classes = 10;
    r->data.has_normalize = false;
    r->engine = (struct sk_recipe_engine){.precision = SK_PRECISION_FP32, .winograd = t->winograd, .tune = SK_TUNE_OFF};
    r->train.batch = t->batch;
    r->train.optimizer = (struct sk_recipe_optimizer){.name = SK_OPT_SGD, .lr = 0.005, .momentum = 0.9, .nesterov = true,
                                                      .weight_decay = 5e-4, .decay_norm_bias = true};
    r->train.label_smoothing = 0;
}

static void run_trajectory(enum sk_winograd winograd, double yardsticks)
{
    struct sk_err err = {0};
    struct trajectory t = {.winograd = winograd, .yardsticks = yardsticks};
    struct sk_recipe recipe;
    struct sk_engine *engine;
    struct sk_net *net;
    struct sk_net_shape shape = {.height = 32, .width = 32, .channels = 3, .pixel = SK_F32, .classes = 10};
    double worst_loss = 0, worst_gradient = 0;
    int32_t label[1024];
    open_trajectory(&t, &err);
    make_recipe(&recipe, &t);
    assert_ok(sk_engine_open(&engine, &recipe.engine, &err), err);
    assert_ok(sk_net_new(&net, engine, &recipe, &shape, &err), err);
    sk_net_init(net, 0);
    assert_ok(sk_net_load(net, &t.init, t.dir, &err), err);
    sk_net_keep_gradients(net);
    for (size_t s = 0; s < json_array_size(t.losses); s++) {
        struct sk_net_batch b = {.count = t.batch, .pixels = (const float *)t.images.data + s * (size_t)t.batch * 3072, .label = label};
        struct sk_step step = {.lr = 0.005, .step = (int64_t)s};
        struct sk_net_result r;
        for (int i = 0; i < t.batch; i++)
            label[i] = (int32_t)((const int64_t *)t.labels.data)[s * (size_t)t.batch + (size_t)i];
        assert_ok(sk_net_train(net, &b, &step, &r, NULL, &err), err);
        double want = json_real_value(json_array_get(t.losses, s));
        double yard = json_real_value(json_array_get(json_object_get(t.yardstick, "loss"), s)), off = fabs(r.loss - want) / want;
        if (!(off <= t.yardsticks * yard))
            fail_msg("loss of step %zu: %.9g, float64 has %.9g: error %.3g, PyTorch's float32 drifts by %.3g", s, r.loss, want, off, yard);
        worst_loss = fmax(worst_loss, off / yard);
        if (s == 0)
            worst_gradient = compare_gradients(&t, net);
    }
    print_message("in yardsticks (at most %.0f): loss %.2f, gradient %.2f, change %.2f\n", t.yardsticks, worst_loss, worst_gradient,
                  compare_changes(&t, net));
    sk_net_free(net);
    sk_engine_close(engine);
    close_trajectory(&t);
}

static void test_direct(void **state)
{
    (void)state;
    run_trajectory(SK_WINOGRAD_OFF, 3);
}

static void test_winograd(void **state)
{
    (void)state;
    run_trajectory(SK_WINOGRAD_SAFE, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_direct), cmocka_unit_test(test_winograd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

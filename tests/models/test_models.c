/* Models: parameter counts, shapes and names as torchvision has them. */
#include "test.h"

#include <math.h>

#include "models/models.h"

static void build(struct sk_graph *g, const char *arch, enum sk_stem stem, double width, int classes, int side, bool train)
{
    struct sk_err err = {0};
    struct sk_recipe r;
    struct sk_model_io io = {.batch = 1, .height = side, .width = side, .channels = 3, .pixel = SK_U8, .compute = SK_F32,
                             .classes = classes, .train = train};
    int logits;
    sk_recipe_defaults(&r);
    snprintf(r.model.arch, sizeof r.model.arch, "%s", arch);
    r.model.stem = stem;
    r.model.width = width;
    assert_ok(sk_model_build(g, &r.model, &io, &logits, &err), err);
    assert_ok(sk_graph_check(g, &err), err);
}

static void test_parameters(void **state)
{
    static const struct { const char *arch; enum sk_stem stem; double width; int classes, side; int64_t params; double gmacs; } want[] = {
        {"resnet18", SK_STEM_CIFAR, 1.0, 10, 32, 11173962, 0.5557},
        {"resnet18", SK_STEM_CIFAR, 0.5, 10, 32, 2797610, 0.13935},
        {"resnet18", SK_STEM_IMAGENET, 1.0, 1000, 224, 11689512, 1.814},
        {"resnet34", SK_STEM_IMAGENET, 1.0, 1000, 224, 21797672, 3.664},
        {"resnet50", SK_STEM_IMAGENET, 1.0, 1000, 224, 25557032, 4.089},
        {"resnet101", SK_STEM_IMAGENET, 1.0, 1000, 224, 44549160, 7.801},
        {"resnet152", SK_STEM_IMAGENET, 1.0, 1000, 224, 60192808, 11.514},
        {"wide_resnet50_2", SK_STEM_IMAGENET, 1.0, 1000, 224, 68883240, 11.398},
        {"wide_resnet101_2", SK_STEM_IMAGENET, 1.0, 1000, 224, 126886696, 22.753},
        {"resnext50_32x4d", SK_STEM_IMAGENET, 1.0, 1000, 224, 25028904, 4.230},
        {"resnext101_32x8d", SK_STEM_IMAGENET, 1.0, 1000, 224, 88791336, 16.414},
        {"efficientnet_b0", SK_STEM_IMAGENET, 1.0, 1000, 224, 5288548, 0.3858},
        {"efficientnet_b0", SK_STEM_IMAGENET, 0.7, 1000, 224, 2959584, 0.21865},
        {"efficientnet_b0", SK_STEM_IMAGENET, 0.25, 1000, 224, 646746, 0.047185},
        /* timm */
        {"seresnet18", SK_STEM_IMAGENET, 1.0, 1000, 224, 11779624, 1.8142},
        {"seresnet34", SK_STEM_IMAGENET, 1.0, 1000, 224, 21960416, 3.6639},
        {"seresnet50", SK_STEM_IMAGENET, 1.0, 1000, 224, 28088024, 4.0917},
        {"resnet18d", SK_STEM_IMAGENET, 1.0, 1000, 224, 11708744, 2.0537},
        {"resnet34d", SK_STEM_IMAGENET, 1.0, 1000, 224, 21816904, 3.9034},
        {"resnet50d", SK_STEM_IMAGENET, 1.0, 1000, 224, 25576264, 4.3288},
    };
    (void)state;
    for (size_t i = 0; i < SK_COUNT(want); i++) {
        struct sk_graph g = {0};
        build(&g, want[i].arch, want[i].stem, want[i].width, want[i].classes, want[i].side, true);
        struct sk_summary s = sk_graph_summary(&g);
        assert_int_equal(s.params, want[i].params);
        if (s.macs / 1e9 < want[i].gmacs * 0.999 || s.macs / 1e9 > want[i].gmacs * 1.001)
            fail_msg("%s: %.4f GMACs, expected %.4f", want[i].arch, s.macs / 1e9, want[i].gmacs);
        sk_graph_release(&g);
    }
}

static struct sk_recipe_model usual(void)
{
    struct sk_recipe r;
    sk_recipe_defaults(&r);
    return r.model;
}

static enum sk_code build_with(struct sk_graph *g, const struct sk_recipe_model *m, struct sk_err *err)
{
    struct sk_model_io io = {.batch = 2, .height = 32, .width = 32, .channels = 3, .pixel = SK_U8, .compute = SK_F32, .classes = 10, .train = true};
    int logits;
    enum sk_code code = sk_model_build(g, m, &io, &logits, err);
    return code == SK_OK ? sk_graph_check(g, err) : code;
}

static int64_t params_with(const struct sk_recipe_model *m)
{
    struct sk_graph g = {0};
    struct sk_err err = {0};
    assert_ok(build_with(&g, m, &err), err);
    int64_t params = sk_graph_summary(&g).params;
    sk_graph_release(&g);
    return params;
}

/* The CIFAR ResNet-18 has 9,600 parameters of norms, half of them shifts; its three skip convolutions 172,032 weights. */
static void test_variants(void **state)
{
    enum { PLAIN = 11173962, NORMS = 9600, SKIPS = 64 * 128 + 128 * 256 + 256 * 512, SKIP_NORMS = 2 * (128 + 256 + 512) };
    struct sk_recipe_model m = usual();
    (void)state;
    assert_int_equal(params_with(&m), PLAIN);
    m.norm = SK_NORM_GROUP;
    assert_int_equal(params_with(&m), PLAIN);
    m.norm = SK_NORM_NONE;
    assert_int_equal(params_with(&m), PLAIN - NORMS / 2);
    m = usual(), m.skip_kernel = 3;
    assert_int_equal(params_with(&m), PLAIN + 8 * SKIPS);
    m = usual(), m.residual = false;
    assert_int_equal(params_with(&m), PLAIN - SKIPS - SKIP_NORMS);
    m = usual(), m.pool = SK_POOL_MAX, m.drop_path = 0.2;
    assert_int_equal(params_with(&m), PLAIN);
}

/* Initial values without norms: zero at the end of a block and in the classifier, less than usual before it. */
static void test_damped(void **state)
{
    struct sk_recipe_model m = usual();
    struct sk_graph g = {0};
    struct sk_err err = {0};
    (void)state;
    m.norm = SK_NORM_NONE;
    assert_ok(build_with(&g, &m, &err), err);
    assert_true(g.tensor[sk_graph_find(&g, "conv1.weight")].damp == 0);
    assert_true(g.tensor[sk_graph_find(&g, "layer3.1.conv2.weight")].damp == 1);
    assert_true(g.tensor[sk_graph_find(&g, "fc.weight")].damp == 1);
    struct sk_tensor *t = &g.tensor[sk_graph_find(&g, "layer1.0.conv1.weight")];
    float usual_value[64 * 64 * 9], value[64 * 64 * 9];
    sk_model_init(t, 1, 2, value);
    t->damp = 0;
    sk_model_init(t, 1, 2, usual_value);
    assert_float_equal(value[7] / usual_value[7], 0.353553, 1e-5); /* 8 blocks ^ (-1/2) */
    sk_graph_release(&g);
    m.residual = false; /* nothing else would carry x on */
    assert_ok(build_with(&g, &m, &err), err);
    assert_true(g.tensor[sk_graph_find(&g, "layer3.1.conv2.weight")].damp == 0);
    sk_graph_release(&g);
    m.residual = true, strcpy(m.arch, "resnet50");
    assert_ok(build_with(&g, &m, &err), err);
    assert_float_equal(g.tensor[sk_graph_find(&g, "layer1.0.conv2.weight")].damp, 0.5, 1e-6); /* 1 - 16 ^ (-1/4) */
    assert_true(g.tensor[sk_graph_find(&g, "layer4.2.conv3.weight")].damp == 1);
    sk_graph_release(&g);
}

/* torchvision: convolutions normal, with the variance 2 / (channels out * kernel), linear layers uniform within
 * 1 / sqrt(features). */
static void test_initial(void **state)
{
    enum { OUT = 64, IN = 32, CONV = OUT * IN * 9, FEATURES = 100, LINEAR = 50 * FEATURES };
    struct sk_tensor conv = {.name = "c.weight", .desc = sk_desc_make(SK_F32, 4, (int64_t[]){OUT, IN, 3, 3})};
    struct sk_tensor linear = {.name = "l.weight", .desc = sk_desc_make(SK_F32, 2, (int64_t[]){50, FEATURES})};
    float value[CONV], most = 0;
    double square = 0;
    (void)state;
    sk_model_init(&conv, 3, 0, value);
    for (int i = 0; i < CONV; i++)
        square += (double)value[i] * (double)value[i];
    assert_true(fabs(square / CONV * (OUT * 9) / 2 - 1) < 0.05);
    sk_model_init(&linear, 3, 1, value);
    for (int i = 0; i < LINEAR; i++)
        most = fabsf(value[i]) > most ? fabsf(value[i]) : most;
    assert_true(most <= 0.1f && most > 0.0999f);
}

/* Whole samples, more often from block to block, each with draws of its own. */
static void test_drop_path(void **state)
{
    struct sk_recipe_model m = usual();
    struct sk_graph g = {0};
    struct sk_err err = {0};
    int drops = 0;
    (void)state;
    m.drop_path = 0.7, m.dropout = 0.5;
    assert_ok(build_with(&g, &m, &err), err);
    for (size_t i = 0; i < g.op_count; i++) {
        const struct sk_attr *a = &g.op[i].attr;
        if (g.op[i].kind != SK_OP_DROPOUT || !a->whole)
            continue;
        drops++; /* the first of eight blocks has none */
        assert_true(fabs(a->p - 0.1 * drops) < 1e-9);
        for (size_t k = 0; k < i; k++)
            assert_true(g.op[k].kind != SK_OP_DROPOUT || g.op[k].attr.salt != a->salt);
    }
    assert_int_equal(drops, 7);
    const struct sk_attr *a = &g.op[g.tensor[sk_graph_find(&g, "dropout")].producer].attr;
    assert_true(!a->whole && a->p == 0.5 && a->salt == 1);
    sk_graph_release(&g);
}

/* zero_init_residual: no shift and no other scale begins at zero, but the last scale of each of so many blocks. */
static void expect_zero_scales(const char *arch, const char *last, int blocks)
{
    struct sk_recipe_model m = usual();
    struct sk_graph g = {0};
    struct sk_err err = {0};
    int zeros = 0;
    strcpy(m.arch, arch);
    m.zero_init_residual = true;
    assert_ok(build_with(&g, &m, &err), err);
    for (size_t i = 0; i < g.tensor_count; i++) {
        float value[2048];
        bool scale = g.tensor[i].role == SK_ROLE_PARAM && g.tensor[i].desc.rank == 1 && strstr(g.tensor[i].name, ".weight");
        if (!scale)
            continue;
        sk_model_init(&g.tensor[i], 1, (int)i, value);
        assert_true(value[0] == (strncmp(g.tensor[i].name, "layer", 5) == 0 && strstr(g.tensor[i].name, last) ? 0 : 1));
        zeros += value[0] == 0;
    }
    assert_int_equal(zeros, blocks);
    sk_graph_release(&g);
}

static void test_zero_init(void **state)
{
    (void)state;
    expect_zero_scales("resnet18", ".bn2.weight", 8);
    expect_zero_scales("resnet50", ".bn3.weight", 16);
    expect_zero_scales("seresnet18", ".bn2.weight", 8);
}

static void refuse(struct sk_recipe_model m, const char *message)
{
    struct sk_graph g = {0};
    struct sk_err err = {0};
    assert_error(build_with(&g, &m, &err), SK_INPUT, err, message);
    sk_graph_release(&g);
}

static void test_refused(void **state)
{
    struct sk_recipe_model m = usual();
    (void)state;
    m.norm = SK_NORM_GROUP, m.width = 0.25;
    refuse(m, "model.norm_groups: the 16 channels of 'bn1' cannot be divided into 32 groups");
    m = usual(), m.skip_kernel = 2;
    refuse(m, "model.skip_kernel: expected an odd number, got 2");
    m = usual(), m.zero_init_residual = true, m.residual = false;
    refuse(m, "model.zero_init_residual: without skip connections");
    m = usual(), strcpy(m.arch, "efficientnet_b0"), m.zero_init_residual = true;
    refuse(m, "model.zero_init_residual: is for ResNets");
    m = usual(), strcpy(m.arch, "efficientnet_b0"), m.se = true;
    refuse(m, "model.se: efficientnet_b0 has squeeze-and-excitation");
    m = usual(), strcpy(m.arch, "efficientnet_b0"), m.norm = SK_NORM_NONE;
    refuse(m, "model.norm: efficientnet_b0 does not train without norms");
    m = usual(), strcpy(m.arch, "efficientnet_b0"), m.stem = SK_STEM_DEEP;
    refuse(m, "model.stem: deep is for ResNets");
}

static void expect_shape(const struct sk_graph *g, const char *name, int rank, const int64_t *dim)
{
    int t = sk_graph_find(g, name);
    if (t < 0)
        fail_msg("there is no tensor '%s'", name);
    assert_int_equal(g->tensor[t].desc.rank, rank);
    assert_memory_equal(g->tensor[t].desc.dim, dim, (size_t)rank * sizeof *dim);
}

static void test_names(void **state)
{
    struct sk_graph g = {0};
    (void)state;
    build(&g, "resnet50", SK_STEM_IMAGENET, 1.0, 1000, 224, false);
    expect_shape(&g, "conv1.weight", 4, (int64_t[]){64, 3, 7, 7});
    expect_shape(&g, "layer1.0.downsample.0.weight", 4, (int64_t[]){256, 64, 1, 1});
    expect_shape(&g, "layer4.2.bn3.running_var", 1, (int64_t[]){2048});
    expect_shape(&g, "layer2.0.conv2.weight", 4, (int64_t[]){128, 128, 3, 3});
    expect_shape(&g, "fc.weight", 2, (int64_t[]){1000, 2048});
    expect_shape(&g, "maxpool", 4, (int64_t[]){1, 56, 56, 64});
    sk_graph_release(&g);
}

static void test_bad(void **state)
{
    struct sk_err err = {0};
    struct sk_graph g = {0};
    struct sk_recipe r;
    struct sk_model_io io = {.batch = 1, .height = 2, .width = 2, .channels = 3, .pixel = SK_U8, .compute = SK_F32, .classes = 10};
    int logits;
    (void)state;
    sk_recipe_defaults(&r);
    strcpy(r.model.arch, "resnet81");
    assert_error(sk_model_build(&g, &r.model, &io, &logits, &err), SK_INPUT, err, "did you mean 'resnet");
    strcpy(r.model.arch, "resnet18");
    r.model.width = 1e-3;
    sk_graph_release(&g);
    assert_error(sk_model_build(&g, &r.model, &io, &logits, &err), SK_INPUT, err, "no channel");
    sk_graph_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parameters), cmocka_unit_test(test_names), cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_variants), cmocka_unit_test(test_damped), cmocka_unit_test(test_zero_init),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_initial), cmocka_unit_test(test_drop_path)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Models: parameter counts, shapes and names as torchvision has them. */
#include "test.h"

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parameters), cmocka_unit_test(test_names), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

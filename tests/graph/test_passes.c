/* Passes on real networks: what is fused and folded, that invariants hold, and that gradients reach every parameter. */
#include "test.h"

#include "models/models.h"

static int build(struct sk_graph *g, const char *arch, bool train, int batch)
{
    struct sk_err err = {0};
    struct sk_recipe r;
    struct sk_model_io io = {.batch = batch, .height = 64, .width = 64, .channels = 3, .pixel = SK_U8, .compute = SK_BF16,
                             .classes = 10, .train = train};
    struct sk_desc labels = sk_desc_make(SK_I32, 1, (int64_t[]){batch});
    int logits, label, loss;
    sk_recipe_defaults(&r);
    strcpy(r.model.arch, arch);
    r.model.stem = SK_STEM_IMAGENET;
    r.model.dropout = 0.5;
    assert_ok(sk_model_build(g, &r.model, &io, &logits, &err), err);
    assert_ok(sk_graph_tensor(g, "labels", SK_ROLE_INPUT, &labels, &label, &err), err);
    assert_ok(sk_graph_emit(g, SK_OP_LOSS, "loss", (int[]){logits, label}, 2, NULL, &loss, &err), err);
    g->tensor[loss].role = SK_ROLE_RESULT;
    return loss;
}

static int count(const struct sk_graph *g, enum sk_op_kind kind)
{
    int n = 0;
    for (size_t i = 0; i < g->op_count; i++)
        n += g->op[i].kind == kind;
    return n;
}

static void test_training(void **state)
{
    static const struct { const char *arch; int norms, blocks; } net[] = {{"resnet18", 20, 8}, {"resnet50", 53, 16}};
    struct sk_err err = {0};
    struct sk_recipe r;
    (void)state;
    sk_recipe_defaults(&r);
    for (size_t i = 0; i < SK_COUNT(net); i++) {
        struct sk_graph g = {0};
        int loss = build(&g, net[i].arch, true, 4);
        assert_ok(sk_pass_fuse_norm(&g, &err), err);
        assert_int_equal(count(&g, SK_OP_BATCH_NORM), net[i].norms);
        assert_int_equal(count(&g, SK_OP_RELU) + count(&g, SK_OP_ADD), 0);
        assert_ok(sk_graph_backward(&g, loss, &err), err);
        assert_int_equal(count(&g, SK_OP_BATCH_NORM_GRAD), net[i].norms);
        assert_int_equal(count(&g, SK_OP_CONV_GRAD_DATA), net[i].norms - 1); /* pixels want no gradient */
        assert_ok(sk_pass_fuse_grad_add(&g, &err), err);
        assert_true(count(&g, SK_OP_ADD) <= 1); /* the one in front of the max pooling */
        assert_ok(sk_graph_update(&g, &r.train.optimizer, 0.1, &err), err);
        assert_ok(sk_graph_check(&g, &err), err);
        for (size_t t = 0; t < g.tensor_count; t++)
            if (g.tensor[t].role == SK_ROLE_PARAM && g.tensor[t].grad < 0)
                fail_msg("%s: '%s' gets no gradient", net[i].arch, g.tensor[t].name);
        sk_graph_release(&g);
    }
}

static void test_inference(void **state)
{
    struct sk_err err = {0};
    struct sk_graph g = {0};
    (void)state;
    build(&g, "resnet50", false, 1);
    assert_int_equal(count(&g, SK_OP_DROPOUT), 0);
    assert_ok(sk_pass_fuse_norm(&g, &err), err);
    assert_ok(sk_pass_fold_norm(&g, &err), err);
    assert_ok(sk_graph_check(&g, &err), err);
    assert_int_equal(count(&g, SK_OP_FOLD_NORM), 53);
    assert_int_equal(count(&g, SK_OP_CONV), 53);
    assert_int_equal(count(&g, SK_OP_BATCH_NORM_INFER) + count(&g, SK_OP_RELU) + count(&g, SK_OP_ADD), 0);
    assert_int_equal(g.op[0].phase, SK_PHASE_PREPARE);
    sk_graph_release(&g);
}

/* Whatever allocation fails, building and passes end with NOMEM and nothing leaks (seen by the sanitizers). */
static void test_out_of_memory(void **state)
{
    struct sk_recipe r;
    struct sk_model_io io = {.batch = 2, .height = 32, .width = 32, .channels = 3, .pixel = SK_U8, .compute = SK_F32, .classes = 10, .train = true};
    (void)state;
    sk_recipe_defaults(&r);
    strcpy(r.model.arch, "resnet18");
    for (long fail = 1; fail < 100; fail++) {
        struct sk_graph g = {0};
        struct sk_err err = {0};
        int logits;
        sk_mem_fail_after(fail);
        enum sk_code code = sk_model_build(&g, &r.model, &io, &logits, &err);
        if (code == SK_OK)
            code = sk_pass_fuse_norm(&g, &err);
        sk_mem_fail_after(0);
        sk_graph_release(&g);
        if (code == SK_OK)
            return;
        assert_int_equal(code, SK_NOMEM);
    }
    fail_msg("it never succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_training), cmocka_unit_test(test_inference), cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

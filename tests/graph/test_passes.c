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
        assert_ok(sk_graph_update(&g, &r.train, 0.1, &err), err);
        assert_ok(sk_graph_check(&g, &err), err);
        for (size_t t = 0; t < g.tensor_count; t++)
            if (g.tensor[t].role == SK_ROLE_PARAM && g.tensor[t].grad < 0)
                fail_msg("%s: '%s' gets no gradient", net[i].arch, g.tensor[t].name);
        sk_graph_release(&g);
    }
}

/* Everything before the passes that fuse norms to convolutions. */
static void build_batch(struct sk_graph *g, const char *arch, int batch)
{
    struct sk_err err = {0};
    struct sk_recipe r;
    int loss = build(g, arch, true, batch);
    sk_recipe_defaults(&r);
    assert_ok(sk_pass_fuse_norm(g, &err), err);
    assert_ok(sk_graph_backward(g, loss, &err), err);
    assert_ok(sk_pass_fuse_grad_add(g, &err), err);
    assert_ok(sk_graph_update(g, &r.train, 0.1, &err), err);
}

static void build_training(struct sk_graph *g, const char *arch)
{
    build_batch(g, arch, 4);
}

static const struct sk_op *find(const struct sk_graph *g, const char *name)
{
    for (size_t i = 0; i < g->op_count; i++)
        if (strcmp(g->op[i].name, name) == 0)
            return &g->op[i];
    return NULL;
}

/* How many ops of a kind have these fused attributes and no others. */
static int count_fused(const struct sk_graph *g, enum sk_op_kind kind, const char *attributes)
{
    int n = 0;
    for (size_t i = 0; i < g->op_count; i++) {
        char text[64];
        sk_attr_fused(&g->op[i].attr, text, sizeof text);
        n += g->op[i].kind == kind && strcmp(text, attributes) == 0;
    }
    return n;
}

static int reads(const struct sk_graph *g, const char *tensor)
{
    return sk_graph_readers(g, sk_graph_find(g, tensor), NULL);
}

/* Counts that follow from the architecture: blocks, of which some have a shortcut with a norm of its own, and norms before a 3x3 of stride 1. */
static void test_fused_training(void **state)
{
    static const struct { const char *arch; int norms, blocks, shortcuts, loads, reduced; } net[] = {
        {"resnet18", 20, 8, 3, 8, 8 + 7}, {"resnet50", 53, 16, 4, 13, 2 * 16 + 15}};
    struct sk_err err = {0};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(net); i++) {
        struct sk_graph g = {0};
        build_training(&g, net[i].arch);
        assert_ok(sk_pass_conv_stats(&g, &err), err);
        assert_ok(sk_graph_check(&g, &err), err);
        assert_int_equal(count(&g, SK_OP_BATCH_NORM), 0);
        assert_int_equal(count_fused(&g, SK_OP_CONV, " stats"), net[i].norms);
        assert_ok(sk_pass_norm_on_load(&g, &err), err);
        assert_ok(sk_graph_check(&g, &err), err);
        assert_int_equal(count_fused(&g, SK_OP_CONV, " norm stats"), net[i].loads);
        assert_int_equal(count_fused(&g, SK_OP_CONV_GRAD_WEIGHT, " norm"), net[i].loads);
        assert_int_equal(count(&g, SK_OP_BATCH_NORM_INFER), net[i].norms - net[i].loads);
        assert_ok(sk_pass_norm_reduce(&g, &err), err);
        assert_ok(sk_graph_check(&g, &err), err);
        assert_int_equal(count_fused(&g, SK_OP_BATCH_NORM_GRAD, " reduced"), net[i].reduced);
        assert_int_equal(count_fused(&g, SK_OP_CONV_GRAD_DATA, " norm_grad second"), net[i].blocks - 1);
        assert_int_equal(count_fused(&g, SK_OP_CONV_GRAD_DATA, " norm_grad"), net[i].reduced - net[i].blocks + 1);
        assert_ok(sk_pass_norm_pair(&g, &err), err);
        assert_ok(sk_graph_check(&g, &err), err);
        assert_int_equal(count(&g, SK_OP_BATCH_NORM_INFER), net[i].norms - net[i].loads - net[i].shortcuts);
        assert_int_equal(count_fused(&g, SK_OP_BATCH_NORM_INFER, " residual_norm"), net[i].shortcuts);
        sk_graph_release(&g);
    }
}

/* One downsampling block: who reads and makes what. */
static void test_fused_block(void **state)
{
    struct sk_err err = {0};
    struct sk_graph g = {0};
    (void)state;
    build_training(&g, "resnet18");
    assert_ok(sk_pass_conv_stats(&g, &err), err);
    assert_ok(sk_pass_norm_on_load(&g, &err), err);
    assert_ok(sk_pass_norm_reduce(&g, &err), err);
    assert_ok(sk_pass_norm_pair(&g, &err), err);
    assert_null(find(&g, "layer2.0.bn1")); /* its output is not stored */
    assert_int_equal(reads(&g, "layer2.0.relu1"), 0);
    assert_null(find(&g, "layer2.0.downsample.1"));
    assert_int_equal(reads(&g, "layer2.0.downsample.1"), 0);
    const struct sk_op *grad = find(&g, "layer2.0.bn2.grad"), *shortcut = find(&g, "layer2.0.downsample.1.grad");
    const struct sk_op *next = find(&g, "layer2.1.conv1.grad_data"), *stats = find(&g, "layer2.0.bn2.running_stats");
    assert_int_equal(grad->in[0], next->out[0]);     /* the masked gradient goes to the norm before, */
    assert_int_equal(shortcut->in[0], next->out[0]); /* and is what the shortcut's norm gets */
    assert_false(shortcut->attr.reduced);
    assert_int_equal(g.tensor[sk_graph_find(&g, "layer2.0.bn2.weight")].grad, next->out[1]);
    assert_int_equal(g.tensor[sk_graph_find(&g, "layer2.0.bn2.bias")].grad, next->out[2]);
    assert_int_equal(stats->in[0], find(&g, "layer2.0.conv2")->out[1]);
    assert_int_equal(stats->in[1], find(&g, "layer2.0.conv2")->out[2]);
    const struct sk_op *first = find(&g, "layer2.0.conv1.grad_data"), *other = find(&g, "layer2.0.downsample.0.grad_data");
    assert_int_equal(first->in[first->in_count - 1], other->out[0]); /* the second contribution is the one made before */
    assert_false(other->attr.norm_grad);
    sk_graph_release(&g);
}

/* One more op that reads a tensor. */
static void add_reader(struct sk_graph *g, const char *tensor)
{
    struct sk_err err = {0};
    int out;
    assert_ok(sk_graph_emit(g, SK_OP_RELU, "reader", (int[]){sk_graph_find(g, tensor)}, 1, NULL, &out, &err), err);
}

/* What must stay as it is. */
static void test_not_fused(void **state)
{
    struct sk_err err = {0};
    struct sk_graph g = {0};
    (void)state;
    build_training(&g, "resnet18");
    struct sk_op *conv = (struct sk_op *)find(&g, "layer1.0.conv1");
    conv->attr.relu = true; /* statistics of what a ReLU has cut are others */
    assert_ok(sk_pass_conv_stats(&g, &err), err);
    assert_int_equal(count(&g, SK_OP_BATCH_NORM), 1);
    ((struct sk_op *)find(&g, "layer1.0.conv1"))->attr.relu = false;
    assert_ok(sk_pass_conv_stats(&g, &err), err);
    assert_int_equal(count_fused(&g, SK_OP_CONV, " stats"), 20);
    g.tensor[sk_graph_find(&g, "layer1.0.relu1")].role = SK_ROLE_RESULT; /* the caller reads these */
    g.tensor[sk_graph_find(&g, "layer1.0.conv2.grad_data")].role = SK_ROLE_RESULT;
    g.tensor[sk_graph_find(&g, "layer2.0.downsample.1")].role = SK_ROLE_RESULT;
    add_reader(&g, "layer1.1.conv2.grad_data");
    ((struct sk_op *)find(&g, "layer3.0.downsample.1"))->attr.eps *= 2;
    assert_ok(sk_pass_norm_on_load(&g, &err), err);
    assert_int_equal(count_fused(&g, SK_OP_CONV, " norm stats"), 7);
    assert_ok(sk_pass_norm_reduce(&g, &err), err);
    assert_int_equal(count_fused(&g, SK_OP_BATCH_NORM_GRAD, " reduced"), 13);
    assert_ok(sk_pass_norm_pair(&g, &err), err);
    assert_int_equal(count_fused(&g, SK_OP_BATCH_NORM_INFER, " residual_norm"), 1);
    sk_graph_release(&g);
}

/* ---- values made again ---- */
/* The most bytes of values that live at one time, by definition. */
static double peak(const struct sk_graph *g)
{
    double most = 0;
    for (int i = 0; i < (int)g->op_count; i++) {
        double live = 0;
        for (size_t t = 0; t < g->tensor_count; t++) {
            int made = g->tensor[t].role == SK_ROLE_VALUE ? g->tensor[t].producer : -1;
            if (made >= 0 && made <= i && sk_graph_last_use(g, (int)t) >= i)
                live += (double)sk_desc_bytes(&g->tensor[t].desc);
        }
        most = live > most ? live : most;
    }
    return most;
}

static bool is_copy(const struct sk_op *op)
{
    size_t n = strlen(op->name);
    return n > 6 && strcmp(op->name + n - 6, ".again") == 0;
}

static int first_reader(const struct sk_graph *g, int tensor)
{
    for (int i = 0; i < (int)g->op_count; i++)
        for (int k = 0; k < g->op[i].in_count; k++)
            if (g->op[i].in[k] == tensor)
                return i;
    return -1;
}

/* A copy does what its original does, from there on in the original's stead, and as late as can be. */
static void check_copy(const struct sk_graph *g, int index)
{
    const struct sk_op *copy = &g->op[index], *op;
    char name[SK_TENSOR_NAME];
    snprintf(name, sizeof name, "%.*s", (int)strlen(copy->name) - 6, copy->name);
    op = find(g, name);
    assert_non_null(op);
    assert_true(op->kind == copy->kind && op->in_count == copy->in_count && op->out_count == copy->out_count);
    assert_memory_equal(&op->attr, &copy->attr, sizeof op->attr);
    assert_true(op->phase == SK_PHASE_FORWARD && copy->phase == SK_PHASE_BACKWARD);
    assert_true(g->op[sk_graph_last_use(g, op->out[0])].phase == SK_PHASE_FORWARD);
    for (int k = 1; k < copy->out_count; k++)
        assert_int_equal(sk_graph_readers(g, copy->out[k], NULL), 0); /* statistics are the original's */
    int reader = first_reader(g, copy->out[0]);
    assert_true(reader > index);
    for (int i = index; i < reader; i++)
        assert_true(is_copy(&g->op[i]));
}

static void fuse(struct sk_graph *g)
{
    struct sk_err err = {0};
    assert_ok(sk_pass_conv_stats(g, &err), err);
    assert_ok(sk_pass_norm_on_load(g, &err), err);
    assert_ok(sk_pass_norm_reduce(g, &err), err);
    assert_ok(sk_pass_norm_pair(g, &err), err);
}

static void test_recompute(void **state)
{
    static const char *const arch[] = {"resnet18", "resnet50"};
    static const enum sk_recompute what[] = {SK_RECOMPUTE_NORMS, SK_RECOMPUTE_BLOCKS};
    static const double share[] = {0.95, 0.75}; /* of the peak that may be left */
    (void)state;
    for (size_t i = 0; i < 2 * SK_COUNT(arch); i++) {
        struct sk_err err = {0};
        struct sk_graph g = {0};
        int copies = 0;
        build_batch(&g, arch[i / 2], 4096);
        fuse(&g);
        double before = peak(&g);
        assert_ok(sk_pass_recompute(&g, what[i % 2], &err), err);
        assert_ok(sk_graph_check(&g, &err), err);
        for (int k = 0; k < (int)g.op_count; k++)
            if (is_copy(&g.op[k]))
                check_copy(&g, k), copies++;
        print_message("%s: %d copies, %.2f of the memory\n", arch[i / 2], copies, peak(&g) / before);
        assert_true(copies > 0 && peak(&g) < share[i % 2] * before);
        sk_graph_release(&g);
    }
}

/* What is made again and what is kept. */
static void test_recompute_which(void **state)
{
    struct sk_err err = {0};
    struct sk_graph g = {0};
    (void)state;
    build_batch(&g, "resnet18", 4096);
    fuse(&g);
    assert_ok(sk_pass_recompute(&g, SK_RECOMPUTE_NORMS, &err), err);
    assert_non_null(find(&g, "layer2.0.bn2.again")); /* a pair */
    assert_null(find(&g, "layer1.0.bn2.again"));     /* its residual may be none that is kept */
    assert_null(find(&g, "layer1.0.conv1.again"));
    sk_graph_release(&g);
    build_batch(&g, "resnet18", 4096);
    fuse(&g);
    g.tensor[sk_graph_find(&g, "layer1.1.conv1")].role = SK_ROLE_RESULT; /* the caller reads it */
    assert_ok(sk_pass_recompute(&g, SK_RECOMPUTE_BLOCKS, &err), err);
    assert_non_null(find(&g, "conv1.again"));
    assert_non_null(find(&g, "layer1.0.conv2.again"));
    assert_null(find(&g, "layer1.1.conv1.again"));
    assert_non_null(find(&g, "layer1.1.conv2.again"));
    assert_null(find(&g, "layer1.0.bn2.again"));   /* what ends a block */
    assert_null(find(&g, "layer4.1.conv1.again")); /* would save nothing */
    assert_null(find(&g, "dropout.again"));
    assert_int_equal(find(&g, "layer1.0.bn1.running_stats")->in[0], find(&g, "layer1.0.conv1")->out[1]);
    sk_graph_release(&g);
}

/* Where weights are all of the memory, nothing is made again. */
static void test_recompute_nothing(void **state)
{
    struct sk_err err = {0};
    struct sk_graph g = {0};
    (void)state;
    build_batch(&g, "resnet18", 1);
    fuse(&g);
    size_t ops = g.op_count;
    assert_ok(sk_pass_recompute(&g, SK_RECOMPUTE_BLOCKS, &err), err);
    assert_int_equal(g.op_count, ops);
    sk_graph_release(&g);
}

/* A fused op without what its attributes name is told from a good one. */
static void test_check_fused(void **state)
{
    static const char *const op[] = {"layer1.0.conv2", "layer1.0.conv2.grad_weight", "layer1.0.conv2.grad_data", "layer2.0.bn2",
                                     "layer1.0.bn1.grad"};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(op); i++) {
        struct sk_err err = {0};
        struct sk_graph g = {0};
        build_training(&g, "resnet18");
        assert_ok(sk_pass_conv_stats(&g, &err), err);
        assert_ok(sk_pass_norm_on_load(&g, &err), err);
        assert_ok(sk_pass_norm_reduce(&g, &err), err);
        assert_ok(sk_pass_norm_pair(&g, &err), err);
        ((struct sk_op *)find(&g, op[i]))->in_count--;
        assert_error(sk_graph_check(&g, &err), SK_INPUT, err, "inputs, its attributes ask for");
        ((struct sk_op *)find(&g, op[i]))->in_count++;
        ((struct sk_op *)find(&g, op[i]))->out_count++;
        err = (struct sk_err){0};
        assert_error(sk_graph_check(&g, &err), SK_INPUT, err, "outputs, its attributes ask for");
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

/* A convolution that another op reads is not what its norm would make of it. */
static void test_not_folded(void **state)
{
    struct sk_err err = {0};
    struct sk_graph g = {0};
    (void)state;
    build(&g, "resnet18", false, 1);
    assert_ok(sk_pass_fuse_norm(&g, &err), err);
    add_reader(&g, "layer1.0.conv1");
    assert_ok(sk_pass_fold_norm(&g, &err), err);
    assert_int_equal(count(&g, SK_OP_FOLD_NORM), 19);
    assert_int_equal(count(&g, SK_OP_BATCH_NORM_INFER), 1);
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
    for (long fail = 1; fail < 2000; fail++) {
        struct sk_graph g = {0};
        struct sk_err err = {0};
        int logits;
        sk_mem_fail_after(fail);
        enum sk_code code = sk_model_build(&g, &r.model, &io, &logits, &err);
        if (code == SK_OK)
            code = sk_pass_fuse_norm(&g, &err);
        if (code == SK_OK)
            code = sk_pass_conv_stats(&g, &err);
        if (code == SK_OK)
            code = sk_pass_norm_on_load(&g, &err);
        if (code == SK_OK)
            code = sk_pass_norm_reduce(&g, &err);
        if (code == SK_OK)
            code = sk_pass_norm_pair(&g, &err);
        if (code == SK_OK)
            code = sk_pass_recompute(&g, SK_RECOMPUTE_BLOCKS, &err);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_training),    cmocka_unit_test(test_fused_training), cmocka_unit_test(test_fused_block),
                                       cmocka_unit_test(test_not_fused),   cmocka_unit_test(test_check_fused),    cmocka_unit_test(test_inference),
                                       cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_recompute),   cmocka_unit_test(test_recompute_which),
                                       cmocka_unit_test(test_recompute_nothing), cmocka_unit_test(test_not_folded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The layers of a network: a row an op of its forward pass, and the totals. */
#include "cli/info_layers.h"

#include <jansson.h>
#include <stdlib.h>

#include "cli/cli.h"

struct layer {
    const char *name, *kind;
    char shape[64];
    int64_t params, bytes; /* bytes of the output, one picture */
    double macs;           /* one picture */
};

static enum sk_code build(struct sk_graph *g, const struct sk_recipe *r, const struct sk_net_shape *s,
                          enum sk_dtype compute, int64_t batch, bool train, struct sk_err *err)
{
    int logits;
    struct sk_model_io io = {.batch = batch,
                             .height = s->height,
                             .width = s->width,
                             .channels = s->channels,
                             .pixel = s->pixel,
                             .compute = compute,
                             .classes = s->classes,
                             .train = train};
    enum sk_code code = sk_model_build(g, &r->model, &io, &logits, err);
    return code == SK_OK ? sk_pass_fuse_norm(g, err) : code;
}

/* What training stores: norms fused to convolutions leave out their outputs. */
static enum sk_code fuse_training(struct sk_graph *g, const struct sk_recipe *r, struct sk_err *err)
{
    enum sk_code code = sk_pass_conv_stats(g, err);
    if (code == SK_OK && r->engine.winograd != SK_WINOGRAD_OFF)
        code = sk_pass_norm_on_load(g, err);
    return code == SK_OK ? sk_pass_norm_pair(g, err) : code;
}

static void shape_text(const struct sk_desc *d, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (int i = 1; i < d->rank && n < size; i++) /* without the batch */
        n += (size_t)snprintf(out + n, size - n, "%s%lld", i > 1 ? "x" : "", (long long)d->dim[i]);
}

static void describe(const struct sk_graph *g, const struct sk_op *op, struct layer *l)
{
    const struct sk_desc *out = &g->tensor[op->out[0]].desc;
    *l = (struct layer){.name = op->name, .kind = sk_op_info(op->kind)->name, .bytes = (int64_t)sk_desc_bytes(out)};
    shape_text(out, l->shape, sizeof(l->shape));
    for (int i = 0; i < op->in_count; i++)
        if (g->tensor[op->in[i]].role == SK_ROLE_PARAM)
            l->params += sk_desc_count(&g->tensor[op->in[i]].desc);
    if (op->kind == SK_OP_CONV || op->kind == SK_OP_LINEAR)
        l->macs = sk_op_cost(g, op).flops / 2;
}

static const char *number_or_none(double value, char out[32])
{
    return value > 0 ? sk_thousands((int64_t)value, out) : "";
}

static enum sk_code print_table(const struct sk_graph *g, struct sk_err *err)
{
    static const char *const heading[] = {"layer", "op", "output", "parameters", "MACs", "activation"};
    struct sk_table t = {.align = "lllrrr"};
    char a[32], b[32], c[32];
    for (size_t i = 0; i < SK_COUNT(heading); i++)
        sk_table_cell(&t, "%s", heading[i]);
    for (size_t i = 0; i < g->op_count; i++) {
        struct layer l;
        if (g->op[i].phase != SK_PHASE_FORWARD)
            continue;
        describe(g, &g->op[i], &l);
        sk_table_cell(&t, "%s", l.name);
        sk_table_cell(&t, "%s", l.kind);
        sk_table_cell(&t, "%s", l.shape);
        sk_table_cell(&t, "%s", number_or_none((double)l.params, a));
        sk_table_cell(&t, "%s", number_or_none(l.macs, b));
        sk_table_cell(&t, "%s", sk_bytes_text((double)l.bytes, c));
    }
    return sk_table_print(&t, err);
}

static json_t *layers_json(const struct sk_graph *g)
{
    json_t *array = json_array();
    for (size_t i = 0; i < g->op_count; i++) {
        struct layer l;
        if (g->op[i].phase != SK_PHASE_FORWARD)
            continue;
        describe(g, &g->op[i], &l);
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name", l.name, "op", l.kind, "output",
                                               l.shape, "params", (json_int_t)l.params, "macs", (json_int_t)l.macs,
                                               "activation_bytes", (json_int_t)l.bytes));
    }
    return array;
}

static enum sk_code print_json(const struct sk_graph *g, const struct sk_recipe *r, const struct sk_summary *one,
                               const struct sk_summary *batch, struct sk_err *err)
{
    json_t *object = json_pack("{s:s, s:I, s:I, s:I, s:i, s:I, s:o}", "arch", r->model.arch, "params",
                               (json_int_t)one->params, "macs", (json_int_t)one->macs, "activation_bytes",
                               (json_int_t)one->activation_bytes, "batch", r->train.batch, "training_activation_bytes",
                               (json_int_t)batch->activation_bytes, "layers", layers_json(g));
    return sk_print_json(object, "the layers", err);
}

static enum sk_code print_text(const struct sk_graph *g, const struct sk_recipe *r, const struct sk_net_shape *s,
                               const struct sk_summary *one, const struct sk_summary *batch, struct sk_err *err)
{
    char a[32], b[32];
    enum sk_code code = print_table(g, err);
    if (code != SK_OK)
        return code;
    sk_print("\n%s for %dx%dx%d, %d classes\n", r->model.arch, s->height, s->width, s->channels, s->classes);
    sk_print("parameters   %s (%s)\n", sk_thousands(one->params, a), sk_bytes_text(4 * (double)one->params, b));
    sk_print("MACs         %s a picture\n", sk_thousands((int64_t)one->macs, a));
    sk_print("activations  %s a picture, %s in training with batch %d\n",
             sk_bytes_text((double)one->activation_bytes, a), sk_bytes_text((double)batch->activation_bytes, b),
             r->train.batch);
    return SK_OK;
}

enum sk_code sk_info_layers(const struct sk_recipe *recipe, const struct sk_net_shape *shape, enum sk_dtype compute,
                            bool json, struct sk_err *err)
{
    struct sk_graph g = {0}, train = {0};
    enum sk_code code = build(&g, recipe, shape, compute, 1, false, err);
    if (code == SK_OK)
        code = build(&train, recipe, shape, compute, recipe->train.batch, true, err);
    if (code == SK_OK)
        code = fuse_training(&train, recipe, err);
    if (code == SK_OK) {
        struct sk_summary one = sk_graph_summary(&g), batch = sk_graph_summary(&train);
        code = json ? print_json(&g, recipe, &one, &batch, err) : print_text(&g, recipe, shape, &one, &batch, err);
    }
    sk_graph_release(&g);
    sk_graph_release(&train);
    return code;
}

/* The layers of a network: each op of its forward pass, and the totals. */
#include "report/report.h"

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

static void describe(const struct sk_graph *g, const struct sk_op *op, struct sk_layer *l)
{
    const struct sk_desc *out = &g->tensor[op->out[0]].desc;
    *l = (struct sk_layer){.name = op->name, .kind = sk_op_info(op->kind)->name, .bytes = (int64_t)sk_desc_bytes(out)};
    shape_text(out, l->shape, sizeof(l->shape));
    for (int i = 0; i < op->in_count; i++)
        if (g->tensor[op->in[i]].role == SK_ROLE_PARAM)
            l->params += sk_desc_count(&g->tensor[op->in[i]].desc);
    if (op->kind == SK_OP_CONV || op->kind == SK_OP_LINEAR)
        l->macs = sk_op_cost(g, op).flops / 2;
}

static enum sk_code list(struct sk_layers *l, struct sk_err *err)
{
    const struct sk_graph *g = &l->graph;
    l->layer = sk_alloc(g->op_count, sizeof(*l->layer), err);
    for (size_t i = 0; i < g->op_count && l->layer; i++)
        if (g->op[i].phase == SK_PHASE_FORWARD)
            describe(g, &g->op[i], &l->layer[l->count++]);
    return l->layer ? SK_OK : SK_NOMEM;
}

enum sk_code sk_layers_init(struct sk_layers *l, const struct sk_recipe *recipe, const struct sk_net_shape *shape,
                            enum sk_dtype compute, struct sk_err *err)
{
    struct sk_graph train = {0};
    *l = (struct sk_layers){0};
    enum sk_code code = build(&l->graph, recipe, shape, compute, 1, false, err);
    if (code == SK_OK)
        code = build(&train, recipe, shape, compute, recipe->train.batch, true, err);
    if (code == SK_OK)
        code = fuse_training(&train, recipe, err);
    if (code == SK_OK)
        code = list(l, err);
    if (code == SK_OK) {
        l->one = sk_graph_summary(&l->graph);
        l->training = sk_graph_summary(&train);
    } else {
        sk_layers_release(l);
    }
    sk_graph_release(&train);
    return code;
}

void sk_layers_release(struct sk_layers *l)
{
    sk_free(l->layer);
    sk_graph_release(&l->graph);
    *l = (struct sk_layers){0};
}

/* The end of a training step: running statistics, then one optimizer op for each parameter. */
#include <string.h>

#include "graph/graph.h"

static enum sk_code add(struct sk_graph *g, struct sk_op *op, const char *name, const char *suffix, struct sk_err *err)
{
    int index;
    enum sk_code code = sk_format(op->name, sizeof op->name, "an op's name", err, "%s.%s", name, suffix);
    return code != SK_OK ? code : sk_graph_op(g, op, &index, err);
}

/* "x.running_mean" and "x.running_var" belong to the batch norm whose gamma is "x.weight". */
static enum sk_code running_stats(struct sk_graph *g, const struct sk_op *norm, double momentum, struct sk_err *err)
{
    const struct sk_desc *x = &g->tensor[norm->in[0]].desc, *mean = &g->tensor[norm->out[1]].desc;
    char name[SK_TENSOR_NAME], stat[2][SK_TENSOR_NAME + 16];
    int id[2];
    strcpy(name, g->tensor[norm->in[1]].name);
    char *suffix = strstr(name, ".weight");
    if (!suffix)
        return sk_fail(err, SK_BUG, "the weight of norm '%s' is named '%s'", norm->name, name);
    *suffix = 0;
    snprintf(stat[0], sizeof stat[0], "%s.running_mean", name);
    snprintf(stat[1], sizeof stat[1], "%s.running_var", name);
    for (int i = 0; i < 2; i++) {
        id[i] = sk_graph_find(g, stat[i]);
        enum sk_code code = id[i] >= 0 ? SK_OK : sk_graph_tensor(g, stat[i], SK_ROLE_STATE, mean, &id[i], err);
        if (code != SK_OK)
            return code;
    }
    struct sk_op op = sk_op_make(SK_OP_RUNNING_STATS, SK_PHASE_UPDATE, (int[]){norm->out[1], norm->out[2], id[0], id[1]}, 4);
    op.out[0] = id[0], op.out[1] = id[1];
    op.attr.momentum = momentum;
    op.attr.dim[0] = sk_desc_count(x) / x->dim[x->rank - 1];
    return add(g, &op, name, "running_stats", err);
}

static enum sk_code slot(struct sk_graph *g, int param, const char *kind, int *id, struct sk_err *err)
{
    char name[SK_TENSOR_NAME];
    enum sk_code code = sk_format(name, sizeof name, "a slot's name", err, "optimizer.%s.%s", kind, g->tensor[param].name);
    return code != SK_OK ? code : sk_graph_tensor(g, name, SK_ROLE_SLOT, &g->tensor[param].desc, id, err);
}

static enum sk_code optimize(struct sk_graph *g, int param, const struct sk_recipe_optimizer *o, struct sk_err *err)
{
    bool sgd = o->name == SK_OPT_SGD, matrix = g->tensor[param].desc.rank > 1;
    struct sk_op op = sk_op_make(sgd ? SK_OP_SGD : SK_OP_ADAM, SK_PHASE_UPDATE, (int[]){param, g->tensor[param].grad}, 2);
    enum sk_code code = slot(g, param, sgd ? "momentum" : "mean", &op.in[2], err);
    if (code == SK_OK && !sgd)
        code = slot(g, param, "square", &op.in[3], err);
    if (code != SK_OK)
        return code;
    op.in_count = sgd ? 3 : 4;
    op.out_count = op.in_count - 1;
    op.out[0] = param, op.out[1] = op.in[2], op.out[2] = sgd ? -1 : op.in[3];
    op.attr.optim = (struct sk_attr_optim){.momentum = o->momentum, .beta1 = o->beta1, .beta2 = o->beta2, .eps = o->eps,
                                           .weight_decay = matrix || o->decay_norm_bias ? o->weight_decay : 0,
                                           .nesterov = o->nesterov, .decoupled = o->name == SK_OPT_ADAMW};
    return add(g, &op, g->tensor[param].name, "update", err);
}

enum sk_code sk_graph_update(struct sk_graph *g, const struct sk_recipe_optimizer *o, double bn_momentum, struct sk_err *err)
{
    size_t ops = g->op_count, tensors = g->tensor_count;
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < ops && code == SK_OK; i++) {
        struct sk_op op = g->op[i];
        if (op.kind == SK_OP_BATCH_NORM)
            code = running_stats(g, &op, bn_momentum, err);
    }
    for (size_t t = 0; t < tensors && code == SK_OK; t++)
        if (g->tensor[t].role == SK_ROLE_PARAM && g->tensor[t].grad >= 0)
            code = optimize(g, (int)t, o, err);
    return code;
}

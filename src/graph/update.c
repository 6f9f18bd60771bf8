/* The end of a training step: running statistics, sums over the parts of a batch, optimizer, averages. */
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
    const struct sk_desc x = g->tensor[norm->in[0]].desc, mean = g->tensor[norm->out[1]].desc;
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
        enum sk_code code = id[i] >= 0 ? SK_OK : sk_graph_tensor(g, stat[i], SK_ROLE_STATE, &mean, &id[i], err);
        if (code != SK_OK)
            return code;
    }
    struct sk_op op = sk_op_make(SK_OP_RUNNING_STATS, SK_PHASE_GATHER, (int[]){norm->out[1], norm->out[2], id[0], id[1]}, 4);
    op.out[0] = id[0], op.out[1] = id[1];
    op.attr.momentum = momentum;
    op.attr.dim[0] = sk_desc_count(&x) / x.dim[x.rank - 1];
    return add(g, &op, name, "running_stats", err);
}

/* A tensor KIND.NAME shaped as tensor t. */
static enum sk_code beside(struct sk_graph *g, int t, const char *kind, enum sk_role role, int *id, struct sk_err *err)
{
    char name[SK_TENSOR_NAME];
    struct sk_desc desc = g->tensor[t].desc; /* a copy: tensors move when one is added */
    enum sk_code code = sk_format(name, sizeof name, "a slot's name", err, "%s.%s", kind, g->tensor[t].name);
    return code != SK_OK ? code : sk_graph_tensor(g, name, role, &desc, id, err);
}

/* The gradient of the whole batch: the optimizer reads the sum instead of that of a part. */
static enum sk_code accumulate(struct sk_graph *g, int param, struct sk_err *err)
{
    struct sk_op op = sk_op_make(SK_OP_ACCUMULATE, SK_PHASE_GATHER, (int[]){g->tensor[param].grad, -1}, 2);
    enum sk_code code = beside(g, param, "gradient", SK_ROLE_SUM, &op.in[1], err);
    if (code != SK_OK)
        return code;
    g->tensor[param].grad = op.out[0] = op.in[1];
    return add(g, &op, g->tensor[param].name, "accumulate", err);
}

/* *sum: of the gradients before this one, -1: none. */
static enum sk_code square_sum(struct sk_graph *g, int param, int *sum, struct sk_err *err)
{
    struct sk_op op = sk_op_make(SK_OP_SQUARE_SUM, SK_PHASE_UPDATE, (int[]){g->tensor[param].grad, *sum}, *sum < 0 ? 1 : 2);
    enum sk_code code = add(g, &op, g->tensor[param].name, "square_sum", err);
    *sum = code == SK_OK ? g->op[g->op_count - 1].out[0] : -1;
    return code;
}

static struct sk_attr_optim attributes(const struct sk_recipe_optimizer *o, bool matrix)
{
    const struct sk_optimizer_info *own = sk_optimizer_info(o->name);
    double rho = o->rho < 0 ? own->rho : o->rho;
    bool large_batch = o->name == SK_OPT_LARS || o->name == SK_OPT_LAMB, decay = matrix || (o->decay_norm_bias && !large_batch);
    return (struct sk_attr_optim){.name = o->name,
                                  .momentum = o->momentum < 0 ? own->momentum : o->momentum,
                                  .dampening = o->name == SK_OPT_SGD ? o->dampening : 0,
                                  .weight_decay = decay ? o->weight_decay : 0,
                                  .beta1 = o->beta1,
                                  .beta2 = own->rho > 0 ? rho : o->beta2,
                                  .eps = o->eps < 0 ? own->eps : o->eps,
                                  .trust = !large_batch || !matrix ? 0 : o->name == SK_OPT_LAMB ? 1 : o->trust,
                                  .clip_norm = o->clip_norm,
                                  .clip_value = o->clip_value,
                                  .nesterov = o->nesterov && o->name == SK_OPT_SGD,
                                  .centered = o->centered,
                                  .decoupled = o->name == SK_OPT_ADAMW || (o->decoupled && !large_batch)};
}

/* norm: square sum of all gradients, or -1. */
static enum sk_code optimize(struct sk_graph *g, int param, const struct sk_recipe_optimizer *o, int norm, struct sk_err *err)
{
    const char *const *kind = sk_optimizer_info(o->name)->slot;
    struct sk_op op = sk_op_make(SK_OP_UPDATE, SK_PHASE_UPDATE, (int[]){param, g->tensor[param].grad}, 2);
    enum sk_code code = SK_OK;
    op.out[0] = param;
    op.out_count = 1;
    for (int i = 0; i < 3 && kind[i] && code == SK_OK; i++) {
        char name[SK_TENSOR_NAME];
        snprintf(name, sizeof name, "optimizer.%s", kind[i]);
        code = beside(g, param, name, SK_ROLE_SLOT, &op.in[op.in_count], err);
        op.out[op.out_count++] = op.in[op.in_count++];
    }
    if (code != SK_OK)
        return code;
    if (norm >= 0)
        op.in[op.in_count++] = norm;
    op.attr.optim = attributes(o, g->tensor[param].desc.rank > 1);
    return add(g, &op, g->tensor[param].name, "update", err);
}

static enum sk_code average(struct sk_graph *g, int t, double decay, struct sk_err *err)
{
    struct sk_op op = sk_op_make(SK_OP_AVERAGE, SK_PHASE_UPDATE, (int[]){t, -1}, 2);
    enum sk_code code = beside(g, t, "ema", SK_ROLE_SLOT, &op.in[1], err);
    op.out[0] = op.in[1];
    op.attr.momentum = decay;
    return code != SK_OK ? code : add(g, &op, g->tensor[t].name, "average", err);
}

static bool trained(const struct sk_tensor *t)
{
    return t->role == SK_ROLE_PARAM && t->grad >= 0;
}

static enum sk_code averages(struct sk_graph *g, size_t ops, double decay, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t t = 0, tensors = g->tensor_count; t < tensors && code == SK_OK; t++)
        if (trained(&g->tensor[t]))
            code = average(g, (int)t, decay, err);
    for (size_t i = ops; i < g->op_count && code == SK_OK; i++) {
        struct sk_op op = g->op[i];
        for (int k = 0; k < op.out_count && op.kind == SK_OP_RUNNING_STATS && code == SK_OK; k++)
            code = average(g, op.out[k], decay, err);
    }
    return code;
}

enum sk_code sk_graph_update(struct sk_graph *g, const struct sk_recipe_train *t, double bn_momentum, struct sk_err *err)
{
    size_t ops = g->op_count, tensors = g->tensor_count;
    enum sk_code code = SK_OK;
    int norm = -1;
    for (size_t i = 0; i < ops && code == SK_OK; i++) {
        struct sk_op op = g->op[i];
        if (op.kind == SK_OP_BATCH_NORM)
            code = running_stats(g, &op, bn_momentum, err);
    }
    for (size_t i = 0; i < tensors && code == SK_OK && t->accumulate > 1; i++)
        if (trained(&g->tensor[i]))
            code = accumulate(g, (int)i, err);
    for (size_t i = 0; i < tensors && code == SK_OK && t->optimizer.clip_norm > 0; i++)
        if (trained(&g->tensor[i]))
            code = square_sum(g, (int)i, &norm, err);
    for (size_t i = 0; i < tensors && code == SK_OK; i++)
        if (trained(&g->tensor[i]))
            code = optimize(g, (int)i, &t->optimizer, norm, err);
    return code == SK_OK && t->ema > 0 ? averages(g, ops, t->ema, err) : code;
}

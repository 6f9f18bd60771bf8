/* Pass for training: a batch norm with ReLU that only convolutions read is applied by them when they read its x; its
 * output is never stored. */
#include "graph/graph.h"

/* A 3x3 convolution of stride 1 without groups, or the gradient of its weights, that reads tensor t as x and has no norm yet. */
static bool reads_as_x(const struct sk_op *op, int t)
{
    if (op->attr.kernel != 3 || op->attr.stride != 1 || op->attr.groups > 1 || op->attr.norm)
        return false;
    if (op->kind == SK_OP_CONV)
        return op->in[0] == t && (!op->attr.residual || op->in[op->in_count - 1] != t);
    return op->kind == SK_OP_CONV_GRAD_WEIGHT && op->in[1] == t && op->in[0] != t;
}

static bool reads(const struct sk_op *op, int t)
{
    for (int k = 0; k < op->in_count; k++)
        if (op->in[k] == t)
            return true;
    return false;
}

static bool can_be_left(const struct sk_graph *g, const struct sk_op *norm)
{
    int y = norm->out[0], convs = 0;
    if (norm->kind != SK_OP_BATCH_NORM_INFER || !norm->attr.relu || norm->attr.residual ||
        g->tensor[y].role != SK_ROLE_VALUE)
        return false;
    for (size_t i = 0; i < g->op_count; i++) {
        if (!reads(&g->op[i], y))
            continue;
        if (!reads_as_x(&g->op[i], y))
            return false;
        convs += g->op[i].kind == SK_OP_CONV;
    }
    return convs > 0;
}

static void leave_to_readers(struct sk_graph *g, const struct sk_op *norm)
{
    for (size_t i = 0; i < g->op_count; i++) {
        struct sk_op *op = &g->op[i];
        if (!reads(op, norm->out[0]))
            continue;
        op->in[op->kind == SK_OP_CONV ? 0 : 1] = norm->in[0];
        for (int k = 1; k < 5; k++)
            op->in[op->in_count++] = norm->in[k];
        op->attr.norm = true;
        op->attr.eps = norm->attr.eps;
    }
}

enum sk_code sk_pass_norm_on_load(struct sk_graph *g, struct sk_err *err)
{
    bool *dead = sk_alloc(g->op_count + 1, sizeof *dead, err);
    if (!dead)
        return SK_NOMEM;
    for (size_t i = 0; i < g->op_count; i++) {
        if (!can_be_left(g, &g->op[i]))
            continue;
        const struct sk_op norm = g->op[i];
        leave_to_readers(g, &norm);
        dead[i] = true;
    }
    enum sk_code code = sk_graph_compact(g, dead, err);
    sk_free(dead);
    return code;
}

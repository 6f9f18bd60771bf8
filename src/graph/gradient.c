/* Reverse-mode differentiation: walks the forward ops backwards and lets the table's gradient rules emit ops. */
#include <stdlib.h>

#include "graph/graph.h"

enum sk_code sk_graph_add_grad(struct sk_graph *g, int t, int d, struct sk_err *err)
{
    int have = g->tensor[t].grad, index = -1;
    if (!g->tensor[t].wanted)
        return SK_OK;
    if (have < 0) {
        g->tensor[t].grad = d;
        return SK_OK;
    }
    struct sk_op op = sk_op_make(SK_OP_ADD, SK_PHASE_BACKWARD, (int[]){have, d}, 2);
    enum sk_code code = sk_format(op.name, sizeof op.name, "an op's name", err, "%s.grad_sum", g->tensor[t].name);
    if (code == SK_OK)
        code = sk_graph_op(g, &op, &index, err);
    if (code == SK_OK)
        g->tensor[t].grad = g->op[index].out[0];
    return code;
}

void sk_graph_mark_wanted(struct sk_graph *g)
{
    for (size_t t = 0; t < g->tensor_count; t++)
        g->tensor[t].wanted = g->tensor[t].role == SK_ROLE_PARAM;
    for (size_t i = 0; i < g->op_count; i++) {
        const struct sk_op *op = &g->op[i];
        bool any = false;
        for (int k = 0; k < op->in_count; k++)
            any |= g->tensor[op->in[k]].wanted;
        for (int k = 0; k < op->out_count && any; k++)
            g->tensor[op->out[k]].wanted = true;
    }
}

/* An op takes part when a gradient reaches one of its outputs. */
static bool reached(const struct sk_graph *g, const struct sk_op *op, int *dout)
{
    bool any = false;
    for (int i = 0; i < op->out_count; i++) {
        dout[i] = g->tensor[op->out[i]].grad;
        any |= dout[i] >= 0;
    }
    return any;
}

enum sk_code sk_graph_backward(struct sk_graph *g, int loss, struct sk_err *err)
{
    int last = g->tensor[loss].producer;
    if (last < 0 || g->op[last].kind != SK_OP_LOSS)
        return sk_fail(err, SK_BUG, "gradients must begin at a loss");
    sk_graph_mark_wanted(g);
    enum sk_code code = sk_op_info(SK_OP_LOSS)->grad(g, last, NULL, err);
    for (int i = last - 1; i >= 0 && code == SK_OK; i--) {
        const struct sk_op *op = &g->op[i];
        int dout[SK_OP_OUT];
        if (op->phase != SK_PHASE_FORWARD || !reached(g, op, dout))
            continue;
        if (!sk_op_info(op->kind)->grad)
            return sk_fail(err, SK_BUG, "op '%s' (%s) has no gradient", op->name, sk_op_info(op->kind)->name);
        code = sk_op_info(op->kind)->grad(g, i, dout, err);
    }
    return code;
}

/* Pass after differentiation: where two gradients are added just for a batch norm's gradient, that op takes both. */
#include "graph/graph.h"

static bool takes_two(const struct sk_graph *g, int add, int *reader)
{
    const struct sk_op *op = &g->op[add];
    if (op->kind != SK_OP_ADD || op->phase != SK_PHASE_BACKWARD)
        return false;
    sk_graph_readers(g, op->out[0], reader);
    if (*reader < 0)
        return false;
    const struct sk_op *norm = &g->op[*reader];
    return norm->kind == SK_OP_BATCH_NORM_GRAD && norm->in[0] == op->out[0] && !norm->attr.second;
}

enum sk_code sk_pass_fuse_grad_add(struct sk_graph *g, struct sk_err *err)
{
    bool *dead = sk_alloc(g->op_count + 1, sizeof *dead, err);
    int reader;
    if (!dead)
        return SK_NOMEM;
    for (size_t i = 0; i < g->op_count; i++) {
        if (!takes_two(g, (int)i, &reader))
            continue;
        struct sk_op *norm = &g->op[reader];
        norm->in[0] = g->op[i].in[0];
        norm->in[norm->in_count++] = g->op[i].in[1];
        norm->attr.second = true;
        dead[i] = true;
    }
    enum sk_code code = sk_graph_compact(g, dead, err);
    sk_free(dead);
    return code;
}

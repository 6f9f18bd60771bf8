/* Totals of a graph: parameters, multiply-adds of the forward pass, bytes of its activations. */
#include "graph/graph.h"

struct sk_summary sk_graph_summary(const struct sk_graph *g)
{
    struct sk_summary s = {0};
    for (size_t i = 0; i < g->tensor_count; i++)
        if (g->tensor[i].role == SK_ROLE_PARAM)
            s.params += sk_desc_count(&g->tensor[i].desc);
    for (size_t i = 0; i < g->op_count; i++) {
        const struct sk_op *op = &g->op[i];
        if (op->phase != SK_PHASE_FORWARD)
            continue;
        if (op->kind == SK_OP_CONV || op->kind == SK_OP_LINEAR)
            s.macs += sk_op_cost(g, op).flops / 2;
        s.activation_bytes += (int64_t)sk_desc_bytes(&g->tensor[op->out[0]].desc);
    }
    return s;
}

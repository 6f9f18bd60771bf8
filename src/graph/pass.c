/* What passes and the layout of memory share: who reads a tensor and how long, and dropping and reordering ops. */
#include <string.h>

#include "graph/graph.h"

int sk_graph_readers(const struct sk_graph *g, int tensor, int *only)
{
    int count = 0, reader = -1;
    for (size_t i = 0; i < g->op_count; i++)
        for (int k = 0; k < g->op[i].in_count; k++)
            if (g->op[i].in[k] == tensor)
                count++, reader = (int)i;
    if (g->tensor[tensor].role == SK_ROLE_RESULT)
        count++; /* the caller reads it too */
    if (only)
        *only = count == 1 ? reader : -1;
    return count;
}

int sk_graph_last_use(const struct sk_graph *g, int tensor)
{
    int last = g->tensor[tensor].producer;
    if (g->tensor[tensor].role == SK_ROLE_RESULT)
        return (int)g->op_count;
    for (size_t i = 0; i < g->op_count; i++)
        for (int k = 0; k < g->op[i].in_count; k++)
            if (g->op[i].in[k] == tensor && (int)i > last)
                last = (int)i;
    return last;
}

int sk_graph_takes_over(const struct sk_graph *g, int index, int k)
{
    const struct sk_op *op = &g->op[index];
    const struct sk_op_info *info = sk_op_info(op->kind);
    int i = info->in_place ? info->in_place(op, k) : -1;
    if (i < 0)
        return -1;
    int t = op->in[i], uses = 0;
    for (int j = 0; j < op->in_count; j++)
        uses += op->in[j] == t;
    if (uses != 1 || g->tensor[t].role != SK_ROLE_VALUE || sk_graph_last_use(g, t) != index)
        return -1;
    return sk_desc_bytes(&g->tensor[t].desc) == sk_desc_bytes(&g->tensor[op->out[k]].desc) ? t : -1;
}

enum sk_code sk_graph_compact(struct sk_graph *g, const bool *dead, struct sk_err *err)
{
    struct sk_op *op = sk_alloc(g->op_count ? g->op_count : 1, sizeof *op, err);
    size_t count = 0;
    if (!op)
        return SK_NOMEM;
    for (enum sk_phase phase = SK_PHASE_PREPARE; phase <= SK_PHASE_UPDATE; phase++)
        for (size_t i = 0; i < g->op_count; i++)
            if (g->op[i].phase == phase && !(dead && dead[i]))
                op[count++] = g->op[i];
    sk_free(g->op);
    g->op = op;
    g->op_cap = g->op_count;
    g->op_count = count;
    for (size_t t = 0; t < g->tensor_count; t++)
        g->tensor[t].producer = -1;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < op[i].out_count; k++) {
            struct sk_tensor *t = &g->tensor[op[i].out[k]];
            if (t->role == SK_ROLE_VALUE || t->role == SK_ROLE_RESULT || t->role == SK_ROLE_FROZEN)
                t->producer = (int)i;
        }
    return SK_OK;
}

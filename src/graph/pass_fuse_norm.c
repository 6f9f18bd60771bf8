/* Pass: batch norm + ReLU, and batch norm + add + ReLU (the end of a residual block), become one op. */
#include "graph/graph.h"

/* The only reader of tensor t when it is an op of this kind, else -1. */
static int only_reader(const struct sk_graph *g, int t, enum sk_op_kind kind)
{
    int reader;
    sk_graph_readers(g, t, &reader);
    return reader >= 0 && g->op[reader].kind == kind ? reader : -1;
}

static bool is_norm(const struct sk_op *op)
{
    return (op->kind == SK_OP_BATCH_NORM || op->kind == SK_OP_BATCH_NORM_INFER) && !op->attr.relu && !op->attr.residual;
}

static void fuse_relu(struct sk_graph *g, int norm, bool *dead)
{
    int relu = only_reader(g, g->op[norm].out[0], SK_OP_RELU);
    if (relu < 0)
        return;
    g->op[norm].attr.relu = true;
    g->op[norm].out[0] = g->op[relu].out[0];
    dead[relu] = true;
}

/* The fused op takes the place of the add, where the other operand is known to be made. */
static bool fuse_add_relu(struct sk_graph *g, int norm, bool *dead)
{
    int y = g->op[norm].out[0], add = only_reader(g, y, SK_OP_ADD), relu = add < 0 ? -1 : only_reader(g, g->op[add].out[0], SK_OP_RELU);
    if (relu < 0 || dead[add] || g->op[add].in[0] == g->op[add].in[1])
        return false;
    int other = g->op[add].in[g->op[add].in[0] == y];
    if (g->op[norm].kind == SK_OP_BATCH_NORM_INFER && g->tensor[other].wanted)
        return false; /* of frozen layers, which have no gradient: their sum with what is trained has one */
    struct sk_op fused = g->op[norm];
    fused.attr.relu = fused.attr.residual = true;
    fused.in[fused.in_count++] = other;
    fused.out[0] = g->op[relu].out[0];
    g->op[add] = fused;
    dead[norm] = dead[relu] = true;
    return true;
}

enum sk_code sk_pass_fuse_norm(struct sk_graph *g, struct sk_err *err)
{
    bool *dead = sk_alloc(g->op_count + 1, sizeof *dead, err);
    if (!dead)
        return SK_NOMEM;
    for (size_t i = 0; i < g->op_count; i++)
        if (!dead[i] && is_norm(&g->op[i]) && !fuse_add_relu(g, (int)i, dead))
            fuse_relu(g, (int)i, dead);
    enum sk_code code = sk_graph_compact(g, dead, err);
    sk_free(dead);
    return code;
}

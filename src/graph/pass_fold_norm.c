/* Pass for inference: a batch norm with running statistics is folded into the convolution before it; residual and ReLU go along. */
#include "graph/graph.h"

/* The convolution whose only reader is this norm, or -1. */
static int foldable_conv(const struct sk_graph *g, const struct sk_op *norm)
{
    int conv = g->tensor[norm->in[0]].producer, only;
    if (norm->kind != SK_OP_BATCH_NORM_INFER || conv < 0 || g->op[conv].kind != SK_OP_CONV)
        return -1;
    sk_graph_readers(g, norm->in[0], &only);
    return only >= 0 && !g->op[conv].attr.bias && !g->op[conv].attr.relu ? conv : -1;
}

static enum sk_code fold(struct sk_graph *g, int conv, int norm, struct sk_err *err)
{
    struct sk_op n = g->op[norm], fused = g->op[conv];
    struct sk_op make = sk_op_make(SK_OP_FOLD_NORM, SK_PHASE_PREPARE, (int[]){fused.in[1], n.in[1], n.in[2], n.in[3], n.in[4]}, 5);
    int index = -1;
    make.attr.eps = n.attr.eps;
    enum sk_code code = sk_format(make.name, sizeof make.name, "an op's name", err, "%s.folded", fused.name);
    if (code == SK_OK)
        code = sk_graph_op(g, &make, &index, err);
    if (code != SK_OK)
        return code;
    fused.in[1] = g->op[index].out[0];
    fused.in[2] = g->op[index].out[1];
    fused.in_count = 3;
    fused.attr.bias = true;
    fused.attr.relu = n.attr.relu;
    fused.attr.residual = n.attr.residual;
    if (n.attr.residual)
        fused.in[fused.in_count++] = n.in[n.in_count - 1];
    fused.out[0] = n.out[0];
    g->op[norm] = fused;
    return SK_OK;
}

enum sk_code sk_pass_fold_norm(struct sk_graph *g, struct sk_err *err)
{
    size_t ops = g->op_count;
    enum sk_code code = SK_OK;
    bool *dead = sk_alloc(2 * ops + 1, sizeof *dead, err); /* one more op at most for each */
    if (!dead)
        return SK_NOMEM;
    for (size_t i = 0; i < ops && code == SK_OK; i++) {
        int conv = foldable_conv(g, &g->op[i]);
        if (conv < 0)
            continue;
        code = fold(g, conv, (int)i, err);
        dead[conv] = true;
    }
    if (code == SK_OK)
        code = sk_graph_compact(g, dead, err);
    sk_free(dead);
    return code;
}

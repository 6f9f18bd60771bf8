/* Pass for training: where two batch norms are added (blocks with a convolution in their shortcut), one op does both.
 */
#include "graph/graph.h"

/* The norm whose output is this norm's residual and nothing else, or -1. */
static int shortcut(const struct sk_graph *g, const struct sk_op *norm)
{
    if (norm->kind != SK_OP_BATCH_NORM_INFER || !norm->attr.residual || norm->attr.residual_norm)
        return -1;
    int other = g->tensor[norm->in[5]].producer, only;
    if (other < 0 || g->op[other].kind != SK_OP_BATCH_NORM_INFER || g->tensor[norm->in[5]].role != SK_ROLE_VALUE)
        return -1;
    sk_graph_readers(g, norm->in[5], &only);
    const struct sk_attr *a = &g->op[other].attr;
    return only >= 0 && !a->relu && !a->residual && a->eps == norm->attr.eps ? other : -1;
}

enum sk_code sk_pass_norm_pair(struct sk_graph *g, struct sk_err *err)
{
    bool *dead = sk_alloc(g->op_count + 1, sizeof *dead, err);
    if (!dead)
        return SK_NOMEM;
    for (size_t i = 0; i < g->op_count; i++) {
        struct sk_op *norm = &g->op[i];
        int other = shortcut(g, norm);
        if (other < 0)
            continue;
        norm->in[5] = g->op[other].in[0];
        for (int k = 1; k < 5; k++)
            norm->in[norm->in_count++] = g->op[other].in[k];
        norm->attr.residual_norm = true;
        dead[other] = true;
    }
    enum sk_code code = sk_graph_compact(g, dead, err);
    sk_free(dead);
    return code;
}

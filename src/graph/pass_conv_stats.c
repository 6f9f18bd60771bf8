/* Pass for training: the convolution before a batch norm makes the norm's statistics while its output is at hand. */
#include "graph/graph.h"

/* The convolution that makes this norm's x and can make its statistics too, or NULL. */
static struct sk_op *conv_before(struct sk_graph *g, const struct sk_op *norm)
{
    int producer = g->tensor[norm->in[0]].producer;
    struct sk_op *conv = producer < 0 ? NULL : &g->op[producer];
    if (norm->kind != SK_OP_BATCH_NORM || !conv || conv->kind != SK_OP_CONV)
        return NULL;
    return conv->attr.bias || conv->attr.relu || conv->attr.residual || conv->attr.stats ? NULL : conv;
}

static void take_statistics(struct sk_op *conv, struct sk_op *norm)
{
    conv->attr.stats = true;
    conv->out[1] = norm->out[1], conv->out[2] = norm->out[2];
    conv->out_count = 3;
    norm->kind = SK_OP_BATCH_NORM_INFER;
    if (norm->attr.residual)
        norm->in[5] = norm->in[3];
    norm->in[3] = conv->out[1], norm->in[4] = conv->out[2];
    norm->in_count += 2;
    norm->out_count = 1;
}

enum sk_code sk_pass_conv_stats(struct sk_graph *g, struct sk_err *err)
{
    for (size_t i = 0; i < g->op_count; i++) {
        struct sk_op *conv = conv_before(g, &g->op[i]);
        if (conv)
            take_statistics(conv, &g->op[i]);
    }
    return sk_graph_compact(g, NULL, err);
}

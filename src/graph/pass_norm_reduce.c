/* Pass for training: the gradient of a batch norm and its ReLU is begun (mask and sums) by the convolution's gradient
 * that makes its dy. */
#include "graph/graph.h"

static int second_of(const struct sk_op *norm)
{
    return norm->attr.second ? norm->in[norm->in_count - 1] : -1;
}

/* Is the tensor made before this op, or by none? */
static bool known(const struct sk_graph *g, int tensor, int op)
{
    return g->tensor[tensor].producer < op;
}

/* The gradient of a convolution's data that makes tensor dy for this norm alone, when all else that the norm reads is
 * known by then; or -1. */
static int maker(const struct sk_graph *g, const struct sk_op *norm, int dy)
{
    int conv = dy < 0 ? -1 : g->tensor[dy].producer, only;
    if (conv < 0 || g->op[conv].kind != SK_OP_CONV_GRAD_DATA || g->op[conv].attr.norm_grad ||
        g->tensor[dy].role != SK_ROLE_VALUE)
        return -1;
    sk_graph_readers(g, dy, &only);
    for (int k = 0; k < norm->in_count && only >= 0; k++)
        if (norm->in[k] != dy && !known(g, norm->in[k], conv))
            return -1;
    return only >= 0 ? conv : -1;
}

/* What the norm's gradient read is appended to conv's inputs; other: the contribution that conv does not make, or -1.
 */
static void append_inputs(struct sk_op *conv, const struct sk_op *norm, int other)
{
    int plain = 6 + norm->attr.residual; /* dy, x, gamma, beta, mean, var[, y] */
    for (int k = 1; k < plain; k++)
        conv->in[conv->in_count++] = norm->in[k];
    if (other >= 0)
        conv->in[conv->in_count++] = other;
}

static void split(struct sk_op *conv, struct sk_op *norm)
{
    int dy = conv->out[0], second = second_of(norm), other = second == dy ? norm->in[0] : second;
    append_inputs(conv, norm, other);
    conv->attr.norm_grad = true;
    conv->attr.eps = norm->attr.eps;
    conv->attr.residual = norm->attr.residual;
    conv->attr.second = other >= 0;
    if (norm->attr.residual)
        conv->out[0] = norm->out[3]; /* what the residual gets is dz itself */
    conv->out[1] = norm->out[1], conv->out[2] = norm->out[2];
    conv->out_count = 3;
    const int in[] = {conv->out[0], norm->in[1], norm->in[2], norm->in[4], norm->in[5], conv->out[1], conv->out[2]};
    norm->in_count = 7;
    for (int k = 0; k < norm->in_count; k++)
        norm->in[k] = in[k];
    norm->out_count = 1;
    norm->attr.reduced = true;
    norm->attr.relu = norm->attr.residual = norm->attr.second = false;
}

enum sk_code sk_pass_norm_reduce(struct sk_graph *g, struct sk_err *err)
{
    for (size_t i = 0; i < g->op_count; i++) {
        struct sk_op *norm = &g->op[i];
        if (norm->kind != SK_OP_BATCH_NORM_GRAD || !norm->attr.relu || norm->attr.reduced)
            continue;
        int conv = maker(g, norm, second_of(norm));
        if (conv < 0)
            conv = maker(g, norm, norm->in[0]);
        if (conv >= 0)
            split(&g->op[conv], norm);
    }
    return sk_graph_compact(g, NULL, err);
}

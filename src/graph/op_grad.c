/* Gradient rules: each emits the ops that carry the gradient of an op's outputs back to its inputs. */
#include <string.h>

#include "graph/op_rules.h"

/* Emits a BACKWARD op named "<forward op>.<suffix>". */
static enum sk_code emit(struct sk_graph *g, int forward, const char *suffix, struct sk_op op, int *index, struct sk_err *err)
{
    enum sk_code code = sk_format(op.name, sizeof op.name, "an op's name", err, "%s.%s", g->op[forward].name, suffix);
    return code != SK_OK ? code : sk_graph_op(g, &op, index, err);
}

static bool wanted(const struct sk_graph *g, int tensor)
{
    return g->tensor[tensor].wanted;
}

static void copy_dims(struct sk_attr *attr, const struct sk_desc *d)
{
    memcpy(attr->dim, d->dim, sizeof attr->dim);
}

/* dx through a one-input one-output gradient op whose output has the forward input's shape. */
static enum sk_code pass_through(struct sk_graph *g, int op, struct sk_op grad, struct sk_err *err)
{
    int index = -1, x = g->op[op].in[0];
    if (!wanted(g, x))
        return SK_OK;
    grad.attr = g->op[op].attr;
    copy_dims(&grad.attr, &g->tensor[x].desc);
    enum sk_code code = emit(g, op, "grad", grad, &index, err);
    return code != SK_OK ? code : sk_graph_add_grad(g, x, g->op[index].out[0], err);
}

SK_GRAD_RULE(sk_grad_none)
{
    (void)g, (void)op, (void)dout, (void)err;
    return SK_OK;
}

static enum sk_code bias_grad(struct sk_graph *g, int op, int dy, struct sk_err *err)
{
    int index = -1, bias = g->op[op].in[2];
    enum sk_code code = emit(g, op, "grad_bias", sk_op_make(SK_OP_BIAS_GRAD, SK_PHASE_BACKWARD, &dy, 1), &index, err);
    return code != SK_OK ? code : sk_graph_add_grad(g, bias, g->op[index].out[0], err);
}

SK_GRAD_RULE(sk_grad_conv)
{
    int x = g->op[op].in[0], w = g->op[op].in[1], index = -1;
    struct sk_op grad = sk_op_make(SK_OP_CONV_GRAD_WEIGHT, SK_PHASE_BACKWARD, (int[]){dout[0], x}, 2);
    const struct sk_attr *a = &g->op[op].attr;
    if (a->relu || a->residual || a->norm || a->stats)
        return sk_fail(err, SK_BUG, "conv '%s' is fused and has no gradient", g->op[op].name);
    bool bias = a->bias;
    grad.attr = g->op[op].attr;
    grad.attr.bias = false;
    copy_dims(&grad.attr, &g->tensor[w].desc);
    enum sk_code code = emit(g, op, "grad_weight", grad, &index, err);
    if (code == SK_OK)
        code = sk_graph_add_grad(g, w, g->op[index].out[0], err);
    if (code == SK_OK && bias)
        code = bias_grad(g, op, dout[0], err);
    if (code != SK_OK || !wanted(g, x))
        return code;
    grad = sk_op_make(SK_OP_CONV_GRAD_DATA, SK_PHASE_BACKWARD, (int[]){dout[0], w}, 2);
    grad.attr = g->op[op].attr;
    grad.attr.bias = false;
    copy_dims(&grad.attr, &g->tensor[x].desc);
    code = emit(g, op, "grad_data", grad, &index, err);
    return code != SK_OK ? code : sk_graph_add_grad(g, x, g->op[index].out[0], err);
}

/* y is read only where the mask cannot be told from x: after a residual was added. */
SK_GRAD_RULE(sk_grad_batch_norm)
{
    struct sk_op f = g->op[op];
    struct sk_op grad = sk_op_make(SK_OP_BATCH_NORM_GRAD, SK_PHASE_BACKWARD,
                                   (int[]){dout[0], f.in[0], f.in[1], f.in[2], f.out[1], f.out[2]}, 6);
    int index = -1;
    if (f.attr.residual && f.attr.relu)
        grad.in[grad.in_count++] = f.out[0];
    grad.attr = f.attr;
    grad.out_count = f.attr.residual ? 4 : 3;
    enum sk_code code = emit(g, op, "grad", grad, &index, err);
    for (int i = 0; i < 3 && code == SK_OK; i++)
        code = sk_graph_add_grad(g, f.in[i], g->op[index].out[i], err);
    if (code == SK_OK && f.attr.residual)
        code = sk_graph_add_grad(g, f.in[3], g->op[index].out[3], err);
    return code;
}

SK_GRAD_RULE(sk_grad_relu)
{
    return pass_through(g, op, sk_op_make(SK_OP_RELU_GRAD, SK_PHASE_BACKWARD, (int[]){dout[0], g->op[op].out[0]}, 2), err);
}

SK_GRAD_RULE(sk_grad_add)
{
    int a = g->op[op].in[0], b = g->op[op].in[1];
    enum sk_code code = sk_graph_add_grad(g, a, dout[0], err);
    return code != SK_OK ? code : sk_graph_add_grad(g, b, dout[0], err);
}

SK_GRAD_RULE(sk_grad_max_pool)
{
    return pass_through(g, op, sk_op_make(SK_OP_MAX_POOL_GRAD, SK_PHASE_BACKWARD, (int[]){dout[0], g->op[op].out[1]}, 2), err);
}

SK_GRAD_RULE(sk_grad_avg_pool)
{
    return pass_through(g, op, sk_op_make(SK_OP_AVG_POOL_GRAD, SK_PHASE_BACKWARD, dout, 1), err);
}

SK_GRAD_RULE(sk_grad_dropout)
{
    return pass_through(g, op, sk_op_make(SK_OP_DROPOUT_GRAD, SK_PHASE_BACKWARD, dout, 1), err);
}

SK_GRAD_RULE(sk_grad_silu)
{
    return pass_through(g, op, sk_op_make(SK_OP_SILU_GRAD, SK_PHASE_BACKWARD, (int[]){dout[0], g->op[op].in[0]}, 2), err);
}

SK_GRAD_RULE(sk_grad_sigmoid)
{
    return pass_through(g, op, sk_op_make(SK_OP_SIGMOID_GRAD, SK_PHASE_BACKWARD, (int[]){dout[0], g->op[op].out[0]}, 2), err);
}

SK_GRAD_RULE(sk_grad_avg_window)
{
    return pass_through(g, op, sk_op_make(SK_OP_AVG_WINDOW_GRAD, SK_PHASE_BACKWARD, dout, 1), err);
}

SK_GRAD_RULE(sk_grad_max_all)
{
    return pass_through(g, op, sk_op_make(SK_OP_MAX_ALL_GRAD, SK_PHASE_BACKWARD, (int[]){dout[0], g->op[op].out[1]}, 2), err);
}

SK_GRAD_RULE(sk_grad_gate)
{
    int x = g->op[op].in[0], s = g->op[op].in[1], index = -1;
    struct sk_op grad = sk_op_make(SK_OP_GATE_GRAD, SK_PHASE_BACKWARD, (int[]){dout[0], x}, 2);
    enum sk_code code = emit(g, op, "grad_gate", grad, &index, err);
    if (code == SK_OK)
        code = sk_graph_add_grad(g, s, g->op[index].out[0], err);
    if (code != SK_OK || !wanted(g, x))
        return code;
    code = emit(g, op, "grad", sk_op_make(SK_OP_GATE, SK_PHASE_BACKWARD, (int[]){dout[0], s}, 2), &index, err);
    return code != SK_OK ? code : sk_graph_add_grad(g, x, g->op[index].out[0], err);
}

SK_GRAD_RULE(sk_grad_group_norm)
{
    struct sk_op f = g->op[op];
    struct sk_op grad = sk_op_make(SK_OP_GROUP_NORM_GRAD, SK_PHASE_BACKWARD,
                                   (int[]){dout[0], f.in[0], f.in[1], f.out[1], f.out[2]}, 5);
    int index = -1;
    grad.attr = f.attr;
    enum sk_code code = emit(g, op, "grad", grad, &index, err);
    for (int i = 0; i < 3 && code == SK_OK; i++)
        code = sk_graph_add_grad(g, f.in[i], g->op[index].out[i], err);
    return code;
}

SK_GRAD_RULE(sk_grad_linear)
{
    struct sk_op f = g->op[op], grad = sk_op_make(SK_OP_LINEAR_GRAD_WEIGHT, SK_PHASE_BACKWARD, (int[]){dout[0], f.in[0]}, 2);
    int index = -1;
    enum sk_code code = emit(g, op, "grad_weight", grad, &index, err);
    for (int i = 0; i < 2 && code == SK_OK; i++)
        code = sk_graph_add_grad(g, f.in[1 + i], g->op[index].out[i], err);
    if (code != SK_OK || !wanted(g, f.in[0]))
        return code;
    grad = sk_op_make(SK_OP_LINEAR_GRAD_DATA, SK_PHASE_BACKWARD, (int[]){dout[0], f.in[1]}, 2);
    grad.attr.dtype = g->tensor[f.in[0]].desc.dtype;
    code = emit(g, op, "grad_data", grad, &index, err);
    return code != SK_OK ? code : sk_graph_add_grad(g, f.in[0], g->op[index].out[0], err);
}

SK_GRAD_RULE(sk_grad_loss)
{
    struct sk_op f = g->op[op], grad = sk_op_make(SK_OP_LOSS_GRAD, SK_PHASE_BACKWARD, f.in, f.in_count);
    int index = -1;
    (void)dout; /* the loss is where gradients begin: its own is one */
    grad.attr = f.attr;
    enum sk_code code = emit(g, op, "grad", grad, &index, err);
    return code != SK_OK ? code : sk_graph_add_grad(g, f.in[0], g->op[index].out[0], err);
}

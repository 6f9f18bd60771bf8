/* The op table: one row an op. To add an op: a kind in graph.h, a row here, its rules, and a kernel in a backend. */
#include "graph/graph.h"

#include <assert.h>

#include "graph/op_rules.h"

/* Elementwise: output 0 over input 0. */
static int first(const struct sk_op *op, int out)
{
    (void)op;
    return out == 0 ? 0 : -1;
}

/* Output 0 over the residual: y of a convolution. */
static int over_residual(const struct sk_op *op, int out)
{
    return out == 0 && op->attr.residual ? 2 + op->attr.bias : -1;
}

/* y over the residual where there is one: x is read again by the gradient. */
static int norm_infer(const struct sk_op *op, int out)
{
    return out != 0 ? -1 : op->attr.residual ? 5 : 0;
}

/* dz over the second contribution. */
static int over_second(const struct sk_op *op, int out)
{
    return out == 0 && op->attr.norm_grad && op->attr.second ? op->in_count - 1 : -1;
}

/* The masked gradient goes to dresidual, which may lie over dy; dx may then lie over dy2, and over dy where no residual takes it. Reduced: dx
 * over dz. */
static int norm_grad(const struct sk_op *op, int out)
{
    if (op->attr.reduced)
        return 0;
    if (out == 3)
        return 0;
    if (out != 0)
        return -1;
    return op->attr.second ? op->in_count - 1 : op->attr.residual ? -1 : 0;
}

static const struct sk_op_info table[SK_OP_KINDS] = {
    /* kind                      name               in     out  shape                       flops              gradient           in place */
    [SK_OP_NORMALIZE]          = {SK_OP_NORMALIZE, "normalize", 1, 2, 1, sk_shape_normalize, NULL, sk_grad_none, NULL},
    [SK_OP_CONV]               = {SK_OP_CONV, "conv", 2, 8, 1, sk_shape_conv, sk_flops_conv, sk_grad_conv, over_residual},
    [SK_OP_CONV_GRAD_DATA]     = {SK_OP_CONV_GRAD_DATA, "conv_grad_data", 2, 9, 1, sk_shape_conv_grad_data, sk_flops_conv, NULL, over_second},
    [SK_OP_CONV_GRAD_WEIGHT]   = {SK_OP_CONV_GRAD_WEIGHT, "conv_grad_weight", 2, 6, 1, sk_shape_conv_grad_weight, sk_flops_conv, NULL, NULL},
    [SK_OP_BATCH_NORM]         = {SK_OP_BATCH_NORM, "batch_norm", 3, 4, 3, sk_shape_batch_norm, NULL, sk_grad_batch_norm, NULL},
    [SK_OP_BATCH_NORM_GRAD]    = {SK_OP_BATCH_NORM_GRAD, "batch_norm_grad", 6, 8, 3, sk_shape_batch_norm_grad, NULL, NULL, norm_grad},
    [SK_OP_BATCH_NORM_INFER]   = {SK_OP_BATCH_NORM_INFER, "batch_norm_infer", 5, 10, 1, sk_shape_batch_norm_infer, NULL, NULL, norm_infer},
    [SK_OP_RUNNING_STATS]      = {SK_OP_RUNNING_STATS, "running_stats", 4, 4, 2, sk_shape_running_stats, NULL, NULL, NULL},
    [SK_OP_FOLD_NORM]          = {SK_OP_FOLD_NORM, "fold_norm", 5, 5, 2, sk_shape_fold_norm, NULL, NULL, NULL},
    [SK_OP_RELU]               = {SK_OP_RELU, "relu", 1, 1, 1, sk_shape_same, NULL, sk_grad_relu, first},
    [SK_OP_RELU_GRAD]          = {SK_OP_RELU_GRAD, "relu_grad", 2, 2, 1, sk_shape_pair, NULL, NULL, first},
    [SK_OP_ADD]                = {SK_OP_ADD, "add", 2, 2, 1, sk_shape_pair, NULL, sk_grad_add, first},
    [SK_OP_MAX_POOL]           = {SK_OP_MAX_POOL, "max_pool", 1, 1, 2, sk_shape_max_pool, sk_flops_max_pool, sk_grad_max_pool, NULL},
    [SK_OP_MAX_POOL_GRAD]      = {SK_OP_MAX_POOL_GRAD, "max_pool_grad", 2, 2, 1, sk_shape_max_pool_grad, NULL, NULL, NULL},
    [SK_OP_AVG_POOL]           = {SK_OP_AVG_POOL, "avg_pool", 1, 1, 1, sk_shape_avg_pool, NULL, sk_grad_avg_pool, NULL},
    [SK_OP_AVG_POOL_GRAD]      = {SK_OP_AVG_POOL_GRAD, "avg_pool_grad", 1, 1, 1, sk_shape_avg_pool_grad, NULL, NULL, NULL},
    [SK_OP_DROPOUT]            = {SK_OP_DROPOUT, "dropout", 1, 1, 1, sk_shape_same, NULL, sk_grad_dropout, first},
    [SK_OP_DROPOUT_GRAD]       = {SK_OP_DROPOUT_GRAD, "dropout_grad", 1, 1, 1, sk_shape_same, NULL, NULL, first},
    [SK_OP_LINEAR]             = {SK_OP_LINEAR, "linear", 3, 3, 1, sk_shape_linear, sk_flops_linear, sk_grad_linear, NULL},
    [SK_OP_LINEAR_GRAD_DATA]   = {SK_OP_LINEAR_GRAD_DATA, "linear_grad_data", 2, 2, 1, sk_shape_linear_grad_data, sk_flops_linear, NULL, NULL},
    [SK_OP_LINEAR_GRAD_WEIGHT] = {SK_OP_LINEAR_GRAD_WEIGHT, "linear_grad_weight", 2, 2, 2, sk_shape_linear_grad_weight, sk_flops_linear, NULL, NULL},
    [SK_OP_LOSS]               = {SK_OP_LOSS, "loss", 2, 4, 1, sk_shape_loss, NULL, sk_grad_loss, NULL},
    [SK_OP_LOSS_GRAD]          = {SK_OP_LOSS_GRAD, "loss_grad", 2, 4, 1, sk_shape_loss_grad, NULL, NULL, NULL},
    [SK_OP_TOPK]               = {SK_OP_TOPK, "topk", 2, 3, 1, sk_shape_topk, NULL, NULL, NULL},
    [SK_OP_SOFTMAX]            = {SK_OP_SOFTMAX, "softmax", 1, 1, 1, sk_shape_softmax, NULL, NULL, NULL},
    [SK_OP_ACCUMULATE]         = {SK_OP_ACCUMULATE, "accumulate", 2, 2, 1, sk_shape_accumulate, NULL, NULL, NULL},
    [SK_OP_SQUARE_SUM]         = {SK_OP_SQUARE_SUM, "square_sum", 1, 2, 1, sk_shape_square_sum, NULL, NULL, NULL},
    [SK_OP_UPDATE]             = {SK_OP_UPDATE, "update", 3, 6, 2, sk_shape_update, NULL, NULL, NULL},
    [SK_OP_AVERAGE]            = {SK_OP_AVERAGE, "average", 2, 2, 1, sk_shape_accumulate, NULL, NULL, NULL},
    [SK_OP_BIAS_GRAD]          = {SK_OP_BIAS_GRAD, "bias_grad", 1, 1, 1, sk_shape_bias_grad, NULL, NULL, NULL},
    [SK_OP_GROUP_NORM]         = {SK_OP_GROUP_NORM, "group_norm", 3, 3, 3, sk_shape_group_norm, NULL, sk_grad_group_norm, NULL},
    [SK_OP_GROUP_NORM_GRAD]    = {SK_OP_GROUP_NORM_GRAD, "group_norm_grad", 5, 5, 3, sk_shape_group_norm_grad, NULL, NULL, first},
    [SK_OP_SILU]               = {SK_OP_SILU, "silu", 1, 1, 1, sk_shape_same, NULL, sk_grad_silu, first},
    [SK_OP_SILU_GRAD]          = {SK_OP_SILU_GRAD, "silu_grad", 2, 2, 1, sk_shape_pair, NULL, NULL, first},
    [SK_OP_SIGMOID]            = {SK_OP_SIGMOID, "sigmoid", 1, 1, 1, sk_shape_same, NULL, sk_grad_sigmoid, first},
    [SK_OP_SIGMOID_GRAD]       = {SK_OP_SIGMOID_GRAD, "sigmoid_grad", 2, 2, 1, sk_shape_pair, NULL, NULL, first},
    [SK_OP_GATE]               = {SK_OP_GATE, "gate", 2, 2, 1, sk_shape_gate, NULL, sk_grad_gate, first},
    [SK_OP_GATE_GRAD]          = {SK_OP_GATE_GRAD, "gate_grad", 2, 2, 1, sk_shape_gate_grad, NULL, NULL, NULL},
    [SK_OP_AVG_WINDOW]         = {SK_OP_AVG_WINDOW, "avg_window", 1, 1, 1, sk_shape_avg_window, sk_flops_max_pool, sk_grad_avg_window, NULL},
    [SK_OP_AVG_WINDOW_GRAD]    = {SK_OP_AVG_WINDOW_GRAD, "avg_window_grad", 1, 1, 1, sk_shape_of_attr, NULL, NULL, NULL},
    [SK_OP_MAX_ALL]            = {SK_OP_MAX_ALL, "max_all", 1, 1, 2, sk_shape_max_all, NULL, sk_grad_max_all, NULL},
    [SK_OP_MAX_ALL_GRAD]       = {SK_OP_MAX_ALL_GRAD, "max_all_grad", 2, 2, 1, sk_shape_of_attr, NULL, NULL, NULL},
};

const struct sk_op_info *sk_op_info(enum sk_op_kind kind)
{
    assert(kind >= 0 && kind < SK_OP_KINDS && table[kind].kind == kind);
    return &table[kind];
}

bool sk_op_multiplies(enum sk_op_kind kind)
{
    const struct sk_op_info *info = sk_op_info(kind);
    return info->flops == sk_flops_conv || info->flops == sk_flops_linear;
}

void sk_attr_fused(const struct sk_attr *attr, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s%s%s%s", attr->norm ? " norm" : "", attr->stats ? " stats" : "", attr->norm_grad ? " norm_grad" : "",
             attr->second ? " second" : "", attr->reduced ? " reduced" : "", attr->residual_norm ? " residual_norm" : "");
}

struct sk_cost sk_op_cost(const struct sk_graph *g, const struct sk_op *op)
{
    const struct sk_op_info *info = sk_op_info(op->kind);
    struct sk_cost cost = {0};
    for (int i = 0; i < op->in_count; i++)
        cost.bytes += (double)sk_desc_bytes(&g->tensor[op->in[i]].desc);
    for (int i = 0; i < op->out_count; i++)
        cost.bytes += (double)sk_desc_bytes(&g->tensor[op->out[i]].desc);
    cost.flops = info->flops ? info->flops(g, op) : (double)sk_desc_count(&g->tensor[op->out[0]].desc);
    return cost;
}

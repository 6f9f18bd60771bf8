/* Shape, cost and gradient rules of the ops; the table in op_table.c names them. Private to graph. */
#ifndef SKUA_GRAPH_OP_RULES_H
#define SKUA_GRAPH_OP_RULES_H

#include "graph/graph.h"

#define SK_SHAPE_RULE(name) \
    enum sk_code name(const struct sk_graph *g, const struct sk_op *op, struct sk_desc *out, struct sk_err *err)
#define SK_GRAD_RULE(name) enum sk_code name(struct sk_graph *g, int op, const int *dout, struct sk_err *err)
#define SK_FLOPS_RULE(name) double name(const struct sk_graph *g, const struct sk_op *op)

SK_SHAPE_RULE(sk_shape_normalize);
SK_SHAPE_RULE(sk_shape_conv);
SK_SHAPE_RULE(sk_shape_conv_grad_data);
SK_SHAPE_RULE(sk_shape_conv_grad_weight);
SK_SHAPE_RULE(sk_shape_batch_norm);
SK_SHAPE_RULE(sk_shape_batch_norm_grad);
SK_SHAPE_RULE(sk_shape_batch_norm_infer);
SK_SHAPE_RULE(sk_shape_running_stats);
SK_SHAPE_RULE(sk_shape_fold_norm);
SK_SHAPE_RULE(sk_shape_same);         /* output as input 0 */
SK_SHAPE_RULE(sk_shape_pair);         /* output as input 0, input 1 alike */
SK_SHAPE_RULE(sk_shape_max_pool);
SK_SHAPE_RULE(sk_shape_max_pool_grad);
SK_SHAPE_RULE(sk_shape_avg_pool);
SK_SHAPE_RULE(sk_shape_avg_pool_grad);
SK_SHAPE_RULE(sk_shape_linear);
SK_SHAPE_RULE(sk_shape_linear_grad_data);
SK_SHAPE_RULE(sk_shape_linear_grad_weight);
SK_SHAPE_RULE(sk_shape_loss);
SK_SHAPE_RULE(sk_shape_loss_grad);
SK_SHAPE_RULE(sk_shape_topk);
SK_SHAPE_RULE(sk_shape_softmax);
SK_SHAPE_RULE(sk_shape_accumulate);
SK_SHAPE_RULE(sk_shape_square_sum);
SK_SHAPE_RULE(sk_shape_update);       /* out: p and the slots, as the inputs but the gradient */

/* op_more.c */
SK_SHAPE_RULE(sk_shape_bias_grad);
SK_SHAPE_RULE(sk_shape_group_norm);
SK_SHAPE_RULE(sk_shape_group_norm_grad);
SK_SHAPE_RULE(sk_shape_gate);
SK_SHAPE_RULE(sk_shape_gate_grad);
SK_SHAPE_RULE(sk_shape_avg_window);
SK_SHAPE_RULE(sk_shape_of_attr);      /* output as attr.dim says, of input 0's type */
SK_SHAPE_RULE(sk_shape_max_all);

SK_FLOPS_RULE(sk_flops_conv);
SK_FLOPS_RULE(sk_flops_linear);
SK_FLOPS_RULE(sk_flops_max_pool);

SK_GRAD_RULE(sk_grad_conv);
SK_GRAD_RULE(sk_grad_batch_norm);
SK_GRAD_RULE(sk_grad_relu);
SK_GRAD_RULE(sk_grad_add);
SK_GRAD_RULE(sk_grad_max_pool);
SK_GRAD_RULE(sk_grad_avg_pool);
SK_GRAD_RULE(sk_grad_group_norm);
SK_GRAD_RULE(sk_grad_silu);
SK_GRAD_RULE(sk_grad_sigmoid);
SK_GRAD_RULE(sk_grad_gate);
SK_GRAD_RULE(sk_grad_avg_window);
SK_GRAD_RULE(sk_grad_max_all);
SK_GRAD_RULE(sk_grad_dropout);
SK_GRAD_RULE(sk_grad_linear);
SK_GRAD_RULE(sk_grad_loss);
SK_GRAD_RULE(sk_grad_none);           /* the op ends the gradient: nothing to train before it */

#endif

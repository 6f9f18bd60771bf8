/* Graph: what a network computes, as data. Tensors have shapes and types but no memory; an op is a row of one table.
 *
 * A training step is one graph: forward, loss, backward and optimizer update, seen alike by planner, profiler and tests. */
#ifndef SKUA_GRAPH_H
#define SKUA_GRAPH_H

#include "base/base.h"
#include "recipe/recipe.h"

enum { SK_DIMS = 4, SK_OP_IN = 10, SK_OP_OUT = 5, SK_TENSOR_NAME = 96 };

enum sk_dtype { SK_F32, SK_BF16, SK_U8, SK_I32 };
size_t sk_dtype_size(enum sk_dtype t);
const char *sk_dtype_name(enum sk_dtype t);

/* Activations: dims [N,H,W,C] or [N,C], dense in that order. Convolution weights: dims [O,I,H,W], dense. */
enum sk_layout { SK_LAYOUT_DENSE, SK_LAYOUT_BLOCKED };

struct sk_desc { /* what a tensor is */
    enum sk_dtype dtype;
    enum sk_layout layout;
    int rank;
    int64_t dim[SK_DIMS];
};
int64_t sk_desc_count(const struct sk_desc *d);  /* elements */
size_t sk_desc_bytes(const struct sk_desc *d);

enum sk_role {
    SK_ROLE_INPUT,   /* bound to the caller's memory at each run */
    SK_ROLE_PARAM,   /* trained; lives in the store, float32 */
    SK_ROLE_STATE,   /* running statistics; lives in the store */
    SK_ROLE_SLOT,    /* optimizer state, averages; lives in the store */
    SK_ROLE_SUM,     /* gradient summed over the parts of a batch; lives in the store, not saved */
    SK_ROLE_FROZEN,  /* made by a PREPARE op from params; lives with the plan */
    SK_ROLE_VALUE,   /* made and used within one step: arena */
    SK_ROLE_RESULT   /* made by a step, readable until the next: arena, kept */
};
struct sk_tensor {
    char name[SK_TENSOR_NAME]; /* params and state: torchvision's names */
    struct sk_desc desc;
    enum sk_role role;
    int producer;              /* op that makes it, -1 */
    int grad;                  /* tensor id of its gradient, -1 (filled by sk_graph_backward) */
    bool wanted;               /* its gradient is: a PARAM, or made from one (filled by sk_graph_backward) */
    float damp;                /* params: the usual initial value is multiplied by 1 - damp; below 0: it grows */
};

enum sk_op_kind {
    SK_OP_NORMALIZE,        /* x raw [N,H,W,C] u8|f32[, mix] -> y [N,H,W,C]:  (x * unit - mean) / std, unit 1/255 for u8 */
    SK_OP_CONV,             /* x, w[, bias][, residual] -> y[, mean, var]; attr stride, pad, groups, relu; y may lie over residual;
                             * attr stats, norm: see below */
    SK_OP_CONV_GRAD_DATA,   /* dy, w -> dx; attr norm_grad: see below */
    SK_OP_CONV_GRAD_WEIGHT, /* dy, x -> dw (f32); attr norm: see below */
    SK_OP_BATCH_NORM,       /* x, gamma, beta[, residual] -> y, mean, var (biased); attr eps, relu; batch statistics */
    SK_OP_BATCH_NORM_GRAD,  /* dy, x, gamma, beta, mean, var[, y][, dy2] -> dx, dgamma, dbeta[, dresidual]; y only with residual and relu;
                             * attr reduced: see below */
    SK_OP_BATCH_NORM_INFER, /* x, gamma, beta, mean, var[, residual] -> y; attr eps, relu; the statistics are given: running ones, or in
                             * training those that a conv made; attr residual_norm: see below */
    SK_OP_RUNNING_STATS,    /* mean, var, running mean, running var -> running mean, running var; attr momentum, count */
    SK_OP_FOLD_NORM,        /* w, gamma, beta, running mean, running var -> w', bias; attr eps (PREPARE) */
    SK_OP_RELU,             /* x -> y */
    SK_OP_RELU_GRAD,        /* dy, y -> dx */
    SK_OP_ADD,              /* a, b -> y */
    SK_OP_MAX_POOL,         /* x -> y, argmax (u8: kh * kernel + kw); attr kernel, stride, pad */
    SK_OP_MAX_POOL_GRAD,    /* dy, argmax -> dx; attr as forward, dim of dx */
    SK_OP_AVG_POOL,         /* x [N,H,W,C] -> y [N,C], mean over H and W; attr keep: y is [N,1,1,C] */
    SK_OP_AVG_POOL_GRAD,    /* dy [N,C] or [N,1,1,C] -> dx [N,H,W,C] */
    SK_OP_DROPOUT,          /* x -> y; attr p, salt; mask from (seed, step, salt, element), with attr whole from (seed, step, salt, sample) */
    SK_OP_DROPOUT_GRAD,     /* dy -> dx; the same mask again */
    SK_OP_LINEAR,           /* x [N,C], w [K,C] (f32), b [K] (f32) -> y [N,K] f32 */
    SK_OP_LINEAR_GRAD_DATA, /* dy f32, w -> dx */
    SK_OP_LINEAR_GRAD_WEIGHT, /* dy f32, x -> dw, db (f32) */
    SK_OP_LOSS,             /* logits f32 [N,K], labels i32 [N][, mix][, weights f32 [K]] -> loss f32 [1] mean cross-entropy; attr smoothing,
                             * weighted: there are weights. As PyTorch's: the mean is over the weights of the labels (0 where they are all
                             * 0), with a mix, whose targets are shares of classes, over the samples */
    SK_OP_LOSS_GRAD,        /* logits, labels[, mix][, weights] -> dlogits; attr smoothing, weighted */
    SK_OP_TOPK,             /* logits, labels[, mix] -> correct i32 [2]: how many have the label (mixed: that of the larger weight) at
                             * rank 1, within rank 5 */
    SK_OP_SOFTMAX,          /* logits [N,K] -> probabilities f32 */
    SK_OP_ACCUMULATE,       /* g, sum -> sum + share * g; the first part of a batch: share * g; share from the step */
    SK_OP_SQUARE_SUM,       /* g[, sum] -> sum + sum g^2: f32 [2], the value and what rounding it lost */
    SK_OP_UPDATE,           /* p, g, slots[, square sum of all gradients] -> p, slots; attr optim; lr from the step */
    SK_OP_AVERAGE,          /* p, e -> d e + (1 - d) p, d = least of attr.momentum and t / (t + 9) with t updates before */
    SK_OP_BIAS_GRAD,        /* dy [...,C] -> db f32 [C], the sum over all rows */
    SK_OP_GROUP_NORM,       /* x [N,H,W,C], gamma, beta -> y, mean, var f32 [N,groups] (biased); attr groups (of C / groups channels), eps */
    SK_OP_GROUP_NORM_GRAD,  /* dy, x, gamma, mean, var -> dx, dgamma, dbeta; attr as forward */
    SK_OP_SILU,             /* x -> y = x * sigmoid(x) */
    SK_OP_SILU_GRAD,        /* dy, x -> dx */
    SK_OP_SIGMOID,          /* x -> y */
    SK_OP_SIGMOID_GRAD,     /* dy, y -> dx */
    SK_OP_GATE,             /* x [N,H,W,C], s [N,1,1,C] -> y = x * s; the gradient of x is GATE of dy and s */
    SK_OP_GATE_GRAD,        /* dy, x -> ds [N,1,1,C], the sum of dy * x over H and W */
    SK_OP_AVG_WINDOW,       /* x [N,H,W,C] -> y [N,P,Q,C], P = ceil((H - kernel) / stride) + 1: means of what of a window lies in the
                             * picture; attr kernel, stride */
    SK_OP_AVG_WINDOW_GRAD,  /* dy -> dx; attr as forward, dim of dx */
    SK_OP_MAX_ALL,          /* x [N,H,W,C] -> y [N,C], the largest over H and W; argmax i32 [N,C]: h * W + w of the first */
    SK_OP_MAX_ALL_GRAD,     /* dy, argmax -> dx; attr dim of dx */
    SK_OP_KINDS
};
/* MixUp (Zhang et al. 2018) or CutMix (Yun et al. 2019) of a batch: the input "mix", f32 [SK_MIX_VALUES], of the ops that take one.
 * Sample i is mixed with sample i - 1, the first with the last. Its target is lambda of its own label and the rest of the other's, smoothed
 * after that. With a box (its area is above 0) its pixels in rows top to below bottom, columns left to below right are the other's;
 * without, all are lambda of its own and the rest of the other's. */
struct sk_mix { float lambda, top, left, bottom, right; };
enum { SK_MIX_VALUES = 5 };

/* Batch norm fused into its neighbours in training (passes below). "Appended" inputs stand after all others of the op, in this order.
 *
 * CONV with attr.stats: outputs y, mean, var: the biased batch statistics of y as it is stored, float32 [K], by a method that loses no
 * digits (sums of squares of deviations, not of values); there is no bias, residual or relu then.
 *
 * CONV and CONV_GRAD_WEIGHT with attr.norm: x is stored as it was before its batch norm, and read as relu(gamma * (x - mean) /
 * sqrt(var + eps) + beta); padding stays zero. Appended: gamma, beta, mean, var; attr.eps. A kernel may use that value in float32 or
 * rounded to x's type (as one that makes the whole tensor in scratch does).
 *
 * CONV_GRAD_DATA with attr.norm_grad: with g the gradient of the data, that is of a = relu(bn(x)), or with attr.residual of a =
 * relu(bn(x) + residual), its outputs are dz, dgamma, dbeta: dz = g where the ReLU lets pass, else 0, stored in the type of the
 * activations; dbeta = sum dz, dgamma = sum dz (x - mean) / sqrt(var + eps), from dz before or after it was rounded. Appended: x, gamma,
 * beta, mean, var[, y][, second]. y = a is there with attr.residual: the mask is y > 0; else it is scale * x + shift > 0. second (with
 * attr.second) is a further contribution to g, added before the mask; dz may lie over it.
 *
 * BATCH_NORM_GRAD with attr.reduced: dz, x, gamma, mean, var, dgamma, dbeta -> dx: what is left to do after that. dx may lie over dz.
 *
 * BATCH_NORM_INFER with attr.residual_norm: the residual is stored as it was before a batch norm of its own (without ReLU, same eps).
 * Appended: gamma, beta, mean, var of that one. */
/* GATHER ends a part of a batch: running statistics, sums of gradients. UPDATE ends the batch. */
enum sk_phase { SK_PHASE_PREPARE, SK_PHASE_FORWARD, SK_PHASE_BACKWARD, SK_PHASE_GATHER, SK_PHASE_UPDATE };

struct sk_attr {
    int kernel, stride, pad, groups;   /* groups of a conv: as of w [O,I/groups,H,W]; 0 is 1 */
    bool keep, whole;
    bool relu, bias, residual, second; /* second: BATCH_NORM_GRAD takes dy2 */
    bool weighted;                     /* loss: the last input holds weights of the classes */
    bool stats, norm, norm_grad, reduced, residual_norm; /* see above */
    double eps, momentum, p, smoothing;
    int64_t dim[SK_DIMS];              /* shape of the output where inputs do not tell it (gradients of conv, pools) */
    enum sk_dtype dtype;               /* type of the output where inputs do not tell it (normalize, linear_grad_data) */
    int salt;                          /* dropout: tells several of one network apart */
    double mean[SK_MAX_CHANNELS], std[SK_MAX_CHANNELS];
    struct sk_attr_optim {
        enum sk_optimizer name;
        double momentum, dampening, weight_decay, beta1, beta2, eps, trust; /* beta2: also rho; trust 0: no ratio */
        double clip_norm, clip_value;                                       /* 0: none */
        bool nesterov, centered, decoupled;
    } optim;
};
struct sk_op {
    enum sk_op_kind kind;
    enum sk_phase phase;
    int in_count, out_count, in[SK_OP_IN], out[SK_OP_OUT];
    struct sk_attr attr;
    char name[SK_TENSOR_NAME]; /* "layer1.0.conv1", gradients "layer1.0.conv1.grad_data" */
};
struct sk_graph { /* ops are in an order that can be executed */
    struct sk_tensor *tensor;
    struct sk_op *op;
    size_t tensor_count, tensor_cap, op_count, op_cap;
};

/* ---- the op table (op_table.c) ---- */
struct sk_cost { double flops, bytes; };
struct sk_op_info {
    enum sk_op_kind kind;
    const char *name;
    int in_min, in_max, out_count; /* out_count: unless attributes or a residual add some */
    /* Checks inputs and gives the descriptor of every output (out[out_count]); INPUT names op and shapes. */
    enum sk_code (*shape)(const struct sk_graph *g, const struct sk_op *op, struct sk_desc *out, struct sk_err *err);
    double (*flops)(const struct sk_graph *g, const struct sk_op *op); /* NULL: one per output element */
    /* Emits gradient ops; dout[i] is the gradient of output i or -1. Contributions go through sk_graph_add_grad. NULL: no gradient. */
    enum sk_code (*grad)(struct sk_graph *g, int op, const int *dout, struct sk_err *err);
    /* Index of the input whose memory output `out` may take over when nobody reads that input later; -1: none. NULL: none. */
    int (*in_place)(const struct sk_op *op, int out);
};
const struct sk_op_info *sk_op_info(enum sk_op_kind kind);
/* The attributes of fused batch norms that are set, each after a space: " norm stats"; "" where there are none. */
void sk_attr_fused(const struct sk_attr *attr, char *out, size_t size);
struct sk_cost sk_op_cost(const struct sk_graph *g, const struct sk_op *op); /* flops; bytes read and written */
bool sk_op_multiplies(enum sk_op_kind kind); /* made of multiply-adds: conv, linear and their gradients */

/* ---- building (graph.c) ---- */
void sk_graph_release(struct sk_graph *g);
/* New tensor; *id is its index. */
enum sk_code sk_graph_tensor(struct sk_graph *g, const char *name, enum sk_role role, const struct sk_desc *desc, int *id,
                             struct sk_err *err) SK_MUST;
struct sk_desc sk_desc_make(enum sk_dtype dtype, int rank, const int64_t *dim);
int sk_graph_find(const struct sk_graph *g, const char *name); /* tensor by name, -1 */
/* Appends an op; its output tensors are made by the table's shape rule as VALUE tensors named NAME (then NAME.1, ...), except where
 * op->out[i] >= 0 already names one (in-place updates): start from sk_op_make, which sets all to -1. op->out_count 0 means the
 * table's. Outputs' ids are stored into op->out of the graph's copy; *index is its index. */
enum sk_code sk_graph_op(struct sk_graph *g, const struct sk_op *op, int *index, struct sk_err *err) SK_MUST;
struct sk_op sk_op_make(enum sk_op_kind kind, enum sk_phase phase, const int *in, int in_count);
/* Convenience for the common case of a FORWARD op: emits and gives output 0. attr may be NULL. */
enum sk_code sk_graph_emit(struct sk_graph *g, enum sk_op_kind kind, const char *name, const int *in, int in_count,
                           const struct sk_attr *attr, int *out, struct sk_err *err) SK_MUST;
/* One sentence for each violated invariant (ids in range, producers before readers, shapes as the table says); BUG. */
enum sk_code sk_graph_check(const struct sk_graph *g, struct sk_err *err) SK_MUST;

/* ---- gradients, updates (gradient.c, update.c) ---- */
/* First parts of a training graph that are not trained, before sk_graph_backward: params whose name begins with one of the words ("layer1";
 * "stem" is conv1 and bn1) become STATE, and batch norms of them use their running statistics. INPUT: no param has such a name, or one that
 * is trained stands before it. */
enum sk_code sk_graph_freeze(struct sk_graph *g, const struct sk_recipe_words *words, struct sk_err *err) SK_MUST;
/* Sets wanted of all tensors. */
void sk_graph_mark_wanted(struct sk_graph *g);
/* Emits BACKWARD ops for loss with respect to every PARAM it depends on; tensor.grad of each PARAM is set. */
enum sk_code sk_graph_backward(struct sk_graph *g, int loss, struct sk_err *err) SK_MUST;
/* Adds d as a (further) contribution to the gradient of tensor t, where that is wanted; used by grad rules. */
enum sk_code sk_graph_add_grad(struct sk_graph *g, int t, int d, struct sk_err *err) SK_MUST;
/* Emits GATHER ops: running statistics, and where batches have parts (t->accumulate) sums "gradient.NAME"; then UPDATE ops: the norm of all
 * gradients where it is clipped, one optimizer op a parameter (slots "optimizer.momentum.NAME", ...), and with t->ema the averages "ema.NAME"
 * of parameters and running statistics. */
enum sk_code sk_graph_update(struct sk_graph *g, const struct sk_recipe_train *t, double bn_momentum, struct sk_err *err) SK_MUST;
/* What an optimizer keeps of each parameter, and its own values where the recipe says auto (optimizers.c). */
struct sk_optimizer_info { const char *slot[3]; double momentum, rho, eps; };
const struct sk_optimizer_info *sk_optimizer_info(enum sk_optimizer name);

/* ---- rewriting passes (pass_*.c); each keeps names of params. Before sk_graph_backward: ---- */
enum sk_code sk_pass_fuse_norm(struct sk_graph *g, struct sk_err *err) SK_MUST; /* bn + relu, bn + add + relu -> one op */
enum sk_code sk_pass_fold_norm(struct sk_graph *g, struct sk_err *err) SK_MUST; /* conv + bn_infer (+ add) (+ relu) -> conv with bias */
/* After sk_graph_backward: add whose only reader is a batch_norm_grad becomes that op's dy2. */
enum sk_code sk_pass_fuse_grad_add(struct sk_graph *g, struct sk_err *err) SK_MUST;
/* After sk_graph_update, that is with the whole training graph, in this order; see "fused" above. */
/* A conv that makes a batch_norm's x also makes its statistics (attr.stats); the norm becomes a batch_norm_infer. */
enum sk_code sk_pass_conv_stats(struct sk_graph *g, struct sk_err *err) SK_MUST;
/* A batch_norm_infer with relu that is read by 3x3 stride-1 convs and their grad_weights alone is left to them (attr.norm). */
enum sk_code sk_pass_norm_on_load(struct sk_graph *g, struct sk_err *err) SK_MUST;
/* A conv_grad_data whose result goes to the gradient of a batch norm with relu alone also masks and sums it (attr.norm_grad); the norm's
 * gradient becomes reduced, and dz is also what it gave its residual. */
enum sk_code sk_pass_norm_reduce(struct sk_graph *g, struct sk_err *err) SK_MUST;
/* A batch_norm_infer whose residual is another's output, without relu and read by it alone, does both (attr.residual_norm). */
enum sk_code sk_pass_norm_pair(struct sk_graph *g, struct sk_err *err) SK_MUST;

/* Last, after all of these: some values are not kept for the backward pass but made again, by copies of their ops ("NAME.again") just before
 * that pass reads them. NORMS, which is cheap: those of norms that read nothing but what convolutions or the caller made. BLOCKS: those of
 * convs and norms inside of blocks and the stem, of which only the output is kept. A copy is like its original in all that a kernel is chosen
 * by, so that the same bits come out; statistics are those of the original. A unit, the ops between two values that are always kept, is
 * left as it is where that hardly raises (by 2% in all) the most bytes that live at one time. */
enum sk_recompute { SK_RECOMPUTE_NORMS, SK_RECOMPUTE_BLOCKS };
enum sk_code sk_pass_recompute(struct sk_graph *g, enum sk_recompute what, struct sk_err *err) SK_MUST;

/* Shared by passes: how many ops read a tensor, and the reader where there is just one (-1). */
int sk_graph_readers(const struct sk_graph *g, int tensor, int *only);
/* Index of the last op that reads the tensor (of its producer where none does); op_count for a RESULT, which lives to the end. */
int sk_graph_last_use(const struct sk_graph *g, int tensor);
/* The tensor whose memory output k of op may take over, or -1: it must die there, be as large, and be no result. */
int sk_graph_takes_over(const struct sk_graph *g, int op, int k);
/* Drops the ops marked dead (NULL: none), orders the others by phase, keeping their order within one, and sets producers anew. */
enum sk_code sk_graph_compact(struct sk_graph *g, const bool *dead, struct sk_err *err) SK_MUST;

/* ---- summaries (summary.c) ---- */
struct sk_summary { int64_t params; double macs; int64_t activation_bytes; }; /* macs: conv and linear, forward, whole batch */
struct sk_summary sk_graph_summary(const struct sk_graph *g);


#endif

/* Convolutions with batch norm fused to them (graph.h), on top of any plain kernel: x is normalized into scratch memory
 * before it, statistics or mask and sums are made after it.
 *
 * Each wrapper has the name, variants and labels of the kernel it wraps and hands ops without a fused norm through. */
#include "backend/cpu/norm.h"

#include <string.h>

enum { NORM_INPUTS = 4 };                                             /* appended to read x: gamma, beta, mean, var */
enum { IN_X = 2, IN_GAMMA, IN_BETA, IN_MEAN, IN_VAR, IN_GRAD_PLAIN }; /* appended to a gradient of the data */

struct fused {
    const struct sk_kernel *plain;
    void *self;
    struct sk_attr attr;
    int in_count;
    int x;                         /* the input that is normalized, -1: none */
    struct sk_cpu_norm load, sums; /* of x; of what statistics or sums are made of */
    size_t at_x, at_load, at_sums, at_g;
};

static int normalized_input(const struct sk_op_desc *op)
{
    return !op->attr.norm ? -1 : op->kind == SK_OP_CONV ? 0 : 1;
}

/* The op without what is fused to it. */
static struct sk_op_desc strip(const struct sk_op_desc *op)
{
    struct sk_op_desc plain = *op;
    if (op->attr.norm)
        plain.in_count -= NORM_INPUTS;
    if (op->attr.norm_grad) {
        plain.in_count = IN_X;
        plain.attr.residual = plain.attr.second = false;
    }
    plain.attr.norm = plain.attr.stats = plain.attr.norm_grad = false;
    plain.out_count = 1;
    return plain;
}

/* gamma, beta, mean and var from input first on. */
static enum sk_code check_norm(const struct sk_op_desc *op, int first, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = first; i < first + NORM_INPUTS && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "a parameter of the norm", SK_F32, err);
    return code;
}

static enum sk_code open_load(struct fused *self, const struct sk_op_desc *op, size_t *scratch, struct sk_err *err)
{
    if (self->x < 0)
        return SK_OK;
    enum sk_code code = check_norm(op, op->in_count - NORM_INPUTS, err);
    if (code == SK_OK)
        code = sk_cpu_norm_init(&self->load, &op->in[self->x], err);
    if (code != SK_OK)
        return code;
    self->at_x = sk_cpu_piece(scratch, sk_desc_bytes(&op->in[self->x]));
    self->at_load = sk_cpu_piece(scratch, 2 * self->load.c * sizeof(float));
    return SK_OK;
}

static enum sk_code open_stats(struct fused *self, const struct sk_op_desc *op, size_t *scratch, struct sk_err *err)
{
    if (!op->attr.stats)
        return SK_OK;
    enum sk_code code = sk_cpu_norm_init(&self->sums, &op->out[0], err);
    if (code == SK_OK)
        self->at_sums = sk_cpu_piece(scratch, sk_cpu_norm_parts(&self->sums) * sizeof(float));
    return code;
}

/* dz may lie over the second contribution, so the plain kernel's result then has a place of its own. */
static enum sk_code open_reduce(struct fused *self, const struct sk_op_desc *op, size_t *scratch, struct sk_err *err)
{
    if (!op->attr.norm_grad)
        return SK_OK;
    enum sk_code code = check_norm(op, IN_GAMMA, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->in[IN_X], "x of the norm", op->out[0].dtype, err);
    for (int i = IN_GRAD_PLAIN; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "y or second gradient", op->out[0].dtype, err);
    if (code == SK_OK)
        code = sk_cpu_norm_init(&self->sums, &op->out[0], err);
    if (code != SK_OK)
        return code;
    self->at_sums = sk_cpu_piece(scratch, sk_cpu_norm_reduce_floats(&self->sums) * sizeof(float));
    self->at_g = sk_cpu_piece(scratch, op->attr.second ? sk_desc_bytes(&op->out[0]) : 0);
    return SK_OK;
}

static void close_fused(void *me)
{
    struct fused *self = me;
    if (self == NULL)
        return;
    if (self->self != NULL)
        self->plain->close(self->self);
    sk_free(self);
}

static enum sk_code open_fused(const struct sk_kernel *plain, void **out, const struct sk_op_desc *op,
                               const struct sk_kernel_env *env, int variant, struct sk_kernel_need *need,
                               struct sk_err *err)
{
    const struct sk_op_desc stripped = strip(op);
    struct fused *self = sk_alloc(1, sizeof *self, err);
    *out = NULL;
    if (self == NULL)
        return SK_NOMEM;
    *self = (struct fused){.plain = plain, .attr = op->attr, .in_count = op->in_count, .x = normalized_input(op)};
    enum sk_code code = plain->open(&self->self, &stripped, env, variant, need, err);
    if (code == SK_OK)
        code = open_load(self, op, &need->scratch, err);
    if (code == SK_OK)
        code = open_stats(self, op, &need->scratch, err);
    if (code == SK_OK)
        code = open_reduce(self, op, &need->scratch, err);
    if (code != SK_OK)
        close_fused(self);
    else
        *out = self;
    return code;
}

static enum sk_code prepare(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct fused *self = me;
    return self->plain->prepare != NULL ? self->plain->prepare(self->self, call, err) : SK_OK;
}

/* ---- running ---- */

/* x as the convolution is to see it. */
static void *load(const struct fused *self, const struct sk_kernel_call *call)
{
    const struct sk_cpu_norm *n = &self->load;
    void *const *norm = call->in + self->in_count - NORM_INPUTS, *x = sk_cpu_inside(call->scratch, self->at_x);
    float *scale = sk_cpu_inside(call->scratch, self->at_load), *shift = scale + n->c;
    sk_cpu_scale_shift(norm[0], norm[1], norm[2], norm[3], self->attr.eps, n->c, scale, shift);
#pragma omp parallel for schedule(static) if (n->parallel)
    for (size_t b = 0; b < n->blocks.count; b++)
        sk_cpu_norm_apply(n, b, call->in[self->x], NULL, scale, shift, true, x);
    return x;
}

static void make_stats(const struct fused *self, const struct sk_kernel_call *call)
{
    float *parts = sk_cpu_inside(call->scratch, self->at_sums);
#pragma omp parallel if (self->sums.parallel)
    sk_cpu_norm_stats(&self->sums, call->out[0], parts, call->out[1], call->out[2]);
}

/* g: what the plain kernel has made. */
static void reduce(const struct fused *self, const struct sk_kernel_call *call, const void *g)
{
    void *const *in = call->in;
    const struct sk_cpu_norm_grad grad = {.dy = g,
                                          .second = self->attr.second ? in[self->in_count - 1] : NULL,
                                          .x = in[IN_X],
                                          .y = self->attr.residual ? in[IN_GRAD_PLAIN] : NULL,
                                          .gamma = in[IN_GAMMA],
                                          .beta = in[IN_BETA],
                                          .mean = in[IN_MEAN],
                                          .var = in[IN_VAR],
                                          .eps = self->attr.eps,
                                          .relu = true,
                                          .dz = call->out[0],
                                          .dgamma = call->out[1],
                                          .dbeta = call->out[2]};
    float *scratch = sk_cpu_inside(call->scratch, self->at_sums);
#pragma omp parallel if (self->sums.parallel)
    sk_cpu_norm_reduce(&self->sums, &grad, scratch);
}

static enum sk_code run(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct fused *self = me;
    void *in[SK_OP_IN], *y = call->out[0];
    struct sk_kernel_call plain = *call;
    memcpy(in, call->in, (size_t)self->in_count * sizeof *in);
    plain.in = in;
    plain.out = &y;
    if (self->x >= 0)
        in[self->x] = load(self, call);
    if (self->attr.norm_grad && self->attr.second)
        y = sk_cpu_inside(call->scratch, self->at_g);
    enum sk_code code = self->plain->run(self->self, &plain, err);
    if (code == SK_OK && self->attr.stats)
        make_stats(self, call);
    if (code == SK_OK && self->attr.norm_grad)
        reduce(self, call, y);
    return code;
}

/* ---- the wrappers ---- */

static enum sk_code open_onednn(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_onednn_conv, out, op, env, variant, need, err);
}

static enum sk_code open_onednn_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                          int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_onednn_conv_grad_data, out, op, env, variant, need, err);
}

static enum sk_code open_onednn_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                            int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_onednn_conv_grad_weight, out, op, env, variant, need, err);
}

static enum sk_code open_depthwise(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_depthwise_conv, out, op, env, variant, need, err);
}

static enum sk_code open_depthwise_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                       int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_depthwise_conv_grad_data, out, op, env, variant, need, err);
}

static enum sk_code open_depthwise_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                         int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_depthwise_conv_grad_weight, out, op, env, variant, need, err);
}

static enum sk_code open_ref(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_ref_conv, out, op, env, variant, need, err);
}

static enum sk_code open_ref_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                       int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_ref_conv_grad_data, out, op, env, variant, need, err);
}

static enum sk_code open_ref_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                         int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    return open_fused(&sk_ref_conv_grad_weight, out, op, env, variant, need, err);
}

const struct sk_kernel sk_fused_onednn_conv = {.name = "onednn",
                                               .kind = SK_OP_CONV,
                                               .open = open_onednn,
                                               .prepare = prepare,
                                               .run = run,
                                               .close = close_fused,
                                               .quick_variants = SK_DNNL_QUICK};
const struct sk_kernel sk_fused_onednn_conv_grad_data = {.name = "onednn",
                                                         .kind = SK_OP_CONV_GRAD_DATA,
                                                         .open = open_onednn_grad_data,
                                                         .prepare = prepare,
                                                         .run = run,
                                                         .close = close_fused,
                                                         .quick_variants = SK_DNNL_QUICK};
const struct sk_kernel sk_fused_onednn_conv_grad_weight = {.name = "onednn",
                                                           .kind = SK_OP_CONV_GRAD_WEIGHT,
                                                           .open = open_onednn_grad_weight,
                                                           .prepare = prepare,
                                                           .run = run,
                                                           .close = close_fused,
                                                           .quick_variants = SK_DNNL_QUICK};
const struct sk_kernel sk_fused_depthwise_conv = {
    .name = "depthwise", .kind = SK_OP_CONV, .open = open_depthwise, .prepare = prepare, .run = run, .close = close_fused};
const struct sk_kernel sk_fused_depthwise_conv_grad_data = {.name = "depthwise",
                                                      .kind = SK_OP_CONV_GRAD_DATA,
                                                      .open = open_depthwise_grad_data,
                                                      .prepare = prepare,
                                                      .run = run,
                                                      .close = close_fused};
const struct sk_kernel sk_fused_depthwise_conv_grad_weight = {.name = "depthwise",
                                                        .kind = SK_OP_CONV_GRAD_WEIGHT,
                                                        .open = open_depthwise_grad_weight,
                                                        .prepare = prepare,
                                                        .run = run,
                                                        .close = close_fused};
const struct sk_kernel sk_fused_ref_conv = {
    .name = "ref", .kind = SK_OP_CONV, .open = open_ref, .prepare = prepare, .run = run, .close = close_fused};
const struct sk_kernel sk_fused_ref_conv_grad_data = {.name = "ref",
                                                      .kind = SK_OP_CONV_GRAD_DATA,
                                                      .open = open_ref_grad_data,
                                                      .prepare = prepare,
                                                      .run = run,
                                                      .close = close_fused};
const struct sk_kernel sk_fused_ref_conv_grad_weight = {.name = "ref",
                                                        .kind = SK_OP_CONV_GRAD_WEIGHT,
                                                        .open = open_ref_grad_weight,
                                                        .prepare = prepare,
                                                        .run = run,
                                                        .close = close_fused};

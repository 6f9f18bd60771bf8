/* Convolution by the reference kernels: where oneDNN declines, and the judge in tests. */
#include "backend/cpu/cpu.h"

struct conv {
    const struct sk_kern_conv *kern;
    struct sk_conv_shape shape;
    bool bias, residual, relu, parallel;
};
enum { CHANNELS = 8 }; /* output channels of a task of grad_weight */

/* x, w, y: descriptors of the forward convolution's tensors. */
static enum sk_code open_conv(void **out, const struct sk_op_desc *op, const struct sk_desc *x, const struct sk_desc *w,
                              const struct sk_desc *y, int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    enum sk_code code = sk_cpu_type(x, "x", &type, err);
    if (code == SK_OK)
        code = sk_cpu_want(y, "y", x->dtype, err);
    if (code == SK_OK)
        code = sk_cpu_want(w, "w", SK_F32, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct conv), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct conv *self = *out;
    self->kern = &sk_kern_get()->conv[type];
    self->shape = sk_cpu_conv_shape(&op->attr, x, w, y);
    self->bias = op->attr.bias;
    self->residual = op->attr.residual;
    self->relu = op->attr.relu;
    self->parallel = sk_desc_count(y) * sk_desc_count(w) / w->dim[0] >= SK_CPU_PARALLEL;
    snprintf(need->label, sizeof need->label, "float64");
    return SK_OK;
}

static enum sk_code open_forward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    int residual = op->attr.bias ? 3 : 2;
    if (op->attr.bias && sk_cpu_want(&op->in[2], "bias", SK_F32, err) != SK_OK)
        return SK_UNSUPPORTED;
    if (op->attr.residual && sk_cpu_want(&op->in[residual], "residual", op->in[0].dtype, err) != SK_OK)
        return SK_UNSUPPORTED;
    return open_conv(out, op, &op->in[0], &op->in[1], &op->out[0], variant, need, err);
}

static enum sk_code run_forward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct conv *self = me;
    const float *bias = self->bias ? call->in[2] : NULL;
    const void *residual = self->residual ? call->in[self->bias ? 3 : 2] : NULL;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (int n = 0; n < self->shape.n; n++)
        self->kern->forward(&self->shape, call->in[0], call->in[1], bias, residual, self->relu, call->out[0], n, n + 1);
    return SK_OK;
}

static enum sk_code open_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_conv(out, op, &op->out[0], &op->in[1], &op->in[0], variant, need, err);
}

static enum sk_code run_grad_data(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct conv *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (int n = 0; n < self->shape.n; n++)
        self->kern->grad_data(&self->shape, call->in[0], call->in[1], call->out[0], n, n + 1);
    return SK_OK;
}

static enum sk_code open_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                     int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_conv(out, op, &op->in[1], &op->out[0], &op->in[0], variant, need, err);
}

static enum sk_code run_grad_weight(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct conv *self = me;
    int k = self->shape.k;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (int k0 = 0; k0 < k; k0 += CHANNELS)
        self->kern->grad_weight(&self->shape, call->in[0], call->in[1], call->out[0], k0,
                                k0 + CHANNELS < k ? k0 + CHANNELS : k);
    return SK_OK;
}

const struct sk_kernel sk_ref_conv = {
    .name = "ref", .kind = SK_OP_CONV, .open = open_forward, .run = run_forward, .close = sk_free};
const struct sk_kernel sk_ref_conv_grad_data = {
    .name = "ref", .kind = SK_OP_CONV_GRAD_DATA, .open = open_grad_data, .run = run_grad_data, .close = sk_free};
const struct sk_kernel sk_ref_conv_grad_weight = {
    .name = "ref", .kind = SK_OP_CONV_GRAD_WEIGHT, .open = open_grad_weight, .run = run_grad_weight, .close = sk_free};

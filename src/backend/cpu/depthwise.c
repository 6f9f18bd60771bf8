/* Depthwise convolution and its gradients by own kernels, a picture at a time. Kernels of all channels are brought side
 * by side first; gradients of the weights are added up in the order of the pictures. */
#include "backend/cpu/cpu.h"

struct depthwise {
    const struct sk_kern_depthwise *kern;
    enum sk_ktype type;
    struct sk_conv_shape shape;
    size_t x, y, w; /* elements: of a picture, of its result, of the weights */
    bool bias, parallel;
};

static enum sk_code check(const struct sk_op_desc *op, const struct sk_desc *x, const struct sk_desc *w,
                          const struct sk_desc *y, struct sk_err *err)
{
    if (op->attr.groups < 2 || op->attr.groups != x->dim[3] || w->dim[0] != x->dim[3])
        return sk_fail(err, SK_UNSUPPORTED, "not depthwise: %d groups, %lld to %lld channels",
                       op->attr.groups > 1 ? op->attr.groups : 1, (long long)x->dim[3], (long long)w->dim[0]);
    if (op->attr.relu || op->attr.residual)
        return sk_fail(err, SK_UNSUPPORTED, "relu or residual");
    enum sk_code code = sk_cpu_want(w, "w", SK_F32, err);
    return code == SK_OK ? sk_cpu_want(y, "y", x->dtype, err) : code;
}

/* x, w, y: descriptors of the forward convolution's tensors; weights: how often they are held in scratch. */
static enum sk_code open_any(void **out, const struct sk_op_desc *op, const struct sk_desc *x, const struct sk_desc *w,
                             const struct sk_desc *y, size_t weights, int variant, struct sk_kernel_need *need,
                             struct sk_err *err)
{
    enum sk_ktype type;
    enum sk_code code = sk_cpu_type(x, "x", &type, err);
    if (code == SK_OK)
        code = check(op, x, w, y, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct depthwise), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct depthwise *self = *out;
    *self = (struct depthwise){.kern = &sk_kern_get()->depthwise[type],
                               .type = type,
                               .x = (size_t)(sk_desc_count(x) / x->dim[0]),
                               .y = (size_t)(sk_desc_count(y) / y->dim[0]),
                               .w = (size_t)sk_desc_count(w),
                               .bias = op->attr.bias,
                               .parallel = sk_desc_count(x) >= SK_CPU_PARALLEL};
    self->shape = sk_cpu_conv_shape(&op->attr, x, w, y);
    sk_cpu_piece(&need->scratch, weights * self->w * sizeof(float));
    return SK_OK;
}

/* [c][area] to [area][c] */
static void side_by_side(const struct depthwise *d, const float *w, float *to)
{
    size_t c = (size_t)d->shape.c, area = d->w / c;
    for (size_t i = 0; i < area; i++)
        for (size_t j = 0; j < c; j++)
            to[i * c + j] = w[j * area + i];
}

static enum sk_code open_forward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    if (op->attr.bias && sk_cpu_want(&op->in[2], "bias", SK_F32, err) != SK_OK)
        return SK_UNSUPPORTED;
    return open_any(out, op, &op->in[0], &op->in[1], &op->out[0], 1, variant, need, err);
}

static enum sk_code run_forward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct depthwise *self = me;
    const float *bias = self->bias ? call->in[2] : NULL;
    (void)err;
    side_by_side(self, call->in[1], call->scratch);
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < (size_t)self->shape.n; i++)
        self->kern->forward(&self->shape, sk_cpu_at(call->in[0], i * self->x, self->type), call->scratch, bias,
                            sk_cpu_at_mut(call->out[0], i * self->y, self->type));
    return SK_OK;
}

static enum sk_code open_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_any(out, op, &op->out[0], &op->in[1], &op->in[0], 1, variant, need, err);
}

static enum sk_code run_grad_data(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct depthwise *self = me;
    (void)err;
    side_by_side(self, call->in[1], call->scratch);
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < (size_t)self->shape.n; i++)
        self->kern->grad_data(&self->shape, sk_cpu_at(call->in[0], i * self->y, self->type), call->scratch,
                              sk_cpu_at_mut(call->out[0], i * self->x, self->type));
    return SK_OK;
}

static enum sk_code open_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                     int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_any(out, op, &op->in[1], &op->out[0], &op->in[0], (size_t)op->in[1].dim[0], variant, need, err);
}

static enum sk_code run_grad_weight(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct depthwise *self = me;
    float *parts = call->scratch, *dw = call->out[0];
    size_t n = (size_t)self->shape.n, c = (size_t)self->shape.c, area = self->w / c;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < n; i++)
        self->kern->grad_weight(&self->shape, sk_cpu_at(call->in[0], i * self->y, self->type),
                                sk_cpu_at(call->in[1], i * self->x, self->type), parts + i * self->w);
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t j = 0; j < self->w; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)parts[i * self->w + j];
        dw[j % c * area + j / c] = (float)sum;
    }
    return SK_OK;
}

const struct sk_kernel sk_depthwise_conv = {
    .name = "depthwise", .kind = SK_OP_CONV, .open = open_forward, .run = run_forward, .close = sk_free};
const struct sk_kernel sk_depthwise_conv_grad_data = {
    .name = "depthwise", .kind = SK_OP_CONV_GRAD_DATA, .open = open_grad_data, .run = run_grad_data, .close = sk_free};
const struct sk_kernel sk_depthwise_conv_grad_weight = {.name = "depthwise",
                                                        .kind = SK_OP_CONV_GRAD_WEIGHT,
                                                        .open = open_grad_weight,
                                                        .run = run_grad_weight,
                                                        .close = sk_free};

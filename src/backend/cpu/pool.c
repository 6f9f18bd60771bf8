/* Max and average pooling and their gradients, one image at a time. */
#include "backend/cpu/cpu.h"

#include <string.h>

struct pool {
    const struct sk_kern_pool *kern;
    enum sk_ktype type;
    struct sk_pool_shape shape; /* max pooling */
    size_t n, c, hw;            /* images; channels and positions of the large side */
    size_t large, small;        /* elements of one image, unpooled and pooled */
    bool parallel;
};

/* large: the descriptor on the unpooled side, small: on the other. */
static enum sk_code open_pool(void **out, const struct sk_op_desc *op, const struct sk_desc *large,
                              const struct sk_desc *small, int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    enum sk_code code = sk_cpu_type(large, "the large side", &type, err);
    if (code == SK_OK)
        code = sk_cpu_want(small, "the small side", large->dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct pool), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct pool *self = *out;
    *self = (struct pool){.kern = &sk_kern_get()->pool[type],
                          .type = type,
                          .n = (size_t)large->dim[0],
                          .c = (size_t)large->dim[3],
                          .hw = (size_t)(large->dim[1] * large->dim[2]),
                          .large = (size_t)(sk_desc_count(large) / large->dim[0]),
                          .small = (size_t)(sk_desc_count(small) / small->dim[0])};
    self->parallel = self->n * self->large >= SK_CPU_PARALLEL;
    self->shape = (struct sk_pool_shape){.h = (int)large->dim[1],
                                         .w = (int)large->dim[2],
                                         .c = (int)large->dim[3],
                                         .p = (int)small->dim[1],
                                         .q = (int)small->dim[2],
                                         .kernel = op->attr.kernel,
                                         .stride = op->attr.stride,
                                         .pad = op->attr.pad};
    return SK_OK;
}

/* kh * kernel + kw must fit into a byte, and every window must hold a pixel. */
static enum sk_code check_window(const struct sk_attr *a, struct sk_err *err)
{
    enum { WIDEST = 16 };
    if (a->kernel < 1 || a->kernel > WIDEST)
        return sk_fail(err, SK_UNSUPPORTED, "kernel is %d, not from 1 to %d", a->kernel, (int)WIDEST);
    if (a->stride < 1 || a->pad < 0 || a->pad >= a->kernel)
        return sk_fail(err, SK_UNSUPPORTED, "stride %d, padding %d with a kernel of %d", a->stride, a->pad, a->kernel);
    return SK_OK;
}

/* ---- max ---- */

static enum sk_code open_max(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    enum sk_code code = check_window(&op->attr, err);
    if (code == SK_OK)
        code = open_pool(out, op, &op->in[0], &op->out[0], variant, need, err);
    return code;
}

static enum sk_code run_max(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->max(&self->shape, sk_cpu_at(call->in[0], i * self->large, self->type),
                        sk_cpu_at_mut(call->out[0], i * self->small, self->type),
                        (uint8_t *)call->out[1] + i * self->small);
    return SK_OK;
}

static enum sk_code open_max_grad(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                  struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    enum sk_code code = check_window(&op->attr, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->in[1], "argmax", SK_U8, err);
    if (code == SK_OK)
        code = open_pool(out, op, &op->out[0], &op->in[0], variant, need, err);
    return code;
}

static enum sk_code run_max_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->max_grad(&self->shape, sk_cpu_at(call->in[0], i * self->small, self->type),
                             (const uint8_t *)call->in[1] + i * self->small,
                             sk_cpu_at_mut(call->out[0], i * self->large, self->type));
    return SK_OK;
}

/* ---- average over all positions ---- */

static enum sk_code open_avg(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_pool(out, op, &op->in[0], &op->out[0], variant, need, err);
}

static enum sk_code run_avg(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->avg(sk_cpu_at(call->in[0], i * self->large, self->type), self->hw, self->c,
                        sk_cpu_at_mut(call->out[0], i * self->c, self->type));
    return SK_OK;
}

static enum sk_code open_avg_grad(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                  struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_pool(out, op, &op->out[0], &op->in[0], variant, need, err);
}

static enum sk_code run_avg_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->avg_grad(sk_cpu_at(call->in[0], i * self->c, self->type), self->hw, self->c,
                             sk_cpu_at_mut(call->out[0], i * self->large, self->type));
    return SK_OK;
}

/* ---- average over windows ---- */

static enum sk_code open_window(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                struct sk_kernel_need *need, struct sk_err *err)
{
    bool back = op->kind == SK_OP_AVG_WINDOW_GRAD;
    (void)env;
    if (op->attr.pad != 0)
        return sk_fail(err, SK_UNSUPPORTED, "padding %d", op->attr.pad);
    return open_pool(out, op, back ? &op->out[0] : &op->in[0], back ? &op->in[0] : &op->out[0], variant, need, err);
}

static enum sk_code run_window(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->window(&self->shape, sk_cpu_at(call->in[0], i * self->large, self->type),
                           sk_cpu_at_mut(call->out[0], i * self->small, self->type));
    return SK_OK;
}

static enum sk_code run_window_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->window_grad(&self->shape, sk_cpu_at(call->in[0], i * self->small, self->type),
                                sk_cpu_at_mut(call->out[0], i * self->large, self->type));
    return SK_OK;
}

/* ---- maximum over all positions ---- */

static enum sk_code open_max_all(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    bool back = op->kind == SK_OP_MAX_ALL_GRAD;
    (void)env;
    enum sk_code code = sk_cpu_want(back ? &op->in[1] : &op->out[1], "argmax", SK_I32, err);
    if (code != SK_OK)
        return code;
    return open_pool(out, op, back ? &op->out[0] : &op->in[0], back ? &op->in[0] : &op->out[0], variant, need, err);
}

static enum sk_code run_max_all(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->max_all(sk_cpu_at(call->in[0], i * self->large, self->type), self->hw, self->c,
                            sk_cpu_at_mut(call->out[0], i * self->c, self->type), (int32_t *)call->out[1] + i * self->c);
    return SK_OK;
}

/* Zeros, but what each channel's largest gets: bytes are copied, whatever the type. */
static enum sk_code run_max_all_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct pool *self = me;
    size_t size = sk_cpu_size(self->type);
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++) {
        const int32_t *argmax = (const int32_t *)call->in[1] + i * self->c;
        char *dx = sk_cpu_at_mut(call->out[0], i * self->large, self->type);
        memset(dx, 0, self->large * size);
        for (size_t j = 0; j < self->c; j++)
            memcpy(dx + ((size_t)argmax[j] * self->c + j) * size, sk_cpu_at(call->in[0], i * self->c + j, self->type), size);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_avg_window = {
    .name = "cpu", .kind = SK_OP_AVG_WINDOW, .open = open_window, .run = run_window, .close = sk_free};
const struct sk_kernel sk_cpu_avg_window_grad = {
    .name = "cpu", .kind = SK_OP_AVG_WINDOW_GRAD, .open = open_window, .run = run_window_grad, .close = sk_free};
const struct sk_kernel sk_cpu_max_all = {
    .name = "cpu", .kind = SK_OP_MAX_ALL, .open = open_max_all, .run = run_max_all, .close = sk_free};
const struct sk_kernel sk_cpu_max_all_grad = {
    .name = "cpu", .kind = SK_OP_MAX_ALL_GRAD, .open = open_max_all, .run = run_max_all_grad, .close = sk_free};
const struct sk_kernel sk_cpu_max_pool = {
    .name = "cpu", .kind = SK_OP_MAX_POOL, .open = open_max, .run = run_max, .close = sk_free};
const struct sk_kernel sk_cpu_max_pool_grad = {
    .name = "cpu", .kind = SK_OP_MAX_POOL_GRAD, .open = open_max_grad, .run = run_max_grad, .close = sk_free};
const struct sk_kernel sk_cpu_avg_pool = {
    .name = "cpu", .kind = SK_OP_AVG_POOL, .open = open_avg, .run = run_avg, .close = sk_free};
const struct sk_kernel sk_cpu_avg_pool_grad = {
    .name = "cpu", .kind = SK_OP_AVG_POOL_GRAD, .open = open_avg_grad, .run = run_avg_grad, .close = sk_free};

/* Linear layer by the reference kernels: where oneDNN declines, and the judge in tests. */
#include "backend/cpu/cpu.h"

struct linear {
    const struct sk_kern_linear *kern;
    enum sk_ktype type;
    size_t n, c, k;
    bool parallel;
};

/* x and y: descriptors of the forward layer's input (or its gradient) and output. */
static enum sk_code open_linear(void **out, const struct sk_op_desc *op, const struct sk_desc *x,
                                const struct sk_desc *w, const struct sk_desc *y, int variant,
                                struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    enum sk_code code = sk_cpu_type(x, "x", &type, err);
    if (code == SK_OK)
        code = sk_cpu_want(w, "w", SK_F32, err);
    if (code == SK_OK)
        code = sk_cpu_want(y, "y", SK_F32, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct linear), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct linear *self = *out;
    *self = (struct linear){.kern = &sk_kern_get()->linear[type],
                            .type = type,
                            .n = (size_t)x->dim[0],
                            .c = (size_t)x->dim[1],
                            .k = (size_t)w->dim[0]};
    self->parallel = self->n * self->c * self->k >= SK_CPU_PARALLEL;
    snprintf(need->label, sizeof need->label, "float64");
    return SK_OK;
}

static enum sk_code open_forward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_linear(out, op, &op->in[0], &op->in[1], &op->out[0], variant, need, err);
}

static enum sk_code run_forward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct linear *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->forward(sk_cpu_at(call->in[0], i * self->c, self->type), call->in[1], call->in[2],
                            (float *)call->out[0] + i * self->k, 1, self->c, self->k);
    return SK_OK;
}

static enum sk_code open_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_linear(out, op, &op->out[0], &op->in[1], &op->in[0], variant, need, err);
}

static enum sk_code run_grad_data(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct linear *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        self->kern->grad_data((const float *)call->in[0] + i * self->k, call->in[1],
                              sk_cpu_at_mut(call->out[0], i * self->c, self->type), 1, self->c, self->k);
    return SK_OK;
}

static enum sk_code open_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                     int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_linear(out, op, &op->in[1], &op->out[0], &op->in[0], variant, need, err);
}

static enum sk_code run_grad_weight(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct linear *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t o = 0; o < self->k; o++)
        self->kern->grad_weight(call->in[0], call->in[1], call->out[0], call->out[1], self->n, self->c, o, o + 1,
                                self->k);
    return SK_OK;
}

const struct sk_kernel sk_ref_linear = {
    .name = "ref", .kind = SK_OP_LINEAR, .open = open_forward, .run = run_forward, .close = sk_free};
const struct sk_kernel sk_ref_linear_grad_data = {
    .name = "ref", .kind = SK_OP_LINEAR_GRAD_DATA, .open = open_grad_data, .run = run_grad_data, .close = sk_free};
const struct sk_kernel sk_ref_linear_grad_weight = {.name = "ref",
                                                    .kind = SK_OP_LINEAR_GRAD_WEIGHT,
                                                    .open = open_grad_weight,
                                                    .run = run_grad_weight,
                                                    .close = sk_free};

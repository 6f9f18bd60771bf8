/* Smooth activations and their gradients, element by element. */
#include "backend/cpu/cpu.h"

struct act {
    void (*one)(const void *x, size_t n, void *y);
    void (*two)(const void *dy, const void *x, size_t n, void *dx); /* gradients */
    enum sk_ktype type;
    struct sk_cpu_blocks blocks; /* of elements */
    bool parallel;
};

static enum sk_code open_act(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    (void)env;
    enum sk_code code = sk_cpu_type(&op->out[0], "the output", &type, err);
    for (int i = 0; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "an input", op->out[0].dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct act), op, variant, need, err);
    if (code != SK_OK)
        return code;
    const struct sk_kern_act *kern = &sk_kern_get()->act[type];
    size_t n = (size_t)sk_desc_count(&op->out[0]);
    *(struct act *)*out = (struct act){.one = op->kind == SK_OP_SILU ? kern->silu : kern->sigmoid,
                                       .two = op->kind == SK_OP_SILU_GRAD ? kern->silu_grad : kern->sigmoid_grad,
                                       .type = type,
                                       .blocks = sk_cpu_blocks_make(n, SK_CPU_BLOCK),
                                       .parallel = n >= SK_CPU_PARALLEL};
    return SK_OK;
}

static enum sk_code run_act(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct act *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->one(sk_cpu_at(call->in[0], at, self->type), sk_cpu_block_len(&self->blocks, b),
                  sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

static enum sk_code run_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct act *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->two(sk_cpu_at(call->in[0], at, self->type), sk_cpu_at(call->in[1], at, self->type),
                  sk_cpu_block_len(&self->blocks, b), sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_silu = {
    .name = "cpu", .kind = SK_OP_SILU, .open = open_act, .run = run_act, .close = sk_free};
const struct sk_kernel sk_cpu_silu_grad = {
    .name = "cpu", .kind = SK_OP_SILU_GRAD, .open = open_act, .run = run_grad, .close = sk_free};
const struct sk_kernel sk_cpu_sigmoid = {
    .name = "cpu", .kind = SK_OP_SIGMOID, .open = open_act, .run = run_act, .close = sk_free};
const struct sk_kernel sk_cpu_sigmoid_grad = {
    .name = "cpu", .kind = SK_OP_SIGMOID_GRAD, .open = open_act, .run = run_grad, .close = sk_free};

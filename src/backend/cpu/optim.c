/* Optimizer updates of one parameter. */
#include "backend/cpu/cpu.h"

#include <math.h>

struct optim {
    const struct sk_kern_optim *kern;
    struct sk_cpu_blocks blocks; /* of elements */
    struct sk_attr_optim attr;
    bool parallel;
};

static enum sk_code open_optim(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                               struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    (void)env;
    for (int i = 0; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "an input", SK_F32, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct optim), op, variant, need, err);
    if (code != SK_OK)
        return code;
    size_t n = (size_t)sk_desc_count(&op->in[0]);
    *(struct optim *)*out = (struct optim){.kern = &sk_kern_get()->optim,
                                           .blocks = sk_cpu_blocks_make(n, SK_CPU_BLOCK),
                                           .attr = op->attr.optim,
                                           .parallel = n >= SK_CPU_PARALLEL};
    return SK_OK;
}

/* p and the slots are updated in place (graph.h): in[] and out[] of them are the same memory. */
static enum sk_code run_sgd(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct optim *self = me;
    const struct sk_attr_optim *a = &self->attr;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->kern->sgd((float *)call->out[0] + at, (const float *)call->in[1] + at, (float *)call->out[1] + at,
                        sk_cpu_block_len(&self->blocks, b), (float)call->step->lr, (float)a->momentum,
                        (float)a->weight_decay, a->nesterov);
    }
    return SK_OK;
}

static enum sk_code run_adam(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct optim *self = me;
    const struct sk_attr_optim *a = &self->attr;
    double t = (double)call->step->step + 1;
    float c1 = (float)(1 - pow(a->beta1, t)), c2 = (float)(1 - pow(a->beta2, t));
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->kern->adam((float *)call->out[0] + at, (const float *)call->in[1] + at, (float *)call->out[1] + at,
                         (float *)call->out[2] + at, sk_cpu_block_len(&self->blocks, b), (float)call->step->lr,
                         (float)a->beta1, (float)a->beta2, (float)a->eps, c1, c2, (float)a->weight_decay, a->decoupled);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_sgd = {
    .name = "cpu", .kind = SK_OP_SGD, .open = open_optim, .run = run_sgd, .close = sk_free};
const struct sk_kernel sk_cpu_adam = {
    .name = "cpu", .kind = SK_OP_ADAM, .open = open_optim, .run = run_adam, .close = sk_free};

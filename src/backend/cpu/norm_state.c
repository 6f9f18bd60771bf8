/* Batch norm's state: running statistics after a step, and folding a norm into the convolution before it. */
#include "backend/cpu/norm.h"

struct running {
    size_t c;
    double momentum, unbias;
};

static enum sk_code open_running(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    enum sk_code code = sk_cpu_open(out, sizeof(struct running), op, variant, need, err);
    if (code != SK_OK)
        return code;
    double count = (double)op->attr.dim[0];
    *(struct running *)*out = (struct running){.c = sk_cpu_channels(&op->in[0]),
                                               .momentum = op->attr.momentum,
                                               .unbias = count > 1 ? count / (count - 1) : 1.0};
    return SK_OK;
}

/* PyTorch's: running = (1 - momentum) running + momentum new, the variance without bias. */
static enum sk_code run_running(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct running *self = me;
    const float *mean = call->in[0], *var = call->in[1], *old_mean = call->in[2], *old_var = call->in[3];
    float *new_mean = call->out[0], *new_var = call->out[1];
    (void)err;
    for (size_t j = 0; j < self->c; j++) {
        double m = (double)old_mean[j], v = (double)old_var[j];
        new_mean[j] = (float)(m + self->momentum * ((double)mean[j] - m));
        new_var[j] = (float)(v + self->momentum * ((double)var[j] * self->unbias - v));
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_running_stats = {
    .name = "cpu", .kind = SK_OP_RUNNING_STATS, .open = open_running, .run = run_running, .close = sk_free};

struct fold {
    size_t k, each; /* output channels, weights of each */
    double eps;
};

static enum sk_code open_fold(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    enum sk_code code = sk_cpu_open(out, sizeof(struct fold), op, variant, need, err);
    if (code != SK_OK)
        return code;
    size_t k = (size_t)op->in[0].dim[0];
    *(struct fold *)*out = (struct fold){.k = k, .each = (size_t)sk_desc_count(&op->in[0]) / k, .eps = op->attr.eps};
    return SK_OK;
}

/* In float64, rounded once. */
static enum sk_code run_fold(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct fold *self = me;
    const float *w = call->in[0], *gamma = call->in[1], *beta = call->in[2], *mean = call->in[3], *var = call->in[4];
    float *folded = call->out[0], *bias = call->out[1];
    (void)err;
    for (size_t o = 0; o < self->k; o++) {
        double scale = (double)gamma[o] / sqrt((double)var[o] + self->eps);
        bias[o] = (float)((double)beta[o] - (double)mean[o] * scale);
        for (size_t i = 0; i < self->each; i++)
            folded[o * self->each + i] = (float)((double)w[o * self->each + i] * scale);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_fold_norm = {
    .name = "cpu", .kind = SK_OP_FOLD_NORM, .open = open_fold, .run = run_fold, .close = sk_free};

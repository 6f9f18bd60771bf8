/* Loss, its gradient, top-1 and top-5, softmax: float32 logits [n][k], in blocks of rows. Labels may be mixed. */
#include "backend/cpu/cpu.h"

#include <string.h>

struct loss {
    size_t n, k;
    struct sk_cpu_blocks blocks; /* of rows */
    float smoothing;
    bool mixed, weighted, parallel;
};
enum { LOSS_BLOCK = 2048 }; /* logits: each costs an exponential */

static enum sk_code open_loss(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    enum sk_code code = sk_cpu_want(&op->in[0], "logits", SK_F32, err);
    if (code == SK_OK && op->in_count > 1)
        code = sk_cpu_want(&op->in[1], "labels", SK_I32, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct loss), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct loss *self = *out;
    size_t n = (size_t)op->in[0].dim[0], k = (size_t)op->in[0].dim[1];
    *self = (struct loss){.n = n,
                          .k = k,
                          .blocks = sk_cpu_blocks_make(n, k < LOSS_BLOCK ? LOSS_BLOCK / k : 1),
                          .smoothing = (float)op->attr.smoothing,
                          .mixed = op->in_count > 2 + op->attr.weighted,
                          .weighted = op->attr.weighted};
    self->parallel = self->blocks.count > 1;
    if (op->kind == SK_OP_LOSS)
        need->scratch = self->blocks.count * sizeof(double);
    snprintf(need->label, sizeof need->label, "float64");
    return SK_OK;
}

static float lambda_of(const struct loss *self, const struct sk_kernel_call *call)
{
    struct sk_mix mix = {.lambda = 1};
    if (self->mixed)
        memcpy(&mix, call->in[2], sizeof mix);
    return mix.lambda;
}

static struct sk_loss loss_of(const struct loss *self, const struct sk_kernel_call *call)
{
    return (struct sk_loss){call->in[0],           call->in[1],     self->n,
                            self->k,               lambda_of(self, call), self->smoothing,
                            self->weighted ? call->in[self->mixed ? 3 : 2] : NULL};
}

/* 1 / what all rows weigh, as torch's mean, which counts those of mixed labels alike; 0 where that is nothing. */
static double share(const struct loss *self, const struct sk_loss *a)
{
    double all = 0;
    if (!self->weighted || self->mixed)
        return 1.0 / (double)a->n;
    for (size_t i = 0; i < a->n; i++) /* a label out of range makes the loss a NaN */
        all += a->label[i] >= 0 && (size_t)a->label[i] < a->k ? (double)a->weight[a->label[i]] : 1;
    return all > 0 ? 1 / all : 0;
}

static enum sk_code run_loss(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct loss *self = me;
    const struct sk_loss loss = loss_of(self, call);
    double *part = call->scratch, sum = 0;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t row = b * self->blocks.size;
        part[b] = sk_loss_ref(&loss, row, row + sk_cpu_block_len(&self->blocks, b));
    }
    for (size_t b = 0; b < self->blocks.count; b++)
        sum += part[b];
    *(float *)call->out[0] = (float)(sum * share(self, &loss));
    return SK_OK;
}

static enum sk_code run_loss_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct loss *self = me;
    const struct sk_loss loss = loss_of(self, call);
    float scale = (float)share(self, &loss);
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t row = b * self->blocks.size;
        sk_loss_grad_ref(&loss, row, row + sk_cpu_block_len(&self->blocks, b), scale, call->out[0]);
    }
    return SK_OK;
}

static enum sk_code run_topk(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct loss *self = me;
    const float *logits = call->in[0];
    const int32_t *label = call->in[1];
    int32_t first[2], *correct = call->out[0];
    (void)err;
    if (lambda_of(self, call) >= 0.5f) {
        sk_topk_ref(logits, label, self->n, self->k, correct);
        return SK_OK;
    }
    sk_topk_ref(logits, label + self->n - 1, 1, self->k, first); /* the other's label is that of the row before */
    sk_topk_ref(logits + self->k, label, self->n - 1, self->k, correct);
    correct[0] += first[0];
    correct[1] += first[1];
    return SK_OK;
}

static enum sk_code run_softmax(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct loss *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t row = b * self->blocks.size;
        sk_softmax_ref((const float *)call->in[0] + row * self->k, sk_cpu_block_len(&self->blocks, b), self->k,
                       (float *)call->out[0] + row * self->k);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_loss = {
    .name = "cpu", .kind = SK_OP_LOSS, .open = open_loss, .run = run_loss, .close = sk_free};
const struct sk_kernel sk_cpu_loss_grad = {
    .name = "cpu", .kind = SK_OP_LOSS_GRAD, .open = open_loss, .run = run_loss_grad, .close = sk_free};
const struct sk_kernel sk_cpu_topk = {
    .name = "cpu", .kind = SK_OP_TOPK, .open = open_loss, .run = run_topk, .close = sk_free};
const struct sk_kernel sk_cpu_softmax = {
    .name = "cpu", .kind = SK_OP_SOFTMAX, .open = open_loss, .run = run_softmax, .close = sk_free};

/* Batch norm: with the batch's statistics, and with running statistics. */
#include "backend/cpu/norm.h"

struct norm {
    const struct sk_kern_norm *kern;
    enum sk_ktype type;
    size_t c, rows;
    struct sk_cpu_blocks blocks;
    bool relu, residual, parallel;
    double eps;
};

static enum sk_code open_norm(void **out, const struct sk_op_desc *op, int variant, int plain,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    struct norm *self;
    enum sk_ktype type;
    enum sk_code code = sk_cpu_type(&op->in[0], "x", &type, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->out[0], "y", op->in[0].dtype, err);
    if (code == SK_OK && op->in_count > plain)
        code = sk_cpu_want(&op->in[plain], "residual", op->in[0].dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof *self, op, variant, need, err);
    if (code != SK_OK)
        return code;
    self = *out;
    *self = (struct norm){.kern = &sk_kern_get()->norm[type],
                          .type = type,
                          .c = sk_cpu_channels(&op->in[0]),
                          .rows = sk_cpu_rows(&op->in[0]),
                          .relu = op->attr.relu,
                          .residual = op->in_count > plain,
                          .eps = op->attr.eps};
    self->blocks = sk_cpu_rows_make(self->rows, self->c);
    self->parallel = self->rows * self->c >= SK_CPU_PARALLEL;
    return SK_OK;
}

static void apply_block(const struct norm *self, size_t b, const void *x, const void *residual, const float *scale,
                        const float *shift, void *y)
{
    size_t at = b * self->blocks.size * self->c;
    self->kern->apply(sk_cpu_at(x, at, self->type), sk_cpu_at(residual, at, self->type),
                      sk_cpu_block_len(&self->blocks, b), self->c, scale, shift, self->relu,
                      sk_cpu_at_mut(y, at, self->type));
}

/* ---- the batch's statistics ---- */

/* Scratch: scale[c], shift[c], then mean[c] and m2[c] of each block. */
static enum sk_code open_batch(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                               struct sk_kernel_need *need, struct sk_err *err)
{
    enum { PLAIN = 3 };
    (void)env;
    enum sk_code code = open_norm(out, op, variant, PLAIN, need, err);
    if (code != SK_OK)
        return code;
    const struct norm *self = *out;
    need->scratch = (2 + 2 * self->blocks.count) * self->c * sizeof(float);
    return SK_OK;
}

/* Mean and variance of channels c0 to c1 from those of the blocks: T. Chan, G. Golub, R. LeVeque, "Updating formulae
 * and a pairwise algorithm for computing sample variances", 1979, for all blocks at once. */
static void combine(const struct norm *self, const float *parts, size_t c0, size_t c1, float *mean, float *var)
{
    double sum[SK_CPU_CHANNELS] = {0}, square[SK_CPU_CHANNELS] = {0};
    size_t c = self->c, n = c1 - c0;
    for (size_t b = 0; b < self->blocks.count; b++)
        for (size_t j = 0; j < n; j++)
            sum[j] += (double)sk_cpu_block_len(&self->blocks, b) * (double)parts[2 * b * c + c0 + j];
    for (size_t j = 0; j < n; j++)
        sum[j] /= (double)self->rows;
    for (size_t b = 0; b < self->blocks.count; b++)
        for (size_t j = 0; j < n; j++) {
            double d = (double)parts[2 * b * c + c0 + j] - sum[j];
            square[j] += (double)parts[(2 * b + 1) * c + c0 + j] + (double)sk_cpu_block_len(&self->blocks, b) * d * d;
        }
    for (size_t j = 0; j < n; j++) {
        mean[c0 + j] = (float)sum[j];
        var[c0 + j] = (float)(square[j] / (double)self->rows);
    }
}

static enum sk_code run_batch(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct norm *self = me;
    const void *x = call->in[0], *residual = self->residual ? call->in[3] : NULL;
    float *mean = call->out[1], *var = call->out[2];
    size_t c = self->c, count = self->blocks.count, groups = sk_cpu_groups(c);
    float *scale = call->scratch, *shift = scale + c, *parts = shift + c;
    (void)err;
#pragma omp parallel if (self->parallel)
    {
#pragma omp for schedule(static)
        for (size_t b = 0; b < count; b++)
            self->kern->stats(sk_cpu_at(x, b * self->blocks.size * c, self->type), sk_cpu_block_len(&self->blocks, b),
                              c, parts + 2 * b * c, parts + (2 * b + 1) * c);
#pragma omp for schedule(static)
        for (size_t g = 0; g < groups; g++) {
            size_t c0 = g * SK_CPU_CHANNELS, c1 = g + 1 < groups ? c0 + SK_CPU_CHANNELS : c;
            combine(self, parts, c0, c1, mean, var);
            sk_cpu_scale_shift((const float *)call->in[1] + c0, (const float *)call->in[2] + c0, mean + c0, var + c0,
                               self->eps, c1 - c0, scale + c0, shift + c0);
        }
        size_t from, to;
        sk_cpu_share(count, &from, &to);
        while (to-- > from) /* backwards: what this thread read last is still in its cache */
            apply_block(self, to, x, residual, scale, shift, call->out[0]);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_batch_norm = {
    .name = "cpu", .kind = SK_OP_BATCH_NORM, .open = open_batch, .run = run_batch, .close = sk_free};

/* ---- running statistics ---- */

static enum sk_code open_infer(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                               struct sk_kernel_need *need, struct sk_err *err)
{
    enum { PLAIN = 5 };
    (void)env;
    enum sk_code code = open_norm(out, op, variant, PLAIN, need, err);
    if (code == SK_OK)
        need->scratch = 2 * ((const struct norm *)*out)->c * sizeof(float);
    return code;
}

static enum sk_code run_infer(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct norm *self = me;
    const void *residual = self->residual ? call->in[5] : NULL;
    float *scale = call->scratch, *shift = scale + self->c;
    (void)err;
    sk_cpu_scale_shift(call->in[1], call->in[2], call->in[3], call->in[4], self->eps, self->c, scale, shift);
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++)
        apply_block(self, b, call->in[0], residual, scale, shift, call->out[0]);
    return SK_OK;
}

const struct sk_kernel sk_cpu_batch_norm_infer = {
    .name = "cpu", .kind = SK_OP_BATCH_NORM_INFER, .open = open_infer, .run = run_infer, .close = sk_free};

/* Batch norm: with the batch's statistics, and with given ones. */
#include "backend/cpu/norm.h"

struct norm {
    struct sk_cpu_norm n;
    bool relu;
    int residual; /* which input, -1: none */
    bool paired;  /* the residual has a norm of its own */
    double eps;
};

enum sk_code sk_cpu_norm_init(struct sk_cpu_norm *n, const struct sk_desc *x, struct sk_err *err)
{
    enum sk_ktype type;
    enum sk_code code = sk_cpu_type(x, "x", &type, err);
    if (code != SK_OK)
        return code;
    *n = (struct sk_cpu_norm){
        .kern = &sk_kern_get()->norm[type], .type = type, .c = sk_cpu_channels(x), .rows = sk_cpu_rows(x)};
    n->blocks = sk_cpu_rows_make(n->rows, n->c);
    n->parallel = n->rows * n->c >= SK_CPU_PARALLEL;
    return SK_OK;
}

static enum sk_code open_norm(void **out, const struct sk_op_desc *op, int variant, int plain,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    struct norm *self;
    struct sk_cpu_norm n;
    enum sk_code code = sk_cpu_norm_init(&n, &op->in[0], err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->out[0], "y", op->in[0].dtype, err);
    if (code == SK_OK && op->in_count > plain)
        code = sk_cpu_want(&op->in[plain], "residual", op->in[0].dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof *self, op, variant, need, err);
    if (code != SK_OK)
        return code;
    self = *out;
    *self = (struct norm){.n = n,
                          .relu = op->attr.relu,
                          .residual = op->in_count > plain ? plain : -1,
                          .paired = op->attr.residual_norm,
                          .eps = op->attr.eps};
    return SK_OK;
}

void sk_cpu_norm_apply(const struct sk_cpu_norm *n, size_t b, const void *x, const void *residual, const float *scale,
                       const float *shift, bool relu, void *y)
{
    size_t at = b * n->blocks.size * n->c;
    n->kern->apply(sk_cpu_at(x, at, n->type), sk_cpu_at(residual, at, n->type), sk_cpu_block_len(&n->blocks, b), n->c,
                   scale, shift, relu, sk_cpu_at_mut(y, at, n->type));
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
    need->scratch = (2 * self->n.c + sk_cpu_norm_parts(&self->n)) * sizeof(float);
    return SK_OK;
}

/* Mean and variance of channels c0 to c1 from those of the blocks: T. Chan, G. Golub, R. LeVeque, "Updating formulae
 * and a pairwise algorithm for computing sample variances", 1979, for all blocks at once. */
static void combine(const struct sk_cpu_norm *norm, const float *parts, size_t c0, size_t c1, float *mean, float *var)
{
    double sum[SK_CPU_CHANNELS] = {0}, square[SK_CPU_CHANNELS] = {0};
    size_t c = norm->c, n = c1 - c0;
    for (size_t b = 0; b < norm->blocks.count; b++)
        for (size_t j = 0; j < n; j++)
            sum[j] += (double)sk_cpu_block_len(&norm->blocks, b) * (double)parts[2 * b * c + c0 + j];
    for (size_t j = 0; j < n; j++)
        sum[j] /= (double)norm->rows;
    for (size_t b = 0; b < norm->blocks.count; b++)
        for (size_t j = 0; j < n; j++) {
            double d = (double)parts[2 * b * c + c0 + j] - sum[j];
            square[j] += (double)parts[(2 * b + 1) * c + c0 + j] + (double)sk_cpu_block_len(&norm->blocks, b) * d * d;
        }
    for (size_t j = 0; j < n; j++) {
        mean[c0 + j] = (float)sum[j];
        var[c0 + j] = (float)(square[j] / (double)norm->rows);
    }
}

void sk_cpu_norm_stats(const struct sk_cpu_norm *n, const void *x, float *parts, float *mean, float *var)
{
    size_t c = n->c, groups = sk_cpu_groups(c);
#pragma omp for schedule(static)
    for (size_t b = 0; b < n->blocks.count; b++)
        n->kern->stats(sk_cpu_at(x, b * n->blocks.size * c, n->type), sk_cpu_block_len(&n->blocks, b), c,
                       parts + 2 * b * c, parts + (2 * b + 1) * c);
#pragma omp for schedule(static)
    for (size_t g = 0; g < groups; g++) {
        size_t c1, c0 = sk_cpu_group(c, g, &c1);
        combine(n, parts, c0, c1, mean, var);
    }
}

static enum sk_code run_batch(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct norm *self = me;
    const void *x = call->in[0], *residual = self->residual >= 0 ? call->in[self->residual] : NULL;
    float *mean = call->out[1], *var = call->out[2];
    size_t c = self->n.c;
    float *scale = call->scratch, *shift = scale + c, *parts = shift + c;
    (void)err;
#pragma omp parallel if (self->n.parallel)
    {
        sk_cpu_norm_stats(&self->n, x, parts, mean, var);
#pragma omp single
        sk_cpu_scale_shift(call->in[1], call->in[2], mean, var, self->eps, c, scale, shift);
        size_t from, to;
        sk_cpu_share(self->n.blocks.count, &from, &to);
        while (to-- > from) /* backwards: what this thread read last is still in its cache */
            sk_cpu_norm_apply(&self->n, to, x, residual, scale, shift, self->relu, call->out[0]);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_batch_norm = {
    .name = "cpu", .kind = SK_OP_BATCH_NORM, .open = open_batch, .run = run_batch, .close = sk_free};

/* ---- given statistics ---- */

/* Scratch: scale and shift [c], and those of the residual. */
static enum sk_code open_infer(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                               struct sk_kernel_need *need, struct sk_err *err)
{
    enum { PLAIN = 5 };
    (void)env;
    enum sk_code code = open_norm(out, op, variant, PLAIN, need, err);
    if (code == SK_OK)
        need->scratch = (op->attr.residual_norm ? 4 : 2) * ((const struct norm *)*out)->n.c * sizeof(float);
    return code;
}

/* A residual with a norm of its own is normalized into y, block by block, so that it is read again from the cache. */
static enum sk_code run_infer(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct norm *self = me;
    void *const *in = call->in, *y = call->out[0];
    const void *raw = self->residual >= 0 ? in[self->residual] : NULL, *residual = self->paired ? y : raw;
    size_t c = self->n.c;
    float *scale = call->scratch, *raw_scale = scale + 2 * c;
    (void)err;
    sk_cpu_scale_shift(in[1], in[2], in[3], in[4], self->eps, c, scale, scale + c);
    if (self->paired)
        sk_cpu_scale_shift(in[6], in[7], in[8], in[9], self->eps, c, raw_scale, raw_scale + c);
#pragma omp parallel for schedule(static) if (self->n.parallel)
    for (size_t b = 0; b < self->n.blocks.count; b++) {
        if (self->paired)
            sk_cpu_norm_apply(&self->n, b, raw, NULL, raw_scale, raw_scale + c, false, y);
        sk_cpu_norm_apply(&self->n, b, in[0], residual, scale, scale + c, self->relu, y);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_batch_norm_infer = {
    .name = "cpu", .kind = SK_OP_BATCH_NORM_INFER, .open = open_infer, .run = run_infer, .close = sk_free};

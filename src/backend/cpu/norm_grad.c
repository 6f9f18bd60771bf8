/* Gradient of batch norm (with the batch's statistics), of the ReLU and of the addition fused into it.
 *
 * With dz = the masked gradient of the output, n rows, xc = x - mean, r = 1 / sqrt(var + eps):
 * dbeta = sum dz, dgamma = r sum dz xc, dx = gamma r (dz - dbeta / n - xc r^2 (sum dz xc) / n)
 * (S. Ioffe, C. Szegedy, "Batch normalization", 2015, section 3). */
#include "backend/cpu/norm.h"

struct norm_grad {
    const struct sk_kern_norm *kern;
    enum sk_ktype type;
    size_t c, rows;
    struct sk_cpu_blocks blocks;
    bool relu, parallel, residual; /* residual: dz is an output too */
    int y, second;                 /* inputs that are these, -1: none */
    double eps;
};
enum { IN_DY, IN_X, IN_GAMMA, IN_BETA, IN_MEAN, IN_VAR, IN_PLAIN };
enum { OUT_DX, OUT_DGAMMA, OUT_DBETA, OUT_RESIDUAL };

static enum sk_code check_types(const struct sk_op_desc *op, struct sk_err *err)
{
    enum sk_dtype type = op->in[IN_X].dtype;
    enum sk_code code = sk_cpu_want(&op->in[IN_DY], "dy", type, err);
    for (int i = IN_PLAIN; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "y or dy2", type, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->out[OUT_DX], "dx", type, err);
    if (code == SK_OK && op->out_count > OUT_RESIDUAL)
        code = sk_cpu_want(&op->out[OUT_RESIDUAL], "dresidual", type, err);
    return code;
}

/* Scratch: scale, shift, k1, k2 [c], then sum[c] and dot[c] of each block. */
static enum sk_code open_grad(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    struct norm_grad *self;
    enum sk_ktype type;
    (void)env;
    enum sk_code code = sk_cpu_type(&op->in[IN_X], "x", &type, err);
    if (code == SK_OK)
        code = check_types(op, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof *self, op, variant, need, err);
    if (code != SK_OK)
        return code;
    self = *out;
    *self = (struct norm_grad){.kern = &sk_kern_get()->norm[type],
                               .type = type,
                               .c = sk_cpu_channels(&op->in[IN_X]),
                               .rows = sk_cpu_rows(&op->in[IN_X]),
                               .relu = op->attr.relu,
                               .residual = op->out_count > OUT_RESIDUAL,
                               .second = op->attr.second ? op->in_count - 1 : -1,
                               .eps = op->attr.eps};
    self->y = op->in_count - (op->attr.second ? 1 : 0) > IN_PLAIN ? IN_PLAIN : -1;
    self->blocks = sk_cpu_rows_make(self->rows, self->c);
    self->parallel = self->rows * self->c >= SK_CPU_PARALLEL;
    need->scratch = (4 + 2 * self->blocks.count) * self->c * sizeof(float);
    return SK_OK;
}

/* What the kernels are told about block b; stored: dz is in dresidual already. */
static struct sk_bn_grad block_args(const struct norm_grad *self, const struct sk_kernel_call *call, size_t b,
                                    bool stored)
{
    size_t at = b * self->blocks.size * self->c;
    float *scale = call->scratch;
    void *dz = self->residual ? sk_cpu_at_mut(call->out[OUT_RESIDUAL], at, self->type) : NULL;
    struct sk_bn_grad a = {.dy = sk_cpu_at(call->in[IN_DY], at, self->type),
                           .x = sk_cpu_at(call->in[IN_X], at, self->type),
                           .scale = scale,
                           .shift = scale + self->c,
                           .mean = call->in[IN_MEAN],
                           .relu = self->relu,
                           .dz = dz};
    if (stored) {
        a.dy = dz;
        a.dz = NULL;
        a.relu = false;
        return a;
    }
    if (self->second >= 0)
        a.dy2 = sk_cpu_at(call->in[self->second], at, self->type);
    if (self->y >= 0)
        a.y = sk_cpu_at(call->in[self->y], at, self->type);
    return a;
}

/* dgamma, dbeta and the factors of the second pass for channels c0 to c1. scale holds gamma r: k0. */
static void combine(const struct norm_grad *self, const struct sk_kernel_call *call, size_t c0, size_t c1)
{
    double sum[SK_CPU_CHANNELS] = {0}, dot[SK_CPU_CHANNELS] = {0};
    size_t c = self->c, n = c1 - c0;
    float *scale = call->scratch, *k1 = scale + 2 * c, *k2 = scale + 3 * c;
    const float *parts = scale + 4 * c, *gamma = call->in[IN_GAMMA], *var = call->in[IN_VAR];
    for (size_t b = 0; b < self->blocks.count; b++)
        for (size_t j = 0; j < n; j++) {
            sum[j] += (double)parts[2 * b * c + c0 + j];
            dot[j] += (double)parts[(2 * b + 1) * c + c0 + j];
        }
    for (size_t j = 0; j < n; j++) {
        double r = 1.0 / sqrt((double)var[c0 + j] + self->eps), k0 = (double)gamma[c0 + j] * r;
        ((float *)call->out[OUT_DGAMMA])[c0 + j] = (float)(r * dot[j]);
        ((float *)call->out[OUT_DBETA])[c0 + j] = (float)sum[j];
        k1[c0 + j] = (float)(-k0 * r * r * dot[j] / (double)self->rows);
        k2[c0 + j] = (float)(-k0 * sum[j] / (double)self->rows);
    }
}

static enum sk_code run_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct norm_grad *self = me;
    size_t c = self->c, count = self->blocks.count, groups = sk_cpu_groups(c);
    float *scale = call->scratch, *k1 = scale + 2 * c, *k2 = scale + 3 * c, *parts = scale + 4 * c;
    (void)err;
    sk_cpu_scale_shift(call->in[IN_GAMMA], call->in[IN_BETA], call->in[IN_MEAN], call->in[IN_VAR], self->eps, c, scale,
                       scale + c);
#pragma omp parallel if (self->parallel)
    {
#pragma omp for schedule(static)
        for (size_t b = 0; b < count; b++) {
            struct sk_bn_grad a = block_args(self, call, b, false);
            self->kern->grad_reduce(&a, sk_cpu_block_len(&self->blocks, b), c, parts + 2 * b * c,
                                    parts + (2 * b + 1) * c);
        }
#pragma omp for schedule(static)
        for (size_t g = 0; g < groups; g++)
            combine(self, call, g * SK_CPU_CHANNELS, g + 1 < groups ? (g + 1) * SK_CPU_CHANNELS : c);
        size_t from, to;
        sk_cpu_share(count, &from, &to);
        while (to-- > from) { /* backwards: what this thread read last is still in its cache */
            struct sk_bn_grad a = block_args(self, call, to, self->residual);
            self->kern->grad_apply(&a, sk_cpu_block_len(&self->blocks, to), c, scale, k1, k2,
                                   sk_cpu_at_mut(call->out[OUT_DX], to * self->blocks.size * c, self->type));
        }
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_batch_norm_grad = {
    .name = "cpu", .kind = SK_OP_BATCH_NORM_GRAD, .open = open_grad, .run = run_grad, .close = sk_free};

/* Gradient of batch norm (with the batch's statistics), of the ReLU and of the addition fused into it.
 *
 * With dz = the masked gradient of the output, n rows, xc = x - mean, r = 1 / sqrt(var + eps):
 * dbeta = sum dz, dgamma = r sum dz xc, dx = gamma r (dz - dbeta / n - xc r dgamma / n)
 * (S. Ioffe, C. Szegedy, "Batch normalization", 2015, section 3). A reduced op is given dz, dgamma and dbeta. */
#include "backend/cpu/norm.h"

struct norm_grad {
    struct sk_cpu_norm n;
    bool reduced, relu, residual; /* residual: dz is an output too */
    int y, second;                /* inputs that are these, -1: none */
    double eps;
};
enum { IN_DY, IN_X, IN_GAMMA, IN_BETA, IN_MEAN, IN_VAR, IN_PLAIN };
enum { REDUCED_MEAN = 3, REDUCED_VAR, REDUCED_DGAMMA, REDUCED_DBETA, REDUCED_PLAIN };
enum { OUT_DX, OUT_DGAMMA, OUT_DBETA, OUT_RESIDUAL };

static enum sk_code check_types(const struct sk_op_desc *op, struct sk_err *err)
{
    enum sk_dtype type = op->in[IN_X].dtype;
    enum sk_code code = sk_cpu_want(&op->in[IN_DY], "dy", type, err);
    for (int i = op->attr.reduced ? REDUCED_PLAIN : IN_PLAIN; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "y or dy2", type, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->out[OUT_DX], "dx", type, err);
    if (code == SK_OK && op->out_count > OUT_RESIDUAL)
        code = sk_cpu_want(&op->out[OUT_RESIDUAL], "dresidual", type, err);
    return code;
}

/* Scratch: k1 and k2 [c], then what sk_cpu_norm_reduce takes; reduced: k1, k2 and k0. */
static enum sk_code open_grad(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    struct norm_grad *self;
    struct sk_cpu_norm n;
    (void)env;
    enum sk_code code = sk_cpu_norm_init(&n, &op->in[IN_X], err);
    if (code == SK_OK)
        code = check_types(op, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof *self, op, variant, need, err);
    if (code != SK_OK)
        return code;
    self = *out;
    *self = (struct norm_grad){.n = n,
                               .reduced = op->attr.reduced,
                               .relu = op->attr.relu,
                               .residual = op->out_count > OUT_RESIDUAL,
                               .y = op->attr.residual && op->attr.relu ? IN_PLAIN : -1,
                               .second = op->attr.second ? op->in_count - 1 : -1,
                               .eps = op->attr.eps};
    need->scratch = (2 * n.c + (self->reduced ? n.c : sk_cpu_norm_reduce_floats(&n))) * sizeof(float);
    return SK_OK;
}

/* ---- mask and sums ---- */

/* What the kernels are told about block b. */
static struct sk_bn_grad block_args(const struct sk_cpu_norm *n, const struct sk_cpu_norm_grad *g, const float *scale,
                                    size_t b)
{
    size_t at = b * n->blocks.size * n->c;
    return (struct sk_bn_grad){.dy = sk_cpu_at(g->dy, at, n->type),
                               .dy2 = sk_cpu_at(g->second, at, n->type),
                               .x = sk_cpu_at(g->x, at, n->type),
                               .y = sk_cpu_at(g->y, at, n->type),
                               .scale = scale,
                               .shift = scale + n->c,
                               .mean = g->mean,
                               .relu = g->relu,
                               .dz = sk_cpu_at_mut(g->dz, at, n->type)};
}

/* dgamma and dbeta of channels c0 to c1. */
static void combine(const struct sk_cpu_norm *norm, const struct sk_cpu_norm_grad *g, const float *parts, size_t c0,
                    size_t c1)
{
    double sum[SK_CPU_CHANNELS] = {0}, dot[SK_CPU_CHANNELS] = {0};
    size_t c = norm->c, n = c1 - c0;
    for (size_t b = 0; b < norm->blocks.count; b++)
        for (size_t j = 0; j < n; j++) {
            sum[j] += (double)parts[2 * b * c + c0 + j];
            dot[j] += (double)parts[(2 * b + 1) * c + c0 + j];
        }
    for (size_t j = 0; j < n; j++) {
        g->dgamma[c0 + j] = (float)(dot[j] / sqrt((double)g->var[c0 + j] + g->eps));
        g->dbeta[c0 + j] = (float)sum[j];
    }
}

void sk_cpu_norm_reduce(const struct sk_cpu_norm *n, const struct sk_cpu_norm_grad *g, float *scratch)
{
    size_t c = n->c, groups = sk_cpu_groups(c);
    float *scale = scratch, *parts = scratch + 2 * c;
#pragma omp single
    sk_cpu_scale_shift(g->gamma, g->beta, g->mean, g->var, g->eps, c, scale, scale + c);
#pragma omp for schedule(static)
    for (size_t b = 0; b < n->blocks.count; b++) {
        struct sk_bn_grad a = block_args(n, g, scale, b);
        n->kern->grad_reduce(&a, sk_cpu_block_len(&n->blocks, b), c, parts + 2 * b * c, parts + (2 * b + 1) * c);
    }
#pragma omp for schedule(static)
    for (size_t group = 0; group < groups; group++) {
        size_t c1, c0 = sk_cpu_group(c, group, &c1);
        combine(n, g, parts, c0, c1);
    }
}

/* ---- the gradient of x ---- */

/* The factors of dx = k0 dz + k1 (x - mean) + k2. */
static void factors(const struct sk_cpu_norm *n, const struct sk_cpu_norm_grad *g, float *k0, float *k1, float *k2)
{
    for (size_t j = 0; j < n->c; j++) {
        double root = sqrt((double)g->var[j] + g->eps), scale = (double)g->gamma[j] / root;
        k0[j] = (float)scale;
        k1[j] = (float)(-scale * (double)g->dgamma[j] / (root * (double)n->rows));
        k2[j] = (float)(-scale * (double)g->dbeta[j] / (double)n->rows);
    }
}

/* k: k1, k2 [c], then k0, which is also the mask's scale, and where there is a mask its shift. In a parallel region. */
static void apply(const struct sk_cpu_norm *n, const struct sk_cpu_norm_grad *g, float *k, void *dx)
{
    size_t c = n->c, from, to;
    float *k0 = k + 2 * c;
#pragma omp single
    factors(n, g, k0, k, k + c);
    sk_cpu_share(n->blocks.count, &from, &to);
    while (to-- > from) { /* backwards: what this thread read last is still in its cache */
        struct sk_bn_grad a = block_args(n, g, k0, to);
        n->kern->grad_apply(&a, sk_cpu_block_len(&n->blocks, to), c, k0, k, k + c,
                            sk_cpu_at_mut(dx, to * n->blocks.size * c, n->type));
    }
}

static struct sk_cpu_norm_grad whole(const struct norm_grad *self, const struct sk_kernel_call *call)
{
    void *const *in = call->in;
    return (struct sk_cpu_norm_grad){.dy = in[IN_DY],
                                     .second = self->second >= 0 ? in[self->second] : NULL,
                                     .x = in[IN_X],
                                     .y = self->y >= 0 ? in[self->y] : NULL,
                                     .gamma = in[IN_GAMMA],
                                     .beta = in[IN_BETA],
                                     .mean = in[IN_MEAN],
                                     .var = in[IN_VAR],
                                     .eps = self->eps,
                                     .relu = self->relu,
                                     .dz = self->residual ? call->out[OUT_RESIDUAL] : NULL,
                                     .dgamma = call->out[OUT_DGAMMA],
                                     .dbeta = call->out[OUT_DBETA]};
}

static struct sk_cpu_norm_grad reduced(const struct norm_grad *self, const struct sk_kernel_call *call)
{
    void *const *in = call->in;
    return (struct sk_cpu_norm_grad){.dy = in[IN_DY],
                                     .x = in[IN_X],
                                     .gamma = in[IN_GAMMA],
                                     .mean = in[REDUCED_MEAN],
                                     .var = in[REDUCED_VAR],
                                     .eps = self->eps,
                                     .dgamma = in[REDUCED_DGAMMA],
                                     .dbeta = in[REDUCED_DBETA]};
}

/* What is left to do where dz was stored. */
static struct sk_cpu_norm_grad after(struct sk_cpu_norm_grad g)
{
    if (g.dz == NULL)
        return g;
    g.dy = g.dz;
    g.dz = NULL;
    g.y = g.second = NULL;
    g.relu = false;
    return g;
}

static enum sk_code run_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct norm_grad *self = me;
    const struct sk_cpu_norm_grad g = self->reduced ? reduced(self, call) : whole(self, call), rest = after(g);
    float *k = call->scratch;
    (void)err;
#pragma omp parallel if (self->n.parallel)
    {
        if (!self->reduced)
            sk_cpu_norm_reduce(&self->n, &g, k + 2 * self->n.c);
        apply(&self->n, &rest, k, call->out[OUT_DX]);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_batch_norm_grad = {
    .name = "cpu", .kind = SK_OP_BATCH_NORM_GRAD, .open = open_grad, .run = run_grad, .close = sk_free};

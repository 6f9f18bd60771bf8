/* Group norm (Wu and He, "Group Normalization", 2018) by the passes of batch norm: a sample is a tensor of its own, and
 * the channels of a group share its mean and variance. */
#include "backend/cpu/norm.h"

struct group_norm {
    const struct sk_kern_norm *kern;
    enum sk_ktype type;
    size_t n, rows, c, groups;
    size_t each; /* scratch floats of a sample */
    double eps;
    bool parallel;
};
enum { FORWARD_FLOATS = 2, BACKWARD_FLOATS = 8 }; /* a channel */

static enum sk_code open_norm(void **out, const struct sk_op_desc *op, const struct sk_desc *x, size_t floats,
                              int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    enum sk_code code = sk_cpu_type(x, "x", &type, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->out[0], "the output", x->dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct group_norm), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct group_norm *self = *out;
    *self = (struct group_norm){.kern = &sk_kern_get()->norm[type],
                                .type = type,
                                .n = (size_t)x->dim[0],
                                .rows = (size_t)(x->dim[1] * x->dim[2]),
                                .c = (size_t)x->dim[3],
                                .groups = (size_t)op->attr.groups,
                                .eps = op->attr.eps,
                                .parallel = sk_desc_count(x) >= SK_CPU_PARALLEL};
    self->each = (floats * self->c + 15) / 16 * 16;
    sk_cpu_piece(&need->scratch, self->n * self->each * sizeof(float));
    return SK_OK;
}

static size_t elements(const struct group_norm *g)
{
    return g->rows * g->c;
}

/* ---- forward ---- */

/* Mean and variance of a group from those of its channels. */
static void combine(const struct group_norm *g, size_t group, const float *mean, const float *m2, float *out_mean,
                    float *out_var)
{
    size_t c = g->c / g->groups, first = group * c;
    double sum = 0, square = 0;
    for (size_t j = first; j < first + c; j++)
        sum += (double)mean[j];
    double all = sum / (double)c;
    for (size_t j = first; j < first + c; j++) {
        double off = (double)mean[j] - all;
        square += (double)m2[j] + (double)g->rows * off * off;
    }
    out_mean[group] = (float)all;
    out_var[group] = (float)(square / (double)(c * g->rows));
}

static void forward(const struct group_norm *g, const struct sk_kernel_call *call, size_t i)
{
    float *a = (float *)call->scratch + i * g->each, *b = a + g->c;
    float *mean = (float *)call->out[1] + i * g->groups, *var = (float *)call->out[2] + i * g->groups;
    const float *gamma = call->in[1], *beta = call->in[2];
    const void *x = sk_cpu_at(call->in[0], i * elements(g), g->type);
    g->kern->stats(x, g->rows, g->c, a, b);
    for (size_t k = 0; k < g->groups; k++)
        combine(g, k, a, b, mean, var);
    for (size_t j = 0; j < g->c; j++) {
        size_t k = j / (g->c / g->groups);
        double scale = (double)gamma[j] / sqrt((double)var[k] + g->eps);
        a[j] = (float)scale;
        b[j] = (float)((double)beta[j] - (double)mean[k] * scale);
    }
    g->kern->apply(x, NULL, g->rows, g->c, a, b, false, sk_cpu_at_mut(call->out[0], i * elements(g), g->type));
}

static enum sk_code open_forward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_norm(out, op, &op->in[0], FORWARD_FLOATS, variant, need, err);
}

static enum sk_code run_forward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct group_norm *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        forward(self, call, i);
    return SK_OK;
}

/* ---- backward ---- */

/* Of a sample, a value a channel: sums of dy and dy * (x - mean), which are scaled to what dbeta and dgamma get, then
 * what the passes take. */
struct channels {
    float *sum, *dot, *mean, *one, *k0, *k1, *k2;
};
static struct channels channels_of(const struct group_norm *g, const struct sk_kernel_call *call, size_t i)
{
    float *at = (float *)call->scratch + i * g->each;
    size_t c = g->c;
    return (struct channels){at, at + c, at + 2 * c, at + 3 * c, at + 4 * c, at + 5 * c, at + 6 * c};
}

/* With r = 1 / sqrt(var + eps) and m values in the group: dx = r * gamma * dy - r * S1 / m - r^3 * (x - mean) * S2 / m,
 * where S1 and S2 are the group's sums of gamma * dy and gamma * dy * (x - mean). */
static void coefficients(const struct group_norm *g, size_t group, const float *gamma, double var,
                         const struct channels *a)
{
    size_t c = g->c / g->groups, first = group * c;
    double r = 1 / sqrt(var + g->eps), m = (double)(c * g->rows), s1 = 0, s2 = 0;
    for (size_t j = first; j < first + c; j++) {
        s1 += (double)gamma[j] * (double)a->sum[j];
        s2 += (double)gamma[j] * (double)a->dot[j];
    }
    for (size_t j = first; j < first + c; j++) {
        a->k0[j] = (float)(r * (double)gamma[j]);
        a->k1[j] = (float)(-r * r * r * s2 / m);
        a->k2[j] = (float)(-r * s1 / m);
        a->dot[j] = (float)(r * (double)a->dot[j]);
    }
}

static void backward(const struct group_norm *g, const struct sk_kernel_call *call, size_t i)
{
    struct channels a = channels_of(g, call, i);
    const float *mean = (const float *)call->in[3] + i * g->groups, *var = (const float *)call->in[4] + i * g->groups;
    for (size_t j = 0; j < g->c; j++)
        a.mean[j] = mean[j / (g->c / g->groups)], a.one[j] = 1;
    const struct sk_bn_grad grad = {.dy = sk_cpu_at(call->in[0], i * elements(g), g->type),
                                    .x = sk_cpu_at(call->in[1], i * elements(g), g->type),
                                    .scale = a.one,
                                    .shift = a.one,
                                    .mean = a.mean};
    g->kern->grad_reduce(&grad, g->rows, g->c, a.sum, a.dot);
    for (size_t k = 0; k < g->groups; k++)
        coefficients(g, k, call->in[2], (double)var[k], &a);
    g->kern->grad_apply(&grad, g->rows, g->c, a.k0, a.k1, a.k2, sk_cpu_at_mut(call->out[0], i * elements(g), g->type));
}

/* In the order of samples, whatever the number of threads. */
static void add_up(const struct group_norm *g, const struct sk_kernel_call *call)
{
    float *dgamma = call->out[1], *dbeta = call->out[2];
    for (size_t j = 0; j < g->c; j++) {
        double sum = 0, dot = 0;
        for (size_t i = 0; i < g->n; i++) {
            struct channels a = channels_of(g, call, i);
            sum += (double)a.sum[j];
            dot += (double)a.dot[j];
        }
        dgamma[j] = (float)dot;
        dbeta[j] = (float)sum;
    }
}

static enum sk_code open_backward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                  struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    return open_norm(out, op, &op->in[1], BACKWARD_FLOATS, variant, need, err);
}

static enum sk_code run_backward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct group_norm *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        backward(self, call, i);
    add_up(self, call);
    return SK_OK;
}

const struct sk_kernel sk_cpu_group_norm = {
    .name = "cpu", .kind = SK_OP_GROUP_NORM, .open = open_forward, .run = run_forward, .close = sk_free};
const struct sk_kernel sk_cpu_group_norm_grad = {
    .name = "cpu", .kind = SK_OP_GROUP_NORM_GRAD, .open = open_backward, .run = run_backward, .close = sk_free};

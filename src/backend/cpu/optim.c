/* Optimizer updates of one parameter, the norm of all gradients, sums and averages. Sums are over blocks, whatever the
 * number of threads. */
#include "backend/cpu/cpu.h"

#include <math.h>

/* How a parameter moves. measure: where a trust ratio is used, what it is made of. */
struct rule {
    size_t update, measure; /* offsets in struct sk_kern_optim */
    double (*trust)(const struct sk_attr_optim *a, const double norm[2]);
};

struct optim {
    const struct sk_kern_optim *kern;
    sk_optim_update *update;
    sk_optim_measure *measure; /* NULL: none */
    const struct rule *rule;
    struct sk_cpu_blocks blocks; /* of elements */
    struct sk_attr_optim attr;
    int slots;
    bool parallel;
};

/* You, Gitman, Ginsburg 2017, algorithm 1. */
static double trust_lars(const struct sk_attr_optim *a, const double norm[2])
{
    return norm[0] > 0 && norm[1] > 0 ? a->trust * norm[0] / (norm[1] + a->weight_decay * norm[0]) : 1;
}

/* You et al. 2020, algorithm 2, phi being the identity. */
static double trust_lamb(const struct sk_attr_optim *a, const double norm[2])
{
    (void)a;
    return norm[0] > 0 && norm[1] > 0 ? norm[0] / norm[1] : 1;
}

#define OF(member) offsetof(struct sk_kern_optim, member)
static const struct rule rules[SK_OPTIMIZERS] = {
    [SK_OPT_SGD] = {.update = OF(sgd)},
    [SK_OPT_ADAM] = {.update = OF(adam)},
    [SK_OPT_ADAMW] = {.update = OF(adam)},
    [SK_OPT_RMSPROP] = {.update = OF(rmsprop)},
    [SK_OPT_ADAGRAD] = {.update = OF(adagrad)},
    [SK_OPT_ADADELTA] = {.update = OF(adadelta)},
    [SK_OPT_LARS] = {.update = OF(sgd), .measure = OF(gradient), .trust = trust_lars},
    [SK_OPT_LAMB] = {.update = OF(lamb), .measure = OF(moments), .trust = trust_lamb},
};

static enum sk_code want_floats(const struct sk_op_desc *op, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "an input", SK_F32, err);
    return code;
}

static enum sk_code open_optim(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                               struct sk_kernel_need *need, struct sk_err *err)
{
    (void)env;
    enum sk_code code = want_floats(op, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct optim), op, variant, need, err);
    if (code != SK_OK)
        return code;
    size_t n = (size_t)sk_desc_count(&op->in[0]);
    struct optim *self = *out;
    *self = (struct optim){.kern = &sk_kern_get()->optim,
                           .blocks = sk_cpu_blocks_make(n, SK_CPU_BLOCK),
                           .attr = op->attr.optim,
                           .slots = op->out_count - 1,
                           .parallel = n >= SK_CPU_PARALLEL};
    need->scratch = self->blocks.count * 2 * sizeof(double);
    return SK_OK;
}

static enum sk_code open_update(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_code code = open_optim(out, op, env, variant, need, err);
    if (code != SK_OK)
        return code;
    struct optim *self = *out;
    const char *table = (const char *)self->kern;
    self->rule = &rules[self->attr.name];
    self->update = *(sk_optim_update *const *)(const void *)(table + self->rule->update);
    if (self->rule->trust)
        self->measure = *(sk_optim_measure *const *)(const void *)(table + self->rule->measure);
    snprintf(need->label, sizeof need->label, "%s %s", sk_optimizer_name(self->attr.name),
             sk_isa_name(sk_isa_level()));
    return SK_OK;
}

/* ---- over the blocks of a parameter ---- */
struct piece {
    float *p, *slot[SK_OPTIM_SLOTS];
    const float *g;
    size_t n;
};

/* p and the slots are updated in place (graph.h): in[] and out[] of them are the same memory. */
static struct piece piece_of(const struct optim *self, const struct sk_kernel_call *call, size_t block)
{
    size_t at = block * self->blocks.size;
    struct piece b = {.p = (float *)call->in[0] + at,
                      .g = (const float *)call->in[1] + at,
                      .n = sk_cpu_block_len(&self->blocks, block)};
    for (int i = 0; i < self->slots; i++)
        b.slot[i] = (float *)call->out[i + 1] + at;
    return b;
}

static void sum_parts(const double *part, size_t blocks, double sum[2])
{
    sum[0] = sum[1] = 0;
    for (size_t b = 0; b < blocks; b++) {
        sum[0] += part[2 * b];
        sum[1] += part[2 * b + 1];
    }
}

static void measure(const struct optim *self, const struct sk_kernel_call *call, const struct sk_optim *a,
                    double norm[2])
{
    double *part = call->scratch;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        struct piece x = piece_of(self, call, b);
        self->measure(x.p, x.g, x.slot, x.n, a, part + 2 * b);
    }
    sum_parts(part, self->blocks.count, norm);
    norm[0] = sqrt(norm[0]);
    norm[1] = sqrt(norm[1]);
}

/* As torch.nn.utils.clip_grad_norm_. */
static double clip_scale(const struct optim *self, const struct sk_kernel_call *call)
{
    if (!(self->attr.clip_norm > 0))
        return 1;
    const float *square = call->in[2 + self->slots];
    double scale = self->attr.clip_norm / (sqrt((double)square[0] + (double)square[1]) + 1e-6);
    return scale < 1 || isnan(scale) ? scale : 1;
}

static struct sk_optim arguments(const struct optim *self, const struct sk_kernel_call *call)
{
    const struct sk_attr_optim *a = &self->attr;
    double t = (double)call->step->step + 1, lr = call->step->lr;
    double cycled = call->step->momentum, momentum = cycled > 0 ? cycled : a->momentum;
    double beta1 = cycled > 0 ? cycled : a->beta1;
    bool lars = a->name == SK_OPT_LARS; /* its momentum holds steps: the rate is in the ratio */
    return (struct sk_optim){
        .lr = lars ? 1.0f : (float)lr,
        .scale = (float)clip_scale(self, call),
        .clip = a->clip_value > 0 ? (float)a->clip_value : INFINITY,
        .decay = a->decoupled ? 0.0f : (float)a->weight_decay,
        .trust = lars ? (float)lr : 1.0f,
        .shrink = a->decoupled ? 1.0f - (float)lr * (float)a->weight_decay : 1.0f,
        .momentum = (float)momentum,
        .keep = call->step->step > 0 && momentum > 0 ? (float)(1 - a->dampening) : 1.0f,
        .beta1 = (float)beta1,
        .beta2 = (float)a->beta2,
        .rest1 = (float)(1 - beta1),
        .rest2 = (float)(1 - a->beta2),
        .eps = (float)a->eps,
        .c1 = (float)(1 - pow(beta1, t)),
        .c2 = (float)(1 - pow(a->beta2, t)),
        .nesterov = a->nesterov,
        .centered = a->centered,
    };
}

static enum sk_code run_update(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct optim *self = me;
    struct sk_optim a = arguments(self, call);
    double norm[2];
    (void)err;
    if (self->measure)
        measure(self, call, &a, norm);
    if (self->measure && self->attr.trust > 0)
        a.trust *= (float)self->rule->trust(&self->attr, norm);
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        struct piece x = piece_of(self, call, b);
        self->update(x.p, x.g, x.slot, x.n, &a);
    }
    return SK_OK;
}

/* ---- the norm of all gradients ---- */
static enum sk_code run_square_sum(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct optim *self = me;
    const struct sk_optim plain = {.scale = 1, .clip = INFINITY};
    const float *g = call->in[0], *before = call->in[1];
    float *out = call->out[0];
    double *part = call->scratch, sum[2];
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        const float *x = g + b * self->blocks.size;
        self->kern->gradient(x, x, NULL, sk_cpu_block_len(&self->blocks, b), &plain, part + 2 * b);
    }
    sum_parts(part, self->blocks.count, sum);
    if (before)
        sum[1] += (double)before[0] + (double)before[1];
    out[0] = (float)sum[1];
    out[1] = isfinite(out[0]) ? (float)(sum[1] - (double)out[0]) : 0.0f;
    return SK_OK;
}

/* ---- y += share * (x - y), or sums ---- */
static void mix(const struct optim *self, const struct sk_kernel_call *call, float keep, float share)
{
    const float *x = call->in[0];
    float *y = call->out[0];
    size_t n = self->blocks.n;
#pragma omp parallel for simd schedule(static) if (self->parallel)
    for (size_t i = 0; i < n; i++)
        y[i] = (keep == 0 ? 0 : keep * y[i]) + share * x[i];
}

static enum sk_code run_accumulate(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    (void)err;
    mix(me, call, call->step->part > 0 ? 1.0f : 0.0f, (float)call->step->share);
    return SK_OK;
}

static enum sk_code open_average(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_code code = open_optim(out, op, env, variant, need, err);
    if (code == SK_OK)
        ((struct optim *)*out)->attr.momentum = op->attr.momentum;
    return code;
}

/* The first update is copied: what the average held before says nothing. */
static enum sk_code run_average(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct optim *self = me;
    double t = (double)call->step->step, decay = fmin(self->attr.momentum, t / (t + 9));
    (void)err;
    mix(self, call, (float)decay, (float)(1 - decay));
    return SK_OK;
}

const struct sk_kernel sk_cpu_update = {
    .name = "cpu", .kind = SK_OP_UPDATE, .open = open_update, .run = run_update, .close = sk_free};
const struct sk_kernel sk_cpu_square_sum = {
    .name = "cpu", .kind = SK_OP_SQUARE_SUM, .open = open_optim, .run = run_square_sum, .close = sk_free};
const struct sk_kernel sk_cpu_accumulate = {
    .name = "cpu", .kind = SK_OP_ACCUMULATE, .open = open_optim, .run = run_accumulate, .close = sk_free};
const struct sk_kernel sk_cpu_average = {
    .name = "cpu", .kind = SK_OP_AVERAGE, .open = open_average, .run = run_average, .close = sk_free};

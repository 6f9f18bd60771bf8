/* Gates of squeeze-and-excitation: a factor for each sample and channel, and its gradient; the gradient of a bias,
 * which is the same sum over rows. By the passes of batch norm. */
#include "backend/cpu/norm.h"

#include <string.h>

struct gate {
    const struct sk_kern_norm *norm;
    const struct sk_kern_point *point;
    enum sk_ktype type;
    size_t n, rows, c;           /* samples, their rows */
    struct sk_cpu_blocks blocks; /* bias: of all rows */
    bool parallel;
};
enum { PARTS = 3 }; /* floats of scratch a channel: of each sample, or of each block */

static enum sk_code open_gate(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    const struct sk_desc *x = &op->in[0];
    (void)env;
    enum sk_code code = sk_cpu_type(x, "the input", &type, err);
    if (code == SK_OK && op->kind != SK_OP_BIAS_GRAD)
        code = sk_cpu_want(&op->in[1], "the second input", x->dtype, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->out[0], "the output", op->kind == SK_OP_BIAS_GRAD ? SK_F32 : x->dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct gate), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct gate *self = *out;
    size_t n = (size_t)x->dim[0];
    *self = (struct gate){.norm = &sk_kern_get()->norm[type],
                          .point = &sk_kern_get()->point[type],
                          .type = type,
                          .n = n,
                          .rows = sk_cpu_rows(x) / n,
                          .c = sk_cpu_channels(x),
                          .blocks = sk_cpu_rows_make(sk_cpu_rows(x), sk_cpu_channels(x)),
                          .parallel = sk_desc_count(x) >= SK_CPU_PARALLEL};
    size_t parts = op->kind == SK_OP_BIAS_GRAD ? self->blocks.count : n;
    sk_cpu_piece(&need->scratch, PARTS * parts * self->c * sizeof(float));
    return SK_OK;
}

static float *scratch_of(const struct gate *g, const struct sk_kernel_call *call, size_t i)
{
    return (float *)call->scratch + PARTS * i * g->c;
}

/* y = x * s for the rows of sample i. */
static void scale(const struct gate *g, const struct sk_kernel_call *call, size_t i)
{
    float *s = scratch_of(g, call, i), *zero = s + g->c;
    size_t at = i * g->rows * g->c;
    g->point->to_f32(sk_cpu_at(call->in[1], i * g->c, g->type), g->c, s);
    memset(zero, 0, g->c * sizeof *zero);
    g->norm->apply(sk_cpu_at(call->in[0], at, g->type), NULL, g->rows, g->c, s, zero, false,
                   sk_cpu_at_mut(call->out[0], at, g->type));
}

static enum sk_code run_gate(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct gate *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++)
        scale(self, call, i);
    return SK_OK;
}

/* Sums over rows rows of dy, and of dy * x, in three vectors of c floats: sum, dot, zero. */
static void reduce(const struct gate *g, const void *dy, const void *x, size_t rows, float *parts)
{
    float *zero = parts + 2 * g->c;
    memset(zero, 0, g->c * sizeof *zero);
    const struct sk_bn_grad grad = {.dy = dy, .x = x, .scale = zero, .shift = zero, .mean = zero};
    g->norm->grad_reduce(&grad, rows, g->c, parts, parts + g->c);
}

static enum sk_code run_gate_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct gate *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t i = 0; i < self->n; i++) {
        float *parts = scratch_of(self, call, i);
        size_t at = i * self->rows * self->c;
        reduce(self, sk_cpu_at(call->in[0], at, self->type), sk_cpu_at(call->in[1], at, self->type), self->rows, parts);
        self->point->from_f32(parts + self->c, self->c, sk_cpu_at_mut(call->out[0], i * self->c, self->type));
    }
    return SK_OK;
}

static enum sk_code run_bias_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct gate *self = me;
    float *db = call->out[0];
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        const void *dy = sk_cpu_at(call->in[0], b * self->blocks.size * self->c, self->type);
        reduce(self, dy, dy, sk_cpu_block_len(&self->blocks, b), scratch_of(self, call, b));
    }
    for (size_t j = 0; j < self->c; j++) {
        double sum = 0;
        for (size_t b = 0; b < self->blocks.count; b++)
            sum += (double)scratch_of(self, call, b)[j];
        db[j] = (float)sum;
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_gate = {
    .name = "cpu", .kind = SK_OP_GATE, .open = open_gate, .run = run_gate, .close = sk_free};
const struct sk_kernel sk_cpu_gate_grad = {
    .name = "cpu", .kind = SK_OP_GATE_GRAD, .open = open_gate, .run = run_gate_grad, .close = sk_free};
const struct sk_kernel sk_cpu_bias_grad = {
    .name = "cpu", .kind = SK_OP_BIAS_GRAD, .open = open_gate, .run = run_bias_grad, .close = sk_free};

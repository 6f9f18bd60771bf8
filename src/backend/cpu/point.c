/* Pointwise ops: activations and their gradients, and addition. */
#include "backend/cpu/cpu.h"

struct point {
    void (*one)(const void *x, size_t n, void *y);                /* activations */
    void (*two)(const void *a, const void *b, size_t n, void *y); /* their gradients, addition */
    enum sk_ktype type;
    struct sk_cpu_blocks blocks; /* of elements */
    bool parallel;
};

static void choose(struct point *self, enum sk_op_kind kind)
{
    const struct sk_kern_point *point = &sk_kern_get()->point[self->type];
    const struct sk_kern_act *act = &sk_kern_get()->act[self->type];
    self->one = kind == SK_OP_RELU ? point->relu : kind == SK_OP_SILU ? act->silu : act->sigmoid;
    self->two = kind == SK_OP_ADD         ? point->add
                : kind == SK_OP_RELU_GRAD ? point->relu_grad
                : kind == SK_OP_SILU_GRAD ? act->silu_grad
                                          : act->sigmoid_grad;
}

/* All tensors of these ops have one type and one size. */
static enum sk_code open_point(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                               struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    (void)env;
    enum sk_code code = sk_cpu_type(&op->out[0], "the output", &type, err);
    for (int i = 0; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "an input", op->out[0].dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct point), op, variant, need, err);
    if (code != SK_OK)
        return code;
    size_t n = (size_t)sk_desc_count(&op->out[0]);
    *(struct point *)*out = (struct point){.type = type,
                                           .blocks = sk_cpu_blocks_make(n, SK_CPU_BLOCK),
                                           .parallel = n >= SK_CPU_PARALLEL};
    choose(*out, op->kind);
    return SK_OK;
}

static enum sk_code run_one(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct point *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->one(sk_cpu_at(call->in[0], at, self->type), sk_cpu_block_len(&self->blocks, b),
                  sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

static enum sk_code run_two(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct point *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->two(sk_cpu_at(call->in[0], at, self->type), sk_cpu_at(call->in[1], at, self->type),
                  sk_cpu_block_len(&self->blocks, b), sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_relu = {
    .name = "cpu", .kind = SK_OP_RELU, .open = open_point, .run = run_one, .close = sk_free};
const struct sk_kernel sk_cpu_relu_grad = {
    .name = "cpu", .kind = SK_OP_RELU_GRAD, .open = open_point, .run = run_two, .close = sk_free};
const struct sk_kernel sk_cpu_silu = {
    .name = "cpu", .kind = SK_OP_SILU, .open = open_point, .run = run_one, .close = sk_free};
const struct sk_kernel sk_cpu_silu_grad = {
    .name = "cpu", .kind = SK_OP_SILU_GRAD, .open = open_point, .run = run_two, .close = sk_free};
const struct sk_kernel sk_cpu_sigmoid = {
    .name = "cpu", .kind = SK_OP_SIGMOID, .open = open_point, .run = run_one, .close = sk_free};
const struct sk_kernel sk_cpu_sigmoid_grad = {
    .name = "cpu", .kind = SK_OP_SIGMOID_GRAD, .open = open_point, .run = run_two, .close = sk_free};
const struct sk_kernel sk_cpu_add = {
    .name = "cpu", .kind = SK_OP_ADD, .open = open_point, .run = run_two, .close = sk_free};

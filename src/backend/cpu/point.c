/* Pointwise ops: ReLU and its gradient, addition, and normalization of pixels. */
#include "backend/cpu/cpu.h"

struct point {
    const struct sk_kern_point *kern;
    enum sk_ktype type;
    struct sk_cpu_blocks blocks; /* of elements */
    bool relu, parallel;
};

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
    *(struct point *)*out = (struct point){.kern = &sk_kern_get()->point[type],
                                           .type = type,
                                           .blocks = sk_cpu_blocks_make(n, SK_CPU_BLOCK),
                                           .relu = op->attr.relu,
                                           .parallel = n >= SK_CPU_PARALLEL};
    return SK_OK;
}

static enum sk_code run_relu(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct point *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->kern->relu(sk_cpu_at(call->in[0], at, self->type), sk_cpu_block_len(&self->blocks, b),
                         sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

static enum sk_code run_relu_grad(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct point *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->kern->relu_grad(sk_cpu_at(call->in[0], at, self->type), sk_cpu_at(call->in[1], at, self->type),
                              sk_cpu_block_len(&self->blocks, b), sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

static enum sk_code run_add(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct point *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        self->kern->add(sk_cpu_at(call->in[0], at, self->type), sk_cpu_at(call->in[1], at, self->type),
                        sk_cpu_block_len(&self->blocks, b), self->relu, sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_relu = {
    .name = "cpu", .kind = SK_OP_RELU, .open = open_point, .run = run_relu, .close = sk_free};
const struct sk_kernel sk_cpu_relu_grad = {
    .name = "cpu", .kind = SK_OP_RELU_GRAD, .open = open_point, .run = run_relu_grad, .close = sk_free};
const struct sk_kernel sk_cpu_add = {
    .name = "cpu", .kind = SK_OP_ADD, .open = open_point, .run = run_add, .close = sk_free};

/* ---- pixels ---- */

struct normalize {
    const struct sk_kern_point *kern;
    enum sk_ktype type;
    bool bytes, parallel;
    size_t c;
    struct sk_cpu_blocks blocks; /* of rows */
    float mul[SK_MAX_CHANNELS], add[SK_MAX_CHANNELS];
};

static enum sk_code check_pixels(const struct sk_op_desc *op, struct sk_err *err)
{
    size_t c = sk_cpu_channels(&op->in[0]);
    if (op->in[0].dtype != SK_U8 && op->in[0].dtype != SK_F32)
        return sk_fail(err, SK_UNSUPPORTED, "pixels are %s, neither u8 nor f32", sk_dtype_name(op->in[0].dtype));
    if (c > SK_MAX_CHANNELS)
        return sk_fail(err, SK_UNSUPPORTED, "pixels have %zu channels, more than %d", c, (int)SK_MAX_CHANNELS);
    for (size_t j = 0; j < c; j++)
        if (!(op->attr.std[j] > 0))
            return sk_fail(err, SK_UNSUPPORTED, "the standard deviation of channel %zu is not above 0", j);
    return SK_OK;
}

static enum sk_code open_normalize(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    (void)env;
    enum sk_code code = sk_cpu_type(&op->out[0], "y", &type, err);
    if (code == SK_OK)
        code = check_pixels(op, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct normalize), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct normalize *self = *out;
    size_t c = sk_cpu_channels(&op->in[0]), rows = sk_cpu_rows(&op->in[0]);
    *self = (struct normalize){.kern = &sk_kern_get()->point[type],
                               .type = type,
                               .bytes = op->in[0].dtype == SK_U8,
                               .c = c,
                               .blocks = sk_cpu_rows_make(rows, c),
                               .parallel = rows * c >= SK_CPU_PARALLEL};
    for (size_t j = 0; j < c; j++) {
        self->mul[j] = (float)((self->bytes ? 1.0 / 255.0 : 1.0) / op->attr.std[j]);
        self->add[j] = (float)(-op->attr.mean[j] / op->attr.std[j]);
    }
    return SK_OK;
}

static enum sk_code run_normalize(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct normalize *self = me;
    (void)err;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t rows = sk_cpu_block_len(&self->blocks, b), at = b * self->blocks.size * self->c;
        void *y = sk_cpu_at_mut(call->out[0], at, self->type);
        if (self->bytes)
            self->kern->normalize_u8((const uint8_t *)call->in[0] + at, rows, self->c, self->mul, self->add, y);
        else
            self->kern->normalize_f32((const float *)call->in[0] + at, rows, self->c, self->mul, self->add, y);
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_normalize = {
    .name = "cpu", .kind = SK_OP_NORMALIZE, .open = open_normalize, .run = run_normalize, .close = sk_free};

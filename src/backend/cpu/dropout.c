/* Dropout and its gradient: the mask is made again from (seed, step, salt, element), never stored. With attr.whole an
 * element is a whole sample (stochastic depth: Huang et al., 2016). */
#include "backend/cpu/cpu.h"

#include <math.h>

struct dropout {
    const struct sk_kern_point *kern;
    enum sk_ktype type;
    struct sk_cpu_blocks blocks; /* of elements */
    bool parallel;
    size_t whole; /* elements of a sample; 0: each element for itself */
    uint32_t threshold, salt;
    float scale;
};

static enum sk_code open_dropout(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    double p = op->attr.p;
    (void)env;
    if (!(p >= 0 && p < 1))
        return sk_fail(err, SK_UNSUPPORTED, "p is %g, not in [0, 1)", p);
    enum sk_code code = sk_cpu_type(&op->in[0], "x", &type, err);
    if (code == SK_OK)
        code = sk_cpu_want(&op->out[0], "y", op->in[0].dtype, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct dropout), op, variant, need, err);
    if (code != SK_OK)
        return code;
    size_t n = (size_t)sk_desc_count(&op->in[0]);
    size_t whole = op->attr.whole ? n / (size_t)op->in[0].dim[0] : 0;
    *(struct dropout *)*out = (struct dropout){.kern = &sk_kern_get()->point[type],
                                               .type = type,
                                               .blocks = sk_cpu_blocks_make(n, whole > 0 ? whole : SK_CPU_BLOCK),
                                               .whole = whole,
                                               .parallel = n >= SK_CPU_PARALLEL,
                                               .threshold = (uint32_t)fmin(p * 0x1p32, 0x1p32 - 1),
                                               .salt = (uint32_t)op->attr.salt,
                                               .scale = (float)(1.0 / (1.0 - p))};
    return SK_OK;
}

/* All of sample i is kept, or nothing. */
static void drop_sample(const struct dropout *d, const struct sk_kernel_call *call, const uint32_t key[2], size_t i)
{
    const float one = 1, zero = 0;
    float factor;
    sk_kern_get()->point[SK_K_F32].dropout(&one, 1, key, i, d->threshold, d->scale, &factor);
    sk_kern_get()->norm[d->type].apply(sk_cpu_at(call->in[0], i * d->whole, d->type), NULL, d->whole, 1, &factor, &zero, false,
                                       sk_cpu_at_mut(call->out[0], i * d->whole, d->type));
}

static enum sk_code run_dropout(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct dropout *self = me;
    uint64_t seed = (uint64_t)call->step->seed, step = (uint64_t)call->step->step;
    uint32_t salt = self->salt + ((uint32_t)call->step->part << 16); /* parts of a batch have masks of their own */
    const uint32_t from[4] = {(uint32_t)step, (uint32_t)(step >> 32), salt, SK_RNG_DROPOUT};
    const uint32_t by[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t key[4];
    (void)err;
    sk_philox(from, by, key); /* a key for each (seed, step, salt) */
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        if (self->whole > 0)
            drop_sample(self, call, key, b);
        else
            self->kern->dropout(sk_cpu_at(call->in[0], at, self->type), sk_cpu_block_len(&self->blocks, b), key, at,
                            self->threshold, self->scale, sk_cpu_at_mut(call->out[0], at, self->type));
    }
    return SK_OK;
}

const struct sk_kernel sk_cpu_dropout = {
    .name = "cpu", .kind = SK_OP_DROPOUT, .open = open_dropout, .run = run_dropout, .close = sk_free};
const struct sk_kernel sk_cpu_dropout_grad = {
    .name = "cpu", .kind = SK_OP_DROPOUT_GRAD, .open = open_dropout, .run = run_dropout, .close = sk_free};

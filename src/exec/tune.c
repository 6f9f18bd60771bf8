/* Measuring: candidates for one op run on random values, in turns, and the shortest run of each counts. */
#include <math.h>
#include <string.h>

#include "exec/internal.h"

enum { ROUNDS_MIN = 2, ROUNDS_MAX = 20, BLOCK = 16381, ALIGN = 64 };
static const double budget_ms = 60; /* an op's rounds end when they took as long */
static const double cheap_ms =
    100; /* a slow first run no longer than this is repeated: it may have lost its processor */
/* Times the best: after the first run, after a round, and what is as good. */
static const double out_of_race = 2, left_behind = 1.25, tie = 1.02;
static const double least_ms = 1e-6; /* no run takes no time: 0 is for those not measured */

/* ---- memory ---- */
static uint16_t bf16_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16); /* cut off: good enough to compute with */
}

/* A block of values of this type: normal ones, random bytes, zeros for indices. */
static void make_block(void *block, enum sk_dtype type)
{
    struct sk_rng rng;
    sk_rng_init(&rng, 0, 0, 0, SK_RNG_TEST);
    for (int i = 0; i < BLOCK; i++) {
        if (type == SK_F32)
            ((float *)block)[i] = sk_rng_normal(&rng);
        else if (type == SK_BF16)
            ((uint16_t *)block)[i] = bf16_of(sk_rng_normal(&rng));
        else if (type == SK_U8)
            ((uint8_t *)block)[i] = (uint8_t)sk_rng_u32(&rng);
        else
            ((int32_t *)block)[i] = 0;
    }
}

static enum sk_code fill(const struct sk_backend *b, struct sk_tune_buffer *buffer, enum sk_dtype type,
                         struct sk_err *err)
{
    size_t size = BLOCK * sk_dtype_size(type);
    void *block = sk_alloc(1, size, err);
    enum sk_code code = block ? SK_OK : SK_NOMEM;
    if (block)
        make_block(block, type);
    for (size_t at = 0; at < buffer->bytes && code == SK_OK; at += size) {
        size_t rest = buffer->bytes - at;
        code = b->upload((unsigned char *)buffer->ptr + at, block, rest < size ? rest : size, err);
    }
    buffer->filled = type;
    sk_free(block);
    return code;
}

static void release(const struct sk_backend *b, struct sk_tune_buffer *buffer)
{
    if (buffer->ptr)
        b->free(buffer->ptr, buffer->bytes);
    *buffer = (struct sk_tune_buffer){0};
}

/* At least this large and full of such values. */
static enum sk_code need(struct sk_tuner *t, struct sk_tune_buffer *buffer, size_t bytes, enum sk_dtype type,
                         struct sk_err *err)
{
    const struct sk_backend *b = t->engine->backend;
    if (bytes <= buffer->bytes && buffer->filled == type)
        return SK_OK;
    if (bytes > buffer->bytes) {
        release(b, buffer);
        enum sk_code code = sk_engine_room(bytes, err);
        if (code != SK_OK)
            return code;
        buffer->ptr = b->alloc(bytes, err);
        if (!buffer->ptr)
            return SK_NOMEM;
        buffer->bytes = bytes;
    }
    return fill(b, buffer, type, err);
}

void sk_tuner_release(struct sk_tuner *t)
{
    const struct sk_backend *b = t->engine->backend;
    for (int i = 0; i < SK_OP_IN; i++)
        release(b, &t->in[i]);
    for (int i = 0; i < SK_OP_OUT; i++)
        release(b, &t->out[i]);
    release(b, &t->scratch);
    release(b, &t->packed);
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Each candidate keeps its packed weights; scratch is for all. */
static enum sk_code make_room(struct sk_tuner *t, const struct sk_op_desc *d, const struct sk_choice *c, int count,
                              struct sk_err *err)
{
    size_t scratch = 0, packed = 0;
    enum sk_code code = SK_OK;
    for (int i = 0; i < count; i++) {
        scratch = c[i].need.scratch > scratch ? c[i].need.scratch : scratch;
        packed += aligned(c[i].need.packed);
    }
    for (int i = 0; i < d->in_count && code == SK_OK; i++)
        code = need(t, &t->in[i], sk_desc_bytes(&d->in[i]), d->in[i].dtype, err);
    for (int i = 0; i < d->out_count && code == SK_OK; i++)
        code = need(t, &t->out[i], sk_desc_bytes(&d->out[i]), d->out[i].dtype, err);
    if (code == SK_OK)
        code = need(t, &t->scratch, scratch, SK_F32, err);
    return code == SK_OK ? need(t, &t->packed, packed, SK_F32, err) : code;
}

/* ---- running ---- */
/* One run; c->ms becomes the shortest so far. */
static enum sk_code run_once(struct sk_tuner *t, struct sk_choice *c, const struct sk_kernel_call *call,
                             struct sk_err *err)
{
    const struct sk_engine *e = t->engine;
    if (e->cancel && atomic_load_explicit(e->cancel, memory_order_relaxed))
        return sk_fail(err, SK_CANCELLED, "stopped while kernels were being measured");
    double since = e->clock();
    enum sk_code code = c->kernel->run(c->self, call, err);
    if (code == SK_OK)
        code = e->backend->sync(err);
    double ms = 1000 * (e->clock() - since);
    ms = fmax(ms, least_ms);
    c->ms = c->ms > 0 ? fmin(c->ms, ms) : ms;
    return code;
}

/* Packs where weights are frozen, then a first run, which tells whether more of them are worth the time. */
static enum sk_code warm_up(struct sk_tuner *t, struct sk_choice *c, const struct sk_kernel_call *call, bool frozen,
                            double best, struct sk_err *err)
{
    enum sk_code code = frozen && c->kernel->prepare ? c->kernel->prepare(c->self, call, err) : SK_OK;
    c->ms = 0;
    if (code == SK_OK)
        code = run_once(t, c, call, err);
    if (code == SK_OK && c->ms < cheap_ms && c->ms > out_of_race * best)
        code = run_once(t, c, call, err);
    return code;
}

static double best_ms(const struct sk_choice *c, int count)
{
    double best = INFINITY;
    for (int i = 0; i < count; i++)
        best = fmin(best, c[i].ms);
    return best;
}

/* How many are within so many times the best. */
static int racing(const struct sk_choice *c, int count, double limit)
{
    int left = 0;
    for (int i = 0; i < count; i++)
        left += c[i].ms <= limit * best_ms(c, count);
    return left;
}

/* Those still in the race run in turns, so that what else the machine does meets all of them alike. */
static enum sk_code run_rounds(struct sk_tuner *t, struct sk_choice *c, const struct sk_kernel_call *call, int count,
                               struct sk_err *err)
{
    double since = t->engine->clock(), limit = out_of_race;
    enum sk_code code = SK_OK;
    for (int round = 0; round < ROUNDS_MAX && code == SK_OK; round++) {
        bool late = round >= ROUNDS_MIN && 1000 * (t->engine->clock() - since) > budget_ms;
        if (late || (round > 0 && racing(c, count, limit) == 1))
            break;
        double best = best_ms(c, count);
        for (int i = 0; i < count && code == SK_OK; i++)
            if (c[i].ms <= limit * best)
                code = run_once(t, &c[i], &call[i], err);
        limit = left_behind;
    }
    return code;
}

static enum sk_code race(struct sk_tuner *t, struct sk_choice *c, const struct sk_kernel_call *call, int count,
                         bool frozen, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i < count && code == SK_OK; i++)
        code = warm_up(t, &c[i], &call[i], frozen, best_ms(c, i), err);
    return code == SK_OK ? run_rounds(t, c, call, count, err) : code;
}

enum sk_code sk_tuner_measure(struct sk_tuner *t, const struct sk_op_desc *d, struct sk_choice *c, int count,
                              bool frozen, struct sk_err *err)
{
    static const struct sk_step step;
    struct sk_kernel_call call[SK_CANDIDATES];
    void *in[SK_OP_IN] = {0}, *out[SK_OP_OUT] = {0};
    size_t packed = 0;
    enum sk_code code = make_room(t, d, c, count, err);
    for (int i = 0; i < d->in_count; i++)
        in[i] = t->in[i].ptr;
    for (int i = 0; i < d->out_count; i++)
        out[i] = t->out[i].ptr;
    for (int i = 0; i < count && code == SK_OK; i++) {
        call[i] = (struct sk_kernel_call){.in = in, .out = out, .step = &step, .scratch = t->scratch.ptr};
        call[i].packed = c[i].need.packed ? (unsigned char *)t->packed.ptr + packed : NULL;
        packed += aligned(c[i].need.packed);
    }
    if (code == SK_OK)
        code = race(t, c, call, count, frozen, err);
    if (code != SK_OK && code != SK_CANCELLED)
        sk_err_prefix(err, "%s '%s'", sk_op_info(d->kind)->name, d->name);
    return code;
}

int sk_tuner_pick(const struct sk_choice *c, int count)
{
    int i = 0;
    while (c[i].ms > tie * best_ms(c, count))
        i++;
    return i;
}

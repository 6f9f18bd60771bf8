/* The engine: which device, how many threads, which precision; and the one arena. */
#include <math.h>
#include <stdlib.h>

#include "exec/internal.h"

static enum sk_code set_threads(struct sk_engine *e, int asked, struct sk_err *err)
{
    enum { MOST = 16 }; /* threads a processor: with more, a step that waits for all of them does not end */
    struct sk_machine m;
    sk_machine_read(&m);
    int quota = (int)ceil(m.quota), processors = quota > 0 && quota < m.affinity ? quota : m.affinity;
    if (asked > MOST * processors)
        return sk_fail(err, SK_USAGE, "engine.threads: %d threads are too many for the %d processors here: at most %d",
                       asked, processors, MOST * processors);
    if (asked > processors)
        sk_notice("engine.threads: %d threads on %d processors will get in each other's way", asked, processors);
    e->threads = asked > 0 ? asked : m.threads;
    return SK_OK;
}

static enum sk_precision precision(const struct sk_backend *b, enum sk_precision asked)
{
    bool bf16 = b->has_bf16();
    if (asked == SK_PRECISION_BF16 && !bf16)
        sk_notice("this processor has no bf16 arithmetic: it will be emulated, which is slow; engine.precision: fp32 is faster here");
    if (asked != SK_PRECISION_AUTO)
        return asked;
    if (!bf16)
        sk_notice("this processor has no bf16 arithmetic: precision auto is fp32");
    return bf16 ? SK_PRECISION_BF16 : SK_PRECISION_FP32;
}

/* What the time of a kernel depends on besides the op. */
static enum sk_code open_cache(struct sk_engine *e, struct sk_err *err)
{
    struct sk_machine m;
    struct sk_str machine = {0};
    sk_machine_read(&m);
    enum sk_code code = sk_str_add(&machine, err, "%s; skua %s; %d threads; ", m.cpu, SKUA_VERSION, e->threads);
    if (code == SK_OK) {
        e->backend->describe(&machine);
        code = sk_tune_cache_new(&e->cache, machine.text, err);
    }
    sk_str_release(&machine);
    return code;
}

static enum sk_code start(struct sk_engine *e, struct sk_err *err)
{
    enum sk_code code = set_threads(e, e->recipe.threads, err);
    if (code == SK_OK)
        code = sk_force_parse(&e->force, getenv("SKUA_FORCE"), e->backend, err);
    if (code == SK_OK)
        code = e->backend->start(e->threads, err);
    return code == SK_OK ? open_cache(e, err) : code;
}

enum sk_code sk_engine_check_device(enum sk_device device, struct sk_err *err)
{
    if (device == SK_DEVICE_CUDA)
        return sk_fail(err, SK_UNSUPPORTED, "engine.device: this skua has no cuda backend, use cpu or auto");
    return SK_OK;
}

enum sk_code sk_engine_open(struct sk_engine **out, const struct sk_recipe_engine *r, struct sk_err *err)
{
    enum sk_code code = sk_engine_check_device(r->device, err);
    if (code != SK_OK)
        return code;
    struct sk_engine *e = sk_alloc(1, sizeof *e, err);
    if (!e)
        return SK_NOMEM;
    e->backend = sk_backend_cpu();
    e->recipe = *r;
    e->precision = precision(e->backend, r->precision);
    e->clock = sk_now;
    code = start(e, err);
    if (code != SK_OK)
        sk_engine_close(e);
    else
        *out = e;
    return code;
}

void sk_engine_close(struct sk_engine *e)
{
    if (!e)
        return;
    if (e->arena)
        e->backend->free(e->arena, e->arena_bytes);
    sk_tune_cache_free(e->cache);
    sk_free(e);
}

void sk_engine_cancel(struct sk_engine *e, const atomic_bool *cancel)
{
    e->cancel = cancel;
}

int sk_engine_threads(const struct sk_engine *e)
{
    return e->threads;
}

enum sk_precision sk_engine_precision(const struct sk_engine *e)
{
    return e->precision;
}

const char *sk_engine_device(const struct sk_engine *e)
{
    return e->backend->name;
}

enum sk_code sk_engine_describe(struct sk_str *out, struct sk_err *err)
{
    const struct sk_backend *b = sk_backend_cpu();
    enum sk_code code = sk_str_add(out, err, "backend %s: ", b->name);
    if (code != SK_OK)
        return code;
    b->describe(out);
    return sk_str_add(out, err, "\nbackend cuda: not there: this skua was built without it\n");
}

enum sk_code sk_engine_peak(struct sk_engine *e, struct sk_peak *out, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    *out = e->peak;
    if (out->f32 <= 0)
        code = e->backend->peak(e->threads, out, err);
    if (code == SK_OK)
        e->peak = *out;
    return code;
}

void sk_engine_trace(struct sk_engine *e, const struct sk_trace *trace)
{
    e->trace = trace;
}

enum sk_code sk_engine_room(size_t bytes, struct sk_err *err)
{
    char need[32], there[32];
    struct sk_machine m;
    sk_machine_read(&m);
    if (bytes <= m.memory_available)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "%s of memory are needed, %s are available", sk_bytes_text((double)bytes, need),
                   sk_bytes_text((double)m.memory_available, there));
}

enum sk_code sk_engine_arena(struct sk_engine *e, size_t bytes, struct sk_err *err)
{
    if (bytes <= e->arena_bytes)
        return SK_OK;
    enum sk_code code = sk_engine_room(bytes - e->arena_bytes, err); /* the old one goes when the new one is there */
    if (code != SK_OK)
        return code;
    void *arena = e->backend->alloc(bytes, err);
    if (!arena)
        return err ? err->code : SK_NOMEM;
    if (e->arena)
        e->backend->free(e->arena, e->arena_bytes);
    e->arena = arena;
    e->arena_bytes = bytes;
    return SK_OK;
}

/* A plan: kernels chosen, memory laid out, ready to step without allocating or checking anything. */
#include <string.h>

#include "exec/internal.h"

enum { KEPT_ALIGN = 64 };

void sk_op_describe(const struct sk_graph *g, const struct sk_op *op, struct sk_op_desc *d)
{
    memset(d, 0, sizeof *d);
    d->kind = op->kind;
    d->attr = op->attr;
    d->in_count = op->in_count;
    d->out_count = op->out_count;
    d->name = op->name;
    for (int i = 0; i < op->in_count; i++)
        d->in[i] = g->tensor[op->in[i]].desc;
    for (int i = 0; i < op->out_count; i++)
        d->out[i] = g->tensor[op->out[i]].desc;
}

static size_t take_kept(struct sk_plan *p, size_t bytes)
{
    size_t at = p->kept_bytes;
    p->kept_bytes += (bytes + KEPT_ALIGN - 1) / KEPT_ALIGN * KEPT_ALIGN;
    return at;
}

/* Where each tensor lives, but for those in the arena. */
static enum sk_code bind_tensors(struct sk_plan *p, struct sk_err *err)
{
    int inputs = 0;
    for (size_t t = 0; t < p->graph.tensor_count; t++) {
        const struct sk_tensor *tensor = &p->graph.tensor[t];
        enum sk_role role = tensor->role;
        p->input[t] = role == SK_ROLE_INPUT ? inputs++ : -1;
        if (role == SK_ROLE_FROZEN)
            p->frozen_offset[t] = take_kept(p, sk_desc_bytes(&tensor->desc));
        if (role == SK_ROLE_PARAM || role == SK_ROLE_STATE || role == SK_ROLE_SLOT || role == SK_ROLE_SUM) {
            enum sk_code code = sk_store_take(p->store, tensor, &p->entry[t], err);
            if (code != SK_OK)
                return code;
        }
    }
    return SK_OK;
}

/* A plan that will not fit is refused before its kernels are measured. */
static enum sk_code check_room(const struct sk_plan *p, const size_t *scratch, struct sk_err *err)
{
    struct sk_memory m = {0};
    enum sk_code code = sk_memory_plan(&m, &p->graph, scratch, err);
    if (code == SK_OK && m.bytes > p->engine->arena_bytes)
        code = sk_engine_room(m.bytes - p->engine->arena_bytes, err);
    sk_memory_release(&m);
    return code;
}

static enum sk_code choose_kernels(struct sk_plan *p, size_t *scratch, struct sk_err *err)
{
    struct sk_tuner tuner = {.engine = p->engine};
    enum sk_code code = check_room(p, scratch, err);
    for (size_t i = 0; i < p->graph.op_count && code == SK_OK; i++) {
        struct sk_choice *c = &p->op[i].choice;
        struct sk_op_desc d;
        sk_op_describe(&p->graph, &p->graph.op[i], &d);
        code = sk_choose(c, &tuner, &d, &p->options, err);
        scratch[i] = c->need.scratch;
        p->op[i].packed_offset = take_kept(p, c->need.packed);
    }
    sk_tuner_release(&tuner);
    sk_tune_cache_save(p->engine->cache); /* also what was measured before a failure */
    return code;
}

static enum sk_code allocate(struct sk_plan *p, struct sk_err *err)
{
    size_t more = p->memory.bytes > p->engine->arena_bytes ? p->memory.bytes - p->engine->arena_bytes : 0;
    enum sk_code code = sk_engine_room(more + p->kept_bytes, err);
    if (code == SK_OK)
        code = sk_engine_arena(p->engine, p->memory.bytes, err);
    if (code != SK_OK || p->kept_bytes == 0)
        return code;
    p->kept = p->engine->backend->alloc(p->kept_bytes, err);
    return p->kept ? SK_OK : SK_NOMEM;
}

static enum sk_code make(struct sk_plan *p, struct sk_err *err)
{
    size_t n = p->graph.tensor_count, *scratch = NULL;
    enum sk_code code = sk_graph_check(&p->graph, err);
    if (code != SK_OK)
        return code;
    p->op = sk_alloc(p->graph.op_count, sizeof *p->op, err);
    p->entry = sk_alloc(n, sizeof *p->entry, err);
    p->input = sk_alloc(n, sizeof *p->input, err);
    p->frozen_offset = sk_alloc(n, sizeof *p->frozen_offset, err);
    scratch = sk_alloc(p->graph.op_count, sizeof *scratch, err);
    code = p->op && p->entry && p->input && p->frozen_offset && scratch ? SK_OK : SK_NOMEM;
    if (code == SK_OK)
        code = bind_tensors(p, err);
    if (code == SK_OK)
        code = choose_kernels(p, scratch, err);
    if (code == SK_OK)
        code = sk_memory_plan(&p->memory, &p->graph, scratch, err);
    if (code == SK_OK)
        code = allocate(p, err);
    sk_free(scratch);
    return code;
}

enum sk_code sk_plan_new(struct sk_plan **out, struct sk_engine *e, struct sk_store *store, struct sk_graph *graph,
                         const struct sk_plan_options *o, struct sk_err *err)
{
    struct sk_plan *p = sk_alloc(1, sizeof *p, err);
    if (!p)
        return SK_NOMEM;
    p->engine = e;
    p->store = store;
    p->options = *o;
    p->graph = *graph;
    memset(graph, 0, sizeof *graph);
    enum sk_code code = make(p, err);
    if (code != SK_OK)
        sk_plan_free(p);
    else
        *out = p;
    return code;
}

void sk_plan_free(struct sk_plan *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->op && i < p->graph.op_count; i++)
        sk_choice_release(&p->op[i].choice);
    if (p->kept)
        p->engine->backend->free(p->kept, p->kept_bytes);
    sk_memory_release(&p->memory);
    sk_free(p->op);
    sk_free(p->entry);
    sk_free(p->input);
    sk_free(p->frozen_offset);
    sk_graph_release(&p->graph);
    sk_free(p);
}

static void *address(const struct sk_plan *p, int t, const void *const *inputs)
{
    if (p->entry[t])
        return p->entry[t]->data;
    if (p->input[t] >= 0) /* inputs are only read; kernels take one kind of pointer */
        return inputs ? (void *)(uintptr_t)inputs[p->input[t]] : NULL;
    if (p->graph.tensor[t].role == SK_ROLE_FROZEN)
        return p->kept + p->frozen_offset[t];
    if (p->memory.tensor_block[t] < 0)
        return NULL; /* a tensor that no op makes or reads any more */
    return (unsigned char *)p->engine->arena + p->memory.block[p->memory.tensor_block[t]].offset;
}

static enum sk_code call(const struct sk_plan *p, size_t i, bool prepare, const void *const *inputs, const struct sk_step *step,
                         struct sk_err *err)
{
    const struct sk_op *op = &p->graph.op[i];
    const struct sk_choice *c = &p->op[i].choice;
    void *in[SK_OP_IN] = {0}, *out[SK_OP_OUT] = {0};
    int scratch = p->memory.scratch_block[i];
    for (int k = 0; k < op->in_count; k++)
        in[k] = address(p, op->in[k], inputs);
    for (int k = 0; k < op->out_count; k++)
        out[k] = address(p, op->out[k], inputs);
    struct sk_kernel_call args = {.in = in, .out = out, .step = step,
                                  .scratch = scratch < 0 ? NULL : (unsigned char *)p->engine->arena + p->memory.block[scratch].offset,
                                  .packed = c->need.packed ? p->kept + p->op[i].packed_offset : NULL};
    enum sk_code code = prepare ? c->kernel->prepare(c->self, &args, err) : c->kernel->run(c->self, &args, err);
    if (code != SK_OK)
        sk_err_prefix(err, "%s '%s'", sk_op_info(op->kind)->name, op->name);
    return code;
}

static enum sk_code call_traced(const struct sk_plan *p, size_t i, const void *const *inputs, const struct sk_step *step,
                                struct sk_err *err)
{
    const struct sk_trace *trace = p->engine->trace;
    double since = sk_now();
    enum sk_code code = call(p, i, false, inputs, step, err);
    if (code == SK_OK)
        code = p->engine->backend->sync(err);
    if (code == SK_OK)
        trace->op(trace->context, p, i, sk_now() - since);
    return code;
}

/* Runs PREPARE ops, then lets kernels pack their weights. */
static enum sk_code prepare(struct sk_plan *p, const struct sk_step *step, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < p->graph.op_count && code == SK_OK && p->graph.op[i].phase == SK_PHASE_PREPARE; i++)
        code = call(p, i, false, NULL, step, err);
    for (size_t i = 0; i < p->graph.op_count && code == SK_OK; i++)
        if (p->options.frozen && p->op[i].choice.kernel->prepare)
            code = call(p, i, true, NULL, step, err);
    if (code == SK_OK)
        p->prepared = p->store->version;
    return code;
}

enum sk_code sk_plan_run(struct sk_plan *p, enum sk_phase from, enum sk_phase to, const void *const *inputs, const struct sk_step *step,
                         const atomic_bool *cancel, struct sk_err *err)
{
    enum sk_code code = p->prepared == p->store->version || !p->options.frozen ? SK_OK : prepare(p, step, err);
    for (size_t i = 0; i < p->graph.op_count && code == SK_OK; i++) {
        enum sk_phase phase = p->graph.op[i].phase;
        if (phase < from || phase > to || phase == SK_PHASE_PREPARE)
            continue;
        if (phase < SK_PHASE_GATHER && cancel && atomic_load_explicit(cancel, memory_order_relaxed))
            return sk_fail(err, SK_CANCELLED, "stopped");
        code = p->engine->trace ? call_traced(p, i, inputs, step, err) : call(p, i, false, inputs, step, err);
    }
    if (to >= SK_PHASE_UPDATE)
        p->store->version++;
    return code == SK_OK ? p->engine->backend->sync(err) : code;
}

enum sk_code sk_plan_read(const struct sk_plan *p, int tensor, void *out, size_t bytes, struct sk_err *err)
{
    const struct sk_tensor *t = &p->graph.tensor[tensor];
    if (t->role != SK_ROLE_RESULT || sk_desc_bytes(&t->desc) != bytes)
        return sk_fail(err, SK_BUG, "tensor '%s' is no result of %zu bytes", t->name, bytes);
    return p->engine->backend->download(out, address(p, tensor, NULL), bytes, err);
}

const struct sk_graph *sk_plan_graph(const struct sk_plan *p)
{
    return &p->graph;
}

size_t sk_plan_bytes(const struct sk_plan *p)
{
    return p->memory.bytes + p->kept_bytes;
}

/* A plan as text: the kernel of each op, its time, and what else there was to choose from. */
#include <jansson.h>
#include <string.h>

#include "exec/internal.h"

static void shape_text(const struct sk_desc *d, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s ", sk_dtype_name(d->dtype));
    for (int i = 0; i < d->rank && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%lld", i ? "x" : "", (long long)d->dim[i]);
}

static void ms_text(double ms, char out[32])
{
    out[0] = '\0';
    if (ms > 0)
        snprintf(out, 32, "%.3f", ms);
}

/* What both forms say of an op. */
struct line {
    const char *phase;
    char title[64], shape[64];
    double bytes;
};

static struct line line_of(const struct sk_plan *p, size_t i)
{
    static const char *const phase[] = {"prepare", "forward", "backward", "update"};
    const struct sk_op *op = &p->graph.op[i];
    struct line l = {.phase = phase[op->phase], .bytes = sk_op_cost(&p->graph, op).bytes};
    size_t length = (size_t)snprintf(l.title, sizeof l.title, "%s", sk_op_info(op->kind)->name);
    sk_attr_fused(&op->attr, l.title + length, sizeof l.title - length);
    shape_text(&p->graph.tensor[op->out[0]].desc, l.shape, sizeof l.shape);
    return l;
}

static enum sk_code explain_op(const struct sk_plan *p, size_t i, struct sk_str *out, struct sk_err *err)
{
    const struct sk_choice *c = &p->op[i].choice;
    struct line l = line_of(p, i);
    char ms[32];
    ms_text(c->ms, ms);
    return sk_str_add(out, err, "%-8s %-31s %-33s %-19s %-43s %8s %10.0f%s%s\n", l.phase, l.title, p->graph.op[i].name,
                      l.shape, c->name, ms, l.bytes, c->by ? "  " : "", c->by ? c->by : "");
}

/* The candidates that were not taken, under the column of kernels. */
static enum sk_code explain_others(const struct sk_choice *c, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int k = 0; k < c->trials->count && code == SK_OK; k++) {
        const struct sk_trial *t = &c->trials->at[k];
        char ms[32];
        ms_text(t->ms, ms);
        if (strcmp(t->name, c->name) == 0)
            continue;
        if (t->ms > 0)
            code = sk_str_add(out, err, "%93s- %-43s %8s\n", "", t->name, ms);
        else
            code = sk_str_add(out, err, "%93s- %s: %s\n", "", t->name, t->why);
    }
    return code;
}

/* Whether an op before this one had the same candidates. */
static bool told(const struct sk_plan *p, size_t i)
{
    struct sk_op_desc d;
    char key[SK_CHOICE_KEY], other[SK_CHOICE_KEY];
    sk_op_describe(&p->graph, &p->graph.op[i], &d);
    sk_choice_key(&d, p->options.frozen, key);
    for (size_t k = 0; k < i; k++) {
        if (p->graph.op[k].kind != p->graph.op[i].kind)
            continue;
        sk_op_describe(&p->graph, &p->graph.op[k], &d);
        sk_choice_key(&d, p->options.frozen, other);
        if (strcmp(key, other) == 0)
            return true;
    }
    return false;
}

enum sk_code sk_plan_explain(const struct sk_plan *p, struct sk_str *out, struct sk_err *err)
{
    char arena[32], kept[32];
    enum sk_code code = sk_str_add(out, err, "%-8s %-31s %-33s %-19s %-43s %8s %10s\n", "phase", "op", "name", "output",
                                   "kernel", "ms", "bytes");
    for (size_t i = 0; i < p->graph.op_count && code == SK_OK; i++) {
        code = explain_op(p, i, out, err);
        if (code == SK_OK && p->op[i].choice.trials && !told(p, i))
            code = explain_others(&p->op[i].choice, out, err);
    }
    if (code == SK_OK)
        code = sk_str_add(out, err, "arena %s, kept %s\n", sk_bytes_text((double)p->memory.bytes, arena),
                          sk_bytes_text((double)p->kept_bytes, kept));
    return code;
}

/* ---- the same as JSON ---- */
static json_t *others_json(const struct sk_choice *c)
{
    json_t *others = json_array();
    for (int k = 0; c->trials && k < c->trials->count; k++) {
        const struct sk_trial *t = &c->trials->at[k];
        if (strcmp(t->name, c->name) != 0)
            json_array_append_new(others, t->ms > 0 ? json_pack("{s:s, s:f}", "kernel", t->name, "ms", t->ms)
                                                    : json_pack("{s:s, s:s}", "kernel", t->name, "why", t->why));
    }
    return others;
}

static json_t *op_json(const struct sk_plan *p, size_t i)
{
    const struct sk_choice *c = &p->op[i].choice;
    struct line l = line_of(p, i);
    json_t *op = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "phase", l.phase, "op", l.title, "name",
                           p->graph.op[i].name, "output", l.shape, "kernel", c->name, "bytes", (json_int_t)l.bytes);
    if (c->ms > 0)
        json_object_set_new(op, "ms", json_real(c->ms));
    if (c->by)
        json_object_set_new(op, "by", json_string(c->by));
    if (c->trials)
        json_object_set_new(op, "others", others_json(c));
    return op;
}

json_t *sk_plan_explain_json(const struct sk_plan *p)
{
    json_t *ops = json_array();
    for (size_t i = 0; i < p->graph.op_count; i++)
        json_array_append_new(ops, op_json(p, i));
    return json_pack("{s:o, s:I, s:I}", "ops", ops, "arena_bytes", (json_int_t)p->memory.bytes, "kept_bytes",
                     (json_int_t)p->kept_bytes);
}

/* Which kernel an op runs on: the backend's candidates in order, a stored choice first; and plan.json, which stores choices. */
#include <jansson.h>
#include <string.h>

#include "exec/internal.h"

struct sk_choices {
    json_t *ops;   /* key -> "kernel label" */
};

static int put_desc(char *out, size_t size, const struct sk_desc *d)
{
    int n = snprintf(out, size, " %s", sk_dtype_name(d->dtype));
    for (int i = 0; i < d->rank && n < (int)size; i++)
        n += snprintf(out + n, size - (size_t)n, "%c%lld", i ? 'x' : ' ', (long long)d->dim[i]);
    return n;
}

void sk_choice_key(const struct sk_op_desc *d, bool frozen, char *key, size_t size)
{
    const struct sk_attr *a = &d->attr;
    size_t n = (size_t)snprintf(key, size, "%s", sk_op_info(d->kind)->name);
    for (int i = 0; i < d->in_count && n < size; i++)
        n += (size_t)put_desc(key + n, size - n, &d->in[i]);
    if (n < size)
        n += (size_t)snprintf(key + n, size - n, " ->");
    for (int i = 0; i < d->out_count && n < size; i++)
        n += (size_t)put_desc(key + n, size - n, &d->out[i]);
    if (n < size)
        n += (size_t)snprintf(key + n, size - n, " k%d s%d p%d%s%s%s%s", a->kernel, a->stride, a->pad, a->bias ? " bias" : "",
                              a->residual ? " residual" : "", a->relu ? " relu" : "", frozen ? " frozen" : "");
    if (n < size)
        sk_attr_fused(a, key + n, size - n);
}

static const char *stored(const struct sk_choices *c, const char *key)
{
    return c ? json_string_value(json_object_get(c->ops, key)) : NULL;
}

/* Opens one candidate; a decline is noted in c->reason and gives SK_UNSUPPORTED. */
static enum sk_code try_open(struct sk_choice *c, const struct sk_kernel *k, int variant, const struct sk_engine *e,
                             const struct sk_op_desc *d, const struct sk_plan_options *o, struct sk_err *err)
{
    struct sk_kernel_env env = {.threads = e->threads, .frozen = o->frozen, .winograd = o->winograd};
    struct sk_err why = {0};
    memset(&c->need, 0, sizeof c->need);
    enum sk_code code = k->open(&c->self, d, &env, variant, &c->need, &why);
    if (code == SK_OK) {
        c->kernel = k;
    } else if (code == SK_UNSUPPORTED) {
        size_t n = strlen(c->reason);
        if (variant == 0)
            snprintf(c->reason + n, sizeof c->reason - n, "%s%s: %.150s", n ? "; " : "", k->name, why.text);
    } else if (err) {
        *err = why;
    }
    return code;
}

static void full_name(const struct sk_choice *c, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", c->kernel->name, c->need.label[0] ? " " : "", c->need.label);
}

/* Looks for the candidate of this name; SK_UNSUPPORTED when it cannot be had. */
static enum sk_code choose_named(struct sk_choice *c, const char *name, const struct sk_engine *e, const struct sk_op_desc *d,
                                 const struct sk_plan_options *o, struct sk_err *err)
{
    const struct sk_kernel *const *k = e->backend->kernels(d->kind);
    char found[128];
    for (; k && *k; k++) {
        if (strncmp(name, (*k)->name, strlen((*k)->name)) != 0)
            continue;
        for (int variant = 0;; variant++) {
            enum sk_code code = try_open(c, *k, variant, e, d, o, err);
            if (code == SK_UNSUPPORTED)
                break;
            if (code != SK_OK)
                return code;
            full_name(c, found, sizeof found);
            if (strcmp(found, name) == 0)
                return SK_OK;
            sk_choice_release(c);
        }
    }
    return SK_UNSUPPORTED;
}

enum sk_code sk_choose(struct sk_choice *c, const struct sk_engine *e, const struct sk_op_desc *d, const struct sk_plan_options *o,
                       struct sk_err *err)
{
    char key[512];
    memset(c, 0, sizeof *c);
    sk_choice_key(d, o->frozen, key, sizeof key);
    const char *name = stored(o->choices, key);
    enum sk_code code = name ? choose_named(c, name, e, d, o, err) : SK_UNSUPPORTED;
    if (name && code == SK_UNSUPPORTED)
        sk_notice("kernel '%s' that the run used for %s cannot be had here: bits will differ", name, key);
    c->reason[0] = 0;
    const struct sk_kernel *const *k = e->backend->kernels(d->kind);
    for (; code == SK_UNSUPPORTED && k && *k; k++)
        code = try_open(c, *k, 0, e, d, o, err);
    if (code == SK_UNSUPPORTED)
        return sk_fail(err, SK_UNSUPPORTED, "no kernel can run '%s' (%s)%s%s", d->name, key, c->reason[0] ? ": " : "", c->reason);
    return code;
}

void sk_choice_release(struct sk_choice *c)
{
    if (c->kernel && c->kernel->close && c->self)
        c->kernel->close(c->self);
    c->self = NULL;
    c->kernel = NULL;
}

enum sk_code sk_choices_parse(struct sk_choices **c, const char *json, size_t len, const char *origin, struct sk_err *err)
{
    json_error_t at;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        return sk_fail(err, SK_INPUT, "'%s' line %d: not valid JSON: %s", origin, at.line, at.text);
    json_t *ops = json_object_get(root, "ops");
    enum sk_code code = json_is_object(ops) ? SK_OK : sk_fail(err, SK_INPUT, "'%s' is not a plan: it has no object 'ops'", origin);
    *c = code == SK_OK ? sk_alloc(1, sizeof **c, err) : NULL;
    if (*c)
        (*c)->ops = json_incref(ops);
    json_decref(root);
    return *c ? SK_OK : code != SK_OK ? code : SK_NOMEM;
}

void sk_choices_free(struct sk_choices *c)
{
    if (!c)
        return;
    json_decref(c->ops);
    sk_free(c);
}

json_t *sk_choices_ops(const struct sk_choices *c)
{
    return c->ops;
}

void sk_choices_add(json_t *ops, const struct sk_plan *p)
{
    char key[512], name[128];
    for (size_t i = 0; i < p->graph.op_count; i++) {
        struct sk_op_desc d;
        if (p->graph.op[i].kind > SK_OP_CONV_GRAD_WEIGHT && p->op[i].choice.need.label[0] == 0)
            continue; /* only one kernel can run it: nothing was chosen */
        sk_op_describe(&p->graph, &p->graph.op[i], &d);
        sk_choice_key(&d, p->options.frozen, key, sizeof key);
        full_name(&p->op[i].choice, name, sizeof name);
        json_object_set_new(ops, key, json_string(name));
    }
}

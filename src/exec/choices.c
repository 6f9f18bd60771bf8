/* Choices of kernels on record: plan.json, and the trials that led to a choice. */
#include <jansson.h>
#include <string.h>

#include "exec/internal.h"

struct sk_choices {
    json_t *ops; /* key -> "kernel label" */
};

void sk_trials_add(struct sk_trials *t, const char *name, double ms, const char *why)
{
    if (t->count == SK_TRIALS)
        return;
    struct sk_trial *at = &t->at[t->count++];
    snprintf(at->name, sizeof at->name, "%s", name);
    snprintf(at->why, sizeof at->why, "%s", why);
    at->ms = ms;
}

double sk_trials_ms(const struct sk_trials *t, const char *name)
{
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->at[i].name, name) == 0)
            return t->at[i].ms;
    return 0;
}

const char *sk_choices_find(const struct sk_choices *c, const char *key)
{
    return c ? json_string_value(json_object_get(c->ops, key)) : NULL;
}

enum sk_code sk_choices_parse(struct sk_choices **c, const char *json, size_t len, const char *origin,
                              struct sk_err *err)
{
    json_error_t at;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        return sk_fail(err, SK_INPUT, "'%s' line %d: not valid JSON: %s", origin, at.line, at.text);
    json_t *ops = json_object_get(root, "ops");
    enum sk_code code =
        json_is_object(ops) ? SK_OK : sk_fail(err, SK_INPUT, "'%s' is not a plan: it has no object 'ops'", origin);
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
    char key[SK_CHOICE_KEY];
    for (size_t i = 0; i < p->graph.op_count; i++) {
        struct sk_op_desc d;
        const struct sk_kernel *const *k = p->engine->backend->kernels(p->graph.op[i].kind);
        if (!k[1])
            continue; /* only one kernel can run it: nothing was chosen */
        sk_op_describe(&p->graph, &p->graph.op[i], &d);
        sk_choice_key(&d, p->options.frozen, key);
        json_object_set_new(ops, key, json_string(p->op[i].choice.name));
    }
}

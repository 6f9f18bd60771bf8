/* Which kernel an op runs on: as SKUA_FORCE or the run's plan.json says, else the fastest as measured, now or before,
 * else the first of the backend's candidates that accepts. */
#include <assert.h>
#include <string.h>

#include "exec/internal.h"

enum { VARIANTS = 16 };
#define REFERENCE "ref"

/* What is asked for, and what became of the candidates so far. */
struct asked {
    struct sk_tuner *tuner;
    struct sk_engine *e;
    const struct sk_op_desc *d;
    const struct sk_plan_options *o;
    const char *forced; /* how the name must begin; NULL: any */
    struct sk_trials trials;
    char key[SK_CHOICE_KEY];
};

static int put_desc(char *out, size_t size, const struct sk_desc *d)
{
    int n = snprintf(out, size, " %s", sk_dtype_name(d->dtype));
    for (int i = 0; i < d->rank && n < (int)size; i++)
        n += snprintf(out + n, size - (size_t)n, "%c%lld", i ? 'x' : ' ', (long long)d->dim[i]);
    if (n < (int)size)
        n += snprintf(out + n, size - (size_t)n, "%s", d->layout == SK_LAYOUT_BLOCKED ? " blocked" : "");
    return n;
}

void sk_choice_key(const struct sk_op_desc *d, bool frozen, char key[SK_CHOICE_KEY])
{
    const struct sk_attr *a = &d->attr;
    const size_t size = SK_CHOICE_KEY;
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
    if (n < size && a->groups > 1)
        n += (size_t)snprintf(key + n, size - n, " g%d", a->groups);
    if (n < size)
        sk_attr_fused(a, key + n, size - n);
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* ---- opening candidates ---- */
/* A decline gives SK_UNSUPPORTED and is noted, but for the end of a kernel's variants, which sets *end. */
static enum sk_code try_open(struct asked *a, struct sk_choice *c, const struct sk_kernel *k, int variant, bool *end,
                             struct sk_err *err)
{
    struct sk_kernel_env env = {.threads = a->e->threads, .frozen = a->o->frozen, .winograd = a->o->winograd};
    struct sk_err why = {0};
    memset(c, 0, sizeof *c);
    enum sk_code code = k->open(&c->self, a->d, &env, variant, &c->need, &why);
    if (code == SK_OK) {
        c->kernel = k;
        snprintf(c->name, sizeof c->name, "%s%s%s", k->name, c->need.label[0] ? " " : "", c->need.label);
    } else if (code == SK_UNSUPPORTED) {
        *end = variant == 0 || strcmp(why.text, SK_NO_MORE) == 0;
        if (variant == 0 || !*end)
            sk_trials_add(&a->trials, k->name, 0, why.text);
    } else if (err) {
        *err = why;
    }
    return code;
}

/* Adds the variants of a kernel that are worth looking at, until there are limit candidates. */
static enum sk_code open_variants(struct asked *a, const struct sk_kernel *k, struct sk_choice *c, int limit,
                                  int *count, struct sk_err *err)
{
    int most = k->quick_variants > 0 ? k->quick_variants : VARIANTS, taken = 0;
    bool end = false;
    for (int variant = 0; variant < VARIANTS && taken < most && *count < limit && !end; variant++) {
        enum sk_code code = try_open(a, &c[*count], k, variant, &end, err);
        if (code == SK_UNSUPPORTED)
            continue;
        if (code != SK_OK)
            return code;
        if (a->forced && !begins(c[*count].name, a->forced)) {
            sk_trials_add(&a->trials, c[*count].name, 0, "not what SKUA_FORCE asks for");
            sk_choice_release(&c[*count]);
            continue;
        }
        taken++;
        ++*count;
    }
    return SK_OK;
}

/* At most limit candidates, in order; the reference only where nothing else accepts. */
static enum sk_code open_candidates(struct asked *a, struct sk_choice *c, int limit, int *count, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    const struct sk_kernel *const *k = a->e->backend->kernels(a->d->kind);
    for (; k && *k && *count < limit && code == SK_OK; k++) {
        if (*count > 0 && strcmp((*k)->name, REFERENCE) == 0)
            sk_trials_add(&a->trials, REFERENCE, 0, "reference: not timed");
        else
            code = open_variants(a, *k, c, limit, count, err);
    }
    return code;
}

static enum sk_code none_accepts(const struct asked *a, struct sk_err *err)
{
    char why[1024] = "";
    size_t n = 0;
    for (int i = 0; i < a->trials.count && n < sizeof why; i++)
        n += (size_t)snprintf(why + n, sizeof why - n, "%s%s: %s", i ? "; " : ": ", a->trials.at[i].name,
                              a->trials.at[i].why);
    if (a->forced)
        return sk_fail(err, SK_UNSUPPORTED, "no kernel '%s', which SKUA_FORCE asks for, can run '%s' (%s)%s", a->forced,
                       a->d->name, a->key, why);
    return sk_fail(err, SK_UNSUPPORTED, "no kernel can run '%s' (%s)%s", a->d->name, a->key, why);
}

/* ---- ways to choose ---- */
/* The candidate of this name; SK_UNSUPPORTED when it cannot be had. */
static enum sk_code choose_named(struct asked *a, struct sk_choice *c, const char *name, struct sk_err *err)
{
    const struct sk_kernel *const *k = a->e->backend->kernels(a->d->kind);
    struct sk_trials before = a->trials; /* who declines here is told elsewhere */
    enum sk_code code = SK_UNSUPPORTED;
    for (; k && *k; k++) {
        bool end = !begins(name, (*k)->name);
        for (int variant = 0; variant < VARIANTS && !end; variant++) {
            code = try_open(a, c, *k, variant, &end, err);
            if (code != SK_UNSUPPORTED && (code != SK_OK || strcmp(c->name, name) == 0))
                goto out;
            if (code == SK_OK)
                sk_choice_release(c);
        }
    }
    code = SK_UNSUPPORTED;
out:
    a->trials = before;
    return code;
}

static enum sk_code choose_first(struct asked *a, struct sk_choice *c, struct sk_err *err)
{
    int count = 0;
    enum sk_code code = open_candidates(a, c, 1, &count, err);
    return code == SK_OK && count == 0 ? none_accepts(a, err) : code;
}

static void tell_measuring(const struct sk_engine *e)
{
    const char *path = sk_tune_cache_path(e->cache);
    if (*path)
        sk_notice("kernels are being measured, once for this machine, network and batch: see '%s'", path);
    else
        sk_notice("kernels for this network are being measured");
}

/* The candidates come before those who declined. */
static void record(struct asked *a, const struct sk_choice *c, int count, const char *why)
{
    struct sk_trials declined = a->trials;
    a->trials.count = 0;
    for (int i = 0; i < count; i++)
        sk_trials_add(&a->trials, c[i].name, c[i].ms, why);
    for (int i = 0; i < declined.count; i++)
        sk_trials_add(&a->trials, declined.at[i].name, 0, declined.at[i].why);
}

/* Times the candidates and leaves the best in c[0]; where there is no memory to do it, the first stays there. */
static enum sk_code measure(struct asked *a, struct sk_choice *c, int count, const char *memo, struct sk_err *err)
{
    struct sk_err why = {0};
    tell_measuring(a->e);
    enum sk_code code = sk_tuner_measure(a->tuner, a->d, c, count, a->o->frozen, &why);
    if (code == SK_NOMEM || code == SK_INPUT) {
        record(a, c, count, "no memory to measure in");
        return SK_OK;
    }
    if (code != SK_OK)
        return sk_fail(err, code, "%s", why.text);
    int best = sk_tuner_pick(c, count);
    record(a, c, count, "");
    sk_tune_cache_put(a->e->cache, memo, c[best].name, &a->trials);
    struct sk_choice first = c[0];
    c[0] = c[best];
    c[best] = first;
    return SK_OK;
}

static enum sk_code choose_measured(struct asked *a, struct sk_choice *chosen, const char *memo, struct sk_err *err)
{
    struct sk_choice c[SK_CANDIDATES];
    int count = 0;
    enum sk_code code = open_candidates(a, c, SK_CANDIDATES, &count, err);
    if (code == SK_OK && count == 0)
        code = none_accepts(a, err);
    if (code == SK_OK && count > 1)
        code = measure(a, c, count, memo, err);
    for (int i = code == SK_OK ? 1 : 0; i < count; i++)
        sk_choice_release(&c[i]);
    if (code == SK_OK)
        *chosen = c[0];
    return code;
}

/* The key of the cache: also what kernels there were to choose from, so that new ones get their chance. */
static void memo_key(const struct asked *a, char *memo, size_t size)
{
    static const char *const winograd[] = {"off", "safe", "fast"};
    const struct sk_kernel *const *k = a->e->backend->kernels(a->d->kind);
    assert(a->o->winograd < SK_COUNT(winograd));
    size_t n = (size_t)snprintf(memo, size, "%s | winograd %s |", a->key, winograd[a->o->winograd]);
    for (; k && *k && n < size; k++)
        n += (size_t)snprintf(memo + n, size - n, " %s", (*k)->name);
    if (a->forced && n < size)
        snprintf(memo + n, size - n, " | forced %s", a->forced);
}

static enum sk_code choose_stored(struct asked *a, struct sk_choice *c, struct sk_err *err)
{
    const char *name = sk_choices_find(a->o->choices, a->key);
    enum sk_code code = name ? choose_named(a, c, name, err) : SK_UNSUPPORTED;
    if (name && code == SK_UNSUPPORTED && !a->e->told_missing) {
        sk_notice("kernel '%s', and perhaps others that the run used, cannot be had here: bits will differ (skua info --plan)",
                  name);
        a->e->told_missing = true;
    }
    if (code == SK_OK)
        c->by = "plan.json";
    return code;
}

static enum sk_code choose(struct asked *a, struct sk_choice *c, struct sk_err *err)
{
    char memo[2 * SK_CHOICE_KEY], known[SK_KERNEL_NAME];
    struct sk_trials remembered;
    memo_key(a, memo, sizeof memo);
    bool seen = a->o->tune != SK_TUNE_OFF && sk_tune_cache_get(a->e->cache, memo, known, &remembered);
    enum sk_code code = a->forced ? SK_UNSUPPORTED : choose_stored(a, c, err);
    if (code == SK_UNSUPPORTED && seen)
        code = choose_named(a, c, known, err);
    if (seen && code == SK_OK)
        a->trials = remembered;
    if (code == SK_UNSUPPORTED && a->o->tune != SK_TUNE_OFF)
        return choose_measured(a, c, memo, err);
    return code == SK_UNSUPPORTED ? choose_first(a, c, err) : code;
}

enum sk_code sk_choose(struct sk_choice *c, struct sk_tuner *t, const struct sk_op_desc *d,
                       const struct sk_plan_options *o, struct sk_err *err)
{
    struct asked a = {.tuner = t, .e = t->engine, .d = d, .o = o, .forced = t->engine->force.name[d->kind]};
    memset(c, 0, sizeof *c);
    sk_choice_key(d, o->frozen, a.key);
    enum sk_code code = choose(&a, c, err);
    if (code != SK_OK)
        return code;
    c->by = a.forced ? "SKUA_FORCE" : c->by;
    c->ms = sk_trials_ms(&a.trials, c->name);
    if (a.trials.count == 0)
        return SK_OK;
    c->trials = sk_alloc(1, sizeof *c->trials, err);
    if (!c->trials)
        sk_choice_release(c);
    else
        *c->trials = a.trials;
    return c->trials ? SK_OK : SK_NOMEM;
}

void sk_choice_release(struct sk_choice *c)
{
    if (c->kernel && c->kernel->close && c->self)
        c->kernel->close(c->self);
    sk_free(c->trials);
    memset(c, 0, sizeof *c);
}

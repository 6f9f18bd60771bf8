/* Weights in and out of a network: initial values, safetensors files, and the kernels it used (plan.json). */
#include <string.h>

#include "exec/internal.h"

static const char tracked[] = ".num_batches_tracked", mean[] = ".running_mean";

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), e = strlen(end);
    return n >= e && strcmp(text + n - e, end) == 0;
}

static bool saved_with_weights(enum sk_role role)
{
    return role == SK_ROLE_PARAM || role == SK_ROLE_STATE;
}

void sk_net_init(struct sk_net *n, uint64_t seed)
{
    struct sk_store *s = n->store;
    for (size_t i = 0; i < s->count; i++) {
        struct sk_tensor t = {.role = s->entry[i]->role, .desc = s->entry[i]->desc, .damp = s->entry[i]->damp};
        memcpy(t.name, s->entry[i]->name, sizeof t.name);
        if (!saved_with_weights(t.role))
            memset(s->entry[i]->data, 0, sk_desc_bytes(&t.desc));
        else
            sk_model_init(&t, seed, (int)i, s->entry[i]->data);
    }
    s->version++;
}

static void shape_text(int rank, const int64_t *dim, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < rank && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%lld", i ? ", " : "", (long long)dim[i]);
    if (n < size)
        snprintf(out + n, size - n, "]");
}

static enum sk_code check_shape(const struct sk_store_entry *e, const struct sk_st_tensor *t, const char *path, struct sk_err *err)
{
    char want[96], found[96];
    if (e->desc.rank == t->rank && memcmp(e->desc.dim, t->dim, (size_t)t->rank * sizeof t->dim[0]) == 0)
        return SK_OK;
    shape_text(e->desc.rank, e->desc.dim, want, sizeof want);
    shape_text(t->rank, t->dim, found, sizeof found);
    return sk_fail(err, SK_INPUT, "'%s': tensor '%s': the network expects shape %s, the file has %s", path, e->name, want, found);
}

/* The root of a variance is taken. */
static enum sk_code check_variance(const struct sk_store_entry *e, const char *path, struct sk_err *err)
{
    const float *v = e->data;
    size_t n = ends_with(e->name, ".running_var") ? (size_t)sk_desc_count(&e->desc) : 0;
    for (size_t i = 0; i < n; i++)
        if (v[i] < 0)
            return sk_fail(err, SK_INPUT, "'%s': tensor '%s' holds %g, a negative variance", path, e->name, (double)v[i]);
    return SK_OK;
}

static enum sk_code load_entry(struct sk_store_entry *e, const struct sk_st_tensor *t, const char *path, struct sk_err *err)
{
    enum sk_code code = check_shape(e, t, path, err);
    if (code != SK_OK)
        return code;
    code = sk_st_to_f32(t, e->data, (size_t)sk_desc_count(&e->desc), err);
    if (code != SK_OK)
        sk_err_prefix(err, "'%s': tensor '%s'", path, e->name);
    return code == SK_OK ? check_variance(e, path, err) : code;
}

static bool ignored(const char *name)
{
    return ends_with(name, tracked) || strncmp(name, "skua.", 5) == 0;
}

static bool is_head(const struct sk_net *n, const char *name)
{
    return strcmp(name, n->head[0]) == 0 || strcmp(name, n->head[1]) == 0;
}

/* What a file of weights fills. */
static bool loads(const struct sk_net *n, const struct sk_store_entry *e, bool head)
{
    return saved_with_weights(e->role) && (head || !is_head(n, e->name));
}

static enum sk_code check_fits(const struct sk_net *n, const struct sk_safetensors *st, const char *path, bool head, struct sk_err *err)
{
    const struct sk_store *s = n->store;
    for (size_t i = 0; i < st->count; i++)
        if (!sk_store_find(s, st->tensor[i].name) && !ignored(st->tensor[i].name))
            return sk_fail(err, SK_INPUT, "'%s': tensor '%.200s' does not belong to this network (%s)", path, st->tensor[i].name,
                           n->recipe.model.arch);
    for (size_t i = 0; i < s->count; i++) {
        const struct sk_st_tensor *t = sk_st_find(st, s->entry[i]->name);
        if (!loads(n, s->entry[i], head))
            continue;
        if (!t)
            return sk_fail(err, SK_INPUT, "'%s': tensor '%s' of the network is missing", path, s->entry[i]->name);
        enum sk_code code = check_shape(s->entry[i], t, path, err);
        if (code != SK_OK)
            return code;
    }
    return SK_OK;
}

/* All shapes first: a file that does not fit changes nothing. */
static enum sk_code load(struct sk_net *n, const struct sk_safetensors *st, const char *path, bool head, struct sk_err *err)
{
    struct sk_store *s = n->store;
    enum sk_code code = check_fits(n, st, path, head, err);
    for (size_t i = 0; i < s->count && code == SK_OK; i++)
        if (loads(n, s->entry[i], head))
            code = load_entry(s->entry[i], sk_st_find(st, s->entry[i]->name), path, err);
    if (code == SK_OK)
        s->version++;
    return code;
}

enum sk_code sk_net_load(struct sk_net *n, const struct sk_safetensors *st, const char *path, struct sk_err *err)
{
    return load(n, st, path, true, err);
}

enum sk_code sk_net_load_body(struct sk_net *n, const struct sk_safetensors *st, const char *path, struct sk_err *err)
{
    return load(n, st, path, false, err);
}

/* Slots are those of the params, "optimizer.KIND.PARAM", and the averages of params and statistics, "ema.NAME". */
static enum sk_code load_slot(struct sk_net *n, const struct sk_st_tensor *t, const char *path, struct sk_err *err)
{
    const char *kind = strncmp(t->name, "optimizer.", 10) == 0 ? t->name + 10 : strncmp(t->name, "ema.", 4) == 0 ? t->name : NULL;
    const char *param = kind ? strchr(kind, '.') : NULL;
    const struct sk_store_entry *of = param ? sk_store_find(n->store, param + 1) : NULL;
    struct sk_tensor slot = {.role = SK_ROLE_SLOT};
    struct sk_store_entry *e;
    if (!of || strlen(t->name) >= sizeof slot.name)
        return sk_fail(err, SK_INPUT, "'%s': '%.200s' is no optimizer state of this network", path, t->name);
    enum sk_code code = check_shape(of, t, path, err);
    strcpy(slot.name, t->name);
    slot.desc = of->desc;
    if (code == SK_OK)
        code = sk_store_take(n->store, &slot, &e, err);
    return code != SK_OK ? code : load_entry(e, t, path, err);
}

enum sk_code sk_net_load_state(struct sk_net *n, const struct sk_safetensors *st, const char *path, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < st->count && code == SK_OK; i++)
        code = load_slot(n, &st->tensor[i], path, err);
    return code;
}

bool sk_net_swap_average(struct sk_net *n)
{
    struct sk_store *s = n->store;
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        struct sk_store_entry *e = s->entry[i], *of = NULL;
        for (size_t k = 0; strncmp(e->name, "ema.", 4) == 0 && k < s->count && !of; k++)
            of = strcmp(s->entry[k]->name, e->name + 4) == 0 ? s->entry[k] : NULL;
        if (!of)
            continue;
        void *data = e->data;
        e->data = of->data;
        of->data = data;
        any = true;
    }
    s->version++;
    return any;
}

static struct sk_st_tensor as_file_tensor(struct sk_store_entry *e)
{
    struct sk_st_tensor t = {.name = e->name, .elem = SK_ELEM_F32, .rank = e->desc.rank, .data = e->data, .bytes = sk_desc_bytes(&e->desc)};
    memcpy(t.dim, e->desc.dim, sizeof e->desc.dim);
    return t;
}

enum sk_code sk_net_save(struct sk_net *n, const char *path, int64_t steps, const struct sk_st_meta *meta, size_t metas, struct sk_err *err)
{
    struct sk_store *s = n->store;
    struct sk_st_tensor *t = sk_alloc(2 * s->count + 1, sizeof *t, err);
    char (*name)[SK_TENSOR_NAME + sizeof tracked] = sk_alloc(s->count + 1, sizeof *name, err);
    size_t count = 0;
    enum sk_code code = t && name ? SK_OK : SK_NOMEM;
    for (size_t i = 0; i < s->count && code == SK_OK; i++) {
        if (!saved_with_weights(s->entry[i]->role))
            continue;
        t[count++] = as_file_tensor(s->entry[i]);
        if (!ends_with(s->entry[i]->name, mean))
            continue;
        snprintf(name[i], sizeof name[i], "%.*s%s", (int)(strlen(s->entry[i]->name) - strlen(mean)), s->entry[i]->name, tracked);
        t[count++] = (struct sk_st_tensor){.name = name[i], .elem = SK_ELEM_I64, .data = &steps, .bytes = sizeof steps};
    }
    if (code == SK_OK)
        code = sk_st_write(path, t, count, meta, metas, err);
    sk_free(name);
    sk_free(t);
    return code;
}

enum sk_code sk_net_save_state(struct sk_net *n, const char *path, struct sk_err *err)
{
    struct sk_store *s = n->store;
    struct sk_st_tensor *t = sk_alloc(s->count + 1, sizeof *t, err);
    size_t count = 0;
    if (!t)
        return SK_NOMEM;
    for (size_t i = 0; i < s->count; i++)
        if (s->entry[i]->role == SK_ROLE_SLOT)
            t[count++] = as_file_tensor(s->entry[i]);
    enum sk_code code = sk_st_write(path, t, count, NULL, 0, err);
    sk_free(t);
    return code;
}

enum sk_code sk_net_choices(const struct sk_net *n, struct sk_str *out, struct sk_err *err)
{
    json_t *ops = json_object();
    if (n->choices)
        json_object_update(ops, sk_choices_ops(n->choices));
    for (int i = 0; i < n->plans; i++)
        sk_choices_add(ops, n->plan[i].plan);
    json_t *root = json_pack("{s:i, s:s, s:i, s:s, s:o}", "version", 1, "device", sk_engine_device(n->engine), "threads",
                             n->engine->threads, "precision", sk_precision_name(n->engine->precision), "ops", ops);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
    enum sk_code code = text ? sk_str_add(out, err, "%s\n", text) : sk_fail(err, SK_NOMEM, "out of memory for the plan");
    free(text);
    json_decref(root);
    return code;
}

/* What else than kernels decides the bits: threads and precision. */
static void tell_differences(const struct sk_net *n, const json_t *root)
{
    int threads = (int)json_integer_value(json_object_get(root, "threads"));
    const char *precision = json_string_value(json_object_get(root, "precision"));
    if (threads && threads != n->engine->threads)
        sk_notice("the run used %d threads, %d are used now: bits may differ", threads, n->engine->threads);
    if (precision && strcmp(precision, sk_precision_name(n->engine->precision)) != 0)
        sk_notice("the run used precision %s, %s is used now: figures will differ", precision, sk_precision_name(n->engine->precision));
}

enum sk_code sk_net_use_choices(struct sk_net *n, const char *json, size_t len, const char *origin, struct sk_err *err)
{
    struct sk_choices *c = NULL;
    enum sk_code code = sk_choices_parse(&c, json, len, origin, err);
    if (code != SK_OK)
        return code;
    json_t *root = json_loadb(json, len, 0, NULL);
    tell_differences(n, root);
    json_decref(root);
    sk_choices_free(n->choices);
    n->choices = c;
    return SK_OK;
}

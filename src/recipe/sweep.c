/* Sweeps: the values of sweep.grid and sweep.list, checked entry by entry as they are read and kept as one line of
 * YAML; and the recipes of the settings that they stand for. */
#include "recipe/keys.h"

#include <assert.h>
#include <string.h>

/* ---- nodes as one line of YAML ---- */
static bool is_safe(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    return *text && *text != '-' && text[strspn(text, safe)] == '\0';
}

static enum sk_code format_scalar(const struct sk_yaml *y, const struct sk_node *n, struct sk_str *out,
                                  struct sk_err *err)
{
    const char *text = sk_node_text(y, n);
    if (sk_node_null(y, n))
        return sk_str_add(out, err, "null");
    return n->plain && (is_safe(text) || sk_parse_f64(text, &(double){0})) ? sk_str_add(out, err, "%s", text)
                                                                           : sk_text_quote(text, out, err);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as YAML may nest */
static enum sk_code format_node(const struct sk_yaml *y, const struct sk_node *n, struct sk_str *out,
                                struct sk_err *err)
{
    bool map = n->kind == SK_NODE_MAP, key = true;
    if (n->kind == SK_NODE_SCALAR)
        return format_scalar(y, n, out, err);
    enum sk_code code = sk_str_add(out, err, map ? "{" : "[");
    for (const struct sk_node *c = sk_node_first(y, n); code == SK_OK && c; c = sk_node_next(y, c), key = !key) {
        code = format_node(y, c, out, err);
        if (code == SK_OK && sk_node_next(y, c))
            code = sk_str_add(out, err, map && key ? ": " : ", ");
    }
    return code == SK_OK ? sk_str_add(out, err, map ? "}" : "]") : code;
}

static enum sk_code keep(char text[SK_SWEEP_TEXT], const struct sk_yaml *y, const struct sk_node *n, struct sk_err *err)
{
    struct sk_str line = {0};
    enum sk_code code = n->children ? format_node(y, n, &line, err) : SK_OK;
    if (code == SK_OK && line.len >= SK_SWEEP_TEXT)
        code = sk_fail(err, SK_INPUT, "expected at most %d bytes, got %zu", SK_SWEEP_TEXT - 1, line.len);
    if (code == SK_OK) {
        memset(text, 0, SK_SWEEP_TEXT); /* equal recipes have equal bytes */
        if (line.len > 0)
            memcpy(text, line.text, line.len);
    }
    sk_str_release(&line);
    return code;
}

/* ---- reading: every value is tried on a recipe of defaults ---- */
static bool may_vary(const char *name)
{
    static const char *const fixed[] = {"name", "task", "sweep", "profile"};
    for (size_t i = 0; i < SK_COUNT(fixed); i++) {
        size_t length = strlen(fixed[i]);
        if (strncmp(name, fixed[i], length) == 0 && (name[length] == '\0' || name[length] == '.'))
            return false;
    }
    return true;
}

static enum sk_code read_name(const struct sk_yaml *y, const struct sk_node *map, const struct sk_node *key,
                              struct sk_err *err)
{
    char shown[SK_NAME];
    if (key->kind != SK_NODE_SCALAR)
        return sk_key_unexpected(y, key, "a key", err);
    if (!may_vary(sk_node_text(y, key)))
        return sk_fail(err, SK_INPUT, "'%s' cannot vary in a sweep",
                       sk_printable(shown, sizeof(shown), sk_node_text(y, key)));
    if (sk_node_repeated(y, map, key))
        return sk_fail(err, SK_INPUT, "key '%s' is given twice",
                       sk_printable(shown, sizeof(shown), sk_node_text(y, key)));
    return SK_OK;
}

static enum sk_code read_values(struct sk_recipe *trial, const struct sk_yaml *y, const struct sk_node *key,
                                const struct sk_node *values, const struct sk_node **at, struct sk_err *err)
{
    const char *name = sk_node_text(y, key);
    *at = values;
    if (values->kind != SK_NODE_LIST || values->children == 0) {
        enum sk_code code = values->kind == SK_NODE_LIST
                                ? sk_fail(err, SK_INPUT, "expected at least one value")
                                : sk_key_unexpected(y, values, "a list of values such as [0.1, 0.01]", err);
        sk_err_prefix(err, "%s", name);
        return code;
    }
    enum sk_code code = SK_OK;
    for (const struct sk_node *v = sk_node_first(y, values); code == SK_OK && v; v = sk_node_next(y, v))
        code = sk_recipe_set_node(trial, name, y, v, at, err);
    return code;
}

static enum sk_code read_grid(struct sk_recipe *trial, const struct sk_yaml *y, const struct sk_node *map,
                              const struct sk_node **at, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (map->kind != SK_NODE_MAP)
        return sk_key_unexpected(y, map, "keys with lists of values such as {train.optimizer.lr: [0.1, 0.01]}", err);
    const struct sk_node *key = sk_node_first(y, map), *values;
    for (; code == SK_OK && key; key = sk_node_next(y, values)) {
        values = sk_node_next(y, key);
        *at = key;
        code = read_name(y, map, key, err);
        if (code == SK_OK)
            code = sk_recipe_set_node(trial, sk_node_text(y, key), NULL, NULL, at, err); /* is there such a key? */
        if (code == SK_OK)
            code = read_values(trial, y, key, values, at, err);
    }
    return code;
}

static bool is_label(const struct sk_yaml *y, const struct sk_node *key)
{
    return key->kind == SK_NODE_SCALAR && strcmp(sk_node_text(y, key), "name") == 0;
}

static enum sk_code read_entry(struct sk_recipe *trial, const struct sk_yaml *y, const struct sk_node *map,
                               const struct sk_node **at, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    *at = map;
    if (map->kind != SK_NODE_MAP)
        return sk_key_unexpected(y, map, "keys and values such as {model.width: 0.5}", err);
    if (map->children == 0)
        return sk_fail(err, SK_INPUT, "expected a name or keys, got an empty mapping");
    const struct sk_node *key = sk_node_first(y, map), *value;
    for (; code == SK_OK && key; key = sk_node_next(y, value)) {
        value = sk_node_next(y, key);
        *at = key;
        if (is_label(y, key)) {
            *at = value;
            if (value->kind != SK_NODE_SCALAR || sk_node_null(y, value))
                code = sk_key_unexpected(y, value, "a name", err);
            continue;
        }
        code = read_name(y, map, key, err);
        if (code == SK_OK)
            code = sk_recipe_set_node(trial, sk_node_text(y, key), y, value, at, err);
    }
    return code;
}

static enum sk_code read_list(struct sk_recipe *trial, const struct sk_yaml *y, const struct sk_node *list,
                              const struct sk_node **at, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    int number = 1;
    if (list->kind != SK_NODE_LIST)
        return sk_key_unexpected(y, list, "a list of settings such as [{model.width: 0.5}, {model.width: 1.0}]", err);
    for (const struct sk_node *n = sk_node_first(y, list); code == SK_OK && n; n = sk_node_next(y, n), number++) {
        code = read_entry(trial, y, n, at, err);
        if (code != SK_OK)
            sk_err_prefix(err, "entry %d", number);
    }
    return code;
}

enum sk_code sk_sweep_set(const struct sk_key *k, char text[SK_SWEEP_TEXT], const struct sk_yaml *y,
                          const struct sk_node *n, const struct sk_node **at, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    struct sk_recipe *trial = sk_alloc(1, sizeof(*trial), err);
    if (!trial)
        return SK_NOMEM;
    sk_recipe_defaults(trial);
    if (!sk_node_null(y, n))
        code = (k->type == SK_KEY_GRID ? read_grid : read_list)(trial, y, n, at, err);
    if (code == SK_OK)
        code = keep(text, y, n, err);
    sk_free(trial);
    return code;
}

/* ---- settings: the entries of the list times the values of the grid, the last key of the grid changing fastest ----
 */
struct sweep {
    struct sk_yaml grid, list; /* without nodes where there is none */
    size_t entries, points;
};

static void release(struct sweep *s)
{
    sk_yaml_release(&s->grid);
    sk_yaml_release(&s->list);
}

static size_t count_points(const struct sk_yaml *grid)
{
    size_t points = 1;
    const struct sk_node *key = grid->count ? sk_node_first(grid, grid->node) : NULL, *values;
    for (; key && points <= SK_SWEEP_SETTINGS; key = sk_node_next(grid, values)) {
        values = sk_node_next(grid, key);
        points *= (size_t)values->children;
    }
    return points;
}

static enum sk_code open_sweep(struct sweep *s, const struct sk_recipe_sweep *r, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    *s = (struct sweep){0};
    if (*r->grid)
        code = sk_yaml_parse(&s->grid, r->grid, strlen(r->grid), "sweep.grid", err);
    if (code == SK_OK && *r->list)
        code = sk_yaml_parse(&s->list, r->list, strlen(r->list), "sweep.list", err);
    s->entries = s->list.count ? (size_t)s->list.node->children : 1;
    s->points = count_points(&s->grid);
    if (code == SK_OK && s->entries * s->points > SK_SWEEP_SETTINGS)
        code = sk_fail(err, SK_INPUT, "sweep: expected at most %d settings, the grid and the list make more",
                       SK_SWEEP_SETTINGS);
    if (code != SK_OK)
        release(s);
    return code;
}

struct choice { /* a key, or a section, and what it is in a setting; name: what an entry of the list is called */
    const struct sk_yaml *y;
    const struct sk_node *key, *value;
    bool name;
};
typedef enum sk_code (*choice_fn)(void *ctx, const struct choice *c, struct sk_err *err);

static const struct sk_node *child(const struct sk_yaml *y, const struct sk_node *n, size_t i)
{
    const struct sk_node *c = sk_node_first(y, n);
    while (i-- > 0)
        c = sk_node_next(y, c);
    return c;
}

static enum sk_code visit_entry(const struct sk_yaml *list, size_t entry, choice_fn fn, void *ctx, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    const struct sk_node *map = list->count ? child(list, list->node, entry) : NULL;
    struct choice c = {.y = list, .key = map ? sk_node_first(list, map) : NULL};
    for (; code == SK_OK && c.key; c.key = sk_node_next(list, c.value)) {
        c.value = sk_node_next(list, c.key);
        c.name = is_label(list, c.key);
        code = fn(ctx, &c, err);
    }
    return code;
}

static enum sk_code visit_point(const struct sk_yaml *grid, size_t points, size_t point, choice_fn fn, void *ctx,
                                struct sk_err *err)
{
    enum sk_code code = SK_OK;
    struct choice c = {.y = grid, .key = grid->count ? sk_node_first(grid, grid->node) : NULL};
    for (const struct sk_node *values; code == SK_OK && c.key; c.key = sk_node_next(grid, values)) {
        values = sk_node_next(grid, c.key);
        points /= (size_t)values->children;
        c.value = child(grid, values, point / points);
        point %= points;
        code = fn(ctx, &c, err);
    }
    return code;
}

static enum sk_code visit(const struct sk_recipe_sweep *r, size_t setting, choice_fn fn, void *ctx, struct sk_err *err)
{
    struct sweep s;
    enum sk_code code = open_sweep(&s, r, err);
    if (code != SK_OK)
        return code;
    assert(setting < s.entries * s.points);
    code = visit_entry(&s.list, setting / s.points, fn, ctx, err);
    if (code == SK_OK)
        code = visit_point(&s.grid, s.points, setting % s.points, fn, ctx, err);
    release(&s);
    return code;
}

bool sk_recipe_is_sweep(const struct sk_recipe *r)
{
    return *r->sweep.grid || *r->sweep.list || r->sweep.seeds.count > 0;
}

enum sk_code sk_recipe_sweep_count(const struct sk_recipe *r, size_t *count, struct sk_err *err)
{
    struct sweep s;
    enum sk_code code = open_sweep(&s, &r->sweep, err);
    *count = code == SK_OK ? s.entries * s.points : 0;
    release(&s);
    return code;
}

static enum sk_code apply(void *ctx, const struct choice *c, struct sk_err *err)
{
    const struct sk_node *at;
    return c->name ? SK_OK : sk_recipe_set_node(ctx, sk_node_text(c->y, c->key), c->y, c->value, &at, err);
}

/* The sweep of r becomes that of a recipe that has none. */
static enum sk_code leave_sweep(struct sk_recipe *r, struct sk_err *err)
{
    struct sk_recipe *plain = sk_alloc(1, sizeof(*plain), err);
    if (!plain)
        return SK_NOMEM;
    sk_recipe_defaults(plain);
    memcpy(&r->sweep, &plain->sweep, sizeof(r->sweep));
    r->task = plain->task;
    sk_free(plain);
    return SK_OK;
}

enum sk_code sk_recipe_sweep_setting(const struct sk_recipe *r, size_t setting, struct sk_recipe *out,
                                     struct sk_err *err)
{
    struct sk_str label = {0};
    memcpy(out, r, sizeof(*out));
    enum sk_code code = leave_sweep(out, err);
    if (code == SK_OK)
        code = visit(&r->sweep, setting, apply, out, err);
    if (code == SK_OK && r->sweep.seeds.count > 0 && out->train.seed != r->train.seed)
        code = sk_fail(err, SK_INPUT, "train.seed varies, and sweep.seeds gives seeds, too");
    if (code == SK_OK)
        code = sk_recipe_check(out, err);
    if (code != SK_OK && sk_recipe_sweep_label(r, setting, NULL, &label, NULL) == SK_OK)
        sk_err_prefix(err, "sweep, setting '%s'", label.len ? label.text : "");
    sk_str_release(&label);
    return code;
}

/* ---- the keys of a setting ---- */
/* Whether name with its value gives the key one: by itself, or as a section that holds it. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as sections nest */
static bool gives(const struct sk_yaml *y, const struct sk_node *name, const struct sk_node *value, const char *key)
{
    size_t length = strlen(sk_node_text(y, name));
    if (strncmp(key, sk_node_text(y, name), length) != 0 || !strchr(".", key[length]))
        return false;
    if (key[length] == '\0')
        return true;
    const struct sk_node *k = value->kind == SK_NODE_MAP ? sk_node_first(y, value) : NULL, *v;
    for (; k; k = sk_node_next(y, v)) {
        v = sk_node_next(y, k);
        if (gives(y, k, v, key + length + 1))
            return true;
    }
    return false;
}

static enum sk_code mark_keys(void *ctx, const struct choice *c, struct sk_err *err)
{
    bool *sets = ctx;
    (void)err;
    for (size_t i = 0; !c->name && sk_recipe_key(i); i++)
        sets[i] = sets[i] || gives(c->y, c->key, c->value, sk_recipe_key(i));
    return SK_OK;
}

enum sk_code sk_recipe_sweep_keys(const struct sk_recipe *r, size_t setting, bool *sets, struct sk_err *err)
{
    return visit(&r->sweep, setting, mark_keys, sets, err);
}

/* ---- labels ---- */
struct labelling {
    struct sk_str *out;
    size_t begin;
    const char *without;
    bool named;
};

/* As much of a key's name as tells it from other keys: lr, optimizer.name. */
static const char *short_name(const char *name)
{
    const char *dot = strrchr(name, '.'), *leaf = dot ? dot + 1 : name, *first = sk_recipe_key_of(leaf);
    if (!dot || !first || strcmp(first, name) == 0)
        return leaf;
    while (dot > name && dot[-1] != '.')
        dot--;
    return dot;
}

/* Of the section `without` ("model."), by a key of it or as a whole? */
static bool is_left_out(const char *name, const char *without)
{
    size_t length = without ? strlen(without) : 0;
    return length && (strncmp(name, without, length) == 0 ||
                      (strlen(name) == length - 1 && strncmp(name, without, length - 1) == 0));
}

/* A name says nothing of the keys that are left out: with without, an entry is called by its other keys. */
static enum sk_code add_to_label(void *ctx, const struct choice *c, struct sk_err *err)
{
    struct labelling *l = ctx;
    const char *name = sk_node_text(c->y, c->key);
    bool in_list = c->y->node->kind == SK_NODE_LIST;
    if (is_left_out(name, l->without) || (l->named && in_list) || (l->without && c->name))
        return SK_OK;
    if (c->name) {
        l->named = true;
        l->out->len = l->begin;
        return sk_str_add(l->out, err, "%s", sk_node_text(c->y, c->value));
    }
    enum sk_code code = sk_str_add(l->out, err, "%s%s=", l->out->len > l->begin ? ", " : "", short_name(name));
    return code == SK_OK ? format_node(c->y, c->value, l->out, err) : code;
}

enum sk_code sk_recipe_sweep_label(const struct sk_recipe *r, size_t setting, const char *without, struct sk_str *out,
                                   struct sk_err *err)
{
    struct labelling l = {.out = out, .begin = out->len, .without = without};
    return visit(&r->sweep, setting, add_to_label, &l, err);
}

/* ---- rules ---- */
/* Whether one is the other, or a section that holds it. */
static bool overlaps(const char *a, const char *b)
{
    size_t x = strlen(a), y = strlen(b), shorter = x < y ? x : y;
    char next = (x > y ? a : b)[shorter];
    return strncmp(a, b, shorter) == 0 && (next == '\0' || next == '.');
}

static enum sk_code refuse_both(void *grid_key, const struct choice *c, struct sk_err *err)
{
    const char *name = sk_node_text(c->y, c->key);
    if (c->name || !overlaps(name, grid_key))
        return SK_OK;
    return sk_fail(err, SK_INPUT, "sweep: '%s' of sweep.grid and '%s' of sweep.list set the same", (const char *)grid_key,
                   name);
}

static enum sk_code check_grid_key(void *sweep, const struct choice *c, struct sk_err *err)
{
    const struct sweep *s = sweep;
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < s->entries && code == SK_OK; i++)
        code = visit_entry(&s->list, i, refuse_both, (void *)(uintptr_t)sk_node_text(c->y, c->key), err);
    return code;
}

static enum sk_code refuse_threads(void *parallel, const struct choice *c, struct sk_err *err)
{
    if (c->name || !overlaps(sk_node_text(c->y, c->key), "engine.threads"))
        return SK_OK;
    return sk_fail(err, SK_INPUT, "sweep.parallel: %d runs at once share the processors, so that engine.threads cannot vary",
                   *(const int *)parallel);
}

static enum sk_code check_choices(const struct sk_recipe_sweep *r, struct sk_err *err)
{
    struct sweep s;
    int parallel = r->parallel;
    enum sk_code code = open_sweep(&s, r, err);
    if (code != SK_OK)
        return code;
    code = visit_point(&s.grid, s.points, 0, check_grid_key, &s, err);
    if (code == SK_OK && parallel > 1)
        code = visit_point(&s.grid, s.points, 0, refuse_threads, &parallel, err);
    for (size_t i = 0; i < s.entries && code == SK_OK && parallel > 1; i++)
        code = visit_entry(&s.list, i, refuse_threads, &parallel, err);
    release(&s);
    return code;
}

enum sk_code sk_sweep_check(const struct sk_recipe *r, struct sk_err *err)
{
    const struct sk_recipe_numbers *seeds = &r->sweep.seeds;
    size_t count;
    for (int i = 0; i < seeds->count; i++) {
        if (seeds->at[i] != (double)(int64_t)seeds->at[i])
            return sk_fail(err, SK_INPUT, "sweep.seeds: expected integers, got %g", seeds->at[i]);
        for (int j = 0; j < i; j++)
            if (seeds->at[i] == seeds->at[j])
                return sk_fail(err, SK_INPUT, "sweep.seeds: %g is given twice", seeds->at[i]);
    }
    if (r->sweep.fit_x.count > 0 && !*r->sweep.fit_y)
        return sk_fail(err, SK_INPUT, "sweep.fit.x needs sweep.fit.y beside it");
    enum sk_code code = sk_recipe_sweep_count(r, &count, err);
    return code == SK_OK ? check_choices(&r->sweep, err) : code;
}

/* Keys that decide which pictures validation sees, and of which classes. */
const char *sk_recipe_other_data(const struct sk_recipe *a, const struct sk_recipe *b, bool may_move)
{
    static const char *const names[] = {
        "data.path", /* the first: passed over where it may move */
        "data.source",       "data.images",          "data.val_images",   "data.val_labels",
        "data.only_classes", "data.also",        "data.val_limit",       "data.val_fraction", "data.val_size",
        "data.image_size",   "data.shapes_seed", "data.cifar100_labels", "data.class_names"};
    for (size_t i = may_move; i < SK_COUNT(names); i++) {
        const struct sk_key *k = sk_key_find(names[i]);
        assert(k);
        if (!sk_key_equal(k, a, b))
            return k->name;
    }
    return NULL;
}

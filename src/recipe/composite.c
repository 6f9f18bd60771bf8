/* Values that are more than one text: lists of picture steps, resize's two sides, normalization. */
#include "recipe/keys.h"
#include "recipe/text.h"

#include <assert.h>
#include <string.h>

enum { NAMES_MAX = 32, KNOWN_MAX = 512 };

/* A list or mapping can be switched off: none, null, false, or nothing at all. */
static bool is_none(const struct sk_yaml *y, const struct sk_node *n)
{
    static const char *const words[] = {"none", "false", "no", "off"};
    if (n->kind != SK_NODE_SCALAR || sk_node_null(y, n))
        return n->kind == SK_NODE_SCALAR;
    for (size_t i = 0; i < SK_COUNT(words); i++)
        if (strcmp(sk_node_text(y, n), words[i]) == 0)
            return true;
    return false;
}

/* ---- picture steps ---- */
static const struct sk_step_type *find_type(const char *name, struct sk_err *err)
{
    const char *names[NAMES_MAX];
    char known[KNOWN_MAX] = "", shown[SK_NAME];
    size_t used = 0;
    assert(sk_step_type_count <= NAMES_MAX);
    for (size_t i = 0; i < sk_step_type_count; i++) {
        names[i] = sk_step_types[i].name;
        if (strcmp(name, names[i]) == 0)
            return &sk_step_types[i];
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", names[i]);
    }
    const char *nearest = sk_nearest(name, names, sk_step_type_count);
    sk_printable(shown, sizeof(shown), name);
    if (nearest)
        sk_fail(err, SK_INPUT, "unknown step '%s' (did you mean '%s'?)", shown, nearest);
    else
        sk_fail(err, SK_INPUT, "unknown step '%s' (there are %s)", shown, known);
    return NULL;
}

static enum sk_code set_param(const struct sk_step_type *type, const struct sk_key *param, struct sk_picture_step *step,
                              const struct sk_yaml *y, const struct sk_node *n, const struct sk_node **at,
                              struct sk_err *err)
{
    enum sk_code code = sk_key_set_node(param, step, y, n, at, err);
    if (code != SK_OK)
        sk_err_prefix(err, "%s.%s", type->name, param->name);
    return code;
}

static const struct sk_key *find_param(const struct sk_step_type *type, const char *name, struct sk_err *err)
{
    const char *names[NAMES_MAX];
    char shown[SK_NAME];
    assert(type->params <= NAMES_MAX);
    for (size_t i = 0; i < type->params; i++) {
        names[i] = type->param[i].name;
        if (strcmp(name, names[i]) == 0)
            return &type->param[i];
    }
    const char *nearest = sk_nearest(name, names, type->params);
    sk_fail(err, SK_INPUT, "unknown parameter '%s' of %s (did you mean '%s'?)",
            sk_printable(shown, sizeof(shown), name), type->name, nearest ? nearest : names[0]);
    return NULL;
}

/* A step's value: nothing, its first parameter, or a mapping of parameters. given marks those that were set. */
static enum sk_code set_params(const struct sk_step_type *type, struct sk_picture_step *step, bool given[NAMES_MAX],
                               const struct sk_yaml *y, const struct sk_node *value, const struct sk_node **at,
                               struct sk_err *err)
{
    *at = value;
    if (sk_node_null(y, value))
        return SK_OK;
    if (type->params == 0)
        return sk_fail(err, SK_INPUT, "%s has no parameters", type->name);
    given[0] = value->kind != SK_NODE_MAP;
    if (given[0])
        return set_param(type, &type->param[0], step, y, value, at, err);
    enum sk_code code = SK_OK;
    const struct sk_node *name = sk_node_first(y, value);
    for (const struct sk_node *v; code == SK_OK && name; name = sk_node_next(y, v)) {
        v = sk_node_next(y, name);
        *at = name;
        if (name->kind != SK_NODE_SCALAR)
            return sk_key_unexpected(y, name, "a parameter's name", err);
        const struct sk_key *param = find_param(type, sk_node_text(y, name), err);
        if (!param)
            return SK_INPUT;
        bool *met = &given[param - type->param];
        code = *met ? sk_fail(err, SK_INPUT, "%s.%s is given twice", type->name, param->name)
                    : set_param(type, param, step, y, v, at, err);
        *met = true;
    }
    return code;
}

static enum sk_code set_step(struct sk_picture_step *step, const struct sk_yaml *y, const struct sk_node *n,
                             const struct sk_node **at, struct sk_err *err)
{
    bool given[NAMES_MAX] = {0};
    const struct sk_node *name = n->kind == SK_NODE_SCALAR ? n : sk_node_first(y, n);
    *at = n;
    if (n->kind == SK_NODE_LIST || (n->kind == SK_NODE_MAP && n->children != 2))
        return sk_fail(err, SK_INPUT, "expected one step such as {resize: 256}, got %s",
                       n->kind == SK_NODE_LIST ? "a list"
                       : n->children           ? "several in one mapping"
                                               : "nothing");
    if (name->kind != SK_NODE_SCALAR)
        return sk_key_unexpected(y, name, "a step's name", err);
    const struct sk_step_type *type = find_type(sk_node_text(y, name), err);
    if (!type)
        return SK_INPUT;
    step->kind = type->kind;
    enum sk_code code = SK_OK;
    if (n->kind == SK_NODE_MAP)
        code = set_params(type, step, given, y, sk_node_next(y, name), at, err);
    for (size_t i = 0; code == SK_OK && i < type->params; i++) {
        const struct sk_key *param = &type->param[i];
        if (given[i])
            continue;
        code = param->initial ? sk_key_set_text(param, step, param->initial, err)
                              : sk_fail(err, SK_INPUT, "%s needs its %s", type->name, param->name);
    }
    return code;
}

enum sk_code sk_steps_set(struct sk_picture_steps *steps, const struct sk_yaml *y, const struct sk_node *n,
                          const struct sk_node **at, struct sk_err *err)
{
    struct sk_picture_steps result;
    memset(&result, 0, sizeof(result)); /* padding too: equal recipes have equal bytes */
    enum sk_code code = SK_OK;
    result.decode = steps->decode; /* another key's */
    *at = n;
    if (n->kind != SK_NODE_LIST && !is_none(y, n))
        return sk_key_unexpected(y, n, "a list of steps such as [{resize: 256}]", err);
    if (n->children > SK_MAX_STEPS)
        return sk_fail(err, SK_INPUT, "expected at most %d steps, got %d", SK_MAX_STEPS, n->children);
    for (n = sk_node_first(y, n); code == SK_OK && n; n = sk_node_next(y, n)) {
        code = set_step(&result.step[result.count++], y, n, at, err);
        if (code != SK_OK)
            sk_err_prefix(err, "step %d", result.count);
    }
    if (code == SK_OK)
        memcpy(steps, &result, sizeof(result));
    return code;
}

static enum sk_code format_step(const struct sk_picture_step *step, struct sk_str *out, struct sk_err *err)
{
    const struct sk_step_type *type = sk_step_type_of(step->kind);
    assert(type);
    if (type->params == 0)
        return sk_str_add(out, err, "%s", type->name);
    enum sk_code code = sk_str_add(out, err, "{%s: {", type->name);
    for (size_t i = 0; code == SK_OK && i < type->params; i++) {
        code = sk_str_add(out, err, "%s%s: ", i ? ", " : "", type->param[i].name);
        if (code == SK_OK)
            code = sk_key_format(&type->param[i], step, out, err);
    }
    return code == SK_OK ? sk_str_add(out, err, "}}") : code;
}

enum sk_code sk_steps_format(const struct sk_picture_steps *steps, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "[");
    for (int i = 0; code == SK_OK && i < steps->count; i++) {
        code = sk_str_add(out, err, "%s", i ? ", " : "");
        if (code == SK_OK)
            code = format_step(&steps->step[i], out, err);
    }
    return code == SK_OK ? sk_str_add(out, err, "]") : code;
}

bool sk_steps_equal(const struct sk_picture_steps *a, const struct sk_picture_steps *b)
{
    bool equal = a->count == b->count;
    for (int i = 0; equal && i < a->count; i++) {
        const struct sk_step_type *type = sk_step_type_of(a->step[i].kind);
        equal = a->step[i].kind == b->step[i].kind;
        for (size_t p = 0; equal && p < type->params; p++)
            equal = sk_key_equal(&type->param[p], &a->step[i], &b->step[i]);
    }
    return equal;
}

/* ---- resize's size as [height, width] ---- */
enum sk_code sk_sides_set(const struct sk_key *k, struct sk_picture_step *step, const struct sk_yaml *y,
                          const struct sk_node *list, const struct sk_node **at, struct sk_err *err)
{
    struct sk_key side = *k;
    side.type = SK_KEY_INT;
    side.offset = offsetof(struct sk_picture_step, height);
    if (list->children != 2)
        return sk_fail(err, SK_INPUT, "expected [height, width], got a list of %d", list->children);
    const struct sk_node *height = sk_node_first(y, list);
    enum sk_code code = sk_key_set_node(&side, step, y, height, at, err);
    if (code != SK_OK)
        return code;
    side.offset = offsetof(struct sk_picture_step, width);
    step->exact = true;
    return sk_key_set_node(&side, step, y, sk_node_next(y, height), at, err);
}

enum sk_code sk_sides_format(const struct sk_picture_step *step, struct sk_str *out, struct sk_err *err)
{
    if (step->exact)
        return sk_str_add(out, err, "[%d, %d]", step->height, step->width);
    return sk_str_add(out, err, "%d", step->size);
}

bool sk_sides_equal(const struct sk_picture_step *a, const struct sk_picture_step *b)
{
    if (a->exact != b->exact)
        return false;
    return a->exact ? a->height == b->height && a->width == b->width : a->size == b->size;
}

/* ---- normalization ---- */
struct channels {
    int count;
    double value[SK_MAX_CHANNELS];
};
static const struct sk_key mean_row = {
    .name = "mean", .type = SK_KEY_REAL, .size = sizeof(double), .min = -1e6, .max = 1e6};
static const struct sk_key std_row = {
    .name = "std", .type = SK_KEY_REAL, .size = sizeof(double), .min = 1e-6, .max = 1e6};

static enum sk_code set_channels(struct channels *c, const struct sk_key *row, const struct sk_yaml *y,
                                 const struct sk_node *n, const struct sk_node **at, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    *at = n;
    if (c->count)
        code = sk_fail(err, SK_INPUT, "given twice");
    else if (n->kind != SK_NODE_LIST)
        code = sk_key_unexpected(y, n, "a list of numbers, one a channel", err);
    else if (n->children < 1 || n->children > SK_MAX_CHANNELS)
        code = sk_fail(err, SK_INPUT, "expected 1 to %d numbers, one a channel, got %d", SK_MAX_CHANNELS, n->children);
    for (n = sk_node_first(y, n); code == SK_OK && n; n = sk_node_next(y, n))
        code = sk_key_set_node(row, &c->value[c->count++], y, n, at, err);
    if (code != SK_OK)
        sk_err_prefix(err, "%s", row->name);
    return code;
}

static enum sk_code set_mean_std(struct channels *mean, struct channels *std, const struct sk_yaml *y,
                                 const struct sk_node *map, const struct sk_node **at, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    const struct sk_node *name = sk_node_first(y, map);
    for (const struct sk_node *v; code == SK_OK && name; name = sk_node_next(y, v)) {
        v = sk_node_next(y, name);
        const char *text = name->kind == SK_NODE_SCALAR ? sk_node_text(y, name) : "";
        *at = name;
        if (strcmp(text, "mean") == 0)
            code = set_channels(mean, &mean_row, y, v, at, err);
        else if (strcmp(text, "std") == 0)
            code = set_channels(std, &std_row, y, v, at, err);
        else
            code = sk_key_unexpected(y, name, "mean or std", err);
    }
    return code;
}

enum sk_code sk_normalize_set(struct sk_recipe *r, const struct sk_yaml *y, const struct sk_node *n,
                              const struct sk_node **at, struct sk_err *err)
{
    struct channels mean = {0}, std = {0};
    *at = n;
    if (n->kind != SK_NODE_MAP && !is_none(y, n))
        return sk_key_unexpected(y, n, "none or {mean: [...], std: [...]}", err);
    if (n->kind == SK_NODE_MAP) {
        enum sk_code code = set_mean_std(&mean, &std, y, n, at, err);
        if (code != SK_OK)
            return code;
        *at = n;
        if (!mean.count || !std.count)
            return sk_fail(err, SK_INPUT, "expected mean and std, got %s",
                           mean.count  ? "mean alone"
                           : std.count ? "std alone"
                                       : "neither");
        if (mean.count != std.count)
            return sk_fail(err, SK_INPUT, "expected as many values in std as in mean, got %d and %d", std.count,
                           mean.count);
    }
    r->data.has_normalize = n->kind == SK_NODE_MAP;
    r->data.normalize_channels = mean.count;
    memcpy(r->data.mean, mean.value, sizeof(mean.value));
    memcpy(r->data.std, std.value, sizeof(std.value));
    return SK_OK;
}

static enum sk_code format_channels(const char *name, const double *value, int count, struct sk_str *out,
                                    struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "%s: [", name);
    for (int i = 0; code == SK_OK && i < count; i++) {
        code = sk_str_add(out, err, "%s", i ? ", " : "");
        if (code == SK_OK)
            code = sk_real_format(value[i], out, err);
    }
    return code == SK_OK ? sk_str_add(out, err, "]") : code;
}

enum sk_code sk_normalize_format(const struct sk_recipe *r, struct sk_str *out, struct sk_err *err)
{
    const struct sk_recipe_data *d = &r->data;
    if (!d->has_normalize)
        return sk_str_add(out, err, "none");
    enum sk_code code = sk_str_add(out, err, "{");
    if (code == SK_OK)
        code = format_channels("mean", d->mean, d->normalize_channels, out, err);
    if (code == SK_OK)
        code = sk_str_add(out, err, ", ");
    if (code == SK_OK)
        code = format_channels("std", d->std, d->normalize_channels, out, err);
    return code == SK_OK ? sk_str_add(out, err, "}") : code;
}

bool sk_normalize_equal(const struct sk_recipe *a, const struct sk_recipe *b)
{
    const struct sk_recipe_data *x = &a->data, *y = &b->data;
    if (!x->has_normalize || !y->has_normalize)
        return x->has_normalize == y->has_normalize;
    bool equal = x->normalize_channels == y->normalize_channels;
    for (int i = 0; equal && i < x->normalize_channels; i++)
        equal = x->mean[i] == y->mean[i] && x->std[i] == y->std[i];
    return equal;
}

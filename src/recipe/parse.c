/* Recipes from YAML and from --set: walks the nodes against the table of keys; a refused recipe leaves the struct as it
 * was. */
#include "recipe/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 256, SHOWN = 256 };

struct reader {
    const struct sk_yaml *y;
    struct sk_recipe *r;
    const struct sk_node *at; /* what is being looked at: errors name its line */
    bool seen[KEYS_MAX];
    struct sk_err *err;
};

static enum sk_code unknown_key(const char *name, struct sk_err *err)
{
    char near[SK_NAME], shown[SHOWN];
    sk_printable(shown, sizeof(shown), name);
    if (sk_key_nearest(name, near))
        return sk_fail(err, SK_INPUT, "unknown key '%s' (did you mean '%s'?)", shown, near);
    return sk_fail(err, SK_INPUT, "unknown key '%s' ('skua help recipe' lists them all)", shown);
}

static enum sk_code read_key(struct reader *d, const struct sk_key *k, const struct sk_node *value)
{
    size_t row = (size_t)(k - sk_keys);
    assert(row < KEYS_MAX);
    if (d->seen[row])
        return sk_fail(d->err, SK_INPUT, "key '%s' is given twice", k->name);
    d->seen[row] = true;
    enum sk_code code = sk_key_set_node(k, d->r, d->y, value, &d->at, d->err);
    if (code != SK_OK)
        sk_err_prefix(d->err, "%s", k->name);
    return code;
}

/* STEPS, WORDS and NORMALIZE have no text form: none is what zeroed bytes say. */
void sk_recipe_defaults(struct sk_recipe *r)
{
    memset(r, 0, sizeof(*r));
    for (size_t i = 0; i < sk_key_count; i++) {
        bool set = !sk_key_is_scalar(&sk_keys[i]) || sk_key_set_text(&sk_keys[i], r, sk_keys[i].initial, NULL) == SK_OK;
        assert(set && "a default breaks its own bounds");
        (void)set;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as sections nest */
static enum sk_code read_section(struct reader *d, const struct sk_node *map, const char *section)
{
    enum sk_code code = SK_OK;
    char name[SK_NAME];
    d->at = map;
    if (map->kind != SK_NODE_MAP && (*section == '\0' || !sk_node_null(d->y, map))) {
        code = sk_key_unexpected(d->y, map, "keys and values", d->err);
        if (*section)
            sk_err_prefix(d->err, "%s", section);
        return code;
    }
    const struct sk_node *key = sk_node_first(d->y, map), *value;
    for (; code == SK_OK && key; key = sk_node_next(d->y, value)) {
        value = sk_node_next(d->y, key);
        d->at = key;
        if (key->kind != SK_NODE_SCALAR)
            return sk_key_unexpected(d->y, key, "a key", d->err);
        int length = snprintf(name, sizeof(name), "%s%s%s", section, *section ? "." : "", sk_node_text(d->y, key));
        const struct sk_key *k = length < SK_NAME ? sk_key_find(name) : NULL;
        if (sk_node_repeated(d->y, map, key))
            code = sk_fail(d->err, SK_INPUT, "key '%s' is given twice", name);
        else if (k)
            code = read_key(d, k, value);
        else if (length < SK_NAME && sk_key_is_section(name))
            code = read_section(d, value, name);
        else
            code = unknown_key(name, d->err);
    }
    return code;
}

enum sk_code sk_recipe_parse(struct sk_recipe *r, const char *text, size_t len, const char *origin, struct sk_err *err)
{
    struct sk_yaml y = {0};
    char where[SK_PATH + 16], shown[SK_PATH];
    snprintf(where, sizeof(where), "recipe '%s'", sk_printable(shown, sizeof(shown), origin));
    struct sk_recipe *draft = sk_alloc(1, sizeof(*draft), err);
    if (!draft)
        return SK_NOMEM;
    memcpy(draft, r, sizeof(*draft));
    struct reader d = {.y = &y, .r = draft, .err = err};
    enum sk_code code = sk_yaml_parse(&y, text, len, where, err);
    if (code != SK_OK)
        goto out;
    code = read_section(&d, y.node, "");
    if (code == SK_OK)
        memcpy(r, draft, sizeof(*draft));
    else
        sk_err_prefix(err, "%s line %d", where, d.at->line);
out:
    sk_yaml_release(&y);
    sk_free(draft);
    return code;
}

/* Text is taken as it stands unless it is quoted, so that a path needs no second quoting inside the shell's. */
static bool is_verbatim(const struct sk_key *k, const char *value)
{
    bool text = k->type == SK_KEY_TEXT || k->type == SK_KEY_NAME;
    return *value == '\0' || (text && *value != '"' && *value != '\'');
}

static enum sk_code read_keys_of(struct reader *d, const struct sk_node *n, const char *section)
{
    if (n->kind == SK_NODE_MAP)
        return read_section(d, n, section);
    enum sk_code code = sk_key_unexpected(d->y, n, "a mapping such as {key: value}", d->err);
    sk_err_prefix(d->err, "%s", section);
    return code;
}

enum sk_code sk_recipe_set_node(struct sk_recipe *r, const char *name, const struct sk_yaml *y, const struct sk_node *n,
                                const struct sk_node **at, struct sk_err *err)
{
    struct reader d = {.y = y, .r = r, .at = n, .err = err};
    const struct sk_key *k = sk_key_find(name);
    if (!k && !sk_key_is_section(name))
        return unknown_key(name, err);
    if (!n)
        return SK_OK;
    enum sk_code code = k ? read_key(&d, k, n) : read_keys_of(&d, n, name);
    *at = d.at;
    return code;
}

static enum sk_code set_key(struct sk_recipe *r, const char *name, const char *value, struct sk_err *err)
{
    struct sk_yaml y = {0};
    const struct sk_key *k = sk_key_find(name);
    if (!k && !sk_key_is_section(name))
        return unknown_key(name, err);
    if (k && is_verbatim(k, value) && sk_key_is_scalar(k)) {
        enum sk_code code = sk_key_set_text(k, r, value, err);
        if (code != SK_OK)
            sk_err_prefix(err, "%s", name);
        return code;
    }
    const struct sk_node *at;
    enum sk_code code = sk_yaml_parse(&y, value, strlen(value), "value", err);
    if (code == SK_OK)
        code = sk_recipe_set_node(r, name, &y, y.node, &at, err);
    sk_yaml_release(&y);
    return code;
}

enum sk_code sk_recipe_set(struct sk_recipe *r, const char *assignment, struct sk_err *err)
{
    char name[SK_NAME], shown[SHOWN];
    const char *equals = strchr(assignment, '=');
    sk_printable(shown, sizeof(shown), assignment);
    if (!equals || equals == assignment)
        return sk_fail(err, SK_USAGE, "--set %s: expected KEY=VALUE", shown);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - assignment), assignment);
    struct sk_recipe *draft = sk_alloc(1, sizeof(*draft), err);
    if (!draft)
        return SK_NOMEM;
    memcpy(draft, r, sizeof(*draft));
    enum sk_code code = set_key(draft, name, equals + 1, err);
    if (code == SK_OK)
        memcpy(r, draft, sizeof(*draft));
    else
        sk_err_prefix(err, "--set %s", shown);
    sk_free(draft);
    return code;
}

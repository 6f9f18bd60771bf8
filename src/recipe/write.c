/* The resolved recipe as YAML and the help text, both made from the table of keys. */
#include "recipe/keys.h"

#include <string.h>

static enum sk_code indent(struct sk_str *out, int depth, struct sk_err *err)
{
    return sk_str_add(out, err, "%*s", 2 * depth, "");
}

/* Length of the part of name, ending with a dot, that it shares with the key written before. */
static size_t shared_sections(const char *name, const char *before)
{
    size_t shared = 0;
    for (size_t i = 0; name[i] && name[i] == before[i]; i++)
        if (name[i] == '.')
            shared = i + 1;
    return shared;
}

static int dots(const char *text, size_t len)
{
    int count = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '.';
    return count;
}

/* Opens the sections of name that are not open yet; *leaf is what remains. */
static enum sk_code open_sections(const char *name, const char *before, struct sk_str *out, const char **leaf,
                                  struct sk_err *err)
{
    size_t shared = shared_sections(name, before);
    int depth = dots(name, shared);
    enum sk_code code = SK_OK;
    *leaf = name + shared;
    for (const char *dot; code == SK_OK && (dot = strchr(*leaf, '.')); *leaf = dot + 1) {
        code = indent(out, depth++, err);
        if (code == SK_OK)
            code = sk_str_add(out, err, "%.*s:\n", (int)(dot - *leaf), *leaf);
    }
    return code == SK_OK ? indent(out, depth, err) : code;
}

enum sk_code sk_recipe_write(const struct sk_recipe *r, struct sk_str *out, struct sk_err *err)
{
    const char *before = "", *leaf;
    enum sk_code code = SK_OK;
    for (size_t i = 0; code == SK_OK && i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        code = open_sections(k->name, before, out, &leaf, err);
        if (code == SK_OK)
            code = sk_str_add(out, err, "%s: ", leaf);
        if (code == SK_OK)
            code = sk_key_format(k, r, out, err);
        if (code == SK_OK)
            code = sk_str_add(out, err, "\n");
        else
            sk_err_prefix(err, "%s", k->name);
        before = k->name;
    }
    return code;
}

/* ---- keys one by one ---- */
const char *sk_recipe_key(size_t i)
{
    return i < sk_key_count ? sk_keys[i].name : NULL;
}

bool sk_recipe_key_equal(size_t i, const struct sk_recipe *a, const struct sk_recipe *b)
{
    return sk_key_equal(&sk_keys[i], a, b);
}

enum sk_code sk_recipe_key_write(size_t i, const struct sk_recipe *r, struct sk_str *out, struct sk_err *err)
{
    return sk_key_format(&sk_keys[i], r, out, err);
}

/* ---- skua help recipe ---- */
static const char *resume_note(enum sk_key_resume rule)
{
    switch (rule) {
    case SK_RESUME_YES:
        return "; may change on resume";
    case SK_RESUME_GROW:
        return "; may grow on resume";
    case SK_RESUME_NO:
        break;
    }
    return "";
}

static enum sk_code help_key(const struct sk_key *k, struct sk_str *out, struct sk_err *err)
{
    char expected[256];
    const char *type = k->type == SK_KEY_TEXT ? "text" : sk_key_expected(k, expected, sizeof(expected));
    return sk_str_add(out, err, "  %s: %s\n      %s; default: %s%s\n", k->name, k->help, type,
                      *k->initial ? k->initial : "empty", resume_note(k->resume));
}

static enum sk_code help_section(const char *name, const char *before, struct sk_str *out, struct sk_err *err)
{
    const char *dot = strrchr(name, '.');
    size_t length = dot ? (size_t)(dot - name) : 0, shared = shared_sections(name, before);
    if (length == 0 || shared == length + 1)
        return SK_OK;
    return sk_str_add(out, err, "\n%.*s\n", (int)length, name);
}

static enum sk_code help_steps(struct sk_str *out, struct sk_err *err)
{
    char expected[256];
    enum sk_code code = sk_str_add(out, err, "\nsteps of data.augment and data.prepare\n");
    for (size_t i = 0; code == SK_OK && i < sk_step_type_count; i++) {
        const struct sk_step_type *t = &sk_step_types[i];
        code = sk_str_add(out, err, "  %s: %s%s\n", t->name, t->help, t->random ? "; only for data.augment" : "");
        for (size_t p = 0; code == SK_OK && p < t->params; p++) {
            const struct sk_key *k = &t->param[p];
            const char *initial = k->initial ? k->initial : "must be given";
            code = sk_str_add(out, err, "      %s: %s; %s; default: %s\n", k->name, k->help,
                              sk_key_expected(k, expected, sizeof(expected)), initial);
        }
    }
    return code;
}

enum sk_code sk_recipe_help(struct sk_str *out, struct sk_err *err)
{
    const char *before = "";
    enum sk_code code = sk_str_add(
        out, err,
        "A recipe is a YAML file. Every key may be left out, and may be given on the command line with --set "
        "KEY=VALUE:\n"
        "  --set train.batch=64 --set train.optimizer='{name: adam, lr: 0.001}' --set data.augment='[{resize: 32}]'\n"
        "Relative paths in a recipe start at the current folder.\n\n");
    for (size_t i = 0; code == SK_OK && i < sk_key_count; i++) {
        code = help_section(sk_keys[i].name, before, out, err);
        if (code == SK_OK)
            code = help_key(&sk_keys[i], out, err);
        before = sk_keys[i].name;
    }
    return code == SK_OK ? help_steps(out, err) : code;
}

const char *sk_recipe_key_of(const char *leaf)
{
    for (size_t i = 0; i < sk_key_count; i++) {
        const char *dot = strrchr(sk_keys[i].name, '.');
        if (strcmp(dot ? dot + 1 : sk_keys[i].name, leaf) == 0)
            return sk_keys[i].name;
    }
    return NULL;
}

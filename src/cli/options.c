/* Options: parsed, explained and suggested from the rows of a command's table. */
#include "cli/cli.h"

#include <string.h>

enum { MAX_OPTIONS = 32 };

static enum sk_code add_word(struct sk_words *w, const char *text, struct sk_err *err)
{
    enum sk_code code = sk_grow(&w->item, &w->cap, w->count + 2, sizeof(*w->item), err);
    if (code == SK_OK)
        w->item[w->count++] = text;
    return code;
}

/* The row whose name is the len bytes at text. */
static const struct sk_option *find_option(const struct sk_command *c, const char *text, size_t len)
{
    for (size_t i = 0; i < c->options; i++)
        if (strlen(c->option[i].name) == len && memcmp(c->option[i].name, text, len) == 0)
            return &c->option[i];
    return NULL;
}

static bool takes_keys(const struct sk_command *c)
{
    for (size_t i = 0; i < c->options; i++)
        if (strcmp(c->option[i].name, "set") == 0)
            return true;
    return false;
}

static enum sk_code unknown_option(const struct sk_command *c, const char *text, size_t len, struct sk_err *err)
{
    const char *names[MAX_OPTIONS] = {"help"};
    size_t n = 1;
    char given[SK_NAME];
    for (size_t i = 0; i < c->options && n < MAX_OPTIONS; i++)
        names[n++] = c->option[i].name;
    snprintf(given, sizeof(given), "%.*s", (int)(len < SK_NAME ? len : SK_NAME - 1), text);
    const char *nearest = sk_nearest(given, names, n), *key = sk_recipe_key_of(given);
    if (key && takes_keys(c))
        return sk_fail(err, SK_USAGE,
                       "unknown option '--%s' of 'skua %s': keys of the recipe are set by --set %s=VALUE", given,
                       c->name, key);
    if (nearest)
        return sk_fail(err, SK_USAGE, "unknown option '--%s' of 'skua %s': did you mean '--%s'?", given, c->name,
                       nearest);
    return sk_fail(err, SK_USAGE, "unknown option '--%s' of 'skua %s': see skua help %s", given, c->name, c->name);
}

static enum sk_code store_count(const struct sk_option *o, const char *value, int64_t *out, struct sk_err *err)
{
    if (sk_parse_i64(value, out) && *out >= o->low && *out <= o->high)
        return SK_OK;
    return sk_fail(err, SK_USAGE, "--%s: expected an integer from %lld to %lld, got '%s'", o->name, (long long)o->low,
                   (long long)o->high, value);
}

static enum sk_code store(const struct sk_option *o, const char *value, void *args, struct sk_err *err)
{
    void *member = (char *)args + o->offset;
    switch (o->kind) {
    case SK_OPTION_FLAG:
        *(bool *)member = true;
        break;
    case SK_OPTION_TEXT:
        *(const char **)member = value;
        break;
    case SK_OPTION_COUNT:
        return store_count(o, value, member, err);
    case SK_OPTION_LIST:
        return add_word(member, value, err);
    }
    return SK_OK;
}

/* Takes --name[=value] at argv[*at], and the value after it where it stands apart. */
static enum sk_code take_option(const struct sk_command *c, int argc, char **argv, int *at, void *args,
                                struct sk_err *err)
{
    const char *text = argv[*at] + 2, *value = strchr(text, '=');
    size_t len = value ? (size_t)(value - text) : strlen(text);
    const struct sk_option *o = find_option(c, text, len);
    if (!o)
        return unknown_option(c, text, len, err);
    if (o->kind == SK_OPTION_FLAG && value)
        return sk_fail(err, SK_USAGE, "--%s takes no value", o->name);
    if (o->kind != SK_OPTION_FLAG && value)
        value++;
    else if (o->kind != SK_OPTION_FLAG && *at + 1 < argc)
        value = argv[++*at];
    else if (o->kind != SK_OPTION_FLAG)
        return sk_fail(err, SK_USAGE, "--%s needs a value: --%s %s", o->name, o->name, o->value);
    return store(o, value, args, err);
}

static enum sk_code check_words(const struct sk_command *c, const struct sk_words *words, struct sk_err *err)
{
    if (words->count < c->words_min)
        return sk_fail(err, SK_USAGE, "skua %s needs %s: see skua help %s", c->name, c->words, c->name);
    if (words->count > c->words_max && strstr(c->words, "..."))
        return sk_fail(err, SK_USAGE, "skua %s: expected at most %zu of %s, found %zu: see skua help %s", c->name,
                       c->words_max, c->words, words->count, c->name);
    if (words->count > c->words_max)
        return sk_fail(err, SK_USAGE, "skua %s: unexpected '%s': see skua help %s", c->name, words->item[c->words_max],
                       c->name);
    return SK_OK;
}

enum sk_code sk_options_parse(const struct sk_command *c, int argc, char **argv, void *args, struct sk_words *words,
                              bool *help, struct sk_err *err)
{
    bool only_words = false;
    enum sk_code code = SK_OK;
    *help = false;
    for (size_t i = 0; i < c->options; i++)
        if (c->option[i].kind == SK_OPTION_COUNT)
            *(int64_t *)((char *)args + c->option[i].offset) = c->option[i].low - 1;
    for (int i = 0; i < argc && code == SK_OK; i++) {
        if (only_words || argv[i][0] != '-' || argv[i][1] == '\0') {
            code = add_word(words, argv[i], err);
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = true;
            return SK_OK;
        } else if (strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (argv[i][1] == '-') {
            code = take_option(c, argc, argv, &i, args, err);
        } else {
            code = sk_fail(err, SK_USAGE, "unknown option '%s' of 'skua %s': options are written --name", argv[i],
                           c->name);
        }
    }
    return code == SK_OK ? check_words(c, words, err) : code;
}

void sk_options_release(const struct sk_command *c, void *args)
{
    for (size_t i = 0; i < c->options; i++)
        if (c->option[i].kind == SK_OPTION_LIST)
            sk_free(((struct sk_words *)((char *)args + c->option[i].offset))->item);
}

enum sk_code sk_options_help(const struct sk_command *c, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < c->options && code == SK_OK; i++) {
        char text[64];
        const struct sk_option *o = &c->option[i];
        snprintf(text, sizeof(text), "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        code = sk_str_add(out, err, "  %-22s %s\n", text, o->help);
    }
    return code;
}

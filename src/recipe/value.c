/* Values of single rows: set from text, compared, written, and described for messages and help. */
#include "recipe/keys.h"
#include "recipe/text.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static const char *const yes_words[] = {"true", "yes", "on"}, *const no_words[] = {"false", "no", "off"};

static void *member(const struct sk_key *k, void *base)
{
    return (char *)base + k->offset;
}

static const void *const_member(const struct sk_key *k, const void *base)
{
    return (const char *)base + k->offset;
}

/* Members of enum type are read and written as the int they are stored as. */
static int get_int(const struct sk_key *k, const void *base)
{
    int value;
    assert(k->size == sizeof(value));
    memcpy(&value, const_member(k, base), sizeof(value));
    return value;
}

static void set_int(const struct sk_key *k, void *base, int value)
{
    assert(k->size == sizeof(value));
    memcpy(member(k, base), &value, sizeof(value));
}

/* ---- description ---- */
static void describe_real(const struct sk_key *k, const char *word, char *out, size_t size)
{
    char min[SK_REAL_TEXT], max[SK_REAL_TEXT];
    snprintf(out, size, "%sa number %s %s %s %s", word, k->above_min ? "above" : "from", sk_real_text(k->min, min),
             k->below_max ? (k->above_min ? "and below" : "to below") : (k->above_min ? "and at most" : "to"),
             sk_real_text(k->max, max));
}

static void describe_numbers(const struct sk_key *k, const char *word, char *out, size_t size)
{
    char one[128];
    describe_real(k, "", one, sizeof(one));
    snprintf(out, size, "%sa list, each %s", word, one);
}

static void describe_names(const struct sk_key *k, char *out, size_t size)
{
    size_t used = 0;
    for (const char *const *name = k->names; *name && used < size; name++) {
        const char *before = name == k->names ? "" : name[1] ? ", " : " or ";
        used += (size_t)snprintf(out + used, size - used, "%s%s", before, *name);
    }
}

static void describe_integer(const struct sk_key *k, const char *word, char *out, size_t size)
{
    if (k->high == INT64_MAX)
        snprintf(out, size, "%san integer from %lld", word, (long long)k->low);
    else
        snprintf(out, size, "%san integer from %lld to %lld", word, (long long)k->low, (long long)k->high);
}

char *sk_key_expected(const struct sk_key *k, char *out, size_t size)
{
    char word[32] = "";
    if (k->word)
        snprintf(word, sizeof(word), "%s or ", k->word);
    switch (k->type) {
    case SK_KEY_NAME:
        snprintf(out, size, "a name of at most %zu bytes without '/', not beginning with '.' or '-'", k->size - 1);
        break;
    case SK_KEY_TEXT:
        snprintf(out, size, "text of at most %zu bytes without control characters", k->size - 1);
        break;
    case SK_KEY_BOOL:
        snprintf(out, size, "true or false");
        break;
    case SK_KEY_INT:
    case SK_KEY_INT64:
        describe_integer(k, word, out, size);
        break;
    case SK_KEY_REAL:
        describe_real(k, word, out, size);
        break;
    case SK_KEY_ENUM:
        describe_names(k, out, size);
        break;
    case SK_KEY_REALS:
        sk_reals_describe(k, out, size);
        break;
    case SK_KEY_SIDES:
        snprintf(out, size, "an integer from %lld to %lld, or [height, width]", (long long)k->low, (long long)k->high);
        break;
    case SK_KEY_STEPS:
        snprintf(out, size, "a list of steps");
        break;
    case SK_KEY_WORDS:
        snprintf(out, size, "a list of texts");
        break;
    case SK_KEY_NUMBERS:
        describe_numbers(k, word, out, size);
        break;
    case SK_KEY_GRID:
        snprintf(out, size, "keys with lists of values");
        break;
    case SK_KEY_LIST:
        snprintf(out, size, "a list of settings");
        break;
    case SK_KEY_NORMALIZE:
        snprintf(out, size, "none or {mean: [...], std: [...]}");
        break;
    }
    return out;
}

/* ---- setting ---- */
static bool set_text(const struct sk_key *k, void *base, const char *text)
{
    size_t length = strlen(text);
    bool path_like = strchr(text, '/') || *text == '.' || *text == '-';
    if (length >= k->size || (int64_t)length < k->low || !sk_text_fits(text, length))
        return false;
    if (k->type == SK_KEY_NAME && path_like)
        return false;
    memset(member(k, base), 0, k->size); /* equal recipes have equal bytes */
    memcpy(member(k, base), text, length);
    return true;
}

static bool set_bool(const struct sk_key *k, void *base, const char *text)
{
    for (size_t i = 0; i < SK_COUNT(yes_words); i++) {
        bool yes = strcasecmp(text, yes_words[i]) == 0;
        if (yes || strcasecmp(text, no_words[i]) == 0) {
            memcpy(member(k, base), &yes, sizeof(yes));
            return true;
        }
    }
    return false;
}

static bool set_integer(const struct sk_key *k, void *base, const char *text)
{
    int64_t value;
    if (k->word && strcmp(text, k->word) == 0)
        value = k->word_value;
    else if (!sk_parse_i64(text, &value) || value < k->low || value > k->high)
        return false;
    if (k->type == SK_KEY_INT64)
        memcpy(member(k, base), &value, sizeof(value));
    else
        set_int(k, base, (int)value);
    return true;
}

static bool set_real(const struct sk_key *k, void *base, const char *text)
{
    double value;
    if (k->word && strcmp(text, k->word) == 0)
        value = k->word_value;
    else if (!sk_parse_f64(text, &value) || value < k->min || value > k->max || (k->above_min && value == k->min) ||
             (k->below_max && value == k->max))
        return false;
    memcpy(member(k, base), &value, sizeof(value));
    return true;
}

static bool set_enum(const struct sk_key *k, void *base, const char *text)
{
    for (int i = 0; k->names[i]; i++)
        if (strcmp(text, k->names[i]) == 0) {
            set_int(k, base, i);
            return true;
        }
    return false;
}

static bool set_any(const struct sk_key *k, void *base, const char *text)
{
    switch (k->type) {
    case SK_KEY_NAME:
    case SK_KEY_TEXT:
        return set_text(k, base, text);
    case SK_KEY_BOOL:
        return set_bool(k, base, text);
    case SK_KEY_INT:
    case SK_KEY_INT64:
        return set_integer(k, base, text);
    case SK_KEY_SIDES: {
        struct sk_key side = *k;
        side.type = SK_KEY_INT;
        return set_integer(&side, base, text);
    }
    case SK_KEY_REAL:
        return set_real(k, base, text);
    case SK_KEY_REALS:
        return sk_reals_set_text(k, member(k, base), text);
    case SK_KEY_ENUM:
        return set_enum(k, base, text);
    case SK_KEY_STEPS:
    case SK_KEY_WORDS:
    case SK_KEY_NUMBERS:
    case SK_KEY_GRID:
    case SK_KEY_LIST:
    case SK_KEY_NORMALIZE:
        break;
    }
    return false;
}

enum sk_code sk_key_set_text(const struct sk_key *k, void *base, const char *text, struct sk_err *err)
{
    char expected[256], got[128];
    if (set_any(k, base, text))
        return SK_OK;
    sk_key_expected(k, expected, sizeof(expected));
    if (*text == '\0')
        return sk_fail(err, SK_INPUT, "expected %s, got nothing", expected);
    return sk_fail(err, SK_INPUT, "expected %s, got '%s'", expected, sk_printable(got, sizeof(got), text));
}

enum sk_code sk_key_unexpected(const struct sk_yaml *y, const struct sk_node *n, const char *what, struct sk_err *err)
{
    char got[128];
    if (n->kind != SK_NODE_SCALAR)
        return sk_fail(err, SK_INPUT, "expected %s, got a %s", what, n->kind == SK_NODE_LIST ? "list" : "mapping");
    if (sk_node_null(y, n))
        return sk_fail(err, SK_INPUT, "expected %s, got nothing", what);
    return sk_fail(err, SK_INPUT, "expected %s, got '%s'", what, sk_printable(got, sizeof(got), sk_node_text(y, n)));
}

enum sk_code sk_key_set_node(const struct sk_key *k, void *base, const struct sk_yaml *y, const struct sk_node *n,
                             const struct sk_node **at, struct sk_err *err)
{
    char expected[256];
    *at = n;
    if (k->type == SK_KEY_STEPS)
        return sk_steps_set(member(k, base), y, n, at, err);
    if (k->type == SK_KEY_WORDS)
        return sk_words_set(member(k, base), y, n, at, err);
    if (k->type == SK_KEY_NUMBERS)
        return sk_numbers_set(k, member(k, base), y, n, at, err);
    if (k->type == SK_KEY_GRID || k->type == SK_KEY_LIST)
        return sk_sweep_set(k, member(k, base), y, n, at, err);
    if (k->type == SK_KEY_NORMALIZE)
        return sk_normalize_set(base, y, n, at, err);
    if (k->type == SK_KEY_REALS && n->kind == SK_NODE_LIST)
        return sk_reals_set(k, member(k, base), y, n, at, err);
    if (k->type == SK_KEY_SIDES && n->kind == SK_NODE_LIST)
        return sk_sides_set(k, base, y, n, at, err);
    if (n->kind != SK_NODE_SCALAR)
        return sk_key_unexpected(y, n, sk_key_expected(k, expected, sizeof(expected)), err);
    return sk_key_set_text(k, base, sk_node_null(y, n) ? "" : sk_node_text(y, n), err);
}

/* ---- comparing and writing ---- */
bool sk_key_equal(const struct sk_key *k, const void *a, const void *b)
{
    const void *in_a = const_member(k, a), *in_b = const_member(k, b);
    switch (k->type) {
    case SK_KEY_NAME:
    case SK_KEY_TEXT:
    case SK_KEY_GRID:
    case SK_KEY_LIST:
        return strcmp(in_a, in_b) == 0;
    case SK_KEY_STEPS:
        return sk_steps_equal(in_a, in_b);
    case SK_KEY_WORDS:
        return sk_words_equal(in_a, in_b);
    case SK_KEY_NUMBERS:
        return sk_numbers_equal(in_a, in_b);
    case SK_KEY_NORMALIZE:
        return sk_normalize_equal(a, b);
    case SK_KEY_SIDES:
        return sk_sides_equal(a, b);
    case SK_KEY_REAL: {
        double x, y;
        memcpy(&x, in_a, sizeof(x));
        memcpy(&y, in_b, sizeof(y));
        return x == y;
    }
    case SK_KEY_REALS: /* never NaN nor -0: what is written reads back to the same bytes */
    case SK_KEY_BOOL:
    case SK_KEY_INT:
    case SK_KEY_INT64:
    case SK_KEY_ENUM:
        break;
    }
    return memcmp(in_a, in_b, k->size) == 0;
}

/* Text that every YAML reader takes as text goes without quotes, the rest with. */
static bool is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char *const words[] = {"null", "y", "n"};
    for (size_t i = 0; i < SK_COUNT(words); i++)
        if (strcasecmp(text, words[i]) == 0 || strcasecmp(text, yes_words[i]) == 0 ||
            strcasecmp(text, no_words[i]) == 0)
            return false;
    if (*text != '/' && (*text == '\0' || !strchr(letters, *text)))
        return false;
    size_t length = strspn(text, letters);
    while (text[length] && strchr("0123456789_-./", text[length]))
        length += 1 + strspn(text + length + 1, letters);
    return text[length] == '\0';
}

enum sk_code sk_text_format(const char *text, struct sk_str *out, struct sk_err *err)
{
    return is_plain(text) ? sk_str_add(out, err, "%s", text) : sk_text_quote(text, out, err);
}

enum sk_code sk_text_quote(const char *text, struct sk_str *out, struct sk_err *err)
{
    if (!sk_text_fits(text, strlen(text)))
        return sk_fail(err, SK_INPUT, "text that is not UTF-8 or has control characters cannot be written");
    enum sk_code code = sk_str_add(out, err, "\"");
    for (const char *s = text; code == SK_OK && *s; s++)
        code = sk_str_add(out, err, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
    return code == SK_OK ? sk_str_add(out, err, "\"") : code;
}

static enum sk_code format_number(const struct sk_key *k, const void *base, struct sk_str *out, struct sk_err *err)
{
    double real = 0;
    int64_t integer = 0;
    if (k->type == SK_KEY_REAL)
        memcpy(&real, const_member(k, base), sizeof(real));
    else if (k->type == SK_KEY_INT64)
        memcpy(&integer, const_member(k, base), sizeof(integer));
    else
        integer = get_int(k, base);
    bool is_word = k->type == SK_KEY_REAL ? real == k->word_value : integer == k->word_value;
    if (k->word && is_word)
        return sk_str_add(out, err, "%s", k->word);
    return k->type == SK_KEY_REAL ? sk_real_format(real, out, err) : sk_str_add(out, err, "%lld", (long long)integer);
}

static const char *text_or(const char *text, const char *empty)
{
    return *text ? text : empty;
}

enum sk_code sk_key_format(const struct sk_key *k, const void *base, struct sk_str *out, struct sk_err *err)
{
    bool yes;
    switch (k->type) {
    case SK_KEY_NAME:
    case SK_KEY_TEXT:
        return sk_text_format(const_member(k, base), out, err);
    case SK_KEY_BOOL:
        memcpy(&yes, const_member(k, base), sizeof(yes));
        return sk_str_add(out, err, "%s", yes ? "true" : "false");
    case SK_KEY_ENUM:
        return sk_str_add(out, err, "%s", k->names[get_int(k, base)]);
    case SK_KEY_REALS:
        return sk_reals_format(k, const_member(k, base), out, err);
    case SK_KEY_SIDES:
        return sk_sides_format(base, out, err);
    case SK_KEY_STEPS:
        return sk_steps_format(const_member(k, base), out, err);
    case SK_KEY_WORDS:
        return sk_words_format(const_member(k, base), out, err);
    case SK_KEY_NUMBERS:
        return sk_numbers_format(k, const_member(k, base), out, err);
    case SK_KEY_GRID:
        return sk_str_add(out, err, "%s", text_or(const_member(k, base), "{}"));
    case SK_KEY_LIST:
        return sk_str_add(out, err, "%s", text_or(const_member(k, base), "[]"));
    case SK_KEY_NORMALIZE:
        return sk_normalize_format(base, out, err);
    case SK_KEY_INT:
    case SK_KEY_INT64:
    case SK_KEY_REAL:
        break;
    }
    return format_number(k, base, out, err);
}

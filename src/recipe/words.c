/* Values that are lists of texts: classes, folders. */
#include "recipe/keys.h"

#include <string.h>

const char *sk_recipe_word(const struct sk_recipe_words *w, int i)
{
    const char *text = w->text;
    while (i-- > 0)
        text += strlen(text) + 1;
    return text;
}

static size_t used(const struct sk_recipe_words *w)
{
    const char *end = sk_recipe_word(w, w->count);
    return (size_t)(end - w->text);
}

static enum sk_code add_word(struct sk_recipe_words *w, const struct sk_yaml *y, const struct sk_node *n,
                             struct sk_err *err)
{
    if (n->kind != SK_NODE_SCALAR || sk_node_null(y, n) || *sk_node_text(y, n) == '\0')
        return sk_key_unexpected(y, n, "a text", err);
    const char *text = sk_node_text(y, n);
    size_t at = used(w), len = strlen(text) + 1;
    if (len > sizeof(w->text) - at)
        return sk_fail(err, SK_INPUT, "expected texts of at most %zu bytes together", sizeof(w->text));
    memcpy(w->text + at, text, len);
    w->count++;
    return SK_OK;
}

enum sk_code sk_words_set(struct sk_recipe_words *words, const struct sk_yaml *y, const struct sk_node *n,
                          const struct sk_node **at, struct sk_err *err)
{
    struct sk_recipe_words result;
    enum sk_code code = SK_OK;
    memset(&result, 0, sizeof(result));
    *at = n;
    if (n->kind == SK_NODE_MAP)
        return sk_key_unexpected(y, n, "a list of texts", err);
    if (n->kind == SK_NODE_SCALAR && !sk_node_null(y, n))
        code = add_word(&result, y, n, err);
    if (n->kind == SK_NODE_LIST)
        for (n = sk_node_first(y, n); code == SK_OK && n; n = sk_node_next(y, n)) {
            *at = n;
            code = add_word(&result, y, n, err);
        }
    if (code == SK_OK)
        memcpy(words, &result, sizeof(result));
    return code;
}

enum sk_code sk_words_format(const struct sk_recipe_words *w, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "[");
    for (int i = 0; code == SK_OK && i < w->count; i++) {
        code = sk_str_add(out, err, "%s", i ? ", " : "");
        if (code == SK_OK)
            code = sk_text_format(sk_recipe_word(w, i), out, err);
    }
    return code == SK_OK ? sk_str_add(out, err, "]") : code;
}

bool sk_words_equal(const struct sk_recipe_words *a, const struct sk_recipe_words *b)
{
    return a->count == b->count && memcmp(a->text, b->text, used(a)) == 0;
}

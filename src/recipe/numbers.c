/* Values that are lists of numbers of any length: milestones, weights of classes. */
#include "recipe/keys.h"
#include "recipe/text.h"

#include <string.h>

static enum sk_code refuse(const struct sk_key *k, const struct sk_yaml *y, const struct sk_node *n,
                           struct sk_err *err)
{
    char expected[256];
    return sk_key_unexpected(y, n, sk_key_expected(k, expected, sizeof(expected)), err);
}

static enum sk_code add_number(const struct sk_key *k, struct sk_recipe_numbers *to, const struct sk_yaml *y,
                               const struct sk_node *n, struct sk_err *err)
{
    double x;
    if (n->kind != SK_NODE_SCALAR || sk_node_null(y, n) || !sk_parse_f64(sk_node_text(y, n), &x) ||
        !(x >= k->min && x <= k->max) || (k->above_min && x == k->min))
        return refuse(k, y, n, err);
    if (to->count == SK_MAX_NUMBERS)
        return sk_fail(err, SK_INPUT, "expected at most %d numbers", SK_MAX_NUMBERS);
    to->at[to->count++] = x;
    return SK_OK;
}

enum sk_code sk_numbers_set(const struct sk_key *k, struct sk_recipe_numbers *numbers, const struct sk_yaml *y,
                            const struct sk_node *n, const struct sk_node **at, struct sk_err *err)
{
    struct sk_recipe_numbers result;
    enum sk_code code = SK_OK;
    memset(&result, 0, sizeof(result));
    *at = n;
    if (n->kind == SK_NODE_SCALAR && k->word && !sk_node_null(y, n) && strcmp(sk_node_text(y, n), k->word) == 0)
        result.count = k->word_value;
    else if (n->kind != SK_NODE_LIST)
        return refuse(k, y, n, err);
    else
        for (n = sk_node_first(y, n); code == SK_OK && n; n = sk_node_next(y, n)) {
            *at = n;
            code = add_number(k, &result, y, n, err);
        }
    if (code == SK_OK)
        memcpy(numbers, &result, sizeof(result));
    return code;
}

enum sk_code sk_numbers_format(const struct sk_key *k, const struct sk_recipe_numbers *numbers, struct sk_str *out,
                               struct sk_err *err)
{
    if (numbers->count < 0)
        return sk_str_add(out, err, "%s", k->word);
    enum sk_code code = sk_str_add(out, err, "[");
    for (int i = 0; code == SK_OK && i < numbers->count; i++) {
        code = sk_str_add(out, err, "%s", i ? ", " : "");
        if (code == SK_OK)
            code = sk_real_format(numbers->at[i], out, err);
    }
    return code == SK_OK ? sk_str_add(out, err, "]") : code;
}

bool sk_numbers_equal(const struct sk_recipe_numbers *a, const struct sk_recipe_numbers *b)
{
    size_t n = a->count > 0 ? (size_t)a->count : 0;
    return a->count == b->count && memcmp(a->at, b->at, n * sizeof(a->at[0])) == 0;
}

/* Values of several numbers: ranges [low, high], and lists of one number for each axis or channel. */
#include "recipe/keys.h"
#include "recipe/text.h"

#include <string.h>

enum { REALS_MAX = 4, TEXT_MAX = 128 };

static int count_of(const struct sk_key *k)
{
    return (int)(k->size / sizeof(double));
}

static bool fits(const struct sk_key *k, const double *value)
{
    bool ordered = k->one == SK_ONE_EACH || value[0] <= value[1];
    for (int i = 0; i < count_of(k); i++)
        if (!(value[i] >= k->min && value[i] <= k->max) || (k->above_min && value[i] == k->min))
            return false;
    return ordered;
}

static bool expand(const struct sk_key *k, double x, double *value)
{
    double centre = k->one == SK_ONE_AROUND_1 ? 1.0 : 0.0;
    if (k->one == SK_ONE_NOT || (k->one != SK_ONE_EACH && x < 0))
        return false;
    for (int i = 0; i < count_of(k); i++)
        value[i] = x;
    if (k->one != SK_ONE_EACH) {
        value[0] = centre - x;
        value[1] = centre + x;
    }
    if (k->one == SK_ONE_AROUND_1 && value[0] < k->min)
        value[0] = k->min;
    return true;
}

static bool store(const struct sk_key *k, void *member, const double *value)
{
    if (!fits(k, value))
        return false;
    memcpy(member, value, k->size);
    return true;
}

/* "a, b]" into count numbers. */
static bool parse_list(const char *text, double *value, int count)
{
    char one[TEXT_MAX];
    for (int i = 0; i < count; i++) {
        text += strspn(text, " ");
        size_t length = strcspn(text, ",] ");
        if (length >= sizeof(one))
            return false;
        memcpy(one, text, length);
        one[length] = '\0';
        text += length + strspn(text + length, " ");
        if (!sk_parse_f64(one, &value[i]) || *text++ != (i == count - 1 ? ']' : ','))
            return false;
    }
    return *text == '\0';
}

bool sk_reals_set_text(const struct sk_key *k, void *member, const char *text)
{
    double value[REALS_MAX], x;
    if (*text == '[')
        return parse_list(text + 1, value, count_of(k)) && store(k, member, value);
    return sk_parse_f64(text, &x) && expand(k, x, value) && store(k, member, value);
}

enum sk_code sk_reals_set(const struct sk_key *k, void *member, const struct sk_yaml *y, const struct sk_node *list,
                          const struct sk_node **at, struct sk_err *err)
{
    struct sk_key number = {.name = k->name, .type = SK_KEY_REAL, .size = sizeof(double), .min = k->min, .max = k->max,
                            .above_min = k->above_min};
    double value[REALS_MAX];
    int count = 0;
    char expected[256];
    if (list->children != count_of(k))
        return sk_fail(err, SK_INPUT, "expected %s, got a list of %d", sk_key_expected(k, expected, sizeof(expected)),
                       list->children);
    for (const struct sk_node *n = sk_node_first(y, list); n; n = sk_node_next(y, n)) {
        enum sk_code code = sk_key_set_node(&number, &value[count++], y, n, at, err);
        if (code != SK_OK)
            return code;
    }
    *at = list;
    if (!store(k, member, value))
        return sk_fail(err, SK_INPUT, "expected [low, high] with low at most high, got [%g, %g]", value[0], value[1]);
    return SK_OK;
}

void sk_reals_describe(const struct sk_key *k, char *out, size_t size)
{
    static const char *const single[] = {[SK_ONE_NOT] = "[low, high]",
                                         [SK_ONE_AROUND_0] = "x for [-x, x], or [low, high],",
                                         [SK_ONE_AROUND_1] = "x for [1 - x, 1 + x], or [low, high],",
                                         [SK_ONE_EACH] = "a number"};
    char min[SK_REAL_TEXT], max[SK_REAL_TEXT], each[64] = "";
    if (k->one == SK_ONE_EACH)
        snprintf(each, sizeof(each), " or a list of %d", count_of(k));
    snprintf(out, size, "%s%s %s %s to %s", single[k->one], each, k->above_min ? "above" : "from",
             sk_real_text(k->min, min), sk_real_text(k->max, max));
}

enum sk_code sk_reals_format(const struct sk_key *k, const void *member, struct sk_str *out, struct sk_err *err)
{
    double value[REALS_MAX];
    memcpy(value, member, k->size);
    enum sk_code code = sk_str_add(out, err, "[");
    for (int i = 0; code == SK_OK && i < count_of(k); i++) {
        code = sk_str_add(out, err, "%s", i ? ", " : "");
        if (code == SK_OK)
            code = sk_real_format(value[i], out, err);
    }
    return code == SK_OK ? sk_str_add(out, err, "]") : code;
}

/* The keys that vary in a sweep and what they are in each setting, for programs: JSON, and columns of a CSV file. */
#include <stdlib.h>
#include <string.h>

#include "cli/sweep.h"

/* ---- values, from what a recipe has of a key ---- */
static json_t *typed(const char *text)
{
    double real;
    char *end;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return json_boolean(*text == 't');
    long long integer = strtoll(text, &end, 10);
    if (end != text && *end == '\0')
        return json_integer(integer);
    if (sk_parse_f64(text, &real))
        return json_real(real);
    json_t *quoted = *text == '"' ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return quoted ? quoted : sk_json_text(text);
}

static enum sk_code add_value(json_t *object, size_t key, const struct sk_recipe *r, struct sk_err *err)
{
    struct sk_str text = {0};
    enum sk_code code = sk_recipe_key_write(key, r, &text, err);
    if (code == SK_OK && json_object_set_new(object, sk_recipe_key(key), typed(text.text)) != 0)
        code = sk_fail(err, SK_NOMEM, "not enough memory for the keys of a setting");
    sk_str_release(&text);
    return code;
}

static enum sk_code read_setting(struct sk_swept *w, const struct sk_trials *s, size_t setting, bool *sets,
                                 struct sk_recipe *r, struct sk_err *err)
{
    enum sk_code code = sk_recipe_sweep_keys(s->recipe, setting, sets, err);
    if (code == SK_OK)
        code = sk_recipe_sweep_setting(s->recipe, setting, r, err);
    w->of[setting] = json_object();
    for (size_t i = 0; code == SK_OK && sk_recipe_key(i); i++)
        if (sets[i])
            code = add_value(w->of[setting], i, r, err);
    return code;
}

static size_t count_keys(void)
{
    size_t n = 0;
    while (sk_recipe_key(n))
        n++;
    return n;
}

enum sk_code sk_swept_init(struct sk_swept *w, const struct sk_trials *s, struct sk_err *err)
{
    size_t keys = count_keys();
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    bool *sets = r ? sk_alloc(2 * keys, sizeof(*sets), err) : NULL, *any = sets ? sets + keys : NULL;
    *w = (struct sk_swept){.settings = s->settings, .all = json_object()};
    w->of = sets ? sk_alloc(s->settings, sizeof(json_t *), err) : NULL; /* NOLINT(bugprone-sizeof-expression) */
    enum sk_code code = w->of ? SK_OK : SK_NOMEM;
    for (size_t i = 0; i < s->settings && code == SK_OK; i++) {
        memset(sets, 0, keys * sizeof(*sets));
        code = read_setting(w, s, i, sets, r, err);
        for (size_t k = 0; k < keys; k++)
            any[k] = any[k] || sets[k];
    }
    for (size_t k = 0; k < keys && code == SK_OK; k++)
        if (any[k])
            json_object_set_new(w->all, sk_recipe_key(k), json_null());
    sk_free(sets);
    sk_free(r);
    return code;
}

void sk_swept_release(struct sk_swept *w)
{
    for (size_t i = 0; w->of && i < w->settings; i++)
        json_decref(w->of[i]);
    sk_free(w->of);
    json_decref(w->all);
    *w = (struct sk_swept){0};
}

json_t *sk_swept_json(const struct sk_swept *w, size_t setting)
{
    return json_incref(w->of[setting]);
}

/* ---- CSV ---- */
enum sk_code sk_swept_csv_names(const struct sk_swept *w, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (void *at = json_object_iter(w->all); at && code == SK_OK; at = json_object_iter_next(w->all, at))
        code = sk_str_add(out, err, ",%s", json_object_iter_key(at));
    return code;
}

static enum sk_code add_cell(const json_t *value, struct sk_str *out, struct sk_err *err)
{
    enum { DIGITS = 15 };
    if (!value || json_is_string(value))
        return sk_csv_text(out, value ? json_string_value(value) : "", err);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS));
    enum sk_code code =
        text ? sk_csv_text(out, text, err) : sk_fail(err, SK_NOMEM, "not enough memory for the table");
    free(text);
    return code;
}

enum sk_code sk_swept_csv(const struct sk_swept *w, size_t setting, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (void *at = json_object_iter(w->all); at && code == SK_OK; at = json_object_iter_next(w->all, at)) {
        code = sk_str_add(out, err, ",");
        if (code == SK_OK)
            code = add_cell(json_object_get(w->of[setting], json_object_iter_key(at)), out, err);
    }
    return code;
}

/* Labels given as text: numbered, and made into classes. */
#include "data/labels.h"

#include <stdlib.h>
#include <string.h>

#include "data/internal.h"

enum { SLOTS_MIN = 64 };

/* ---- the set ---- */
static uint32_t *slot_of(const struct sk_label_set *s, const char *text, size_t len)
{
    size_t i = sk_hash_bytes(SK_HASH_START, text, len) % s->slots;
    for (; s->slot[i]; i = i + 1 == s->slots ? 0 : i + 1) {
        const char *there = s->text.text + s->at[s->slot[i] - 1];
        if (strlen(there) == len && memcmp(there, text, len) == 0)
            break;
    }
    return &s->slot[i];
}

const char *sk_label_set_text(const struct sk_label_set *s, int number)
{
    return s->text.text + s->at[number];
}

int sk_label_set_find(const struct sk_label_set *s, const char *text)
{
    return s->slots == 0 ? -1 : (int)*slot_of(s, text, strlen(text)) - 1;
}

/* At most half of the slots are taken. */
static enum sk_code make_room(struct sk_label_set *s, struct sk_err *err)
{
    if ((s->count + 1) * 2 <= s->slots)
        return SK_OK;
    size_t slots = s->slots ? s->slots * 2 : SLOTS_MIN;
    uint32_t *slot = sk_alloc(slots, sizeof(*slot), err);
    if (!slot)
        return SK_NOMEM;
    sk_free(s->slot);
    s->slot = slot;
    s->slots = slots;
    for (size_t i = 0; i < s->count; i++) {
        const char *text = s->text.text + s->at[i];
        *slot_of(s, text, strlen(text)) = (uint32_t)i + 1;
    }
    return SK_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies what lies between the blanks, checked. */
static enum sk_code clean(char out[SK_NAME], size_t *len, const char *text, struct sk_err *err)
{
    char shown[64];
    while (*len > 0 && is_blank(text[*len - 1]))
        --*len;
    for (; *len > 0 && is_blank(*text); text++)
        --*len;
    if (*len == 0)
        return sk_fail(err, SK_INPUT, "the label is empty");
    if (*len >= SK_NAME)
        return sk_fail(err, SK_INPUT, "the label has %zu bytes, expected at most %d", *len, SK_NAME - 1);
    memcpy(out, text, *len);
    out[*len] = '\0';
    for (size_t i = 0; i < *len; i++)
        if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
            return sk_fail(err, SK_INPUT, "the label '%s' holds a control character",
                           sk_printable(shown, sizeof(shown), out));
    if (!sk_is_utf8(out))
        return sk_fail(err, SK_INPUT, "the label '%s' is not UTF-8 text", sk_printable(shown, sizeof(shown), out));
    return SK_OK;
}

enum sk_code sk_label_set_add(struct sk_label_set *s, const char *text, size_t len, int *number, struct sk_err *err)
{
    char label[SK_NAME];
    enum sk_code code = clean(label, &len, text, err);
    if (code == SK_OK)
        code = make_room(s, err);
    if (code != SK_OK)
        return code;
    uint32_t *slot = slot_of(s, label, len);
    if (*slot == 0) {
        size_t at = s->text.len;
        if (s->count >= SK_LABELS_MAX)
            return sk_fail(err, SK_INPUT, "there are more than %d different labels", SK_LABELS_MAX);
        if ((code = sk_grow(&s->at, &s->cap, s->count + 1, sizeof(*s->at), err)) != SK_OK ||
            (code = sk_str_add_bytes(&s->text, label, len + 1, err)) != SK_OK)
            return code;
        s->at[s->count++] = at;
        *slot = (uint32_t)s->count;
    }
    *number = (int)*slot - 1;
    return SK_OK;
}

void sk_label_set_release(struct sk_label_set *s)
{
    sk_str_release(&s->text);
    sk_free(s->at);
    sk_free(s->slot);
    *s = (struct sk_label_set){0};
}

/* ---- classes ---- */
void sk_classes_release(struct sk_classes *c)
{
    sk_free(c->of);
    sk_free(c->name);
    sk_str_release(&c->text);
    *c = (struct sk_classes){0};
}

/* A label that is a number from 0 to most, else -1. */
static int number_of(const char *text, int64_t most)
{
    int64_t value;
    return text[0] >= '0' && text[0] <= '9' && sk_parse_i64(text, &value) && value <= most ? (int)value : -1;
}

/* The name of the next class; where it lies is kept as a distance, since the text moves as it grows. */
static enum sk_code add_name(struct sk_classes *c, size_t *at, const char *name, struct sk_err *err)
{
    at[c->count++] = c->text.len;
    return sk_str_add_bytes(&c->text, name, strlen(name) + 1, err);
}

/* Whether labels are places in the list: none is a name, or all are numbers in it and some are no names. */
static bool are_places(const struct sk_label_set *set, const struct sk_class_list *list)
{
    bool numbers = true, names = true, any_name = false;
    for (size_t i = 0; i < set->count; i++) {
        const char *text = sk_label_set_text(set, (int)i);
        bool name = sk_label_set_find(&list->id, text) >= 0;
        names = names && name;
        any_name = any_name || name;
        numbers = numbers && number_of(text, (int64_t)list->id.count - 1) >= 0;
    }
    return !any_name || (numbers && !names);
}

static enum sk_code of_list(struct sk_classes *c, size_t *at, const struct sk_label_set *set,
                            const struct sk_class_list *list, const char *shown, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    bool numbers = are_places(set, list);
    for (size_t i = 0; i < set->count; i++) {
        const char *text = sk_label_set_text(set, (int)i);
        c->of[i] = numbers ? number_of(text, (int64_t)list->id.count - 1) : sk_label_set_find(&list->id, text);
        if (c->of[i] < 0)
            return sk_fail(err, SK_INPUT, "the label '%s' is none of the %zu classes of '%s'", text, list->id.count,
                           shown);
    }
    for (size_t i = 0; code == SK_OK && i < list->id.count; i++)
        code = add_name(c, at, sk_class_list_name(list, (int)i), err);
    return code;
}

static enum sk_code of_numbers(struct sk_classes *c, size_t *at, const struct sk_label_set *set, int classes,
                               const char *shown, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (set->count < (size_t)classes)
        sk_notice("'%s': the labels are numbers up to %d, which makes %d classes, but only %zu of them have a picture",
                  shown, classes - 1, classes, set->count);
    for (size_t i = 0; i < set->count; i++)
        c->of[i] = number_of(sk_label_set_text(set, (int)i), SK_LABEL_NUMBER_MAX);
    for (int i = 0; code == SK_OK && i < classes; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        code = add_name(c, at, name, err);
    }
    return code;
}

struct named {
    const char *text;
    int number;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->text, ((const struct named *)b)->text);
}

static enum sk_code of_texts(struct sk_classes *c, size_t *at, const struct sk_label_set *set, struct sk_err *err)
{
    struct named *all = sk_alloc(set->count, sizeof(*all), err);
    enum sk_code code = all ? SK_OK : SK_NOMEM;
    for (size_t i = 0; all && i < set->count; i++)
        all[i] = (struct named){sk_label_set_text(set, (int)i), (int)i};
    if (all)
        qsort(all, set->count, sizeof(*all), by_text);
    for (size_t i = 0; code == SK_OK && i < set->count; i++) {
        c->of[all[i].number] = (int)i;
        code = add_name(c, at, all[i].text, err);
    }
    sk_free(all);
    return code;
}

/* Classes where all labels are numbers; 0: they are not. */
static int count_numbers(const struct sk_label_set *set)
{
    int most = -1;
    for (size_t i = 0; i < set->count; i++) {
        int number = number_of(sk_label_set_text(set, (int)i), SK_LABEL_NUMBER_MAX);
        if (number < 0)
            return 0;
        most = number > most ? number : most;
    }
    return most + 1;
}

enum sk_code sk_classes_make(struct sk_classes *c, const struct sk_label_set *set, const struct sk_class_list *list,
                             const char *shown, struct sk_err *err)
{
    int numbers = list ? 0 : count_numbers(set);
    size_t count = list ? list->id.count : numbers ? (size_t)numbers : set->count;
    size_t *at = sk_alloc(count, sizeof(*at), err);
    enum sk_code code = SK_NOMEM;
    *c = (struct sk_classes){0};
    if (!at || !(c->of = sk_alloc(set->count, sizeof(*c->of), err)) ||
        !(c->name = sk_alloc(count, sizeof(*c->name), err)))
        goto out;
    code = list      ? of_list(c, at, set, list, shown, err)
           : numbers ? of_numbers(c, at, set, numbers, shown, err)
                     : of_texts(c, at, set, err);
    for (int i = 0; code == SK_OK && i < c->count; i++)
        c->name[i] = c->text.text + at[i];
out:
    sk_free(at);
    if (code != SK_OK)
        sk_classes_release(c);
    return code;
}

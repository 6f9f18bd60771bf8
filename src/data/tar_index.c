/* Making samples of the members of a shard: one pass over its headers, in which nothing but labels is read. */
#include "data/tar_index.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "data/data.h"

struct place {
    bool there;
    uint64_t offset, size;
};

struct pending { /* the sample whose files are being met */
    char key[SK_PATH];
    struct place picture, cls, json;
};

struct pass {
    struct sk_tar_index *index;
    struct sk_label_set *labels;
    struct sk_tar tar;
    uint32_t shard;
    struct pending at;
};

void sk_tar_index_release(struct sk_tar_index *x)
{
    sk_free(x->sample);
    sk_str_release(&x->keys);
    *x = (struct sk_tar_index){0};
}

/* ---- labels ---- */
static enum sk_code read_text(const struct pass *p, const struct place *where, size_t most, char **text,
                              struct sk_err *err)
{
    const struct sk_bytes *from = &p->tar.from;
    if (where->size > most)
        return sk_fail(err, SK_INPUT, "expected at most %zu bytes, found %llu", most, (unsigned long long)where->size);
    if (!(*text = sk_alloc((size_t)where->size, 1, err)))
        return SK_NOMEM;
    return from->read_at(from->self, where->offset, *text, (size_t)where->size, err);
}

struct label {
    int number; /* in the label set */
    bool named; /* a text, even one of digits */
};

static enum sk_code label_of_json(const struct pass *p, const char *text, size_t len, struct label *label,
                                  struct sk_err *err)
{
    json_error_t why;
    char number[32];
    enum sk_code code;
    json_t *root = json_loadb(text, len, 0, &why);
    if (!root)
        return sk_fail(err, SK_INPUT, "not JSON: %.100s", why.text);
    const json_t *value = json_object_get(root, "label");
    if (json_is_string(value)) {
        code = sk_label_set_add(p->labels, json_string_value(value), json_string_length(value), &label->number, err);
        label->named = true;
    } else if (json_is_integer(value) && json_integer_value(value) >= 0) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        code = sk_label_set_add(p->labels, number, strlen(number), &label->number, err);
    } else {
        code = sk_fail(err, SK_INPUT, "expected \"label\": a text or an integer from 0");
    }
    json_decref(root);
    return code;
}

static enum sk_code label_of_cls(const struct pass *p, const char *text, size_t len, struct label *label,
                                 struct sk_err *err)
{
    int64_t number;
    enum sk_code code = sk_label_set_add(p->labels, text, len, &label->number, err);
    label->named = code == SK_OK && !sk_parse_i64(sk_label_set_text(p->labels, label->number), &number);
    return code;
}

/* With a list: the class. What a label is never depends on what other labels or classes there are. */
static enum sk_code find_class(const struct pass *p, struct label *label, struct sk_err *err)
{
    struct sk_tar_index *x = p->index;
    const char *text = sk_label_set_text(p->labels, label->number);
    int64_t class = -1, count = x->list ? (int64_t)x->list->id.count : 0;
    if (!x->list)
        return SK_OK;
    *(label->named ? &x->names : &x->numbers) = true;
    if (label->named)
        class = sk_label_set_find(&x->list->id, text);
    else if (!sk_parse_i64(text, &class) || class >= count)
        class = -1;
    label->number = (int)class;
    if (class >= 0)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "the label '%s' is none of the %lld classes of '%s'%s", text, (long long)count,
                   x->list_path, label->named ? "" : " (a number is a place in the list, from 0)");
}

static enum sk_code read_label(const struct pass *p, int *number, struct sk_err *err)
{
    struct label label = {0};
    const struct pending *at = &p->at;
    const bool cls = at->cls.there;
    const struct place *where = cls ? &at->cls : &at->json;
    char *text = NULL, shown[256];
    enum sk_code code = read_text(p, where, cls ? SK_TAR_LABEL_MAX : SK_TAR_JSON_MAX, &text, err);
    if (code == SK_OK) {
        size_t mark = sk_mark_length(text, (size_t)where->size), len = (size_t)where->size - mark;
        code = cls ? label_of_cls(p, text + mark, len, &label, err) : label_of_json(p, text + mark, len, &label, err);
    }
    sk_free(text);
    if (code == SK_OK)
        code = find_class(p, &label, err);
    *number = label.number;
    if (code != SK_OK)
        sk_err_prefix(err, "'%s:%s.%s'", p->tar.from.path, sk_printable(shown, sizeof(shown), at->key),
                      cls ? "cls" : "json");
    return code;
}

/* ---- samples ---- */
static enum sk_code add_sample(const struct pass *p, struct sk_err *err)
{
    struct sk_tar_index *x = p->index;
    size_t key = x->keys.len;
    int label;
    enum sk_code code = read_label(p, &label, err);
    if (code == SK_OK)
        code = sk_grow(&x->sample, &x->cap, x->count + 1, sizeof(*x->sample), err);
    if (code == SK_OK)
        code = sk_str_add_bytes(&x->keys, p->at.key, strlen(p->at.key) + 1, err);
    if (code == SK_OK)
        x->sample[x->count++] = (struct sk_tar_sample){.offset = p->at.picture.offset,
                                                       .bytes = (uint32_t)p->at.picture.size,
                                                       .key = key,
                                                       .shard = p->shard,
                                                       .label = label};
    return code;
}

/* Ends the sample that was being met. */
static enum sk_code flush(struct pass *p, struct sk_err *err)
{
    struct sk_tar_index *x = p->index;
    bool label = p->at.cls.there || p->at.json.there;
    enum sk_code code = SK_OK;
    if (p->at.picture.there && label)
        code = add_sample(p, err);
    else if ((p->at.picture.there || label) && x->incomplete++ == 0)
        sk_printable(x->first_incomplete, sizeof(x->first_incomplete), p->at.key);
    p->at.picture.there = p->at.cls.there = p->at.json.there = false;
    return code;
}

/* The place in a sample of a file with this extension; NULL: it has none. */
static struct place *place_of(struct pending *at, const char *extension)
{
    if (strcasecmp(extension, "jpg") == 0 || strcasecmp(extension, "jpeg") == 0 || strcasecmp(extension, "png") == 0)
        return &at->picture;
    return strcasecmp(extension, "cls") == 0 ? &at->cls : strcasecmp(extension, "json") == 0 ? &at->json : NULL;
}

static enum sk_code meet(struct pass *p, struct sk_err *err)
{
    const char *name = p->tar.name, *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    const char *dot = strchr(base, '.');
    if (!dot || dot == base)
        return SK_OK; /* hidden, or without an extension: no part of a sample */
    size_t len = (size_t)(dot - name);
    if (strncmp(p->at.key, name, len) != 0 || p->at.key[len] != '\0') {
        enum sk_code code = flush(p, err);
        if (code != SK_OK)
            return code;
        memcpy(p->at.key, name, len);
        p->at.key[len] = '\0';
    }
    struct place *place = place_of(&p->at, dot + 1);
    bool fits = place != &p->at.picture || p->tar.size <= SK_MAX_FILE;
    if (place && place->there && p->index->repeated++ == 0)
        sk_printable(p->index->first_repeated, sizeof(p->index->first_repeated), name);
    if (place && !place->there && fits)
        *place = (struct place){true, p->tar.offset, p->tar.size};
    return SK_OK;
}

enum sk_code sk_tar_index_add(struct sk_tar_index *x, struct sk_label_set *labels, const struct sk_shard *shard,
                              uint32_t number, struct sk_err *err)
{
    struct pass *p = sk_alloc(1, sizeof(*p), err);
    bool found = true;
    if (!p)
        return SK_NOMEM;
    p->index = x;
    p->labels = labels;
    p->shard = number;
    p->tar.from = sk_shard_bytes(shard);
    enum sk_code code = SK_OK;
    while (code == SK_OK && found) {
        code = sk_tar_next(&p->tar, &found, err);
        if (code == SK_OK && found)
            code = meet(p, err);
    }
    if (code == SK_OK)
        code = flush(p, err);
    x->skipped += p->tar.skipped;
    if (code == SK_OK && !p->tar.ended)
        code = sk_fail(err, SK_INPUT, "'%s' is cut off: the two blocks of zeros that end a tar archive are not there",
                       shard->path);
    if (code == SK_OK)
        code = sk_shard_finish(shard, err);
    p->tar.from = sk_shard_bytes(shard); /* whose size is known now */
    if (code == SK_OK)
        code = sk_tar_check_end(&p->tar, err);
    sk_free(p);
    return code;
}

/* CIFAR: what a batch file and the file of class names say, in both layouts. */
#include "data/cifar.h"

#include "data/internal.h"
#include "data/pickle.h"

static enum sk_code add_record(struct sk_cifar *c, struct sk_cifar_batch *b, int64_t label, const uint8_t *pixels,
                               const char *shown, struct sk_err *err)
{
    if (label < 0 || label >= c->kind->classes)
        return sk_fail(err, SK_INPUT, "'%s': record %lld has label %lld, expected 0 to %d", shown, (long long)b->count,
                       (long long)label, c->kind->classes - 1);
    c->hash = sk_hash_pixels(c->hash, pixels, SK_CIFAR_PIXELS);
    c->label[c->count++] = (uint8_t)label;
    b->count++;
    return SK_OK;
}

static enum sk_code reserve_labels(struct sk_cifar *c, size_t more, struct sk_err *err)
{
    return sk_grow(&c->label, &c->label_capacity, (size_t)c->count + more, 1, err);
}

enum sk_code sk_cifar_pixels(const struct sk_cifar_batch *b, int64_t record,
                             uint8_t buffer[SK_CIFAR_HEAD_MAX + SK_CIFAR_PIXELS], const uint8_t **pixels,
                             struct sk_err *err)
{
    if (b->pixels) {
        *pixels = b->pixels + (size_t)record * b->stride;
        return SK_OK;
    }
    *pixels = buffer + (b->stride - SK_CIFAR_PIXELS);
    return sk_file_read_at(&b->file, (uint64_t)record * b->stride, buffer, b->stride, err);
}

static enum sk_code read_binary(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown, struct sk_err *err)
{
    uint8_t buffer[SK_CIFAR_HEAD_MAX + SK_CIFAR_PIXELS];
    const uint8_t *pixels;
    const size_t head = (size_t)c->kind->head, record = head + SK_CIFAR_PIXELS, count = b->len / record;
    enum sk_code code;

    if (b->len == 0)
        return sk_fail(err, SK_INPUT, "'%s' is empty", shown);
    if (b->len % record != 0)
        return sk_fail(err, SK_INPUT, "'%s': size %zu is not a multiple of the record size %zu", shown, b->len,
                       record);
    if ((code = reserve_labels(c, count, err)) != SK_OK)
        return code;
    b->pixels = b->content ? (const uint8_t *)b->content + head : NULL;
    b->stride = record;
    for (size_t i = 0; i < count && code == SK_OK; i++)
        if ((code = sk_cifar_pixels(b, (int64_t)i, buffer, &pixels, err)) == SK_OK)
            code = add_record(c, b, (pixels - head)[c->kind->label], pixels, shown, err);
    return code;
}

static enum sk_code check_data(const struct sk_pickle_value *data, const char *shown, struct sk_err *err)
{
    if (!data || data->kind != SK_PICKLE_ARRAY || data->rank < 0)
        return sk_fail(err, SK_INPUT, "'%s': 'data' is not there as a numpy array", shown);
    if (data->rank != 2)
        return sk_fail(err, SK_INPUT, "'%s': 'data' has %d dimensions, expected 2", shown, data->rank);
    if (data->dim[1] != SK_CIFAR_PIXELS || data->dim[0] < 1)
        return sk_fail(err, SK_INPUT, "'%s': 'data' is %lld x %lld, expected rows of %d", shown,
                       (long long)data->dim[0], (long long)data->dim[1], SK_CIFAR_PIXELS);
    return SK_OK;
}

static enum sk_code read_pickled_labels(struct sk_cifar *c, struct sk_cifar_batch *b,
                                        const struct sk_pickle_value *labels, int64_t rows, const char *shown,
                                        struct sk_err *err)
{
    if (!labels || labels->kind != SK_PICKLE_LIST)
        return sk_fail(err, SK_INPUT, "'%s': '%s' is not there as a list", shown, c->kind->labels);
    if ((int64_t)labels->count != rows)
        return sk_fail(err, SK_INPUT, "'%s': %zu labels for %lld rows of data", shown, labels->count, (long long)rows);
    enum sk_code code = reserve_labels(c, labels->count, err);
    for (size_t i = 0; i < labels->count && code == SK_OK; i++) {
        if (labels->item[i]->kind != SK_PICKLE_INT)
            return sk_fail(err, SK_INPUT, "'%s': label %zu is not an integer", shown, i);
        code = add_record(c, b, labels->item[i]->number, b->pixels + i * b->stride, shown, err);
    }
    return code;
}

static enum sk_code read_pickled(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown, struct sk_err *err)
{
    struct sk_pickle p;
    enum sk_code code = sk_pickle_read(&p, b->content, b->len, shown, err);

    if (code != SK_OK)
        return code;
    const struct sk_pickle_value *data = sk_pickle_get(p.root, "data");
    if ((code = check_data(data, shown, err)) != SK_OK)
        goto out;
    b->pixels = data->data;
    b->stride = SK_CIFAR_PIXELS;
    code = read_pickled_labels(c, b, sk_pickle_get(p.root, c->kind->labels), data->dim[0], shown, err);
    if (code == SK_OK)
        b->owned = sk_pickle_take(&p, data->data);
out:
    sk_pickle_release(&p);
    return code;
}

enum sk_code sk_cifar_read_batch(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown, struct sk_err *err)
{
    b->first = c->count;
    b->count = 0;
    enum sk_code code = c->layout == SK_CIFAR_BINARY ? read_binary(c, b, shown, err) : read_pickled(c, b, shown, err);
    if (code == SK_OK && b->count != c->kind->published[c->split])
        sk_notice("'%s' has %lld records, the published one has %lld", shown, (long long)b->count,
                  (long long)c->kind->published[c->split]);
    return code;
}

/* Control characters, which a terminal cannot show, are replaced. */
static enum sk_code set_name(struct sk_cifar *c, size_t i, const char *text, size_t len, const char *shown,
                             struct sk_err *err)
{
    char raw[SK_NAME];

    if (len >= sizeof(raw))
        return sk_fail(err, SK_INPUT, "'%s': the name of class %zu has %zu bytes, expected at most %d", shown, i, len,
                       SK_NAME - 1);
    memcpy(raw, text, len);
    raw[len] = '\0';
    if (!sk_is_utf8(raw))
        return sk_fail(err, SK_INPUT, "'%s': the name of class %zu must be UTF-8 text", shown, i);
    sk_printable(c->name[i], SK_NAME, raw);
    return SK_OK;
}

static enum sk_code check_classes(const struct sk_cifar *c, size_t found, const char *shown, struct sk_err *err)
{
    const size_t classes = (size_t)c->kind->classes;
    if (found == classes)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "'%s' names %s%zu classes, expected %zu", shown, found > classes ? "at least " : "",
                   found, classes);
}

/* One name a line; empty lines do not count. */
static enum sk_code read_meta_text(struct sk_cifar *c, const char *text, size_t len, const char *shown,
                                   struct sk_err *err)
{
    const char *end = text + len;
    size_t found = 0;
    enum sk_code code;

    while (text < end && found <= (size_t)c->kind->classes) {
        const char *stop = memchr(text, '\n', (size_t)(end - text)), *next;
        if (!stop)
            stop = end;
        next = stop < end ? stop + 1 : end;
        while (stop > text && (stop[-1] == '\r' || stop[-1] == ' '))
            stop--;
        if (stop > text) {
            if (found < (size_t)c->kind->classes &&
                (code = set_name(c, found, text, (size_t)(stop - text), shown, err)) != SK_OK)
                return code;
            found++;
        }
        text = next;
    }
    return check_classes(c, found, shown, err);
}

static enum sk_code read_meta_pickle(struct sk_cifar *c, const void *data, size_t len, const char *shown,
                                     struct sk_err *err)
{
    struct sk_pickle p;
    enum sk_code code = sk_pickle_read(&p, data, len, shown, err);

    if (code != SK_OK)
        return code;
    const struct sk_pickle_value *names = sk_pickle_get(p.root, c->kind->names);
    if (!names || names->kind != SK_PICKLE_LIST)
        code = sk_fail(err, SK_INPUT, "'%s': '%s' is not there as a list", shown, c->kind->names);
    else
        code = check_classes(c, names->count, shown, err);
    for (size_t i = 0; code == SK_OK && i < names->count; i++) {
        const struct sk_pickle_value *v = names->item[i];
        if (v->kind == SK_PICKLE_BYTES || v->kind == SK_PICKLE_TEXT)
            code = set_name(c, i, v->len > 0 ? (const char *)v->data : "", v->len, shown, err);
        else
            code = sk_fail(err, SK_INPUT, "'%s': the name of class %zu is not a string", shown, i);
    }
    sk_pickle_release(&p);
    return code;
}

enum sk_code sk_cifar_read_meta(struct sk_cifar *c, const void *data, size_t len, const char *shown, struct sk_err *err)
{
    if (len > SK_CIFAR_MAX_META)
        return sk_fail(err, SK_INPUT, "'%s' has %zu bytes, expected at most %d", shown, len, SK_CIFAR_MAX_META);
    return c->layout == SK_CIFAR_BINARY ? read_meta_text(c, data, len, shown, err)
                                        : read_meta_pickle(c, data, len, shown, err);
}

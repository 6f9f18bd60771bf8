/* CIFAR-10: what a batch file and the file of class names say, in both layouts. */
#include "data/cifar10.h"

#include "data/internal.h"
#include "data/pickle.h"

static enum sk_code add_record(struct sk_cifar *c, struct sk_cifar_batch *b, int64_t label, const uint8_t *pixels,
                               const char *shown, struct sk_err *err)
{
    if (label < 0 || label >= SK_CIFAR_CLASSES)
        return sk_fail(err, SK_INPUT, "'%s': record %lld has label %lld, expected 0 to %d", shown, (long long)b->count,
                       (long long)label, SK_CIFAR_CLASSES - 1);
    c->hash = sk_hash_pixels(c->hash, pixels, SK_CIFAR_PIXELS);
    c->label[c->count++] = (uint8_t)label;
    b->count++;
    return SK_OK;
}

static enum sk_code reserve_labels(struct sk_cifar *c, size_t more, struct sk_err *err)
{
    return sk_grow(&c->label, &c->label_capacity, (size_t)c->count + more, 1, err);
}

enum sk_code sk_cifar_pixels(const struct sk_cifar_batch *b, int64_t record, uint8_t buffer[SK_CIFAR_RECORD],
                             const uint8_t **pixels, struct sk_err *err)
{
    if (b->pixels) {
        *pixels = b->pixels + (size_t)record * b->stride;
        return SK_OK;
    }
    *pixels = buffer + 1;
    return sk_file_read_at(&b->file, (uint64_t)record * SK_CIFAR_RECORD, buffer, SK_CIFAR_RECORD, err);
}

static enum sk_code read_binary(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown, struct sk_err *err)
{
    uint8_t buffer[SK_CIFAR_RECORD];
    const uint8_t *pixels;
    size_t count = b->len / SK_CIFAR_RECORD;
    enum sk_code code;

    if (b->len == 0)
        return sk_fail(err, SK_INPUT, "'%s' is empty", shown);
    if (b->len % SK_CIFAR_RECORD != 0)
        return sk_fail(err, SK_INPUT, "'%s': size %zu is not a multiple of the record size %d", shown, b->len,
                       SK_CIFAR_RECORD);
    if ((code = reserve_labels(c, count, err)) != SK_OK)
        return code;
    b->pixels = b->content ? (const uint8_t *)b->content + 1 : NULL;
    b->stride = SK_CIFAR_RECORD;
    for (size_t i = 0; i < count && code == SK_OK; i++)
        if ((code = sk_cifar_pixels(b, (int64_t)i, buffer, &pixels, err)) == SK_OK)
            code = add_record(c, b, pixels[-1], pixels, shown, err); /* the label stands before them */
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
        return sk_fail(err, SK_INPUT, "'%s': 'labels' is not there as a list", shown);
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
    code = read_pickled_labels(c, b, sk_pickle_get(p.root, "labels"), data->dim[0], shown, err);
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
    if (code == SK_OK && b->count != SK_CIFAR_PUBLISHED)
        sk_notice("'%s' has %lld records, the published one has %d", shown, (long long)b->count, SK_CIFAR_PUBLISHED);
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

static enum sk_code check_classes(size_t found, const char *shown, struct sk_err *err)
{
    if (found == SK_CIFAR_CLASSES)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "'%s' names %s%zu classes, expected %d", shown,
                   found > SK_CIFAR_CLASSES ? "at least " : "", found, SK_CIFAR_CLASSES);
}

/* One name a line; empty lines do not count. */
static enum sk_code read_meta_text(struct sk_cifar *c, const char *text, size_t len, const char *shown,
                                   struct sk_err *err)
{
    const char *end = text + len;
    size_t found = 0;
    enum sk_code code;

    while (text < end && found <= SK_CIFAR_CLASSES) {
        const char *stop = memchr(text, '\n', (size_t)(end - text)), *next;
        if (!stop)
            stop = end;
        next = stop < end ? stop + 1 : end;
        while (stop > text && (stop[-1] == '\r' || stop[-1] == ' '))
            stop--;
        if (stop > text) {
            if (found < SK_CIFAR_CLASSES &&
                (code = set_name(c, found, text, (size_t)(stop - text), shown, err)) != SK_OK)
                return code;
            found++;
        }
        text = next;
    }
    return check_classes(found, shown, err);
}

static enum sk_code read_meta_pickle(struct sk_cifar *c, const void *data, size_t len, const char *shown,
                                     struct sk_err *err)
{
    struct sk_pickle p;
    enum sk_code code = sk_pickle_read(&p, data, len, shown, err);

    if (code != SK_OK)
        return code;
    const struct sk_pickle_value *names = sk_pickle_get(p.root, "label_names");
    if (!names || names->kind != SK_PICKLE_LIST)
        code = sk_fail(err, SK_INPUT, "'%s': 'label_names' is not there as a list", shown);
    else
        code = check_classes(names->count, shown, err);
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

/* CIFAR: what a batch file and the file of class names say, in every layout. */
#include "data/cifar.h"

#include "data/internal.h"
#include "data/mat.h"
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

static enum sk_code check_shape(int rank, int64_t rows, int64_t columns, const char *shown, struct sk_err *err)
{
    if (rank != 2)
        return sk_fail(err, SK_INPUT, "'%s': 'data' has %d dimensions, expected 2", shown, rank);
    if (columns != SK_CIFAR_PIXELS || rows < 1)
        return sk_fail(err, SK_INPUT, "'%s': 'data' is %lld x %lld, expected rows of %d", shown, (long long)rows,
                       (long long)columns, SK_CIFAR_PIXELS);
    return SK_OK;
}

static enum sk_code check_labels(size_t labels, int64_t rows, const char *shown, struct sk_err *err)
{
    if (labels == (size_t)rows)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "'%s': %zu labels for %lld rows of data", shown, labels, (long long)rows);
}

static enum sk_code not_integer(size_t label, const char *shown, struct sk_err *err)
{
    return sk_fail(err, SK_INPUT, "'%s': label %zu is not an integer", shown, label);
}

static enum sk_code read_pickled_labels(struct sk_cifar *c, struct sk_cifar_batch *b,
                                        const struct sk_pickle_value *labels, int64_t rows, const char *shown,
                                        struct sk_err *err)
{
    if (!labels || labels->kind != SK_PICKLE_LIST)
        return sk_fail(err, SK_INPUT, "'%s': '%s' is not there as a list", shown, c->kind->labels);
    enum sk_code code = check_labels(labels->count, rows, shown, err);
    if (code == SK_OK)
        code = reserve_labels(c, labels->count, err);
    for (size_t i = 0; i < labels->count && code == SK_OK; i++) {
        if (labels->item[i]->kind != SK_PICKLE_INT)
            return not_integer(i, shown, err);
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
    if (!data || data->kind != SK_PICKLE_ARRAY || data->rank < 0)
        code = sk_fail(err, SK_INPUT, "'%s': 'data' is not there as a numpy array", shown);
    if (code != SK_OK || (code = check_shape(data->rank, data->dim[0], data->dim[1], shown, err)) != SK_OK)
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

/* A picture is a row, but MATLAB stores columns: *out [rows][columns] (sk_free). */
static enum sk_code turn(uint8_t **out, const struct sk_mat *m, struct sk_err *err)
{
    enum { BLOCK = 64 }; /* rows whose lines of *out stay in the cache */
    const size_t rows = (size_t)m->rows, columns = (size_t)m->columns;
    if (!(*out = sk_alloc(rows, columns, err)))
        return SK_NOMEM;
    for (size_t first = 0; first < rows; first += BLOCK)
        for (size_t x = 0; x < columns; x++)
            for (size_t y = first; y < rows && y < first + BLOCK; y++)
                (*out)[y * columns + x] = m->data[x * rows + y];
    return SK_OK;
}

static enum sk_code read_matlab_data(struct sk_cifar_batch *b, const char *shown, int64_t *rows, struct sk_err *err)
{
    struct sk_mat m;
    uint8_t *pixels = NULL;
    enum sk_code code = sk_mat_find(&m, b->content, b->len, shown, "data", err);

    if (code == SK_OK && (m.kind != SK_MAT_UINT8 || m.len != m.count))
        code = sk_fail(err, SK_INPUT, "'%s': 'data' is not there as an array of uint8", shown);
    if (code == SK_OK)
        code = check_shape((int)m.rank, m.rows, m.columns, shown, err);
    if (code == SK_OK)
        code = turn(&pixels, &m, err);
    *rows = m.rows;
    b->owned = pixels;
    b->pixels = pixels;
    b->stride = SK_CIFAR_PIXELS;
    sk_mat_release(&m);
    return code;
}

static enum sk_code read_matlab(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown, struct sk_err *err)
{
    struct sk_mat labels = {0};
    int64_t rows, label;
    enum sk_code code = read_matlab_data(b, shown, &rows, err);

    if (code != SK_OK || (code = sk_mat_find(&labels, b->content, b->len, shown, c->kind->labels, err)) != SK_OK)
        return code;
    if (labels.kind < SK_MAT_DOUBLE || labels.kind > SK_MAT_UINT64)
        code = sk_fail(err, SK_INPUT, "'%s': '%s' is not there as an array of numbers", shown, c->kind->labels);
    else if ((code = check_labels(labels.count, rows, shown, err)) == SK_OK)
        code = reserve_labels(c, labels.count, err);
    for (size_t i = 0; i < labels.count && code == SK_OK; i++)
        code = sk_mat_integer(&labels, i, &label) ? add_record(c, b, label, b->pixels + i * b->stride, shown, err)
                                                  : not_integer(i, shown, err);
    sk_mat_release(&labels);
    return code;
}

static enum sk_code (*const read_layout[SK_CIFAR_LAYOUTS])(struct sk_cifar *, struct sk_cifar_batch *, const char *,
                                                           struct sk_err *) = {read_binary, read_pickled, read_matlab};

enum sk_code sk_cifar_read_batch(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown, struct sk_err *err)
{
    b->first = c->count;
    b->count = 0;
    enum sk_code code = read_layout[c->layout](c, b, shown, err);
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
static enum sk_code read_meta_text(struct sk_cifar *c, const void *data, size_t len, const char *shown,
                                   struct sk_err *err)
{
    const char *text = data, *end = text + len;
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

static enum sk_code not_string(size_t i, const char *shown, struct sk_err *err)
{
    return sk_fail(err, SK_INPUT, "'%s': the name of class %zu is not a string", shown, i);
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
            code = not_string(i, shown, err);
    }
    sk_pickle_release(&p);
    return code;
}

static enum sk_code read_meta_matlab(struct sk_cifar *c, const void *data, size_t len, const char *shown,
                                     struct sk_err *err)
{
    struct sk_mat names, name;
    char text[SK_NAME];
    enum sk_code code = sk_mat_find(&names, data, len, shown, c->kind->names, err);

    if (code != SK_OK)
        return code;
    if (names.kind != SK_MAT_CELL)
        code = sk_fail(err, SK_INPUT, "'%s': '%s' is not there as a cell array", shown, c->kind->names);
    else
        code = check_classes(c, names.count, shown, err);
    for (size_t i = 0; code == SK_OK && i < names.count; i++)
        if ((code = sk_mat_next(&names, &name, err)) == SK_OK)
            code = name.kind == SK_MAT_CHAR && name.rows == 1 && name.rank == 2
                       ? set_name(c, i, text, sk_mat_text(&name, text, sizeof(text)), shown, err)
                       : not_string(i, shown, err);
    sk_mat_release(&names);
    return code;
}

static enum sk_code (*const read_meta[SK_CIFAR_LAYOUTS])(struct sk_cifar *, const void *, size_t, const char *,
                                                         struct sk_err *) = {read_meta_text, read_meta_pickle,
                                                                             read_meta_matlab};

enum sk_code sk_cifar_read_meta(struct sk_cifar *c, const void *data, size_t len, const char *shown, struct sk_err *err)
{
    if (len > SK_CIFAR_MAX_META)
        return sk_fail(err, SK_INPUT, "'%s' has %zu bytes, expected at most %d", shown, len, SK_CIFAR_MAX_META);
    return read_meta[c->layout](c, data, len, shown, err);
}

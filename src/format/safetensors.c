/* safetensors: opening a file. The header is checked in four steps: its place in the file, its form as text (depth and
 * number of values, before the JSON reader allocates anything), its meaning, and that the tensors cover the data
 * without hole or overlap. */
#include "format/format.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    ST_MAX_HEADER = 100000000, /* as the original implementation */
    ST_MAX_DEPTH = 4,          /* file, tensor, shape, and one to spare */
    ST_MAX_VALUES = 1 << 21,   /* commas and colons: some 150,000 tensors, 300 MB of parsed header */
    SHOWN = 128                /* bytes of a name shown in a message */
};

struct reader {
    const char *path;
    struct sk_safetensors *st;
    const char *header;
    size_t header_len;
    const unsigned char *data;
    size_t data_len;
    char *text_end; /* where the next name goes in st->text */
    struct sk_err *err;
};

#define BAD(r, ...) bad_file(r, SK_INPUT, __VA_ARGS__)

static enum sk_code bad_file(const struct reader *r, enum sk_code code, const char *fmt, ...) SK_PRINTF(3, 4);

static enum sk_code bad_file(const struct reader *r, enum sk_code code, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return sk_fail(r->err, code, "'%s' is not a safetensors file%s: %s", r->path,
                   code == SK_UNSUPPORTED ? " that skua can read" : "", text);
}

static enum sk_code locate_header(struct reader *r)
{
    const struct sk_safetensors *st = r->st;
    uint64_t len;

    if (st->map_size < sizeof(len))
        return BAD(r, "it has only %zu bytes", st->map_size);
    memcpy(&len, st->map, sizeof(len));
    if (len > ST_MAX_HEADER)
        return BAD(r, "it does not begin with the length of a header (%llu, at most %d)", (unsigned long long)len,
                   ST_MAX_HEADER);
    if (len > st->map_size - sizeof(len))
        return BAD(r, "a header of %llu bytes does not fit into its %zu bytes", (unsigned long long)len, st->map_size);
    r->header = (const char *)st->map + sizeof(len);
    r->header_len = (size_t)len;
    r->data = (const unsigned char *)st->map + sizeof(len) + len;
    r->data_len = st->map_size - sizeof(len) - (size_t)len;
    if (len == 0 || r->header[0] != '{')
        return BAD(r, "its header does not begin with '{'");
    return SK_OK;
}

/* Depth and number of values bound the memory and the stack that parsing takes. */
static enum sk_code check_form(const struct reader *r)
{
    long depth = 0, values = 0;
    bool quoted = false;

    for (size_t i = 0; i < r->header_len; i++) {
        char c = r->header[i];
        if (quoted) {
            if (c == '\\')
                i++;
            quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        values += c == ',' || c == ':';
        if (depth > ST_MAX_DEPTH)
            return BAD(r, "its header nests deeper than %d at byte %zu", ST_MAX_DEPTH, i);
        if (values > ST_MAX_VALUES)
            return BAD(r, "its header holds more than %d values", ST_MAX_VALUES);
    }
    return SK_OK;
}

/* Counts tensors and metadata and makes room for them and their names. */
static enum sk_code reserve(struct reader *r, json_t *root)
{
    struct sk_safetensors *st = r->st;
    json_t *meta = json_object_get(root, "__metadata__"), *value;
    size_t text = 0, tensors = json_object_size(root) - (meta != NULL), metas = 0;
    const char *key;

    if (meta != NULL && !json_is_object(meta))
        return BAD(r, "__metadata__ is not an object");
    json_object_foreach(root, key, value) text += strlen(key) + 1;
    json_object_foreach(meta, key, value)
    {
        text += strlen(key) + 1 + json_string_length(value) + 1;
        metas++;
    }
    st->text = sk_alloc(text, 1, r->err);
    st->tensor = sk_alloc(tensors, sizeof(*st->tensor), r->err);
    st->meta = sk_alloc(metas, sizeof(*st->meta), r->err);
    r->text_end = st->text;
    return st->text != NULL && st->tensor != NULL && st->meta != NULL ? SK_OK : SK_NOMEM;
}

static char *keep(struct reader *r, const char *text)
{
    char *kept = r->text_end;
    size_t size = strlen(text) + 1;
    memcpy(kept, text, size);
    r->text_end += size;
    return kept;
}

static enum sk_code read_shape(const struct reader *r, struct sk_st_tensor *t, json_t *shape, const char *shown)
{
    size_t rank = json_array_size(shape);

    if (!json_is_array(shape))
        return BAD(r, "tensor '%s' has no shape", shown);
    if (rank > SK_MAX_RANK)
        return bad_file(r, SK_UNSUPPORTED, "tensor '%s' has %zu dimensions, at most %d are read", shown, rank,
                        SK_MAX_RANK);
    for (size_t i = 0; i < rank; i++) {
        json_t *n = json_array_get(shape, i);
        if (!json_is_integer(n) || json_integer_value(n) < 0)
            return BAD(r, "dimension %zu of tensor '%s' is not a natural number", i, shown);
        t->dim[i] = json_integer_value(n);
    }
    t->rank = (int)rank;
    return SK_OK;
}

static enum sk_code read_place(const struct reader *r, struct sk_st_tensor *t, json_t *offsets, const char *shown)
{
    json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    size_t expected;

    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return BAD(r, "tensor '%s' has no data_offsets of two integers", shown);
    if (begin < 0 || end < begin || (uint64_t)end > r->data_len)
        return BAD(r, "data_offsets [%lld, %lld] of tensor '%s' do not lie in the %zu bytes of data", (long long)begin,
                   (long long)end, shown, r->data_len);
    t->data = r->data + begin;
    t->bytes = (size_t)(end - begin);
    if (!sk_elem_bytes(t->elem, t->rank, t->dim, &expected))
        return BAD(r, "the size of tensor '%s' overflows", shown);
    if (t->bytes != expected)
        return BAD(r, "tensor '%s' has %zu bytes, expected %zu by its shape and type", shown, t->bytes, expected);
    return SK_OK;
}

static enum sk_code read_tensor(struct reader *r, const char *name, json_t *entry)
{
    struct sk_st_tensor *t = &r->st->tensor[r->st->count];
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    char shown[SHOWN], shown_type[32];
    enum sk_code code;

    sk_printable(shown, sizeof(shown), name);
    if (dtype == NULL)
        return BAD(r, "tensor '%s' has no dtype", shown);
    if (!sk_elem_parse(dtype, &t->elem))
        return bad_file(r, SK_UNSUPPORTED, "tensor '%s' is of type '%s'", shown,
                        sk_printable(shown_type, sizeof(shown_type), dtype));
    if (json_object_size(entry) != 3)
        return BAD(r, "tensor '%s' has keys other than dtype, shape and data_offsets", shown);
    if ((code = read_shape(r, t, json_object_get(entry, "shape"), shown)) != SK_OK)
        return code;
    if ((code = read_place(r, t, json_object_get(entry, "data_offsets"), shown)) != SK_OK)
        return code;
    t->name = keep(r, name);
    r->st->count++;
    return SK_OK;
}

static enum sk_code read_meta(struct reader *r, json_t *meta)
{
    char shown[SHOWN];
    const char *key;
    json_t *value;

    json_object_foreach(meta, key, value)
    {
        if (!json_is_string(value))
            return BAD(r, "__metadata__ '%s' is not a string", sk_printable(shown, sizeof(shown), key));
        struct sk_st_meta *m = &r->st->meta[r->st->meta_count++];
        m->key = keep(r, key);
        m->value = keep(r, json_string_value(value));
    }
    return SK_OK;
}

static enum sk_code read_header(struct reader *r)
{
    json_error_t why;
    json_t *root = json_loadb(r->header, r->header_len, JSON_REJECT_DUPLICATES, &why), *value;
    const char *key;
    enum sk_code code;

    if (root == NULL) {
        char shown[SHOWN];
        if (json_error_code(&why) == json_error_out_of_memory)
            return sk_fail(r->err, SK_NOMEM, "not enough memory for the header of '%s'", r->path);
        return BAD(r, "its header, at byte %d: %s", why.position, sk_printable(shown, sizeof(shown), why.text));
    }
    if ((code = reserve(r, root)) != SK_OK)
        goto out;
    json_object_foreach(root, key, value)
    {
        code = strcmp(key, "__metadata__") == 0 ? read_meta(r, value) : read_tensor(r, key, value);
        if (code != SK_OK)
            goto out;
    }
out:
    json_decref(root);
    return code;
}

static int by_place(const void *a, const void *b)
{
    const struct sk_st_tensor *x = a, *y = b;
    const char *p = x->data, *q = y->data;

    if (p != q)
        return p < q ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static enum sk_code check_cover(const struct reader *r)
{
    const unsigned char *at = r->data;
    char shown[SHOWN];

    qsort(r->st->tensor, r->st->count, sizeof(*r->st->tensor), by_place);
    for (size_t i = 0; i < r->st->count; i++) {
        const struct sk_st_tensor *t = &r->st->tensor[i];
        const unsigned char *begin = t->data;
        if (begin != at)
            return BAD(r, "%s before tensor '%s'", begin < at ? "tensors overlap" : "there is a hole",
                       sk_printable(shown, sizeof(shown), t->name));
        at = begin + t->bytes;
    }
    if (at != r->data + r->data_len)
        return BAD(r, "%zu bytes after the last tensor", (size_t)(r->data + r->data_len - at));
    return SK_OK;
}

enum sk_code sk_st_open(struct sk_safetensors *st, const char *path, struct sk_err *err)
{
    struct reader r = {.path = path, .st = st, .err = err};
    enum sk_code code;

    *st = (struct sk_safetensors){0};
    if ((code = sk_file_map(path, &st->map, &st->map_size, err)) != SK_OK || (code = locate_header(&r)) != SK_OK ||
        (code = check_form(&r)) != SK_OK || (code = read_header(&r)) != SK_OK || (code = check_cover(&r)) != SK_OK)
        sk_st_close(st);
    return code;
}

void sk_st_close(struct sk_safetensors *st)
{
    sk_free(st->tensor);
    sk_free(st->meta);
    sk_free(st->text);
    sk_file_unmap(st->map, st->map_size);
    *st = (struct sk_safetensors){0};
}

const struct sk_st_tensor *sk_st_find(const struct sk_safetensors *st, const char *name)
{
    for (size_t i = 0; i < st->count; i++)
        if (strcmp(st->tensor[i].name, name) == 0)
            return &st->tensor[i];
    return NULL;
}

const char *sk_st_meta(const struct sk_safetensors *st, const char *key)
{
    for (size_t i = 0; i < st->meta_count; i++)
        if (strcmp(st->meta[i].key, key) == 0)
            return st->meta[i].value;
    return NULL;
}

enum sk_code sk_st_to_f32(const struct sk_st_tensor *t, float *out, size_t n, struct sk_err *err)
{
    char shown[SHOWN];
    size_t found = t->bytes / sk_elem_size(t->elem);

    sk_printable(shown, sizeof(shown), t->name);
    if (found != n)
        return sk_fail(err, SK_INPUT, "tensor '%s' has %zu elements, expected %zu", shown, found, n);
    if (!sk_elem_to_f32(t->elem, t->data, out, n))
        return sk_fail(err, SK_INPUT, "tensor '%s' is of type %s, expected a floating type", shown,
                       sk_elem_name(t->elem));
    return SK_OK;
}

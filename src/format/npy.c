/* npy: one array in a file. The header is a Python dictionary written out; only the form that NumPy writes is read. */
#include "format/format.h"

#include <stdio.h>
#include <string.h>

#include "format/write.h"

enum { NPY_MAX_HEADER = 65535, NPY_MAGIC = 6, NPY_ALIGN = 64, NPY_TEXT = 16 };

static const char magic[NPY_MAGIC] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    const char *descr;
    enum sk_elem elem;
} descrs[] = {
    {"<f4", SK_ELEM_F32},  {"<f8", SK_ELEM_F64}, {"<f2", SK_ELEM_F16}, {"<i8", SK_ELEM_I64},
    {"<i4", SK_ELEM_I32},  {"<i2", SK_ELEM_I16}, {"|i1", SK_ELEM_I8},  {"|u1", SK_ELEM_U8},
    {"|b1", SK_ELEM_BOOL}, {"<u2", SK_ELEM_U16}, {"<u4", SK_ELEM_U32}, {"<u8", SK_ELEM_U64},
};

struct cursor {
    const char *path, *at, *end;
    struct sk_err *err;
};

static enum sk_code bad_header(const struct cursor *c, const char *expected)
{
    char found[NPY_TEXT + 1] = {0};
    size_t left = (size_t)(c->end - c->at);

    if (left > 0)
        memcpy(found, c->at, left < NPY_TEXT ? left : NPY_TEXT);
    return sk_fail(c->err, SK_INPUT, "'%s' is not an npy file: expected %s in the header, found '%s'", c->path,
                   expected, found);
}

static bool accept(struct cursor *c, char token)
{
    while (c->at < c->end && *c->at == ' ')
        c->at++;
    if (c->at == c->end || *c->at != token)
        return false;
    c->at++;
    return true;
}

static bool accept_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);

    while (c->at < c->end && *c->at == ' ')
        c->at++;
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

/* A string in either kind of quotes, without escapes. */
static enum sk_code read_text(struct cursor *c, char out[NPY_TEXT], const char *what)
{
    size_t len = 0;
    char quote = accept(c, '\'') ? '\'' : '"';

    if (quote == '"' && !accept(c, '"'))
        return bad_header(c, what);
    const char *begin = c->at;
    while (c->at < c->end && *c->at != quote && *c->at != '\\' && len + 1 < NPY_TEXT)
        out[len++] = *c->at++;
    out[len] = '\0';
    if (c->at == c->end || *c->at != quote) {
        c->at = begin;
        return bad_header(c, what);
    }
    c->at++;
    return SK_OK;
}

static enum sk_code read_descr(struct cursor *c, struct sk_npy *a)
{
    char descr[NPY_TEXT];
    enum sk_code code = read_text(c, descr, "the name of an element type");

    if (code != SK_OK)
        return code;
    for (size_t i = 0; i < SK_COUNT(descrs); i++)
        if (strcmp(descr, descrs[i].descr) == 0) {
            a->elem = descrs[i].elem;
            return SK_OK;
        }
    return sk_fail(
        c->err, SK_UNSUPPORTED,
        "cannot read '%s': its elements are of type '%s', only little-endian floats, integers and booleans are read",
        c->path, descr);
}

static enum sk_code read_dim(struct cursor *c, int64_t *dim)
{
    const char *begin = c->at;

    *dim = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        if (__builtin_mul_overflow(*dim, 10, dim) || __builtin_add_overflow(*dim, *c->at - '0', dim)) {
            c->at = begin;
            return bad_header(c, "a dimension below 2^63");
        }
        c->at++;
    }
    if (c->at == begin)
        return bad_header(c, "a dimension");
    if (c->at < c->end && *c->at == 'L') /* written by Python 2 */
        c->at++;
    return SK_OK;
}

static enum sk_code read_shape(struct cursor *c, struct sk_npy *a)
{
    enum sk_code code;

    if (!accept(c, '('))
        return bad_header(c, "a tuple as shape");
    while (!accept(c, ')')) {
        if (a->rank == SK_MAX_RANK)
            return sk_fail(c->err, SK_UNSUPPORTED, "cannot read '%s': more than %d dimensions", c->path, SK_MAX_RANK);
        if ((code = read_dim(c, &a->dim[a->rank++])) != SK_OK)
            return code;
        if (!accept(c, ',')) {
            if (accept(c, ')'))
                break;
            return bad_header(c, "',' or ')'");
        }
    }
    return SK_OK;
}

static enum sk_code read_order(struct cursor *c, bool *fortran)
{
    *fortran = accept_word(c, "True");
    return *fortran || accept_word(c, "False") ? SK_OK : bad_header(c, "True or False");
}

/* The three keys, each once, in any order. */
static enum sk_code read_header(struct cursor *c, struct sk_npy *a)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[SK_COUNT(keys)] = {false}, fortran = false;
    char key[NPY_TEXT];
    enum sk_code code;

    if (!accept(c, '{'))
        return bad_header(c, "'{'");
    for (size_t i = 0, k; i < SK_COUNT(keys); i++) {
        if ((code = read_text(c, key, "'descr', 'fortran_order' and 'shape'")) != SK_OK)
            return code;
        for (k = 0; k < SK_COUNT(keys) && strcmp(key, keys[k]) != 0; k++)
            ;
        if (k == SK_COUNT(keys) || seen[k] || !accept(c, ':'))
            return bad_header(c, "'descr', 'fortran_order' and 'shape', each once");
        seen[k] = true;
        code = k == 0 ? read_descr(c, a) : k == 1 ? read_order(c, &fortran) : read_shape(c, a);
        if (code != SK_OK)
            return code;
        if (!accept(c, ',') && i + 1 < SK_COUNT(keys))
            return bad_header(c, "','");
    }
    if (!accept(c, '}'))
        return bad_header(c, "'}'");
    (void)accept(c, '\n');
    (void)accept(c, ' ');
    if (c->at != c->end)
        return bad_header(c, "nothing after '}'");
    if (fortran && a->rank > 1)
        return sk_fail(c->err, SK_UNSUPPORTED, "cannot read '%s': its array is in Fortran order, save it in C order",
                       c->path);
    return SK_OK;
}

/* Sets c to the header's text and *offset to where the data begins. */
static enum sk_code locate_header(struct cursor *c, const struct sk_npy *a, size_t *offset)
{
    const unsigned char *head = a->map;
    size_t prefix, len;

    if (a->map_size < NPY_MAGIC + 4 || memcmp(head, magic, sizeof(magic)) != 0)
        return sk_fail(c->err, SK_INPUT, "'%s' is not an npy file: it does not begin with '\\x93NUMPY'", c->path);
    if (head[6] < 1 || head[6] > 3)
        return sk_fail(c->err, SK_UNSUPPORTED, "cannot read '%s': npy version %d.%d, expected 1.0 to 3.0", c->path,
                       head[6], head[7]);
    prefix = head[6] == 1 ? NPY_MAGIC + 4 : NPY_MAGIC + 6;
    len = (size_t)head[8] | (size_t)head[9] << 8;
    if (head[6] > 1 && a->map_size >= prefix)
        len |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (len > NPY_MAX_HEADER || prefix > a->map_size || len > a->map_size - prefix)
        return sk_fail(c->err, SK_INPUT, "'%s' is not an npy file: a header of %zu bytes does not fit", c->path, len);
    c->at = (const char *)head + prefix;
    c->end = c->at + len;
    *offset = prefix + len;
    return SK_OK;
}

static enum sk_code check_size(const struct cursor *c, struct sk_npy *a, size_t offset)
{
    size_t found = a->map_size - offset;

    if (!sk_elem_bytes(a->elem, a->rank, a->dim, &a->bytes))
        return sk_fail(c->err, SK_INPUT, "'%s' is not an npy file: the size of its array overflows", c->path);
    if (found != a->bytes)
        return sk_fail(c->err, SK_INPUT, "'%s' is %s: expected %zu bytes of array data, found %zu", c->path,
                       found < a->bytes ? "truncated" : "too long", a->bytes, found);
    a->data = (const char *)a->map + offset;
    a->offset = offset;
    return SK_OK;
}

enum sk_code sk_npy_open(struct sk_npy *a, const char *path, struct sk_err *err)
{
    struct cursor c = {.path = path, .err = err};
    size_t offset = 0;
    enum sk_code code;

    *a = (struct sk_npy){0};
    if ((code = sk_file_map(path, &a->map, &a->map_size, err)) != SK_OK ||
        (code = locate_header(&c, a, &offset)) != SK_OK || (code = read_header(&c, a)) != SK_OK ||
        (code = check_size(&c, a, offset)) != SK_OK)
        sk_npy_close(a);
    return code;
}

void sk_npy_close(struct sk_npy *a)
{
    sk_file_unmap(a->map, a->map_size);
    *a = (struct sk_npy){0};
}

static const char *descr_of(enum sk_elem elem)
{
    for (size_t i = 0; i < SK_COUNT(descrs); i++)
        if (descrs[i].elem == elem)
            return descrs[i].descr;
    return NULL;
}

/* The dictionary, padded so that the data begins aligned. */
static enum sk_code make_header(struct sk_str *out, const char *descr, int rank, const int64_t *dim, struct sk_err *err)
{
    enum { PREFIX = NPY_MAGIC + 4 };
    struct sk_str dict = {0};
    enum sk_code code = sk_str_add(&dict, err, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);

    for (int i = 0; i < rank && code == SK_OK; i++)
        code = sk_str_add(&dict, err, "%lld,%s", (long long)dim[i], i + 1 < rank ? " " : "");
    if (code != SK_OK || (code = sk_str_add(&dict, err, "), }")) != SK_OK)
        goto out;
    size_t pad = NPY_ALIGN - (PREFIX + dict.len + 1) % NPY_ALIGN, len = dict.len + pad + 1;
    const unsigned char prefix[PREFIX - NPY_MAGIC] = {1, 0, (unsigned char)(len & 0xff), (unsigned char)(len >> 8)};
    if ((code = sk_str_add_bytes(out, magic, sizeof(magic), err)) == SK_OK &&
        (code = sk_str_add_bytes(out, prefix, sizeof(prefix), err)) == SK_OK)
        code = sk_str_add(out, err, "%s%*s\n", dict.text, (int)pad, "");
out:
    sk_str_release(&dict);
    return code;
}

enum sk_code sk_npy_write(const char *path, enum sk_elem elem, int rank, const int64_t *dim, const void *data,
                          struct sk_err *err)
{
    const char *descr = descr_of(elem);
    struct sk_str header = {0};
    size_t bytes;

    if (descr == NULL)
        return sk_fail(err, SK_UNSUPPORTED, "cannot write '%s': npy has no element type %s", path, sk_elem_name(elem));
    if (!sk_elem_bytes(elem, rank, dim, &bytes))
        return sk_fail(err, SK_BUG, "cannot write '%s': the size of the array overflows", path);
    enum sk_code code = make_header(&header, descr, rank, dim, err);
    if (code == SK_OK) {
        const struct sk_part part[] = {{header.text, header.len}, {data, bytes}};
        code = sk_write_parts(path, part, SK_COUNT(part), err);
    }
    sk_str_release(&header);
    return code;
}

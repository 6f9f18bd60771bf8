/* safetensors: writing a file. */
#include "format/format.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "format/write.h"

enum { ALIGN = 8, SHOWN = 128 };

static enum sk_code no_memory(struct sk_err *err)
{
    return sk_fail(err, SK_NOMEM, "not enough memory for a safetensors header");
}

/* Adds value (a new reference, NULL when it could not be made) under key. */
static enum sk_code put(json_t *object, const char *key, json_t *value, struct sk_err *err)
{
    char shown[SHOWN];

    sk_printable(shown, sizeof(shown), key);
    if (json_object_get(object, key) != NULL) {
        json_decref(value);
        return sk_fail(err, SK_BUG, "'%s' is written twice", shown);
    }
    if (value == NULL)
        return no_memory(err);
    json_t *probe = json_string(key); /* refuses what is no UTF-8 */
    json_decref(probe);
    if (probe == NULL) {
        json_decref(value);
        return sk_fail(err, SK_INPUT, "the name '%s' is not UTF-8", shown);
    }
    return json_object_set_new(object, key, value) == 0 ? SK_OK : no_memory(err);
}

static enum sk_code put_meta(json_t *root, const struct sk_st_meta *meta, size_t count, struct sk_err *err)
{
    json_t *object = json_object();
    enum sk_code code = put(root, "__metadata__", object, err);

    for (size_t i = 0; i < count && code == SK_OK; i++) {
        json_t *value = json_string(meta[i].value);
        if (value == NULL)
            return sk_fail(err, SK_INPUT, "the value of '%s' is not UTF-8", meta[i].key);
        code = put(object, meta[i].key, value, err);
    }
    return code;
}

static enum sk_code put_tensor(json_t *root, const struct sk_st_tensor *t, size_t offset, struct sk_err *err)
{
    json_t *shape = json_array();
    size_t expected;

    if (!sk_elem_bytes(t->elem, t->rank, t->dim, &expected) || expected != t->bytes) {
        json_decref(shape);
        return sk_fail(err, SK_BUG, "tensor '%s' has %zu bytes, which is not what its shape and type give", t->name,
                       t->bytes);
    }
    for (int i = 0; i < t->rank; i++)
        if (json_array_append_new(shape, json_integer(t->dim[i])) != 0) {
            json_decref(shape);
            return no_memory(err);
        }
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", sk_elem_name(t->elem), "shape", shape, "data_offsets",
                              (json_int_t)offset, (json_int_t)(offset + t->bytes));
    return put(root, t->name, entry, err);
}

/* Length of the header, header, spaces up to the alignment. */
static enum sk_code add_header(struct sk_str *out, const json_t *root, struct sk_err *err)
{
    char *text = json_dumps(root, JSON_COMPACT);
    enum sk_code code;

    if (text == NULL)
        return no_memory(err);
    size_t len = strlen(text), pad = (ALIGN - len % ALIGN) % ALIGN;
    uint64_t size = len + pad;
    if ((code = sk_str_add_bytes(out, &size, sizeof(size), err)) == SK_OK &&
        (code = sk_str_add_bytes(out, text, len, err)) == SK_OK)
        code = sk_str_add(out, err, "%*s", (int)pad, "");
    free(text);
    return code;
}

static enum sk_code make_header(struct sk_str *out, const struct sk_st_tensor *tensor, size_t count,
                                const struct sk_st_meta *meta, size_t meta_count, struct sk_err *err)
{
    json_t *root = json_object();
    enum sk_code code = root != NULL ? SK_OK : no_memory(err);
    size_t offset = 0;

    if (code == SK_OK && meta_count > 0)
        code = put_meta(root, meta, meta_count, err);
    for (size_t i = 0; i < count && code == SK_OK; i++) {
        code = put_tensor(root, &tensor[i], offset, err);
        offset += tensor[i].bytes;
    }
    if (code == SK_OK)
        code = add_header(out, root, err);
    json_decref(root);
    return code;
}

enum sk_code sk_st_write(const char *path, const struct sk_st_tensor *tensor, size_t count,
                         const struct sk_st_meta *meta, size_t meta_count, struct sk_err *err)
{
    struct sk_part *part = sk_alloc(count + 1, sizeof(*part), err);
    struct sk_str header = {0};
    enum sk_code code = SK_NOMEM;

    if (part == NULL)
        goto out;
    if ((code = make_header(&header, tensor, count, meta, meta_count, err)) != SK_OK) {
        sk_err_prefix(err, "cannot write '%s'", path);
        goto out;
    }
    part[0] = (struct sk_part){header.text, header.len};
    for (size_t i = 0; i < count; i++)
        part[i + 1] = (struct sk_part){tensor[i].data, tensor[i].bytes};
    code = sk_write_parts(path, part, count + 1, err);
out:
    sk_free(part);
    sk_str_release(&header);
    return code;
}

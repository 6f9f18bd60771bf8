/* Pickles: the few functions and classes of NumPy that an array in a pickle names, interpreted. */
#include "data/pickle.h"

#include <string.h>

enum global { RECONSTRUCT, FROMBUFFER, NDARRAY, DTYPE, ENCODE, BYTES };

static const struct {
    const char *name;
    enum global global;
} globals[] = {
    {"numpy.core.multiarray _reconstruct", RECONSTRUCT},
    {"numpy._core.multiarray _reconstruct", RECONSTRUCT},
    {"numpy.core.numeric _frombuffer", FROMBUFFER},
    {"numpy._core.numeric _frombuffer", FROMBUFFER},
    {"numpy ndarray", NDARRAY},
    {"numpy dtype", DTYPE},
    {"_codecs encode", ENCODE}, /* bytes as Python 3 writes them in protocol 2 */
    {"__builtin__ bytes", BYTES},
};

enum sk_code sk_pickle_global(struct sk_pickle *p, const char *name, struct sk_pickle_value **out)
{
    for (size_t i = 0; i < SK_COUNT(globals); i++) {
        if (strcmp(name, globals[i].name) != 0)
            continue;
        if (!(*out = sk_pickle_new(p, SK_PICKLE_GLOBAL)))
            return SK_NOMEM;
        (*out)->number = globals[i].global;
        return SK_OK;
    }
    return sk_pickle_bad(p, "names '%s', only numpy arrays are read", name);
}

static bool is_global(const struct sk_pickle_value *v, enum global global)
{
    return v->kind == SK_PICKLE_GLOBAL && v->number == (int64_t)global;
}

static bool is_text(const struct sk_pickle_value *v, const char *text)
{
    return (v->kind == SK_PICKLE_TEXT || v->kind == SK_PICKLE_BYTES) && v->len == strlen(text) &&
           memcmp(v->data, text, v->len) == 0;
}

/* numpy.dtype('u1', ...): the one type that is read. */
static enum sk_code call_dtype(struct sk_pickle *p, const struct sk_pickle_value *args, struct sk_pickle_value **out)
{
    if (args->count < 1 || (args->item[0]->kind != SK_PICKLE_TEXT && args->item[0]->kind != SK_PICKLE_BYTES))
        return sk_pickle_bad(p, "makes a dtype without a name");
    const struct sk_pickle_value *name = args->item[0];
    if (!is_text(name, "u1") && !is_text(name, "|u1"))
        return sk_pickle_bad(p, "makes an array of '%.*s', expected 'u1' (uint8)", name->len < 16 ? (int)name->len : 16,
                             (const char *)name->data);
    *out = sk_pickle_new(p, SK_PICKLE_DTYPE);
    return *out ? SK_OK : SK_NOMEM;
}

/* _codecs.encode(text, 'latin1'): the text's code points are the bytes. */
static enum sk_code call_encode(struct sk_pickle *p, const struct sk_pickle_value *args, struct sk_pickle_value **out)
{
    if (args->count != 2 || args->item[0]->kind != SK_PICKLE_TEXT || !is_text(args->item[1], "latin1"))
        return sk_pickle_bad(p, "encodes something else than text as latin1");
    const struct sk_pickle_value *text = args->item[0];
    p->decoded += text->len;
    if (p->decoded > (size_t)(p->end - p->begin))
        return sk_pickle_bad(p, "decodes more text than the pickle holds");
    struct sk_pickle_value *v = *out = sk_pickle_new(p, SK_PICKLE_BYTES);
    if (!v || !(v->owned = sk_alloc(text->len, 1, p->err)))
        return SK_NOMEM;
    uint8_t *byte = v->owned;
    for (size_t i = 0; i < text->len; i++) {
        unsigned c = text->data[i];
        if (c >= 0x80) {
            unsigned next = i + 1 < text->len ? text->data[i + 1] : 0;
            if ((c != 0xc2 && c != 0xc3) || (next & 0xc0) != 0x80)
                return sk_pickle_bad(p, "encodes a letter that is not of latin1");
            c = (c & 3) << 6 | (next & 0x3f);
            i++;
        }
        *byte++ = (uint8_t)c;
    }
    v->data = v->owned;
    v->len = (size_t)(byte - v->data);
    return SK_OK;
}

/* Shape and bytes of an array; the bytes must be as many as the shape says. */
static enum sk_code fill(struct sk_pickle *p, struct sk_pickle_value *array, const struct sk_pickle_value *shape,
                         const struct sk_pickle_value *dtype, const struct sk_pickle_value *bytes)
{
    size_t size = 1;
    if (dtype->kind != SK_PICKLE_DTYPE || shape->kind != SK_PICKLE_TUPLE || bytes->kind != SK_PICKLE_BYTES)
        return sk_pickle_bad(p, "fills an array with something else than shape, dtype and bytes");
    if (shape->count > SK_PICKLE_MAX_RANK)
        return sk_pickle_bad(p, "fills an array of %zu dimensions, expected at most %d", shape->count,
                             SK_PICKLE_MAX_RANK);
    for (size_t i = 0; i < shape->count; i++) {
        const struct sk_pickle_value *n = shape->item[i];
        if (n->kind != SK_PICKLE_INT || n->number < 0 || !sk_mul_size(size, (size_t)n->number, &size))
            return sk_pickle_bad(p, "fills an array whose shape is wrong");
        array->dim[i] = n->number;
    }
    if (size != bytes->len)
        return sk_pickle_bad(p, "fills an array of %zu bytes with %zu", size, bytes->len);
    array->rank = (int)shape->count;
    array->data = bytes->data;
    array->len = bytes->len;
    return SK_OK;
}

static enum sk_code call_frombuffer(struct sk_pickle *p, const struct sk_pickle_value *args,
                                    struct sk_pickle_value **out)
{
    if (args->count != 4 || !is_text(args->item[3], "C"))
        return sk_pickle_bad(p, "makes an array that is not in C order");
    if (!(*out = sk_pickle_new(p, SK_PICKLE_ARRAY)))
        return SK_NOMEM;
    return fill(p, *out, args->item[2], args->item[1], args->item[0]);
}

/* The array is made empty; its state comes later. */
static enum sk_code call_reconstruct(struct sk_pickle *p, const struct sk_pickle_value *args,
                                     struct sk_pickle_value **out)
{
    if (args->count != 3 || !is_global(args->item[0], NDARRAY))
        return sk_pickle_bad(p, "makes something else than an array");
    if (!(*out = sk_pickle_new(p, SK_PICKLE_ARRAY)))
        return SK_NOMEM;
    (*out)->rank = -1;
    return SK_OK;
}

static enum sk_code call_bytes(struct sk_pickle *p, const struct sk_pickle_value *args, struct sk_pickle_value **out)
{
    if (args->count != 0)
        return sk_pickle_bad(p, "makes bytes from a value");
    *out = sk_pickle_new(p, SK_PICKLE_BYTES);
    return *out ? SK_OK : SK_NOMEM;
}

enum sk_code sk_pickle_call(struct sk_pickle *p, const struct sk_pickle_value *function,
                            const struct sk_pickle_value *args, struct sk_pickle_value **out)
{
    *out = NULL;
    if (function->kind == SK_PICKLE_GLOBAL && args->kind == SK_PICKLE_TUPLE)
        switch ((enum global)function->number) {
        case RECONSTRUCT:
            return call_reconstruct(p, args, out);
        case FROMBUFFER:
            return call_frombuffer(p, args, out);
        case DTYPE:
            return call_dtype(p, args, out);
        case ENCODE:
            return call_encode(p, args, out);
        case BYTES:
            return call_bytes(p, args, out);
        case NDARRAY:
            break;
        }
    return sk_pickle_bad(p, "calls something that is no function");
}

enum sk_code sk_pickle_set_state(struct sk_pickle *p, struct sk_pickle_value *object,
                                 const struct sk_pickle_value *state)
{
    if (state->kind == SK_PICKLE_TUPLE && object->kind == SK_PICKLE_DTYPE)
        return SK_OK; /* byte order and alignment: nothing that matters to single bytes */
    if (state->kind != SK_PICKLE_TUPLE || object->kind != SK_PICKLE_ARRAY || object->rank >= 0)
        return sk_pickle_bad(p, "sets the state of something that is no new array");
    if (state->count != 5 || state->item[3]->kind != SK_PICKLE_BOOL)
        return sk_pickle_bad(p, "sets a state that is none of an array");
    if (state->item[3]->number != 0)
        return sk_pickle_bad(p, "fills an array in Fortran order, expected C order");
    return fill(p, object, state->item[1], state->item[2], state->item[4]);
}

/* Element types of tensors and arrays: sizes, names, conversion to float32 and to integers. */
#include "format/format.h"

#include <assert.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are read in place: little-endian machines only");

enum kind { KIND_FLOAT, KIND_SIGNED, KIND_UNSIGNED, KIND_BOOL };

static const struct {
    const char *name;
    size_t size;
    enum kind kind;
} elems[SK_ELEM_COUNT] = {
    [SK_ELEM_F32] = {"F32", 4, KIND_FLOAT},    [SK_ELEM_F64] = {"F64", 8, KIND_FLOAT},
    [SK_ELEM_F16] = {"F16", 2, KIND_FLOAT},    [SK_ELEM_BF16] = {"BF16", 2, KIND_FLOAT},
    [SK_ELEM_I64] = {"I64", 8, KIND_SIGNED},   [SK_ELEM_I32] = {"I32", 4, KIND_SIGNED},
    [SK_ELEM_I16] = {"I16", 2, KIND_SIGNED},   [SK_ELEM_I8] = {"I8", 1, KIND_SIGNED},
    [SK_ELEM_U8] = {"U8", 1, KIND_UNSIGNED},   [SK_ELEM_BOOL] = {"BOOL", 1, KIND_BOOL},
    [SK_ELEM_U16] = {"U16", 2, KIND_UNSIGNED}, [SK_ELEM_U32] = {"U32", 4, KIND_UNSIGNED},
    [SK_ELEM_U64] = {"U64", 8, KIND_UNSIGNED},
};

size_t sk_elem_size(enum sk_elem e)
{
    assert((unsigned)e < SK_ELEM_COUNT);
    return elems[e].size;
}

const char *sk_elem_name(enum sk_elem e)
{
    assert((unsigned)e < SK_ELEM_COUNT);
    return elems[e].name;
}

bool sk_elem_parse(const char *name, enum sk_elem *e)
{
    for (int i = 0; i < SK_ELEM_COUNT; i++) {
        if (strcmp(name, elems[i].name) == 0) {
            *e = (enum sk_elem)i;
            return true;
        }
    }
    return false;
}

bool sk_elem_is_float(enum sk_elem e)
{
    return elems[e].kind == KIND_FLOAT;
}

bool sk_elem_is_integer(enum sk_elem e)
{
    return elems[e].kind == KIND_SIGNED || elems[e].kind == KIND_UNSIGNED;
}

bool sk_elem_bytes(enum sk_elem e, int rank, const int64_t *dim, size_t *bytes)
{
    if (rank < 0 || rank > SK_MAX_RANK)
        return false;
    *bytes = elems[e].size;
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0 || !sk_mul_size(*bytes, (size_t)dim[i], bytes))
            return false;
    }
    return true;
}

float sk_bf16_to_f32(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float f;
    memcpy(&f, &wide, sizeof(f));
    return f;
}

float sk_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = (bits >> 10) & 0x1fu, fraction = bits & 0x3ffu;
    uint32_t wide;
    float f;

    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 is exact in float32 */
        f = (float)fraction * 0x1p-24f;
        return sign != 0 ? -f : f;
    }
    exponent = exponent == 0x1f ? 0xff : exponent + 127 - 15;
    wide = sign | exponent << 23 | fraction << 13;
    memcpy(&f, &wide, sizeof(f));
    return f;
}

static void halves_to_f32(float (*convert)(uint16_t), const unsigned char *src, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, src + 2 * i, sizeof(bits));
        out[i] = convert(bits);
    }
}

static void doubles_to_f32(const unsigned char *src, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double d;
        memcpy(&d, src + 8 * i, sizeof(d));
        out[i] = (float)d;
    }
}

bool sk_elem_to_f32(enum sk_elem e, const void *data, float *out, size_t n)
{
    if (!sk_elem_is_float(e))
        return false;
    if (e == SK_ELEM_F64) {
        doubles_to_f32(data, out, n);
    } else if (e == SK_ELEM_F16) {
        halves_to_f32(sk_f16_to_f32, data, out, n);
    } else if (e == SK_ELEM_BF16) {
        halves_to_f32(sk_bf16_to_f32, data, out, n);
    } else if (n > 0) {
        memcpy(out, data, n * sizeof(*out));
    }
    return true;
}

int64_t sk_elem_integer(enum sk_elem e, const void *data, size_t index)
{
    assert(sk_elem_is_integer(e));
    unsigned size = (unsigned)elems[e].size, unused = 64 - 8 * size;
    uint64_t bits = 0;

    memcpy(&bits, (const unsigned char *)data + index * size, size);
    if (elems[e].kind == KIND_SIGNED)
        return (int64_t)(bits << unused) >> unused; /* sign extension */
    return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
}

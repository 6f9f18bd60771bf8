/* MAT-files for tests, by the format's description. */
#include "data/mat_make.h"

#include <stdio.h>
#include <zlib.h>

#include "test.h"

enum { INT8 = 1, UINT8, UINT16 = 4, INT32, UINT32, MATRIX = 14, COMPRESSED, CELL = 1, CHAR = 4, KIND_UINT8 = 9 };

static void add(struct sk_str *s, const void *data, size_t len)
{
    struct sk_err err = {0};
    assert_ok(sk_str_add_bytes(s, data, len, &err), err);
}

static void put(uint8_t *at, uint32_t n, int bytes, bool big)
{
    for (int i = 0; i < bytes; i++, n >>= 8)
        at[big ? bytes - 1 - i : i] = (uint8_t)n;
}

void mat_element(struct sk_str *s, bool big, unsigned type, const void *data, size_t len)
{
    static const char zeros[8] = {0};
    uint8_t tag[8] = {0};
    bool small = len > 0 && len <= 4;
    put(tag, small ? (uint32_t)len << 16 | type : type, 4, big);
    if (small) {
        memcpy(tag + 4, data, len);
        add(s, tag, sizeof(tag));
        return;
    }
    put(tag + 4, (uint32_t)len, 4, big);
    add(s, tag, sizeof(tag));
    if (len > 0)
        add(s, data, len);
    if (type != COMPRESSED && len % 8 > 0)
        add(s, zeros, 8 - len % 8);
}

void mat_head(struct sk_str *s, bool big, unsigned flags, const int32_t *dim, int rank, const char *name)
{
    uint8_t bytes[64] = {0};
    put(bytes, flags, 4, big);
    mat_element(s, big, UINT32, bytes, 8);
    for (int i = 0; i < rank; i++)
        put(bytes + 4 * i, (uint32_t)dim[i], 4, big);
    mat_element(s, big, INT32, bytes, 4 * (size_t)rank);
    mat_element(s, big, INT8, name, strlen(name));
}

static void add_header(struct mat_file *f)
{
    char header[128];
    memset(header, ' ', sizeof(header));
    memcpy(header, "MATLAB 5.0 MAT-file", 19);
    memset(header + 116, 0, 8);
    put((uint8_t *)header + 124, 0x0100, 2, f->big);
    memcpy(header + 126, f->big ? "MI" : "IM", 2);
    add(&f->bytes, header, sizeof(header));
}

void mat_add(struct mat_file *f, const struct sk_str *array)
{
    struct sk_str element = {0};
    if (f->bytes.len == 0)
        add_header(f);
    mat_element(&element, f->big, MATRIX, array->text, array->len);
    if (f->packed) {
        uLongf len = compressBound(element.len);
        uint8_t *packed = malloc(len);
        assert_int_equal(compress(packed, &len, (const uint8_t *)element.text, element.len), Z_OK);
        mat_element(&f->bytes, f->big, COMPRESSED, packed, len);
        free(packed);
    } else {
        add(&f->bytes, element.text, element.len);
    }
    sk_str_release(&element);
}

void mat_add_bytes(struct mat_file *f, const char *name, const uint8_t *data, int rows, int columns)
{
    struct sk_str array = {0};
    mat_head(&array, f->big, KIND_UINT8, (const int32_t[]){rows, columns}, 2, name);
    mat_element(&array, f->big, UINT8, data, (size_t)rows * (size_t)columns);
    mat_add(f, &array);
    sk_str_release(&array);
}

static void add_text(struct sk_str *s, bool big, const char *text)
{
    struct sk_str cell = {0};
    uint8_t wide[512];
    const int len = (int)strlen(text);
    for (int i = 0; i < len; i++)
        put(wide + 2 * i, (uint8_t)text[i], 2, big);
    mat_head(&cell, big, CHAR, (const int32_t[]){1, len}, 2, "");
    mat_element(&cell, big, UINT16, wide, 2 * (size_t)len);
    mat_element(s, big, MATRIX, cell.text, cell.len);
    sk_str_release(&cell);
}

void mat_add_texts(struct mat_file *f, const char *name, const char *const *text, int count)
{
    struct sk_str array = {0};
    mat_head(&array, f->big, CELL, (const int32_t[]){count, 1}, 2, name);
    for (int i = 0; i < count; i++)
        add_text(&array, f->big, text[i]);
    mat_add(f, &array);
    sk_str_release(&array);
}

void mat_write(struct mat_file *f, const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(f->bytes.text, 1, f->bytes.len, file), f->bytes.len);
    assert_int_equal(fclose(file), 0);
    sk_str_release(&f->bytes);
}

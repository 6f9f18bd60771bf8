/* Fuzzer: finding arrays in a MAT-file, whose values and cells are all looked at, and the file as a CIFAR batch and as
 * a list of class names. The first byte: 0 the rest is the file, else the content of a compressed array of a file. */
#include <string.h>
#include <zlib.h>

#include "data/cifar.h"
#include "data/mat.h"
#include "fuzz.h"

enum { HEADER = 128 };

static void look(const struct sk_mat *m)
{
    volatile unsigned sink = 0;
    char text[16];
    int64_t n;
    if (m->kind >= SK_MAT_DOUBLE && m->kind <= SK_MAT_UINT64)
        for (size_t i = 0; i < m->count; i++)
            sink = sink + (unsigned)sk_mat_integer(m, i, &n);
    for (size_t i = 0; i < m->len; i++)
        sink = sink + m->data[i];
    if (m->kind == SK_MAT_CHAR && sk_mat_text(m, text, sizeof(text)) > 4 * m->len)
        abort();
}

static void find(const uint8_t *data, size_t size, const char *name)
{
    struct sk_mat m, cell;
    struct sk_err err = {0};
    if (sk_mat_find(&m, data, size, "fuzz", name, &err) != SK_OK) {
        if (err.text[0] == '\0' || m.owned)
            abort(); /* every refusal says why, and keeps nothing */
        return;
    }
    look(&m);
    for (size_t i = 0; m.kind == SK_MAT_CELL && i < m.count && sk_mat_next(&m, &cell, NULL) == SK_OK; i++)
        look(&cell);
    sk_mat_release(&m);
}

static void read_set(const struct sk_cifar_kind *kind, const uint8_t *data, size_t size)
{
    struct sk_cifar c = {.kind = kind, .layout = SK_CIFAR_MATLAB};
    struct sk_cifar_batch b = {.content = (void *)(uintptr_t)data, .len = size};
    volatile uint8_t sink;
    if (sk_cifar_read_batch(&c, &b, "fuzz", NULL) == SK_OK)
        sink = b.pixels[(size_t)b.count * b.stride - 1];
    (void)sink;
    for (int64_t i = 0; i < c.count; i++)
        if (c.label[i] >= kind->classes)
            abort();
    sk_free(b.owned);
    sk_free(c.label);
    c.label = NULL;
    if (sk_cifar_read_meta(&c, data, size, "fuzz", NULL) == SK_OK)
        for (int i = 0; i < kind->classes; i++)
            if (!sk_is_utf8(c.name[i]))
                abort();
}

static void read_file(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"data", "labels", "label_names", "n", "o", "p", "k"};
    for (size_t i = 0; i < SK_COUNT(names); i++)
        find(data, size, names[i]);
    read_set(&sk_cifar10, data, size);
    read_set(&sk_cifar100_fine, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 0) {
        read_file(data + 1, size - 1);
        return 0;
    }
    uLongf packed = compressBound(size - 1);
    uint8_t *file = calloc(1, HEADER + 8 + packed);
    if (!file || compress2(file + HEADER + 8, &packed, data + 1, size - 1, 1) != Z_OK)
        abort();
    memcpy(file + 124, "\0\1IM\17", 5);
    memcpy(file + HEADER + 4, &(uint32_t){(uint32_t)packed}, 4);
    read_file(file, HEADER + 8 + packed);
    free(file);
    return 0;
}

/* Fuzzer: binary CIFAR batches, from memory and from a file, their list of class names, and archives of them. The first
 * byte chooses the kind of labels, the rest is the file. */
#include "data/archive.h"
#include "data/cifar.h"
#include "fuzz.h"

static const struct sk_cifar_kind *const kinds[] = {&sk_cifar10, &sk_cifar100_fine, &sk_cifar100_coarse};

/* Every label that was taken is one of a class, and every picture can be read. */
static void look(const struct sk_cifar *c, const struct sk_cifar_batch *b)
{
    uint8_t buffer[SK_CIFAR_HEAD_MAX + SK_CIFAR_PIXELS];
    const uint8_t *pixels;
    volatile unsigned sink = 0;
    for (int64_t i = 0; i < b->count; i++) {
        if (c->label[i] >= c->kind->classes || sk_cifar_pixels(b, i, buffer, &pixels, NULL) != SK_OK)
            abort();
        sink = sink + pixels[0] + pixels[SK_CIFAR_PIXELS - 1];
    }
}

static void read_batch(const struct sk_cifar_kind *kind, struct sk_cifar_batch *b)
{
    struct sk_cifar c = {.kind = kind, .layout = SK_CIFAR_BINARY};
    struct sk_err err = {0};
    if (sk_cifar_read_batch(&c, b, "fuzz", &err) == SK_OK)
        look(&c, b);
    else if (err.text[0] == '\0')
        abort(); /* every refusal says why */
    sk_free(c.label);
}

static void read_names(const struct sk_cifar_kind *kind, const uint8_t *data, size_t size)
{
    struct sk_cifar c = {.kind = kind, .layout = SK_CIFAR_BINARY};
    struct sk_err err = {0};
    if (sk_cifar_read_meta(&c, data, size, "fuzz", &err) == SK_OK)
        for (int i = 0; i < kind->classes; i++)
            if (!sk_is_utf8(c.name[i]))
                abort();
}

static void read_archive(const char *path)
{
    enum { MEMBERS = 64 };
    struct sk_archive *a;
    struct sk_err err = {0};
    const char *name;
    if (sk_archive_open(&a, path, &err) != SK_OK)
        return;
    for (int i = 0; i < MEMBERS && sk_archive_next(a, &name, &err) == SK_OK && name; i++) {
        void *content = NULL;
        size_t len;
        enum sk_code code = sk_archive_read(a, &content, &len, &err);
        sk_free(content);
        if (code != SK_OK)
            break;
    }
    sk_archive_close(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct sk_cifar_kind *kind = kinds[data[0] % SK_COUNT(kinds)];
    const char *path = fuzz_file(data + 1, size - 1);
    struct sk_cifar_batch in_memory = {.content = (void *)(uintptr_t)(data + 1), .len = size - 1};
    struct sk_cifar_batch in_file = {0};
    read_batch(kind, &in_memory);
    if (sk_file_open(&in_file.file, path, NULL) == SK_OK) {
        in_file.len = (size_t)in_file.file.size;
        read_batch(kind, &in_file);
        sk_file_close(&in_file.file);
    }
    read_names(kind, data + 1, size - 1);
    read_archive(path);
    return 0;
}

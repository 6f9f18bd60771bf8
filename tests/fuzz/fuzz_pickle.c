/* Fuzzer: reading a pickle, alone and as a CIFAR-10 batch; every value is looked at once. */
#include "data/cifar.h"
#include "data/pickle.h"
#include "fuzz.h"

enum { MAX_DEPTH = 8 }; /* a value may hold itself */

static unsigned look(const struct sk_pickle_value *v, int depth)
{
    unsigned sum = (unsigned)v->kind;
    for (size_t i = 0; i < v->len; i++)
        sum += v->data[i];
    for (size_t i = 0; i < v->count && i < 16 && depth < MAX_DEPTH; i++)
        sum += look(v->item[i], depth + 1);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_pickle p;
    struct sk_err err = {0};
    struct sk_cifar c = {.kind = &sk_cifar10, .layout = SK_CIFAR_PICKLED};
    struct sk_cifar_batch b = {.content = (void *)(uintptr_t)data, .len = size};
    volatile unsigned sink;

    if (sk_pickle_read(&p, data, size, "fuzz", &err) == SK_OK) {
        sink = look(p.root, 0);
        (void)sk_pickle_get(p.root, "data");
        sk_pickle_release(&p);
    }
    if (sk_cifar_read_batch(&c, &b, "fuzz", &err) == SK_OK)
        sink = b.pixels[(size_t)b.count * b.stride - 1];
    (void)sink;
    sk_free(b.owned);
    sk_free(c.label);
    c.label = NULL;
    if (sk_cifar_read_meta(&c, data, size, "fuzz", &err) == SK_OK && c.name[9][0] == 0x7f)
        abort(); /* names are printable */
    return 0;
}

/* Fuzzer: a list of classes, and labels that are looked for in it; the two are parted by the first NUL. */
#include <string.h>

#include "data/labels.h"
#include "fuzz.h"

static void add_labels(struct sk_label_set *set, const char *text, size_t len)
{
    int number, again;
    while (len > 0) {
        const char *stop = memchr(text, '\n', len);
        size_t n = stop ? (size_t)(stop - text) : len;
        if (sk_label_set_add(set, text, n, &number, NULL) == SK_OK &&
            (sk_label_set_add(set, text, n, &again, NULL) != SK_OK || again != number ||
             sk_label_set_find(set, sk_label_set_text(set, number)) != number))
            abort();
        text += n + (stop != NULL);
        len -= n + (stop != NULL);
    }
}

static void check_classes(const struct sk_label_set *set, const struct sk_class_list *list)
{
    struct sk_classes classes;
    struct sk_err err = {0};
    if (sk_classes_make(&classes, set, list, "fuzz", &err) != SK_OK)
        return;
    for (size_t i = 0; i < set->count; i++)
        if (classes.of[i] < 0 || classes.of[i] >= classes.count || !classes.name[classes.of[i]])
            abort();
    sk_classes_release(&classes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = memchr(data, '\0', size);
    size_t first = nul ? (size_t)(nul - data) : size;
    struct sk_class_list list = {0};
    struct sk_label_set labels = {0};
    struct sk_err err = {0};
    bool read = sk_class_list_parse(&list, (const char *)data, first, "fuzz", &err) == SK_OK;
    if (nul)
        add_labels(&labels, (const char *)nul + 1, size - first - 1);
    check_classes(&labels, NULL);
    if (read)
        check_classes(&labels, &list);
    sk_class_list_release(&list);
    sk_label_set_release(&labels);
    return 0;
}

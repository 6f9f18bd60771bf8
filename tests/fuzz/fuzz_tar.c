/* Fuzzer: a shard's headers and labels; every sample found must lie within the file, and can be read. */
#include "data/data.h"
#include "data/tar_index.h"
#include "fuzz.h"

static void look(const struct sk_tar_index *x, const struct sk_shard *shard, int labels)
{
    const struct sk_bytes from = sk_shard_bytes(shard);
    struct sk_err err = {0};
    char byte;
    for (size_t i = 0; i < x->count; i++) {
        const struct sk_tar_sample *s = &x->sample[i];
        if (s->offset > from.size || s->bytes > from.size - s->offset || s->label < 0 || s->label >= labels ||
            s->key >= x->keys.len)
            abort();
        if (s->bytes > 0 && from.read_at(from.self, s->offset + s->bytes - 1, &byte, 1, &err) != SK_OK)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_shards shards = {0};
    struct sk_tar_index index = {0};
    struct sk_label_set labels = {0};
    struct sk_classes classes = {0};
    struct sk_err err = {0};
    if (sk_shards_add(&shards, fuzz_file(data, size), &err) == SK_OK) {
        enum sk_code code = sk_tar_index_add(&index, &labels, shards.item, 0, &err);
        look(&index, shards.item, (int)labels.count);
        if (code == SK_OK && sk_classes_make(&classes, &labels, NULL, "fuzz", &err) == SK_OK)
            for (size_t i = 0; i < labels.count; i++)
                if (classes.of[i] < 0 || classes.of[i] >= classes.count)
                    abort();
    }
    sk_classes_release(&classes);
    sk_label_set_release(&labels);
    sk_tar_index_release(&index);
    sk_shards_release(&shards);
    return 0;
}

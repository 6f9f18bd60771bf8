/* CIFAR-10 as a data source: its pictures, stored as three planes, are served as rows of pixels. */
#include "data/internal.h"

#include <string.h>

#include "data/cifar10.h"

static bool cifar_probe(const struct sk_recipe_data *data)
{
    return sk_cifar_probe(data->path);
}

/* The same for every layout: class names, labels and pixels. */
static uint64_t fingerprint(const struct sk_cifar *c)
{
    uint64_t hash = c->hash;
    for (int i = 0; i < SK_CIFAR_CLASSES; i++)
        hash = sk_hash_bytes(hash, c->name[i], strlen(c->name[i]) + 1);
    return sk_hash_bytes(hash, c->label, (size_t)c->count);
}

static void cifar_close(void *self)
{
    sk_cifar_release(self);
    sk_free(self);
}

static enum sk_code cifar_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                               int64_t seed, enum sk_split split, struct sk_err *err)
{
    struct sk_cifar_place place;
    enum sk_code code = sk_cifar_find(&place, data->path, err);

    (void)seed; /* the splits are published */
    if (code != SK_OK)
        return code;
    struct sk_cifar *c = sk_alloc(1, sizeof(*c), err);
    if (!c)
        return SK_NOMEM;
    if ((code = sk_cifar_load(c, &place, split, err)) != SK_OK) {
        cifar_close(c);
        return code;
    }
    *self = c;
    *info = (struct sk_dataset_info){
        .count = c->count,
        .classes = SK_CIFAR_CLASSES,
        .class_name = c->class_name,
        .pixel = SK_PIXEL_U8,
        .channels = 3,
        .height = SK_CIFAR_SIDE,
        .width = SK_CIFAR_SIDE,
        .fingerprint = fingerprint(c),
    };
    return SK_OK;
}

static int cifar_label(const void *self, int64_t index)
{
    const struct sk_cifar *c = self;
    return c->label[index];
}

static const struct sk_cifar_batch *batch_of(const struct sk_cifar *c, int64_t index)
{
    const struct sk_cifar_batch *b = c->batch;
    while (index >= b->first + b->count)
        b++;
    return b;
}

static enum sk_code cifar_read(const void *self, int64_t index, struct sk_picture *p, struct sk_err *err)
{
    const struct sk_cifar_batch *b = batch_of(self, index);
    uint8_t buffer[SK_CIFAR_RECORD];
    const uint8_t *plane;
    enum sk_code code = sk_picture_reserve(p, SK_CIFAR_SIDE, SK_CIFAR_SIDE, 3, SK_PIXEL_U8, err);

    if (code == SK_OK)
        code = sk_cifar_pixels(b, index - b->first, buffer, &plane, err);
    if (code != SK_OK)
        return code;
    uint8_t *pixel = p->data;
    for (int i = 0; i < SK_CIFAR_PLANE; i++, pixel += 3) {
        pixel[0] = plane[i];
        pixel[1] = plane[SK_CIFAR_PLANE + i];
        pixel[2] = plane[2 * SK_CIFAR_PLANE + i];
    }
    return SK_OK;
}

static void cifar_name(const void *self, int64_t index, char *out, size_t size)
{
    const struct sk_cifar_batch *b = batch_of(self, index);
    (void)snprintf(out, size, "%s record %lld", b->name, (long long)(index - b->first));
}

const struct sk_source_ops sk_source_cifar10 = {
    .source = SK_SOURCE_CIFAR10,
    .name = "cifar10",
    .help = "CIFAR-10 from its published batches or archives, binary or pickled",
    .probe = cifar_probe,
    .open = cifar_open,
    .close = cifar_close,
    .label = cifar_label,
    .read = cifar_read,
    .name_of = cifar_name,
};

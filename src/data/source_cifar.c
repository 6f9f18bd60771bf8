/* CIFAR-10 and CIFAR-100 as data sources: their pictures, stored as three planes, are served as rows of pixels. */
#include "data/internal.h"

#include <string.h>

#include "data/cifar.h"

static const struct sk_cifar_kind *cifar100(const struct sk_recipe_data *data)
{
    return data->cifar100_labels == SK_LABELS_COARSE ? &sk_cifar100_coarse : &sk_cifar100_fine;
}

static bool cifar10_probe(const struct sk_recipe_data *data)
{
    return sk_cifar_probe(&sk_cifar10, data->path);
}

static bool cifar100_probe(const struct sk_recipe_data *data)
{
    return sk_cifar_probe(cifar100(data), data->path);
}

/* The same for every layout: class names, labels and pixels. */
static uint64_t fingerprint(const struct sk_cifar *c)
{
    uint64_t hash = c->hash;
    for (int i = 0; i < c->kind->classes; i++)
        hash = sk_hash_bytes(hash, c->name[i], strlen(c->name[i]) + 1);
    return sk_hash_bytes(hash, c->label, (size_t)c->count);
}

static void cifar_close(void *self)
{
    sk_cifar_release(self);
    sk_free(self);
}

static enum sk_code open_kind(const struct sk_cifar_kind *kind, void **self, struct sk_dataset_info *info,
                              const struct sk_recipe_data *data, enum sk_split split, struct sk_err *err)
{
    struct sk_cifar_place place;
    enum sk_code code = sk_cifar_find(kind, &place, data->path, err);

    if (code != SK_OK)
        return code;
    struct sk_cifar *c = sk_alloc(1, sizeof(*c), err);
    if (!c)
        return SK_NOMEM;
    c->kind = kind;
    if ((code = sk_cifar_load(c, &place, split, err)) != SK_OK) {
        cifar_close(c);
        return code;
    }
    *self = c;
    *info = (struct sk_dataset_info){
        .count = c->count,
        .classes = kind->classes,
        .class_name = c->class_name,
        .pixel = SK_PIXEL_U8,
        .channels = 3,
        .height = SK_CIFAR_SIDE,
        .width = SK_CIFAR_SIDE,
        .fingerprint = fingerprint(c),
    };
    return SK_OK;
}

/* The splits are published: no seed is needed. */
static enum sk_code cifar10_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                                 int64_t seed, enum sk_split split, struct sk_err *err)
{
    (void)seed;
    return open_kind(&sk_cifar10, self, info, data, split, err);
}

static enum sk_code cifar100_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                                  int64_t seed, enum sk_split split, struct sk_err *err)
{
    (void)seed;
    return open_kind(cifar100(data), self, info, data, split, err);
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
    uint8_t buffer[SK_CIFAR_HEAD_MAX + SK_CIFAR_PIXELS];
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
    .help = "CIFAR-10 from its published batches or archives, binary, pickled or MATLAB's",
    .probe = cifar10_probe,
    .open = cifar10_open,
    .close = cifar_close,
    .label = cifar_label,
    .read = cifar_read,
    .name_of = cifar_name,
};

const struct sk_source_ops sk_source_cifar100 = {
    .source = SK_SOURCE_CIFAR100,
    .name = "cifar100",
    .help = "CIFAR-100 from its published batches or archives, binary, pickled or MATLAB's",
    .probe = cifar100_probe,
    .open = cifar100_open,
    .close = cifar_close,
    .label = cifar_label,
    .read = cifar_read,
    .name_of = cifar_name,
};

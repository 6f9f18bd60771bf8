/* The built-in data set: ten classes of pictures drawn by the program itself, on the fly. Sample i of a split is the
 * same for the same (data.shapes_seed, split, i, size), whatever is asked for before. Classes take turns, so any first
 * N are balanced. */
#include "data/internal.h"

#include <assert.h>

struct shapes {
    int size;
    uint32_t split;
    uint64_t seed;
};

static bool shapes_probe(const struct sk_recipe_data *data)
{
    (void)data;
    return false; /* nothing at a path stands for it: it is asked for by name */
}

static enum sk_code shapes_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                                int64_t seed, enum sk_split split, struct sk_err *err)
{
    (void)seed; /* the set is one for every training seed */
    int64_t count = split == SK_TRAIN ? data->train_size : data->val_size;
    assert(data->image_size >= SK_SHAPES_MIN_SIDE && data->image_size <= SK_SHAPES_MAX_SIDE);
    if (count < 1)
        return sk_fail(err, SK_INPUT, "the shapes have no %s split: data.%s_size is %lld",
                       split == SK_TRAIN ? "training" : "validation", split == SK_TRAIN ? "train" : "val",
                       (long long)count);
    struct shapes *s = sk_alloc(1, sizeof(*s), err);
    if (!s)
        return SK_NOMEM;
    *s = (struct shapes){.size = data->image_size, .split = (uint32_t)split, .seed = (uint64_t)data->shapes_seed};
    int64_t what[] = {(int64_t)s->seed, split, count, s->size};
    *info = (struct sk_dataset_info){
        .count = count, .classes = SK_SHAPES, .class_name = sk_shape_name, .pixel = SK_PIXEL_U8, .channels = 3,
        .height = s->size, .width = s->size, .fingerprint = sk_hash_bytes(SK_HASH_START, what, sizeof(what)),
    };
    *self = s;
    return SK_OK;
}

static int shapes_label(const void *self, int64_t index)
{
    (void)self;
    return (int)(index % SK_SHAPES);
}

static enum sk_code shapes_read(const void *self, int64_t index, struct sk_picture *p, struct sk_err *err)
{
    const struct shapes *s = self;
    enum sk_code code = sk_picture_reserve(p, s->size, s->size, 3, SK_PIXEL_U8, err);
    if (code != SK_OK)
        return code;
    struct sk_rng rng;
    sk_rng_init(&rng, s->seed, s->split, (uint64_t)index, SK_RNG_SHAPES);
    sk_shape_draw(p->data, s->size, shapes_label(self, index), &rng);
    return SK_OK;
}

static void shapes_name(const void *self, int64_t index, char *out, size_t size)
{
    const struct shapes *s = self;
    snprintf(out, size, "%s shape %lld", s->split == SK_TRAIN ? "training" : "validation", (long long)index);
}

const struct sk_source_ops sk_source_shapes = {
    .source = SK_SOURCE_SHAPES, .name = "shapes", .decodes = true, .help = "ten classes of pictures drawn by the program",
    .probe = shapes_probe, .open = shapes_open, .close = sk_free, .label = shapes_label, .read = shapes_read,
    .name_of = shapes_name,
};

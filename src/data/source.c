/* Data sets: the table of sources, which of them a folder is for, and the calls that go through the table. */
#include "data/data.h"

#include <assert.h>

#include "data/cache.h"

struct sk_dataset {
    const struct sk_source_ops *ops;
    void *self;
    struct sk_dataset_info info;
    struct sk_picture_cache *cache; /* NULL: decoded at each read */
};

/* In the order in which they are asked whether a path is theirs. */
static const struct sk_source_ops *const sources[] = {&sk_source_cifar10, &sk_source_npy, &sk_source_folder,
                                                      &sk_source_shapes};

static enum sk_code find_source(const struct sk_source_ops **found, const struct sk_recipe_data *data,
                                struct sk_err *err)
{
    for (size_t i = 0; i < SK_COUNT(sources); i++) {
        if (data->source == SK_SOURCE_AUTO ? sources[i]->probe(data) : data->source == sources[i]->source) {
            *found = sources[i];
            return SK_OK;
        }
    }
    if (data->source != SK_SOURCE_AUTO)
        return sk_fail(err, SK_BUG, "no data source has the number %d", (int)data->source);
    if (data->path[0] == '\0')
        return sk_fail(err, SK_INPUT, "no data is given: set data.source, or data.path (--data DIR)");
    if (!sk_is_dir(data->path) && !sk_is_file(data->path))
        return sk_fail(err, SK_INPUT, "cannot open data '%s': no such file or folder", data->path);
    return sk_fail(err, SK_INPUT,
                   "cannot tell what data '%s' holds: expected CIFAR-10 batches or an archive of them, images.npy and "
                   "labels.npy, or a folder of pictures for each class",
                   data->path);
}

static enum sk_code add_cache(struct sk_dataset *d, struct sk_err *err)
{
    d->cache = sk_alloc(1, sizeof(*d->cache), err);
    return d->cache ? sk_picture_cache_init(d->cache, d->info.count, err) : SK_NOMEM;
}

enum sk_code sk_dataset_open(struct sk_dataset **ds, const struct sk_recipe_data *data, int64_t seed,
                             enum sk_split split, struct sk_err *err)
{
    const struct sk_source_ops *ops = NULL;
    enum sk_code code = find_source(&ops, data, err);

    *ds = NULL;
    if (code != SK_OK)
        return code;
    struct sk_dataset *d = sk_alloc(1, sizeof(*d), err);
    if (!d)
        return SK_NOMEM;
    d->ops = ops;
    code = ops->open(&d->self, &d->info, data, seed, split, err);
    if (code != SK_OK) {
        sk_free(d);
        return code;
    }
    if (d->info.count < 1) {
        sk_dataset_close(d);
        return sk_fail(err, SK_INPUT, "the %s split of '%s' is empty", split == SK_TRAIN ? "training" : "validation",
                       data->path);
    }
    code = data->cache == SK_CACHE_MEMORY && ops->decodes ? add_cache(d, err) : SK_OK;
    if (code != SK_OK)
        sk_dataset_close(d);
    else
        *ds = d;
    return code;
}

void sk_dataset_close(struct sk_dataset *ds)
{
    if (!ds)
        return;
    ds->ops->close(ds->self);
    if (ds->cache)
        sk_picture_cache_release(ds->cache);
    sk_free(ds->cache);
    sk_free(ds);
}

const struct sk_dataset_info *sk_dataset_info(const struct sk_dataset *ds)
{
    return &ds->info;
}

int sk_dataset_label(const struct sk_dataset *ds, int64_t index)
{
    assert(index >= 0 && index < ds->info.count);
    return ds->ops->label(ds->self, index);
}

/* Decodes for steps, or as it is where steps is NULL. */
static enum sk_code read_file(const struct sk_dataset *ds, int64_t index, const struct sk_picture_steps *steps,
                              struct sk_rng *rng, struct sk_picture *p, struct sk_picture *scratch, int *done,
                              struct sk_err *err)
{
    char name[SK_PATH], *data = NULL;
    size_t len = 0;
    enum sk_code code = ds->ops->read_bytes(ds->self, index, &data, &len, name, err);
    if (code == SK_OK)
        code = steps ? sk_picture_decode_for(p, scratch, data, len, name, steps, rng, done, err)
                     : sk_picture_decode(p, data, len, name, err);
    sk_free(data);
    return code;
}

enum sk_code sk_dataset_read(const struct sk_dataset *ds, int64_t index, struct sk_picture *p, struct sk_err *err)
{
    assert(index >= 0 && index < ds->info.count);
    bool found = false;
    enum sk_code code = ds->cache ? sk_picture_cache_get(ds->cache, index, p, &found, err) : SK_OK;
    if (code != SK_OK || found)
        return code;
    code = ds->ops->read ? ds->ops->read(ds->self, index, p, err)
                         : read_file(ds, index, NULL, NULL, p, NULL, NULL, err);
    if (code == SK_OK && ds->cache)
        sk_picture_cache_put(ds->cache, index, p);
    return code;
}

enum sk_code sk_dataset_read_for(const struct sk_dataset *ds, int64_t index, const struct sk_picture_steps *steps,
                                 struct sk_rng *rng, struct sk_picture *p, struct sk_picture *scratch, int *done,
                                 struct sk_err *err)
{
    assert(index >= 0 && index < ds->info.count);
    *done = 0;
    if (ds->cache || ds->ops->read) /* what is kept is whole pictures */
        return sk_dataset_read(ds, index, p, err);
    return read_file(ds, index, steps, rng, p, scratch, done, err);
}

void sk_dataset_name(const struct sk_dataset *ds, int64_t index, char *out, size_t size)
{
    assert(index >= 0 && index < ds->info.count);
    ds->ops->name_of(ds->self, index, out, size);
}

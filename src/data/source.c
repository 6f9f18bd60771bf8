/* Data sets: the table of sources, which of them a folder is for, and the calls that go through the table. */
#include "data/data.h"

#include <assert.h>
#include <string.h>

#include "data/cache.h"
#include "data/internal.h"
#include "data/match.h"
#include "data/subset.h"

struct sk_dataset {
    const struct sk_source_ops *ops;
    void *self;
    struct sk_dataset_info info;
    struct sk_subset subset;
    int *label; /* [classes of the source]: -1 where data.only_classes leaves one out; NULL: as in the source */
    int source_classes;
    const char **class_name; /* of those that are there */
    char **network_name;     /* one block: those of the network, where classes are matched with them */
    struct sk_picture_cache *cache; /* NULL: decoded at each read */
};

/* In the order in which they are asked whether a path is theirs. */
static const struct sk_source_ops *const sources[] = {&sk_source_cifar10, &sk_source_cifar100, &sk_source_npy,
                                                      &sk_source_tar,     &sk_source_list,     &sk_source_folder,
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
                   "cannot tell what data '%s' holds: expected CIFAR batches or an archive of them, images.npy and "
                   "labels.npy, tar shards, a list (.csv, .jsonl), or a folder of pictures for each class",
                   data->path);
}

static enum sk_code add_cache(struct sk_dataset *d, struct sk_err *err)
{
    d->cache = sk_alloc(1, sizeof(*d->cache), err);
    return d->cache ? sk_picture_cache_init(d->cache, d->info.count, err) : SK_NOMEM;
}

/* Of samples that both splits share, those of the one. */
static enum sk_code split_by_seed(struct sk_dataset *d, const struct sk_recipe_data *data, int64_t seed,
                                  enum sk_split split, struct sk_err *err)
{
    const struct sk_subset_of of = {d->ops, d->self, d->info.classes, d->info.same};
    if (split == SK_VAL && !(data->val_fraction > 0.0))
        return sk_fail(err, SK_NO_SPLIT, "'%s' has no validation split of its own, and data.val_fraction is 0",
                       data->path);
    enum sk_code code = sk_subset_split(&d->subset, &of, data->val_fraction, seed, split, err);
    if (code == SK_OK && d->subset.count == 0 && split == SK_VAL)
        code = sk_fail(err, SK_NO_SPLIT, "'%s' has no validation split: no class has more than one picture",
                       data->path);
    return code;
}

/* The class of that name, -1: there is none. */
static int find_class(const struct sk_dataset_info *info, const char *name)
{
    for (int i = 0; i < info->classes; i++)
        if (strcmp(info->class_name[i], name) == 0)
            return i;
    return -1;
}

/* Renumbers the classes that are kept in the order of the source. */
static enum sk_code keep_classes(struct sk_dataset *d, const struct sk_recipe_words *only, const char *path,
                                 struct sk_err *err)
{
    const struct sk_subset_of of = {d->ops, d->self, d->info.classes, NULL};
    const size_t all = (size_t)d->info.classes;
    int kept = 0;
    if (!(d->label = sk_alloc(all, sizeof(*d->label), err)) ||
        !(d->class_name = sk_alloc(all, sizeof(*d->class_name), err)))
        return SK_NOMEM;
    for (int i = 0; i < only->count; i++) {
        const char *name = sk_recipe_word(only, i), *nearest = sk_nearest(name, d->info.class_name, all);
        int found = find_class(&d->info, name);
        if (found < 0)
            return sk_fail(err, SK_INPUT, "data.only_classes: '%s' is no class of '%s'%s%s%s", name, path,
                           nearest ? ": did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        d->label[found] = 1;
    }
    for (size_t i = 0; i < all; i++) {
        bool keep = d->label[i];
        d->label[i] = keep ? kept : -1;
        if (keep)
            d->class_name[kept++] = d->info.class_name[i];
    }
    sk_subset_only(&d->subset, &of, d->label);
    d->info.classes = kept;
    d->info.class_name = d->class_name;
    return SK_OK;
}

/* What of the source's samples the data set has. */
static enum sk_code choose(struct sk_dataset *d, const struct sk_recipe_data *data, int64_t seed, enum sk_split split,
                           struct sk_err *err)
{
    const struct sk_subset_of of = {d->ops, d->self, d->info.classes, NULL};
    const bool share = split == SK_TRAIN && data->train_fraction > 0 && data->train_fraction < 1;
    if (!d->info.both_splits && !share && data->only_classes.count == 0)
        return SK_OK;
    enum sk_code code = sk_subset_all(&d->subset, d->info.count, err);
    if (code == SK_OK && d->info.both_splits)
        code = split_by_seed(d, data, seed, split, err);
    if (code == SK_OK && share)
        code = sk_subset_share(&d->subset, &of, data->train_fraction, seed, err);
    if (code == SK_OK && data->only_classes.count > 0)
        code = keep_classes(d, &data->only_classes, data->path, err);
    if (code != SK_OK)
        return code;
    d->info.by_seed = d->info.by_seed || d->info.both_splits;
    d->info.both_splits = false;
    d->info.count = d->subset.count;
    d->info.fingerprint = sk_hash_bytes(d->info.fingerprint, d->subset.index,
                                        (size_t)d->subset.count * sizeof(*d->subset.index));
    return SK_OK;
}

/* A source that was asked for and does not find its own: says which one would. */
static enum sk_code hint_source(const struct sk_recipe_data *data, const struct sk_source_ops *asked, enum sk_code code,
                                struct sk_err *err)
{
    struct sk_err why = err ? *err : (struct sk_err){0};
    if (!err || code != SK_INPUT || data->source == SK_SOURCE_AUTO || !asked || !asked->probe || asked->probe(data))
        return code;
    for (size_t i = 0; i < SK_COUNT(sources); i++)
        if (sources[i]->probe(data)) {
            sk_err_clear(err);
            return sk_fail(err, code, "%s; it holds what data.source: %s reads (--set data.source=auto)", why.text,
                           sources[i]->name);
        }
    return code;
}

static enum sk_code open_source(struct sk_dataset *d, const struct sk_recipe_data *data, int64_t seed,
                                enum sk_split split, bool whole, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (data->also.count > 0)
        d->ops = &sk_source_joined;
    else
        code = find_source(&d->ops, data, err);
    if (code == SK_OK)
        code = d->ops->open(&d->self, &d->info, data, seed, split, err);
    if (code != SK_OK) {
        d->self = NULL;
        return hint_source(data, d->ops, code, err);
    }
    d->source_classes = d->info.classes;
    code = whole ? SK_OK : choose(d, data, seed, split, err);
    if (code == SK_OK && d->info.count < 1)
        code = sk_fail(err, SK_INPUT, "the %s split of '%s' is empty", split == SK_TRAIN ? "training" : "validation",
                       data->path);
    d->info.cacheable = d->ops->decodes && data->cache == SK_CACHE_NONE;
    if (code == SK_OK && data->cache == SK_CACHE_MEMORY && d->ops->decodes)
        code = add_cache(d, err);
    return code;
}

static enum sk_code open_data(struct sk_dataset **ds, const struct sk_recipe_data *data, int64_t seed,
                              enum sk_split split, bool whole, struct sk_err *err)
{
    struct sk_dataset *d = sk_alloc(1, sizeof(*d), err);
    *ds = NULL;
    if (!d)
        return SK_NOMEM;
    enum sk_code code = open_source(d, data, seed, split, whole, err);
    if (code != SK_OK)
        sk_dataset_close(d);
    else
        *ds = d;
    return code;
}

enum sk_code sk_dataset_open(struct sk_dataset **ds, const struct sk_recipe_data *data, int64_t seed,
                             enum sk_split split, struct sk_err *err)
{
    return open_data(ds, data, seed, split, false, err);
}

enum sk_code sk_dataset_open_whole(struct sk_dataset **ds, const struct sk_recipe_data *data, int64_t seed,
                                   enum sk_split split, struct sk_err *err)
{
    return open_data(ds, data, seed, split, true, err);
}

/* ---- the classes of a network ---- */
static enum sk_code copy_names(char ***out, const struct sk_names *n, struct sk_err *err)
{
    size_t bytes = 0, table = (size_t)n->count * sizeof(char *);
    for (int i = 0; i < n->count; i++)
        bytes += strlen(n->name[i]) + 1;
    char **name = sk_alloc(table + bytes, 1, err);
    if (!name)
        return SK_NOMEM;
    char *next = (char *)name + table;
    for (int i = 0; i < n->count; i++) {
        size_t size = strlen(n->name[i]) + 1;
        name[i] = memcpy(next, n->name[i], size);
        next += size;
    }
    *out = name;
    return SK_OK;
}

/* Labels of the source become those that map gives for the numbers until now. */
static enum sk_code renumber(struct sk_dataset *d, const int *map, struct sk_err *err)
{
    int *label = sk_alloc((size_t)d->source_classes, sizeof(*label), err);
    if (!label)
        return SK_NOMEM;
    for (int i = 0; i < d->source_classes; i++) {
        int now = d->label ? d->label[i] : i;
        label[i] = now < 0 ? now : map[now];
    }
    sk_free(d->label);
    d->label = label;
    return SK_OK;
}

static void tell_match(const struct sk_names *from, const struct sk_names *to)
{
    if (from->count < to->count)
        sk_notice("the data has %d of the network's %d classes: they are matched by name", from->count, to->count);
    else
        sk_notice("the data has the network's classes in another order: they are matched by name");
}

static enum sk_code match(struct sk_dataset *d, const struct sk_names *from, const struct sk_names *to, bool tell,
                          struct sk_err *err)
{
    bool moved = from->count < to->count && !sk_classes_numbered(to->name, from->count, to->count); /* padding alone */
    int *map = sk_alloc((size_t)from->count, sizeof(*map), err);
    enum sk_code code = map ? sk_classes_match(map, from, to, err) : SK_NOMEM;
    if (code == SK_OK)
        code = renumber(d, map, err);
    if (code == SK_OK)
        code = copy_names(&d->network_name, to, err);
    for (int i = 0; code == SK_OK && i < from->count; i++)
        moved = moved || map[i] != i;
    if (code == SK_OK && moved && tell)
        tell_match(from, to);
    sk_free(map);
    return code;
}

enum sk_code sk_dataset_match(struct sk_dataset *d, const char *const *class_name, int classes, bool tell,
                              struct sk_err *err)
{
    const struct sk_names from = {d->info.class_name, d->info.classes}, to = {class_name, classes};
    const bool numbered = sk_classes_numbered(class_name, 0, classes);
    assert(!d->network_name);
    if (sk_classes_numbered(from.name, 0, from.count))
        return SK_OK;
    struct sk_err why = {0};
    enum sk_code code = match(d, &from, &to, tell, &why);
    if (code == SK_INPUT && numbered) {
        if (tell && from.count != classes)
            sk_notice("the network's %d classes have no names: the %d of the data are taken for the first of them",
                      classes, from.count);
        return SK_OK;
    }
    if (code != SK_OK)
        return sk_fail(err, code, "%s", why.text);
    d->info.classes = classes;
    d->info.class_name = (const char *const *)d->network_name;
    return SK_OK;
}

/* ---- reading ---- */
/* The source's number of a sample. */
static int64_t in_source(const struct sk_dataset *ds, int64_t index)
{
    assert(index >= 0 && index < ds->info.count);
    return ds->subset.index ? ds->subset.index[index] : index;
}

void sk_dataset_close(struct sk_dataset *ds)
{
    if (!ds)
        return;
    if (ds->self)
        ds->ops->close(ds->self);
    sk_subset_release(&ds->subset);
    sk_free(ds->label);
    sk_free(ds->class_name);
    sk_free(ds->network_name);
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
    int label = ds->ops->label(ds->self, in_source(ds, index));
    return ds->label ? ds->label[label] : label;
}

uint64_t sk_dataset_place(const struct sk_dataset *ds, int64_t index)
{
    return ds->ops->place(ds->self, in_source(ds, index));
}

enum { NAME = 2 * SK_PATH }; /* of a sample: an archive's path and what lies in it */

/* The picture as it is, of the source's sample of this number. */
static enum sk_code read_whole(const struct sk_dataset *ds, int64_t there, struct sk_picture *p, struct sk_err *err)
{
    char name[NAME], *data = NULL;
    size_t len = 0;
    enum sk_code code = ds->ops->file ? ds->ops->file(ds->self, there, &data, &len, err) : SK_OK;
    if (code != SK_OK)
        return code;
    if (!data)
        return ds->ops->read(ds->self, there, p, err);
    ds->ops->name_of(ds->self, there, name, sizeof(name));
    code = sk_picture_decode(p, data, len, name, err);
    sk_free(data);
    return code;
}

enum sk_code sk_dataset_read(const struct sk_dataset *ds, int64_t index, struct sk_picture *p, struct sk_err *err)
{
    int64_t there = in_source(ds, index);
    bool found = false;
    enum sk_code code = ds->cache ? sk_picture_cache_get(ds->cache, index, p, &found, err) : SK_OK;
    if (code != SK_OK || found)
        return code;
    code = read_whole(ds, there, p, err);
    if (code == SK_OK && ds->cache)
        sk_picture_cache_put(ds->cache, index, p);
    return code;
}

enum sk_code sk_dataset_file(const struct sk_dataset *ds, int64_t index, char **data, size_t *len, struct sk_err *err)
{
    int64_t there = in_source(ds, index);
    *data = NULL;
    *len = 0;
    return ds->ops->file ? ds->ops->file(ds->self, there, data, len, err) : SK_OK;
}

enum sk_code sk_dataset_read_for(const struct sk_dataset *ds, int64_t index, const struct sk_picture_steps *steps,
                                 struct sk_rng *rng, struct sk_picture *p, struct sk_picture *scratch, int *done,
                                 struct sk_err *err)
{
    char name[NAME], *data = NULL;
    size_t len = 0;
    *done = 0;
    enum sk_code code = ds->cache ? SK_OK : sk_dataset_file(ds, index, &data, &len, err); /* whole pictures are kept */
    if (code != SK_OK)
        return code;
    if (!data)
        return sk_dataset_read(ds, index, p, err);
    sk_dataset_name(ds, index, name, sizeof(name));
    code = sk_picture_decode_for(p, scratch, data, len, name, steps, rng, done, err);
    sk_free(data);
    return code;
}

void sk_dataset_name(const struct sk_dataset *ds, int64_t index, char *out, size_t size)
{
    ds->ops->name_of(ds->self, in_source(ds, index), out, size);
}

/* WebDataset shards as a data source: indexed once, then every sample is read at its place.
 *
 * A split's shards are DIR/train/NAME.tar and DIR/val/NAME.tar (or valid, validation, test), or those in DIR whose
 * names begin so; else all in DIR, or one file, are both splits, told apart by the seed. */
#include "data/internal.h"

#include <string.h>

#include "data/convert.h"
#include "data/folder.h"
#include "data/tar_index.h"

struct shard_set {
    struct sk_shards shards;
    uint64_t *place; /* [shards] of the first byte of each, as whole spans; NULL: none is gzip'd */
    struct sk_tar_index index;
    struct sk_label_set labels;
    struct sk_classes classes;
};

/* ---- where the shards of a split lie ---- */
struct layout {
    struct sk_shards split, other; /* other: those of the other split; none: both are in split */
};

static bool begins_with(const char *name, const char *word)
{
    return strncmp(name, word, strlen(word)) == 0;
}

static bool is_train(const char *name)
{
    return begins_with(name, "train");
}

static bool is_val(const char *name)
{
    return begins_with(name, "val") || begins_with(name, "test");
}

static bool has_shards(const char *folder)
{
    char **names;
    size_t count;
    bool any = false;
    if (!sk_is_dir(folder) || sk_dir_list(folder, &names, &count, NULL) != SK_OK)
        return false;
    for (size_t i = 0; i < count && !any; i++)
        any = sk_is_shard(names[i]) || strcmp(names[i], SK_CONVERSION) == 0; /* none is whole yet */
    sk_free(names);
    return any;
}

/* Shards of the folders train and val in dir. */
static enum sk_code find_in_folders(struct sk_shards *train, struct sk_shards *val, const char *dir, struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = sk_path_join(path, err, dir, "train");
    if (code == SK_OK && sk_is_dir(path))
        code = sk_shards_add_folder(train, path, NULL, err);
    for (size_t i = 0; code == SK_OK && val->count == 0 && sk_val_names[i]; i++) {
        code = sk_path_join(path, err, dir, sk_val_names[i]);
        if (code == SK_OK && sk_is_dir(path))
            code = sk_shards_add_folder(val, path, NULL, err);
    }
    return code;
}

static enum sk_code find_in_names(struct sk_shards *train, struct sk_shards *val, const char *dir, struct sk_err *err)
{
    enum sk_code code = sk_shards_add_folder(train, dir, is_train, err);
    if (code == SK_OK)
        code = sk_shards_add_folder(val, dir, is_val, err);
    if (code != SK_OK || (train->count > 0 && val->count > 0))
        return code;
    sk_shards_release(train); /* the names do not tell: both splits are in all */
    sk_shards_release(val);
    return sk_shards_add_folder(train, dir, NULL, err);
}

static void layout_release(struct layout *l)
{
    sk_shards_release(&l->split);
    sk_shards_release(&l->other);
}

/* Shards of skua data convert must all be there. It writes the list of classes last, beside the folders of the splits. */
static enum sk_code check_conversion(size_t train, size_t val, const char *dir, struct sk_err *err)
{
    char path[SK_PATH];
    bool of_dir, of_train = false, of_val = false;
    enum sk_code code = sk_conversion_check(dir, train, &of_dir, err);
    if (code == SK_OK && (code = sk_path_join(path, err, dir, "train")) == SK_OK)
        code = sk_conversion_check(path, train, &of_train, err);
    if (code == SK_OK && (code = sk_path_join(path, err, dir, "val")) == SK_OK)
        code = sk_conversion_check(path, val, &of_val, err);
    if (code == SK_OK && (of_train || of_val) && (code = sk_path_join(path, err, dir, "classes.txt")) == SK_OK &&
        !sk_is_file(path))
        code = sk_fail(err, SK_INPUT, "'%s' is no whole conversion, since it has no classes.txt: the same skua data "
                       "convert command finishes it", dir);
    return code;
}

static enum sk_code find_layout(struct layout *l, const struct sk_recipe_data *data, enum sk_split split,
                                struct sk_err *err)
{
    const char *path = data->path;
    const uint64_t window = split == SK_TRAIN ? (uint64_t)data->shuffle_buffer << 20 : 0;
    struct sk_shards *train = split == SK_TRAIN ? &l->split : &l->other;
    struct sk_shards *val = split == SK_TRAIN ? &l->other : &l->split;
    enum sk_code code;
    l->split.spans = l->other.spans = (size_t)(window / SK_GZIP_SPAN) + SK_GZIP_SPANS;
    if (path[0] == '\0')
        return sk_fail(err, SK_INPUT, "no shards are given: set data.path (--data DIR)");
    if (sk_is_file(path))
        code = sk_shards_add(train, path, err);
    else if (!sk_is_dir(path))
        code = sk_fail(err, SK_INPUT, "cannot open data '%s': no such file or folder", path);
    else if ((code = find_in_folders(train, val, path, err)) == SK_OK && train->count + val->count == 0)
        code = find_in_names(train, val, path, err);
    if (code != SK_OK)
        return code;
    if (sk_is_dir(path) && (code = check_conversion(train->count, val->count, path, err)) != SK_OK)
        return code;
    if (train->count == 0)
        return sk_fail(err, SK_INPUT,
                       "'%s' has no training split: expected shards (.tar, .tar.gz) in it, in a folder 'train', or "
                       "named train-...", path);
    if (val->count == 0 && split == SK_VAL) { /* both splits are in the training shards */
        l->split = *train;
        *train = (struct sk_shards){0};
    }
    return SK_OK;
}

/* ---- the index ---- */
/* A gzip'd shard must be unpacked for it. */
static void tell_unpacking(const struct sk_shards *shards, const char *path)
{
    enum { LONG = 1 << 28 }; /* some seconds */
    uint64_t packed = 0;
    for (size_t i = 0; i < shards->count; i++)
        packed += shards->item[i].gzip ? shards->item[i].size : 0;
    if (packed >= LONG)
        sk_notice("'%s': unpacking %llu MB of gzip'd shards to find their samples; plain ones (skua data convert) open "
                  "at once", path, (unsigned long long)(packed / 1000000));
}

static enum sk_code index_all(struct sk_tar_index *x, struct sk_label_set *labels, const struct sk_shards *shards,
                              struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; code == SK_OK && i < shards->count; i++)
        code = sk_tar_index_add(x, labels, &shards->item[i], (uint32_t)i, err);
    return code;
}

static void tell(const struct sk_tar_index *x, const char *path)
{
    if (x->repeated > 0)
        sk_notice("'%s': left out %lld %s of which a sample has one already, the first: '%s'", path,
                  (long long)x->repeated, x->repeated == 1 ? "file" : "files", x->first_repeated);
    if (x->incomplete > 0)
        sk_notice("'%s': left out %lld %s without both a picture and a label, the first: '%s'", path,
                  (long long)x->incomplete, x->incomplete == 1 ? "sample" : "samples", x->first_incomplete);
    if (x->skipped > 0)
        sk_notice("'%s': left out %lld %s: links, devices, sparse files, or names that are absolute or hold '..'", path,
                  (long long)x->skipped, x->skipped == 1 ? "member" : "members");
}

/* Names of digits beside numbers: one of the two is not meant as it is read. */
static enum sk_code check_kinds(const struct sk_tar_index *x, struct sk_err *err)
{
    int64_t number;
    for (size_t i = 0; x->numbers && x->names && i < x->list->id.count; i++) {
        const char *name = sk_label_set_text(&x->list->id, (int)i);
        if (sk_parse_i64(name, &number))
            return sk_fail(err, SK_INPUT, "some labels are numbers, which are places in '%s', and others names, of which "
                           "'%s' looks like a number: expected one kind (in KEY.json a name of digits is a text)",
                           x->list_path, name);
    }
    return SK_OK;
}

/* With a list the labels are classes already, and the list gives their names. */
static enum sk_code name_classes(struct shard_set *s, const struct sk_recipe_data *data, struct sk_err *err)
{
    static const struct sk_label_set none;
    enum sk_code code = check_kinds(&s->index, err);
    return code == SK_OK ? sk_classes_make(&s->classes, &none, s->index.list, data->path, err) : code;
}

/* Without a list the labels of both splits make the classes, since either may lack some. */
static enum sk_code make_classes(struct shard_set *s, const struct layout *l, const struct sk_recipe_data *data,
                                 struct sk_err *err)
{
    struct sk_tar_index other = {0};
    enum sk_code code = index_all(&other, &s->labels, &l->other, err);
    sk_tar_index_release(&other);
    if (code == SK_OK)
        code = sk_classes_make(&s->classes, &s->labels, NULL, data->path, err);
    for (size_t i = 0; code == SK_OK && i < s->index.count; i++)
        s->index.sample[i].label = s->classes.of[s->index.sample[i].label];
    return code;
}

/* ---- the source ---- */
static bool tar_probe(const struct sk_recipe_data *data)
{
    char path[SK_PATH], **folders;
    size_t count;
    if (sk_is_file(data->path))
        return sk_is_shard(data->path);
    if (data->path[0] == '\0' || sk_folder_classes(data->path, &folders, &count, NULL) != SK_OK)
        return false;
    sk_free(folders);
    return count == 0 ? has_shards(data->path)
                      : sk_path_join(path, NULL, data->path, "train") == SK_OK && has_shards(path);
}

static void tar_close(void *self)
{
    struct shard_set *s = self;
    sk_shards_release(&s->shards);
    sk_tar_index_release(&s->index);
    sk_free(s->place);
    sk_label_set_release(&s->labels);
    sk_classes_release(&s->classes);
    sk_free(s);
}

static uint64_t fingerprint(const struct shard_set *s)
{
    uint64_t hash = sk_hash_bytes(SK_HASH_START, s->classes.text.text, s->classes.text.len);
    hash = sk_hash_bytes(hash, s->index.keys.text, s->index.keys.len);
    for (size_t i = 0; i < s->index.count; i++) {
        const struct sk_tar_sample *sample = &s->index.sample[i];
        hash = sk_hash_bytes(hash, &sample->bytes, sizeof(sample->bytes));
        hash = sk_hash_bytes(hash, &sample->label, sizeof(sample->label));
    }
    return hash;
}

/* Lays the spans of all shards one behind the other, where one is gzip'd. */
static enum sk_code lay_spans(struct shard_set *s, struct sk_err *err)
{
    uint64_t place = 0;
    if (!s->shards.cache)
        return SK_OK;
    if (!(s->place = sk_alloc(s->shards.count, sizeof(*s->place), err)))
        return SK_NOMEM;
    for (size_t i = 0; i < s->shards.count; i++) {
        s->place[i] = place;
        place += (sk_shard_bytes(&s->shards.item[i]).size / SK_GZIP_SPAN + 1) * SK_GZIP_SPAN;
    }
    return SK_OK;
}

static enum sk_code load(struct shard_set *s, struct layout *l, const struct sk_recipe_data *data, struct sk_err *err)
{
    tell_unpacking(&l->split, data->path);
    enum sk_code code = index_all(&s->index, &s->labels, &l->split, err);
    s->shards = l->split;
    l->split = (struct sk_shards){0};
    if (code == SK_OK)
        tell(&s->index, data->path);
    if (code == SK_OK && s->index.count == 0)
        return sk_fail(err, SK_INPUT, "the shards of '%s' hold no sample: expected KEY.jpg or KEY.png beside KEY.cls "
                       "or KEY.json", data->path);
    if (code == SK_OK)
        code = lay_spans(s, err);
    if (code == SK_OK)
        code = s->index.list ? name_classes(s, data, err) : make_classes(s, l, data, err);
    return code;
}

static enum sk_code load_with_list(struct shard_set *s, struct layout *l, const struct sk_recipe_data *data,
                                   struct sk_err *err)
{
    struct sk_class_list list;
    char path[SK_PATH];
    enum sk_code code = sk_class_list_of(&list, path, data, "classes.txt", err);
    if (code == SK_OK) {
        s->index.list = path[0] ? &list : NULL;
        s->index.list_path = path;
        code = load(s, l, data, err);
    }
    s->index.list = NULL;
    s->index.list_path = NULL;
    sk_class_list_release(&list);
    return code;
}

static enum sk_code tar_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data, int64_t seed,
                             enum sk_split split, struct sk_err *err)
{
    struct layout l = {0};
    struct shard_set *s = sk_alloc(1, sizeof(*s), err);
    (void)seed; /* a split by seed is made of all that is found here */
    if (!s)
        return SK_NOMEM;
    enum sk_code code = find_layout(&l, data, split, err);
    if (code == SK_OK)
        code = load_with_list(s, &l, data, err);
    bool both = l.other.count == 0;
    layout_release(&l);
    if (code != SK_OK) {
        tar_close(s);
        return code;
    }
    *info = (struct sk_dataset_info){
        .count = (int64_t)s->index.count,
        .classes = s->classes.count,
        .class_name = s->classes.name,
        .pixel = SK_PIXEL_U8,
        .channels = 3,
        .fingerprint = fingerprint(s),
        .span = s->place ? SK_GZIP_SPAN : 0,
        .window = (uint64_t)data->shuffle_buffer << 20,
        .both_splits = both,
    };
    *self = s;
    return SK_OK;
}

static int tar_label(const void *self, int64_t index)
{
    return ((const struct shard_set *)self)->index.sample[index].label;
}

static uint64_t tar_place(const void *self, int64_t index)
{
    const struct shard_set *s = self;
    const struct sk_tar_sample *sample = &s->index.sample[index];
    return s->place[sample->shard] + sample->offset;
}

static void tar_name(const void *self, int64_t index, char *out, size_t size)
{
    const struct shard_set *s = self;
    const struct sk_tar_sample *sample = &s->index.sample[index];
    snprintf(out, size, "%s:%s", s->shards.item[sample->shard].path, s->index.keys.text + sample->key);
}

static enum sk_code tar_file(const void *self, int64_t index, char **data, size_t *len, struct sk_err *err)
{
    const struct shard_set *s = self;
    const struct sk_tar_sample *sample = &s->index.sample[index];
    const struct sk_bytes from = sk_shard_bytes(&s->shards.item[sample->shard]);
    *len = sample->bytes;
    *data = sk_alloc(sample->bytes, 1, err);
    enum sk_code code = *data ? from.read_at(from.self, sample->offset, *data, sample->bytes, err) : SK_NOMEM;
    if (code != SK_OK) {
        sk_free(*data);
        *data = NULL;
    }
    return code;
}

const struct sk_source_ops sk_source_tar = {
    .source = SK_SOURCE_TAR,
    .name = "tar",
    .decodes = true,
    .help = "WebDataset shards: KEY.jpg or KEY.png beside KEY.cls or KEY.json in tar archives, plain or gzip'd",
    .probe = tar_probe,
    .open = tar_open,
    .close = tar_close,
    .label = tar_label,
    .place = tar_place,
    .name_of = tar_name,
    .file = tar_file,
};

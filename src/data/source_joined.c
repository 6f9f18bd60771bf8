/* Several sources as one: the samples of data.path, then those of each of data.also, with the same classes. Those that
 * have no splits of their own are split together, by seed, so that a file that comes twice falls into one split. */
#include "data/gzip.h"
#include "data/internal.h"
#include "data/same.h"

#include <string.h>

struct piece {
    struct sk_dataset *dataset;
    int64_t first;
    uint64_t place, places; /* of its first sample; how many it takes, whole spans */
    int *label; /* [classes]: the first piece's class of the same name */
};

struct joined {
    struct piece *piece;
    int count;
    uint32_t *same; /* as sk_dataset_info's */
};

static void joined_close(void *self)
{
    struct joined *j = self;
    for (int i = 0; j->piece && i < j->count; i++) {
        sk_dataset_close(j->piece[i].dataset);
        sk_free(j->piece[i].label);
    }
    sk_free(j->piece);
    sk_free(j->same);
    sk_free(j);
}

/* What is chosen of the samples is chosen when they are joined; keys that name files are those of data.path. */
static enum sk_code open_piece(struct piece *p, struct sk_recipe_data *one, int number, const struct sk_recipe_data *data,
                               int64_t seed, enum sk_split split, struct sk_err *err)
{
    *one = *data;
    one->also.count = one->only_classes.count = 0;
    one->train_fraction = 0;
    one->cache = SK_CACHE_NONE;
    if (number > 0) {
        const char *path = sk_recipe_word(&data->also, number - 1);
        one->source = SK_SOURCE_AUTO;
        one->images[0] = one->labels[0] = one->val_images[0] = one->val_labels[0] = '\0';
        enum sk_code code = sk_format(one->path, sizeof(one->path), "data.also", err, "%s", path);
        if (code != SK_OK)
            return code;
    }
    enum sk_code code = sk_dataset_open_whole(&p->dataset, one, seed, split, err);
    if (code != SK_OK && number > 0)
        sk_err_prefix(err, "data.also");
    return code;
}

static int find_name(const char *name, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* In the same order the names may repeat (ImageNet has two cranes); else each is looked for. */
static enum sk_code map_labels(struct piece *p, const struct sk_dataset_info *to, const char *path, struct sk_err *err)
{
    const struct sk_dataset_info *from = sk_dataset_info(p->dataset);
    bool same = from->classes == to->classes;
    if (!(p->label = sk_alloc((size_t)from->classes, sizeof(*p->label), err)))
        return SK_NOMEM;
    for (int i = 0; i < from->classes; i++) {
        p->label[i] = i;
        same = same && strcmp(from->class_name[i], to->class_name[i]) == 0;
    }
    if (same)
        return SK_OK;
    if (from->classes != to->classes)
        return sk_fail(err, SK_INPUT, "data.also: '%s' has %d classes, expected the %d of data.path", path,
                       from->classes, to->classes);
    for (int i = 0; i < from->classes; i++) {
        p->label[i] = find_name(from->class_name[i], to->class_name, to->classes);
        if (p->label[i] < 0)
            return sk_fail(err, SK_INPUT, "data.also: '%s' has the class '%s', which data.path has not", path,
                           from->class_name[i]);
    }
    return SK_OK;
}

static enum sk_code check_pixels(const struct sk_dataset_info *a, const struct sk_dataset_info *b, const char *path,
                                 struct sk_err *err)
{
    if (a->pixel == b->pixel && a->channels == b->channels)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "data.also: the pictures of '%s' have %d channels of %s, those of data.path %d of %s",
                   path, b->channels, b->pixel == SK_PIXEL_U8 ? "8 bits" : "floats", a->channels,
                   a->pixel == SK_PIXEL_U8 ? "8 bits" : "floats");
}

/* The place of a sample in its piece. Neighbours go together where a piece has no spans of its own. */
static uint64_t place_in(const struct piece *p, int64_t index)
{
    enum { NEIGHBOURS = 64 };
    return sk_dataset_info(p->dataset)->span ? sk_dataset_place(p->dataset, index)
                                             : (uint64_t)index * (SK_GZIP_SPAN / NEIGHBOURS);
}

static void add_places(struct joined *j, int number, struct sk_dataset_info *info)
{
    struct piece *p = &j->piece[number];
    const struct sk_dataset_info *more = sk_dataset_info(p->dataset);
    uint64_t last = 0;
    for (int64_t i = 0; i < more->count; i++) {
        uint64_t place = place_in(p, i);
        last = place > last ? place : last;
    }
    p->places = (last / SK_GZIP_SPAN + 1) * SK_GZIP_SPAN;
    p->place = number == 0 ? 0 : p[-1].place + p[-1].places;
    info->span = more->span ? more->span : info->span;
    info->window = more->window > info->window ? more->window : info->window;
}

static enum sk_code add_piece(struct joined *j, int number, struct sk_dataset_info *info, const char *path,
                              struct sk_err *err)
{
    struct piece *p = &j->piece[number];
    const struct sk_dataset_info *more = sk_dataset_info(p->dataset);
    enum sk_code code = SK_OK;
    if (number == 0)
        *info = *more;
    else if ((code = check_pixels(info, more, path, err)) != SK_OK)
        return code;
    p->first = number == 0 ? 0 : info->count;
    info->count = p->first + more->count;
    info->both_splits = info->both_splits || more->both_splits;
    if (number > 0 && (more->height != info->height || more->width != info->width))
        info->height = info->width = 0;
    if (number > 0)
        info->fingerprint = sk_hash_bytes(info->fingerprint, &more->fingerprint, sizeof(more->fingerprint));
    add_places(j, number, info);
    return map_labels(p, info, path, err);
}

/* What is split by seed: files that come twice together, and not what is split already, of which each split sees another
 * part. */
static enum sk_code find_same(struct joined *j, struct sk_dataset_info *info, struct sk_err *err)
{
    int64_t more, first;
    char name[2 * SK_PATH];
    info->same = NULL;
    if (!info->both_splits)
        return SK_OK;
    if (!(info->same = j->same = sk_alloc((size_t)info->count, sizeof(*j->same), err)))
        return SK_NOMEM;
    for (int i = 0; i < j->count; i++) {
        const struct sk_dataset_info *piece = sk_dataset_info(j->piece[i].dataset);
        for (int64_t k = 0; !piece->both_splits && k < piece->count; k++)
            j->same[j->piece[i].first + k] = SK_SPLIT_ALREADY;
    }
    enum sk_code code = sk_same_files(j->same, &more, &first, &sk_source_joined, j, info->count, err);
    if (code == SK_OK && more > 0) {
        sk_source_joined.name_of(j, first, name, sizeof(name));
        sk_notice("data.also: %lld %s more than once, the first: '%s'", (long long)more,
                  more == 1 ? "picture is there" : "pictures are there", name);
    }
    return code;
}

static enum sk_code joined_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                                int64_t seed, enum sk_split split, struct sk_err *err)
{
    struct joined *j = sk_alloc(1, sizeof(*j), err);
    struct sk_recipe_data *one = sk_alloc(1, sizeof(*one), err);
    enum sk_code code = j && one ? SK_OK : SK_NOMEM;
    if (code == SK_OK && !(j->piece = sk_alloc((size_t)data->also.count + 1, sizeof(*j->piece), err)))
        code = SK_NOMEM;
    for (int i = 0; code == SK_OK && i <= data->also.count; i++) {
        j->count = i + 1;
        code = open_piece(&j->piece[i], one, i, data, seed, split, err);
        if (code == SK_OK)
            code = add_piece(j, i, info, one->path, err);
    }
    sk_free(one);
    if (code == SK_OK)
        code = find_same(j, info, err);
    if (code != SK_OK && j)
        joined_close(j);
    else
        *self = j;
    return code;
}

static const struct piece *piece_of(const void *self, int64_t index)
{
    const struct joined *j = self;
    const struct piece *p = &j->piece[j->count - 1];
    while (index < p->first)
        p--;
    return p;
}

static int joined_label(const void *self, int64_t index)
{
    const struct piece *p = piece_of(self, index);
    return p->label[sk_dataset_label(p->dataset, index - p->first)];
}

static enum sk_code joined_read(const void *self, int64_t index, struct sk_picture *picture, struct sk_err *err)
{
    const struct piece *p = piece_of(self, index);
    return sk_dataset_read(p->dataset, index - p->first, picture, err);
}

static enum sk_code joined_file(const void *self, int64_t index, char **data, size_t *len, struct sk_err *err)
{
    const struct piece *p = piece_of(self, index);
    return sk_dataset_file(p->dataset, index - p->first, data, len, err);
}

static uint64_t joined_place(const void *self, int64_t index)
{
    const struct piece *p = piece_of(self, index);
    return p->place + place_in(p, index - p->first);
}

static void joined_name(const void *self, int64_t index, char *out, size_t size)
{
    const struct piece *p = piece_of(self, index);
    sk_dataset_name(p->dataset, index - p->first, out, size);
}

const struct sk_source_ops sk_source_joined = {
    .name = "joined",
    .decodes = true,
    .help = "several sources of the same classes",
    .open = joined_open,
    .close = joined_close,
    .label = joined_label,
    .read = joined_read,
    .place = joined_place,
    .name_of = joined_name,
    .file = joined_file,
};

/* Pictures named by a list: one file, whose samples are split by the seed, or DIR/train.csv and DIR/val.csv (.jsonl;
 * also valid, validation, test). Paths are relative to the list's folder. */
#include "data/folder.h"

#include <string.h>

#include "data/labels.h"
#include "data/list.h"
#include "data/same.h"

struct listed {
    struct sk_file_list list; /* label: a number in labels until the classes are made */
    struct sk_label_set labels;
    struct sk_classes classes;
    uint32_t *same; /* [list.count] the first sample of the same file; NULL: none comes twice */
};

/* ---- where the lists lie ---- */
struct layout {
    char dir[SK_PATH];
    char split[SK_PATH], other[SK_PATH]; /* other: empty where both splits are in one */
};

/* dir/name with one of the endings into out, which is empty where there is none. */
static enum sk_code find_list(char out[SK_PATH], const char *dir, const char *name, struct sk_err *err)
{
    static const char *const endings[] = {".csv", ".jsonl"};
    char file[SK_NAME];
    for (size_t i = 0; i < SK_COUNT(endings); i++) {
        snprintf(file, sizeof(file), "%s%s", name, endings[i]);
        enum sk_code code = sk_path_join(out, err, dir, file);
        if (code != SK_OK || sk_is_file(out))
            return code;
    }
    out[0] = '\0';
    return SK_OK;
}

static enum sk_code find_in_folder(struct layout *l, const char *dir, enum sk_split split, struct sk_err *err)
{
    char *train = split == SK_TRAIN ? l->split : l->other, *val = split == SK_TRAIN ? l->other : l->split;
    enum sk_code code = find_list(train, dir, "train", err);
    for (size_t i = 0; code == SK_OK && val[0] == '\0' && sk_val_names[i]; i++)
        code = find_list(val, dir, sk_val_names[i], err);
    if (code == SK_OK && train[0] == '\0')
        code = sk_fail(err, SK_INPUT, "'%s' has no training split: expected a list train.csv or train.jsonl in it", dir);
    if (code == SK_OK && val[0] == '\0' && split == SK_VAL) { /* both splits are in the one list */
        memcpy(l->split, l->other, SK_PATH);
        l->other[0] = '\0';
    }
    return code == SK_OK ? sk_format(l->dir, SK_PATH, "the path of the data", err, "%s", dir) : code;
}

static enum sk_code find_layout(struct layout *l, const char *path, enum sk_split split, struct sk_err *err)
{
    *l = (struct layout){0};
    if (path[0] == '\0')
        return sk_fail(err, SK_INPUT, "no list of pictures is given: set data.path (--data FILE)");
    if (sk_is_dir(path))
        return find_in_folder(l, path, split, err);
    if (!sk_is_file(path))
        return sk_fail(err, SK_INPUT, "cannot open data '%s': no such file or folder", path);
    if (sk_list_form_of(path) == SK_LIST_NONE)
        return sk_fail(err, SK_INPUT, "'%s' is no list of pictures: expected a name that ends in .csv or .jsonl", path);
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) + (slash == path) : 1;
    snprintf(l->dir, SK_PATH, "%.*s", len, slash ? path : ".");
    return sk_format(l->split, SK_PATH, "the path of the data", err, "%s", path);
}

/* ---- reading ---- */
struct taking {
    struct listed *to;
    bool labels_only;
    int64_t rows;
    char first[SK_PATH], second[SK_PATH]; /* paths of a list without a header; empty: with one */
};

static void keep_path(char out[SK_PATH], const struct sk_list_row *row)
{
    memcpy(out, row->path, row->path_len);
    out[row->path_len] = '\0';
}

static enum sk_code take_row(void *ctx, const struct sk_list_row *row, struct sk_err *err)
{
    struct taking *t = ctx;
    char path[SK_PATH];
    int label;
    if (row->first)
        keep_path(t->first, row);
    else if (t->rows == 1)
        keep_path(t->second, row);
    t->rows++;
    enum sk_code code = sk_label_set_add(&t->to->labels, row->label, row->label_len, &label, err);
    if (code != SK_OK || t->labels_only)
        return code;
    keep_path(path, row);
    return sk_file_list_add(&t->to->list, path, 0, label, err);
}

static bool is_there(const char *dir, const char *name)
{
    char path[SK_PATH];
    return sk_path_join(path, NULL, dir, name) == SK_OK && sk_is_file(path);
}

/* A first line that names no file, before one that does, is a header with names of its own. */
static enum sk_code read_list(struct listed *s, const char *path, const char *dir, bool labels_only, struct sk_err *err)
{
    struct taking t = {.to = s, .labels_only = labels_only};
    enum sk_code code = sk_list_read(path, sk_list_form_of(path), take_row, &t, err);
    if (code == SK_OK && t.first[0] && t.second[0] && !is_there(dir, t.first) && is_there(dir, t.second))
        code = sk_fail(err, SK_INPUT,
                       "'%s' line 1: there is no picture '%s', and no header that is known: it names columns %s; and %s",
                       path, t.first, sk_list_paths, sk_list_labels);
    return code;
}

/* The labels of both splits tell what they are, since either may lack some. */
static enum sk_code load(struct listed *s, const struct layout *l, const struct sk_recipe_data *data, struct sk_err *err)
{
    struct sk_class_list classes = {0};
    char shown[SK_PATH];
    enum sk_code code = sk_file_list_init(&s->list, l->dir, err);
    if (code == SK_OK)
        code = sk_class_list_of(&classes, shown, data, "classes.txt", err);
    if (code == SK_OK)
        code = read_list(s, l->split, l->dir, false, err);
    if (code == SK_OK && s->list.count == 0)
        code = sk_fail(err, SK_INPUT, "'%s' lists no picture", l->split);
    if (code == SK_OK && l->other[0])
        code = read_list(s, l->other, l->dir, true, err);
    if (code == SK_OK)
        code = sk_classes_make(&s->classes, &s->labels, shown[0] ? &classes : NULL, shown[0] ? shown : data->path, err);
    for (size_t i = 0; code == SK_OK && i < s->list.count; i++)
        s->list.file[i].label = s->classes.of[s->list.file[i].label];
    sk_class_list_release(&classes);
    return code;
}

/* A picture that is listed twice stays in one split. */
static enum sk_code find_same(struct listed *s, const char *path, struct sk_err *err)
{
    int64_t more, first;
    char name[SK_PATH];
    if (!(s->same = sk_alloc(s->list.count, sizeof(*s->same), err)))
        return SK_NOMEM;
    enum sk_code code = sk_same_files(s->same, &more, &first, &sk_source_list, s, (int64_t)s->list.count, err);
    if (code != SK_OK || more > 0) {
        if (code == SK_OK) {
            sk_file_list_name(&s->list, first, name, sizeof(name));
            sk_notice("'%s': %lld %s a picture that is listed before, the first: '%s'", path, (long long)more,
                      more == 1 ? "line names" : "lines name", name);
        }
        return code;
    }
    sk_free(s->same);
    s->same = NULL;
    return SK_OK;
}

/* ---- the source ---- */
static bool list_probe(const struct sk_recipe_data *data)
{
    struct layout l;
    return (sk_is_dir(data->path) || sk_list_form_of(data->path) != SK_LIST_NONE) &&
           find_layout(&l, data->path, SK_TRAIN, NULL) == SK_OK;
}

static void list_close(void *self)
{
    struct listed *s = self;
    sk_file_list_release(&s->list);
    sk_free(s->same);
    sk_label_set_release(&s->labels);
    sk_classes_release(&s->classes);
    sk_free(s);
}

static enum sk_code list_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                              int64_t seed, enum sk_split split, struct sk_err *err)
{
    struct layout l;
    enum sk_code code = find_layout(&l, data->path, split, err);
    (void)seed; /* a split by seed is made of all that is listed */
    if (code != SK_OK)
        return code;
    struct listed *s = sk_alloc(1, sizeof(*s), err);
    if (!s)
        return SK_NOMEM;
    if ((code = load(s, &l, data, err)) != SK_OK || (code = find_same(s, l.split, err)) != SK_OK) {
        list_close(s);
        return code;
    }
    *info = (struct sk_dataset_info){
        .count = (int64_t)s->list.count,
        .classes = s->classes.count,
        .class_name = s->classes.name,
        .pixel = SK_PIXEL_U8,
        .channels = 3,
        .fingerprint = sk_file_list_hash(&s->list, sk_hash_bytes(SK_HASH_START, s->classes.text.text,
                                                                 s->classes.text.len)),
        .both_splits = l.other[0] == '\0',
        .same = s->same,
    };
    *self = s;
    return SK_OK;
}

static int list_label(const void *self, int64_t index)
{
    return ((const struct listed *)self)->list.file[index].label;
}

static enum sk_code list_file(const void *self, int64_t index, char **data, size_t *len, struct sk_err *err)
{
    return sk_file_list_file(&((const struct listed *)self)->list, index, data, len, err);
}

static void list_name(const void *self, int64_t index, char *out, size_t size)
{
    sk_file_list_name(&((const struct listed *)self)->list, index, out, size);
}

const struct sk_source_ops sk_source_list = {
    .source = SK_SOURCE_LIST,
    .name = "list",
    .decodes = true,
    .help = "pictures named by a CSV or JSON-lines file of paths and labels",
    .probe = list_probe,
    .open = list_open,
    .close = list_close,
    .label = list_label,
    .name_of = list_name,
    .file = list_file,
};

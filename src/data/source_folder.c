/* Folders of pictures, one for each class: DIR/train and DIR/val (or valid, validation, test), or the class folders in
 * DIR (or DIR/train) itself, of which a share of each class is kept for validation, chosen by the seed. The pictures of
 * val may also lie in it without class folders, where data.val_labels gives their labels. */
#include "data/folder.h"

#include <string.h>

struct folder {
    struct sk_file_list list;
    char **class_name; /* one block with its texts */
    size_t classes;
    struct sk_class_list list_of_classes; /* readable names, by the folders'; may be empty */
    const char **shown;                   /* [classes]: of the one or the other */
};

/* ---- where the pictures of a split lie ---- */
struct layout {
    char root[SK_PATH];    /* its pictures */
    char classes[SK_PATH]; /* the class folders, mostly root */
    char val[SK_PATH];     /* class folders of validation, which may lack some; empty: none */
    char labels[SK_PATH];  /* list of labels of the pictures in root; empty: class folders tell */
    bool by_seed;          /* both splits share root, and are told apart by the seed */
};

const char *const sk_val_names[] = {"val", "valid", "validation", "test", NULL};

static bool is_split_name(const char *name)
{
    bool is = strcmp(name, "train") == 0;
    for (size_t i = 0; sk_val_names[i]; i++)
        is = is || strcmp(name, sk_val_names[i]) == 0;
    return is;
}

/* path/name into out where that is a folder, else out is empty. */
static enum sk_code find_folder(char out[SK_PATH], const char *path, const char *name, struct sk_err *err)
{
    enum sk_code code = sk_path_join(out, err, path, name);
    if (code == SK_OK && !sk_is_dir(out))
        out[0] = '\0';
    return code;
}

/* Whether path holds folders, and nothing but those of splits (then a missing one is not made by the seed). */
static enum sk_code only_splits(const char *path, bool *only, struct sk_err *err)
{
    char **names;
    size_t count;
    enum sk_code code = sk_folder_classes(path, &names, &count, err);
    if (code != SK_OK)
        return code;
    *only = count > 0;
    for (size_t i = 0; i < count; i++)
        *only = *only && is_split_name(names[i]);
    sk_free(names);
    return SK_OK;
}

/* DIR/train with class folders beside DIR/val, whose pictures have a list of labels. */
static enum sk_code set_flat(struct layout *out, const struct sk_recipe_data *data, const char *train, const char *val,
                             enum sk_split split, struct sk_err *err)
{
    memcpy(out->root, split == SK_TRAIN ? train : val, SK_PATH);
    memcpy(out->classes, train, SK_PATH);
    return split == SK_VAL ? sk_path_join(out->labels, err, data->path, data->val_labels) : SK_OK;
}

static enum sk_code find_layout(struct layout *out, const struct sk_recipe_data *data, enum sk_split split,
                                struct sk_err *err)
{
    const char *path = data->path;
    char train[SK_PATH], val[SK_PATH] = "";
    bool only = false;
    *out = (struct layout){0};
    if (path[0] == '\0')
        return sk_fail(err, SK_INPUT, "no folder of pictures is given: set data.path (--data DIR)");
    if (!sk_is_dir(path))
        return sk_fail(err, SK_INPUT, "cannot open data '%s': no such folder", path);
    enum sk_code code = find_folder(train, path, "train", err);
    for (size_t i = 0; code == SK_OK && val[0] == '\0' && sk_val_names[i]; i++)
        code = find_folder(val, path, sk_val_names[i], err);
    if (code == SK_OK)
        code = only_splits(path, &only, err);
    if (code != SK_OK)
        return code;
    if (data->val_labels[0] && (!train[0] || !val[0]))
        return sk_fail(err, SK_INPUT, "'%s': data.val_labels is given, which expects folders 'train' and 'val' there",
                       path);
    if (data->val_labels[0])
        return set_flat(out, data, train, val, split, err);
    if (train[0] && val[0]) {
        memcpy(out->root, split == SK_TRAIN ? train : val, SK_PATH);
        memcpy(out->classes, train, SK_PATH);
        memcpy(out->val, val, SK_PATH);
        return SK_OK;
    }
    if (val[0] && only) {
        if (split == SK_TRAIN)
            return sk_fail(err, SK_INPUT, "'%s' has no training split: expected a folder 'train' beside '%s'", path,
                           val);
        memcpy(out->root, val, SK_PATH);
    } else {
        out->by_seed = true;
        if (train[0])
            memcpy(out->root, train, SK_PATH);
        else
            code = sk_format(out->root, SK_PATH, "the path of the data", err, "%s", path);
    }
    memcpy(out->classes, out->root, SK_PATH);
    return code;
}

/* ---- classes ---- */
static const char *missing_from(char *const *names, size_t n, char *const *others, size_t m)
{
    size_t j = 0;
    for (size_t i = 0; i < n; i++) { /* both are sorted */
        while (j < m && strcmp(others[j], names[i]) < 0)
            j++;
        if (j == m || strcmp(others[j], names[i]) != 0)
            return names[i];
    }
    return NULL;
}

/* Validation has no class that training has not; one that it lacks is told. */
static enum sk_code check_val_classes(const struct folder *f, const struct layout *where, struct sk_err *err)
{
    char **names;
    size_t count;
    enum sk_code code = sk_folder_classes(where->val, &names, &count, err);
    if (code != SK_OK)
        return code;
    const char *lacked = missing_from(f->class_name, f->classes, names, count);
    const char *more = missing_from(names, count, f->class_name, f->classes);
    if (more)
        code = sk_fail(err, SK_INPUT, "the class folder '%s' is in '%s' but not in '%s'", more, where->val,
                       where->classes);
    else if (lacked)
        sk_notice("'%s' has %zu of the %zu classes of '%s', without '%s'%s", where->val, count, f->classes,
                  where->classes, lacked, f->classes - count > 1 ? " and others" : "");
    sk_free(names);
    return code;
}

/* Models hold their classes' names, as UTF-8. */
static enum sk_code check_names(const struct folder *f, const char *root, struct sk_err *err)
{
    char shown[SK_PATH];
    for (size_t i = 0; i < f->classes; i++)
        if (!sk_is_utf8(f->class_name[i]))
            return sk_fail(err, SK_INPUT, "'%s/%s': a class folder's name must be UTF-8 text", root,
                           sk_printable(shown, sizeof(shown), f->class_name[i]));
    return SK_OK;
}

/* What the classes are called: by the list where there is one. */
static enum sk_code show_classes(struct folder *f, const struct sk_recipe_data *data, struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = sk_class_list_of(&f->list_of_classes, path, data, NULL, err);
    if (code == SK_OK && !(f->shown = sk_alloc(f->classes, sizeof(*f->shown), err)))
        code = SK_NOMEM;
    for (size_t i = 0; code == SK_OK && i < f->classes; i++) {
        int number = path[0] ? sk_label_set_find(&f->list_of_classes.id, f->class_name[i]) : -1;
        f->shown[i] = number < 0 ? f->class_name[i] : sk_class_list_name(&f->list_of_classes, number);
        if (path[0] && number < 0)
            code = sk_fail(err, SK_INPUT, "the class folder '%s' is not in the list '%s'", f->class_name[i], path);
    }
    return code;
}

static enum sk_code find_classes(struct folder *f, const struct layout *where, const struct sk_recipe_data *data,
                                 struct sk_err *err)
{
    enum sk_code code = sk_folder_classes(where->classes, &f->class_name, &f->classes, err);
    if (code != SK_OK)
        return code;
    if (f->classes < 2)
        return sk_fail(err, SK_INPUT, "'%s': expected a folder of pictures for each of at least two classes, found %zu",
                       where->classes, f->classes);
    if ((code = check_names(f, where->classes, err)) == SK_OK && where->val[0])
        code = check_val_classes(f, where, err);
    return code == SK_OK ? show_classes(f, data, err) : code;
}

/* ---- the source ---- */
static bool folder_probe(const struct sk_recipe_data *data)
{
    char **names;
    size_t count;
    if (data->path[0] == '\0' || !sk_is_dir(data->path) || sk_folder_classes(data->path, &names, &count, NULL) != SK_OK)
        return false;
    sk_free(names);
    return count > 0;
}

static void folder_close(void *self)
{
    struct folder *f = self;
    sk_file_list_release(&f->list);
    sk_class_list_release(&f->list_of_classes);
    sk_free(f->shown);
    sk_free(f->class_name);
    sk_free(f);
}

static uint64_t fingerprint(const struct folder *f)
{
    uint64_t hash = SK_HASH_START;
    for (size_t i = 0; i < f->classes; i++)
        hash = sk_hash_bytes(hash, f->class_name[i], strlen(f->class_name[i]) + 1);
    return sk_file_list_hash(&f->list, hash);
}

/* Only validation may lack a class. */
static bool has_class(const struct layout *where, const char *name)
{
    char path[SK_PATH];
    return strcmp(where->root, where->classes) == 0 ||
           (sk_path_join(path, NULL, where->root, name) == SK_OK && sk_is_dir(path));
}

static enum sk_code list_pictures(struct folder *f, const struct layout *where, struct sk_err *err)
{
    enum sk_code code = sk_file_list_init(&f->list, where->root, err);
    if (code == SK_OK && where->labels[0]) {
        struct sk_folder_classes classes = {f->class_name, f->classes, &f->list_of_classes};
        return sk_file_list_add_flat(&f->list, where->labels, &classes, err);
    }
    for (size_t i = 0; code == SK_OK && i < f->classes; i++)
        if (has_class(where, f->class_name[i]))
            code = sk_file_list_add_class(&f->list, f->class_name[i], (int)i, err);
    if (code == SK_OK)
        sk_file_list_tell_ignored(&f->list);
    return code;
}

static enum sk_code folder_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                                int64_t seed, enum sk_split split, struct sk_err *err)
{
    struct layout where;
    (void)seed; /* a split by seed is made of all that is found here */
    enum sk_code code = find_layout(&where, data, split, err);
    if (code != SK_OK)
        return code;
    struct folder *f = sk_alloc(1, sizeof(*f), err);
    if (!f)
        return SK_NOMEM;
    code = find_classes(f, &where, data, err);
    if (code == SK_OK)
        code = list_pictures(f, &where, err);
    if (code != SK_OK) {
        folder_close(f);
        return code;
    }
    *info = (struct sk_dataset_info){
        .count = (int64_t)f->list.count, .classes = (int)f->classes, .class_name = f->shown,
        .pixel = SK_PIXEL_U8, .channels = 3, .fingerprint = fingerprint(f), .both_splits = where.by_seed,
    };
    *self = f;
    return SK_OK;
}

static int folder_label(const void *self, int64_t index)
{
    return ((const struct folder *)self)->list.file[index].label;
}

static enum sk_code folder_file(const void *self, int64_t index, char **data, size_t *len, struct sk_err *err)
{
    return sk_file_list_file(&((const struct folder *)self)->list, index, data, len, err);
}

static void folder_name(const void *self, int64_t index, char *out, size_t size)
{
    sk_file_list_name(&((const struct folder *)self)->list, index, out, size);
}

const struct sk_source_ops sk_source_folder = {
    .source = SK_SOURCE_FOLDER, .name = "folder", .decodes = true, .help = "a folder of JPEG or PNG pictures for each class",
    .probe = folder_probe, .open = folder_open, .close = folder_close, .label = folder_label, .name_of = folder_name,
    .file = folder_file,
};

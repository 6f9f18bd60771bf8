/* Folders of pictures, one for each class: DIR/train and DIR/val (or valid, validation, test), or the class folders in
 * DIR (or DIR/train) itself, of which a share of each class is kept for validation, chosen by the seed. */
#include "data/folder.h"

#include <string.h>

struct folder {
    struct sk_file_list list;
    char **class_name; /* one block with its texts */
    size_t classes;
};

/* ---- where the pictures of a split lie ---- */
struct layout {
    char root[SK_PATH];  /* its class folders */
    char other[SK_PATH]; /* those of the other split, which must be the same classes; empty: none */
    bool by_seed;        /* both splits share root */
};

static const char *const val_names[] = {"val", "valid", "validation", "test"};

static bool is_split_name(const char *name)
{
    bool is = strcmp(name, "train") == 0;
    for (size_t i = 0; i < SK_COUNT(val_names); i++)
        is = is || strcmp(name, val_names[i]) == 0;
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

static enum sk_code find_layout(struct layout *out, const char *path, enum sk_split split, struct sk_err *err)
{
    char train[SK_PATH], val[SK_PATH] = "";
    bool only = false;
    *out = (struct layout){0};
    if (path[0] == '\0')
        return sk_fail(err, SK_INPUT, "no folder of pictures is given: set data.path (--data DIR)");
    if (!sk_is_dir(path))
        return sk_fail(err, SK_INPUT, "cannot open data '%s': no such folder", path);
    enum sk_code code = find_folder(train, path, "train", err);
    for (size_t i = 0; code == SK_OK && val[0] == '\0' && i < SK_COUNT(val_names); i++)
        code = find_folder(val, path, val_names[i], err);
    if (code == SK_OK)
        code = only_splits(path, &only, err);
    if (code != SK_OK)
        return code;
    if (train[0] && val[0]) {
        memcpy(out->root, split == SK_TRAIN ? train : val, SK_PATH);
        memcpy(out->other, split == SK_TRAIN ? val : train, SK_PATH);
    } else if (val[0] && only) {
        if (split == SK_TRAIN)
            return sk_fail(err, SK_INPUT, "'%s' has no training split: expected a folder 'train' beside '%s'", path,
                           val);
        memcpy(out->root, val, SK_PATH);
    } else {
        out->by_seed = true;
        if (train[0])
            memcpy(out->root, train, SK_PATH);
        else
            return sk_format(out->root, SK_PATH, "the path of the data", err, "%s", path);
    }
    return SK_OK;
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

static enum sk_code check_same_classes(const struct folder *f, const char *root, const char *other, struct sk_err *err)
{
    char **names;
    size_t count;
    enum sk_code code = sk_folder_classes(other, &names, &count, err);
    if (code != SK_OK)
        return code;
    const char *here = missing_from(f->class_name, f->classes, names, count);
    const char *there = missing_from(names, count, f->class_name, f->classes);
    if (here || there)
        code = sk_fail(err, SK_INPUT, "the class folder '%s' is in '%s' but not in '%s'", here ? here : there,
                       here ? root : other, here ? other : root);
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

static enum sk_code find_classes(struct folder *f, const struct layout *where, struct sk_err *err)
{
    enum sk_code code = sk_folder_classes(where->root, &f->class_name, &f->classes, err);
    if (code != SK_OK)
        return code;
    if (f->classes < 2)
        return sk_fail(err, SK_INPUT, "'%s': expected a folder of pictures for each of at least two classes, found %zu",
                       where->root, f->classes);
    if ((code = check_names(f, where->root, err)) != SK_OK)
        return code;
    return where->other[0] ? check_same_classes(f, where->root, where->other, err) : SK_OK;
}

/* ---- the split by seed ---- */

/* Moves the chosen share of files[0..n), one class, to the front of *kept; which they are depends on seed and label
 * alone. */
static enum sk_code split_class(const struct sk_file_entry *file, size_t n, double fraction, int64_t seed,
                                enum sk_split split, struct sk_file_entry *kept, size_t *count, struct sk_err *err)
{
    size_t val = (size_t)((double)n * fraction + 0.5);
    val = val < 1 ? 1 : val;
    val = val > n - 1 ? n - 1 : val; /* one picture at least stays for training */
    if (!(fraction > 0.0))
        val = 0;
    int64_t *order = sk_alloc(n, sizeof(*order), err);
    bool *is_val = order ? sk_alloc(n, sizeof(*is_val), err) : NULL;
    if (is_val) {
        struct sk_rng rng;
        sk_rng_init(&rng, (uint64_t)seed, 0, (uint64_t)file->label, SK_RNG_SPLIT);
        for (size_t i = 0; i < n; i++)
            order[i] = (int64_t)i;
        for (size_t i = 0; i < val; i++) {
            size_t j = i + sk_rng_below(&rng, (uint32_t)(n - i));
            is_val[order[j]] = true;
            order[j] = order[i];
        }
        for (size_t i = 0; i < n; i++)
            if (is_val[i] == (split == SK_VAL))
                kept[(*count)++] = file[i];
    }
    sk_free(order);
    sk_free(is_val);
    return is_val ? SK_OK : SK_NOMEM;
}

static enum sk_code split_by_seed(struct sk_file_list *l, const struct sk_recipe_data *data, int64_t seed,
                                  enum sk_split split, struct sk_err *err)
{
    size_t kept = 0, end;
    if (split == SK_VAL && !(data->val_fraction > 0.0))
        return sk_fail(err, SK_INPUT, "'%s' has no validation split: expected a folder 'val' or 'test', or a "
                       "data.val_fraction above 0", data->path);
    for (size_t begin = 0; begin < l->count; begin = end) { /* kept never overtakes begin: splitting in place is safe */
        for (end = begin; end < l->count && l->file[end].label == l->file[begin].label; end++)
            ;
        enum sk_code code =
            split_class(l->file + begin, end - begin, data->val_fraction, seed, split, l->file, &kept, err);
        if (code != SK_OK)
            return code;
    }
    l->count = kept;
    if (kept == 0)
        return sk_fail(err, SK_INPUT, "'%s' has no validation split: no class has more than one picture", data->path);
    return SK_OK;
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
    sk_free(f->class_name);
    sk_free(f);
}

static uint64_t fingerprint(const struct folder *f)
{
    uint64_t hash = SK_HASH_START;
    for (size_t i = 0; i < f->classes; i++)
        hash = sk_hash_bytes(hash, f->class_name[i], strlen(f->class_name[i]) + 1);
    for (size_t i = 0; i < f->list.count; i++) {
        const char *name = f->list.text.text + f->list.file[i].name;
        hash = sk_hash_bytes(hash, name, strlen(name) + 1);
        hash = sk_hash_bytes(hash, &f->list.file[i].bytes, sizeof(f->list.file[i].bytes));
    }
    return hash;
}

static enum sk_code list_pictures(struct folder *f, const struct layout *where, struct sk_err *err)
{
    enum sk_code code = sk_file_list_init(&f->list, where->root, err);
    for (size_t i = 0; code == SK_OK && i < f->classes; i++)
        code = sk_file_list_add_class(&f->list, f->class_name[i], (int)i, err);
    if (code == SK_OK && f->list.ignored > 0)
        sk_notice("'%s': left out %lld %s not .jpg, .jpeg or .png", where->root, (long long)f->list.ignored,
                  f->list.ignored == 1 ? "file that is" : "files that are");
    return code;
}

static enum sk_code folder_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data,
                                int64_t seed, enum sk_split split, struct sk_err *err)
{
    struct layout where;
    enum sk_code code = find_layout(&where, data->path, split, err);
    if (code != SK_OK)
        return code;
    struct folder *f = sk_alloc(1, sizeof(*f), err);
    if (!f)
        return SK_NOMEM;
    code = find_classes(f, &where, err);
    if (code == SK_OK)
        code = list_pictures(f, &where, err);
    if (code == SK_OK && where.by_seed)
        code = split_by_seed(&f->list, data, seed, split, err);
    if (code != SK_OK) {
        folder_close(f);
        return code;
    }
    *info = (struct sk_dataset_info){
        .count = (int64_t)f->list.count, .classes = (int)f->classes, .class_name = (const char *const *)f->class_name,
        .pixel = SK_PIXEL_U8, .channels = 3, .fingerprint = fingerprint(f),
    };
    *self = f;
    return SK_OK;
}

static int folder_label(const void *self, int64_t index)
{
    return ((const struct folder *)self)->list.file[index].label;
}

static enum sk_code file_path(char out[SK_PATH], const struct sk_file_list *l, int64_t index, struct sk_err *err)
{
    return sk_path_join(out, err, l->root, l->text.text + l->file[index].name);
}

static enum sk_code folder_read_bytes(const void *self, int64_t index, char **data, size_t *len, char name[SK_PATH],
                                      struct sk_err *err)
{
    enum sk_code code = file_path(name, &((const struct folder *)self)->list, index, err);
    return code == SK_OK ? sk_file_read(name, SK_MAX_FILE, data, len, err) : code;
}

static void folder_name(const void *self, int64_t index, char *out, size_t size)
{
    const struct sk_file_list *l = &((const struct folder *)self)->list;
    snprintf(out, size, "%s/%s", l->root, l->text.text + l->file[index].name);
}

const struct sk_source_ops sk_source_folder = {
    .source = SK_SOURCE_FOLDER, .name = "folder", .decodes = true, .help = "a folder of JPEG or PNG pictures for each class",
    .probe = folder_probe, .open = folder_open, .close = folder_close, .label = folder_label,
    .read_bytes = folder_read_bytes,
    .name_of = folder_name,
};

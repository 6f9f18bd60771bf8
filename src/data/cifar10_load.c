/* CIFAR-10: where its files lie, and loading a split from a folder or straight from an archive. */
#include "data/cifar10.h"

#include <string.h>

#include "data/archive.h"
#include "data/internal.h"

/* Files of a layout: the batches of the training split, that of the validation split, the class names. */
enum { TEST_FILE = SK_CIFAR_BATCHES, META_FILE, FILES };

static const char *const file_names[][FILES] = {
    [SK_CIFAR_BINARY] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                         "data_batch_5.bin", "test_batch.bin", "batches.meta.txt"},
    [SK_CIFAR_PICKLED] = {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch",
                          "batches.meta"},
};
static const char *const class_names[SK_CIFAR_CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                          "dog",      "frog",       "horse", "ship", "truck"};

/* ---- finding ---- */

static bool holds_batches(const char *folder, enum sk_cifar_layout layout)
{
    char path[SK_PATH];
    for (int i = 0; i <= TEST_FILE; i++)
        if (sk_path_join(path, NULL, folder, file_names[layout][i]) == SK_OK && sk_is_file(path))
            return true;
    return false;
}

/* Tries path/name (path itself: name NULL) as a folder of batches, or as an archive where the layout is unknown. */
static bool try_place(struct sk_cifar_place *place, const char *path, const char *name, enum sk_cifar_layout layout)
{
    if ((name ? sk_path_join(place->path, NULL, path, name)
              : sk_format(place->path, sizeof(place->path), "the path", NULL, "%s", path)) != SK_OK)
        return false;
    place->layout = layout;
    place->archive = layout == SK_CIFAR_UNKNOWN;
    return place->archive ? sk_is_file(place->path) : holds_batches(place->path, layout);
}

static bool find_in_folder(struct sk_cifar_place *place, const char *path)
{
    return try_place(place, path, NULL, SK_CIFAR_BINARY) ||
           try_place(place, path, "cifar-10-batches-bin", SK_CIFAR_BINARY) ||
           try_place(place, path, NULL, SK_CIFAR_PICKLED) ||
           try_place(place, path, "cifar-10-batches-py", SK_CIFAR_PICKLED) ||
           try_place(place, path, "cifar-10-binary.tar.gz", SK_CIFAR_UNKNOWN) ||
           try_place(place, path, "cifar-10-python.tar.gz", SK_CIFAR_UNKNOWN);
}

enum sk_code sk_cifar_find(struct sk_cifar_place *place, const char *path, struct sk_err *err)
{
    if (path[0] == '\0')
        return sk_fail(err, SK_INPUT, "no folder of CIFAR-10 is given: set data.path (--data DIR)");
    if (try_place(place, path, NULL, SK_CIFAR_UNKNOWN) || find_in_folder(place, path))
        return SK_OK;
    if (!sk_is_dir(path))
        return sk_fail(err, SK_INPUT, "cannot open data '%s': no such file or folder", path);
    return sk_fail(
        err, SK_INPUT,
        "'%s' holds no CIFAR-10: expected data_batch_1.bin or data_batch_1, a folder cifar-10-batches-bin or "
        "cifar-10-batches-py, or an archive cifar-10-binary.tar.gz or cifar-10-python.tar.gz",
        path);
}

/* Layout of the file that name (in any folder) is one of, and which; SK_CIFAR_UNKNOWN: of none. */
static enum sk_cifar_layout layout_of(const char *name, int *file)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    for (int layout = 0; layout < SK_CIFAR_UNKNOWN; layout++)
        for (*file = 0; *file < FILES; ++*file)
            if (strcmp(base, file_names[layout][*file]) == 0)
                return (enum sk_cifar_layout)layout;
    return SK_CIFAR_UNKNOWN;
}

/* An archive is CIFAR-10 where one of its files is among the first. */
static bool probe_archive(const char *path)
{
    enum { LOOK_AT = 4 };
    struct sk_archive *a;
    const char *name = NULL;
    bool found = false;
    int file;

    if (sk_archive_open(&a, path, NULL) != SK_OK)
        return false;
    for (int i = 0; i < LOOK_AT && !found && sk_archive_next(a, &name, NULL) == SK_OK && name; i++)
        found = layout_of(name, &file) != SK_CIFAR_UNKNOWN;
    sk_archive_close(a);
    return found;
}

bool sk_cifar_probe(const char *path)
{
    struct sk_cifar_place place;
    return sk_is_dir(path) ? find_in_folder(&place, path) : sk_is_file(path) && probe_archive(path);
}

/* ---- loading ---- */

void sk_cifar_release(struct sk_cifar *c)
{
    for (int i = 0; i < SK_CIFAR_BATCHES; i++) {
        struct sk_cifar_batch *b = &c->batch[i];
        sk_file_close(&b->file);
        sk_free(b->content);
        sk_free(b->owned);
    }
    sk_free(c->label);
    *c = (struct sk_cifar){0};
}

static void set_layout(struct sk_cifar *c, enum sk_cifar_layout layout, enum sk_split split)
{
    c->layout = layout;
    c->batches = split == SK_TRAIN ? SK_CIFAR_BATCHES : 1;
    for (int i = 0; i < c->batches; i++)
        c->batch[i].name = file_names[layout][split == SK_TRAIN ? i : TEST_FILE];
}

static enum sk_code no_validation(const struct sk_cifar_place *place, const char *name, struct sk_err *err)
{
    return sk_fail(err, SK_INPUT, "'%s' has no validation split: %s is not there", place->path, name);
}

static enum sk_code open_batch(struct sk_cifar_batch *b, const char *path, enum sk_cifar_layout layout,
                               struct sk_err *err)
{
    char *content = NULL;
    enum sk_code code;

    if (layout == SK_CIFAR_BINARY) {
        code = sk_file_open(&b->file, path, err);
        b->len = (size_t)b->file.size;
        return code;
    }
    code = sk_file_read(path, SK_MAX_FILE, &content, &b->len, err);
    b->content = content;
    return code;
}

static enum sk_code load_folder(struct sk_cifar *c, const struct sk_cifar_place *place, enum sk_split split,
                                struct sk_err *err)
{
    char path[SK_PATH], *meta = NULL;
    size_t len;
    enum sk_code code;

    set_layout(c, place->layout, split);
    for (int i = 0; i < c->batches; i++) {
        struct sk_cifar_batch *b = &c->batch[i];
        if ((code = sk_path_join(path, err, place->path, b->name)) != SK_OK)
            return code;
        if (split == SK_VAL && !sk_is_file(path))
            return no_validation(place, b->name, err);
        if ((code = open_batch(b, path, c->layout, err)) != SK_OK ||
            (code = sk_cifar_read_batch(c, b, path, err)) != SK_OK)
            return code;
    }
    if ((code = sk_path_join(path, err, place->path, file_names[c->layout][META_FILE])) != SK_OK || !sk_is_file(path))
        return code;
    if ((code = sk_file_read(path, SK_CIFAR_MAX_META, &meta, &len, err)) == SK_OK)
        code = sk_cifar_read_meta(c, meta, len, path, err);
    sk_free(meta);
    return code;
}

/* Where the content of a file of an archive goes, as the split needs it; NULL: it does not. */
static struct sk_cifar_batch *target_of(struct sk_cifar *c, int file, enum sk_split split, struct sk_cifar_batch *meta)
{
    if (file == META_FILE)
        return meta;
    if (split == SK_VAL)
        return file == TEST_FILE ? &c->batch[0] : NULL;
    return file == TEST_FILE ? NULL : &c->batch[file];
}

/* Reads members until the split's batches and the class names are there, or to the end. The first file decides the
 * layout. */
static enum sk_code read_members(struct sk_cifar *c, struct sk_archive *a, enum sk_split split,
                                 struct sk_cifar_batch *meta, struct sk_err *err)
{
    const char *name;
    enum sk_code code;
    int missing = -1, file;

    c->layout = SK_CIFAR_UNKNOWN;
    while (missing != 0) {
        if ((code = sk_archive_next(a, &name, err)) != SK_OK || !name)
            return code;
        enum sk_cifar_layout layout = layout_of(name, &file);
        if (layout == SK_CIFAR_UNKNOWN)
            continue;
        if (c->layout == SK_CIFAR_UNKNOWN) {
            set_layout(c, layout, split);
            missing = c->batches + 1;
        }
        struct sk_cifar_batch *target = layout == c->layout ? target_of(c, file, split, meta) : NULL;
        if (!target)
            continue;
        if (target->content)
            return sk_fail(err, SK_INPUT, "the archive holds '%s' twice", name);
        if ((code = sk_archive_read(a, &target->content, &target->len, err)) != SK_OK)
            return code;
        missing--;
    }
    return SK_OK;
}

static enum sk_code parse_members(struct sk_cifar *c, const struct sk_cifar_place *place, enum sk_split split,
                                  const struct sk_cifar_batch *meta, struct sk_err *err)
{
    char shown[SK_PATH];
    enum sk_code code;

    if (c->layout == SK_CIFAR_UNKNOWN)
        return sk_fail(err, SK_INPUT, "archive '%s' holds no CIFAR-10: no data_batch_1.bin or data_batch_1 in it",
                       place->path);
    for (int i = 0; i < c->batches; i++) {
        struct sk_cifar_batch *b = &c->batch[i];
        if (!b->content && split == SK_VAL)
            return no_validation(place, b->name, err);
        if (!b->content)
            return sk_fail(err, SK_INPUT, "archive '%s' holds no %s", place->path, b->name);
        if ((code = sk_format(shown, sizeof(shown), "the path", err, "%s:%s", place->path, b->name)) != SK_OK ||
            (code = sk_cifar_read_batch(c, b, shown, err)) != SK_OK)
            return code;
    }
    if (!meta->content)
        return SK_OK;
    code = sk_format(shown, sizeof(shown), "the path", err, "%s:%s", place->path, file_names[c->layout][META_FILE]);
    return code == SK_OK ? sk_cifar_read_meta(c, meta->content, meta->len, shown, err) : code;
}

static enum sk_code load_archive(struct sk_cifar *c, const struct sk_cifar_place *place, enum sk_split split,
                                 struct sk_err *err)
{
    struct sk_cifar_batch meta = {0};
    struct sk_archive *a;
    enum sk_code code = sk_archive_open(&a, place->path, err);

    if (code == SK_OK)
        sk_notice("reading '%s' takes some seconds; unpacked, it would start at once", place->path);
    if (code == SK_OK && (code = read_members(c, a, split, &meta, err)) == SK_OK)
        code = parse_members(c, place, split, &meta, err);
    sk_archive_close(a);
    sk_free(meta.content);
    return code;
}

enum sk_code sk_cifar_load(struct sk_cifar *c, const struct sk_cifar_place *place, enum sk_split split,
                           struct sk_err *err)
{
    c->hash = SK_HASH_START;
    for (int i = 0; i < SK_CIFAR_CLASSES; i++) {
        (void)snprintf(c->name[i], sizeof(c->name[i]), "%s", class_names[i]); /* unless the files name them otherwise */
        c->class_name[i] = c->name[i];
    }
    return place->archive ? load_archive(c, place, split, err) : load_folder(c, place, split, err);
}

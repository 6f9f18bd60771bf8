/* CIFAR: where its files lie, and loading a split from a folder or straight from an archive. */
#include "data/cifar.h"

#include <string.h>

#include "data/archive.h"
#include "data/internal.h"

/* ---- finding ---- */

static bool has_file(const char *folder, const char *name)
{
    char path[SK_PATH];
    return name && sk_path_join(path, NULL, folder, name) == SK_OK && sk_is_file(path);
}

/* guess: nothing but the files tells that it is this kind. */
static bool holds_batches(const struct sk_cifar_kind *kind, const char *folder, enum sk_cifar_layout layout, bool guess)
{
    const char *const *file = kind->file[layout];
    bool any = false;
    for (int i = 0; i <= SK_CIFAR_TEST; i++)
        any = any || has_file(folder, file[i]);
    return any && (!guess || !kind->plain || has_file(folder, file[SK_CIFAR_META]));
}

/* Tries path/name (path itself: name NULL) as a folder of batches, or as an archive where the layout is unknown. */
static bool try_place(const struct sk_cifar_kind *kind, struct sk_cifar_place *place, const char *path,
                      const char *name, enum sk_cifar_layout layout, bool guess)
{
    if ((name ? sk_path_join(place->path, NULL, path, name)
              : sk_format(place->path, sizeof(place->path), "the path", NULL, "%s", path)) != SK_OK)
        return false;
    place->layout = layout;
    place->archive = layout == SK_CIFAR_UNKNOWN;
    return place->archive ? sk_is_file(place->path) : holds_batches(kind, place->path, layout, guess && !name);
}

static bool find_in_folder(const struct sk_cifar_kind *kind, struct sk_cifar_place *place, const char *path,
                           bool guess)
{
    for (int layout = 0; layout < SK_CIFAR_LAYOUTS; layout++)
        if (try_place(kind, place, path, NULL, (enum sk_cifar_layout)layout, guess) ||
            try_place(kind, place, path, kind->folder[layout], (enum sk_cifar_layout)layout, guess))
            return true;
    for (int layout = 0; layout < SK_CIFAR_LAYOUTS; layout++)
        if (try_place(kind, place, path, kind->archive[layout], SK_CIFAR_UNKNOWN, guess))
            return true;
    return false;
}

enum sk_code sk_cifar_find(const struct sk_cifar_kind *kind, struct sk_cifar_place *place, const char *path,
                           struct sk_err *err)
{
    if (path[0] == '\0')
        return sk_fail(err, SK_INPUT, "no folder of %s is given: set data.path (--data DIR)", kind->title);
    if (try_place(kind, place, path, NULL, SK_CIFAR_UNKNOWN, false) || find_in_folder(kind, place, path, false))
        return SK_OK;
    if (!sk_is_dir(path))
        return sk_fail(err, SK_INPUT, "cannot open data '%s': no such file or folder", path);
    const char *const *folder = kind->folder, *const *archive = kind->archive;
    return sk_fail(err, SK_INPUT,
                   "'%s' holds no %s: expected %s, %s or %s, a folder %s, %s or %s, or an archive %s, %s or %s", path,
                   kind->title, kind->file[SK_CIFAR_BINARY][0], kind->file[SK_CIFAR_PICKLED][0],
                   kind->file[SK_CIFAR_MATLAB][0], folder[SK_CIFAR_BINARY], folder[SK_CIFAR_PICKLED],
                   folder[SK_CIFAR_MATLAB], archive[SK_CIFAR_BINARY], archive[SK_CIFAR_PICKLED],
                   archive[SK_CIFAR_MATLAB]);
}

/* Layout of the file that name (in any folder) is one of, and which; SK_CIFAR_UNKNOWN: of none. */
static enum sk_cifar_layout layout_of(const struct sk_cifar_kind *kind, const char *name, int *file)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    for (int layout = 0; layout < SK_CIFAR_LAYOUTS; layout++)
        for (*file = 0; *file < SK_CIFAR_FILES; ++*file)
            if (kind->file[layout][*file] && strcmp(base, kind->file[layout][*file]) == 0)
                return (enum sk_cifar_layout)layout;
    return SK_CIFAR_UNKNOWN;
}

/* An archive is of the kind where one of its files is among the first. */
static bool probe_archive(const struct sk_cifar_kind *kind, const char *path)
{
    enum { LOOK_AT = 4 };
    struct sk_archive *a;
    const char *name = NULL;
    bool found = false;
    int file;

    if (sk_archive_open(&a, path, NULL) != SK_OK)
        return false;
    for (int i = 0; i < LOOK_AT && !found && sk_archive_next(a, &name, NULL) == SK_OK && name; i++)
        found = layout_of(kind, name, &file) != SK_CIFAR_UNKNOWN;
    sk_archive_close(a);
    return found;
}

bool sk_cifar_probe(const struct sk_cifar_kind *kind, const char *path)
{
    struct sk_cifar_place place;
    return sk_is_dir(path) ? find_in_folder(kind, &place, path, true) : sk_is_file(path) && probe_archive(kind, path);
}

/* ---- loading ---- */

void sk_cifar_release(struct sk_cifar *c)
{
    for (int i = 0; i < SK_CIFAR_BATCHES_MAX; i++) {
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
    c->batches = split == SK_TRAIN ? c->kind->batches : 1;
    for (int i = 0; i < c->batches; i++)
        c->batch[i].name = c->kind->file[layout][split == SK_TRAIN ? i : SK_CIFAR_TEST];
}

static enum sk_code no_validation(const struct sk_cifar_place *place, const char *name, struct sk_err *err)
{
    return sk_fail(err, SK_NO_SPLIT, "'%s' has no validation split: %s is not there", place->path, name);
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

/* The content is not kept where the pixels do not lie in it. */
static enum sk_code read_batch(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown, struct sk_err *err)
{
    enum sk_code code = sk_cifar_read_batch(c, b, shown, err);
    if (b->owned) {
        sk_free(b->content);
        b->content = NULL;
    }
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
        if ((code = open_batch(b, path, c->layout, err)) != SK_OK || (code = read_batch(c, b, path, err)) != SK_OK)
            return code;
    }
    if ((code = sk_path_join(path, err, place->path, c->kind->file[c->layout][SK_CIFAR_META])) != SK_OK || !sk_is_file(path))
        return code;
    if ((code = sk_file_read(path, SK_CIFAR_MAX_META, &meta, &len, err)) == SK_OK)
        code = sk_cifar_read_meta(c, meta, len, path, err);
    sk_free(meta);
    return code;
}

/* Where the content of a file of an archive goes, as the split needs it; NULL: it does not. */
static struct sk_cifar_batch *target_of(struct sk_cifar *c, int file, enum sk_split split, struct sk_cifar_batch *meta)
{
    if (file == SK_CIFAR_META)
        return meta;
    if (split == SK_VAL)
        return file == SK_CIFAR_TEST ? &c->batch[0] : NULL;
    return file == SK_CIFAR_TEST ? NULL : &c->batch[file];
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
        enum sk_cifar_layout layout = layout_of(c->kind, name, &file);
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
        return sk_fail(err, SK_INPUT, "archive '%s' holds no %s: no %s, %s or %s in it", place->path, c->kind->title,
                       c->kind->file[SK_CIFAR_BINARY][0], c->kind->file[SK_CIFAR_PICKLED][0],
                       c->kind->file[SK_CIFAR_MATLAB][0]);
    for (int i = 0; i < c->batches; i++) {
        struct sk_cifar_batch *b = &c->batch[i];
        if (!b->content && split == SK_VAL)
            return no_validation(place, b->name, err);
        if (!b->content)
            return sk_fail(err, SK_INPUT, "archive '%s' holds no %s", place->path, b->name);
        if ((code = sk_format(shown, sizeof(shown), "the path", err, "%s:%s", place->path, b->name)) != SK_OK ||
            (code = read_batch(c, b, shown, err)) != SK_OK)
            return code;
    }
    if (!meta->content)
        return SK_OK;
    code = sk_format(shown, sizeof(shown), "the path", err, "%s:%s", place->path, c->kind->file[c->layout][SK_CIFAR_META]);
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
    c->split = split;
    for (int i = 0; i < c->kind->classes; i++) {
        (void)snprintf(c->name[i], sizeof(c->name[i]), "%s", c->kind->class_name[i]); /* unless the files name them otherwise */
        c->class_name[i] = c->name[i];
    }
    return place->archive ? load_archive(c, place, split, err) : load_folder(c, place, split, err);
}

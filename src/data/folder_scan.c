/* Lists of picture files: kept, read, and made by walking class folders. */
#include "data/folder.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum sk_code sk_file_list_init(struct sk_file_list *l, const char *root, struct sk_err *err)
{
    *l = (struct sk_file_list){0};
    size_t len = strlen(root) + 1;
    l->root = sk_alloc(len, 1, err);
    if (!l->root)
        return SK_NOMEM;
    memcpy(l->root, root, len);
    return SK_OK;
}

void sk_file_list_release(struct sk_file_list *l)
{
    sk_free(l->root);
    sk_free(l->file);
    sk_str_release(&l->text);
    *l = (struct sk_file_list){0};
}

bool sk_is_picture_name(const char *name)
{
    static const char *const extensions[] = {".jpg", ".jpeg", ".png"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < SK_COUNT(extensions); i++)
        if (strcasecmp(dot, extensions[i]) == 0)
            return true;
    return false;
}

enum sk_code sk_file_list_add(struct sk_file_list *l, const char *name, int64_t bytes, int label, struct sk_err *err)
{
    if (l->count >= SK_FOLDER_FILES_MAX)
        return sk_fail(err, SK_INPUT, "'%s' holds more than %d pictures", l->root, SK_FOLDER_FILES_MAX);
    size_t at = l->text.len;
    enum sk_code code = sk_grow(&l->file, &l->cap, l->count + 1, sizeof(*l->file), err);
    if (code == SK_OK)
        code = sk_str_add_bytes(&l->text, name, strlen(name) + 1, err);
    if (code == SK_OK)
        l->file[l->count++] = (struct sk_file_entry){.name = at, .bytes = bytes, .label = label};
    return code;
}

static enum sk_code file_path(char out[SK_PATH], const struct sk_file_list *l, int64_t index, struct sk_err *err)
{
    return sk_path_join(out, err, l->root, l->text.text + l->file[index].name);
}

void sk_file_list_name(const struct sk_file_list *l, int64_t index, char *out, size_t size)
{
    char path[SK_PATH];
    bool fits = file_path(path, l, index, NULL) == SK_OK;
    snprintf(out, size, "%s", fits ? path : l->text.text + l->file[index].name);
}

enum sk_code sk_file_list_file(const struct sk_file_list *l, int64_t index, char **data, size_t *len,
                               struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = file_path(path, l, index, err);
    return code == SK_OK ? sk_file_read(path, SK_MAX_FILE, data, len, err) : code;
}

uint64_t sk_file_list_hash(const struct sk_file_list *l, uint64_t hash)
{
    hash = sk_hash_bytes(hash, l->text.text, l->text.len);
    for (size_t i = 0; i < l->count; i++) {
        hash = sk_hash_bytes(hash, &l->file[i].bytes, sizeof(l->file[i].bytes));
        hash = sk_hash_bytes(hash, &l->file[i].label, sizeof(l->file[i].label));
    }
    return hash;
}

static void ignore(struct sk_file_list *l, const char *name)
{
    const char *dot = strrchr(name, '.');
    char plain[sizeof(l->extension->name)];
    struct sk_extension *e = l->extension, *end = e + SK_EXTENSIONS;
    l->ignored++;
    sk_printable(plain, sizeof(plain), dot ? dot : "no extension");
    while (e < end && e->count > 0 && strcmp(e->name, plain) != 0)
        e++;
    if (e == end)
        return;
    memcpy(e->name, plain, sizeof(plain));
    e->count++;
}

void sk_file_list_tell_ignored(const struct sk_file_list *l)
{
    int64_t files = l->ignored - l->broken, told = 0;
    char kinds[256] = "";
    size_t len = 0;
    for (const struct sk_extension *e = l->extension; e < l->extension + SK_EXTENSIONS && e->count > 0; e++) {
        len += (size_t)snprintf(kinds + len, sizeof(kinds) - len, "%s%s %lld", len ? ", " : "", e->name,
                                (long long)e->count);
        told += e->count;
    }
    if (files > 0)
        sk_notice("'%s': left out %lld %s not .jpg, .jpeg or .png (%s%s)", l->root, (long long)files,
                  files == 1 ? "file that is" : "files that are", kinds, told < files ? " and others" : "");
    if (l->broken > 0)
        sk_notice("'%s': left out %lld %s nowhere", l->root, (long long)l->broken,
                  l->broken == 1 ? "link that leads" : "links that lead");
}

struct level { /* a folder being walked, and the one it lies in */
    const struct level *above;
    const char *name; /* relative to the root */
    dev_t dev;
    ino_t ino;
    int depth;
};

/* A link may lead back to a folder that we are in: entering it again would add the same files once more. */
static bool is_inside(const struct level *at, const struct stat *st)
{
    for (; at; at = at->above)
        if (at->dev == st->st_dev && at->ino == st->st_ino)
            return true;
    return false;
}

static enum sk_code walk(struct sk_file_list *l, const struct level *here, int label, struct sk_err *err);

static enum sk_code visit(struct sk_file_list *l, const struct level *here, const char *name, int label,
                          struct sk_err *err)
{
    char relative[SK_PATH], path[SK_PATH];
    struct stat st;
    enum sk_code code = sk_path_join(relative, err, here->name, name);
    if (code == SK_OK)
        code = sk_path_join(path, err, l->root, relative);
    if (code != SK_OK)
        return code;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ELOOP) /* a link that leads nowhere is no picture */
            return sk_fail_errno(err, SK_INPUT, errno, "cannot read '%s'", path);
        l->ignored++;
        l->broken++;
    } else if (S_ISDIR(st.st_mode)) {
        struct level below = {here, relative, st.st_dev, st.st_ino, here->depth + 1};
        if (is_inside(here, &st))
            return SK_OK;
        return walk(l, &below, label, err);
    } else if (S_ISREG(st.st_mode) && sk_is_picture_name(name)) {
        return sk_file_list_add(l, relative, (int64_t)st.st_size, label, err);
    } else {
        ignore(l, name);
    }
    return SK_OK;
}

static enum sk_code walk(struct sk_file_list *l, const struct level *here, int label, struct sk_err *err)
{
    char path[SK_PATH], **names = NULL;
    size_t count = 0;
    enum sk_code code = sk_path_join(path, err, l->root, here->name);
    if (code == SK_OK && here->depth > SK_FOLDER_DEPTH_MAX)
        code = sk_fail(err, SK_INPUT, "the folder '%s' is nested more than %d deep", path, SK_FOLDER_DEPTH_MAX);
    if (code == SK_OK)
        code = sk_dir_list(path, &names, &count, err);
    for (size_t i = 0; code == SK_OK && i < count; i++)
        if (!sk_is_left_out(names[i]))
            code = visit(l, here, names[i], label, err);
    sk_free(names);
    return code;
}

enum sk_code sk_file_list_add_class(struct sk_file_list *l, const char *class_name, int label, struct sk_err *err)
{
    char path[SK_PATH];
    struct stat st;
    size_t before = l->count;
    enum sk_code code = sk_path_join(path, err, l->root, class_name);
    if (code != SK_OK)
        return code;
    if (stat(path, &st) != 0)
        return sk_fail_errno(err, SK_INPUT, errno, "cannot open '%s'", path);
    struct level top = {NULL, class_name, st.st_dev, st.st_ino, 1};
    code = walk(l, &top, label, err);
    if (code == SK_OK && l->count == before)
        return sk_fail(err, SK_INPUT, "the class folder '%s' holds no .jpg, .jpeg or .png file", path);
    return code;
}

bool sk_is_left_out(const char *name)
{
    return name[0] == '.' || strcmp(name, "__MACOSX") == 0;
}

/* A folder that is no class, where pictures lie in it. */
static void tell_left_out(const char *folder)
{
    char **names = NULL;
    size_t count = 0, pictures = 0;
    if (!sk_is_dir(folder) || sk_dir_list(folder, &names, &count, NULL) != SK_OK)
        return;
    for (size_t i = 0; i < count; i++)
        pictures += !sk_is_left_out(names[i]) && sk_is_picture_name(names[i]);
    if (pictures > 0)
        sk_notice("'%s': left out, with %zu %s, since such a folder is no class", folder, pictures,
                  pictures == 1 ? "picture" : "pictures");
    sk_free(names);
}

enum sk_code sk_folder_classes(const char *root, char ***names, size_t *count, struct sk_err *err)
{
    char path[SK_PATH], **all = NULL;
    size_t n = 0, kept = 0;
    *names = NULL;
    *count = 0;
    enum sk_code code = sk_dir_list(root, &all, &n, err);
    for (size_t i = 0; code == SK_OK && i < n; i++) {
        code = sk_path_join(path, err, root, all[i]);
        if (code == SK_OK && sk_is_left_out(all[i]))
            tell_left_out(path);
        else if (code == SK_OK && sk_is_dir(path))
            all[kept++] = all[i];
    }
    if (code == SK_OK && kept > SK_FOLDER_CLASSES_MAX)
        code = sk_fail(err, SK_INPUT, "'%s' holds %zu folders, more than the limit of %d classes", root, kept,
                       SK_FOLDER_CLASSES_MAX);
    if (code != SK_OK) {
        sk_free(all);
        return code;
    }
    *names = all;
    *count = kept;
    return SK_OK;
}

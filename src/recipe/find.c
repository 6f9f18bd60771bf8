/* Recipes as files: by path, or by the name of an installed one. */
#include "recipe/recipe.h"
#include "recipe/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, FOLDERS_MAX = 16 };
static const char suffix[] = ".yaml";

struct folders { /* where installed recipes lie, first wins */
    int count;
    char path[FOLDERS_MAX][SK_PATH];
};

static void add_folders(struct folders *f, const char *list)
{
    while (list && *list && f->count < FOLDERS_MAX) {
        size_t length = strcspn(list, ":");
        if (length > 0 && length < SK_PATH) {
            memcpy(f->path[f->count], list, length);
            f->path[f->count++][length] = '\0';
        }
        list += length + (list[length] == ':');
    }
}

static struct folders *new_folders(struct sk_err *err)
{
    struct folders *f = sk_alloc(1, sizeof(*f), err);
    if (!f)
        return NULL;
    add_folders(f, getenv("SKUA_RECIPE_DIR"));
    add_folders(f, SKUA_RECIPE_DIR);
    add_folders(f, SKUA_RECIPE_DIR_INSTALLED);
    return f;
}

/* Length of a file's name without .yaml; 0: another kind of file. */
static size_t stem_length(const char *file)
{
    size_t length = strlen(file), tail = sizeof(suffix) - 1;
    bool match = length > tail && strcmp(file + length - tail, suffix) == 0;
    return match && *file != '.' ? length - tail : 0;
}

/* ---- list ---- */
struct names {
    char (*name)[SK_NAME];
    size_t count, cap;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static enum sk_code collect(struct names *all, const char *folder, struct sk_err *err)
{
    char **files = NULL;
    size_t count = 0;
    if (!sk_is_dir(folder))
        return SK_OK;
    enum sk_code code = sk_dir_list(folder, &files, &count, err);
    for (size_t i = 0; code == SK_OK && i < count; i++) {
        size_t length = stem_length(files[i]);
        if (length == 0 || length >= SK_NAME)
            continue;
        code = sk_grow(&all->name, &all->cap, all->count + 1, sizeof(*all->name), err);
        if (code == SK_OK)
            snprintf(all->name[all->count++], SK_NAME, "%.*s", (int)length, files[i]);
    }
    sk_free(files);
    return code;
}

/* One block: the pointers, then the texts. */
static char **names_block(const struct names *all, struct sk_err *err)
{
    char **block = sk_alloc(all->count + 1, sizeof(char *) + SK_NAME, err);
    char *text = block ? (char *)(block + all->count + 1) : NULL;
    for (size_t i = 0; block && i < all->count; i++)
        block[i] = memcpy(text + i * SK_NAME, all->name[i], SK_NAME);
    return block;
}

static void remove_repeats(struct names *all)
{
    size_t kept = 0;
    if (all->count)
        qsort(all->name, all->count, sizeof(*all->name), compare_names);
    for (size_t i = 0; i < all->count; i++)
        if (kept == 0 || strcmp(all->name[kept - 1], all->name[i]) != 0)
            memmove(all->name[kept++], all->name[i], SK_NAME);
    all->count = kept;
}

enum sk_code sk_recipe_list(char ***names, size_t *count, struct sk_err *err)
{
    struct names all = {0};
    *names = NULL;
    *count = 0;
    struct folders *f = new_folders(err);
    enum sk_code code = f ? SK_OK : SK_NOMEM;
    for (int i = 0; code == SK_OK && i < f->count; i++)
        code = collect(&all, f->path[i], err);
    if (code == SK_OK) {
        remove_repeats(&all);
        *names = names_block(&all, err);
        code = *names ? SK_OK : SK_NOMEM;
        *count = *names ? all.count : 0;
    }
    sk_free(all.name);
    sk_free(f);
    return code;
}

/* ---- load ---- */
/* Sets path to the installed recipe of that name (with or without .yaml); empty where there is none. */
static enum sk_code find_installed(char path[SK_PATH], const char *name, struct sk_err *err)
{
    char file[SK_NAME + sizeof(suffix)];
    size_t stem = stem_length(name), length = stem ? stem : strlen(name);
    *path = '\0';
    if (length == 0 || length >= SK_NAME || *name == '.' || strchr(name, '/'))
        return SK_OK;
    snprintf(file, sizeof(file), "%.*s%s", (int)length, name, suffix);
    struct folders *f = new_folders(err);
    enum sk_code code = f ? SK_OK : SK_NOMEM;
    for (int i = 0; code == SK_OK && i < f->count && !sk_is_file(path); i++)
        code = sk_path_join(path, err, f->path[i], file);
    if (code == SK_OK && !sk_is_file(path))
        *path = '\0';
    sk_free(f);
    return code;
}

static enum sk_code not_found(const char *name, struct sk_err *err)
{
    char **names, shown[256];
    size_t count;
    enum sk_code code = sk_recipe_list(&names, &count, err);
    if (code != SK_OK)
        return code;
    const char *what = sk_is_dir(name) ? "is a folder, expected a file" : "no such file";
    const char *nearest = sk_nearest(name, (const char *const *)names, count);
    sk_printable(shown, sizeof(shown), name);
    if (nearest)
        code = sk_fail(err, SK_INPUT, "recipe '%s': %s or installed recipe (did you mean '%s'?)", shown, what, nearest);
    else
        code = sk_fail(err, SK_INPUT, "recipe '%s': %s or installed recipe", shown, what);
    sk_free(names);
    return code;
}

/* The recipe's name where the file gives none: the file's own, without what a name may not hold. */
static void name_after(struct sk_recipe *r, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t stem = stem_length(file), length = stem ? stem : strlen(file);
    bool usable = length > 0 && length < sizeof(r->name) && *file != '.' && *file != '-' && sk_text_fits(file, length);
    if (!usable)
        return;
    memset(r->name, 0, sizeof(r->name));
    memcpy(r->name, file, length);
}

enum sk_code sk_recipe_load(struct sk_recipe *r, const char *file_or_name, struct sk_err *err)
{
    char path[SK_PATH], *text = NULL;
    size_t len;
    struct sk_recipe *draft = NULL;
    enum sk_code code = SK_OK;
    if (access(file_or_name, F_OK) != 0 || sk_is_dir(file_or_name)) {
        code = find_installed(path, file_or_name, err);
        if (code == SK_OK && !*path)
            code = not_found(file_or_name, err);
    } else {
        code = sk_format(path, sizeof(path), "the recipe's path", err, "%s", file_or_name);
    }
    if (code != SK_OK)
        return code;
    code = sk_file_read(path, FILE_MAX, &text, &len, err);
    if (code != SK_OK)
        return code;
    draft = sk_alloc(1, sizeof(*draft), err);
    if (!draft) {
        code = SK_NOMEM;
        goto out;
    }
    sk_recipe_defaults(draft);
    name_after(draft, path);
    code = sk_recipe_parse(draft, text, len, path, err);
    if (code == SK_OK)
        memcpy(r, draft, sizeof(*draft));
out:
    sk_free(draft);
    sk_free(text);
    return code;
}

enum sk_code sk_recipe_set_data(struct sk_recipe *r, const char *data, struct sk_err *err)
{
    struct sk_recipe_data *d = &r->data;
    if (!data)
        return SK_OK;
    if (d->source == SK_SOURCE_SHAPES) /* which has no folder */
        d->source = SK_SOURCE_AUTO;
    if (d->images[0] == '/') /* would win over the folder */
        d->images[0] = d->labels[0] = d->val_images[0] = d->val_labels[0] = '\0';
    return sk_format(d->path, sizeof(d->path), "--data", err, "%s", data);
}

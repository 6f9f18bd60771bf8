/* A folder of pictures without class folders, whose labels a list gives: ImageNet's validation set. */
#include "data/folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/labels.h"
#include "data/list.h"

struct flat {
    const char *folder;
    char **name; /* [count] sorted pictures; one block */
    int *label;  /* [count] number in labels, -1: none yet */
    size_t count, next;
    bool paths; /* the list names the pictures */
    struct sk_label_set labels;
};

static enum sk_code find_pictures(struct flat *f, struct sk_err *err)
{
    size_t all = 0;
    enum sk_code code = sk_dir_list(f->folder, &f->name, &all, err);
    if (code != SK_OK)
        return code;
    for (size_t i = 0; i < all; i++)
        if (f->name[i][0] != '.' && sk_is_picture_name(f->name[i]))
            f->name[f->count++] = f->name[i];
    if (f->count == 0)
        return sk_fail(err, SK_INPUT, "'%s' holds no .jpg, .jpeg or .png file", f->folder);
    if (!(f->label = sk_alloc(f->count, sizeof(*f->label), err)))
        return SK_NOMEM;
    for (size_t i = 0; i < f->count; i++)
        f->label[i] = -1;
    return SK_OK;
}

static int compare(const void *key, const void *item)
{
    return strcmp(key, *(char *const *)item);
}

/* The place of name among n sorted ones; n: it is not there. */
static size_t place_of(const char *name, char *const *sorted, size_t n)
{
    char *const *found = bsearch(name, sorted, n, sizeof(*sorted), compare);
    return found ? (size_t)(found - sorted) : n;
}

static enum sk_code take_row(void *ctx, const struct sk_list_row *row, struct sk_err *err)
{
    struct flat *f = ctx;
    char name[SK_PATH], shown[256];
    size_t at = f->next++;
    f->paths = row->path != NULL;
    if (row->path) {
        snprintf(name, sizeof(name), "%.*s", (int)row->path_len, row->path);
        at = place_of(name, f->name, f->count);
        if (at == f->count)
            return sk_fail(err, SK_INPUT, "'%s' is not in '%s'", sk_printable(shown, sizeof(shown), name), f->folder);
        if (f->label[at] >= 0)
            return sk_fail(err, SK_INPUT, "'%s' is listed twice", sk_printable(shown, sizeof(shown), name));
    }
    if (at >= f->count)
        return sk_fail(err, SK_INPUT, "expected %zu labels, as there are pictures in '%s', found more", f->count,
                       f->folder);
    return sk_label_set_add(&f->labels, row->label, row->label_len, &f->label[at], err);
}

/* Of a number from 0, which counts in the list of classes, or in the sorted folders. */
static size_t class_of_number(const char *text, const struct sk_folder_classes *c)
{
    int64_t number;
    if (text[0] < '0' || text[0] > '9' || !sk_parse_i64(text, &number))
        return c->count;
    if (c->list->id.count == 0)
        return number < (int64_t)c->count ? (size_t)number : c->count;
    return number < (int64_t)c->list->id.count ? place_of(sk_label_set_text(&c->list->id, (int)number), c->name, c->count)
                                               : c->count;
}

/* Labels are names of class folders where all are, else numbers. */
static enum sk_code find_classes(int *class_of_label, const struct flat *f, const struct sk_folder_classes *c,
                                 const char *labels, struct sk_err *err)
{
    bool numbers = true, names = true, any_name = false;
    for (size_t i = 0; i < f->labels.count; i++) {
        const char *text = sk_label_set_text(&f->labels, (int)i);
        bool name = place_of(text, c->name, c->count) < c->count;
        names = names && name;
        any_name = any_name || name;
        numbers = numbers && class_of_number(text, c) < c->count;
    }
    numbers = !any_name || (numbers && !names);
    for (size_t i = 0; i < f->labels.count; i++) {
        const char *text = sk_label_set_text(&f->labels, (int)i);
        size_t at = numbers ? class_of_number(text, c) : place_of(text, c->name, c->count);
        if (at == c->count)
            return sk_fail(err, SK_INPUT, "'%s': the label '%s' is none of the %zu classes", labels, text, c->count);
        class_of_label[i] = (int)at;
    }
    return SK_OK;
}

static enum sk_code add_pictures(struct sk_file_list *l, const struct flat *f, const int *class_of_label,
                                 struct sk_err *err)
{
    enum sk_code code = SK_OK;
    char path[SK_PATH];
    struct stat st;
    size_t unlabelled = 0;
    for (size_t i = 0; code == SK_OK && i < f->count; i++) {
        if (f->label[i] < 0) {
            unlabelled++;
            continue;
        }
        code = sk_path_join(path, err, f->folder, f->name[i]);
        if (code == SK_OK)
            code = sk_file_list_add(l, f->name[i], stat(path, &st) == 0 ? (int64_t)st.st_size : 0,
                                    class_of_label[f->label[i]], err);
    }
    if (unlabelled > 0)
        sk_notice("'%s': left out %zu %s without a label", f->folder, unlabelled,
                  unlabelled == 1 ? "picture" : "pictures");
    return code;
}

enum sk_code sk_file_list_add_flat(struct sk_file_list *l, const char *labels, const struct sk_folder_classes *c,
                                   struct sk_err *err)
{
    struct flat f = {.folder = l->root};
    int *class_of_label = NULL;
    enum sk_list_form form = sk_list_form_of(labels);
    enum sk_code code = find_pictures(&f, err);
    if (code == SK_OK)
        code = sk_list_read(labels, form == SK_LIST_NONE ? SK_LIST_PLAIN : form, take_row, &f, err);
    if (code == SK_OK && !f.paths && f.next < f.count)
        code = sk_fail(err, SK_INPUT, "'%s': expected %zu labels, as there are pictures in '%s', found %zu", labels,
                       f.count, f.folder, f.next);
    if (code == SK_OK && !(class_of_label = sk_alloc(f.labels.count, sizeof(*class_of_label), err)))
        code = SK_NOMEM;
    if (code == SK_OK)
        code = find_classes(class_of_label, &f, c, labels, err);
    if (code == SK_OK)
        code = add_pictures(l, &f, class_of_label, err);
    sk_label_set_release(&f.labels);
    sk_free(class_of_label);
    sk_free(f.label);
    sk_free(f.name);
    return code;
}

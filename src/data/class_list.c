/* Lists of classes, a line for each. */
#include "data/labels.h"

#include <string.h>

void sk_class_list_release(struct sk_class_list *l)
{
    sk_label_set_release(&l->id);
    sk_str_release(&l->text);
    sk_free(l->name);
    *l = (struct sk_class_list){0};
}

const char *sk_class_list_name(const struct sk_class_list *l, int number)
{
    return l->text.text + l->name[number];
}

/* Length of the WordNet ID that begins a line with a name after it; 0: none. */
static size_t id_length(const char *line, size_t len)
{
    enum { ID = 9 };
    if (len < ID + 2 || line[0] != 'n' || (line[ID] != ' ' && line[ID] != '\t' && line[ID] != ','))
        return 0;
    for (size_t i = 1; i < ID; i++)
        if (line[i] < '0' || line[i] > '9')
            return 0;
    return ID;
}

/* The name is checked as a label is. */
static enum sk_code check_name(const char *name, size_t len, const char **clean, struct sk_label_set *set,
                               struct sk_err *err)
{
    int number;
    enum sk_code code = sk_label_set_add(set, name, len, &number, err);
    if (code == SK_OK)
        *clean = sk_label_set_text(set, number);
    return code;
}

static enum sk_code add_class(struct sk_class_list *l, const char *line, size_t len, struct sk_err *err)
{
    struct sk_label_set one = {0};
    const char *name = NULL;
    size_t before = l->id.count, id = id_length(line, len);
    int number;
    enum sk_code code = sk_label_set_add(&l->id, line, id ? id : len, &number, err);
    if (code == SK_OK && l->id.count == before)
        code = sk_fail(err, SK_INPUT, "the class '%s' is listed twice", sk_label_set_text(&l->id, number));
    if (code == SK_OK)
        code = check_name(line + (id ? id + 1 : 0), len - (id ? id + 1 : 0), &name, &one, err);
    if (code == SK_OK)
        code = sk_grow(&l->name, &l->cap, l->id.count, sizeof(*l->name), err);
    if (code == SK_OK) {
        l->name[number] = l->text.len;
        code = sk_str_add_bytes(&l->text, name, strlen(name) + 1, err);
    }
    sk_label_set_release(&one);
    return code;
}

static bool is_empty(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r' || line[len - 1] == '\t'))
        len--;
    return len == 0;
}

enum sk_code sk_class_list_parse(struct sk_class_list *l, const char *text, size_t len, const char *shown,
                                 struct sk_err *err)
{
    const char *end = text + len;
    text += sk_mark_length(text, len);
    for (int64_t number = 1; text < end; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        enum sk_code code = is_empty(text, n) ? SK_OK : add_class(l, text, n, err);
        if (code != SK_OK) {
            sk_err_prefix(err, "'%s' line %lld", shown, (long long)number);
            return code;
        }
        text = stop ? stop + 1 : end;
    }
    return l->id.count > 0 ? SK_OK : sk_fail(err, SK_INPUT, "'%s' lists no class", shown);
}

enum sk_code sk_class_list_read(struct sk_class_list *l, const char *path, struct sk_err *err)
{
    char *text = NULL;
    size_t len = 0;
    *l = (struct sk_class_list){0};
    enum sk_code code = sk_file_read(path, SK_CLASS_LIST_MAX, &text, &len, err);
    if (code == SK_OK)
        code = sk_class_list_parse(l, text, len, path, err);
    sk_free(text);
    return code;
}

enum sk_code sk_class_list_of(struct sk_class_list *l, char path[SK_PATH], const struct sk_recipe_data *data,
                              const char *usual, struct sk_err *err)
{
    char dir[SK_PATH];
    const char *slash = strrchr(data->path, '/'), *name = data->class_names[0] ? data->class_names : usual;
    *l = (struct sk_class_list){0};
    path[0] = '\0';
    if (!name)
        return SK_OK;
    int len = sk_is_dir(data->path) ? (int)strlen(data->path) : slash ? (int)(slash - data->path) + 1 : 0;
    snprintf(dir, sizeof(dir), "%.*s", len, data->path);
    enum sk_code code = sk_path_join(path, err, dir, name);
    if (code == SK_OK && !data->class_names[0] && !sk_is_file(path))
        path[0] = '\0';
    return code == SK_OK && path[0] ? sk_class_list_read(l, path, err) : code;
}

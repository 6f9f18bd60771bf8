/* Parsing lists of pictures and labels: CSV, JSON lines, plain text. */
#include "data/list.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "data/labels.h"

struct reader {
    char *at, *end;
    int64_t line;  /* of what is read now */
    int64_t lines; /* met so far */
    enum sk_code (*take)(void *ctx, const struct sk_list_row *row, struct sk_err *err);
    void *ctx;
};

struct field {
    char *text;
    size_t len;
};

static enum sk_code give(struct reader *r, const struct sk_list_row *row, struct sk_err *err)
{
    if (row->path && row->path_len == 0)
        return sk_fail(err, SK_INPUT, "the path is empty");
    if (row->path && row->path_len >= SK_PATH)
        return sk_fail(err, SK_INPUT, "the path has %zu bytes, expected at most %d", row->path_len, SK_PATH - 1);
    return r->take(r->ctx, row, err);
}

/* The next line, without its end. */
static struct field next_line(struct reader *r)
{
    char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
    struct field line = {r->at, (size_t)((stop ? stop : r->end) - r->at)};
    r->line = ++r->lines;
    r->at = stop ? stop + 1 : r->end;
    while (line.len > 0 && strchr(" \t\r", line.text[line.len - 1]))
        line.len--;
    return line;
}

/* ---- CSV ---- */

/* A field in quotes, where "" stands for one; unquoted in place. */
static enum sk_code quoted_field(struct reader *r, struct field *f, struct sk_err *err)
{
    char *to = r->at, *from = r->at + 1;
    f->text = to;
    for (;; from++) {
        if (from == r->end)
            return sk_fail(err, SK_INPUT, "a quoted field has no end");
        r->lines += *from == '\n';
        if (*from == '"' && (++from == r->end || *from != '"'))
            break;
        *to++ = *from;
    }
    f->len = (size_t)(to - f->text);
    if (from < r->end && *from == '\r')
        from++;
    r->at = from;
    return from == r->end || *from == ',' || *from == '\n'
               ? SK_OK
               : sk_fail(err, SK_INPUT, "expected a comma after a quoted field, got '%c'",
                         *from < ' ' || *from > '~' ? '?' : *from);
}

static void bare_field(struct reader *r, struct field *f)
{
    f->text = r->at;
    while (r->at < r->end && *r->at != ',' && *r->at != '\n')
        r->at++;
    f->len = (size_t)(r->at - f->text);
    if (f->len > 0 && f->text[f->len - 1] == '\r' && (r->at == r->end || *r->at == '\n'))
        f->len--;
}

static enum sk_code next_record(struct reader *r, struct field *field, size_t *count, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    bool more = true;
    *count = 0;
    r->line = r->lines + 1;
    while (code == SK_OK && more) {
        if (*count == SK_LIST_FIELDS_MAX)
            return sk_fail(err, SK_INPUT, "more than %d fields", SK_LIST_FIELDS_MAX);
        struct field *f = &field[(*count)++];
        if (r->at < r->end && *r->at == '"')
            code = quoted_field(r, f, err);
        else
            bare_field(r, f);
        more = code == SK_OK && r->at < r->end && *r->at == ',';
        r->at += code == SK_OK && r->at < r->end;
    }
    r->lines++;
    return code;
}

const char sk_list_paths[] = "path, file, filename, file_name, filepath, file_path, image_path, img_path, image, img, "
                             "image_name, picture, id";
const char sk_list_labels[] = "label, class, category, target, class_name, label_name";

/* The field that has the first of names that any has; count: none. */
static size_t find_column(const char *names, const struct field *field, size_t count)
{
    for (size_t len; *names; names += len + strspn(names + len, ", ")) {
        len = strcspn(names, ",");
        for (size_t i = 0; i < count; i++)
            if (field[i].len == len && strncasecmp(field[i].text, names, len) == 0)
                return i;
    }
    return count;
}

struct columns {
    size_t count, path, label;
};

/* Whether a record names the columns. */
static bool read_header(struct columns *c, const struct field *field, size_t count)
{
    c->path = find_column(sk_list_paths, field, count);
    c->label = find_column(sk_list_labels, field, count);
    c->count = count;
    return c->path < count && c->label < count;
}

static enum sk_code read_csv(struct reader *r, struct sk_err *err)
{
    struct field field[SK_LIST_FIELDS_MAX];
    struct columns c = {0};
    enum sk_code code = SK_OK;
    for (bool first = true; code == SK_OK && r->at < r->end;) {
        size_t count;
        if ((code = next_record(r, field, &count, err)) != SK_OK)
            return code;
        if (count == 1 && field[0].len == 0)
            continue;
        bool header = first && read_header(&c, field, count);
        if (first && !header)
            c = (struct columns){.count = 2, .path = 0, .label = 1};
        if (first && count != 2 && !header)
            return sk_fail(err, SK_INPUT,
                           "expected a path and a label, or a header that names columns %s; and %s: found %zu fields",
                           sk_list_paths, sk_list_labels, count);
        if (!header && count != c.count)
            return sk_fail(err, SK_INPUT, "expected %zu fields%s, found %zu", c.count,
                           c.count == 2 ? " (path and label)" : "", count);
        const struct field *path = &field[c.path], *label = &field[c.label];
        if (!header)
            code = give(r, &(struct sk_list_row){path->text, path->len, label->text, label->len, first}, err);
        first = false;
    }
    return code;
}

/* ---- JSON lines ---- */
static enum sk_code take_object(struct reader *r, const json_t *object, struct sk_err *err)
{
    const json_t *path = json_object_get(object, "path"), *label = json_object_get(object, "label");
    char number[32];
    if (!json_is_string(path))
        return sk_fail(err, SK_INPUT, "expected an object with \"path\", a text");
    struct sk_list_row row = {.path = json_string_value(path), .path_len = json_string_length(path)};
    if (json_is_string(label)) {
        row.label = json_string_value(label);
        row.label_len = json_string_length(label);
    } else if (json_is_integer(label) && json_integer_value(label) >= 0) {
        row.label_len =
            (size_t)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(label));
        row.label = number;
    } else {
        return sk_fail(err, SK_INPUT, "expected \"label\", a text or an integer from 0");
    }
    return give(r, &row, err);
}

static enum sk_code read_jsonl(struct reader *r, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    while (code == SK_OK && r->at < r->end) {
        struct field line = next_line(r);
        json_error_t why;
        if (line.len == 0)
            continue;
        if (line.len > SK_LIST_JSON_LINE_MAX)
            return sk_fail(err, SK_INPUT, "the line has %zu bytes, expected at most %d", line.len,
                           SK_LIST_JSON_LINE_MAX);
        json_t *object = json_loadb(line.text, line.len, 0, &why);
        code = object ? take_object(r, object, err) : sk_fail(err, SK_INPUT, "not JSON: %.100s", why.text);
        json_decref(object);
    }
    return code;
}

/* ---- plain text ---- */
static enum sk_code read_plain(struct reader *r, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    int columns = 0;
    while (code == SK_OK && r->at < r->end) {
        struct field line = next_line(r);
        for (; line.len > 0 && strchr(" \t", *line.text); line.text++)
            line.len--;
        if (line.len == 0)
            continue;
        size_t path = 0;
        while (path < line.len && line.text[path] != ' ' && line.text[path] != '\t')
            path++;
        int found = path == line.len ? 1 : 2;
        if (columns && found != columns)
            return sk_fail(err, SK_INPUT, "expected %s, as in the lines before",
                           columns == 1 ? "a label alone" : "a path and a label");
        columns = found;
        struct sk_list_row row = {.label = line.text, .label_len = line.len};
        if (found == 2)
            row = (struct sk_list_row){line.text, path, line.text + path, line.len - path, false};
        code = give(r, &row, err);
    }
    return code;
}

/* ---- lists ---- */
enum sk_list_form sk_list_form_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (dot && strcasecmp(dot, ".csv") == 0)
        return SK_LIST_CSV;
    return dot && strcasecmp(dot, ".jsonl") == 0 ? SK_LIST_JSONL : SK_LIST_NONE;
}

enum sk_code sk_list_parse(char *text, size_t len, enum sk_list_form form, const char *shown,
                           enum sk_code (*take)(void *ctx, const struct sk_list_row *row, struct sk_err *err),
                           void *ctx, struct sk_err *err)
{
    struct reader r = {.at = text, .end = text + len, .take = take, .ctx = ctx};
    enum sk_code code;
    r.at += sk_mark_length(text, len);
    if (memchr(text, '\0', len))
        return sk_fail(err, SK_INPUT, "'%s' is not a text file: it holds a NUL byte", shown);
    if (form == SK_LIST_CSV)
        code = read_csv(&r, err);
    else
        code = form == SK_LIST_JSONL ? read_jsonl(&r, err) : read_plain(&r, err);
    if (code != SK_OK)
        sk_err_prefix(err, "'%s' line %lld", shown, (long long)r.line);
    return code;
}

enum sk_code sk_list_read(const char *path, enum sk_list_form form,
                          enum sk_code (*take)(void *ctx, const struct sk_list_row *row, struct sk_err *err),
                          void *ctx, struct sk_err *err)
{
    char *text = NULL;
    size_t len = 0;
    enum sk_code code = sk_file_read(path, SK_LIST_MAX, &text, &len, err);
    if (code == SK_OK)
        code = sk_list_parse(text, len, form, path, take, ctx, err);
    sk_free(text);
    return code;
}

/* Lists of pictures and their labels as text; inside data/ only. */
#ifndef SKUA_DATA_LIST_H
#define SKUA_DATA_LIST_H

#include "base/base.h"

enum { SK_LIST_MAX = 1 << 30, SK_LIST_JSON_LINE_MAX = 1 << 16, SK_LIST_FIELDS_MAX = 64 };

enum sk_list_form {
    SK_LIST_CSV,   /* path,label, quoted as RFC 4180 says; or a header that names these columns */
    SK_LIST_JSONL, /* {"path": ..., "label": text or integer from 0} a line */
    SK_LIST_PLAIN, /* a path without blanks, blanks, the label; or the label alone, in every line */
    SK_LIST_NONE
};
/* By the end of the name: .csv, .jsonl; SK_LIST_NONE: neither. */
enum sk_list_form sk_list_form_of(const char *name);

/* What a header may call the columns, the preferred first: "path, file, ...". */
extern const char sk_list_paths[], sk_list_labels[];

struct sk_list_row {
    const char *path; /* path_len bytes; NULL: the label alone */
    size_t path_len;
    const char *label; /* label_len bytes */
    size_t label_len;
    bool first; /* of a CSV file without a header: it may be one that is not known */
};
/* Gives every row to take, whose error is prefixed with shown and the line. text is changed. A damaged line, a NUL, a path
 * that is empty or of SK_PATH bytes: INPUT that names the line. */
enum sk_code sk_list_parse(char *text, size_t len, enum sk_list_form form, const char *shown,
                           enum sk_code (*take)(void *ctx, const struct sk_list_row *row, struct sk_err *err),
                           void *ctx, struct sk_err *err) SK_MUST;
/* The same for a file of at most SK_LIST_MAX bytes. */
enum sk_code sk_list_read(const char *path, enum sk_list_form form,
                          enum sk_code (*take)(void *ctx, const struct sk_list_row *row, struct sk_err *err),
                          void *ctx, struct sk_err *err) SK_MUST;

#endif

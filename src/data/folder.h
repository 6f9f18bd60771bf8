/* Lists of picture files below class folders. Used by the folder source only. */
#ifndef SKUA_DATA_FOLDER_H
#define SKUA_DATA_FOLDER_H

#include "data/internal.h"

enum { SK_FOLDER_CLASSES_MAX = 100000, SK_FOLDER_DEPTH_MAX = 8, SK_FOLDER_FILES_MAX = 1 << 30 };

struct sk_file_entry {
    size_t name;   /* where its name, relative to the root, begins in text */
    int64_t bytes;
    int label;
};
struct sk_file_list { /* release accepts a zeroed one */
    char *root;
    struct sk_str text;
    struct sk_file_entry *file;
    size_t count, cap;
    int64_t ignored; /* files that are no pictures by their extension */
};
enum sk_code sk_file_list_init(struct sk_file_list *l, const char *root, struct sk_err *err) SK_MUST;
void sk_file_list_release(struct sk_file_list *l);
/* Adds the pictures (.jpg, .jpeg, .png in any case) below root/class_name, sorted by name within each folder, which may
 * be nested SK_FOLDER_DEPTH_MAX deep. Hidden names are skipped, and so is a link to a folder that it lies in. A class
 * without a picture and an unreadable folder are INPUT. */
enum sk_code sk_file_list_add_class(struct sk_file_list *l, const char *class_name, int label,
                                    struct sk_err *err) SK_MUST;

/* What a validation split may be called; NULL-terminated. */
extern const char *const sk_val_names[];
/* Names of the folders (also through links) in root that do not begin with a dot, sorted; *names: sk_free. */
enum sk_code sk_folder_classes(const char *root, char ***names, size_t *count, struct sk_err *err) SK_MUST;

#endif

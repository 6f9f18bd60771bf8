/* Lists of picture files, and folders of them. Used by the folder source, and by others that name files. */
#ifndef SKUA_DATA_FOLDER_H
#define SKUA_DATA_FOLDER_H

#include "data/internal.h"
#include "data/labels.h"

enum { SK_FOLDER_CLASSES_MAX = 100000, SK_FOLDER_DEPTH_MAX = 8, SK_FOLDER_FILES_MAX = 1 << 30, SK_EXTENSIONS = 6 };

struct sk_file_entry {
    size_t name;   /* where its name, relative to the root (or absolute), begins in text */
    int64_t bytes; /* 0: not known */
    int label;
};
struct sk_file_list { /* release accepts a zeroed one */
    char *root;
    struct sk_str text;
    struct sk_file_entry *file;
    size_t count, cap;
    int64_t ignored; /* files that are no pictures by their extension, and links that lead nowhere */
    int64_t broken;  /* those links */
    struct sk_extension {
        char name[16];
        int64_t count;
    } extension[SK_EXTENSIONS]; /* the first that were met, of ignored files */
};
/* Tells what was left out below root, if anything. */
void sk_file_list_tell_ignored(const struct sk_file_list *l);
enum sk_code sk_file_list_init(struct sk_file_list *l, const char *root, struct sk_err *err) SK_MUST;
void sk_file_list_release(struct sk_file_list *l);
enum sk_code sk_file_list_add(struct sk_file_list *l, const char *name, int64_t bytes, int label,
                              struct sk_err *err) SK_MUST;
/* The file's path, its content (sk_free), and a hash of all names, sizes and labels on top of hash. */
void sk_file_list_name(const struct sk_file_list *l, int64_t index, char *out, size_t size);
enum sk_code sk_file_list_file(const struct sk_file_list *l, int64_t index, char **data, size_t *len,
                               struct sk_err *err) SK_MUST;
uint64_t sk_file_list_hash(const struct sk_file_list *l, uint64_t hash);
/* Adds the pictures (.jpg, .jpeg, .png in any case) below root/class_name, sorted by name within each folder, which may
 * be nested SK_FOLDER_DEPTH_MAX deep. Hidden names are skipped, and so are __MACOSX and a link to a folder that it lies
 * in. A class without a picture and an unreadable folder are INPUT. */
enum sk_code sk_file_list_add_class(struct sk_file_list *l, const char *class_name, int label,
                                    struct sk_err *err) SK_MUST;

/* Class folders by name, sorted, and the list of classes, which may be empty. */
struct sk_folder_classes {
    char *const *name;
    size_t count;
    const struct sk_class_list *list;
};
/* Adds the pictures that lie in the root itself with the classes that the file labels gives them: a list (list.h) of
 * their names and labels, or of labels alone for the pictures sorted by name. A label is the name of a class folder, or
 * a number from 0, the place in the list of classes or else among the sorted folders. A name that is not there or comes
 * twice, another label, and labels alone that are not as many as the pictures: INPUT. Labels are names where all are;
 * else all must be numbers. Pictures that a list of names lacks are left out, and told. */
enum sk_code sk_file_list_add_flat(struct sk_file_list *l, const char *labels, const struct sk_folder_classes *c,
                                   struct sk_err *err) SK_MUST;
/* What a validation split may be called; NULL-terminated. */
extern const char *const sk_val_names[];
/* Names of the folders (also through links) in root that are no class: hidden ones, and what macOS adds to archives. */
bool sk_is_left_out(const char *name);
/* Names of the other folders in root, sorted; *names: sk_free. */
enum sk_code sk_folder_classes(const char *root, char ***names, size_t *count, struct sk_err *err) SK_MUST;

#endif

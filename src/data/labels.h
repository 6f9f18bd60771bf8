/* Labels given as text, and lists of classes; inside data/ only. */
#ifndef SKUA_DATA_LABELS_H
#define SKUA_DATA_LABELS_H

#include <string.h>

#include "base/base.h"
#include "recipe/recipe.h"

enum { SK_LABELS_MAX = 100000, SK_LABEL_NUMBER_MAX = 999999, SK_CLASS_LIST_MAX = 16 << 20 };

/* Length of the mark (byte order mark) with which some programs begin UTF-8 text; 0: there is none. */
static inline size_t sk_mark_length(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* Every distinct text once, numbered in the order in which they come; zeroed = empty. */
struct sk_label_set {
    struct sk_str text;
    size_t *at; /* [count] in text */
    size_t count, cap;
    uint32_t *slot; /* [slots] open addressing: number + 1, 0: free */
    size_t slots;
};
/* *number of a text of len bytes, without the blanks around it. Empty, SK_NAME bytes or longer, control characters or
 * not UTF-8, or more than SK_LABELS_MAX of them: INPUT "the label ...", for the caller to prefix with the place. */
enum sk_code sk_label_set_add(struct sk_label_set *s, const char *text, size_t len, int *number,
                              struct sk_err *err) SK_MUST;
int sk_label_set_find(const struct sk_label_set *s, const char *text); /* -1: not there */
const char *sk_label_set_text(const struct sk_label_set *s, int number);
void sk_label_set_release(struct sk_label_set *s);

/* A list of classes: a line for each, in order. A line that begins with a WordNet ID (n and eight digits) gives that and
 * then the name ("n01440764 tench, Tinca tinca"); of any other the whole is the name, and the ID too. */
struct sk_class_list { /* release accepts a zeroed one */
    struct sk_label_set id;
    struct sk_str text;
    size_t *name; /* [id.count] in text */
    size_t cap;
};
enum sk_code sk_class_list_read(struct sk_class_list *l, const char *path, struct sk_err *err) SK_MUST;
enum sk_code sk_class_list_parse(struct sk_class_list *l, const char *text, size_t len, const char *shown,
                                 struct sk_err *err) SK_MUST;
/* Reads data.class_names, relative to data.path (of a file there: to its folder), or where that is not given the file of
 * the usual name, if any (NULL: none). path: where it lies; empty: there is none, and the list is empty. */
enum sk_code sk_class_list_of(struct sk_class_list *l, char path[SK_PATH], const struct sk_recipe_data *data,
                              const char *usual, struct sk_err *err) SK_MUST;
const char *sk_class_list_name(const struct sk_class_list *l, int number);
void sk_class_list_release(struct sk_class_list *l);

/* The classes that labels stand for. */
struct sk_classes { /* release accepts a zeroed one */
    int *of;        /* [set.count]: the class of a label's number */
    const char **name; /* [count], in text */
    int count;
    struct sk_str text;
};
/* With a list: where all labels are IDs of it they are those; else all must be numbers from 0, places in it. Without
 * (list NULL): where all labels are numbers from 0 they are the classes, which are called by them; else the distinct
 * texts in byte order are. INPUT names the label that is no class; shown is the path of the list or else of the data. */
enum sk_code sk_classes_make(struct sk_classes *c, const struct sk_label_set *set, const struct sk_class_list *list,
                             const char *shown, struct sk_err *err) SK_MUST;
void sk_classes_release(struct sk_classes *c);

#endif

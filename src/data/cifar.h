/* CIFAR-10 and CIFAR-100 (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html): batches of pictures as three
 * planes each, in the published binary, pickled or MATLAB layout; private to data. Binary files are read at places, all
 * else is in memory. */
#ifndef SKUA_DATA_CIFAR_H
#define SKUA_DATA_CIFAR_H

#include "data/data.h"

enum {
    SK_CIFAR_CLASSES_MAX = 100,
    SK_CIFAR_SIDE = 32,
    SK_CIFAR_PLANE = SK_CIFAR_SIDE * SK_CIFAR_SIDE,
    SK_CIFAR_PIXELS = 3 * SK_CIFAR_PLANE,
    SK_CIFAR_HEAD_MAX = 2, /* labels before the pixels of a binary record */
    SK_CIFAR_BATCHES_MAX = 5,
    SK_CIFAR_MAX_META = 1 << 16
};

enum sk_cifar_layout { SK_CIFAR_BINARY, SK_CIFAR_PICKLED, SK_CIFAR_MATLAB, SK_CIFAR_UNKNOWN };
enum { SK_CIFAR_LAYOUTS = SK_CIFAR_UNKNOWN };
/* Files of a layout: the batches of the training split, that of the validation split, the class names. */
enum { SK_CIFAR_TEST = SK_CIFAR_BATCHES_MAX, SK_CIFAR_META, SK_CIFAR_FILES };

/* A published set with one kind of its labels (cifar_kinds.c). A binary record is head labels, red, green, blue. */
struct sk_cifar_kind {
    const char *title;
    int classes, head, label;        /* label: which of the head's bytes */
    int batches;                     /* of the training split */
    int64_t published[2];            /* pictures in a batch, by enum sk_split */
    const char *folder[SK_CIFAR_LAYOUTS];
    const char *archive[SK_CIFAR_LAYOUTS];
    const char *file[SK_CIFAR_LAYOUTS][SK_CIFAR_FILES]; /* NULL: there is none */
    bool plain;                      /* files have everyday names: the folder's name or the class names tell */
    const char *labels, *names;      /* keys in the pickles, arrays in the MAT-files */
    const char *const *class_name;   /* [classes], where the files name none */
};
extern const struct sk_cifar_kind sk_cifar10, sk_cifar100_fine, sk_cifar100_coarse;

struct sk_cifar_batch {
    const char *name; /* file name */
    struct sk_file file; /* open, or content is there */
    void *content;
    size_t len;            /* of the one or the other */
    void *owned;           /* pixels, where they do not lie in content */
    const uint8_t *pixels; /* of the first picture: [3][32][32]; NULL: in file */
    size_t stride;         /* bytes from picture to picture */
    int64_t first, count;  /* samples of the split */
};

struct sk_cifar { /* one split; zeroed before use but for kind */
    const struct sk_cifar_kind *kind;
    enum sk_split split;
    enum sk_cifar_layout layout;
    struct sk_cifar_batch batch[SK_CIFAR_BATCHES_MAX];
    int batches;
    uint8_t *label;  /* [count] */
    uint64_t hash;   /* of all pixels */
    size_t label_capacity;
    int64_t count;
    char name[SK_CIFAR_CLASSES_MAX][SK_NAME];
    const char *class_name[SK_CIFAR_CLASSES_MAX]; /* into name */
};

/* ---- finding and loading (cifar_load.c) ---- */
struct sk_cifar_place { /* a folder of batches, or an archive, whose layout shows inside */
    char path[SK_PATH];
    enum sk_cifar_layout layout;
    bool archive;
};
/* Whether a set of the kind lies at path: the batches themselves, a folder or archive of the published name, or an
 * archive of any name. */
bool sk_cifar_probe(const struct sk_cifar_kind *kind, const char *path);
/* The same in full: prefers the binary layout, then the pickled one, then MATLAB's, then archives. None: INPUT. */
enum sk_code sk_cifar_find(const struct sk_cifar_kind *kind, struct sk_cifar_place *place, const char *path,
                           struct sk_err *err) SK_MUST;
/* Loads a split: binary files stay open, what others hold and members of an archive are kept in memory. Release also
 * after a failure. */
enum sk_code sk_cifar_load(struct sk_cifar *c, const struct sk_cifar_place *place, enum sk_split split,
                           struct sk_err *err) SK_MUST;
void sk_cifar_release(struct sk_cifar *c); /* accepts a zeroed one */

/* ---- contents (cifar.c) ---- */
/* Reads a batch whose file or content is set: pixels, stride, count; appends its labels to c and adds its pixels to the
 * hash. shown is the file's name in messages. Wrong sizes or labels: INPUT. */
enum sk_code sk_cifar_read_batch(struct sk_cifar *c, struct sk_cifar_batch *b, const char *shown,
                                 struct sk_err *err) SK_MUST;
/* Picture number record of a batch: *pixels is [3][32][32], in memory or in buffer. */
enum sk_code sk_cifar_pixels(const struct sk_cifar_batch *b, int64_t record,
                             uint8_t buffer[SK_CIFAR_HEAD_MAX + SK_CIFAR_PIXELS], const uint8_t **pixels,
                             struct sk_err *err) SK_MUST;
/* Reads the class names from the content of the file of them, by the layout. */
enum sk_code sk_cifar_read_meta(struct sk_cifar *c, const void *data, size_t len, const char *shown,
                                struct sk_err *err) SK_MUST;

#endif

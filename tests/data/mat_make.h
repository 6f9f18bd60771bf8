/* Writes MAT-files of level 5 as MATLAB does: either byte order, each array compressed or not. */
#ifndef SKUA_TEST_MAT_MAKE_H
#define SKUA_TEST_MAT_MAKE_H

#include "base/base.h"

struct mat_file { /* zeroed but for big and packed */
    bool big, packed;
    struct sk_str bytes; /* release it, unless the file was written */
};

/* An element: tag, bytes, padding; up to four bytes lie in the tag. */
void mat_element(struct sk_str *s, bool big, unsigned type, const void *data, size_t len);
/* Flags, dimensions and name of an array. */
void mat_head(struct sk_str *s, bool big, unsigned flags, const int32_t *dim, int rank, const char *name);
/* Adds an element of a whole array to the file, which gets its header first. */
void mat_add(struct mat_file *f, const struct sk_str *array);
/* Adds rows x columns of uint8, column by column. */
void mat_add_bytes(struct mat_file *f, const char *name, const uint8_t *data, int rows, int columns);
/* Adds a column of cells with texts, each character in two bytes. */
void mat_add_texts(struct mat_file *f, const char *name, const char *const *text, int count);
void mat_write(struct mat_file *f, const char *path);

#endif

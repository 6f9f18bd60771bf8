/* A small strict reader of MAT-files of level 5 ("MAT-File Format", MathWorks,
 * https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf), of both byte orders, compressed or not: arrays of
 * numbers, of characters, and cell arrays of them, found by name. Structures, sparse and complex arrays are passed over.
 * Private to data. */
#ifndef SKUA_DATA_MAT_H
#define SKUA_DATA_MAT_H

#include "base/base.h"

enum { SK_MAT_MAX_UNPACKED = 256 << 20 }; /* bytes of a compressed array */

enum sk_mat_kind { /* as the format numbers them; those of numbers go from DOUBLE to UINT64 */
    SK_MAT_CELL = 1,
    SK_MAT_CHAR = 4,
    SK_MAT_DOUBLE = 6,
    SK_MAT_UINT8 = 9,
    SK_MAT_UINT64 = 15
};

struct sk_mat { /* an array; column by column, as MATLAB has it */
    unsigned kind;       /* enum sk_mat_kind, or another that the format knows; 0: an empty cell */
    int64_t rows, columns;
    size_t rank, count;  /* of dimensions; of values, characters or cells */
    const uint8_t *data; /* in the file or in owned: values in their own type and order; CELL: those not yet taken */
    size_t len;
    /* private */
    unsigned type; /* of the values */
    bool big;      /* big-endian */
    const char *file;
    size_t place; /* of the element in the file */
    void *owned;
};

/* Finds the array of that name in the file with that content, which must outlive m, as file, its name in messages. Every
 * element is walked over; just the array is unpacked. *m is overwritten; on failure it is zeroed. Another format, damage
 * that shows, no such array, two of them, or one of complex numbers: INPUT. */
enum sk_code sk_mat_find(struct sk_mat *m, const void *data, size_t len, const char *file, const char *name,
                         struct sk_err *err) SK_MUST;
void sk_mat_release(struct sk_mat *m); /* accepts a zeroed one */
/* Value number i < count of an array of numbers; false: it is no whole number, or too large a one. */
bool sk_mat_integer(const struct sk_mat *m, size_t i, int64_t *out);
/* A row of characters as UTF-8, of which size bytes at most are written to out, without a NUL. Returns the length of the
 * whole. What is no character (halves of surrogate pairs) comes out as no UTF-8. */
size_t sk_mat_text(const struct sk_mat *m, char *out, size_t size);
/* Takes the next cell of a CELL (at most count times), which borrows from it: nothing to release. */
enum sk_code sk_mat_next(struct sk_mat *cells, struct sk_mat *cell, struct sk_err *err) SK_MUST;

#endif

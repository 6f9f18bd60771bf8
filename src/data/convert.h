/* Shards being written (convert.c, tar_write.c), and what tells whether all are there; inside data/ only. */
#ifndef SKUA_DATA_CONVERT_H
#define SKUA_DATA_CONVERT_H

#include "data/data.h"

struct sk_tar_writer { /* zeroed: none */
    char path[SK_PATH], part[SK_PATH]; /* final and temporary name */
    struct sk_str buffer;              /* not written yet */
    int fd;
    bool open;
};
/* Begins path.part; the same calls give the same bytes. */
enum sk_code sk_tar_writer_open(struct sk_tar_writer *w, const char *path, struct sk_err *err) SK_MUST;
/* A file of a short ASCII name. */
enum sk_code sk_tar_writer_add(struct sk_tar_writer *w, const char *name, const void *data, size_t len,
                               struct sk_err *err) SK_MUST;
/* Writes the end, flushes and renames. */
enum sk_code sk_tar_writer_finish(struct sk_tar_writer *w, struct sk_err *err) SK_MUST;
/* Removes what is not finished; frees. */
void sk_tar_writer_close(struct sk_tar_writer *w);

#define SK_CONVERSION "conversion.txt"
/* Where that file in dir says what is to be there: INPUT when dir holds fewer shards. *is: there is such a file. */
enum sk_code sk_conversion_check(const char *dir, size_t shards, bool *is, struct sk_err *err) SK_MUST;

#endif

/* Headers of a plain tar archive (POSIX ustar and pax, GNU; https://pubs.opengroup.org/onlinepubs/9699919799/utilities/
 * pax.html#tag_20_92_13), for reading members at places afterwards; inside data/ only. */
#ifndef SKUA_DATA_TAR_H
#define SKUA_DATA_TAR_H

#include "base/base.h"

enum { SK_TAR_BLOCK = 512, SK_TAR_PAX_MAX = 1 << 16, SK_TAR_HEADERS_MAX = 1 << 30 };

/* Bytes at places: a file, or what is packed in one. Thread-safe. */
struct sk_bytes {
    const char *path; /* for messages */
    uint64_t size;
    const void *self;
    enum sk_code (*read_at)(const void *self, uint64_t offset, void *out, size_t len, struct sk_err *err);
};
struct sk_tar { /* set from, zero the rest */
    struct sk_bytes from;
    uint64_t at;         /* of the next header */
    char name[SK_PATH];  /* of the member found: a path without `..` that is not absolute */
    uint64_t offset, size; /* of its content, which lies within from */
    int64_t headers;
    int64_t skipped;     /* links, devices, sparse files, and names that are absolute or hold `..` */
    bool ended;          /* the first empty block of the end was met, which is at */
};
/* Goes to the next regular file; *found is false at the end, with or without an end mark. A header that is damaged, and
 * a member that goes beyond the end: INPUT that names path and place. */
enum sk_code sk_tar_next(struct sk_tar *t, bool *found, struct sk_err *err) SK_MUST;
/* After the end mark: nothing but zeros may follow up to from's size; anything else is INPUT that tells both places. */
enum sk_code sk_tar_check_end(const struct sk_tar *t, struct sk_err *err) SK_MUST;

#endif

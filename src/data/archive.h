/* Reading members of a tar archive, plain or gzip'd, in its order and without unpacking it to disk; private to data. */
#ifndef SKUA_DATA_ARCHIVE_H
#define SKUA_DATA_ARCHIVE_H

#include "base/base.h"

/* Bounds against archives made to exhaust us. */
enum { SK_ARCHIVE_MAX_MEMBER = 256 << 20, SK_ARCHIVE_MAX_MEMBERS = 100000, SK_ARCHIVE_MAX_TOTAL = 1 << 30 };

struct sk_archive;
/* Not a tar archive or unreadable: INPUT that names the path. */
enum sk_code sk_archive_open(struct sk_archive **a, const char *path, struct sk_err *err) SK_MUST;
void sk_archive_close(struct sk_archive *a); /* NULL is fine */
/* Goes to the next regular file; *name (valid until the next call) = NULL at the end. */
enum sk_code sk_archive_next(struct sk_archive *a, const char **name, struct sk_err *err) SK_MUST;
/* Content of the member that next went to, into *data (sk_free). */
enum sk_code sk_archive_read(struct sk_archive *a, void **data, size_t *len, struct sk_err *err) SK_MUST;

#endif

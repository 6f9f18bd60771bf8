/* For tests of tar shards: archives written by libarchive, and single headers written by hand. */
#ifndef SKUA_TEST_TAR_MAKE_H
#define SKUA_TEST_TAR_MAKE_H

#include "base/base.h"

struct archive;
/* A writer of path below the scratch folder, whose folders are made; format: "ustar", "gnutar", "pax". */
struct archive *tar_begin(const char *path, const char *format, bool gzip);
void tar_add(struct archive *a, const char *name, const void *data, size_t len);
void tar_add_text(struct archive *a, const char *name, const char *text);
/* A PNG of height x width pixels (red, green, 7). */
void tar_add_picture(struct archive *a, const char *name, int height, int width, int red, int green);
void tar_end(struct archive *a);

/* Appends a ustar header with a right checksum, and len bytes padded to a block. size: what the header says (NULL: len). */
void tar_put(struct sk_str *s, const char *name, char type, const char *size, const void *data, size_t len);
void tar_put_end(struct sk_str *s);

#endif

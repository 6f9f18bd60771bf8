/* Writing a whole file from parts; private to format. */
#ifndef SKUA_FORMAT_WRITE_H
#define SKUA_FORMAT_WRITE_H

#include "base/base.h"

struct sk_part {
    const void *data;
    size_t len;
};
/* Creates or truncates path, writes the parts one after another and flushes. On an error (IO) the file is removed. */
enum sk_code sk_write_parts(const char *path, const struct sk_part *part, size_t count, struct sk_err *err) SK_MUST;

#endif

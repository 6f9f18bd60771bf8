/* Between get.c and get_http.c: a file that is being downloaded. */
#ifndef SKUA_DATA_GET_H
#define SKUA_DATA_GET_H

#include "data/data.h"

enum { SK_GET_TAG = 256 };

struct sk_get {
    const struct sk_download *d;
    char part[SK_PATH];     /* what has come so far */
    char tag_path[SK_PATH]; /* holds tag between calls */
    char tag[SK_GET_TAG];   /* ETag or Last-Modified of what part is the beginning of; empty: unknown */
    int fd;                 /* part, open for writing at its end */
    int64_t have;           /* its bytes */
    int restarts;           /* times it was cut to nothing */
    struct sk_err *err;
};

/* Cuts part to nothing and forgets the tag. */
enum sk_code sk_get_restart(struct sk_get *g) SK_MUST;
/* Remembers the tag of the response whose body is now written to part; an empty one too. */
enum sk_code sk_get_set_tag(struct sk_get *g, const char *tag) SK_MUST;
/* Fetches what part lacks. */
enum sk_code sk_get_fetch(struct sk_get *g) SK_MUST;

#endif

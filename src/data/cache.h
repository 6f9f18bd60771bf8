/* Decoded pictures kept in memory (data.cache: memory). Inside data/ only. */
#ifndef SKUA_DATA_CACHE_H
#define SKUA_DATA_CACHE_H

#include <stdatomic.h>

#include "data/data.h"

struct sk_picture_cache {
    _Atomic(void *) *slot;      /* [count]; NULL: not decoded yet */
    int64_t count;
    atomic_size_t bytes;        /* kept so far */
    size_t limit;               /* half of what was free at the start */
};

enum sk_code sk_picture_cache_init(struct sk_picture_cache *c, int64_t count, struct sk_err *err) SK_MUST;
void sk_picture_cache_release(struct sk_picture_cache *c); /* accepts a zeroed one */
/* Copies a kept picture to p; *found is false when there is none. Thread-safe. */
enum sk_code sk_picture_cache_get(const struct sk_picture_cache *c, int64_t index, struct sk_picture *p, bool *found,
                                  struct sk_err *err) SK_MUST;
/* Keeps a copy where the limit allows (told once when it does not). Thread-safe; the first of two wins. */
void sk_picture_cache_put(struct sk_picture_cache *c, int64_t index, const struct sk_picture *p);

#endif

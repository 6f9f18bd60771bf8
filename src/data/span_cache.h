/* Spans of bytes that are dear to make, kept for several threads: a fixed number of them, of which the one used least
 * recently makes room. Inside data/ only. */
#ifndef SKUA_DATA_SPAN_CACHE_H
#define SKUA_DATA_SPAN_CACHE_H

#include "base/base.h"

struct sk_span_cache;
/* Makes span number of owner: writes at most the cache's span bytes to out, and how many to *len. */
struct sk_span_maker {
    void *owner; /* spans of one owner are told apart by number */
    enum sk_code (*make)(void *ctx, uint64_t number, unsigned char *out, size_t *len, struct sk_err *err);
    void *ctx;
};
/* spans: how many are kept at most, at least 1; memory is taken when it is first needed. */
enum sk_code sk_span_cache_new(struct sk_span_cache **c, size_t spans, size_t span, struct sk_err *err) SK_MUST;
void sk_span_cache_free(struct sk_span_cache *c); /* NULL is fine */
size_t sk_span_cache_span(const struct sk_span_cache *c);
/* Copies bytes from..from+len of a span to out, those that there are: *got. A span that is not kept is made by the
 * thread that asks first; others that want it wait. No lock is held meanwhile. */
enum sk_code sk_span_cache_read(struct sk_span_cache *c, const struct sk_span_maker *m, uint64_t number, size_t from,
                                void *out, size_t len, size_t *got, struct sk_err *err) SK_MUST;
/* How many spans were made so far. */
int64_t sk_span_cache_made(struct sk_span_cache *c);

#endif

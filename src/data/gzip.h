/* The content of a gzip file (RFC 1952: one member or several) at any place; inside data/ only.
 *
 * It is cut into spans of SK_GZIP_SPAN bytes. At the begin of each the inflating state is kept, 40 KiB with its window
 * of 32 KiB (below 0.5% of the content), so that a span is inflated without those before it. Inflated spans are shared
 * by the threads through a cache of fixed size. */
#ifndef SKUA_DATA_GZIP_H
#define SKUA_DATA_GZIP_H

#include "data/span_cache.h"
#include "data/tar.h"

enum {
    SK_GZIP_SPAN = 8 << 20,
    SK_GZIP_SPANS_MAX = 8192, /* a file that unpacks to more (64 GiB) is refused: the states take 330 MiB */
    SK_GZIP_SPANS = 16 /* kept where reading goes in order, by up to so many threads; a shuffle needs its own besides */
};

struct sk_gzip;
/* Nothing is read yet. cache is borrowed; what a span of it holds (SK_GZIP_SPAN) is a span here (less in tests). */
enum sk_code sk_gzip_new(struct sk_gzip **gz, struct sk_span_cache *cache, struct sk_err *err) SK_MUST;
void sk_gzip_free(struct sk_gzip *gz); /* NULL is fine */
/* Reads what is unpacked from packed, the same bytes at every call. Until sk_gzip_finish was called by one thread, from
 * then on by several at once. Damaged or cut off, or the content ends before: INPUT that names path and place. Other
 * bytes than were there at first: INPUT "'x' has changed since it was opened". */
enum sk_code sk_gzip_read_at(struct sk_gzip *gz, const struct sk_bytes *packed, uint64_t offset, void *out, size_t len,
                             struct sk_err *err) SK_MUST;
/* Reads to the end, which checks all of it. */
enum sk_code sk_gzip_finish(struct sk_gzip *gz, const struct sk_bytes *packed, struct sk_err *err) SK_MUST;
/* Of the content; SK_GZIP_SPANS_MAX spans until sk_gzip_finish was called. */
uint64_t sk_gzip_size(const struct sk_gzip *gz);

#endif

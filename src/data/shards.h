/* The shards of a data set: files that are read at places by several threads; inside data/ only. */
#ifndef SKUA_DATA_SHARDS_H
#define SKUA_DATA_SHARDS_H

#include "data/gzip.h"

enum { SK_SHARDS_MAX = 1 << 20, SK_SHARDS_OPEN = 256 /* of a source; the others are opened for each reading */ };

struct sk_shard {
    char *path;
    struct sk_file *file; /* NULL: opened for each reading; half of the process' file descriptors are left free */
    struct sk_gzip *gzip; /* NULL: plain */
    uint64_t size;        /* of the file */
};
struct sk_shards { /* release accepts a zeroed one */
    struct sk_shard *item;
    size_t count, cap;
    size_t spans; /* of inflated data, kept for gzip'd shards; 0: SK_GZIP_SPANS */
    struct sk_span_cache *cache; /* NULL: no shard is gzip'd */
};
/* Whether the name ends like a shard's: .tar, .tar.gz, .tgz. */
bool sk_is_shard(const char *name);
enum sk_code sk_shards_add(struct sk_shards *s, const char *path, struct sk_err *err) SK_MUST;
/* All shards in a folder, by name, of which pick (NULL: any) says yes. */
enum sk_code sk_shards_add_folder(struct sk_shards *s, const char *folder, bool (*pick)(const char *name),
                                  struct sk_err *err) SK_MUST;
/* Keeps the number of spans. */
void sk_shards_release(struct sk_shards *s);
/* Content of a shard, unpacked; valid as long as the shard's place in item is. Of a gzip'd one the size is known, and
 * several threads may read, once sk_shard_finish was called. */
struct sk_bytes sk_shard_bytes(const struct sk_shard *s);

/* Goes to the end of a gzip'd shard, which checks it; nothing for a plain one. */
enum sk_code sk_shard_finish(const struct sk_shard *s, struct sk_err *err) SK_MUST;

#endif

/* The shards of a data set: files that are read at places by several threads; inside data/ only. */
#ifndef SKUA_DATA_SHARDS_H
#define SKUA_DATA_SHARDS_H

#include "data/tar.h"

enum { SK_SHARDS_MAX = 1 << 20, SK_SHARDS_OPEN = 256 /* the others are opened for each reading */ };

struct sk_shard {
    char *path;
    struct sk_file *file; /* NULL: opened for each reading */
    uint64_t size;
};
struct sk_shards { /* release accepts a zeroed one */
    struct sk_shard *item;
    size_t count, cap;
};
/* Whether the name ends like a shard's: .tar. */
bool sk_is_shard(const char *name);
enum sk_code sk_shards_add(struct sk_shards *s, const char *path, struct sk_err *err) SK_MUST;
/* All shards in a folder, by name, of which pick (NULL: any) says yes. */
enum sk_code sk_shards_add_folder(struct sk_shards *s, const char *folder, bool (*pick)(const char *name),
                                  struct sk_err *err) SK_MUST;
void sk_shards_release(struct sk_shards *s);
/* Content of a shard, valid as long as the shard's place in item is. */
struct sk_bytes sk_shard_bytes(const struct sk_shard *s);

#endif

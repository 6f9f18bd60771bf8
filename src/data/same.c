/* Finding samples that are the same file, by a hash of their paths: two files that share one (of 64 bits) would just fall
 * into the same split. */
#include "data/same.h"

#include <string.h>
#include <unistd.h>

#include "data/internal.h"

enum { NAME = 2 * SK_PATH };

struct slot {
    uint64_t hash;
    uint32_t first; /* sample + 1; 0: free */
};

/* Adds the parts of a path to an absolute one of len bytes, without those that lead nowhere else; returns its length. */
static size_t add_parts(char *out, size_t len, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && memcmp(path, "..", 2) == 0) {
            while (len > 0 && out[--len] != '/')
                ;
        } else if (n > 1 || (n == 1 && *path != '.')) {
            out[len++] = '/';
            memcpy(out + len, path, n);
            len += n;
        }
        path += n + (path[n] == '/');
    }
    return len;
}

static uint64_t hash_path(const char *folder, const char *name)
{
    char path[NAME + SK_PATH + 2];
    size_t len = name[0] == '/' ? 0 : add_parts(path, 0, folder);
    return sk_hash_bytes(SK_HASH_START, path, add_parts(path, len, name));
}

static struct slot *find(struct slot *slot, size_t slots, uint64_t hash)
{
    size_t i = (size_t)(hash % slots);
    while (slot[i].first && slot[i].hash != hash)
        i = i + 1 == slots ? 0 : i + 1;
    return &slot[i];
}

enum sk_code sk_same_files(uint32_t *same, int64_t *more, int64_t *first_more, const struct sk_source_ops *ops,
                           const void *self, int64_t count, struct sk_err *err)
{
    char folder[SK_PATH] = "", name[NAME];
    const size_t slots = (size_t)count * 2 + 1;
    struct slot *slot = sk_alloc(slots, sizeof(*slot), err);
    *more = 0;
    *first_more = -1;
    if (!getcwd(folder, sizeof(folder)))
        folder[0] = '\0'; /* then relative paths are compared with each other */
    for (int64_t i = 0; slot && i < count; i++) {
        if (same[i] == SK_SPLIT_ALREADY)
            continue;
        ops->name_of(self, i, name, sizeof(name));
        uint64_t hash = hash_path(folder, name);
        struct slot *s = find(slot, slots, hash);
        if (s->first && (*more)++ == 0)
            *first_more = i;
        if (!s->first)
            *s = (struct slot){hash, (uint32_t)i + 1};
        same[i] = s->first - 1;
    }
    sk_free(slot); /* NULL is fine */
    return slot ? SK_OK : SK_NOMEM;
}

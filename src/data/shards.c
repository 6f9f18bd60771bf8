/* Shards: finding them in a folder, opening them, reading them at places. */
#include "data/shards.h"

#include <string.h>
#include <strings.h>
#include <sys/resource.h>

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);
    return len > n && strcasecmp(name + len - n, end) == 0;
}

static bool is_gzip(const char *name)
{
    return ends_with(name, ".tar.gz") || ends_with(name, ".tgz");
}

bool sk_is_shard(const char *name)
{
    return name[0] != '.' && (ends_with(name, ".tar") || is_gzip(name));
}

static enum sk_code add_gzip(struct sk_shards *s, struct sk_shard *shard, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (!s->cache)
        code = sk_span_cache_new(&s->cache, s->spans ? s->spans : SK_GZIP_SPANS, SK_GZIP_SPAN, err);
    return code == SK_OK ? sk_gzip_new(&shard->gzip, s->cache, err) : code;
}

/* Whether a file may stay open: not where that takes more than half of what the process may have open. */
static bool may_stay(const struct sk_shards *s, const struct sk_file *file)
{
    struct rlimit limit;
    return s->count <= SK_SHARDS_OPEN &&
           (getrlimit(RLIMIT_NOFILE, &limit) != 0 || (rlim_t)file->fd < limit.rlim_cur / 2);
}

enum sk_code sk_shards_add(struct sk_shards *s, const char *path, struct sk_err *err)
{
    if (s->count >= SK_SHARDS_MAX)
        return sk_fail(err, SK_INPUT, "there are more than %d shards", SK_SHARDS_MAX);
    enum sk_code code = sk_grow(&s->item, &s->cap, s->count + 1, sizeof(*s->item), err);
    struct sk_shard *shard = code == SK_OK ? &s->item[s->count] : NULL;
    struct sk_file *file = shard ? sk_alloc(1, sizeof(*file), err) : NULL;
    if (!file || !(shard->path = sk_alloc(strlen(path) + 1, 1, err))) {
        sk_free(file);
        return SK_NOMEM;
    }
    memcpy(shard->path, path, strlen(path) + 1);
    code = sk_file_open(file, path, err);
    shard->size = code == SK_OK ? file->size : 0;
    s->count++; /* release frees the path */
    if (code == SK_OK && is_gzip(path) && (code = add_gzip(s, shard, err)) != SK_OK)
        sk_file_close(file);
    if (code == SK_OK && may_stay(s, file)) {
        shard->file = file;
        return SK_OK;
    }
    if (code == SK_OK)
        sk_file_close(file);
    sk_free(file);
    return code;
}

enum sk_code sk_shards_add_folder(struct sk_shards *s, const char *folder, bool (*pick)(const char *name),
                                  struct sk_err *err)
{
    char **names, path[SK_PATH];
    size_t count;
    enum sk_code code = sk_dir_list(folder, &names, &count, err);
    for (size_t i = 0; code == SK_OK && i < count; i++) {
        if (!sk_is_shard(names[i]) || (pick && !pick(names[i])))
            continue;
        code = sk_path_join(path, err, folder, names[i]);
        if (code == SK_OK)
            code = sk_shards_add(s, path, err);
    }
    sk_free(names);
    return code;
}

void sk_shards_release(struct sk_shards *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->item[i].file)
            sk_file_close(s->item[i].file);
        sk_free(s->item[i].file);
        sk_gzip_free(s->item[i].gzip);
        sk_free(s->item[i].path);
    }
    sk_free(s->item);
    sk_span_cache_free(s->cache);
    *s = (struct sk_shards){.spans = s->spans};
}

static enum sk_code read_file(const void *self, uint64_t offset, void *out, size_t len, struct sk_err *err)
{
    const struct sk_shard *s = self;
    struct sk_file file;
    if (s->file)
        return sk_file_read_at(s->file, offset, out, len, err);
    enum sk_code code = sk_file_open(&file, s->path, err);
    if (code != SK_OK)
        return code;
    code = sk_file_read_at(&file, offset, out, len, err);
    sk_file_close(&file);
    return code;
}

static struct sk_bytes file_bytes(const struct sk_shard *s)
{
    return (struct sk_bytes){.path = s->path, .size = s->size, .self = s, .read_at = read_file};
}

static enum sk_code read_unpacked(const void *self, uint64_t offset, void *out, size_t len, struct sk_err *err)
{
    const struct sk_shard *s = self;
    const struct sk_bytes packed = file_bytes(s);
    return sk_gzip_read_at(s->gzip, &packed, offset, out, len, err);
}

struct sk_bytes sk_shard_bytes(const struct sk_shard *s)
{
    struct sk_bytes bytes = file_bytes(s);
    if (s->gzip) {
        bytes.size = sk_gzip_size(s->gzip);
        bytes.read_at = read_unpacked;
    }
    return bytes;
}

enum sk_code sk_shard_finish(const struct sk_shard *s, struct sk_err *err)
{
    const struct sk_bytes packed = file_bytes(s);
    return s->gzip ? sk_gzip_finish(s->gzip, &packed, err) : SK_OK;
}

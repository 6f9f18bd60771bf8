/* Shards: finding them in a folder, opening them, reading them at places. */
#include "data/shards.h"

#include <string.h>
#include <strings.h>

bool sk_is_shard(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 4 && strcasecmp(name + len - 4, ".tar") == 0;
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
    if (code == SK_OK && s->count <= SK_SHARDS_OPEN) {
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
        sk_free(s->item[i].path);
    }
    sk_free(s->item);
    *s = (struct sk_shards){0};
}

static enum sk_code read_shard(const void *self, uint64_t offset, void *out, size_t len, struct sk_err *err)
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

struct sk_bytes sk_shard_bytes(const struct sk_shard *s)
{
    return (struct sk_bytes){.path = s->path, .size = s->size, .self = s, .read_at = read_shard};
}

/* What measuring found, by machine and op: in memory, and in one JSON file for all programs of the user.
 *
 * {"version": 1, "machines": {MACHINE: {KEY: {"kernel": NAME, "trials": [{"name": NAME, "ms": 1.5}, {"name": NAME,
 * "why": REASON}]}}}}; machines are in the order in which they were
 * written, the oldest first, and keys in that in which they first were. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "exec/internal.h"

enum { VERSION = 1, FILE_MAX = 8 << 20, ENTRIES_MAX = 2000 };

struct sk_tune_cache {
    char machine[1024], path[SK_PATH];
    json_t *ops; /* of this machine: key -> entry */
    bool read, dirty;
};

/* ---- where ---- */
/* The file in the folder that holds it, below base; "" where base is none. */
static void put_path(char out[SK_PATH], const char *base, const char *rest)
{
    int n = base && *base ? snprintf(out, SK_PATH, "%s/%skernels.json", base, rest) : 0;
    if (n <= 0 || n >= SK_PATH)
        out[0] = 0;
}

static void find_path(char out[SK_PATH])
{
    const char *own = getenv("SKUA_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    out[0] = 0;
    if (own && strcmp(own, "off") == 0)
        return;
    put_path(out, own, "");
    if (!*out && xdg && *xdg == '/') /* the standard has relative ones ignored */
        put_path(out, xdg, "skua/");
    if (!*out)
        put_path(out, getenv("HOME"), ".cache/skua/");
}

enum sk_code sk_tune_cache_new(struct sk_tune_cache **out, const char *machine, struct sk_err *err)
{
    struct sk_tune_cache *c = sk_alloc(1, sizeof *c, err);
    if (!c)
        return SK_NOMEM;
    snprintf(c->machine, sizeof c->machine, "%s", machine);
    find_path(c->path);
    c->ops = json_object();
    *out = c;
    return SK_OK;
}

void sk_tune_cache_free(struct sk_tune_cache *c)
{
    if (c)
        json_decref(c->ops);
    sk_free(c);
}

const char *sk_tune_cache_path(const struct sk_tune_cache *c)
{
    return c->path;
}

/* ---- the file ---- */
static json_t *parse_file(const struct sk_tune_cache *c, struct sk_err *why)
{
    char *text;
    size_t len;
    json_error_t at;
    if (sk_file_read(c->path, FILE_MAX, &text, &len, why) != SK_OK)
        return NULL;
    json_t *root = json_loadb(text, len, 0, &at), *machines = json_object_get(root, "machines");
    json_int_t version = json_integer_value(json_object_get(root, "version"));
    bool known = version == VERSION && json_is_object(machines);
    if (!root)
        sk_fail(why, SK_INPUT, "'%s' line %d: not valid JSON: %s", c->path, at.line, at.text);
    else if (version > VERSION)
        sk_fail(why, SK_UNSUPPORTED, "'%s' is of version %lld, a newer skua's: it is left alone (SKUA_CACHE names another folder)",
                c->path, (long long)version);
    else if (!known)
        sk_fail(why, SK_INPUT, "'%s' is no record of kernels of this version", c->path);
    json_incref(known ? machines : NULL);
    json_decref(root);
    sk_free(text);
    return known ? machines : NULL;
}

/* What all machines' entries in the file are; nothing where there is no file or it cannot be used, which is told. NULL: it
 * is not to be replaced. */
static json_t *read_machines(const struct sk_tune_cache *c)
{
    struct sk_err why = {0};
    json_t *machines = *c->path && access(c->path, F_OK) == 0 ? parse_file(c, &why) : NULL;
    if (why.code != SK_OK)
        sk_notice("measured kernels are not read, but measured anew: %s", why.text);
    return machines || why.code == SK_UNSUPPORTED ? machines : json_object();
}

static void read_once(struct sk_tune_cache *c)
{
    if (c->read)
        return;
    c->read = true;
    json_t *machines = read_machines(c), *ops = json_object_get(machines, c->machine);
    if (json_is_object(ops))
        json_object_update(c->ops, ops);
    json_decref(machines);
}

static size_t count_entries(json_t *machines)
{
    const char *key;
    json_t *ops;
    size_t count = 0;
    json_object_foreach(machines, key, ops) count += json_object_size(ops);
    return count;
}

/* The oldest give way until at most ENTRIES_MAX are left: whole machines, then ops of the last. */
static void drop_oldest(json_t *machines)
{
    size_t count = count_entries(machines);
    while (count > ENTRIES_MAX) {
        void *oldest = json_object_iter(machines);
        json_t *ops = json_object_iter_value(oldest);
        if (json_object_size(machines) > 1) {
            count -= json_object_size(ops);
            json_object_del(machines, json_object_iter_key(oldest));
        } else {
            json_object_del(ops, json_object_iter_key(json_object_iter(ops)));
            count--;
        }
    }
}

static enum sk_code write_file(const struct sk_tune_cache *c, json_t *machines, struct sk_err *err)
{
    json_t *root = json_pack("{s:i, s:O}", "version", VERSION, "machines", machines);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    enum sk_code code = text ? sk_file_write(c->path, text, strlen(text), err) : sk_fail(err, SK_NOMEM, "out of memory");
    free(text);
    json_decref(root);
    return code;
}

/* Others that save at the same time wait until this one is done; without locks (a file system may have none) the last
 * one's entries win. -1: not locked. */
static int lock_folder(const char *folder)
{
    int fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    return fd;
}

static void put_folder(const struct sk_tune_cache *c, char folder[SK_PATH])
{
    snprintf(folder, SK_PATH, "%.*s", (int)(strrchr(c->path, '/') - c->path), c->path);
}

/* What others wrote in the meantime, and what this one found. */
static enum sk_code merge(struct sk_tune_cache *c, struct sk_err *err)
{
    json_t *machines = read_machines(c);
    if (!machines)
        return SK_OK;
    json_t *ops = json_object_get(machines, c->machine), *mine = json_is_object(ops) ? json_copy(ops) : json_object();
    json_object_update(mine, c->ops);
    json_object_del(machines, c->machine); /* to the end: the newest */
    json_object_set_new(machines, c->machine, mine);
    drop_oldest(machines);
    enum sk_code code = write_file(c, machines, err);
    json_decref(machines);
    return code;
}

void sk_tune_cache_save(struct sk_tune_cache *c)
{
    struct sk_err why = {0};
    char folder[SK_PATH];
    if (!c->dirty || !*c->path)
        return;
    put_folder(c, folder);
    enum sk_code code = sk_mkdirs(*folder ? folder : "/", &why);
    int lock = code == SK_OK ? lock_folder(folder) : -1;
    if (code == SK_OK)
        code = merge(c, &why);
    if (lock >= 0)
        close(lock);
    if (code != SK_OK)
        sk_notice("measured kernels are not remembered: %s", why.text);
    c->dirty = false;
}

/* ---- entries ---- */
static bool get_trial(const json_t *from, struct sk_trials *t)
{
    const char *name = json_string_value(json_object_get(from, "name"));
    const char *why = json_string_value(json_object_get(from, "why"));
    double ms = json_number_value(json_object_get(from, "ms"));
    bool good = name && (why || ms > 0);
    if (good)
        sk_trials_add(t, name, why ? 0 : ms, why ? why : "");
    return good;
}

bool sk_tune_cache_get(struct sk_tune_cache *c, const char *key, char chosen[SK_KERNEL_NAME], struct sk_trials *t)
{
    read_once(c);
    const json_t *entry = json_object_get(c->ops, key), *trials = json_object_get(entry, "trials");
    const char *name = json_string_value(json_object_get(entry, "kernel"));
    bool good = name && json_array_size(trials) > 0;
    t->count = 0;
    for (size_t i = 0; i < json_array_size(trials) && good; i++)
        good = get_trial(json_array_get(trials, i), t);
    if (good)
        snprintf(chosen, SK_KERNEL_NAME, "%s", name);
    return good;
}

void sk_tune_cache_put(struct sk_tune_cache *c, const char *key, const char *chosen, const struct sk_trials *t)
{
    json_t *trials = json_array();
    for (int i = 0; i < t->count; i++) {
        const struct sk_trial *at = &t->at[i];
        json_array_append_new(trials, at->ms > 0 ? json_pack("{s:s, s:f}", "name", at->name, "ms", at->ms)
                                                 : json_pack("{s:s, s:s}", "name", at->name, "why", at->why));
    }
    json_object_del(c->ops, key); /* to the end: the newest */
    json_object_set_new(c->ops, key, json_pack("{s:s, s:o}", "kernel", chosen, "trials", trials));
    c->dirty = true;
}

/* state.json of a checkpoint: where training stands, and checksums of the files beside it. Written last: a folder
 * without it is no checkpoint. */
#include "train/internal.h"
#include "train/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_VERSION = 1, STATE_BYTES = 1 << 16 };

const char *const sk_checkpoint_file[SK_CKPT_FILES] = {"model.safetensors", "state.safetensors", "plan.json",
                                                       "model-ema.safetensors"};

/* ---- the members, by name and place ---- */
struct member {
    const char *name;
    size_t offset;
    bool later; /* older checkpoints lack it */
};
#define MEMBER(name, member)                                                                                           \
    {                                                                                                                  \
        name, offsetof(struct sk_position, member), false                                                              \
    }
#define LATER(name, member)                                                                                            \
    {                                                                                                                  \
        name, offsetof(struct sk_position, member), true                                                               \
    }
static const struct member integers[] = {
    MEMBER("step", step),
    MEMBER("batch", batch),
    MEMBER("reported", reported),
    MEMBER("samples", samples),
    MEMBER("batch_size", batch_size),
    MEMBER("count", metrics.count),
    MEMBER("correct1", metrics.correct1),
    MEMBER("correct5", metrics.correct5),
    LATER("replaced", replaced),
    LATER("stale", stale),
    LATER("plateau_bad", plateau.bad),
    LATER("plateau_cooling", plateau.cooling),
    LATER("plateau_drops", plateau.drops),
};
static const struct member reals[] = {
    MEMBER("best", best),
    LATER("plateau_low", plateau.low),
    MEMBER("loss_sum", metrics.loss_sum),
    MEMBER("seconds", seconds),
    MEMBER("epoch_seconds", epoch_seconds),
    MEMBER("wait_seconds", wait_seconds),
    MEMBER("compute_seconds", compute_seconds),
};

static json_t *state_object(const struct sk_checkpoint_state *s)
{
    const char *base = (const char *)&s->position;
    char fingerprint[17];
    json_t *object = json_object(), *sums = json_object();
    sk_json_integer(object, "version", STATE_VERSION);
    sk_json_integer(object, "epoch", s->position.epoch);
    for (size_t i = 0; i < SK_COUNT(integers); i++)
        sk_json_integer(object, integers[i].name, *(const int64_t *)(base + integers[i].offset));
    for (size_t i = 0; i < SK_COUNT(reals); i++)
        sk_json_real(object, reals[i].name, *(const double *)(base + reals[i].offset));
    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)s->position.fingerprint);
    json_object_set_new(object, "fingerprint", json_string(fingerprint));
    for (int i = 0; i < SK_CKPT_FILES; i++)
        if (s->sha256[i][0])
            json_object_set_new(sums, sk_checkpoint_file[i], json_string(s->sha256[i]));
    json_object_set_new(object, "sha256", sums);
    return object;
}

enum sk_code sk_state_write(const char *dir, const struct sk_checkpoint_state *s, struct sk_err *err)
{
    char path[SK_PATH];
    json_t *object = state_object(s);
    char *text = json_dumps(object, SK_STATE_JSON);
    enum sk_code code = sk_path_join(path, err, dir, "state.json");
    if (code == SK_OK)
        code = text ? sk_file_write(path, text, strlen(text), err)
                    : sk_fail(err, SK_NOMEM, "not enough memory to write '%s'", path);
    free(text);
    json_decref(object);
    return code;
}

/* ---- reading ---- */
static bool read_integer(const json_t *object, const char *key, int64_t high, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0 && *out <= high;
}

static bool read_real(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_number_value(value);
    return json_is_number(value);
}

static bool read_hex(const char *text, uint64_t *out)
{
    if (!text || strlen(text) != 16 || text[strspn(text, "0123456789abcdef")] != '\0')
        return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

static bool read_sum(const json_t *sums, const char *file, char out[SK_SHA256_TEXT])
{
    const char *text = json_string_value(json_object_get(sums, file));
    if (!json_object_get(sums, file) && strcmp(file, sk_checkpoint_file[SK_CKPT_EMA]) == 0)
        return true; /* there is none */
    if (!text || strlen(text) != SK_SHA256_TEXT - 1)
        return false;
    memcpy(out, text, SK_SHA256_TEXT);
    return true;
}

static bool lacks(const json_t *object, const struct member *m)
{
    return m->later && !json_object_get(object, m->name);
}

/* NULL, or the name of the member that is missing or out of bounds. */
static const char *read_members(const json_t *object, struct sk_checkpoint_state *s)
{
    char *base = (char *)&s->position;
    int64_t number;
    if (!read_integer(object, "version", STATE_VERSION, &number) || number != STATE_VERSION)
        return "version";
    if (!read_integer(object, "epoch", UINT32_MAX, &number))
        return "epoch";
    s->position.epoch = (uint32_t)number;
    for (size_t i = 0; i < SK_COUNT(integers); i++)
        if (!lacks(object, &integers[i]) &&
            !read_integer(object, integers[i].name, INT64_MAX, (int64_t *)(base + integers[i].offset)))
            return integers[i].name;
    for (size_t i = 0; i < SK_COUNT(reals); i++)
        if (!lacks(object, &reals[i]) && !read_real(object, reals[i].name, (double *)(base + reals[i].offset)))
            return reals[i].name;
    if (!read_hex(json_string_value(json_object_get(object, "fingerprint")), &s->position.fingerprint))
        return "fingerprint";
    for (int i = 0; i < SK_CKPT_FILES; i++)
        if (!read_sum(json_object_get(object, "sha256"), sk_checkpoint_file[i], s->sha256[i]))
            return "sha256";
    return NULL;
}

/* What a newer skua wrote is not damaged: it must not be passed over. */
static enum sk_code check_version(const json_t *object, const char *path, struct sk_err *err)
{
    int64_t version = json_integer_value(json_object_get(object, "version"));
    if (version <= STATE_VERSION)
        return SK_OK;
    return sk_fail(err, SK_UNSUPPORTED, "'%s' was written by a newer skua: version %lld, this one reads version %d",
                   path, (long long)version, STATE_VERSION);
}

static enum sk_code check_members(const json_t *object, struct sk_checkpoint_state *s, const char *path,
                                  struct sk_err *err)
{
    enum sk_code code = check_version(object, path, err);
    const char *wrong = code == SK_OK ? read_members(object, s) : NULL;
    return wrong ? sk_fail(err, SK_INPUT, "'%s' is damaged: '%s' is missing or out of bounds", path, wrong) : code;
}

enum sk_code sk_state_read(const char *dir, struct sk_checkpoint_state *s, struct sk_err *err)
{
    char path[SK_PATH], *text = NULL;
    size_t len = 0;
    int fd;
    json_error_t at;
    *s = (struct sk_checkpoint_state){.position.plateau.low = -1};
    enum sk_code code = sk_path_join(path, err, dir, "state.json");
    if (code == SK_OK)
        code = sk_part_open(path, &fd, err); /* tells what is not there from what cannot be had now */
    if (code != SK_OK)
        return code;
    close(fd);
    code = sk_file_read(path, STATE_BYTES, &text, &len, err);
    if (code != SK_OK)
        return code;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    code = object ? check_members(object, s, path, err)
                  : sk_fail(err, SK_INPUT, "'%s' is damaged: line %d: %s", path, at.line, at.text);
    json_decref(object);
    sk_free(text);
    return code;
}

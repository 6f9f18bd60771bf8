/* Reading checkpoints: finding the newest whole one of a run, and loading it. */
#include "train/internal.h"

#include <stdlib.h>
#include <string.h>

enum { PLAN_BYTES = 16 << 20 };

/* OK when state.json can be read and every file is what it was when it was written. */
static enum sk_code check_whole(const char *dir, struct sk_err *err)
{
    struct sk_checkpoint_state state;
    char path[SK_PATH], sum[SK_SHA256_TEXT];
    enum sk_code code = sk_state_read(dir, &state, err);
    for (int i = 0; i < SK_CKPT_FILES && code == SK_OK; i++) {
        if (!state.sha256[i][0])
            continue;
        code = sk_path_join(path, err, dir, sk_checkpoint_file[i]);
        if (code == SK_OK)
            code = sk_file_sha256(path, sum, err);
        if (code == SK_OK && strcmp(sum, state.sha256[i]) != 0)
            code = sk_fail(err, SK_INPUT, "'%s' is damaged: its checksum differs from that in state.json", path);
    }
    return code;
}

/* SK_OK or the damage of the checkpoint called name; path is set. */
static enum sk_code check_named(const struct sk_run *run, const char *name, char path[SK_PATH], struct sk_err *err)
{
    enum sk_code code = sk_path_join(path, err, run->dir, name);
    return code == SK_OK ? check_whole(path, err) : code;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = 0, y = 0;
    bool is_x = sk_checkpoint_step(*(char *const *)a, &x), is_y = sk_checkpoint_step(*(char *const *)b, &y);
    return is_x && is_y ? (x < y) - (x > y) : is_y - is_x;
}

/* The names of the run's checkpoints: the one that `last` links to, then the newest first. */
static enum sk_code list(const struct sk_run *run, char ***names, size_t *count, struct sk_err *err)
{
    char last[SK_NAME] = "";
    int64_t step;
    size_t all = 0;
    enum sk_code code = sk_dir_list(run->dir, names, &all, err);
    if (code != SK_OK)
        return code;
    qsort(*names, all, sizeof(**names), newest_first);
    while (*count < all && sk_checkpoint_step((*names)[*count], &step))
        ++*count;
    if (!sk_checkpoint_link(run, "last", last))
        return SK_OK;
    for (size_t i = 0; i < *count; i++) {
        char *name = (*names)[i];
        if (strcmp(name, last) != 0)
            continue;
        memmove(*names + 1, *names, i * sizeof(**names));
        **names = name;
    }
    return SK_OK;
}

enum sk_code sk_checkpoint_find(const struct sk_run *run, char path[SK_PATH], bool *found, struct sk_err *err)
{
    char **names = NULL;
    size_t count = 0;
    struct sk_err newest = {0};
    enum sk_code code = list(run, &names, &count, err);
    *found = false;
    for (size_t i = 0; i < count && code == SK_OK && !*found; i++) {
        struct sk_err why = {0};
        enum sk_code state = check_named(run, names[i], path, &why);
        *found = state == SK_OK;
        if (state == SK_INPUT && i + 1 < count) /* the last one is in the error below */
            sk_notice("the checkpoint '%s' is passed over: %s", path, why.text);
        if (state == SK_INPUT)
            sk_fail(&newest, state, "%s", why.text);
        else if (state != SK_OK)
            code = sk_fail(err, state, "cannot resume from '%s': %s", path, why.text);
    }
    if (code == SK_OK && newest.code != SK_OK && !*found)
        code = sk_fail(err, SK_INPUT,
                       "the run '%s' has no checkpoint that can be used (another --out starts anew); the newest: %s",
                       run->dir, newest.text);
    sk_free(names);
    return code;
}

enum sk_code sk_checkpoint_position(const char *path, struct sk_position *pos, struct sk_err *err)
{
    struct sk_checkpoint_state state;
    enum sk_code code = sk_state_read(path, &state, err);
    *pos = state.position;
    return code;
}

enum sk_code sk_checkpoint_recipe(const char *path, struct sk_recipe *r, struct sk_err *err)
{
    char model[SK_PATH];
    struct sk_safetensors st = {0};
    enum sk_code code = sk_path_join(model, err, path, sk_checkpoint_file[SK_CKPT_MODEL]);
    if (code == SK_OK)
        code = sk_st_open(&st, model, err);
    if (code != SK_OK)
        return code;
    const char *text = sk_st_meta(&st, "skua.recipe");
    sk_recipe_defaults(r);
    if (text)
        code = sk_recipe_parse(r, text, strlen(text), model, err);
    else
        code = sk_fail(err, SK_INPUT, "'%s' holds no recipe: it was not written by a training", model);
    sk_st_close(&st);
    return code;
}

static enum sk_code load_file(const char *dir, int file, struct sk_net *net,
                              enum sk_code (*load)(struct sk_net *, const struct sk_safetensors *, const char *,
                                                   struct sk_err *),
                              struct sk_err *err)
{
    char path[SK_PATH];
    struct sk_safetensors st = {0};
    enum sk_code code = sk_path_join(path, err, dir, sk_checkpoint_file[file]);
    if (code == SK_OK)
        code = sk_st_open(&st, path, err);
    if (code == SK_OK)
        code = load(net, &st, path, err);
    sk_st_close(&st);
    return code;
}

static enum sk_code use_plan(const char *dir, struct sk_net *net, struct sk_err *err)
{
    char path[SK_PATH], *json = NULL;
    size_t len = 0;
    enum sk_code code = sk_path_join(path, err, dir, sk_checkpoint_file[SK_CKPT_PLAN]);
    if (code == SK_OK)
        code = sk_file_read(path, PLAN_BYTES, &json, &len, err);
    if (code == SK_OK)
        code = sk_net_use_choices(net, json, len, path, err);
    sk_free(json);
    return code;
}

enum sk_code sk_checkpoint_load(const char *path, struct sk_net *net, struct sk_err *err)
{
    enum sk_code code = use_plan(path, net, err); /* first: plans are made from it */
    if (code == SK_OK)
        code = load_file(path, SK_CKPT_MODEL, net, sk_net_load, err);
    if (code == SK_OK)
        code = load_file(path, SK_CKPT_STATE, net, sk_net_load_state, err);
    return code;
}

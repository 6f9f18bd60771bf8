/* Checkpoints: written under a temporary name, flushed, then renamed, so that a kill at any moment leaves a whole one.
 */
#include "train/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum sk_code write_model(const char *path, struct sk_net *net, const struct sk_recipe *recipe,
                                const char *const *class_name, int64_t step, struct sk_err *err)
{
    struct sk_model_meta meta = {0};
    enum sk_code code = sk_model_meta_make(&meta, recipe, sk_net_shape(net), class_name, step, err);
    if (code == SK_OK)
        code = sk_net_save(net, path, step, meta.entry, meta.count, err);
    sk_model_meta_release(&meta);
    return code;
}

static enum sk_code write_plan(const char *path, const struct sk_net *net, struct sk_err *err)
{
    struct sk_str json = {0};
    enum sk_code code = sk_net_choices(net, &json, err);
    if (code == SK_OK)
        code = sk_file_write(path, json.text ? json.text : "", json.len, err);
    sk_str_release(&json);
    return code;
}

/* The averaged weights as a model of their own, where there are such. */
static enum sk_code write_average(const char *path, struct sk_net *net, const struct sk_recipe *recipe,
                                  const char *const *class_name, int64_t step, bool *has, struct sk_err *err)
{
    *has = sk_net_swap_average(net);
    if (!*has)
        return SK_OK;
    enum sk_code code = write_model(path, net, recipe, class_name, step, err);
    sk_net_swap_average(net);
    return code;
}

/* Makes the checksum of what reached the disk's cache, not of what was meant to. */
static enum sk_code write_state(const char *dir, const struct sk_position *pos, bool has_average, struct sk_err *err)
{
    int files = has_average ? SK_CKPT_FILES : SK_CKPT_EMA;
    char path[SK_PATH];
    struct sk_checkpoint_state state = {.position = *pos};
    enum sk_code code = SK_OK;
    for (int i = 0; i < files && code == SK_OK; i++) {
        code = sk_path_join(path, err, dir, sk_checkpoint_file[i]);
        if (code == SK_OK)
            code = sk_file_sha256(path, state.sha256[i], err);
    }
    return code == SK_OK ? sk_state_write(dir, &state, err) : code;
}

static enum sk_code write_files(const char *dir, struct sk_net *net, const struct sk_recipe *recipe,
                                const char *const *class_name, const struct sk_position *pos, struct sk_err *err)
{
    char path[SK_CKPT_FILES][SK_PATH];
    bool has_average = false;
    enum sk_code code = SK_OK;
    for (int i = 0; i < SK_CKPT_FILES && code == SK_OK; i++)
        code = sk_path_join(path[i], err, dir, sk_checkpoint_file[i]);
    if (code == SK_OK)
        code = write_model(path[SK_CKPT_MODEL], net, recipe, class_name, pos->step, err);
    if (code == SK_OK)
        code = sk_net_save_state(net, path[SK_CKPT_STATE], err);
    if (code == SK_OK)
        code = write_plan(path[SK_CKPT_PLAN], net, err);
    if (code == SK_OK)
        code = write_average(path[SK_CKPT_EMA], net, recipe, class_name, pos->step, &has_average, err);
    if (code == SK_OK)
        code = write_state(dir, pos, has_average, err);
    return code == SK_OK ? sk_dir_sync(dir, err) : code;
}

static enum sk_code swap_link(const struct sk_run *run, const char *link, const char *name, struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = sk_path_join(path, err, run->dir, link);
    return code == SK_OK ? sk_symlink_swap(name, path, err) : code;
}

enum sk_code sk_checkpoint_write(const struct sk_run *run, struct sk_net *net, const struct sk_recipe *recipe,
                                 const char *const *class_name, const struct sk_position *pos, bool best,
                                 struct sk_err *err)
{
    char name[SK_NAME], temp[SK_PATH];
    snprintf(name, sizeof(name), "ckpt-%lld", (long long)pos->step);
    enum sk_code code =
        sk_format(temp, sizeof(temp), "the path of a checkpoint", err, "%s/%s.tmp-%ld", run->dir, name, (long)getpid());
    if (code != SK_OK)
        return code;
    code = sk_remove_tree(temp, err);
    if (code == SK_OK && mkdir(temp, 0777) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot create the folder '%s'", temp);
    if (code == SK_OK)
        code = write_files(temp, net, recipe, class_name, pos, err);
    if (code == SK_OK)
        code = sk_checkpoint_place(run, temp, name, err);
    if (code != SK_OK) {
        (void)!sk_remove_tree(temp, NULL); /* what matters is the failure before */
        return code;
    }
    /* `last` after `best`: who is killed between them resumes from the one before, and finds the best again */
    code = best ? swap_link(run, "best", name, err) : SK_OK;
    if (code == SK_OK)
        code = swap_link(run, "last", name, err);
    if (code == SK_OK)
        sk_checkpoint_prune(run);
    return code;
}

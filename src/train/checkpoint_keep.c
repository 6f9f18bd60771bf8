/* Which checkpoints a run keeps: their names and links, putting a finished one in place, removing old ones. */
#include "train/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "ckpt-";

bool sk_checkpoint_step(const char *name, int64_t *step)
{
    const char *digits = name + sizeof(prefix) - 1;
    return strncmp(name, prefix, sizeof(prefix) - 1) == 0 && digits[0] >= '0' && digits[0] <= '9' &&
           sk_parse_i64(digits, step);
}

bool sk_checkpoint_link(const struct sk_run *run, const char *link, char name[SK_NAME])
{
    char path[SK_PATH];
    int64_t step;
    if (sk_path_join(path, NULL, run->dir, link) != SK_OK)
        return false;
    ssize_t len = readlink(path, name, SK_NAME - 1);
    if (len <= 0)
        return false;
    name[len] = '\0';
    return sk_checkpoint_step(name, &step);
}

/* Where the file system cannot exchange two names: the old one steps aside first. Killed in between, the run has
 * neither under that name and falls back on the checkpoint before. */
static enum sk_code place_aside(const char *temp, const char *path, struct sk_err *err)
{
    char aside[SK_PATH];
    enum sk_code code =
        sk_format(aside, sizeof(aside), "the path of a checkpoint", err, "%s.old-%ld", path, (long)getpid());
    if (code != SK_OK)
        return code;
    if (rename(path, aside) != 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot rename '%s' to '%s'", path, aside);
    if (rename(temp, path) != 0) {
        code = sk_fail_errno(err, SK_IO, errno, "cannot rename '%s' to '%s'", temp, path);
        if (rename(aside, path) != 0)
            sk_err_prefix(err, "'%s' is now '%s'", path, aside);
        return code;
    }
    return sk_remove_tree(aside, err);
}

enum sk_code sk_checkpoint_place(const struct sk_run *run, const char *temp, const char *name, struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = sk_path_join(path, err, run->dir, name);
    if (code != SK_OK)
        return code;
    if (rename(temp, path) != 0) {
        if (errno != ENOTEMPTY && errno != EEXIST)
            return sk_fail_errno(err, SK_IO, errno, "cannot rename '%s' to '%s'", temp, path);
        code = renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_EXCHANGE) == 0 ? sk_remove_tree(temp, err)
                                                                               : place_aside(temp, path, err);
    }
    return code == SK_OK ? sk_dir_sync(run->dir, err) : code;
}

/* Renamed first: a kill while its files go leaves nothing that looks like a checkpoint. */
static enum sk_code remove_checkpoint(const struct sk_run *run, const char *name, struct sk_err *err)
{
    char path[SK_PATH], temp[SK_PATH];
    enum sk_code code = sk_path_join(path, err, run->dir, name);
    if (code == SK_OK)
        code = sk_format(temp, sizeof(temp), "the path of a checkpoint", err, "%s.tmp-%ld", path, (long)getpid());
    if (code == SK_OK && rename(path, temp) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot rename '%s' to '%s'", path, temp);
    return code == SK_OK ? sk_remove_tree(temp, err) : code;
}

static int newest_first(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

static void prune_steps(const struct sk_run *run, int64_t *steps, size_t count)
{
    char last[SK_NAME] = "", best[SK_NAME] = "", name[SK_NAME];
    struct sk_err err = {0};
    if (!sk_checkpoint_link(run, "last", last))
        last[0] = '\0';
    if (!sk_checkpoint_link(run, "best", best))
        best[0] = '\0';
    qsort(steps, count, sizeof(*steps), newest_first);
    for (size_t i = SK_CHECKPOINTS_KEPT; i < count; i++) {
        snprintf(name, sizeof(name), "%s%lld", prefix, (long long)steps[i]);
        if (strcmp(name, last) == 0 || strcmp(name, best) == 0 || remove_checkpoint(run, name, &err) == SK_OK)
            continue;
        sk_notice("%s", err.text);
        sk_err_clear(&err);
    }
}

void sk_checkpoint_prune(const struct sk_run *run)
{
    char **names = NULL;
    size_t count = 0, found = 0;
    if (sk_dir_list(run->dir, &names, &count, NULL) != SK_OK)
        return;
    int64_t *steps = sk_alloc(count, sizeof(*steps), NULL);
    for (size_t i = 0; i < count && steps; i++)
        found += sk_checkpoint_step(names[i], &steps[found]);
    if (steps)
        prune_steps(run, steps, found);
    sk_free(steps);
    sk_free(names);
}

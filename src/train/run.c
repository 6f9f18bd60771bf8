/* The run directory: made, taken again on resume, and held by a lock that the system drops when its holder dies. */
#include "train/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char lock_name[] = ".lock";

/* Whether name ends in .tmp-DIGITS or .old-DIGITS: left by a process that was killed while it wrote. */
static bool is_leftover(const char *name)
{
    const char *mark = strrchr(name, '.');
    if (!mark || (strncmp(mark, ".tmp-", 5) != 0 && strncmp(mark, ".old-", 5) != 0) || !mark[5])
        return false;
    return mark[5 + strspn(mark + 5, "0123456789")] == '\0';
}

/* Whether dir holds anything but a lock and, beside it, leftovers: without a lock they are not ours. A folder that is
 * not there holds nothing. */
static bool holds_something(const char *dir, bool *has_lock)
{
    char **names = NULL;
    size_t count = 0, others = 0, leftovers = 0;
    *has_lock = false;
    if (sk_dir_list(dir, &names, &count, NULL) != SK_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], lock_name) == 0)
            *has_lock = true;
        else if (is_leftover(names[i]))
            leftovers++;
        else
            others++;
    }
    sk_free(names);
    return others > 0 || (leftovers > 0 && !*has_lock);
}

static bool holds_file(const char *dir, const char *name)
{
    char path[SK_PATH];
    return sk_path_join(path, NULL, dir, name) == SK_OK && sk_is_file(path);
}

static enum sk_code refuse_existing(const char *dir, struct sk_err *err)
{
    if (holds_file(dir, "recipe.yaml"))
        return sk_fail(err, SK_USAGE, "the run '%s' exists already: continue it with --resume, or choose another --out",
                       dir);
    return sk_fail(err, SK_USAGE, "the folder '%s' is not empty: choose another --out", dir);
}

/* The process number that the holder wrote into the lock file; 0 when it cannot be told. */
static int64_t holder_of(int fd)
{
    char text[32] = "";
    int64_t pid = 0;
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    if (got <= 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    return sk_parse_i64(text, &pid) ? pid : 0;
}

static enum sk_code in_use(int fd, const char *dir, struct sk_err *err)
{
    int64_t pid = holder_of(fd);
    if (pid > 0)
        return sk_fail(err, SK_USAGE, "the run '%s' is in use by process %lld", dir, (long long)pid);
    return sk_fail(err, SK_USAGE, "the run '%s' is in use by another process", dir);
}

static enum sk_code take_lock(struct sk_run *run, struct sk_err *err)
{
    char path[SK_PATH], text[32];
    enum sk_code code = sk_path_join(path, err, run->dir, lock_name);
    if (code != SK_OK)
        return code;
    run->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (run->lock_fd < 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot create '%s'", path);
    if (flock(run->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return in_use(run->lock_fd, run->dir, err);
        sk_notice("cannot lock '%s' (%s): see to it that no other job uses this run", path, strerror(errno));
    }
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(run->lock_fd, 0) == 0 && pwrite(run->lock_fd, text, (size_t)length, 0) < 0)
        sk_notice("cannot write '%s': %s", path, strerror(errno)); /* the lock itself holds all the same */
    return SK_OK;
}

static void remove_leftovers(const char *dir)
{
    char **names = NULL, path[SK_PATH];
    size_t count = 0;
    struct sk_err err = {0};
    if (sk_dir_list(dir, &names, &count, NULL) != SK_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (is_leftover(names[i]) && sk_path_join(path, NULL, dir, names[i]) == SK_OK &&
            sk_remove_tree(path, &err) != SK_OK) {
            sk_notice("%s", err.text);
            sk_err_clear(&err);
        }
    sk_free(names);
}

enum sk_code sk_run_open(struct sk_run *run, const char *dir, bool resume, struct sk_err *err)
{
    bool had_lock, was_dir = sk_is_dir(dir), used = holds_something(dir, &had_lock);
    bool is_copy = resume && (holds_file(dir, "recipe.yaml") || holds_file(dir, "sweep.yaml")); /* may lack the lock */
    *run = (struct sk_run){.lock_fd = -1};
    enum sk_code code = sk_format(run->dir, sizeof(run->dir), "the path of the run", err, "%s", dir);
    if (code == SK_OK && used && !had_lock && !is_copy)
        code = refuse_existing(dir, err); /* without leaving a lock in a folder that is not ours */
    if (code == SK_OK)
        code = sk_mkdirs(dir, err);
    if (code == SK_OK) {
        run->created = !was_dir;
        code = take_lock(run, err);
    }
    if (code == SK_OK && used && !resume)
        code = refuse_existing(dir, err);
    if (code == SK_OK)
        remove_leftovers(dir);
    else
        sk_run_close(run);
    return code;
}

bool sk_run_in_use(const char *dir)
{
    char path[SK_PATH];
    if (sk_path_join(path, NULL, dir, lock_name) != SK_OK)
        return false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return held;
}

void sk_run_close(struct sk_run *run)
{
    bool has_lock;
    char path[SK_PATH];
    if (run->dir[0] && run->lock_fd >= 0) {
        if (run->created && !holds_something(run->dir, &has_lock) &&
            sk_path_join(path, NULL, run->dir, lock_name) == SK_OK && unlink(path) == 0)
            rmdir(run->dir);
        close(run->lock_fd);
    }
    *run = (struct sk_run){.lock_fd = -1};
}

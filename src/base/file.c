/* Files: bounded reading, atomic writing, folders and links. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 4096, TREE_FDS = 32, DIR_MAX = 1 << 26, LINKS = 40 };

enum sk_code sk_path_join(char out[SK_PATH], struct sk_err *err, const char *dir, const char *name)
{
    size_t len = strlen(dir);
    const char *slash = len == 0 || dir[len - 1] == '/' ? "" : "/";
    int head = name[0] == '/' ? 0 : (int)(len > SK_PATH ? SK_PATH : len);
    int got = snprintf(out, SK_PATH, "%.*s%s%s", head, dir, head ? slash : "", name);
    if (got >= 0 && got < SK_PATH)
        return SK_OK;
    char shown[64];
    return sk_fail(err, SK_INPUT, "the path '%s' is too long", sk_printable(shown, sizeof(shown), out));
}

/* Opens a regular file for reading; a pipe or a device must not make us wait, hence O_NONBLOCK. -1 with err set. */
static int open_regular(const char *path, size_t max, size_t *size, struct sk_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        sk_fail_errno(err, SK_INPUT, errno, "cannot open '%s'", path);
    } else if (!S_ISREG(st.st_mode)) {
        sk_fail(err, SK_INPUT, "cannot read '%s': not a regular file", path);
    } else if (st.st_size < 0 || (uint64_t)st.st_size > max) {
        sk_fail(err, SK_INPUT, "cannot read '%s': expected at most %zu bytes, found %lld", path, max,
                (long long)st.st_size);
    } else {
        *size = (size_t)st.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Reads to the end, also where the size was not known beforehand (files of the system say 0). */
static enum sk_code read_to_end(int fd, const char *path, size_t max, size_t size, struct sk_str *s, struct sk_err *err)
{
    enum sk_code code = sk_grow(&s->text, &s->cap, size + 2, 1, err);
    while (code == SK_OK) {
        ssize_t got = read(fd, s->text + s->len, s->cap - s->len - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sk_fail_errno(err, SK_IO, errno, "cannot read '%s'", path);
        if (got == 0)
            break;
        s->len += (size_t)got;
        if (s->len > max)
            return sk_fail(err, SK_INPUT, "cannot read '%s': expected at most %zu bytes", path, max);
        if (s->len + 1 == s->cap)
            code = sk_grow(&s->text, &s->cap, s->cap + READ_STEP, 1, err);
    }
    if (code == SK_OK)
        s->text[s->len] = '\0';
    return code;
}

enum sk_code sk_file_read(const char *path, size_t max, char **data, size_t *len, struct sk_err *err)
{
    struct sk_str s = {0};
    size_t size = 0;
    *data = NULL;
    *len = 0;
    int fd = open_regular(path, max < PTRDIFF_MAX - READ_STEP ? max : PTRDIFF_MAX - READ_STEP, &size, err);
    if (fd < 0)
        return err ? err->code : SK_INPUT;
    enum sk_code code = read_to_end(fd, path, max, size, &s, err);
    if (code == SK_OK) {
        *data = s.text;
        *len = s.len;
    } else {
        if (code == SK_NOMEM)
            sk_err_prefix(err, "cannot read '%s'", path);
        sk_str_release(&s);
    }
    close(fd);
    return code;
}

enum sk_code sk_write_all(int fd, const void *data, size_t len, const char *path, struct sk_err *err)
{
    const char *next = data;
    while (len > 0) {
        ssize_t put = write(fd, next, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            int reason = put < 0 ? errno : ENOSPC;
            enum sk_code code = sk_fail_errno(err, SK_IO, reason, "cannot write '%s'", path);
            errno = reason;
            return code;
        }
        next += put;
        len -= (size_t)put;
    }
    return SK_OK;
}

/* The folder that holds path. */
static enum sk_code parent_of(char out[SK_PATH], const char *path, struct sk_err *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return sk_format(out, SK_PATH, "the path", err, ".");
    return sk_format(out, SK_PATH, "the path", err, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

enum sk_code sk_dir_sync(const char *path, struct sk_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot open the folder '%s'", path);
    enum sk_code code = SK_OK;
    if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP) /* not every file system can flush a folder */
        code = sk_fail_errno(err, SK_IO, errno, "cannot flush the folder '%s'", path);
    close(fd);
    return code;
}

/* Moves the finished temporary over path and flushes the folder; the temporary is gone in any case. */
static enum sk_code put_in_place(const char *temp, const char *path, struct sk_err *err)
{
    char parent[SK_PATH];
    enum sk_code code = parent_of(parent, path, err);
    if (code == SK_OK && rename(temp, path) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot rename '%s' to '%s'", temp, path);
    if (code != SK_OK) {
        unlink(temp);
        return code;
    }
    return sk_dir_sync(parent, err);
}

static enum sk_code temp_name(char out[SK_PATH], const char *path, struct sk_err *err)
{
    return sk_format(out, SK_PATH, "the path of a temporary file", err, "%s.tmp-%ld", path, (long)getpid());
}

/* Where the links at path lead, also where nothing is there yet. */
static enum sk_code follow_links(char path[SK_PATH], struct sk_err *err)
{
    char target[SK_PATH], parent[SK_PATH];
    enum sk_code code = SK_OK;
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    for (int links = 1; len >= 0 && code == SK_OK; links++) {
        if (links > LINKS)
            return sk_fail_errno(err, SK_IO, ELOOP, "cannot write '%s'", path);
        target[len] = '\0';
        code = parent_of(parent, path, err);
        if (code == SK_OK)
            code = sk_path_join(path, err, parent, target);
        len = readlink(path, target, sizeof(target) - 1);
    }
    return code;
}

/* The stream (1, 2) that writes into this very file, as /dev/stdout does; 0: none. */
static int stream_of(const struct stat *at)
{
    struct stat st;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (fstat(fd, &st) == 0 && st.st_dev == at->st_dev && st.st_ino == at->st_ino)
            return fd;
    return 0;
}

/* Devices, pipes and what a stream writes into are never replaced; a folder is told when it should be. */
static bool is_written_straight(const char *path, int *stream)
{
    struct stat st;
    if (stat(path, &st) != 0 || S_ISDIR(st.st_mode))
        return false;
    *stream = stream_of(&st);
    return *stream || !S_ISREG(st.st_mode);
}

static enum sk_code open_straight(struct sk_new_file *f, int stream, struct sk_err *err)
{
    if (stream)
        fflush(stdout); /* what was said before comes before */
    f->fd = stream ? fcntl(stream, F_DUPFD_CLOEXEC, 0) : open(f->path, O_WRONLY | O_CLOEXEC);
    return f->fd < 0 ? sk_fail_errno(err, SK_IO, errno, "cannot open '%s'", f->path) : SK_OK;
}

enum sk_code sk_new_file_open(struct sk_new_file *f, const char *path, struct sk_err *err)
{
    int stream = 0;
    *f = (struct sk_new_file){.fd = -1};
    enum sk_code code = sk_format(f->path, sizeof(f->path), "the path", err, "%s", path);
    if (code == SK_OK && is_written_straight(path, &stream))
        return open_straight(f, stream, err);
    if (code == SK_OK)
        code = follow_links(f->path, err);
    if (code == SK_OK)
        code = temp_name(f->temp, f->path, err);
    if (code != SK_OK)
        return code;
    f->fd = open(f->temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    return f->fd < 0 ? sk_fail_errno(err, SK_IO, errno, "cannot create '%s'", f->temp) : SK_OK;
}

static const char *written_name(const struct sk_new_file *f)
{
    return f->temp[0] ? f->temp : f->path;
}

enum sk_code sk_new_file_add(struct sk_new_file *f, const void *data, size_t len, struct sk_err *err)
{
    return sk_write_all(f->fd, data, len, written_name(f), err);
}

void sk_new_file_drop(struct sk_new_file *f)
{
    if (f->path[0] && f->fd >= 0) {
        close(f->fd);
        if (f->temp[0])
            unlink(f->temp);
    }
    *f = (struct sk_new_file){.fd = -1};
}

enum sk_code sk_new_file_close(struct sk_new_file *f, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (f->temp[0] && fsync(f->fd) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot flush '%s'", f->temp);
    if (close(f->fd) != 0 && code == SK_OK)
        code = sk_fail_errno(err, SK_IO, errno, "cannot write '%s'", written_name(f));
    f->fd = -1;
    if (!f->temp[0])
        return code;
    if (code != SK_OK)
        unlink(f->temp);
    return code == SK_OK ? put_in_place(f->temp, f->path, err) : code;
}

enum sk_code sk_file_write(const char *path, const void *data, size_t len, struct sk_err *err)
{
    struct sk_new_file f;
    enum sk_code code = sk_new_file_open(&f, path, err);
    if (code == SK_OK)
        code = sk_new_file_add(&f, data, len, err);
    if (code == SK_OK)
        return sk_new_file_close(&f, err);
    sk_new_file_drop(&f);
    return code;
}

enum sk_code sk_file_writable(const char *path, struct sk_err *err)
{
    struct sk_new_file f;
    int stream = 0;
    if (!path)
        return SK_OK;
    if (sk_is_dir(path))
        return sk_fail(err, SK_IO, "cannot write '%s': it is a folder", path);
    if (is_written_straight(path, &stream)) /* opening and closing a pipe would end it for who reads it */
        return stream || access(path, W_OK) == 0 ? SK_OK : sk_fail_errno(err, SK_IO, errno, "cannot write '%s'", path);
    enum sk_code code = sk_new_file_open(&f, path, err);
    sk_new_file_drop(&f);
    return code;
}

enum sk_code sk_symlink_swap(const char *target, const char *link, struct sk_err *err)
{
    char temp[SK_PATH];
    enum sk_code code = temp_name(temp, link, err);
    if (code != SK_OK)
        return code;
    unlink(temp); /* left by a killed process of the same number */
    if (symlink(target, temp) != 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot create the link '%s'", temp);
    return put_in_place(temp, link, err);
}

enum sk_code sk_mkdirs(const char *path, struct sk_err *err)
{
    char part[SK_PATH];
    enum sk_code code = sk_format(part, sizeof(part), "the path of a folder", err, "%s", path);
    if (code != SK_OK)
        return code;
    if (!*path)
        return sk_fail(err, SK_INPUT, "cannot create a folder without a name");
    for (char *end = part + 1;; end++) {
        if (*end && *end != '/')
            continue;
        char kept = *end;
        *end = '\0';
        int reason = mkdir(part, 0777) == 0 ? 0 : errno == EEXIST ? ENOTDIR : errno;
        if (reason && !sk_is_dir(part)) /* a parent that is there may also be refused as read-only */
            return sk_fail_errno(err, SK_IO, reason, "cannot create the folder '%s'", part);
        *end = kept;
        if (!kept)
            return SK_OK;
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    return type == FTW_DP ? rmdir(path) : unlink(path); /* a folder that cannot be read: unlink fails and says so */
}

enum sk_code sk_remove_tree(const char *path, struct sk_err *err)
{
    if (nftw(path, remove_entry, TREE_FDS, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return SK_OK;
    return sk_fail_errno(err, SK_IO, errno, "cannot remove '%s'", path);
}

bool sk_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool sk_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Appends every name and its NUL to s. */
static enum sk_code read_names(DIR *dir, const char *path, struct sk_str *s, size_t *count, struct sk_err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? sk_fail_errno(err, SK_IO, errno, "cannot list the folder '%s'", path) : SK_OK;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (++*count > DIR_MAX)
            return sk_fail(err, SK_INPUT, "the folder '%s' holds more than %d entries", path, DIR_MAX);
        enum sk_code code = sk_str_add_bytes(s, entry->d_name, strlen(entry->d_name) + 1, err);
        if (code != SK_OK)
            return code;
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One block: count pointers (at least one), then the text they point into, sorted. */
static char **names_block(const struct sk_str *s, size_t count, struct sk_err *err)
{
    size_t table = (count + 1) * sizeof(char *); /* count is at most DIR_MAX */
    char **names = sk_alloc(table + s->len, 1, err);
    if (!names || count == 0)
        return names;
    char *text = (char *)names + table;
    memcpy(text, s->text, s->len);
    for (size_t i = 0; i < count; i++, text += strlen(text) + 1)
        names[i] = text;
    qsort(names, count, sizeof(*names), compare_names);
    return names;
}

enum sk_code sk_dir_list(const char *path, char ***names, size_t *count, struct sk_err *err)
{
    struct sk_str s = {0};
    *names = NULL;
    *count = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return sk_fail_errno(err, SK_INPUT, errno, "cannot open the folder '%s'", path);
    size_t found = 0;
    enum sk_code code = read_names(dir, path, &s, &found, err);
    closedir(dir);
    if (code == SK_OK) {
        *names = names_block(&s, found, err);
        code = *names ? SK_OK : SK_NOMEM;
        *count = *names ? found : 0;
    }
    sk_str_release(&s);
    return code;
}

/* Regular files read in other ways than from end to end: mapped read-only into memory, or at places. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a regular file for reading; err is set on failure. */
static enum sk_code open_regular(const char *path, int *fd, size_t *size, struct sk_err *err)
{
    struct stat st;
    enum sk_code code;

    /* O_NONBLOCK: a named pipe without a writer must not hang the open. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return sk_fail_errno(err, SK_INPUT, errno, "cannot open '%s'", path);
    if (fstat(*fd, &st) != 0) {
        code = sk_fail_errno(err, SK_INPUT, errno, "cannot read '%s'", path);
    } else if (!S_ISREG(st.st_mode)) {
        code = sk_fail(err, SK_INPUT, "cannot read '%s': not a regular file", path);
    } else {
        *size = (size_t)st.st_size;
        return SK_OK;
    }
    (void)close(*fd);
    return code;
}

enum sk_code sk_file_map(const char *path, void **map, size_t *len, struct sk_err *err)
{
    int fd;
    size_t size = 0;

    *map = NULL;
    *len = 0;
    enum sk_code code = open_regular(path, &fd, &size, err);
    if (code != SK_OK)
        return code;
    if (size > 0) {
        void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            code = sk_fail_errno(err, SK_INPUT, errno, "cannot map '%s'", path);
        } else {
            *map = p;
            *len = size;
        }
    }
    (void)close(fd);
    return code;
}

void sk_file_unmap(void *map, size_t len)
{
    if (map != NULL)
        (void)munmap(map, len);
}

enum sk_code sk_file_open(struct sk_file *f, const char *path, struct sk_err *err)
{
    size_t size = 0;
    enum sk_code code = sk_format(f->path, sizeof(f->path), "the path", err, "%s", path);

    if (code == SK_OK)
        code = open_regular(path, &f->fd, &size, err);
    f->size = size;
    if (code != SK_OK)
        *f = (struct sk_file){0};
    return code;
}

enum sk_code sk_file_read_at(const struct sk_file *f, uint64_t offset, void *out, size_t len, struct sk_err *err)
{
    char *next = out;

    while (len > 0) {
        ssize_t got = pread(f->fd, next, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sk_fail_errno(err, SK_IO, errno, "cannot read '%s'", f->path);
        if (got == 0)
            return sk_fail(err, SK_INPUT, "'%s' became shorter while it was read", f->path);
        next += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return SK_OK;
}

void sk_file_close(struct sk_file *f)
{
    if (f->path[0] != '\0')
        (void)close(f->fd);
    *f = (struct sk_file){0};
}

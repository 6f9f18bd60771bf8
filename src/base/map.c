/* Files mapped read-only into memory. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum sk_code sk_file_map(const char *path, void **map, size_t *len, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    struct stat st;

    *map = NULL;
    *len = 0;
    /* O_NONBLOCK: a named pipe without a writer must not hang the open. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return sk_fail_errno(err, SK_INPUT, errno, "cannot open '%s'", path);
    if (fstat(fd, &st) != 0) {
        code = sk_fail_errno(err, SK_INPUT, errno, "cannot read '%s'", path);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        code = sk_fail(err, SK_INPUT, "cannot read '%s': not a regular file", path);
        goto out;
    }
    if (st.st_size == 0)
        goto out;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        code = sk_fail_errno(err, SK_INPUT, errno, "cannot map '%s'", path);
        goto out;
    }
    *map = p;
    *len = (size_t)st.st_size;
out:
    (void)close(fd);
    return code;
}

void sk_file_unmap(void *map, size_t len)
{
    if (map != NULL)
        (void)munmap(map, len);
}

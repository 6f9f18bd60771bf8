/* Writing a whole file from parts, without a second copy in memory. */
#include "format/write.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_regular(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

enum sk_code sk_write_parts(const char *path, const struct sk_part *part, size_t count, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot create '%s'", path);
    bool regular = is_regular(fd); /* a device neither flushes nor may be removed */
    for (size_t i = 0; i < count && code == SK_OK; i++)
        code = sk_write_all(fd, part[i].data, part[i].len, path, err);
    if (code == SK_OK && regular && fsync(fd) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot flush '%s'", path);
    if (close(fd) != 0 && code == SK_OK)
        code = sk_fail_errno(err, SK_IO, errno, "cannot write '%s'", path);
    if (code != SK_OK && regular)
        (void)unlink(path);
    return code;
}

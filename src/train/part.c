/* A checkpoint's files: opening them, and their checksums. */
#include "train/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum sk_code sk_part_open(const char *path, int *fd, struct sk_err *err)
{
    struct stat st;
    enum sk_code code;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool absent = *fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);
    if (*fd < 0 || fstat(*fd, &st) != 0)
        code = sk_fail_errno(err, absent ? SK_INPUT : SK_IO, errno, "cannot open '%s'", path);
    else if (!S_ISREG(st.st_mode))
        code = sk_fail(err, SK_INPUT, "cannot read '%s': not a regular file", path);
    else
        return SK_OK;
    if (*fd >= 0)
        close(*fd);
    return code;
}

enum sk_code sk_file_sha256(const char *path, char out[SK_SHA256_TEXT], struct sk_err *err)
{
    int fd;
    enum sk_code code = sk_part_open(path, &fd, err);
    if (code != SK_OK)
        return code;
    code = sk_digest_file(fd, path, SK_DIGEST_SHA256, out, err);
    close(fd);
    return code;
}

/* Checksums of a checkpoint's files. A file of its own: OpenSSL's headers define names of ours (sk_free) as macros. */
#include "train/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

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

/* Read, not mapped: a disk that fails is then an error and no SIGBUS. */
static enum sk_code hash_content(EVP_MD_CTX *hash, int fd, const char *path, struct sk_err *err)
{
    unsigned char part[1 << 16];
    bool done = EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    for (ssize_t got = 1; done && got != 0;) {
        got = read(fd, part, sizeof(part));
        if (got < 0 && errno != EINTR)
            return sk_fail_errno(err, SK_IO, errno, "cannot read '%s'", path);
        if (got > 0)
            done = EVP_DigestUpdate(hash, part, (size_t)got) == 1;
    }
    return done ? SK_OK : sk_fail(err, SK_NOMEM, "cannot make the checksum of '%s'", path);
}

static enum sk_code finish(EVP_MD_CTX *hash, const char *path, char out[SK_SHA256_TEXT], struct sk_err *err)
{
    static const char digit[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_DigestFinal_ex(hash, sum, &len) != 1 || 2 * len + 1 != SK_SHA256_TEXT)
        return sk_fail(err, SK_NOMEM, "cannot make the checksum of '%s'", path);
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = digit[sum[i] >> 4];
        out[2 * i + 1] = digit[sum[i] & 15];
    }
    out[2 * len] = '\0';
    return SK_OK;
}

enum sk_code sk_file_sha256(const char *path, char out[SK_SHA256_TEXT], struct sk_err *err)
{
    int fd;
    enum sk_code code = sk_part_open(path, &fd, err);
    if (code != SK_OK)
        return code;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    code = hash ? hash_content(hash, fd, path, err) : sk_fail(err, SK_NOMEM, "cannot make the checksum of '%s'", path);
    if (code == SK_OK)
        code = finish(hash, path, out, err);
    EVP_MD_CTX_free(hash);
    close(fd);
    return code;
}

/* Checksums of files, by OpenSSL's libcrypto, whose headers have macros of names like ours: they stay in here. */
#include "base/base.h"

#include <errno.h>
#include <unistd.h>

#include <openssl/evp.h> /* after ours: it has a macro sk_free, which must not be needed here */

enum { READ_STEP = 1 << 16 };

static enum sk_code add_file(EVP_MD_CTX *hash, int fd, const char *path, struct sk_err *err)
{
    unsigned char block[READ_STEP];
    for (off_t at = 0;;) {
        ssize_t got = pread(fd, block, sizeof(block), at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sk_fail_errno(err, SK_IO, errno, "cannot read '%s'", path);
        if (got == 0)
            return SK_OK;
        if (EVP_DigestUpdate(hash, block, (size_t)got) != 1)
            return sk_fail(err, SK_NOMEM, "cannot compute the checksum of '%s'", path);
        at += got;
    }
}

enum sk_code sk_digest_file(int fd, const char *path, enum sk_digest kind, char hex[SK_DIGEST_HEX], struct sk_err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    enum sk_code code;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    hex[0] = '\0';
    if (!hash)
        return sk_fail(err, SK_NOMEM, "not enough memory for the checksum of '%s'", path);
    if (EVP_DigestInit_ex(hash, kind == SK_DIGEST_SHA256 ? EVP_sha256() : EVP_md5(), NULL) != 1)
        code = sk_fail(err, SK_UNSUPPORTED, "cannot check '%s': this system's OpenSSL computes no %s", path,
                       kind == SK_DIGEST_SHA256 ? "sha256" : "md5");
    else if ((code = add_file(hash, fd, path, err)) == SK_OK && EVP_DigestFinal_ex(hash, digest, &len) != 1)
        code = sk_fail(err, SK_NOMEM, "cannot compute the checksum of '%s'", path);
    for (unsigned i = 0; i < len && 2 * i + 2 < SK_DIGEST_HEX; i++)
        (void)snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(hash);
    return code;
}

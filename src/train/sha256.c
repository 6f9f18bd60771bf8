/* Checksums of a checkpoint's files. A file of its own: OpenSSL's headers define names of ours (sk_free) as macros. */
#include "train/internal.h"

#include <openssl/evp.h>

enum sk_code sk_file_sha256(const char *path, char out[SK_SHA256_TEXT], struct sk_err *err)
{
    static const char digit[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    void *map;
    size_t size;
    enum sk_code code = sk_file_map(path, &map, &size, err);
    if (code != SK_OK)
        return code;
    bool done = EVP_Digest(map ? map : "", size, sum, &len, EVP_sha256(), NULL) == 1;
    sk_file_unmap(map, size);
    if (!done || 2 * len + 1 != SK_SHA256_TEXT)
        return sk_fail(err, SK_NOMEM, "cannot make the checksum of '%s'", path);
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = digit[sum[i] >> 4];
        out[2 * i + 1] = digit[sum[i] & 15];
    }
    out[2 * len] = '\0';
    return SK_OK;
}

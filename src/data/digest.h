/* Checksums of files; private to data. OpenSSL's headers, which define macros named sk_..., stay in digest.c. */
#ifndef SKUA_DATA_DIGEST_H
#define SKUA_DATA_DIGEST_H

#include "base/base.h"

enum sk_digest { SK_DIGEST_MD5, SK_DIGEST_SHA256 };
enum { SK_DIGEST_HEX = 65 };

/* Checksum of a whole file, open for reading, as lower-case hex; its position stays. path is for messages. */
enum sk_code sk_digest_file(int fd, const char *path, enum sk_digest kind, char hex[SK_DIGEST_HEX],
                            struct sk_err *err) SK_MUST;

#endif

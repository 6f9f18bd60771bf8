/* Fuzzer: gzip data, read at places. What is read again must be what was read at first, and lie within the size. */
#include <string.h>

#include "data/gzip.h"
#include "fuzz.h"

enum { SPAN = 512, MOST = 1 << 16 };

struct input {
    const uint8_t *data;
    size_t size;
};

static enum sk_code read_input(const void *self, uint64_t offset, void *out, size_t len, struct sk_err *err)
{
    const struct input *in = self;
    (void)err;
    if (offset > in->size || len > in->size - offset)
        abort();
    if (len > 0)
        memcpy(out, in->data + offset, len);
    return SK_OK;
}

/* All of it forwards, then span by span backwards. */
static void read_twice(struct sk_gzip *gz, const struct sk_bytes *packed)
{
    static unsigned char first[MOST], again[SPAN];
    struct sk_err err = {0};
    size_t size = sk_gzip_size(gz) < MOST ? (size_t)sk_gzip_size(gz) : MOST;
    if (sk_gzip_read_at(gz, packed, 0, first, size, &err) != SK_OK)
        abort();
    for (size_t at = size; at > 0;) {
        size_t len = at < 300 ? at : 300;
        at -= len;
        if (sk_gzip_read_at(gz, packed, at, again, len, &err) != SK_OK || memcmp(first + at, again, len) != 0)
            abort();
    }
    if (sk_gzip_read_at(gz, packed, sk_gzip_size(gz), again, 1, &err) == SK_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct input in = {data, size};
    const struct sk_bytes packed = {.path = "fuzz", .size = size, .self = &in, .read_at = read_input};
    struct sk_span_cache *cache;
    struct sk_gzip *gz;
    struct sk_err err = {0};
    if (sk_span_cache_new(&cache, 2, SPAN, &err) != SK_OK || sk_gzip_new(&gz, cache, &err) != SK_OK)
        abort();
    if (sk_gzip_finish(gz, &packed, &err) == SK_OK)
        read_twice(gz, &packed);
    else if (!err.text[0])
        abort();
    sk_gzip_free(gz);
    sk_span_cache_free(cache);
    return 0;
}

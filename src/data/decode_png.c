/* PNG by libspng. It is shown the critical chunks only: ancillary ones (text, profiles, dates) say nothing that counts
 * here, and may be large, compressed or damaged. */
#include "data/internal.h"

#include <string.h>

#include <spng.h>

/* Deflate makes at most 1032 bytes of one; a header that claims more than the file can hold is refused early. */
enum { SIGNATURE = 8, CHUNK_HEAD = 8, CHUNK_CRC = 4, SIZES_END = 24 };
enum { CHUNK_MAX = SK_MAX_FILE, DEFLATE_MAX = 1032, SLACK = 1 << 16 };

struct stream {
    const unsigned char *data;
    size_t len, at;
    size_t left; /* bytes of the current critical chunk (or signature) yet to be read */
};

static size_t big_endian(const unsigned char *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Moves on to the next critical chunk; ancillary ones begin with a lower case letter. False: the data ends before it. */
static bool next_chunk(struct stream *s)
{
    while (s->len - s->at >= CHUNK_HEAD) {
        size_t all = big_endian(s->data + s->at) + CHUNK_HEAD + CHUNK_CRC, rest = s->len - s->at;
        if (!(s->data[s->at + 4] & 0x20)) {
            s->left = all;
            return true;
        }
        if (all > rest)
            return false;
        s->at += all;
    }
    return false;
}

static int read_stream(spng_ctx *png, void *user, void *out, size_t want)
{
    (void)png;
    struct stream *s = user;
    for (char *to = out; want > 0;) {
        if (s->left == 0 && !next_chunk(s))
            return SPNG_IO_EOF;
        size_t n = want < s->left ? want : s->left;
        if (n > s->len - s->at)
            return SPNG_IO_EOF;
        memcpy(to, s->data + s->at, n);
        to += n;
        want -= n;
        s->at += n;
        s->left -= n;
    }
    return 0;
}

static enum sk_code refuse(int status, const char *name, struct sk_err *err)
{
    if (status == SPNG_EMEM)
        return sk_fail(err, SK_NOMEM, "not enough memory to decode '%s'", name);
    if (status == SPNG_IO_EOF)
        return sk_fail(err, SK_INPUT, "cannot decode '%s': the file is truncated", name);
    return sk_fail(err, SK_INPUT, "cannot decode '%s': %s", name, spng_strerror(status));
}

/* Bytes of the filtered rows before compression, without interlacing (which adds little). */
static uint64_t raw_bytes(const struct spng_ihdr *h)
{
    static const unsigned char channels[7] = {1, 0, 3, 1, 2, 0, 4};
    uint64_t bits = (uint64_t)h->width * h->bit_depth * (h->color_type < 7 ? channels[h->color_type] : 1);
    return h->height * (bits / 8 + 1);
}

enum sk_code sk_decode_png(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    struct stream s = {.data = data, .len = len, .left = SIGNATURE};
    struct spng_ihdr head;
    /* The header comes first in every PNG; its sizes are checked before the library sees them. */
    enum sk_code code =
        len < SIZES_END ? SK_OK : sk_picture_check_size(big_endian(s.data + 20), big_endian(s.data + 16), name, err);
    int status = SPNG_EMEM;
    if (code != SK_OK)
        return code;
    spng_ctx *png = spng_ctx_new(0);
    if (!png)
        goto done;
    spng_set_crc_action(png, SPNG_CRC_ERROR, SPNG_CRC_ERROR);
    spng_set_chunk_limits(png, CHUNK_MAX, CHUNK_MAX);
    if ((status = spng_set_png_stream(png, read_stream, &s)) != 0 || (status = spng_get_ihdr(png, &head)) != 0)
        goto done;
    if (raw_bytes(&head) > (uint64_t)len * DEFLATE_MAX + SLACK) {
        status = SPNG_IO_EOF;
        goto done;
    }
    if ((code = sk_picture_reserve(p, (int)head.height, (int)head.width, 3, SK_PIXEL_U8, err)) != SK_OK)
        goto done;
    status = spng_decode_image(png, p->data, sk_picture_bytes(p), SPNG_FMT_RGB8, 0);
done:
    spng_ctx_free(png);
    if (code == SK_OK && status != 0)
        code = refuse(status, name, err);
    return code;
}

/* Tells a picture's format by its first bytes, never by its name, and decodes it into 8-bit RGB. */
#include "data/internal.h"

#include <string.h>

static bool begins(const unsigned char *data, size_t len, const char *magic, size_t n)
{
    return len >= n && memcmp(data, magic, n) == 0;
}

/* What a file that cannot be decoded seems to be, for the message. */
static const char *guess(const unsigned char *data, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *name;
    } known[] = {
        {"GIF8", 4, "GIF"},
        {"BM", 2, "BMP"},
        {"II*\0", 4, "TIFF"},
        {"MM\0*", 4, "TIFF"},
        {"%PDF", 4, "PDF"},
        {"\x1f\x8b", 2, "gzip"},
        {"PK\3\4", 4, "zip"},
        {"<svg", 4, "SVG"},
        {"<!DOCTYPE", 9, "HTML"},
        {"<html", 5, "HTML"},
        {"\0\0\0\x0cjP  ", 8, "JPEG 2000"},
    };
    for (size_t i = 0; i < SK_COUNT(known); i++)
        if (begins(data, len, known[i].magic, known[i].len))
            return known[i].name;
    if (len >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
        return "WebP";
    if (len >= 12 && memcmp(data + 4, "ftypavif", 8) == 0)
        return "AVIF";
    if (len >= 12 && (memcmp(data + 4, "ftyphei", 7) == 0 || memcmp(data + 4, "ftypmif1", 8) == 0))
        return "HEIF";
    return "unknown content";
}

static enum sk_code decode(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    if (len == 0)
        return sk_fail(err, SK_INPUT, "cannot decode '%s': the file is empty", name);
    if (begins(data, len, "\xff\xd8\xff", 3))
        return sk_decode_jpeg(p, data, len, name, err);
    if (begins(data, len, "\x89PNG\r\n\x1a\n", 8))
        return sk_decode_png(p, data, len, name, err);
    return sk_fail(err, SK_INPUT, "cannot decode '%s': not a JPEG or PNG file (%s)", name, guess(data, len));
}

_Thread_local double *sk_decode_clock;

enum sk_code sk_picture_decode(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    if (!sk_decode_clock)
        return decode(p, data, len, name, err);
    double since = sk_now();
    enum sk_code code = decode(p, data, len, name, err);
    *sk_decode_clock += sk_now() - since;
    return code;
}

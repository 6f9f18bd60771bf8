/* Tells a picture's format by its first bytes, never by its name, and decodes it into 8-bit RGB. */
#include "data/steps.h"

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

static bool is_jpeg(const unsigned char *data, size_t len)
{
    return begins(data, len, "\xff\xd8\xff", 3);
}

static enum sk_code decode(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    if (len == 0)
        return sk_fail(err, SK_INPUT, "cannot decode '%s': the file is empty", name);
    if (is_jpeg(data, len))
        return sk_decode_jpeg(p, data, len, name, err);
    if (begins(data, len, "\x89PNG\r\n\x1a\n", 8))
        return sk_decode_png(p, data, len, name, err);
    return sk_fail(err, SK_INPUT, "cannot decode '%s': not a JPEG or PNG file (%s)", name, guess(data, len));
}

_Thread_local struct sk_decode_times *sk_decode_clock;

static double tick(void)
{
    return sk_decode_clock ? sk_now() : 0;
}

enum sk_code sk_picture_decode(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    double since = tick();
    enum sk_code code = decode(p, data, len, name, err);
    if (sk_decode_clock)
        sk_decode_clock->decode += sk_now() - since;
    return code;
}

/* ---- the first step on the way ---- */
struct first_step {
    const struct sk_picture_step *step;
    struct sk_drawn drawn;
    struct sk_rng *rng;
};

static enum sk_code draw_box(void *ctx, int height, int width, struct sk_window *box, struct sk_err *err)
{
    struct first_step *f = ctx;
    enum sk_code code = sk_step_draw(&f->drawn, f->step, height, width, f->rng, err);
    *box = f->drawn.window;
    return code;
}

enum sk_code sk_picture_decode_for(struct sk_picture *p, struct sk_picture *scratch, const void *data, size_t len,
                                   const char *name, const struct sk_picture_steps *steps, struct sk_rng *rng,
                                   int *done, struct sk_err *err)
{
    const struct sk_picture_step *s = steps->step;
    *done = 0;
    if (steps->count == 0 || s->kind != SK_STEP_RANDOM_RESIZED_CROP || !is_jpeg(data, len))
        return sk_picture_decode(p, data, len, name, err);
    struct first_step first = {.step = s, .rng = rng};
    struct sk_jpeg_part part = {.choose = draw_box, .ctx = &first, .height = s->size, .width = s->size,
                                .fast = steps->decode == SK_DECODE_FAST};
    double start = tick();
    enum sk_code code = sk_decode_jpeg_part(scratch, data, len, name, &part, err);
    double decoded = tick();
    struct sk_resize how = {.height = s->size, .width = s->size, .want = {0, 0, s->size, s->size}, .box = part.box,
                            .filter = s->filter};
    if (code == SK_OK)
        code = sk_picture_resize_box(p, scratch, &how, err);
    if (sk_decode_clock) {
        sk_decode_clock->decode += decoded - start;
        sk_decode_clock->resize += sk_now() - decoded;
    }
    *done = 1;
    return code;
}

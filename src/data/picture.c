/* Picture buffers: room for pixels, reused from picture to picture. */
#include "data/internal.h"

size_t sk_pixel_size(enum sk_pixel pixel)
{
    return pixel == SK_PIXEL_F32 ? sizeof(float) : 1;
}

size_t sk_picture_bytes(const struct sk_picture *p)
{
    return (size_t)p->height * (size_t)p->width * (size_t)p->channels * sk_pixel_size(p->pixel);
}

enum sk_code sk_picture_reserve(struct sk_picture *p, int h, int w, int c, enum sk_pixel pixel, struct sk_err *err)
{
    if (h < 1 || w < 1 || h > SK_MAX_SIDE || w > SK_MAX_SIDE || (int64_t)h * w > SK_MAX_PIXELS)
        return sk_fail(err, SK_INPUT, "a picture of %d x %d pixels is outside the limits (sides %d, pixels %d)", h, w,
                       SK_MAX_SIDE, SK_MAX_PIXELS);
    if (c < 1 || c > SK_MAX_CHANNELS)
        return sk_fail(err, SK_INPUT, "a picture of %d channels: expected 1 to %d", c, SK_MAX_CHANNELS);
    size_t need = (size_t)h * (size_t)w * (size_t)c * sk_pixel_size(pixel); /* below 2^32: cannot overflow */
    if (need > p->capacity) {
        sk_picture_release(p);
        p->data = sk_alloc(need, 1, err);
        if (!p->data)
            return SK_NOMEM;
        p->capacity = need;
    }
    p->height = h;
    p->width = w;
    p->channels = c;
    p->pixel = pixel;
    return SK_OK;
}

void sk_picture_release(struct sk_picture *p)
{
    sk_free(p->data);
    *p = (struct sk_picture){0};
}

enum sk_code sk_picture_check_size(uint64_t height, uint64_t width, const char *name, struct sk_err *err)
{
    unsigned long long h = height, w = width;
    if (h == 0 || w == 0)
        return sk_fail(err, SK_INPUT, "cannot decode '%s': it has %llu x %llu pixels", name, h, w);
    if (h > SK_MAX_SIDE || w > SK_MAX_SIDE || h * w > SK_MAX_PIXELS)
        return sk_fail(err, SK_INPUT,
                       "cannot decode '%s': %llu x %llu pixels is more than the limit (sides %d, pixels %d)", name, h,
                       w, SK_MAX_SIDE, SK_MAX_PIXELS);
    return SK_OK;
}

/* Steps that cut, resize and mirror, with torchvision's definitions and rounding, for 8-bit and float pixels. */
#include "data/steps.h"

#include <math.h>
#include <string.h>

/* ---- windows ---- */

/* Where place of a padded row of n lies in it: mirrored at the ends without repeating them, -1: nowhere. */
static int source_of(int place, int n, enum sk_pad_mode mode)
{
    if (place >= 0 && place < n)
        return place;
    if (mode == SK_PAD_ZERO)
        return -1;
    int period = n > 1 ? 2 * (n - 1) : 1, at = place % period;
    at = at < 0 ? at + period : at;
    return at < n ? at : period - at;
}

/* Copies columns left..left+w of a row, those outside as mode says. */
static void copy_row(char *to, const char *row, int left, int w, int width, size_t step, enum sk_pad_mode mode)
{
    int x0 = left < 0 ? (-left < w ? -left : w) : 0; /* columns x0..x1 of the window lie in the row */
    int x1 = left + w > width ? width - left : w;
    if (x1 > x0)
        memcpy(to + (size_t)x0 * step, row + (size_t)(left + x0) * step, (size_t)(x1 - x0) * step);
    else
        x1 = x0;
    for (int x = x0 > 0 ? 0 : x1; x < w; x = x + 1 == x0 ? x1 : x + 1) {
        int from = source_of(left + x, width, mode);
        if (from < 0)
            memset(to + (size_t)x * step, 0, step);
        else
            memcpy(to + (size_t)x * step, row + (size_t)from * step, step);
    }
}

static enum sk_code cut(struct sk_picture *p, struct sk_picture *scratch, const struct sk_window *w,
                        enum sk_pad_mode mode, struct sk_err *err)
{
    if (w->top == 0 && w->left == 0 && w->height == p->height && w->width == p->width)
        return SK_OK;
    enum sk_code code = sk_picture_reserve(scratch, w->height, w->width, p->channels, p->pixel, err);
    if (code != SK_OK)
        return code;
    size_t step = (size_t)p->channels * sk_pixel_size(p->pixel), row = (size_t)w->width * step;
    for (int y = 0; y < w->height; y++) {
        char *to = (char *)scratch->data + (size_t)y * row;
        int from = source_of(w->top + y, p->height, mode);
        if (from < 0)
            memset(to, 0, row);
        else
            copy_row(to, (const char *)p->data + (size_t)from * (size_t)p->width * step, w->left, w->width, p->width,
                     step, mode);
    }
    sk_picture_swap(p, scratch);
    return SK_OK;
}

/* ---- random_crop: torchvision's RandomCrop(size, padding): all windows of the padded picture with equal chance ---- */
static enum sk_code random_crop_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                     struct sk_rng *rng, struct sk_err *err)
{
    int64_t rows = (int64_t)height + 2 * (int64_t)s->padding - s->size + 1;
    int64_t cols = (int64_t)width + 2 * (int64_t)s->padding - s->size + 1;
    if (rows < 1 || cols < 1 || rows > UINT32_MAX || cols > UINT32_MAX)
        return sk_fail(err, SK_INPUT, "random_crop of size %d is larger than a picture of %d x %d with padding %d",
                       s->size, height, width, s->padding);
    d->window.top = (int)sk_rng_below(rng, (uint32_t)rows) - s->padding;
    d->window.left = (int)sk_rng_below(rng, (uint32_t)cols) - s->padding;
    d->window.height = d->window.width = s->size;
    return SK_OK;
}

static enum sk_code crop_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                               const struct sk_drawn *d, struct sk_err *err)
{
    return cut(p, scratch, &d->window, s->mode, err);
}

const struct sk_step_row sk_step_random_crop = {random_crop_draw, crop_apply};

/* ---- center_crop ---- */

/* Where a window of want begins in have: half the rest, a half rounded to even as Python's round(); where the window is
 * larger, the padding on this side is the smaller half. */
static int centre(int have, int want)
{
    int rest = have - want;
    if (rest < 0)
        return -((want - have) / 2);
    return rest / 2 + (rest % 2 && rest / 2 % 2);
}

static enum sk_code center_crop_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                     struct sk_rng *rng, struct sk_err *err)
{
    (void)rng;
    (void)err;
    d->window = (struct sk_window){centre(height, s->size), centre(width, s->size), s->size, s->size};
    return SK_OK;
}

static enum sk_code center_crop_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                      const struct sk_drawn *d, struct sk_err *err)
{
    (void)s;
    return cut(p, scratch, &d->window, SK_PAD_ZERO, err);
}

const struct sk_step_row sk_step_center_crop = {center_crop_draw, center_crop_apply};

/* ---- resize ---- */

/* Sides that a resize gives p. */
static void resized(const struct sk_picture *p, const struct sk_picture_step *s, int64_t *h, int64_t *w)
{
    *h = s->exact ? s->height : s->size;
    *w = s->exact ? s->width : s->size;
    if (!s->exact && p->width <= p->height)
        *h = *w * p->height / p->width;
    else if (!s->exact)
        *w = *h * p->width / p->height;
}

static enum sk_code resize_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                 const struct sk_drawn *d, struct sk_err *err)
{
    int64_t h, w;
    (void)d;
    resized(p, s, &h, &w);
    if (h > SK_MAX_SIDE || w > SK_MAX_SIDE || h * w > SK_MAX_PIXELS)
        return sk_fail(err, SK_INPUT,
                       "resize would make a picture of %d x %d into one of %lld x %lld, which is too large", p->height,
                       p->width, (long long)h, (long long)w);
    if (h == p->height && w == p->width)
        return SK_OK;
    struct sk_resize how = {.height = (int)h, .width = (int)w, .want = {0, 0, (int)h, (int)w},
                            .box = {0, 0, p->height, p->width}, .filter = s->filter};
    enum sk_code code = sk_picture_resize_box(scratch, p, &how, err);
    if (code == SK_OK)
        sk_picture_swap(p, scratch);
    return code;
}

const struct sk_step_row sk_step_resize = {NULL, resize_apply};

enum sk_code sk_step_resize_and_crop(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                     bool *done, struct sk_err *err)
{
    int64_t h, w;
    int side = s[1].size;
    resized(p, s, &h, &w);
    *done = h != p->height && w != p->width && h >= side && w >= side && h <= INT32_MAX && w <= INT32_MAX;
    if (!*done)
        return SK_OK;
    struct sk_resize how = {.height = (int)h, .width = (int)w,
                            .want = {centre((int)h, side), centre((int)w, side), side, side},
                            .box = {0, 0, p->height, p->width}, .filter = s->filter};
    enum sk_code code = sk_picture_resize_box(scratch, p, &how, err);
    if (code == SK_OK)
        sk_picture_swap(p, scratch);
    return code;
}

/* ---- random_resized_crop: torchvision's RandomResizedCrop ---- */
struct sk_sides sk_draw_sides(double area, struct sk_range scale, struct sk_range ratio, struct sk_rng *rng)
{
    double share = area * sk_uniform(rng, scale.low, scale.high);
    double aspect = exp(sk_uniform(rng, log(ratio.low), log(ratio.high)));
    /* rint rounds a half to even, as Python's round; sides of any size: at most 65500 * sqrt(1000) */
    return (struct sk_sides){(int64_t)rint(sqrt(share * aspect)), (int64_t)rint(sqrt(share / aspect))};
}

/* Ten tries failed: the largest box in the middle whose aspect is as near to the range as the picture's is. */
static struct sk_window middle(int height, int width, struct sk_range ratio)
{
    double aspect = (double)width / height;
    int h = height, w = width;
    if (aspect < ratio.low)
        h = (int)rint(width / ratio.low);
    else if (aspect > ratio.high)
        w = (int)rint(height * ratio.high);
    h = h < 1 ? 1 : h;
    w = w < 1 ? 1 : w;
    return (struct sk_window){(height - h) / 2, (width - w) / 2, h, w};
}

static enum sk_code random_resized_crop_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                             struct sk_rng *rng, struct sk_err *err)
{
    (void)err;
    for (int tries = 0; tries < 10; tries++) {
        struct sk_sides sides = sk_draw_sides((double)height * width, s->scale, s->ratio, rng);
        int64_t w = sides.times, h = sides.over;
        if (w < 1 || h < 1 || w > width || h > height)
            continue;
        int top = (int)sk_rng_below(rng, (uint32_t)(height - h + 1));
        int left = (int)sk_rng_below(rng, (uint32_t)(width - w + 1));
        d->window = (struct sk_window){top, left, (int)h, (int)w};
        return SK_OK;
    }
    d->window = middle(height, width, s->ratio);
    return SK_OK;
}

static enum sk_code random_resized_crop_apply(struct sk_picture *p, struct sk_picture *scratch,
                                              const struct sk_picture_step *s, const struct sk_drawn *d,
                                              struct sk_err *err)
{
    const struct sk_window *w = &d->window;
    struct sk_resize how = {.height = s->size, .width = s->size, .want = {0, 0, s->size, s->size},
                            .box = {w->top, w->left, w->height, w->width}, .filter = s->filter};
    enum sk_code code = sk_picture_resize_box(scratch, p, &how, err);
    if (code == SK_OK)
        sk_picture_swap(p, scratch);
    return code;
}

const struct sk_step_row sk_step_random_resized_crop = {random_resized_crop_draw, random_resized_crop_apply};

/* ---- flips ---- */
enum sk_code sk_draw_chance(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                            struct sk_rng *rng, struct sk_err *err)
{
    (void)height;
    (void)width;
    (void)err;
    d->on = (double)sk_rng_unit(rng) < s->p;
    return SK_OK;
}

/* Swaps the elements of one row end for end; inlined with a constant step, which makes the copies single moves. */
static inline void flip_row(char *row, int width, size_t step)
{
    for (char *a = row, *b = row + (size_t)(width - 1) * step; a < b; a += step, b -= step) {
        char t[SK_MAX_CHANNELS * sizeof(float)];
        memcpy(t, a, step);
        memcpy(a, b, step);
        memcpy(b, t, step);
    }
}

void sk_picture_flip(struct sk_picture *p)
{
    size_t step = (size_t)p->channels * sk_pixel_size(p->pixel), stride = (size_t)p->width * step;
    char *row = p->data, *end = row + (size_t)p->height * stride;
    for (; row < end; row += stride) {
        switch (step) {
        case 1: flip_row(row, p->width, 1); break;
        case 3: flip_row(row, p->width, 3); break;
        case 12: flip_row(row, p->width, 12); break;
        default: flip_row(row, p->width, step);
        }
    }
}

size_t sk_batch_bytes(const struct sk_batch *b)
{
    return (size_t)b->count * (size_t)b->height * (size_t)b->width * (size_t)b->channels * sk_pixel_size(b->pixel);
}

void sk_batch_flip(const struct sk_batch *b, void *out)
{
    /* the pictures one above the other: a picture as far as rows go, though perhaps a larger one than any file's */
    struct sk_picture all = {b->count * b->height, b->width, b->channels, b->pixel, out, 0};
    memcpy(out, b->pixels, sk_batch_bytes(b));
    sk_picture_flip(&all);
}

static enum sk_code flip_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                               const struct sk_drawn *d, struct sk_err *err)
{
    (void)scratch;
    (void)s;
    (void)err;
    if (d->on)
        sk_picture_flip(p);
    return SK_OK;
}

const struct sk_step_row sk_step_flip = {sk_draw_chance, flip_apply};

static enum sk_code vertical_flip_apply(struct sk_picture *p, struct sk_picture *scratch,
                                        const struct sk_picture_step *s, const struct sk_drawn *d, struct sk_err *err)
{
    (void)s;
    if (!d->on)
        return SK_OK;
    enum sk_code code = sk_picture_reserve(scratch, p->height, p->width, p->channels, p->pixel, err);
    if (code != SK_OK)
        return code;
    size_t row = (size_t)p->width * (size_t)p->channels * sk_pixel_size(p->pixel);
    for (int y = 0; y < p->height; y++)
        memcpy((char *)scratch->data + (size_t)(p->height - 1 - y) * row, (const char *)p->data + (size_t)y * row, row);
    sk_picture_swap(p, scratch);
    return SK_OK;
}

const struct sk_step_row sk_step_vertical_flip = {sk_draw_chance, vertical_flip_apply};

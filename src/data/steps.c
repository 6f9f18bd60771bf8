/* Picture steps: crops, flip and resize, with torchvision's definitions and rounding, for 8-bit and float pixels. */
#include "data/internal.h"

#include <string.h>

static void swap_pictures(struct sk_picture *a, struct sk_picture *b)
{
    struct sk_picture t = *a;
    *a = *b;
    *b = t;
}

/* The h x w window of p whose upper left corner is at (top, left), which may lie outside: there it is zero. */
static enum sk_code window(struct sk_picture *p, struct sk_picture *scratch, int top, int left, int h, int w,
                           struct sk_err *err)
{
    if (top == 0 && left == 0 && h == p->height && w == p->width)
        return SK_OK;
    enum sk_code code = sk_picture_reserve(scratch, h, w, p->channels, p->pixel, err);
    if (code != SK_OK)
        return code;
    size_t step = (size_t)p->channels * sk_pixel_size(p->pixel), row = (size_t)w * step;
    int x0 = left < 0 ? (-left < w ? -left : w) : 0; /* columns x0..x1 of the window lie in p */
    int x1 = left + w > p->width ? p->width - left : w;
    if (x1 < x0)
        x1 = x0;
    for (int y = 0; y < h; y++) {
        char *to = (char *)scratch->data + (size_t)y * row;
        int from = top + y;
        if (from < 0 || from >= p->height || x1 == x0) {
            memset(to, 0, row);
            continue;
        }
        memset(to, 0, (size_t)x0 * step);
        const char *line = (const char *)p->data + (size_t)from * (size_t)p->width * step;
        memcpy(to + (size_t)x0 * step, line + (size_t)(left + x0) * step, (size_t)(x1 - x0) * step);
        memset(to + (size_t)x1 * step, 0, (size_t)(w - x1) * step);
    }
    swap_pictures(p, scratch);
    return SK_OK;
}

/* torchvision's RandomCrop(size, padding): pads with zeros, then takes one of all windows with equal chance. */
static enum sk_code random_crop(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                struct sk_rng *rng, struct sk_err *err)
{
    int64_t rows = (int64_t)p->height + 2 * (int64_t)s->padding - s->size + 1;
    int64_t cols = (int64_t)p->width + 2 * (int64_t)s->padding - s->size + 1;
    if (rows < 1 || cols < 1 || rows > UINT32_MAX || cols > UINT32_MAX)
        return sk_fail(err, SK_INPUT, "random_crop of size %d is larger than a picture of %d x %d with padding %d",
                       s->size, p->height, p->width, s->padding);
    int top = (int)sk_rng_below(rng, (uint32_t)rows) - s->padding;
    int left = (int)sk_rng_below(rng, (uint32_t)cols) - s->padding;
    return window(p, scratch, top, left, s->size, s->size, err);
}

/* Where a window of want begins in have: half the rest, a half rounded to even as Python's round(); where the window is
 * larger, the padding on this side is the smaller half. */
static int centre(int have, int want)
{
    int rest = have - want;
    if (rest < 0)
        return -((want - have) / 2);
    return rest / 2 + (rest % 2 && rest / 2 % 2);
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

static void flip(struct sk_picture *p)
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

static enum sk_code resize(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                           struct sk_err *err)
{
    int64_t h, w;
    resized(p, s, &h, &w);
    if (h > SK_MAX_SIDE || w > SK_MAX_SIDE || h * w > SK_MAX_PIXELS)
        return sk_fail(err, SK_INPUT,
                       "resize would make a picture of %d x %d into one of %lld x %lld, which is too large", p->height,
                       p->width, (long long)h, (long long)w);
    if (h == p->height && w == p->width)
        return SK_OK;
    enum sk_code code = sk_picture_resize(scratch, p, (int)h, (int)w, err);
    if (code == SK_OK)
        swap_pictures(p, scratch);
    return code;
}

/* A resize and the centre crop after it, in one go where the crop lies within: the same pixels, but a picture of
 * 1 x 5000 needs no room for 16 x 80000. *done: whether it was one. */
static enum sk_code resize_and_crop(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
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
                            .box = {0, 0, p->height, p->width}};
    enum sk_code code = sk_picture_resize_box(scratch, p, &how, err);
    if (code == SK_OK)
        swap_pictures(p, scratch);
    return code;
}

static enum sk_code apply_one(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                              struct sk_rng *rng, struct sk_err *err)
{
    switch (s->kind) {
    case SK_STEP_RANDOM_CROP: return random_crop(p, scratch, s, rng, err);
    case SK_STEP_RESIZE: return resize(p, scratch, s, err);
    case SK_STEP_CENTER_CROP:
        return window(p, scratch, centre(p->height, s->size), centre(p->width, s->size), s->size, s->size, err);
    case SK_STEP_FLIP:
        if ((double)sk_rng_unit(rng) < s->p)
            flip(p);
        return SK_OK;
    }
    return sk_fail(err, SK_BUG, "unknown picture step %d", (int)s->kind);
}

enum sk_code sk_picture_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_steps *steps,
                              struct sk_rng *rng, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; code == SK_OK && i < steps->count; i++) {
        const struct sk_picture_step *s = &steps->step[i];
        bool both = false;
        if (s->kind == SK_STEP_RESIZE && i + 1 < steps->count && s[1].kind == SK_STEP_CENTER_CROP)
            code = resize_and_crop(p, scratch, s, &both, err);
        if (code == SK_OK && !both)
            code = apply_one(p, scratch, s, rng, err);
        i += both;
    }
    return code;
}

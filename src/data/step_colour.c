/* Colour steps: brightness, contrast, saturation, hue and grey, with the arithmetic of Pillow, which torchvision uses. */
#include "data/steps.h"

#include <math.h>

/* Pillow's convert('L'): ITU-R 601-2 luma in 16-bit fixed point. */
static int luma(const uint8_t *rgb)
{
    return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

static size_t pixels_of(const struct sk_picture *p)
{
    return (size_t)p->height * (size_t)p->width;
}

void sk_map_levels(struct sk_picture *p, const uint8_t table[][256], int tables)
{
    uint8_t *at = p->data, *end = at + sk_picture_bytes(p);
    if (tables == 1)
        for (; at < end; at++)
            *at = table[0][*at];
    else
        for (; at < end; at += tables)
            for (int c = 0; c < tables; c++)
                at[c] = table[c][at[c]];
}

/* Every level blended with one grey. */
static void blend_with(struct sk_picture *p, int grey, double factor)
{
    uint8_t table[1][256];
    for (int i = 0; i < 256; i++)
        table[0][i] = sk_blend(grey, i, (float)factor);
    sk_map_levels(p, table, 1);
}

void sk_adjust_brightness(struct sk_picture *p, double factor)
{
    blend_with(p, 0, factor);
}

void sk_adjust_contrast(struct sk_picture *p, double factor)
{
    const uint8_t *at = p->data;
    uint64_t sum = 0;
    size_t n = pixels_of(p);
    for (size_t i = 0; i < n; i++, at += p->channels)
        sum += (uint64_t)(p->channels == 3 ? luma(at) : *at);
    blend_with(p, (int)((double)sum / (double)n + 0.5), factor);
}

void sk_adjust_saturation(struct sk_picture *p, double factor)
{
    if (p->channels != 3)
        return;
    uint8_t *at = p->data;
    for (size_t i = pixels_of(p); i > 0; i--, at += 3) {
        int grey = luma(at);
        for (int c = 0; c < 3; c++)
            at[c] = sk_blend(grey, at[c], (float)factor);
    }
}

void sk_to_gray(struct sk_picture *p)
{
    if (p->channels != 3)
        return;
    uint8_t *at = p->data;
    for (size_t i = pixels_of(p); i > 0; i--, at += 3)
        at[0] = at[1] = at[2] = (uint8_t)luma(at);
}

/* ---- hue: by way of 8-bit HSV (A. R. Smith, "Color gamut transform pairs", 1978), rounded as Pillow does ---- */
static int cut(int value)
{
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

static void to_hsv(const uint8_t *rgb, int hsv[3])
{
    int r = rgb[0], g = rgb[1], b = rgb[2];
    int high = r > g ? (r > b ? r : b) : (g > b ? g : b), low = r < g ? (r < b ? r : b) : (g < b ? g : b);
    hsv[0] = hsv[1] = 0;
    hsv[2] = high;
    if (high == low)
        return;
    float range = (float)(high - low), s = range / (float)high, h;
    float rc = (float)(high - r) / range, gc = (float)(high - g) / range, bc = (float)(high - b) / range;
    if (r == high)
        h = bc - gc;
    else if (g == high)
        h = (float)(2.0 + (double)rc - (double)bc);
    else
        h = (float)(4.0 + (double)gc - (double)rc);
    h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
    hsv[0] = cut((int)((double)h * 255.0));
    hsv[1] = cut((int)((double)s * 255.0));
}

static void from_hsv(const int hsv[3], uint8_t *rgb)
{
    static const int order[6][3] = {{0, 3, 1}, {2, 0, 1}, {1, 0, 3}, {1, 2, 0}, {3, 1, 0}, {0, 1, 2}};
    int v = hsv[2];
    float sixth = (float)(hsv[0] * 6.0 / 255.0), s = (float)(hsv[1] / 255.0);
    int i = (int)floorf(sixth);
    float f = sixth - (float)i;
    int p = (int)round((double)v * (1.0 - (double)s)), q = (int)round((double)v * (1.0 - (double)(s * f)));
    int t = (int)round((double)v * (1.0 - (double)s * (1.0 - (double)f)));
    int of[4] = {v, cut(p), cut(q), cut(t)};
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)of[order[i % 6][c]];
}

void sk_adjust_hue(struct sk_picture *p, double turn)
{
    if (p->channels != 3)
        return;
    uint8_t *at = p->data;
    int shift = (int)(turn * 255.0), hsv[3];
    for (size_t i = pixels_of(p); i > 0; i--, at += 3) {
        to_hsv(at, hsv);
        hsv[0] = (hsv[0] + shift) & 255;
        from_hsv(hsv, at);
    }
}

/* ---- color_jitter: torchvision's ColorJitter ---- */
static enum sk_code color_jitter_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                      struct sk_rng *rng, struct sk_err *err)
{
    const struct sk_range *ranges[SK_JITTERS] = {&s->brightness, &s->contrast, &s->saturation, &s->hue};
    (void)height;
    (void)width;
    (void)err;
    for (int i = 0; i < SK_JITTERS; i++) { /* a permutation: each is put into a place among those before it */
        int at = (int)sk_rng_below(rng, (uint32_t)i + 1);
        d->order[i] = d->order[at];
        d->order[at] = (enum sk_jitter)i;
    }
    for (int i = 0; i < SK_JITTERS; i++)
        d->factor[i] = sk_uniform(rng, ranges[i]->low, ranges[i]->high);
    return SK_OK;
}

static enum sk_code color_jitter_apply(struct sk_picture *p, struct sk_picture *scratch,
                                       const struct sk_picture_step *s, const struct sk_drawn *d, struct sk_err *err)
{
    static void (*const adjust[SK_JITTERS])(struct sk_picture *, double) = {
        [SK_JITTER_BRIGHTNESS] = sk_adjust_brightness,
        [SK_JITTER_CONTRAST] = sk_adjust_contrast,
        [SK_JITTER_SATURATION] = sk_adjust_saturation,
        [SK_JITTER_HUE] = sk_adjust_hue,
    };
    (void)scratch;
    enum sk_code code = sk_need_bytes(p, "color_jitter", err);
    for (int i = 0; code == SK_OK && i < SK_JITTERS; i++) {
        enum sk_jitter which = d->order[i];
        double factor = d->factor[which];
        bool off = which == SK_JITTER_HUE ? s->hue.low == 0.0 && s->hue.high == 0.0 : factor == 1.0;
        if (!off) /* a factor of 1 changes nothing; a hue of 0 does: HSV rounds */
            adjust[which](p, factor);
    }
    return code;
}

const struct sk_step_row sk_step_color_jitter = {color_jitter_draw, color_jitter_apply};

/* ---- grayscale: torchvision's RandomGrayscale ---- */
static enum sk_code grayscale_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                    const struct sk_drawn *d, struct sk_err *err)
{
    (void)scratch;
    (void)s;
    enum sk_code code = sk_need_bytes(p, "grayscale", err);
    if (code == SK_OK && d->on)
        sk_to_gray(p);
    return code;
}

const struct sk_step_row sk_step_grayscale = {sk_draw_chance, grayscale_apply};

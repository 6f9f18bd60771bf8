/* Steps that overwrite parts of a picture: random erasing (Zhong et al., AAAI 2020), Cutout (DeVries and Taylor, 2017). */
#include "data/steps.h"

/* Writes value, levels of 0 to 255 for each channel, into a window that lies within; float pixels hold level / 255. */
static void fill(struct sk_picture *p, const struct sk_window *w, const double value[SK_MAX_CHANNELS])
{
    size_t channels = (size_t)p->channels;
    for (int y = w->top; y < w->top + w->height; y++) {
        size_t at = ((size_t)y * (size_t)p->width + (size_t)w->left) * channels, end = at + (size_t)w->width * channels;
        for (; at < end; at += channels)
            for (size_t c = 0; c < channels; c++)
                if (p->pixel == SK_PIXEL_F32)
                    ((float *)p->data)[at + c] = (float)(value[c] / 255.0);
                else
                    ((uint8_t *)p->data)[at + c] = (uint8_t)(value[c] + 0.5);
    }
}

/* ---- random_erasing: torchvision's RandomErasing ---- */
static enum sk_code random_erasing_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                        struct sk_rng *rng, struct sk_err *err)
{
    bool wanted = (double)sk_rng_unit(rng) < s->p;
    (void)err;
    d->on = false;
    for (int tries = 0; wanted && !d->on && tries < 10; tries++) {
        struct sk_sides sides = sk_draw_sides((double)height * width, s->scale, s->ratio, rng);
        int64_t h = sides.times, w = sides.over;
        if (h >= height || w >= width)
            continue;
        int top = (int)sk_rng_below(rng, (uint32_t)(height - h + 1));
        int left = (int)sk_rng_below(rng, (uint32_t)(width - w + 1));
        d->window = (struct sk_window){top, left, (int)h, (int)w};
        d->on = true;
    }
    return SK_OK;
}

static enum sk_code random_erasing_apply(struct sk_picture *p, struct sk_picture *scratch,
                                         const struct sk_picture_step *s, const struct sk_drawn *d, struct sk_err *err)
{
    (void)scratch;
    (void)err;
    if (d->on)
        fill(p, &d->window, s->value);
    return SK_OK;
}

const struct sk_step_row sk_step_random_erasing = {random_erasing_draw, random_erasing_apply};

/* ---- cutout: a hole's middle is any pixel; what lies outside of the picture is cut off ---- */
static void cut_hole(int middle, int length, int side, int *begin, int *size)
{
    int half = length / 2, end = middle + half;
    *begin = middle - half < 0 ? 0 : middle - half;
    *size = (end > side ? side : end) - *begin;
}

static enum sk_code cutout_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                struct sk_rng *rng, struct sk_err *err)
{
    (void)err;
    for (int i = 0; i < s->holes; i++) {
        int y = (int)sk_rng_below(rng, (uint32_t)height), x = (int)sk_rng_below(rng, (uint32_t)width);
        cut_hole(y, s->length, height, &d->hole[i].top, &d->hole[i].height);
        cut_hole(x, s->length, width, &d->hole[i].left, &d->hole[i].width);
    }
    return SK_OK;
}

static enum sk_code cutout_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                 const struct sk_drawn *d, struct sk_err *err)
{
    (void)scratch;
    (void)err;
    for (int i = 0; i < s->holes; i++)
        fill(p, &d->hole[i], s->value);
    return SK_OK;
}

const struct sk_step_row sk_step_cutout = {cutout_draw, cutout_apply};

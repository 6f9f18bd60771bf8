/* What the policies do to levels besides colour: sharpness, posterize, solarize, contrast and equalization by histogram,
 * with the arithmetic of Pillow's ImageEnhance and ImageOps. */
#include "data/steps.h"

#include <string.h>

/* The mean of 3 x 3 pixels, the middle one five times, at the bytes 0..n of a row; sums of whole numbers over 13 are never
 * halves. */
static void smooth_row(uint8_t *out, const uint8_t *const row[3], size_t step, size_t n)
{
    for (size_t i = step; i + step < n; i++) {
        int sum = 4 * row[1][i];
        for (int k = 0; k < 3; k++)
            sum += row[k][i - step] + row[k][i] + row[k][i + step];
        out[i] = (uint8_t)((2 * sum + 13) / 26);
    }
}

enum sk_code sk_adjust_sharpness(struct sk_picture *p, struct sk_picture *scratch, double factor, struct sk_err *err)
{
    enum sk_code code = sk_picture_reserve(scratch, p->height, p->width, p->channels, p->pixel, err);
    if (code != SK_OK)
        return code;
    size_t step = (size_t)p->channels, n = (size_t)p->width * step, all = sk_picture_bytes(p);
    uint8_t *smooth = scratch->data, *at = p->data;
    memcpy(smooth, at, all); /* the border stays as it is */
    for (int y = 1; p->width >= 3 && y + 1 < p->height; y++) {
        const uint8_t *middle = at + (size_t)y * n;
        smooth_row(smooth + (size_t)y * n, (const uint8_t *const[]){middle - n, middle, middle + n}, step, n);
    }
    for (size_t i = 0; i < all; i++)
        at[i] = sk_blend(smooth[i], at[i], (float)factor);
    return SK_OK;
}

void sk_posterize(struct sk_picture *p, int bits)
{
    uint8_t table[1][256];
    for (int i = 0; i < 256; i++)
        table[0][i] = (uint8_t)(i & (0xff00 >> bits));
    sk_map_levels(p, table, 1);
}

void sk_solarize(struct sk_picture *p, double threshold)
{
    uint8_t table[1][256];
    for (int i = 0; i < 256; i++)
        table[0][i] = (uint8_t)(i < threshold ? i : 255 - i);
    sk_map_levels(p, table, 1);
}

static void count_levels(const struct sk_picture *p, int64_t count[SK_MAX_CHANNELS][256])
{
    const uint8_t *at = p->data, *end = at + sk_picture_bytes(p);
    memset(count, 0, SK_MAX_CHANNELS * sizeof(*count));
    for (; at < end; at += p->channels)
        for (int c = 0; c < p->channels; c++)
            count[c][at[c]]++;
}

/* The lowest and the highest level that occur. */
static void extremes(const int64_t count[256], int *low, int *high)
{
    for (*low = 0; count[*low] == 0; ++*low)
        ;
    for (*high = 255; count[*high] == 0; --*high)
        ;
}

static uint8_t cut(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void sk_auto_contrast(struct sk_picture *p)
{
    int64_t count[SK_MAX_CHANNELS][256];
    uint8_t table[SK_MAX_CHANNELS][256];
    count_levels(p, count);
    for (int c = 0; c < p->channels; c++) {
        int low, high;
        extremes(count[c], &low, &high);
        double scale = high > low ? 255.0 / (high - low) : 1.0, offset = high > low ? -low * scale : 0.0;
        for (int i = 0; i < 256; i++)
            table[c][i] = cut(i * scale + offset);
    }
    sk_map_levels(p, (const uint8_t(*)[256])table, p->channels);
}

/* A step is the share of the pixels, but those of the highest level, that each of 255 levels gets. */
static void equalize_table(uint8_t table[256], const int64_t count[256])
{
    int low, high;
    int64_t all = 0;
    for (int i = 0; i < 256; i++)
        all += count[i];
    extremes(count, &low, &high);
    int64_t step = (all - count[high]) / 255, sum = step / 2;
    for (int i = 0; i < 256; sum += count[i++])
        table[i] = step > 0 ? cut((double)(sum / step)) : (uint8_t)i;
}

void sk_equalize(struct sk_picture *p)
{
    int64_t count[SK_MAX_CHANNELS][256];
    uint8_t table[SK_MAX_CHANNELS][256];
    count_levels(p, count);
    for (int c = 0; c < p->channels; c++)
        equalize_table(table[c], count[c]);
    sk_map_levels(p, (const uint8_t(*)[256])table, p->channels);
}

/* Antialiased bilinear resize, separable: each output pixel is a weighted mean of the input pixels under a triangle
 * whose half width is one output pixel (one input pixel where the picture grows). Rows first, then columns; for 8-bit
 * pixels weights are 22-bit fixed point and the intermediate is rounded to 8 bits, as Pillow's Image.resize(BILINEAR)
 * does (from version 13 on it takes columns first where the height shrinks more than the width, which may differ by one
 * grey level). */
#include "data/internal.h"

#include <math.h>
#include <string.h>

enum { PRECISION = 22, BLOCK = 1024 };

/* Weights of one axis: output i of those wanted is the sum of weight[i * taps + k] * input[first[i] + k], k below
 * count[i]. */
struct axis {
    int taps, *first, *count;
    double *weight;
    int32_t *fixed;
};

static void axis_release(struct axis *a)
{
    sk_free(a->first);
    sk_free(a->count);
    sk_free(a->weight);
    sk_free(a->fixed);
    *a = (struct axis){0};
}

static void axis_weights(struct axis *a, int i, int begin, int in, double scale, double support)
{
    double centre = (begin + i + 0.5) * scale, sum = 0.0, *weight = a->weight + (size_t)i * (size_t)a->taps;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    if (first < 0)
        first = 0;
    if (end > in)
        end = in;
    a->first[i] = first;
    a->count[i] = end - first;
    for (int k = 0; k < end - first; k++) {
        double distance = fabs((first + k - centre + 0.5) * (1.0 / support));
        weight[k] = distance < 1.0 ? 1.0 - distance : 0.0;
        sum += weight[k];
    }
    for (int k = 0; k < end - first; k++) {
        weight[k] *= 1.0 / sum; /* as Pillow: a division would round some weights the other way */
        a->fixed[(size_t)i * (size_t)a->taps + (size_t)k] = (int32_t)(0.5 + weight[k] * (1 << PRECISION));
    }
}

/* Of out outputs, count from begin on are wanted. */
static enum sk_code axis_init(struct axis *a, int in, int out, int begin, int count, struct sk_err *err)
{
    double scale = (double)in / out, support = scale < 1.0 ? 1.0 : scale;
    *a = (struct axis){.taps = (int)ceil(support) * 2 + 1};
    size_t n = (size_t)count, weights = n * (size_t)a->taps; /* at most about 3 * 65500 + 2 * 65500 */
    a->first = sk_alloc(n, sizeof(*a->first), err);
    a->count = a->first ? sk_alloc(n, sizeof(*a->count), err) : NULL;
    a->weight = a->count ? sk_alloc(weights, sizeof(*a->weight), err) : NULL;
    a->fixed = a->weight ? sk_alloc(weights, sizeof(*a->fixed), err) : NULL;
    if (!a->fixed) {
        axis_release(a);
        return SK_NOMEM;
    }
    for (int i = 0; i < count; i++)
        axis_weights(a, i, begin, in, scale, support);
    return SK_OK;
}

static uint8_t round_fixed(int32_t sum)
{
    int32_t value = (sum + (1 << (PRECISION - 1))) >> PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* ---- along a row ---- */
static inline void row_u8(uint8_t *out, const uint8_t *in, const struct axis *a, int width, int channels)
{
    for (int i = 0; i < width; i++) {
        const int32_t *weight = a->fixed + (size_t)i * (size_t)a->taps;
        const uint8_t *from = in + (size_t)a->first[i] * (size_t)channels;
        int32_t sum[SK_MAX_CHANNELS] = {0};
        for (int k = 0; k < a->count[i]; k++, from += channels)
            for (int c = 0; c < channels; c++)
                sum[c] += from[c] * weight[k];
        for (int c = 0; c < channels; c++)
            *out++ = round_fixed(sum[c]);
    }
}

static void row_f32(float *out, const float *in, const struct axis *a, int width, int channels)
{
    for (int i = 0; i < width; i++) {
        const double *weight = a->weight + (size_t)i * (size_t)a->taps;
        for (int c = 0; c < channels; c++) {
            const float *from = in + (size_t)a->first[i] * (size_t)channels + c;
            double sum = 0.0;
            for (int k = 0; k < a->count[i]; k++)
                sum += (double)from[(size_t)k * (size_t)channels] * weight[k];
            *out++ = (float)sum;
        }
    }
}

static void resize_row(void *out, const void *in, const struct axis *a, int width, int channels, enum sk_pixel pixel)
{
    if (pixel == SK_PIXEL_F32)
        row_f32(out, in, a, width, channels);
    else if (channels == 3) /* a constant number of channels unrolls the inner loops */
        row_u8(out, in, a, width, 3);
    else
        row_u8(out, in, a, width, channels);
}

/* ---- across rows: block by block, so that the sums stay in the first-level cache ---- */
static void column_u8(uint8_t *out, const uint8_t *in, size_t row, const int32_t *weight, int count)
{
    int32_t sum[BLOCK];
    for (size_t begin = 0; begin < row; begin += BLOCK) {
        size_t n = row - begin < BLOCK ? row - begin : BLOCK;
        memset(sum, 0, n * sizeof(*sum));
        for (int k = 0; k < count; k++) {
            const uint8_t *from = in + (size_t)k * row + begin;
            for (size_t x = 0; x < n; x++)
                sum[x] += from[x] * weight[k];
        }
        for (size_t x = 0; x < n; x++)
            out[begin + x] = round_fixed(sum[x]);
    }
}

static void column_f32(float *out, const float *in, size_t row, const double *weight, int count)
{
    double sum[BLOCK];
    for (size_t begin = 0; begin < row; begin += BLOCK) {
        size_t n = row - begin < BLOCK ? row - begin : BLOCK;
        memset(sum, 0, n * sizeof(*sum));
        for (int k = 0; k < count; k++) {
            const float *from = in + (size_t)k * row + begin;
            for (size_t x = 0; x < n; x++)
                sum[x] += (double)from[x] * weight[k];
        }
        for (size_t x = 0; x < n; x++)
            out[begin + x] = (float)sum[x];
    }
}

static void resize_column(struct sk_picture *dst, int y, const void *in, size_t row, const struct axis *a)
{
    size_t at = (size_t)y * (size_t)a->taps;
    if (dst->pixel == SK_PIXEL_F32)
        column_f32((float *)dst->data + (size_t)y * row, in, row, a->weight + at, a->count[y]);
    else
        column_u8((uint8_t *)dst->data + (size_t)y * row, in, row, a->fixed + at, a->count[y]);
}

enum sk_code sk_picture_resize_window(struct sk_picture *dst, const struct sk_picture *src, int height, int width,
                                      const struct sk_window *want, struct sk_err *err)
{
    struct axis across = {0}, down = {0};
    void *wide = NULL; /* the rows of src that are needed, resized */
    size_t step = (size_t)src->channels * sk_pixel_size(src->pixel);
    size_t in_row = (size_t)src->width * step, out_row = (size_t)want->width * step;
    enum sk_code code = sk_picture_reserve(dst, want->height, want->width, src->channels, src->pixel, err);
    if (code != SK_OK)
        return code;
    if ((code = axis_init(&across, src->width, width, want->left, want->width, err)) != SK_OK)
        goto done;
    if ((code = axis_init(&down, src->height, height, want->top, want->height, err)) != SK_OK)
        goto done;
    int top = down.first[0], end = down.first[want->height - 1] + down.count[want->height - 1];
    const char *rows = (const char *)src->data + (size_t)top * in_row;
    if (want->width != src->width || width != src->width) {
        if (!(wide = sk_alloc((size_t)(end - top), out_row, err))) {
            code = SK_NOMEM;
            goto done;
        }
        for (int y = 0; y < end - top; y++)
            resize_row((char *)wide + (size_t)y * out_row, rows + (size_t)y * in_row, &across, want->width,
                       src->channels, src->pixel);
        rows = wide;
    }
    for (int y = 0; y < want->height; y++) {
        const char *from = rows + (size_t)(down.first[y] - top) * out_row;
        if (height == src->height)
            memcpy((char *)dst->data + (size_t)y * out_row, from, out_row);
        else
            resize_column(dst, y, from, (size_t)want->width * (size_t)src->channels, &down);
    }
done:
    sk_free(wide);
    axis_release(&across);
    axis_release(&down);
    return code;
}

enum sk_code sk_picture_resize(struct sk_picture *dst, const struct sk_picture *src, int height, int width,
                               struct sk_err *err)
{
    return sk_picture_resize_window(dst, src, height, width, &(struct sk_window){0, 0, height, width}, err);
}

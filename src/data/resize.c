/* Antialiased resize, separable: each output pixel is a weighted mean of the input pixels under a filter that is as
 * wide as one output pixel asks (one input pixel where the picture grows): a triangle, or Keys' cubic with a = -0.5.
 * For 8-bit pixels weights are 22-bit fixed point, and what the first of the two passes makes is rounded and cut to
 * 8 bits, so the order of the passes tells in the result: it is the one of Pillow's Image.resize from version 13 on.
 * Rows first: a ring holds the resized rows that the next output needs (less than the input, or five rows). Columns
 * first: one row is held. */
#include "data/internal.h"
#include "kern/kern.h"

#include <math.h>
#include <string.h>

/* ---- weights ---- */
/* Of one direction: output i is the sum of weight[i * stride + k] * input[first[i] + k], k below taps[i]. */
struct axis {
    int n, widest, stride, *first, *taps;
    double *weight; /* float pixels */
    int16_t *parts; /* 8-bit pixels, as kern.h says */
};

struct span { /* what an axis is made of: out outputs cover [start, start + length) of in pixels; count from begin on */
    int in, out, begin, count;
    double start, length;
};

static void axis_release(struct axis *a)
{
    sk_free(a->first);
    sk_free(a->taps);
    sk_free(a->weight);
    sk_free(a->parts);
    *a = (struct axis){0};
}

static double triangle(double x)
{
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double cubic(double x) /* R. Keys, "Cubic convolution interpolation for digital image processing", 1981 */
{
    const double a = -0.5;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

/* Weights of one output at weight, which has room for them; their sum is one. */
static void weigh(struct axis *a, int i, const struct span *s, enum sk_interpolation filter, double *weight)
{
    double scale = s->length / s->out, wide = scale < 1.0 ? 1.0 : scale;
    double support = wide * (filter == SK_BICUBIC ? 2.0 : 1.0), centre = s->start + (s->begin + i + 0.5) * scale;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > s->in ? s->in : end;
    double sum = 0.0, narrow = 1.0 / wide;
    a->first[i] = first;
    a->taps[i] = end - first;
    a->widest = end - first > a->widest ? end - first : a->widest;
    for (int k = 0; k < end - first; k++) {
        double distance = fabs((first + k - centre + 0.5) * narrow);
        weight[k] = filter == SK_BICUBIC ? cubic(distance) : triangle(distance);
        sum += weight[k];
    }
    double share = 1.0 / sum; /* as Pillow: a division would round some weights the other way */
    for (int k = 0; k < end - first; k++)
        weight[k] *= share;
}

static void split(int16_t *parts, const double *weight, int taps)
{
    for (int k = 0; k < taps; k++) {
        double scaled = weight[k] * (1 << SK_RESIZE_BITS);
        int32_t fixed = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
        int16_t *group = parts + (size_t)(k / SK_RESIZE_GROUP) * (2 * SK_RESIZE_GROUP) + k % SK_RESIZE_GROUP;
        int32_t low = fixed & ((1 << SK_RESIZE_LOW_BITS) - 1);
        group[0] = (int16_t)low;
        group[SK_RESIZE_GROUP] = (int16_t)((fixed - low) / (1 << SK_RESIZE_LOW_BITS));
    }
}

static enum sk_code axis_init(struct axis *a, const struct span *s, enum sk_interpolation filter, enum sk_pixel pixel,
                              struct sk_err *err)
{
    double scale = s->length / s->out, support = (scale < 1.0 ? 1.0 : scale) * (filter == SK_BICUBIC ? 2.0 : 1.0);
    int most = (int)ceil(support) * 2 + 1; /* stride * n: at most about 2 * (3 * 65500 + 2 * 65500) */
    *a = (struct axis){.n = s->count,
                       .stride = (most + SK_RESIZE_GROUP - 1) / SK_RESIZE_GROUP * SK_RESIZE_GROUP};
    size_t n = (size_t)s->count, stride = (size_t)a->stride;
    a->first = sk_alloc(n, sizeof(*a->first), err);
    a->taps = a->first ? sk_alloc(n, sizeof(*a->taps), err) : NULL;
    a->weight = a->taps ? sk_alloc(pixel == SK_PIXEL_F32 ? n * stride : stride, sizeof(*a->weight), err) : NULL;
    if (a->weight && pixel == SK_PIXEL_U8)
        a->parts = sk_alloc(n * stride * 2, sizeof(*a->parts), err);
    if (!a->weight || (pixel == SK_PIXEL_U8 && !a->parts)) {
        axis_release(a);
        return SK_NOMEM;
    }
    for (int i = 0; i < s->count; i++) {
        double *weight = a->weight + (pixel == SK_PIXEL_F32 ? (size_t)i * stride : 0);
        weigh(a, i, s, filter, weight);
        if (pixel == SK_PIXEL_U8)
            split(a->parts + (size_t)i * stride * 2, weight, a->taps[i]);
    }
    return SK_OK;
}

/* ---- along a row and across rows ---- */
static void row_f32(float *out, const float *in, const struct axis *a, int channels)
{
    for (int i = 0; i < a->n; i++) {
        const double *weight = a->weight + (size_t)i * (size_t)a->stride;
        for (int c = 0; c < channels; c++) {
            const float *from = in + (size_t)a->first[i] * (size_t)channels + c;
            double sum = 0.0;
            for (int k = 0; k < a->taps[i]; k++)
                sum += (double)from[(size_t)k * (size_t)channels] * weight[k];
            *out++ = (float)sum;
        }
    }
}

static void column_f32(float *out, const void *const *rows, const double *weight, int taps, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        double sum = 0.0;
        for (int k = 0; k < taps; k++)
            sum += (double)((const float *)rows[k])[x] * weight[k];
        out[x] = (float)sum;
    }
}

struct resizer {
    const struct sk_picture *src;
    const char *origin;          /* first pixel of the box, or where rows stay as they are the first wanted one */
    size_t in_row, out_row, row; /* bytes of a row of the source, of the result, of the box from origin on */
    int width;                   /* of the box in whole pixels */
    bool plain, flat;            /* the width, the height stays as it is, but for being cut */
    bool columns_first;
    struct axis across, down;
    char *held;        /* rows first: the ring, [down.widest] rows of out_row bytes; columns first: one of row bytes */
    const void **rows; /* [down.widest]: those under the filter */
    int made;          /* rows of the box resized so far */
};

static const char *box_row(const struct resizer *r, int y)
{
    return r->origin + (size_t)y * r->in_row;
}

/* The pass along a row of the box. */
static void pass_row(const struct resizer *r, const char *in, void *out)
{
    const struct axis *a = &r->across;
    if (r->plain)
        memcpy(out, in, r->out_row);
    else if (r->src->pixel == SK_PIXEL_F32)
        row_f32(out, (const float *)(const void *)in, a, r->src->channels);
    else
        sk_kern_get()->resize.row(
            &(struct sk_resize_axis){a->n, a->stride / SK_RESIZE_GROUP, a->first, a->taps, a->parts},
            (const uint8_t *)in, (size_t)r->width, (size_t)r->src->channels, out);
}

/* The pass across the rows under the filter of row y of the result; each has so many bytes. */
static void pass_column(const struct resizer *r, int y, size_t bytes, void *out)
{
    size_t at = (size_t)y * (size_t)r->down.stride;
    int taps = r->down.taps[y];
    if (r->src->pixel == SK_PIXEL_F32)
        column_f32(out, r->rows, r->down.weight + at, taps, bytes / sizeof(float));
    else
        sk_kern_get()->resize.column((const uint8_t *const *)r->rows, r->down.parts + 2 * at, taps, bytes, out);
}

static void resize_rows_first(struct resizer *r, int y, void *out)
{
    int first = r->down.first[y], taps = r->down.taps[y], widest = r->down.widest;
    r->made = r->made < first ? first : r->made;
    for (; r->made < first + taps; r->made++)
        pass_row(r, box_row(r, r->made), r->held + (size_t)(r->made % widest) * r->out_row);
    for (int k = 0; k < taps; k++)
        r->rows[k] = r->held + (size_t)((first + k) % widest) * r->out_row;
    pass_column(r, y, r->out_row, out);
}

static void resize_columns_first(struct resizer *r, int y, void *out)
{
    for (int k = 0; k < r->down.taps[y]; k++)
        r->rows[k] = box_row(r, r->down.first[y] + k);
    pass_column(r, y, r->row, r->plain ? out : r->held);
    if (!r->plain)
        pass_row(r, r->held, out);
}

/* ---- the whole ---- */
struct sides { /* one direction of a resize */
    int out, begin, count;
    double start, length;
};

/* Makes the axis and says where the box begins in whole pixels and how many it has. */
static enum sk_code make_axis(struct axis *a, const struct sides *s, int *first, int *pixels,
                              const struct sk_resize *how, enum sk_pixel pixel, struct sk_err *err)
{
    *first = (int)floor(s->start);
    *pixels = (int)ceil(s->start + s->length) - *first;
    struct span span = {*pixels, s->out, s->begin, s->count, s->start - *first, s->length};
    return axis_init(a, &span, how->filter, pixel, err);
}

/* Pillow's order: the height shrinks, and by more than twice the pixels that the width does. */
static bool shrinks_down_most(int64_t height, int64_t width, const struct sk_resize *how)
{
    return height > how->height && height - how->height > 2 * (width - how->width);
}

static enum sk_code lay_out(struct resizer *r, const struct sk_resize *how, struct sk_err *err)
{
    const struct sk_window *want = &how->want;
    const struct sk_picture *src = r->src;
    struct sides wide = {how->width, want->left, want->width, how->box.left, how->box.width};
    struct sides high = {how->height, want->top, want->height, how->box.top, how->box.height};
    int left, top, rows;
    size_t step = (size_t)src->channels * sk_pixel_size(src->pixel);
    enum sk_code code = make_axis(&r->across, &wide, &left, &r->width, how, src->pixel, err);
    if (code != SK_OK || (code = make_axis(&r->down, &high, &top, &rows, how, src->pixel, err)) != SK_OK)
        return code;
    r->plain = how->width == r->width && how->box.width == r->width;
    r->flat = how->height == rows && how->box.height == rows;
    r->columns_first = r->plain || shrinks_down_most(rows, r->width, how);
    r->in_row = (size_t)src->width * step;
    r->out_row = (size_t)want->width * step;
    r->row = r->plain ? r->out_row : (size_t)r->width * step;
    left += r->plain ? want->left : 0;
    r->origin = (const char *)src->data + (size_t)top * r->in_row + (size_t)left * step;
    return SK_OK;
}

static enum sk_code hold(struct resizer *r, struct sk_err *err)
{
    if (r->flat)
        return SK_OK;
    r->held = sk_alloc(r->columns_first ? 1 : (size_t)r->down.widest, r->columns_first ? r->row : r->out_row, err);
    r->rows = r->held ? sk_alloc((size_t)r->down.widest, sizeof(*r->rows), err) : NULL;
    return r->rows ? SK_OK : SK_NOMEM;
}

enum sk_code sk_picture_resize_box(struct sk_picture *dst, const struct sk_picture *src, const struct sk_resize *how,
                                   struct sk_err *err)
{
    const struct sk_window *want = &how->want;
    struct resizer r = {.src = src};
    enum sk_code code = sk_picture_reserve(dst, want->height, want->width, src->channels, src->pixel, err);
    if (code == SK_OK)
        code = lay_out(&r, how, err);
    if (code == SK_OK)
        code = hold(&r, err);
    for (int y = 0; code == SK_OK && y < want->height; y++) {
        void *out = (char *)dst->data + (size_t)y * r.out_row;
        if (r.flat)
            pass_row(&r, box_row(&r, want->top + y), out);
        else if (r.columns_first)
            resize_columns_first(&r, y, out);
        else
            resize_rows_first(&r, y, out);
    }
    sk_free(r.held);
    sk_free(r.rows);
    axis_release(&r.across);
    axis_release(&r.down);
    return code;
}

enum sk_code sk_picture_resize(struct sk_picture *dst, const struct sk_picture *src, int height, int width,
                               struct sk_err *err)
{
    struct sk_resize how = {.height = height, .width = width, .want = {0, 0, height, width},
                            .box = {0, 0, src->height, src->width}};
    return sk_picture_resize_box(dst, src, &how, err);
}

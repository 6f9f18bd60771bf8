/* Folding of small pictures into wide ones: geometry and copies. */
#include "backend/cpu/onednn_fold.h"

#include <string.h>

enum {
    WIDTH = 160,       /* output columns aimed at: ten tiles of 16 rows */
    SMALL = 15,        /* pictures of at most so many output columns, kernels and strides are folded */
    MANY = 1 << 20,    /* no more pictures: their columns are counted in an int */
    COPY_BLOCK = 65536 /* bytes that one thread copies at a time */
};

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

void sk_fold_none(struct sk_fold *f, const struct sk_conv_shape *s)
{
    *f = (struct sk_fold){.how = SK_FOLD_NONE, .shape = *s, .wide = *s, .group = 1, .pitch_x = s->w, .pitch_y = s->q};
    /* What the last output row and column reach beyond the picture; less than nothing where they do not reach its end.
     */
    f->pad_bottom = max_int((s->p - 1) * s->stride + s->r - s->h - s->pad, 0);
    f->pad_right = max_int((s->q - 1) * s->stride + s->s - s->w - s->pad, 0);
}

/* The greatest divisor of pixels up to WIDTH that leaves a multiple of threads; 0: none worth having. */
static int row_width(int64_t pixels, int threads)
{
    for (int w = WIDTH; w >= WIDTH / 4; w--)
        if (pixels % ((int64_t)w * threads) == 0)
            return w;
    return 0;
}

/* Pixels as rows of a matrix, cut into rows such that nothing is left over. */
static bool make_pixels(struct sk_fold *f, const struct sk_conv_shape *s, int threads)
{
    int64_t pixels = (int64_t)s->n * s->p * s->q;
    int width = row_width(pixels, threads);
    if (width == 0)
        width = pixels <= WIDTH ? (int)pixels : row_width(pixels, 1);
    if (width == 0 || pixels / width > INT32_MAX)
        return false;
    f->how = SK_FOLD_PIXELS;
    f->wide = (struct sk_conv_shape){.n = (int)(pixels / width),
                                     .h = 1,
                                     .w = width,
                                     .c = s->c,
                                     .k = s->k,
                                     .r = 1,
                                     .s = 1,
                                     .p = 1,
                                     .q = width,
                                     .stride = 1};
    f->pad_bottom = f->pad_right = 0;
    f->x = s->stride > 1;
    return true;
}

static void make_wide(struct sk_fold *f, const struct sk_conv_shape *s, int threads)
{
    int gap = max_int(s->pad, (s->q - 1) * s->stride + s->s - s->w - s->pad);
    f->how = SK_FOLD_WIDE;
    f->pitch_y = max_int(ceil_div(s->w + gap, s->stride), s->q);
    f->pitch_x = f->pitch_y * s->stride;
    int rows = max_int(ceil_div(s->n * f->pitch_y, WIDTH), 1);
    if (s->n >= threads)
        rows = ceil_div(rows, threads) * threads;
    f->group = ceil_div(s->n, rows);
    f->wide.n = rows;
    f->wide.w = f->group * f->pitch_x;
    f->wide.q = f->group * f->pitch_y;
    f->pad_right = max_int(s->s - s->stride - s->pad, 0);
    f->x = f->y = true;
}

bool sk_fold_make(struct sk_fold *f, const struct sk_conv_shape *s, int threads)
{
    sk_fold_none(f, s);
    if (s->r == 1 && s->s == 1 && s->pad == 0)
        return make_pixels(f, s, threads);
    if (s->q > SMALL || s->r > SMALL || s->s > SMALL || s->stride > SMALL || s->n < 2 || s->n > MANY)
        return false;
    make_wide(f, s, threads);
    return f->wide.q <= 2 * f->group * s->q && f->wide.w <= 2 * f->group * s->w;
}

size_t sk_fold_x_count(const struct sk_fold *f)
{
    return (size_t)f->wide.n * (size_t)f->wide.h * (size_t)f->wide.w * (size_t)f->wide.c;
}

size_t sk_fold_y_count(const struct sk_fold *f)
{
    return (size_t)f->wide.n * (size_t)f->wide.p * (size_t)f->wide.q * (size_t)f->wide.k;
}

/* One tensor of a wide fold: pictures of rows x cols pixels. */
struct strip {
    int n, slots, rows, cols, group, pitch; /* slots: places for pictures; those beyond n stay zero */
    size_t pixel;                           /* bytes */
};

static struct strip strip_x(const struct sk_fold *f, size_t size)
{
    const struct sk_conv_shape *s = &f->shape;
    return (struct strip){s->n, f->wide.n * f->group, s->h, s->w, f->group, f->pitch_x, (size_t)s->c * size};
}

static struct strip strip_y(const struct sk_fold *f, size_t size)
{
    const struct sk_conv_shape *s = &f->shape;
    return (struct strip){s->n, f->wide.n * f->group, s->p, s->q, f->group, f->pitch_y, (size_t)s->k * size};
}

/* Where row r of picture i lies in the folded tensor. */
static size_t folded_at(const struct strip *t, int i, int r)
{
    size_t row = (size_t)(i / t->group) * (size_t)t->rows + (size_t)r;
    return (row * (size_t)t->group + (size_t)(i % t->group)) * (size_t)t->pitch * t->pixel;
}

static size_t plain_at(const struct strip *t, int i, int r)
{
    return ((size_t)i * (size_t)t->rows + (size_t)r) * (size_t)t->cols * t->pixel;
}

static void fold(struct strip t, const char *from, char *to)
{
    size_t used = (size_t)t.cols * t.pixel, all = (size_t)t.pitch * t.pixel;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < t.slots; i++)
        for (int r = 0; r < t.rows; r++) {
            char *row = to + folded_at(&t, i, r);
            size_t len = i < t.n ? used : 0;
            if (len > 0)
                memcpy(row, from + plain_at(&t, i, r), len);
            memset(row + len, 0, all - len);
        }
}

static void unfold(struct strip t, const char *from, char *to)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < t.n; i++)
        for (int r = 0; r < t.rows; r++)
            memcpy(to + plain_at(&t, i, r), from + folded_at(&t, i, r), (size_t)t.cols * t.pixel);
}

/* Every stride-th pixel of x, in both directions. */
static void gather(const struct sk_conv_shape *s, size_t pixel, const char *x, char *to)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < s->n; i++)
        for (int p = 0; p < s->p; p++) {
            const char *row = x + ((size_t)i * (size_t)s->h + (size_t)(p * s->stride)) * (size_t)s->w * pixel;
            char *out = to + ((size_t)i * (size_t)s->p + (size_t)p) * (size_t)s->q * pixel;
            for (int q = 0; q < s->q; q++)
                memcpy(out + (size_t)q * pixel, row + (size_t)(q * s->stride) * pixel, pixel);
        }
}

static void scatter_row(const struct sk_conv_shape *s, size_t pixel, const char *from, char *row)
{
    for (int w = 0; w < s->w; w++) {
        bool hit = from != NULL && w % s->stride == 0 && w / s->stride < s->q;
        if (hit)
            memcpy(row + (size_t)w * pixel, from + (size_t)(w / s->stride) * pixel, pixel);
        else
            memset(row + (size_t)w * pixel, 0, pixel);
    }
}

static void scatter(const struct sk_conv_shape *s, size_t pixel, const char *from, char *x)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < s->n; i++)
        for (int h = 0; h < s->h; h++) {
            bool hit = h % s->stride == 0 && h / s->stride < s->p;
            size_t at = ((size_t)i * (size_t)s->p + (size_t)(h / s->stride)) * (size_t)s->q * pixel;
            scatter_row(s, pixel, hit ? from + at : NULL,
                        x + ((size_t)i * (size_t)s->h + (size_t)h) * (size_t)s->w * pixel);
        }
}

void sk_fold_x(const struct sk_fold *f, size_t size, const void *x, void *wide)
{
    if (f->how == SK_FOLD_PIXELS)
        gather(&f->shape, (size_t)f->shape.c * size, x, wide);
    else
        fold(strip_x(f, size), x, wide);
}

void sk_fold_y(const struct sk_fold *f, size_t size, const void *y, void *wide)
{
    fold(strip_y(f, size), y, wide);
}

void sk_unfold_x(const struct sk_fold *f, size_t size, const void *wide, void *x)
{
    if (f->how == SK_FOLD_PIXELS)
        scatter(&f->shape, (size_t)f->shape.c * size, wide, x);
    else
        unfold(strip_x(f, size), wide, x);
}

void sk_unfold_y(const struct sk_fold *f, size_t size, const void *wide, void *y)
{
    unfold(strip_y(f, size), wide, y);
}

void sk_fold_add(float *sum, const float *further, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        sum[i] += further[i];
}

void sk_fold_flip(float *to, const float *from, size_t count, size_t len)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < len; j++)
            to[i * len + j] = from[i * len + len - 1 - j];
}

void sk_fold_copy(void *to, const void *from, size_t bytes)
{
    size_t blocks = (bytes + COPY_BLOCK - 1) / COPY_BLOCK;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++) {
        size_t at = b * COPY_BLOCK, left = bytes - at;
        memcpy((char *)to + at, (const char *)from + at, left < COPY_BLOCK ? left : COPY_BLOCK);
    }
}

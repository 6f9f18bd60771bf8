/* Rotations and affine maps: each output pixel shows the input at a mapped place, by the nearest pixel or between four,
 * with the definitions of torchvision and the arithmetic of Pillow's Image.transform. */
#include "data/steps.h"

#include <math.h>
#include <string.h>

/* ---- nearest ---- */
enum { FIXED_BITS = 16, FIXED_MAX = 32768 };

struct map {
    const struct sk_picture *src;
    struct sk_picture *dst;
    const double *m;
    size_t step; /* bytes of a pixel */
};

static void copy_pixel(const struct map *a, int to_y, int to_x, int y, int x)
{
    size_t width = (size_t)a->src->width;
    if (x >= 0 && x < a->src->width && y >= 0 && y < a->src->height)
        memcpy((char *)a->dst->data + ((size_t)to_y * width + (size_t)to_x) * a->step,
               (const char *)a->src->data + ((size_t)y * width + (size_t)x) * a->step, a->step);
}

/* A place in whole pixels; anything outside of what an int holds is outside of the picture. */
static int whole(double place)
{
    return place < 0.0 || place >= INT32_MAX ? -1 : (int)place;
}

/* Without rotation and shear: places add up along a row and down the rows. */
static void scaled(const struct map *a)
{
    const double *m = a->m;
    double y = m[5] + m[4] * 0.5;
    for (int i = 0; i < a->dst->height; i++, y += m[4]) {
        double x = m[2] + m[0] * 0.5;
        for (int j = 0; j < a->dst->width; j++, x += m[0])
            copy_pixel(a, i, j, whole(y), whole(x));
    }
}

static int64_t fixed(double v)
{
    return (int64_t)floor(v * (1 << FIXED_BITS) + 0.5);
}

static void fixed_point(const struct map *a)
{
    const double *m = a->m;
    int64_t x0 = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), y0 = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    int64_t x_across = fixed(m[0]), x_down = fixed(m[1]), y_across = fixed(m[3]), y_down = fixed(m[4]);
    for (int i = 0; i < a->dst->height; i++, x0 += x_down, y0 += y_down) {
        int64_t x = x0, y = y0;
        for (int j = 0; j < a->dst->width; j++, x += x_across, y += y_across)
            copy_pixel(a, i, j, (int)(y >> FIXED_BITS), (int)(x >> FIXED_BITS));
    }
}

static void floating(const struct map *a)
{
    const double *m = a->m;
    double x0 = m[2] + m[1] * 0.5 + m[0] * 0.5, y0 = m[5] + m[4] * 0.5 + m[3] * 0.5;
    for (int i = 0; i < a->dst->height; i++, x0 += m[1], y0 += m[4]) {
        double x = x0, y = y0;
        for (int j = 0; j < a->dst->width; j++, x += m[0], y += m[3])
            copy_pixel(a, i, j, whole(y), whole(x));
    }
}

/* Whether the corners of the output show places that 16 bits hold. */
static bool is_small(const struct map *a)
{
    const double *m = a->m;
    bool small = true;
    for (int corner = 0; corner < 4; corner++) {
        double x = corner & 1 ? a->dst->width : 0, y = corner & 2 ? a->dst->height : 0;
        small = small && fabs(x * m[0] + y * m[1] + m[2]) < FIXED_MAX && fabs(x * m[3] + y * m[4] + m[5]) < FIXED_MAX;
    }
    return small;
}

/* ---- between four pixels ---- */
static double element(const struct map *a, int y, int x, int c)
{
    const struct sk_picture *p = a->src;
    y = y < 0 ? 0 : y < p->height ? y : p->height - 1;
    x = x < 0 ? 0 : x < p->width ? x : p->width - 1;
    size_t at = ((size_t)y * (size_t)p->width + (size_t)x) * (size_t)p->channels + (size_t)c;
    return p->pixel == SK_PIXEL_F32 ? (double)((const float *)p->data)[at] : (double)((const uint8_t *)p->data)[at];
}

static void linear_pixel(const struct map *a, size_t to, double y, double x)
{
    if (!(x >= 0.0 && x < a->src->width && y >= 0.0 && y < a->src->height))
        return;
    int left = (int)floor(x - 0.5), top = (int)floor(y - 0.5);
    double dx = x - 0.5 - left, dy = y - 0.5 - top;
    for (int c = 0; c < a->src->channels; c++) {
        double p = element(a, top, left, c), q = element(a, top + 1, left, c);
        p += (element(a, top, left + 1, c) - p) * dx;
        q += (element(a, top + 1, left + 1, c) - q) * dx;
        p += (q - p) * dy;
        if (a->src->pixel == SK_PIXEL_F32)
            ((float *)a->dst->data)[to + (size_t)c] = (float)p;
        else
            ((uint8_t *)a->dst->data)[to + (size_t)c] = (uint8_t)p;
    }
}

static void linear(const struct map *a)
{
    const double *m = a->m;
    size_t to = 0;
    for (int i = 0; i < a->dst->height; i++)
        for (int j = 0; j < a->dst->width; j++, to += (size_t)a->dst->channels)
            linear_pixel(a, to, m[3] * (j + 0.5) + m[4] * (i + 0.5) + m[5], m[0] * (j + 0.5) + m[1] * (i + 0.5) + m[2]);
}

enum sk_code sk_transform(struct sk_picture *dst, const struct sk_picture *src, const double m[6],
                          enum sk_sampling sampling, struct sk_err *err)
{
    struct map a = {src, dst, m, (size_t)src->channels * sk_pixel_size(src->pixel)};
    enum sk_code code = sk_picture_reserve(dst, src->height, src->width, src->channels, src->pixel, err);
    if (code != SK_OK)
        return code;
    memset(dst->data, 0, sk_picture_bytes(dst));
    if (sampling == SK_LINEAR)
        linear(&a);
    else if (m[1] == 0 && m[3] == 0)
        scaled(&a);
    else if (is_small(&a))
        fixed_point(&a);
    else
        floating(&a);
    return SK_OK;
}

/* ---- maps ---- */
static double radians(double degrees)
{
    return degrees * (3.14159265358979323846 / 180.0);
}

/* To 15 decimals, so that quarter turns are exact; the remainder of the product tells where rounding it went wrong. */
static double round_15(double v)
{
    double whole_part = rint(v * 1e15), rest = fma(v, 1e15, -whole_part);
    whole_part += rest > 0.5 ? 1.0 : rest < -0.5 ? -1.0 : 0.0;
    return whole_part / 1e15;
}

void sk_rotation_map(double m[6], double degrees, int height, int width)
{
    double turn = fmod(degrees, 360.0), x = width / 2.0, y = height / 2.0;
    turn = -radians(turn < 0 ? turn + 360.0 : turn);
    m[0] = m[4] = round_15(cos(turn));
    m[1] = round_15(sin(turn));
    m[3] = round_15(-sin(turn));
    m[2] = m[0] * -x + m[1] * -y + 0.0 + x;
    m[5] = m[3] * -x + m[4] * -y + 0.0 + y;
}

void sk_affine_map(double m[6], const struct sk_affine *f)
{
    double turn = radians(f->angle), sx = radians(f->shear[0]), sy = radians(f->shear[1]);
    double a = cos(turn - sy) / cos(sy), b = -cos(turn - sy) * tan(sx) / cos(sy) - sin(turn);
    double c = sin(turn - sy) / cos(sy), d = -sin(turn - sy) * tan(sx) / cos(sy) + cos(turn);
    double x = -f->centre[0] - f->shift[0], y = -f->centre[1] - f->shift[1];
    m[0] = d / f->scale;
    m[1] = -b / f->scale;
    m[3] = -c / f->scale;
    m[4] = a / f->scale;
    m[2] = m[0] * x + m[1] * y + f->centre[0];
    m[5] = m[3] * x + m[4] * y + f->centre[1];
}

static enum sk_code transform_in_place(struct sk_picture *p, struct sk_picture *scratch, const double m[6],
                                       enum sk_sampling sampling, struct sk_err *err)
{
    enum sk_code code = sk_transform(scratch, p, m, sampling, err);
    if (code == SK_OK)
        sk_picture_swap(p, scratch);
    return code;
}

/* ---- rotation: torchvision's RandomRotation ---- */
static enum sk_code rotation_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                  struct sk_rng *rng, struct sk_err *err)
{
    (void)height;
    (void)width;
    (void)err;
    d->angle = sk_uniform(rng, s->degrees.low, s->degrees.high);
    return SK_OK;
}

static enum sk_code rotation_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                   const struct sk_drawn *d, struct sk_err *err)
{
    double m[6];
    sk_rotation_map(m, d->angle, p->height, p->width);
    return transform_in_place(p, scratch, m, s->sampling, err);
}

const struct sk_step_row sk_step_rotation = {rotation_draw, rotation_apply};

/* ---- affine: torchvision's RandomAffine ---- */
static enum sk_code affine_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                struct sk_rng *rng, struct sk_err *err)
{
    struct sk_affine *a = &d->affine;
    (void)err;
    a->angle = sk_uniform(rng, s->degrees.low, s->degrees.high);
    for (int i = 0; i < 2; i++) {
        double most = s->translate[i] * (i == 0 ? width : height);
        a->shift[i] = rint(sk_uniform(rng, -most, most));
    }
    a->scale = sk_uniform(rng, s->scale.low, s->scale.high);
    a->shear[0] = sk_uniform(rng, s->shear.low, s->shear.high);
    a->shear[1] = sk_uniform(rng, s->shear_y.low, s->shear_y.high);
    a->centre[0] = width * 0.5;
    a->centre[1] = height * 0.5;
    return SK_OK;
}

static enum sk_code affine_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                 const struct sk_drawn *d, struct sk_err *err)
{
    double m[6];
    sk_affine_map(m, &d->affine);
    return transform_in_place(p, scratch, m, s->sampling, err);
}

const struct sk_step_row sk_step_affine = {affine_draw, affine_apply};

/* Convolution by definition. */
#include "kern/conv_def.h"

#include <math.h>

struct sk_conv_shape conv_shape(int n, int h, int w, int c, int k, int r, int stride, int pad)
{
    return (struct sk_conv_shape){.n = n,
                                  .h = h,
                                  .w = w,
                                  .c = c,
                                  .k = k,
                                  .r = r,
                                  .s = r,
                                  .p = (h + 2 * pad - r) / stride + 1,
                                  .q = (w + 2 * pad - r) / stride + 1,
                                  .stride = stride,
                                  .pad = pad};
}

size_t conv_count_x(const struct sk_conv_shape *s)
{
    return (size_t)s->n * (size_t)s->h * (size_t)s->w * (size_t)s->c;
}

size_t conv_count_w(const struct sk_conv_shape *s)
{
    return (size_t)s->k * (size_t)s->c * (size_t)s->r * (size_t)s->s;
}

size_t conv_count_y(const struct sk_conv_shape *s)
{
    return (size_t)s->n * (size_t)s->p * (size_t)s->q * (size_t)s->k;
}

struct conv_index conv_index(size_t i, int nb, int nc, int nd)
{
    size_t b = (size_t)nb, c = (size_t)nc, d = (size_t)nd;
    return (struct conv_index){(int)(i / d / c / b), (int)(i / d / c % b), (int)(i / d % c), (int)(i % d)};
}

static void add_product(struct conv_sum *sum, double a, double b)
{
    sum->value += a * b;
    sum->absolute += fabs(a * b);
    sum->terms++;
}

static struct conv_sum forward_at(const struct sk_conv_shape *s, const struct conv_data *d, size_t i)
{
    struct conv_sum sum = {0};
    struct conv_index y = conv_index(i, s->p, s->q, s->k);
    for (int r = 0; r < s->r; r++)
        for (int t = 0; t < s->s; t++) {
            int h = y.b * s->stride - s->pad + r, w = y.c * s->stride - s->pad + t;
            if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                continue;
            for (int c = 0; c < s->c; c++)
                add_product(&sum, d->x[conv_at(y.a, h, s->h, w, s->w, c, s->c)],
                            d->w[conv_at(y.d, c, s->c, r, s->r, t, s->s)]);
        }
    return sum;
}

static struct conv_sum grad_data_at(const struct sk_conv_shape *s, const struct conv_data *d, size_t i)
{
    struct conv_sum sum = {0};
    struct conv_index x = conv_index(i, s->h, s->w, s->c);
    for (int r = 0; r < s->r; r++)
        for (int t = 0; t < s->s; t++) {
            int h = x.b + s->pad - r, w = x.c + s->pad - t;
            if (h < 0 || h % s->stride || h / s->stride >= s->p || w < 0 || w % s->stride || w / s->stride >= s->q)
                continue;
            for (int k = 0; k < s->k; k++)
                add_product(&sum, d->y[conv_at(x.a, h / s->stride, s->p, w / s->stride, s->q, k, s->k)],
                            d->w[conv_at(k, x.d, s->c, r, s->r, t, s->s)]);
        }
    return sum;
}

static struct conv_sum grad_weight_at(const struct sk_conv_shape *s, const struct conv_data *d, size_t i)
{
    struct conv_sum sum = {0};
    struct conv_index g = conv_index(i, s->c, s->r, s->s);
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < s->p; p++)
            for (int q = 0; q < s->q; q++) {
                int h = p * s->stride - s->pad + g.c, w = q * s->stride - s->pad + g.d;
                if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                    continue;
                add_product(&sum, d->y[conv_at(n, p, s->p, q, s->q, g.a, s->k)],
                            d->x[conv_at(n, h, s->h, w, s->w, g.b, s->c)]);
            }
    return sum;
}

struct conv_sum conv_define(enum conv_pass pass, const struct sk_conv_shape *s, const struct conv_data *d, size_t i)
{
    static struct conv_sum (*const by_pass[])(const struct sk_conv_shape *, const struct conv_data *,
                                              size_t) = {forward_at, grad_data_at, grad_weight_at};
    return by_pass[pass](s, d, i);
}

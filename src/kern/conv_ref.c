/* Convolution by definition, in double: the judge of all others, and the fallback where there is no oneDNN for an op.
 *
 * All three directions are sums of products between a short vector of double and LANES columns packed next to each
 * other, so one inner loop serves them; what is packed is used for TILE results. */
#include "kern/levels.h"
#include "kern/scalar.h"

#include <string.h>

enum { LANES = 8, TILE = 32, DEPTH = 64 };

static size_t at_most(size_t n, size_t bound)
{
    return n < bound ? n : bound;
}

/* acc[lane] += sum over i of x[i] * b[i][lane] */
static void multiply_add(double acc[LANES], const double *x, const double (*b)[LANES], size_t n)
{
    double sum[LANES];
    memcpy(sum, acc, sizeof sum);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < LANES; j++)
            sum[j] += x[i] * b[i][j];
    memcpy(acc, sum, sizeof sum);
}

SK_INLINE void load(double *to, const void *from, size_t first, size_t n, enum sk_ktype t)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (double)sk_get(from, first + i, t);
}

/* b[i][j] = w at i * step_i + j * step_j, zero for lanes >= lanes. */
static void pack_weights(double (*b)[LANES], const float *w, size_t n, size_t step_i, size_t lanes, size_t step_j)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < LANES; j++)
            b[i][j] = j < lanes ? (double)w[i * step_i + j * step_j] : 0.0;
}

/* Row of x, as an index into [n][h][w], that output position i (of p * q) of image n reads at (kh, kw); false in the
 * padding. */
static bool source(const struct sk_conv_shape *s, int n, size_t i, int kh, int kw, size_t *row)
{
    int h = (int)(i / (size_t)s->q) * s->stride - s->pad + kh, w = (int)(i % (size_t)s->q) * s->stride - s->pad + kw;
    if (h < 0 || h >= s->h || w < 0 || w >= s->w)
        return false;
    *row = ((size_t)n * (size_t)s->h + (size_t)h) * (size_t)s->w + (size_t)w;
    return true;
}

/* Row of y, as an index into [n][p][q], that reads input position i (of h * w) of image n at (kh, kw); false where none
 * does. */
static bool reader(const struct sk_conv_shape *s, int n, size_t i, int kh, int kw, size_t *row)
{
    int h = (int)(i / (size_t)s->w) + s->pad - kh, w = (int)(i % (size_t)s->w) + s->pad - kw;
    if (h < 0 || w < 0 || h % s->stride || w % s->stride || h / s->stride >= s->p || w / s->stride >= s->q)
        return false;
    *row = ((size_t)n * (size_t)s->p + (size_t)(h / s->stride)) * (size_t)s->q + (size_t)(w / s->stride);
    return true;
}

struct epilogue {
    const float *bias;
    const void *residual;
    bool relu;
};

SK_INLINE void store(const double (*acc)[LANES], size_t count, size_t first, size_t width, size_t lane0, size_t lanes,
                     const struct epilogue *e, void *y, enum sk_ktype t)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < lanes; j++) {
            size_t at = (first + i) * width + lane0 + j;
            double v = acc[i][j];
            if (e->bias)
                v += (double)e->bias[lane0 + j];
            if (e->residual)
                v += (double)sk_get(e->residual, at, t);
            sk_put(y, at, t, e->relu ? sk_relu1((float)v) : (float)v);
        }
}

/* Channels of a group, of x and of y; w of a group begins at g * k * c * r * s. */
struct group {
    size_t count, c, k;
};
static struct group groups_of(const struct sk_conv_shape *s)
{
    size_t n = s->groups > 1 ? (size_t)s->groups : 1;
    return (struct group){n, (size_t)s->c / n, (size_t)s->k / n};
}

/* One tile of positions times LANES channels of group g of the result; forward: x to y, else dy to dx. */
SK_INLINE void tile(const struct sk_conv_shape *s, bool forward, const void *x, const float *w, int n, size_t g,
                    size_t first, size_t count, size_t lane0, size_t lanes, double (*acc)[LANES], enum sk_ktype t)
{
    struct group of = groups_of(s);
    size_t c = of.c, area = (size_t)s->r * (size_t)s->s, depth = forward ? c : of.k, width = depth * of.count;
    size_t step_i = forward ? area : c * area, step_j = forward ? c * area : area;
    w += g * of.k * c * area;
    double b[DEPTH][LANES], in[DEPTH];
    memset(acc, 0, TILE * sizeof *acc);
    for (size_t d0 = 0; d0 < depth; d0 += DEPTH)
        for (size_t rs = 0; rs < area; rs++) {
            size_t n_depth = at_most(depth - d0, DEPTH), row;
            int kh = (int)rs / s->s, kw = (int)rs % s->s;
            pack_weights(b, w + d0 * step_i + lane0 * step_j + rs, n_depth, step_i, lanes, step_j);
            for (size_t i = 0; i < count; i++) {
                if (!(forward ? source(s, n, first + i, kh, kw, &row) : reader(s, n, first + i, kh, kw, &row)))
                    continue;
                load(in, x, row * width + g * depth + d0, n_depth, t);
                multiply_add(acc[i], in, b, n_depth);
            }
        }
}

SK_INLINE void image(const struct sk_conv_shape *s, bool forward, const void *x, const float *w,
                     const struct epilogue *e, void *y, int n, enum sk_ktype t)
{
    size_t positions = forward ? (size_t)s->p * (size_t)s->q : (size_t)s->h * (size_t)s->w;
    struct group of = groups_of(s);
    size_t width = (size_t)(forward ? s->k : s->c), own = forward ? of.k : of.c, lanes;
    double acc[TILE][LANES];
    for (size_t i = 0; i < positions; i += TILE)
        for (size_t j = 0; j < width; j += lanes) { /* no further than to the end of a group */
            size_t count = at_most(positions - i, TILE), g = j / own;
            lanes = at_most(own - j % own, LANES);
            tile(s, forward, x, w, n, g, i, count, j % own, lanes, acc, t);
            store(acc, count, (size_t)n * positions + i, width, j, lanes, e, y, t);
        }
}

/* dy of up to DEPTH output positions of image n for LANES channels, and the row of x each reads at (kh, kw); zeros in
 * the padding. */
SK_INLINE void pack_dy(const struct sk_conv_shape *s, const void *dy, int n, size_t first, size_t count, size_t k0,
                       size_t lanes, const size_t *row, double (*b)[LANES], enum sk_ktype t)
{
    size_t k = (size_t)s->k, base = (size_t)n * (size_t)s->p * (size_t)s->q + first;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < LANES; j++)
            b[i][j] = row[i] != SIZE_MAX && j < lanes ? (double)sk_get(dy, (base + i) * k + k0 + j, t) : 0.0;
}

/* Sums over all images and positions for one (kh, kw), LANES output and up to TILE input channels (c0: of all). */
SK_INLINE void weight_tile(const struct sk_conv_shape *s, const void *dy, const void *x, size_t rs, size_t k0,
                           size_t lanes, size_t c0, size_t channels, double (*acc)[LANES], enum sk_ktype t)
{
    size_t positions = (size_t)s->p * (size_t)s->q, row[DEPTH];
    double b[DEPTH][LANES], column[DEPTH];
    memset(acc, 0, TILE * sizeof *acc);
    for (int n = 0; n < s->n; n++)
        for (size_t first = 0; first < positions; first += DEPTH) {
            size_t count = at_most(positions - first, DEPTH);
            for (size_t i = 0; i < count; i++)
                if (!source(s, n, first + i, (int)rs / s->s, (int)rs % s->s, &row[i]))
                    row[i] = SIZE_MAX;
            pack_dy(s, dy, n, first, count, k0, lanes, row, b, t);
            for (size_t j = 0; j < channels; j++) {
                for (size_t i = 0; i < count; i++)
                    column[i] = row[i] == SIZE_MAX ? 0.0 : (double)sk_get(x, row[i] * (size_t)s->c + c0 + j, t);
                multiply_add(acc[j], column, b, count);
            }
        }
}

SK_INLINE void grad_weight(const struct sk_conv_shape *s, const void *dy, const void *x, float *dw, int k0, int k1,
                           enum sk_ktype t)
{
    struct group of = groups_of(s);
    size_t c = of.c, area = (size_t)s->r * (size_t)s->s, lanes;
    double acc[TILE][LANES];
    for (size_t k = (size_t)k0; k < (size_t)k1; k += lanes) {
        lanes = at_most(at_most((size_t)k1 - k, LANES), of.k - k % of.k);
        for (size_t c0 = 0; c0 < c; c0 += TILE)
            for (size_t rs = 0; rs < area; rs++) {
                size_t channels = at_most(c - c0, TILE);
                weight_tile(s, dy, x, rs, k, lanes, k / of.k * c + c0, channels, acc, t);
                for (size_t i = 0; i < channels; i++)
                    for (size_t j = 0; j < lanes; j++)
                        dw[((k + j) * c + c0 + i) * area + rs] = (float)acc[i][j];
            }
    }
}

SK_INLINE void forward(const struct sk_conv_shape *s, const void *x, const float *w, const float *bias,
                       const void *residual, bool relu, void *y, int n0, int n1, enum sk_ktype t)
{
    const struct epilogue e = {bias, residual, relu};
    for (int n = n0; n < n1; n++)
        image(s, true, x, w, &e, y, n, t);
}

SK_INLINE void grad_data(const struct sk_conv_shape *s, const void *dy, const float *w, void *dx, int n0, int n1,
                         enum sk_ktype t)
{
    const struct epilogue e = {0};
    for (int n = n0; n < n1; n++)
        image(s, false, dy, w, &e, dx, n, t);
}

static void forward_f32(const struct sk_conv_shape *s, const void *x, const float *w, const float *bias,
                        const void *residual, bool relu, void *y, int n0, int n1)
{
    forward(s, x, w, bias, residual, relu, y, n0, n1, SK_K_F32);
}

static void forward_bf16(const struct sk_conv_shape *s, const void *x, const float *w, const float *bias,
                         const void *residual, bool relu, void *y, int n0, int n1)
{
    forward(s, x, w, bias, residual, relu, y, n0, n1, SK_K_BF16);
}

static void grad_data_f32(const struct sk_conv_shape *s, const void *dy, const float *w, void *dx, int n0, int n1)
{
    grad_data(s, dy, w, dx, n0, n1, SK_K_F32);
}

static void grad_data_bf16(const struct sk_conv_shape *s, const void *dy, const float *w, void *dx, int n0, int n1)
{
    grad_data(s, dy, w, dx, n0, n1, SK_K_BF16);
}

static void grad_weight_f32(const struct sk_conv_shape *s, const void *dy, const void *x, float *dw, int k0, int k1)
{
    grad_weight(s, dy, x, dw, k0, k1, SK_K_F32);
}

static void grad_weight_bf16(const struct sk_conv_shape *s, const void *dy, const void *x, float *dw, int k0, int k1)
{
    grad_weight(s, dy, x, dw, k0, k1, SK_K_BF16);
}

void sk_conv_ref(struct sk_kern_conv k[SK_K_TYPES])
{
    k[SK_K_F32] = (struct sk_kern_conv){forward_f32, grad_data_f32, grad_weight_f32};
    k[SK_K_BF16] = (struct sk_kern_conv){forward_bf16, grad_data_bf16, grad_weight_bf16};
}

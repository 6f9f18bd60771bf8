/* Winograd convolution: 3x3, stride 1 or 2, as products of transformed tiles (A. Lavin, S. Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2015). Part of kern.h; includes nothing of skua.
 *
 * F(m x m, 3x3) makes m x m outputs from a window of (m+2) x (m+2) inputs: Y = A^T [ (G g G^T) . (B^T d B) ] A. With
 * the sums over channels this is one matrix product for each of the (m+2)^2 points: V[point][tile][channel] times
 * U[point][channel][output channel]. The gradient of the data is the same convolution of dy with the weights turned
 * around; the gradient of the weights is G^T [ sum over tiles of (B^T d B) . (A dY A^T) ] G.
 *
 * Points of F(2x2): 0, 1, -1, infinity; of F(4x4): 0, 2/3, -2/3, 3/2, -3/2, infinity (errors less than half of those
 * with 1 and 2: B. Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution", 2020).
 *
 * Stride 2 by phases: along each axis the outer weights see every other pixel and make a convolution of two weights and
 * stride 1, F(2,2) at the points 0, 1, infinity; the middle weight sees the pixels between. 25 products make 2x2
 * outputs that take 36 directly. T2 is the same turned around, for the gradient of the data.
 *
 * Serial functions over ranges of tiles, points or channels; the caller splits work over threads and owns all memory
 * (64-byte aligned). kern: the struct that the function is of. */
#ifndef SKUA_KERN_WINO_H
#define SKUA_KERN_WINO_H

#include <stdbool.h>
#include <stddef.h>

enum sk_ktype { SK_K_F32, SK_K_BF16, SK_K_TYPES };

enum sk_wino_alg {
    SK_WINO_F2, /* F(2x2, 3x3) */
    SK_WINO_F4, /* F(4x4, 3x3) */
    SK_WINO_S2, /* stride 2, 2x2 outputs */
    SK_WINO_T2, /* the gradient of the data of stride 2, 4x4 outputs */
    SK_WINO_ALGS
};
/* Reads x [n][h][w][c], writes y [n][p][q][k]. Stride 1: p = h + 2 pad - 2, pad 0 to 2; for the gradient of the data x
 * is dy, y is dx and pad is 2 - that of the forward pass. Stride 2: pad is 1, p = (h - 1) / 2 + 1; for T2, where x is
 * dy and y is dx, h = (p - 1) / 2 + 1. */
struct sk_wino_shape {
    int n, h, w, c, k, p, q, pad;
};
/* What the windows are taken from: x, or relu(scale * x + shift) by channel where scale is given (a batch norm and its
 * ReLU applied on load); zero outside in either case. */
struct sk_wino_source {
    const void *x;
    const float *scale, *shift;
};
/* What is done with an output value v before and after it is stored. */
enum sk_wino_finish {
    SK_WINO_STORE, /* y = relu?(v + bias + residual) */
    SK_WINO_STATS, /* y = v; sum += y - center, square += (y - center)^2; center[k] is set from the first tile */
    SK_WINO_GRAD   /* g = v + residual, 0 where masked; y = g; sum += g, dot += g * (x - mean).
                    * Masked: mask_y <= 0, or without mask_y scale * x + shift <= 0. */
};
struct sk_wino_sink {
    enum sk_wino_finish finish;
    void *y;
    const void *residual; /* like y, may be y; or NULL */
    const float *bias;    /* [k] or NULL */
    bool relu;
    float *center, *sum, *square;      /* [k]: of the tiles of one call; square is dot for SK_WINO_GRAD */
    const void *x, *mask_y;            /* like y */
    const float *scale, *shift, *mean; /* [k] */
};
/* One algorithm for one type of activations: points 0 where the level has none. c and k are padded to multiples of
 * SK_WINO_ALIGN in U, V and M (sk_wino_pad); what is padded in U and V is zero.
 *
 * U of the k-block that begins at output channel k0: [point][channel][width], for bf16 [point][channel / 2][width][2];
 *    width = sk_wino_width.
 * V: [point][row][pad(c)], points `plane` elements apart. For gradients of the weights in bf16 rows go in pairs:
 *    [point][row / 2][pad(c)][2], a missing second row zero.
 * M: [point][row][width] float32, points `plane` elements apart.
 * dU of a k-block: [point][pad(c)][width] float32. */
enum { SK_WINO_ALIGN = 16, SK_WINO_POINTS = 36 };
struct sk_kern_wino {
    enum sk_wino_alg alg;
    int m, points, block;       /* outputs of a tile: m x m; points, both axes; output channels of a k-block */
    enum sk_ktype outer, inner; /* type of activations; type of U and V: sums are float32 in any case */
    /* Weights [k][c][3][3] float32 (flip: [c][k][3][3], each turned around) of channels c0 <= c < c1 (multiples of 2,
     * or pad(c)) into u, the k-block at k0. */
    void (*filter)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *w, bool flip, int k0,
                   int c0, int c1, void *u);
    /* Tiles tile to tile + count into rows 0 to count. */
    void (*input)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_source *x,
                  size_t tile, size_t count, void *v, size_t plane);
    /* M = V times u, the k-block at k0, for rows rows and all points. */
    void (*product)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *u, int k0,
                    const void *v, size_t plane, size_t rows, float *m, size_t m_plane);
    void (*output)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_sink *y,
                   size_t tile, size_t count, int k0, const float *m, size_t m_plane);
    /* ---- gradient of the weights (not T2's); s is the shape of the forward pass ---- */
    void (*grad_input)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_source *x,
                       size_t tile, size_t count, void *v, size_t plane);
    /* The same for dy [n][p][q][k]. */
    void (*grad_output)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *dy, size_t tile,
                        size_t count, void *d, size_t plane);
    /* du[pad(c)][width] (+)= V^T D of one point over rows tiles, for the k-block at k0; first: overwrites. */
    void (*grad_product)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *v, const void *d,
                         size_t rows, int k0, bool first, float *du);
    /* dw [k][c][3][3] of input channels c0 <= c < c1 and the k-block at k0 from its dU. */
    void (*grad_filter)(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *du, int k0, int c0,
                        int c1, float *dw);
};
enum sk_wino_type {
    SK_WINO_F32,
    SK_WINO_MIXED, /* bf16 activations, float32 inside */
    SK_WINO_BF16,  /* bf16 activations, products of bf16 */
    SK_WINO_TYPES
};

static inline size_t sk_wino_pad(int channels)
{
    return ((size_t)channels + SK_WINO_ALIGN - 1) / SK_WINO_ALIGN * SK_WINO_ALIGN;
}
/* Channels of the k-block at k0. */
static inline size_t sk_wino_width(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, int k0)
{
    size_t left = sk_wino_pad(s->k) - (size_t)k0;
    return left < (size_t)kern->block ? left : (size_t)kern->block;
}
static inline size_t sk_wino_tiles(const struct sk_wino_shape *s, int m)
{
    return (size_t)s->n * (size_t)((s->p + m - 1) / m) * (size_t)((s->q + m - 1) / m);
}

#endif

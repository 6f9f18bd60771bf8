/* Inside kern: the matrix products of Winograd convolution, and what the gradient of the weights needs, on
 * vectors of the including file's width. WINO_VECS (4 or 2), the vectors of a k-block, is the including file's: with
 * WINO_ROWS rows their sums fit its registers, as WINO_MOST rows of half as many do. */
#ifndef SKUA_KERN_WINO_PRODUCT_H
#define SKUA_KERN_WINO_PRODUCT_H

#include "kern/wino_tile.h"

enum { WINO_BLOCK = WINO_VECS * SK_VEC, WINO_ROWS = 6, WINO_MOST = 12 };

/* acc + a * b of float32; of bf16 the elements are pairs, and both products of a pair are added. */
SK_INLINE sk_vec wino_multiply(sk_vec a, sk_vec b, sk_vec acc, enum sk_ktype inner)
{
#ifdef __AVX512BF16__
    if (inner == SK_K_BF16)
        return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
#endif
    (void)inner;
    return sk_vfma(a, b, acc);
}

/* m[r][vecs * SK_VEC] (+)= sum over i < depth of a[r * a_row + i * a_step] * b[i * b_row ...]. Elements of a and b are
 * 32 bits: float32, or for bf16 pairs. */
SK_INLINE void wino_micro(const float *a, size_t a_row, size_t a_step, const float *b, size_t b_row, size_t depth,
                          float *m, size_t m_row, bool add, int rows, int vecs, enum sk_ktype inner)
{
    sk_vec acc[WINO_MOST][WINO_VECS];
    WINO_UNROLL
    for (int r = 0; r < rows; r++) {
        WINO_UNROLL
        for (int v = 0; v < vecs; v++)
            acc[r][v] = add ? sk_vget(m, (size_t)r * m_row + (size_t)v * SK_VEC, sk_first(SK_VEC)) : sk_vzero();
    }
    for (size_t i = 0; i < depth; i++) {
        sk_vec right[WINO_VECS];
        WINO_UNROLL
        for (int v = 0; v < vecs; v++)
            right[v] = sk_vload(b, i * b_row + (size_t)v * SK_VEC, sk_first(SK_VEC), SK_K_F32);
        WINO_UNROLL
        for (int r = 0; r < rows; r++) {
            sk_vec left = sk_vset1(a[(size_t)r * a_row + i * a_step]);
            WINO_UNROLL
            for (int v = 0; v < vecs; v++)
                acc[r][v] = wino_multiply(left, right[v], acc[r][v], inner);
        }
    }
    WINO_UNROLL
    for (int r = 0; r < rows; r++) {
        WINO_UNROLL
        for (int v = 0; v < vecs; v++)
            sk_vstore(m, (size_t)r * m_row + (size_t)v * SK_VEC, sk_first(SK_VEC), SK_K_F32, acc[r][v]);
    }
}

/* All rows: most at a time, so that every register holds a sum, then those that are left. */
SK_INLINE void wino_rows(const float *a, size_t a_row, size_t a_step, const float *b, size_t b_row, size_t depth,
                         size_t rows, float *m, size_t m_row, bool add, int most, int vecs, enum sk_ktype inner)
{
    for (; rows >= (size_t)most; rows -= (size_t)most, a += (size_t)most * a_row, m += (size_t)most * m_row)
        wino_micro(a, a_row, a_step, b, b_row, depth, m, m_row, add, most, vecs, inner);
    if (rows >= WINO_ROWS) {
        wino_micro(a, a_row, a_step, b, b_row, depth, m, m_row, add, WINO_ROWS, vecs, inner);
        rows -= WINO_ROWS, a += WINO_ROWS * a_row, m += WINO_ROWS * m_row;
    }
    switch (rows) {
    case 5:
        wino_micro(a, a_row, a_step, b, b_row, depth, m, m_row, add, 5, vecs, inner);
        break;
    case 4:
        wino_micro(a, a_row, a_step, b, b_row, depth, m, m_row, add, 4, vecs, inner);
        break;
    case 3:
        wino_micro(a, a_row, a_step, b, b_row, depth, m, m_row, add, 3, vecs, inner);
        break;
    case 2:
        wino_micro(a, a_row, a_step, b, b_row, depth, m, m_row, add, 2, vecs, inner);
        break;
    case 1:
        wino_micro(a, a_row, a_step, b, b_row, depth, m, m_row, add, 1, vecs, inner);
        break;
    default:
        break;
    }
}

/* The same for a k-block of width channels. */
SK_INLINE void wino_block(const float *a, size_t a_row, size_t a_step, const float *b, size_t b_row, size_t depth,
                          size_t rows, float *m, size_t m_row, bool add, size_t width, enum sk_ktype inner)
{
    const int two = WINO_VECS == 4 ? WINO_MOST : WINO_ROWS; /* rows whose sums in two vectors fill the registers */
    size_t j = 0;
    if (WINO_VECS == 4 && width == 4 * SK_VEC) {
        wino_rows(a, a_row, a_step, b, b_row, depth, rows, m, m_row, add, WINO_ROWS, WINO_VECS, inner);
        return;
    }
    if (WINO_VECS == 4 && width == 3 * SK_VEC) {
        wino_rows(a, a_row, a_step, b, b_row, depth, rows, m, m_row, add, 8, WINO_VECS == 4 ? 3 : 1, inner);
        return;
    }
    for (; j + 2 * SK_VEC <= width; j += 2 * SK_VEC)
        wino_rows(a, a_row, a_step, b + j, b_row, depth, rows, m + j, m_row, add, two, 2, inner);
    if (j < width)
        wino_rows(a, a_row, a_step, b + j, b_row, depth, rows, m + j, m_row, add, WINO_MOST, 1, inner);
}

/* How many elements of 32 bits hold n of the inner type. */
SK_INLINE size_t wino_words(size_t n, enum sk_ktype inner)
{
    return inner == SK_K_BF16 ? n / 2 : n;
}

SK_INLINE void wino_product(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *u, int k0,
                            const void *v, size_t plane, size_t rows, float *m, size_t m_plane, enum sk_ktype inner)
{
    size_t depth = wino_words(sk_wino_pad(s->c), inner), width = sk_wino_width(kern, s, k0);
    for (size_t p = 0; p < (size_t)kern->points; p++)
        wino_block((const float *)v + p * wino_words(plane, inner), depth, 1, (const float *)u + p * depth * width,
                   width, depth, rows, m + p * m_plane, width, false, width, inner);
}

/* dU of one point: rows are channels, the sum goes over tiles (of bf16 over pairs of them), a stretch of them at a time
 * so that they stay in L1. */
SK_INLINE void wino_grad_product(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *v,
                                 const void *d, size_t rows, int k0, bool first, float *du, enum sk_ktype inner)
{
    enum { STRETCH = 128 };
    size_t c = sk_wino_pad(s->c), k = sk_wino_pad(s->k), width = sk_wino_width(kern, s, k0);
    size_t sums = inner == SK_K_BF16 ? (rows + 1) / 2 : rows;
    for (size_t t = 0; t < sums; t += STRETCH)
        wino_block((const float *)v + t * c, 1, c, (const float *)d + t * k + k0, k,
                   sums - t < STRETCH ? sums - t : STRETCH, c, du, width, !first || t > 0, width, inner);
}

/* ---- weights ---- */

/* The nine weights of one input channel and SK_VEC output channels, those beyond the last zero. */
SK_INLINE void wino_gather(const struct sk_wino_shape *s, const float *w, bool flip, size_t c, size_t k,
                           float g[9][SK_VEC])
{
    size_t cs = (size_t)s->c, ks = (size_t)s->k;
    size_t step = flip ? 9 : 9 * cs, lanes = k < ks ? ks - k : 0;
    const float *from = w + (flip ? (c * ks + k) * 9 : (k * cs + c) * 9);
    for (size_t i = 0; i < SK_VEC; i++)
        for (size_t tap = 0; tap < 9; tap++)
            g[flip ? 8 - tap : tap][i] = c < cs && i < lanes ? from[i * step + tap] : 0.0f;
}

/* G g G^T of one vector; point i goes to u[i]. */
SK_INLINE void wino_filter_vec(float g[9][SK_VEC], enum sk_wino_alg a, sk_vec u[SK_WINO_POINTS])
{
    const int edge = wino_points(a);
    sk_vec half[WINO_EDGE][3];
    WINO_UNROLL
    for (int j = 0; j < 3; j++) {
        sk_vec in[3], o[WINO_EDGE];
        WINO_UNROLL
        for (int i = 0; i < 3; i++)
            in[i] = sk_vget(g[i * 3 + j], 0, sk_first(SK_VEC));
        wino_filter(a, in, o);
        WINO_UNROLL
        for (int i = 0; i < edge; i++)
            half[i][j] = o[i];
    }
    WINO_UNROLL
    for (int i = 0; i < edge; i++)
        wino_filter(a, half[i], u + i * edge);
}

SK_INLINE void wino_filter_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *w,
                               bool flip, int k0, int c0, int c1, enum sk_wino_alg a, void *to)
{
    size_t depth = sk_wino_pad(s->c), width = sk_wino_width(kern, s, k0),
           points = (size_t)(wino_points(a) * wino_points(a));
    float *u = to;
    for (size_t c = (size_t)c0; c < (size_t)c1; c++)
        for (size_t j = 0; j < width; j += SK_VEC) {
            float g[9][SK_VEC];
            sk_vec o[SK_WINO_POINTS];
            wino_gather(s, w, flip, c, (size_t)k0 + j, g);
            wino_filter_vec(g, a, o);
            for (size_t p = 0; p < points; p++)
                sk_vstore(u, (p * depth + c) * width + j, sk_first(SK_VEC), SK_K_F32, o[p]);
        }
}

/* G^T dU G of one vector of output channels, to dw[k][c][3][3]. */
SK_INLINE void wino_grad_filter_vec(const float *du, size_t plane, enum sk_wino_alg a, sk_vec g[9])
{
    const int edge = wino_points(a);
    sk_vec half[3][WINO_EDGE];
    WINO_UNROLL
    for (int j = 0; j < edge; j++) {
        sk_vec u[WINO_EDGE], o[3];
        WINO_UNROLL
        for (int i = 0; i < edge; i++)
            u[i] = sk_vget(du, (size_t)(i * edge + j) * plane, sk_first(SK_VEC));
        wino_grad_filter(a, u, o);
        WINO_UNROLL
        for (int i = 0; i < 3; i++)
            half[i][j] = o[i];
    }
    WINO_UNROLL
    for (int i = 0; i < 3; i++)
        wino_grad_filter(a, half[i], g + 3 * i);
}

SK_INLINE void wino_grad_filter_block(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *du,
                                      int k0, int c0, int c1, enum sk_wino_alg a, float *dw)
{
    size_t cs = (size_t)s->c, ks = (size_t)s->k, width = sk_wino_width(kern, s, k0), plane = sk_wino_pad(s->c) * width;
    for (size_t c = (size_t)c0; c < (size_t)c1; c++)
        for (size_t j = 0; j < width; j += SK_VEC) {
            sk_vec o[9];
            float g[9][SK_VEC];
            size_t k = (size_t)k0 + j;
            wino_grad_filter_vec(du + c * width + j, plane, a, o);
            for (size_t tap = 0; tap < 9; tap++)
                sk_vstore(g[tap], 0, sk_first(SK_VEC), SK_K_F32, o[tap]);
            for (size_t i = 0; i < SK_VEC && k + i < ks; i++)
                for (size_t tap = 0; tap < 9; tap++)
                    dw[((k + i) * cs + c) * 9 + tap] = g[tap][i];
        }
}

#endif

/* Inside kern: tiles of Winograd convolution into and out of the transformed domain, on vectors of the including file's
 * width. The algorithm, types and flags are constants at every call. */
#ifndef SKUA_KERN_WINO_TILE_H
#define SKUA_KERN_WINO_TILE_H

#include "kern/wino_transform.h"

#ifdef __clang__
#define WINO_UNROLL _Pragma("clang loop unroll(full)")
#else
#define WINO_UNROLL _Pragma("GCC unroll 6")
#endif
enum { WINO_EDGE = 6 }; /* most inputs along an edge of a tile */

/* Where a tile lies: its picture, and the first of its rows and columns; edge rows and columns belong to it, of which
 * those from top to bottom and left to right are inside the picture. */
struct wino_window {
    size_t picture;
    int row, col, top, bottom, left, right;
};

SK_INLINE int wino_clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* The window of a tile in pictures of height x width: edge pixels each way, step from tile to tile, the first border
 * before the picture. m: outputs of a tile each way. */
SK_INLINE struct wino_window wino_window(const struct sk_wino_shape *s, size_t tile, int m, int step, int border,
                                         int edge, int height, int width)
{
    size_t across = (size_t)((s->q + m - 1) / m), down = (size_t)((s->p + m - 1) / m);
    int row = (int)(tile / across % down) * step - border, col = (int)(tile % across) * step - border;
    return (struct wino_window){.picture = tile / across / down,
                                .row = row,
                                .col = col,
                                .top = wino_clamp(-row, 0, edge),
                                .bottom = wino_clamp(height - row, 0, edge),
                                .left = wino_clamp(-col, 0, edge),
                                .right = wino_clamp(width - col, 0, edge)};
}

SK_INLINE bool wino_whole(const struct wino_window *w, int edge)
{
    return w->top == 0 && w->left == 0 && w->bottom == edge && w->right == edge;
}

/* One vector of the source, its batch norm and ReLU applied. */
SK_INLINE sk_vec wino_read(const void *x, size_t i, sk_lanes lanes, enum sk_ktype t, bool norm, sk_vec scale,
                           sk_vec shift)
{
    sk_vec v = sk_vload(x, i, lanes, t);
    return norm ? sk_vrelu(sk_vfma(v, scale, shift)) : v;
}

/* B^T d B of one vector of channels, or A dY A^T where dy; point i goes to element i * plane of v. at: element of the
 * window's first pixel, row and col: elements from row to row, from pixel to pixel. */
SK_INLINE void wino_vec(const void *x, size_t at, size_t row, size_t col, bool dy, bool norm, sk_vec scale,
                        sk_vec shift, enum sk_wino_alg a, enum sk_ktype t, void *v, size_t plane, enum sk_ktype inner)
{
    const int ins = dy ? wino_outs(a) : wino_ins(a), points = wino_points(a);
    sk_vec half[WINO_EDGE][WINO_EDGE];
    WINO_UNROLL
    for (int j = 0; j < ins; j++) {
        sk_vec d[WINO_EDGE], o[WINO_EDGE];
        WINO_UNROLL
        for (int i = 0; i < ins; i++)
            d[i] = wino_read(x, at + (size_t)i * row + (size_t)j * col, sk_first(SK_VEC), t, norm, scale, shift);
        wino_transform(a, dy, d, o);
        WINO_UNROLL
        for (int i = 0; i < points; i++)
            half[i][j] = o[i];
    }
    WINO_UNROLL
    for (int i = 0; i < points; i++) {
        sk_vec o[WINO_EDGE];
        wino_transform(a, dy, half[i], o);
        WINO_UNROLL
        for (int j = 0; j < points; j++)
            sk_vstore(v, (size_t)(i * points + j) * plane, sk_first(SK_VEC), inner, o[j]);
    }
}

/* The pixels of a window that are inside the picture, to their places in buffer, whose others stay zero. */
SK_INLINE void wino_gather_vec(const struct wino_window *w, const void *x, ptrdiff_t at, ptrdiff_t row, ptrdiff_t col,
                               sk_lanes lanes, bool norm, sk_vec scale, sk_vec shift, int edge, enum sk_ktype t,
                               float buffer[WINO_EDGE * WINO_EDGE * SK_VEC])
{
    for (int i = w->top; i < w->bottom; i++)
        for (int j = w->left; j < w->right; j++)
            sk_vstore(buffer, (size_t)(i * edge + j) * SK_VEC, sk_first(SK_VEC), SK_K_F32,
                      wino_read(x, (size_t)(at + i * row + j * col), lanes, t, norm, scale, shift));
}

/* A^T M A of one vector: y[i][j]; points plane elements apart. */
SK_INLINE void wino_output_vec(const float *from, size_t plane, enum sk_wino_alg a, sk_vec y[4][4])
{
    const int outs = wino_outs(a), points = wino_points(a);
    sk_vec half[4][WINO_EDGE];
    WINO_UNROLL
    for (int j = 0; j < points; j++) {
        sk_vec v[WINO_EDGE], o[4];
        WINO_UNROLL
        for (int i = 0; i < points; i++)
            v[i] = sk_vload(from, (size_t)(i * points + j) * plane, sk_first(SK_VEC), SK_K_F32);
        wino_output(a, v, o);
        WINO_UNROLL
        for (int i = 0; i < outs; i++)
            half[i][j] = o[i];
    }
    WINO_UNROLL
    for (int i = 0; i < outs; i++)
        wino_output(a, half[i], y[i]);
}

/* ---- tiles in: of x, [height][width][c], or of dy where that is what is transformed ---- */

struct wino_side {
    const struct sk_wino_source *x;
    int height, width, c, border, edge, step; /* as wino_window takes them */
    bool dy;
};

SK_INLINE struct wino_side wino_side_x(const struct sk_wino_shape *s, const struct sk_wino_source *x,
                                       enum sk_wino_alg a)
{
    return (struct wino_side){x, s->h, s->w, s->c, a == SK_WINO_T2 ? 0 : s->pad, wino_ins(a), wino_step(a), false};
}

SK_INLINE struct wino_side wino_side_dy(const struct sk_wino_shape *s, const struct sk_wino_source *dy,
                                        enum sk_wino_alg a)
{
    return (struct wino_side){dy, s->p, s->q, s->k, 0, wino_outs(a), wino_outs(a), true};
}

SK_INLINE struct wino_window wino_side_window(const struct sk_wino_shape *s, const struct wino_side *from, size_t tile,
                                              enum sk_wino_alg a)
{
    return wino_window(s, tile, wino_outs(a), from->step, from->border, from->edge, from->height, from->width);
}

/* Zeroes the buffer of a tile that will need it. */
SK_INLINE void wino_clear(const struct wino_side *from, const struct wino_window *w, float *buffer)
{
    if (!wino_whole(w, from->edge) || from->c % SK_VEC != 0)
        for (int i = 0; i < from->edge * from->edge; i++)
            sk_vstore(buffer, (size_t)i * SK_VEC, sk_first(SK_VEC), SK_K_F32, sk_vzero());
}

/* One vector of channels of one tile, from channel j on. buffer: zero but for what this tile put there. */
SK_INLINE void wino_vec_in(const struct wino_side *from, const struct wino_window *w, size_t j, bool norm,
                           enum sk_wino_alg a, enum sk_ktype t, float *buffer, void *v, size_t plane,
                           enum sk_ktype inner)
{
    size_t c = (size_t)from->c;
    sk_lanes lanes = sk_first(j < c ? c - j : 0);
    sk_vec scale = norm ? sk_vget(from->x->scale, j, lanes) : sk_vzero(),
           shift = norm ? sk_vget(from->x->shift, j, lanes) : sk_vzero();
    ptrdiff_t col = from->c, row = col * from->width;
    ptrdiff_t at = ((ptrdiff_t)w->picture * from->height + w->row) * row + w->col * col + (ptrdiff_t)j;
    if (wino_whole(w, from->edge) && j + SK_VEC <= c) {
        wino_vec(from->x->x, (size_t)at, (size_t)row, (size_t)col, from->dy, norm, scale, shift, a, t, v, plane, inner);
        return;
    }
    wino_gather_vec(w, from->x->x, at, row, col, lanes, norm, scale, shift, from->edge, t, buffer);
    wino_vec(buffer, 0, (size_t)from->edge * SK_VEC, SK_VEC, from->dy, false, scale, shift, a, SK_K_F32, v, plane,
             inner);
}

SK_INLINE void wino_tile_in(const struct sk_wino_shape *s, const struct wino_side *from, size_t tile, bool norm,
                            enum sk_wino_alg a, enum sk_ktype t, void *v, size_t plane, enum sk_ktype inner)
{
    _Alignas(64) float buffer[WINO_EDGE * WINO_EDGE * SK_VEC];
    struct wino_window w = wino_side_window(s, from, tile, a);
    wino_clear(from, &w, buffer);
    for (size_t j = 0; j < sk_wino_pad(from->c); j += SK_VEC)
        wino_vec_in(from, &w, j, norm, a, t, buffer, (char *)v + j * sk_ktype_size(inner), plane, inner);
}

/* Asks for the pixels that a tile has beyond its left neighbour's: rows of a window lie too far apart for the
 * processor to see ahead. */
SK_INLINE void wino_ahead(const struct sk_wino_shape *s, const struct wino_side *from, size_t tile, enum sk_wino_alg a,
                          enum sk_ktype t)
{
    if (tile >= sk_wino_tiles(s, wino_outs(a)))
        return;
    struct wino_window w = wino_side_window(s, from, tile, a);
    size_t size = sk_ktype_size(t), col = (size_t)from->c * size;
    int first = w.right > from->step ? w.right - from->step : 0;
    for (int i = w.top; i < w.bottom; i++) {
        size_t at =
            ((w.picture * (size_t)from->height + (size_t)(w.row + i)) * (size_t)from->width + (size_t)(w.col + first)) *
            col;
        for (size_t j = 0; j < (size_t)(w.right - first) * col; j += 64)
            _mm_prefetch((const char *)from->x->x + at + j, _MM_HINT_T0);
    }
}

/* Tiles tile to tile + count to rows of pad(c) elements. */
SK_INLINE void wino_tiles_in(const struct sk_wino_shape *s, const struct wino_side *from, size_t tile, size_t count,
                             enum sk_wino_alg a, enum sk_ktype t, void *v, size_t plane, enum sk_ktype inner)
{
    size_t row = sk_wino_pad(from->c) * sk_ktype_size(inner);
    for (size_t i = 0; i < count; i++) {
        wino_ahead(s, from, tile + i + 1, a, t);
        if (from->x->scale != NULL)
            wino_tile_in(s, from, tile + i, true, a, t, (char *)v + i * row, plane, inner);
        else
            wino_tile_in(s, from, tile + i, false, a, t, (char *)v + i * row, plane, inner);
    }
}

SK_INLINE void wino_input_tiles(const struct sk_wino_shape *s, const struct sk_wino_source *x, size_t tile,
                                size_t count, enum sk_wino_alg a, enum sk_ktype t, void *v, size_t plane,
                                enum sk_ktype inner)
{
    struct wino_side from = wino_side_x(s, x, a);
    wino_tiles_in(s, &from, tile, count, a, t, v, plane, inner);
}

SK_INLINE void wino_grad_tiles(const struct sk_wino_shape *s, const void *dy, size_t tile, size_t count,
                               enum sk_wino_alg a, enum sk_ktype t, void *d, size_t plane, enum sk_ktype inner)
{
    struct sk_wino_source x = {.x = dy};
    struct wino_side from = wino_side_dy(s, &x, a);
    wino_tiles_in(s, &from, tile, count, a, t, d, plane, inner);
}

/* ---- the sink of a product ---- */

/* What is done with one vector of channels of a tile: the sink's, read once (the compiler must take it that a store
 * may change what a pointer of the sink leads to). */
struct wino_after {
    void *y;
    const void *residual, *x, *mask_y;
    bool relu;
    sk_vec bias, center, scale, shift, sum, square;
};

SK_INLINE struct wino_after wino_after(const struct sk_wino_sink *to, enum sk_wino_finish finish, size_t k,
                                       sk_lanes lanes)
{
    bool sums = finish != SK_WINO_STORE, masks = finish == SK_WINO_GRAD && to->mask_y == NULL;
    const float *center = finish == SK_WINO_GRAD ? to->mean : to->center;
    return (struct wino_after){.y = to->y,
                               .residual = to->residual,
                               .x = to->x,
                               .mask_y = to->mask_y,
                               .relu = to->relu,
                               .bias = finish == SK_WINO_STORE && to->bias != NULL ? sk_vget(to->bias, k, lanes)
                                                                                   : sk_vzero(),
                               .center = sums ? sk_vget(center, k, lanes) : sk_vzero(),
                               .scale = masks ? sk_vget(to->scale, k, lanes) : sk_vzero(),
                               .shift = masks ? sk_vget(to->shift, k, lanes) : sk_vzero(),
                               .sum = sums ? sk_vget(to->sum, k, lanes) : sk_vzero(),
                               .square = sums ? sk_vget(to->square, k, lanes) : sk_vzero()};
}

/* One vector of outputs, to element at. */
SK_INLINE void wino_finish(struct wino_after *to, enum sk_wino_finish finish, size_t at, sk_lanes lanes,
                           enum sk_ktype t, sk_vec v)
{
    if (finish == SK_WINO_STATS) {
        sk_vec d = sk_vsub(sk_vstored(v, t), to->center);
        to->sum = sk_vadd(to->sum, d);
        to->square = sk_vfma(d, d, to->square);
    } else {
        if (finish == SK_WINO_STORE)
            v = sk_vadd(v, to->bias);
        if (to->residual != NULL)
            v = sk_vadd(v, sk_vload(to->residual, at, lanes, t));
        if (finish == SK_WINO_STORE && to->relu)
            v = sk_vrelu(v);
    }
    if (finish == SK_WINO_GRAD) {
        sk_vec x = sk_vload(to->x, at, lanes, t);
        v = sk_vwhere(to->mask_y != NULL ? sk_vload(to->mask_y, at, lanes, t) : sk_vfma(x, to->scale, to->shift), v);
        to->sum = sk_vadd(to->sum, v);
        to->square = sk_vfma(v, sk_vsub(x, to->center), to->square);
    }
    sk_vstore(to->y, at, lanes, t, v);
}

/* The outputs of one vector of one tile, those inside the picture. */
SK_INLINE void wino_store_vec(const struct sk_wino_shape *s, const struct sk_wino_sink *sink,
                              enum sk_wino_finish finish, const struct wino_window *w, size_t k, sk_lanes lanes,
                              enum sk_wino_alg a, enum sk_ktype t, bool whole, sk_vec y[4][4])
{
    const int m = wino_outs(a);
    size_t col = (size_t)s->k, row = col * (size_t)s->q;
    size_t at = (w->picture * (size_t)s->p + (size_t)w->row) * row + (size_t)w->col * col + k;
    struct wino_after to = wino_after(sink, finish, k, lanes);
    if (whole) {
        WINO_UNROLL
        for (int i = 0; i < m; i++) {
            WINO_UNROLL
            for (int j = 0; j < m; j++)
                wino_finish(&to, finish, at + (size_t)i * row + (size_t)j * col, lanes, t, y[i][j]);
        }
    } else {
        for (int i = 0; i < w->bottom; i++)
            for (int j = 0; j < w->right; j++)
                wino_finish(&to, finish, at + (size_t)i * row + (size_t)j * col, lanes, t, y[i][j]);
    }
    if (finish != SK_WINO_STORE) {
        sk_vstore(sink->sum, k, lanes, SK_K_F32, to.sum);
        sk_vstore(sink->square, k, lanes, SK_K_F32, to.square);
    }
}

SK_INLINE void wino_output_tile(const struct sk_wino_shape *s, const struct sk_wino_sink *to,
                                enum sk_wino_finish finish, size_t tile, size_t k0, size_t width, const float *from,
                                size_t plane, enum sk_wino_alg a, enum sk_ktype t)
{
    const int m = wino_outs(a);
    struct wino_window w = wino_window(s, tile, m, m, 0, m, s->p, s->q);
    bool whole = wino_whole(&w, m);
    size_t k = (size_t)s->k;
    for (size_t j = 0; j < width && k0 + j < k; j += SK_VEC) {
        sk_vec y[4][4];
        wino_output_vec(from + j, plane, a, y);
        if (whole && k0 + j + SK_VEC <= k)
            wino_store_vec(s, to, finish, &w, k0 + j, sk_first(SK_VEC), a, t, true, y);
        else
            wino_store_vec(s, to, finish, &w, k0 + j, sk_first(k - k0 - j), a, t, false, y);
    }
}

/* Zeroes the sums; for statistics the mean of the first tile's outputs becomes the center: near the mean of all, so
 * that the squares lose no digits. */
SK_INLINE void wino_begin_sums(const struct sk_wino_shape *s, const struct sk_wino_sink *to, size_t tile, size_t k0,
                               size_t width, const float *from, size_t plane, enum sk_wino_alg a)
{
    const int m = wino_outs(a);
    struct wino_window w = wino_window(s, tile, m, m, 0, m, s->p, s->q);
    size_t k = (size_t)s->k;
    sk_vec share = sk_vset1(1.0f / (float)(w.bottom * w.right));
    for (size_t j = 0; j < width && k0 + j < k; j += SK_VEC) {
        sk_lanes lanes = sk_first(k - k0 - j);
        sk_vec y[4][4], sum = sk_vzero();
        sk_vstore(to->sum, k0 + j, lanes, SK_K_F32, sum);
        sk_vstore(to->square, k0 + j, lanes, SK_K_F32, sum);
        if (to->finish != SK_WINO_STATS)
            continue;
        wino_output_vec(from + j, plane, a, y);
        for (int i = 0; i < w.bottom; i++)
            for (int l = 0; l < w.right; l++)
                sum = sk_vadd(sum, y[i][l]);
        sk_vstore(to->center, k0 + j, lanes, SK_K_F32, sk_vmul(sum, share));
    }
}

SK_INLINE void wino_output_tiles(const struct sk_kern_wino *kern, const struct sk_wino_shape *s,
                                 const struct sk_wino_sink *to, size_t tile, size_t count, int k0, const float *from,
                                 size_t plane, enum sk_wino_alg a, enum sk_ktype t)
{
    size_t width = sk_wino_width(kern, s, k0), k = (size_t)k0;
    if (count > 0 && to->finish != SK_WINO_STORE)
        wino_begin_sums(s, to, tile, k, width, from, plane, a);
    for (size_t i = 0; i < count; i++) {
        if (to->finish == SK_WINO_STORE)
            wino_output_tile(s, to, SK_WINO_STORE, tile + i, k, width, from + i * width, plane, a, t);
        else if (to->finish == SK_WINO_STATS)
            wino_output_tile(s, to, SK_WINO_STATS, tile + i, k, width, from + i * width, plane, a, t);
        else
            wino_output_tile(s, to, SK_WINO_GRAD, tile + i, k, width, from + i * width, plane, a, t);
    }
}

#endif

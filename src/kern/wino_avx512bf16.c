/* Winograd convolution, AVX-512 with BF16: bf16 activations, with float32 inside (rounded by vcvtneps2bf16) or with
 * bf16 inside, where vdpbf16ps sums products of pairs: of channels, and in the gradient of the weights of tiles. */
#include <string.h>

#include "kern/levels.h"
#include "kern/vec_avx512.h"

enum { WINO_VECS = 4 };

#include "kern/wino_f32.h"

/* Two vectors of float32 as 16 pairs of bf16. */
SK_INLINE __m512i pair(sk_vec even, sk_vec odd)
{
    const __m512i order =
        _mm512_set_epi32(31 << 16 | 15, 30 << 16 | 14, 29 << 16 | 13, 28 << 16 | 12, 27 << 16 | 11, 26 << 16 | 10,
                         25 << 16 | 9, 24 << 16 | 8, 23 << 16 | 7, 22 << 16 | 6, 21 << 16 | 5, 20 << 16 | 4,
                         19 << 16 | 3, 18 << 16 | 2, 17 << 16 | 1, 16 << 16);
    return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

static void product_bf16(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *u, int k0,
                         const void *v, size_t plane, size_t rows, float *m, size_t m_plane)
{
    wino_product(kern, s, u, k0, v, plane, rows, m, m_plane, SK_K_BF16);
}

static void grad_product_bf16(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *v,
                              const void *d, size_t rows, int k0, bool first, float *du)
{
    wino_grad_product(kern, s, v, d, rows, k0, first, du, SK_K_BF16);
}

SK_INLINE void filter_of(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *w, bool flip,
                         int k0, int c0, int c1, enum sk_wino_alg a, void *to)
{
    size_t depth = sk_wino_pad(s->c) / 2, width = sk_wino_width(kern, s, k0),
           points = (size_t)(wino_points(a) * wino_points(a));
    uint32_t *u = to;
    for (size_t c = (size_t)c0; c < (size_t)c1; c += 2)
        for (size_t j = 0; j < width; j += SK_VEC) {
            float g[9][SK_VEC];
            sk_vec even[SK_WINO_POINTS], odd[SK_WINO_POINTS];
            wino_gather(s, w, flip, c, (size_t)k0 + j, g);
            wino_filter_vec(g, a, even);
            wino_gather(s, w, flip, c + 1, (size_t)k0 + j, g);
            wino_filter_vec(g, a, odd);
            for (size_t p = 0; p < points; p++)
                _mm512_storeu_si512(u + (p * depth + c / 2) * width + j, pair(even[p], odd[p]));
        }
}

static void filter_bf16(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *w, bool flip,
                        int k0, int c0, int c1, void *u)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        filter_of(kern, s, w, flip, k0, c0, c1, SK_WINO_F2, u);
        break;
    case SK_WINO_F4:
        filter_of(kern, s, w, flip, k0, c0, c1, SK_WINO_F4, u);
        break;
    case SK_WINO_S2:
        filter_of(kern, s, w, flip, k0, c0, c1, SK_WINO_S2, u);
        break;
    default:
        filter_of(kern, s, w, flip, k0, c0, c1, SK_WINO_T2, u);
        break;
    }
}

static void input_bf16(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_source *x,
                       size_t tile, size_t count, void *v, size_t plane)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        wino_input_tiles(s, x, tile, count, SK_WINO_F2, SK_K_BF16, v, plane, SK_K_BF16);
        break;
    case SK_WINO_F4:
        wino_input_tiles(s, x, tile, count, SK_WINO_F4, SK_K_BF16, v, plane, SK_K_BF16);
        break;
    case SK_WINO_S2:
        wino_input_tiles(s, x, tile, count, SK_WINO_S2, SK_K_BF16, v, plane, SK_K_BF16);
        break;
    default:
        wino_input_tiles(s, x, tile, count, SK_WINO_T2, SK_K_BF16, v, plane, SK_K_BF16);
        break;
    }
}

/* ---- pairs of tiles ---- */

/* Two tiles, or one and zeros, as pairs. */
SK_INLINE void pair_in(const struct sk_wino_shape *s, const struct wino_side *from, size_t tile, bool two, bool norm,
                       enum sk_wino_alg a, uint32_t *v, size_t plane)
{
    _Alignas(64) float buffer[2][WINO_EDGE * WINO_EDGE * SK_VEC], both[2][SK_WINO_POINTS * SK_VEC];
    struct wino_window w[2];
    for (size_t i = 0; i < 2; i++) {
        w[i] = wino_side_window(s, from, two ? tile + i : tile, a);
        wino_clear(from, &w[i], buffer[i]);
    }
    if (!two)
        memset(both[1], 0, sizeof both[1]);
    for (size_t j = 0; j < sk_wino_pad(from->c); j += SK_VEC) {
        wino_vec_in(from, &w[0], j, norm, a, SK_K_BF16, buffer[0], both[0], SK_VEC, SK_K_F32);
        if (two)
            wino_vec_in(from, &w[1], j, norm, a, SK_K_BF16, buffer[1], both[1], SK_VEC, SK_K_F32);
        for (size_t p = 0; p < (size_t)(wino_points(a) * wino_points(a)); p++)
            _mm512_storeu_si512(v + p * plane + j,
                                pair(sk_vget(both[0], p * SK_VEC, SK_ALL), sk_vget(both[1], p * SK_VEC, SK_ALL)));
    }
}

SK_INLINE void pairs_in(const struct sk_wino_shape *s, const struct wino_side *from, size_t tile, size_t count,
                        bool norm, enum sk_wino_alg a, void *v, size_t plane)
{
    for (size_t i = 0; i < count; i += 2) {
        wino_ahead(s, from, tile + i + 2, a, SK_K_BF16);
        wino_ahead(s, from, tile + i + 3, a, SK_K_BF16);
        pair_in(s, from, tile + i, count - i > 1, norm, a, (uint32_t *)v + i / 2 * sk_wino_pad(from->c), plane / 2);
    }
}

SK_INLINE void grad_input_of(const struct sk_wino_shape *s, const struct sk_wino_source *x, size_t tile, size_t count,
                             enum sk_wino_alg a, void *v, size_t plane)
{
    struct wino_side from = wino_side_x(s, x, a);
    if (x->scale != NULL)
        pairs_in(s, &from, tile, count, true, a, v, plane);
    else
        pairs_in(s, &from, tile, count, false, a, v, plane);
}

static void grad_input_bf16(const struct sk_kern_wino *kern, const struct sk_wino_shape *s,
                            const struct sk_wino_source *x, size_t tile, size_t count, void *v, size_t plane)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        grad_input_of(s, x, tile, count, SK_WINO_F2, v, plane);
        break;
    case SK_WINO_F4:
        grad_input_of(s, x, tile, count, SK_WINO_F4, v, plane);
        break;
    default:
        grad_input_of(s, x, tile, count, SK_WINO_S2, v, plane);
        break;
    }
}

SK_INLINE void grad_output_of(const struct sk_wino_shape *s, const void *dy, size_t tile, size_t count,
                              enum sk_wino_alg a, void *d, size_t plane)
{
    struct sk_wino_source x = {.x = dy};
    struct wino_side from = wino_side_dy(s, &x, a);
    pairs_in(s, &from, tile, count, false, a, d, plane);
}

static void grad_output_bf16(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *dy,
                             size_t tile, size_t count, void *d, size_t plane)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        grad_output_of(s, dy, tile, count, SK_WINO_F2, d, plane);
        break;
    case SK_WINO_F4:
        grad_output_of(s, dy, tile, count, SK_WINO_F4, d, plane);
        break;
    default:
        grad_output_of(s, dy, tile, count, SK_WINO_S2, d, plane);
        break;
    }
}

static struct sk_kern_wino wino_bf16(enum sk_wino_alg a)
{
    struct sk_kern_wino k = wino_f32(a, SK_K_BF16);
    k.inner = SK_K_BF16;
    k.filter = filter_bf16;
    k.input = input_bf16;
    k.product = product_bf16;
    k.grad_input = grad_input_bf16;
    k.grad_output = grad_output_bf16;
    k.grad_product = grad_product_bf16;
    return k;
}

void sk_wino_avx512bf16(struct sk_kern_wino k[SK_WINO_ALGS][SK_WINO_TYPES])
{
    for (enum sk_wino_alg a = 0; a < SK_WINO_ALGS; a++) {
        k[a][SK_WINO_MIXED] = wino_f32(a, SK_K_BF16);
        k[a][SK_WINO_BF16] = wino_bf16(a);
    }
}

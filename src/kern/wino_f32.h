/* Inside kern: Winograd convolution with float32 inside, for activations of either type: the functions of struct
 * sk_kern_wino, each picking what was compiled for its algorithm and type. */
#ifndef SKUA_KERN_WINO_F32_H
#define SKUA_KERN_WINO_F32_H

#include "kern/wino_product.h"

static void filter_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *w, bool flip,
                       int k0, int c0, int c1, void *u)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        wino_filter_f32(kern, s, w, flip, k0, c0, c1, SK_WINO_F2, u);
        break;
    case SK_WINO_F4:
        wino_filter_f32(kern, s, w, flip, k0, c0, c1, SK_WINO_F4, u);
        break;
    case SK_WINO_S2:
        wino_filter_f32(kern, s, w, flip, k0, c0, c1, SK_WINO_S2, u);
        break;
    default:
        wino_filter_f32(kern, s, w, flip, k0, c0, c1, SK_WINO_T2, u);
        break;
    }
}

static void input_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_source *x,
                      size_t tile, size_t count, void *v, size_t plane)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        if (kern->outer == SK_K_F32)
            wino_input_tiles(s, x, tile, count, SK_WINO_F2, SK_K_F32, v, plane, SK_K_F32);
        else
            wino_input_tiles(s, x, tile, count, SK_WINO_F2, SK_K_BF16, v, plane, SK_K_F32);
        break;
    case SK_WINO_F4:
        if (kern->outer == SK_K_F32)
            wino_input_tiles(s, x, tile, count, SK_WINO_F4, SK_K_F32, v, plane, SK_K_F32);
        else
            wino_input_tiles(s, x, tile, count, SK_WINO_F4, SK_K_BF16, v, plane, SK_K_F32);
        break;
    case SK_WINO_S2:
        if (kern->outer == SK_K_F32)
            wino_input_tiles(s, x, tile, count, SK_WINO_S2, SK_K_F32, v, plane, SK_K_F32);
        else
            wino_input_tiles(s, x, tile, count, SK_WINO_S2, SK_K_BF16, v, plane, SK_K_F32);
        break;
    default:
        if (kern->outer == SK_K_F32)
            wino_input_tiles(s, x, tile, count, SK_WINO_T2, SK_K_F32, v, plane, SK_K_F32);
        else
            wino_input_tiles(s, x, tile, count, SK_WINO_T2, SK_K_BF16, v, plane, SK_K_F32);
        break;
    }
}

static void product_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *u, int k0,
                        const void *v, size_t plane, size_t rows, float *m, size_t m_plane)
{
    wino_product(kern, s, u, k0, v, plane, rows, m, m_plane, SK_K_F32);
}

static void output(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_sink *y,
                   size_t tile, size_t count, int k0, const float *m, size_t m_plane)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        if (kern->outer == SK_K_F32)
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_F2, SK_K_F32);
        else
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_F2, SK_K_BF16);
        break;
    case SK_WINO_F4:
        if (kern->outer == SK_K_F32)
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_F4, SK_K_F32);
        else
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_F4, SK_K_BF16);
        break;
    case SK_WINO_S2:
        if (kern->outer == SK_K_F32)
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_S2, SK_K_F32);
        else
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_S2, SK_K_BF16);
        break;
    default:
        if (kern->outer == SK_K_F32)
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_T2, SK_K_F32);
        else
            wino_output_tiles(kern, s, y, tile, count, k0, m, m_plane, SK_WINO_T2, SK_K_BF16);
        break;
    }
}

static void grad_output_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *dy, size_t tile,
                            size_t count, void *d, size_t plane)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        if (kern->outer == SK_K_F32)
            wino_grad_tiles(s, dy, tile, count, SK_WINO_F2, SK_K_F32, d, plane, SK_K_F32);
        else
            wino_grad_tiles(s, dy, tile, count, SK_WINO_F2, SK_K_BF16, d, plane, SK_K_F32);
        break;
    case SK_WINO_F4:
        if (kern->outer == SK_K_F32)
            wino_grad_tiles(s, dy, tile, count, SK_WINO_F4, SK_K_F32, d, plane, SK_K_F32);
        else
            wino_grad_tiles(s, dy, tile, count, SK_WINO_F4, SK_K_BF16, d, plane, SK_K_F32);
        break;
    default:
        if (kern->outer == SK_K_F32)
            wino_grad_tiles(s, dy, tile, count, SK_WINO_S2, SK_K_F32, d, plane, SK_K_F32);
        else
            wino_grad_tiles(s, dy, tile, count, SK_WINO_S2, SK_K_BF16, d, plane, SK_K_F32);
        break;
    }
}

static void grad_product_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *v,
                             const void *d, size_t rows, int k0, bool first, float *du)
{
    wino_grad_product(kern, s, v, d, rows, k0, first, du, SK_K_F32);
}

static void grad_filter(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *du, int k0, int c0,
                        int c1, float *dw)
{
    switch (kern->alg) {
    case SK_WINO_F2:
        wino_grad_filter_block(kern, s, du, k0, c0, c1, SK_WINO_F2, dw);
        break;
    case SK_WINO_F4:
        wino_grad_filter_block(kern, s, du, k0, c0, c1, SK_WINO_F4, dw);
        break;
    default:
        wino_grad_filter_block(kern, s, du, k0, c0, c1, SK_WINO_S2, dw);
        break;
    }
}

static struct sk_kern_wino wino_f32(enum sk_wino_alg a, enum sk_ktype outer)
{
    return (struct sk_kern_wino){.alg = a,
                                 .m = wino_outs(a),
                                 .points = wino_points(a) * wino_points(a),
                                 .block = WINO_BLOCK,
                                 .outer = outer,
                                 .inner = SK_K_F32,
                                 .filter = filter_f32,
                                 .input = input_f32,
                                 .product = product_f32,
                                 .output = output,
                                 .grad_input = input_f32,
                                 .grad_output = grad_output_f32,
                                 .grad_product = grad_product_f32,
                                 .grad_filter = grad_filter};
}

#endif

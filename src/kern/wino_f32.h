/* Inside kern: Winograd convolution with float32 inside, for activations of either type: the functions of struct
 * sk_kern_wino, each picking what was compiled for its m and type. */
#ifndef SKUA_KERN_WINO_F32_H
#define SKUA_KERN_WINO_F32_H

#include "kern/wino_product.h"

static void filter_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *w, bool flip, int k0,
                       int c0, int c1, void *u)
{
    if (kern->m == 2)
        wino_filter_f32(s, w, flip, k0, c0, c1, 2, u);
    else
        wino_filter_f32(s, w, flip, k0, c0, c1, 4, u);
}

static void input_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_source *x,
                      size_t tile, size_t count, void *v, size_t plane)
{
    if (kern->m == 2 && kern->outer == SK_K_F32)
        wino_input_tiles(s, x, tile, count, 2, SK_K_F32, v, plane, SK_K_F32);
    else if (kern->m == 2)
        wino_input_tiles(s, x, tile, count, 2, SK_K_BF16, v, plane, SK_K_F32);
    else if (kern->outer == SK_K_F32)
        wino_input_tiles(s, x, tile, count, 4, SK_K_F32, v, plane, SK_K_F32);
    else
        wino_input_tiles(s, x, tile, count, 4, SK_K_BF16, v, plane, SK_K_F32);
}

static void product_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *u, int k0,
                        const void *v, size_t plane, size_t rows, float *m, size_t m_plane)
{
    if (kern->m == 2)
        wino_product_f32(s, u, k0, v, plane, rows, m, m_plane, 2);
    else
        wino_product_f32(s, u, k0, v, plane, rows, m, m_plane, 4);
}

static void output(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const struct sk_wino_sink *y,
                   size_t tile, size_t count, int k0, const float *m, size_t m_plane)
{
    if (kern->m == 2 && kern->outer == SK_K_F32)
        wino_output_tiles(s, y, tile, count, k0, WINO_BLOCK, m, m_plane, 2, SK_K_F32);
    else if (kern->m == 2)
        wino_output_tiles(s, y, tile, count, k0, WINO_BLOCK, m, m_plane, 2, SK_K_BF16);
    else if (kern->outer == SK_K_F32)
        wino_output_tiles(s, y, tile, count, k0, WINO_BLOCK, m, m_plane, 4, SK_K_F32);
    else
        wino_output_tiles(s, y, tile, count, k0, WINO_BLOCK, m, m_plane, 4, SK_K_BF16);
}

static void grad_output_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *dy, size_t tile,
                            size_t count, void *d, size_t plane)
{
    if (kern->m == 2 && kern->outer == SK_K_F32)
        wino_grad_tiles(s, dy, tile, count, 2, SK_K_F32, d, plane, SK_K_F32);
    else if (kern->m == 2)
        wino_grad_tiles(s, dy, tile, count, 2, SK_K_BF16, d, plane, SK_K_F32);
    else if (kern->outer == SK_K_F32)
        wino_grad_tiles(s, dy, tile, count, 4, SK_K_F32, d, plane, SK_K_F32);
    else
        wino_grad_tiles(s, dy, tile, count, 4, SK_K_BF16, d, plane, SK_K_F32);
}

static void grad_product_f32(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const void *v, const void *d,
                             size_t rows, int k0, bool first, float *du)
{
    (void)kern;
    wino_grad_product_f32(s, v, d, rows, k0, first, du);
}

static void grad_filter(const struct sk_kern_wino *kern, const struct sk_wino_shape *s, const float *du, int k0, int c0,
                        int c1, float *dw)
{
    if (kern->m == 2)
        wino_grad_filter_block(s, du, k0, c0, c1, 2, dw);
    else
        wino_grad_filter_block(s, du, k0, c0, c1, 4, dw);
}

static struct sk_kern_wino wino_f32(int m, enum sk_ktype outer)
{
    return (struct sk_kern_wino){.m = m,
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

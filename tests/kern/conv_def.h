/* Convolution and its gradients by definition, in double: one result at a time, with the sum of the absolute products,
 * from which the bounds of other kernels are derived. */
#ifndef SKUA_TESTS_KERN_CONV_DEF_H
#define SKUA_TESTS_KERN_CONV_DEF_H

#include "kern/kern.h"

enum conv_pass { CONV_FORWARD, CONV_GRAD_DATA, CONV_GRAD_WEIGHT, CONV_PASSES };
/* x [n][h][w][c], w [k][c][r][s], y [n][p][q][k]; a pass needs two of them. x_size: what stands for |x| in bounds where
 * x is itself the result of a rounding; NULL: |x|. */
struct conv_data {
    const double *x, *w, *y, *x_size;
};
struct conv_sum {
    double value, absolute; /* of products */
    size_t terms;
};
/* The shape of n pictures of h x w with a square kernel of r; p and q follow. */
struct sk_conv_shape conv_shape(int n, int h, int w, int c, int k, int r, int stride, int pad);
/* Result i of a pass: of y, x or w. */
struct conv_sum conv_define(enum conv_pass pass, const struct sk_conv_shape *s, const struct conv_data *d, size_t i);
/* How many numbers x, w and y have. */
size_t conv_count_x(const struct sk_conv_shape *s);
size_t conv_count_w(const struct sk_conv_shape *s);
size_t conv_count_y(const struct sk_conv_shape *s);
/* Index of [a][b][c][d] in an array whose last three dimensions are nb, nc and nd. */
static inline size_t conv_at(int a, int b, int nb, int c, int nc, int d, int nd)
{
    return (((size_t)a * (size_t)nb + (size_t)b) * (size_t)nc + (size_t)c) * (size_t)nd + (size_t)d;
}
/* The same backwards. */
struct conv_index {
    int a, b, c, d;
};
struct conv_index conv_index(size_t i, int nb, int nc, int nd);

#endif

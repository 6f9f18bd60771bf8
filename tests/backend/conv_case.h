/* One convolution of the cpu backend, checked against the definition.
 *
 * Every implementation that a kernel offers (variant 0, 1, ...) runs on memory between inaccessible pages. A sample of
 * its results is compared with sums in double over the products that the definition names: exactly for small integers,
 * else within a bound that grows with the sum of absolute products. It runs twice, with other rubbish in its scratch
 * memory, and must give the same bits. */
#ifndef SKUA_TESTS_BACKEND_CONV_CASE_H
#define SKUA_TESTS_BACKEND_CONV_CASE_H

#include "backend/cpu/cpu.h"
#include "kern/check.h"

enum conv_pass { CONV_FORWARD, CONV_GRAD_DATA, CONV_GRAD_WEIGHT, CONV_PASSES };
struct conv_case {
    enum conv_pass pass;
    enum sk_ktype type;
    struct sk_conv_shape shape;
    bool bias, residual, relu;
    bool in_place; /* the output over the residual */
    bool frozen;
    enum fill fill;
    int samples; /* how many results are compared; 0: all */
    int threads; /* 0: 2 */
};
/* The shape of n pictures of h x w with a square kernel of r; p and q follow. */
struct sk_conv_shape conv_shape(int n, int h, int w, int c, int k, int r, int stride, int pad);
/* Checks every variant; returns how many there are. */
int conv_case_check(const struct conv_case *c);
/* The op of a case, as a kernel's open takes it. */
struct sk_op_desc conv_case_op(const struct conv_case *c);
/* oneDNN's kernel of a pass. */
const struct sk_kernel *conv_case_kernel(enum conv_pass pass);

#endif

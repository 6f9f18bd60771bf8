/* One convolution of the cpu backend, checked against the definition.
 *
 * Every implementation that a kernel offers (variant 0, 1, ...) runs on memory between inaccessible pages. A sample of
 * its results is compared with sums in double over the products that the definition names: exactly for small integers
 * where the algorithm is exact (all but Winograd's F(4x4)), else within a bound that grows with the sum of absolute
 * products, of Winograd's algorithm where it is that. It runs twice, with other rubbish in its scratch memory, and must
 * give the same bits; Winograd with 1, 2 and 3 threads. */
#ifndef SKUA_TESTS_BACKEND_CONV_CASE_H
#define SKUA_TESTS_BACKEND_CONV_CASE_H

#include "backend/cpu/cpu.h"
#include "kern/check.h"
#include "kern/conv_def.h"

struct conv_case {
    const char *kernel;        /* "winograd"; NULL: "onednn" */
    enum sk_winograd winograd; /* what the kernel is allowed */
    enum conv_pass pass;
    enum sk_ktype type;
    struct sk_conv_shape shape;
    bool bias, residual, relu;
    bool in_place; /* the output over the residual */
    bool frozen;
    enum fill fill;
    int samples; /* how many results are compared; 0: all */
    int threads; /* 0: 2 */
    bool masters; /* oneDNN in bf16: against the weights as they are, not as it rounds them */
};
/* Checks every variant; returns how many there are. */
int conv_case_check(const struct conv_case *c);
/* Prints a row of Markdown for each variant: how far its results are from the definition's, root mean square, as a share
 * of the root mean square of these. */
void conv_case_errors(const struct conv_case *c);
/* The op of a case, as a kernel's open takes it. */
struct sk_op_desc conv_case_op(const struct conv_case *c);
/* The kernel of that name for the case's pass. */
const struct sk_kernel *conv_case_kernel(const struct conv_case *c);

#endif

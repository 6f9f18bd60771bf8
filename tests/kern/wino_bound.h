/* How far a Winograd convolution may come from the definition, derived for each result.
 *
 * Y = A^T [ sum (G g G^T) . (B^T d B) ] A in float32: a result is off by at most the roundings on the longest way
 * through the transforms, plus those of the sum, each half a step of
 *     |A^T| [ sum (|G| |g| |G^T|) . (|B^T| |d| |B|) ] |A|;
 * roundings of the sum are of either sign and grow with the root of how many there are. With bf16 inside, each number U
 * of G g G^T and V of B^T d B is rounded once to 8 digits, relative to itself: that adds 2 * 2^-8 of
 *     |A^T| [ sum |U| . |V| ] |A|.
 * The gradient of the weights is G^T [ sum over tiles of (B^T d B) . (A dY A^T) ] G, and its bound alike. */
#ifndef SKUA_TESTS_KERN_WINO_BOUND_H
#define SKUA_TESTS_KERN_WINO_BOUND_H

#include "kern/conv_def.h"

/* For result i of a pass: add the second where bf16 is inside. */
struct wino_bound {
    double f32, bf16;
};
struct wino_bound wino_bound_at(enum sk_wino_alg alg, enum conv_pass pass, const struct sk_conv_shape *s,
                                const struct conv_data *d, size_t i);
/* The algorithm of a pass for tiles of m x m outputs, 2 or 4, where stride is 1; m does not matter with stride 2. */
static inline enum sk_wino_alg wino_bound_alg(enum conv_pass pass, int stride, int m)
{
    if (stride == 2)
        return pass == CONV_GRAD_DATA ? SK_WINO_T2 : SK_WINO_S2;
    return m == 2 ? SK_WINO_F2 : SK_WINO_F4;
}
/* The largest error of the algorithm with these matrices, in one dimension and without rounding, for windows and
 * filters that are zero but for a one. */
double wino_bound_identity(enum sk_wino_alg alg);

#endif

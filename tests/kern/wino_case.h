/* One Winograd convolution at kernel level: every kind of one algorithm and type of activations, at every
 * instruction-set level, against the definition in double. */
#ifndef SKUA_TESTS_KERN_WINO_CASE_H
#define SKUA_TESTS_KERN_WINO_CASE_H

#include "kern/conv_def.h"
#include "kern/wino_run.h"

/* Exact fills: integers so small that all but F(4x4) are exact in bf16, too, with weights that are multiples of 4.
 * Special fills: a few infinities and NaNs among what is transformed in tiles; every result that reads one must not be
 * finite.
 */
struct wino_case {
    enum conv_pass pass;
    enum sk_wino_alg alg;
    enum sk_ktype outer;
    struct sk_conv_shape shape;
    enum fill fill;
    bool norm;   /* x is read through scale, shift and ReLU */
    size_t work; /* how many products are spent on results to compare with, some of each case in any case; 0: all */
};
/* Returns how many kinds and levels were run. */
int wino_case_check(const struct wino_case *c);

/* The shape as kernels take it: of a pass's own convolution. */
struct sk_wino_shape wino_case_shape(const struct wino_case *c);
/* Calls f for every kind of alg and outer at every level that has a kernel of its own for it. */
void wino_case_each(enum sk_wino_alg alg, enum sk_ktype outer,
                    void (*f)(void *arg, const struct sk_kern_wino *kern, enum sk_isa level), void *arg);
/* "f2 f32", "f4 bf16 around f32", "s2 bf16", ... */
const char *wino_case_name(const struct sk_kern_wino *kern);
/* n integers of at most 4, times factor. */
void wino_case_integers(void *p, size_t n, enum sk_ktype t, float factor, struct sk_rng *r);

#endif

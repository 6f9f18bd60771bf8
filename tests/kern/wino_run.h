/* A whole Winograd convolution from the functions of struct sk_kern_wino, over several ranges of tiles, k-blocks and
 * ranges of channels, with U, V, M, D and dU between inaccessible pages. What was asked for must be written and what is
 * padded must be zero; nothing else may change. */
#ifndef SKUA_TESTS_KERN_WINO_RUN_H
#define SKUA_TESTS_KERN_WINO_RUN_H

#include "kern/check.h"

struct wino_run {
    const struct sk_kern_wino *kern;
    struct sk_wino_shape shape;
    size_t rows; /* tiles of a range, or of a group */
    enum side side;
    int rubbish; /* byte that memory holds before: 0xFF is NaN */
};
/* Forward, or with flip the gradient of the data. Center, sum and square of range i go to parts + 3 * i * k where parts
 * is given: float32 [ranges][3][k]. */
void wino_run_conv(const struct wino_run *r, const struct sk_wino_source *x, const float *w, bool flip,
                   const struct sk_wino_sink *to, float *parts);
/* Gradient of the weights. */
void wino_run_grad(const struct wino_run *r, const struct sk_wino_source *x, const void *dy, float *dw);
size_t wino_run_ranges(const struct wino_run *r);

#endif

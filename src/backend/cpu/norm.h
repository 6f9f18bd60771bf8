/* What the batch norm kernels of the cpu backend share. */
#ifndef SKUA_BACKEND_CPU_NORM_H
#define SKUA_BACKEND_CPU_NORM_H

#include <math.h>

#include "backend/cpu/cpu.h"

/* scale = gamma / sqrt(var + eps), shift = beta - mean * scale. Forward and backward must agree to the bit: the mask of
 * a ReLU is taken from them again. */
static inline void sk_cpu_scale_shift(const float *gamma, const float *beta, const float *mean, const float *var,
                                      double eps, size_t c, float *scale, float *shift)
{
    for (size_t j = 0; j < c; j++) {
        double s = (double)gamma[j] / sqrt((double)var[j] + eps);
        scale[j] = (float)s;
        shift[j] = (float)((double)beta[j] - (double)mean[j] * s);
    }
}

/* Channels that one thread combines; a cache line of float32. */
enum { SK_CPU_CHANNELS = 16 };
static inline size_t sk_cpu_groups(size_t c)
{
    return (c + SK_CPU_CHANNELS - 1) / SK_CPU_CHANNELS;
}

#endif

/* Resizing one output at a time: the reference, and what is left over by the vector kernels. Inside kern only. */
#ifndef SKUA_KERN_RESIZE_SCALAR_H
#define SKUA_KERN_RESIZE_SCALAR_H

#include "kern/kern.h"

/* Sums wrap: only the low parts may overflow, and the whole does not. */
static inline uint32_t sk_resize_weight(const int16_t *weight, int k)
{
    const int16_t *group = weight + (size_t)(k / SK_RESIZE_GROUP) * (2 * SK_RESIZE_GROUP) + k % SK_RESIZE_GROUP;
    return (uint32_t)group[0] + ((uint32_t)group[SK_RESIZE_GROUP] << SK_RESIZE_LOW_BITS);
}

static inline uint8_t sk_resize_round(uint32_t sum)
{
    int32_t value = (int32_t)(sum + (1u << (SK_RESIZE_BITS - 1))) >> SK_RESIZE_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Outputs begin..n of a row; channels is a constant where this is inlined. */
static inline void sk_resize_row_scalar(const struct sk_resize_axis *a, int begin, const uint8_t *in, size_t channels,
                                        uint8_t *out)
{
    for (int i = begin; i < a->n; i++) {
        const int16_t *weight = a->weight + (size_t)i * (size_t)a->groups * (2 * SK_RESIZE_GROUP);
        const uint8_t *from = in + (size_t)a->first[i] * channels;
        for (size_t c = 0; c < channels; c++) {
            uint32_t sum = 0;
            for (int k = 0; k < a->taps[i]; k++)
                sum += from[(size_t)k * channels + c] * sk_resize_weight(weight, k);
            out[(size_t)i * channels + c] = sk_resize_round(sum);
        }
    }
}

static inline void sk_resize_column_scalar(const uint8_t *const *row, const int16_t *weight, int taps, size_t begin,
                                           size_t n, uint8_t *out)
{
    for (size_t j = begin; j < n; j++) {
        uint32_t sum = 0;
        for (int k = 0; k < taps; k++)
            sum += row[k][j] * sk_resize_weight(weight, k);
        out[j] = sk_resize_round(sum);
    }
}

#endif

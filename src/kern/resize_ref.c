/* Resizing, the reference; across rows block by block, so that the sums stay in the first-level cache. */
#include "kern/levels.h"
#include "kern/resize_scalar.h"

#include <string.h>

enum { BLOCK = 1024 };

static void row(const struct sk_resize_axis *a, const uint8_t *in, size_t width, size_t channels, uint8_t *out)
{
    (void)width;
    if (channels == 3)
        sk_resize_row_scalar(a, 0, in, 3, out);
    else
        sk_resize_row_scalar(a, 0, in, channels, out);
}

static void column(const uint8_t *const *rows, const int16_t *weight, int taps, size_t n, uint8_t *out)
{
    uint32_t sum[BLOCK];
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t count = n - begin < BLOCK ? n - begin : BLOCK;
        memset(sum, 0, count * sizeof(*sum));
        for (int k = 0; k < taps; k++) {
            const uint8_t *from = rows[k] + begin;
            uint32_t w = sk_resize_weight(weight, k);
            for (size_t j = 0; j < count; j++)
                sum[j] += from[j] * w;
        }
        for (size_t j = 0; j < count; j++)
            out[begin + j] = sk_resize_round(sum[j]);
    }
}

void sk_resize_ref(struct sk_kern_resize *k)
{
    *k = (struct sk_kern_resize){.row = row, .column = column};
}

/* Order of the samples of an epoch: a Fisher-Yates shuffle keyed by (seed, epoch), so that any epoch's order can be had
 * again without those before it. */
#include "data/data.h"

#include <assert.h>

void sk_sampler_order(int64_t *order, int64_t n, bool shuffle, int64_t seed, uint32_t epoch)
{
    assert(n >= 0 && n <= UINT32_MAX);
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    if (!shuffle)
        return;
    struct sk_rng rng;
    sk_rng_init(&rng, (uint64_t)seed, epoch, 0, SK_RNG_ORDER);
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = sk_rng_below(&rng, (uint32_t)i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

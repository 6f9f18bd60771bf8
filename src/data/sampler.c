/* Order of the samples of an epoch: a Fisher-Yates shuffle keyed by (seed, epoch), so that any epoch's order can be had
 * again without those before it. */
#include "data/data.h"

#include <assert.h>
#include <stdlib.h>

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

/* ---- spans ---- */
struct placed {
    uint64_t at;
    int64_t index;
};

static int compare(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The place that each span takes among the others, by seed. */
static enum sk_code order_spans(int64_t **rank, const struct sk_dataset *ds, int64_t n, int64_t seed, uint32_t epoch,
                                struct sk_err *err)
{
    uint64_t spans = 0, span = sk_dataset_info(ds)->span;
    for (int64_t i = 0; i < n; i++) {
        uint64_t number = sk_dataset_place(ds, i) / span;
        spans = number < spans ? spans : number + 1;
    }
    *rank = NULL;
    if (spans > UINT32_MAX)
        return sk_fail(err, SK_INPUT, "the gzip'd shards hold more than %u spans of data", UINT32_MAX);
    if (!(*rank = sk_alloc((size_t)spans, sizeof(**rank), err)))
        return SK_NOMEM;
    sk_sampler_order(*rank, (int64_t)spans, true, seed, epoch);
    return SK_OK;
}

enum sk_code sk_sampler_shuffle(int64_t *order, int64_t n, const struct sk_dataset *ds, uint64_t window, int64_t seed,
                                uint32_t epoch, struct sk_err *err)
{
    const uint64_t span = sk_dataset_info(ds)->span;
    struct placed *sample = NULL;
    int64_t *rank;
    struct sk_rng rng;
    if (span == 0) {
        sk_sampler_order(order, n, true, seed, epoch);
        return SK_OK;
    }
    enum sk_code code = order_spans(&rank, ds, n, seed, epoch, err);
    if (code == SK_OK && !(sample = sk_alloc((size_t)n, sizeof(*sample), err)))
        code = SK_NOMEM;
    sk_rng_init(&rng, (uint64_t)seed, epoch, 1, SK_RNG_ORDER);
    for (int64_t i = 0; sample && i < n; i++) {
        uint64_t place = sk_dataset_place(ds, i), moved = (uint64_t)sk_rng_u32(&rng) * (window >> 20) >> 12;
        sample[i] = (struct placed){(uint64_t)rank[place / span] * span + place % span + moved, i};
    }
    if (sample)
        qsort(sample, (size_t)n, sizeof(*sample), compare);
    for (int64_t i = 0; sample && i < n; i++)
        order[i] = sample[i].index;
    sk_free(sample);
    sk_free(rank);
    return code;
}

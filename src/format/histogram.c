/* Histograms in the buckets that TensorFlow and PyTorch write for TensorBoard (tensorflow/core/lib/histogram). */
#include "format/format.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { ZERO = SK_HISTOGRAM_SIDE }; /* the limit between negative and other values */

static const double smallest = 1e-12, growth = 1.1;

static void make_limits(double limit[SK_HISTOGRAM_BUCKETS])
{
    double v = smallest;
    limit[ZERO] = 0;
    for (int i = 1; i <= SK_HISTOGRAM_SIDE; i++, v *= growth) {
        limit[ZERO + i] = v;
        limit[ZERO - i] = -v;
    }
    limit[SK_HISTOGRAM_BUCKETS - 1] = DBL_MAX;
}

/* The bucket of a value: guessed by its logarithm, then put right against the limits. */
static int bucket_of(const double limit[SK_HISTOGRAM_BUCKETS], double value)
{
    double size = fabs(value);
    double far = size > smallest ? log(size / smallest) * (1 / log(growth)) + 1 : 0;
    int steps = far < SK_HISTOGRAM_SIDE ? (int)far : SK_HISTOGRAM_SIDE;
    int i = value < 0 ? ZERO - steps : ZERO + 1 + steps;
    while (value >= limit[i])
        i++;
    while (i > 0 && value < limit[i - 1])
        i--;
    return i;
}

void sk_histogram_make(struct sk_histogram *h, const float *value, size_t n)
{
    memset(h, 0, sizeof(*h));
    make_limits(h->limit);
    for (size_t i = 0; i < n; i++) {
        double v = value[i];
        if (!isfinite(v))
            continue;
        h->min = h->count == 0 || v < h->min ? v : h->min;
        h->max = h->count == 0 || v > h->max ? v : h->max;
        h->sum += v;
        h->sum_squares += v * v;
        h->count++;
        h->bucket[bucket_of(h->limit, v)]++;
    }
}

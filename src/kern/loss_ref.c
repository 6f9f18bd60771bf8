/* Softmax, cross-entropy with label smoothing, top-1 and top-5. In double: a few thousand numbers a step. */
#include "kern/kern.h"

#include <math.h>

/* log of the sum of exp(row - *max); NaN where the row has a NaN or a +infinity. */
static double log_sum(const float *row, size_t k, double *max)
{
    double sum = 0;
    *max = -INFINITY;
    for (size_t j = 0; j < k; j++)
        if ((double)row[j] > *max || isnan(row[j]))
            *max = (double)row[j];
    for (size_t j = 0; j < k; j++)
        sum += exp((double)row[j] - *max);
    return log(sum);
}

static double row_loss(const float *row, size_t k, int32_t label, double smoothing)
{
    double max, log_norm, mean = 0;
    if (label < 0 || (size_t)label >= k)
        return NAN;
    log_norm = log_sum(row, k, &max);
    if (smoothing > 0)
        for (size_t j = 0; j < k; j++)
            mean += ((double)row[j] - max - log_norm) / (double)k;
    return -(1.0 - smoothing) * ((double)row[label] - max - log_norm) - smoothing * mean;
}

double sk_loss_ref(const float *logits, const int32_t *label, size_t n, size_t k, float smoothing)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += row_loss(logits + i * k, k, label[i], (double)smoothing);
    return sum;
}

void sk_loss_grad_ref(const float *logits, const int32_t *label, size_t n, size_t k, float smoothing, float scale,
                      float *dlogits)
{
    double even = (double)smoothing / (double)k;
    for (size_t i = 0; i < n; i++) {
        const float *row = logits + i * k;
        bool bad = label[i] < 0 || (size_t)label[i] >= k;
        double max, log_norm = log_sum(row, k, &max);
        for (size_t j = 0; j < k; j++) {
            double target = even + (!bad && (size_t)label[i] == j ? 1.0 - (double)smoothing : 0.0);
            double d = (exp((double)row[j] - max - log_norm) - target) * (double)scale;
            dlogits[i * k + j] = bad ? NAN : (float)d;
        }
    }
}

void sk_softmax_ref(const float *logits, size_t n, size_t k, float *prob)
{
    for (size_t i = 0; i < n; i++) {
        double max, log_norm = log_sum(logits + i * k, k, &max);
        for (size_t j = 0; j < k; j++)
            prob[i * k + j] = (float)exp((double)logits[i * k + j] - max - log_norm);
    }
}

/* How many classes torch.topk ranks before label: larger ones, and equal ones with a lower index; k for a row with a
 * NaN. */
static size_t rank_of(const float *row, size_t k, size_t label)
{
    size_t before = 0;
    for (size_t j = 0; j < k; j++) {
        if (isnan(row[j]))
            return k;
        before += row[j] > row[label] || (j < label && row[j] == row[label]);
    }
    return before;
}

void sk_topk_ref(const float *logits, const int32_t *label, size_t n, size_t k, int32_t correct[2])
{
    correct[0] = correct[1] = 0;
    for (size_t i = 0; i < n; i++) {
        if (label[i] < 0 || (size_t)label[i] >= k)
            continue;
        size_t rank = rank_of(logits + i * k, k, (size_t)label[i]);
        bool known = rank < k;
        correct[0] += known && rank < 1;
        correct[1] += known && rank < 5;
    }
}

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

/* The labels of a row; other counts only where the batch is mixed, else it is the first again. */
struct labels {
    int32_t own, other;
};

static struct labels labels_of(const struct sk_loss *a, size_t i)
{
    int32_t own = a->label[i];
    return (struct labels){own, a->lambda < 1 ? a->label[(i + a->n - 1) % a->n] : own};
}

static bool is_class(int32_t label, size_t k)
{
    return label >= 0 && (size_t)label < k;
}

static double row_loss(const struct sk_loss *a, size_t i)
{
    struct labels label = labels_of(a, i);
    const float *row = a->logits + i * a->k;
    double max, log_norm, mean = 0, lambda = (double)a->lambda, smoothing = (double)a->smoothing;
    if (!is_class(label.own, a->k) || !is_class(label.other, a->k))
        return NAN;
    log_norm = log_sum(row, a->k, &max);
    if (smoothing > 0)
        for (size_t j = 0; j < a->k; j++)
            mean += ((double)row[j] - max - log_norm) / (double)a->k;
    double score = (double)row[label.own] - max - log_norm;
    if (label.other != label.own)
        score = lambda * score + (1.0 - lambda) * ((double)row[label.other] - max - log_norm);
    return -(1.0 - smoothing) * score - smoothing * mean;
}

double sk_loss_ref(const struct sk_loss *a, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++)
        sum += row_loss(a, i);
    return sum;
}

static double target_of(struct labels label, size_t j, double lambda)
{
    if (label.own == label.other)
        return (size_t)label.own == j ? 1.0 : 0.0;
    return (size_t)label.own == j ? lambda : (size_t)label.other == j ? 1.0 - lambda : 0.0;
}

static void row_grad(const struct sk_loss *a, size_t i, double scale, float *dlogits)
{
    struct labels label = labels_of(a, i);
    const float *row = a->logits + i * a->k;
    bool bad = !is_class(label.own, a->k) || !is_class(label.other, a->k);
    double max, log_norm = log_sum(row, a->k, &max), smoothing = (double)a->smoothing;
    for (size_t j = 0; j < a->k; j++) {
        double target = smoothing / (double)a->k + (1.0 - smoothing) * target_of(label, j, (double)a->lambda);
        double d = (exp((double)row[j] - max - log_norm) - target) * scale;
        dlogits[j] = bad ? NAN : (float)d;
    }
}

void sk_loss_grad_ref(const struct sk_loss *a, size_t from, size_t to, float scale, float *dlogits)
{
    for (size_t i = from; i < to; i++)
        row_grad(a, i, (double)scale, dlogits + i * a->k);
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

/* What the counts of scores say of classes: precision, recall, F1, their averages, pairs that are confused; and whether
 * two classifiers differ. Where nothing can be divided the figure is 0, scikit-learn's zero_division=0. */
#include "train/scores.h"

#include <math.h>

const char *const sk_average_name[SK_AVERAGES] = {
    [SK_MACRO] = "macro", [SK_MICRO] = "micro", [SK_WEIGHTED] = "weighted"};

static double share(double part, double all)
{
    return all > 0 ? part / all : 0;
}

static struct sk_prf prf(int64_t correct, int64_t predicted, int64_t support)
{
    return (struct sk_prf){share((double)correct, (double)predicted), share((double)correct, (double)support),
                           share(2 * (double)correct, (double)(predicted + support))};
}

struct sk_prf sk_scores_class(const struct sk_scores *s, int c)
{
    return prf(s->correct[c], s->predicted[c], s->support[c]);
}

bool sk_scores_occurs(const struct sk_scores *s, int c)
{
    return s->support[c] > 0 || s->predicted[c] > 0;
}

struct sk_prf sk_scores_average(const struct sk_scores *s, enum sk_average a)
{
    struct sk_prf sum = {0};
    double weights = 0;
    if (a == SK_MICRO) /* each sample has one label and one prediction */
        return prf(s->correct1, s->count, s->count);
    for (int c = 0; c < s->classes; c++) {
        struct sk_prf one = sk_scores_class(s, c);
        double weight = a == SK_WEIGHTED ? (double)s->support[c] : sk_scores_occurs(s, c);
        weights += weight;
        sum.precision += weight * one.precision;
        sum.recall += weight * one.recall;
        sum.f1 += weight * one.f1;
    }
    return (struct sk_prf){share(sum.precision, weights), share(sum.recall, weights), share(sum.f1, weights)};
}

int sk_scores_confused(const struct sk_scores *s, struct sk_confused *out, int max)
{
    int n = 0, k = s->confusion && max > 0 ? s->classes : 0;
    for (int label = 0; label < k; label++)
        for (int c = 0; c < k; c++) {
            int64_t count = s->confusion[(size_t)label * (size_t)k + (size_t)c];
            if (c == label || count == 0 || (n == max && count <= out[n - 1].count))
                continue;
            int at = n < max ? n++ : n - 1;
            for (; at > 0 && out[at - 1].count < count; at--)
                out[at] = out[at - 1];
            out[at] = (struct sk_confused){label, c, count};
        }
    return n;
}

double sk_mcnemar(int64_t b, int64_t c)
{
    double n = (double)(b + c), sum = 0;
    int64_t fewer = b < c ? b : c;
    double base = lgamma(n + 1) - n * log(2);
    for (int64_t i = 0; i <= fewer; i++)
        sum += exp(base - lgamma((double)i + 1) - lgamma(n - (double)i + 1));
    return 2 * sum < 1 ? 2 * sum : 1;
}

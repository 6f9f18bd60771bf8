/* How far probabilities can be trusted: the expected calibration error, and the one temperature that mends it best. */
#include "train/scores.h"

#include <math.h>

/* ---- bins ---- */
void sk_bin_add(struct sk_bin bin[SK_SCORES_BINS], double confidence, bool correct)
{
    int b = 0;
    while (b + 1 < SK_SCORES_BINS && confidence > (double)(b + 1) / SK_SCORES_BINS)
        b++;
    bin[b].count++;
    bin[b].correct += correct;
    bin[b].confidence_sum += confidence;
}

double sk_bins_ece(const struct sk_bin bin[SK_SCORES_BINS])
{
    double gaps = 0, count = 0;
    for (int b = 0; b < SK_SCORES_BINS; b++) {
        gaps += fabs((double)bin[b].correct - bin[b].confidence_sum);
        count += (double)bin[b].count;
    }
    return count > 0 ? gaps / count : 0;
}

/* ---- temperature: with beta = 1 / T the loss is convex in beta ---- */
struct row {
    double max, sum, mean, square; /* of exp(beta (z - max)): sum; of z - max under that softmax: mean, mean square */
    bool right;                    /* the first of the largest is the label */
};

static struct row read_row(const float *z, int k, int label, double beta)
{
    int best = 0;
    struct row r = {0};
    for (int j = 1; j < k; j++)
        best = z[j] > z[best] ? j : best;
    r.max = (double)z[best];
    r.right = best == label;
    for (int j = 0; j < k; j++) {
        double d = (double)z[j] - r.max, e = exp(beta * d);
        r.sum += e;
        r.mean += e * d;
        r.square += e * d * d;
    }
    r.mean /= r.sum;
    r.square /= r.sum;
    return r;
}

struct fit {
    double loss, slope, curve, ece; /* mean loss, its derivatives by beta, ECE */
};

static struct fit fit_at(const struct sk_scores *s, double beta)
{
    struct fit f = {0};
    struct sk_bin bin[SK_SCORES_BINS] = {0};
    for (size_t i = 0; i < s->kept_count; i++) {
        const float *z = s->kept + i * (size_t)s->classes;
        struct row r = read_row(z, s->classes, s->kept_label[i], beta);
        double own = (double)z[s->kept_label[i]] - r.max;
        f.loss += log(r.sum) - beta * own;
        f.slope += r.mean - own;
        f.curve += r.square - r.mean * r.mean;
        sk_bin_add(bin, 1 / r.sum, r.right);
    }
    double n = s->kept_count > 0 ? (double)s->kept_count : 1;
    return (struct fit){f.loss / n, f.slope / n, f.curve / n, sk_bins_ece(bin)};
}

/* Newton's steps within a bracket that shrinks, else its geometric middle. */
static double best_beta(const struct sk_scores *s, double low, double high)
{
    double beta = 1, start = fit_at(s, beta).slope;
    if (!(start < 0) && !(start > 0)) /* one class, or right by chance: nothing to mend */
        return beta;
    if (!(fit_at(s, low).slope < 0))
        return low;
    if (!(fit_at(s, high).slope > 0))
        return high;
    for (int i = 0; i < 100 && high - low > 1e-14 * high; i++) {
        struct fit f = fit_at(s, beta);
        double step = f.curve > 0 ? f.slope / f.curve : INFINITY, next = beta - step;
        if (f.slope < 0)
            low = beta;
        else
            high = beta;
        if (fabs(step) <= 1e-12 * beta)
            break;
        beta = next > low && next < high ? next : sqrt(low * high);
    }
    return beta;
}

void sk_scores_temperature(const struct sk_scores *s, struct sk_temperature *t)
{
    struct fit before = fit_at(s, 1);
    double beta = s->kept_count > 0 ? best_beta(s, 1 / SK_TEMPERATURE_MAX, 1 / SK_TEMPERATURE_MIN) : 1;
    struct fit after = fit_at(s, beta);
    *t = (struct sk_temperature){.value = 1 / beta,
                                 .samples = (int64_t)s->kept_count,
                                 .loss_before = before.loss,
                                 .loss_after = after.loss,
                                 .ece_before = before.ece,
                                 .ece_after = after.ece};
}

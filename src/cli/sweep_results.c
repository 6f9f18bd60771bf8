/* Runs of a setting put together, settings put in order, and lines through figures. */
#include <math.h>
#include <stdlib.h>

#include "cli/sweep.h"

static struct sk_spread spread_of(const struct sk_trials *s, size_t setting, enum sk_metric m)
{
    struct sk_spread p = {0, 0, 0};
    for (size_t i = 0; i < s->count; i++) {
        const struct sk_trial *t = &s->trial[i];
        if (t->setting != setting || t->state != SK_TRIAL_DONE || isnan(t->value[m]))
            continue;
        double from = t->value[m] - p.mean; /* Welford's update; deviation holds the sum of squares */
        p.mean += from / (double)++p.n;
        p.deviation += from * (t->value[m] - p.mean);
    }
    p.deviation = p.n > 1 ? sqrt(p.deviation / (double)(p.n - 1)) : NAN;
    if (p.n == 0)
        p.mean = NAN;
    return p;
}

static void collect(const struct sk_trials *s, size_t setting, struct sk_setting_result *r)
{
    *r = (struct sk_setting_result){.setting = setting};
    for (size_t i = 0; i < s->count; i++)
        if (s->trial[i].setting == setting) {
            r->runs++;
            r->done += s->trial[i].state == SK_TRIAL_DONE;
        }
    for (int m = 0; m < SK_METRICS; m++)
        r->of[m] = spread_of(s, setting, (enum sk_metric)m);
}

/* Whether a belongs before b; in the recipe's order where they are alike. */
static bool is_better(const struct sk_setting_result *a, const struct sk_setting_result *b, enum sk_metric by)
{
    double x = a->of[by].mean, y = b->of[by].mean;
    if (isnan(x) || isnan(y))
        return !isnan(x);
    return sk_metric_rows[by].less ? x < y : x > y;
}

struct sk_setting_result *sk_trials_results(const struct sk_trials *s, enum sk_metric by, struct sk_err *err)
{
    struct sk_setting_result *all = sk_alloc(s->settings, sizeof(*all), err);
    for (size_t i = 0; all && i < s->settings; i++) {
        struct sk_setting_result one;
        size_t at = i;
        collect(s, i, &one);
        for (; at > 0 && is_better(&one, &all[at - 1], by); at--)
            all[at] = all[at - 1];
        all[at] = one;
    }
    return all;
}

static double mean(const double *value, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += value[i];
    return sum / (double)n;
}

bool sk_line_fit(const double *x, const double *y, size_t n, struct sk_line *line)
{
    if (n < 3)
        return false;
    double mx = mean(x, n), my = mean(y, n), xx = 0, xy = 0, yy = 0, left = 0;
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
        yy += (y[i] - my) * (y[i] - my);
    }
    if (!(xx > 0))
        return false;
    *line = (struct sk_line){.n = n, .slope = xy / xx, .at0 = my - xy / xx * mx};
    for (size_t i = 0; i < n; i++) {
        double off = y[i] - line->at0 - line->slope * x[i];
        left += off * off;
    }
    line->r2 = yy > 0 ? 1 - left / yy : 1;
    return true;
}

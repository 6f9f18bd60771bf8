/* Inference time: what the network takes for single pictures, one after the other. */
#include "train/internal.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1);
    int below = (int)floor(at), above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

void sk_latency_of(double *seconds, int n, struct sk_latency *out)
{
    double sum = 0;
    qsort(seconds, (size_t)n, sizeof(*seconds), compare);
    for (int i = 0; i < n; i++)
        sum += seconds[i];
    *out = (struct sk_latency){n, sum / n, quantile(seconds, n, 0.5), quantile(seconds, n, 0.9),
                               quantile(seconds, n, 0.99)};
}

json_t *sk_latency_json(const struct sk_latency *l)
{
    return json_pack("{s:i, s:f, s:f, s:f, s:f}", "samples", l->samples, "mean", l->mean, "median", l->median, "p90",
                     l->p90, "p99", l->p99);
}

/* The next picture; after the last the first again. */
static enum sk_code next_sample(struct sk_loader *loader, const struct sk_batch **batch, struct sk_err *err)
{
    enum sk_code code = sk_loader_next(loader, batch, err);
    if (code != SK_OK || *batch)
        return code;
    code = sk_loader_start(loader, 0, 0, err);
    return code == SK_OK ? sk_loader_next(loader, batch, err) : code;
}

static enum sk_code time_samples(struct sk_net *net, struct sk_loader *loader, const atomic_bool *cancel,
                                 double *seconds, int *n, struct sk_err *err)
{
    double end = sk_now() + SK_LATENCY_SECONDS;
    *n = 0;
    for (int i = 0; i < SK_LATENCY_WARM_UP + SK_LATENCY_SAMPLES; i++) {
        const struct sk_batch *batch;
        struct sk_net_result result;
        if (cancel && atomic_load(cancel))
            return sk_fail(err, SK_CANCELLED, "the measuring of the inference time was stopped");
        if (*n >= SK_LATENCY_WARM_UP && sk_now() > end)
            break;
        enum sk_code code = next_sample(loader, &batch, err);
        if (code != SK_OK)
            return code;
        double since = sk_now();
        code = sk_net_eval(net, &(struct sk_net_batch){.count = 1, .pixels = batch->pixels}, &result, err);
        if (code != SK_OK)
            return code;
        if (i >= SK_LATENCY_WARM_UP)
            seconds[(*n)++] = sk_now() - since;
    }
    return SK_OK;
}

enum sk_code sk_latency_measure(struct sk_net *net, const struct sk_dataset *ds, const struct sk_recipe *recipe,
                                const atomic_bool *cancel, struct sk_latency *out, struct sk_err *err)
{
    struct sk_loader *loader = NULL;
    double seconds[SK_LATENCY_SAMPLES];
    int n = 0;
    *out = (struct sk_latency){0};
    enum sk_code code = sk_eval_loader(&loader, ds, recipe, 1, 0, err); /* no workers: they would take its cores */
    if (code == SK_OK)
        code = sk_eval_fits(net, recipe, loader, ds, err);
    if (code == SK_OK)
        code = sk_net_prepare(net, 1, false, err);
    if (code == SK_OK)
        code = sk_loader_start(loader, 0, 0, err);
    if (code == SK_OK)
        code = time_samples(net, loader, cancel, seconds, &n, err);
    sk_loader_free(loader);
    if (code == SK_OK)
        sk_latency_of(seconds, n, out);
    return code;
}

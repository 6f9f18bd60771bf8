/* What profiling itself costs: turns with and without it, in pairs whose order alternates. */
#include <stdlib.h>

#include "cli/profile_view.h"

enum { PAIRS = 11, WARM_UP = 2 };

static void on_progress(void *ctx, int64_t done, int64_t all)
{
    const int *turn = ctx;
    sk_progress("Profile", *turn * all + done, 2 * PAIRS * all, "turn %d/%d", *turn + 1, 2 * PAIRS);
}

static enum sk_code seconds_of(struct sk_profiler *p, const struct sk_profile_run *run, double *seconds,
                               struct sk_err *err)
{
    struct sk_profile out;
    enum sk_code code = sk_profiler_run(p, run, &out, err);
    if (code != SK_OK)
        return code;
    *seconds = out.seconds / (double)out.samples;
    sk_profile_release(&out);
    return SK_OK;
}

static int larger(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const double *cost, const struct sk_profile_run *run, bool json)
{
    double least = cost[PAIRS / 4], median = cost[PAIRS / 2], most = cost[PAIRS - 1 - PAIRS / 4];
    const char *what = run->network ? "training" : "loading";
    if (json)
        sk_print("{\"cost_of\":\"%s\",\"pairs\":%d,\"median\":%.6g,\"quartiles\":[%.6g,%.6g]}\n", what, PAIRS, median,
                 least, most);
    else
        sk_print("profiling costs %.2f%% of the time of %s (quartiles %.2f%% to %.2f%%, %d pairs of turns with and "
                 "without)\n",
                 100 * median, what, 100 * least, 100 * most, PAIRS);
}

enum sk_code sk_profile_cost(struct sk_profiler *p, const struct sk_recipe_profile *r, int workers, bool json,
                             struct sk_err *err)
{
    double cost[PAIRS], seconds[2] = {0};
    int turn = 0;
    struct sk_profile_run run = {.workers = workers,
                                 .network = r->network,
                                 .warm_up = WARM_UP,
                                 .steps = r->steps,
                                 .progress = on_progress,
                                 .ctx = &turn};
    enum sk_code code = SK_OK;
    for (; turn < 2 * PAIRS && code == SK_OK; turn++) {
        run.bare = turn % 4 == 0 || turn % 4 == 3;
        code = seconds_of(p, &run, &seconds[run.bare], err);
        cost[turn / 2] = code == SK_OK && turn % 2 ? seconds[false] / seconds[true] - 1 : 0;
    }
    sk_progress_clear();
    qsort(cost, PAIRS, sizeof(*cost), larger);
    if (code == SK_OK)
        tell(cost, &run, json);
    return code;
}

/* What the figures of a profile mean, in a sentence. Functions of the figures alone. */
#include <string.h>

#include "train/profile.h"

/* Waiting below this share of the time is no matter. */
static const double waiting_matters = 0.02;
/* Threads that load for less than this share of the time keep up. */
static const double keeps_up = 0.7;
enum { GOOD_SIDE = 256 }; /* of stored photographs, for crops of 224 */

const char *const sk_profile_doing[SK_STAGES] = {"reading", "decoding", "augmenting", "copying"};

enum sk_profile_stage sk_profile_longest(const double stage[SK_STAGES])
{
    int longest = 0;
    for (int i = 1; i < SK_STAGES; i++)
        if (stage[i] > stage[longest])
            longest = i;
    return (enum sk_profile_stage)longest;
}

static double sum(const double *value, int n)
{
    double all = 0;
    for (int i = 0; i < n; i++)
        all += value[i];
    return all;
}

/* ---- one profile ---- */
static double computing(const struct sk_profile *p)
{
    return p->part[SK_PART_FORWARD] + p->part[SK_PART_BACKWARD] + p->part[SK_PART_UPDATE];
}

/* Threads that would prepare a picture in the time that the network needs for it. */
static int workers_wanted(const struct sk_profile *p)
{
    double load = sum(p->stage, SK_STAGES) / (double)p->loaded, compute = computing(p) / (double)p->samples;
    double n = compute > 0 ? load / compute : 0;
    return n < 1 ? 1 : n > 1000 ? 1000 : (int)n + (n > (int)n);
}

static enum sk_code more_processors(const struct sk_profile *p, const char *or_else, struct sk_str *out,
                                    struct sk_err *err)
{
    return sk_str_add(out, err, "%smore than the machine's %d processor%s would help", or_else, p->processors,
                      sk_plural(p->processors));
}

/* Of the time of the loader's threads, what they spent loading. */
static double busy(const struct sk_profile *p)
{
    return sum(p->stage, SK_STAGES) / (p->seconds * (p->workers > 0 ? p->workers : 1));
}

/* The threads keep up, and yet batches come late: something else has the processors. */
static enum sk_code remedy_of_lateness(const struct sk_profile *p, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code =
        sk_str_add(out, err, "that is %.2g%% of the loader's time: batches come late, not slowly; ", 100 * busy(p));
    if (code == SK_OK && p->workers < p->processors)
        return sk_str_add(out, err, "%d workers may help (data.workers)", p->workers + 1);
    if (code == SK_OK && p->threads > 1)
        return sk_str_add(out, err, "fewer threads for the network (engine.threads) may leave it a processor");
    return code == SK_OK ? more_processors(p, "", out, err) : code;
}

/* The threads do not keep up. */
static enum sk_code remedy(const struct sk_profile *p, struct sk_str *out, struct sk_err *err)
{
    enum sk_profile_stage stage = sk_profile_longest(p->stage);
    double ms = 1e3 * p->stage[stage] / (double)p->loaded, ratio = GOOD_SIDE / p->shorter_side;
    int wanted = workers_wanted(p), most = wanted < p->processors ? wanted : p->processors;
    if (p->workers == 0)
        return sk_str_add(out, err, "threads of their own would do it while the network computes: data.workers: auto");
    if (stage == SK_STAGE_DECODE && p->shorter_side > 1.5 * GOOD_SIDE)
        return sk_str_add(out, err,
                          "with shards of %d pixels on the shorter side (skua data convert), not %.0f, it would take "
                          "about %.2g",
                          GOOD_SIDE, p->shorter_side, ms * ratio * ratio);
    if (most > p->workers)
        return sk_str_add(out, err, "%d workers would %s (data.workers)", most,
                          most == wanted ? "keep up" : "wait less");
    if (p->cacheable && (stage == SK_STAGE_READ || stage == SK_STAGE_DECODE))
        return more_processors(p, "pictures kept in memory (data.cache: memory) or ", out, err);
    return more_processors(p, stage == SK_STAGE_AUGMENT ? "cheaper steps in data.augment or " : "", out, err);
}

static enum sk_code say_where(const struct sk_profile *p, struct sk_str *out, struct sk_err *err)
{
    enum sk_profile_stage stage = sk_profile_longest(p->stage);
    double ms = 1e3 * p->stage[stage] / (double)p->loaded;
    if (p->workers == 0)
        return sk_str_add(out, err, ": %s takes %.2g ms a picture in the training thread itself; ",
                          sk_profile_doing[stage], ms);
    return sk_str_add(out, err, ": %s takes %.2g ms a picture on %d worker%s; ", sk_profile_doing[stage], ms,
                      p->workers, sk_plural(p->workers));
}

static enum sk_code waits(const struct sk_profile *p, double share, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "the network waits %.0f%% of the time for data", 100 * share);
    if (code != SK_OK || p->loaded == 0)
        return code;
    if (p->workers > 0 && p->first_wait > 0.5 * p->part[SK_PART_WAIT])
        return sk_str_add(out, err,
                          ": most of it for the first batch of each epoch, %.2g ms, which nothing was prepared for; in "
                          "longer epochs it matters less",
                          1e3 * p->first_wait / (double)p->epochs);
    code = say_where(p, out, err);
    if (code != SK_OK)
        return code;
    return p->workers > 0 && busy(p) < keeps_up ? remedy_of_lateness(p, out, err) : remedy(p, out, err);
}

/* The kind of op with most of the time, its share of it and of the ceiling of operations. */
static const char *main_op(const struct sk_profile *p, double *share, double *of_peak)
{
    const struct sk_graph *g = sk_plan_graph(p->plan);
    double best = 0, all = 0, flops = 0;
    const char *name = "";
    for (size_t i = 0; i < g->op_count; i++) {
        double seconds = 0, operations = 0;
        struct sk_op_report r, other;
        sk_profile_op(p, i, &r);
        all += p->op_seconds[i];
        for (size_t k = i; k < g->op_count; k++) {
            sk_profile_op(p, k, &other);
            seconds += strcmp(other.kind, r.kind) == 0 ? p->op_seconds[k] : 0;
            operations += strcmp(other.kind, r.kind) == 0 && p->op_seconds[k] > 0 ? other.flops.actual : 0;
        }
        if (seconds > best) {
            best = seconds;
            flops = operations;
            name = r.kind;
        }
    }
    *share = all > 0 ? best / all : 0;
    *of_peak = best > 0 && p->ceiling > 0 ? flops / best / p->ceiling : 0;
    return name;
}

static enum sk_code computes(const struct sk_profile *p, double share, struct sk_str *out, struct sk_err *err)
{
    double compute = computing(p), of_op, of_peak, rate = p->flops.actual * sk_profile_steps(p) / p->seconds;
    const char *op = main_op(p, &of_op, &of_peak);
    enum sk_code code = sk_str_add(
        out, err,
        "computing is what takes the time, %.1f%% of it, waiting for data %.1f%%: forward %.0f%%, backward %.0f%%, "
        "update %.0f%% of the computing, at %.0f%% of the machine's peak; the largest share, %.0f%%, is %s",
        100 * compute / p->seconds, 100 * share, 100 * p->part[SK_PART_FORWARD] / compute,
        100 * p->part[SK_PART_BACKWARD] / compute, 100 * p->part[SK_PART_UPDATE] / compute,
        p->ceiling > 0 ? 100 * rate / p->ceiling : 0, 100 * of_op, op);
    if (code == SK_OK && of_peak > 0)
        code = sk_str_add(out, err, " at %.0f%%", 100 * of_peak);
    if (code == SK_OK)
        code = sk_str_add(out, err, "; a narrower or shallower model, smaller pictures or more processors would help");
    return code;
}

enum sk_code sk_profile_verdict(const struct sk_profile *p, struct sk_str *out, struct sk_err *err)
{
    double share = p->seconds > 0 ? p->part[SK_PART_WAIT] / p->seconds : 0;
    return share >= waiting_matters || computing(p) <= 0 ? waits(p, share, out, err) : computes(p, share, out, err);
}

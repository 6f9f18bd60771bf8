/* What the figures of a profile or of a sweep over workers mean, in a sentence. Functions of the figures alone. */
#include <string.h>

#include "train/profile.h"

/* Waiting below this share of the time is no matter. */
static const double waiting_matters = 0.02;
enum { GOOD_SIDE = 256 }; /* of stored photographs, for crops of 224 */

static const char *const doing[SK_STAGES] = {"reading", "decoding", "augmenting", "copying"};

static enum sk_profile_stage longest_stage(const double stage[SK_STAGES])
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

static enum sk_code remedy(const struct sk_profile *p, struct sk_str *out, struct sk_err *err)
{
    enum sk_profile_stage stage = longest_stage(p->stage);
    double ms = 1e3 * p->stage[stage] / (double)p->loaded, ratio = GOOD_SIDE / p->shorter_side;
    int wanted = workers_wanted(p);
    if (p->workers == 0)
        return sk_str_add(out, err, "threads of their own would do it while the network computes: data.workers: auto");
    if (stage == SK_STAGE_DECODE && p->shorter_side > 1.5 * GOOD_SIDE)
        return sk_str_add(
            out, err, "with pictures stored with %d pixels on the shorter side, not %.0f, it would take about %.2g ms",
            GOOD_SIDE, p->shorter_side, ms * ratio * ratio);
    if (wanted > p->workers && wanted < p->processors)
        return sk_str_add(out, err, "%d workers would keep up (data.workers)", wanted);
    if (stage == SK_STAGE_READ || stage == SK_STAGE_DECODE)
        return sk_str_add(out, err,
                          "pictures kept in memory (data.cache: memory) or more than the %d processors would help",
                          p->processors);
    return sk_str_add(out, err, "cheaper steps in data.augment or more than the %d processors would help",
                      p->processors);
}

static enum sk_code waits(const struct sk_profile *p, double share, struct sk_str *out, struct sk_err *err)
{
    enum sk_profile_stage stage = longest_stage(p->stage);
    double ms = p->loaded > 0 ? 1e3 * p->stage[stage] / (double)p->loaded : 0;
    enum sk_code code = sk_str_add(out, err, "the network waits %.0f%% of the time for data", 100 * share);
    if (code != SK_OK || p->loaded == 0)
        return code;
    if (p->workers == 0)
        code = sk_str_add(out, err, ": %s takes %.2g ms a picture in the training thread itself; ", doing[stage], ms);
    else
        code = sk_str_add(out, err, ": %s takes %.2g ms a picture on %d worker%s; ", doing[stage], ms, p->workers,
                          p->workers == 1 ? "" : "s");
    return code == SK_OK ? remedy(p, out, err) : code;
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
        sk_plan_report(p->plan, i, &r);
        all += p->op_seconds[i];
        for (size_t k = i; k < g->op_count; k++) {
            sk_plan_report(p->plan, k, &other);
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
    double compute = computing(p), of_op, of_peak, rate = p->flops.actual * (double)p->steps / p->seconds;
    const char *op = main_op(p, &of_op, &of_peak);
    enum sk_code code = sk_str_add(
        out, err,
        "computing is what takes the time, %.1f%% of it, waiting for data %.1f%%: forward %.0f%%, backward %.0f%%, "
        "update %.0f%% of the computing, at %.0f%% of the machine's peak; most of it, %.0f%%, is %s",
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

/* ---- a sweep ---- */
static double load_ms(const struct sk_sweep_row *r)
{
    return 1e3 * r->load_seconds / (double)r->load_samples;
}

/* What is to be least. */
static double all_ms(const struct sk_sweep_row *r)
{
    if (r->train_samples == 0)
        return load_ms(r);
    return 1e3 * (r->wait_seconds + r->compute_seconds) / (double)r->train_samples;
}

size_t sk_sweep_best(const struct sk_sweep_row *row, size_t rows)
{
    size_t best = 0;
    double least = all_ms(&row[0]);
    for (size_t i = 1; i < rows; i++)
        if (all_ms(&row[i]) < least)
            least = all_ms(&row[i]);
    for (size_t i = 0; i < rows; i++) {
        bool near = all_ms(&row[i]) <= 1.01 * least, was = all_ms(&row[best]) <= 1.01 * least;
        if (near && (!was || row[i].workers < row[best].workers))
            best = i;
    }
    return best;
}

static size_t fastest_loading(const struct sk_sweep_row *row, size_t rows)
{
    size_t best = 0;
    for (size_t i = 1; i < rows; i++)
        if (load_ms(&row[i]) < load_ms(&row[best]))
            best = i;
    return best;
}

/* The row with the fewest workers above 0; NULL: none. */
static const struct sk_sweep_row *least_workers(const struct sk_sweep_row *row, size_t rows)
{
    const struct sk_sweep_row *least = NULL;
    for (size_t i = 0; i < rows; i++)
        if (row[i].workers > 0 && (!least || row[i].workers < least->workers))
            least = &row[i];
    return least;
}

/* Why the best number does not do without waiting. */
static enum sk_code why_it_waits(const struct sk_sweep_row *row, size_t rows, const struct sk_sweep_row *best,
                                 int processors, struct sk_str *out, struct sk_err *err)
{
    const struct sk_sweep_row *first = least_workers(row, rows), *fast = &row[fastest_loading(row, rows)];
    enum sk_profile_stage stage = longest_stage(best->stage);
    double of_stage = best->stage[stage] / sum(best->stage, SK_STAGES);
    double gain = first ? load_ms(first) / load_ms(fast) : 1;
    int could = fast->workers < processors ? fast->workers : processors;
    if (first && fast->workers >= processors && gain > 0.6 * could)
        return sk_str_add(
            out, err,
            "not enough cores: loading is %.1f times as fast on %d workers as on %d, and the machine has %d "
            "processors",
            gain, fast->workers, first->workers, processors);
    if (first && could >= 2 * first->workers && gain < 1.3)
        return sk_str_add(out, err,
                          "memory-bound: with %d workers loading is no more than %.2f times as fast as with %d, "
                          "though the machine has %d processors",
                          fast->workers, gain, first->workers, processors);
    return sk_str_add(out, err, "%s-bound: %s is %.0f%% of the work of loading, %.2g ms a picture",
                      sk_profile_stage_name[stage], doing[stage], 100 * of_stage, 1e3 * best->stage[stage]);
}

enum sk_code sk_sweep_verdict(const struct sk_sweep_row *row, size_t rows, int processors, struct sk_str *out,
                              struct sk_err *err)
{
    const struct sk_sweep_row *best = &row[sk_sweep_best(row, rows)];
    double all = best->wait_seconds + best->compute_seconds, share = all > 0 ? best->wait_seconds / all : 0;
    enum sk_code code = sk_str_add(out, err, "best: %d worker%s, %.3g ms a picture", best->workers,
                                   best->workers == 1 ? "" : "s", all_ms(best));
    if (code == SK_OK && best->train_samples > 0)
        code = sk_str_add(out, err, ", of which %.2g ms waiting for data",
                          1e3 * best->wait_seconds / (double)best->train_samples);
    if (code == SK_OK)
        code = sk_str_add(out, err, "; ");
    if (code != SK_OK || best->train_samples == 0)
        return code != SK_OK ? code : why_it_waits(row, rows, best, processors, out, err);
    if (share < waiting_matters)
        return sk_str_add(
            out, err,
            "compute-bound: loading a picture takes %.2g ms, computing %.2g ms, so that more workers would "
            "only take processors from the network",
            load_ms(best), 1e3 * best->compute_seconds / (double)best->train_samples);
    return why_it_waits(row, rows, best, processors, out, err);
}

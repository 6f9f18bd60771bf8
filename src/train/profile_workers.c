/* Numbers of workers set beside each other: which is best, and why. Functions of the figures alone. */
#include <math.h>

#include "train/profile.h"

/* Differences and waiting below this share of the time are no matter. */
static const double matters = 0.02;
/* Turns that differ by more come from a busy machine; turns of fewer steps are short. */
static const double busy_spread = 0.1;
enum { SHORT_TURN = 5 };

struct sk_turns sk_sweep_spread(const struct sk_sweep *s, size_t row, enum sk_sweep_figure figure)
{
    double v[SK_SWEEP_TURNS];
    for (int i = 0; i < SK_SWEEP_TURNS; i++) {
        int at = i;
        for (; at > 0 && v[at - 1] > s->row[row].turn[i][figure]; at--)
            v[at] = v[at - 1];
        v[at] = s->row[row].turn[i][figure];
    }
    return (struct sk_turns){v[0], (v[(SK_SWEEP_TURNS - 1) / 2] + v[SK_SWEEP_TURNS / 2]) / 2, v[SK_SWEEP_TURNS - 1]};
}

/* The factor by which turns of the same number differ, most of all rows: from the least to the middle one, for what else
 * the machine does only slows a turn, and a single slow one moves no median. Numbers that differ by no more are alike. */
static double noise(const struct sk_sweep *s, enum sk_sweep_figure figure)
{
    double widest = 1;
    for (size_t i = 0; i < s->rows; i++) {
        struct sk_turns v = sk_sweep_spread(s, i, figure);
        double wide = v.least > 0 ? v.median / v.least : 1;
        widest = wide > widest ? wide : widest;
    }
    return widest;
}

/* ---- the best ---- */
/* What is to be least. */
static enum sk_sweep_figure whole(const struct sk_sweep *s)
{
    return s->trained ? SK_SWEEP_TRAIN : SK_SWEEP_LOAD;
}

static double median(const struct sk_sweep *s, size_t row, enum sk_sweep_figure figure)
{
    return sk_sweep_spread(s, row, figure).median;
}

static bool waits(const struct sk_sweep *s, size_t row)
{
    return median(s, row, SK_SWEEP_WAIT) >= matters * median(s, row, SK_SWEEP_TRAIN);
}

/* Fewer workers, 0 of them last. */
static bool before(const struct sk_sweep *s, size_t a, size_t b)
{
    int x = s->row[a].workers, y = s->row[b].workers;
    return x > 0 && (y == 0 || x < y);
}

/* The fewest workers above 0; rows: there are none. */
static size_t first_row(const struct sk_sweep *s)
{
    size_t first = s->rows;
    for (size_t i = 0; i < s->rows; i++)
        if (s->row[i].workers > 0 && (first == s->rows || before(s, i, first)))
            first = i;
    return first;
}

/* Where loading alone was measured, 0 workers are no choice beside others: training would have to wait for all of it.
 */
static bool is_choice(const struct sk_sweep *s, size_t row)
{
    return s->trained || s->row[row].workers > 0 || first_row(s) == s->rows;
}

static double least_time(const struct sk_sweep *s)
{
    double least = INFINITY;
    for (size_t i = 0; i < s->rows; i++)
        if (is_choice(s, i) && median(s, i, whole(s)) < least)
            least = median(s, i, whole(s));
    return least;
}

size_t sk_sweep_best(const struct sk_sweep *s)
{
    size_t best = s->rows;
    double alike = noise(s, whole(s)), least = least_time(s);
    bool enough = false; /* some number of workers makes training not wait */
    for (size_t i = 0; i < s->rows; i++)
        enough = enough || (s->trained && s->row[i].workers > 0 && !waits(s, i));
    for (size_t i = 0; i < s->rows; i++) {
        bool good =
            enough ? !waits(s, i) : median(s, i, whole(s)) <= least * (alike > 1 + matters ? alike : 1 + matters);
        if (good && is_choice(s, i) && (best == s->rows || before(s, i, best)))
            best = i;
    }
    return best;
}

/* ---- why ---- */
/* The fewest workers that can use all processors; else the most. */
static size_t full_row(const struct sk_sweep *s)
{
    size_t full = 0;
    for (size_t i = 1; i < s->rows; i++) {
        int now = s->row[i].workers, was = s->row[full].workers;
        if (was < s->processors ? now > was : now >= s->processors && now < was)
            full = i;
    }
    return full;
}

static enum sk_code by_stage(const struct sk_sweep *s, size_t best, struct sk_str *out, struct sk_err *err)
{
    double stage[SK_STAGES], all = 0;
    for (int i = 0; i < SK_STAGES; i++)
        all += stage[i] = median(s, best, (enum sk_sweep_figure)(SK_SWEEP_STAGE + i));
    enum sk_profile_stage longest = sk_profile_longest(stage);
    double least = sk_sweep_spread(s, best, (enum sk_sweep_figure)(SK_SWEEP_STAGE + (int)longest)).least;
    for (int i = 0; i < SK_STAGES; i++)
        if (i != (int)longest && sk_sweep_spread(s, best, (enum sk_sweep_figure)(SK_SWEEP_STAGE + i)).most >= least)
            return sk_str_add(out, err, "%s and %s take about as long: no cause stands out", sk_profile_doing[longest],
                              sk_profile_doing[i]);
    return sk_str_add(out, err, "%s-bound: %s is %.0f%% of the work of loading, %.2g ms a picture",
                      sk_profile_stage_name[longest], sk_profile_doing[longest],
                      all > 0 ? 100 * stage[longest] / all : 0, 1e3 * stage[longest]);
}

static enum sk_code say_cores(const struct sk_sweep *s, size_t first, size_t full, double gain, struct sk_str *out,
                              struct sk_err *err)
{
    if (first == full)
        return sk_str_add(out, err, "not enough cores: loading and computing share the machine's one processor");
    return sk_str_add(out, err,
                      "not enough cores: loading is %.1f times as fast on %d workers as on %d, and the machine has %d "
                      "processor%s",
                      gain, s->row[full].workers, s->row[first].workers, s->processors, sk_plural(s->processors));
}

/* Why the best number does not do without waiting; what is said holds beyond the noise of the turns. */
static enum sk_code why_it_waits(const struct sk_sweep *s, size_t best, struct sk_str *out, struct sk_err *err)
{
    size_t first = first_row(s), full = full_row(s);
    if (first == s->rows)
        return by_stage(s, best, out, err);
    double gain = median(s, first, SK_SWEEP_LOAD) / median(s, full, SK_SWEEP_LOAD), alike = noise(s, SK_SWEEP_LOAD);
    double work = median(s, full, SK_SWEEP_WORK) / median(s, first, SK_SWEEP_WORK);
    int could = s->row[full].workers < s->processors ? s->row[full].workers : s->processors;
    if (s->row[full].workers >= s->processors && (first == full ? could == 1 : gain / alike > 0.6 * could))
        return say_cores(s, first, full, gain, out, err);
    if (could < 2 * s->row[first].workers)
        return by_stage(s, best, out, err);
    if (gain * alike < 1.3 && work > 1.3 * noise(s, SK_SWEEP_WORK))
        return sk_str_add(out, err,
                          "memory-bound: with %d workers loading is no more than %.2f times as fast as with %d, though "
                          "the machine has %d processors, and takes %.1f times as much of them",
                          s->row[full].workers, gain * alike, s->row[first].workers, s->processors, work);
    if (gain <= alike)
        return sk_str_add(
            out, err,
            "loading with %d workers is %.2f times as fast as with %d, and turns of the same number differ "
            "by a factor of %.2f: no cause stands out",
            s->row[full].workers, gain, s->row[first].workers, alike);
    return by_stage(s, best, out, err);
}

static enum sk_code why_it_computes(const struct sk_sweep *s, size_t best, struct sk_str *out, struct sk_err *err)
{
    struct sk_turns wait = sk_sweep_spread(s, best, SK_SWEEP_WAIT), train = sk_sweep_spread(s, best, SK_SWEEP_TRAIN);
    if (wait.most >= matters * train.median)
        return sk_str_add(out, err,
                          "it waits %.1f%% to %.1f%% of the time, too unlike from turn to turn to tell a cause",
                          100 * wait.least / train.median, 100 * wait.most / train.median);
    return sk_str_add(out, err,
                      "compute-bound: loading a picture takes %.2g ms of a processor, computing it %.2g ms, and more "
                      "workers would only take processors from the network",
                      1e3 * median(s, best, SK_SWEEP_WORK), 1e3 * median(s, best, SK_SWEEP_COMPUTE));
}

/* ---- what it is worth ---- */
static enum sk_code add_doubts(const struct sk_sweep *s, size_t best, struct sk_str *out, struct sk_err *err)
{
    double alike = noise(s, whole(s)), slower = median(s, best, whole(s)) / least_time(s);
    enum sk_code code = SK_OK;
    if (slower > alike && slower > 1 + matters)
        code = sk_str_add(out, err, "; others trained %.2f times as fast, which waiting does not explain", slower);
    if (code == SK_OK && alike > 1 + busy_spread)
        code = sk_str_add(out, err, "; turns of the same number differ by up to %.0f%%: the machine is busy",
                          100 * (alike - 1));
    if (code == SK_OK && s->steps < SHORT_TURN)
        code = sk_str_add(out, err, "; turns of %lld step%s are short: more steps tell more", (long long)s->steps,
                          sk_plural(s->steps));
    return code;
}

enum sk_code sk_sweep_verdict(const struct sk_sweep *s, struct sk_str *out, struct sk_err *err)
{
    size_t best = sk_sweep_best(s);
    struct sk_turns all = sk_sweep_spread(s, best, whole(s));
    enum sk_code code =
        sk_str_add(out, err, "best: %d worker%s, %.3g ms a picture (%.3g to %.3g)", s->row[best].workers,
                   sk_plural(s->row[best].workers), 1e3 * all.median, 1e3 * all.least, 1e3 * all.most);
    if (code == SK_OK && s->trained)
        code = sk_str_add(out, err, ", of which %.2g ms waiting for data", 1e3 * median(s, best, SK_SWEEP_WAIT));
    if (code == SK_OK)
        code = sk_str_add(out, err, "; ");
    if (code == SK_OK)
        code = s->trained && !waits(s, best) ? why_it_computes(s, best, out, err) : why_it_waits(s, best, out, err);
    return code == SK_OK ? add_doubts(s, best, out, err) : code;
}

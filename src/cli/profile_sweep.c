/* Numbers of workers beside each other: loading alone and training on the same batches, as a table, bars and words. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile_view.h"

enum { WORKERS_MAX = 64, WARM_UP = 2 };
static const double turn_seconds = 0.1; /* shorter turns go on till then */

/* ---- the list ---- */
static enum sk_code refuse(const char *list, struct sk_err *err)
{
    return sk_fail(err, SK_USAGE,
                   "--workers: expected up to %d numbers from 0 to %d, none twice, as in 0,1,2,4; got '%s'",
                   SK_SWEEP_MAX, WORKERS_MAX, list);
}

static bool has(const struct sk_sweep *s, int64_t workers)
{
    for (size_t i = 0; i < s->rows; i++)
        if (s->row[i].workers == workers)
            return true;
    return false;
}

enum sk_code sk_sweep_parse(struct sk_sweep *s, const char *list, struct sk_err *err)
{
    char number[24];
    *s = (struct sk_sweep){0};
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ",");
        int64_t workers;
        snprintf(number, sizeof(number), "%.*s", (int)(len < sizeof(number) ? len : sizeof(number) - 1), at);
        if (!sk_parse_i64(number, &workers) || workers < 0 || workers > WORKERS_MAX || has(s, workers) ||
            s->rows == SK_SWEEP_MAX)
            return refuse(list, err);
        s->row[s->rows++].workers = (int)workers;
        at += len;
        if (*at == '\0')
            return SK_OK;
    }
}

/* ---- measuring ---- */
static void on_progress(void *ctx, int64_t done, int64_t all)
{
    const struct sk_profile_run *run = ctx;
    sk_progress("Profile", done, all, "%s, %d worker%s", run->network ? "training" : "loading", run->workers,
                sk_plural(run->workers));
}

static void book_training(double *figure, const struct sk_profile *p)
{
    figure[SK_SWEEP_TRAIN] = p->seconds / (double)p->samples;
    figure[SK_SWEEP_WAIT] = p->part[SK_PART_WAIT] / (double)p->samples;
    figure[SK_SWEEP_COMPUTE] = figure[SK_SWEEP_TRAIN] - figure[SK_SWEEP_WAIT];
}

static void book_loading(double *figure, const struct sk_profile *p)
{
    figure[SK_SWEEP_LOAD] = p->seconds / (double)p->samples;
    if (p->loaded == 0)
        return;
    figure[SK_SWEEP_WORK] = p->load_work / (double)p->loaded;
    for (int i = 0; i < SK_STAGES; i++)
        figure[SK_SWEEP_STAGE + i] = p->stage[i] / (double)p->loaded;
}

/* Loading alone is measured from the beginning of an epoch, without what was prepared before. */
static enum sk_code measure(struct sk_sweep *s, struct sk_profiler *p, size_t row, int turn, int64_t steps,
                            bool network, struct sk_err *err)
{
    struct sk_profile out;
    struct sk_profile_run run = {.workers = s->row[row].workers,
                                 .network = network,
                                 .warm_up = WARM_UP,
                                 .steps = steps,
                                 .seconds = turn_seconds,
                                 .empty = !network,
                                 .progress = on_progress};
    run.ctx = &run;
    enum sk_code code = sk_profiler_run(p, &run, &out, err);
    if (code != SK_OK)
        return code;
    if (network)
        book_training(s->row[row].turn[turn], &out);
    else
        book_loading(s->row[row].turn[turn], &out);
    s->steps = s->steps == 0 || out.steps < s->steps ? out.steps : s->steps;
    s->processors = out.processors;
    sk_profile_release(&out);
    return SK_OK;
}

enum sk_code sk_sweep_measure(struct sk_sweep *s, struct sk_profiler *p, int64_t steps, bool network,
                              struct sk_err *err)
{
    enum sk_code code = SK_OK;
    int64_t all = steps > 0 ? steps : sk_profiler_batches(p), of_turn = (all + SK_SWEEP_TURNS - 1) / SK_SWEEP_TURNS;
    s->trained = network;
    s->pictures = sk_profiler_pictures(p, steps);
    for (int turn = 0; turn < SK_SWEEP_TURNS; turn++) {
        for (size_t i = 0; i < s->rows && code == SK_OK; i++) {
            size_t row = turn % 2 ? s->rows - 1 - i : i; /* forwards and backwards */
            code = measure(s, p, row, turn, of_turn, false, err);
            if (code == SK_OK && network)
                code = measure(s, p, row, turn, of_turn, true, err);
        }
    }
    sk_progress_clear();
    return code;
}

/* ---- showing ---- */
/* Seconds for all pictures. */
static struct sk_turns seconds(const struct sk_sweep *s, size_t row, enum sk_sweep_figure figure)
{
    struct sk_turns v = sk_sweep_spread(s, row, figure);
    double n = (double)s->pictures;
    return (struct sk_turns){n * v.least, n * v.median, n * v.most};
}

double sk_sweep_longest(const struct sk_sweep *s)
{
    double most = 0;
    for (size_t i = 0; i < s->rows; i++) {
        double load = seconds(s, i, SK_SWEEP_LOAD).most, train = seconds(s, i, SK_SWEEP_TRAIN).most;
        most = load > most ? load : most;
        most = train > most ? train : most;
    }
    return most;
}

static void add_spread(struct sk_table *t, struct sk_turns v)
{
    sk_table_cell(t, "%.3f", v.median);
    sk_table_cell(t, "%.3f..%.3f", v.least, v.most);
}

static enum sk_code print_table(const struct sk_sweep *s, struct sk_err *err)
{
    static const char *const heading[] = {"workers",     "loading alone s", "least..most", "img/s", "training s",
                                          "least..most", "waiting s",       "computing s", "waits"};
    struct sk_table t = {.align = s->trained ? "rrrrrrrrr" : "rrrr"};
    for (size_t i = 0; i < strlen(t.align); i++)
        sk_table_cell(&t, "%s", heading[i]);
    for (size_t i = 0; i < s->rows; i++) {
        double wait = seconds(s, i, SK_SWEEP_WAIT).median, compute = seconds(s, i, SK_SWEEP_COMPUTE).median;
        sk_table_cell(&t, "%d", s->row[i].workers);
        add_spread(&t, seconds(s, i, SK_SWEEP_LOAD));
        sk_table_cell(&t, "%.0f", 1 / sk_sweep_spread(s, i, SK_SWEEP_LOAD).median);
        if (!s->trained)
            continue;
        add_spread(&t, seconds(s, i, SK_SWEEP_TRAIN));
        sk_table_cell(&t, "%.3f", wait);
        sk_table_cell(&t, "%.3f", compute);
        sk_table_cell(&t, "%.1f%%", 100 * wait / (wait + compute));
    }
    enum sk_code code = sk_table_print(&t, err);
    sk_print("of %lld pictures; medians of %d turns\n", (long long)s->pictures, SK_SWEEP_TURNS);
    return code;
}

static enum sk_code print_bar(const char *what, int workers, double of, double most, struct sk_err *err)
{
    enum { WIDTH = 40 };
    struct sk_str bar = {0};
    enum sk_code code = sk_bar(&bar, most > 0 ? of / most : 0, WIDTH, err);
    if (code == SK_OK)
        sk_print("%3d %-9s %s %.3f s\n", workers, what, bar.text, of);
    sk_str_release(&bar);
    return code;
}

static enum sk_code print_bars(const struct sk_sweep *s, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    double most = sk_sweep_longest(s);
    sk_print("\n");
    for (size_t i = 0; i < s->rows && code == SK_OK; i++) {
        int workers = s->row[i].workers;
        code = print_bar("loading", workers, seconds(s, i, SK_SWEEP_LOAD).median, most, err);
        if (code == SK_OK && s->trained)
            code = print_bar("waiting", workers, seconds(s, i, SK_SWEEP_WAIT).median, most, err);
        if (code == SK_OK && s->trained)
            code = print_bar("computing", workers, seconds(s, i, SK_SWEEP_COMPUTE).median, most, err);
    }
    sk_print("\n");
    return code;
}

static json_t *spread_json(struct sk_turns v)
{
    return json_pack("[f, f]", v.least, v.most);
}

static json_t *row_json(const struct sk_sweep *s, size_t i)
{
    struct sk_turns load = seconds(s, i, SK_SWEEP_LOAD), train = seconds(s, i, SK_SWEEP_TRAIN),
                    wait = seconds(s, i, SK_SWEEP_WAIT), compute = seconds(s, i, SK_SWEEP_COMPUTE);
    json_t *stages = json_pack("{s:f}", "processor", 1e3 * sk_sweep_spread(s, i, SK_SWEEP_WORK).median);
    for (int k = 0; k < SK_STAGES; k++)
        json_object_set_new(stages, sk_profile_stage_name[k],
                            json_real(1e3 * sk_sweep_spread(s, i, (enum sk_sweep_figure)(SK_SWEEP_STAGE + k)).median));
    json_t *row =
        json_pack("{s:i, s:I, s:f, s:o, s:o}", "workers", s->row[i].workers, "pictures", (json_int_t)s->pictures,
                  "load_seconds", load.median, "load_spread", spread_json(load), "ms_a_picture", stages);
    if (!row || !s->trained)
        return row;
    json_t *trained = json_pack("{s:f, s:o, s:f, s:o, s:f, s:o}", "train_seconds", train.median, "train_spread",
                                spread_json(train), "wait_seconds", wait.median, "wait_spread", spread_json(wait),
                                "compute_seconds", compute.median, "compute_spread", spread_json(compute));
    json_object_update(row, trained);
    json_decref(trained);
    return row;
}

static enum sk_code print_json(const struct sk_sweep *s, const char *verdict, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < s->rows && code == SK_OK; i++)
        code = sk_print_json(row_json(s, i), "the sweep", err);
    if (code == SK_OK)
        code = sk_print_json(json_pack("{s:i, s:i, s:i, s:s}", "best_workers", s->row[sk_sweep_best(s)].workers,
                                       "processors", s->processors, "turns", SK_SWEEP_TURNS, "verdict", verdict),
                             "the sweep", err);
    return code;
}

/* One worker against the best number, as seconds of each. */
static void compare_with_one(const struct sk_sweep *s)
{
    size_t best = sk_sweep_best(s), one = s->rows;
    for (size_t i = 0; i < s->rows; i++)
        one = s->row[i].workers == 1 ? i : one;
    if (one == s->rows || one == best)
        return;
    sk_print("1 worker against %d: loading alone %.3f s against %.3f s", s->row[best].workers,
             seconds(s, one, SK_SWEEP_LOAD).median, seconds(s, best, SK_SWEEP_LOAD).median);
    if (s->trained)
        sk_print(", waiting %.3f s against %.3f s, computing %.3f s against %.3f s",
                 seconds(s, one, SK_SWEEP_WAIT).median, seconds(s, best, SK_SWEEP_WAIT).median,
                 seconds(s, one, SK_SWEEP_COMPUTE).median, seconds(s, best, SK_SWEEP_COMPUTE).median);
    sk_print("\n");
}

enum sk_code sk_sweep_print(const struct sk_sweep *s, bool json, struct sk_err *err)
{
    struct sk_str verdict = {0};
    enum sk_code code = sk_sweep_verdict(s, &verdict, err);
    if (code == SK_OK && json)
        code = print_json(s, verdict.text, err);
    if (code == SK_OK && !json)
        code = print_table(s, err);
    if (code == SK_OK && !json)
        code = print_bars(s, err);
    if (code == SK_OK && !json)
        compare_with_one(s);
    if (code == SK_OK && !json)
        sk_print("%s\n", verdict.text);
    sk_str_release(&verdict);
    return code;
}

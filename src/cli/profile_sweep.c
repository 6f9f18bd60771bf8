/* Numbers of workers beside each other: loading alone and training on the same batches, as a table, bars and words. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile_view.h"
#include "cli/svg.h"

enum { WORKERS_MAX = 64, WARM_UP = 2 };

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
        if (s->workers[i] == workers)
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
        s->workers[s->rows++] = (int)workers;
        at += len;
        if (*at == '\0')
            return SK_OK;
    }
}

/* ---- measuring ---- */
struct showing {
    const char *what;
    int workers;
};

static void on_progress(void *ctx, int64_t done, int64_t all)
{
    const struct showing *s = ctx;
    sk_progress("Profile", done, all, "%s, %d worker%s", s->what, s->workers, s->workers == 1 ? "" : "s");
}

/* Loading alone is measured from the beginning of an epoch, without what was prepared before. */
static enum sk_code measure_loading(struct sk_sweep_row *row, int workers, struct sk_profiler *p, int64_t steps,
                                    int *processors, struct sk_err *err)
{
    struct sk_profile alone;
    struct showing load = {"loading", workers};
    struct sk_profile_run run = {
        .workers = workers, .steps = steps, .empty = true, .warm_up = WARM_UP, .progress = on_progress, .ctx = &load};
    enum sk_code code = sk_profiler_run(p, &run, &alone, err);
    if (code != SK_OK)
        return code;
    *row = (struct sk_sweep_row){.workers = workers, .load_seconds = alone.seconds, .load_samples = alone.samples};
    for (int i = 0; i < SK_STAGES && alone.loaded > 0; i++)
        row->stage[i] = alone.stage[i] / (double)alone.loaded;
    *processors = alone.processors;
    sk_profile_release(&alone);
    return SK_OK;
}

static enum sk_code measure_training(struct sk_sweep_row *row, struct sk_profiler *p, int64_t steps, struct sk_err *err)
{
    struct sk_profile both;
    struct showing train = {"training", row->workers};
    struct sk_profile_run run = {.workers = row->workers,
                                 .network = true,
                                 .steps = steps,
                                 .warm_up = WARM_UP,
                                 .progress = on_progress,
                                 .ctx = &train};
    enum sk_code code = sk_profiler_run(p, &run, &both, err);
    if (code != SK_OK)
        return code;
    row->wait_seconds = both.part[SK_PART_WAIT];
    row->compute_seconds = both.seconds - both.part[SK_PART_WAIT];
    row->train_samples = both.samples;
    sk_profile_release(&both);
    return SK_OK;
}

enum sk_code sk_sweep_measure(struct sk_sweep *s, struct sk_profiler *p, int64_t steps, bool network,
                              struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < s->rows && code == SK_OK; i++) {
        code = measure_loading(&s->row[i], s->workers[i], p, steps, &s->processors, err);
        if (code == SK_OK && network)
            code = measure_training(&s->row[i], p, steps, err);
    }
    sk_progress_clear();
    return code;
}

/* ---- showing ---- */
static double longest(const struct sk_sweep *s)
{
    double most = 0;
    for (size_t i = 0; i < s->rows; i++) {
        const struct sk_sweep_row *r = &s->row[i];
        double all = r->wait_seconds + r->compute_seconds;
        most = all > most ? all : most;
        most = r->load_seconds > most ? r->load_seconds : most;
    }
    return most;
}

static bool trained(const struct sk_sweep *s)
{
    return s->row[0].train_samples > 0;
}

static enum sk_code print_table(const struct sk_sweep *s, struct sk_err *err)
{
    static const char *const heading[] = {"workers",   "loading alone s", "img/s", "training s",
                                          "waiting s", "computing s",     "waits"};
    struct sk_table t = {.align = trained(s) ? "rrrrrrr" : "rrr"};
    for (size_t i = 0; i < strlen(t.align); i++)
        sk_table_cell(&t, "%s", heading[i]);
    for (size_t i = 0; i < s->rows; i++) {
        const struct sk_sweep_row *r = &s->row[i];
        double all = r->wait_seconds + r->compute_seconds;
        sk_table_cell(&t, "%d", r->workers);
        sk_table_cell(&t, "%.3f", r->load_seconds);
        sk_table_cell(&t, "%.0f", (double)r->load_samples / r->load_seconds);
        if (!trained(s))
            continue;
        sk_table_cell(&t, "%.3f", all);
        sk_table_cell(&t, "%.3f", r->wait_seconds);
        sk_table_cell(&t, "%.3f", r->compute_seconds);
        sk_table_cell(&t, "%.1f%%", 100 * r->wait_seconds / all);
    }
    return sk_table_print(&t, err);
}

static enum sk_code print_bar(const char *what, int workers, double seconds, double most, struct sk_err *err)
{
    enum { WIDTH = 40 };
    struct sk_str bar = {0};
    enum sk_code code = sk_bar(&bar, most > 0 ? seconds / most : 0, WIDTH, err);
    if (code == SK_OK)
        sk_print("%3d %-9s %s %.3f s\n", workers, what, bar.text, seconds);
    sk_str_release(&bar);
    return code;
}

static enum sk_code print_bars(const struct sk_sweep *s, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    double most = longest(s);
    sk_print("\n");
    for (size_t i = 0; i < s->rows && code == SK_OK; i++) {
        const struct sk_sweep_row *r = &s->row[i];
        code = print_bar("loading", r->workers, r->load_seconds, most, err);
        if (code == SK_OK && trained(s))
            code = print_bar("waiting", r->workers, r->wait_seconds, most, err);
        if (code == SK_OK && trained(s))
            code = print_bar("computing", r->workers, r->compute_seconds, most, err);
    }
    sk_print("\n");
    return code;
}

static enum sk_code print_json(const struct sk_sweep *s, const char *verdict, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < s->rows && code == SK_OK; i++) {
        const struct sk_sweep_row *r = &s->row[i];
        code = sk_print_json(
            json_pack("{s:i, s:f, s:I, s:f, s:f, s:I, s:{s:f, s:f, s:f, s:f}}", "workers", r->workers, "load_seconds",
                      r->load_seconds, "load_samples", (json_int_t)r->load_samples, "wait_seconds", r->wait_seconds,
                      "compute_seconds", r->compute_seconds, "train_samples", (json_int_t)r->train_samples,
                      "ms_a_picture", "read", 1e3 * r->stage[SK_STAGE_READ], "decode", 1e3 * r->stage[SK_STAGE_DECODE],
                      "augment", 1e3 * r->stage[SK_STAGE_AUGMENT], "copy", 1e3 * r->stage[SK_STAGE_COPY]),
            "the sweep", err);
    }
    if (code == SK_OK)
        code = sk_print_json(json_pack("{s:i, s:i, s:s}", "best_workers", s->workers[sk_sweep_best(s->row, s->rows)],
                                       "processors", s->processors, "verdict", verdict),
                             "the sweep", err);
    return code;
}

/* One worker against the best number, as seconds of each. */
static void compare_with_one(const struct sk_sweep *s)
{
    const struct sk_sweep_row *best = &s->row[sk_sweep_best(s->row, s->rows)], *one = NULL;
    for (size_t i = 0; i < s->rows; i++)
        one = s->row[i].workers == 1 ? &s->row[i] : one;
    if (!one || one == best)
        return;
    sk_print("1 worker against %d: loading alone %.3f s against %.3f s", best->workers, one->load_seconds,
             best->load_seconds);
    if (trained(s))
        sk_print(", waiting %.3f s against %.3f s, computing %.3f s against %.3f s", one->wait_seconds,
                 best->wait_seconds, one->compute_seconds, best->compute_seconds);
    sk_print("\n");
}

enum sk_code sk_sweep_print(const struct sk_sweep *s, bool json, struct sk_err *err)
{
    struct sk_str verdict = {0};
    enum sk_code code = sk_sweep_verdict(s->row, s->rows, s->processors, &verdict, err);
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

/* ---- the chart as SVG ---- */
enum { CHART_TOP = 40, CHART_HEIGHT = 260, CHART_LEFT = 60, GROUP = 90, BAR = 24 };

static enum sk_code add_bar(struct sk_str *out, double x, double y, double height, const char *class,
                            struct sk_err *err)
{
    return sk_svg_rect(out, class, x, y, BAR, height, err);
}

static enum sk_code add_group(struct sk_str *out, const struct sk_sweep_row *r, size_t at, double most, bool best,
                              struct sk_err *err)
{
    char label[32];
    double x = CHART_LEFT + 20 + (double)at * GROUP, floor = CHART_TOP + CHART_HEIGHT,
           unit = most > 0 ? CHART_HEIGHT / most : 0;
    double load = unit * r->load_seconds, wait = unit * r->wait_seconds, compute = unit * r->compute_seconds;
    snprintf(label, sizeof(label), "%d%s", r->workers, best ? " (best)" : "");
    enum sk_code code = add_bar(out, x, floor - load, load, "load", err);
    if (code == SK_OK)
        code = add_bar(out, x + BAR + 4, floor - compute, compute, "compute", err);
    if (code == SK_OK)
        code = add_bar(out, x + BAR + 4, floor - compute - wait, wait, "wait", err);
    return code == SK_OK ? sk_svg_text(out, x + BAR + 2, floor + 20, "middle", best, label, err) : code;
}

static enum sk_code add_scale(struct sk_str *out, double most, double width, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i <= 4 && code == SK_OK; i++) {
        char label[32];
        double y = CHART_TOP + CHART_HEIGHT * (1 - i / 4.0);
        snprintf(label, sizeof(label), "%.3g s", most * i / 4.0);
        code = sk_svg_line(out, "grid", CHART_LEFT, y, width - 10, y, err);
        if (code == SK_OK)
            code = sk_svg_text(out, CHART_LEFT - 6, y + 4, "end", false, label, err);
    }
    return code;
}

enum sk_code sk_sweep_svg(const struct sk_sweep *s, struct sk_str *out, struct sk_err *err)
{
    static const char style[] = ".load { fill: #b7950b } .compute { fill: #2471a3 } .wait { fill: #c0392b }";
    double width = CHART_LEFT + 30 + (double)s->rows * GROUP, most = longest(s);
    width = width < 420 ? 420 : width;
    enum sk_code code = sk_svg_open(out, width, CHART_TOP + CHART_HEIGHT + 40, style, err);
    if (code == SK_OK)
        code = sk_str_add(
            out, err,
            "<text x=\"10\" y=\"20\">by number of workers: "
            "<tspan class=\"load\" style=\"fill: #b7950b\">loading alone</tspan>, beside it training: "
            "<tspan style=\"fill: #2471a3\">computing</tspan> and <tspan style=\"fill: #c0392b\">waiting for "
            "data</tspan></text>\n");
    if (code == SK_OK)
        code = add_scale(out, most, width, err);
    for (size_t i = 0; i < s->rows && code == SK_OK; i++)
        code = add_group(out, &s->row[i], i, most, i == sk_sweep_best(s->row, s->rows), err);
    return code == SK_OK ? sk_str_add(out, err, "</svg>\n") : code;
}

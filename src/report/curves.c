/* Curves of the runs: loss, accuracy, learning rate and time, over epochs. */
#include "report/internal.h"

enum {
    EPOCHS = 400, /* at most, of a curve: every n-th */
    POINTS = 200 /* of a curve of steps: means of as many stretches */
};

struct curves { /* series of one chart, which own their points */
    struct sk_series series[3 * SK_REPORT_RUNS];
    size_t count;
    const struct sk_report_run *const *run;
    size_t runs;
    bool by_step; /* where no length of an epoch is known */
};

static double place(const struct curves *c, const struct sk_report_run *run, int64_t step)
{
    return c->by_step ? (double)step : (double)step / run->epoch_steps;
}

/* A line of the k-th run: alone it is called what, beside others by the run's label. */
static struct sk_series *new_series(struct curves *c, size_t k, const char *what, enum sk_line line, size_t room,
                                    struct sk_err *err)
{
    struct sk_series *s = &c->series[c->count];
    double *points = sk_alloc(2 * room + 1, sizeof(double), err);
    if (!points)
        return NULL;
    bool main = line == SK_LINE_SOLID || (line == SK_LINE_DASHED && (c->runs == 1 || !sk_report_best(c->run[k])));
    const char *label = c->runs == 1 ? what : c->run[k]->label;
    *s = (struct sk_series){
        .label = main ? label : NULL, .colour = (int)k, .line = line, .x = points, .y = points + room};
    if (c->runs == 1 && line != SK_LINE_SOLID)
        s->colour = 1;
    c->count++;
    return s;
}

static void release(struct curves *c)
{
    for (size_t i = 0; i < c->count; i++)
        sk_free(c->series[i].x);
    c->count = 0;
}

static enum sk_code add_epochs(struct curves *c, size_t k, const char *what, enum sk_line line, size_t member,
                               struct sk_err *err)
{
    const struct sk_report_run *run = c->run[k];
    size_t all = run->log.epochs, points = all < EPOCHS ? all : EPOCHS;
    struct sk_series *s = new_series(c, k, what, line, points, err);
    for (size_t i = 0; s && i < points; i++) {
        const struct sk_logged_epoch *e = &run->log.epoch[(i + 1) * all / points - 1]; /* the last among them */
        s->x[i] = place(c, run, e->step);
        s->y[i] = *(const double *)(const void *)((const char *)e + member);
        s->count = i + 1;
    }
    return s ? SK_OK : SK_NOMEM;
}

/* Means of stretches of steps (last: their last values) for which there is a number. */
static enum sk_code add_steps(struct curves *c, size_t k, const char *what, enum sk_line line, size_t member, bool last,
                              struct sk_err *err)
{
    const struct sk_report_run *run = c->run[k];
    size_t steps = run->log.steps, points = steps < POINTS ? steps : POINTS;
    struct sk_series *s = new_series(c, k, what, line, points, err);
    for (size_t i = 0; s && i < points; i++) {
        size_t from = i * steps / points, to = (i + 1) * steps / points, n = 0;
        double sum = 0;
        for (size_t j = from; j < to; j++) {
            double y = *(const double *)(const void *)((const char *)&run->log.step[j] + member);
            if (!isfinite(y))
                continue;
            sum = last ? y : sum + y;
            n = last ? 1 : n + 1;
        }
        s->x[i] = place(c, run, run->log.step[to - 1].step);
        s->y[i] = n > 0 ? sum / (double)n : NAN;
        s->count = i + 1;
    }
    return s ? SK_OK : SK_NOMEM;
}

static void draw(struct sk_page *p, struct curves *c, struct sk_chart *chart)
{
    chart->series = c->series;
    chart->count = c->count;
    chart->across = c->by_step ? "step" : "epoch";
    sk_chart_lines(p, chart);
    release(c);
}

#define EPOCH(member) offsetof(struct sk_logged_epoch, member)
#define STEP(member)  offsetof(struct sk_logged_step, member)

/* What the averaged weights give, of one run. */
static enum sk_code add_averaged(struct curves *c, size_t member, struct sk_err *err)
{
    const struct sk_run_log *log = &c->run[0]->log;
    if (c->runs > 1 || log->epochs == 0 || !isfinite(log->epoch[log->epochs - 1].ema_top1))
        return SK_OK;
    enum sk_code code = add_epochs(c, 0, "averaged", SK_LINE_SOLID, member, err);
    if (code == SK_OK)
        c->series[c->count - 1].colour = 2;
    return code;
}

struct measure { /* members of a logged step and of a logged epoch */
    size_t step, train, val, ema;
};

static enum sk_code add_pair(struct sk_page *p, struct curves *c, struct sk_chart *chart, struct measure of,
                             struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t k = 0; k < c->runs && code == SK_OK; k++) {
        bool beside = sk_report_best(c->run[k]) || c->runs > 1, epochs = c->run[k]->log.epochs > 0;
        enum sk_line line = beside ? SK_LINE_DASHED : SK_LINE_SOLID;
        if (c->runs == 1 || !epochs)
            code = add_steps(c, k, "training", epochs ? SK_LINE_FAINT : line, of.step, false, err);
        if (code == SK_OK)
            code = add_epochs(c, k, "training", line, of.train, err);
        if (code == SK_OK)
            code = add_epochs(c, k, "valid.", SK_LINE_SOLID, of.val, err);
    }
    if (code == SK_OK)
        code = add_averaged(c, of.ema, err);
    draw(p, c, chart);
    return code;
}

static enum sk_code add_rate(struct sk_page *p, struct curves *c, struct sk_err *err)
{
    struct sk_chart chart = {.title = "Learning rate", .unit = ""};
    enum sk_code code = SK_OK;
    for (size_t k = 0; k < c->runs && code == SK_OK; k++)
        code = c->run[k]->log.steps > 0 ? add_steps(c, k, "rate", SK_LINE_SOLID, STEP(lr), true, err)
                                        : add_epochs(c, k, "rate", SK_LINE_SOLID, EPOCH(lr), err);
    draw(p, c, &chart);
    return code;
}

static enum sk_code add_seconds(struct sk_page *p, struct curves *c, struct sk_err *err)
{
    struct sk_chart chart = {.title = "Time of an epoch", .unit = "seconds", .from_zero = true};
    enum sk_code code = SK_OK;
    for (size_t k = 0; k < c->runs && code == SK_OK; k++)
        code = add_epochs(c, k, "all", SK_LINE_SOLID, EPOCH(seconds), err);
    for (size_t k = 0; k < c->runs && code == SK_OK && c->runs == 1; k++)
        code = add_epochs(c, k, "computing", SK_LINE_DASHED, EPOCH(compute_seconds), err);
    draw(p, c, &chart);
    return code;
}

static void expect(const struct curves *c, struct sk_chart *chart)
{
    const struct sk_recipe_expect *e = &c->run[0]->recipe.expect;
    if (c->runs > 1 || !c->run[0]->has_recipe || e->accuracy < 0 || e->tolerance <= 0)
        return;
    chart->band[0] = e->accuracy - e->tolerance;
    chart->band[1] = e->accuracy;
}

static void add_legend(struct sk_page *p, const struct sk_report_run *const *run, size_t runs)
{
    sk_page_add(p, "<p class=\"quiet\">Solid: validation; dashed: training.</p>\n<div class=\"key\">");
    for (size_t k = 0; k < runs; k++) {
        sk_page_add(p, "<span>");
        sk_report_name(p, run[k], k);
        sk_page_add(p, "</span>");
    }
    sk_page_add(p, "</div>\n");
}

enum sk_code sk_report_curves(struct sk_page *p, const struct sk_report_run *const *run, size_t runs,
                              struct sk_err *err)
{
    struct sk_chart loss = {.title = "Loss", .unit = "cross-entropy", .may_be_log = true};
    struct sk_chart accuracy = {.title = "Accuracy", .unit = "top-1", .percent = true};
    struct curves *c = sk_alloc(1, sizeof(*c), err);
    if (!c)
        return SK_NOMEM;
    *c = (struct curves){.run = run, .runs = runs};
    for (size_t k = 0; k < runs; k++)
        c->by_step |= run[k]->log.steps + run[k]->log.epochs > 0 && run[k]->epoch_steps <= 0;
    expect(c, &accuracy);
    sk_page_add(p, "<h2>Curves</h2>\n");
    if (runs > 1)
        add_legend(p, run, runs);
    sk_page_add(p, "<div class=\"charts\">\n");
    enum sk_code code = add_pair(p, c, &loss, (struct measure){STEP(loss), EPOCH(train_loss), EPOCH(val_loss), EPOCH(ema_loss)}, err);
    if (code == SK_OK)
        code = add_pair(p, c, &accuracy, (struct measure){STEP(top1), EPOCH(train_top1), EPOCH(val_top1), EPOCH(ema_top1)},
                        err);
    if (code == SK_OK)
        code = add_rate(p, c, err);
    if (code == SK_OK)
        code = add_seconds(p, c, err);
    sk_page_add(p, "</div>\n");
    release(c);
    sk_free(c);
    return code;
}

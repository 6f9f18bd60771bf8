/* What a run reached: the verdict, the figures that count, its epochs, where its time went. */
#include "report/internal.h"

enum { ROWS = 400 }; /* of the table of epochs */

/* ---- the verdict ---- */
static void add_expected(struct sk_page *p, const struct sk_recipe_expect *e)
{
    if (e->accuracy >= 0)
        sk_page_add(p, " <span class=\"whole\">(expected %.2f%%, tolerance %.2f%%)</span>", 100 * e->accuracy,
                    100 * e->tolerance);
}

static void add_finished(struct sk_page *p, const struct sk_report_run *run, double accuracy)
{
    const struct sk_recipe_expect *e = &run->recipe.expect;
    const struct sk_logged_epoch *last = sk_report_last(run);
    bool expects = run->has_recipe && e->accuracy >= 0, reached = sk_recipe_reached(e, accuracy);
    if (!isfinite(accuracy))
        sk_page_add(p, "Finished: <b>%.2f%%</b> of the training pictures right; nothing was validated",
                    100 * last->train_top1);
    else if (!expects)
        sk_page_add(p, "Finished: <b>%.2f%%</b> (%s)", 100 * accuracy,
                    run->has_recipe ? "no accuracy was expected" : "what was expected is not known");
    else
        sk_page_add(p, "<span class=\"%s\">%s: <b>%.2f%%</b></span>", reached ? "good" : "bad",
                    reached ? "Reached" : "Not reached", 100 * accuracy);
    if (expects)
        add_expected(p, e);
}

static void add_unfinished(struct sk_page *p, const struct sk_report_run *run, double accuracy)
{
    const struct sk_logged_epoch *last = sk_report_last(run);
    sk_page_add(p, "%s after epoch %lld of %lld", run->running ? "Still running" : "Stopped", (long long)last->epoch,
                (long long)sk_report_planned(run));
    if (isfinite(accuracy))
        sk_page_add(p, ": <b>%.2f%%</b> so far", 100 * accuracy);
    if (run->has_recipe)
        add_expected(p, &run->recipe.expect);
}

void sk_report_verdict(struct sk_page *p, const struct sk_report_run *run)
{
    if (!sk_report_last(run))
        sk_page_add(p, "%s: no epoch is logged%s", run->running ? "Still running" : "Nothing to judge",
                    run->running ? " yet" : "");
    else if (sk_report_finished(run))
        add_finished(p, run, sk_report_accuracy(run));
    else
        add_unfinished(p, run, sk_report_accuracy(run));
    sk_page_add(p, ".");
}

/* ---- figures ---- */
static void open_figure(struct sk_page *p, const char *name)
{
    sk_page_add(p, "<div><dt>%s</dt><dd>", name);
}

static void add_share(struct sk_page *p, const char *name, double share)
{
    if (!isfinite(share))
        return;
    open_figure(p, name);
    sk_page_add(p, "%.2f%%</dd></div>\n", 100 * share);
}

static void add_logged(struct sk_page *p, const struct sk_report_run *run)
{
    const struct sk_logged_epoch *last = sk_report_last(run), *best = sk_report_best(run);
    char time[32];
    double seconds = sk_report_seconds(run);
    add_share(p, "Validation accuracy", last->val_top1);
    if (best && best != last) {
        open_figure(p, "Best");
        sk_page_add(p, "%.2f%% <small>epoch %lld</small></dd></div>\n", 100 * best->val_top1, (long long)best->epoch);
    }
    add_share(p, "Averaged weights", last->ema_top1);
    add_share(p, "Training accuracy", last->train_top1);
    if (isfinite(last->val_loss)) {
        open_figure(p, "Validation loss");
        sk_page_add(p, "%.4f</dd></div>\n", last->val_loss);
    }
    open_figure(p, "Time");
    sk_page_add(p, "%s <small>%.4g s an epoch</small></dd></div>\n", sk_time_text(seconds, time),
                seconds / (double)run->log.epochs);
    if (isfinite(last->images_per_s)) {
        open_figure(p, "Training");
        sk_page_add(p, "%.0f <small>pictures a second</small></dd></div>\n", last->images_per_s);
    }
}

static void add_latency(struct sk_page *p, const struct sk_latency *l)
{
    open_figure(p, "Inference time per image");
    sk_page_add(p, "%.3g ms <small>median of %d; p90 %.3g, p99 %.3g</small></dd></div>\n", 1e3 * l->median, l->samples,
                1e3 * l->p90, 1e3 * l->p99);
}

void sk_report_figures(struct sk_page *p, const struct sk_report_run *run)
{
    char number[32];
    sk_page_add(p, "<dl class=\"figures\">\n");
    if (sk_report_last(run))
        add_logged(p, run);
    if (run->log.latency.samples > 0)
        add_latency(p, &run->log.latency);
    if (run->params > 0) {
        open_figure(p, "Parameters");
        sk_page_add(p, "%s</dd></div>\n", sk_thousands(run->params, number));
        open_figure(p, "Multiply-adds");
        sk_page_add(p, "%.4g M <small>a picture</small></dd></div>\n", run->macs / 1e6);
    }
    sk_page_add(p, "</dl>\n");
}

/* ---- epochs ---- */
static void add_number(struct sk_page *p, const char *form, double value)
{
    char text[64];
    snprintf(text, sizeof(text), form, value); /* the forms are those of this file */
    sk_page_add(p, "<td>%s</td>", isfinite(value) ? text : "");
}

static void add_epoch(struct sk_page *p, const struct sk_logged_epoch *e, bool best)
{
    sk_page_add(p, "<tr><td>%lld%s</td>", (long long)e->epoch, best ? " <span class=\"quiet\">best</span>" : "");
    add_number(p, "%.4f", e->train_loss);
    add_number(p, "%.2f%%", 100 * e->train_top1);
    add_number(p, "%.4f", e->val_loss);
    add_number(p, "%.2f%%", 100 * e->val_top1);
    add_number(p, "%.4g", e->lr);
    add_number(p, "%.2f", e->seconds);
    add_number(p, "%.0f", e->images_per_s);
    sk_page_add(p, "</tr>\n");
}

void sk_report_epochs(struct sk_page *p, const struct sk_report_run *run)
{
    const struct sk_logged_epoch *best = sk_report_best(run);
    size_t all = run->log.epochs, every = (all + ROWS - 1) / ROWS;
    if (all == 0)
        return;
    sk_page_add(p, "<details><summary>Table of the %zu epoch%s</summary>\n", all, &"s"[all == 1]);
    if (every > 1)
        sk_page_add(p, "<p class=\"quiet\">One in %zu, and the best.</p>\n", every);
    sk_page_add(p, "<div class=\"scroll\"><table><thead><tr><th>epoch</th><th>training loss</th><th>accuracy</th>"
                   "<th>validation loss</th><th>accuracy</th><th>learning rate</th><th>seconds</th>"
                   "<th>pictures/s</th></tr></thead>\n");
    for (size_t i = 0; i < all; i++)
        if ((all - 1 - i) % every == 0 || &run->log.epoch[i] == best)
            add_epoch(p, &run->log.epoch[i], &run->log.epoch[i] == best);
    sk_page_add(p, "</table></div></details>\n");
}

/* ---- time ---- */
static double known(double seconds)
{
    return isfinite(seconds) && seconds > 0 ? seconds : 0;
}

void sk_report_times(struct sk_page *p, const struct sk_report_run *run)
{
    enum { COMPUTING, WAITING, VALIDATING, OTHER, PARTS };
    struct sk_share part[PARTS] = {{"computing", 0}, {"waiting for data", 0}, {"validation", 0}, {"other", 0}};
    double all = sk_report_seconds(run);
    for (size_t i = 0; i < run->log.epochs; i++) {
        const struct sk_logged_epoch *e = &run->log.epoch[i];
        part[COMPUTING].value += known(e->compute_seconds);
        part[WAITING].value += known(e->wait_seconds);
        part[VALIDATING].value += known(e->val_seconds);
    }
    part[OTHER].value = known(all - part[COMPUTING].value - part[WAITING].value - part[VALIDATING].value);
    if (all <= 0)
        return;
    sk_page_add(p, "<h3>Where the time went</h3>\n");
    sk_page_bar(p, part, PARTS, 1, "s");
}

/* Runs side by side: their final figures with differences to the first, and the keys of their recipes that differ. */
#include "report/internal.h"

enum kind { SHARE, LOSS, COUNT, SECONDS, MILLISECONDS, MILLIONS };
/* Figures of data are compared only where the validation data is the same. */
enum source { ANY, LOGGED, EVALUATED };
struct figure {
    const char *name;
    enum kind kind;
    enum source source;
    double (*value)(const struct sk_report_run *run);
};

/* ---- figures ---- */
static double of_last(const struct sk_report_run *run, size_t member)
{
    const struct sk_logged_epoch *last = sk_report_last(run);
    return last ? *(const double *)(const void *)((const char *)last + member) : NAN;
}

static double best_accuracy(const struct sk_report_run *run)
{
    const struct sk_logged_epoch *best = sk_report_best(run);
    return best ? best->val_top1 : NAN;
}

static double averaged_accuracy(const struct sk_report_run *run)
{
    return of_last(run, offsetof(struct sk_logged_epoch, ema_top1));
}

static double validation_loss(const struct sk_report_run *run)
{
    return of_last(run, offsetof(struct sk_logged_epoch, val_loss));
}

static double training_accuracy(const struct sk_report_run *run)
{
    return of_last(run, offsetof(struct sk_logged_epoch, train_top1));
}

static double training_loss(const struct sk_report_run *run)
{
    return of_last(run, offsetof(struct sk_logged_epoch, train_loss));
}

static double rate(const struct sk_report_run *run)
{
    return of_last(run, offsetof(struct sk_logged_epoch, images_per_s));
}

static double epochs(const struct sk_report_run *run)
{
    const struct sk_logged_epoch *last = sk_report_last(run);
    return last ? (double)last->epoch : NAN;
}

static double seconds(const struct sk_report_run *run)
{
    return run->log.epochs > 0 ? sk_report_seconds(run) : NAN;
}

static double latency(const struct sk_report_run *run)
{
    return run->log.latency.samples > 0 ? run->log.latency.median : NAN;
}

static double params(const struct sk_report_run *run)
{
    return run->params > 0 ? (double)run->params : NAN;
}

static double macs(const struct sk_report_run *run)
{
    return run->params > 0 ? run->macs : NAN;
}

static double evaluated_accuracy(const struct sk_report_run *run)
{
    return run->evaluated ? run->top1 : NAN;
}

static double evaluated_loss(const struct sk_report_run *run)
{
    return run->evaluated ? run->loss : NAN;
}

static double macro_f1(const struct sk_report_run *run)
{
    return run->evaluated ? run->f1 : NAN;
}

static double calibration(const struct sk_report_run *run)
{
    return run->evaluated ? run->ece : NAN;
}

static const struct figure figures[] = {
    {"Validation accuracy, last epoch", SHARE, LOGGED, sk_report_accuracy},
    {"Validation accuracy, best epoch", SHARE, LOGGED, best_accuracy},
    {"Validation accuracy, averaged weights", SHARE, LOGGED, averaged_accuracy},
    {"Validation loss", LOSS, LOGGED, validation_loss},
    {"Training accuracy", SHARE, LOGGED, training_accuracy},
    {"Training loss", LOSS, LOGGED, training_loss},
    {"Epochs", COUNT, ANY, epochs},
    {"Time", SECONDS, ANY, seconds},
    {"Pictures a second", COUNT, ANY, rate},
    {"Inference time per image, median", MILLISECONDS, ANY, latency},
    {"Parameters", COUNT, ANY, params},
    {"Multiply-adds a picture", MILLIONS, ANY, macs},
    {"Evaluated: accuracy", SHARE, EVALUATED, evaluated_accuracy},
    {"Evaluated: loss", LOSS, EVALUATED, evaluated_loss},
    {"Evaluated: macro F1", SHARE, EVALUATED, macro_f1},
    {"Evaluated: calibration error", SHARE, EVALUATED, calibration},
};

static void add_value(struct sk_page *p, enum kind kind, double v)
{
    char text[32];
    if (kind == SHARE)
        sk_page_add(p, "%.2f%%", 100 * v);
    else if (kind == LOSS)
        sk_page_add(p, "%.4f", v);
    else if (kind == SECONDS)
        sk_page_add(p, "%s", sk_time_text(v, text));
    else if (kind == MILLISECONDS)
        sk_page_add(p, "%.3g ms", 1e3 * v);
    else if (kind == MILLIONS)
        sk_page_add(p, "%.4g M", v / 1e6);
    else
        sk_page_add(p, "%s", sk_thousands((int64_t)llround(v), text));
}

static void add_difference(struct sk_page *p, enum kind kind, double v, double first)
{
    double change = round((v - first) * 1e4) / 1e4; /* as it is shown */
    const char *sign = change < 0 ? "&minus;" : change > 0 ? "+" : "&plusmn;";
    sk_page_add(p, "<small>");
    if (kind == SHARE)
        sk_page_add(p, "%s%.2f", sign, 100 * fabs(change));
    else if (kind == LOSS)
        sk_page_add(p, "%s%.4f", sign, fabs(change));
    else if (first > 0)
        sk_page_add(p, "&times;%.3g", v / first);
    sk_page_add(p, "</small>");
}

static bool is_comparable(enum source source, const struct sk_report_run *a, const struct sk_report_run *b)
{
    if (source == ANY)
        return true;
    return (source == LOGGED ? sk_report_same_logged : sk_report_same_evaluated)(a, b) == SK_SAME_YES;
}

static void add_figure(struct sk_page *p, const struct figure *f, const struct sk_report_run *const *run, size_t runs)
{
    bool any = false;
    double first = f->value(run[0]);
    for (size_t k = 0; k < runs; k++)
        any |= isfinite(f->value(run[k]));
    if (!any)
        return;
    sk_page_add(p, "<tr><td>%s</td>", f->name);
    for (size_t k = 0; k < runs; k++) {
        double v = f->value(run[k]);
        bool same = is_comparable(f->source, run[0], run[k]);
        sk_page_add(p, "<td>");
        if (isfinite(v))
            add_value(p, f->kind, v);
        if (k > 0 && same && isfinite(v) && isfinite(first))
            add_difference(p, f->kind, v, first);
        sk_page_add(p, "</td>");
    }
    sk_page_add(p, "</tr>\n");
}

/* The head of a table. */
static void add_names(struct sk_page *p, const char *first, const char *tag, const struct sk_report_run *const *run,
                      size_t runs)
{
    sk_page_add(p, "<div class=\"scroll\"><table><thead><tr><th>%s</th>", first);
    for (size_t k = 0; k < runs; k++) {
        sk_page_add(p, "<%s><span class=\"swatch\" style=\"background:var(--c%zu)\"></span>", tag, k);
        sk_page_text(p, run[k]->label);
        sk_page_add(p, "</th>");
    }
    sk_page_add(p, "</tr></thead>\n");
}

/* What keeps accuracies from being compared. */
static void add_caution(struct sk_page *p, const struct sk_report_run *const *run, size_t runs)
{
    bool differ = false, unknown = false;
    for (size_t k = 1; k < runs; k++) {
        enum sk_same same = sk_report_same_logged(run[0], run[k]);
        differ |= same == SK_SAME_NO || sk_report_same_evaluated(run[0], run[k]) == SK_SAME_NO;
        unknown |= same == SK_SAME_UNKNOWN;
    }
    if (differ)
        sk_page_add(p,
                    "<ul class=\"notes\"><li>The runs are of different data: their losses and accuracies stand side by "
                    "side, but are not compared.</li></ul>\n");
    else if (unknown)
        sk_page_add(p, "<ul class=\"notes\"><li>Whether the runs are of the same data is not known (that needs their "
                       "checkpoints): losses and accuracies are not compared.</li></ul>\n");
}

/* ---- recipes ---- */
static bool key_differs(size_t key, const struct sk_report_run *const *run, size_t runs)
{
    for (size_t k = 1; k < runs; k++)
        if (!sk_recipe_key_equal(key, &run[0]->recipe, &run[k]->recipe))
            return true;
    return false;
}

static enum sk_code add_key(struct sk_page *p, size_t key, const struct sk_report_run *const *run, size_t runs,
                            struct sk_err *err)
{
    struct sk_str text = {0};
    enum sk_code code = SK_OK;
    sk_page_add(p, "<tr><td>%s</td>", sk_recipe_key(key));
    for (size_t k = 0; k < runs && code == SK_OK; k++) {
        text.len = 0;
        code = sk_recipe_key_write(key, &run[k]->recipe, &text, err);
        if (code == SK_OK)
            sk_page_cell(p, "td class=\"wrap\"", text.text);
    }
    sk_page_add(p, "</tr>\n");
    sk_str_release(&text);
    return code;
}

static enum sk_code add_recipes(struct sk_page *p, const struct sk_report_run *const *run, size_t runs,
                                struct sk_err *err)
{
    enum sk_code code = SK_OK;
    bool any = false, all = true;
    for (size_t k = 0; k < runs; k++)
        all &= run[k]->has_recipe;
    sk_page_add(p, "<h2>What differs in the recipes</h2>\n");
    for (size_t i = 0; all && sk_recipe_key(i) && code == SK_OK; i++) {
        if (!key_differs(i, run, runs))
            continue;
        if (!any)
            add_names(p, "key", "th class=\"text\"", run, runs);
        any = true;
        code = add_key(p, i, run, runs, err);
    }
    sk_page_add(p, "%s\n",
                any   ? "</table></div>"
                : all ? "<p>Nothing: they are the same.</p>"
                      : "<p>Not known: a recipe is missing.</p>");
    return code;
}

enum sk_code sk_report_compare(struct sk_page *p, const struct sk_report_run *const *run, size_t runs,
                               struct sk_err *err)
{
    sk_page_add(p, "<h2>Figures</h2>\n");
    add_caution(p, run, runs);
    add_names(p, "", "th", run, runs);
    for (size_t i = 0; i < SK_COUNT(figures); i++)
        add_figure(p, &figures[i], run, runs);
    sk_page_add(
        p, "</table></div>\n<p class=\"quiet\">Below a figure: its difference to that of the first run, in points of "
           "percent or as a factor.</p>\n");
    return add_recipes(p, run, runs, err);
}

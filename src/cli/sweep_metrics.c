/* Figures of a run, as its log and its checkpoint tell them. */
#include <math.h>
#include <string.h>

#include "cli/sweep.h"
#include "format/format.h"

const struct sk_metric_row sk_metric_rows[SK_METRICS] = {
    [SK_METRIC_BEST] = {"best_accuracy", "best acc", SK_UNIT_SHARE, false, NULL},
    [SK_METRIC_LAST] = {"last_accuracy", "last acc", SK_UNIT_SHARE, false, NULL},
    [SK_METRIC_TOP5] = {"last_top5", "top-5", SK_UNIT_SHARE, false, NULL},
    [SK_METRIC_VAL_LOSS] = {"val_loss", "val loss", SK_UNIT_LOSS, true, NULL},
    [SK_METRIC_TRAIN_LOSS] = {"train_loss", "train loss", SK_UNIT_LOSS, true, NULL},
    [SK_METRIC_TRAIN_ACCURACY] = {"train_accuracy", "train acc", SK_UNIT_SHARE, false, NULL},
    [SK_METRIC_MEAN_TRAIN_LOSS] = {"mean_train_loss", "mean train loss", SK_UNIT_LOSS, true, NULL},
    [SK_METRIC_MEAN_TRAIN_ACCURACY] = {"mean_train_accuracy", "mean train acc", SK_UNIT_SHARE, false, NULL},
    [SK_METRIC_EPOCH_SECONDS] = {"epoch_seconds", "s/epoch", SK_UNIT_SECONDS, true, NULL},
    [SK_METRIC_RATE] = {"images_per_s", "img/s", SK_UNIT_COUNT, false, NULL},
    [SK_METRIC_PARAMETERS] = {"parameters", "parameters", SK_UNIT_COUNT, true, "model."},
    [SK_METRIC_SAMPLES] = {"samples", "samples", SK_UNIT_COUNT, false, "data."},
};

enum sk_code sk_metric_find(const char *name, const char *key, enum sk_metric *m, struct sk_err *err)
{
    const char *names[SK_METRICS];
    char shown[SK_NAME];
    for (int i = 0; i < SK_METRICS; i++) {
        names[i] = sk_metric_rows[i].name;
        *m = (enum sk_metric)i;
        if (strcmp(name, names[i]) == 0)
            return SK_OK;
    }
    const char *nearest = sk_nearest(name, names, SK_METRICS);
    return sk_fail(err, SK_INPUT, "%s: unknown column '%s' (did you mean '%s'?)", key,
                   sk_printable(shown, sizeof(shown), name), nearest ? nearest : names[0]);
}

enum sk_code sk_metric_columns(const struct sk_recipe_sweep *r, enum sk_metric column[SK_METRICS], size_t *count,
                               struct sk_err *err)
{
    static const enum sk_metric usual[] = {SK_METRIC_BEST,       SK_METRIC_LAST,          SK_METRIC_VAL_LOSS,
                                           SK_METRIC_TRAIN_LOSS, SK_METRIC_EPOCH_SECONDS, SK_METRIC_PARAMETERS};
    enum sk_code code = SK_OK;
    *count = r->show.count > 0 ? (size_t)r->show.count : SK_COUNT(usual);
    if (r->show.count == 0)
        memcpy(column, usual, sizeof(usual));
    if (r->show.count > SK_METRICS)
        return sk_fail(err, SK_INPUT, "sweep.show: expected at most %d columns, got %d", SK_METRICS, r->show.count);
    for (int i = 0; i < r->show.count && code == SK_OK; i++)
        code = sk_metric_find(sk_recipe_word(&r->show, i), "sweep.show", &column[i], err);
    return code;
}

/* ---- from the log ---- */
static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static void from_log(const struct sk_run_log *log, double value[SK_METRICS])
{
    double n = (double)log->epochs, loss = 0, top1 = 0, seconds = 0, rate = 0;
    for (size_t i = 0; i < log->epochs; i++) {
        const struct sk_logged_epoch *e = &log->epoch[i];
        value[SK_METRIC_BEST] = larger(value[SK_METRIC_BEST], e->val_top1);
        loss += e->train_loss;
        top1 += e->train_top1;
        seconds += e->seconds;
        rate += e->images_per_s;
    }
    if (log->epochs == 0)
        return;
    const struct sk_logged_epoch *last = &log->epoch[log->epochs - 1];
    value[SK_METRIC_LAST] = last->val_top1;
    value[SK_METRIC_TOP5] = last->val_top5;
    value[SK_METRIC_VAL_LOSS] = last->val_loss;
    value[SK_METRIC_TRAIN_LOSS] = last->train_loss;
    value[SK_METRIC_TRAIN_ACCURACY] = last->train_top1;
    value[SK_METRIC_MEAN_TRAIN_LOSS] = loss / n;
    value[SK_METRIC_MEAN_TRAIN_ACCURACY] = top1 / n;
    value[SK_METRIC_EPOCH_SECONDS] = seconds / n;
    value[SK_METRIC_RATE] = rate / n;
}

/* ---- from the checkpoint ---- */
static bool ends_with(const char *text, const char *tail)
{
    size_t length = strlen(text), n = strlen(tail);
    return length >= n && strcmp(text + length - n, tail) == 0;
}

static bool is_statistic(const char *name)
{
    return ends_with(name, ".running_mean") || ends_with(name, ".running_var") ||
           ends_with(name, ".num_batches_tracked");
}

static double count_parameters(const char *path)
{
    struct sk_safetensors st = {0};
    double count = 0;
    if (sk_st_open(&st, path, NULL) != SK_OK)
        return NAN;
    for (size_t i = 0; i < st.count; i++)
        if (!is_statistic(st.tensor[i].name))
            count += (double)(st.tensor[i].bytes / sk_elem_size(st.tensor[i].elem));
    sk_st_close(&st);
    return count;
}

void sk_metrics_of_run(const char *dir, double value[SK_METRICS], uint64_t *fingerprint)
{
    struct sk_run_log log = {0};
    struct sk_position at = {0};
    char last[SK_PATH], model[SK_PATH];
    *fingerprint = 0;
    for (int i = 0; i < SK_METRICS; i++)
        value[i] = NAN;
    bool saved = sk_path_join(last, NULL, dir, "last") == SK_OK &&
                 sk_path_join(model, NULL, last, "model.safetensors") == SK_OK &&
                 sk_checkpoint_position(last, &at, NULL) == SK_OK;
    bool logged = sk_run_log_read(&log, dir, NULL) == SK_OK && log.epochs > 0;
    if (logged && log.epoch[log.epochs - 1].step >= at.reported) /* a log that lacks epochs tells nothing of the last */
        from_log(&log, value);
    sk_run_log_release(&log);
    if (!saved)
        return;
    value[SK_METRIC_PARAMETERS] = count_parameters(model);
    value[SK_METRIC_SAMPLES] = (double)at.samples;
    *fingerprint = at.fingerprint;
}

/* Sweeps: the runs that a recipe's sweep section stands for, trained one after another or several at a time, each in a
 * run directory of its own below the sweep's, and their results beside each other.
 *
 *   DIR/sweep.yaml        the sweep's recipe
 *   DIR/RUN/              a run directory as of skua train
 *   DIR/RUN/sweep.json    how the run ended: "done", or "failed" and why; without it there is something left to do */
#ifndef SKUA_CLI_SWEEP_H
#define SKUA_CLI_SWEEP_H

#include "cli/cli.h"
#include "train/train.h"

/* ---- figures of a run (sweep_metrics.c) ---- */
enum sk_metric {
    SK_METRIC_BEST,
    SK_METRIC_LAST,
    SK_METRIC_TOP5,
    SK_METRIC_VAL_LOSS,
    SK_METRIC_TRAIN_LOSS,
    SK_METRIC_TRAIN_ACCURACY,
    SK_METRIC_MEAN_TRAIN_LOSS,
    SK_METRIC_MEAN_TRAIN_ACCURACY,
    SK_METRIC_EPOCH_SECONDS,
    SK_METRIC_RATE,
    SK_METRIC_PARAMETERS,
    SK_METRIC_SAMPLES,
    SK_METRICS
};
enum sk_metric_unit { SK_UNIT_SHARE, SK_UNIT_LOSS, SK_UNIT_SECONDS, SK_UNIT_COUNT };
struct sk_metric_row {
    const char *name, *heading;
    enum sk_metric_unit unit;
    bool less;           /* the less the better */
    const char *section; /* of the keys that it follows from, for fits; NULL: it is measured */
};
extern const struct sk_metric_row sk_metric_rows[SK_METRICS];
/* INPUT that names the nearest; key: for the message. */
enum sk_code sk_metric_find(const char *name, const char *key, enum sk_metric *m, struct sk_err *err) SK_MUST;
/* Columns of the table: sweep.show, or the usual ones. */
enum sk_code sk_metric_columns(const struct sk_recipe_sweep *r, enum sk_metric column[SK_METRICS], size_t *count,
                               struct sk_err *err) SK_MUST;
/* The figures of a run directory; NaN: cannot be told (yet). fingerprint of its training data, 0: not known. */
void sk_metrics_of_run(const char *dir, double value[SK_METRICS], uint64_t *fingerprint);

/* ---- runs (sweep_trials.c) ---- */
enum sk_trial_state {
    SK_TRIAL_WAITING,
    SK_TRIAL_RUNNING,
    SK_TRIAL_STOPPED,
    SK_TRIAL_DONE,
    SK_TRIAL_FAILED,
    SK_TRIAL_LEFT_OUT
};
const char *sk_trial_state_name(enum sk_trial_state s); /* "waiting", ... */
struct sk_trial {
    size_t setting;
    int64_t seed;
    char name[SK_NAME]; /* of its folder */
    enum sk_trial_state state;
    char why[512]; /* failed, left out */
    double value[SK_METRICS];
    uint64_t fingerprint;
};
struct sk_trials { /* init fills it; release accepts a zeroed one */
    const struct sk_recipe *recipe;
    char dir[SK_PATH];
    struct sk_str *label; /* of each setting */
    size_t settings;
    struct sk_trial *trial; /* a setting's stand together */
    size_t count;
};
/* All runs of r below dir, every setting checked; nothing is written. */
enum sk_code sk_trials_init(struct sk_trials *s, const struct sk_recipe *r, const char *dir,
                            struct sk_err *err) SK_MUST;
void sk_trials_release(struct sk_trials *s);
/* The recipe of a run, with its seed; a sweep is not judged. */
enum sk_code sk_trial_recipe(const struct sk_trials *s, const struct sk_trial *t, struct sk_recipe *out,
                             struct sk_err *err) SK_MUST;
/* Reads states and figures from the folders. INPUT naming the key where a run was made with another recipe; a run that
 * is to be longer now is STOPPED. */
enum sk_code sk_trials_inspect(struct sk_trials *s, struct sk_err *err) SK_MUST;
/* Writes sweep.json of a run that is done or failed, and takes the state. */
enum sk_code sk_trial_end(const struct sk_trials *s, struct sk_trial *t, enum sk_trial_state state, const char *why,
                          struct sk_err *err) SK_MUST;
enum sk_code sk_trial_dir(const struct sk_trials *s, const struct sk_trial *t, char out[SK_PATH],
                          struct sk_err *err) SK_MUST;

/* ---- training them (sweep_run.c) ---- */
/* Trains what is neither done nor left out, each run in a process of its own, sweep.parallel at a time; epoch lines are
 * shown with the run's name unless quiet. A run that fails does not stop the others. CANCELLED after a signal, which is
 * passed on: all runs that had begun have written their checkpoints. */
enum sk_code sk_trials_run(struct sk_trials *s, bool quiet, struct sk_err *err) SK_MUST;

/* ---- results (sweep_results.c, sweep_show.c) ---- */
struct sk_spread { /* over the runs of a setting that are done; deviation of the sample, NaN for a single one */
    size_t n;
    double mean, deviation;
};
struct sk_setting_result {
    size_t setting, done, runs;
    struct sk_spread of[SK_METRICS];
};
/* A result a setting, sorted by a metric, those without it last (sk_free). */
struct sk_setting_result *sk_trials_results(const struct sk_trials *s, enum sk_metric by, struct sk_err *err) SK_MUST;
struct sk_line { /* y = at0 + slope * x by least squares */
    size_t n;
    double at0, slope, r2;
};
/* False with fewer than three points or where all have the same x. */
bool sk_line_fit(const double *x, const double *y, size_t n, struct sk_line *line);

/* Which keys vary, and their values in each setting (sweep_keys.c). */
struct sk_swept { /* init fills it; release accepts a zeroed one */
    json_t **of;  /* [settings]: an object of full names and values */
    json_t *all;  /* has every key of them, in the order of skua help recipe */
    size_t settings;
};
enum sk_code sk_swept_init(struct sk_swept *w, const struct sk_trials *s, struct sk_err *err) SK_MUST;
void sk_swept_release(struct sk_swept *w);
json_t *sk_swept_json(const struct sk_swept *w, size_t setting); /* a further reference */
/* Cells with a comma before each: the names; the values, empty where the setting gives none. */
enum sk_code sk_swept_csv_names(const struct sk_swept *w, struct sk_str *out, struct sk_err *err) SK_MUST;
enum sk_code sk_swept_csv(const struct sk_swept *w, size_t setting, struct sk_str *out, struct sk_err *err) SK_MUST;

struct sk_sweep_show {
    const char *csv, *svg; /* files, NULL: none */
    bool json;
};
/* The table with what failed, fits and doubts about comparing, or JSON; and the files. */
enum sk_code sk_trials_show(const struct sk_trials *s, const struct sk_sweep_show *show, struct sk_err *err) SK_MUST;

/* ---- the whole (cmd_sweep.c) ---- */
/* The sweep of r in dir (NULL: runs/NAME-DATE-TIME), begun or gone on with. MISSED where runs failed. */
enum sk_code sk_cli_sweep(const struct sk_recipe *r, const char *dir, const struct sk_sweep_show *show, bool quiet,
                          struct sk_err *err) SK_MUST;

#endif

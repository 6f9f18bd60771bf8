/* Train: the loop, schedules, metrics, checkpoints that survive anything, and the run log. */
#ifndef SKUA_TRAIN_H
#define SKUA_TRAIN_H

#include <jansson.h>
#include <stdatomic.h>

#include "base/base.h"
#include "data/data.h"
#include "exec/exec.h"
#include "recipe/recipe.h"
#include "train/scores.h"

/* ---- schedules (schedule.c): learning rate of optimizer step `step` (from 0) ---- */
/* steps_per_epoch as of the loader; total_steps: of the whole training. One-cycle as
 * torch.optim.lr_scheduler.OneCycleLR (cosine, two phases): after its end the final rate is kept. Cosine with warm-up:
 * linear from lr/W to lr over the W warm-up steps, then cosine to min_lr. */
double sk_schedule_lr(const struct sk_recipe_train *t, int64_t step, int64_t steps_per_epoch, int64_t total_steps);
/* one_cycle with cycle_momentum, as OneCycleLR's: the momentum (beta1) of a step; else 0: the optimizer's own. */
double sk_schedule_momentum(const struct sk_recipe_train *t, int64_t step, int64_t steps_per_epoch,
                            int64_t total_steps);
bool sk_schedule_ends(enum sk_schedule name); /* it has a length; after it the last rate is kept */
/* Plateau: what it remembers; begins as {.low = -1}. */
struct sk_plateau {
    double low;                  /* least validation loss, -1: none yet */
    int64_t bad, cooling, drops; /* epochs without a lower one; epochs still not counted; drops so far */
};
void sk_plateau_epoch(struct sk_plateau *p, const struct sk_recipe_schedule *s, double loss);
double sk_plateau_lr(const struct sk_plateau *p, const struct sk_recipe_schedule *s, double lr); /* lr: without drops */

/* ---- metrics (metrics.c) ---- */
struct sk_metrics {
    double loss_sum;
    int64_t count, correct1, correct5;
};
void sk_metrics_add(struct sk_metrics *m, const struct sk_net_result *r, int count);
/* Means over the samples counted; 0 where there are none. top1 and top5 are shares from 0 to 1. */
double sk_metrics_loss(const struct sk_metrics *m);
double sk_metrics_top1(const struct sk_metrics *m);
double sk_metrics_top5(const struct sk_metrics *m);

/* ---- MixUp and CutMix (mix.c) ---- */
/* How a batch is mixed, as torchvision's v2.MixUp and v2.CutMix draw it, for pictures of height x width; lambda 1 where the
 * recipe does not mix. It depends on (train.seed, epoch, batch) alone; batch: a number that no other of the epoch has. */
struct sk_mix sk_mix_draw(const struct sk_recipe_train *r, uint32_t epoch, uint64_t batch, int height, int width);
/* CutMix's box of the area 1 - lambda around pixel (x, y), cut off at the border; lambda becomes what is left. */
struct sk_mix sk_mix_cut(double lambda, int x, int y, int height, int width);

/* ---- run directory, log, lock (run.c, log.c) ---- */
struct sk_run {
    char dir[SK_PATH];
    int lock_fd;
    bool created; /* the folder is new: close removes it while it holds nothing */
};
/* Creates dir (or, with resume, takes an existing one) and holds its lock until close or death: a second job is
 * refused: USAGE "... is in use by process 123". An existing run without resume is refused, so is any folder that holds
 * something: USAGE. What killed processes left half written is removed. On failure *run is closed. */
enum sk_code sk_run_open(struct sk_run *run, const char *dir, bool resume, struct sk_err *err) SK_MUST;
void sk_run_close(struct sk_run *run); /* accepts a zeroed one */
bool sk_run_in_use(const char *dir); /* whether a process holds the lock; nothing is changed */

/* ---- inference time (latency.c) ---- */
enum { SK_LATENCY_WARM_UP = 10, SK_LATENCY_SAMPLES = 200 };
#define SK_LATENCY_SECONDS 3.0
struct sk_latency { /* seconds that the network takes for one picture, by itself; loading is not counted */
    int samples;    /* measured; 0: nothing was */
    double mean, median, p90, p99; /* quantiles as numpy.percentile's default, linear between samples */
};
/* Times up to SK_LATENCY_SAMPLES of the first samples of ds in batches of one, after SK_LATENCY_WARM_UP that do not
 * count; past SK_LATENCY_SECONDS it ends early, but not before SK_LATENCY_WARM_UP were timed (a small data set is gone
 * through again). Errors as sk_evaluate. */
enum sk_code sk_latency_measure(struct sk_net *net, const struct sk_dataset *ds, const struct sk_recipe *recipe,
                                const atomic_bool *cancel, struct sk_latency *out, struct sk_err *err) SK_MUST;
/* Of n measured times, which are sorted in place. */
void sk_latency_of(double *seconds, int n, struct sk_latency *out);
/* {samples, mean, median, p90, p99}, a new reference; NULL: no memory. */
json_t *sk_latency_json(const struct sk_latency *l);

/* ---- the run log read back (log_read.c): for reports ---- */
/* Numbers that a line does not have (no validation) or that are null in it are NaN. Members as in log.jsonl. */
struct sk_logged_step {
    int64_t step, epoch; /* from 1 */
    double loss, top1, lr;
};
struct sk_logged_epoch {
    int64_t step, epoch, epochs;
    double train_loss, train_top1, train_top5, val_loss, val_top1, val_top5, lr;
    double seconds, wait_seconds, compute_seconds, val_seconds, images_per_s;
    int64_t replaced;
    bool best, complete;
    double ema_loss, ema_top1, ema_top5; /* with train.ema */
};
enum { SK_LOG_SKIPPED = 20, SK_LOG_MAX = 1 << 30 };
struct sk_run_log { /* release accepts a zeroed one */
    struct sk_logged_step *step;
    struct sk_logged_epoch *epoch;
    size_t steps, epochs;
    int64_t skipped, skipped_line[SK_LOG_SKIPPED]; /* lines that are damaged; numbers of the first, from 1 */
    bool cut; /* the last line broke off: it was being written, or the machine stopped */
    struct sk_latency latency; /* measured at the end; samples 0: it was not */
};
/* What can be read of DIR/log.jsonl, in the order of the file; damaged lines are passed over. A log that is empty, or
 * all damaged, is OK and gives no steps. Absent, unreadable or above SK_LOG_MAX bytes: as sk_file_read. On failure *log
 * is zeroed. */
enum sk_code sk_run_log_read(struct sk_run_log *log, const char *dir, struct sk_err *err) SK_MUST;
/* The same of text in memory. */
enum sk_code sk_run_log_parse(struct sk_run_log *log, const char *text, size_t len, struct sk_err *err) SK_MUST;
/* Appends what was passed over: "2 damaged lines (3, 17) and a cut last line are left out"; nothing where none was. */
enum sk_code sk_run_log_skipped(const struct sk_run_log *log, struct sk_str *out, struct sk_err *err) SK_MUST;
void sk_run_log_release(struct sk_run_log *log);

/* ---- checkpoints (checkpoint.c) ---- */
struct sk_position {           /* where training stands; state.json */
    int64_t step, batch;       /* optimizer steps done; batches of the current epoch done */
    int64_t replaced;          /* damaged samples replaced in them */
    uint32_t epoch;            /* epochs finished */
    double best;               /* best validation accuracy so far, -1: none */
    struct sk_metrics metrics; /* of the current epoch so far */
    double seconds;            /* training time so far */
    double epoch_seconds, wait_seconds,
        compute_seconds;  /* of the current epoch so far: all, waiting for data, computing */
    uint64_t fingerprint; /* of the training data */
    int64_t samples, batch_size;
    int64_t stale;             /* whole epochs since the best */
    struct sk_plateau plateau; /* of the schedule of that name */
    int64_t reported; /* step of the last epoch's report, 0: none; a run whose last step is reported is finished */
};
/* Writes ckpt-STEP.tmp-PID (model.safetensors, with train.ema model-ema.safetensors, state.safetensors, plan.json,
 * state.json with the checksums of the others), flushes, renames to ckpt-STEP, swaps links `last` (and `best`), then removes older ones but those linked and
 * the newest SK_CHECKPOINTS_KEPT. One of the same step is replaced. On failure (full disk, read-only folder) the
 * partial folder is removed and what was there stays. */
enum { SK_CHECKPOINTS_KEPT = 2 };
enum sk_code sk_checkpoint_write(const struct sk_run *run, struct sk_net *net, const struct sk_recipe *recipe,
                                 const char *const *class_name, const struct sk_position *pos, bool best,
                                 struct sk_err *err) SK_MUST;
/* Finds the newest whole checkpoint (link `last`, else by number), its files checked against their checksums; *found
 * false when there is none at all. Damaged ones are told (sk_notice) and passed over; INPUT when all are damaged. What
 * may be whole but cannot be read now (IO, NOMEM), or is of a newer skua (UNSUPPORTED), is never passed over. */
enum sk_code sk_checkpoint_find(const struct sk_run *run, char path[SK_PATH], bool *found, struct sk_err *err) SK_MUST;
enum sk_code sk_checkpoint_position(const char *path, struct sk_position *pos, struct sk_err *err) SK_MUST;
/* Kernel choices (told where they cannot be had), weights, statistics and optimizer state. */
enum sk_code sk_checkpoint_load(const char *path, struct sk_net *net, struct sk_err *err) SK_MUST;
/* The recipe that the run was made with, from the model's metadata. INPUT: a foreign file. */
enum sk_code sk_checkpoint_recipe(const char *path, struct sk_recipe *r, struct sk_err *err) SK_MUST;

/* ---- the loop (loop.c) ---- */
struct sk_epoch_report {
    uint32_t epoch, epochs; /* this one (from 1), of so many (by max_steps: as many as it takes) */
    struct sk_metrics train, val;
    struct sk_metrics ema; /* validation with the averaged weights */
    bool has_val, has_ema, is_best;
    bool complete;  /* false: max_steps ended the run within this epoch */
    double lr;      /* of its last step */
    double seconds; /* training and validation */
    double wait_seconds, compute_seconds, val_seconds;
    int workers;              /* threads that load data at its end */
    double prepare, computes; /* workers: auto: seconds for a batch, that a thread needs and that training needs; else 0 */
    double images_per_s;    /* training alone */
    int64_t step, replaced; /* optimizer steps done; damaged samples replaced in this epoch */
    const struct sk_damage *damaged; /* which they were, as of sk_loader_damaged; valid during the call */
    size_t damaged_count;
};
/* The report as the object that log.jsonl holds of an epoch: step, epoch, epochs, train_loss, train_top1, train_top5,
 * val_loss, val_top1, val_top5 and best (with validation), ema_loss, ema_top1 and ema_top5 (with train.ema), lr, seconds, wait_seconds, compute_seconds, val_seconds,
 * images_per_s, replaced, damaged (where there are any: a sentence each that names it), complete. Appended to out. */
enum sk_code sk_epoch_report_json(const struct sk_epoch_report *r, struct sk_str *out, struct sk_err *err) SK_MUST;
struct sk_step_report {
    uint32_t epoch, epochs;        /* from 1 */
    int64_t step, total_steps;     /* done, with this one */
    int64_t batch, batches;        /* done in this epoch */
    double loss, lr, images_per_s; /* the rate is a moving average */
    double seconds_left;           /* to the end of the training, validation included */
    int64_t correct1;
    int count;
};
struct sk_start_report {
    const struct sk_recipe *recipe;
    const struct sk_net_shape *shape;
    enum sk_precision precision; /* fp32 or bf16 */
    int threads;
    int64_t params, samples, val_samples; /* val_samples 0: no validation */
    int64_t step;                         /* where it begins: above 0 on resume */
};
struct sk_train_events { /* called from the training thread; any may be NULL */
    void *ctx;
    void (*start)(void *ctx, const struct sk_start_report *r);
    void (*step)(void *ctx, const struct sk_step_report *r);
    void (*evaluating)(void *ctx, int64_t done, int64_t all);
    void (*epoch)(void *ctx, const struct sk_epoch_report *r);
    void (*saved)(void *ctx, const char *path, int64_t step);
    void (*latency)(void *ctx, const struct sk_latency *l); /* of validation pictures, after the last epoch is saved */
};
struct sk_train_options {
    const struct sk_recipe *recipe; /* resolved */
    const char *out;                /* run directory */
    bool resume;
    const atomic_bool *cancel; /* set by a signal: finish the step, write a checkpoint, return CANCELLED */
    struct sk_train_events events;
};
/* Returns OK (also for a run that is finished already: told through sk_notice); CANCELLED (a checkpoint was written;
 * *position tells where; but before start was reported, while kernels were measured, the run is left as it was); INPUT
 * for a loss, a validation loss or weights that are not finite (step named, nothing of it is saved), for data, model or
 * network shapes that do not fit each other or memory and for a resume with a changed recipe or data; IO when the
 * training ended but its last checkpoint or its log could not be saved. A checkpoint that cannot be saved in between is
 * told and training goes on. When a validation fails, the steps before it are saved: a resume goes on with that
 * validation. */
enum sk_code sk_train(const struct sk_train_options *o, struct sk_position *position, struct sk_err *err) SK_MUST;

/* ---- evaluation (evaluate.c): shared by the loop, skua eval and skua report ---- */
struct sk_eval_options {
    bool flip;    /* of each picture and its mirror image the mean probabilities count, their logarithms as logits */
    bool scores;  /* fills scores too */
    int mistakes; /* how many of the most confident mistakes scores keeps */
    const atomic_bool *cancel; /* CANCELLED between batches; may be NULL */
    void *ctx;
    void (*progress)(void *ctx, int64_t done, int64_t all); /* after each batch; may be NULL */
    /* With scores: each sample in the order of the data; index is its number in ds. May be NULL; an error ends it. */
    enum sk_code (*sample)(void *ctx, const struct sk_scored *s, struct sk_err *err);
};
struct sk_evaluation {
    struct sk_metrics all;     /* what the log of a training says of a validation, to the digit */
    struct sk_scores scores;   /* zeroed unless asked for */
    struct sk_latency latency; /* for the caller to measure; in the JSON when it was */
    double seconds;
};
/* Evaluates ds through recipe->data.prepare in batches of train.batch (val_limit samples). Data whose pictures or
 * classes do not fit the network, or whose batches do not fit into memory: INPUT; with scores also an output of the
 * network that is not finite, which names the picture. *out is overwritten; on failure there are no scores, and all has what was evaluated before. */
enum sk_code sk_evaluate(struct sk_net *net, const struct sk_dataset *ds, const struct sk_recipe *recipe,
                         const struct sk_eval_options *o, struct sk_evaluation *out, struct sk_err *err) SK_MUST;
void sk_evaluation_release(struct sk_evaluation *e); /* accepts a zeroed one */
/* All that an evaluation with scores found, as one object (evaluate_json.c):
 * count, loss, top1, top5, seconds, images_per_s; macro, micro and weighted {precision, recall, f1};
 * classes [{name, count, predicted, correct, precision, recall, f1}];
 * confusion [label][predicted], null with more than SK_SCORES_MATRIX_CLASSES classes;
 * confused [{class, predicted, count, share}], most first; mistakes [{index, name, class, predicted, probability,
 * class_probability}], the most confident first, name null where it is not UTF-8;
 * calibration {ece, bins [{from, to, count, confidence, accuracy}], temperature {value, samples, loss_before,
 * loss_after, ece_before, ece_after}}; latency (sk_latency_json) where it was measured.
 * ds: for the names of samples. A new reference; NULL: no memory. */
json_t *sk_evaluation_json(const struct sk_evaluation *e, const char *const *class_name, const struct sk_dataset *ds);

#endif

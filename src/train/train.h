/* Train: the loop, schedules, metrics, checkpoints that survive anything, and the run log. */
#ifndef SKUA_TRAIN_H
#define SKUA_TRAIN_H

#include <stdatomic.h>

#include "base/base.h"
#include "data/data.h"
#include "exec/exec.h"
#include "recipe/recipe.h"

/* ---- schedules (schedule.c): learning rate of optimizer step `step` (from 0) ---- */
/* steps_per_epoch as of the loader; total_steps: of the whole training. One-cycle as torch.optim.lr_scheduler.OneCycleLR (cosine, two phases):
 * after its end the final rate is kept. Cosine with warm-up: linear from lr/W to lr over the W warm-up steps, then cosine to min_lr. */
double sk_schedule_lr(const struct sk_recipe_train *t, int64_t step, int64_t steps_per_epoch, int64_t total_steps);

/* ---- metrics (metrics.c) ---- */
struct sk_metrics { double loss_sum; int64_t count, correct1, correct5; };
void sk_metrics_add(struct sk_metrics *m, const struct sk_net_result *r, int count);

/* ---- run directory, log, lock (run.c, log.c) ---- */
struct sk_run { char dir[SK_PATH]; int lock_fd; };
/* Creates dir (or, with resume, takes an existing one) and holds its lock until close: a second job is refused: USAGE "... is in use by process 123". An
 * existing run without resume is refused. */
enum sk_code sk_run_open(struct sk_run *run, const char *dir, bool resume, struct sk_err *err) SK_MUST;
void sk_run_close(struct sk_run *run);

/* ---- checkpoints (checkpoint.c) ---- */
struct sk_position { /* where training stands; state.json */
    int64_t step, batch;           /* optimizer steps done; batches of the current epoch done */
    uint32_t epoch;                /* epochs finished */
    double best;                   /* best validation accuracy so far, -1: none */
    struct sk_metrics metrics;     /* of the current epoch so far */
    double seconds;                /* training time so far */
    uint64_t fingerprint;          /* of the training data */
    int64_t samples, batch_size;
};
/* Writes ckpt-STEP.tmp-PID, flushes, renames to ckpt-STEP, swaps links `last` (and `best`), removes older ones but those linked and the newest `keep`. */
enum sk_code sk_checkpoint_write(const struct sk_run *run, struct sk_net *net, const struct sk_recipe *recipe, const char *const *class_name,
                                 const struct sk_position *pos, bool best, struct sk_err *err) SK_MUST;
/* Finds the newest whole checkpoint (link `last`, else by number); *found false when there is none. Damaged ones are told (sk_notice) and passed over. */
enum sk_code sk_checkpoint_find(const struct sk_run *run, char path[SK_PATH], bool *found, struct sk_err *err) SK_MUST;
enum sk_code sk_checkpoint_position(const char *path, struct sk_position *pos, struct sk_err *err) SK_MUST;
enum sk_code sk_checkpoint_load(const char *path, struct sk_net *net, struct sk_err *err) SK_MUST;

/* ---- the loop (loop.c) ---- */
struct sk_epoch_report {
    uint32_t epoch, epochs;        /* this one (from 1), of so many (0: by max_steps) */
    struct sk_metrics train, val;
    bool has_val, is_best, complete;
    double lr, seconds, wait_seconds, compute_seconds, val_seconds, images_per_s;
    int64_t step, replaced;
};
struct sk_step_report { uint32_t epoch; int64_t step, batch, batches, total_steps; double loss, lr, images_per_s, seconds_left; int correct1, count; };
struct sk_train_events {           /* called from the training thread; any may be NULL */
    void *ctx;
    void (*start)(void *ctx, const struct sk_recipe *r, const struct sk_net *net, int64_t samples, int64_t val_samples, int64_t params, int64_t step);
    void (*step)(void *ctx, const struct sk_step_report *r);
    void (*evaluating)(void *ctx, int64_t done, int64_t all);
    void (*epoch)(void *ctx, const struct sk_epoch_report *r);
    void (*saved)(void *ctx, const char *path, int64_t step);
};
struct sk_train_options {
    const struct sk_recipe *recipe; /* resolved */
    const char *out;                /* run directory */
    bool resume;
    const atomic_bool *cancel;      /* set by a signal: finish the step, write a checkpoint, return CANCELLED */
    struct sk_train_events events;
};
/* Returns OK; CANCELLED (a checkpoint was written; *position tells where); INPUT for a NaN loss (step named; last good checkpoint kept). */
enum sk_code sk_train(const struct sk_train_options *o, struct sk_position *position, struct sk_err *err) SK_MUST;

/* ---- evaluation (evaluate.c): shared by the loop and skua eval ---- */
struct sk_evaluation { struct sk_metrics all; int classes; int64_t *class_count, *class_correct; double seconds; }; /* arrays sk_free'd by release */
enum sk_code sk_evaluate(struct sk_net *net, const struct sk_dataset *ds, const struct sk_recipe *recipe, const atomic_bool *cancel,
                         void (*progress)(void *ctx, int64_t done, int64_t all), void *ctx, struct sk_evaluation *out, struct sk_err *err) SK_MUST;
void sk_evaluation_release(struct sk_evaluation *e);

#endif

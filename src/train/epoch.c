/* One epoch: its steps from wherever the position stands, then validation, report and checkpoint. */
#include "train/internal.h"

#include <math.h>

static bool no_steps_left(const struct sk_training *t)
{
    return t->at.step >= t->total_steps;
}

bool sk_training_stopped_early(const struct sk_training *t)
{
    int patience = t->recipe.train.early_stop;
    return patience > 0 && t->at.stale >= patience;
}

bool sk_training_done(const struct sk_training *t)
{
    return (no_steps_left(t) || sk_training_stopped_early(t)) && t->at.reported == t->at.step;
}

static double rate_of(const struct sk_training *t, int64_t step)
{
    const struct sk_recipe_train *r = &t->recipe.train;
    double lr = sk_schedule_lr(r, step, t->batches, t->total_steps);
    return r->schedule.name == SK_SCHED_PLATEAU ? sk_plateau_lr(&t->at.plateau, &r->schedule, lr) : lr;
}

bool sk_training_cancelled(const struct sk_training *t)
{
    return t->options->cancel && atomic_load(t->options->cancel);
}

static enum sk_code cancelled(const struct sk_training *t, struct sk_err *err)
{
    return sk_fail(err, SK_CANCELLED, "training was stopped after step %lld", (long long)t->at.step);
}

/* ---- steps ---- */
static void report_step(struct sk_training *t, const struct sk_net_result *r, int count)
{
    const struct sk_train_events *e = &t->options->events;
    int64_t left = t->total_steps - t->at.step, epochs_left = t->epochs - t->at.epoch;
    struct sk_step_report report = {
        .epoch = t->at.epoch + 1,
        .epochs = t->epochs,
        .step = t->at.step,
        .total_steps = t->total_steps,
        .batch = t->at.batch,
        .batches = t->batches,
        .loss = r->loss,
        .lr = t->lr,
        .images_per_s = t->pace > 0 ? t->recipe.train.batch / t->pace : 0,
        .seconds_left = (double)left * t->pace + (double)epochs_left * t->val_seconds,
        .correct1 = r->correct1,
        .count = count,
    };
    if (t->at.step % t->recipe.train.log_every == 0)
        sk_log_step(&t->log, &report);
    if (e->step)
        e->step(e->ctx, &report);
}

static enum sk_code refuse_loss(const struct sk_training *t, const char *what, double loss, int64_t step,
                                struct sk_err *err)
{
    return sk_fail(
        err, SK_INPUT,
        "the %s is %s at step %lld (epoch %u): a smaller train.optimizer.lr or a warm-up may help; last good "
        "checkpoint: %s",
        what, isnan(loss) ? "nan" : "infinite", (long long)step, t->at.epoch + 1, t->saved[0] ? t->saved : "none");
}

enum sk_code sk_training_step(struct sk_training *t, const struct sk_batch *b, const atomic_bool *cancel,
                              struct sk_net_result *r, struct sk_err *err)
{
    const struct sk_recipe_train *recipe = &t->recipe.train;
    struct sk_mix mix = sk_mix_draw(recipe, t->at.epoch, (uint64_t)b->number, b->height, b->width);
    t->lr = rate_of(t, t->at.step);
    double momentum = sk_schedule_momentum(recipe, t->at.step, t->batches, t->total_steps);
    struct sk_step step = {.lr = t->lr, .momentum = momentum, .step = t->at.step, .seed = recipe->seed};
    return sk_net_train(t->net, &(struct sk_net_batch){b->count, b->pixels, b->label, &mix}, &step, r, cancel, err);
}

/* Trains on one batch; the position moves only when the step was complete. */
static enum sk_code train_batch(struct sk_training *t, const struct sk_batch *b, struct sk_err *err)
{
    struct sk_net_result result = {0};
    double since = sk_now();
    enum sk_code code = sk_training_step(t, b, t->options->cancel, &result, err);
    if (code != SK_OK)
        return code;
    if (!isfinite(result.loss))
        return refuse_loss(t, "loss", result.loss, t->at.step + 1, err);
    t->at.step++;
    t->at.batch++;
    t->at.replaced = sk_loader_replaced(t->loader);
    t->at.compute_seconds += sk_now() - since;
    sk_metrics_add(&t->at.metrics, &result, b->count);
    report_step(t, &result, b->count);
    if (t->at.step == 1)
        sk_board_pictures(&t->log.board, b, t->at.step);
    return SK_OK;
}

/* Books the time since `since` and keeps the average of a step, which follows changes within some ten steps. */
static void book_time(struct sk_training *t, double since, double waited)
{
    double spent = sk_now() - since;
    t->at.seconds += spent;
    t->at.epoch_seconds += spent;
    t->at.wait_seconds += waited;
    t->pace = t->pace > 0 ? t->pace + 0.1 * (spent - t->pace) : spent;
}

static enum sk_code next_step(struct sk_training *t, struct sk_err *err)
{
    const struct sk_batch *batch;
    double since = sk_now(), waited = sk_loader_waited(t->loader);
    enum sk_code code = sk_loader_next(t->loader, &batch, err);
    waited = sk_loader_waited(t->loader) - waited;
    if (code == SK_OK)
        code = train_batch(t, batch, err);
    if (code != SK_OK)
        return code;
    book_time(t, since, waited);
    int64_t every = t->recipe.train.checkpoint_every;
    if (every > 0 && t->at.step % every == 0 && t->at.batch < t->batches && !no_steps_left(t))
        return sk_training_save_between(t, false, err);
    return SK_OK;
}

/* Who asks to stop after an epoch's last step stops its validation: its histograms are made. */
static enum sk_code train_steps(struct sk_training *t, struct sk_err *err)
{
    enum sk_code code = sk_loader_start(t->loader, t->at.epoch, t->at.batch, err);
    sk_loader_replaced_before(t->loader, t->at.replaced);
    while (code == SK_OK && t->at.batch < t->batches && !no_steps_left(t)) {
        if (sk_training_cancelled(t))
            return cancelled(t, err);
        code = next_step(t, err);
    }
    return code;
}

/* ---- the end of an epoch ---- */
/* What was trained is not lost with its validation: a resume goes on there. */
static enum sk_code keep_steps(struct sk_training *t, enum sk_code code, struct sk_err *err)
{
    struct sk_err why = {0};
    if (!sk_training_saved(t) && sk_training_save(t, false, &why) != SK_OK)
        sk_err_prefix(err, "%s", why.text);
    else if (t->save_failure.code != SK_OK)
        sk_err_prefix(err, "the validation of epoch %u failed and step %lld could not be saved (%s)", t->at.epoch + 1,
                      (long long)t->at.step, t->save_failure.text);
    else
        sk_err_prefix(err, "the validation of epoch %u failed, --resume goes on with it from '%s'", t->at.epoch + 1,
                      t->saved);
    return code;
}

static enum sk_code evaluate(struct sk_training *t, int mistakes, struct sk_evaluation *out, struct sk_err *err)
{
    const struct sk_train_events *e = &t->options->events;
    struct sk_eval_options o = {.scores = mistakes > 0,
                                .mistakes = mistakes,
                                .cancel = t->options->cancel,
                                .progress = e->evaluating,
                                .ctx = e->ctx};
    return sk_evaluate(t->net, t->val, &t->recipe, &o, out, err);
}

/* With the averaged weights in place of the others. */
static enum sk_code evaluate_average(struct sk_training *t, struct sk_epoch_report *r, struct sk_err *err)
{
    r->has_ema = sk_net_swap_average(t->net);
    if (!r->has_ema)
        return SK_OK;
    struct sk_evaluation e = {0};
    enum sk_code code = evaluate(t, 0, &e, err);
    r->ema = e.all;
    sk_net_swap_average(t->net);
    return code;
}

/* With the weights themselves. What they get wrong at the end of the training, which an early stop may be, is shown. */
static enum sk_code evaluate_weights(struct sk_training *t, struct sk_epoch_report *r, struct sk_err *err)
{
    struct sk_evaluation e = {0};
    int patience = t->recipe.train.early_stop;
    bool may_stop = patience > 0 && t->at.stale + 1 >= patience;
    bool shows = t->recipe.train.tensorboard && (no_steps_left(t) || may_stop);
    enum sk_code code = evaluate(t, shows ? SK_BOARD_MISTAKES : 0, &e, err);
    r->val = e.all;
    r->is_best = sk_metrics_top1(&r->val) > t->at.best;
    if (code == SK_OK && shows && (no_steps_left(t) || !r->is_best))
        sk_board_mistakes(&t->log.board, t->val, &t->recipe.data.prepare, &e.scores, t->at.step);
    sk_evaluation_release(&e);
    return code;
}

static enum sk_code validate(struct sk_training *t, struct sk_epoch_report *r, struct sk_err *err)
{
    double since = sk_now();
    enum sk_code code = evaluate_weights(t, r, err);
    if (code == SK_OK)
        code = evaluate_average(t, r, err);
    bool wrong = code == SK_INPUT && r->val.count > 0 && !isfinite(sk_metrics_loss(&r->val)); /* not the data is */
    if (code != SK_OK)
        return code == SK_CANCELLED || wrong ? code : keep_steps(t, code, err);
    r->has_val = true;
    r->val_seconds = t->val_seconds = sk_now() - since;
    double loss = sk_metrics_loss(&r->val);
    return isfinite(loss) ? SK_OK : refuse_loss(t, "validation loss", loss, t->at.step, err);
}

static void fill_report(const struct sk_training *t, struct sk_epoch_report *r)
{
    const struct sk_position *at = &t->at;
    r->epoch = at->epoch + 1;
    r->epochs = t->epochs;
    r->train = at->metrics;
    r->complete = at->batch == t->batches;
    /* of the step before: also right where a resumed run finds the epoch's steps all done */
    r->lr = rate_of(t, at->step - 1);
    r->seconds = at->epoch_seconds + r->val_seconds;
    r->wait_seconds = at->wait_seconds;
    r->compute_seconds = at->compute_seconds;
    r->images_per_s = at->epoch_seconds > 0 ? (double)at->metrics.count / at->epoch_seconds : 0;
    r->step = at->step;
    r->workers = sk_loader_workers(t->loader);
    sk_loader_pace(t->loader, &r->prepare, &r->computes);
    r->replaced = sk_loader_replaced(t->loader);
    r->damaged_count = sk_loader_damaged(t->loader, &r->damaged);
}

static void begin_next_epoch(struct sk_position *at)
{
    at->epoch++;
    at->batch = at->replaced = 0;
    at->metrics = (struct sk_metrics){0};
    at->epoch_seconds = at->wait_seconds = at->compute_seconds = 0;
}

/* What later epochs go by: the best so far, and the schedule of plateau. */
static void learn(struct sk_training *t, const struct sk_epoch_report *r)
{
    if (!r->has_val)
        return;
    if (r->is_best)
        t->at.best = sk_metrics_top1(&r->val);
    if (!r->complete) /* a resumed run reports this epoch again */
        return;
    t->at.stale = r->is_best ? 0 : t->at.stale + 1;
    if (t->recipe.train.schedule.name == SK_SCHED_PLATEAU)
        sk_plateau_epoch(&t->at.plateau, &t->recipe.train.schedule, sk_metrics_loss(&r->val));
}

enum sk_code sk_training_epoch(struct sk_training *t, struct sk_err *err)
{
    const struct sk_train_events *e = &t->options->events;
    struct sk_epoch_report report = {0};
    int64_t from = t->at.step;
    enum sk_code code = train_steps(t, err);
    if (code == SK_OK)
        code = sk_training_check_weights(t, err);
    if (code == SK_OK && t->at.step > from) /* else only the validation was left, the run has them */
        sk_board_histograms(&t->log.board, t->net, t->at.epoch + 1, t->at.step);
    if (code == SK_OK && t->val)
        code = validate(t, &report, err);
    if (code != SK_OK)
        return code;
    fill_report(t, &report);
    sk_log_epoch(&t->log, &report);
    if (e->epoch)
        e->epoch(e->ctx, &report);
    double best = t->at.best;
    t->at.seconds += report.val_seconds;
    t->at.reported = t->at.step;
    learn(t, &report);
    if (report.complete)
        begin_next_epoch(&t->at);
    code = sk_training_save_between(t, report.is_best, err);
    if (t->save_failure.code != SK_OK)
        t->at.best = best; /* the best that is on the disk */
    return code;
}

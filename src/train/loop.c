/* The training loop: a run from its first epoch, or from its checkpoint, to its end or to a signal. */
#include "train/internal.h"

#include <string.h>

/* The recipe as it is used; on resume it may differ from the run's in what may change. */
static enum sk_code write_recipe(const struct sk_training *t, struct sk_err *err)
{
    char path[SK_PATH];
    struct sk_str text = {0};
    enum sk_code code = sk_recipe_write(&t->recipe, &text, err);
    if (code == SK_OK)
        code = sk_path_join(path, err, t->run.dir, "recipe.yaml");
    if (code == SK_OK)
        code = sk_file_write(path, text.text, text.len, err);
    sk_str_release(&text);
    return code;
}

static int64_t count_params(struct sk_net *net)
{
    const struct sk_store *store = sk_net_store(net);
    int64_t params = 0;
    for (size_t i = 0; i < sk_store_count(store); i++)
        if (sk_store_at(store, i)->role == SK_ROLE_PARAM)
            params += sk_desc_count(&sk_store_at(store, i)->desc);
    return params;
}

static void report_start(const struct sk_training *t)
{
    const struct sk_train_events *e = &t->options->events;
    struct sk_start_report report = {
        .recipe = &t->recipe,
        .shape = sk_net_shape(t->net),
        .precision = sk_engine_precision(t->engine),
        .threads = sk_engine_threads(t->engine),
        .params = count_params(t->net),
        .samples = t->samples,
        .val_samples = t->val_samples,
        .step = t->at.step,
    };
    e->start(e->ctx, &report);
}

/* Makes the plans of all sizes that batches will have: says now when memory does not suffice. */
static enum sk_code prepare(struct sk_training *t, int64_t samples, bool train, struct sk_err *err)
{
    int batch = t->recipe.train.batch, rest = (int)(samples % batch);
    enum sk_code code = samples < batch ? SK_OK : sk_net_prepare(t->net, batch, train, err);
    return code == SK_OK && rest > 0 ? sk_net_prepare(t->net, rest, train, err) : code;
}

static enum sk_code open_training(struct sk_training *t, struct sk_err *err)
{
    const struct sk_train_options *o = t->options;
    enum sk_code code = sk_run_open(&t->run, o->out, o->resume, err);
    if (code == SK_OK)
        code = sk_training_find(t, err);
    if (code == SK_OK)
        code = sk_training_setup(t, err);
    if (code == SK_OK)
        code = sk_training_begin(t, err);
    if (code != SK_OK || t->finished)
        return code;
    code = prepare(t, t->samples, true, err);
    if (code == SK_OK)
        code = prepare(t, t->val_samples, false, err);
    if (code == SK_OK)
        code = write_recipe(t, err);
    if (code == SK_OK)
        code = sk_log_open(&t->log, t->run.dir, &t->at, &t->recipe.train, err);
    return code;
}

/* Stopped from outside: what was done is saved. */
static enum sk_code stop(struct sk_training *t, struct sk_err *err)
{
    struct sk_err why = {0};
    if (!sk_training_saved(t) && sk_training_save(t, false, &why) != SK_OK) {
        sk_err_clear(err);
        return sk_fail(err, why.code, "%s", why.text);
    }
    if (t->save_failure.code == SK_OK)
        return SK_CANCELLED;
    sk_err_clear(err);
    return sk_fail(err, SK_IO, "stopped after step %lld, which could not be saved: %s; last good checkpoint: %s",
                   (long long)t->at.step, t->save_failure.text, t->saved[0] ? t->saved : "none");
}

/* The run is complete without it: what goes wrong is told, Ctrl-C leaves it out. */
static void report_latency(struct sk_training *t)
{
    const struct sk_train_events *e = &t->options->events;
    struct sk_latency latency;
    struct sk_err why = {0};
    if (!t->val || !e->latency)
        return;
    enum sk_code code = sk_latency_measure(t->net, t->val, &t->recipe, t->options->cancel, &latency, &why);
    if (code == SK_OK) {
        sk_log_latency(&t->log, &t->at, &latency);
        e->latency(e->ctx, &latency);
    } else if (code != SK_CANCELLED) {
        sk_notice("the inference time could not be measured: %s", why.text);
    }
}

static enum sk_code train(struct sk_training *t, struct sk_err *err)
{
    const struct sk_train_events *e = &t->options->events;
    enum sk_code code = SK_OK;
    if (e->start)
        report_start(t);
    while (code == SK_OK && !sk_training_done(t))
        code = sk_training_epoch(t, err);
    if (code == SK_CANCELLED)
        return stop(t, err);
    if (code == SK_OK && sk_training_stopped_early(t) && t->at.step < t->total_steps)
        sk_notice("stopped early: %lld epochs without a better accuracy than %.2f%%", (long long)t->at.stale,
                  100 * t->at.best);
    if (code == SK_OK && t->save_failure.code != SK_OK)
        code = sk_fail(err, SK_IO, "training ended, but step %lld could not be saved: %s; last good checkpoint: %s",
                       (long long)t->at.step, t->save_failure.text, t->saved[0] ? t->saved : "none");
    if (code == SK_OK)
        report_latency(t);
    return code;
}

void sk_training_release(struct sk_training *t)
{
    sk_net_free(t->net);
    sk_engine_close(t->engine);
    sk_loader_free(t->loader);
    sk_dataset_close(t->train);
    sk_dataset_close(t->val);
    sk_str_release(&t->plan);
    sk_run_close(&t->run);
    sk_free(t);
}

enum sk_code sk_train(const struct sk_train_options *o, struct sk_position *position, struct sk_err *err)
{
    struct sk_err log_err = {0};
    struct sk_training *t = sk_alloc(1, sizeof(*t), err); /* too large for a stack */
    if (!t)
        return SK_NOMEM;
    t->options = o;
    t->recipe = *o->recipe;
    enum sk_code code = open_training(t, err);
    if (code == SK_OK && !t->finished)
        code = train(t, err);
    if (sk_log_close(&t->log, &log_err) != SK_OK && code == SK_OK)
        code = sk_fail(err, log_err.code, "%s", log_err.text);
    if (position)
        *position = t->at;
    sk_training_release(t);
    return code;
}

/* Saving while training: a failure is told and training goes on; the last good checkpoint stays. */
#include "train/internal.h"

#include <string.h>

/* Names of all outputs of the network: those of the data, then numbers. One block (sk_free). */
static const char **class_names(const struct sk_training *t, struct sk_err *err)
{
    enum { NUMBER = 12 };
    const struct sk_dataset_info *info = sk_dataset_info(t->train);
    size_t n = (size_t)t->recipe.model.classes, table = n * sizeof(char *);
    const char **names = sk_alloc(table + n * NUMBER, 1, err);
    if (!names)
        return NULL;
    char *text = (char *)names + table;
    for (size_t i = 0; i < n; i++, text += NUMBER) {
        snprintf(text, NUMBER, "%d", (int)i);
        names[i] = i < (size_t)info->classes ? info->class_name[i] : text;
    }
    return names;
}

/* plan.json of the run says what is used now; written when that changed. */
static enum sk_code write_plan(struct sk_training *t, struct sk_err *err)
{
    char path[SK_PATH];
    struct sk_str plan = {0};
    enum sk_code code = sk_net_choices(t->net, &plan, err);
    if (code == SK_OK && (plan.len != t->plan.len || memcmp(plan.text, t->plan.text, plan.len) != 0)) {
        code = sk_path_join(path, err, t->run.dir, "plan.json");
        if (code == SK_OK)
            code = sk_file_write(path, plan.text, plan.len, err);
        if (code == SK_OK) {
            struct sk_str old = t->plan;
            t->plan = plan;
            plan = old;
        }
    }
    sk_str_release(&plan);
    return code;
}

static enum sk_code save(struct sk_training *t, bool best, struct sk_err *err)
{
    const char **names = class_names(t, err);
    if (!names)
        return SK_NOMEM;
    sk_log_sync(&t->log); /* the log holds all that the checkpoint has done */
    enum sk_code code = write_plan(t, err);
    if (code == SK_OK)
        code = sk_checkpoint_write(&t->run, t->net, &t->recipe, names, &t->at, best, err);
    sk_free(names);
    return code;
}

enum sk_code sk_training_check_weights(const struct sk_training *t, struct sk_err *err)
{
    const char *name = sk_net_not_finite(t->net);
    if (!name)
        return SK_OK;
    return sk_fail(err, SK_INPUT,
                   "'%s' became nan or infinite at or before step %lld: a smaller train.optimizer.lr or a warm-up may "
                   "help; last good checkpoint: %s",
                   name, (long long)t->at.step, t->saved[0] ? t->saved : "none");
}

bool sk_training_saved(const struct sk_training *t)
{
    const char *name = strrchr(t->saved, '/');
    int64_t step;
    return t->save_failure.code == SK_OK && name && sk_checkpoint_step(name + 1, &step) && step == t->at.step;
}

enum sk_code sk_training_save(struct sk_training *t, bool best, struct sk_err *err)
{
    const struct sk_train_events *e = &t->options->events;
    enum sk_code code = sk_training_check_weights(t, err);
    if (code != SK_OK)
        return code;
    sk_err_clear(&t->save_failure);
    if (save(t, best, &t->save_failure) != SK_OK)
        return SK_OK;
    snprintf(t->saved, sizeof(t->saved), "%.*s/ckpt-%lld", SK_PATH - 32, t->run.dir, (long long)t->at.step);
    if (e->saved)
        e->saved(e->ctx, t->saved, t->at.step);
    return SK_OK;
}

enum sk_code sk_training_save_between(struct sk_training *t, bool best, struct sk_err *err)
{
    bool failed_before = t->save_failure.code != SK_OK, goes_on = !sk_training_done(t) && !sk_training_cancelled(t);
    enum sk_code code = sk_training_save(t, best, err);
    bool failed = t->save_failure.code != SK_OK;
    if (code != SK_OK)
        return code;
    if (failed && !failed_before && goes_on) /* at the end it is the error */
        sk_notice("step %lld could not be saved: %s; training goes on, last good checkpoint: %s",
                  (long long)t->at.step, t->save_failure.text, t->saved[0] ? t->saved : "none");
    if (failed_before && !failed)
        sk_notice("step %lld could be saved again", (long long)t->at.step);
    return SK_OK;
}

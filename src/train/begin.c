/* Where a training begins: initial weights, or the newest checkpoint of the run. */
#include "train/internal.h"

#include <string.h>

/* A classifier of another number of classes has a way out, which the message of loading does not know. */
static enum sk_code check_head(const struct sk_training *t, const struct sk_safetensors *st, const char *path,
                               struct sk_err *err)
{
    int classes = t->recipe.model.classes;
    for (size_t i = 0; i < st->count; i++) {
        const struct sk_st_tensor *w = &st->tensor[i];
        if (sk_model_is_classifier(w->name) && w->rank == 2 && w->dim[0] != classes)
            return sk_fail(err, SK_INPUT,
                           "'%s' has a classifier of %lld classes, the training has %d: with model.new_head: true it is "
                           "not taken but trained anew",
                           path, (long long)w->dim[0], classes);
    }
    return SK_OK;
}

/* Keys of model that shape the weights of a body; the rest says how it is trained. */
static bool shapes_weights(const char *key)
{
    static const char *const keys[] = {"arch", "stem", "width", "norm", "residual", "skip_kernel", "se"};
    for (size_t i = 0; i < SK_COUNT(keys); i++)
        if (strncmp(key, "model.", 6) == 0 && strcmp(key + 6, keys[i]) == 0)
            return true;
    return false;
}

/* Where the file tells of a network of another shape: which keys are to be as its are. */
static void tell_shape(const struct sk_training *t, const struct sk_safetensors *st, const char *path, struct sk_err *err)
{
    struct sk_model_facts *is = sk_alloc(1, sizeof(*is), NULL);
    struct sk_str keys = {0};
    bool known = is && sk_model_facts_read(is, st, path, NULL) == SK_OK && is->has_recipe;
    for (size_t i = 0; known && sk_recipe_key(i); i++) {
        if (!shapes_weights(sk_recipe_key(i)) || sk_recipe_key_equal(i, &is->recipe, &t->recipe))
            continue;
        known = sk_str_add(&keys, NULL, "%s%s: ", keys.len ? ", " : "", sk_recipe_key(i)) == SK_OK &&
                sk_recipe_key_write(i, &is->recipe, &keys, NULL) == SK_OK;
    }
    if (known && keys.len > 0)
        sk_err_prefix(err, "it is of a network with %s", keys.text);
    sk_str_release(&keys);
    if (is)
        sk_model_facts_release(is);
    sk_free(is);
}

static enum sk_code load_initial(struct sk_training *t, struct sk_err *err)
{
    const struct sk_recipe_model *m = &t->recipe.model;
    char path[SK_PATH];
    struct sk_safetensors st = {0};
    sk_net_init(t->net, (uint64_t)t->recipe.train.seed);
    if (!m->init[0])
        return SK_OK;
    enum sk_code code = sk_model_path(m->init, path, err);
    if (code == SK_OK)
        code = sk_st_open(&st, path, err);
    if (code == SK_OK && !m->new_head)
        code = check_head(t, &st, path, err);
    if (code == SK_OK)
        code = (m->new_head ? sk_net_load_body : sk_net_load)(t->net, &st, path, err);
    if (code == SK_INPUT)
        tell_shape(t, &st, path, err);
    if (code != SK_OK)
        sk_err_prefix(err, "model.init");
    sk_st_close(&st);
    return code;
}

static enum sk_code check_data(const struct sk_training *t, const struct sk_position *was, struct sk_err *err)
{
    if (was->samples != t->samples)
        return sk_fail(err, SK_INPUT,
                       "the training data changed: the run was made with %lld samples, there are %lld now",
                       (long long)was->samples, (long long)t->samples);
    if (was->fingerprint != t->at.fingerprint)
        return sk_fail(err, SK_INPUT,
                       "the training data changed: names, sizes, labels or pixels are not those the run was made with");
    if (was->batch_size != t->recipe.train.batch || was->batch > t->batches)
        return sk_fail(err, SK_INPUT,
                       "the checkpoint does not fit the recipe: batch %lld of %lld with %lld samples each",
                       (long long)was->batch, (long long)t->batches, (long long)was->batch_size);
    return SK_OK;
}

/* A schedule as long as the training changes with it, also where the run stands. */
static void tell_stretched(const struct sk_training *t, const struct sk_recipe_train *was)
{
    const struct sk_recipe_train *now = &t->recipe.train;
    bool follows = now->schedule.epochs <= 0 && sk_schedule_ends(now->schedule.name);
    int64_t before = was->max_steps > 0 ? was->max_steps : t->batches * was->epochs;
    if (follows && before != t->total_steps)
        sk_notice("the schedule is stretched from %lld to %lld steps: the learning rate jumps; a run that is to grow "
                  "keeps its schedule when it begins with train.schedule.epochs",
                  (long long)before, (long long)t->total_steps);
}

static enum sk_code resume_from(struct sk_training *t, const char *path, struct sk_err *err)
{
    struct sk_recipe was;
    struct sk_position at;
    enum sk_code code = sk_checkpoint_recipe(path, &was, err);
    if (code == SK_OK)
        code = sk_checkpoint_position(path, &at, err);
    if (code == SK_OK)
        code = sk_recipe_may_resume(&was, &t->recipe, err);
    if (code == SK_OK)
        code = check_data(t, &at, err);
    if (code == SK_OK)
        code = sk_checkpoint_load(path, t->net, err);
    if (code != SK_OK) {
        sk_err_prefix(err, "cannot resume '%s'", path);
        return code;
    }
    tell_stretched(t, &was.train);
    t->at = at;
    memcpy(t->saved, path, strlen(path) + 1);
    return SK_OK;
}

static void tell_finished(const struct sk_training *t)
{
    if (sk_training_stopped_early(t))
        sk_notice("the run '%s' is finished: it was stopped early after %u epochs, the last %lld without a better "
                  "accuracy; a larger train.early_stop continues it",
                  t->run.dir, t->at.epoch, (long long)t->at.stale);
    else if (t->recipe.train.max_steps > 0)
        sk_notice("the run '%s' is finished: %lld of %lld steps are done; a larger train.max_steps continues it",
                  t->run.dir, (long long)t->at.step, (long long)t->recipe.train.max_steps);
    else
        sk_notice("the run '%s' is finished: %u of %d epochs are done; a larger train.epochs continues it", t->run.dir,
                  t->at.epoch, t->recipe.train.epochs);
}

enum sk_code sk_training_find(struct sk_training *t, struct sk_err *err)
{
    bool found = false;
    enum sk_code code = t->options->resume ? sk_checkpoint_find(&t->run, t->from, &found, err) : SK_OK;
    if (!found)
        t->from[0] = '\0';
    return code;
}

enum sk_code sk_training_head(const struct sk_training *t, char path[SK_PATH], struct sk_err *err)
{
    const struct sk_recipe_model *m = &t->recipe.model;
    path[0] = '\0';
    if (!t->from[0] && (!m->init[0] || m->new_head))
        return SK_OK;
    enum sk_code code = sk_model_path(t->from[0] ? t->from : m->init, path, err);
    if (code != SK_OK && !t->from[0])
        sk_err_prefix(err, "model.init");
    return code;
}

/* Beginning anew would drop its log. One epoch may have been logged before the first checkpoint, not more. */
static enum sk_code refuse_logged(const struct sk_training *t, struct sk_err *err)
{
    struct sk_run_log log = {0};
    size_t epochs = sk_run_log_read(&log, t->run.dir, NULL) == SK_OK ? log.epochs : 0;
    sk_run_log_release(&log);
    if (epochs <= 1)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "the run '%s' has no checkpoint, but a log of %zu epochs: choose another --out",
                   t->run.dir, epochs);
}

enum sk_code sk_training_begin(struct sk_training *t, struct sk_err *err)
{
    bool found = t->from[0] != '\0';
    enum sk_code code = t->options->resume && !found ? refuse_logged(t, err) : SK_OK;
    if (code == SK_OK)
        code = found ? resume_from(t, t->from, err) : load_initial(t, err);
    if (code == SK_OK && t->options->resume && !found)
        sk_notice("the run '%s' has no checkpoint: training starts anew", t->run.dir);
    t->finished = code == SK_OK && found && sk_training_done(t);
    if (t->finished)
        tell_finished(t);
    return code;
}

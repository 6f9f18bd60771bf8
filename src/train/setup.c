/* What a training needs before its first step: data, loader, engine and network, checked to fit each other. */
#include "train/internal.h"

#include <math.h>

/* The validation split; that there is none is no error. */
static enum sk_code open_validation(struct sk_training *t, struct sk_err *err)
{
    struct sk_err why = {0};
    enum sk_code code = sk_dataset_open(&t->val, &t->recipe.data, t->recipe.train.seed, SK_VAL, &why);
    if (code == SK_OK)
        return SK_OK;
    t->val = NULL;
    if (code != SK_NO_SPLIT)
        return sk_fail(err, code, "%s", why.text);
    sk_notice("%s; training goes on without validation", why.text);
    return SK_OK;
}

/* Where the classifier is not new, the data's classes get the numbers that it has them by. */
static enum sk_code match_classes(struct sk_training *t, const char *path, struct sk_err *err)
{
    struct sk_safetensors st = {0};
    struct sk_model_facts f = {0};
    enum sk_code code = sk_st_open(&st, path, err);
    if (code == SK_OK)
        code = sk_model_facts_read(&f, &st, path, err);
    int wanted = t->recipe.model.classes; /* another number is told when the weights are loaded */
    const char *const *name = wanted == 0 || wanted == f.shape.classes ? (const char *const *)f.class_name : NULL;
    if (code == SK_OK && name)
        code = sk_dataset_match(t->train, name, f.shape.classes, true, err);
    if (code == SK_OK && name && t->val)
        code = sk_dataset_match(t->val, name, f.shape.classes, false, err);
    if (code != SK_OK && t->from[0])
        sk_err_prefix(err, "cannot resume '%s'", t->from);
    else if (code != SK_OK)
        sk_err_prefix(err, "model.init '%s' (model.new_head: true gives it another classifier)", path);
    sk_model_facts_release(&f);
    sk_st_close(&st);
    return code;
}

static enum sk_code check_classes(struct sk_training *t, const char *what, const struct sk_dataset *ds,
                                  struct sk_err *err)
{
    int classes = sk_dataset_info(ds)->classes;
    if (classes <= t->recipe.model.classes)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "the %s data has %d classes, the model has %d (model.classes)", what, classes,
                   t->recipe.model.classes);
}

static void tell_buffer(const struct sk_recipe_data *d, const struct sk_dataset_info *info)
{
    if (d->shuffle_buffer != SK_SHUFFLE_BUFFER && (info->span == 0 || !d->shuffle))
        sk_notice("data.shuffle_buffer has no effect: %s",
                  d->shuffle ? "no training picture lies in a gzip'd shard" : "data.shuffle is false");
}

static enum sk_code open_data(struct sk_training *t, struct sk_err *err)
{
    char head[SK_PATH];
    enum sk_code code = sk_dataset_open(&t->train, &t->recipe.data, t->recipe.train.seed, SK_TRAIN, err);
    if (code == SK_OK)
        code = open_validation(t, err);
    if (code == SK_OK)
        code = sk_training_head(t, head, err);
    if (code == SK_OK && head[0])
        code = match_classes(t, head, err);
    if (code != SK_OK)
        return code;
    if (t->recipe.model.classes == 0)
        t->recipe.model.classes = sk_dataset_info(t->train)->classes;
    code = check_classes(t, "training", t->train, err);
    if (code == SK_OK && t->val)
        code = check_classes(t, "validation", t->val, err);
    if (code != SK_OK)
        return code;
    t->at.fingerprint = sk_dataset_info(t->train)->fingerprint;
    tell_buffer(&t->recipe.data, sk_dataset_info(t->train));
    return SK_OK;
}

/* The shape of a training picture. */
static void learn_shape(const struct sk_training *t, struct sk_net_shape *s)
{
    enum sk_pixel pixel;
    sk_loader_shape(t->loader, &s->height, &s->width, &s->channels, &pixel);
    s->pixel = pixel == SK_PIXEL_U8 ? SK_U8 : SK_F32;
    s->classes = t->recipe.model.classes;
}

/* What train.epochs is where nobody asked for a number. */
static int default_epochs(void)
{
    struct sk_recipe defaults;
    sk_recipe_defaults(&defaults);
    return defaults.train.epochs;
}

static void count_steps(struct sk_training *t)
{
    const struct sk_recipe_train *r = &t->recipe.train;
    t->batches = sk_loader_batches(t->loader);
    t->samples = t->at.samples = sk_loader_samples(t->loader);
    t->at.batch_size = r->batch;
    t->total_steps = r->max_steps > 0 ? r->max_steps : t->batches * r->epochs;
    int64_t epochs = (t->total_steps + t->batches - 1) / t->batches;
    if (r->max_steps > 0 && r->epochs != default_epochs() && r->max_steps != t->batches * r->epochs)
        sk_notice("train.max_steps (%lld) ends the training: train.epochs (%d) does not count", (long long)r->max_steps,
                  r->epochs);
    t->epochs = epochs < UINT32_MAX ? (uint32_t)epochs : UINT32_MAX;
}

/* What check.c cannot know: how many steps an epoch has. */
static enum sk_code check_schedule(const struct sk_training *t, struct sk_err *err)
{
    const struct sk_recipe_schedule *s = &t->recipe.train.schedule;
    double batches = (double)t->batches;
    if (s->epochs > 0 && llround(s->epochs * batches) < 1)
        return sk_fail(err, SK_INPUT,
                       "train.schedule.epochs: expected at least a step, which is 1/%lld of an epoch, got %g epochs",
                       (long long)t->batches, s->epochs);
    if (s->warmup_epochs > 0 && llround(s->warmup_epochs * batches) > t->total_steps)
        sk_notice("the training ends within its warm-up (train.schedule.warmup_epochs: %g): the learning rate stays "
                  "below %g",
                  s->warmup_epochs, sk_recipe_lr(&t->recipe.train));
    return SK_OK;
}

static enum sk_code open_loader(struct sk_training *t, struct sk_net_shape *shape, struct sk_err *err)
{
    enum { RING = 3 };
    const struct sk_recipe *r = &t->recipe;
    struct sk_loader_options o = {
        .dataset = t->train,
        .steps = &r->data.augment,
        .batch = r->train.batch,
        .workers = r->data.workers,
        .ring = RING,
        .shuffle = r->data.shuffle,
        .drop_last = r->train.drop_last,
        .seed = r->train.seed,
        .limit = r->data.train_limit,
        .on_error = r->data.on_error,
        .max_damaged = r->data.max_damaged,
    };
    enum sk_code code = sk_train_loader(&t->loader, &o, err);
    if (code != SK_OK)
        return code;
    learn_shape(t, shape);
    count_steps(t);
    return check_schedule(t, err);
}

static enum sk_code check_normalize(const struct sk_training *t, const struct sk_net_shape *s, struct sk_err *err)
{
    const struct sk_recipe_data *d = &t->recipe.data;
    if (d->has_normalize && d->normalize_channels != 1 && d->normalize_channels != s->channels)
        return sk_fail(err, SK_INPUT, "data.normalize has %d values for the mean, the pictures have %d channels",
                       d->normalize_channels, s->channels);
    return SK_OK;
}

/* That evaluation's pictures fit is asked now, not after the first epoch. */
static enum sk_code check_validation(struct sk_training *t, struct sk_err *err)
{
    struct sk_loader *loader = NULL;
    enum sk_code code = sk_eval_loader(&loader, t->val, &t->recipe, t->recipe.train.batch, t->recipe.data.workers, err);
    if (code == SK_OK) {
        t->val_samples = sk_loader_samples(loader);
        code = sk_eval_fits(t->net, &t->recipe, loader, t->val, err);
    }
    sk_loader_free(loader);
    return code;
}

/* As rare as a class is: samples / (classes * samples of the class); 0 for one without samples. Of all samples that
 * epochs draw from, of which drop_last leaves other ones out each time. */
static enum sk_code balance_classes(const struct sk_training *t, struct sk_err *err)
{
    int classes = t->recipe.model.classes;
    int64_t samples = sk_dataset_info(t->train)->count, limit = t->recipe.data.train_limit;
    samples = limit > 0 && limit < samples ? limit : samples;
    double *weight = sk_alloc((size_t)classes, sizeof(*weight), err);
    if (!weight)
        return SK_NOMEM;
    for (int64_t i = 0; i < samples; i++)
        weight[sk_dataset_label(t->train, i)]++;
    for (int k = 0; k < classes; k++)
        weight[k] = weight[k] > 0 ? (double)samples / (classes * weight[k]) : 0;
    enum sk_code code = sk_net_weigh_classes(t->net, weight, classes, err);
    sk_free(weight);
    return code;
}

static enum sk_code weigh_classes(const struct sk_training *t, struct sk_err *err)
{
    const struct sk_recipe_numbers *w = &t->recipe.train.class_weights;
    if (w->count == 0)
        return SK_OK;
    return w->count == SK_BALANCED ? balance_classes(t, err) : sk_net_weigh_classes(t->net, w->at, w->count, err);
}

static enum sk_code check_needs_validation(const struct sk_training *t, struct sk_err *err)
{
    if (t->val)
        return SK_OK;
    if (t->recipe.train.schedule.name == SK_SCHED_PLATEAU)
        return sk_fail(err, SK_INPUT, "train.schedule.name: plateau goes by the validation loss, and there is no validation data");
    if (t->recipe.train.early_stop > 0)
        return sk_fail(err, SK_INPUT, "train.early_stop goes by the validation accuracy, and there is no validation data");
    return SK_OK;
}

enum sk_code sk_training_setup(struct sk_training *t, struct sk_err *err)
{
    struct sk_net_shape shape = {0};
    t->at.best = t->at.plateau.low = -1;
    enum sk_code code = open_data(t, err);
    if (code == SK_OK)
        code = open_loader(t, &shape, err);
    if (code == SK_OK)
        code = check_normalize(t, &shape, err);
    if (code == SK_OK)
        code = sk_engine_open(&t->engine, &t->recipe.engine, err);
    if (code == SK_OK)
        sk_engine_cancel(t->engine, t->options->cancel);
    if (code == SK_OK)
        code = sk_net_new(&t->net, t->engine, &t->recipe, &shape, err);
    if (code == SK_OK)
        code = weigh_classes(t, err);
    if (code == SK_OK && t->recipe.train.tensorboard && t->recipe.train.histograms > 0)
        sk_net_keep_gradients(t->net);
    if (code == SK_OK && t->val)
        code = check_validation(t, err);
    return code == SK_OK ? check_needs_validation(t, err) : code;
}

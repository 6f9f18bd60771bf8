/* Rules that span several keys, and what may differ between a run and its resumption. */
#include "recipe/keys.h"

#include <string.h>

static enum sk_code check_npy(const struct sk_recipe_data *d, struct sk_err *err)
{
    if (!*d->images != !*d->labels)
        return sk_fail(err, SK_INPUT, "data.%s needs data.%s beside it", *d->images ? "images" : "labels",
                       *d->images ? "labels" : "images");
    if (*d->val_images && !*d->val_labels)
        return sk_fail(err, SK_INPUT, "data.val_images needs data.val_labels beside it");
    if (*d->val_labels && !*d->val_images && (*d->images || d->source == SK_SOURCE_NPY))
        return sk_fail(err, SK_INPUT, "data.val_labels needs data.val_images beside it");
    if (*d->val_images && !*d->images)
        return sk_fail(err, SK_INPUT, "data.val_images needs data.images beside it");
    bool npy = d->source == SK_SOURCE_NPY || d->source == SK_SOURCE_AUTO;
    if (*d->images && !npy)
        return sk_fail(err, SK_INPUT, "data.images is for data.source npy, not %s", sk_source_name(d->source));
    return SK_OK;
}

static enum sk_code check_prepare(const struct sk_picture_steps *prepare, struct sk_err *err)
{
    for (int i = 0; i < prepare->count; i++) {
        const struct sk_step_type *type = sk_step_type_of(prepare->step[i].kind);
        if (type->random)
            return sk_fail(err, SK_INPUT, "data.prepare: step %d: %s is random and belongs in data.augment", i + 1,
                           type->name);
    }
    return SK_OK;
}

/* Schedules that train.schedule.min_lr is for. */
enum { MIN_LR = 1 << SK_SCHED_COSINE | 1 << SK_SCHED_POLYNOMIAL | 1 << SK_SCHED_FLAT_LINEAR | 1 << SK_SCHED_PLATEAU };

/* Keys that belong to some optimizers or schedules only: another value than the default says that its effect is
 * awaited. (Whether a key was given is not known: a run's recipe gives all.) */
static void tell_other_kinds(const struct sk_recipe *r)
{
    enum {
        SGD = 1 << SK_OPT_SGD,
        RMSPROP = 1 << SK_OPT_RMSPROP,
        ADADELTA = 1 << SK_OPT_ADADELTA,
        LARS = 1 << SK_OPT_LARS,
        LAMB = 1 << SK_OPT_LAMB,
        ADAMS = 1 << SK_OPT_ADAM | 1 << SK_OPT_ADAMW | LAMB,
        ADAPT = ADAMS | RMSPROP | 1 << SK_OPT_ADAGRAD | ADADELTA,
        DROPS = 1 << SK_SCHED_STEP | 1 << SK_SCHED_MULTI_STEP | 1 << SK_SCHED_PLATEAU,
        PLATEAU = 1 << SK_SCHED_PLATEAU,
    };
    static const struct {
        const char *key;
        int optimizers, schedules; /* that use it; 0: does not depend on them */
    } rows[] = {
        {"train.optimizer.momentum", SGD | LARS | RMSPROP, 0},
        {"train.optimizer.dampening", SGD, 0},
        {"train.optimizer.nesterov", SGD, 0},
        {"train.optimizer.beta1", ADAMS, 0},
        {"train.optimizer.beta2", ADAMS, 0},
        {"train.optimizer.rho", RMSPROP | ADADELTA, 0},
        {"train.optimizer.centered", RMSPROP, 0},
        {"train.optimizer.eps", ADAPT, 0},
        {"train.optimizer.trust", LARS, 0},
        {"train.optimizer.decoupled", ~(LARS | LAMB), 0},
        {"train.optimizer.decay_norm_bias", ~(LARS | LAMB), 0},
        {"train.schedule.step_epochs", 0, 1 << SK_SCHED_STEP},
        {"train.schedule.milestones", 0, 1 << SK_SCHED_MULTI_STEP},
        {"train.schedule.gamma", 0, DROPS | 1 << SK_SCHED_EXPONENTIAL},
        {"train.schedule.power", 0, 1 << SK_SCHED_POLYNOMIAL},
        {"train.schedule.flat_epochs", 0, 1 << SK_SCHED_FLAT_LINEAR},
        {"train.schedule.patience", 0, PLATEAU},
        {"train.schedule.cooldown", 0, PLATEAU},
        {"train.schedule.threshold", 0, PLATEAU},
        {"train.schedule.min_lr", 0, MIN_LR},
        {"train.schedule.pct_start", 0, 1 << SK_SCHED_ONE_CYCLE},
        {"train.schedule.div_factor", 0, 1 << SK_SCHED_ONE_CYCLE},
        {"train.schedule.final_div_factor", 0, 1 << SK_SCHED_ONE_CYCLE},
        {"train.schedule.cycle_momentum", 0, 1 << SK_SCHED_ONE_CYCLE},
        {"train.schedule.base_momentum", 0, 1 << SK_SCHED_ONE_CYCLE},
        {"train.schedule.max_momentum", 0, 1 << SK_SCHED_ONE_CYCLE},
    };
    struct sk_recipe usual;
    sk_recipe_defaults(&usual);
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        const struct sk_key *k = sk_key_find(rows[i].key);
        bool used = rows[i].optimizers ? rows[i].optimizers & 1 << r->train.optimizer.name
                                       : rows[i].schedules & 1 << r->train.schedule.name;
        if (!used && !sk_key_equal(k, r, &usual))
            sk_notice("%s has no effect with %s", k->name,
                      rows[i].optimizers ? sk_optimizer_name(r->train.optimizer.name)
                                         : sk_schedule_name(r->train.schedule.name));
    }
}

static void tell_cycle(const struct sk_recipe_schedule *s)
{
    struct sk_recipe usual;
    sk_recipe_defaults(&usual);
    const struct sk_recipe_schedule *u = &usual.train.schedule;
    if (s->name == SK_SCHED_ONE_CYCLE && !s->cycle_momentum &&
        (s->base_momentum != u->base_momentum || s->max_momentum != u->max_momentum))
        sk_notice("train.schedule.base_momentum and max_momentum have no effect without cycle_momentum: true");
}

static void tell_model(const struct sk_recipe_model *m)
{
    if (m->drop_path > 0 && !m->residual)
        sk_notice("model.drop_path has no effect with model.residual: false: there is no skip connection beside it");
    if (m->zero_init_residual && m->norm == SK_NORM_NONE)
        sk_notice("model.zero_init_residual has no effect with model.norm: none, whose blocks begin at zero anyway");
}

static void tell_histograms(const struct sk_recipe_train *t)
{
    if (t->histograms > 0 && !t->tensorboard)
        sk_notice("train.histograms has no effect without train.tensorboard: true");
}

static void tell_decode(const struct sk_recipe_data *d)
{
    const struct sk_picture_steps *a = &d->augment;
    if (a->decode == SK_DECODE_EXACT)
        return;
    if (a->count == 0 || a->step[0].kind != SK_STEP_RANDOM_RESIZED_CROP)
        sk_notice("data.decode: fast has no effect: the first step of data.augment is not random_resized_crop");
    else if (d->cache == SK_CACHE_MEMORY)
        sk_notice("data.decode: fast has no effect with data.cache: memory, which keeps whole pictures");
}

static enum sk_code check_cycle(const struct sk_recipe_train *t, struct sk_err *err)
{
    enum { CAN = 1 << SK_OPT_SGD | 1 << SK_OPT_ADAM | 1 << SK_OPT_ADAMW };
    const struct sk_recipe_schedule *s = &t->schedule;
    if (s->name != SK_SCHED_ONE_CYCLE || !s->cycle_momentum)
        return SK_OK;
    if (!(CAN & 1 << t->optimizer.name))
        return sk_fail(err, SK_INPUT, "train.schedule.cycle_momentum: expected train.optimizer.name sgd, adam or adamw, got %s",
                       sk_optimizer_name(t->optimizer.name));
    if (s->base_momentum > s->max_momentum)
        return sk_fail(err, SK_INPUT, "train.schedule.base_momentum: expected at most max_momentum (%g), got %g",
                       s->max_momentum, s->base_momentum);
    return SK_OK;
}

static enum sk_code check_schedule(const struct sk_recipe_train *t, struct sk_err *err)
{
    const struct sk_recipe_schedule *s = &t->schedule;
    double length = s->epochs > 0 ? s->epochs : t->max_steps > 0 ? 0 : t->epochs; /* 0: not known before the data is */
    if (s->name == SK_SCHED_ONE_CYCLE && s->warmup_epochs > 0)
        return sk_fail(err, SK_INPUT, "train.schedule.warmup_epochs: one_cycle has its own warm-up (pct_start), got %g",
                       s->warmup_epochs);
    if (length > 0 && s->warmup_epochs >= length)
        return sk_fail(err, SK_INPUT,
                       "train.schedule.warmup_epochs: expected less than the schedule's %g epochs, got %g", length,
                       s->warmup_epochs);
    if (s->name == SK_SCHED_FLAT_LINEAR && length > 0 && s->flat_epochs >= length)
        return sk_fail(err, SK_INPUT, "train.schedule.flat_epochs: expected less than the schedule's %g epochs, got %g",
                       length, s->flat_epochs);
    if ((1 << s->name & MIN_LR) && s->min_lr > sk_recipe_lr(t))
        return sk_fail(err, SK_INPUT, "train.schedule.min_lr: expected at most train.optimizer.lr (%g), got %g",
                       sk_recipe_lr(t), s->min_lr);
    if (s->name == SK_SCHED_MULTI_STEP && s->milestones.count == 0)
        return sk_fail(err, SK_INPUT, "train.schedule.milestones: multi_step needs at least one epoch");
    for (int i = 1; i < s->milestones.count; i++)
        if (s->milestones.at[i] <= s->milestones.at[i - 1])
            return sk_fail(err, SK_INPUT, "train.schedule.milestones: expected rising epochs, got %g after %g",
                           s->milestones.at[i], s->milestones.at[i - 1]);
    return check_cycle(t, err);
}

static enum sk_code check_optimizer(const struct sk_recipe_train *t, struct sk_err *err)
{
    const struct sk_recipe_optimizer *o = &t->optimizer;
    if (o->name == SK_OPT_SGD && o->nesterov && o->dampening > 0)
        return sk_fail(err, SK_INPUT, "train.optimizer.dampening: Nesterov's momentum has none (nesterov: false), got %g",
                       o->dampening);
    if (t->accumulate > t->batch)
        return sk_fail(err, SK_INPUT, "train.accumulate: expected at most train.batch (%d), got %d", t->batch,
                       t->accumulate);
    double sum = 0;
    for (int i = 0; i < t->class_weights.count; i++)
        sum += t->class_weights.at[i];
    if (t->class_weights.count > 0 && sum == 0)
        return sk_fail(err, SK_INPUT, "train.loss.class_weights: at least one must be above 0");
    return SK_OK;
}

double sk_recipe_lr(const struct sk_recipe_train *t)
{
    const struct sk_recipe_optimizer *o = &t->optimizer;
    return o->base_batch > 0 ? o->lr * t->batch / o->base_batch : o->lr;
}

static enum sk_code check_profile(const struct sk_recipe_profile *p, struct sk_err *err)
{
    if (!p->network && !*p->workers)
        return sk_fail(err, SK_INPUT, "profile.network: loading alone is measured for the numbers of profile.workers, which "
                                      "are not given");
    if (p->epochs > 1 && *p->workers)
        return sk_fail(err, SK_INPUT, "profile.epochs: %d epochs are not measured for several profile.workers: set it to 1",
                       p->epochs);
    return SK_OK;
}

enum sk_code sk_recipe_check(const struct sk_recipe *r, struct sk_err *err)
{
    enum sk_code code = check_npy(&r->data, err);
    if (code == SK_OK)
        code = check_prepare(&r->data.prepare, err);
    if (code == SK_OK)
        code = check_schedule(&r->train, err);
    if (code == SK_OK)
        code = check_optimizer(&r->train, err);
    if (code == SK_OK && r->model.new_head && !*r->model.init)
        code = sk_fail(err, SK_INPUT, "model.new_head: there is no model.init whose classifier it would replace");
    if (code == SK_OK)
        code = check_profile(&r->profile, err);
    if (code == SK_OK)
        code = sk_sweep_check(r, err);
    if (code == SK_OK && r->train.drop_last && r->data.train_limit > 0 && r->data.train_limit < r->train.batch)
        code = sk_fail(err, SK_INPUT, "data.train_limit: %lld samples make no batch of %d, and train.drop_last is on",
                       (long long)r->data.train_limit, r->train.batch);
    return code;
}

void sk_recipe_tell_unused(const struct sk_recipe *r)
{
    tell_other_kinds(r);
    tell_cycle(&r->train.schedule);
    tell_histograms(&r->train);
    tell_model(&r->model);
    tell_decode(&r->data);
}

/* 0 stands for no end. */
static bool grows(const struct sk_key *k, const struct sk_recipe *run, const struct sk_recipe *now)
{
    int64_t from = 0, to = 0;
    if (k->type == SK_KEY_INT64) {
        memcpy(&from, (const char *)run + k->offset, sizeof(from));
        memcpy(&to, (const char *)now + k->offset, sizeof(to));
    } else {
        int small;
        memcpy(&small, (const char *)run + k->offset, sizeof(small));
        from = small;
        memcpy(&small, (const char *)now + k->offset, sizeof(small));
        to = small;
    }
    return to == 0 || (from != 0 && to >= from);
}

static enum sk_code refuse_change(const struct sk_key *k, const struct sk_recipe *run, const struct sk_recipe *now,
                                  struct sk_err *err)
{
    enum { SHOWN = 500 };
    struct sk_str was = {0}, is = {0};
    enum sk_code code = sk_key_format(k, run, &was, err);
    if (code == SK_OK)
        code = sk_key_format(k, now, &is, err);
    if (code != SK_OK)
        sk_err_prefix(err, "%s", k->name);
    else
        code = sk_fail(err, SK_INPUT, "%s was %.*s in the run, is %.*s now%s", k->name, SHOWN, was.text, SHOWN, is.text,
                       k->resume == SK_RESUME_GROW ? " (it may only grow)" : "");
    sk_str_release(&was);
    sk_str_release(&is);
    return code;
}

static const struct sk_key *first_refused(const struct sk_recipe *run, const struct sk_recipe *now)
{
    for (size_t i = 0; i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        bool fine = k->resume == SK_RESUME_YES || sk_key_equal(k, run, now) ||
                    (k->resume == SK_RESUME_GROW && grows(k, run, now));
        if (!fine)
            return k;
    }
    return NULL;
}

enum sk_code sk_recipe_may_resume(const struct sk_recipe *run, const struct sk_recipe *now, struct sk_err *err)
{
    const struct sk_key *k = first_refused(run, now);
    return k ? refuse_change(k, run, now, err) : SK_OK;
}

const char *sk_recipe_no_resume(const struct sk_recipe *run, const struct sk_recipe *now)
{
    const struct sk_key *k = first_refused(run, now);
    return k ? k->name : NULL;
}

bool sk_recipe_reached(const struct sk_recipe_expect *e, double accuracy)
{
    return accuracy >= e->accuracy - e->tolerance - 1e-9; /* 0.8 - 0.2 is above 0.6 */
}

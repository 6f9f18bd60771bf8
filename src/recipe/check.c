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

/* Keys that belong to some optimizers or schedules only: another value than the default says that its effect is
 * awaited. (Whether a key was given is not known: a run's recipe gives all.) */
static void tell_unused(const struct sk_recipe *r)
{
    enum { SGD = 1 << SK_OPT_SGD, ADAMS = 1 << SK_OPT_ADAM | 1 << SK_OPT_ADAMW };
    static const struct {
        const char *key;
        int optimizers, schedules; /* that use it; 0: does not depend on them */
    } rows[] = {
        {"train.optimizer.momentum", SGD, 0},
        {"train.optimizer.nesterov", SGD, 0},
        {"train.optimizer.beta1", ADAMS, 0},
        {"train.optimizer.beta2", ADAMS, 0},
        {"train.optimizer.eps", ADAMS, 0},
        {"train.schedule.step_epochs", 0, 1 << SK_SCHED_STEP},
        {"train.schedule.gamma", 0, 1 << SK_SCHED_STEP},
        {"train.schedule.min_lr", 0, 1 << SK_SCHED_COSINE},
        {"train.schedule.pct_start", 0, 1 << SK_SCHED_ONE_CYCLE},
        {"train.schedule.div_factor", 0, 1 << SK_SCHED_ONE_CYCLE},
        {"train.schedule.final_div_factor", 0, 1 << SK_SCHED_ONE_CYCLE},
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
    if (s->name == SK_SCHED_COSINE && s->min_lr > t->optimizer.lr)
        return sk_fail(err, SK_INPUT, "train.schedule.min_lr: expected at most train.optimizer.lr (%g), got %g",
                       t->optimizer.lr, s->min_lr);
    return SK_OK;
}

static enum sk_code check_profile(const struct sk_recipe_profile *p, struct sk_err *err)
{
    if (!p->network && !*p->workers)
        return sk_fail(err, SK_INPUT, "profile.network: loading alone is measured for the numbers of profile.workers, which "
                                      "are not given");
    if (p->epochs > 1 && (p->steps > 0 || *p->workers))
        return sk_fail(err, SK_INPUT, "profile.epochs: %d epochs are told with profile.steps 0 and without profile.workers",
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
        code = check_profile(&r->profile, err);
    if (code == SK_OK && r->train.drop_last && r->data.train_limit > 0 && r->data.train_limit < r->train.batch)
        code = sk_fail(err, SK_INPUT, "data.train_limit: %lld samples make no batch of %d, and train.drop_last is on",
                       (long long)r->data.train_limit, r->train.batch);
    if (code == SK_OK) {
        tell_unused(r);
        tell_histograms(&r->train);
        tell_decode(&r->data);
    }
    return code;
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

enum sk_code sk_recipe_may_resume(const struct sk_recipe *run, const struct sk_recipe *now, struct sk_err *err)
{
    for (size_t i = 0; i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        bool fine = k->resume == SK_RESUME_YES || sk_key_equal(k, run, now) ||
                    (k->resume == SK_RESUME_GROW && grows(k, run, now));
        if (!fine)
            return refuse_change(k, run, now, err);
    }
    return SK_OK;
}

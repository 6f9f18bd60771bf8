/* Evaluation of a network on a data set: shared by the loop and `skua eval`, so that both give the same figures. */
#include "train/internal.h"
#include "train/tta.h"

enum sk_code sk_eval_loader(struct sk_loader **loader, const struct sk_dataset *ds, const struct sk_recipe *recipe,
                            int batch, int workers, struct sk_err *err)
{
    struct sk_loader_options o = {
        .dataset = ds,
        .steps = &recipe->data.prepare,
        .batch = batch,
        .workers = workers,
        .seed = recipe->train.seed,
        .limit = recipe->data.val_limit,
        .on_error = recipe->data.on_error,
        .max_damaged = recipe->data.max_damaged,
    };
    enum sk_code code = sk_train_loader(loader, &o, err);
    if (code != SK_OK)
        sk_err_prefix(err, "evaluation data");
    return code;
}

static enum sk_code name_sample(const struct sk_dataset *ds, int64_t index, enum sk_code code, struct sk_err *err)
{
    char name[SK_NAME];
    sk_dataset_name(ds, index, name, sizeof(name));
    sk_err_prefix(err, "the output of the network for '%s' is not finite", name);
    return code;
}

static enum sk_code score_batch(const struct sk_dataset *ds, const struct sk_batch *b, const struct sk_net_result *r,
                                const struct sk_eval_options *o, struct sk_scores *s, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i < b->count && code == SK_OK; i++) {
        struct sk_scored sample;
        code = sk_scores_add(s, r->logits + (size_t)i * (size_t)s->classes, b->label[i], b->index[i], &sample, err);
        if (code == SK_INPUT)
            return name_sample(ds, b->index[i], code, err);
        if (code == SK_OK && o->sample)
            code = o->sample(o->ctx, &sample, err);
    }
    return code;
}

static enum sk_code run_batches(struct sk_net *net, struct sk_loader *loader, const struct sk_dataset *ds,
                                const struct sk_eval_options *o, struct sk_tta *tta, struct sk_evaluation *out,
                                struct sk_err *err)
{
    const struct sk_batch *batch;
    struct sk_net_result result;
    for (;;) {
        if (o->cancel && atomic_load(o->cancel))
            return sk_fail(err, SK_CANCELLED, "the evaluation was stopped");
        enum sk_code code = sk_loader_next(loader, &batch, err);
        if (code != SK_OK || !batch)
            return code;
        struct sk_net_batch b = {batch->count, batch->pixels, batch->label, NULL};
        code = o->flip ? sk_tta_eval(tta, net, batch, &result, err) : sk_net_eval(net, &b, &result, err);
        if (code == SK_OK)
            sk_metrics_add(&out->all, &result, batch->count);
        if (code == SK_OK && o->scores)
            code = score_batch(ds, batch, &result, o, &out->scores, err);
        if (code != SK_OK)
            return code;
        if (o->progress)
            o->progress(o->ctx, out->all.count, sk_loader_samples(loader));
    }
}

enum sk_code sk_evaluate(struct sk_net *net, const struct sk_dataset *ds, const struct sk_recipe *recipe,
                         const struct sk_eval_options *o, struct sk_evaluation *out, struct sk_err *err)
{
    struct sk_loader *loader = NULL;
    struct sk_tta tta = {0};
    int classes = sk_net_shape(net)->classes;
    *out = (struct sk_evaluation){0};
    enum sk_code code = sk_eval_loader(&loader, ds, recipe, recipe->train.batch, recipe->data.workers, err);
    if (code == SK_OK)
        code = sk_eval_fits(net, recipe, loader, ds, err);
    if (code == SK_OK && o->scores)
        code = sk_scores_init(&out->scores, classes, o->mistakes, err);
    if (code == SK_OK && o->flip)
        code = sk_tta_init(&tta, recipe->train.batch, classes, err);
    if (code == SK_OK)
        code = sk_loader_start(loader, 0, 0, err);
    double since = sk_now();
    if (code == SK_OK)
        code = run_batches(net, loader, ds, o, &tta, out, err);
    out->seconds = sk_now() - since;
    sk_tta_release(&tta);
    sk_loader_free(loader);
    if (code != SK_OK)
        sk_scores_release(&out->scores);
    else if (o->scores)
        sk_scores_finish(&out->scores);
    return code;
}

void sk_evaluation_release(struct sk_evaluation *e)
{
    sk_scores_release(&e->scores);
    *e = (struct sk_evaluation){0};
}

/* Evaluation of a network on a data set: shared by the loop and `skua eval`, so that both give the same figures. */
#include "train/internal.h"
#include "train/tta.h"

#include <math.h>

enum sk_code sk_eval_loader(struct sk_loader **loader, const struct sk_dataset *ds, const struct sk_recipe *recipe,
                            struct sk_err *err)
{
    struct sk_loader_options o = {
        .dataset = ds,
        .steps = &recipe->data.prepare,
        .batch = recipe->train.batch,
        .workers = recipe->data.workers,
        .seed = recipe->train.seed,
        .limit = recipe->data.val_limit,
        .on_error = recipe->data.on_error,
    };
    enum sk_code code = sk_train_loader(loader, &o, err);
    if (code != SK_OK)
        sk_err_prefix(err, "evaluation data");
    return code;
}

enum sk_code sk_eval_fits(const struct sk_net *net, const struct sk_loader *loader, const struct sk_dataset *ds,
                          struct sk_err *err)
{
    const struct sk_net_shape *s = sk_net_shape(net);
    int height, width, channels, classes = sk_dataset_info(ds)->classes;
    enum sk_pixel pixel;
    sk_loader_shape(loader, &height, &width, &channels, &pixel);
    if (channels != s->channels || (pixel == SK_PIXEL_U8) != (s->pixel == SK_U8))
        return sk_fail(
            err, SK_INPUT, "the network takes pictures with %d channels of %s, the evaluation data has %d of %s",
            s->channels, s->pixel == SK_U8 ? "8 bits" : "floats", channels, pixel == SK_PIXEL_U8 ? "8 bits" : "floats");
    if (height != s->height || width != s->width)
        return sk_fail(
            err, SK_INPUT,
            "the network takes pictures of %d x %d, those for evaluation are %d x %d: add resize or center_crop "
            "steps to data.prepare",
            s->height, s->width, height, width);
    if (classes > s->classes)
        return sk_fail(err, SK_INPUT, "the evaluation data has %d classes, the network %d", classes, s->classes);
    return SK_OK;
}

/* Whether label comes first, as torch.topk ranks: equal logits by their index; never in a row with a NaN. */
static bool is_first(const float *row, int classes, int label)
{
    for (int j = 0; j < classes; j++)
        if (isnan(row[j]) || row[j] > row[label] || (j < label && row[j] == row[label]))
            return false;
    return true;
}

static void count_classes(struct sk_evaluation *e, const struct sk_batch *b, const struct sk_net_result *r)
{
    for (int i = 0; i < b->count; i++) {
        int label = b->label[i];
        e->class_count[label]++;
        e->class_correct[label] += is_first(r->logits + (size_t)i * (size_t)e->classes, e->classes, label);
    }
}

static enum sk_code run_batches(struct sk_net *net, struct sk_loader *loader, struct sk_tta *tta,
                                const atomic_bool *cancel,
                                void (*progress)(void *ctx, int64_t done, int64_t all), void *ctx,
                                struct sk_evaluation *out, struct sk_err *err)
{
    const struct sk_batch *batch;
    struct sk_net_result result;
    for (;;) {
        if (cancel && atomic_load(cancel))
            return sk_fail(err, SK_CANCELLED, "the evaluation was stopped");
        enum sk_code code = sk_loader_next(loader, &batch, err);
        if (code != SK_OK || !batch)
            return code;
        code = tta ? sk_tta_eval(tta, net, batch, &result, err)
                   : sk_net_eval(net, &(struct sk_net_batch){batch->count, batch->pixels, batch->label, NULL}, &result, err);
        if (code != SK_OK)
            return code;
        sk_metrics_add(&out->all, &result, batch->count);
        count_classes(out, batch, &result);
        if (progress)
            progress(ctx, out->all.count, sk_loader_samples(loader));
    }
}

enum sk_code sk_evaluate(struct sk_net *net, const struct sk_dataset *ds, const struct sk_recipe *recipe, bool flip,
                         const atomic_bool *cancel, void (*progress)(void *ctx, int64_t done, int64_t all), void *ctx,
                         struct sk_evaluation *out, struct sk_err *err)
{
    struct sk_loader *loader = NULL;
    struct sk_tta tta = {0};
    int classes = sk_net_shape(net)->classes;
    *out = (struct sk_evaluation){.classes = classes};
    enum sk_code code = sk_eval_loader(&loader, ds, recipe, err);
    if (code == SK_OK)
        code = sk_eval_fits(net, loader, ds, err);
    if (code == SK_OK) {
        out->class_count = sk_alloc((size_t)classes, sizeof(*out->class_count), err);
        out->class_correct = out->class_count ? sk_alloc((size_t)classes, sizeof(*out->class_correct), err) : NULL;
        code = out->class_correct ? sk_loader_start(loader, 0, 0, err) : SK_NOMEM;
    }
    if (code == SK_OK && flip)
        code = sk_tta_init(&tta, recipe->train.batch, classes, err);
    double since = sk_now();
    if (code == SK_OK)
        code = run_batches(net, loader, flip ? &tta : NULL, cancel, progress, ctx, out, err);
    out->seconds = sk_now() - since;
    sk_tta_release(&tta);
    sk_loader_free(loader);
    if (code != SK_OK)
        sk_evaluation_release(out);
    return code;
}

void sk_evaluation_release(struct sk_evaluation *e)
{
    sk_free(e->class_count);
    sk_free(e->class_correct);
    *e = (struct sk_evaluation){0};
}

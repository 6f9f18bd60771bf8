/* What `skua train` shows: a heading, the progress bar, a line an epoch, or one JSON object for each of them. */
#include "cli/train_view.h"

#include "cli/eval_view.h"

static void tell_start(const struct sk_train_view *v, const struct sk_start_report *r)
{
    char a[32], b[32];
    const struct sk_recipe_data *d = &r->recipe->data;
    sk_tell("%s, %s parameters, %dx%dx%d pictures, %d classes; %s, %d thread%s", r->recipe->model.arch,
            sk_thousands(r->params, a), r->shape->height, r->shape->width, r->shape->channels, r->shape->classes,
            sk_precision_name(r->precision), r->threads, r->threads == 1 ? "" : "s");
    sk_tell("%s: %s training picture%s, %s for validation", d->path[0] ? d->path : sk_source_name(d->source),
            sk_thousands(r->samples, a), r->samples == 1 ? "" : "s",
            r->val_samples > 0 ? sk_thousands(r->val_samples, b) : "none");
    if (r->step > 0)
        sk_tell("%s: goes on after step %lld", v->run, (long long)r->step);
    else
        sk_tell("%s", v->run);
}

static void tell_few(const struct sk_start_report *r)
{
    enum { FEW = 500 };
    if (r->samples < FEW && !r->recipe->model.init[0])
        sk_notice("only %lld training pictures: a network trained from nothing learns little from so few; one that is "
                  "trained already learns more: --set model.init=MODEL --set model.new_head=true",
                  (long long)r->samples);
}

static void on_start(void *ctx, const struct sk_start_report *r)
{
    struct sk_train_view *v = ctx;
    v->begun = true;
    sk_terminal_saving(true); /* before, while kernels are measured, there is nothing to save */
    v->log_every = r->recipe->train.log_every;
    if (v->by_default)
        tell_few(r);
    if (v->json) {
        sk_print("{\"event\":\"start\",\"params\":%lld,\"precision\":\"%s\",\"threads\":%d,\"samples\":%lld,"
                 "\"val_samples\":%lld,\"step\":%lld}\n",
                 (long long)r->params, sk_precision_name(r->precision), r->threads, (long long)r->samples,
                 (long long)r->val_samples, (long long)r->step);
        sk_print_flush();
    } else if (!v->quiet) {
        tell_start(v, r);
    }
}

static void print_batch(const struct sk_train_view *v, const struct sk_step_report *r)
{
    double top1 = r->count > 0 ? (double)r->correct1 / r->count : 0;
    if (v->json)
        sk_print(
            "{\"event\":\"step\",\"step\":%lld,\"epoch\":%u,\"batch\":%lld,\"loss\":%.9g,\"top1\":%.9g,\"lr\":%.9g}\n",
            (long long)r->step, r->epoch, (long long)r->batch, r->loss, top1, r->lr);
    else
        sk_print("Epoch %u/%u, Batch %lld/%lld, Loss: %.4f, Top-1: %.2f%%\n", r->epoch, r->epochs, (long long)r->batch,
                 (long long)r->batches, r->loss, 100 * top1);
}

static void on_step(void *ctx, const struct sk_step_report *r)
{
    const struct sk_train_view *v = ctx;
    char label[64], left[32];
    if (v->batches && r->step % v->log_every == 0)
        print_batch(v, r);
    snprintf(label, sizeof(label), "Epoch %u/%u", r->epoch, r->epochs);
    sk_progress(label, r->batch, r->batches, "%lld/%lld  loss %.4f  %.0f img/s  %s left", (long long)r->batch,
                (long long)r->batches, r->loss, r->images_per_s, sk_time_text(r->seconds_left, left));
}

static void on_evaluating(void *ctx, int64_t done, int64_t all)
{
    (void)ctx;
    sk_progress("Validation", done, all, "%lld/%lld", (long long)done, (long long)all);
}

static void print_epoch(const struct sk_epoch_report *r)
{
    sk_print("Epoch %u/%u, Train Loss: %.4f", r->epoch, r->epochs, sk_metrics_loss(&r->train));
    if (r->has_val)
        sk_print(", Val Loss: %.4f, Accuracy: %.2f%%", sk_metrics_loss(&r->val), 100 * sk_metrics_top1(&r->val));
    sk_print(", Time: %.2fs", r->seconds);
    if (r->has_val)
        sk_print(", Top-5: %.2f%%", 100 * sk_metrics_top5(&r->val));
    if (r->has_ema)
        sk_print(", EMA Loss: %.4f, EMA Accuracy: %.2f%%", sk_metrics_loss(&r->ema), 100 * sk_metrics_top1(&r->ema));
    sk_print(", Train Acc: %.2f%%, LR: %.4g, %.0f img/s, waited %.1fs", 100 * sk_metrics_top1(&r->train), r->lr,
             r->images_per_s, r->wait_seconds);
    if (r->replaced > 0)
        sk_print(", replaced %lld damaged", (long long)r->replaced);
    if (!r->complete)
        sk_print(", ended within the epoch");
    sk_print("\n");
}

static const char *duration(double seconds, char out[32])
{
    snprintf(out, 32, seconds < 1 ? "%.3g ms" : "%.2f s", seconds < 1 ? 1e3 * seconds : seconds);
    return out;
}

/* What data.workers: auto came to, and why, where it is another number than before. */
static void tell_workers(struct sk_train_view *v, const struct sk_epoch_report *r)
{
    if (!(r->computes > 0) || r->workers == v->workers)
        return;
    char prepare[32], computes[32];
    v->workers = r->workers;
    sk_tell("%d thread%s load%s data: one prepares a batch in %s, the network trains on one in %s", r->workers,
            r->workers == 1 ? "" : "s", r->workers == 1 ? "s" : "", duration(r->prepare, prepare),
            duration(r->computes, computes));
}

static void print_epoch_json(const struct sk_epoch_report *r)
{
    struct sk_str text = {0};
    if (sk_epoch_report_json(r, &text, NULL) == SK_OK)
        sk_print("{\"event\":\"epoch\",%s\n", text.text + 1);
    sk_str_release(&text);
}

static void keep_damaged(struct sk_train_view *v, const struct sk_epoch_report *r)
{
    v->replaced += r->replaced;
    v->damaged_count = r->damaged_count;
    v->named = r->damaged_count < SK_VIEW_DAMAGED ? r->damaged_count : SK_VIEW_DAMAGED;
    for (size_t i = 0; i < v->named; i++)
        v->damaged[i] = r->damaged[i];
}

void sk_train_view_damaged(const struct sk_train_view *v)
{
    if (v->named == 0)
        return;
    bool one = v->damaged_count == 1;
    sk_tell("%zu training sample%s damaged and replaced by others (%lld times in all):", v->damaged_count,
            one ? " is" : "s are", (long long)v->replaced);
    for (size_t i = 0; i < v->named; i++)
        sk_tell("  %s", v->damaged[i].why);
    if (v->named < v->damaged_count)
        sk_tell("  and %zu more: see \"damaged\" in %s/log.jsonl", v->damaged_count - v->named, v->run);
}

static void on_epoch(void *ctx, const struct sk_epoch_report *r)
{
    struct sk_train_view *v = ctx;
    if (r->has_val)
        v->accuracy = sk_metrics_top1(&r->val);
    keep_damaged(v, r);
    if (v->json)
        print_epoch_json(r);
    else
        print_epoch(r);
    if (!v->json && !v->quiet)
        tell_workers(v, r);
    sk_print_flush();
}

static void on_latency(void *ctx, const struct sk_latency *l)
{
    struct sk_train_view *v = ctx;
    v->latency = *l;
    if (!v->json)
        sk_latency_print(l);
    sk_print_flush();
}

struct sk_train_events sk_train_view_events(struct sk_train_view *view)
{
    view->accuracy = -1;
    return (struct sk_train_events){.ctx = view,
                                    .start = on_start,
                                    .step = on_step,
                                    .evaluating = on_evaluating,
                                    .epoch = on_epoch,
                                    .latency = on_latency};
}

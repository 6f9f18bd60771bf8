/* Loading alone: rounds of batches from the beginning of an epoch, with an empty ring; the least time counts. */
#include "cli/bench_load.h"

#include <jansson.h>
#include <stdlib.h>

#include "data/data.h"

/* What pictures go through where the recipe does not say. */
static const char small_steps[] = "data.augment=[{random_crop: {size: 32, padding: 4}}, {horizontal_flip: {p: 0.5}}]";
static const char photo_steps[] = "data.augment=[{random_resized_crop: {size: 224}}, {horizontal_flip: {p: 0.5}}]";
static const struct sk_load_normalize usual = {3, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
enum { SMALL_SIDE = 32 };

struct load {
    const struct sk_bench_load *args;
    struct sk_recipe recipe;
    struct sk_load_normalize normalize;
    struct sk_dataset *ds;
    struct sk_loader *loader;
    int64_t samples; /* of a round */
    double *seconds; /* [rounds] */
};

static enum sk_code set_usual_steps(struct load *l, struct sk_err *err)
{
    const struct sk_dataset_info *info = sk_dataset_info(l->ds);
    bool small = info->height == SMALL_SIDE && info->width == SMALL_SIDE;
    return sk_recipe_set(&l->recipe, small ? small_steps : photo_steps, err);
}

static void take_normalize(struct load *l)
{
    const struct sk_recipe_data *d = &l->recipe.data;
    l->normalize = usual;
    if (d->has_normalize)
        l->normalize.channels = d->normalize_channels;
    for (int c = 0; d->has_normalize && c < d->normalize_channels; c++) {
        l->normalize.mean[c] = d->mean[c];
        l->normalize.std[c] = d->std[c];
    }
    if (!d->has_normalize && sk_dataset_info(l->ds)->channels == 1)
        l->normalize = (struct sk_load_normalize){1, {0.5}, {0.5}};
}

static enum sk_code open_data(struct load *l, struct sk_err *err)
{
    sk_recipe_defaults(&l->recipe);
    l->recipe.train.batch = l->args->batch;
    enum sk_code code = sk_cli_set_data(&l->recipe, l->args->data, err);
    if (code == SK_OK)
        code = sk_cli_set(&l->recipe, l->args->set, err);
    if (code == SK_OK)
        code = sk_dataset_open(&l->ds, &l->recipe.data, l->recipe.train.seed, SK_TRAIN, err);
    if (code == SK_OK && l->recipe.data.augment.count == 0)
        code = set_usual_steps(l, err);
    return code;
}

static enum sk_code open_loader(struct load *l, struct sk_err *err)
{
    const struct sk_recipe_data *d = &l->recipe.data;
    take_normalize(l);
    struct sk_loader_options o = {.dataset = l->ds,
                                  .steps = &d->augment,
                                  .batch = l->recipe.train.batch,
                                  .workers = l->args->workers,
                                  .shuffle = d->shuffle,
                                  .seed = l->recipe.train.seed,
                                  .limit = d->train_limit,
                                  .on_error = d->on_error,
                                  .max_damaged = d->max_damaged,
                                  .normalize = &l->normalize};
    enum sk_code code = sk_loader_new(&l->loader, &o, err);
    if (code != SK_OK)
        return code;
    l->seconds = sk_alloc((size_t)l->args->rounds, sizeof(*l->seconds), err);
    return l->seconds ? SK_OK : SK_NOMEM;
}

/* One round; a sum over each batch stands for what reads it. */
static enum sk_code load_round(struct load *l, uint32_t epoch, struct sk_err *err)
{
    const struct sk_batch *b;
    int64_t batches = sk_loader_batches(l->loader);
    int64_t steps = l->args->steps > 0 && l->args->steps < batches ? l->args->steps : batches;
    enum sk_code code = sk_loader_start(l->loader, epoch, 0, err);
    l->samples = 0;
    for (int64_t i = 0; code == SK_OK && i < steps; i++) {
        if (atomic_load(&sk_cancel))
            return sk_fail(err, SK_CANCELLED, "stopped");
        code = sk_loader_next(l->loader, &b, err);
        l->samples += code == SK_OK ? b->count : 0;
        sk_progress("Loading", i + 1, steps, "round %u", epoch);
    }
    return code;
}

static enum sk_code measure(struct load *l, struct sk_err *err)
{
    enum sk_code code = load_round(l, 0, err);
    for (int64_t i = 0; i < l->args->rounds && code == SK_OK; i++) {
        double since = sk_now();
        code = load_round(l, (uint32_t)i + 1, err);
        l->seconds[i] = sk_now() - since;
    }
    sk_progress_clear();
    return code;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum sk_code report(struct load *l, struct sk_err *err)
{
    int h, w, c, workers = sk_loader_workers(l->loader);
    enum sk_pixel pixel;
    int64_t rounds = l->args->rounds;
    qsort(l->seconds, (size_t)rounds, sizeof(*l->seconds), compare);
    double n = (double)l->samples, least = l->seconds[0], median = l->seconds[rounds / 2];
    sk_loader_shape(l->loader, &h, &w, &c, &pixel);
    if (!l->args->json) {
        sk_print("load %d x %d x %d floats, batch %d, %d worker%s: %.1f img/s, %.4f ms a picture (median %.4f)\n", h, w,
                 c, l->recipe.train.batch, workers, workers == 1 ? "" : "s", n / least, 1e3 * least / n, 1e3 * median / n);
        return SK_OK;
    }
    json_t *object = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "job", "load",
                               "workers", workers, "batch", l->recipe.train.batch, "height", h, "width", w, "channels", c,
                               "samples", (json_int_t)l->samples, "rounds", (json_int_t)rounds, "images_per_s",
                               n / least, "median_images_per_s", n / median, "ms", 1e3 * least / n, "median_ms",
                               1e3 * median / n, "peak_rss_mb", (double)sk_peak_rss() / (1 << 20));
    return sk_print_json(object, "the report", err);
}

enum sk_code sk_bench_load(const struct sk_bench_load *args, struct sk_err *err)
{
    struct load *l = sk_alloc(1, sizeof(*l), err); /* too large for a stack */
    if (!l)
        return SK_NOMEM;
    l->args = args;
    enum sk_code code = open_data(l, err);
    if (code == SK_OK)
        code = open_loader(l, err);
    if (code == SK_OK)
        code = measure(l, err);
    if (code == SK_OK)
        code = report(l, err);
    sk_loader_free(l->loader);
    sk_dataset_close(l->ds);
    sk_free(l->seconds);
    sk_free(l);
    return code;
}

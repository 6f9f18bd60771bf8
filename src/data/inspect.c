/* Reads every sample of a data set once, with several threads, for its sizes, mean, deviation and damaged samples. */
#include "data/internal.h"

#include <math.h>
#include <string.h>

#include "data/crew.h"

enum { BLOCK = 16 };

struct part { /* what one thread saw */
    struct sk_picture picture;
    int min_height, max_height, min_width, max_width;
    uint64_t sum[SK_MAX_CHANNELS], square[SK_MAX_CHANNELS]; /* of 8-bit values: exact */
    double fsum[SK_MAX_CHANNELS], fsquare[SK_MAX_CHANNELS]; /* of floats */
    double pixels;
    int64_t damaged, first_damaged;
    struct sk_err damage, err; /* of the first damaged sample; what made the thread stop */
};

struct inspection {
    const struct sk_dataset *dataset;
    int64_t count;
    struct part *part; /* [threads + 1], the last one is their sum */
};

static void add_u8(struct part *t, const struct sk_picture *p)
{
    const uint8_t *value = p->data;
    size_t n = (size_t)p->height * (size_t)p->width;
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < p->channels; c++) {
            uint32_t v = *value++;
            t->sum[c] += v;
            t->square[c] += v * v;
        }
    }
}

static void add_f32(struct part *t, const struct sk_picture *p)
{
    const float *value = p->data;
    size_t n = (size_t)p->height * (size_t)p->width;
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < p->channels; c++) {
            double v = (double)*value++;
            t->fsum[c] += v;
            t->fsquare[c] += v * v;
        }
    }
}

static int smaller(int a, int b) /* 0: not known yet */
{
    return a == 0 || b < a ? b : a;
}

static void add_picture(struct part *t, const struct sk_picture *p)
{
    t->min_height = smaller(t->min_height, p->height);
    t->min_width = smaller(t->min_width, p->width);
    t->max_height = p->height > t->max_height ? p->height : t->max_height;
    t->max_width = p->width > t->max_width ? p->width : t->max_width;
    t->pixels += (double)p->height * p->width;
    if (p->pixel == SK_PIXEL_F32)
        add_f32(t, p);
    else
        add_u8(t, p);
}

/* Damaged samples are counted; anything else that fails ends the inspection. */
static void see(struct sk_crew *crew, struct part *t, int64_t index)
{
    const struct inspection *all = crew->ctx;
    struct sk_err err = {0};
    enum sk_code code = sk_dataset_read(all->dataset, index, &t->picture, &err);
    if (code == SK_OK) {
        add_picture(t, &t->picture);
    } else if (sk_is_damage(code)) {
        if (t->damaged++ == 0) {
            t->damage = err;
            t->first_damaged = index;
        }
    } else {
        t->err = err;
        atomic_store(&crew->stop, true);
    }
}

static void inspect_block(struct sk_crew *crew, int thread, int64_t block)
{
    const struct inspection *all = crew->ctx;
    int64_t end = (block + 1) * BLOCK < all->count ? (block + 1) * BLOCK : all->count;
    for (int64_t i = block * BLOCK; i < end && !atomic_load(&crew->stop); i++)
        see(crew, &all->part[thread], i);
    atomic_fetch_add(&crew->done, end - block * BLOCK);
}

static void join_part(struct part *to, const struct part *t)
{
    if (t->pixels > 0) {
        to->min_height = smaller(to->min_height, t->min_height);
        to->min_width = smaller(to->min_width, t->min_width);
        to->max_height = t->max_height > to->max_height ? t->max_height : to->max_height;
        to->max_width = t->max_width > to->max_width ? t->max_width : to->max_width;
    }
    to->pixels += t->pixels;
    for (int c = 0; c < SK_MAX_CHANNELS; c++) {
        to->sum[c] += t->sum[c];
        to->square[c] += t->square[c];
        to->fsum[c] += t->fsum[c];
        to->fsquare[c] += t->fsquare[c];
    }
    if (t->damaged > 0 && (to->damaged == 0 || t->first_damaged < to->first_damaged)) {
        to->first_damaged = t->first_damaged;
        to->damage = t->damage;
    }
    to->damaged += t->damaged;
}

static void report(struct sk_data_stats *stats, const struct part *t, const struct sk_dataset *dataset)
{
    stats->count = sk_dataset_info(dataset)->count;
    stats->min_height = t->min_height;
    stats->max_height = t->max_height;
    stats->min_width = t->min_width;
    stats->max_width = t->max_width;
    stats->damaged = t->damaged;
    snprintf(stats->first_damaged, sizeof(stats->first_damaged), "%.*s", (int)sizeof(stats->first_damaged) - 1,
             t->damage.text);
    for (int c = 0; c < sk_dataset_info(dataset)->channels && t->pixels > 0; c++) {
        double mean = ((double)t->sum[c] / 255.0 + t->fsum[c]) / t->pixels;
        double square = ((double)t->square[c] / 65025.0 + t->fsquare[c]) / t->pixels;
        stats->mean[c] = mean;
        stats->std[c] = sqrt(fmax(square - mean * mean, 0.0));
    }
    for (int64_t i = 0; i < stats->count; i++)
        stats->per_class[sk_dataset_label(dataset, i)]++;
}

/* Adds up what the threads saw, unless one of them failed. */
static enum sk_code join_parts(struct inspection *all, int threads, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i < threads; i++) {
        struct part *t = &all->part[i];
        if (code == SK_OK && t->err.code != SK_OK)
            code = sk_fail(err, t->err.code, "%s", t->err.text);
        join_part(&all->part[threads], t);
        sk_picture_release(&t->picture);
    }
    return code;
}

enum sk_code sk_data_inspect(const struct sk_dataset *ds, int threads, struct sk_data_stats *stats,
                             bool (*progress)(void *ctx, int64_t done, int64_t all), void *ctx, struct sk_err *err)
{
    struct inspection all = {.dataset = ds, .count = sk_dataset_info(ds)->count};
    struct sk_crew crew = {.threads = sk_crew_threads(threads),
                           .jobs = (all.count + BLOCK - 1) / BLOCK,
                           .all = all.count,
                           .work = inspect_block,
                           .ctx = &all,
                           .progress = progress,
                           .progress_ctx = ctx};
    *stats = (struct sk_data_stats){0};
    enum sk_code code = SK_NOMEM;
    if (!(all.part = sk_alloc((size_t)crew.threads + 1, sizeof(*all.part), err)))
        goto done;
    stats->per_class = sk_alloc((size_t)sk_dataset_info(ds)->classes, sizeof(*stats->per_class), err);
    if (!stats->per_class)
        goto done;
    code = sk_crew_run(&crew, err);
    enum sk_code joined = join_parts(&all, crew.threads, err);
    code = code == SK_OK ? joined : code;
    if (code == SK_OK)
        report(stats, &all.part[crew.threads], ds);
done:
    if (code != SK_OK) {
        sk_free(stats->per_class);
        *stats = (struct sk_data_stats){0};
    }
    sk_free(all.part);
    return code;
}

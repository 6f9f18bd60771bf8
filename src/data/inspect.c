/* Reads every sample of a data set once, with several threads, for its sizes, mean, deviation and damaged samples.
 * Thread t of n takes every n-th block of samples, so what it adds up does not depend on who is quicker. */
#include "data/internal.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { THREADS_MAX = 256, BLOCK = 16, REPORT_EVERY_MS = 100 };

struct inspection {
    const struct sk_dataset *dataset;
    int64_t count;
    int threads;
    atomic_bool stop;
    atomic_llong done;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int running; /* under lock */
};

struct part { /* what one thread saw */
    struct inspection *all;
    pthread_t thread;
    int number;
    int min_height, max_height, min_width, max_width;
    uint64_t sum[SK_MAX_CHANNELS], square[SK_MAX_CHANNELS]; /* of 8-bit values: exact */
    double fsum[SK_MAX_CHANNELS], fsquare[SK_MAX_CHANNELS]; /* of floats */
    double pixels;
    int64_t damaged, first_damaged;
    struct sk_err damage, err; /* of the first damaged sample; what made the thread stop */
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
static void see(struct part *t, struct sk_picture *p, int64_t index)
{
    struct sk_err err = {0};
    enum sk_code code = sk_dataset_read(t->all->dataset, index, p, &err);
    if (code == SK_OK) {
        add_picture(t, p);
    } else if (code == SK_INPUT || code == SK_IO || code == SK_UNSUPPORTED) {
        if (t->damaged++ == 0) {
            t->damage = err;
            t->first_damaged = index;
        }
    } else {
        t->err = err;
        atomic_store(&t->all->stop, true);
    }
}

static void *inspect(void *arg)
{
    struct part *t = arg;
    struct inspection *all = t->all;
    struct sk_picture p = {0};
    for (int64_t block = t->number; block * BLOCK < all->count; block += all->threads) {
        int64_t end = (block + 1) * BLOCK < all->count ? (block + 1) * BLOCK : all->count;
        for (int64_t i = block * BLOCK; i < end && !atomic_load(&all->stop); i++)
            see(t, &p, i);
        atomic_fetch_add(&all->done, end - block * BLOCK);
    }
    sk_picture_release(&p);
    pthread_mutex_lock(&all->lock);
    all->running--;
    pthread_cond_signal(&all->ended);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* ---- the calling thread ---- */
static enum sk_code start(struct inspection *all, struct part *part, int *started, struct sk_err *err)
{
    sigset_t every, before;
    sigfillset(&every); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int failed = 0;
    all->running = all->threads;
    for (int i = 0; i < all->threads && !failed; i++) {
        part[i].all = all;
        part[i].number = i;
        failed = pthread_create(&part[i].thread, NULL, inspect, &part[i]);
        *started += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return SK_OK;
    atomic_store(&all->stop, true);
    return sk_fail_errno(err, SK_IO, failed, "cannot start a thread that reads data");
}

static void wait_a_little(struct inspection *all)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += REPORT_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&all->lock);
    int status = 0;
    while (all->running > 0 && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&all->ended, &all->lock, &until);
    pthread_mutex_unlock(&all->lock);
}

static bool any_running(struct inspection *all)
{
    pthread_mutex_lock(&all->lock);
    bool any = all->running > 0;
    pthread_mutex_unlock(&all->lock);
    return any;
}

static enum sk_code watch(struct inspection *all, bool (*progress)(void *ctx, int64_t done, int64_t all), void *ctx,
                          struct sk_err *err)
{
    enum sk_code code = SK_OK;
    while (any_running(all)) {
        wait_a_little(all);
        if (code == SK_OK && progress && !progress(ctx, (int64_t)atomic_load(&all->done), all->count)) {
            atomic_store(&all->stop, true);
            code = sk_fail(err, SK_CANCELLED, "reading the data was stopped");
        }
    }
    return code;
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

enum sk_code sk_data_inspect(const struct sk_dataset *ds, int threads, struct sk_data_stats *stats,
                             bool (*progress)(void *ctx, int64_t done, int64_t all), void *ctx, struct sk_err *err)
{
    struct inspection all = {.dataset = ds, .count = sk_dataset_info(ds)->count};
    int started = 0;
    all.threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    *stats = (struct sk_data_stats){0};
    pthread_mutex_init(&all.lock, NULL);
    pthread_cond_init(&all.ended, NULL);
    enum sk_code code = SK_NOMEM;
    struct part *part = sk_alloc((size_t)all.threads + 1, sizeof(*part), err); /* the last one is their sum */
    if (!part)
        goto done;
    stats->per_class = sk_alloc((size_t)sk_dataset_info(ds)->classes, sizeof(*stats->per_class), err);
    if (!stats->per_class)
        goto done;
    code = start(&all, part, &started, err);
    if (code == SK_OK)
        code = watch(&all, progress, ctx, err);
    for (int i = 0; i < started; i++) {
        pthread_join(part[i].thread, NULL);
        if (code == SK_OK && part[i].err.code != SK_OK)
            code = sk_fail(err, part[i].err.code, "%s", part[i].err.text);
        join_part(&part[all.threads], &part[i]);
    }
    if (code == SK_OK)
        report(stats, &part[all.threads], ds);
done:
    if (code != SK_OK) {
        sk_free(stats->per_class);
        *stats = (struct sk_data_stats){0};
    }
    sk_free(part);
    pthread_cond_destroy(&all.ended);
    pthread_mutex_destroy(&all.lock);
    return code;
}

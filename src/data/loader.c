/* The loader: a ring of batches filled by worker threads while the network computes.
 *
 * Work is handed out in runs of samples, batch by batch, under one mutex; a run is long enough that the mutex does not
 * matter. Batch k lies in slot k % ring. A slot is free once its batch was given back, so workers run ahead of the
 * caller by the length of the ring. Waiting is on condition variables only. */
#include "data/fill.h"

#include <pthread.h>
#include <signal.h>

enum { RING = 3, RING_MAX = 64, WORKERS_MAX = 256, RUN_BYTES = 1 << 16, RUN_MAX = 32 };

struct slot {
    struct sk_batch batch;
    struct sk_fill_report report;
    int runs_left; /* of the batch being filled; 0: complete */
};

struct worker {
    struct sk_loader *loader;
    pthread_t thread;
    struct sk_fill_scratch scratch;
    struct sk_fill_report report;
};

struct sk_loader {
    struct sk_fill fill;
    int batch, ring, workers, run; /* run: samples handed out at a time */
    bool shuffle;
    int64_t batches;
    struct slot *slot;
    struct worker *worker; /* [workers], or one for the caller where workers is 0 */
    int started;           /* threads that run */

    pthread_mutex_t lock;
    pthread_cond_t work, ready; /* there may be work; a batch may be complete */
    bool quit, draining;        /* draining: sk_loader_start waits for the last run */
    int in_flight;              /* runs being filled */
    int64_t issue;              /* batch of which runs are handed out; batches: none left */
    int issue_sample;           /* first sample of the next run */
    int64_t next;               /* batch that sk_loader_next gives next */
    bool held;                  /* the caller still uses batch next - 1 */

    struct sk_fill_report epoch; /* joined in the caller's thread, batch by batch */
    int64_t replaced;
    double waited;
};

static int batch_count(const struct sk_loader *l, int64_t number)
{
    int64_t left = l->fill.samples - number * l->batch;
    return left < l->batch ? (int)left : l->batch;
}

/* ---- handing out and taking back runs; the lock is held ---- */
struct run {
    int64_t number;
    int first, count;
};

static bool take_run(struct sk_loader *l, struct run *run)
{
    int64_t oldest = l->next - (l->held ? 1 : 0);
    if (l->issue >= l->batches || (l->issue_sample == 0 && l->issue - oldest >= l->ring))
        return false;
    struct slot *s = &l->slot[l->issue % l->ring];
    int all = batch_count(l, l->issue);
    if (l->issue_sample == 0) {
        s->batch.number = l->issue;
        s->batch.count = all;
        s->runs_left = (all + l->run - 1) / l->run;
        sk_fill_report_reset(&s->report);
    }
    *run = (struct run){l->issue, l->issue_sample, all - l->issue_sample < l->run ? all - l->issue_sample : l->run};
    l->issue_sample += run->count;
    if (l->issue_sample == all) {
        l->issue++;
        l->issue_sample = 0;
    }
    l->in_flight++;
    return true;
}

static void finish_run(struct sk_loader *l, const struct run *run, const struct sk_fill_report *r)
{
    struct slot *s = &l->slot[run->number % l->ring];
    sk_fill_report_join(&s->report, r);
    s->runs_left--;
    l->in_flight--;
    if ((s->runs_left == 0 && run->number == l->next) || (l->draining && l->in_flight == 0))
        pthread_cond_signal(&l->ready); /* only the caller waits for it */
}

static void fill_run(struct sk_loader *l, struct worker *w, const struct run *run)
{
    sk_fill_samples(&l->fill, &w->scratch, &l->slot[run->number % l->ring].batch, run->number * l->batch, run->first,
                    run->count, &w->report);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct sk_loader *l = w->loader;
    struct run run;
    pthread_mutex_lock(&l->lock);
    while (!l->quit) {
        if (!take_run(l, &run)) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        fill_run(l, w, &run);
        pthread_mutex_lock(&l->lock);
        finish_run(l, &run, &w->report);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- making and freeing ---- */
static int auto_workers(void)
{
    struct sk_machine m;
    sk_machine_read(&m);
    int n = m.threads / 4;
    return n < 1 ? 1 : n > 8 ? 8 : n;
}

/* Starts the threads with every signal blocked, so that Ctrl-C reaches the main thread. */
static enum sk_code start_workers(struct sk_loader *l, struct sk_err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (l->started < l->workers && !failed) {
        failed = pthread_create(&l->worker[l->started].thread, NULL, work, &l->worker[l->started]);
        if (!failed)
            pthread_setname_np(l->worker[l->started++].thread, "skua-loader");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? sk_fail_errno(err, SK_IO, failed, "cannot start a thread that loads data") : SK_OK;
}

static enum sk_code allocate(struct sk_loader *l, struct sk_err *err)
{
    const struct sk_fill *f = &l->fill;
    size_t sample = (size_t)f->height * (size_t)f->width * (size_t)f->channels * sk_pixel_size(f->pixel);
    l->slot = sk_alloc((size_t)l->ring, sizeof(*l->slot), err);
    for (int i = 0; l->slot && i < l->ring; i++) {
        struct sk_batch *b = &l->slot[i].batch;
        *b = (struct sk_batch){.height = f->height, .width = f->width, .channels = f->channels, .pixel = f->pixel};
        b->pixels = sk_alloc((size_t)l->batch, sample, err);
        b->label = b->pixels ? sk_alloc((size_t)l->batch, sizeof(*b->label), err) : NULL;
        b->index = b->label ? sk_alloc((size_t)l->batch, sizeof(*b->index), err) : NULL;
        if (!b->index)
            return SK_NOMEM;
    }
    l->run = sample >= RUN_BYTES ? 1 : RUN_BYTES / sample > RUN_MAX ? RUN_MAX : (int)(RUN_BYTES / sample);
    return l->slot ? SK_OK : SK_NOMEM;
}

static enum sk_code check_options(const struct sk_loader_options *o, int64_t samples, struct sk_err *err)
{
    if (o->batch < 1 || o->workers < -1 || o->workers > WORKERS_MAX || o->ring < 0 || o->ring > RING_MAX ||
        o->limit < 0)
        return sk_fail(err, SK_INPUT, "cannot load data with batch %d, workers %d, ring %d, limit %lld", o->batch,
                       o->workers, o->ring, (long long)o->limit);
    if (samples < 1 || samples > UINT32_MAX)
        return sk_fail(err, SK_INPUT, "cannot load data from %lld samples: expected 1 to %u", (long long)samples,
                       UINT32_MAX);
    if (o->drop_last && samples < o->batch)
        return sk_fail(err, SK_INPUT,
                       "a batch of %d is larger than the %lld samples, and smaller batches are to be dropped", o->batch,
                       (long long)samples);
    return SK_OK;
}

static void set_options(struct sk_loader *l, const struct sk_loader_options *o, int64_t samples)
{
    l->fill = (struct sk_fill){.dataset = o->dataset, .on_error = o->on_error, .seed = o->seed, .samples = samples};
    if (o->steps)
        l->fill.steps = *o->steps;
    l->batch = o->batch < samples ? o->batch : (int)samples;
    l->workers = o->workers < 0 ? auto_workers() : o->workers;
    l->ring = l->workers == 0 ? 1 : o->ring ? o->ring : RING;
    l->shuffle = o->shuffle;
    l->batches = o->drop_last ? samples / o->batch : (samples + o->batch - 1) / o->batch;
    l->issue = l->next = l->batches;
    sk_fill_report_reset(&l->epoch);
}

enum sk_code sk_loader_new(struct sk_loader **loader, const struct sk_loader_options *o, struct sk_err *err)
{
    int64_t samples = sk_dataset_info(o->dataset)->count;
    *loader = NULL;
    if (o->limit > 0 && o->limit < samples)
        samples = o->limit;
    enum sk_code code = check_options(o, samples, err);
    if (code != SK_OK)
        return code;
    struct sk_loader *l = sk_alloc(1, sizeof(*l), err);
    if (!l)
        return SK_NOMEM;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    set_options(l, o, samples);
    int scratches = l->workers ? l->workers : 1;
    code = SK_NOMEM;
    if (!(l->worker = sk_alloc((size_t)scratches, sizeof(*l->worker), err)))
        goto done;
    for (int i = 0; i < scratches; i++)
        l->worker[i].loader = l;
    if (!(l->fill.order = sk_alloc((size_t)samples, sizeof(*l->fill.order), err)))
        goto done;
    sk_sampler_order(l->fill.order, samples, false, 0, 0);
    if ((code = sk_fill_learn_shape(&l->fill, &l->worker[0].scratch, err)) != SK_OK)
        goto done;
    if ((code = allocate(l, err)) != SK_OK)
        goto done;
    code = start_workers(l, err);
done:
    if (code != SK_OK) {
        sk_loader_free(l);
        l = NULL;
    }
    *loader = l;
    return code;
}

void sk_loader_free(struct sk_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->worker[i].thread, NULL);
    for (int i = 0; l->worker && i < (l->workers ? l->workers : 1); i++)
        sk_fill_scratch_release(&l->worker[i].scratch);
    for (int i = 0; l->slot && i < l->ring; i++) {
        sk_free(l->slot[i].batch.pixels);
        sk_free(l->slot[i].batch.label);
        sk_free(l->slot[i].batch.index);
    }
    sk_free(l->slot);
    sk_free(l->worker);
    sk_free(l->fill.order);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    sk_free(l);
}

/* ---- an epoch ---- */
enum sk_code sk_loader_start(struct sk_loader *l, uint32_t epoch, int64_t first_batch, struct sk_err *err)
{
    if (first_batch < 0 || first_batch > l->batches)
        return sk_fail(err, SK_BUG, "an epoch of %lld batches cannot start at batch %lld", (long long)l->batches,
                       (long long)first_batch);
    pthread_mutex_lock(&l->lock);
    l->issue = l->batches; /* hands out nothing more */
    l->issue_sample = 0;
    l->draining = true;
    while (l->in_flight > 0)
        pthread_cond_wait(&l->ready, &l->lock);
    l->draining = false;
    l->fill.epoch = epoch;
    sk_sampler_order(l->fill.order, l->fill.samples, l->shuffle, l->fill.seed, epoch);
    l->issue = l->next = first_batch;
    l->held = false;
    l->waited = 0;
    sk_fill_report_reset(&l->epoch);
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    return SK_OK;
}

/* Waits for batch next, or prepares it where there are no workers. */
static struct slot *await_slot(struct sk_loader *l)
{
    double since = sk_now();
    struct slot *s = &l->slot[l->next % l->ring];
    struct run run;
    pthread_mutex_lock(&l->lock);
    l->held = false;
    if (l->workers > 0)
        pthread_cond_broadcast(&l->work);
    while (l->issue <= l->next || s->runs_left > 0) {
        if (l->workers > 0) {
            pthread_cond_wait(&l->ready, &l->lock);
        } else if (take_run(l, &run)) {
            fill_run(l, &l->worker[0], &run);
            finish_run(l, &run, &l->worker[0].report);
        }
    }
    l->next++;
    l->held = true;
    pthread_mutex_unlock(&l->lock);
    l->waited += sk_now() - since;
    return s;
}

/* The epoch's error, if any: that of a sample, or too many damaged ones. */
static void judge(struct sk_loader *l)
{
    struct sk_fill_report *r = &l->epoch;
    int64_t n = l->fill.samples;
    if (r->err.code == SK_OK && r->replaced > sk_fill_damage_limit(n))
        sk_fail(&r->err, SK_INPUT, "more than 1%% of the samples are damaged (%lld of %lld so far); the first: %s",
                (long long)r->replaced, (long long)n, r->damage.text);
}

enum sk_code sk_loader_next(struct sk_loader *l, const struct sk_batch **batch, struct sk_err *err)
{
    *batch = NULL;
    if (l->epoch.err.code == SK_OK && l->next < l->batches) {
        struct slot *s = await_slot(l);
        sk_fill_report_join(&l->epoch, &s->report);
        l->replaced += s->report.replaced;
        judge(l);
        *batch = &s->batch;
    }
    if (l->epoch.err.code == SK_OK)
        return SK_OK;
    *batch = NULL;
    return sk_fail(err, l->epoch.err.code, "%s", l->epoch.err.text);
}

int64_t sk_loader_batches(const struct sk_loader *l)
{
    return l->batches;
}

int64_t sk_loader_samples(const struct sk_loader *l)
{
    int64_t full = l->batches * l->batch;
    return full < l->fill.samples ? full : l->fill.samples;
}

void sk_loader_shape(const struct sk_loader *l, int *height, int *width, int *channels, enum sk_pixel *pixel)
{
    *height = l->fill.height;
    *width = l->fill.width;
    *channels = l->fill.channels;
    *pixel = l->fill.pixel;
}

double sk_loader_waited(const struct sk_loader *l)
{
    return l->waited;
}

int64_t sk_loader_replaced(const struct sk_loader *l)
{
    return l->replaced;
}

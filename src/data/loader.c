/* The loader: a ring of batches filled by worker threads while the network computes.
 *
 * Work is handed out in runs of samples, batch by batch, under one mutex; a run is long enough that the mutex does not
 * matter. Batch k lies in slot k % ring. A slot is free once its batch was given back, so workers run ahead of the
 * caller by the length of the ring. Waiting is on condition variables only. */
#include "data/loader.h"

enum { RING = 3, RING_MAX = 64, RUN_BYTES = 1 << 16, RUN_MAX = SK_FILL_DAMAGED, AUTO_MAX = 16 };
static const double MAX_DAMAGED = 0.01;

/* ---- making and freeing ---- */
/* workers: auto may use the processors this process has. */
static int most_workers(void)
{
    struct sk_machine m;
    sk_machine_read(&m);
    return m.affinity < 1 ? 1 : m.affinity > AUTO_MAX ? AUTO_MAX : m.affinity;
}

static enum sk_code allocate(struct sk_loader *l, struct sk_err *err)
{
    const struct sk_fill *f = &l->fill;
    size_t sample = (size_t)f->height * (size_t)f->width * (size_t)f->channels * sk_pixel_size(f->out);
    size_t batch = (size_t)((l->batch + f->stride - 1) / f->stride); /* of this rank, at most */
    l->damaged = sk_alloc(SK_DAMAGED_MAX, sizeof(*l->damaged), err);
    if (!l->damaged)
        return SK_NOMEM;
    l->slot = sk_alloc((size_t)l->ring, sizeof(*l->slot), err);
    for (int i = 0; l->slot && i < l->ring; i++) {
        struct sk_batch *b = &l->slot[i].batch;
        *b = (struct sk_batch){.height = f->height, .width = f->width, .channels = f->channels, .pixel = f->out};
        b->pixels = sk_alloc(batch, sample, err);
        b->label = b->pixels ? sk_alloc(batch, sizeof(*b->label), err) : NULL;
        b->index = b->label ? sk_alloc(batch, sizeof(*b->index), err) : NULL;
        if (!b->index)
            return SK_NOMEM;
    }
    l->run = sample >= RUN_BYTES ? 1 : RUN_BYTES / sample > RUN_MAX ? RUN_MAX : (int)(RUN_BYTES / sample);
    return l->slot ? SK_OK : SK_NOMEM;
}

static enum sk_code check_options(const struct sk_loader_options *o, int64_t samples, struct sk_err *err)
{
    if (o->batch < 1 || o->workers < -1 || o->workers > SK_WORKERS_MAX || o->ring < 0 || o->ring > RING_MAX ||
        o->limit < 0)
        return sk_fail(err, SK_INPUT, "cannot load data with batch %d, workers %d, ring %d, limit %lld", o->batch,
                       o->workers, o->ring, (long long)o->limit);
    if (o->ranks < 0 || o->rank < 0 || o->rank >= (o->ranks > 1 ? o->ranks : 1))
        return sk_fail(err, SK_INPUT, "cannot load data as rank %d of %d", o->rank, o->ranks);
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
    l->fill = (struct sk_fill){.dataset = o->dataset,
                               .on_error = o->on_error,
                               .max_damaged = o->max_damaged > 0 ? o->max_damaged : MAX_DAMAGED,
                               .seed = o->seed,
                               .samples = samples,
                               .stride = o->ranks > 1 ? o->ranks : 1,
                               .trace = o->trace};
    if (o->steps)
        l->fill.steps = *o->steps;
    l->batch = o->batch < samples ? o->batch : (int)samples;
    l->rank = o->rank;
    l->adapts = o->workers < 0;
    l->workers = l->adapts ? most_workers() : o->workers;
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
        l->worker[i] = (struct sk_worker){.loader = l, .scratch.worker = i};
    if (!(l->fill.order = sk_alloc((size_t)samples, sizeof(*l->fill.order), err)))
        goto done;
    sk_sampler_order(l->fill.order, samples, false, 0, 0);
    if ((code = sk_fill_learn_shape(&l->fill, &l->worker[0].scratch, err)) != SK_OK)
        goto done;
    if (o->normalize && (code = sk_fill_normalize(&l->fill, o->normalize, err)) != SK_OK)
        goto done;
    if ((code = allocate(l, err)) != SK_OK)
        goto done;
    code = sk_load_start_workers(l, l->adapts ? 1 : l->workers, err);
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
    sk_free(l->damaged);
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
    enum sk_code code = SK_OK;
    pthread_mutex_lock(&l->lock);
    l->issue = l->batches; /* hands out nothing more */
    l->issue_sample = 0;
    l->draining = true;
    while (l->in_flight > 0)
        pthread_cond_wait(&l->ready, &l->lock);
    l->draining = false;
    l->fill.epoch = epoch;
    if (l->shuffle)
        code = sk_sampler_shuffle(l->fill.order, l->fill.samples, l->fill.dataset,
                                  sk_dataset_info(l->fill.dataset)->window, l->fill.seed, epoch, err);
    l->issue = l->next = code == SK_OK ? first_batch : l->batches;
    l->held = false;
    l->waited = 0;
    l->pace.returned = 0;
    sk_fill_report_reset(&l->epoch);
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    return code;
}

/* Waits for batch next, or prepares it where there are no workers. */
static struct sk_slot *await_slot(struct sk_loader *l)
{
    double since = sk_now();
    struct sk_slot *s = &l->slot[l->next % l->ring];
    struct sk_load_run run;
    pthread_mutex_lock(&l->lock);
    l->held = false;
    if (l->workers > 0)
        pthread_cond_broadcast(&l->work);
    while (l->issue <= l->next || s->runs_left > 0) {
        if (l->workers > 0) {
            pthread_cond_wait(&l->ready, &l->lock);
        } else if (sk_load_take(l, &run)) {
            sk_load_fill(l, &l->worker[0], &run);
            sk_load_finish(l, &run, &l->worker[0].report);
        }
    }
    l->next++;
    l->held = true;
    pthread_mutex_unlock(&l->lock);
    l->waited += sk_now() - since;
    if (l->adapts)
        sk_load_adapt(l, since);
    return s;
}

/* Remembers which samples were damaged, each once. */
static void name_damaged(struct sk_loader *l, const struct sk_fill_report *r)
{
    for (int i = 0; i < r->named && l->named < SK_DAMAGED_MAX; i++) {
        size_t k = 0;
        while (k < l->named && l->damaged[k].index != r->damaged[i].sample.index)
            k++;
        if (k == l->named)
            l->damaged[l->named++] = r->damaged[i].sample;
    }
}

/* The epoch's error, if any: that of a sample, or too many damaged ones. */
static void judge(struct sk_loader *l)
{
    struct sk_fill_report *r = &l->epoch;
    int64_t n = l->fill.samples;
    if (r->err.code == SK_OK && r->replaced > sk_fill_damage_limit(&l->fill))
        sk_fail(&r->err, SK_INPUT, "more than %g%% of the samples are damaged (%lld of %lld so far; data.max_damaged; skua data convert "
                "leaves damaged ones out); the first: %s",
                100 * l->fill.max_damaged, (long long)r->replaced, (long long)n, r->damage.text);
}

enum sk_code sk_loader_next(struct sk_loader *l, const struct sk_batch **batch, struct sk_err *err)
{
    *batch = NULL;
    if (l->epoch.err.code == SK_OK && l->next < l->batches) {
        struct sk_slot *s = await_slot(l);
        sk_fill_report_join(&l->epoch, &s->report);
        name_damaged(l, &s->report);
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
    *pixel = l->fill.out;
}

int sk_loader_workers(const struct sk_loader *l)
{
    return l->started;
}

void sk_loader_pace(const struct sk_loader *l, double *prepare, double *compute)
{
    *prepare = l->pace.prepare;
    *compute = l->pace.compute;
}

size_t sk_loader_damaged(const struct sk_loader *l, const struct sk_damage **list)
{
    *list = l->damaged;
    return l->named;
}

double sk_loader_waited(const struct sk_loader *l)
{
    return l->waited;
}

int64_t sk_loader_replaced(const struct sk_loader *l)
{
    return l->epoch.replaced;
}

void sk_loader_replaced_before(struct sk_loader *l, int64_t replaced)
{
    l->epoch.replaced = replaced;
}

/* The loader's threads: runs of samples are handed out, filled and taken back; threads are added while the caller
 * waits. */
#include <signal.h>

#include "data/loader.h"

int sk_load_count(const struct sk_loader *l, int64_t number)
{
    int64_t left = l->fill.samples - number * l->batch, all = left < l->batch ? left : l->batch;
    return all <= l->rank ? 0 : (int)((all - l->rank + l->fill.stride - 1) / l->fill.stride);
}

/* ---- handing out and taking back runs; the lock is held ---- */
bool sk_load_take(struct sk_loader *l, struct sk_load_run *run)
{
    int64_t oldest = l->next - (l->held ? 1 : 0);
    if (l->issue >= l->batches || (l->issue_sample == 0 && l->issue - oldest >= l->ring))
        return false;
    struct sk_slot *s = &l->slot[l->issue % l->ring];
    int all = sk_load_count(l, l->issue), left = all - l->issue_sample;
    if (l->issue_sample == 0) {
        s->batch.number = l->issue;
        s->batch.count = all;
        s->runs_left = all ? (all + l->run - 1) / l->run : 1; /* an empty batch is one empty run */
        sk_fill_report_reset(&s->report);
    }
    *run = (struct sk_load_run){l->issue, l->issue_sample, left < l->run ? left : l->run};
    l->issue_sample += run->count;
    if (l->issue_sample == all) {
        l->issue++;
        l->issue_sample = 0;
    }
    l->in_flight++;
    return true;
}

void sk_load_finish(struct sk_loader *l, const struct sk_load_run *run, const struct sk_fill_report *r)
{
    struct sk_slot *s = &l->slot[run->number % l->ring];
    sk_fill_report_join(&s->report, r);
    s->runs_left--;
    l->in_flight--;
    if ((s->runs_left == 0 && run->number == l->next) || (l->draining && l->in_flight == 0))
        pthread_cond_signal(&l->ready); /* only the caller waits for it */
}

void sk_load_fill(struct sk_loader *l, struct sk_worker *w, const struct sk_load_run *run)
{
    sk_fill_samples(&l->fill, &w->scratch, &l->slot[run->number % l->ring].batch, run->number * l->batch + l->rank,
                    run->first, run->count, &w->report);
}

static void *work(void *arg)
{
    struct sk_worker *w = arg;
    struct sk_loader *l = w->loader;
    struct sk_load_run run;
    pthread_mutex_lock(&l->lock);
    while (!l->quit) {
        if (!sk_load_take(l, &run)) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        double since = sk_now();
        sk_load_fill(l, w, &run);
        double busy = sk_now() - since;
        pthread_mutex_lock(&l->lock);
        l->busy += busy;
        l->filled += run.count;
        sk_load_finish(l, &run, &w->report);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Every signal is blocked in them, so that Ctrl-C reaches the main thread. */
enum sk_code sk_load_start_workers(struct sk_loader *l, int count, struct sk_err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (l->started < count && !failed) {
        failed = pthread_create(&l->worker[l->started].thread, NULL, work, &l->worker[l->started]);
        if (!failed)
            pthread_setname_np(l->worker[l->started++].thread, "skua-loader");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? sk_fail_errno(err, SK_IO, failed, "cannot start a thread that loads data") : SK_OK;
}

/* ---- workers: auto ---- */
int sk_load_wanted(double prepare, double compute, int most)
{
    const double headroom = 1.25;
    double n = compute > 0 ? headroom * prepare / compute : most;
    return n >= most ? most : n <= 1 ? 1 : (int)n + (n > (int)n);
}

/* Starts at least so many threads. Where the system gives no more, those that run do it. */
static void start_at_least(struct sk_loader *l, int count)
{
    if (sk_load_start_workers(l, count < l->workers ? count : l->workers, NULL) != SK_OK)
        l->adapts = false;
}

/* A window of batches begins. */
static void begin_window(struct sk_load_pace *p, double busy, int64_t filled)
{
    p->batches = 0;
    p->waited = p->computed = 0;
    p->busy = busy;
    p->filled = filled;
}

/* What a batch took in the window; more threads where that asks for them. */
static void judge_window(struct sk_loader *l, double busy, int64_t filled)
{
    struct sk_load_pace *p = &l->pace;
    if (filled > p->filled)
        p->prepare = (busy - p->busy) / (double)(filled - p->filled) * sk_load_count(l, 0);
    p->compute = p->computed / p->batches;
    int wanted = sk_load_wanted(p->prepare, p->compute, l->workers);
    if (!p->measured)
        start_at_least(l, wanted);
    else if (p->waited > 0.02 * (p->waited + p->computed))
        start_at_least(l, wanted > l->started ? wanted : l->started + 1);
    p->measured = true;
}

void sk_load_adapt(struct sk_loader *l, double since)
{
    enum { WINDOW = 4 };
    struct sk_load_pace *p = &l->pace;
    double now = sk_now(), returned = p->returned;
    pthread_mutex_lock(&l->lock);
    double busy = l->busy;
    int64_t filled = l->filled;
    pthread_mutex_unlock(&l->lock);
    p->returned = now;
    if (returned <= 0) { /* the first batch of an epoch is always waited for */
        begin_window(p, p->measured ? busy : 0, p->measured ? filled : 0);
        return;
    }
    p->batches++;
    p->waited += now - since;
    p->computed += since - returned;
    if (p->measured && p->batches < WINDOW)
        return;
    judge_window(l, busy, filled);
    begin_window(p, busy, filled);
}

/* Threads that share out numbered jobs, while the calling thread reports how far they are. */
#include "data/crew.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

enum { REPORT_EVERY_MS = 100 };

struct worker {
    struct sk_crew *crew;
    pthread_t thread;
    int number;
};

int sk_crew_threads(int wished)
{
    return wished < 1 ? 1 : wished > SK_CREW_MAX ? SK_CREW_MAX : wished;
}

static void *work(void *arg)
{
    const struct worker *w = arg;
    struct sk_crew *crew = w->crew;
    for (int64_t job = w->number; job < crew->jobs && !atomic_load(&crew->stop); job += crew->threads)
        crew->work(crew, w->number, job);
    pthread_mutex_lock(&crew->lock);
    crew->running--;
    pthread_cond_signal(&crew->ended);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Signals are the calling thread's. */
static enum sk_code start(struct sk_crew *crew, struct worker *worker, int *started, struct sk_err *err)
{
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int failed = 0;
    while (*started < crew->threads && !failed) {
        worker[*started] = (struct worker){.crew = crew, .number = *started};
        failed = pthread_create(&worker[*started].thread, NULL, work, &worker[*started]);
        *started += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return SK_OK;
    atomic_store(&crew->stop, true);
    return sk_fail_errno(err, SK_IO, failed, "cannot start a thread that reads data");
}

/* Waits until all have ended, or a little; false: all have. */
static bool still_runs(struct sk_crew *crew)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += REPORT_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&crew->lock);
    int status = 0;
    while (crew->running > 0 && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&crew->ended, &crew->lock, &until);
    bool runs = crew->running > 0;
    pthread_mutex_unlock(&crew->lock);
    return runs;
}

static enum sk_code watch(struct sk_crew *crew, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (bool runs = true; runs;) {
        runs = still_runs(crew);
        if (code == SK_OK && crew->progress &&
            !crew->progress(crew->progress_ctx, (int64_t)atomic_load(&crew->done), crew->all)) {
            atomic_store(&crew->stop, true);
            code = sk_fail(err, SK_CANCELLED, "reading the data was stopped");
        }
    }
    return code;
}

enum sk_code sk_crew_run(struct sk_crew *crew, struct sk_err *err)
{
    int started = 0;
    crew->threads = sk_crew_threads(crew->threads);
    struct worker *worker = sk_alloc((size_t)crew->threads, sizeof(*worker), err);
    if (!worker)
        return SK_NOMEM;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->ended, NULL);
    crew->running = crew->threads;
    enum sk_code code = start(crew, worker, &started, err);
    if (code == SK_OK)
        code = watch(crew, err);
    for (int i = 0; i < started; i++)
        pthread_join(worker[i].thread, NULL);
    pthread_cond_destroy(&crew->ended);
    pthread_mutex_destroy(&crew->lock);
    sk_free(worker);
    return code;
}

/* What the loader's two files share: its state, and what the threads do (loader_workers.c). Private to the loader. */
#ifndef SKUA_DATA_LOADER_H
#define SKUA_DATA_LOADER_H

#include <pthread.h>

#include "data/fill.h"

enum { SK_WORKERS_MAX = 256 };

struct sk_slot {
    struct sk_batch batch;
    struct sk_fill_report report;
    int runs_left; /* of the batch being filled; 0: complete */
};

struct sk_worker {
    struct sk_loader *loader;
    pthread_t thread;
    struct sk_fill_scratch scratch;
    struct sk_fill_report report;
};

/* What workers: auto looks at, over some batches. */
struct sk_load_pace {
    bool measured; /* threads were started by the first measurement */
    int batches;
    double prepare, compute; /* seconds for a batch, as measured last */
    double waited, computed; /* the caller's seconds in next and between its calls */
    double returned;         /* when next returned last; 0: not in this epoch */
    double busy;             /* the workers' seconds, and their samples, at the begin of the window */
    int64_t filled;
};

struct sk_loader {
    struct sk_fill fill;
    int batch, rank;        /* batch: over all ranks */
    int ring, workers, run; /* workers: 0, or how many there may be; run: samples handed out at a time */
    bool shuffle, adapts;
    int64_t batches; /* of an epoch */
    struct sk_slot *slot;
    struct sk_worker *worker; /* [workers], or one for the caller where workers is 0 */
    int started;              /* threads that run */

    pthread_mutex_t lock;
    pthread_cond_t work, ready; /* there may be work; a batch may be complete */
    bool quit, draining;        /* draining: sk_loader_start waits for the last run */
    int in_flight;              /* runs being filled */
    int64_t issue;              /* batch of which runs are handed out; batches: none left */
    int issue_sample;           /* first sample of the next run */
    int64_t next;               /* batch that sk_loader_next gives next */
    bool held;                  /* the caller still uses batch next - 1 */
    double busy;                /* seconds in which workers filled runs, and how many samples */
    int64_t filled;

    struct sk_fill_report epoch; /* joined in the caller's thread, batch by batch */
    struct sk_damage *damaged;   /* [SK_DAMAGED_MAX] */
    size_t named;
    double waited;
    struct sk_load_pace pace;
};

/* A run of samples of one batch. */
struct sk_load_run {
    int64_t number;
    int first, count;
};
/* Samples of this rank in a batch. */
int sk_load_count(const struct sk_loader *l, int64_t number);
/* Hands out the next run, or takes a filled one back; the lock is held. */
bool sk_load_take(struct sk_loader *l, struct sk_load_run *run);
void sk_load_finish(struct sk_loader *l, const struct sk_load_run *run, const struct sk_fill_report *r);
/* Fills a run; the lock is not held. */
void sk_load_fill(struct sk_loader *l, struct sk_worker *w, const struct sk_load_run *run);
/* Starts threads until count run. They take no signals. */
enum sk_code sk_load_start_workers(struct sk_loader *l, int count, struct sk_err *err) SK_MUST;
/* workers: auto. Called after a batch for which the caller waited from `since` to now: after the first that was
 * computed on, starts as many threads as that asks for, later more while the caller waits for more than 2% of its time.
 * Threads that are not needed sleep. Which batches come out does not depend on it. */
void sk_load_adapt(struct sk_loader *l, double since);
/* Threads that prepare a batch in the time that computing on it takes, and a quarter more; 1 to most. */
int sk_load_wanted(double prepare, double compute, int most);

#endif

/* Threads that share out numbered jobs, for work on a whole data set; inside data/ only. Thread t of n does the jobs t,
 * t + n, ...: what it adds up does not depend on who is quicker. */
#ifndef SKUA_DATA_CREW_H
#define SKUA_DATA_CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"

struct sk_crew { /* set the first part, zero the rest; lives until run has returned */
    int threads; /* as many as wished; run sets how many there are, 1 to SK_CREW_MAX */
    int64_t jobs, all; /* all: what done is out of, for progress */
    void (*work)(struct sk_crew *crew, int thread, int64_t job); /* in a thread; not called once stop is set */
    void *ctx;
    bool (*progress)(void *ctx, int64_t done, int64_t all); /* from the calling thread now and then; false cancels */
    void *progress_ctx;

    atomic_bool stop;  /* set by a worker that cannot go on, or by cancelling */
    atomic_llong done; /* added to by work */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int running; /* under lock */
};
enum { SK_CREW_MAX = 256 };
int sk_crew_threads(int wished); /* within the bounds */
/* Starts the threads, waits for them. CANCELLED where progress said so. A worker's own error is for the caller to ask. */
enum sk_code sk_crew_run(struct sk_crew *crew, struct sk_err *err) SK_MUST;

#endif

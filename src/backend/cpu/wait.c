/* How threads wait for each other at the end of a parallel region.
 *
 * GCC's OpenMP runtime spins for 300,000 rounds, some milliseconds, before a waiting thread sleeps. Beside another busy
 * program that makes steps several times slower: the spinning thread uses up the time that the one it waits for needs.
 * The runtime spins for 1,000 rounds only where it manages more threads than there are processors. It reads its own
 * variable, GOMP_SPINCOUNT, before anything of ours runs, so that cannot be set from here; but a second pool of two
 * threads, which does nothing, makes it count one thread more than there are processors. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/cpu/cpu.h"

#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
static void *keep_pool(void *ready)
{
#pragma omp parallel num_threads(2)
    {
        if (omp_get_thread_num() == 0)
            pthread_barrier_wait(ready);
    }
    for (;;)
        pause();
    return NULL;
}

static void make_pool(void)
{
    pthread_barrier_t ready;
    pthread_t thread;
    sigset_t all, old;
    if (pthread_barrier_init(&ready, NULL, 2) != 0)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old); /* signals are for the main thread */
    bool made = pthread_create(&thread, NULL, keep_pool, &ready) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (made) {
        pthread_barrier_wait(&ready);
        pthread_detach(thread);
    }
    pthread_barrier_destroy(&ready);
}

void sk_cpu_wait_briefly(int threads)
{
    static bool done;
    if (done || threads < 2 || threads < omp_get_num_procs() || getenv("GOMP_SPINCOUNT") != NULL ||
        getenv("OMP_WAIT_POLICY") != NULL)
        return;
    done = true;
    make_pool();
}
#else
void sk_cpu_wait_briefly(int threads)
{
    (void)threads;
}
#endif

/* How threads wait for each other at the end of a parallel region.
 *
 * GCC's OpenMP runtime spins for some milliseconds before a waiting thread sleeps. Alone on the machine that is best.
 * Beside other busy programs the spinning thread uses up the time that the one it waits for needs. The runtime spins for
 * a moment only (100 rounds instead of 300,000) while it manages more threads than there are processors; so where others
 * are found to push us off the processors, a second pool of two threads that do nothing is kept for a while. The
 * runtime's own variable, GOMP_SPINCOUNT, is read before anything of ours runs; where it or OMP_WAIT_POLICY is set,
 * nothing is done here. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "backend/cpu/cpu.h"

#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
enum { PUSHED_OFF = 40 }; /* times a second and thread: alone it is some 15, beside a busy program some 80 */
static const double window = 0.1, keep = 2.0; /* seconds: of looking, of keeping the pool */

static struct {
    bool on, crowded;
    int threads;
    double since; /* when the window began, or the pool was made */
    long pushed;  /* then */
    pthread_t thread;
    sem_t ready, end;
} wait;

static void *keep_pool(void *unused)
{
    (void)unused;
#pragma omp parallel num_threads(2)
    {
        if (omp_get_thread_num() == 0)
            sem_post(&wait.ready);
    }
    sem_wait(&wait.end);
    return NULL;
}

static bool make_pool(void)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old); /* signals are for the other threads */
    bool made = pthread_create(&wait.thread, NULL, keep_pool, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (made)
        sem_wait(&wait.ready);
    return made;
}

static void end_pool(void)
{
    sem_post(&wait.end);
    pthread_join(wait.thread, NULL);
}

/* How often threads of this process have had to make room for others. */
static long pushed_off(void)
{
    struct rusage use;
    return getrusage(RUSAGE_SELF, &use) == 0 ? use.ru_nivcsw : 0;
}

static void look_again(double now)
{
    wait.since = now;
    wait.pushed = pushed_off();
}

void sk_cpu_wait_init(int threads)
{
    static bool made;
    wait.on = threads > 1 && threads >= omp_get_num_procs() && getenv("GOMP_SPINCOUNT") == NULL &&
              getenv("OMP_WAIT_POLICY") == NULL;
    wait.threads = threads;
    if (!wait.on || made)
        return;
    made = sem_init(&wait.ready, 0, 0) == 0 && sem_init(&wait.end, 0, 0) == 0;
    wait.on = made;
    look_again(sk_now());
}

void sk_cpu_wait_watch(void)
{
    if (!wait.on)
        return;
    double now = sk_now(), past = now - wait.since;
    if (past < (wait.crowded ? keep : window))
        return;
    if (wait.crowded) {
        end_pool();
        wait.crowded = false;
    } else {
        wait.crowded = (double)(pushed_off() - wait.pushed) > PUSHED_OFF * wait.threads * past && make_pool();
    }
    look_again(now);
}
#else
void sk_cpu_wait_init(int threads)
{
    (void)threads;
}

void sk_cpu_wait_watch(void)
{
}
#endif

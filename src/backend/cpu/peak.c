/* Ceilings: the loops of kern/peak_*.c over all threads, each repeated until its time can be trusted. */
#include "backend/cpu/cpu.h"

#include <string.h>
#include <unistd.h>

/* Trials short enough that some meet no other program, and long enough for the clock. */
#define TRIAL_SECONDS 1e-3
enum { MADD_TRIALS = 100, MEMORY_TRIALS = 20, FIRST_ROUNDS = 1 << 10 };

/* Arrays beyond the caches: CACHE_TIMES last-level caches for each thread, which may have one of its own, within
 * bounds; a system that does not tell the cache's size gets the bound. */
enum { CACHE_TIMES = 3, THREAD_MOST = 128 << 20, ARRAYS_MOST = 1 << 30 };

static _Thread_local volatile float sink; /* results go somewhere, or their loops could be left out */

/* ---- multiply-adds ---- */
static double madd_seconds(const struct sk_peak_madd *m, size_t rounds)
{
    double since = sk_now();
    sink = m->run(rounds);
    return sk_now() - since;
}

static double least_seconds(const struct sk_peak_madd *m, size_t rounds)
{
    double least = madd_seconds(m, rounds);
    for (int i = 1; i < MADD_TRIALS; i++) {
        double seconds = madd_seconds(m, rounds);
        least = seconds < least ? seconds : least;
    }
    return least;
}

/* Operations a second: the sum of what each thread does in its fastest trial while the others are at theirs; 0 where
 * the level has no such loop. */
static double madd_rate(const struct sk_peak_madd *m, int threads)
{
    size_t rounds = FIRST_ROUNDS;
    double rate = 0;
    (void)threads; /* without OpenMP there is one */
    if (m->name == NULL)
        return 0;
    while (madd_seconds(m, rounds) < TRIAL_SECONDS)
        rounds *= 2;
#pragma omp parallel num_threads(threads) reduction(+ : rate)
    rate += m->flops * (double)rounds / least_seconds(m, rounds);
    return rate;
}

/* ---- memory: three arrays of n floats a thread, one after another, made by the thread that uses them ---- */
struct arrays {
    float *at;
    size_t n, bytes; /* bytes of all */
    int threads;
};

/* Bytes of a thread's three arrays. */
static size_t thread_bytes(void)
{
    long cache = -1;
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    return cache > 0 && cache < THREAD_MOST / CACHE_TIMES ? (size_t)cache * CACHE_TIMES : THREAD_MOST;
}

static enum sk_code open_arrays(struct arrays *a, int threads, struct sk_err *err)
{
    struct sk_machine machine;
    size_t all = thread_bytes() * (size_t)threads;
    sk_machine_read(&machine);
    all = all < ARRAYS_MOST ? all : ARRAYS_MOST;
    all = all < machine.memory_available / 4 ? all : (size_t)machine.memory_available / 4;
    /* an odd number of steps: arrays whose addresses agree in their lower bits get in each other's way */
    *a = (struct arrays){.threads = threads,
                         .n = (all / sizeof(float) / 3 / (size_t)threads / SK_PEAK_STEP | 1) * SK_PEAK_STEP};
    a->bytes = 3 * a->n * (size_t)threads * sizeof(float);
    a->at = sk_map(a->bytes, err);
    if (a->at == NULL)
        return SK_NOMEM;
#pragma omp parallel num_threads(threads)
    for (size_t i = 0, base = (size_t)omp_get_thread_num() * 3 * a->n; i < 3 * a->n; i++)
        a->at[base + i] = 1.0f;
    return SK_OK;
}

static void read_all(const struct arrays *a, const struct sk_kern_peak *k)
{
    float sum = 0;
#pragma omp parallel num_threads(a->threads) reduction(+ : sum)
    sum += k->read(a->at + (size_t)omp_get_thread_num() * 3 * a->n, 3 * a->n);
    sink = sum;
}

static void triad_all(const struct arrays *a, const struct sk_kern_peak *k)
{
#pragma omp parallel num_threads(a->threads)
    {
        float *x = a->at + (size_t)omp_get_thread_num() * 3 * a->n;
        k->triad(x + a->n, x + 2 * a->n, 0.5f, a->n, x);
    }
}

/* Bytes a second of the fastest pass. */
static double memory_rate(void (*pass)(const struct arrays *, const struct sk_kern_peak *), const struct arrays *a)
{
    double least = 0;
    for (int i = 0; i < MEMORY_TRIALS; i++) {
        double since = sk_now();
        pass(a, &sk_kern_get()->peak);
        double seconds = sk_now() - since;
        least = i == 0 || seconds < least ? seconds : least;
    }
    return (double)a->bytes / least;
}

enum sk_code sk_cpu_peak(int threads, struct sk_peak *out, struct sk_err *err)
{
    const struct sk_peak_madd *madd = sk_kern_get()->peak.madd;
    struct arrays a;
    threads = threads < omp_get_num_procs() ? threads : omp_get_num_procs(); /* more only take turns */
    *out = (struct sk_peak){.f32 = madd_rate(&madd[SK_K_F32], threads),
                            .bf16 = madd_rate(&madd[SK_K_BF16], threads),
                            .f32_by = madd[SK_K_F32].name,
                            .bf16_by = madd[SK_K_BF16].name};
    if (out->bf16_by != NULL && strstr(sk_isa_features(), "amx_bf16") != NULL)
        out->bf16_by = "vdpbf16ps (AMX not counted)";
    enum sk_code code = open_arrays(&a, threads, err);
    if (code != SK_OK)
        return code;
    out->read = memory_rate(read_all, &a);
    out->triad = memory_rate(triad_all, &a);
    sk_unmap(a.at, a.bytes);
    return SK_OK;
}

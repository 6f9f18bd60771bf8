/* Ceilings: the loops of kern/peak_*.c over all threads, each repeated until its time can be trusted. */
#include "backend/cpu/cpu.h"

#include <string.h>
#include <unistd.h>

#define TRIAL_SECONDS 0.01 /* shorter trials are all start and end of the threads */
enum { TRIALS = 6, FIRST_ROUNDS = 1 << 14 };

/* Arrays beyond the caches: CACHE_TIMES last-level caches a thread, for each may have one of its own, within bounds. */
enum { CACHE_TIMES = 3 };
static const size_t cache_guess = (size_t)32 << 20, arrays_most = (size_t)1 << 30;

static volatile float sink; /* results go somewhere, or their loops could be left out */

/* ---- multiply-adds ---- */
static double madd_seconds(const struct sk_peak_madd *m, size_t rounds, int threads)
{
    float sum = 0;
    double since = sk_now();
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    sum += m->run(rounds);
    double seconds = sk_now() - since;
    sink = sum;
    return seconds;
}

/* Operations a second of the fastest trial; 0 where the level has no such loop. */
static double madd_rate(const struct sk_peak_madd *m, int threads)
{
    size_t rounds = FIRST_ROUNDS;
    if (m->name == NULL)
        return 0;
    double least = madd_seconds(m, rounds, threads);
    for (; least < TRIAL_SECONDS; least = madd_seconds(m, rounds, threads))
        rounds *= 2;
    for (int i = 0; i < TRIALS; i++) {
        double seconds = madd_seconds(m, rounds, threads);
        least = seconds < least ? seconds : least;
    }
    return m->flops * (double)rounds * threads / least;
}

/* ---- memory: three arrays of n floats a thread, one after another, made by the thread that uses them ---- */
struct arrays {
    float *at;
    size_t n, bytes; /* bytes of all */
    int threads;
};

static size_t last_cache(void)
{
    long bytes = -1;
#ifdef _SC_LEVEL3_CACHE_SIZE
    bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    return bytes > 0 ? (size_t)bytes : cache_guess;
}

static enum sk_code open_arrays(struct arrays *a, int threads, struct sk_err *err)
{
    struct sk_machine machine;
    size_t all = last_cache() * CACHE_TIMES * (size_t)threads;
    sk_machine_read(&machine);
    all = all < arrays_most ? all : arrays_most;
    all = all < machine.memory_available / 4 ? all : (size_t)machine.memory_available / 4;
    /* an odd number of steps: arrays whose addresses agree in their lower bits get in each other's way */
    *a = (struct arrays){.threads = threads, .n = (all / sizeof(float) / 3 / (size_t)threads / SK_PEAK_STEP | 1) * SK_PEAK_STEP};
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
    for (int i = 0; i < TRIALS; i++) {
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

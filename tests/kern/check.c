/* Helpers of the kernel tests. */
#include "kern/check.h"

#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATTERN = 0xA5, BESIDE = 512 }; /* bytes watched on the side that is no page's end */
static char current[256];

void guard_open(struct guard *g, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    g->len = (len + page - 1) / page * page;
    unsigned char *p = mmap(NULL, g->len + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    g->base = p + page;
    assert_int_equal(mprotect(g->base, g->len, PROT_READ | PROT_WRITE), 0);
}

void guard_close(struct guard *g)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap(g->base - page, g->len + 2 * page);
}

/* Where the pattern begins and ends. */
static void watched(const struct guard *g, size_t *from, size_t *to)
{
    size_t first = (size_t)(g->data - g->base), last = first + g->used;
    *from = first > BESIDE ? first - BESIDE : 0;
    *to = g->len - last > BESIDE ? last + BESIDE : g->len;
}

void *guard_place(struct guard *g, size_t bytes, enum side side)
{
    size_t from, to;
    assert_true(bytes <= g->len);
    g->data = side == SIDE_BEGIN ? g->base : g->base + g->len - bytes;
    g->used = bytes;
    watched(g, &from, &to);
    memset(g->base + from, PATTERN, to - from);
    return g->data;
}

void *guard_fit(struct guard *g, size_t bytes, enum side side)
{
    if (g->base == NULL || g->len < bytes) {
        if (g->base != NULL)
            guard_close(g);
        guard_open(g, bytes);
    }
    return guard_place(g, bytes, side);
}

void guard_verify(const struct guard *g, const char *what)
{
    size_t from, to;
    if (!g->data)
        return;
    watched(g, &from, &to);
    for (size_t i = from; i < to; i++) {
        if (g->base + i == g->data && g->used > 0)
            i += g->used;
        if (i < to && g->base[i] != PATTERN)
            fail_msg("%s: %s was written outside its range (seed %llu)", current, what,
                     (unsigned long long)check_seed());
    }
}

static void put(void *p, size_t i, enum sk_ktype t, float v)
{
    if (t == SK_K_BF16)
        ((uint16_t *)p)[i] = sk_f32_to_bf16(v);
    else
        ((float *)p)[i] = v;
}

float check_get(const void *p, size_t i, enum sk_ktype t)
{
    return t == SK_K_BF16 ? sk_bf16_to_f32(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

double check_abs(const void *p, size_t i, enum sk_ktype t)
{
    double v = fabs((double)check_get(p, i, t));
    return isfinite(v) ? v : 0;
}

void check_fill(void *p, size_t n, enum sk_ktype t, enum fill fill, struct sk_rng *r)
{
    static const float special[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-40f};
    for (size_t i = 0; i < n; i++) {
        float v = fill == FILL_EXACT ? (float)sk_rng_below(r, 9) - 4.0f : sk_rng_unit(r) * 4.0f - 2.0f;
        if (fill == FILL_SPECIAL && sk_rng_below(r, 16) == 0)
            v = special[sk_rng_below(r, SK_COUNT(special))];
        put(p, i, t, v);
    }
}

void check_fill_channels(float *p, size_t n, enum fill fill, struct sk_rng *r)
{
    static const float exact[] = {1.0f, 2.0f, -1.0f};
    for (size_t i = 0; i < n; i++)
        p[i] = fill == FILL_EXACT ? exact[sk_rng_below(r, SK_COUNT(exact))] : sk_rng_unit(r) * 2.0f - 1.0f;
}

double check_ulp(double v, enum sk_ktype t)
{
    int bits = t == SK_K_BF16 ? 8 : 24, exponent;
    if (v == 0 || !isfinite(v))
        return 0x1p-149;
    frexp(v, &exponent);
    return ldexp(1, exponent - bits);
}

void check_case(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(current, sizeof current, fmt, args);
    va_end(args);
}

void check_fail(const char *fmt, ...)
{
    char message[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    fail_msg("%s: %s (seed %llu)", current, message, (unsigned long long)check_seed());
}

void check_same(const char *what, const void *got, const void *want, size_t n, enum sk_ktype t)
{
    for (size_t i = 0; i < n; i++) {
        float a = check_get(got, i, t), b = check_get(want, i, t);
        if (isnan(a) && isnan(b))
            continue;
        if (memcmp(&a, &b, sizeof a) != 0)
            fail_msg("%s: %s[%zu] is %.9g, not %.9g (seed %llu)", current, what, i, (double)a, (double)b,
                     (unsigned long long)check_seed());
    }
}

void check_one(const char *what, size_t i, double got, double want, double bound, enum sk_ktype t)
{
    double room = bound + (t == SK_K_BF16 ? check_ulp(want, t) : 0) + 0x1p-140; /* denormals have few digits */
    bool good = isfinite(want) ? isfinite(got) && fabs(got - want) <= room : (isnan(want) && isnan(got)) || got == want;
    if (!good)
        fail_msg("%s: %s[%zu] is %.9g, not %.9g +- %.3g (seed %llu)", current, what, i, got, want, room,
                 (unsigned long long)check_seed());
}

size_t check_levels(enum sk_isa levels[3])
{
    static const enum sk_isa all[] = {SK_ISA_AVX2, SK_ISA_AVX512, SK_ISA_AVX512_BF16};
    struct sk_kern below, kern;
    size_t n = 0;
    memset(&below, 0, sizeof below);
    memset(&kern, 0, sizeof kern);
    sk_kern_init(&below, SK_ISA_REF);
    for (size_t i = 0; i < SK_COUNT(all) && all[i] <= sk_isa_hardware(); i++) {
        sk_kern_init(&kern, all[i]);
        if (memcmp(&kern, &below, sizeof kern) != 0)
            levels[n++] = all[i];
        below = kern;
    }
    return n;
}

uint64_t check_seed(void)
{
    const char *text = getenv("SKUA_TEST_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}

void check_rng(struct sk_rng *r, uint64_t index)
{
    sk_rng_init(r, check_seed(), 0, index, SK_RNG_TEST);
}

void check_bench(const char *name, enum sk_isa level, enum sk_ktype t, double bytes, void (*f)(void *arg), void *arg)
{
    enum { ROUNDS = 30, REPEAT = 50 };
    double best = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        double start = sk_now();
        for (int k = 0; k < REPEAT; k++)
            f(arg);
        best = fmin(best, (sk_now() - start) / REPEAT);
    }
    printf("%-24s %-10s %-5s %10.0f ns %8.1f GB/s\n", name, sk_isa_name(level), t == SK_K_BF16 ? "bf16" : "f32",
           best * 1e9, bytes / best / 1e9);
}

bool check_wants_bench(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--bench") == 0;
}

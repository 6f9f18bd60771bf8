/* Which instruction sets the processor and the operating system have, and the level that SKUA_CPU lowers that to.
 * Compiled without instruction-set flags: it runs first, on any processor. */
#include "kern/kern.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SK_NO_X86
#include <cpuid.h>
#endif

enum leaf { LEAF_1, LEAF_7, LEAF_7_1, LEAF_COUNT };
enum reg { EAX, EBX, ECX, EDX };

/* State that the system must save: XMM and YMM; with opmask and ZMM; AMX tiles. */
enum { STATE_YMM = 0x6, STATE_ZMM = 0xe6, STATE_TILE = 0x60000 };

static const struct feature {
    const char *name;
    enum leaf leaf;
    enum reg reg;
    int bit;
    uint64_t state;
    enum sk_isa level; /* the lowest level that needs it */
} features[] = {
    {"sse4.2", LEAF_1, ECX, 20, 0, SK_ISA_REF},
    {"avx", LEAF_1, ECX, 28, STATE_YMM, SK_ISA_AVX2},
    {"f16c", LEAF_1, ECX, 29, STATE_YMM, SK_ISA_AVX2},
    {"fma", LEAF_1, ECX, 12, STATE_YMM, SK_ISA_AVX2},
    {"avx2", LEAF_7, EBX, 5, STATE_YMM, SK_ISA_AVX2},
    {"avx_vnni", LEAF_7_1, EAX, 4, STATE_YMM, SK_ISA_REF},
    {"avx512f", LEAF_7, EBX, 16, STATE_ZMM, SK_ISA_AVX512},
    {"avx512dq", LEAF_7, EBX, 17, STATE_ZMM, SK_ISA_AVX512},
    {"avx512bw", LEAF_7, EBX, 30, STATE_ZMM, SK_ISA_AVX512},
    {"avx512vl", LEAF_7, EBX, 31, STATE_ZMM, SK_ISA_AVX512},
    {"avx512_vnni", LEAF_7, ECX, 11, STATE_ZMM, SK_ISA_REF},
    {"avx512_bf16", LEAF_7_1, EAX, 5, STATE_ZMM, SK_ISA_AVX512_BF16},
    {"avx512_fp16", LEAF_7, EDX, 23, STATE_ZMM, SK_ISA_REF},
    {"amx_tile", LEAF_7, EDX, 24, STATE_TILE, SK_ISA_REF},
    {"amx_int8", LEAF_7, EDX, 25, STATE_TILE, SK_ISA_REF},
    {"amx_bf16", LEAF_7, EDX, 22, STATE_TILE, SK_ISA_REF},
};
enum { FEATURES = sizeof features / sizeof features[0] };

static struct {
    enum sk_isa hardware, level;
    char features[256];
    char complaint[256]; /* empty: none */
} found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#ifndef SK_NO_X86
static uint64_t saved_state(const uint32_t leaf1[4])
{
    uint32_t low, high;
    if (!(leaf1[ECX] >> 27 & 1u)) /* OSXSAVE */
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void read_features(bool have[FEATURES])
{
    uint32_t r[LEAF_COUNT][4] = {{0}};
    if (__get_cpuid_count(1, 0, &r[LEAF_1][EAX], &r[LEAF_1][EBX], &r[LEAF_1][ECX], &r[LEAF_1][EDX]) &&
        __get_cpuid_count(7, 0, &r[LEAF_7][EAX], &r[LEAF_7][EBX], &r[LEAF_7][ECX], &r[LEAF_7][EDX]) &&
        r[LEAF_7][EAX] >= 1) /* the last subleaf */
        __cpuid_count(7, 1, r[LEAF_7_1][EAX], r[LEAF_7_1][EBX], r[LEAF_7_1][ECX], r[LEAF_7_1][EDX]);
    uint64_t state = saved_state(r[LEAF_1]);
    for (int i = 0; i < FEATURES; i++)
        have[i] = (r[features[i].leaf][features[i].reg] >> features[i].bit & 1u) &&
                  (state & features[i].state) == features[i].state;
}
#else
static void read_features(bool have[FEATURES])
{
    memset(have, 0, FEATURES * sizeof *have);
}
#endif

static enum sk_isa best_level(const bool have[FEATURES])
{
    enum sk_isa level = SK_ISA_AVX512_BF16;
    for (int i = 0; i < FEATURES; i++)
        if (!have[i] && features[i].level != SK_ISA_REF && features[i].level <= level)
            level = features[i].level - 1;
    return level;
}

static void list_features(const bool have[FEATURES])
{
    size_t len = 0;
    for (int i = 0; i < FEATURES; i++) {
        if (!have[i])
            continue;
        int n = snprintf(found.features + len, sizeof found.features - len, "%s%s", len ? " " : "", features[i].name);
        len += (size_t)n;
    }
}

static void lower(const char *asked)
{
    static const enum sk_isa levels[] = {SK_ISA_REF, SK_ISA_AVX2, SK_ISA_AVX512, SK_ISA_AVX512_BF16};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(asked, sk_isa_name(levels[i])) != 0)
            continue;
        if (levels[i] <= found.hardware)
            found.level = levels[i];
        else
            snprintf(found.complaint, sizeof found.complaint,
                     "SKUA_CPU asks for %s, which this machine does not have: using %s", asked,
                     sk_isa_name(found.hardware));
        return;
    }
    char shown[32];
    size_t n = 0;
    for (; asked[n] != '\0' && n + 1 < sizeof shown; n++)
        shown[n] = asked[n] >= ' ' && asked[n] <= '~' ? asked[n] : '?';
    shown[n] = '\0';
    snprintf(found.complaint, sizeof found.complaint,
             "SKUA_CPU: expected ref, avx2, avx512 or avx512bf16, got '%s': using %s", shown,
             sk_isa_name(found.hardware));
}

static void detect(void)
{
    bool have[FEATURES];
    read_features(have);
    found.hardware = found.level = best_level(have);
    list_features(have);
    const char *asked = getenv("SKUA_CPU");
    if (asked != NULL && *asked != '\0')
        lower(asked);
}

enum sk_isa sk_isa_hardware(void)
{
    pthread_once(&once, detect);
    return found.hardware;
}

enum sk_isa sk_isa_level(void)
{
    pthread_once(&once, detect);
    return found.level;
}

const char *sk_isa_name(enum sk_isa isa)
{
    static const char *const name[] = {
        [SK_ISA_REF] = "ref", [SK_ISA_AVX2] = "avx2", [SK_ISA_AVX512] = "avx512", [SK_ISA_AVX512_BF16] = "avx512bf16"};
    return name[isa];
}

bool sk_isa_has_bf16(void)
{
    return sk_isa_level() == SK_ISA_AVX512_BF16;
}

const char *sk_isa_features(void)
{
    pthread_once(&once, detect);
    return found.features;
}

const char *sk_isa_complaint(void)
{
    pthread_once(&once, detect);
    return found.complaint[0] != '\0' ? found.complaint : NULL;
}

/* A backend whose four kernels of a convolution do nothing but move a clock of their own on. */
#ifndef SKUA_TEST_FAKE_BACKEND_H
#define SKUA_TEST_FAKE_BACKEND_H

#include "exec/internal.h"

/* "one", "two", "many" (of whose variants two are worth measuring) and "ref", variants "a" to "f". */
enum { FAKE_KERNELS = 4, FAKE_VARIANTS = 6 };

/* What they are like in a test, and what became of them. */
struct fake {
    double ms[FAKE_KERNELS][FAKE_VARIANTS];            /* of a run; 0: there is no such variant */
    const char *declines[FAKE_KERNELS][FAKE_VARIANTS]; /* why, instead */
    bool only_one_and_ref, no_memory;
    int opened[FAKE_KERNELS], runs[FAKE_KERNELS][FAKE_VARIANTS], prepared[FAKE_KERNELS][FAKE_VARIANTS];
    double now;
};
extern struct fake fake;
extern const struct sk_backend fake_backend;
double fake_clock(void); /* seconds */
int fake_runs(void);     /* of all kernels */

#endif

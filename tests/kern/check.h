/* What the kernel tests share: memory between inaccessible pages, fills, comparison of two versions of a kernel,
 * timing.
 *
 * A kernel of a level is checked against the reference with small integers first, where every result is exact and must
 * be the same to the bit, then with random numbers, where it must lie within a bound derived from the sum of absolute
 * products. */
#ifndef SKUA_TESTS_KERN_CHECK_H
#define SKUA_TESTS_KERN_CHECK_H

#include "kern/kern.h"
#include "test.h"

#define CHECK_EPS 0x1p-24 /* half the distance of float32 numbers near 1 */

/* Memory that begins and ends at pages that cannot be touched. What lies beside the range in use holds a pattern. */
struct guard {
    unsigned char *base; /* first byte that may be touched */
    size_t len;
    unsigned char *data; /* the range in use */
    size_t used;
};
enum side { SIDE_BEGIN, SIDE_END, SIDES };
void guard_open(struct guard *g, size_t len);
void guard_close(struct guard *g);
/* bytes at one end of g, aligned for its elements, filled with the pattern. */
void *guard_place(struct guard *g, size_t bytes, enum side side);
/* The same in a g that is opened, or opened anew, where it is too small: g is zeroed at first. */
void *guard_fit(struct guard *g, size_t bytes, enum side side);
/* Fails where a byte near the range in use has changed. */
void guard_verify(const struct guard *g, const char *what);

enum fill { FILL_EXACT, FILL_RANDOM, FILL_SPECIAL, FILLS };
/* Small integers; numbers from -2 to 2; the same with some infinities and NaNs. */
void check_fill(void *p, size_t n, enum sk_ktype t, enum fill fill, struct sk_rng *r);
/* Per-channel float32 values; exact ones are 1, 2 or -1. */
void check_fill_channels(float *p, size_t n, enum fill fill, struct sk_rng *r);
float check_get(const void *p, size_t i, enum sk_ktype t);
/* |element i|, 0 where it is not finite: for bounds, where such an element either rules the result or is masked out of
 * it. */
double check_abs(const void *p, size_t i, enum sk_ktype t);
/* Distance from v to the next number of the type. */
double check_ulp(double v, enum sk_ktype t);

/* What is being compared, for messages: the last one set. */
void check_case(const char *fmt, ...) SK_PRINTF(1, 2);
/* Fails with a message that begins with the case and ends with the seed. */
void check_fail(const char *fmt, ...) SK_PRINTF(1, 2);
/* got and want must be the same to the bit (any NaN is as good as another). */
void check_same(const char *what, const void *got, const void *want, size_t n, enum sk_ktype t);
/* |got - want| <= bound + one step of the type where that is bf16; NaN and infinity must match. */
void check_one(const char *what, size_t i, double got, double want, double bound, enum sk_ktype t);

/* The levels above the reference that this machine has and that differ from the one below: 0 to n - 1. */
size_t check_levels(enum sk_isa levels[3]);
/* Seed of this run: SKUA_TEST_SEED or a fixed one; printed when a check fails. */
uint64_t check_seed(void);
void check_rng(struct sk_rng *r, uint64_t index);

/* Prints name, level, nanoseconds and GB/s of f(arg), which moves bytes. */
void check_bench(const char *name, enum sk_isa level, enum sk_ktype t, double bytes, void (*f)(void *arg), void *arg);
/* True where the program was started with --bench. */
bool check_wants_bench(int argc, char **argv);

#endif

/* Running one op on the cpu backend, for its tests: tensors, and a run with 1, 2 and 3 threads that must give the same
 * bits. */
#ifndef SKUA_TESTS_BACKEND_OP_H
#define SKUA_TESTS_BACKEND_OP_H

#include "backend/backend.h"
#include "kern/check.h"

struct op_tensor {
    struct sk_desc desc;
    void *data;
};
/* Zeroed; freed by op_free_all. dim ends with 0. */
struct op_tensor op_tensor(enum sk_dtype t, const int64_t *dim);
#define OP_DIMS(...) ((const int64_t[]){__VA_ARGS__, 0})
/* The same, filled with random numbers from -2 to 2. */
struct op_tensor op_random(enum sk_dtype t, const int64_t *dim, struct sk_rng *r);
double op_get(const struct op_tensor *t, size_t i);
void op_set(struct op_tensor *t, size_t i, double v);
size_t op_count(const struct op_tensor *t);
void op_free_all(void);

struct op_test {
    enum sk_op_kind kind;
    const char *kernel; /* "cpu", "ref", "winograd", ... */
    const char *label;  /* of which variant; NULL: the first */
    enum sk_winograd winograd;
    struct sk_attr attr;
    struct sk_step step;
    int ins, outs;
    struct op_tensor in[SK_OP_IN], out[SK_OP_OUT]; /* an output that shares an input's memory runs in place */
};
struct sk_op_desc op_desc(const struct op_test *t);
/* The kernel of that name among the candidates; fails where there is none. */
const struct sk_kernel *op_kernel(enum sk_op_kind kind, const char *name);
/* Opens variant 0, 1, ... of the kernel for two threads; false past the last. label: its label. */
bool op_label(const struct op_test *t, int variant, char label[64]);
/* Runs it with 1, 2 and 3 threads from the same memory; every output must have the same bits each time, inputs that are
 * no output must stay as they were, nothing beside outputs and scratch may be written. */
void op_run(const struct op_test *t);
/* Runs it once. */
void op_run_once(const struct op_test *t, int threads);
/* |out[output][i] - want[i]| <= bound, and one step of the type more where that is bf16. */
void op_compare(const struct op_test *t, int output, const double *want, double bound);
/* n doubles, freed by op_free_all. */
double *op_doubles(size_t n);
/* Prints milliseconds and GB/s of a run with the given threads, counting bytes. */
void op_bench(const struct op_test *t, const char *name, int threads, double bytes);

#endif

/* Times of the ops of a step beside what the machine's ceilings would allow: skua bench --ops. */
#ifndef SKUA_CLI_BENCH_OPS_H
#define SKUA_CLI_BENCH_OPS_H

#include "exec/exec.h"

struct sk_bench_ops { /* zeroed before open; release accepts a zeroed one */
    const struct sk_plan *plan;
    double *seconds; /* by op: the least of all steps; 0: not run */
    size_t count;
    double runs;     /* of the plan in the step that seconds are of; 0: one */
    struct sk_trace trace;
};
/* Times every op that the engine runs of this plan from now on. o must stay where it is until release. */
enum sk_code sk_bench_ops_open(struct sk_bench_ops *o, struct sk_engine *e, const struct sk_plan *plan,
                               struct sk_err *err) SK_MUST;
void sk_bench_ops_release(struct sk_bench_ops *o);
/* A row a kind of op and kernel, the longest first; or a row an op, in the order of the step. The floor of an op is the
 * longer of its operations at the peak and its bytes at the memory's rate; it is left out below a
 * microsecond. json: an object a row. */
enum sk_code sk_bench_ops_print(const struct sk_bench_ops *o, const struct sk_peak *peak, bool each, bool json,
                                struct sk_err *err) SK_MUST;

#endif

/* Profile: where the time of a recipe's training goes, measured over some of its steps. */
#ifndef SKUA_TRAIN_PROFILE_H
#define SKUA_TRAIN_PROFILE_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "recipe/recipe.h"

/* What the training thread does; the parts add up to the seconds of the steps. */
enum sk_profile_part {
    SK_PART_WAIT,     /* for data; without workers: preparing it */
    SK_PART_FORWARD,
    SK_PART_BACKWARD,
    SK_PART_UPDATE,
    SK_PART_OTHER,    /* reading results, counting, reporting */
    SK_PARTS
};
/* What the loader's threads do with a picture. */
enum sk_profile_stage { SK_STAGE_READ, SK_STAGE_DECODE, SK_STAGE_AUGMENT, SK_STAGE_COPY, SK_STAGES };
extern const char *const sk_profile_part_name[SK_PARTS], *const sk_profile_stage_name[SK_STAGES];

/* One bar of the timeline. */
struct sk_profile_event {
    double start, seconds;  /* start: since the first measured step began */
    int thread;             /* 0: training (without workers it loads, too), from 1: the loader's */
    int op;                 /* of the plan; -1: none */
    enum sk_profile_stage stage; /* of a loader's thread */
    int64_t number;         /* of the sample (loader), of the step (training) */
    bool step, wait;        /* of the training thread without op: the whole step, or its waiting */
};
enum { SK_PROFILE_EVENTS = 100000 }; /* at most; what comes after is left out */

struct sk_profile { /* release accepts a zeroed one */
    int64_t steps, samples;
    double seconds, part[SK_PARTS];
    int64_t loaded;           /* pictures that the loader's threads finished meanwhile */
    double stage[SK_STAGES];  /* their seconds, of all threads together */
    double shorter_side;      /* of the pictures as decoded, mean; 0: none loaded */
    int workers, threads, processors, batch; /* workers: at the end; processors: logical, that this process may use */
    bool network;             /* false: loading alone was measured */
    struct sk_flops flops;    /* of a step */
    const struct sk_plan *plan; /* of the full batch, the profiler's */
    double *op_seconds;       /* by op of the plan: mean of the steps with full batches */
    struct sk_peak peak;      /* f32 0: not measured */
    double ceiling;           /* operations a second at the precision in use */
    struct sk_profile_event *event; /* NULL: none were to be kept */
    size_t events;
    bool events_cut;          /* there were more than SK_PROFILE_EVENTS */
};
void sk_profile_release(struct sk_profile *p);

struct sk_profile_run {
    int workers;         /* as data.workers */
    bool network;        /* train; false: load alone */
    int64_t warm_up;     /* steps before, not measured */
    int64_t steps;       /* 0: a whole epoch */
    bool empty;          /* begin with an epoch, and no batch prepared before */
    int64_t trace_steps; /* whose events are kept, from the first measured on */
    void (*progress)(void *ctx, int64_t done, int64_t all); /* may be NULL */
    void *ctx;
};
/* Opens data, engine and network of a recipe with its initial weights. Errors as sk_train's before the first step. */
struct sk_profiler;
enum sk_code sk_profiler_open(struct sk_profiler **p, const struct sk_recipe *recipe, const atomic_bool *cancel,
                              struct sk_err *err) SK_MUST;
/* Measures; *out is overwritten, zeroed on failure. Each run goes on with the weights of the one before. */
enum sk_code sk_profiler_run(struct sk_profiler *p, const struct sk_profile_run *run, struct sk_profile *out,
                             struct sk_err *err) SK_MUST;
int64_t sk_profiler_batches(const struct sk_profiler *p); /* of an epoch */
void sk_profiler_close(struct sk_profiler *p); /* NULL is fine */

/* What the figures say, in one sentence with numbers, and what would help (profile_verdict.c). */
enum sk_code sk_profile_verdict(const struct sk_profile *p, struct sk_str *out, struct sk_err *err) SK_MUST;
/* The events in Chrome's trace format, for Perfetto or chrome://tracing (profile_trace.c). */
enum sk_code sk_profile_chrome(const struct sk_profile *p, struct sk_str *out, struct sk_err *err) SK_MUST;

/* ---- numbers of workers set beside each other (profile_verdict.c) ---- */
struct sk_sweep_row {
    int workers;          /* 0: the training thread loads */
    double load_seconds;  /* loading the pictures alone, without the network */
    double wait_seconds, compute_seconds; /* of training on as many */
    int64_t load_samples, train_samples; /* train_samples 0: loading alone was measured */
    double stage[SK_STAGES]; /* seconds a picture, loading alone */
};
/* The row with the least time of training a picture (loading, where that alone was measured); of those within 1% of it,
 * the one with the fewest workers. */
size_t sk_sweep_best(const struct sk_sweep_row *row, size_t rows);
/* Which number is best, and why: bound by decoding, by memory, by computing, or by too few cores. */
enum sk_code sk_sweep_verdict(const struct sk_sweep_row *row, size_t rows, int processors, struct sk_str *out,
                              struct sk_err *err) SK_MUST;

#endif

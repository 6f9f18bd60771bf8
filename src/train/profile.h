/* Profile: where the time of a recipe's training goes, measured over some of its steps. */
#ifndef SKUA_TRAIN_PROFILE_H
#define SKUA_TRAIN_PROFILE_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "recipe/recipe.h"

/* A step is one of a full batch: smaller batches count by their pictures, in all figures of a step alike. */

static inline const char *sk_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

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
extern const char *const sk_profile_doing[SK_STAGES]; /* "reading" */
enum sk_profile_stage sk_profile_longest(const double stage[SK_STAGES]);

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
    int64_t steps, samples, partial; /* steps as they came, partial of them with smaller batches */
    double seconds, part[SK_PARTS];
    int64_t loaded;           /* pictures that the loader's threads finished meanwhile */
    double stage[SK_STAGES];  /* their seconds, of all threads together */
    double load_work;         /* processor seconds of those threads, loading */
    int64_t epochs;           /* that began */
    double first_wait;        /* of the waiting, for their first batches */
    bool cacheable;           /* data.cache: memory would save work, and is off */
    double shorter_side;      /* of the pictures as decoded, mean; 0: none loaded */
    int workers, threads, processors, batch; /* workers: at the end; processors: logical, that this process may use */
    bool network;             /* false: loading alone was measured */
    struct sk_flops flops;    /* of a step */
    const struct sk_plan *plan; /* of the full batch, or of the parts it goes through in; the profiler's */
    double runs;              /* of the plan in a step */
    double *op_seconds;       /* by op of the plan: of a step */
    struct sk_peak peak;      /* f32 0: not measured */
    double ceiling;           /* operations a second at the precision in use */
    struct sk_profile_event *event; /* NULL: none were to be kept */
    size_t events;
    bool events_cut;          /* there were more than SK_PROFILE_EVENTS */
};
void sk_profile_release(struct sk_profile *p);
double sk_profile_steps(const struct sk_profile *p); /* full batches that the samples would make */
void sk_profile_op(const struct sk_profile *p, size_t op, struct sk_op_report *r); /* operations and bytes of a step */

struct sk_profile_run {
    int workers;         /* as data.workers */
    bool network;        /* train; false: load alone */
    int64_t warm_up;     /* steps before, not measured */
    int64_t steps;       /* 0: a whole epoch */
    double seconds;      /* more steps, until they took so long; 0: no more */
    bool empty;          /* begin with an epoch, and no batch prepared before */
    bool bare;           /* without traces: only seconds, waiting and samples are told */
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
int64_t sk_profiler_pictures(const struct sk_profiler *p, int64_t steps); /* in so many steps; 0: in an epoch */
void sk_profiler_close(struct sk_profiler *p); /* NULL is fine */

/* What the figures say, in one sentence with numbers, and what would help (profile_verdict.c). */
enum sk_code sk_profile_verdict(const struct sk_profile *p, struct sk_str *out, struct sk_err *err) SK_MUST;
/* The events in Chrome's trace format, for Perfetto or chrome://tracing (profile_trace.c). */
enum sk_code sk_profile_chrome(const struct sk_profile *p, struct sk_str *out, struct sk_err *err) SK_MUST;

/* ---- numbers of workers set beside each other (profile_workers.c) ---- */
enum sk_sweep_figure { /* seconds a picture */
    SK_SWEEP_LOAD,    /* loading alone, without the network */
    SK_SWEEP_WORK,    /* meanwhile: processor time of the threads that load */
    SK_SWEEP_TRAIN,   /* training on as many workers: the sum of the two that follow */
    SK_SWEEP_WAIT,    /* for data; without workers: preparing it */
    SK_SWEEP_COMPUTE,
    SK_SWEEP_STAGE,   /* the first of SK_STAGES of loading alone */
    SK_SWEEP_FIGURES = SK_SWEEP_STAGE + SK_STAGES
};
enum { SK_SWEEP_MAX = 16, SK_SWEEP_TURNS = 3 };
struct sk_sweep_row {
    int workers; /* 0: the training thread loads */
    double turn[SK_SWEEP_TURNS][SK_SWEEP_FIGURES]; /* the rows take turns: what slows the machine meets all of them */
};
struct sk_sweep {
    struct sk_sweep_row row[SK_SWEEP_MAX];
    size_t rows;
    bool trained;     /* false: loading alone was measured */
    int64_t steps;    /* of the shortest turn */
    int64_t pictures; /* what was asked for: seconds are told of so many */
    int processors;
};
/* Of a row's turns. */
struct sk_turns { double least, median, most; };
struct sk_turns sk_sweep_spread(const struct sk_sweep *s, size_t row, enum sk_sweep_figure figure);
/* The row with the fewest workers above 0 of those whose training does not wait (2% of its time is no matter). Where
 * there is none, or loading alone was measured: of those that are as quick as the quickest, to 2% or to what turns of
 * the same row differ by. 0 workers only where no other row is, or training is quicker with them. */
size_t sk_sweep_best(const struct sk_sweep *s);
/* Which number is best, and why: bound by decoding, by memory, by computing, or by too few cores. A cause is told only
 * where it shows beyond the spread of the turns. */
enum sk_code sk_sweep_verdict(const struct sk_sweep *s, struct sk_str *out, struct sk_err *err) SK_MUST;

#endif

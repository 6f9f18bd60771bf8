/* Filling batches: what turns positions of an epoch's order into pixels and labels. Used by the loader only. */
#ifndef SKUA_DATA_FILL_H
#define SKUA_DATA_FILL_H

#include "data/internal.h"

struct sk_fill { /* read by all workers at once; changes only between epochs */
    const struct sk_dataset *dataset;
    struct sk_picture_steps steps;
    enum sk_on_error on_error;
    double max_damaged;
    int64_t seed;
    uint32_t epoch;
    int64_t samples, *order;           /* order[samples] of the epoch */
    int64_t stride;                    /* positions from one sample of a batch to the next: the number of ranks */
    int height, width, channels;       /* of every picture after the steps */
    enum sk_pixel pixel, out;          /* of pictures; of batches: float where normalized */
    bool normalize;
    float scale[SK_MAX_CHANNELS], shift[SK_MAX_CHANNELS]; /* normalized = pixel * scale + shift */
    const struct sk_load_trace *trace; /* NULL: none */
};
/* Sets scale and shift; the shape is known. INPUT where the number of channels does not fit. */
enum sk_code sk_fill_normalize(struct sk_fill *f, const struct sk_load_normalize *n, struct sk_err *err) SK_MUST;

struct sk_fill_scratch { /* one for each worker; release accepts a zeroed one */
    struct sk_picture picture, other;
    struct sk_rng rng; /* of the sample being made */
    int done;          /* steps that reading it has done */
    int worker, height, width; /* for the trace: its number; the picture as it was decoded */
};
void sk_fill_scratch_release(struct sk_fill_scratch *s);

enum { SK_FILL_DAMAGED = 32 }; /* no run of samples is longer */
struct sk_fill_damage {
    int64_t position;
    struct sk_damage sample;
};

/* What happened in a run of samples: the error that ended it, and how many damaged samples were replaced before. */
struct sk_fill_report {
    struct sk_err err;
    struct sk_err damage;      /* of the first replaced sample */
    int64_t err_at, damage_at; /* position in the order */
    int64_t replaced;
    struct sk_fill_damage damaged[SK_FILL_DAMAGED]; /* by position: the lowest named of those replaced */
    int named;
};
void sk_fill_report_reset(struct sk_fill_report *r);
/* Joins part into all: counts add up, of errors and damages the one at the lower position stays. The order of joining
 * does not matter. */
void sk_fill_report_join(struct sk_fill_report *all, const struct sk_fill_report *part);

/* Damaged samples that an epoch may have: max_damaged of them, rounded down, but one (where there is another to take
 * its place). */
int64_t sk_fill_damage_limit(const struct sk_fill *f);

/* Learns the shape after the steps from the first sample that can be read. */
enum sk_code sk_fill_learn_shape(struct sk_fill *f, struct sk_fill_scratch *s, struct sk_err *err) SK_MUST;

/* Writes samples first..first+count of batch b, whose sample i is at position start + i * stride of the order; stops at
 * the first error. r is reset. */
void sk_fill_samples(const struct sk_fill *f, struct sk_fill_scratch *s, struct sk_batch *b, int64_t start, int first,
                     int count, struct sk_fill_report *r);

#endif

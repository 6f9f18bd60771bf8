/* Which samples of a source a data set has; inside data/ only. What is chosen depends on the seed and the class alone,
 * so that a class more or less changes nothing for the others. */
#ifndef SKUA_DATA_SUBSET_H
#define SKUA_DATA_SUBSET_H

#include "data/data.h"

struct sk_subset {   /* release accepts a zeroed one */
    uint32_t *index; /* [count] ascending samples of the source; NULL: all of them */
    int64_t count;
};
/* All samples of a source, whose labels are below classes. More than UINT32_MAX: INPUT. */
struct sk_subset_of {
    const struct sk_source_ops *ops;
    const void *self;
    int classes;
    const uint32_t *same; /* as sk_dataset_info's, for splits of all samples; NULL: none */
};
enum sk_code sk_subset_all(struct sk_subset *s, int64_t count, struct sk_err *err) SK_MUST;
void sk_subset_release(struct sk_subset *s);
/* Keeps the training or the validation part of every class: of n samples round(n * fraction) are for validation, at
 * least one, and at least one is left for training; samples of the same file count as one, and stay together. What comes
 * from a split of its own is kept. A fraction of 0 gives no validation part. */
enum sk_code sk_subset_split(struct sk_subset *s, const struct sk_subset_of *of, double fraction, int64_t seed,
                             enum sk_split split, struct sk_err *err) SK_MUST;
/* Keeps round(n * fraction) of every class, at least one. */
enum sk_code sk_subset_share(struct sk_subset *s, const struct sk_subset_of *of, double fraction, int64_t seed,
                             struct sk_err *err) SK_MUST;
/* Keeps the samples whose label maps to 0 or more. */
void sk_subset_only(struct sk_subset *s, const struct sk_subset_of *of, const int *label_map);

#endif

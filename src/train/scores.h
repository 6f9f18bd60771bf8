/* Scores of a classifier from logits and labels, sample after sample: accuracy, precision, recall and F1, confusion
 * matrix, calibration, the most confident mistakes. Nothing here knows a network or a data set.
 *
 * Memory is bounded: counts by class and pair of classes, bins, a heap of mistakes, and at most SK_SCORES_KEPT_BYTES of
 * logits for the temperature. */
#ifndef SKUA_TRAIN_SCORES_H
#define SKUA_TRAIN_SCORES_H

#include "base/base.h"

enum {
    SK_SCORES_TOP = 5,
    SK_SCORES_BINS = 15,             /* of the confidence, as many as Guo et al. took */
    SK_SCORES_MATRIX_CLASSES = 4096, /* with more classes no confusion matrix is made */
    SK_SCORES_MISTAKES_MAX = 1000,
    SK_SCORES_KEPT_BYTES = 64 << 20 /* of logits, in a buffer of up to twice that; two samples always */
};

/* One sample. Classes are ranked as torch.topk ranks: by logit, equal ones by their index. */
struct sk_scored {
    int64_t index;                                              /* the caller's number of it */
    int label, tops;                                            /* tops: 5, or as many classes as there are */
    int top[SK_SCORES_TOP];                                     /* the most probable classes */
    double probability[SK_SCORES_TOP], label_probability, loss; /* softmax; loss: -log(label_probability) */
};

struct sk_mistake {
    int64_t index;
    int label, predicted;
    double probability, label_probability;
};

struct sk_bin { /* samples whose confidence, the probability of the predicted class, is in ((b-1)/15, b/15] */
    int64_t count, correct;
    double confidence_sum;
};

struct sk_scores {
    int classes;
    int64_t count, correct1, correct5;
    double loss_sum;
    int64_t *support, *predicted, *correct; /* [classes]: samples of the class, predicted as it, both */
    int64_t *confusion;                     /* [label][predicted]; NULL with more than SK_SCORES_MATRIX_CLASSES */
    struct sk_bin bin[SK_SCORES_BINS];
    struct sk_mistake *mistake; /* a heap while samples come, its least confident first; after finish the worst first */
    int mistakes, mistakes_max;
    /* Logits of every stride-th sample. Where they become too many each second is dropped and the stride doubled. */
    float *kept; /* [kept_count][classes] */
    int32_t *kept_label;
    size_t kept_count, kept_max, kept_cap[2];
    int64_t stride;
};
/* Mistakes: how many of the most confident to keep, 0 to SK_SCORES_MISTAKES_MAX. Release also after a failure. */
enum sk_code sk_scores_init(struct sk_scores *s, int classes, int mistakes, struct sk_err *err) SK_MUST;
void sk_scores_release(struct sk_scores *s); /* accepts a zeroed one */
/* Adds one sample of logits[classes], 0 <= label < classes; *out says what was made of it. A logit that is nan or
 * infinite: INPUT "class 3 has the logit nan", and nothing was added. */
enum sk_code sk_scores_add(struct sk_scores *s, const float *logits, int label, int64_t index, struct sk_scored *out,
                           struct sk_err *err) SK_MUST;
void sk_scores_finish(struct sk_scores *s); /* after the last sample: sorts the mistakes */

/* ---- precision, recall, F1 (scores_class.c): scikit-learn's precision_recall_fscore_support, zero_division=0 ---- */
struct sk_prf {
    double precision, recall, f1;
};
struct sk_prf sk_scores_class(const struct sk_scores *s, int c);
enum sk_average { SK_MACRO, SK_MICRO, SK_WEIGHTED, SK_AVERAGES };
extern const char *const sk_average_name[SK_AVERAGES];
/* Over the classes that occur, as label or as prediction, which is scikit-learn's default too. */
struct sk_prf sk_scores_average(const struct sk_scores *s, enum sk_average a);
bool sk_scores_occurs(const struct sk_scores *s, int c);

struct sk_confused {
    int label, predicted;
    int64_t count;
};
/* The pairs label -> other class with the most samples, most first, ties by label, then by prediction; returns how many
 * of at most max there are, 0 without a confusion matrix. */
int sk_scores_confused(const struct sk_scores *s, struct sk_confused *out, int max);

/* ---- calibration (calibration.c): Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, 2017 ----
 */
/* Puts a sample into its bin of the reliability diagram. */
void sk_bin_add(struct sk_bin bin[SK_SCORES_BINS], double confidence, bool correct);
/* Expected calibration error: mean of |accuracy - confidence| over the bins, weighed by their samples. */
double sk_bins_ece(const struct sk_bin bin[SK_SCORES_BINS]);
#define SK_TEMPERATURE_MIN 0.01
#define SK_TEMPERATURE_MAX 100.0
struct sk_temperature {
    double value;    /* by which logits are divided for the smallest loss; at a bound where that is beyond it */
    int64_t samples; /* kept logits: it was fitted to those and the figures below are of those */
    double loss_before, loss_after, ece_before, ece_after;
};
void sk_scores_temperature(const struct sk_scores *s, struct sk_temperature *t);

/* ---- two classifiers on the same samples ---- */
/* McNemar's exact test: b samples only the one got right, c only the other. The p-value of the two-sided binomial test
 * of b among b + c with probability 1/2; 1 where there are none. */
double sk_mcnemar(int64_t b, int64_t c);

#endif

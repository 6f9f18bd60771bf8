/* Report: runs as one page that needs no network and no script: what was reached, how, and where the model errs. */
#ifndef SKUA_REPORT_H
#define SKUA_REPORT_H

#include "report/html.h"
#include "train/train.h"

/* ---- the report of runs (report.c) ---- */
enum { SK_REPORT_RUNS = SK_COLOURS }; /* at most, side by side */
struct sk_report_options {
    const char *const *run; /* run directories */
    size_t runs;
    const char *data;          /* where the data of the runs lies now; NULL: where it lay */
    const char *const *set;    /* --set overrides, NULL-terminated, for the evaluation; may be NULL */
    bool evaluate;             /* the runs' models on their validation data, and pictures of the data */
    const atomic_bool *cancel; /* as that of sk_evaluate */
    void *ctx;
    void (*progress)(void *ctx, int64_t done, int64_t all); /* of an evaluation; may be NULL */
};
/* Appends the whole page. A folder that is no run (neither recipe.yaml nor log.jsonl) is INPUT. Anything that a run
 * lacks, or that cannot be read, is said on the page, and the rest is shown; so is why a model could not be evaluated,
 * also as a notice. NOMEM, CANCELLED and BUG are errors. Without changes for a run that goes on. */
enum sk_code sk_report(const struct sk_report_options *o, struct sk_page *page, struct sk_err *err) SK_MUST;

/* ---- the layers of a network (layers.c), also for `skua info` ---- */
struct sk_layer { /* an op of the forward pass */
    const char *name, *kind;
    char shape[64];        /* of the output, "32x32x64" */
    int64_t params, bytes; /* bytes of the output, one picture */
    double macs;           /* one picture */
};
struct sk_layers {
    struct sk_graph graph; /* of one picture; names point into it */
    struct sk_layer *layer;
    size_t count;
    struct sk_summary one, training; /* of one picture; activations of training with the recipe's batch */
};
/* Of the network that recipe describes for pictures of shape; activations are of the given type. On failure *l is
 * zeroed. */
enum sk_code sk_layers_init(struct sk_layers *l, const struct sk_recipe *recipe, const struct sk_net_shape *shape,
                            enum sk_dtype compute, struct sk_err *err) SK_MUST;
void sk_layers_release(struct sk_layers *l); /* accepts a zeroed one */

#endif

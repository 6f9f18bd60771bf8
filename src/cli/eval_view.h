/* What `skua eval` shows and writes: shared by its files, and the line of inference time by `skua train`. */
#ifndef SKUA_CLI_EVAL_VIEW_H
#define SKUA_CLI_EVAL_VIEW_H

#include "cli/cli.h"
#include "train/train.h"

struct sk_eval_args {
    struct sk_words set;
    const char *data, *recipe, *split, *tta, *predictions;
    int64_t mistakes; /* 0: not shown */
    bool per_class, confusion, calibration, json, quiet;
};

struct sk_eval_model { /* a model with its data and what came out of it; zeroed: nothing */
    struct sk_session session;
    struct sk_dataset *ds;
    struct sk_evaluation e;
    bool flip; /* evaluated with mirror images */
};
/* Opens the model and the data that it is to be evaluated on, whose classes are matched with the model's (tell: that is
 * told). Close also after a failure. */
enum sk_code sk_eval_model_open(struct sk_eval_model *m, const char *path, const struct sk_eval_args *a, bool tell,
                                struct sk_err *err) SK_MUST;
void sk_eval_model_close(struct sk_eval_model *m);
typedef enum sk_code sk_eval_sample(void *ctx, const struct sk_scored *s, struct sk_err *err);
/* Evaluates with a progress bar and measures the inference time; each sample goes to sample (may be NULL) with ctx. */
enum sk_code sk_eval_model_run(struct sk_eval_model *m, const struct sk_eval_args *a, sk_eval_sample *sample, void *ctx,
                               struct sk_err *err) SK_MUST;
/* The evaluation as JSON with model and step; NULL as sk_evaluation_json. */
json_t *sk_eval_model_json(const struct sk_eval_model *m);

/* ---- text (eval_text.c) ---- */
enum sk_code sk_eval_print(const struct sk_eval_model *m, const struct sk_eval_args *a, struct sk_err *err) SK_MUST;
void sk_latency_print(const struct sk_latency *l); /* "Inference time per image: ..." */

/* ---- two models on the same data (eval_pair.c) ---- */
/* INPUT where their classes or their data differ. */
enum sk_code sk_eval_pair(const char *a, const char *b, const struct sk_eval_args *args, struct sk_err *err) SK_MUST;

/* ---- predictions as CSV, RFC 4180 with line feeds (eval_csv.c) ---- */
struct sk_eval_csv {
    struct sk_new_file file;
    struct sk_str text; /* not yet written */
    const struct sk_eval_model *model;
};
enum sk_code sk_eval_csv_open(struct sk_eval_csv *c, const char *path, const struct sk_eval_model *m,
                              struct sk_err *err) SK_MUST;
enum sk_code sk_eval_csv_add(void *csv, const struct sk_scored *s, struct sk_err *err) SK_MUST;
enum sk_code sk_eval_csv_close(struct sk_eval_csv *c, struct sk_err *err) SK_MUST; /* puts the file in place */
void sk_eval_csv_drop(struct sk_eval_csv *c); /* what is not closed is removed; accepts a zeroed one */

#endif

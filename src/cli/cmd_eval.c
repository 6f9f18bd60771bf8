/* skua eval: how good a model is on a data set, and two models side by side. */
#include <math.h>
#include <string.h>

#include "cli/eval_view.h"

enum { JSON_MISTAKES = 20 }; /* with --json alone */

/* ---- a model with its data ---- */
static enum sk_code read_words(const struct sk_eval_args *a, struct sk_recipe_data *data, enum sk_split *split,
                               struct sk_err *err)
{
    if (a->tta && strcmp(a->tta, "flip") != 0)
        return sk_fail(err, SK_USAGE, "--tta: expected flip, got '%s'", a->tta);
    *split = a->split && strcmp(a->split, "train") == 0 ? SK_TRAIN : SK_VAL;
    if (a->split && strcmp(a->split, "train") != 0 && strcmp(a->split, "val") != 0)
        return sk_fail(err, SK_USAGE, "--split: expected train or val, got '%s'", a->split);
    if (*split == SK_TRAIN && data->val_limit == 0) /* else what was asked for by --set */
        data->val_limit = data->train_limit;
    return SK_OK;
}

static enum sk_code match_classes(struct sk_eval_model *m, bool tell, struct sk_err *err)
{
    const struct sk_session *s = &m->session;
    enum sk_code code = sk_dataset_match(m->ds, (const char *const *)s->class_name, s->classes, tell, err);
    if (code != SK_OK)
        sk_err_prefix(err, "'%s'", s->path);
    return code;
}

enum sk_code sk_eval_model_open(struct sk_eval_model *m, const char *path, const struct sk_eval_args *a, bool tell,
                                struct sk_err *err)
{
    struct sk_session_options o = {.recipe = a->recipe, .set = a->set.item, .cancel = &sk_cancel};
    struct sk_recipe *recipe = &m->session.recipe;
    enum sk_split split;
    enum sk_code code = sk_session_open(&m->session, path, &o, err);
    if (code == SK_OK)
        code = sk_cli_set_data(recipe, a->data, err);
    if (code == SK_OK)
        code = read_words(a, &recipe->data, &split, err);
    if (code == SK_OK)
        code = sk_dataset_open(&m->ds, &recipe->data, recipe->train.seed, split, err);
    return code == SK_OK ? match_classes(m, tell, err) : code;
}

void sk_eval_model_close(struct sk_eval_model *m)
{
    sk_evaluation_release(&m->e);
    sk_dataset_close(m->ds);
    sk_session_close(&m->session);
    m->ds = NULL;
}

/* ---- its evaluation ---- */
struct watch {
    double since;
    sk_eval_sample *sample;
    void *ctx;
};

static void on_progress(void *ctx, int64_t done, int64_t all)
{
    const struct watch *w = ctx;
    sk_progress("Evaluation", done, all, "%lld/%lld  %.0f img/s", (long long)done, (long long)all,
                (double)done / (sk_now() - w->since));
}

static enum sk_code on_sample(void *ctx, const struct sk_scored *s, struct sk_err *err)
{
    const struct watch *w = ctx;
    return w->sample ? w->sample(w->ctx, s, err) : SK_OK;
}

/* No figures from a network that gives none: the same for text and JSON. */
static enum sk_code check_loss(const struct sk_eval_model *m, struct sk_err *err)
{
    double loss = sk_metrics_loss(&m->e.all);
    if (isfinite(loss))
        return SK_OK;
    return sk_fail(err, SK_INPUT, "the loss of '%s' is %s: its weights or the pictures hold too much", m->session.path,
                   isnan(loss) ? "nan" : "infinite");
}

/* The figures are complete without it. */
static void measure_latency(struct sk_eval_model *m)
{
    struct sk_err why = {0};
    enum sk_code code =
        sk_latency_measure(m->session.net, m->ds, &m->session.recipe, &sk_cancel, &m->e.latency, &why);
    if (code == SK_OK)
        return;
    m->e.latency = (struct sk_latency){0};
    if (code != SK_CANCELLED)
        sk_notice("the inference time could not be measured: %s", why.text);
}

enum sk_code sk_eval_model_run(struct sk_eval_model *m, const struct sk_eval_args *a, sk_eval_sample *sample, void *ctx,
                               struct sk_err *err)
{
    struct watch w = {sk_now(), sample, ctx};
    m->flip = a->tta != NULL;
    struct sk_eval_options o = {.flip = a->tta != NULL,
                                .scores = true,
                                .mistakes = a->mistakes > 0 ? (int)a->mistakes
                                            : a->json       ? JSON_MISTAKES
                                                            : 0,
                                .cancel = &sk_cancel,
                                .ctx = &w,
                                .progress = on_progress,
                                .sample = on_sample};
    const struct sk_recipe *recipe = &m->session.recipe;
    enum sk_code code = sk_evaluate(m->session.net, m->ds, recipe, &o, &m->e, err);
    sk_progress_clear();
    if (code == SK_INPUT)
        sk_err_prefix(err, "'%s'", m->session.path);
    if (code == SK_OK)
        code = check_loss(m, err);
    if (code == SK_OK)
        measure_latency(m);
    return code;
}

json_t *sk_eval_model_json(const struct sk_eval_model *m)
{
    json_t *found = sk_evaluation_json(&m->e, (const char *const *)m->session.class_name, m->ds);
    json_t *root =
        found ? json_pack("{s:o, s:I}", "model", sk_json_text(m->session.path), "step", (json_int_t)m->session.step) : NULL;
    if (root && json_object_update(root, found) != 0) {
        json_decref(root);
        root = NULL;
    }
    json_decref(found);
    if (root && m->flip)
        json_object_set_new(root, "tta", json_string("flip"));
    return root;
}

static enum sk_code check_confusion(const struct sk_eval_model *m, const struct sk_eval_args *a, struct sk_err *err)
{
    if (!a->confusion || m->session.classes <= SK_SCORES_MATRIX_CLASSES)
        return SK_OK;
    return sk_fail(err, SK_UNSUPPORTED, "--confusion: no matrix is made of more than %d classes, the network has %d",
                   SK_SCORES_MATRIX_CLASSES, m->session.classes);
}

static enum sk_code eval_one(const char *path, const struct sk_eval_args *a, struct sk_err *err)
{
    struct sk_eval_csv csv = {0};
    struct sk_eval_model *m = sk_alloc(1, sizeof(*m), err); /* too large for a stack */
    if (!m)
        return SK_NOMEM;
    enum sk_code code = sk_file_writable(a->predictions, err);
    if (code == SK_OK)
        code = sk_eval_model_open(m, path, a, true, err);
    if (code == SK_OK)
        code = check_confusion(m, a, err);
    if (code == SK_OK && a->predictions)
        code = sk_eval_csv_open(&csv, a->predictions, m, err);
    if (code == SK_OK)
        code = sk_eval_model_run(m, a, a->predictions ? sk_eval_csv_add : NULL, &csv, err);
    if (code == SK_OK && a->predictions)
        code = sk_eval_csv_close(&csv, err);
    if (code == SK_OK)
        code = a->json ? sk_print_json(sk_eval_model_json(m), "the results", err) : sk_eval_print(m, a, err);
    sk_eval_csv_drop(&csv);
    sk_eval_model_close(m);
    sk_free(m);
    return code;
}

/* ---- the command ---- */
/* Options that show or write what one model alone has. */
static enum sk_code check_pair(const struct sk_eval_args *a, struct sk_err *err)
{
    const char *of_one = a->predictions    ? "--predictions"
                         : a->confusion    ? "--confusion"
                         : a->calibration  ? "--calibration"
                         : a->mistakes > 0 ? "--mistakes"
                                           : NULL;
    return of_one ? sk_fail(err, SK_USAGE, "%s is for one model: evaluate them one after the other", of_one) : SK_OK;
}

static enum sk_code run_eval(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct sk_eval_args *a = args;
    sk_progress_quiet(a->quiet || a->json);
    if (words->count == 1)
        return eval_one(words->item[0], a, err);
    enum sk_code code = check_pair(a, err);
    return code == SK_OK ? sk_eval_pair(words->item[0], words->item[1], a, err) : code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct sk_eval_args, data, "the data (that of the training)"),
    SK_OPTION("split", "SPLIT", SK_OPTION_TEXT, struct sk_eval_args, split, "val (default) or train"),
    SK_OPTION("tta", "flip", SK_OPTION_TEXT, struct sk_eval_args, tta,
              "flip: mean probabilities of each picture and its mirror image"),
    SK_OPTION("per-class", NULL, SK_OPTION_FLAG, struct sk_eval_args, per_class,
              "precision, recall and F1 of each class"),
    SK_OPTION("confusion", NULL, SK_OPTION_FLAG, struct sk_eval_args, confusion,
              "the confusion matrix; with many classes the most confused pairs"),
    SK_OPTION("calibration", NULL, SK_OPTION_FLAG, struct sk_eval_args, calibration,
              "accuracy by confidence, and the temperature that fits best"),
    SK_OPTION_NUMBER("mistakes", "N", struct sk_eval_args, mistakes, "the N most confident mistakes", 1,
                     SK_SCORES_MISTAKES_MAX),
    SK_OPTION("predictions", "FILE.csv", SK_OPTION_TEXT, struct sk_eval_args, predictions,
              "writes a row for each picture"),
    SK_OPTION("recipe", "RECIPE", SK_OPTION_TEXT, struct sk_eval_args, recipe, "for weights that carry no recipe"),
    SK_OPTION_SET(struct sk_eval_args),
    SK_OPTION_JSON(struct sk_eval_args),
    SK_OPTION_QUIET(struct sk_eval_args),
};

const struct sk_command sk_cmd_eval = {
    .name = "eval",
    .words = "MODEL [MODEL]",
    .help = "loss, accuracy, F1, calibration and inference time; of two models side by side",
    .words_min = 1,
    .words_max = 2,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct sk_eval_args),
    .run = run_eval,
};

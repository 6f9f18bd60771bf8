/* skua eval: loss, top-1, top-5 and accuracy of each class on a data set. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "train/train.h"

struct eval_args {
    struct sk_words set;
    const char *data, *recipe, *split, *tta;
    bool json, quiet;
};
enum { CLASS_ROWS = 40 }; /* more classes than these are shown by --json only */

static void on_progress(void *ctx, int64_t done, int64_t all)
{
    const double *since = ctx;
    sk_progress("Evaluation", done, all, "%lld/%lld  %.0f img/s", (long long)done, (long long)all,
                (double)done / (sk_now() - *since));
}

static double rate(const struct sk_evaluation *e)
{
    return e->seconds > 0 ? (double)e->all.count / e->seconds : 0;
}

static double class_accuracy(const struct sk_evaluation *e, int c)
{
    return e->class_count[c] > 0 ? (double)e->class_correct[c] / (double)e->class_count[c] : 0;
}

static enum sk_code print_classes(const struct sk_session *s, const struct sk_evaluation *e, struct sk_err *err)
{
    struct sk_table t = {.align = "lrrl"};
    char name[64], number[32];
    sk_table_cell(&t, "class");
    sk_table_cell(&t, "pictures");
    sk_table_cell(&t, "accuracy");
    sk_table_cell(&t, "%s", "");
    for (int c = 0; c < e->classes; c++) {
        struct sk_str bar = {0};
        if (sk_bar(&bar, class_accuracy(e, c), 20, err) != SK_OK)
            t.failed = true;
        sk_table_cell(&t, "%s", sk_printable(name, sizeof(name), s->class_name[c]));
        sk_table_cell(&t, "%s", sk_thousands(e->class_count[c], number));
        sk_table_cell(&t, "%.2f%%", 100 * class_accuracy(e, c));
        sk_table_cell(&t, "%s", bar.text ? bar.text : "");
        sk_str_release(&bar);
    }
    return sk_table_print(&t, err);
}

static enum sk_code print_text(const struct sk_session *s, const struct sk_evaluation *e, struct sk_err *err)
{
    char count[32];
    sk_print("Loss: %.4f, Accuracy: %.2f%%, Top-5: %.2f%%, %s pictures, %.0f img/s\n", sk_metrics_loss(&e->all),
             100 * sk_metrics_top1(&e->all), 100 * sk_metrics_top5(&e->all), sk_thousands(e->all.count, count),
             rate(e));
    if (e->classes > CLASS_ROWS)
        return SK_OK;
    sk_print("\n");
    return print_classes(s, e, err);
}

static enum sk_code print_json(const struct sk_session *s, const struct sk_evaluation *e, struct sk_err *err)
{
    json_t *classes = json_array();
    for (int c = 0; c < e->classes; c++)
        json_array_append_new(classes, json_pack("{s:s, s:I, s:I, s:f}", "name", s->class_name[c], "count",
                                                 (json_int_t)e->class_count[c], "correct",
                                                 (json_int_t)e->class_correct[c], "accuracy", class_accuracy(e, c)));
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o}", "model", s->path, "step", (json_int_t)s->step,
                  "count", (json_int_t)e->all.count, "loss", sk_metrics_loss(&e->all), "top1", sk_metrics_top1(&e->all),
                  "top5", sk_metrics_top5(&e->all), "seconds", e->seconds, "images_per_s", rate(e), "classes", classes);
    return sk_print_json(object, "the results", err);
}

/* No figures from a network that gives none: the same for text and JSON. */
static enum sk_code check_loss(const struct sk_session *s, const struct sk_evaluation *e, struct sk_err *err)
{
    double loss = sk_metrics_loss(&e->all);
    if (isfinite(loss))
        return SK_OK;
    return sk_fail(err, SK_INPUT, "the loss of '%s' is %s: its weights or the pictures hold nan, infinity or too much",
                   s->path, isnan(loss) ? "nan" : "infinite");
}

static enum sk_code parse_words(const struct eval_args *a, struct sk_session *s, enum sk_split *split,
                                struct sk_err *err)
{
    if (a->tta && strcmp(a->tta, "flip") != 0)
        return sk_fail(err, SK_USAGE, "--tta: expected flip, got '%s'", a->tta);
    *split = a->split && strcmp(a->split, "train") == 0 ? SK_TRAIN : SK_VAL;
    if (a->split && strcmp(a->split, "train") != 0 && strcmp(a->split, "val") != 0)
        return sk_fail(err, SK_USAGE, "--split: expected train or val, got '%s'", a->split);
    if (*split == SK_TRAIN)
        s->recipe.data.val_limit = s->recipe.data.train_limit;
    return SK_OK;
}

static enum sk_code evaluate(struct sk_session *s, const struct eval_args *a, struct sk_err *err)
{
    struct sk_dataset *ds = NULL;
    struct sk_evaluation e = {0};
    enum sk_split split;
    double since = sk_now();
    enum sk_code code = sk_cli_set_data(&s->recipe, a->data, err);
    if (code == SK_OK)
        code = parse_words(a, s, &split, err);
    if (code == SK_OK)
        code = sk_dataset_open(&ds, &s->recipe.data, s->recipe.train.seed, split, err);
    if (code == SK_OK)
        code = sk_evaluate(s->net, ds, &s->recipe, a->tta != NULL, &sk_cancel, on_progress, &since, &e, err);
    sk_progress_clear();
    if (code == SK_OK)
        code = check_loss(s, &e, err);
    if (code == SK_OK)
        code = a->json ? print_json(s, &e, err) : print_text(s, &e, err);
    sk_evaluation_release(&e);
    sk_dataset_close(ds);
    return code;
}

static enum sk_code run_eval(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct eval_args *a = args;
    struct sk_session *s = sk_alloc(1, sizeof(*s), err);
    if (!s)
        return SK_NOMEM;
    sk_progress_quiet(a->quiet || a->json);
    struct sk_session_options o = {.recipe = a->recipe, .set = a->set.item, .cancel = &sk_cancel};
    enum sk_code code = sk_session_open(s, words->item[0], &o, err);
    if (code == SK_OK)
        code = evaluate(s, a, err);
    sk_session_close(s);
    sk_free(s);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct eval_args, data, "the data (that of the training)"),
    SK_OPTION("split", "SPLIT", SK_OPTION_TEXT, struct eval_args, split, "val (default) or train"),
    SK_OPTION("tta", "flip", SK_OPTION_TEXT, struct eval_args, tta,
              "flip: mean probabilities of each picture and its mirror image"),
    SK_OPTION("recipe", "RECIPE", SK_OPTION_TEXT, struct eval_args, recipe, "for weights that carry no recipe"),
    SK_OPTION_SET(struct eval_args),
    SK_OPTION_JSON(struct eval_args),
    SK_OPTION_QUIET(struct eval_args),
};

const struct sk_command sk_cmd_eval = {
    .name = "eval",
    .words = "MODEL",
    .help = "loss, top-1, top-5 and accuracy of each class",
    .words_min = 1,
    .words_max = 1,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct eval_args),
    .run = run_eval,
};

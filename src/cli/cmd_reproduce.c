/* skua reproduce: a recipe by its task, and whether it reached what it expects. */
#include "cli/cli.h"
#include "cli/profile_view.h"
#include "cli/sweep.h"
#include "cli/train_view.h"

struct reproduce_args {
    struct sk_words set;
    const char *data, *out, *svg;
    bool json, quiet;
};

/* Whether overridden keys make less of the training than the recipe's own is, which is what its expectation is for; not
 * where that was overridden too. */
static bool is_shortened(const struct sk_recipe *r, const struct sk_recipe *own)
{
    const struct sk_recipe_train *t = &r->train, *of = &own->train;
    const struct sk_recipe_data *d = &r->data, *data = &own->data;
    if (r->expect.accuracy != own->expect.accuracy)
        return false;
    return t->epochs < of->epochs || (t->max_steps > 0 && (of->max_steps == 0 || t->max_steps < of->max_steps)) ||
           (d->train_limit > 0 && (data->train_limit == 0 || d->train_limit < data->train_limit)) ||
           d->train_fraction < data->train_fraction;
}

static enum sk_code drop_expectation(struct sk_recipe *r, const char *name, struct sk_err *err)
{
    struct sk_recipe *own = sk_alloc(1, sizeof(*own), err);
    enum sk_code code = own ? sk_recipe_load(own, name, err) : SK_NOMEM;
    if (code == SK_OK && r->expect.accuracy >= 0 && is_shortened(r, own)) {
        sk_notice("the training is shorter than that of the recipe '%s': the accuracy that it expects does not count",
                  r->name);
        r->expect.accuracy = -1;
    }
    sk_free(own);
    return code;
}

/* MISSED where the accuracy is below what the recipe expects; -1: there is none. */
static enum sk_code judge(const struct sk_recipe *r, double accuracy, struct sk_err *err)
{
    double least = r->expect.accuracy - r->expect.tolerance;
    if (r->expect.accuracy < 0 || accuracy >= least)
        return SK_OK;
    if (accuracy < 0)
        return sk_fail(err, SK_MISSED, "the recipe '%s' expects an accuracy of %.2f%%, but nothing was validated",
                       r->name, 100 * r->expect.accuracy);
    return sk_fail(err, SK_MISSED, "the recipe '%s' expects an accuracy of %.2f%% (tolerance %.2f%%), it reached %.2f%%",
                   r->name, 100 * r->expect.accuracy, 100 * r->expect.tolerance, 100 * accuracy);
}

static enum sk_code train(const struct sk_recipe *r, const struct reproduce_args *a, struct sk_err *err)
{
    char out[SK_PATH];
    struct sk_train_view view = {.json = a->json, .quiet = a->quiet, .batches = true, .judged = true};
    enum sk_code code =
        a->out ? sk_format(out, sizeof(out), "--out", err, "%s", a->out) : sk_cli_default_run(out, r, err);
    view.run = out;
    if (code == SK_OK)
        code = sk_cli_train(r, false, &view, err);
    return code == SK_OK ? judge(r, view.accuracy, err) : code;
}

static enum sk_code do_task(const struct sk_recipe *r, const struct reproduce_args *a, struct sk_err *err)
{
    switch (r->task) {
    case SK_TASK_TRAIN:
        return train(r, a, err);
    case SK_TASK_PROFILE:
        return sk_cli_profile(r, &(struct sk_profile_show){.svg = a->svg, .json = a->json}, err);
    case SK_TASK_SWEEP:
        break;
    }
    return sk_cli_sweep(r, a->out, &(struct sk_sweep_show){.svg = a->svg, .json = a->json}, a->quiet, err);
}

static enum sk_code run_reproduce(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct reproduce_args *a = args;
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    if (!r)
        return SK_NOMEM;
    sk_progress_quiet(a->quiet || a->json);
    enum sk_code code = sk_cli_recipe(r, words->item[0], a->data, &a->set, err);
    if (code == SK_OK && r->task == SK_TASK_TRAIN && a->svg)
        code = sk_fail(err, SK_USAGE, "--svg is for sweeps and recipes that measure several numbers of workers");
    if (code == SK_OK && r->task == SK_TASK_PROFILE && a->out)
        code = sk_fail(err, SK_USAGE, "--out is for recipes that train");
    if (code == SK_OK && r->task == SK_TASK_TRAIN)
        code = drop_expectation(r, words->item[0], err);
    if (code == SK_OK)
        code = do_task(r, a, err);
    sk_free(r);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct reproduce_args, data, "the data"),
    SK_OPTION_SET(struct reproduce_args),
    SK_OPTION("out", "RUN", SK_OPTION_TEXT, struct reproduce_args, out,
              "of recipes that train or sweep: folder of the run or runs (runs/NAME-DATE-TIME)"),
    SK_OPTION("svg", "FILE", SK_OPTION_TEXT, struct reproduce_args, svg, "of sweeps: a chart"),
    SK_OPTION_JSON(struct reproduce_args),
    SK_OPTION_QUIET(struct reproduce_args),
};

const struct sk_command sk_cmd_reproduce = {
    .name = "reproduce",
    .words = "RECIPE",
    .help = "does what a recipe is for; status 1 where it misses what it expects",
    .words_min = 1,
    .words_max = 1,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct reproduce_args),
    .run = run_reproduce,
};

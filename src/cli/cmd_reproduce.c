/* skua reproduce: a recipe by its task, and whether it reached what it expects. */
#include "cli/cli.h"
#include "cli/profile_view.h"
#include "cli/sweep.h"
#include "cli/train_view.h"
#include "exec/exec.h"

struct reproduce_args {
    struct sk_words set;
    const char *data, *out, *svg;
    bool json, quiet;
};

static void tell_unjudged(const struct sk_recipe *r)
{
    if (r->task != SK_TASK_TRAIN && r->expect.accuracy >= 0)
        sk_notice("expect.accuracy is for task: train; this is not judged by it");
}

/* ---- the verdict ---- */
struct verdict {
    const struct sk_recipe *recipe;
    double accuracy, best, seconds; /* accuracy of the last epoch, -1: not known */
    uint32_t epochs;
    bool expects, reached, lacks; /* lacks: the log lacks the last epoch, else nothing was validated */
};

/* The log also knows the accuracy of a run that had ended before, where its last epoch can be read. */
static void find_accuracy(struct verdict *v, const struct sk_train_view *view)
{
    struct sk_run_log log = {0};
    if (view->accuracy >= 0)
        return;
    bool read = sk_run_log_read(&log, view->run, NULL) == SK_OK;
    const struct sk_logged_epoch *last = read && log.epochs > 0 ? &log.epoch[log.epochs - 1] : NULL;
    v->lacks = view->at.reported > 0 && (!last || last->step < view->at.reported);
    if (last && !v->lacks && last->val_top1 >= 0)
        v->accuracy = last->val_top1;
    sk_run_log_release(&log);
}

static struct verdict verdict_of(const struct sk_recipe *r, const struct sk_train_view *view)
{
    struct verdict v = {r, view->accuracy, view->at.best, view->at.seconds, view->at.epoch, false, false, false};
    find_accuracy(&v, view);
    v.expects = r->expect.accuracy >= 0;
    v.reached = v.accuracy >= 0 && sk_recipe_reached(&r->expect, v.accuracy);
    return v;
}

static const char *why_unknown(const struct verdict *v)
{
    return v->lacks ? "its log lacks the last epoch" : "nothing was validated";
}

static void print_verdict(const struct verdict *v, const struct sk_machine *m, const char *backends)
{
    const struct sk_recipe_expect *e = &v->recipe->expect;
    char time[32];
    if (v->accuracy < 0)
        sk_print("Accuracy not known (%s)", why_unknown(v));
    else
        sk_print("Accuracy %.2f%% (best %.2f%%)", 100 * v->accuracy, 100 * v->best);
    if (v->expects)
        sk_print(", expected %.2f%% (tolerance %.2f%%): %s\n", 100 * e->accuracy, 100 * e->tolerance,
                 v->reached ? "reached" : "not reached");
    else
        sk_print(", nothing expected\n");
    sk_print("%u epoch%s in %s, seed %lld; skua %s on %s\n%s", v->epochs, v->epochs == 1 ? "" : "s",
             sk_time_text(v->seconds, time), (long long)v->recipe->train.seed, SKUA_VERSION, m->cpu, backends);
}

static json_t *share(double value)
{
    return value >= 0 ? json_real(value) : json_null();
}

static enum sk_code print_verdict_json(const struct verdict *v, const struct sk_machine *m, const char *backends,
                                       struct sk_err *err)
{
    const struct sk_recipe_expect *e = &v->recipe->expect;
    json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:f, s:i, s:f, s:I, s:s, s:s, s:s}", "event", "verdict",
                          "recipe", sk_json_text(v->recipe->name), "reached",
                          v->expects ? json_boolean(v->reached) : json_null(), "accuracy", share(v->accuracy), "best",
                          share(v->best), "expected", share(e->accuracy), "tolerance", e->tolerance, "epochs",
                          (int)v->epochs, "seconds", v->seconds, "seed", (json_int_t)v->recipe->train.seed, "version",
                          SKUA_VERSION, "processor", m->cpu, "backends", backends);
    return sk_print_json(o, "the verdict", err);
}

static enum sk_code show_verdict(const struct verdict *v, bool json, struct sk_err *err)
{
    struct sk_machine m;
    struct sk_str backends = {0};
    sk_machine_read(&m);
    enum sk_code code = sk_engine_describe(&backends, err);
    if (code == SK_OK && json)
        code = print_verdict_json(v, &m, backends.text, err);
    else if (code == SK_OK)
        print_verdict(v, &m, backends.text);
    sk_str_release(&backends);
    return code;
}

/* MISSED where the accuracy is below what the recipe expects. */
static enum sk_code judge(const struct verdict *v, struct sk_err *err)
{
    const struct sk_recipe_expect *e = &v->recipe->expect;
    if (!v->expects || v->reached)
        return SK_OK;
    if (v->accuracy < 0)
        return sk_fail(err, SK_MISSED, "the recipe '%s' expects an accuracy of %.2f%%, but %s",
                       v->recipe->name, 100 * e->accuracy, why_unknown(v));
    return sk_fail(err, SK_MISSED, "the recipe '%s' expects an accuracy of %.2f%% (tolerance %.2f%%), it reached %.2f%%",
                   v->recipe->name, 100 * e->accuracy, 100 * e->tolerance, 100 * v->accuracy);
}

/* ---- the tasks ---- */
/* A run in --out is gone on with. */
static bool is_run(const char *dir)
{
    char path[SK_PATH];
    return sk_path_join(path, NULL, dir, "recipe.yaml") == SK_OK && sk_is_file(path);
}

static enum sk_code train(const struct sk_recipe *r, const struct reproduce_args *a, struct sk_err *err)
{
    char out[SK_PATH];
    struct sk_train_view view = {.json = a->json, .quiet = a->quiet, .batches = true, .judged = true};
    enum sk_code code =
        a->out ? sk_format(out, sizeof(out), "--out", err, "%s", a->out) : sk_cli_default_run(out, r, err);
    view.run = out;
    if (code == SK_OK)
        code = sk_cli_train(r, is_run(out), &view, err);
    struct verdict v = verdict_of(r, &view);
    if (code == SK_OK)
        code = show_verdict(&v, a->json, err);
    return code == SK_OK ? judge(&v, err) : code;
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
        code = sk_fail(err, SK_USAGE, "--out is for recipes that train and for sweeps");
    if (code == SK_OK && r->task == SK_TASK_TRAIN)
        code = sk_cli_expectation(r, words->item[0], &a->set, err);
    if (code == SK_OK)
        tell_unjudged(r);
    if (code == SK_OK)
        code = do_task(r, a, err);
    sk_free(r);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct reproduce_args, data, "the data"),
    SK_OPTION_SET(struct reproduce_args),
    SK_OPTION("out", "RUN", SK_OPTION_TEXT, struct reproduce_args, out,
              "of recipes that train or sweep: folder of the run or runs (runs/NAME-DATE-TIME); one there goes on"),
    SK_OPTION("svg", "FILE", SK_OPTION_TEXT, struct reproduce_args, svg, "a chart of a sweep or of numbers of workers"),
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

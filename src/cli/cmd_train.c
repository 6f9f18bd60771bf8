/* skua train: a recipe into a run directory, or one taken up again. */
#include <string.h>

#include "cli/cli.h"
#include "cli/train_view.h"

struct train_args {
    struct sk_words set;
    const char *data, *out;
    bool resume, json, quiet;
};

enum sk_code sk_cli_default_run(char out[SK_PATH], const struct sk_recipe *r, struct sk_err *err)
{
    char stamp[32];
    sk_time_stamp(stamp);
    enum sk_code code = sk_format(out, SK_PATH, "the path of the run", err, "runs/%s-%s", r->name, stamp);
    for (int i = 2; code == SK_OK && i < 100 && sk_is_dir(out); i++)
        code = sk_format(out, SK_PATH, "the path of the run", err, "runs/%s-%s-%d", r->name, stamp, i);
    return code;
}

/* With --resume alone, the recipe is that of the run. */
static enum sk_code get_recipe(struct sk_recipe *r, const struct train_args *a, const char *name, struct sk_err *err)
{
    char path[SK_PATH];
    if (a->resume && !a->out)
        return sk_fail(err, SK_USAGE, "--resume needs the run: --resume --out RUN");
    if (name || !a->resume)
        return sk_cli_recipe(r, name, a->data, &a->set, err);
    enum sk_code code = sk_path_join(path, err, a->out, "recipe.yaml");
    if (code == SK_OK && !sk_is_file(path))
        return sk_fail(err, SK_INPUT,
                       "'%s' holds no run to resume: there is no recipe.yaml, give a recipe to begin one", a->out);
    return code == SK_OK ? sk_cli_recipe(r, path, a->data, &a->set, err) : code;
}

static void print_end_json(const struct sk_train_view *v, const struct sk_position *at, const char *status)
{
    const struct sk_latency *l = &v->latency;
    sk_print("{\"event\":\"end\",\"status\":\"%s\",\"step\":%lld,\"epochs_done\":%u,\"best\":%.9g", status,
             (long long)at->step, at->epoch, at->best);
    if (l->samples > 0)
        sk_print(",\"latency\":{\"samples\":%d,\"mean\":%.9g,\"median\":%.9g,\"p90\":%.9g,\"p99\":%.9g}", l->samples,
                 l->mean, l->median, l->p90, l->p99);
    sk_print("}\n");
}

/* The expectation is for the last epoch, which need not be the best. */
static void tell_accuracy(const struct sk_train_view *v, const struct sk_position *at)
{
    char last[48] = "", run[SK_PATH];
    if (v->accuracy >= 0 && v->accuracy < at->best)
        snprintf(last, sizeof(last), " (%.2f%% in the last epoch)", 100 * v->accuracy);
    sk_tell("best accuracy %.2f%%%s; try: skua eval %s", 100 * at->best, last,
            sk_shell_word(run, sizeof(run), v->run));
}

static void print_end(const struct sk_train_view *v, const struct sk_recipe *r, const struct sk_position *at,
                      const char *status)
{
    if (v->json)
        print_end_json(v, at, status);
    else if (!v->quiet && at->best >= 0)
        tell_accuracy(v, at);
    sk_train_view_damaged(v);
    bool ended = strcmp(status, "done") == 0;
    if (ended && r->expect.accuracy >= 0 && v->accuracy >= 0 && !v->quiet && !v->judged)
        sk_tell("expected accuracy %.2f%% (tolerance %.2f%%): %s", 100 * r->expect.accuracy, 100 * r->expect.tolerance,
                sk_recipe_reached(&r->expect, v->accuracy) ? "reached" : "not reached");
}

enum sk_code sk_cli_train(const struct sk_recipe *r, bool resume, struct sk_train_view *view, struct sk_err *err)
{
    struct sk_position at = {0};
    struct sk_train_options o = {
        .recipe = r, .out = view->run, .resume = resume, .cancel = &sk_cancel, .events = sk_train_view_events(view)};
    sk_progress_quiet(view->quiet || view->json);
    if (!resume)
        sk_recipe_tell_unused(r);
    enum sk_code code = sk_train(&o, &at, err);
    sk_terminal_saving(false);
    sk_progress_clear();
    bool stopped = code == SK_CANCELLED && view->begun;
    if (code == SK_OK || stopped)
        print_end(view, r, &at, code == SK_OK ? "done" : "stopped");
    if (stopped) {
        char again[SK_PATH], recipe[SK_PATH], command[SK_PATH + 32] = "train --resume";
        sk_err_clear(err);
        if (view->judged && sk_path_join(recipe, NULL, view->run, "recipe.yaml") == SK_OK)
            snprintf(command, sizeof(command), "reproduce %s", sk_shell_word(again, sizeof(again), recipe));
        sk_fail(err, code, "stopped after step %lld (epoch %u), which is saved; to go on: skua %s --out %s",
                (long long)at.step, at.epoch + 1, command, sk_shell_word(again, sizeof(again), view->run));
    }
    view->at = at;
    return code;
}

static enum sk_code run_train(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct train_args *a = args;
    char out[SK_PATH];
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    if (!r)
        return SK_NOMEM;
    const char *name = words->count ? words->item[0] : NULL;
    enum sk_code code = get_recipe(r, a, name, err);
    if (code == SK_OK)
        code = sk_cli_expectation(r, name, &a->set, err);
    if (code == SK_OK && r->task == SK_TASK_SWEEP)
        sk_notice("the recipe '%s' is a sweep: skua sweep trains its settings, this is the recipe as it stands",
                  r->name);
    if (code == SK_OK)
        code = a->out ? sk_format(out, sizeof(out), "--out", err, "%s", a->out) : sk_cli_default_run(out, r, err);
    struct sk_train_view view = {.json = a->json, .quiet = a->quiet, .run = out};
    view.by_default = words->count == 0 && !a->resume;
    if (code == SK_OK)
        code = sk_cli_train(r, a->resume, &view, err);
    sk_free(r);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct train_args, data,
              "the data; without a recipe a default one is made for it"),
    SK_OPTION_SET(struct train_args),
    SK_OPTION("out", "RUN", SK_OPTION_TEXT, struct train_args, out, "run directory (runs/NAME-DATE-TIME)"),
    SK_OPTION("resume", NULL, SK_OPTION_FLAG, struct train_args, resume,
              "go on where the run stands; its recipe may be left out"),
    SK_OPTION_JSON(struct train_args),
    SK_OPTION_QUIET(struct train_args),
};

const struct sk_command sk_cmd_train = {
    .name = "train",
    .words = "[RECIPE]",
    .help = "trains a network by a recipe, or on --data DIR by a default one",
    .words_max = 1,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct train_args),
    .run = run_train,
};

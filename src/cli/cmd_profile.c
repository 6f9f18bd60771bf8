/* skua profile: where the time of a recipe's training goes, and how many workers it wants. */
#include "cli/profile_view.h"

struct profile_args {
    struct sk_words set;
    const char *data, *workers, *trace, *html, *svg;
    int64_t steps, epochs, trace_steps;
    bool load_only, cost, json, quiet;
};
enum { STEPS_MAX = 1000000, EPOCHS_MAX = 1000, TRACE_STEPS_MAX = 1000 };

/* Options are the recipe's keys of the same meaning. */
static enum sk_code apply(struct sk_recipe_profile *p, const struct profile_args *a, struct sk_err *err)
{
    if (a->epochs > 0 && a->steps > 0)
        return sk_fail(err, SK_USAGE, "--epochs and --steps exclude each other");
    if (!a->trace && a->trace_steps > 0)
        return sk_fail(err, SK_USAGE, "--trace-steps needs --trace FILE");
    if (a->load_only && !a->workers && !p->workers[0])
        return sk_fail(err, SK_USAGE, "--load-only needs numbers of workers: --workers 0,1,2,4");
    if (a->steps > 0)
        *p = (struct sk_recipe_profile){.steps = a->steps, .epochs = 1, .network = p->network};
    if (a->epochs > 0)
        *p = (struct sk_recipe_profile){.epochs = (int)a->epochs, .network = p->network};
    if (a->load_only)
        p->network = false;
    return a->workers ? sk_format(p->workers, sizeof(p->workers), "--workers", err, "%s", a->workers) : SK_OK;
}

static enum sk_code run_profile(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct profile_args *a = args;
    struct sk_profile_show show = {.trace = a->trace,
                                   .html = a->html,
                                   .svg = a->svg,
                                   .trace_steps = a->trace_steps > 0 ? a->trace_steps : 0,
                                   .cost = a->cost,
                                   .json = a->json};
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    if (!r)
        return SK_NOMEM;
    sk_progress_quiet(a->quiet || a->json);
    enum sk_code code = sk_cli_recipe(r, words->count ? words->item[0] : NULL, a->data, &a->set, err);
    if (code == SK_OK)
        code = apply(&r->profile, a, err);
    if (code == SK_OK)
        code = sk_recipe_check(r, err);
    if (code == SK_OK)
        code = sk_cli_profile(r, &show, err);
    sk_free(r);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct profile_args, data,
              "the data; without a recipe a default one is made for it"),
    SK_OPTION_SET(struct profile_args),
    SK_OPTION_NUMBER("steps", "N", struct profile_args, steps, "measured steps, after some to warm up (20)", 1,
                     STEPS_MAX),
    SK_OPTION_NUMBER("epochs", "N", struct profile_args, epochs, "whole epochs instead", 1, EPOCHS_MAX),
    SK_OPTION("workers", "LIST", SK_OPTION_TEXT, struct profile_args, workers,
              "as data.workers; several, as in 0,1,2,4, are set beside each other"),
    SK_OPTION("load-only", NULL, SK_OPTION_FLAG, struct profile_args, load_only,
              "with --workers: loading alone, without the network"),
    SK_OPTION("cost", NULL, SK_OPTION_FLAG, struct profile_args, cost,
              "instead, what the measuring itself costs: turns of --steps with and without it"),
    SK_OPTION("svg", "FILE", SK_OPTION_TEXT, struct profile_args, svg, "with several workers: a chart"),
    SK_OPTION("html", "FILE", SK_OPTION_TEXT, struct profile_args, html,
              "the tables (with several workers: and the chart) as a page"),
    SK_OPTION("trace", "FILE", SK_OPTION_TEXT, struct profile_args, trace,
              "a timeline for Perfetto or chrome://tracing; not with several workers"),
    SK_OPTION_NUMBER("trace-steps", "N", struct profile_args, trace_steps, "steps that the timeline shows (5)", 1,
                     TRACE_STEPS_MAX),
    SK_OPTION_JSON(struct profile_args),
    SK_OPTION_QUIET(struct profile_args),
};

const struct sk_command sk_cmd_profile = {
    .name = "profile",
    .words = "[RECIPE]",
    .help = "where the time of training goes, and how many workers it wants",
    .words_max = 1,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct profile_args),
    .run = run_profile,
};

/* skua profile: where the time of a recipe's training goes, and how many workers it wants. */
#include <string.h>

#include "cli/profile_view.h"

struct profile_args {
    struct sk_words set;
    const char *data, *workers, *trace, *html, *svg;
    int64_t steps, trace_steps;
    bool epoch, json, quiet;
};
enum { STEPS = 20, TRACE_STEPS = 5, WARM_UP = 3, STEPS_MAX = 1000000, TRACE_STEPS_MAX = 1000 };

static enum sk_code check(const struct profile_args *a, bool sweep, struct sk_err *err)
{
    if (a->epoch && a->steps > 0)
        return sk_fail(err, SK_USAGE, "--epoch and --steps exclude each other");
    if (sweep && (a->trace || a->html))
        return sk_fail(err, SK_USAGE, "--%s shows one number of workers, --workers names several",
                       a->trace ? "trace" : "html");
    if (!sweep && a->svg)
        return sk_fail(err, SK_USAGE, "--svg charts several numbers of workers: --workers 0,1,2,4");
    if (!a->trace && a->trace_steps > 0)
        return sk_fail(err, SK_USAGE, "--trace-steps needs --trace FILE");
    return SK_OK;
}

static void on_progress(void *ctx, int64_t done, int64_t all)
{
    (void)ctx;
    sk_progress("Profile", done, all, "%lld/%lld", (long long)done, (long long)all);
}

/* Writes what make says of the profile to a file. */
static enum sk_code write_text(const char *path, const struct sk_str *text, struct sk_err *err)
{
    enum sk_code code = sk_file_write(path, text->text, text->len, err);
    if (code == SK_OK)
        sk_tell("%s", path);
    return code;
}

static enum sk_code write_files(const struct profile_args *a, const struct sk_recipe *r, const struct sk_profile *p,
                                struct sk_err *err)
{
    struct sk_str trace = {0}, html = {0};
    enum sk_code code = SK_OK;
    if (a->trace)
        code = sk_profile_chrome(p, &trace, err);
    if (code == SK_OK && a->trace)
        code = write_text(a->trace, &trace, err);
    if (code == SK_OK && p->events_cut && a->trace)
        sk_tell("the trace holds the first %d events: fewer --trace-steps fit whole", SK_PROFILE_EVENTS);
    if (code == SK_OK && a->html)
        code = sk_profile_html(r, p, &html, err);
    if (code == SK_OK && a->html)
        code = write_text(a->html, &html, err);
    sk_str_release(&trace);
    sk_str_release(&html);
    return code;
}

static enum sk_code profile(const struct profile_args *a, const struct sk_recipe *r, struct sk_profiler *p, int workers,
                            struct sk_err *err)
{
    struct sk_profile out = {0};
    int64_t traced = a->trace_steps > 0 ? a->trace_steps : TRACE_STEPS;
    struct sk_profile_run run = {.workers = workers,
                                 .network = true,
                                 .warm_up = WARM_UP,
                                 .steps = a->epoch ? 0 : a->steps > 0 ? a->steps : STEPS,
                                 .trace_steps = a->trace ? traced : 0,
                                 .progress = on_progress};
    enum sk_code code = sk_profiler_run(p, &run, &out, err);
    sk_progress_clear();
    if (code == SK_OK)
        code = sk_profile_print(r, &out, a->json, err);
    if (code == SK_OK)
        code = write_files(a, r, &out, err);
    sk_profile_release(&out);
    return code;
}

static enum sk_code sweep(const struct profile_args *a, struct sk_sweep *s, struct sk_profiler *p, struct sk_err *err)
{
    struct sk_str svg = {0};
    enum sk_code code = sk_sweep_measure(s, p, a->epoch ? 0 : a->steps > 0 ? a->steps : STEPS, err);
    if (code == SK_OK)
        code = sk_sweep_print(s, a->json, err);
    if (code == SK_OK && a->svg)
        code = sk_sweep_svg(s, &svg, err);
    if (code == SK_OK && a->svg)
        code = write_text(a->svg, &svg, err);
    sk_str_release(&svg);
    return code;
}

static enum sk_code run_profile(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct profile_args *a = args;
    struct sk_sweep s = {0};
    struct sk_profiler *p = NULL;
    sk_progress_quiet(a->quiet || a->json);
    enum sk_code code = a->workers ? sk_sweep_parse(&s, a->workers, err) : SK_OK;
    if (code == SK_OK)
        code = check(a, s.rows > 1, err);
    struct sk_recipe *r = code == SK_OK ? sk_alloc(1, sizeof(*r), err) : NULL;
    if (!r)
        return code == SK_OK ? SK_NOMEM : code;
    code = sk_cli_recipe(r, words->count ? words->item[0] : NULL, a->data, &a->set, err);
    if (code == SK_OK)
        code = sk_profiler_open(&p, r, &sk_cancel, err);
    if (code == SK_OK)
        code = s.rows > 1 ? sweep(a, &s, p, err) : profile(a, r, p, s.rows ? s.workers[0] : r->data.workers, err);
    sk_profiler_close(p);
    sk_free(r);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct profile_args, data,
              "the data; without a recipe a default one is made for it"),
    SK_OPTION_SET(struct profile_args),
    SK_OPTION_NUMBER("steps", "N", struct profile_args, steps, "measured steps, after some to warm up (20)", 1,
                     STEPS_MAX),
    SK_OPTION("epoch", NULL, SK_OPTION_FLAG, struct profile_args, epoch, "a whole epoch instead"),
    SK_OPTION("workers", "LIST", SK_OPTION_TEXT, struct profile_args, workers,
              "as data.workers; several, as in 0,1,2,4, are set beside each other"),
    SK_OPTION("svg", "FILE", SK_OPTION_TEXT, struct profile_args, svg, "with several workers: a chart"),
    SK_OPTION("html", "FILE", SK_OPTION_TEXT, struct profile_args, html, "the tables as a page"),
    SK_OPTION("trace", "FILE", SK_OPTION_TEXT, struct profile_args, trace,
              "a timeline for Perfetto or chrome://tracing"),
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

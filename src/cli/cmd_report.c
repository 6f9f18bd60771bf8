/* skua report: runs as one page to look at. */
#include "cli/cli.h"
#include "report/report.h"

struct report_args {
    struct sk_words set;
    const char *data, *out;
    bool no_eval, quiet;
};

static void on_progress(void *ctx, int64_t done, int64_t all)
{
    (void)ctx;
    sk_progress("Evaluation", done, all, "%lld/%lld", (long long)done, (long long)all);
}

/* One run's page lies in it, that of several in the current folder. */
static enum sk_code choose_out(const struct sk_words *runs, const char *out, char path[SK_PATH], struct sk_err *err)
{
    if (out || runs->count > 1)
        return sk_format(path, SK_PATH, "--out", err, "%s", out ? out : "report.html");
    return sk_path_join(path, err, runs->item[0], "report.html");
}

static enum sk_code run_report(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct report_args *a = args;
    struct sk_report_options o = {.run = words->item,
                                  .runs = words->count,
                                  .data = a->data,
                                  .set = a->set.item,
                                  .evaluate = !a->no_eval,
                                  .cancel = &sk_cancel,
                                  .progress = on_progress};
    struct sk_page page = {0};
    char path[SK_PATH], bytes[32];
    sk_progress_quiet(a->quiet);
    enum sk_code code = choose_out(words, a->out, path, err);
    if (code == SK_OK && (a->out || words->count > 1 || sk_is_dir(words->item[0])))
        code = sk_file_writable(path, err);
    if (code == SK_OK)
        code = sk_report(&o, &page, err);
    sk_progress_clear();
    if (code == SK_OK)
        code = sk_page_write(&page, path, err);
    if (code == SK_OK)
        sk_print("%s  %s\n", path, sk_bytes_text((double)page.text.len, bytes));
    sk_page_release(&page);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct report_args, data,
              "where the data lies (where it lay in the training)"),
    SK_OPTION("out", "FILE", SK_OPTION_TEXT, struct report_args, out,
              "the page (RUN/report.html; of several runs report.html)"),
    SK_OPTION("no-eval", NULL, SK_OPTION_FLAG, struct report_args, no_eval,
              "without evaluating the models and without pictures"),
    SK_OPTION_SET(struct report_args),
    SK_OPTION_QUIET(struct report_args),
};

const struct sk_command sk_cmd_report = {
    .name = "report",
    .words = "RUN...",
    .help = "a run as one page, or several side by side",
    .words_min = 1,
    .words_max = SK_REPORT_RUNS,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct report_args),
    .run = run_report,
};

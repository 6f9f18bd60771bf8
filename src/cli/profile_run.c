/* A recipe's profile as skua profile and skua reproduce run it: some steps, whole epochs, or a sweep over workers. */
#include "cli/profile_view.h"

enum { WARM_UP = 3, TRACE_STEPS = 5 };

static void on_progress(void *ctx, int64_t done, int64_t all)
{
    (void)ctx;
    sk_progress("Profile", done, all, "%lld/%lld", (long long)done, (long long)all);
}

static enum sk_code write_text(const char *path, const struct sk_str *text, struct sk_err *err)
{
    enum sk_code code = sk_file_write(path, text->text, text->len, err);
    if (code == SK_OK)
        sk_tell("%s", path);
    return code;
}

static enum sk_code write_files(const struct sk_profile_show *show, const struct sk_recipe *r,
                                const struct sk_profile *p, struct sk_err *err)
{
    struct sk_str trace = {0};
    enum sk_code code = SK_OK;
    if (show->trace)
        code = sk_profile_chrome(p, &trace, err);
    if (code == SK_OK && show->trace)
        code = write_text(show->trace, &trace, err);
    if (code == SK_OK && p->events_cut && show->trace)
        sk_tell("the trace holds the first %d events: fewer --trace-steps fit whole", SK_PROFILE_EVENTS);
    if (code == SK_OK && show->html)
        code = sk_profile_html(r, p, show->html, err);
    if (code == SK_OK && show->html)
        sk_tell("%s", show->html);
    sk_str_release(&trace);
    return code;
}

/* ---- whole epochs ---- */
struct epoch_times {
    double load, wait, train, all; /* load: of the loader's threads together */
};

static struct epoch_times times_of(const struct sk_profile *p)
{
    struct epoch_times t = {.wait = p->part[SK_PART_WAIT], .all = p->seconds};
    for (int i = 0; i < SK_STAGES; i++)
        t.load += p->stage[i];
    t.train = t.all - t.wait;
    return t;
}

static void print_epoch(int epoch, int epochs, const struct epoch_times *t, bool json)
{
    if (json)
        sk_print("{\"epoch\":%d,\"epochs\":%d,\"load_seconds\":%.6g,\"wait_seconds\":%.6g,\"train_seconds\":%.6g,"
                 "\"seconds\":%.6g}\n",
                 epoch, epochs, t->load, t->wait, t->train, t->all);
    else
        sk_print("Epoch %d/%d, Loading: %.2fs in its threads, Waiting for it: %.2fs, Training: %.2fs, Total: %.2fs\n",
                 epoch, epochs, t->load, t->wait, t->train, t->all);
    sk_print_flush();
}

static void print_mean(const struct epoch_times *sum, int epochs)
{
    sk_print(
        "Mean of %d epochs, Loading: %.2fs in its threads, Waiting for it: %.2fs, Training: %.2fs, Total: %.2fs\n\n",
        epochs, sum->load / epochs, sum->wait / epochs, sum->train / epochs, sum->all / epochs);
}

/* ---- one number of workers ---- */
/* Each epoch is a run; the last one's profile is shown. */
static enum sk_code profile(const struct sk_recipe *r, const struct sk_profile_show *show, struct sk_profiler *p,
                            int workers, struct sk_err *err)
{
    int epochs = r->profile.steps > 0 ? 1 : r->profile.epochs;
    struct sk_profile out = {0};
    struct epoch_times sum = {0};
    struct sk_profile_run run = {.workers = workers,
                                 .network = true,
                                 .warm_up = r->profile.steps > 0 ? WARM_UP : 0,
                                 .steps = r->profile.steps,
                                 .trace_steps = show->trace ? show->trace_steps ? show->trace_steps : TRACE_STEPS : 0,
                                 .progress = on_progress};
    enum sk_code code = SK_OK;
    if (r->profile.steps > 0 && r->profile.epochs > 1)
        sk_notice("profile.steps (%lld) are measured: profile.epochs (%d) does not count", (long long)r->profile.steps,
                  r->profile.epochs);
    for (int e = 1; e <= epochs && code == SK_OK; e++) {
        sk_profile_release(&out);
        code = sk_profiler_run(p, &run, &out, err);
        sk_progress_clear();
        struct epoch_times t = times_of(&out);
        sum = (struct epoch_times){sum.load + t.load, sum.wait + t.wait, sum.train + t.train, sum.all + t.all};
        if (code == SK_OK && epochs > 1)
            print_epoch(e, epochs, &t, show->json);
    }
    if (code == SK_OK && epochs > 1 && !show->json)
        print_mean(&sum, epochs);
    if (code == SK_OK)
        code = sk_profile_print(r, &out, show->json, err);
    if (code == SK_OK)
        code = write_files(show, r, &out, err);
    sk_profile_release(&out);
    return code;
}

static enum sk_code sweep(const struct sk_recipe *r, const struct sk_profile_show *show, struct sk_profiler *p,
                          struct sk_sweep *s, struct sk_err *err)
{
    struct sk_str svg = {0};
    enum sk_code code = sk_sweep_measure(s, p, r->profile.steps, r->profile.network, err);
    if (code == SK_OK)
        code = sk_sweep_print(s, show->json, err);
    if (code == SK_OK && show->svg)
        code = sk_sweep_svg(s, &svg, err);
    if (code == SK_OK && show->svg)
        code = write_text(show->svg, &svg, err);
    if (code == SK_OK && show->html)
        code = sk_sweep_html(r, s, show->html, err);
    if (code == SK_OK && show->html)
        sk_tell("%s", show->html);
    sk_str_release(&svg);
    return code;
}

static enum sk_code check(const struct sk_profile_show *show, const struct sk_sweep *s, bool sweeps, struct sk_err *err)
{
    if (show->cost && (s->rows > 1 || show->trace || show->html || show->svg))
        return sk_fail(err, SK_USAGE, "--cost tells one figure, for one number of workers, and writes no file");
    if (sweeps && show->trace)
        return sk_fail(err, SK_USAGE, "--trace shows one number of workers, several are to be measured");
    if (!sweeps && show->svg)
        return sk_fail(err, SK_USAGE, "--svg charts several numbers of workers: --workers 0,1,2,4");
    return SK_OK;
}

enum sk_code sk_cli_profile(const struct sk_recipe *r, const struct sk_profile_show *show, struct sk_err *err)
{
    struct sk_sweep s = {0};
    struct sk_profiler *p = NULL;
    enum sk_code code = r->profile.workers[0] ? sk_sweep_parse(&s, r->profile.workers, err) : SK_OK;
    bool sweeps = s.rows > 1 || !r->profile.network;
    if (code == SK_OK)
        code = check(show, &s, sweeps, err);
    if (code == SK_OK)
        code = sk_file_writable(show->trace, err);
    if (code == SK_OK)
        code = sk_file_writable(show->html, err);
    if (code == SK_OK)
        code = sk_file_writable(show->svg, err);
    if (code == SK_OK)
        code = sk_profiler_open(&p, r, &sk_cancel, err);
    if (code == SK_OK)
        sk_recipe_tell_unused(r);
    int workers = s.rows ? s.row[0].workers : r->data.workers;
    if (code == SK_OK && show->cost)
        code = sk_profile_cost(p, &r->profile, workers, show->json, err);
    else if (code == SK_OK)
        code = sweeps ? sweep(r, show, p, &s, err) : profile(r, show, p, workers, err);
    sk_profiler_close(p);
    return code;
}

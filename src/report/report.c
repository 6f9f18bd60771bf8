/* The whole page: of one run, or of several side by side with a page of each below. */
#include "report/internal.h"

#include <string.h>

struct parts { /* of a run's page, made before its head: they find out what that says */
    struct sk_page network, quality, recipe;
};
struct report {
    const struct sk_report_options *o;
    struct sk_report_run *run[SK_REPORT_RUNS];
    struct parts part[SK_REPORT_RUNS];
};

static enum sk_code make_parts(struct report *r, size_t k, struct sk_err *err)
{
    struct parts *part = &r->part[k];
    enum sk_code code = sk_report_run_read(r->run[k], r->o->run[k], err);
    if (code == SK_OK)
        code = sk_report_network(&part->network, r->run[k], err);
    if (code == SK_OK)
        code = sk_report_quality(&part->quality, r->run[k], r->o, err);
    return code == SK_OK ? sk_report_recipe(&part->recipe, r->run[k], err) : code;
}

/* ---- one run ---- */
static void add_summary(struct sk_page *p, const struct sk_report_run *run)
{
    const struct sk_recipe *r = &run->recipe;
    char number[32];
    if (strcmp(run->path, run->name) != 0)
        sk_page_cell(p, "p class=\"quiet\"", run->path);
    if (!run->has_recipe)
        return;
    sk_page_add(p, "\n<p class=\"quiet\">");
    sk_page_text(p, r->model.arch);
    if (r->data.source != SK_SOURCE_AUTO)
        sk_page_add(p, " on %s", sk_source_name(r->data.source));
    if (run->has_position)
        sk_page_add(p, ", %s pictures", sk_thousands(run->position.samples, number));
    sk_page_add(p, ", %s with the schedule %s, batch %d</p>\n", sk_optimizer_name(r->train.optimizer.name),
                sk_schedule_name(r->train.schedule.name), r->train.batch);
}

static void add_notes(struct sk_page *p, struct sk_report_run *run)
{
    if (run->notes.text.len == 0)
        return;
    sk_page_add(p, "<ul class=\"notes\">\n");
    sk_page_join(p, &run->notes);
    sk_page_add(p, "</ul>\n");
}

static enum sk_code add_run(struct sk_page *p, struct report *r, size_t k, bool alone, struct sk_err *err)
{
    struct sk_report_run *run = r->run[k];
    const struct sk_report_run *one[] = {run};
    enum sk_code code = SK_OK;
    sk_page_add(p, "<p class=\"verdict\">");
    sk_report_verdict(p, run);
    sk_page_add(p, "</p>\n");
    add_summary(p, run);
    add_notes(p, run);
    sk_report_figures(p, run);
    if (alone && run->log.steps + run->log.epochs > 0)
        code = sk_report_curves(p, one, 1, err);
    sk_report_times(p, run);
    sk_report_epochs(p, run);
    sk_page_join(p, &r->part[k].quality);
    sk_page_join(p, &r->part[k].network);
    sk_page_join(p, &r->part[k].recipe);
    return code;
}

/* ---- several ---- */
void sk_report_name(struct sk_page *p, const struct sk_report_run *run, size_t k)
{
    sk_page_add(p, "<span class=\"swatch\" style=\"background:var(--c%zu)\"></span>", k);
    if (strcmp(run->label, run->name) != 0)
        sk_page_add(p, "<b>%s</b> ", run->label);
    sk_page_text(p, run->name);
}

static void add_key(struct sk_page *p, const struct sk_report_run *run, size_t k)
{
    sk_page_add(p, "<p class=\"verdict\">");
    sk_report_name(p, run, k);
    sk_page_add(p, " <span class=\"quiet\">&middot;</span> ");
    sk_report_verdict(p, run);
    sk_page_add(p, "</p>\n");
}

static enum sk_code add_several(struct sk_page *p, struct report *r, struct sk_err *err)
{
    size_t n = r->o->runs;
    const struct sk_report_run *const *runs = (const struct sk_report_run *const *)r->run;
    for (size_t k = 0; k < n; k++)
        add_key(p, r->run[k], k);
    enum sk_code code = sk_report_compare(p, runs, n, err);
    if (code == SK_OK)
        code = sk_report_curves(p, runs, n, err);
    sk_page_add(p, "<h2>The runs one by one</h2>\n");
    for (size_t k = 0; k < n && code == SK_OK; k++) {
        sk_page_add(p, "<details class=\"run\">");
        sk_page_add(p, "<summary>");
        sk_report_name(p, r->run[k], k);
        sk_page_add(p, "</summary>");
        code = add_run(p, r, k, false, err);
        sk_page_add(p, "</details>\n");
    }
    return code;
}

/* Runs of the same last name go by their paths. */
static void tell_apart(struct report *r)
{
    bool same = false;
    for (size_t i = 0; i < r->o->runs; i++)
        for (size_t k = 0; k < i; k++)
            same |= strcmp(r->run[i]->name, r->run[k]->name) == 0;
    for (size_t i = 0; i < r->o->runs && same; i++)
        snprintf(r->run[i]->name, sizeof(r->run[i]->name), "%s", r->run[i]->path);
}

/* Letters where there are many runs or a name has no room. */
static void set_labels(struct report *r)
{
    enum { FEW = 4 };
    bool letters = r->o->runs > FEW;
    for (size_t k = 0; k < r->o->runs; k++)
        letters |= strlen(r->run[k]->name) > SK_REPORT_LABEL;
    for (size_t k = 0; k < r->o->runs; k++) {
        struct sk_report_run *run = r->run[k];
        if (letters)
            snprintf(run->label, sizeof(run->label), "%c", (char)('A' + k));
        else
            snprintf(run->label, sizeof(run->label), "%.*s", SK_REPORT_LABEL, run->name);
    }
}

static enum sk_code add_page(struct sk_page *p, struct report *r, struct sk_err *err)
{
    char title[64];
    tell_apart(r);
    set_labels(r);
    snprintf(title, sizeof(title), "%zu runs side by side", r->o->runs);
    const char *heading = r->o->runs > 1 ? title : r->run[0]->name;
    sk_page_open(p, heading);
    sk_page_heading(p, heading);
    enum sk_code code = r->o->runs > 1 ? add_several(p, r, err) : add_run(p, r, 0, true, err);
    sk_page_add(p, "<p class=\"quiet\">Made by skua %s.</p>\n", SKUA_VERSION);
    return code;
}

enum sk_code sk_report(const struct sk_report_options *o, struct sk_page *page, struct sk_err *err)
{
    struct report *r = sk_alloc(1, sizeof(*r), err);
    enum sk_code code = r ? SK_OK : SK_NOMEM;
    for (size_t k = 0; r && k < o->runs && code == SK_OK; k++) {
        r->o = o;
        r->run[k] = sk_alloc(1, sizeof(*r->run[k]), err);
        code = r->run[k] ? make_parts(r, k, err) : SK_NOMEM;
    }
    if (code == SK_OK)
        code = add_page(page, r, err);
    for (size_t k = 0; r && k < o->runs; k++) {
        sk_page_release(&r->part[k].network);
        sk_page_release(&r->part[k].quality);
        sk_page_release(&r->part[k].recipe);
        if (r->run[k])
            sk_report_run_release(r->run[k]);
        sk_free(r->run[k]);
    }
    sk_free(r);
    return code;
}

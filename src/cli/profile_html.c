/* Profiles as one HTML page: the verdict, bars, and tables by kind of op and by layer; numbers of workers as a table
 * and a chart. No script, no network. */
#include "cli/profile_view.h"
#include "report/html.h"

static void add_bar(struct sk_page *page, const char *const *name, const double *value, int n, const char *unit,
                    double scale)
{
    struct sk_share part[SK_COLOURS];
    for (int i = 0; i < n && i < SK_COLOURS; i++)
        part[i] = (struct sk_share){name[i], value[i]};
    sk_page_bar(page, part, n < SK_COLOURS ? n : SK_COLOURS, scale, unit);
}

static enum sk_code add_groups(struct sk_page *page, const struct sk_profile *p, enum sk_group_by by, const char *title,
                               struct sk_err *err)
{
    struct sk_op_group *rows;
    size_t count;
    double all = 0;
    enum sk_code code = sk_op_groups(p, by, &rows, &count, err);
    if (code != SK_OK)
        return code;
    for (size_t i = 0; i < count; i++)
        all += sk_group_seconds(&rows[i]);
    sk_page_add(page,
                "<h2>%s</h2>\n<div class=\"scroll\"><table>\n<tr><th></th><th>ops</th><th>forward ms</th>"
                "<th>backward ms</th><th>update ms</th><th>share</th><th>GFLOP/s</th><th>of peak</th>"
                "<th>MB</th><th>GB/s</th></tr>\n",
                title);
    for (size_t i = 0; i < count; i++) {
        const struct sk_op_group *g = &rows[i];
        double s = sk_group_seconds(g);
        sk_page_add(page,
                    "<tr><td>%s</td><td>%d</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.1f%%</td><td>%.0f</td>"
                    "<td>%.0f%%</td><td>%.1f</td><td>%.1f</td></tr>\n",
                    g->name, g->count, 1e3 * g->forward, 1e3 * g->backward, 1e3 * g->update, 100 * s / all,
                    g->flops.direct / s / 1e9, 100 * g->flops.actual / s / p->ceiling, g->bytes / 1e6,
                    g->bytes / s / 1e9);
    }
    sk_free(rows);
    sk_page_add(page, "</table></div>\n");
    return SK_OK;
}

static void add_head(struct sk_page *page, const char *what, const struct sk_recipe *r, const char *verdict)
{
    char title[2 * SK_NAME];
    snprintf(title, sizeof(title), "%s of %s", what, r->name);
    sk_page_open(page, title);
    sk_page_heading(page, title);
    sk_page_cell(page, "p class=\"verdict\"", verdict);
}

enum sk_code sk_profile_html(const struct sk_recipe *r, const struct sk_profile *p, const char *path,
                             struct sk_err *err)
{
    struct sk_page page = {0};
    struct sk_str verdict = {0};
    enum sk_code code = sk_profile_verdict(p, &verdict, err);
    if (code == SK_OK)
        add_head(&page, "The time", r, verdict.text);
    sk_str_release(&verdict);
    sk_page_add(&page,
                "\n<p>%lld steps of up to %d pictures, %d thread%s, %d worker%s: %.1f pictures a second; "
                "ceilings of this machine, measured with it: %.0f GFLOP/s, %.1f GB/s read</p>\n"
                "<h2>The training thread, ms a step</h2>\n",
                (long long)p->steps, p->batch, p->threads, sk_plural(p->threads), p->workers, sk_plural(p->workers),
                (double)p->samples / p->seconds, p->ceiling / 1e9, p->peak.read / 1e9);
    add_bar(&page, sk_profile_part_name, p->part, SK_PARTS, "ms", 1e3 / sk_profile_steps(p));
    if (p->loaded > 0)
        sk_page_add(&page, "<h2>Loading, ms a picture</h2>\n");
    if (p->loaded > 0)
        add_bar(&page, sk_profile_stage_name, p->stage, SK_STAGES, "ms", 1e3 / (double)p->loaded);
    if (code == SK_OK)
        code = add_groups(&page, p, SK_GROUP_KIND, "Kinds of ops", err);
    if (code == SK_OK)
        code = add_groups(&page, p, SK_GROUP_LAYER, "Layers", err);
    if (code == SK_OK)
        code = sk_page_write(&page, path, err);
    sk_page_release(&page);
    return code;
}

/* ---- numbers of workers ---- */
static void add_spread(struct sk_page *page, const struct sk_sweep *s, size_t row, enum sk_sweep_figure figure)
{
    struct sk_turns v = sk_sweep_spread(s, row, figure);
    double n = (double)s->pictures;
    sk_page_add(page, "<td>%.3f</td><td>%.3f to %.3f</td>", n * v.median, n * v.least, n * v.most);
}

static void add_sweep_table(struct sk_page *page, const struct sk_sweep *s)
{
    static const enum sk_sweep_figure figure[] = {SK_SWEEP_LOAD, SK_SWEEP_TRAIN, SK_SWEEP_WAIT, SK_SWEEP_COMPUTE};
    static const char *const name[] = {"loading alone s", "training s", "waiting s", "computing s"};
    size_t figures = s->trained ? SK_COUNT(figure) : 1;
    sk_page_add(page, "<div class=\"scroll\"><table>\n<tr><th>workers</th>");
    for (size_t k = 0; k < figures; k++)
        sk_page_add(page, "<th>%s</th><th>least to most</th>", name[k]);
    for (size_t i = 0; i < s->rows; i++) {
        sk_page_add(page, "</tr>\n<tr><td>%d</td>", s->row[i].workers);
        for (size_t k = 0; k < figures; k++)
            add_spread(page, s, i, figure[k]);
    }
    sk_page_add(page, "</tr>\n</table></div>\n");
}

enum sk_code sk_sweep_html(const struct sk_recipe *r, const struct sk_sweep *s, const char *path, struct sk_err *err)
{
    struct sk_page page = {0};
    struct sk_str verdict = {0}, chart = {0};
    enum sk_code code = sk_sweep_verdict(s, &verdict, err);
    if (code == SK_OK)
        code = sk_sweep_svg(s, &chart, err);
    if (code == SK_OK) {
        add_head(&page, "Numbers of workers", r, verdict.text);
        sk_page_add(&page, "<p>Seconds of %lld pictures, medians of %d turns; %d processor%s</p>\n",
                    (long long)s->pictures, SK_SWEEP_TURNS, s->processors, sk_plural(s->processors));
        add_sweep_table(&page, s);
        sk_page_add(&page, "<div style=\"max-width:40rem\">\n%s</div>\n", chart.text);
        code = sk_page_write(&page, path, err);
    }
    sk_str_release(&verdict);
    sk_str_release(&chart);
    sk_page_release(&page);
    return code;
}

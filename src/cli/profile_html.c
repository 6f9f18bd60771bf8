/* A profile as one HTML page: the verdict, bars, and tables by kind of op and by layer; no script, no network. */
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

static enum sk_code add_head(struct sk_page *page, const struct sk_recipe *r, const struct sk_profile *p,
                             struct sk_err *err)
{
    char title[2 * SK_NAME];
    struct sk_str verdict = {0};
    enum sk_code code = sk_profile_verdict(p, &verdict, err);
    snprintf(title, sizeof(title), "Where the time of %s goes", r->name);
    sk_page_open(page, title);
    sk_page_heading(page, title);
    if (code == SK_OK)
        sk_page_cell(page, "p class=\"verdict\"", verdict.text);
    sk_str_release(&verdict);
    return code;
}

enum sk_code sk_profile_html(const struct sk_recipe *r, const struct sk_profile *p, const char *path,
                             struct sk_err *err)
{
    struct sk_page page = {0};
    enum sk_code code = add_head(&page, r, p, err);
    sk_page_add(&page,
                "\n<p>%lld steps of up to %d pictures, %d threads, %d workers: %.1f pictures a second; "
                "ceilings of this machine, measured with it: %.0f GFLOP/s, %.1f GB/s read</p>\n"
                "<h2>The training thread, ms a step</h2>\n",
                (long long)p->steps, p->batch, p->threads, p->workers, (double)p->samples / p->seconds,
                p->ceiling / 1e9, p->peak.read / 1e9);
    add_bar(&page, sk_profile_part_name, p->part, SK_PARTS, "ms", 1e3 / (double)p->steps);
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

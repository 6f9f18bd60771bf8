/* A profile as one HTML page: the verdict, bars, and tables by kind of op and by layer; no script, no network. */
#include "cli/html.h"
#include "cli/profile_view.h"

/* A bar of parts of a whole and the key to its colours. */
static enum sk_code add_bar(struct sk_str *out, const char *const *name, const double *value, int n, const char *unit,
                            double scale, struct sk_err *err)
{
    double all = 0;
    enum sk_code code = sk_str_add(out, err, "<div class=\"bar\">");
    for (int i = 0; i < n; i++)
        all += value[i];
    for (int i = 0; i < n && code == SK_OK; i++)
        code = sk_str_add(out, err, "<div style=\"width:%.3f%%;background:var(--c%d)\" title=\"%s\"></div>",
                          all > 0 ? 100 * value[i] / all : 0, i, name[i]);
    if (code == SK_OK)
        code = sk_str_add(out, err, "</div>\n<div class=\"key\">");
    for (int i = 0; i < n && code == SK_OK; i++)
        code = sk_str_add(out, err, "<span style=\"background:var(--c%d)\"></span>%s %.3g %s (%.1f%%)", i, name[i],
                          value[i] * scale, unit, all > 0 ? 100 * value[i] / all : 0);
    return code == SK_OK ? sk_str_add(out, err, "</div>\n") : code;
}

static enum sk_code add_groups(struct sk_str *out, const struct sk_profile *p, enum sk_group_by by, const char *title,
                               struct sk_err *err)
{
    struct sk_op_group *rows;
    size_t count;
    double all = 0;
    enum sk_code code = sk_op_groups(p, by, &rows, &count, err);
    for (size_t i = 0; i < count; i++)
        all += sk_group_seconds(&rows[i]);
    if (code == SK_OK)
        code = sk_str_add(out, err,
                          "<h2>%s</h2>\n<div class=\"scroll\"><table>\n<tr><th></th><th>ops</th><th>forward ms</th>"
                          "<th>backward ms</th><th>update ms</th><th>share</th><th>GFLOP/s</th><th>of peak</th>"
                          "<th>MB</th><th>GB/s</th></tr>\n",
                          title);
    for (size_t i = 0; i < count && code == SK_OK; i++) {
        const struct sk_op_group *g = &rows[i];
        double s = sk_group_seconds(g);
        code = sk_str_add(
            out, err,
            "<tr><td>%s</td><td>%d</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.1f%%</td><td>%.0f</td>"
            "<td>%.0f%%</td><td>%.1f</td><td>%.1f</td></tr>\n",
            g->name, g->count, 1e3 * g->forward, 1e3 * g->backward, 1e3 * g->update, 100 * s / all,
            g->flops.direct / s / 1e9, 100 * g->flops.actual / s / p->ceiling, g->bytes / 1e6, g->bytes / s / 1e9);
    }
    sk_free(rows);
    return code == SK_OK ? sk_str_add(out, err, "</table></div>\n") : code;
}

static enum sk_code add_head(struct sk_str *out, const struct sk_recipe *r, const struct sk_profile *p,
                             struct sk_err *err)
{
    struct sk_str text = {0};
    enum sk_code code = sk_str_add(&text, err, "Where the time of %s goes", r->name);
    if (code == SK_OK)
        code = sk_html_open(out, text.text, err);
    text.len = 0;
    if (code == SK_OK)
        code = sk_str_add(out, err, "<p class=\"verdict\">");
    if (code == SK_OK)
        code = sk_profile_verdict(p, &text, err);
    if (code == SK_OK)
        code = sk_html_text(out, text.text, err);
    sk_str_release(&text);
    return code;
}

enum sk_code sk_profile_html(const struct sk_recipe *r, const struct sk_profile *p, struct sk_str *out,
                             struct sk_err *err)
{
    enum sk_code code = add_head(out, r, p, err);
    if (code == SK_OK)
        code = sk_str_add(out, err,
                          "</p>\n<p>%lld steps of up to %d pictures, %d threads, %d workers: %.1f pictures a second; "
                          "ceilings of this machine, measured with it: %.0f GFLOP/s, %.1f GB/s read</p>\n"
                          "<h2>The training thread, ms a step</h2>\n",
                          (long long)p->steps, p->batch, p->threads, p->workers, (double)p->samples / p->seconds,
                          p->ceiling / 1e9, p->peak.read / 1e9);
    if (code == SK_OK)
        code = add_bar(out, sk_profile_part_name, p->part, SK_PARTS, "ms", 1e3 / (double)p->steps, err);
    if (code == SK_OK && p->loaded > 0)
        code = sk_str_add(out, err, "<h2>Loading, ms a picture</h2>\n");
    if (code == SK_OK && p->loaded > 0)
        code = add_bar(out, sk_profile_stage_name, p->stage, SK_STAGES, "ms", 1e3 / (double)p->loaded, err);
    if (code == SK_OK)
        code = add_groups(out, p, SK_GROUP_KIND, "Kinds of ops", err);
    if (code == SK_OK)
        code = add_groups(out, p, SK_GROUP_LAYER, "Layers", err);
    return code == SK_OK ? sk_str_add(out, err, "</body></html>\n") : code;
}

/* Profiles as one HTML page: the verdict, bars, and tables by kind of op and by layer;
 * numbers of workers as a table and a chart. No script, no network. */
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

static enum sk_code add_head(struct sk_str *out, const char *what, const struct sk_recipe *r, const char *verdict,
                             struct sk_err *err)
{
    char title[SK_NAME + 64];
    snprintf(title, sizeof(title), "%s of %s", what, r->name);
    enum sk_code code = sk_html_open(out, title, err);
    if (code == SK_OK)
        code = sk_str_add(out, err, "<p class=\"verdict\">");
    if (code == SK_OK)
        code = sk_html_text(out, verdict, err);
    return code == SK_OK ? sk_str_add(out, err, "</p>\n") : code;
}

enum sk_code sk_profile_html(const struct sk_recipe *r, const struct sk_profile *p, struct sk_str *out,
                             struct sk_err *err)
{
    struct sk_str verdict = {0};
    enum sk_code code = sk_profile_verdict(p, &verdict, err);
    if (code == SK_OK)
        code = add_head(out, "The time", r, verdict.text, err);
    sk_str_release(&verdict);
    if (code == SK_OK)
        code = sk_str_add(out, err,
                          "<p>%lld steps of up to %d pictures, %d thread%s, %d worker%s: %.1f pictures a second; "
                          "ceilings of this machine, measured with it: %.0f GFLOP/s, %.1f GB/s read</p>\n"
                          "<h2>The training thread, ms a step</h2>\n",
                          (long long)p->steps, p->batch, p->threads, sk_plural(p->threads), p->workers,
                          sk_plural(p->workers), (double)p->samples / p->seconds, p->ceiling / 1e9, p->peak.read / 1e9);
    if (code == SK_OK)
        code = add_bar(out, sk_profile_part_name, p->part, SK_PARTS, "ms", 1e3 / sk_profile_steps(p), err);
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

/* ---- numbers of workers ---- */
static enum sk_code add_spread(struct sk_str *out, const struct sk_sweep *s, size_t row, enum sk_sweep_figure figure,
                               struct sk_err *err)
{
    struct sk_turns v = sk_sweep_spread(s, row, figure);
    double n = (double)s->pictures;
    return sk_str_add(out, err, "<td>%.3f</td><td>%.3f to %.3f</td>", n * v.median, n * v.least, n * v.most);
}

static enum sk_code add_sweep_table(struct sk_str *out, const struct sk_sweep *s, struct sk_err *err)
{
    static const enum sk_sweep_figure figure[] = {SK_SWEEP_LOAD, SK_SWEEP_TRAIN, SK_SWEEP_WAIT, SK_SWEEP_COMPUTE};
    static const char *const name[] = {"loading alone s", "training s", "waiting s", "computing s"};
    size_t figures = s->trained ? SK_COUNT(figure) : 1;
    enum sk_code code = sk_str_add(out, err, "<div class=\"scroll\"><table>\n<tr><th>workers</th>");
    for (size_t k = 0; k < figures && code == SK_OK; k++)
        code = sk_str_add(out, err, "<th>%s</th><th>least to most</th>", name[k]);
    for (size_t i = 0; i < s->rows && code == SK_OK; i++) {
        code = sk_str_add(out, err, "</tr>\n<tr><td>%d</td>", s->row[i].workers);
        for (size_t k = 0; k < figures && code == SK_OK; k++)
            code = add_spread(out, s, i, figure[k], err);
    }
    return code == SK_OK ? sk_str_add(out, err, "</tr>\n</table></div>\n") : code;
}

enum sk_code sk_sweep_html(const struct sk_recipe *r, const struct sk_sweep *s, struct sk_str *out, struct sk_err *err)
{
    struct sk_str verdict = {0};
    enum sk_code code = sk_sweep_verdict(s, &verdict, err);
    if (code == SK_OK)
        code = add_head(out, "Numbers of workers", r, verdict.text, err);
    sk_str_release(&verdict);
    if (code == SK_OK)
        code = sk_str_add(out, err, "<p>Seconds of %lld pictures, medians of %d turns; %d processor%s</p>\n",
                          (long long)s->pictures, SK_SWEEP_TURNS, s->processors, sk_plural(s->processors));
    if (code == SK_OK)
        code = add_sweep_table(out, s, err);
    if (code == SK_OK)
        code = sk_str_add(out, err, "<div style=\"max-width:40rem\">\n");
    if (code == SK_OK)
        code = sk_sweep_svg(s, out, err);
    return code == SK_OK ? sk_str_add(out, err, "</div>\n</body></html>\n") : code;
}

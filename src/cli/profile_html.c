/* A profile as one HTML page: the verdict, bars, and tables by kind of op and by layer; no script, no network. */
#include <string.h>

#include "cli/profile_view.h"

static const char style[] =
    "<style>\n"
    ":root { color-scheme: light dark; --text: #1c1e21; --page: #fff; --line: #d5d8dc; --quiet: #5f6670;\n"
    "  --c0: #c0392b; --c1: #2471a3; --c2: #1e8449; --c3: #b7950b; --c4: #7f8c8d; }\n"
    "@media (prefers-color-scheme: dark) { :root { --text: #e4e6e9; --page: #16181b; --line: #3a3f45; --quiet: "
    "#9aa3ad;\n"
    "  --c0: #e57368; --c1: #5dade2; --c2: #58d68d; --c3: #f4d03f; --c4: #99a3a4; } }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 62rem;\n"
    "  margin: 2rem auto; padding: 0 1rem; }\n"
    "h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } .verdict { font-size: 1.1rem; }\n"
    "table { border-collapse: collapse; width: 100%; } td, th { padding: .2rem .6rem; text-align: right;\n"
    "  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }\n"
    "td:first-child, th:first-child { text-align: left; } th { color: var(--quiet); font-weight: 600; }\n"
    ".bar { display: flex; height: 1.6rem; border-radius: 4px; overflow: hidden; margin: .6rem 0; }\n"
    ".key span { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin: 0 .3rem 0 1rem; }\n"
    ".scroll { overflow-x: auto; }\n"
    "</style>\n";

enum sk_code sk_html_text(struct sk_str *out, const char *text, struct sk_err *err)
{
    static const char special[] = "<>&\"";
    static const char *const written[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    enum sk_code code = SK_OK;
    for (; *text && code == SK_OK; text++) {
        const char *at = strchr(special, *text);
        code = at ? sk_str_add(out, err, "%s", written[at - special]) : sk_str_add_bytes(out, text, 1, err);
    }
    return code;
}

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
    enum sk_code code = sk_str_add(out, err,
                                   "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                                   "<meta name=\"viewport\" content=\"width=device-width\">\n<title>skua profile ");
    if (code == SK_OK)
        code = sk_html_text(out, r->name, err);
    if (code == SK_OK)
        code = sk_str_add(out, err, "</title>\n%s</head><body>\n<h1>Where the time of ", style);
    if (code == SK_OK)
        code = sk_html_text(out, r->name, err);
    if (code == SK_OK)
        code = sk_str_add(out, err, " goes</h1>\n<p class=\"verdict\">");
    struct sk_str verdict = {0};
    if (code == SK_OK)
        code = sk_profile_verdict(p, &verdict, err);
    if (code == SK_OK)
        code = sk_html_text(out, verdict.text, err);
    sk_str_release(&verdict);
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

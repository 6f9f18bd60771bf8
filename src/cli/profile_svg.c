/* A sweep over numbers of workers as an SVG chart: bars of loading alone and of training beside each other, with a line
 * from the least to the most of their turns. */
#include "cli/profile_view.h"
#include "cli/svg.h"

enum { CHART_TOP = 40, CHART_HEIGHT = 260, CHART_LEFT = 60, GROUP = 90, BAR = 24 };
static const double base = CHART_TOP + CHART_HEIGHT;

static enum sk_code add_bar(struct sk_str *out, double x, double y, double height, const char *class,
                            struct sk_err *err)
{
    return sk_svg_rect(out, class, x, y, BAR, height, err);
}

static enum sk_code add_spread(struct sk_str *out, double x, double unit, struct sk_turns v, struct sk_err *err)
{
    return sk_svg_line(out, "spread", x + BAR / 2.0, base - unit * v.least, x + BAR / 2.0, base - unit * v.most, err);
}

static enum sk_code add_training(struct sk_str *out, const struct sk_sweep *s, size_t row, double x, double unit,
                                 struct sk_err *err)
{
    double wait = unit * sk_sweep_spread(s, row, SK_SWEEP_WAIT).median,
           compute = unit * sk_sweep_spread(s, row, SK_SWEEP_COMPUTE).median;
    enum sk_code code = add_bar(out, x, base - compute, compute, "compute", err);
    if (code == SK_OK)
        code = add_bar(out, x, base - compute - wait, wait, "wait", err);
    return code == SK_OK ? add_spread(out, x, unit, sk_sweep_spread(s, row, SK_SWEEP_TRAIN), err) : code;
}

/* unit: height of a second a picture. */
static enum sk_code add_group(struct sk_str *out, const struct sk_sweep *s, size_t row, double unit, struct sk_err *err)
{
    char label[32];
    double x = CHART_LEFT + 20 + (double)row * GROUP;
    struct sk_turns load = sk_sweep_spread(s, row, SK_SWEEP_LOAD);
    bool best = row == sk_sweep_best(s);
    snprintf(label, sizeof(label), "%d%s", s->row[row].workers, best ? " (best)" : "");
    enum sk_code code = add_bar(out, x, base - unit * load.median, unit * load.median, "load", err);
    if (code == SK_OK)
        code = add_spread(out, x, unit, load, err);
    if (code == SK_OK && s->trained)
        code = add_training(out, s, row, x + BAR + 4, unit, err);
    return code == SK_OK ? sk_svg_text(out, x + BAR + 2, base + 20, "middle", best, label, err) : code;
}

static enum sk_code add_scale(struct sk_str *out, double most, double width, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i <= 4 && code == SK_OK; i++) {
        char label[32];
        double y = CHART_TOP + CHART_HEIGHT * (1 - i / 4.0);
        snprintf(label, sizeof(label), "%.3g s", most * i / 4.0);
        code = sk_svg_line(out, "grid", CHART_LEFT, y, width - 10, y, err);
        if (code == SK_OK)
            code = sk_svg_text(out, CHART_LEFT - 6, y + 4, "end", false, label, err);
    }
    return code;
}

enum sk_code sk_sweep_svg(const struct sk_sweep *s, struct sk_str *out, struct sk_err *err)
{
    static const char style[] = ".load { fill: #b7950b } .compute { fill: #2471a3 } .wait { fill: #c0392b }\n.spread { "
                                "stroke: #7f8c8d; stroke-width: 2 }";
    double width = CHART_LEFT + 30 + (double)s->rows * GROUP, most = sk_sweep_longest(s);
    width = width < 560 ? 560 : width;
    enum sk_code code = sk_svg_open(out, width, CHART_TOP + CHART_HEIGHT + 40, style, err);
    if (code == SK_OK)
        code = sk_str_add(
            out, err,
            "<text x=\"10\" y=\"20\">by number of workers: "
            "<tspan class=\"load\" style=\"fill: #b7950b\">loading alone</tspan>, beside it training: "
            "<tspan style=\"fill: #2471a3\">computing</tspan> and <tspan style=\"fill: #c0392b\">waiting for "
            "data</tspan></text>\n");
    if (code == SK_OK)
        code = add_scale(out, most, width, err);
    for (size_t i = 0; i < s->rows && code == SK_OK; i++)
        code = add_group(out, s, i, most > 0 ? CHART_HEIGHT * (double)s->pictures / most : 0, err);
    return code == SK_OK ? sk_str_add(out, err, "</svg>\n") : code;
}

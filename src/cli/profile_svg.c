/* A sweep over numbers of workers as an SVG chart: bars of loading alone and of training beside each other, with a line
 * from the least to the most of their turns. */
#include "cli/profile_view.h"

enum { CHART_TOP = 40, CHART_HEIGHT = 260, CHART_LEFT = 60, GROUP = 90, BAR = 24 };

static enum sk_code add_rect(struct sk_str *out, double x, double y, double height, const char *class,
                             struct sk_err *err)
{
    return sk_str_add(out, err, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>\n", class, x,
                      y, BAR, height);
}

static enum sk_code add_spread(struct sk_str *out, double x, double unit, struct sk_spread v, struct sk_err *err)
{
    double floor = CHART_TOP + CHART_HEIGHT;
    return sk_str_add(out, err, "<line class=\"spread\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                      x + BAR / 2.0, x + BAR / 2.0, floor - unit * v.least, floor - unit * v.most);
}

static enum sk_code add_training(struct sk_str *out, const struct sk_sweep *s, size_t row, double x, double unit,
                                 struct sk_err *err)
{
    double floor = CHART_TOP + CHART_HEIGHT, wait = unit * sk_sweep_spread(s, row, SK_SWEEP_WAIT).median,
           compute = unit * sk_sweep_spread(s, row, SK_SWEEP_COMPUTE).median;
    enum sk_code code = add_rect(out, x, floor - compute, compute, "compute", err);
    if (code == SK_OK)
        code = add_rect(out, x, floor - compute - wait, wait, "wait", err);
    return code == SK_OK ? add_spread(out, x, unit, sk_sweep_spread(s, row, SK_SWEEP_TRAIN), err) : code;
}

/* unit: height of a second a picture. */
static enum sk_code add_group(struct sk_str *out, const struct sk_sweep *s, size_t row, double unit, struct sk_err *err)
{
    double x = CHART_LEFT + 20 + (double)row * GROUP, floor = CHART_TOP + CHART_HEIGHT;
    struct sk_spread load = sk_sweep_spread(s, row, SK_SWEEP_LOAD);
    bool best = row == sk_sweep_best(s);
    enum sk_code code = add_rect(out, x, floor - unit * load.median, unit * load.median, "load", err);
    if (code == SK_OK)
        code = add_spread(out, x, unit, load, err);
    if (code == SK_OK && s->trained)
        code = add_training(out, s, row, x + BAR + 4, unit, err);
    return code != SK_OK ? code
                         : sk_str_add(out, err, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\"%s>%d%s</text>\n",
                                      x + BAR + 2, floor + 20, best ? " font-weight=\"bold\"" : "", s->row[row].workers,
                                      best ? " (best)" : "");
}

static enum sk_code add_scale(struct sk_str *out, double most, double width, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i <= 4 && code == SK_OK; i++) {
        double y = CHART_TOP + CHART_HEIGHT * (1 - i / 4.0);
        code = sk_str_add(out, err,
                          "<line class=\"grid\" x1=\"%d\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>\n"
                          "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g s</text>\n",
                          CHART_LEFT, width - 10, y, y, CHART_LEFT - 6, y + 4, most * i / 4.0);
    }
    return code;
}

enum sk_code sk_sweep_svg(const struct sk_sweep *s, struct sk_str *out, struct sk_err *err)
{
    double width = CHART_LEFT + 30 + (double)s->rows * GROUP, most = sk_sweep_longest(s);
    width = width < 420 ? 420 : width;
    enum sk_code code = sk_str_add(
        out, err,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %d\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n"
        "<style>svg { background: #fff } text { fill: #1c1e21 } .grid { stroke: #d5d8dc } .load { fill: #b7950b }\n"
        ".spread { stroke: #7f8c8d; stroke-width: 2 }\n"
        ".compute { fill: #2471a3 } .wait { fill: #c0392b } @media (prefers-color-scheme: dark) { svg { background: "
        "#16181b }\n"
        "text { fill: #e4e6e9 } .grid { stroke: #3a3f45 } }</style>\n"
        "<text x=\"%d\" y=\"20\">by number of workers: "
        "<tspan class=\"load\" style=\"fill: #b7950b\">loading alone</tspan>, beside it training: "
        "<tspan style=\"fill: #2471a3\">computing</tspan> and <tspan style=\"fill: #c0392b\">waiting for "
        "data</tspan></text>\n",
        width, CHART_TOP + CHART_HEIGHT + 40, 10);
    if (code == SK_OK)
        code = add_scale(out, most, width, err);
    for (size_t i = 0; i < s->rows && code == SK_OK; i++)
        code = add_group(out, s, i, most > 0 ? CHART_HEIGHT * (double)s->pictures / most : 0, err);
    return code == SK_OK ? sk_str_add(out, err, "</svg>\n") : code;
}

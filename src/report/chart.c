/* Charts as inline SVG: lines with labels beside their ends, and the reliability diagram. No script. */
#include "report/internal.h"

#include <stdlib.h>
#include <string.h>

/* In units of the drawing, which is about as wide as a phone: text stays readable there. */
enum { WIDTH = 360, HEIGHT = 220, LEFT = 36, TOP = 8, BOTTOM = 26, LABELS = 96, LINE = 12, TICKS = 5, DOTS = 40 };

#define LARGEST  1e300
#define LEAST    1e-300 /* of a logarithmic axis: its inverse is finite */
#define DIGIT    6.0  /* width of one */
#define LOG_FROM 20.0 /* largest over smallest value, from which an axis may be logarithmic, */
#define LOG_TO   1e4  /* and to which its ticks have room */

struct frame { /* values at the edges of the plot, and where those lie */
    double x0, x1, y0, y1, left, right, top, bottom;
    bool log;
};

static double at_x(const struct frame *f, double x)
{
    return f->left + (x - f->x0) / (f->x1 - f->x0) * (f->right - f->left);
}

static double at_y(const struct frame *f, double y)
{
    double share = f->log ? log(y / f->y0) / log(f->y1 / f->y0) : (y - f->y0) / (f->y1 - f->y0);
    return f->bottom - share * (f->bottom - f->top);
}

/* A round step (1, 2 or 5 times a power of ten) of which at most ticks fit into span. */
static double round_step(double span, int ticks)
{
    double raw = span / ticks, power = pow(10, floor(log10(raw)));
    double share = raw / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static bool known(const struct sk_series *s, size_t i)
{
    return isfinite(s->x[i]) && fabs(s->y[i]) <= LARGEST; /* whose differences are finite too */
}

/* Where the points lie; false: there are none. */
static bool find_range(const struct sk_chart *c, struct frame *f)
{
    double low = c->from_zero ? 0 : INFINITY;
    *f = (struct frame){.x0 = 0, .x1 = -INFINITY, .y0 = low, .y1 = -INFINITY};
    for (size_t k = 0; k < c->count; k++)
        for (size_t i = 0; i < c->series[k].count; i++) {
            const struct sk_series *s = &c->series[k];
            if (!known(s, i))
                continue;
            f->x1 = fmax(f->x1, s->x[i]);
            f->y0 = fmin(f->y0, s->y[i]);
            f->y1 = fmax(f->y1, s->y[i]);
        }
    return f->y1 >= f->y0;
}

/* Rounds the range outwards to ticks; returns their step. */
static double fit_range(const struct sk_chart *c, struct frame *f)
{
    if (c->band[0] < c->band[1]) {
        f->y0 = fmin(f->y0, c->band[0]);
        f->y1 = fmax(f->y1, c->band[1]);
    }
    double span = f->y1 - f->y0, least = fmax(fabs(f->y1) * 0.01, 1e-9);
    double step = round_step(span > least ? span : least, TICKS);
    f->log = c->may_be_log && f->y0 > LEAST && f->y1 > LOG_FROM * f->y0 && f->y1 < LOG_TO * f->y0;
    f->y0 = f->log ? 1 / round_step(1 / f->y0, 1) : floor(f->y0 / step + 1e-9) * step;
    f->y1 = f->log ? round_step(f->y1, 1) : fmax(ceil(f->y1 / step - 1e-9) * step, f->y0 + step);
    f->x1 = f->x1 > f->x0 ? f->x1 : f->x0 + 1;
    f->left = LEFT;
    f->right = WIDTH - LABELS;
    f->top = TOP;
    f->bottom = HEIGHT - BOTTOM;
    return step;
}

static void add_grid(struct sk_page *p, const struct sk_chart *c, const struct frame *f, double step)
{
    double slack = f->log ? 1e-9 * f->y1 : step / 2;
    for (double y = f->y0; y <= f->y1 + slack; y = f->log ? round_step(1.5 * y, 1) : y + step) {
        sk_page_add(p, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", f->left, f->right,
                    at_y(f, y), at_y(f, y));
        sk_page_add(p,
                    c->percent ? "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.4g%%</text>\n"
                               : "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                    f->left - 5, at_y(f, y) + 3.5,
                    !f->log && fabs(y) < step / 2 ? 0.0
                    : c->percent                  ? 100 * y
                                                  : y);
    }
    double along = fmax(round_step(f->x1 - f->x0, TICKS), 1), end = f->right;
    for (double x = 0; x <= f->x1 + 1e-9; x += along) {
        char text[32];
        end = at_x(f, x) + DIGIT / 2 * snprintf(text, sizeof(text), "%.10g", x);
        sk_page_add(p, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>", at_x(f, x), f->bottom + 13,
                    text);
    }
    sk_page_add(p, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", fmax(f->right, end) + 8, f->bottom + 13, c->across);
}

static void add_band(struct sk_page *p, const struct sk_chart *c, const struct frame *f)
{
    if (c->band[0] >= c->band[1])
        return;
    double top = at_y(f, c->band[1]), bottom = at_y(f, c->band[0]);
    bool room = bottom - top >= LINE, under = bottom + LINE < f->bottom; /* else the word stands beside the band */
    sk_page_add(p,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"var(--good)\" opacity=\".15\">"
                "<title>expected: %.2f%%, tolerance %.2f%%</title></rect>\n"
                "<text x=\"%.1f\" y=\"%.1f\">expected</text>\n",
                f->left, top, f->right - f->left, bottom - top, 100 * c->band[1],
                100 * (c->band[1] - c->band[0]), f->left + 4,
                room    ? (top + bottom) / 2 + 3.5
                : under ? bottom + LINE - 2
                        : top - 4);
}

static void add_value(struct sk_page *p, const struct sk_chart *c, double y)
{
    sk_page_add(p, c->percent ? "%.2f%%" : "%.3g", c->percent ? 100 * y : y);
}

static void add_line(struct sk_page *p, const struct sk_chart *c, const struct sk_series *s, const struct frame *f)
{
    static const char *const look[] = {"", " class=\"dashed\"", " class=\"faint\""};
    bool begun = false;
    sk_page_add(p, "<path%s stroke=\"var(--c%d)\" d=\"", look[s->line], s->colour);
    for (size_t i = 0; i < s->count; i++) {
        if (known(s, i))
            sk_page_add(p, "%s%.1f %.1f", begun ? "L" : "M", at_x(f, s->x[i]), at_y(f, s->y[i]));
        begun = known(s, i);
    }
    sk_page_add(p, "\"/>\n");
    for (size_t i = 0; i < s->count && s->count <= DOTS && s->line != SK_LINE_FAINT; i++) {
        if (!known(s, i))
            continue;
        sk_page_add(p,
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\" fill=\"var(--c%d)\"><title>%s %.6g: ", at_x(f, s->x[i]),
                    at_y(f, s->y[i]), s->colour, c->across, s->x[i]);
        add_value(p, c, s->y[i]);
        sk_page_add(p, "</title></circle>");
    }
}

/* ---- labels beside the ends of lines ---- */
struct label {
    const struct sk_series *series;
    double value, y; /* y: of its text, moved so that none covers another */
};

static int by_place(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return (x->y > y->y) - (x->y < y->y);
}

static size_t find_labels(const struct sk_chart *c, const struct frame *f, struct label *label, size_t max)
{
    size_t n = 0;
    for (size_t k = 0; k < c->count && n < max; k++) {
        const struct sk_series *s = &c->series[k];
        size_t i = s->count;
        while (i > 0 && !known(s, i - 1))
            i--;
        if (s->label && i > 0)
            label[n++] = (struct label){s, s->y[i - 1], at_y(f, s->y[i - 1])};
    }
    return n;
}

/* Pushes labels that are too near each other downwards, and those below the plot back up. */
static void spread(struct label *label, size_t n, const struct frame *f)
{
    qsort(label, n, sizeof(*label), by_place);
    for (size_t i = 1; i < n; i++)
        label[i].y = fmax(label[i].y, label[i - 1].y + LINE);
    double limit = f->bottom - LINE / 3.0; /* clear of the axis' name */
    for (size_t i = n; i > 0; i--, limit -= LINE) {
        label[i - 1].y = fmin(label[i - 1].y, limit);
        limit = fmin(limit, label[i - 1].y);
    }
}

static void add_labels(struct sk_page *p, const struct sk_chart *c, const struct frame *f)
{
    struct label label[2 * SK_REPORT_RUNS];
    size_t n = find_labels(c, f, label, SK_COUNT(label));
    spread(label, n, f);
    for (size_t i = 0; i < n; i++) {
        sk_page_add(p, "<text x=\"%.1f\" y=\"%.1f\" style=\"fill:var(--c%d)\">", f->right + 6, label[i].y + 3.5,
                    label[i].series->colour);
        sk_page_text(p, label[i].series->label);
        sk_page_add(p, " ");
        add_value(p, c, label[i].value);
        sk_page_add(p, "</text>\n");
    }
}

/* The chart in words. */
static void describe(struct sk_page *p, const struct sk_chart *c, const struct frame *f)
{
    struct label label[2 * SK_REPORT_RUNS];
    size_t n = find_labels(c, f, label, SK_COUNT(label));
    sk_page_add(p, "%s by %s, at the end:", c->title, c->across);
    for (size_t i = 0; i < n; i++) {
        sk_page_add(p, i > 0 ? ", " : " ");
        sk_page_text(p, label[i].series->label);
        sk_page_add(p, " ");
        add_value(p, c, label[i].value);
    }
}

void sk_chart_lines(struct sk_page *p, const struct sk_chart *c)
{
    struct frame f;
    if (!find_range(c, &f))
        return;
    double step = fit_range(c, &f);
    sk_page_add(p,
                "<figure><figcaption>%s <span class=\"quiet\">%s%s</span></figcaption>\n"
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                c->title, c->unit, f.log ? ", logarithmic" : "", WIDTH, HEIGHT);
    describe(p, c, &f);
    sk_page_add(p, "\">\n");
    add_grid(p, c, &f, step);
    add_band(p, c, &f);
    for (size_t k = 0; k < c->count; k++)
        add_line(p, c, &c->series[k], &f);
    add_labels(p, c, &f);
    sk_page_add(p, "</svg></figure>\n");
}

/* ---- reliability ---- */
void sk_chart_reliability(struct sk_page *p, const struct sk_bin bin[SK_SCORES_BINS])
{
    static const double tick[] = {0, 0.25, 0.5, 0.75, 1};
    struct frame f = {0, 1, 0, 1, LEFT, WIDTH - 10, TOP, HEIGHT - BOTTOM, false};
    double wide = (f.right - f.left) / SK_SCORES_BINS;
    sk_page_add(p,
                "<figure><figcaption>Reliability <span class=\"quiet\">accuracy by confidence</span></figcaption>\n"
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"accuracy by confidence, the figures are in the "
                "table below\">\n",
                WIDTH, HEIGHT);
    for (size_t i = 0; i < SK_COUNT(tick); i++)
        sk_page_add(
            p,
            "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"end\">%.0f%%</text><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f%%</text>\n",
            f.left, f.right, at_y(&f, tick[i]), at_y(&f, tick[i]), f.left - 4, at_y(&f, tick[i]) + 3.5, 100 * tick[i],
            at_x(&f, tick[i]), f.bottom + 13, 100 * tick[i]);
    for (int b = 0; b < SK_SCORES_BINS; b++) {
        double n = (double)bin[b].count, accuracy = n > 0 ? (double)bin[b].correct / n : 0;
        if (bin[b].count == 0)
            continue;
        sk_page_add(p,
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"var(--c0)\" opacity=\".7\">"
                    "<title>%lld pictures: confidence %.1f%%, accuracy %.1f%%</title></rect>\n",
                    f.left + b * wide + 1, at_y(&f, accuracy), wide - 2, f.bottom - at_y(&f, accuracy),
                    (long long)bin[b].count, 100 * bin[b].confidence_sum / n, 100 * accuracy);
    }
    sk_page_add(p, "<path class=\"dashed\" stroke=\"var(--text)\" d=\"M%.1f %.1fL%.1f %.1f\"/></svg></figure>\n",
                f.left, f.bottom, f.right, f.top);
}

/* The results of a sweep: a table with bars, what failed, fits; as JSON, as CSV, as a chart. */
#include <math.h>
#include <string.h>

#include "cli/svg.h"
#include "cli/sweep.h"

enum { CELL = 96, LONGEST = 104, BAR_WIDTH = 24, MANY = 1000000 }; /* MANY: from there on with an exponent */

struct shown {
    const struct sk_trials *s;
    const struct sk_setting_result *row; /* of each setting, sorted */
    enum sk_metric column[SK_METRICS];
    size_t columns;
    struct sk_swept swept;
};

static const char *label_of(const struct sk_trials *s, size_t setting)
{
    return s->label[setting].len ? s->label[setting].text : s->recipe->name;
}

/* ---- figures as text ---- */
static const char *figure(enum sk_metric m, double value, char out[CELL])
{
    char digits[32];
    switch (sk_metric_rows[m].unit) {
    case SK_UNIT_SHARE:
        snprintf(out, CELL, "%.2f", 100 * value);
        break;
    case SK_UNIT_LOSS:
        snprintf(out, CELL, fabs(value) < MANY ? "%.4f" : "%.4g", value);
        break;
    case SK_UNIT_SECONDS:
        snprintf(out, CELL, fabs(value) < MANY ? "%.3f" : "%.4g", value);
        break;
    case SK_UNIT_COUNT:
        snprintf(out, CELL, "%s", sk_thousands((int64_t)llround(value), digits));
        break;
    }
    return out;
}

static const char *spread_text(enum sk_metric m, const struct sk_spread *p, char out[CELL])
{
    char mean[CELL], deviation[CELL];
    const char *percent = sk_metric_rows[m].unit == SK_UNIT_SHARE ? "%" : "";
    if (p->n == 0)
        snprintf(out, CELL, "-");
    else if (p->n == 1 || (p->deviation == 0 && sk_metric_rows[m].unit == SK_UNIT_COUNT))
        snprintf(out, CELL, "%s%s", figure(m, p->mean, mean), percent);
    else
        snprintf(out, CELL, "%.40s %s %.40s%s", figure(m, p->mean, mean), sk_print_unicode() ? "\u00b1" : "+-",
                 figure(m, p->deviation, deviation), percent);
    return out;
}

/* ---- the table ---- */
static double most_of(const struct shown *v)
{
    double most = 0;
    for (size_t i = 0; i < v->s->settings; i++)
        most = fmax(most, v->row[i].of[v->column[0]].mean); /* fmax passes over NaN */
    return most;
}

static enum sk_code bar_cell(struct sk_table *t, double value, double most, struct sk_err *err)
{
    struct sk_str bar = {0};
    enum sk_code code = SK_OK;
    if (value > 0)
        code = sk_bar(&bar, value / most, BAR_WIDTH, err);
    sk_table_cell(t, "%s", bar.text ? bar.text : "");
    sk_str_release(&bar);
    return code;
}

static enum sk_code print_table(const struct shown *v, struct sk_err *err)
{
    char align[SK_METRICS + 4] = "lr", text[CELL], label[LONGEST];
    memset(align + 2, 'r', v->columns);
    align[2 + v->columns] = 'l';
    struct sk_table t = {.align = align};
    enum sk_code code = SK_OK;
    sk_table_cell(&t, "setting");
    sk_table_cell(&t, "runs");
    for (size_t c = 0; c < v->columns; c++)
        sk_table_cell(&t, "%s", sk_metric_rows[v->column[c]].heading);
    sk_table_cell(&t, "%s", "");
    for (size_t i = 0; i < v->s->settings && code == SK_OK; i++) {
        const struct sk_setting_result *r = &v->row[i];
        sk_table_cell(&t, "%s", sk_printable(label, sizeof(label), label_of(v->s, r->setting)));
        if (r->done == r->runs)
            sk_table_cell(&t, "%zu", r->runs);
        else
            sk_table_cell(&t, "%zu/%zu", r->done, r->runs);
        for (size_t c = 0; c < v->columns; c++)
            sk_table_cell(&t, "%s", spread_text(v->column[c], &r->of[v->column[c]], text));
        code = bar_cell(&t, r->of[v->column[0]].mean, most_of(v), err);
    }
    if (code == SK_OK)
        return sk_table_print(&t, err);
    sk_str_release(&t.text);
    return code;
}

static void print_left(const struct sk_trials *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct sk_trial *t = &s->trial[i];
        char why[sizeof(t->why)];
        if (t->state == SK_TRIAL_FAILED || t->state == SK_TRIAL_LEFT_OUT)
            sk_print("%s: %s: %s\n", t->name, sk_trial_state_name(t->state), sk_printable(why, sizeof(why), t->why));
        else if (t->state == SK_TRIAL_RUNNING || t->state == SK_TRIAL_STOPPED)
            sk_print("%s: %s\n", t->name, sk_trial_state_name(t->state));
    }
}

/* ---- what must not be compared ---- */
static void doubt_settings(const struct sk_trials *s, struct sk_recipe *first, struct sk_recipe *other)
{
    if (sk_recipe_sweep_setting(s->recipe, 0, first, NULL) != SK_OK)
        return;
    for (size_t i = 1; i < s->settings; i++) {
        const char *key =
            sk_recipe_sweep_setting(s->recipe, i, other, NULL) == SK_OK ? sk_recipe_other_data(first, other, false) : NULL;
        if (key) {
            sk_notice("settings differ in %s: their accuracies and losses are not of the same pictures", key);
            return;
        }
    }
}

/* Runs of one setting and seed-independent data that saw different pictures: data that changed between two goes. */
static void doubt_runs(const struct sk_trials *s, struct sk_recipe *a, struct sk_recipe *b)
{
    const struct sk_trial *first = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct sk_trial *t = &s->trial[i];
        if (t->fingerprint == 0)
            continue;
        first = first ? first : t;
        if (t->fingerprint == first->fingerprint || t->seed != first->seed ||
            sk_trial_recipe(s, first, a, NULL) != SK_OK || sk_trial_recipe(s, t, b, NULL) != SK_OK ||
            memcmp(&a->data, &b->data, sizeof(a->data)) != 0)
            continue;
        sk_notice("'%s' and '%s' were trained on different data: it changed between them, and their figures cannot be "
                  "compared",
                  first->name, t->name);
        return;
    }
}

static enum sk_code tell_doubts(const struct sk_trials *s, struct sk_err *err)
{
    struct sk_recipe *pair = sk_alloc(2, sizeof(*pair), err);
    if (!pair)
        return SK_NOMEM;
    doubt_settings(s, &pair[0], &pair[1]);
    doubt_runs(s, &pair[0], &pair[1]);
    sk_free(pair);
    return SK_OK;
}

/* ---- fits ---- */
struct fit {
    const struct sk_trials *s;
    enum sk_metric x, y;
    double *px, *py;
    bool json;
};

static enum sk_code show_line(const struct fit *f, const struct sk_line *l, const char *rest, struct sk_err *err)
{
    const char *x = sk_metric_rows[f->x].name, *y = sk_metric_rows[f->y].name;
    if (f->json)
        return sk_print_json(json_pack("{s:s, s:s, s:s, s:o, s:I, s:f, s:f, s:f}", "event", "fit", "x", x, "y", y,
                                       "setting", sk_json_text(rest), "runs", (json_int_t)l->n, "at0", l->at0, "slope",
                                       l->slope, "r2", l->r2),
                             "the fit", err);
    sk_print("%s%s%s = %.4g %c %.4g * %s, R^2 %.4f over %zu runs\n", rest, *rest ? ": " : "", y, l->at0,
             l->slope < 0 ? '-' : '+', fabs(l->slope), x, l->r2, l->n);
    return SK_OK;
}

/* The runs whose settings are called alike but for the keys that x follows from. */
static enum sk_code fit_group(const struct fit *f, const struct sk_str *group, size_t first, struct sk_err *err)
{
    struct sk_line line;
    const char *x = sk_metric_rows[f->x].name;
    size_t n = 0;
    for (size_t i = 0; i < f->s->count; i++) {
        const struct sk_trial *t = &f->s->trial[i];
        bool counts = t->state == SK_TRIAL_DONE && strcmp(group[t->setting].text, group[first].text) == 0;
        if (!counts || isnan(t->value[f->x]) || isnan(t->value[f->y]))
            continue;
        f->px[n] = t->value[f->x];
        f->py[n++] = t->value[f->y];
    }
    if (sk_line_fit(f->px, f->py, n, &line))
        return show_line(f, &line, group[first].text, err);
    sk_notice("no line through %s over %s: it takes three runs that are done, with different %s",
              sk_metric_rows[f->y].name, x, x);
    return SK_OK;
}

static bool is_first(const struct sk_str *group, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(group[j].text, group[i].text) == 0)
            return false;
    return true;
}

static enum sk_code fit_groups(const struct fit *f, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    struct sk_str *group = sk_alloc(f->s->settings, sizeof(*group), err);
    if (!group)
        return SK_NOMEM;
    for (size_t i = 0; i < f->s->settings && code == SK_OK; i++) {
        code = sk_str_add(&group[i], err, "%s", "");
        if (code == SK_OK)
            code = sk_recipe_sweep_label(f->s->recipe, i, sk_metric_rows[f->x].section, &group[i], err);
    }
    for (size_t i = 0; i < f->s->settings && code == SK_OK; i++)
        if (is_first(group, i))
            code = fit_group(f, group, i, err);
    for (size_t i = 0; i < f->s->settings; i++)
        sk_str_release(&group[i]);
    sk_free(group);
    return code;
}

static enum sk_code show_fits(const struct sk_trials *s, bool json, struct sk_err *err)
{
    const struct sk_recipe_sweep *r = &s->recipe->sweep;
    struct fit f = {.s = s, .json = json};
    enum sk_code code = r->fit_x.count ? sk_metric_find(r->fit_y, "sweep.fit.y", &f.y, err) : SK_OK;
    f.px = sk_alloc(2 * s->count, sizeof(*f.px), err);
    if (!f.px)
        return SK_NOMEM;
    f.py = f.px + s->count;
    for (int i = 0; i < r->fit_x.count && code == SK_OK; i++) {
        code = sk_metric_find(sk_recipe_word(&r->fit_x, i), "sweep.fit.x", &f.x, err);
        if (code == SK_OK)
            code = fit_groups(&f, err);
    }
    sk_free(f.px);
    return code;
}

/* ---- JSON ---- */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static enum sk_code print_json(const struct shown *v, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < v->s->count && code == SK_OK; i++) {
        const struct sk_trial *t = &v->s->trial[i];
        json_t *o = json_pack("{s:s, s:s, s:o, s:I, s:s, s:o}", "event", "run", "run", t->name, "setting",
                              sk_json_text(label_of(v->s, t->setting)), "seed", (json_int_t)t->seed, "state",
                              sk_trial_state_name(t->state), "why", sk_json_text(t->why));
        json_object_set_new(o, "keys", sk_swept_json(&v->swept, t->setting));
        for (int m = 0; m < SK_METRICS; m++)
            json_object_set_new(o, sk_metric_rows[m].name, number(t->value[m]));
        code = sk_print_json(o, "the sweep", err);
    }
    for (size_t i = 0; i < v->s->settings && code == SK_OK; i++) {
        const struct sk_setting_result *r = &v->row[i];
        json_t *o =
            json_pack("{s:s, s:o, s:I, s:I}", "event", "setting", "setting", sk_json_text(label_of(v->s, r->setting)),
                      "runs", (json_int_t)r->runs, "done", (json_int_t)r->done);
        json_object_set_new(o, "keys", sk_swept_json(&v->swept, r->setting));
        for (int m = 0; m < SK_METRICS; m++)
            json_object_set_new(
                o, sk_metric_rows[m].name,
                json_pack("{s:o, s:o}", "mean", number(r->of[m].mean), "deviation", number(r->of[m].deviation)));
        code = sk_print_json(o, "the sweep", err);
    }
    return code;
}

/* ---- CSV ---- */
static enum sk_code csv_number(struct sk_str *out, double value, struct sk_err *err)
{
    return isnan(value) ? sk_str_add(out, err, ",") : sk_str_add(out, err, ",%.9g", value);
}

static enum sk_code make_csv(const struct shown *v, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "setting,runs,done");
    if (code == SK_OK)
        code = sk_swept_csv_names(&v->swept, out, err);
    for (int m = 0; m < SK_METRICS && code == SK_OK; m++)
        code = sk_str_add(out, err, ",%s,%s_deviation", sk_metric_rows[m].name, sk_metric_rows[m].name);
    for (size_t i = 0; i < v->s->settings && code == SK_OK; i++) {
        const struct sk_setting_result *r = &v->row[i];
        code = sk_str_add(out, err, "\n");
        if (code == SK_OK)
            code = sk_csv_text(out, label_of(v->s, r->setting), err);
        if (code == SK_OK)
            code = sk_str_add(out, err, ",%zu,%zu", r->runs, r->done);
        if (code == SK_OK)
            code = sk_swept_csv(&v->swept, r->setting, out, err);
        for (int m = 0; m < SK_METRICS && code == SK_OK; m++) {
            code = csv_number(out, r->of[m].mean, err);
            if (code == SK_OK)
                code = csv_number(out, r->of[m].deviation, err);
        }
    }
    return code == SK_OK ? sk_str_add(out, err, "\n") : code;
}

/* ---- the chart: a bar a setting, with its deviation to both sides ---- */
enum { ROW = 26, TOP = 36, LEFT = 260, RIGHT = 470, WIDTH = 640, LABEL = 44 };

static enum sk_code add_row(const struct shown *v, size_t i, double most, struct sk_str *out, struct sk_err *err)
{
    char label[LABEL], text[CELL];
    const struct sk_setting_result *r = &v->row[i];
    const struct sk_spread *p = &r->of[v->column[0]];
    double y = TOP + (double)i * ROW, unit = most > 0 ? (RIGHT - LEFT) / most : 0, middle = y + ROW / 2.0;
    sk_printable(label, sizeof(label), label_of(v->s, r->setting));
    enum sk_code code = sk_svg_text(out, LEFT - 8, middle + 4, "end", i == 0, label, err);
    if (code == SK_OK && p->n > 0)
        code = sk_svg_rect(out, "bar", LEFT, y + 4, fmax(0, unit * p->mean), ROW - 8, err);
    if (code == SK_OK && p->n > 1)
        code = sk_svg_line(out, "deviation", LEFT + unit * (p->mean - p->deviation), middle,
                           LEFT + unit * (p->mean + p->deviation), middle, err);
    return code == SK_OK
               ? sk_svg_text(out, RIGHT + 12, middle + 4, "start", i == 0, spread_text(v->column[0], p, text), err)
               : code;
}

/* Where the longest bar ends, or its deviation. */
static double reach_of(const struct shown *v)
{
    double most = most_of(v);
    for (size_t i = 0; i < v->s->settings; i++) {
        const struct sk_spread *p = &v->row[i].of[v->column[0]];
        most = fmax(most, p->mean + p->deviation);
    }
    return most;
}

static enum sk_code make_svg(const struct shown *v, struct sk_str *out, struct sk_err *err)
{
    static const char style[] = ".bar { fill: #2471a3 } .deviation { stroke: #c0392b; stroke-width: 2 }";
    char title[2 * SK_NAME];
    double most = reach_of(v);
    int name = snprintf(title, sizeof(title), "%s: ", v->s->recipe->name);
    snprintf(title + name, sizeof(title) - (size_t)name, "%s%s", sk_metric_rows[v->column[0]].name,
             v->s->recipe->sweep.seeds.count > 1 ? ", mean and deviation of the runs" : "");
    for (char *c = title + name; *c; c++)
        *c = *c == '_' ? ' ' : *c; /* best_accuracy is the name for commands */
    enum sk_code code = sk_svg_open(out, WIDTH, TOP + 12 + (double)v->s->settings * ROW, style, err);
    if (code == SK_OK)
        code = sk_svg_text(out, 10, 20, "start", true, title, err);
    if (code == SK_OK)
        code = sk_svg_line(out, "grid", LEFT, TOP, LEFT, TOP + (double)v->s->settings * ROW, err);
    for (size_t i = 0; i < v->s->settings && code == SK_OK; i++)
        code = add_row(v, i, most, out, err);
    return code == SK_OK ? sk_str_add(out, err, "</svg>\n") : code;
}

/* ---- all of it ---- */
static enum sk_code write_file(const struct shown *v, const char *path,
                               enum sk_code (*make)(const struct shown *, struct sk_str *, struct sk_err *),
                               struct sk_err *err)
{
    struct sk_str text = {0};
    enum sk_code code = path ? make(v, &text, err) : SK_OK;
    if (path && code == SK_OK)
        code = sk_file_write(path, text.text, text.len, err);
    sk_str_release(&text);
    return code;
}

enum sk_code sk_trials_show(const struct sk_trials *s, const struct sk_sweep_show *show, struct sk_err *err)
{
    struct shown v = {.s = s};
    enum sk_code code = sk_metric_columns(&s->recipe->sweep, v.column, &v.columns, err);
    struct sk_setting_result *row = code == SK_OK ? sk_trials_results(s, v.column[0], err) : NULL;
    if (!row)
        return code == SK_OK ? SK_NOMEM : code;
    v.row = row;
    code = sk_swept_init(&v.swept, s, err);
    if (code == SK_OK)
        code = show->json ? print_json(&v, err) : print_table(&v, err);
    if (code == SK_OK && !show->json)
        print_left(s);
    if (code == SK_OK)
        code = show_fits(s, show->json, err);
    if (code == SK_OK)
        code = tell_doubts(s, err);
    if (code == SK_OK)
        code = write_file(&v, show->csv, make_csv, err);
    if (code == SK_OK)
        code = write_file(&v, show->svg, make_svg, err);
    sk_swept_release(&v.swept);
    sk_free(row);
    return code;
}

/* Between the files of report: a run as it was read, charts, and the parts of the page. */
#ifndef SKUA_REPORT_INTERNAL_H
#define SKUA_REPORT_INTERNAL_H

#include <math.h>

#include "report/report.h"

/* ---- a run as it was read (run.c) ---- */
enum { SK_REPORT_LABEL = 9 };
struct sk_report_run {
    const char *path; /* as given */
    char name[SK_NAME];
    char label[SK_REPORT_LABEL + 1]; /* in charts and heads of tables: a short name, else a letter */
    bool has_recipe, has_position, has_shape;
    bool running;            /* another process holds it */
    struct sk_recipe recipe; /* defaults where has_recipe is false */
    struct sk_run_log log;
    struct sk_position position; /* of its newest checkpoint */
    char model[SK_PATH];         /* its best checkpoint's, else the last; empty: none */
    char version[32];            /* of the skua that wrote the model; empty: not known */
    struct sk_net_shape shape;   /* classes 0: not known */
    double epoch_steps;          /* optimizer steps an epoch, 0: not known */
    int64_t params;              /* 0: not known */
    double macs;
    struct sk_page notes; /* what is missing or damaged, <li> each */
    /* Of an evaluation by the report. */
    bool evaluated;
    bool of_own_data;     /* of what its recipe names: nothing was said by --data or --set */
    uint64_t fingerprint; /* of the data it was evaluated on */
    int64_t step, count;
    double top1, top5, loss, f1, ece;
};
/* INPUT where path is no run. Release also after a failure. */
enum sk_code sk_report_run_read(struct sk_report_run *run, const char *path, struct sk_err *err) SK_MUST;
void sk_report_run_release(struct sk_report_run *run);
void sk_report_note(struct sk_report_run *run, const char *fmt, ...) SK_PRINTF(2, 3);
/* An error that the page can tell: it becomes a note, "what: why", and err is cleared; false: it ends the report. */
bool sk_report_tell(struct sk_report_run *run, const char *what, enum sk_code code, struct sk_err *err);
const struct sk_logged_epoch *sk_report_last(const struct sk_report_run *run); /* NULL: no epoch is logged */
const struct sk_logged_epoch *sk_report_best(const struct sk_report_run *run); /* by validation; NULL: none */
/* Accuracy of the last validation, NaN: none. */
double sk_report_accuracy(const struct sk_report_run *run);
/* The epochs that its recipe asks for now: a run that was finished may go on; by steps, what its log says. */
int64_t sk_report_planned(const struct sk_report_run *run);
bool sk_report_finished(const struct sk_report_run *run);
double sk_report_seconds(const struct sk_report_run *run); /* of its logged epochs */
enum sk_same { SK_SAME_NO, SK_SAME_YES, SK_SAME_UNKNOWN };
/* Whether the logged validation figures of two runs are of the same data, and those of the report's own evaluation. */
enum sk_same sk_report_same_logged(const struct sk_report_run *a, const struct sk_report_run *b);
enum sk_same sk_report_same_evaluated(const struct sk_report_run *a, const struct sk_report_run *b);

/* ---- line charts as inline SVG (chart.c) ---- */
enum sk_line { SK_LINE_SOLID, SK_LINE_DASHED, SK_LINE_FAINT };
struct sk_series {     /* points with NaN are left out */
    const char *label; /* beside its last point; NULL: none */
    int colour;
    enum sk_line line;
    double *x, *y;
    size_t count;
};
struct sk_chart {
    const char *title, *unit, *across; /* unit: in words after the title; across: what x is */
    bool percent;                      /* y is a share */
    bool may_be_log; /* a logarithmic axis of y where its values are far apart: a peak does not flatten all others */
    bool from_zero;  /* the axis of y begins at 0 */
    double band[2];  /* the least that is fine and what is expected; band[0] == band[1]: none */
    const struct sk_series *series;
    size_t count;
};
/* A <figure>; nothing where no series has a point. */
void sk_chart_lines(struct sk_page *p, const struct sk_chart *c);
/* The reliability diagram: accuracy of each bin of confidence beside the diagonal. */
void sk_chart_reliability(struct sk_page *p, const struct sk_bin bin[SK_SCORES_BINS]);

/* ---- parts of the page ---- */
/* report.c: the k-th of several, with its colour and the letter that stands for it, if one does */
void sk_report_name(struct sk_page *p, const struct sk_report_run *run, size_t k);
void sk_report_verdict(struct sk_page *p, const struct sk_report_run *run); /* figures.c: one sentence */
void sk_report_figures(struct sk_page *p, const struct sk_report_run *run);
void sk_report_epochs(struct sk_page *p, const struct sk_report_run *run);
void sk_report_times(struct sk_page *p, const struct sk_report_run *run);
/* curves.c: of all runs together */
enum sk_code sk_report_curves(struct sk_page *p, const struct sk_report_run *const *run, size_t runs,
                              struct sk_err *err) SK_MUST;
/* network.c: parameters and MACs into run, and the table of layers onto the page */
enum sk_code sk_report_network(struct sk_page *p, struct sk_report_run *run, struct sk_err *err) SK_MUST;
enum sk_code sk_report_recipe(struct sk_page *p, const struct sk_report_run *run, struct sk_err *err) SK_MUST;
/* quality.c: evaluates, fills run's figures of it, writes their tables, the worst mistakes, the calibration */
enum sk_code sk_report_quality(struct sk_page *p, struct sk_report_run *run, const struct sk_report_options *o,
                               struct sk_err *err) SK_MUST;
void sk_report_classes(struct sk_page *p, const struct sk_scores *s, const char *const *class_name); /* classes.c */
void sk_report_confusion(struct sk_page *p, const struct sk_scores *s, const char *const *class_name);
/* compare.c: figures side by side and keys of the recipes that differ */
enum sk_code sk_report_compare(struct sk_page *p, const struct sk_report_run *const *run, size_t runs,
                               struct sk_err *err) SK_MUST;

#endif

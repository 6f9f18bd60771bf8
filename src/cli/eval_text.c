/* What `skua eval` prints of one model: four lines, and the tables that were asked for. */
#include "cli/eval_view.h"

enum { BAR = 20, FIRST_PAIRS = 3, PAIRS = 20, MATRIX_CLASSES = 14, CELL = 64 };

void sk_latency_print(const struct sk_latency *l)
{
    sk_print("Inference time per image: %.6f seconds (median %.6f, p90 %.6f, p99 %.6f)\n", l->mean, l->median, l->p90,
             l->p99);
}

static const char *class_name(const struct sk_eval_model *m, int c, char out[CELL])
{
    return sk_printable(out, CELL, m->session.class_name[c]);
}

static void cell_bar(struct sk_table *t, double share)
{
    struct sk_str bar = {0};
    if (sk_bar(&bar, share, BAR, NULL) != SK_OK)
        t->failed = true;
    sk_table_cell(t, "%s", bar.text ? bar.text : "");
    sk_str_release(&bar);
}

static void heading(struct sk_table *t, const char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sk_table_cell(t, "%s", text[i]);
}
#define HEADING(t, ...)                                                                                                \
    heading(t, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static double share_of(const struct sk_scores *s, const struct sk_confused *p)
{
    return (double)p->count / (double)s->support[p->label];
}

static void print_summary(const struct sk_eval_model *m)
{
    const struct sk_evaluation *e = &m->e;
    struct sk_confused pair[FIRST_PAIRS];
    char number[32], label[CELL], predicted[CELL];
    int pairs = sk_scores_confused(&e->scores, pair, FIRST_PAIRS);
    sk_print("Loss: %.4f, Accuracy: %.2f%%, Top-5: %.2f%%, %s picture%s%s, %.0f img/s\n", sk_metrics_loss(&e->all),
             100 * sk_metrics_top1(&e->all), 100 * sk_metrics_top5(&e->all), sk_thousands(e->all.count, number),
             e->all.count == 1 ? "" : "s", m->flip ? " and their mirror images" : "", e->seconds > 0 ? (double)e->all.count / e->seconds : 0);
    sk_print("Macro F1: %.4f, ECE: %.2f%%\n", sk_scores_average(&e->scores, SK_MACRO).f1,
             100 * sk_bins_ece(e->scores.bin));
    for (int i = 0; i < pairs; i++)
        sk_print("%s%s as %s %s (%.1f%%)%s", i ? ", " : "Most confused: ", class_name(m, pair[i].label, label),
                 class_name(m, pair[i].predicted, predicted), sk_thousands(pair[i].count, number),
                 100 * share_of(&e->scores, &pair[i]), i + 1 == pairs ? "\n" : "");
    if (e->latency.samples > 0)
        sk_latency_print(&e->latency);
}

/* ---- classes ---- */
static void cell_prf(struct sk_table *t, struct sk_prf p)
{
    sk_table_cell(t, "%.4f", p.precision);
    sk_table_cell(t, "%.4f", p.recall);
    sk_table_cell(t, "%.4f", p.f1);
    cell_bar(t, p.f1);
}

static enum sk_code print_classes(const struct sk_eval_model *m, struct sk_err *err)
{
    const struct sk_scores *s = &m->e.scores;
    struct sk_table t = {.align = "lrrrrl"};
    char name[CELL], number[32];
    HEADING(&t, "class", "pictures", "precision", "recall", "F1", "");
    for (int c = 0; c < s->classes; c++) {
        sk_table_cell(&t, "%s", class_name(m, c, name));
        sk_table_cell(&t, "%s", sk_thousands(s->support[c], number));
        cell_prf(&t, sk_scores_class(s, c));
    }
    for (int a = 0; a < SK_AVERAGES; a++) {
        sk_table_cell(&t, "%s average", sk_average_name[a]);
        sk_table_cell(&t, "%s", sk_thousands(s->count, number));
        cell_prf(&t, sk_scores_average(s, (enum sk_average)a));
    }
    return sk_table_print(&t, err);
}

/* ---- confusion ---- */
static enum sk_code print_matrix(const struct sk_eval_model *m, struct sk_err *err)
{
    const struct sk_scores *s = &m->e.scores;
    char align[MATRIX_CLASSES + 3] = "rl", name[CELL];
    for (int c = 0; c < s->classes; c++)
        align[2 + c] = 'r';
    struct sk_table t = {.align = align};
    HEADING(&t, "", "class, taken for:");
    for (int c = 0; c < s->classes; c++)
        sk_table_cell(&t, "%d", c);
    for (int c = 0; c < s->classes; c++) {
        sk_table_cell(&t, "%d", c);
        sk_table_cell(&t, "%s", class_name(m, c, name));
        for (int p = 0; p < s->classes; p++)
            sk_table_cell(&t, "%lld", (long long)s->confusion[c * s->classes + p]);
    }
    return sk_table_print(&t, err);
}

static enum sk_code print_pairs(const struct sk_eval_model *m, struct sk_err *err)
{
    const struct sk_scores *s = &m->e.scores;
    struct sk_table t = {.align = "llrr"};
    struct sk_confused pair[PAIRS];
    char name[CELL], number[32];
    int pairs = sk_scores_confused(s, pair, PAIRS);
    HEADING(&t, "class", "taken for", "pictures", "of the class");
    for (int i = 0; i < pairs; i++) {
        sk_table_cell(&t, "%s", class_name(m, pair[i].label, name));
        sk_table_cell(&t, "%s", class_name(m, pair[i].predicted, name));
        sk_table_cell(&t, "%s", sk_thousands(pair[i].count, number));
        sk_table_cell(&t, "%.2f%%", 100 * share_of(s, &pair[i]));
    }
    return sk_table_print(&t, err);
}

static enum sk_code print_confusion(const struct sk_eval_model *m, struct sk_err *err)
{
    return m->e.scores.classes <= MATRIX_CLASSES ? print_matrix(m, err) : print_pairs(m, err);
}

/* ---- calibration ---- */
static enum sk_code print_calibration(const struct sk_eval_model *m, struct sk_err *err)
{
    const struct sk_scores *s = &m->e.scores;
    struct sk_table t = {.align = "lrrrl"};
    struct sk_temperature fit;
    char number[32];
    HEADING(&t, "confidence", "pictures", "mean confidence", "accuracy", "");
    for (int b = 0; b < SK_SCORES_BINS; b++) {
        const struct sk_bin *bin = &s->bin[b];
        if (bin->count == 0)
            continue;
        sk_table_cell(&t, "%.3f to %.3f", (double)b / SK_SCORES_BINS, (double)(b + 1) / SK_SCORES_BINS);
        sk_table_cell(&t, "%s", sk_thousands(bin->count, number));
        sk_table_cell(&t, "%.2f%%", 100 * bin->confidence_sum / (double)bin->count);
        sk_table_cell(&t, "%.2f%%", 100 * (double)bin->correct / (double)bin->count);
        cell_bar(&t, (double)bin->correct / (double)bin->count);
    }
    enum sk_code code = sk_table_print(&t, err);
    sk_scores_temperature(s, &fit);
    sk_print("Temperature %.4f, fitted to %s%s of these pictures: loss %.4f -> %.4f, ECE %.2f%% -> %.2f%%\n", fit.value,
             fit.samples < s->count ? "" : "all ", sk_thousands(fit.samples, number), fit.loss_before, fit.loss_after,
             100 * fit.ece_before, 100 * fit.ece_after);
    return code;
}

/* ---- mistakes ---- */
static enum sk_code print_mistakes(const struct sk_eval_model *m, struct sk_err *err)
{
    const struct sk_scores *s = &m->e.scores;
    struct sk_table t = {.align = "lllrr"};
    char path[SK_PATH], shown[256], name[CELL];
    HEADING(&t, "picture", "class", "predicted", "probability", "of the class");
    for (int i = 0; i < s->mistakes; i++) {
        const struct sk_mistake *k = &s->mistake[i];
        sk_dataset_name(m->ds, k->index, path, sizeof(path));
        sk_table_cell(&t, "%s", sk_printable(shown, sizeof(shown), path));
        sk_table_cell(&t, "%s", class_name(m, k->label, name));
        sk_table_cell(&t, "%s", class_name(m, k->predicted, name));
        sk_table_cell(&t, "%.4f", k->probability);
        sk_table_cell(&t, "%.4f", k->label_probability);
    }
    return sk_table_print(&t, err);
}

enum sk_code sk_eval_print(const struct sk_eval_model *m, const struct sk_eval_args *a, struct sk_err *err)
{
    const struct {
        bool wanted;
        enum sk_code (*print)(const struct sk_eval_model *m, struct sk_err *err);
    } part[] = {{a->per_class, print_classes},
                {a->confusion, print_confusion},
                {a->calibration, print_calibration},
                {a->mistakes > 0, print_mistakes}};
    enum sk_code code = SK_OK;
    print_summary(m);
    for (size_t i = 0; i < SK_COUNT(part) && code == SK_OK; i++) {
        if (!part[i].wanted)
            continue;
        sk_print("\n");
        code = part[i].print(m, err);
    }
    return code;
}

/* skua eval A B: two models on the same pictures, figure beside figure, and whether chance explains the difference. */
#include "cli/eval_view.h"

#include <math.h>
#include <string.h>

enum { FIRST_CLASSES = 3, CELL = 64 };

struct pair {
    struct sk_eval_model a, b;
    struct seen {
        int64_t index;
        bool right;
    } * seen; /* a's samples in their order */
    size_t count, cap, at;
    int *b_class; /* of each class of a, its number in b */
    int64_t only_a, only_b; /* samples that only the one got right */
};

/* ---- may they be compared? ---- */
static int class_called(const struct sk_session *s, const char *name)
{
    int c = 0;
    while (c < s->classes && strcmp(s->class_name[c], name) != 0)
        c++;
    return c < s->classes ? c : -1;
}

/* Classes are matched by name; weights that carry no names fit any. */
static enum sk_code match_classes(struct pair *p, struct sk_err *err)
{
    const struct sk_session *a = &p->a.session, *b = &p->b.session;
    char shown[CELL];
    if (a->classes != b->classes)
        return sk_fail(err, SK_INPUT, "'%s' has %d classes, '%s' %d: they cannot be compared", a->path, a->classes,
                       b->path, b->classes);
    bool numbered = sk_classes_numbered((const char *const *)a->class_name, 0, a->classes) ||
                    sk_classes_numbered((const char *const *)b->class_name, 0, b->classes);
    if (!(p->b_class = sk_alloc((size_t)a->classes, sizeof(*p->b_class), err)))
        return SK_NOMEM;
    for (int c = 0; c < a->classes; c++) {
        p->b_class[c] = numbered ? c : class_called(b, a->class_name[c]);
        if (p->b_class[c] < 0)
            return sk_fail(err, SK_INPUT, "class '%s' of '%s' is not among those of '%s': they cannot be compared",
                           sk_printable(shown, sizeof(shown), a->class_name[c]), a->path, b->path);
    }
    return SK_OK;
}

static int64_t samples(const struct sk_eval_model *m)
{
    int64_t count = sk_dataset_info(m->ds)->count, limit = m->session.recipe.data.val_limit;
    return limit > 0 && limit < count ? limit : count;
}

static enum sk_code check_data(const struct sk_eval_model *a, const struct sk_eval_model *b, struct sk_err *err)
{
    if (sk_dataset_info(a->ds)->fingerprint == sk_dataset_info(b->ds)->fingerprint && samples(a) == samples(b))
        return SK_OK;
    return sk_fail(err, SK_INPUT,
                   "'%s' and '%s' have different data for evaluation (%lld and %lld pictures): give both the same with "
                   "--data or --set",
                   a->session.path, b->session.path, (long long)samples(a), (long long)samples(b));
}

/* ---- sample by sample ---- */
static enum sk_code see(void *ctx, const struct sk_scored *s, struct sk_err *err)
{
    struct pair *p = ctx;
    enum sk_code code = sk_grow(&p->seen, &p->cap, p->count + 1, sizeof(*p->seen), err);
    if (code == SK_OK)
        p->seen[p->count++] = (struct seen){s->index, s->top[0] == s->label};
    return code;
}

static enum sk_code compare(void *ctx, const struct sk_scored *s, struct sk_err *err)
{
    struct pair *p = ctx;
    const struct seen *a = p->at < p->count ? &p->seen[p->at++] : NULL;
    bool right = s->top[0] == s->label;
    if (!a || a->index != s->index)
        return sk_fail(err, SK_INPUT, "the pictures that damaged ones were replaced by differ between the two models");
    p->only_a += a->right && !right;
    p->only_b += right && !a->right;
    return SK_OK;
}

/* ---- text ---- */
/* Both figures with their unit, and the difference: of percentages in points. */
static void row(struct sk_table *t, const char *what, int digits, const char *unit, double a, double b)
{
    sk_table_cell(t, "%s", what);
    sk_table_cell(t, "%.*f%s", digits, a, unit);
    sk_table_cell(t, "%.*f%s", digits, b, unit);
    sk_table_cell(t, "%+.*f", digits, b - a);
}

static enum sk_code print_figures(const struct pair *p, struct sk_err *err)
{
    const struct sk_evaluation *a = &p->a.e, *b = &p->b.e;
    struct sk_table t = {.align = "lrrr"};
    sk_table_cell(&t, "%s", "");
    sk_table_cell(&t, "A");
    sk_table_cell(&t, "B");
    sk_table_cell(&t, "B - A");
    row(&t, "loss", 4, "", sk_metrics_loss(&a->all), sk_metrics_loss(&b->all));
    row(&t, "accuracy", 2, "%", 100 * sk_metrics_top1(&a->all), 100 * sk_metrics_top1(&b->all));
    row(&t, "top-5", 2, "%", 100 * sk_metrics_top5(&a->all), 100 * sk_metrics_top5(&b->all));
    for (int i = 0; i < SK_AVERAGES; i++) {
        struct sk_prf x = sk_scores_average(&a->scores, (enum sk_average)i);
        struct sk_prf y = sk_scores_average(&b->scores, (enum sk_average)i);
        char what[32];
        snprintf(what, sizeof(what), "%s F1", sk_average_name[i]);
        if (i != SK_MICRO) /* which is the accuracy */
            row(&t, what, 4, "", x.f1, y.f1);
    }
    row(&t, "ECE", 2, "%", 100 * sk_bins_ece(a->scores.bin), 100 * sk_bins_ece(b->scores.bin));
    if (a->latency.samples > 0 && b->latency.samples > 0)
        row(&t, "inference time per image", 3, " ms", 1e3 * a->latency.mean, 1e3 * b->latency.mean);
    return sk_table_print(&t, err);
}

/* F1 of a's class c. */
static double f1_of_a(const struct pair *p, int c)
{
    return sk_scores_class(&p->a.e.scores, c).f1;
}

static double f1_of_b(const struct pair *p, int c)
{
    return sk_scores_class(&p->b.e.scores, p->b_class[c]).f1;
}

static double gain(const struct pair *p, int c)
{
    return f1_of_b(p, c) - f1_of_a(p, c);
}

static enum sk_code print_classes(const struct pair *p, struct sk_err *err)
{
    struct sk_table t = {.align = "lrrr"};
    char name[CELL];
    sk_table_cell(&t, "class");
    sk_table_cell(&t, "F1 of A");
    sk_table_cell(&t, "F1 of B");
    sk_table_cell(&t, "B - A");
    for (int c = 0; c < p->a.session.classes; c++)
        row(&t, sk_printable(name, sizeof(name), p->a.session.class_name[c]), 4, "", f1_of_a(p, c), f1_of_b(p, c));
    sk_print("\n");
    return sk_table_print(&t, err);
}

/* The classes whose F1 differs most, in one line. */
static void print_largest(const struct pair *p)
{
    int best[FIRST_CLASSES], n = 0;
    char name[CELL];
    for (int c = 0; c < p->a.session.classes; c++) {
        double gap = fabs(gain(p, c));
        int at = n;
        while (at > 0 && gap > fabs(gain(p, best[at - 1])))
            at--;
        if (!(gap > 0) || at == FIRST_CLASSES)
            continue;
        n += n < FIRST_CLASSES;
        for (int i = n - 1; i > at; i--)
            best[i] = best[i - 1];
        best[at] = c;
    }
    for (int i = 0; i < n; i++)
        sk_print("%s%s %+.4f%s", i ? ", " : "Largest differences of F1: ",
                 sk_printable(name, sizeof(name), p->a.session.class_name[best[i]]), gain(p, best[i]),
                 i + 1 == n ? "\n" : "");
}

static enum sk_code print_text(const struct pair *p, const struct sk_eval_args *args, struct sk_err *err)
{
    char a[32], b[32], shown[SK_PATH];
    sk_print("A: %s\n", sk_printable(shown, sizeof(shown), p->a.session.path));
    sk_print("B: %s\n", sk_printable(shown, sizeof(shown), p->b.session.path));
    sk_print("%s picture%s\n\n", sk_thousands(p->a.e.all.count, a), p->a.e.all.count == 1 ? "" : "s");
    enum sk_code code = print_figures(p, err);
    sk_print("\nMcNemar's test: %s pictures only A got right, %s only B: p = %.3g (exact binomial, two-sided)\n",
             sk_thousands(p->only_a, a), sk_thousands(p->only_b, b), sk_mcnemar(p->only_a, p->only_b));
    print_largest(p);
    return code == SK_OK && args->per_class ? print_classes(p, err) : code;
}

static enum sk_code print_json(const struct pair *p, struct sk_err *err)
{
    json_t *root = json_pack("{s:o, s:o, s:{s:I, s:I, s:f, s:s}}", "a", sk_eval_model_json(&p->a), "b",
                             sk_eval_model_json(&p->b), "mcnemar", "only_a", (json_int_t)p->only_a, "only_b",
                             (json_int_t)p->only_b, "p", sk_mcnemar(p->only_a, p->only_b), "test", "exact binomial");
    return sk_print_json(root, "the results", err);
}

enum sk_code sk_eval_pair(const char *a, const char *b, const struct sk_eval_args *args, struct sk_err *err)
{
    struct pair *p = sk_alloc(1, sizeof(*p), err); /* too large for a stack */
    if (!p)
        return SK_NOMEM;
    enum sk_code code = sk_eval_model_open(&p->a, a, args, true, err);
    if (code == SK_OK)
        code = sk_eval_model_open(&p->b, b, args, false, err);
    if (code == SK_OK)
        code = match_classes(p, err);
    if (code == SK_OK)
        code = check_data(&p->a, &p->b, err);
    if (code == SK_OK)
        code = sk_eval_model_run(&p->a, args, see, p, err);
    if (code == SK_OK)
        code = sk_eval_model_run(&p->b, args, compare, p, err);
    if (code == SK_OK)
        code = args->json ? print_json(p, err) : print_text(p, args, err);
    sk_eval_model_close(&p->a);
    sk_eval_model_close(&p->b);
    sk_free(p->seen);
    sk_free(p->b_class);
    sk_free(p);
    return code;
}

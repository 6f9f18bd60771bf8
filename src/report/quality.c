/* A run's model on its validation data: scores, calibration, the worst mistakes; and what augmentation makes of
 * pictures. */
#include "report/internal.h"

enum { MISTAKES = 24, SAMPLES = 6, VERSIONS = 4 };

struct quality {
    struct sk_session session;
    struct sk_dataset *ds;
    struct sk_evaluation e;
};

/* ---- sections ---- */
static void add_head(struct sk_page *p, const struct sk_report_run *run, const struct quality *q)
{
    const struct sk_scores *s = &q->e.scores;
    const struct sk_logged_epoch *best = sk_report_best(run);
    char number[32], step[32];
    sk_page_add(p, "<h2>Evaluation</h2>\n<p>The %s of step %s, on %s validation pictures: accuracy <b>%.2f%%</b>",
                best && best->step == q->session.step ? "best checkpoint," : "checkpoint",
                sk_thousands(q->session.step, step), sk_thousands(q->e.all.count, number),
                100 * sk_metrics_top1(&q->e.all));
    if (s->classes > SK_SCORES_TOP)
        sk_page_add(p, ", among the first five %.2f%%", 100 * sk_metrics_top5(&q->e.all));
    sk_page_add(p, ", loss %.4f, macro F1 %.2f%%.</p>\n", sk_metrics_loss(&q->e.all),
                100 * sk_scores_average(s, SK_MACRO).f1);
}

static void add_bins(struct sk_page *p, const struct sk_scores *s)
{
    sk_page_add(
        p, "<details><summary>Table of the bins</summary>\n<div class=\"scroll\"><table><thead><tr><th>confidence</th>"
           "<th>pictures</th><th>mean confidence</th><th>accuracy</th></tr></thead>\n");
    for (int b = 0; b < SK_SCORES_BINS; b++) {
        double n = (double)s->bin[b].count;
        if (s->bin[b].count > 0)
            sk_page_add(p, "<tr><td>%.1f to %.1f%%</td><td>%lld</td><td>%.2f%%</td><td>%.2f%%</td></tr>\n",
                        100.0 * b / SK_SCORES_BINS, 100.0 * (b + 1) / SK_SCORES_BINS, (long long)s->bin[b].count,
                        100 * s->bin[b].confidence_sum / n, 100 * (double)s->bin[b].correct / n);
    }
    sk_page_add(p, "</table></div></details>\n");
}

static void add_calibration(struct sk_page *p, const struct sk_scores *s)
{
    struct sk_temperature t;
    sk_scores_temperature(s, &t);
    sk_page_add(p, "<h3>Calibration</h3>\n<div class=\"charts\">");
    sk_chart_reliability(p, s->bin);
    sk_page_add(p,
                "<div><p>Where bars end on the dashed line, the model is right as often as its confidence says; below "
                "it the model is too sure of itself.</p>\n<p>Expected calibration error <b>%.2f%%</b>, over %d bins. "
                "Logits divided by the temperature <b>%.3f</b>: error %.2f%%, loss %.4f instead of %.4f",
                100 * sk_bins_ece(s->bin), SK_SCORES_BINS, t.value, 100 * t.ece_after, t.loss_after, t.loss_before);
    if (t.samples < s->count)
        sk_page_add(p, " (fitted to %lld of the pictures)", (long long)t.samples);
    else
        sk_page_add(p, " (fitted to these very pictures)");
    sk_page_add(p, ".</p></div></div>\n");
    add_bins(p, s);
}

static enum sk_code add_mistake(struct sk_page_pictures *show, const struct quality *q, const struct sk_mistake *m,
                                struct sk_err *err)
{
    char name[2 * SK_PATH];
    struct sk_err why = {0};
    char **class_name = q->session.class_name;
    sk_dataset_name(q->ds, m->index, name, sizeof(name));
    sk_page_add(show->page, "<figure title=\"");
    sk_page_text(show->page, name);
    sk_page_add(show->page, "\">");
    enum sk_code code = sk_dataset_read(q->ds, m->index, &show->picture, &why);
    if (code == SK_OK)
        code = sk_page_picture(show, class_name[m->label], &why);
    if (code != SK_OK && !sk_is_damage(code))
        return sk_fail(err, code, "%s", why.text);
    if (code != SK_OK)
        sk_page_text(show->page, why.text);
    sk_page_add(show->page, "<figcaption><b>");
    sk_page_text(show->page, class_name[m->predicted]);
    sk_page_add(show->page, "</b> %.1f%%<br><span class=\"quiet\">is ", 100 * m->probability);
    sk_page_text(show->page, class_name[m->label]);
    sk_page_add(show->page, " %.1f%%</span></figcaption></figure>\n", 100 * m->label_probability);
    return SK_OK;
}

static enum sk_code add_mistakes(struct sk_page *p, const struct quality *q, struct sk_err *err)
{
    struct sk_page_pictures show = {.page = p, .ds = q->ds};
    enum sk_code code = SK_OK;
    if (q->e.scores.mistakes == 0)
        return SK_OK;
    sk_page_add(
        p, "<h3>The worst mistakes</h3>\n<p class=\"quiet\">Wrong, and most sure of it: what was predicted, what it "
           "is, and their probabilities.</p>\n<div class=\"captioned\">\n");
    for (int i = 0; i < q->e.scores.mistakes && code == SK_OK; i++)
        code = add_mistake(&show, q, &q->e.scores.mistake[i], err);
    sk_page_add(p, "</div>\n");
    sk_page_pictures_release(&show);
    return code;
}

/* ---- augmentation ---- */
static enum sk_code add_samples(struct sk_page *p, const struct sk_recipe *r, const struct sk_dataset *ds,
                                struct sk_err *err)
{
    struct sk_page_pictures show = {.page = p, .ds = ds, .steps = &r->data.augment, .seed = r->train.seed};
    int64_t chosen[SAMPLES], count = SAMPLES;
    enum sk_code code = sk_data_choose(ds, r->train.seed, chosen, &count, err);
    sk_page_add(p, "<h2>Training pictures</h2>\n<p class=\"quiet\">As they lie%s.</p>\n",
                r->data.augment.count > 0 ? ", and as the first epochs got them"
                                          : "; this recipe does not augment them");
    for (int64_t i = 0; i < count && code == SK_OK; i++)
        code = sk_page_versions(&show, chosen[i], VERSIONS, err);
    sk_page_pictures_release(&show);
    return code;
}

static enum sk_code add_augmentation(struct sk_page *p, struct sk_report_run *run, const struct sk_recipe *r,
                                     struct sk_err *err)
{
    struct sk_dataset *ds = NULL;
    enum sk_code code = sk_dataset_open(&ds, &r->data, r->train.seed, SK_TRAIN, err);
    if (code == SK_OK && sk_dataset_info(ds)->pixel != SK_PIXEL_U8)
        sk_report_note(run, "Training pictures are not shown: they are floats.");
    else if (code == SK_OK)
        code = add_samples(p, r, ds, err);
    sk_dataset_close(ds);
    return code == SK_OK || sk_report_tell(run, "The training data cannot be read", code, err) ? SK_OK : code;
}

/* ---- the evaluation ---- */
static enum sk_code open_all(struct quality *q, const struct sk_report_run *run, const struct sk_report_options *o,
                             struct sk_err *err)
{
    struct sk_session_options so = {.set = o->set, .cancel = o->cancel};
    struct sk_recipe *r = &q->session.recipe;
    enum sk_code code = sk_session_open(&q->session, run->model, &so, err);
    if (code == SK_OK)
        code = sk_recipe_set_data(r, o->data, err);
    if (code != SK_OK)
        return code;
    code = sk_dataset_open(&q->ds, &r->data, r->train.seed, SK_VAL, err);
    if (code != SK_OK && code != SK_NO_SPLIT && !o->data)
        sk_err_prefix(err, "the data cannot be opened (say where it lies with --data DIR)");
    const char *const *name = (const char *const *)q->session.class_name;
    return code == SK_OK ? sk_dataset_match(q->ds, name, q->session.classes, true, err) : code;
}

static enum sk_code evaluate(struct quality *q, const struct sk_report_options *o, struct sk_err *err)
{
    struct sk_eval_options eo = {
        .scores = true, .mistakes = MISTAKES, .cancel = o->cancel, .ctx = o->ctx, .progress = o->progress};
    return sk_evaluate(q->session.net, q->ds, &q->session.recipe, &eo, &q->e, err);
}

static void keep(struct sk_report_run *run, const struct quality *q, bool own_data)
{
    run->evaluated = true;
    run->of_own_data = own_data;
    run->fingerprint = sk_dataset_info(q->ds)->fingerprint;
    run->step = q->session.step;
    run->count = q->e.all.count;
    run->top1 = sk_metrics_top1(&q->e.all);
    run->top5 = sk_metrics_top5(&q->e.all);
    run->loss = sk_metrics_loss(&q->e.all);
    run->f1 = sk_scores_average(&q->e.scores, SK_MACRO).f1;
    run->ece = sk_bins_ece(q->e.scores.bin);
}

static enum sk_code add_sections(struct sk_page *p, struct sk_report_run *run, const struct quality *q,
                                 struct sk_err *err)
{
    const char *const *class_name = (const char *const *)q->session.class_name;
    add_head(p, run, q);
    sk_report_classes(p, &q->e.scores, class_name);
    sk_report_confusion(p, &q->e.scores, class_name);
    enum sk_code code = add_mistakes(p, q, err);
    add_calibration(p, &q->e.scores);
    return code == SK_OK ? add_augmentation(p, run, &q->session.recipe, err) : code;
}

enum sk_code sk_report_quality(struct sk_page *p, struct sk_report_run *run, const struct sk_report_options *o,
                               struct sk_err *err)
{
    if (!o->evaluate || !run->model[0])
        return SK_OK;
    struct quality *q = sk_alloc(1, sizeof(*q), err); /* too large for a stack */
    if (!q)
        return SK_NOMEM;
    enum sk_code code = open_all(q, run, o, err);
    if (code == SK_OK)
        code = evaluate(q, o, err);
    if (code == SK_OK) {
        keep(run, q, !o->data && (!o->set || !*o->set));
        code = add_sections(p, run, q, err);
    } else if (sk_report_tell(run, "The model is not evaluated", code, err)) {
        code = SK_OK;
    }
    sk_evaluation_release(&q->e);
    sk_dataset_close(q->ds);
    sk_session_close(&q->session);
    sk_free(q);
    return code;
}

/* All that an evaluation found, as one JSON object: `skua eval --json`. */
#include "train/json.h"
#include "train/train.h"

enum { CONFUSED = 20 };

static json_t *prf_json(struct sk_prf p)
{
    return json_pack("{s:f, s:f, s:f}", "precision", p.precision, "recall", p.recall, "f1", p.f1);
}

static json_t *classes_json(const struct sk_scores *s, const char *const *class_name)
{
    json_t *list = json_array();
    for (int c = 0; c < s->classes; c++) {
        json_t *one = prf_json(sk_scores_class(s, c));
        json_object_set_new(one, "name", json_string(class_name[c]));
        sk_json_integer(one, "count", s->support[c]);
        sk_json_integer(one, "predicted", s->predicted[c]);
        sk_json_integer(one, "correct", s->correct[c]);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *confusion_json(const struct sk_scores *s)
{
    json_t *rows = s->confusion ? json_array() : json_null();
    for (int i = 0; s->confusion && i < s->classes; i++) {
        json_t *row = json_array();
        for (int j = 0; j < s->classes; j++)
            json_array_append_new(row, json_integer(s->confusion[(size_t)i * (size_t)s->classes + (size_t)j]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *confused_json(const struct sk_scores *s, const char *const *class_name)
{
    struct sk_confused pair[CONFUSED];
    json_t *list = json_array();
    int n = sk_scores_confused(s, pair, CONFUSED);
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:f}", "class", class_name[pair[i].label], "predicted",
                                              class_name[pair[i].predicted], "count", (json_int_t)pair[i].count,
                                              "share", (double)pair[i].count / (double)s->support[pair[i].label]));
    return list;
}

static json_t *bins_json(const struct sk_scores *s)
{
    json_t *list = json_array();
    for (int b = 0; b < SK_SCORES_BINS; b++) {
        const struct sk_bin *bin = &s->bin[b];
        double n = bin->count > 0 ? (double)bin->count : 1;
        json_array_append_new(list,
                              json_pack("{s:f, s:f, s:I, s:f, s:f}", "from", (double)b / SK_SCORES_BINS, "to",
                                        (double)(b + 1) / SK_SCORES_BINS, "count", (json_int_t)bin->count, "confidence",
                                        bin->confidence_sum / n, "accuracy", (double)bin->correct / n));
    }
    return list;
}

static json_t *calibration_json(const struct sk_scores *s)
{
    struct sk_temperature t;
    sk_scores_temperature(s, &t);
    return json_pack("{s:f, s:o, s:{s:f, s:I, s:f, s:f, s:f, s:f}}", "ece", sk_bins_ece(s->bin), "bins", bins_json(s),
                     "temperature", "value", t.value, "samples", (json_int_t)t.samples, "loss_before", t.loss_before,
                     "loss_after", t.loss_after, "ece_before", t.ece_before, "ece_after", t.ece_after);
}

static json_t *mistakes_json(const struct sk_scores *s, const char *const *class_name, const struct sk_dataset *ds)
{
    json_t *list = json_array();
    for (int i = 0; i < s->mistakes; i++) {
        const struct sk_mistake *m = &s->mistake[i];
        char name[SK_PATH];
        sk_dataset_name(ds, m->index, name, sizeof(name));
        json_array_append_new(list, json_pack("{s:I, s:s?, s:s, s:s, s:f, s:f}", "index", (json_int_t)m->index, "name",
                                              sk_is_utf8(name) ? name : NULL, "class", class_name[m->label],
                                              "predicted", class_name[m->predicted], "probability", m->probability,
                                              "class_probability", m->label_probability));
    }
    return list;
}

json_t *sk_evaluation_json(const struct sk_evaluation *e, const char *const *class_name, const struct sk_dataset *ds)
{
    const struct sk_scores *s = &e->scores;
    json_t *root = json_object();
    int failed = 0;
    sk_json_integer(root, "count", e->all.count);
    sk_json_real(root, "loss", sk_metrics_loss(&e->all));
    sk_json_real(root, "top1", sk_metrics_top1(&e->all));
    sk_json_real(root, "top5", sk_metrics_top5(&e->all));
    sk_json_real(root, "seconds", e->seconds);
    sk_json_real(root, "images_per_s", e->seconds > 0 ? (double)e->all.count / e->seconds : 0);
    for (int a = 0; a < SK_AVERAGES; a++)
        failed |= json_object_set_new(root, sk_average_name[a], prf_json(sk_scores_average(s, (enum sk_average)a)));
    failed |= json_object_set_new(root, "classes", classes_json(s, class_name));
    failed |= json_object_set_new(root, "confusion", confusion_json(s));
    failed |= json_object_set_new(root, "confused", confused_json(s, class_name));
    failed |= json_object_set_new(root, "calibration", calibration_json(s));
    failed |= json_object_set_new(root, "mistakes", mistakes_json(s, class_name, ds));
    if (e->latency.samples > 0)
        failed |= json_object_set_new(root, "latency", sk_latency_json(&e->latency));
    if (!failed)
        return root;
    json_decref(root);
    return NULL;
}

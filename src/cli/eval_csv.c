/* The predictions of `skua eval` as a CSV file, a row for each picture, written as they come and put in place at the
 * end. */
#include "cli/eval_view.h"

#include <string.h>

enum { FLUSH_AT = 1 << 20 };

static enum sk_code flush(struct sk_eval_csv *c, struct sk_err *err)
{
    enum sk_code code = sk_new_file_add(&c->file, c->text.text, c->text.len, err);
    c->text.len = 0;
    return code;
}

enum sk_code sk_eval_csv_open(struct sk_eval_csv *c, const char *path, const struct sk_eval_model *m,
                              struct sk_err *err)
{
    *c = (struct sk_eval_csv){.model = m};
    enum sk_code code = sk_new_file_open(&c->file, path, err);
    if (code == SK_OK)
        code = sk_str_add(&c->text, err, "index,name,label,predicted,probability,label_probability,correct");
    for (int i = 2; i <= SK_SCORES_TOP && code == SK_OK; i++)
        code = sk_str_add(&c->text, err, ",top%d,top%d_probability", i, i);
    return code == SK_OK ? sk_str_add(&c->text, err, "\n") : code;
}

static enum sk_code add_class(const struct sk_eval_csv *c, struct sk_str *out, int number, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, ",");
    return code == SK_OK ? sk_csv_text(out, c->model->session.class_name[number], err) : code;
}

static enum sk_code add_others(struct sk_eval_csv *c, const struct sk_scored *s, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 1; i < SK_SCORES_TOP && code == SK_OK; i++) {
        if (i >= s->tops) {
            code = sk_str_add(&c->text, err, ",,");
            continue;
        }
        code = add_class(c, &c->text, s->top[i], err);
        if (code == SK_OK)
            code = sk_str_add(&c->text, err, ",%.9g", s->probability[i]);
    }
    return code;
}

enum sk_code sk_eval_csv_add(void *csv, const struct sk_scored *s, struct sk_err *err)
{
    struct sk_eval_csv *c = csv;
    char name[SK_PATH];
    sk_dataset_name(c->model->ds, s->index, name, sizeof(name));
    enum sk_code code = sk_str_add(&c->text, err, "%lld,", (long long)s->index);
    if (code == SK_OK)
        code = sk_csv_text(&c->text, name, err);
    if (code == SK_OK)
        code = add_class(c, &c->text, s->label, err);
    if (code == SK_OK)
        code = add_class(c, &c->text, s->top[0], err);
    if (code == SK_OK)
        code = sk_str_add(&c->text, err, ",%.9g,%.9g,%s", s->probability[0], s->label_probability,
                          s->label == s->top[0] ? "true" : "false");
    if (code == SK_OK)
        code = add_others(c, s, err);
    if (code == SK_OK)
        code = sk_str_add(&c->text, err, "\n");
    return code == SK_OK && c->text.len >= FLUSH_AT ? flush(c, err) : code;
}

enum sk_code sk_eval_csv_close(struct sk_eval_csv *c, struct sk_err *err)
{
    enum sk_code code = flush(c, err);
    return code == SK_OK ? sk_new_file_close(&c->file, err) : code;
}

void sk_eval_csv_drop(struct sk_eval_csv *c)
{
    sk_new_file_drop(&c->file);
    sk_str_release(&c->text);
}

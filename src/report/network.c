/* The model (layers, parameters, multiply-adds), the resolved recipe, and how to reproduce the run. */
#include "report/internal.h"

#include <string.h>

/* ---- the model ---- */
static void add_layers(struct sk_page *p, const struct sk_layers *l)
{
    char a[32], b[32], c[32];
    sk_page_add(p,
                "<details><summary>Table of the %zu layers</summary>\n<div class=\"scroll\"><table>"
                "<thead><tr><th>layer</th><th class=\"text\">op</th><th class=\"text\">output</th><th>parameters</th>"
                "<th>multiply-adds</th><th>activation</th></tr></thead>\n",
                l->count);
    for (size_t i = 0; i < l->count; i++) {
        const struct sk_layer *y = &l->layer[i];
        sk_page_add(p,
                    "<tr><td>%s</td><td class=\"text\">%s</td><td class=\"text\">%s</td><td>%s</td><td>%s</td><td>%s"
                    "</td></tr>\n",
                    y->name, y->kind, y->shape, y->params > 0 ? sk_thousands(y->params, a) : "",
                    y->macs > 0 ? sk_thousands((int64_t)y->macs, b) : "", sk_bytes_text((double)y->bytes, c));
    }
    sk_page_add(p, "</table></div></details>\n");
}

static void add_totals(struct sk_page *p, const struct sk_report_run *run, const struct sk_layers *l)
{
    const struct sk_net_shape *s = &run->shape;
    char a[32], b[32], c[32], d[32];
    sk_page_add(p, "<h2>Model</h2>\n<p>");
    sk_page_text(p, run->recipe.model.arch);
    sk_page_add(
        p,
        " for pictures of %d &times; %d &times; %d and %d classes: %s parameters (%s), %s multiply-adds a picture, "
        "activations of %s a picture.</p>\n",
        s->height, s->width, s->channels, s->classes, sk_thousands(l->one.params, a),
        sk_bytes_text(4 * (double)l->one.params, b), sk_thousands((int64_t)l->one.macs, c),
        sk_bytes_text((double)l->one.activation_bytes, d));
}

enum sk_code sk_report_network(struct sk_page *p, struct sk_report_run *run, struct sk_err *err)
{
    struct sk_layers l = {0};
    if (!run->has_recipe)
        return SK_OK;
    if (!run->has_shape)
        sk_net_shape_guess(&run->recipe, &run->shape);
    if (run->shape.classes <= 0) {
        sk_report_note(run, "The model is not shown: the number of its classes is known with the first checkpoint.");
        return SK_OK;
    }
    enum sk_code code = sk_layers_init(&l, &run->recipe, &run->shape, SK_F32, err);
    if (code == SK_OK) {
        run->params = l.one.params;
        run->macs = l.one.macs;
        add_totals(p, run, &l);
        add_layers(p, &l);
    }
    sk_layers_release(&l);
    return code == SK_OK || sk_report_tell(run, "The model cannot be shown", code, err) ? SK_OK : code;
}

/* ---- the recipe ---- */
static bool needs_data(const struct sk_recipe_data *d)
{
    return d->source != SK_SOURCE_SHAPES;
}

static void add_commands(struct sk_page *p, const struct sk_report_run *run)
{
    bool data = needs_data(&run->recipe.data);
    sk_page_add(p, "<p>Save the recipe below as <code>recipe.yaml</code>%s; then, with skua",
                data ? " and get the data" : "");
    if (run->version[0])
        sk_page_add(p, " ");
    sk_page_text(p, run->version);
    sk_page_add(p, ":</p>\n<pre>skua train recipe.yaml%s --out again\nskua report ", data ? " --data DIR" : "");
    sk_page_text(p, run->path);
    sk_page_add(p, " again --out both.html</pre>\n");
    sk_page_add(p, "<p class=\"quiet\">Seed %lld", (long long)run->recipe.train.seed);
    if (run->has_position)
        sk_page_add(p, "; fingerprint of the training data %016llx, %lld samples",
                    (unsigned long long)run->position.fingerprint, (long long)run->position.samples);
    sk_page_add(p, ". With the same kernels (plan.json), threads and precision a training gives the same bits.</p>\n");
}

enum sk_code sk_report_recipe(struct sk_page *p, const struct sk_report_run *run, struct sk_err *err)
{
    struct sk_str text = {0};
    if (!run->has_recipe)
        return SK_OK;
    enum sk_code code = sk_recipe_write(&run->recipe, &text, err);
    sk_page_add(p, "<h2>How to reproduce</h2>\n");
    if (code == SK_OK) {
        add_commands(p, run);
        sk_page_add(p, "<details><summary>The resolved recipe</summary>\n<pre>");
        sk_page_lines(p, text.text);
        sk_page_add(p, "</pre></details>\n");
    }
    sk_str_release(&text);
    return code;
}

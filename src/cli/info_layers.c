/* The layers of a network: a row an op of its forward pass, and the totals. */
#include "cli/info_layers.h"

#include <jansson.h>

#include "cli/cli.h"
#include "report/report.h"

static const char *number_or_none(double value, char out[32])
{
    return value > 0 ? sk_thousands((int64_t)value, out) : "";
}

static enum sk_code print_table(const struct sk_layers *layers, struct sk_err *err)
{
    static const char *const heading[] = {"layer", "op", "output", "parameters", "MACs", "activation"};
    struct sk_table t = {.align = "lllrrr"};
    char a[32], b[32], c[32];
    for (size_t i = 0; i < SK_COUNT(heading); i++)
        sk_table_cell(&t, "%s", heading[i]);
    for (size_t i = 0; i < layers->count; i++) {
        const struct sk_layer *l = &layers->layer[i];
        sk_table_cell(&t, "%s", l->name);
        sk_table_cell(&t, "%s", l->kind);
        sk_table_cell(&t, "%s", l->shape);
        sk_table_cell(&t, "%s", number_or_none((double)l->params, a));
        sk_table_cell(&t, "%s", number_or_none(l->macs, b));
        sk_table_cell(&t, "%s", sk_bytes_text((double)l->bytes, c));
    }
    return sk_table_print(&t, err);
}

static json_t *layers_json(const struct sk_layers *layers)
{
    json_t *array = json_array();
    for (size_t i = 0; i < layers->count; i++) {
        const struct sk_layer *l = &layers->layer[i];
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name", l->name, "op", l->kind,
                                               "output", l->shape, "params", (json_int_t)l->params, "macs",
                                               (json_int_t)l->macs, "activation_bytes", (json_int_t)l->bytes));
    }
    return array;
}

static enum sk_code print_json(const struct sk_layers *l, const struct sk_recipe *r, struct sk_err *err)
{
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:I, s:i, s:I, s:o}", "arch", r->model.arch, "params", (json_int_t)l->one.params, "macs",
        (json_int_t)l->one.macs, "activation_bytes", (json_int_t)l->one.activation_bytes, "batch", r->train.batch,
        "training_activation_bytes", (json_int_t)l->training.activation_bytes, "layers", layers_json(l));
    return sk_print_json(object, "the layers", err);
}

static enum sk_code print_text(const struct sk_layers *l, const struct sk_recipe *r, const struct sk_net_shape *s,
                               struct sk_err *err)
{
    char a[32], b[32];
    enum sk_code code = print_table(l, err);
    if (code != SK_OK)
        return code;
    sk_print("\n%s for %dx%dx%d, %d classes\n", r->model.arch, s->height, s->width, s->channels, s->classes);
    sk_print("parameters   %s (%s)\n", sk_thousands(l->one.params, a), sk_bytes_text(4 * (double)l->one.params, b));
    sk_print("MACs         %s a picture\n", sk_thousands((int64_t)l->one.macs, a));
    sk_print("activations  %s a picture, %s in training with batch %d\n",
             sk_bytes_text((double)l->one.activation_bytes, a), sk_bytes_text((double)l->training.activation_bytes, b),
             r->train.batch);
    return SK_OK;
}

enum sk_code sk_info_layers(const struct sk_recipe *recipe, const struct sk_net_shape *shape, enum sk_dtype compute,
                            bool json, struct sk_err *err)
{
    struct sk_layers l;
    enum sk_code code = sk_layers_init(&l, recipe, shape, compute, err);
    if (code == SK_OK)
        code = json ? print_json(&l, recipe, err) : print_text(&l, recipe, shape, err);
    sk_layers_release(&l);
    return code;
}

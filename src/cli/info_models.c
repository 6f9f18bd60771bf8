/* What networks there are, and how large they are. */
#include "cli/info_models.h"

#include <jansson.h>
#include <string.h>

#include "cli/cli.h"
#include "models/models.h"

struct row {
    const char *name;
    struct sk_recipe_model model;
    int side;
    struct sk_summary size;
};

static enum sk_code measure(struct row *r, struct sk_err *err)
{
    struct sk_graph g = {0};
    int logits;
    struct sk_model_io io = {.batch = 1,
                             .height = r->side,
                             .width = r->side,
                             .channels = 3,
                             .pixel = SK_U8,
                             .compute = SK_F32,
                             .classes = r->model.classes};
    enum sk_code code = sk_model_build(&g, &r->model, &io, &logits, err);
    r->size = sk_graph_summary(&g);
    sk_graph_release(&g);
    return code;
}

static json_t *as_json(const struct row *r)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:I, s:I}", "model", r->name, "arch", r->model.arch, "side", r->side,
                     "classes", r->model.classes, "params", (json_int_t)r->size.params, "macs", (json_int_t)r->size.macs);
}

static void add_cells(struct sk_table *t, const struct row *r)
{
    char a[32], b[32];
    sk_table_cell(t, "%s", r->name);
    sk_table_cell(t, "%dx%d", r->side, r->side);
    sk_table_cell(t, "%d", r->model.classes);
    sk_table_cell(t, "%s", sk_thousands(r->size.params, a));
    sk_table_cell(t, "%s", sk_thousands((int64_t)r->size.macs, b));
}

/* Measures what names lists and adds it to the table or the array. */
static enum sk_code add_rows(const char *const *names, struct sk_table *t, json_t *array, struct sk_err *err)
{
    struct sk_recipe usual;
    sk_recipe_defaults(&usual);
    for (size_t i = 0; names[i]; i++) {
        struct row r = {.name = names[i], .model = usual.model};
        if (!sk_model_whole(r.name, &r.model, &r.side))
            continue;
        enum sk_code code = measure(&r, err);
        if (code != SK_OK)
            return code;
        if (array)
            json_array_append_new(array, as_json(&r));
        else
            add_cells(t, &r);
    }
    return SK_OK;
}

enum sk_code sk_info_models(bool json, struct sk_err *err)
{
    static const char *const heading[] = {"model", "pictures", "classes", "parameters", "MACs"};
    struct sk_table t = {.align = "lrrrr"};
    json_t *array = json ? json_array() : NULL;
    for (size_t i = 0; i < SK_COUNT(heading) && !json; i++)
        sk_table_cell(&t, "%s", heading[i]);
    enum sk_code code = add_rows(sk_model_names(), &t, array, err);
    if (code == SK_OK)
        code = add_rows(sk_model_wholes(), &t, array, err);
    if (code != SK_OK) {
        json_decref(array);
        return code;
    }
    return json ? sk_print_json(array, "the models", err) : sk_table_print(&t, err);
}

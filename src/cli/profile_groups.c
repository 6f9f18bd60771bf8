/* Times of ops put together by their kind, or by the layer they belong to. */
#include <stdlib.h>
#include <string.h>

#include "cli/profile_view.h"

double sk_group_seconds(const struct sk_op_group *g)
{
    return g->forward + g->backward + g->update;
}

/* The layer of an op: what stands before the parts of a name that gradients, updates and statistics add
 * ("layer1.0.conv1" of "layer1.0.conv1.grad_data", "layer1.0.bn1" of "layer1.0.bn1.bias.update"). */
static void layer_of(const char *name, char *out, size_t size)
{
    static const char *const added[] = {".grad", ".weight", ".bias", ".running_", ".update"};
    size_t n = strlen(name);
    for (size_t i = 0; i < SK_COUNT(added); i++) {
        const char *at = strstr(name, added[i]);
        if (at && (size_t)(at - name) < n)
            n = (size_t)(at - name);
    }
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), name);
}

static void add_op(struct sk_op_group *g, const struct sk_op_report *r, double seconds)
{
    double *of_phase[] = {NULL, &g->forward, &g->backward, &g->update, &g->update};
    *of_phase[r->phase] += seconds;
    g->count++;
    g->flops.direct += r->flops.direct;
    g->flops.actual += r->flops.actual;
    g->bytes += r->bytes;
}

static struct sk_op_group *find_group(struct sk_op_group *groups, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(groups[i].name, name) == 0)
            return &groups[i];
    struct sk_op_group *g = &groups[(*count)++];
    snprintf(g->name, sizeof(g->name), "%s", name);
    return g;
}

static int longer(const void *a, const void *b)
{
    double x = sk_group_seconds(a), y = sk_group_seconds(b);
    return (x < y) - (x > y);
}

enum sk_code sk_op_groups(const struct sk_profile *p, enum sk_group_by by, struct sk_op_group **groups, size_t *count,
                          struct sk_err *err)
{
    const struct sk_graph *g = sk_plan_graph(p->plan);
    *count = 0;
    *groups = sk_alloc(g->op_count + 1, sizeof(**groups), err);
    if (!*groups)
        return SK_NOMEM;
    for (size_t i = 0; i < g->op_count; i++) {
        struct sk_op_report r;
        char layer[SK_TENSOR_NAME];
        if (p->op_seconds[i] <= 0)
            continue;
        sk_plan_report(p->plan, i, &r);
        if (by == SK_GROUP_LAYER)
            layer_of(r.name, layer, sizeof(layer));
        add_op(find_group(*groups, count, by == SK_GROUP_LAYER ? layer : r.kind), &r, p->op_seconds[i]);
    }
    if (by == SK_GROUP_KIND)
        qsort(*groups, *count, sizeof(**groups), longer);
    return SK_OK;
}

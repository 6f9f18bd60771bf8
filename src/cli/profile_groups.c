/* Times of ops put together by their kind, or by the layer they belong to. */
#include <stdlib.h>
#include <string.h>

#include "cli/profile_view.h"

double sk_group_seconds(const struct sk_op_group *g)
{
    return g->forward + g->backward + g->update;
}

/* The layer of an op: what stands before the parts of a name that gradients, updates, statistics and recomputing add
 * ("layer1.0.conv1" of "layer1.0.conv1.grad_data", "layer1.0.bn1" of "layer1.0.bn1.bias.update"). */
static void layer_of(const char *name, char *out, size_t size)
{
    static const char *const added[] = {".grad", ".weight", ".bias", ".running_", ".update", ".again"};
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

static int earlier(const void *a, const void *b)
{
    const struct sk_op_group *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static struct sk_op_group *group_of(struct sk_op_group *groups, size_t count, const char *tensor)
{
    char layer[SK_TENSOR_NAME];
    layer_of(tensor, layer, sizeof(layer));
    for (size_t i = 0; i < count; i++)
        if (strcmp(groups[i].name, layer) == 0)
            return &groups[i];
    return NULL;
}

/* Layers have the place of their first op; those that other layers' ops do in the forward pass (a fused norm) come
 * after the layer whose parameters stand before theirs. */
static void place_layers(const struct sk_graph *g, struct sk_op_group *groups, size_t count)
{
    double before = 0;
    for (size_t i = 0; i < count; i++)
        groups[i].place = groups[i].forward > 0 ? (double)i : -1;
    for (size_t i = 0; i < g->tensor_count; i++) {
        struct sk_op_group *at = g->tensor[i].role == SK_ROLE_PARAM ? group_of(groups, count, g->tensor[i].name) : NULL;
        if (at && at->place < 0)
            at->place = before + 1e-3;
        before = at ? at->place : before;
    }
    for (size_t i = 0; i < count; i++)
        groups[i].place = groups[i].place < 0 ? (double)i : groups[i].place;
    qsort(groups, count, sizeof(*groups), earlier);
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
        sk_profile_op(p, i, &r);
        if (by == SK_GROUP_LAYER)
            layer_of(r.name, layer, sizeof(layer));
        add_op(find_group(*groups, count, by == SK_GROUP_LAYER ? layer : r.kind), &r, p->op_seconds[i]);
    }
    if (by == SK_GROUP_KIND)
        qsort(*groups, *count, sizeof(**groups), longer);
    else
        place_layers(g, *groups, *count);
    return SK_OK;
}

/* Layers as networks use them: convolution and norm, activation, squeeze-and-excitation, shortcut, classifier. */
#include "models/build.h"

#include <math.h>

static int tensor(struct sk_build *b, enum sk_role role, int rank, const int64_t *dim, const char *module,
                  const char *name)
{
    char full[SK_TENSOR_NAME];
    struct sk_desc desc = sk_desc_make(SK_F32, rank, dim);
    int id = 0;
    if (b->code == SK_OK)
        b->code = sk_format(full, sizeof full, "a parameter's name", b->err, "%s.%s", module, name);
    if (b->code == SK_OK)
        b->code = sk_graph_tensor(b->g, full, role, &desc, &id, b->err);
    return id;
}

int sk_build_emit(struct sk_build *b, enum sk_op_kind kind, const char *name, const int *in, int count,
                  const struct sk_attr *attr)
{
    int out = 0;
    if (b->code == SK_OK)
        b->code = sk_graph_emit(b->g, kind, name, in, count, attr, &out, b->err);
    return out;
}

const char *sk_build_join(char *out, const char *prefix, const char *suffix)
{
    snprintf(out, SK_TENSOR_NAME, "%.48s.%.32s", prefix, suffix);
    return out;
}

int64_t sk_build_channels(const struct sk_build *b, int x)
{
    return b->code == SK_OK ? b->g->tensor[x].desc.dim[3] : 1;
}

int sk_build_conv(struct sk_build *b, int x, struct sk_layer l, const char *name)
{
    if (b->code != SK_OK)
        return 0;
    int kernel = l.kernel > 1 ? l.kernel : 1, groups = l.groups > 1 ? l.groups : 0;
    int64_t in = sk_build_channels(b, x) / (groups ? groups : 1), out = l.out;
    int w = tensor(b, SK_ROLE_PARAM, 4, (int64_t[]){out, in, kernel, kernel}, name, "weight");
    int bias = l.bias ? tensor(b, SK_ROLE_PARAM, 1, &out, name, "bias") : 0;
    if (b->code != SK_OK)
        return 0;
    b->g->tensor[w].damp = l.damp;
    if (groups && b->m->norm == SK_NORM_NONE) /* no norm makes up for the groups that the usual fan-out counts in */
        b->g->tensor[w].damp = 1 - (1 - l.damp) * sqrtf((float)groups);
    struct sk_attr attr = {
        .kernel = kernel, .stride = l.stride > 1 ? l.stride : 1, .pad = kernel / 2, .groups = groups, .bias = l.bias};
    return sk_build_emit(b, SK_OP_CONV, name, (int[]){x, w, bias}, l.bias ? 3 : 2, &attr);
}

static int batch_norm(struct sk_build *b, int x, const int64_t *c, int gamma, int beta, const char *name)
{
    int mean = tensor(b, SK_ROLE_STATE, 1, c, name, "running_mean"),
        var = tensor(b, SK_ROLE_STATE, 1, c, name, "running_var");
    struct sk_attr attr = {.eps = b->m->bn_eps};
    if (b->io->train)
        return sk_build_emit(b, SK_OP_BATCH_NORM, name, (int[]){x, gamma, beta}, 3, &attr);
    return sk_build_emit(b, SK_OP_BATCH_NORM_INFER, name, (int[]){x, gamma, beta, mean, var}, 5, &attr);
}

static int group_norm(struct sk_build *b, int x, int64_t c, int gamma, int beta, const char *name)
{
    struct sk_attr attr = {.eps = b->m->bn_eps, .groups = b->m->norm_groups};
    if (b->code == SK_OK && c % attr.groups != 0)
        b->code =
            sk_fail(b->err, SK_INPUT, "model.norm_groups: the %lld channels of '%s' cannot be divided into %d groups",
                    (long long)c, name, attr.groups);
    return sk_build_emit(b, SK_OP_GROUP_NORM, name, (int[]){x, gamma, beta}, 3, &attr);
}

static int norm(struct sk_build *b, int x, float damp, const char *name)
{
    if (b->code != SK_OK)
        return 0;
    int64_t c = sk_build_channels(b, x);
    int gamma = tensor(b, SK_ROLE_PARAM, 1, &c, name, "weight"), beta = tensor(b, SK_ROLE_PARAM, 1, &c, name, "bias");
    if (b->code == SK_OK)
        b->g->tensor[gamma].damp = damp;
    return b->m->norm == SK_NORM_GROUP ? group_norm(b, x, c, gamma, beta, name)
                                       : batch_norm(b, x, &c, gamma, beta, name);
}

int sk_build_conv_norm(struct sk_build *b, int x, struct sk_layer l, const char *conv_name, const char *norm_name)
{
    bool none = b->m->norm == SK_NORM_NONE;
    l.bias = none;
    l.damp = none ? l.damp : 0;
    x = sk_build_conv(b, x, l, conv_name);
    return none ? x : norm(b, x, l.norm_damp, norm_name);
}

int sk_build_act(struct sk_build *b, enum sk_act act, int x, const char *name)
{
    static const enum sk_op_kind kind[] = {
        [SK_ACT_RELU] = SK_OP_RELU, [SK_ACT_SILU] = SK_OP_SILU, [SK_ACT_SIGMOID] = SK_OP_SIGMOID};
    return sk_build_emit(b, kind[act], name, &x, 1, NULL);
}

int sk_build_excite(struct sk_build *b, int x, int squeezed, enum sk_act act, const char *name)
{
    struct sk_attr keep = {.keep = true};
    int s = sk_build_emit(b, SK_OP_AVG_POOL, SK_JOIN(name, "avgpool"), &x, 1, &keep);
    s = sk_build_conv(b, s, (struct sk_layer){.out = squeezed, .bias = true}, SK_JOIN(name, "fc1"));
    s = sk_build_act(b, act, s, SK_JOIN(name, "act"));
    s = sk_build_conv(b, s, (struct sk_layer){.out = (int)sk_build_channels(b, x), .bias = true}, SK_JOIN(name, "fc2"));
    s = sk_build_act(b, SK_ACT_SIGMOID, s, SK_JOIN(name, "sigmoid"));
    return sk_build_emit(b, SK_OP_GATE, name, (int[]){x, s}, 2, NULL);
}

int sk_build_add(struct sk_build *b, int y, int x, int index, int count, const char *name)
{
    struct sk_attr attr = {
        .p = b->m->drop_path * index / (count > 1 ? count - 1 : 1), .salt = 2 + b->drops, .whole = true};
    if (attr.p > 0 && b->io->train) {
        y = sk_build_emit(b, SK_OP_DROPOUT, SK_JOIN(name, "drop"), &y, 1, &attr);
        b->drops++;
    }
    return sk_build_emit(b, SK_OP_ADD, SK_JOIN(name, "add"), (int[]){y, x}, 2, NULL);
}

int sk_build_classifier(struct sk_build *b, int x, float damp, const char *name)
{
    bool avg = b->m->pool == SK_POOL_AVG;
    x = sk_build_emit(b, avg ? SK_OP_AVG_POOL : SK_OP_MAX_ALL, avg ? "avgpool" : "maxpool_all", &x, 1, NULL);
    if (b->code != SK_OK)
        return 0;
    if (b->m->dropout > 0 && b->io->train) {
        struct sk_attr attr = {.p = b->m->dropout, .salt = 1};
        x = sk_build_emit(b, SK_OP_DROPOUT, "dropout", &x, 1, &attr);
    }
    int64_t features = b->g->tensor[x].desc.dim[1], classes = b->io->classes;
    int w = tensor(b, SK_ROLE_PARAM, 2, (int64_t[]){classes, features}, name, "weight");
    int bias = tensor(b, SK_ROLE_PARAM, 1, &classes, name, "bias");
    if (b->code == SK_OK)
        b->g->tensor[w].damp = b->m->norm == SK_NORM_NONE ? 1 : damp;
    return sk_build_emit(b, SK_OP_LINEAR, name, (int[]){x, w, bias}, 3, NULL);
}

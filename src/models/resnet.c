/* ResNet-18 to 152 (He et al., "Deep Residual Learning for Image Recognition", 2015) as torchvision builds them (v1.5: a
 * bottleneck's stride sits in its 3x3 convolution), with the CIFAR stem (3x3, no pooling) and any width. */
#include "models/resnet.h"

#include <math.h>

/* What the emitting functions share; the first error is kept in err and turns the rest into no-ops. */
struct build {
    struct sk_graph *g;
    const struct sk_recipe_model *m;
    const struct sk_model_io *io;
    struct sk_err *err;
    enum sk_code code;
};

static int tensor(struct build *b, enum sk_role role, int rank, const int64_t *dim, const char *module, const char *name)
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

static int emit(struct build *b, enum sk_op_kind kind, const char *name, const int *in, int count, const struct sk_attr *attr)
{
    int out = 0;
    if (b->code == SK_OK)
        b->code = sk_graph_emit(b->g, kind, name, in, count, attr, &out, b->err);
    return out;
}

static int conv(struct build *b, int x, int out, int kernel, int stride, const char *name)
{
    if (b->code != SK_OK)
        return 0;
    int64_t in = b->g->tensor[x].desc.dim[3];
    int w = tensor(b, SK_ROLE_PARAM, 4, (int64_t[]){out, in, kernel, kernel}, name, "weight");
    struct sk_attr attr = {.kernel = kernel, .stride = stride, .pad = kernel / 2};
    return emit(b, SK_OP_CONV, name, (int[]){x, w}, 2, &attr);
}

static int norm(struct build *b, int x, const char *name)
{
    if (b->code != SK_OK)
        return 0;
    int64_t c[1] = {b->g->tensor[x].desc.dim[3]};
    int gamma = tensor(b, SK_ROLE_PARAM, 1, c, name, "weight"), beta = tensor(b, SK_ROLE_PARAM, 1, c, name, "bias");
    int mean = tensor(b, SK_ROLE_STATE, 1, c, name, "running_mean"), var = tensor(b, SK_ROLE_STATE, 1, c, name, "running_var");
    struct sk_attr attr = {.eps = b->m->bn_eps};
    if (b->io->train)
        return emit(b, SK_OP_BATCH_NORM, name, (int[]){x, gamma, beta}, 3, &attr);
    return emit(b, SK_OP_BATCH_NORM_INFER, name, (int[]){x, gamma, beta, mean, var}, 5, &attr);
}

/* "PREFIX.SUFFIX" in a buffer that lives as long as the expression it is used in. */
#define NAME(prefix, suffix) join((char[SK_TENSOR_NAME]){0}, prefix, suffix)
static const char *join(char *out, const char *prefix, const char *suffix)
{
    snprintf(out, SK_TENSOR_NAME, "%.48s.%.32s", prefix, suffix);
    return out;
}

static int relu(struct build *b, int x, const char *name)
{
    return emit(b, SK_OP_RELU, name, &x, 1, NULL);
}

/* A residual block: 3x3, 3x3, or 1x1, 3x3, 1x1 with four times the channels at the end. */
static int block(struct build *b, int x, bool bottleneck, int planes, int stride, const char *name)
{
    int out = bottleneck ? 4 * planes : planes, y = x;
    if (b->code != SK_OK)
        return 0;
    bool project = stride != 1 || b->g->tensor[x].desc.dim[3] != out;
    y = conv(b, y, planes, bottleneck ? 1 : 3, bottleneck ? 1 : stride, NAME(name, "conv1"));
    y = relu(b, norm(b, y, NAME(name, "bn1")), NAME(name, "relu1"));
    y = norm(b, conv(b, y, planes, 3, bottleneck ? stride : 1, NAME(name, "conv2")), NAME(name, "bn2"));
    if (bottleneck) {
        y = relu(b, y, NAME(name, "relu2"));
        y = norm(b, conv(b, y, out, 1, 1, NAME(name, "conv3")), NAME(name, "bn3"));
    }
    if (project) {
        x = conv(b, x, out, 1, stride, NAME(name, "downsample.0"));
        x = norm(b, x, NAME(name, "downsample.1"));
    }
    y = emit(b, SK_OP_ADD, NAME(name, "add"), (int[]){y, x}, 2, NULL);
    return relu(b, y, name);
}

static int stem(struct build *b, int x, int width)
{
    bool cifar = b->m->stem == SK_STEM_CIFAR;
    x = conv(b, x, width, cifar ? 3 : 7, cifar ? 1 : 2, "conv1");
    x = relu(b, norm(b, x, "bn1"), "relu");
    if (cifar)
        return x;
    struct sk_attr attr = {.kernel = 3, .stride = 2, .pad = 1};
    return emit(b, SK_OP_MAX_POOL, "maxpool", &x, 1, &attr);
}

static int classifier(struct build *b, int x)
{
    x = emit(b, SK_OP_AVG_POOL, "avgpool", &x, 1, NULL);
    if (b->code != SK_OK)
        return 0;
    if (b->m->dropout > 0 && b->io->train) {
        struct sk_attr attr = {.p = b->m->dropout, .salt = 1};
        x = emit(b, SK_OP_DROPOUT, "dropout", &x, 1, &attr);
    }
    int64_t features = b->g->tensor[x].desc.dim[1], classes = b->io->classes;
    int w = tensor(b, SK_ROLE_PARAM, 2, (int64_t[]){classes, features}, "fc", "weight");
    int bias = tensor(b, SK_ROLE_PARAM, 1, &classes, "fc", "bias");
    return emit(b, SK_OP_LINEAR, "fc", (int[]){x, w, bias}, 3, NULL);
}

enum sk_code sk_resnet_build(struct sk_graph *g, const struct sk_resnet *r, const struct sk_recipe_model *m,
                             const struct sk_model_io *io, int x, int *logits, struct sk_err *err)
{
    struct build b = {.g = g, .m = m, .io = io, .err = err};
    int width = (int)lround(64 * m->width);
    char name[SK_TENSOR_NAME];
    if (width < 1)
        return sk_fail(err, SK_INPUT, "model.width: %g leaves no channel at the start", m->width);
    x = stem(&b, x, width);
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < r->layers[stage]; i++) {
            snprintf(name, sizeof name, "layer%d.%d", stage + 1, i);
            x = block(&b, x, r->bottleneck, width << stage, stage > 0 && i == 0 ? 2 : 1, name);
        }
    *logits = classifier(&b, x);
    return b.code;
}

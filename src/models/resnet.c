/* ResNet-18 to 152 (He et al., "Deep Residual Learning for Image Recognition", 2015) as torchvision builds them (v1.5:
 * a bottleneck's stride sits in its 3x3 convolution), with the CIFAR stem (3x3, no pooling) and any width; wide ones
 * (Zagoruyko and Komodakis, 2016) and ResNeXt (Xie et al., 2016) as torchvision, squeeze-and-excitation (Hu et al.,
 * 2017) and ResNet-D (He et al., "Bag of Tricks", 2018) as timm.
 *
 * Without norms, initial weights follow Fixup (Zhang, Dauphin and Ma, 2019): the last convolution of a block and the
 * classifier begin at zero, the others of a block are scaled by blocks^(-1 / (2 * convolutions - 2)). Its scalar biases
 * and factors are left out; each convolution has a bias. With norms, model.zero_init_residual lets the last one of each
 * block begin at zero (Goyal et al., "Accurate, Large Minibatch SGD", 2017) as torchvision's option of that name. */
#include "models/resnet.h"

#include <math.h>

#include "models/build.h"

struct place { /* of a block in the network */
    int index, count, planes, stride;
    const char *name;
};

static int max_i(int a, int b)
{
    return a > b ? a : b;
}

/* How much less than usual the convolutions of a block begin with, without norms. */
static float damp(const struct sk_build *b, const struct sk_resnet *r, const struct place *at, bool last)
{
    int convs = r->bottleneck ? 3 : 2;
    if (!b->m->residual)
        return 0;
    return last ? 1 : 1 - (float)pow(at->count, -1.0 / (2 * convs - 2));
}

/* What the block adds to: x itself, or, where size or channels differ, its projection. */
static int shortcut(struct sk_build *b, const struct sk_resnet *r, int x, int out, const struct place *at)
{
    int conv = r->d ? 1 : 0;
    char names[2][2 * SK_NAME];
    struct sk_layer l = {.out = out, .kernel = b->m->skip_kernel, .stride = r->d ? 1 : at->stride};
    struct sk_attr window = {.kernel = at->stride, .stride = at->stride};
    if (at->stride == 1 && sk_build_channels(b, x) == out)
        return x;
    if (r->d && at->stride > 1)
        x = sk_build_emit(b, SK_OP_AVG_WINDOW, SK_JOIN(at->name, "downsample.0"), &x, 1, &window);
    for (int i = 0; i < 2; i++)
        snprintf(names[i], sizeof names[i], "%.48s.downsample.%d", at->name, conv + i);
    return sk_build_conv_norm(b, x, l, names[0], names[1]);
}

/* 3x3, 3x3. */
static int basic(struct sk_build *b, const struct sk_resnet *r, int y, const struct place *at)
{
    struct sk_layer one = {.out = at->planes, .kernel = 3, .stride = at->stride, .damp = damp(b, r, at, false)};
    struct sk_layer two = {.out = at->planes, .kernel = 3, .damp = damp(b, r, at, true)};
    two.norm_damp = b->m->zero_init_residual;
    y = sk_build_conv_norm(b, y, one, SK_JOIN(at->name, "conv1"), SK_JOIN(at->name, "bn1"));
    y = sk_build_act(b, SK_ACT_RELU, y, SK_JOIN(at->name, "relu1"));
    return sk_build_conv_norm(b, y, two, SK_JOIN(at->name, "conv2"), SK_JOIN(at->name, "bn2"));
}

/* 1x1, 3x3, 1x1 with four times the planes at the end. */
static int bottleneck(struct sk_build *b, const struct sk_resnet *r, int y, const struct place *at)
{
    int groups = max_i(r->groups, 1), wide = max_i(at->planes * (r->base ? r->base : 64) / 64, 1) * groups;
    float less = damp(b, r, at, false);
    struct sk_layer one = {.out = wide, .damp = less}, three = {.out = 4 * at->planes, .damp = damp(b, r, at, true)};
    struct sk_layer two = {.out = wide, .kernel = 3, .stride = at->stride, .groups = groups, .damp = less};
    three.norm_damp = b->m->zero_init_residual;
    y = sk_build_conv_norm(b, y, one, SK_JOIN(at->name, "conv1"), SK_JOIN(at->name, "bn1"));
    y = sk_build_act(b, SK_ACT_RELU, y, SK_JOIN(at->name, "relu1"));
    y = sk_build_conv_norm(b, y, two, SK_JOIN(at->name, "conv2"), SK_JOIN(at->name, "bn2"));
    y = sk_build_act(b, SK_ACT_RELU, y, SK_JOIN(at->name, "relu2"));
    return sk_build_conv_norm(b, y, three, SK_JOIN(at->name, "conv3"), SK_JOIN(at->name, "bn3"));
}

/* A sixteenth, rounded to a multiple of 8, as timm. */
static int squeezed(int channels)
{
    return max_i(8, (channels / 16 + 4) / 8 * 8);
}

static int block(struct sk_build *b, const struct sk_resnet *r, int x, const struct place *at)
{
    int out = r->bottleneck ? 4 * at->planes : at->planes;
    int y = r->bottleneck ? bottleneck(b, r, x, at) : basic(b, r, x, at);
    if (r->se || b->m->se)
        y = sk_build_excite(b, y, squeezed(out), SK_ACT_RELU, SK_JOIN(at->name, "se"));
    if (b->m->residual)
        y = sk_build_add(b, y, shortcut(b, r, x, out, at), at->index, at->count, at->name);
    return sk_build_act(b, SK_ACT_RELU, y, at->name);
}

/* Three 3x3 convolutions, the first two half as wide. */
static int deep_stem(struct sk_build *b, int x, int width)
{
    struct sk_layer l = {.out = max_i(width / 2, 1), .kernel = 3, .stride = 2};
    x = sk_build_conv_norm(b, x, l, "conv1.0", "conv1.1");
    x = sk_build_act(b, SK_ACT_RELU, x, "conv1.2");
    l.stride = 1;
    x = sk_build_conv_norm(b, x, l, "conv1.3", "conv1.4");
    x = sk_build_act(b, SK_ACT_RELU, x, "conv1.5");
    l.out = width;
    return sk_build_conv_norm(b, x, l, "conv1.6", "bn1");
}

static int stem(struct sk_build *b, const struct sk_resnet *r, int x, int width)
{
    bool cifar = b->m->stem == SK_STEM_CIFAR, deep = !cifar && (r->d || b->m->stem == SK_STEM_DEEP);
    struct sk_layer l = {.out = width, .kernel = cifar ? 3 : 7, .stride = cifar ? 1 : 2};
    x = deep ? deep_stem(b, x, width) : sk_build_conv_norm(b, x, l, "conv1", "bn1");
    x = sk_build_act(b, SK_ACT_RELU, x, "relu");
    if (cifar)
        return x;
    struct sk_attr attr = {.kernel = 3, .stride = 2, .pad = 1};
    return sk_build_emit(b, SK_OP_MAX_POOL, "maxpool", &x, 1, &attr);
}

static enum sk_code check(const struct sk_recipe_model *m, int width, struct sk_err *err)
{
    if (width < 1)
        return sk_fail(err, SK_INPUT, "model.width: %g leaves no channel at the start", m->width);
    if (m->skip_kernel % 2 == 0)
        return sk_fail(err, SK_INPUT, "model.skip_kernel: expected an odd number, got %d", m->skip_kernel);
    if (m->zero_init_residual && !m->residual)
        return sk_fail(err, SK_INPUT, "model.zero_init_residual: without skip connections (model.residual: false) "
                                      "blocks that begin at zero let nothing pass");
    return SK_OK;
}

enum sk_code sk_resnet_build(struct sk_graph *g, const struct sk_resnet *r, const struct sk_recipe_model *m,
                             const struct sk_model_io *io, int x, int *logits, struct sk_err *err)
{
    struct sk_build b = {.g = g, .m = m, .io = io, .err = err};
    struct place at = {.count = r->layers[0] + r->layers[1] + r->layers[2] + r->layers[3]};
    int width = (int)lround(64 * m->width);
    char name[SK_TENSOR_NAME];
    b.code = check(m, width, err);
    if (b.code != SK_OK)
        return b.code;
    x = stem(&b, r, x, width);
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < r->layers[stage]; i++, at.index++) {
            snprintf(name, sizeof name, "layer%d.%d", stage + 1, i);
            at.name = name;
            at.planes = width << stage;
            at.stride = stage > 0 && i == 0 ? 2 : 1;
            x = block(&b, r, x, &at);
        }
    *logits = sk_build_classifier(&b, x, 0, "fc");
    return b.code;
}

/* EfficientNet-B0 (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019) as
 * torchvision builds it. */
#include "models/efficientnet.h"

#include <math.h>

#include "models/build.h"

struct stage {
    int expand, kernel, stride, in, out, blocks;
};
static const struct stage stages[] = {
    {1, 3, 1, 32, 16, 1},  {6, 3, 2, 16, 24, 2},   {6, 5, 2, 24, 40, 2},   {6, 3, 2, 40, 80, 3},
    {6, 5, 1, 80, 112, 3}, {6, 5, 2, 112, 192, 4}, {6, 3, 1, 192, 320, 1},
};

/* A multiple of 8, rounded up where rounding down would take more than a tenth. */
static int scaled(int channels, double width)
{
    double v = channels * width;
    int rounded = (int)(v + 4) / 8 * 8;
    rounded = rounded < 8 ? 8 : rounded;
    return rounded < 0.9 * v ? rounded + 8 : rounded;
}

/* Convolution NAME.0, norm NAME.1, and SiLU. */
static int conv_norm_act(struct sk_build *b, int x, struct sk_layer l, const char *name)
{
    x = sk_build_conv_norm(b, x, l, SK_JOIN(name, "0"), SK_JOIN(name, "1"));
    return sk_build_act(b, SK_ACT_SILU, x, SK_JOIN(name, "2"));
}

/* "NAME.block.N", and on to the next part. */
static const char *part(char *out, const char *name, int *n)
{
    snprintf(out, SK_TENSOR_NAME, "%.48s.block.%d", name, (*n)++);
    return out;
}
#define PART part((char[SK_TENSOR_NAME]){0}, name, &n)

/* Expansion, depthwise convolution, squeeze-and-excitation, projection. */
static int block(struct sk_build *b, int x, const struct stage *s, int index, int count, const char *name)
{
    int in = (int)sk_build_channels(b, x), wide = in * s->expand, n = 0, y = x;
    if (s->expand > 1)
        y = conv_norm_act(b, y, (struct sk_layer){.out = wide}, PART);
    y = conv_norm_act(b, y, (struct sk_layer){.out = wide, .kernel = s->kernel, .stride = s->stride, .groups = wide},
                      PART);
    y = sk_build_excite(b, y, in / 4 > 1 ? in / 4 : 1, SK_ACT_SILU, PART);
    const char *last = PART;
    bool same = s->stride == 1 && in == s->out && b->m->residual;
    struct sk_layer l = {.out = s->out, .damp = same ? 1 : 0};
    y = sk_build_conv_norm(b, y, l, SK_JOIN(last, "0"), SK_JOIN(last, "1"));
    return same ? sk_build_add(b, y, x, index, count, name) : y;
}

static enum sk_code check(const struct sk_recipe_model *m, struct sk_err *err)
{
    if (m->skip_kernel != 1)
        return sk_fail(err, SK_INPUT, "model.skip_kernel: efficientnet_b0 has no convolution in its skip connections");
    if (m->zero_init_residual)
        return sk_fail(err, SK_INPUT, "model.zero_init_residual: is for ResNets, efficientnet_b0 has no such option");
    if (m->se)
        return sk_fail(err, SK_INPUT, "model.se: efficientnet_b0 has squeeze-and-excitation of its own");
    if (m->norm == SK_NORM_NONE)
        return sk_fail(err, SK_INPUT, "model.norm: efficientnet_b0 does not train without norms, expected batch or group");
    if (m->stem == SK_STEM_DEEP)
        return sk_fail(err, SK_INPUT, "model.stem: deep is for ResNets, efficientnet_b0 takes imagenet or cifar");
    return SK_OK;
}

enum sk_code sk_efficientnet_build(struct sk_graph *g, const struct sk_recipe_model *m, const struct sk_model_io *io,
                                   int x, int *logits, struct sk_err *err)
{
    enum { BLOCKS = 16, HEAD = 4 };
    struct sk_build b = {.g = g, .m = m, .io = io, .err = err};
    struct sk_layer first = {
        .out = scaled(stages[0].in, m->width), .kernel = 3, .stride = m->stem == SK_STEM_CIFAR ? 1 : 2};
    char name[SK_NAME];
    int index = 0, out = 0;
    enum sk_code code = check(m, err);
    if (code != SK_OK)
        return code;
    x = conv_norm_act(&b, x, first, "features.0");
    for (size_t i = 0; i < SK_COUNT(stages); i++)
        for (int k = 0; k < stages[i].blocks; k++, index++) {
            struct stage s = stages[i];
            s.stride = k == 0 ? s.stride : 1;
            s.out = out = scaled(s.out, m->width);
            snprintf(name, sizeof name, "features.%d.%d", (int)i + 1, k);
            x = block(&b, x, &s, index, BLOCKS, name);
        }
    x = conv_norm_act(&b, x, (struct sk_layer){.out = HEAD * out}, "features.8");
    float bound = sqrtf((float)sk_build_channels(&b, x) / (float)io->classes); /* 1/sqrt(out) for the usual 1/sqrt(in) */
    *logits = sk_build_classifier(&b, x, 1 - bound, "classifier.1");
    return b.code;
}

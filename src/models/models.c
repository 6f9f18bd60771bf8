/* Models by name, short names for whole models, and initial weights. */
#include "models/models.h"

#include <math.h>
#include <string.h>

#include "models/efficientnet.h"
#include "models/resnet.h"

static const struct sk_resnet resnets[] = {
    {.name = "resnet18", .layers = {2, 2, 2, 2}},
    {.name = "resnet34", .layers = {3, 4, 6, 3}},
    {.name = "resnet50", .bottleneck = true, .layers = {3, 4, 6, 3}},
    {.name = "resnet101", .bottleneck = true, .layers = {3, 4, 23, 3}},
    {.name = "resnet152", .bottleneck = true, .layers = {3, 8, 36, 3}},
    {.name = "wide_resnet50_2", .bottleneck = true, .layers = {3, 4, 6, 3}, .base = 128},
    {.name = "wide_resnet101_2", .bottleneck = true, .layers = {3, 4, 23, 3}, .base = 128},
    {.name = "resnext50_32x4d", .bottleneck = true, .layers = {3, 4, 6, 3}, .groups = 32, .base = 4},
    {.name = "resnext101_32x8d", .bottleneck = true, .layers = {3, 4, 23, 3}, .groups = 32, .base = 8},
    {.name = "seresnet18", .layers = {2, 2, 2, 2}, .se = true},
    {.name = "seresnet34", .layers = {3, 4, 6, 3}, .se = true},
    {.name = "seresnet50", .bottleneck = true, .layers = {3, 4, 6, 3}, .se = true},
    {.name = "resnet18d", .layers = {2, 2, 2, 2}, .d = true},
    {.name = "resnet34d", .layers = {3, 4, 6, 3}, .d = true},
    {.name = "resnet50d", .bottleneck = true, .layers = {3, 4, 6, 3}, .d = true},
};
static const char *const names[] = {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2",
                                    "wide_resnet101_2", "resnext50_32x4d", "resnext101_32x8d", "seresnet18", "seresnet34",
                                    "seresnet50", "resnet18d", "resnet34d", "resnet50d", "efficientnet_b0", NULL};

static const struct { const char *name, *arch; double width; } for_cifar[] = {
    {"resnet18-cifar", "resnet18", 1.0},
    {"narrow-resnet18-cifar", "resnet18", 0.5},
};
static const char *const whole_names[] = {"resnet18-cifar", "narrow-resnet18-cifar", NULL};

const char *const *sk_model_names(void)
{
    return names;
}

bool sk_model_is_classifier(const char *tensor)
{
    return strcmp(tensor, "fc.weight") == 0 || strcmp(tensor, "classifier.1.weight") == 0;
}

static bool is_known(const char *arch)
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(arch, names[i]) == 0)
            return true;
    return false;
}

const char *const *sk_model_wholes(void)
{
    return whole_names;
}

static void set_model(struct sk_recipe_model *m, const char *arch, enum sk_stem stem, double width, int classes)
{
    snprintf(m->arch, sizeof m->arch, "%s", arch);
    m->stem = stem;
    m->width = width;
    m->classes = classes;
}

bool sk_model_whole(const char *name, struct sk_recipe_model *m, int *side)
{
    for (size_t i = 0; i < SK_COUNT(for_cifar); i++)
        if (strcmp(name, for_cifar[i].name) == 0) {
            set_model(m, for_cifar[i].arch, SK_STEM_CIFAR, for_cifar[i].width, 10);
            *side = 32;
            return true;
        }
    if (!is_known(name))
        return false;
    set_model(m, name, SK_STEM_IMAGENET, 1.0, 1000);
    *side = 224;
    return true;
}

static enum sk_code unknown(const char *arch, struct sk_err *err)
{
    const char *near = sk_nearest(arch, names, SK_COUNT(names) - 1);
    for (size_t i = 0; i < SK_COUNT(for_cifar); i++)
        if (strcmp(arch, for_cifar[i].name) == 0)
            return sk_fail(err, SK_INPUT, "model.arch: '%s' is short for {arch: %s, stem: cifar, width: %.1f}", arch,
                           for_cifar[i].arch, for_cifar[i].width);
    if (near)
        return sk_fail(err, SK_INPUT, "model.arch: unknown model '%s' (did you mean '%s'?)", arch, near);
    return sk_fail(err, SK_INPUT, "model.arch: unknown model '%s' (skua info --models names those there are)", arch);
}

enum sk_code sk_model_check_name(const char *arch, struct sk_err *err)
{
    return is_known(arch) ? SK_OK : unknown(arch, err);
}

static enum sk_code network(struct sk_graph *g, const struct sk_recipe_model *m, const struct sk_model_io *io, int x, int *logits,
                            struct sk_err *err)
{
    for (size_t i = 0; i < SK_COUNT(resnets); i++)
        if (strcmp(m->arch, resnets[i].name) == 0)
            return sk_resnet_build(g, &resnets[i], m, io, x, logits, err);
    return sk_efficientnet_build(g, m, io, x, logits, err);
}

static enum sk_code normalized(struct sk_graph *g, const struct sk_model_io *io, int *x, struct sk_err *err)
{
    struct sk_desc pixels = sk_desc_make(io->pixel, 4, (int64_t[]){io->batch, io->height, io->width, io->channels});
    struct sk_desc mix = sk_desc_make(SK_F32, 1, (int64_t[]){SK_MIX_VALUES});
    struct sk_attr attr = {.dtype = io->compute};
    int in[2];
    enum sk_code code = sk_graph_tensor(g, "pixels", SK_ROLE_INPUT, &pixels, &in[0], err);
    if (code == SK_OK && io->mixed)
        code = sk_graph_tensor(g, "mix", SK_ROLE_INPUT, &mix, &in[1], err);
    if (code != SK_OK)
        return code;
    for (int c = 0; c < SK_MAX_CHANNELS; c++) {
        attr.mean[c] = io->has_normalize ? io->mean[c] : 0;
        attr.std[c] = io->has_normalize ? io->std[c] : 1;
    }
    return sk_graph_emit(g, SK_OP_NORMALIZE, "normalize", in, io->mixed ? 2 : 1, &attr, x, err);
}

enum sk_code sk_model_build(struct sk_graph *g, const struct sk_recipe_model *m, const struct sk_model_io *io, int *logits,
                            struct sk_err *err)
{
    int x = -1;
    if (!is_known(m->arch))
        return unknown(m->arch, err);
    enum sk_code code = normalized(g, io, &x, err);
    if (code == SK_OK)
        code = network(g, m, io, x, logits, err);
    if (code != SK_OK)
        sk_err_prefix(err, "%s for pictures of %dx%d", m->arch, io->height, io->width);
    return code;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), e = strlen(end);
    return n >= e && strcmp(text + n - e, end) == 0;
}

static void fill(float *out, int64_t n, float value)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = value;
}

void sk_model_init(const struct sk_tensor *t, uint64_t seed, int position, float *out)
{
    int64_t n = sk_desc_count(&t->desc);
    const int64_t *d = t->desc.dim;
    struct sk_rng rng;
    sk_rng_init(&rng, seed, 0, (uint64_t)position, SK_RNG_INIT);
    if (t->desc.rank == 4) {
        float std = sqrtf(2.0f / (float)(d[0] * d[2] * d[3]));
        for (int64_t i = 0; i < n; i++)
            out[i] = std * sk_rng_normal(&rng);
    } else if (t->desc.rank == 2) {
        float bound = 1.0f / sqrtf((float)d[1]);
        for (int64_t i = 0; i < n; i++)
            out[i] = bound * (2 * sk_rng_unit(&rng) - 1);
    } else {
        fill(out, n, ends_with(t->name, ".weight") || ends_with(t->name, "running_var") ? 1.0f : 0.0f);
    }
    for (int64_t i = 0; i < n && t->damp != 0; i++)
        out[i] *= 1 - t->damp;
}

/* Models by name, short names for whole models, and initial weights. */
#include "models/models.h"

#include <math.h>
#include <string.h>

#include "models/resnet.h"

static const struct sk_resnet resnets[] = {
    {"resnet18", false, {2, 2, 2, 2}},
    {"resnet34", false, {3, 4, 6, 3}},
    {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}},
    {"resnet152", true, {3, 8, 36, 3}},
};
static const char *const names[] = {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", NULL};

static const struct { const char *name, *arch; enum sk_stem stem; double width; int side, classes; } aliases[] = {
    {"resnet18-cifar", "resnet18", SK_STEM_CIFAR, 1.0, 32, 10},
    {"narrow-resnet18-cifar", "resnet18", SK_STEM_CIFAR, 0.5, 32, 10},
    {"resnet50", "resnet50", SK_STEM_IMAGENET, 1.0, 224, 1000},
};
static const char *const alias_names[] = {"resnet18-cifar", "narrow-resnet18-cifar", "resnet50", NULL};

const char *const *sk_model_names(void)
{
    return names;
}

const char *const *sk_model_aliases(void)
{
    return alias_names;
}

bool sk_model_alias(const char *alias, struct sk_recipe_model *m, int *side, int *classes)
{
    for (size_t i = 0; i < SK_COUNT(aliases); i++) {
        if (strcmp(alias, aliases[i].name) != 0)
            continue;
        snprintf(m->arch, sizeof m->arch, "%s", aliases[i].arch);
        m->stem = aliases[i].stem;
        m->width = aliases[i].width;
        *side = aliases[i].side;
        *classes = m->classes = aliases[i].classes;
        return true;
    }
    return false;
}

static enum sk_code find(const char *arch, const struct sk_resnet **r, struct sk_err *err)
{
    for (size_t i = 0; i < SK_COUNT(resnets); i++)
        if (strcmp(arch, resnets[i].name) == 0) {
            *r = &resnets[i];
            return SK_OK;
        }
    const char *near = sk_nearest(arch, names, SK_COUNT(names) - 1);
    if (near)
        return sk_fail(err, SK_INPUT, "model.arch: unknown model '%s' (did you mean '%s'?)", arch, near);
    return sk_fail(err, SK_INPUT, "model.arch: unknown model '%s', known are resnet18, resnet34, resnet50, resnet101 and resnet152", arch);
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
    const struct sk_resnet *r = NULL;
    int x = -1;
    enum sk_code code = find(m->arch, &r, err);
    if (code != SK_OK)
        return code;
    code = normalized(g, io, &x, err);
    if (code == SK_OK)
        code = sk_resnet_build(g, r, m, io, x, logits, err);
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
}

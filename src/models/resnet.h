/* The ResNet family. Private to models. */
#ifndef SKUA_MODELS_RESNET_H
#define SKUA_MODELS_RESNET_H

#include "models/models.h"

struct sk_resnet {
    const char *name;
    bool bottleneck;
    int layers[4];
    int groups,
        base; /* of a bottleneck's 3x3 convolution: groups (0: 1) and channels a group of the first stage (0: 64) */
    bool se;  /* squeeze-and-excitation */
    bool d;   /* ResNet-D: the deep stem instead of imagenet's, averages instead of strides in shortcuts */
};

/* Emits stem, stages, pooling and classifier on tensor x (pixels, already normalized). */
enum sk_code sk_resnet_build(struct sk_graph *g, const struct sk_resnet *r, const struct sk_recipe_model *m,
                             const struct sk_model_io *io, int x, int *logits, struct sk_err *err) SK_MUST;

#endif

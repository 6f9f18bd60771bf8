/* Models: builders that write a network into a graph, by name. */
#ifndef SKUA_MODELS_H
#define SKUA_MODELS_H

#include "base/base.h"
#include "graph/graph.h"
#include "recipe/recipe.h"

struct sk_model_io {
    int64_t batch;
    int height, width, channels;   /* of the pictures that the network gets */
    enum sk_dtype pixel;           /* SK_U8 or SK_F32 as the loader delivers */
    enum sk_dtype compute;         /* SK_F32 or SK_BF16: type of the activations */
    int classes;
    bool train;                    /* batch statistics and dropout, or running statistics */
    bool mixed;                    /* MixUp or CutMix: normalization takes the input "mix" (graph.h) */
    bool has_normalize;
    double mean[SK_MAX_CHANNELS], std[SK_MAX_CHANNELS];
};
/* Emits input "pixels" [N,H,W,C] (role INPUT), then "mix" where mixed, normalization and the network; *logits [N,classes] f32. Names of params and state are torchvision's
 * ("layer1.0.conv1.weight", OIHW; "bn1.running_mean"). INPUT errors: unknown arch (nearest named), picture too small for the network. */
enum sk_code sk_model_build(struct sk_graph *g, const struct sk_recipe_model *m, const struct sk_model_io *io, int *logits,
                            struct sk_err *err) SK_MUST;
/* Names of architectures, NULL-terminated. */
const char *const *sk_model_names(void);
enum sk_code sk_model_check_name(const char *arch, struct sk_err *err) SK_MUST; /* INPUT that names the nearest */
/* Whether the tensor of this name is the weight [classes, features] of a network's last layer. */
bool sk_model_is_classifier(const char *tensor);
/* A whole model by name: an architecture as for ImageNet (224x224, 1000 classes), or one of sk_model_wholes, which are for
 * CIFAR-10 ("narrow-resnet18-cifar"); fills arch, stem, width and classes of m, and side; false: unknown. */
bool sk_model_whole(const char *name, struct sk_recipe_model *m, int *side);
const char *const *sk_model_wholes(void); /* NULL-terminated */
/* Initial value of a param or state by torchvision's rules (convolutions Kaiming normal fan-out, norms 1 and 0, linear uniform
 * +-1/sqrt(in), in EfficientNets by damp +-1/sqrt(out), but all biases 0), times 1 - t->damp; keyed by (seed, position of the tensor in the store). */
void sk_model_init(const struct sk_tensor *t, uint64_t seed, int position, float *out);

#endif

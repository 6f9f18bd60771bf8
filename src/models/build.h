/* What builders of networks share: emitting layers into a graph. Private to models. */
#ifndef SKUA_MODELS_BUILD_H
#define SKUA_MODELS_BUILD_H

#include "models/models.h"

/* The first error is kept in err and code, and turns every further function into a no-op that gives tensor 0. */
struct sk_build {
    struct sk_graph *g;
    const struct sk_recipe_model *m;
    const struct sk_model_io *io;
    struct sk_err *err;
    enum sk_code code;
    int drops; /* dropout ops so far */
};
enum sk_act { SK_ACT_RELU, SK_ACT_SILU, SK_ACT_SIGMOID };

/* "PREFIX.SUFFIX" in a buffer that lives as long as the block it is used in. */
#define SK_JOIN(prefix, suffix) sk_build_join((char[SK_TENSOR_NAME]){0}, prefix, suffix)
const char *sk_build_join(char *out, const char *prefix, const char *suffix);

int64_t sk_build_channels(const struct sk_build *b, int x); /* 1 after an error */
int sk_build_emit(struct sk_build *b, enum sk_op_kind kind, const char *name, const int *in, int count,
                  const struct sk_attr *attr);

struct sk_layer {
    int out, kernel, stride, groups; /* zeros: 1 */
    bool bias;
    float damp, norm_damp; /* of the weight, and of that of the norm after it: see struct sk_tensor */
};
/* Padded by half the kernel. */
int sk_build_conv(struct sk_build *b, int x, struct sk_layer l, const char *name);
/* Convolution conv and model.norm after it, named norm; without norm, the convolution has a bias. */
int sk_build_conv_norm(struct sk_build *b, int x, struct sk_layer l, const char *conv, const char *norm);
int sk_build_act(struct sk_build *b, enum sk_act act, int x, const char *name);
/* Squeeze-and-excitation (Hu et al., 2017) with its convolutions NAME.fc1, of so many outputs, and NAME.fc2. */
int sk_build_excite(struct sk_build *b, int x, int squeezed, enum sk_act act, const char *name);
/* x + y, where y, in training, is left out for some samples: more often the further the block, index of count, lies
 * from the first. */
int sk_build_add(struct sk_build *b, int y, int x, int index, int count, const char *name);
/* Pooling over all positions, dropout and the linear layer; damp is that of its weight with norms, without it is 1. */
int sk_build_classifier(struct sk_build *b, int x, float damp, const char *name);

#endif

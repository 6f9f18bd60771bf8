/* EfficientNet. Private to models. */
#ifndef SKUA_MODELS_EFFICIENTNET_H
#define SKUA_MODELS_EFFICIENTNET_H

#include "models/models.h"

/* Emits EfficientNet-B0, of any width, on tensor x (pixels, already normalized). */
enum sk_code sk_efficientnet_build(struct sk_graph *g, const struct sk_recipe_model *m, const struct sk_model_io *io,
                                   int x, int *logits, struct sk_err *err) SK_MUST;

#endif

/* The layers of a network as `skua info` shows them. */
#ifndef SKUA_CLI_INFO_LAYERS_H
#define SKUA_CLI_INFO_LAYERS_H

#include "exec/exec.h"

/* Prints the table of layers and the totals of the network that recipe describes for pictures of shape; json: one
 * object. Activations are of the given type. */
enum sk_code sk_info_layers(const struct sk_recipe *recipe, const struct sk_net_shape *shape, enum sk_dtype compute,
                            bool json, struct sk_err *err) SK_MUST;

#endif

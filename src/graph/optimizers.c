/* The table of optimizers: what each keeps of a parameter. To add one: its name in the recipe, a row here, a row in the
 * table of the cpu backend's optim.c, and its function in src/kern/optim_ref.c and optim_vec.h. */
#include "graph/graph.h"

static const struct sk_optimizer_info table[SK_OPTIMIZERS] = {
    /*                  slots                            momentum rho   eps */
    [SK_OPT_SGD] =      {{"momentum"},                   0.9,     0,    0},
    [SK_OPT_ADAM] =     {{"mean", "square"},             0,       0,    1e-8},
    [SK_OPT_ADAMW] =    {{"mean", "square"},             0,       0,    1e-8},
    [SK_OPT_RMSPROP] =  {{"square", "momentum", "mean"}, 0,       0.99, 1e-8},
    [SK_OPT_ADAGRAD] =  {{"square"},                     0,       0,    1e-10},
    [SK_OPT_ADADELTA] = {{"square", "delta"},            0,       0.9,  1e-6},
    [SK_OPT_LARS] =     {{"momentum"},                   0.9,     0,    0},
    [SK_OPT_LAMB] =     {{"mean", "square"},             0,       0,    1e-6},
};

const struct sk_optimizer_info *sk_optimizer_info(enum sk_optimizer name)
{
    return &table[name];
}

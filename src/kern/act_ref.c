/* Smooth activations, reference. */
#include "kern/act_loops.h"

SK_ACT_LEVEL(sk_act_ref)

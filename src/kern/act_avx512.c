/* Smooth activations, avx512. */
#include "kern/act_loops.h"

SK_ACT_LEVEL(sk_act_avx512)

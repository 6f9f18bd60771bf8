/* Depthwise convolution, reference. */
#include "kern/depthwise_loops.h"

SK_DEPTHWISE_LEVEL(sk_depthwise_ref)

/* Depthwise convolution, avx2. */
#include "kern/depthwise_loops.h"

SK_DEPTHWISE_LEVEL(sk_depthwise_avx2)

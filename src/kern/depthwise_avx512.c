/* Depthwise convolution, avx512. */
#include "kern/depthwise_loops.h"

SK_DEPTHWISE_LEVEL(sk_depthwise_avx512)

/* Pointwise kernels, AVX-512. */
#include "kern/vec_avx512.h"

#include "kern/point_vec.h"

void sk_point_avx512(struct sk_kern_point k[SK_K_TYPES])
{
    fill(k);
}

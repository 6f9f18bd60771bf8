/* Pointwise kernels, AVX2. */
#include "kern/vec_avx2.h"

#include "kern/point_vec.h"

void sk_point_avx2(struct sk_kern_point k[SK_K_TYPES])
{
    fill(k);
}

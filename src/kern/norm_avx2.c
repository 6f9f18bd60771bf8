/* Batch norm forward, AVX2. */
#include "kern/vec_avx2.h"

#include "kern/norm_vec.h"

void sk_norm_avx2(struct sk_kern_norm k[SK_K_TYPES])
{
    fill(k);
}

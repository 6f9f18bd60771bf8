/* Batch norm backward, AVX-512. */
#include "kern/vec_avx512.h"

#include "kern/norm_grad_vec.h"

void sk_norm_grad_avx512(struct sk_kern_norm k[SK_K_TYPES])
{
    fill(k);
}

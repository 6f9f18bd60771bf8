/* Optimizer updates, AVX-512. */
#include "kern/vec_avx512.h"

#include "kern/optim_vec.h"

void sk_optim_avx512(struct sk_kern_optim *k)
{
    *k = all_updates();
}

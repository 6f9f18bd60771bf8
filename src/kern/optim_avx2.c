/* Optimizer updates, AVX2. */
#include "kern/vec_avx2.h"

#include "kern/optim_vec.h"

void sk_optim_avx2(struct sk_kern_optim *k)
{
    *k = all_updates();
}

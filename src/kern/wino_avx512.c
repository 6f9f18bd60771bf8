/* Winograd convolution, AVX-512: float32 inside. */
#include "kern/levels.h"
#include "kern/vec_avx512.h"

enum { WINO_VECS = 4 };

#include "kern/wino_f32.h"

void sk_wino_avx512(struct sk_kern_wino k[SK_WINO_KINDS])
{
    k[SK_WINO_F2_F32] = wino_f32(2, SK_K_F32);
    k[SK_WINO_F4_F32] = wino_f32(4, SK_K_F32);
    k[SK_WINO_F2_MIXED] = wino_f32(2, SK_K_BF16);
    k[SK_WINO_F4_MIXED] = wino_f32(4, SK_K_BF16);
}

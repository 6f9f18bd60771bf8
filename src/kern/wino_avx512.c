/* Winograd convolution, AVX-512: float32 inside. */
#include "kern/levels.h"
#include "kern/vec_avx512.h"

enum { WINO_VECS = 4 };

#include "kern/wino_f32.h"

void sk_wino_avx512(struct sk_kern_wino k[SK_WINO_ALGS][SK_WINO_TYPES])
{
    for (enum sk_wino_alg a = 0; a < SK_WINO_ALGS; a++) {
        k[a][SK_WINO_F32] = wino_f32(a, SK_K_F32);
        k[a][SK_WINO_MIXED] = wino_f32(a, SK_K_BF16);
    }
}

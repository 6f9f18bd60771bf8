/* Dropout, reference and only version: it runs once a step on a few thousand elements.
 *
 * Random numbers are Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011), written here again because kern includes nothing of skua: element e is word e % 4 of the block with counter {e
 * / 4, 0}. */
#include "kern/levels.h"
#include "kern/scalar.h"

static void philox(uint64_t block, const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = 0, c3 = 0, k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

SK_INLINE void dropout(const void *x, size_t n, const uint32_t key[2], uint64_t first, uint32_t threshold, float scale,
                       void *y, enum sk_ktype t)
{
    uint32_t word[4] = {0};
    uint64_t block = UINT64_MAX; /* no element is in it: e / 4 is smaller */
    for (size_t i = 0; i < n; i++) {
        uint64_t e = first + i;
        if (e / 4 != block) {
            block = e / 4;
            philox(block, key, word);
        }
        sk_put(y, i, t, word[e % 4] >= threshold ? sk_get(x, i, t) * scale : 0.0f);
    }
}

static void dropout_f32(const void *x, size_t n, const uint32_t key[2], uint64_t first, uint32_t threshold, float scale,
                        void *y)
{
    dropout(x, n, key, first, threshold, scale, y, SK_K_F32);
}

static void dropout_bf16(const void *x, size_t n, const uint32_t key[2], uint64_t first, uint32_t threshold,
                         float scale, void *y)
{
    dropout(x, n, key, first, threshold, scale, y, SK_K_BF16);
}

void sk_dropout_ref(struct sk_kern_point k[SK_K_TYPES])
{
    k[SK_K_F32].dropout = dropout_f32;
    k[SK_K_BF16].dropout = dropout_bf16;
}

/* What MixUp and CutMix draw for a batch. */
#include "train/train.h"

#include <math.h>

struct sk_mix sk_mix_cut(double lambda, int x, int y, int height, int width)
{
    double half = 0.5 * sqrt(1.0 - lambda);
    int w = (int)(half * width), h = (int)(half * height);
    int left = x > w ? x - w : 0, right = x + w < width ? x + w : width;
    int top = y > h ? y - h : 0, bottom = y + h < height ? y + h : height;
    double area = (double)(right - left) * (bottom - top) / ((double)width * height);
    return (struct sk_mix){(float)(1.0 - area), (float)top, (float)left, (float)bottom, (float)right};
}

struct sk_mix sk_mix_draw(const struct sk_recipe_train *r, uint32_t epoch, uint64_t batch, int height, int width)
{
    struct sk_rng rng;
    bool mixup = r->mixup_alpha > 0, cutmix = r->cutmix_alpha > 0;
    if (!mixup && !cutmix)
        return (struct sk_mix){.lambda = 1};
    sk_rng_init(&rng, (uint64_t)r->seed, epoch, batch, SK_RNG_MIX);
    if (mixup && cutmix)
        cutmix = sk_rng_below(&rng, 2) == 1;
    double lambda = sk_rng_beta(&rng, cutmix ? r->cutmix_alpha : r->mixup_alpha);
    if (!cutmix)
        return (struct sk_mix){.lambda = (float)lambda};
    int x = (int)sk_rng_below(&rng, (uint32_t)width), y = (int)sk_rng_below(&rng, (uint32_t)height);
    return sk_mix_cut(lambda, x, y, height, width);
}

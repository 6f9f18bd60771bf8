/* Optimizer updates, AVX2. */
#include "kern/levels.h"
#include "kern/vec_avx2.h"

#include <math.h>

struct sgd {
    __m256 lr, momentum, decay;
    bool nesterov;
};

SK_INLINE void sgd_vec(float *p, const float *g, float *m, size_t i, size_t n, const struct sgd *a)
{
    __m256 w = sk_vget(p, i, n), d = _mm256_fmadd_ps(a->decay, w, sk_vget(g, i, n));
    __m256 v = _mm256_fmadd_ps(a->momentum, sk_vget(m, i, n), d);
    __m256 step = a->nesterov ? _mm256_fmadd_ps(a->momentum, v, d) : v;
    sk_vset(m, i, n, v);
    sk_vset(p, i, n, _mm256_fnmadd_ps(a->lr, step, w));
}

static void sgd(float *p, const float *g, float *m, size_t n, float lr, float momentum, float decay, bool nesterov)
{
    const struct sgd a = {_mm256_set1_ps(lr), _mm256_set1_ps(momentum), _mm256_set1_ps(decay), nesterov};
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        sgd_vec(p, g, m, i, SK_VEC, &a);
    if (i < n)
        sgd_vec(p, g, m, i, n - i, &a);
}

struct adam {
    __m256 shrink, decay, beta2, rest1, rest2, root, eps, step; /* rest: 1 - beta */
};

SK_INLINE void adam_vec(float *p, const float *g, float *m, float *v, size_t i, size_t n, const struct adam *a)
{
    __m256 w = sk_vget(p, i, n), d = _mm256_fmadd_ps(a->decay, w, sk_vget(g, i, n));
    __m256 first = sk_vget(m, i, n), second = sk_vget(v, i, n);
    first = _mm256_fmadd_ps(a->rest1, _mm256_sub_ps(d, first), first);
    second = _mm256_fmadd_ps(a->beta2, second, _mm256_mul_ps(a->rest2, _mm256_mul_ps(d, d)));
    __m256 below = _mm256_add_ps(_mm256_div_ps(_mm256_sqrt_ps(second), a->root), a->eps);
    sk_vset(m, i, n, first);
    sk_vset(v, i, n, second);
    w = _mm256_mul_ps(w, a->shrink);
    sk_vset(p, i, n, _mm256_fnmadd_ps(a->step, _mm256_div_ps(first, below), w));
}

static void adam(float *p, const float *g, float *m, float *v, size_t n, float lr, float beta1, float beta2, float eps,
                 float c1, float c2, float decay, bool decoupled)
{
    const struct adam a = {.shrink = _mm256_set1_ps(decoupled ? 1.0f - lr * decay : 1.0f),
                           .decay = _mm256_set1_ps(decoupled ? 0.0f : decay),
                           .beta2 = _mm256_set1_ps(beta2),
                           .rest1 = _mm256_set1_ps(1.0f - beta1),
                           .rest2 = _mm256_set1_ps(1.0f - beta2),
                           .root = _mm256_set1_ps(sqrtf(c2)),
                           .eps = _mm256_set1_ps(eps),
                           .step = _mm256_set1_ps(lr / c1)};
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        adam_vec(p, g, m, v, i, SK_VEC, &a);
    if (i < n)
        adam_vec(p, g, m, v, i, n - i, &a);
}

void sk_optim_avx2(struct sk_kern_optim *k)
{
    *k = (struct sk_kern_optim){sgd, adam};
}

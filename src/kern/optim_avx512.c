/* Optimizer updates, AVX-512. */
#include "kern/levels.h"
#include "kern/vec_avx512.h"

#include <math.h>

struct sgd {
    __m512 lr, momentum, decay;
    bool nesterov;
};

SK_INLINE void sgd_vec(float *p, const float *g, float *m, size_t i, __mmask16 k, const struct sgd *a)
{
    __m512 w = sk_vget(p, i, k), d = _mm512_fmadd_ps(a->decay, w, sk_vget(g, i, k));
    __m512 v = _mm512_fmadd_ps(a->momentum, sk_vget(m, i, k), d);
    __m512 step = a->nesterov ? _mm512_fmadd_ps(a->momentum, v, d) : v;
    _mm512_mask_storeu_ps(m + i, k, v);
    _mm512_mask_storeu_ps(p + i, k, _mm512_fnmadd_ps(a->lr, step, w));
}

static void sgd(float *p, const float *g, float *m, size_t n, float lr, float momentum, float decay, bool nesterov)
{
    const struct sgd a = {_mm512_set1_ps(lr), _mm512_set1_ps(momentum), _mm512_set1_ps(decay), nesterov};
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        sgd_vec(p, g, m, i, SK_ALL, &a);
    if (i < n)
        sgd_vec(p, g, m, i, sk_mask(n - i), &a);
}

struct adam {
    __m512 shrink, decay, beta2, rest1, rest2, root, eps, step; /* rest: 1 - beta */
};

SK_INLINE void adam_vec(float *p, const float *g, float *m, float *v, size_t i, __mmask16 k, const struct adam *a)
{
    __m512 w = sk_vget(p, i, k), d = _mm512_fmadd_ps(a->decay, w, sk_vget(g, i, k));
    __m512 first = sk_vget(m, i, k), second = sk_vget(v, i, k);
    first = _mm512_fmadd_ps(a->rest1, _mm512_sub_ps(d, first), first);
    second = _mm512_fmadd_ps(a->beta2, second, _mm512_mul_ps(a->rest2, _mm512_mul_ps(d, d)));
    __m512 below = _mm512_add_ps(_mm512_div_ps(_mm512_sqrt_ps(second), a->root), a->eps);
    _mm512_mask_storeu_ps(m + i, k, first);
    _mm512_mask_storeu_ps(v + i, k, second);
    w = _mm512_mul_ps(w, a->shrink);
    _mm512_mask_storeu_ps(p + i, k, _mm512_fnmadd_ps(a->step, _mm512_div_ps(first, below), w));
}

static void adam(float *p, const float *g, float *m, float *v, size_t n, float lr, float beta1, float beta2, float eps,
                 float c1, float c2, float decay, bool decoupled)
{
    const struct adam a = {.shrink = _mm512_set1_ps(decoupled ? 1.0f - lr * decay : 1.0f),
                           .decay = _mm512_set1_ps(decoupled ? 0.0f : decay),
                           .beta2 = _mm512_set1_ps(beta2),
                           .rest1 = _mm512_set1_ps(1.0f - beta1),
                           .rest2 = _mm512_set1_ps(1.0f - beta2),
                           .root = _mm512_set1_ps(sqrtf(c2)),
                           .eps = _mm512_set1_ps(eps),
                           .step = _mm512_set1_ps(lr / c1)};
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        adam_vec(p, g, m, v, i, SK_ALL, &a);
    if (i < n)
        adam_vec(p, g, m, v, i, sk_mask(n - i), &a);
}

void sk_optim_avx512(struct sk_kern_optim *k)
{
    *k = (struct sk_kern_optim){sgd, adam};
}

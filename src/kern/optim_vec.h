/* Inside kern: the optimizer updates of optim_ref.c over whole vectors. Included by one file for each instruction set,
 * after its vec_*.h. */
#include "kern/levels.h"

/* What is the same for all elements, in all lanes. */
struct spread {
    sk_vec lr, scale, clip, decay, trust, shrink, momentum, keep, rest1, beta2, rest2, eps, c1, root, step;
    bool nesterov, centered;
};

SK_INLINE struct spread spread(const struct sk_optim *a)
{
    return (struct spread){.lr = sk_vset1(a->lr),
                           .scale = sk_vset1(a->scale),
                           .clip = sk_vset1(a->clip),
                           .decay = sk_vset1(a->decay),
                           .trust = sk_vset1(a->trust),
                           .shrink = sk_vset1(a->shrink),
                           .momentum = sk_vset1(a->momentum),
                           .keep = sk_vset1(a->keep),
                           .rest1 = sk_vset1(a->rest1),
                           .beta2 = sk_vset1(a->beta2),
                           .rest2 = sk_vset1(a->rest2),
                           .eps = sk_vset1(a->eps),
                           .c1 = sk_vset1(a->c1),
                           .root = sk_vsqrt(sk_vset1(a->c2)),
                           .step = sk_vset1(a->lr / a->c1),
                           .nesterov = a->nesterov,
                           .centered = a->centered};
}

SK_INLINE sk_vec gradient_of(const float *g, size_t i, sk_lanes k, const struct spread *a)
{
    return sk_vclip(sk_vmul(sk_vget(g, i, k), a->scale), a->clip);
}

SK_INLINE sk_vec direction_of(sk_vec w, const float *g, size_t i, sk_lanes k, const struct spread *a)
{
    return sk_vmul(a->trust, sk_vfma(a->decay, w, gradient_of(g, i, k, a)));
}

/* p = w * shrink - step * by */
SK_INLINE void move(float *p, size_t i, sk_lanes k, sk_vec w, sk_vec step, sk_vec by, const struct spread *a)
{
    sk_vset(p, i, k, sk_vfnma(step, by, sk_vmul(w, a->shrink)));
}

/* x = x + rest * (d - x) */
SK_INLINE sk_vec mean(float *x, size_t i, sk_lanes k, sk_vec d, sk_vec rest)
{
    sk_vec old = sk_vget(x, i, k), now = sk_vfma(rest, sk_vsub(d, old), old);
    sk_vset(x, i, k, now);
    return now;
}

/* x = beta2 * x + (1 - beta2) * d * d */
SK_INLINE sk_vec square(float *x, size_t i, sk_lanes k, sk_vec d, const struct spread *a)
{
    sk_vec now = sk_vfma(a->beta2, sk_vget(x, i, k), sk_vmul(a->rest2, sk_vmul(d, d)));
    sk_vset(x, i, k, now);
    return now;
}

SK_INLINE void sgd_vec(float *p, const float *g, float *const *slot, size_t i, sk_lanes k, const struct spread *a)
{
    sk_vec w = sk_vget(p, i, k), d = direction_of(w, g, i, k, a);
    sk_vec m = sk_vfma(a->momentum, sk_vget(slot[0], i, k), sk_vmul(a->keep, d));
    sk_vset(slot[0], i, k, m);
    move(p, i, k, w, a->lr, a->nesterov ? sk_vfma(a->momentum, m, d) : m, a);
}

SK_INLINE void adam_vec(float *p, const float *g, float *const *slot, size_t i, sk_lanes k, const struct spread *a)
{
    sk_vec w = sk_vget(p, i, k), d = direction_of(w, g, i, k, a);
    sk_vec m = mean(slot[0], i, k, d, a->rest1), v = square(slot[1], i, k, d, a);
    move(p, i, k, w, a->step, sk_vdiv(m, sk_vadd(sk_vdiv(sk_vsqrt(v), a->root), a->eps)), a);
}

SK_INLINE void rmsprop_vec(float *p, const float *g, float *const *slot, size_t i, sk_lanes k, const struct spread *a)
{
    sk_vec w = sk_vget(p, i, k), d = direction_of(w, g, i, k, a), v = square(slot[0], i, k, d, a);
    if (a->centered) {
        sk_vec centre = mean(slot[2], i, k, d, a->rest2);
        v = sk_vrelu(sk_vfnma(centre, centre, v));
    }
    sk_vec m = sk_vfma(a->momentum, sk_vget(slot[1], i, k), sk_vdiv(d, sk_vadd(sk_vsqrt(v), a->eps)));
    sk_vset(slot[1], i, k, m);
    move(p, i, k, w, a->lr, m, a);
}

SK_INLINE void adagrad_vec(float *p, const float *g, float *const *slot, size_t i, sk_lanes k, const struct spread *a)
{
    sk_vec w = sk_vget(p, i, k), d = direction_of(w, g, i, k, a), v = sk_vfma(d, d, sk_vget(slot[0], i, k));
    sk_vset(slot[0], i, k, v);
    move(p, i, k, w, a->lr, sk_vdiv(d, sk_vadd(sk_vsqrt(v), a->eps)), a);
}

SK_INLINE void adadelta_vec(float *p, const float *g, float *const *slot, size_t i, sk_lanes k, const struct spread *a)
{
    sk_vec w = sk_vget(p, i, k), d = direction_of(w, g, i, k, a), v = square(slot[0], i, k, d, a);
    sk_vec above = sk_vsqrt(sk_vadd(sk_vget(slot[1], i, k), a->eps)), below = sk_vsqrt(sk_vadd(v, a->eps));
    sk_vec delta = sk_vmul(sk_vdiv(above, below), d);
    square(slot[1], i, k, delta, a);
    move(p, i, k, w, a->lr, delta, a);
}

SK_INLINE sk_vec ratio(sk_vec w, sk_vec m, sk_vec v, const struct spread *a)
{
    sk_vec below = sk_vadd(sk_vdiv(sk_vsqrt(v), a->root), a->eps);
    return sk_vfma(a->decay, w, sk_vdiv(sk_vdiv(m, a->c1), below));
}

SK_INLINE void lamb_vec(float *p, const float *g, float *const *slot, size_t i, sk_lanes k, const struct spread *a)
{
    sk_vec w = sk_vget(p, i, k);
    (void)g;
    move(p, i, k, w, sk_vmul(a->lr, a->trust), ratio(w, sk_vget(slot[0], i, k), sk_vget(slot[1], i, k), a), a);
}

SK_INLINE sk_vec gradient_vec(sk_vec w, const float *g, float *const *slot, size_t i, sk_lanes k,
                              const struct spread *a)
{
    (void)w, (void)slot;
    return gradient_of(g, i, k, a);
}

SK_INLINE sk_vec moments_vec(sk_vec w, const float *g, float *const *slot, size_t i, sk_lanes k,
                             const struct spread *a)
{
    sk_vec d = gradient_of(g, i, k, a);
    sk_vec m = mean(slot[0], i, k, d, a->rest1), v = square(slot[1], i, k, d, a);
    return ratio(w, m, v, a);
}

#define UPDATE(name)                                                                                                   \
    static void name(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a)                \
    {                                                                                                                  \
        const struct spread all = spread(a);                                                                           \
        for (size_t i = 0; i < n; i += SK_VEC)                                                                         \
            name##_vec(p, g, slot, i, sk_first(n - i), &all);                                                          \
    }
UPDATE(sgd)
UPDATE(adam)
UPDATE(rmsprop)
UPDATE(adagrad)
UPDATE(adadelta)
UPDATE(lamb)

SK_INLINE double lanes_sum(sk_vec v)
{
    float lane[SK_VEC];
    double sum = 0;
    sk_vset(lane, 0, sk_first(SK_VEC), v);
    for (int i = 0; i < SK_VEC; i++)
        sum += (double)lane[i];
    return sum;
}

/* Sums of SHORT vectors in float32, of those in float64. Lanes behind the end hold zeros, and so do their directions. */
enum { SHORT = 16 };
#define MEASURE(name)                                                                                                  \
    static void name(const float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a,          \
                     double sum[2])                                                                                    \
    {                                                                                                                  \
        const struct spread all = spread(a);                                                                           \
        sum[0] = sum[1] = 0;                                                                                           \
        for (size_t from = 0; from < n; from += SHORT * SK_VEC) {                                                      \
            sk_vec first = sk_vzero(), second = sk_vzero();                                                            \
            for (size_t i = from; i < n && i < from + SHORT * SK_VEC; i += SK_VEC) {                                   \
                sk_lanes k = sk_first(n - i);                                                                          \
                sk_vec w = sk_vget(p, i, k), d = name##_vec(w, g, slot, i, k, &all);                                   \
                first = sk_vfma(w, w, first);                                                                          \
                second = sk_vfma(d, d, second);                                                                        \
            }                                                                                                          \
            sum[0] += lanes_sum(first);                                                                                \
            sum[1] += lanes_sum(second);                                                                               \
        }                                                                                                              \
    }
MEASURE(gradient)
MEASURE(moments)

SK_INLINE struct sk_kern_optim all_updates(void)
{
    return (struct sk_kern_optim){sgd, adam, rmsprop, adagrad, adadelta, gradient, moments, lamb};
}

/* Optimizer updates, reference: torch.optim's rules, operation by operation; LAMB as in its paper. */
#include "kern/levels.h"

#include <math.h>

static float gradient_of(float g, const struct sk_optim *a)
{
    float d = g * a->scale;
    d = d > a->clip ? a->clip : d;
    return d < -a->clip ? -a->clip : d;
}

static float direction_of(float p, float g, const struct sk_optim *a)
{
    return a->trust * (gradient_of(g, a) + a->decay * p);
}

static void sgd(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a)
{
    float *m = slot[0];
    for (size_t i = 0; i < n; i++) {
        float d = direction_of(p[i], g[i], a);
        m[i] = a->momentum * m[i] + a->keep * d;
        p[i] = p[i] * a->shrink - a->lr * (a->nesterov ? d + a->momentum * m[i] : m[i]);
    }
}

static void adam(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a)
{
    float *m = slot[0], *v = slot[1], step = a->lr / a->c1, root = sqrtf(a->c2);
    for (size_t i = 0; i < n; i++) {
        float d = direction_of(p[i], g[i], a);
        m[i] += a->rest1 * (d - m[i]);
        v[i] = a->beta2 * v[i] + a->rest2 * (d * d);
        p[i] = p[i] * a->shrink - step * (m[i] / (sqrtf(v[i]) / root + a->eps));
    }
}

static void rmsprop(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a)
{
    float *v = slot[0], *m = slot[1], *mean = slot[2];
    for (size_t i = 0; i < n; i++) {
        float d = direction_of(p[i], g[i], a), square;
        square = v[i] = a->beta2 * v[i] + a->rest2 * (d * d);
        if (a->centered) {
            mean[i] += a->rest2 * (d - mean[i]);
            square -= mean[i] * mean[i];
        }
        m[i] = a->momentum * m[i] + d / (sqrtf(square < 0 ? 0 : square) + a->eps);
        p[i] = p[i] * a->shrink - a->lr * m[i];
    }
}

static void adagrad(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a)
{
    float *v = slot[0];
    for (size_t i = 0; i < n; i++) {
        float d = direction_of(p[i], g[i], a);
        v[i] += d * d;
        p[i] = p[i] * a->shrink - a->lr * (d / (sqrtf(v[i]) + a->eps));
    }
}

static void adadelta(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a)
{
    float *v = slot[0], *u = slot[1];
    for (size_t i = 0; i < n; i++) {
        float d = direction_of(p[i], g[i], a);
        v[i] = a->beta2 * v[i] + a->rest2 * (d * d);
        float delta = sqrtf(u[i] + a->eps) / sqrtf(v[i] + a->eps) * d;
        u[i] = a->beta2 * u[i] + a->rest2 * (delta * delta);
        p[i] = p[i] * a->shrink - a->lr * delta;
    }
}

static void gradient(const float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a,
                     double sum[2])
{
    (void)slot;
    sum[0] = sum[1] = 0;
    for (size_t i = 0; i < n; i++) {
        double w = (double)p[i], d = (double)gradient_of(g[i], a);
        sum[0] += w * w;
        sum[1] += d * d;
    }
}

/* The direction of LAMB from its moments. */
static float ratio(float p, float m, float v, float root, const struct sk_optim *a)
{
    return m / a->c1 / (sqrtf(v) / root + a->eps) + a->decay * p;
}

static void moments(const float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a,
                    double sum[2])
{
    float *m = slot[0], *v = slot[1], root = sqrtf(a->c2);
    sum[0] = sum[1] = 0;
    for (size_t i = 0; i < n; i++) {
        float d = gradient_of(g[i], a);
        m[i] += a->rest1 * (d - m[i]);
        v[i] = a->beta2 * v[i] + a->rest2 * (d * d);
        double w = (double)p[i], r = (double)ratio(p[i], m[i], v[i], root, a);
        sum[0] += w * w;
        sum[1] += r * r;
    }
}

static void lamb(float *p, const float *g, float *const *slot, size_t n, const struct sk_optim *a)
{
    float root = sqrtf(a->c2), step = a->lr * a->trust;
    (void)g;
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] * a->shrink - step * ratio(p[i], slot[0][i], slot[1][i], root, a);
}

void sk_optim_ref(struct sk_kern_optim *k)
{
    *k = (struct sk_kern_optim){sgd, adam, rmsprop, adagrad, adadelta, gradient, moments, lamb};
}

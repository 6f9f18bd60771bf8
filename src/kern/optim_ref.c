/* Optimizer updates, reference: torch.optim.SGD, Adam and AdamW, operation by operation. */
#include "kern/levels.h"

#include <math.h>

static void sgd(float *p, const float *g, float *m, size_t n, float lr, float momentum, float decay, bool nesterov)
{
    for (size_t i = 0; i < n; i++) {
        float d = g[i] + decay * p[i];
        m[i] = momentum * m[i] + d;
        p[i] -= lr * (nesterov ? d + momentum * m[i] : m[i]);
    }
}

static void adam(float *p, const float *g, float *m, float *v, size_t n, float lr, float beta1, float beta2, float eps,
                 float c1, float c2, float decay, bool decoupled)
{
    float step = lr / c1, root = sqrtf(c2);
    for (size_t i = 0; i < n; i++) {
        float w = decoupled ? p[i] * (1.0f - lr * decay) : p[i];
        float d = decoupled ? g[i] : g[i] + decay * p[i];
        m[i] += (1.0f - beta1) * (d - m[i]);
        v[i] = beta2 * v[i] + (1.0f - beta2) * (d * d);
        p[i] = w - step * (m[i] / (sqrtf(v[i]) / root + eps));
    }
}

void sk_optim_ref(struct sk_kern_optim *k)
{
    *k = (struct sk_kern_optim){sgd, adam};
}

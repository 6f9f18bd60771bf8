/* Metrics: sums over samples, so that batches of different sizes weigh as much as they hold. */
#include "train/train.h"

void sk_metrics_add(struct sk_metrics *m, const struct sk_net_result *r, int count)
{
    m->loss_sum += r->loss * count;
    m->count += count;
    m->correct1 += r->correct1;
    m->correct5 += r->correct5;
}

static double share(double sum, int64_t count)
{
    return count > 0 ? sum / (double)count : 0;
}

double sk_metrics_loss(const struct sk_metrics *m)
{
    return share(m->loss_sum, m->count);
}

double sk_metrics_top1(const struct sk_metrics *m)
{
    return share((double)m->correct1, m->count);
}

double sk_metrics_top5(const struct sk_metrics *m)
{
    return share((double)m->correct5, m->count);
}

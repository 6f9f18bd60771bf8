/* Schedules: the learning rate of an optimizer step as a pure function of its number, so that a resumed run needs no
 * state. Steps are counted from 0; epochs given in the recipe become whole numbers of steps. */
#include "train/train.h"

#include <math.h>

static int64_t steps_of(double epochs, int64_t steps_per_epoch)
{
    return (int64_t)llround(epochs * (double)steps_per_epoch);
}

/* From start to end along half a cosine as share goes from 0 to 1. */
static double anneal(double start, double end, double share)
{
    return end + (start - end) / 2 * (1 + cos(M_PI * share));
}

/* The schedule after its warm-up: step and length count from the warm-up's end. */
static double cosine(const struct sk_recipe_train *t, int64_t step, int64_t length)
{
    if (step >= length)
        return t->schedule.min_lr;
    return anneal(t->optimizer.lr, t->schedule.min_lr, (double)step / (double)length);
}

static double drops(const struct sk_recipe_train *t, int64_t step, int64_t steps_per_epoch)
{
    double width = t->schedule.step_epochs * (double)steps_per_epoch;
    double done = width > 0 ? floor(((double)step + 0.5) / width) : 0; /* half a step, against a width rounded up */
    return t->optimizer.lr * pow(t->schedule.gamma, done);
}

/* torch.optim.lr_scheduler.OneCycleLR, cosine annealing, two phases. The first ends at pct_start * length - 1, which
 * need not be whole; the second at the last step, and that rate is kept. */
static double one_cycle(const struct sk_recipe_train *t, int64_t step, int64_t length)
{
    double top = t->optimizer.lr, first = top / t->schedule.div_factor, last = first / t->schedule.final_div_factor;
    double peak = t->schedule.pct_start * (double)length - 1, end = (double)length - 1, at = (double)step;
    if (at >= end)
        return last;
    if (at <= peak)
        return peak > 0 ? anneal(first, top, at / peak) : top;
    return anneal(top, last, (at - peak) / (end - peak));
}

double sk_schedule_lr(const struct sk_recipe_train *t, int64_t step, int64_t steps_per_epoch, int64_t total_steps)
{
    const struct sk_recipe_schedule *s = &t->schedule;
    int64_t length = s->epochs > 0 ? steps_of(s->epochs, steps_per_epoch) : total_steps;
    if (s->name == SK_SCHED_ONE_CYCLE)
        return one_cycle(t, step, length);
    int64_t warmup = steps_of(s->warmup_epochs, steps_per_epoch);
    if (step < warmup)
        return t->optimizer.lr * (double)(step + 1) / (double)warmup;
    if (s->name == SK_SCHED_COSINE)
        return cosine(t, step - warmup, length - warmup);
    return s->name == SK_SCHED_STEP ? drops(t, step, steps_per_epoch) : t->optimizer.lr;
}

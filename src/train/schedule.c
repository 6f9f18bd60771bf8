/* Schedules: the learning rate of an optimizer step as a pure function of its number, so that a resumed run needs no
 * state (but for plateau, which goes by the validation loss). Steps are counted from 0; epochs given in the recipe become whole numbers of steps. */
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

/* The schedules after their warm-up: step and length count from its end. */
struct place {
    const struct sk_recipe_train *t;
    double top;                       /* the rate the warm-up leads to */
    int64_t step, length, per_epoch;
    int64_t warmup;                   /* steps before */
};

static double constant(const struct place *p)
{
    return p->top;
}

static double cosine(const struct place *p)
{
    return anneal(p->top, p->t->schedule.min_lr, (double)p->step / (double)p->length);
}

/* PyTorch's PolynomialLR; with a power of 1 a line. */
static double polynomial(const struct place *p)
{
    double end = p->t->schedule.min_lr, left = 1 - (double)p->step / (double)p->length;
    return end + (p->top - end) * pow(left, p->t->schedule.power);
}

static double flat_linear(const struct place *p)
{
    double end = p->t->schedule.min_lr;
    int64_t flat = steps_of(p->t->schedule.flat_epochs, p->per_epoch) - p->warmup;
    int64_t from = flat > 0 ? flat : 0;
    return p->step <= from ? p->top : end + (p->top - end) * (double)(p->length - p->step) / (double)(p->length - from);
}

static double drops(const struct place *p)
{
    double width = p->t->schedule.step_epochs * (double)p->per_epoch, at = (double)(p->step + p->warmup);
    double done = width > 0 ? floor((at + 0.5) / width) : 0; /* half a step, against a width rounded up */
    return p->top * pow(p->t->schedule.gamma, done);
}

static double milestones(const struct place *p)
{
    const struct sk_recipe_numbers *m = &p->t->schedule.milestones;
    int done = 0;
    while (done < m->count && p->step + p->warmup >= steps_of(m->at[done], p->per_epoch))
        done++;
    return p->top * pow(p->t->schedule.gamma, done);
}

static double exponential(const struct place *p)
{
    return p->top * pow(p->t->schedule.gamma, (double)p->step / (double)p->per_epoch);
}

/* Those that end keep their last rate. */
static const struct {
    double (*rate)(const struct place *p);
    bool ends;
} schedules[SK_SCHEDULES] = {
    [SK_SCHED_CONSTANT] = {constant, false},     [SK_SCHED_STEP] = {drops, false},
    [SK_SCHED_MULTI_STEP] = {milestones, false}, [SK_SCHED_COSINE] = {cosine, true},
    [SK_SCHED_POLYNOMIAL] = {polynomial, true},  [SK_SCHED_EXPONENTIAL] = {exponential, false},
    [SK_SCHED_PLATEAU] = {constant, false},      [SK_SCHED_FLAT_LINEAR] = {flat_linear, true},
};

/* torch.optim.lr_scheduler.OneCycleLR, cosine annealing, two phases. The first ends at pct_start * length - 1, which
 * need not be whole; the second at the last step, and that rate is kept. */
static double cycle(const struct sk_recipe_schedule *s, int64_t step, int64_t length, double first, double top,
                    double last)
{
    double peak = s->pct_start * (double)length - 1, end = (double)length - 1, at = (double)step;
    if (at >= end)
        return last;
    if (at <= peak)
        return peak > 0 ? anneal(first, top, at / peak) : top;
    return anneal(top, last, (at - peak) / (end - peak));
}

static double one_cycle(const struct sk_recipe_train *t, int64_t step, int64_t length)
{
    double top = sk_recipe_lr(t), first = top / t->schedule.div_factor;
    return cycle(&t->schedule, step, length, first, top, first / t->schedule.final_div_factor);
}

static int64_t length_of(const struct sk_recipe_train *t, int64_t steps_per_epoch, int64_t total_steps)
{
    return t->schedule.epochs > 0 ? steps_of(t->schedule.epochs, steps_per_epoch) : total_steps;
}

double sk_schedule_momentum(const struct sk_recipe_train *t, int64_t step, int64_t steps_per_epoch, int64_t total_steps)
{
    const struct sk_recipe_schedule *s = &t->schedule;
    if (s->name != SK_SCHED_ONE_CYCLE || !s->cycle_momentum)
        return 0;
    int64_t length = length_of(t, steps_per_epoch, total_steps);
    return cycle(s, step, length, s->max_momentum, s->base_momentum, s->max_momentum);
}

bool sk_schedule_ends(enum sk_schedule name)
{
    return name == SK_SCHED_ONE_CYCLE || schedules[name].ends;
}

double sk_schedule_lr(const struct sk_recipe_train *t, int64_t step, int64_t steps_per_epoch, int64_t total_steps)
{
    const struct sk_recipe_schedule *s = &t->schedule;
    int64_t length = length_of(t, steps_per_epoch, total_steps);
    if (s->name == SK_SCHED_ONE_CYCLE)
        return one_cycle(t, step, length);
    int64_t warmup = steps_of(s->warmup_epochs, steps_per_epoch);
    double top = sk_recipe_lr(t);
    if (step < warmup)
        return top * (double)(step + 1) / (double)warmup;
    struct place p = {t, top, step - warmup, length - warmup, steps_per_epoch, warmup};
    if (schedules[s->name].ends && p.step >= p.length)
        return s->min_lr;
    return schedules[s->name].rate(&p);
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau with mode min and a relative threshold. */
void sk_plateau_epoch(struct sk_plateau *p, const struct sk_recipe_schedule *s, double loss)
{
    bool better = p->low < 0 || loss < p->low * (1 - s->threshold);
    p->low = better ? loss : p->low;
    p->bad = better ? 0 : p->bad + 1;
    if (p->cooling > 0) {
        p->cooling--;
        p->bad = 0;
    }
    if (p->bad <= s->patience)
        return;
    p->drops++;
    p->cooling = s->cooldown;
    p->bad = 0;
}

double sk_plateau_lr(const struct sk_plateau *p, const struct sk_recipe_schedule *s, double lr)
{
    double dropped = lr * pow(s->gamma, (double)p->drops);
    return p->drops == 0 || s->min_lr > lr ? lr : dropped > s->min_lr ? dropped : s->min_lr;
}

/* skua info --schedule: the learning rate over a training, drawn with characters. */
#include "cli/info_schedule.h"

#include <jansson.h>
#include <math.h>

#include "cli/cli.h"
#include "train/train.h"

enum { COLUMNS = 64, LINES = 12, UNKNOWN_EPOCH = 100, TABLE_ROWS = 12, JSON_EPOCHS = 100000 /* of epoch_lr, at most */ };

struct course {
    const struct sk_recipe_train *t;
    int64_t per_epoch, steps;
};

static struct course course_of(const struct sk_recipe *r, int64_t samples)
{
    const struct sk_recipe_train *t = &r->train;
    int64_t limit = r->data.train_limit, n = limit > 0 && limit < samples ? limit : samples;
    int64_t per_epoch = t->drop_last ? n / t->batch : (n + t->batch - 1) / t->batch;
    if (per_epoch == 0)
        per_epoch = UNKNOWN_EPOCH;
    return (struct course){t, per_epoch, t->max_steps > 0 ? t->max_steps : per_epoch * t->epochs};
}

static double rate(const struct course *c, int64_t step)
{
    return sk_schedule_lr(c->t, step < c->steps ? step : c->steps - 1, c->per_epoch, c->steps);
}

/* The largest rate of each column's steps: a peak between two columns is not lost. */
static double fill_columns(const struct course *c, double column[COLUMNS])
{
    double top = 0;
    for (int i = 0; i < COLUMNS; i++) {
        int64_t from = c->steps * i / COLUMNS, to = c->steps * (i + 1) / COLUMNS;
        int64_t stride = (to - from) / 64 + 1;
        column[i] = rate(c, from);
        for (int64_t s = from; s < to; s += stride)
            column[i] = fmax(column[i], rate(c, s));
        top = fmax(top, column[i]);
    }
    return top;
}

static void draw(const struct course *c)
{
    double column[COLUMNS], top = fill_columns(c, column);
    for (int line = LINES; line > 0; line--) {
        sk_print("%10.3g |", top * line / LINES);
        int last = COLUMNS;
        while (last > 0 && column[last - 1] < top * (line - 0.5) / LINES)
            last--;
        for (int i = 0; i < last; i++)
            sk_print("%c", column[i] >= top * (line - 0.5) / LINES ? '#' : ' ');
        sk_print("\n");
    }
    sk_print("%10.3g +", 0.0);
    for (int i = 0; i < COLUMNS; i++)
        sk_print("-");
    sk_print("\n%12s0%*.4g epochs\n", "", COLUMNS - 1, (double)c->steps / (double)c->per_epoch);
}

static void print_table(const struct course *c)
{
    int64_t epochs = (c->steps + c->per_epoch - 1) / c->per_epoch, each = (epochs + TABLE_ROWS - 1) / TABLE_ROWS;
    sk_print("\nepoch      step  learning rate\n");
    for (int64_t e = 0; e < epochs; e += each)
        sk_print("%5lld  %8lld  %.6g\n", (long long)e, (long long)(e * c->per_epoch), rate(c, e * c->per_epoch));
    sk_print("%5s  %8lld  %.6g\n", "last", (long long)(c->steps - 1), rate(c, c->steps - 1));
}

static enum sk_code print_json(const struct course *c, bool known, struct sk_err *err)
{
    json_t *rates = json_array();
    for (int64_t s = 0, e = 0; s < c->steps && e < JSON_EPOCHS; s += c->per_epoch, e++)
        json_array_append_new(rates, json_real(rate(c, s)));
    return sk_print_json(json_pack("{s:s, s:I, s:I, s:b, s:o, s:f}", "schedule", sk_schedule_name(c->t->schedule.name),
                                   "steps", (json_int_t)c->steps, "steps_per_epoch", (json_int_t)c->per_epoch,
                                   "steps_known", known, "epoch_lr", rates, "last_lr", rate(c, c->steps - 1)),
                         "the schedule", err);
}

enum sk_code sk_info_schedule(const struct sk_recipe *recipe, int64_t samples, bool json, struct sk_err *err)
{
    struct course c = course_of(recipe, samples);
    if (json)
        return print_json(&c, samples > 0, err);
    sk_print("\n%s, learning rate of %lld steps%s\n\n", sk_schedule_name(c.t->schedule.name), (long long)c.steps,
             samples > 0 ? "" : " (the data is not there: 100 an epoch)");
    draw(&c);
    print_table(&c);
    if (c.t->schedule.name == SK_SCHED_PLATEAU)
        sk_print("\nplateau: the rate drops to its %g times where the validation loss stays as it is\n",
                 c.t->schedule.gamma);
    return SK_OK;
}

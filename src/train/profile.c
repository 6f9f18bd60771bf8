/* Profiling: steps of a training with the engine's and the loader's traces on, booked to parts, ops and events. */
#include "train/profile.h"

#include <pthread.h>

#include "train/internal.h"

const char *const sk_profile_part_name[SK_PARTS] = {"wait for data", "forward", "backward", "update", "other"};
const char *const sk_profile_stage_name[SK_STAGES] = {"read", "decode", "augment", "copy"};

struct sk_profiler {
    struct sk_train_options options;
    struct sk_training *t;
    struct sk_loader *loader; /* of the run */
    struct sk_trace op_trace;
    struct sk_load_trace load_trace;

    pthread_mutex_t lock; /* guards what the loader's threads use: out's loaded, stage and events, and what follows */
    bool measuring, recording;
    bool in_caller; /* without workers: the training thread loads */
    struct sk_profile *out;
    double since; /* when the first measured step began */
    double side_sum;
    int64_t full_steps; /* with the plan of full batches */
};

void sk_profile_release(struct sk_profile *p)
{
    sk_free(p->op_seconds);
    sk_free(p->event);
    *p = (struct sk_profile){0};
}

/* ---- what the traces tell ---- */
/* The lock is held. */
static void record(struct sk_profiler *p, const struct sk_profile_event *e)
{
    struct sk_profile *out = p->out;
    if (out->events < SK_PROFILE_EVENTS)
        out->event[out->events++] = *e;
    else
        out->events_cut = true;
}

static void on_op(void *ctx, const struct sk_plan *plan, size_t op, double seconds)
{
    static const enum sk_profile_part part_of[] = {[SK_PHASE_FORWARD] = SK_PART_FORWARD,
                                                   [SK_PHASE_BACKWARD] = SK_PART_BACKWARD,
                                                   [SK_PHASE_GATHER] = SK_PART_UPDATE,
                                                   [SK_PHASE_UPDATE] = SK_PART_UPDATE};
    struct sk_profiler *p = ctx;
    if (!p->measuring)
        return;
    p->out->part[part_of[sk_plan_graph(plan)->op[op].phase]] += seconds;
    if (plan != p->out->plan)
        return;
    p->out->op_seconds[op] += seconds;
    if (!p->recording)
        return;
    struct sk_profile_event e = {.start = sk_now() - seconds - p->since, .seconds = seconds, .op = (int)op};
    pthread_mutex_lock(&p->lock);
    record(p, &e);
    pthread_mutex_unlock(&p->lock);
}

static void on_sample(void *ctx, const struct sk_load_span *s)
{
    struct sk_profiler *p = ctx;
    const double took[SK_STAGES] = {s->read, s->decode, s->augment, s->copy};
    struct sk_profile_event e = {.thread = p->in_caller ? 0 : s->worker + 1, .op = -1, .number = s->index};
    pthread_mutex_lock(&p->lock);
    e.start = s->start - p->since;
    for (int i = 0; p->measuring && i < SK_STAGES; i++) {
        p->out->stage[i] += took[i];
        e.stage = (enum sk_profile_stage)i;
        e.seconds = took[i];
        if (p->recording && e.start >= 0 && took[i] > 0)
            record(p, &e);
        e.start += took[i];
    }
    if (p->measuring) {
        p->out->loaded++;
        p->side_sum += s->height < s->width ? s->height : s->width;
    }
    pthread_mutex_unlock(&p->lock);
}

static void switch_on(struct sk_profiler *p, bool measuring, bool recording)
{
    pthread_mutex_lock(&p->lock);
    if (measuring && !p->measuring)
        p->since = sk_now();
    p->measuring = measuring;
    p->recording = recording;
    pthread_mutex_unlock(&p->lock);
}

static void record_step(struct sk_profiler *p, int64_t step, double begin, double got, double end)
{
    struct sk_profile_event all = {
        .start = begin - p->since, .seconds = end - begin, .op = -1, .number = step, .step = true};
    struct sk_profile_event wait = {
        .start = begin - p->since, .seconds = got - begin, .op = -1, .number = step, .wait = true};
    pthread_mutex_lock(&p->lock);
    record(p, &all);
    record(p, &wait);
    pthread_mutex_unlock(&p->lock);
}

/* ---- steps ---- */
/* The next batch, going on with the next epoch where the one ends. */
static enum sk_code next_batch(struct sk_profiler *p, const struct sk_batch **b, struct sk_err *err)
{
    struct sk_training *t = p->t;
    enum sk_code code = sk_loader_next(p->loader, b, err);
    if (code != SK_OK || *b)
        return code;
    code = sk_loader_start(p->loader, ++t->at.epoch, 0, err);
    return code == SK_OK ? sk_loader_next(p->loader, b, err) : code;
}

static enum sk_code train_on(struct sk_profiler *p, const struct sk_batch *b, struct sk_err *err)
{
    struct sk_net_result result;
    enum sk_code code = sk_training_step(p->t, b, p->options.cancel, &result, err);
    p->t->at.step++;
    return code;
}

/* One step, number of the measured ones; below 0: of the warm-up. */
static enum sk_code one_step(struct sk_profiler *p, const struct sk_profile_run *run, int64_t number,
                             struct sk_err *err)
{
    const struct sk_batch *b;
    if (sk_training_cancelled(p->t))
        return sk_fail(err, SK_CANCELLED, "stopped");
    double begin = sk_now();
    enum sk_code code = next_batch(p, &b, err);
    double got = sk_now();
    if (code == SK_OK && run->network)
        code = train_on(p, b, err);
    if (code != SK_OK || number < 0)
        return code;
    p->out->part[SK_PART_WAIT] += got - begin;
    p->out->samples += b->count;
    p->full_steps += b->count == p->out->batch;
    if (number < run->trace_steps)
        record_step(p, number, begin, got, sk_now());
    return SK_OK;
}

static enum sk_code measure(struct sk_profiler *p, const struct sk_profile_run *run, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    int64_t steps = run->steps > 0 ? run->steps : p->t->batches, warm_up = run->warm_up;
    for (int64_t i = -warm_up; i < steps && code == SK_OK; i++) {
        if (i >= 0)
            switch_on(p, true, i < run->trace_steps);
        if (i == 0 && (run->empty || run->steps == 0))
            code = sk_loader_start(p->loader, ++p->t->at.epoch, 0, err);
        if (code == SK_OK)
            code = one_step(p, run, i, err);
        if (run->progress)
            run->progress(run->ctx, i + warm_up + 1, steps + warm_up);
    }
    p->out->seconds = sk_now() - p->since;
    p->out->steps = steps;
    switch_on(p, false, false);
    return code;
}

/* ---- a run ---- */
static enum sk_code make_loader(struct sk_profiler *p, int workers, struct sk_err *err)
{
    const struct sk_recipe *r = &p->t->recipe;
    struct sk_loader_options o = {.dataset = p->t->train,
                                  .steps = &r->data.augment,
                                  .batch = r->train.batch,
                                  .workers = workers,
                                  .shuffle = r->data.shuffle,
                                  .drop_last = r->train.drop_last,
                                  .seed = r->train.seed,
                                  .limit = r->data.train_limit,
                                  .on_error = r->data.on_error,
                                  .max_damaged = r->data.max_damaged,
                                  .trace = &p->load_trace};
    enum sk_code code = sk_train_loader(&p->loader, &o, err);
    return code == SK_OK ? sk_loader_start(p->loader, p->t->at.epoch, 0, err) : code;
}

static enum sk_code prepare(struct sk_profiler *p, const struct sk_profile_run *run, struct sk_profile *out,
                            struct sk_err *err)
{
    struct sk_machine m;
    struct sk_training *t = p->t;
    enum sk_code code = SK_OK;
    int64_t rest = t->samples % t->recipe.train.batch;
    sk_machine_read(&m);
    *out = (struct sk_profile){.network = run->network,
                               .threads = sk_engine_threads(t->engine),
                               .processors = m.affinity,
                               .batch = t->samples < t->recipe.train.batch ? (int)t->samples : t->recipe.train.batch};
    if (run->network && rest > 0) /* the plan of full batches is made last: it stays whatever happens */
        code = sk_net_prepare(t->net, (int)rest, true, err);
    if (code == SK_OK && run->network)
        code = sk_net_prepare(t->net, out->batch, true, err);
    if (code != SK_OK)
        return code;
    if (run->network) {
        out->plan = sk_net_plan(t->net, out->batch, true);
        out->flops = sk_plan_flops(out->plan);
        out->op_seconds = sk_alloc(sk_plan_graph(out->plan)->op_count, sizeof(*out->op_seconds), err);
    }
    if (run->trace_steps > 0)
        out->event = sk_alloc(SK_PROFILE_EVENTS, sizeof(*out->event), err);
    return (out->event || run->trace_steps == 0) && (out->op_seconds || !run->network) ? SK_OK : SK_NOMEM;
}

static enum sk_code sum_up(struct sk_profiler *p, struct sk_profile *out, struct sk_err *err)
{
    double known = 0;
    for (int i = 0; i < SK_PART_OTHER; i++)
        known += out->part[i];
    out->part[SK_PART_OTHER] = out->seconds > known ? out->seconds - known : 0;
    out->workers = sk_loader_workers(p->loader);
    out->shorter_side = out->loaded > 0 ? p->side_sum / (double)out->loaded : 0;
    if (!out->network)
        return SK_OK;
    for (size_t i = 0; p->full_steps > 0 && i < sk_plan_graph(out->plan)->op_count; i++)
        out->op_seconds[i] /= (double)p->full_steps;
    enum sk_code code = sk_engine_peak(p->t->engine, &out->peak, err);
    bool bf16 = sk_engine_precision(p->t->engine) == SK_PRECISION_BF16 && out->peak.bf16 > 0;
    out->ceiling = bf16 ? out->peak.bf16 : out->peak.f32;
    return code;
}

enum sk_code sk_profiler_run(struct sk_profiler *p, const struct sk_profile_run *run, struct sk_profile *out,
                             struct sk_err *err)
{
    p->out = out;
    p->side_sum = 0;
    p->full_steps = 0;
    p->in_caller = run->workers == 0;
    enum sk_code code = prepare(p, run, out, err);
    if (code == SK_OK)
        code = make_loader(p, run->workers, err);
    sk_engine_trace(p->t->engine, &p->op_trace);
    if (code == SK_OK)
        code = measure(p, run, err);
    sk_engine_trace(p->t->engine, NULL);
    if (code == SK_OK)
        code = sum_up(p, out, err);
    sk_loader_free(p->loader);
    p->loader = NULL;
    if (code != SK_OK)
        sk_profile_release(out);
    return code;
}

/* ---- opening ---- */
enum sk_code sk_profiler_open(struct sk_profiler **out, const struct sk_recipe *recipe, const atomic_bool *cancel,
                              struct sk_err *err)
{
    enum sk_code code = SK_NOMEM;
    struct sk_profiler *p = sk_alloc(1, sizeof(*p), err);
    *out = NULL;
    if (!p)
        return SK_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    p->op_trace = (struct sk_trace){on_op, p};
    p->load_trace = (struct sk_load_trace){on_sample, p};
    p->options = (struct sk_train_options){.recipe = recipe, .cancel = cancel};
    p->t = sk_alloc(1, sizeof(*p->t), err);
    if (p->t) {
        p->t->options = &p->options;
        p->t->recipe = *recipe;
        code = sk_training_setup(p->t, err);
    }
    if (code == SK_OK)
        code = sk_training_begin(p->t, err);
    if (code != SK_OK) {
        sk_profiler_close(p);
        return code;
    }
    sk_loader_free(p->t->loader); /* each run has its own */
    p->t->loader = NULL;
    *out = p;
    return SK_OK;
}

int64_t sk_profiler_batches(const struct sk_profiler *p)
{
    return p->t->batches;
}

void sk_profiler_close(struct sk_profiler *p)
{
    if (!p)
        return;
    if (p->t)
        sk_training_release(p->t);
    pthread_mutex_destroy(&p->lock);
    sk_free(p);
}

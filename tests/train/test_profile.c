/* Profiling: the parts add up, what was traced is what was done, and the verdicts follow from their figures. */
#include "test.h"

#include <jansson.h>
#include <math.h>

#include "data/data.h"
#include "train/profile.h"

enum { BATCH = 16, SAMPLES = 72, STEPS = 6 };

static void make_recipe(struct sk_recipe *r)
{
    struct sk_err err = {0};
    static const char *const set[] = {
        "data.source=shapes",    "data.image_size=16",      "data.train_size=72",
        "data.val_size=8",       "model.width=0.0625",      "engine.tune=off",
        "engine.precision=fp32", "engine.threads=1",        "train.batch=16",
        "train.epochs=2",        "train.optimizer.lr=0.01", "data.augment=[{random_crop: {size: 16, padding: 2}}]"};
    sk_recipe_defaults(r);
    for (size_t i = 0; i < SK_COUNT(set); i++)
        assert_ok(sk_recipe_set(r, set[i], &err), err);
}

static struct sk_profiler *open_profiler(void)
{
    static struct sk_recipe r;
    struct sk_err err = {0};
    struct sk_profiler *p;
    make_recipe(&r);
    assert_ok(sk_profiler_open(&p, &r, NULL, &err), err);
    assert_int_equal(sk_profiler_batches(p), 5);
    return p;
}

static double sum(const double *x, int n)
{
    double all = 0;
    for (int i = 0; i < n; i++)
        all += x[i];
    return all;
}

static void parts_make_the_whole(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_profiler *p = open_profiler();
    for (int workers = 0; workers < 3; workers++) {
        struct sk_profile out;
        struct sk_profile_run run = {
            .workers = workers, .network = true, .warm_up = 2, .steps = STEPS, .trace_steps = 3};
        assert_ok(sk_profiler_run(p, &run, &out, &err), err);
        assert_int_equal(out.steps, STEPS);
        assert_int_equal(out.samples, (STEPS - 1) * BATCH + SAMPLES % BATCH); /* of eight steps, the fifth is small */
        assert_int_equal(out.workers, workers);
        assert_int_equal(out.batch, BATCH);
        assert_true(fabs(sum(out.part, SK_PARTS) - out.seconds) < 1e-9 * out.seconds);
        for (int i = 0; i < SK_PARTS; i++)
            assert_true(out.part[i] >= 0);
        assert_true(out.part[SK_PART_FORWARD] > 0 && out.part[SK_PART_BACKWARD] > 0 && out.part[SK_PART_UPDATE] > 0);
        assert_int_equal(out.partial, 1);
        assert_int_equal(out.epochs, 1);
        assert_true(out.first_wait > 0 && out.first_wait <= out.part[SK_PART_WAIT]);
        assert_true(out.load_work > 0 && out.cacheable);
        assert_true(out.loaded >= out.samples - 3 * BATCH && out.stage[SK_STAGE_READ] > 0 && out.shorter_side == 16);
        assert_true(out.ceiling > 0 && out.flops.direct > 0);
        struct sk_str verdict = {0};
        assert_ok(sk_profile_verdict(&out, &verdict, &err), err);
        assert_true(strstr(verdict.text, "% of the time") || strstr(verdict.text, "% of it"));
        sk_str_release(&verdict);
        sk_profile_release(&out);
    }
    sk_profiler_close(p);
}

/* What the ops took, by phase, is what the parts took, whether batches were full or not. */
static void check_ops(const struct sk_profile *p)
{
    const struct sk_graph *g = sk_plan_graph(p->plan);
    double of_part[3] = {0};
    for (size_t i = 0; i < g->op_count; i++)
        of_part[g->op[i].phase == SK_PHASE_FORWARD    ? 0
                : g->op[i].phase == SK_PHASE_BACKWARD ? 1
                                                      : 2] += p->op_seconds[i];
    for (int i = 0; i < 3; i++) {
        double part = p->part[SK_PART_FORWARD + i] / ((double)p->samples / BATCH);
        assert_true(part > 0 && fabs(of_part[i] - part) < 1e-9 * part);
    }
}

static void run_epoch(const char *setting, struct sk_profiler **p, struct sk_profile *out)
{
    static struct sk_recipe r;
    struct sk_err err = {0};
    struct sk_profile_run run = {.workers = 1, .network = true};
    make_recipe(&r);
    if (setting)
        assert_ok(sk_recipe_set(&r, setting, &err), err);
    assert_ok(sk_profiler_open(p, &r, NULL, &err), err);
    assert_ok(sk_profiler_run(*p, &run, out, &err), err);
}

static void figures_are_of_a_step(void **state)
{
    (void)state;
    struct sk_profiler *p;
    struct sk_profile out;
    run_epoch(NULL, &p, &out);
    assert_int_equal(out.partial, 1);
    assert_true(fabs(sk_profile_steps(&out) - SAMPLES / (double)BATCH) < 1e-12);
    check_ops(&out);
    sk_profile_release(&out);
    sk_profiler_close(p);
}

/* A plan of a quarter of the batch runs four times a step: the step has the operations of the whole batch. */
static void accumulated_parts(void **state)
{
    (void)state;
    struct sk_profiler *whole, *parts;
    struct sk_profile a, b;
    run_epoch(NULL, &whole, &a);
    run_epoch("train.accumulate=4", &parts, &b);
    assert_true(b.runs == 4 && a.runs == 1);
    check_ops(&b);
    assert_true(fabs(b.flops.direct - a.flops.direct) < 1e-6 * a.flops.direct);
    double of_ops = 0;
    for (size_t i = 0; i < sk_plan_graph(b.plan)->op_count; i++) {
        struct sk_op_report r;
        sk_profile_op(&b, i, &r);
        of_ops += r.phase == SK_PHASE_PREPARE ? 0 : r.flops.direct;
    }
    assert_true(fabs(of_ops - b.flops.direct) < 1e-9 * of_ops);
    sk_profile_release(&a);
    sk_profile_release(&b);
    sk_profiler_close(whole);
    sk_profiler_close(parts);
}

/* Without traces only time and samples are told; a run may go on until it took some seconds. */
static void without_traces(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_profiler *p = open_profiler();
    struct sk_profile out;
    struct sk_profile_run run = {.workers = 1, .network = true, .steps = 1, .seconds = 0.1, .bare = true};
    assert_ok(sk_profiler_run(p, &run, &out, &err), err);
    assert_true(out.seconds >= 0.1 && out.steps >= 1 && out.samples > (out.steps - 1) * (SAMPLES % BATCH));
    assert_true(out.loaded == 0 && out.load_work == 0 && out.part[SK_PART_FORWARD] == 0);
    assert_true(fabs(sum(out.part, SK_PARTS) - out.seconds) < 1e-9 * out.seconds);
    sk_profile_release(&out);
    sk_profiler_close(p);
}

/* The whole of an epoch: each picture once; loading alone does not train. */
static void an_epoch(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_profiler *p = open_profiler();
    for (int network = 0; network < 2; network++) {
        struct sk_profile out;
        struct sk_profile_run run = {.workers = 1, .network = network};
        assert_ok(sk_profiler_run(p, &run, &out, &err), err);
        assert_int_equal(out.steps, 5);
        assert_int_equal(out.samples, SAMPLES);
        assert_true(network ? out.part[SK_PART_FORWARD] > 0 : sum(&out.part[SK_PART_FORWARD], 3) == 0);
        sk_profile_release(&out);
    }
    sk_profiler_close(p);
}

static void events_lie_in_their_steps(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_profiler *p = open_profiler();
    struct sk_profile out;
    struct sk_str text = {0};
    enum { TRACED = 6 };
    struct sk_profile_run run = {.workers = 2, .network = true, .warm_up = 1, .steps = 8, .trace_steps = TRACED};
    assert_ok(sk_profiler_run(p, &run, &out, &err), err);
    assert_ok(sk_profile_chrome(&out, &text, &err), err);
    json_t *all = json_loadb(text.text, text.len, JSON_REJECT_DUPLICATES, NULL), *event;
    assert_non_null(all);
    json_t *list = json_object_get(all, "traceEvents");
    size_t i, steps = 0, waits = 0, ops = 0, loads = 0, threads = 0;
    double end = 0;
    json_array_foreach(list, i, event)
    {
        const char *kind = json_string_value(json_object_get(event, "ph"));
        if (strcmp(kind, "M") == 0) {
            threads += !strcmp(json_string_value(json_object_get(event, "name")), "thread_name");
            continue;
        }
        const char *category = json_string_value(json_object_get(event, "cat"));
        double from = json_number_value(json_object_get(event, "ts")),
               took = json_number_value(json_object_get(event, "dur"));
        assert_string_equal(kind, "X");
        assert_true(from >= 0 && took >= 0 && from < 1e6 * out.seconds);
        if (strcmp(category, "step") == 0) {
            bool wait = !strcmp(json_string_value(json_object_get(event, "name")), "wait for data");
            steps += !wait;
            waits += wait;
            end = from + took > end ? from + took : end;
        }
        ops += json_integer_value(json_object_get(event, "tid")) == 0 && strcmp(category, "step") != 0;
        loads += strcmp(category, "load") == 0;
    }
    assert_int_equal(threads, 3); /* training and two workers */
    assert_int_equal(steps, TRACED);
    assert_int_equal(waits, TRACED);
    size_t run_ops = 0;
    for (size_t k = 0; k < sk_plan_graph(out.plan)->op_count; k++)
        run_ops += out.op_seconds[k] > 0;
    assert_int_equal(ops, (TRACED - 1) * run_ops); /* the last batch of the epoch, smaller, has a plan of its own */
    assert_true(loads > 0);                        /* a new epoch began: its batches were not there before */
    json_array_foreach(list, i, event) if (json_integer_value(json_object_get(event, "tid")) == 0 &&
                                           json_object_get(event, "ts"))
        assert_true(json_number_value(json_object_get(event, "ts")) <= end);
    json_decref(all);
    sk_str_release(&text);
    sk_profile_release(&out);
    sk_profiler_close(p);
}

static void cancelled(void **state)
{
    (void)state;
    struct sk_recipe r;
    struct sk_err err = {0};
    struct sk_profiler *p;
    struct sk_profile out;
    atomic_bool stop = false;
    make_recipe(&r);
    assert_ok(sk_profiler_open(&p, &r, &stop, &err), err);
    atomic_store(&stop, true);
    struct sk_profile_run run = {.workers = 1, .steps = 4};
    assert_error(sk_profiler_run(p, &run, &out, &err), SK_CANCELLED, err, "stopped");
    sk_profiler_close(p);
}

/* ---- verdicts from given figures ---- */
static void says(const struct sk_profile *p, const char *want)
{
    struct sk_err err = {0};
    struct sk_str text = {0};
    assert_ok(sk_profile_verdict(p, &text, &err), err);
    assert_string_equal(text.text, want);
    sk_str_release(&text);
}

static void verdict_of_waiting(void **state)
{
    (void)state;
    /* 10 s, 3.1 of them waiting, for 1000 pictures; computing takes 6 ms a picture, decoding 17 of 19 */
    struct sk_profile p = {.steps = 10,
                           .samples = 1000,
                           .loaded = 1000,
                           .seconds = 10,
                           .workers = 2,
                           .processors = 2,
                           .part = {3.1, 2, 3, 1, 0.9},
                           .stage = {1.3, 17, 0.6, 0.1},
                           .shorter_side = 512,
                           .cacheable = true,
                           .network = true};
    says(&p,
         "the network waits 31% of the time for data: decoding takes 17 ms a picture on 2 workers; with shards of 256 "
         "pixels on the shorter side (skua data convert), not 512, it would take about 4.2");
    p.shorter_side = 300;
    says(&p,
         "the network waits 31% of the time for data: decoding takes 17 ms a picture on 2 workers; pictures kept in "
         "memory (data.cache: memory) or more than the machine's 2 processors would help");
    p.cacheable = false; /* it is on */
    says(&p, "the network waits 31% of the time for data: decoding takes 17 ms a picture on 2 workers; more than "
             "the machine's 2 processors would help");
    p.workers = p.processors = 1;
    says(&p, "the network waits 31% of the time for data: decoding takes 17 ms a picture on 1 worker; more than the "
             "machine's 1 processor would help");
    p.processors = 8;
    says(&p, "the network waits 31% of the time for data: decoding takes 17 ms a picture on 1 worker; 4 workers would "
             "keep up (data.workers)");
    p.processors = 3;
    says(&p, "the network waits 31% of the time for data: decoding takes 17 ms a picture on 1 worker; 3 workers would "
             "wait less (data.workers)");
    p.workers = 0;
    says(&p, "the network waits 31% of the time for data: decoding takes 17 ms a picture in the training thread "
             "itself; threads of their own would do it while the network computes: data.workers: auto");
    p = (struct sk_profile){.steps = 1,
                            .samples = 100,
                            .loaded = 100,
                            .seconds = 1,
                            .workers = 2,
                            .processors = 2,
                            .part = {0.5, 0.2, 0.2, 0.1, 0},
                            .stage = {0.2, 0, 1.4, 0.2},
                            .shorter_side = 32,
                            .network = true};
    says(&p,
         "the network waits 50% of the time for data: augmenting takes 14 ms a picture on 2 workers; cheaper steps in "
         "data.augment or more than the machine's 2 processors would help");
}

/* Loading is a small part of the time, and yet the network waits. */
static void verdict_of_late_batches(void **state)
{
    (void)state;
    struct sk_profile p = {.steps = 10,
                           .samples = 1000,
                           .loaded = 1000,
                           .seconds = 1,
                           .epochs = 2,
                           .first_wait = 0.02,
                           .workers = 1,
                           .processors = 2,
                           .part = {0.09, 0.3, 0.5, 0.1, 0.01},
                           .stage = {0.003, 0, 0, 0.001},
                           .shorter_side = 32,
                           .network = true};
    says(&p, "the network waits 9% of the time for data: reading takes 0.003 ms a picture on 1 worker; that is 0.4% of "
             "the loader's time: batches come late, not slowly; 2 workers may help (data.workers)");
    p.workers = p.threads = 2;
    says(
        &p,
        "the network waits 9% of the time for data: reading takes 0.003 ms a picture on 2 workers; that is 0.2% of "
        "the loader's time: batches come late, not slowly; fewer threads for the network (engine.threads) may leave it "
        "a processor");
    p.threads = 1;
    says(&p,
         "the network waits 9% of the time for data: reading takes 0.003 ms a picture on 2 workers; that is 0.2% of "
         "the loader's time: batches come late, not slowly; more than the machine's 2 processors would help");
    p.first_wait = 0.08;
    says(&p, "the network waits 9% of the time for data: most of it for the first batch of each epoch, 40 ms, which "
             "nothing was prepared for; in longer epochs it matters less");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_make_the_whole),
        cmocka_unit_test(an_epoch),
        cmocka_unit_test(events_lie_in_their_steps),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(figures_are_of_a_step),
        cmocka_unit_test(accumulated_parts),
        cmocka_unit_test(without_traces),
        cmocka_unit_test(verdict_of_waiting),
        cmocka_unit_test(verdict_of_late_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
        double of_ops = sum(out.op_seconds, (int)sk_plan_graph(out.plan)->op_count);
        assert_true(of_ops > 0 && of_ops * (STEPS - 1) <= out.seconds);
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
    assert_true(loads > 0); /* a new epoch began: its batches were not there before */
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
    /* 10 s, 3.1 of them waiting, for 1000 pictures; computing takes 6 ms a picture, decoding 11 of 12 */
    struct sk_profile p = {.steps = 10,
                           .samples = 1000,
                           .loaded = 1000,
                           .seconds = 10,
                           .workers = 2,
                           .processors = 2,
                           .part = {3.1, 2, 3, 1, 0.9},
                           .stage = {0.3, 11, 0.6, 0.1},
                           .shorter_side = 512,
                           .network = true};
    says(
        &p,
        "the network waits 31% of the time for data: decoding takes 11 ms a picture on 2 workers; with pictures stored "
        "with 256 pixels on the shorter side, not 512, it would take about 2.8 ms");
    p.shorter_side = 300;
    says(&p, "the network waits 31% of the time for data: decoding takes 11 ms a picture on 2 workers; pictures kept "
             "in memory "
             "(data.cache: memory) or more than the 2 processors would help");
    p.workers = 1;
    p.processors = 8;
    says(&p, "the network waits 31% of the time for data: decoding takes 11 ms a picture on 1 worker; 2 workers would "
             "keep up "
             "(data.workers)");
    p.workers = 0;
    says(&p, "the network waits 31% of the time for data: decoding takes 11 ms a picture in the training thread "
             "itself; threads "
             "of their own would do it while the network computes: data.workers: auto");
    p = (struct sk_profile){.steps = 1,
                            .samples = 100,
                            .loaded = 100,
                            .seconds = 1,
                            .workers = 4,
                            .processors = 2,
                            .part = {0.5, 0.2, 0.2, 0.1, 0},
                            .stage = {0.1, 0, 0.7, 0.1},
                            .shorter_side = 32,
                            .network = true};
    says(&p,
         "the network waits 50% of the time for data: augmenting takes 7 ms a picture on 4 workers; cheaper steps in "
         "data.augment or more than the 2 processors would help");
}

static void sweep_says(const struct sk_sweep_row *row, size_t rows, int processors, size_t best, const char *want)
{
    struct sk_err err = {0};
    struct sk_str text = {0};
    assert_int_equal(sk_sweep_best(row, rows), best);
    assert_ok(sk_sweep_verdict(row, rows, processors, &text, &err), err);
    if (!strstr(text.text, want))
        fail_msg("'%s' lacks '%s'", text.text, want);
    sk_str_release(&text);
}

/* Loading takes load[i] seconds for 1000 pictures; training waits for wait[i] seconds and computes for 10. */
static void fill_rows(struct sk_sweep_row *row, const double *load, const double *wait)
{
    static const int workers[] = {0, 1, 2, 4};
    for (int i = 0; i < 4; i++)
        row[i] = (struct sk_sweep_row){.workers = workers[i],
                                       .load_seconds = load[i],
                                       .wait_seconds = wait[i],
                                       .compute_seconds = 10,
                                       .load_samples = 1000,
                                       .train_samples = 1000,
                                       .stage = {1e-3, 6e-3, 2e-3, 1e-3}};
}

static void verdict_of_a_sweep(void **state)
{
    (void)state;
    struct sk_sweep_row row[4];
    fill_rows(row, (double[]){5, 5, 2.6, 2}, (double[]){5, 0.1, 0.05, 0.1}); /* two and four are no better than one */
    sweep_says(row, 4, 8, 1,
               "best: 1 worker, 10.1 ms a picture, of which 0.1 ms waiting for data; compute-bound: loading a "
               "picture takes 5 ms, computing 10 ms");
    fill_rows(row, (double[]){20, 20, 10.5, 10.4}, (double[]){20, 11, 2, 3});
    sweep_says(row, 4, 2, 2,
               "not enough cores: loading is 1.9 times as fast on 4 workers as on 1, and the machine has 2 processors");
    fill_rows(row, (double[]){20, 20, 19, 18}, (double[]){20, 11, 9, 8});
    sweep_says(row, 4, 16, 3,
               "memory-bound: with 4 workers loading is no more than 1.11 times as fast as with 1, though the "
               "machine has 16 processors");
    fill_rows(row, (double[]){40, 40, 20, 11}, (double[]){40, 30, 10, 3});
    sweep_says(row, 4, 16, 3, "decode-bound: decoding is 60% of the work of loading, 6 ms a picture");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_make_the_whole),      cmocka_unit_test(an_epoch),
        cmocka_unit_test(events_lie_in_their_steps), cmocka_unit_test(cancelled),
        cmocka_unit_test(verdict_of_waiting),        cmocka_unit_test(verdict_of_a_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

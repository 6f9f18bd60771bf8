/* Which number of workers is best, and why, from given figures: the definition of each cause, and noise, which is none.
 */
#include "test.h"

#include <math.h>

#include "train/profile.h"

/* Turns of factor 1, 1 + noise and 1 - noise; seconds a picture. */
static void fill(struct sk_sweep *s, size_t row, enum sk_sweep_figure figure, double value, double noise)
{
    const double factor[SK_SWEEP_TURNS] = {1, 1 + noise, 1 - noise};
    for (int i = 0; i < SK_SWEEP_TURNS; i++)
        s->row[row].turn[i][figure] = value * factor[(i + (int)row) % SK_SWEEP_TURNS];
}

static void derive(struct sk_sweep *s)
{
    for (size_t i = 0; i < s->rows; i++)
        for (int k = 0; k < SK_SWEEP_TURNS; k++)
            s->row[i].turn[k][SK_SWEEP_TRAIN] = s->row[i].turn[k][SK_SWEEP_WAIT] + s->row[i].turn[k][SK_SWEEP_COMPUTE];
}

/* 0, 1, 2 and 4 workers: milliseconds a picture of loading alone, of processor time for it and of waiting; computing
 * takes 10. */
static struct sk_sweep make(const double load[4], const double work[4], const double wait[4], int processors,
                            double noise)
{
    static const int workers[] = {0, 1, 2, 4};
    struct sk_sweep s = {.rows = 4, .trained = true, .steps = 20, .pictures = 1000, .processors = processors};
    for (size_t i = 0; i < 4; i++) {
        s.row[i].workers = workers[i];
        fill(&s, i, SK_SWEEP_LOAD, 1e-3 * load[i], noise);
        fill(&s, i, SK_SWEEP_WORK, 1e-3 * work[i], noise);
        fill(&s, i, SK_SWEEP_WAIT, 1e-3 * wait[i], noise);
        fill(&s, i, SK_SWEEP_COMPUTE, 1e-2, noise);
        for (int k = 0; k < SK_STAGES; k++)
            fill(&s, i, (enum sk_sweep_figure)(SK_SWEEP_STAGE + k), (const double[]){1e-3, 6e-3, 2e-3, 1e-3}[k], noise);
    }
    derive(&s);
    return s;
}

static const double same_work[] = {5, 5, 5, 5};

static void says(const struct sk_sweep *s, int workers, const char *want)
{
    struct sk_err err = {0};
    struct sk_str text = {0};
    assert_int_equal(s->row[sk_sweep_best(s)].workers, workers);
    assert_ok(sk_sweep_verdict(s, &text, &err), err);
    if (!strstr(text.text, want))
        fail_msg("'%s' lacks '%s'", text.text, want);
    sk_str_release(&text);
}

static void says_not(const struct sk_sweep *s, const char *what)
{
    struct sk_err err = {0};
    struct sk_str text = {0};
    assert_ok(sk_sweep_verdict(s, &text, &err), err);
    if (strstr(text.text, what))
        fail_msg("'%s' has '%s'", text.text, what);
    sk_str_release(&text);
}

static void spread_is_least_median_most(void **state)
{
    (void)state;
    for (int first = 0; first < SK_SWEEP_TURNS; first++) {
        struct sk_sweep s = {.rows = 1};
        for (int i = 0; i < SK_SWEEP_TURNS; i++)
            s.row[0].turn[i][SK_SWEEP_WAIT] = (first + i) % SK_SWEEP_TURNS;
        struct sk_turns v = sk_sweep_spread(&s, 0, SK_SWEEP_WAIT);
        assert_true(v.least == 0 && v.median == 1 && v.most == 2);
    }
}

static void enough_workers_are_enough(void **state)
{
    (void)state;
    struct sk_sweep s = make((double[]){5, 5, 2.6, 2}, same_work, (double[]){5, 0.1, 0.05, 0.1}, 8, 0.01);
    says(&s, 1,
         "best: 1 worker, 10.1 ms a picture (10 to 10.2), of which 0.1 ms waiting for data; compute-bound: loading a "
         "picture takes 5 ms of a processor, computing it 10 ms");
    says_not(&s, "busy");
    says_not(&s, "others");
    says_not(&s, "short");
    /* c4: nothing waits, and four workers happened to compute quickest */
    s = make((double[]){0.01, 0.01, 0.01, 0.01}, same_work, (double[]){0, 0, 0, 0.01}, 2, 0.01);
    fill(&s, 3, SK_SWEEP_COMPUTE, 0.0095, 0.01);
    derive(&s);
    says(&s, 1, "from the network; others trained 1.05 times as fast, which waiting does not explain");
    /* only where the training thread loads: that is quicker than one worker, which waits */
    s = make((double[]){0.1, 5, 5, 5}, same_work, (double[]){0.1, 3, 3, 3}, 2, 0.01);
    says(&s, 0, "best: 0 workers");
}

static void causes_of_waiting(void **state)
{
    (void)state;
    struct sk_sweep s = make((double[]){20, 20, 10.5, 10.4}, same_work, (double[]){20, 11, 2, 3}, 2, 0.01);
    says(&s, 2,
         "not enough cores: loading is 1.9 times as fast on 2 workers as on 1, and the machine has 2 processors");
    s = make((double[]){20, 20, 19, 18}, (double[]){18, 18, 35, 66}, (double[]){20, 11, 9, 8}, 16, 0.01);
    says(&s, 4,
         "memory-bound: with 4 workers loading is no more than 1.12 times as fast as with 1, though the machine has "
         "16 processors, and takes 3.7 times as much of them");
    s = make((double[]){20, 20, 19, 18}, same_work, (double[]){20, 11, 9, 8}, 16, 0.01); /* as slow, without the work */
    says(&s, 4, "decode-bound");
    s = make((double[]){40, 40, 20, 11}, same_work, (double[]){40, 30, 10, 3}, 16, 0.01);
    says(&s, 4, "decode-bound: decoding is 60% of the work of loading, 6 ms a picture");
    for (size_t i = 0; i < 4; i++)
        fill(&s, i, SK_SWEEP_STAGE + SK_STAGE_AUGMENT, 5.95e-3, 0.01);
    says(&s, 4, "decoding and augmenting take about as long: no cause stands out");
    s = make((double[]){20, 20, 20, 20}, same_work, (double[]){20, 19, 19, 19}, 1, 0.01);
    says(&s, 1, "not enough cores: loading and computing share the machine's one processor");
}

/* The same figures with turns that differ by half: no cause is told but that. */
static void noise_is_no_cause(void **state)
{
    (void)state;
    struct sk_sweep s = make((double[]){20, 20, 14, 18}, same_work, (double[]){20, 11, 9, 8}, 2, 0.35);
    says(&s, 1,
         "loading with 2 workers is 1.43 times as fast as with 1, and turns of the same number differ by a factor of "
         "1.54: no cause stands out; turns of the same number differ by up to 54%: the machine is busy");
    s.trained = false;
    s.steps = 3;
    says(&s, 1, "best: 1 worker, 20 ms a picture (13 to 27); loading with 2 workers");
    says(&s, 1, "the machine is busy; turns of 3 steps are short: more steps tell more");
    s = make((double[]){20, 20, 14, 18}, same_work, (double[]){1, 0.01, 0.01, 0.01}, 2, 0.01);
    s.row[1].turn[0][SK_SWEEP_WAIT] = 2e-3; /* one turn waited for a sixth of the time */
    derive(&s);
    says(&s, 1, "it waits 0.1% to 20.0% of the time, too unlike from turn to turn to tell a cause");
}

/* Loading alone: more workers than are needed for the same time are not better; 0 is for those who ask for nothing
 * else. */
static void loading_alone(void **state)
{
    (void)state;
    struct sk_sweep s = make((double[]){20, 20, 10, 9.9}, same_work, (double[]){0, 0, 0, 0}, 2, 0.005);
    s.trained = false;
    says(&s, 2, "best: 2 workers, 10 ms a picture (9.95 to 10.1); not enough cores: loading is 2.0 times");
    s.row[0].turn[0][SK_SWEEP_LOAD] *= 5; /* a slow turn of three moves no median */
    says(&s, 2, "not enough cores: loading is 2.0 times");
    s = make((double[]){20, 20.2, 20.1, 20.3}, same_work, (double[]){0, 0, 0, 0}, 2, 0.01);
    s.trained = false;
    says(&s, 1, "no cause stands out");
    s = make((double[]){10, 20, 20, 20}, same_work, (double[]){0, 0, 0, 0}, 2, 0.01); /* training would wait for it */
    s.trained = false;
    says(&s, 1, "best: 1 worker, 20 ms");
    s = make((double[]){20, 20, 20, 20}, same_work, (double[]){0, 0, 0, 0}, 2, 0.01);
    s.trained = false;
    s.rows = 1;
    says(&s, 0, "best: 0 workers, 20 ms a picture (19.8 to 20.2); decode-bound");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread_is_least_median_most),
        cmocka_unit_test(enough_workers_are_enough),
        cmocka_unit_test(causes_of_waiting),
        cmocka_unit_test(noise_is_no_cause),
        cmocka_unit_test(loading_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

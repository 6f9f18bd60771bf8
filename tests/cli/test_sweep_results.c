/* Results of sweeps: lines against published ones, means and deviations by hand, the order of settings. */
#include "test.h"

#include <math.h>

#include "cli/sweep.h"

/* F. J. Anscombe, "Graphs in Statistical Analysis" (1973): y = 3.00 + 0.500 x, R^2 0.667 for each of the sets. */
static void lines_are_those_published(void **state)
{
    (void)state;
    static const double x[] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5},
                        y[2][11] = {{8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68},
                                    {9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74}};
    for (int i = 0; i < 2; i++) {
        struct sk_line line;
        assert_true(sk_line_fit(x, y[i], 11, &line));
        assert_int_equal(line.n, 11);
        assert_true(fabs(line.at0 - 3.00) < 0.005);
        assert_true(fabs(line.slope - 0.500) < 0.0005);
        assert_true(fabs(line.r2 - 0.6665) < 0.0005);
    }
}

static void lines_need_points(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3}, same[] = {2, 2, 2}, y[] = {5, 7, 9};
    struct sk_line line;
    assert_false(sk_line_fit(x, y, 2, &line));
    assert_false(sk_line_fit(same, y, 3, &line));
    assert_true(sk_line_fit(x, y, 3, &line));
    assert_true(fabs(line.at0 - 3) < 1e-12 && fabs(line.slope - 2) < 1e-12 && fabs(line.r2 - 1) < 1e-12);
    assert_true(sk_line_fit(x, same, 3, &line));
    assert_true(line.slope == 0 && line.r2 == 1);
}

static struct sk_trial trial(size_t setting, enum sk_trial_state state, double loss)
{
    struct sk_trial t = {.setting = setting, .state = state};
    for (int m = 0; m < SK_METRICS; m++)
        t.value[m] = NAN;
    t.value[SK_METRIC_VAL_LOSS] = loss;
    t.value[SK_METRIC_BEST] = 1 - loss;
    return t;
}

static void settings_are_sorted_with_their_spread(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_trial all[] = {
        trial(0, SK_TRIAL_DONE, 0.5),    trial(0, SK_TRIAL_FAILED, 9),    trial(1, SK_TRIAL_STOPPED, 0.1),
        trial(1, SK_TRIAL_WAITING, NAN), trial(2, SK_TRIAL_DONE, 0.2),    trial(2, SK_TRIAL_DONE, 0.4),
        trial(2, SK_TRIAL_DONE, 0.6),    trial(2, SK_TRIAL_RUNNING, 7.0), trial(3, SK_TRIAL_DONE, NAN),
    };
    struct sk_trials s = {.settings = 4, .trial = all, .count = SK_COUNT(all)};
    struct sk_setting_result *r = sk_trials_results(&s, SK_METRIC_VAL_LOSS, &err);
    static const size_t order[] = {2, 0, 1, 3};
    for (int i = 0; i < 4; i++)
        assert_int_equal(r[i].setting, order[i]);
    assert_int_equal(r[0].done, 3);
    assert_int_equal(r[0].runs, 4);
    assert_int_equal(r[0].of[SK_METRIC_VAL_LOSS].n, 3);
    assert_true(fabs(r[0].of[SK_METRIC_VAL_LOSS].mean - 0.4) < 1e-12);
    assert_true(fabs(r[0].of[SK_METRIC_VAL_LOSS].deviation - 0.2) < 1e-12);
    assert_int_equal(r[1].of[SK_METRIC_VAL_LOSS].n, 1);
    assert_true(isnan(r[1].of[SK_METRIC_VAL_LOSS].deviation));
    assert_true(isnan(r[2].of[SK_METRIC_VAL_LOSS].mean));
    assert_int_equal(r[3].done, 1);
    sk_free(r);
    r = sk_trials_results(&s, SK_METRIC_BEST, &err);
    for (int i = 0; i < 4; i++)
        assert_int_equal(r[i].setting, order[i]);
    sk_free(r);
}

static void equal_settings_stay_in_order(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_trial all[] = {trial(0, SK_TRIAL_DONE, 0.5), trial(1, SK_TRIAL_DONE, 0.25), trial(2, SK_TRIAL_DONE, 0.5),
                             trial(3, SK_TRIAL_WAITING, NAN), trial(4, SK_TRIAL_DONE, 0.25),
                             trial(5, SK_TRIAL_WAITING, NAN)};
    struct sk_trials s = {.settings = 6, .trial = all, .count = SK_COUNT(all)};
    static const enum sk_metric by[] = {SK_METRIC_VAL_LOSS, SK_METRIC_BEST};
    static const size_t order[] = {1, 4, 0, 2, 3, 5};
    for (size_t m = 0; m < SK_COUNT(by); m++) {
        struct sk_setting_result *r = sk_trials_results(&s, by[m], &err);
        for (int i = 0; i < 6; i++)
            assert_int_equal(r[i].setting, order[i]);
        sk_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_those_published),
        cmocka_unit_test(lines_need_points),
        cmocka_unit_test(settings_are_sorted_with_their_spread),
        cmocka_unit_test(equal_settings_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* log.jsonl read back: what is whole counts, what is damaged is passed over and named; rows of metrics.csv. */
#include "test.h"

#include <math.h>

#include "train/log.h"

#define STEP "{\"step\":1,\"epoch\":1,\"loss\":2.5,\"top1\":0.25,\"lr\":0.1}\n"
#define LATENCY                                                                                                        \
    "{\"step\":1,\"epoch\":1,\"latency\":{\"samples\":20,\"mean\":0.25,\"median\":0.2,\"p90\":0.5,\"p99\":0.75}}\n"
#define EPOCH                                                                                                          \
    "{\"step\":1,\"epoch\":1,\"epochs\":2,\"train_loss\":2.5,\"val_top1\":0.125,\"best\":true,\"replaced\":3}\n"

static void assert_skipped(const struct sk_run_log *log, const char *expected)
{
    struct sk_str text = {0};
    struct sk_err err = {0};
    assert_ok(sk_run_log_skipped(log, &text, &err), err);
    assert_string_equal(text.text ? text.text : "", expected);
    sk_str_release(&text);
}

static void what_is_whole_is_read(void **state)
{
    struct sk_run_log log;
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_run_log_parse(&log, STEP EPOCH, strlen(STEP EPOCH), &err), err);
    assert_int_equal(log.steps, 1);
    assert_int_equal(log.epochs, 1);
    assert_true(log.step[0].step == 1 && log.step[0].epoch == 1);
    assert_true(log.step[0].loss == 2.5 && log.step[0].top1 == 0.25 && log.step[0].lr == 0.1);
    assert_true(log.epoch[0].step == 1 && log.epoch[0].epochs == 2 && log.epoch[0].replaced == 3);
    assert_true(log.epoch[0].train_loss == 2.5 && log.epoch[0].val_top1 == 0.125);
    assert_true(isnan(log.epoch[0].val_loss) && log.epoch[0].best && !log.epoch[0].complete);
    assert_int_equal(log.latency.samples, 0);
    assert_skipped(&log, "");
    sk_run_log_release(&log);
}

static void the_inference_time_is_read(void **state)
{
    struct sk_run_log log;
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_run_log_parse(&log, STEP EPOCH LATENCY, strlen(STEP EPOCH LATENCY), &err), err);
    assert_true(log.steps == 1 && log.epochs == 1 && log.latency.samples == 20 && log.latency.mean == 0.25);
    assert_true(log.latency.median == 0.2 && log.latency.p90 == 0.5 && log.latency.p99 == 0.75);
    assert_skipped(&log, "");
    sk_run_log_release(&log);
}

static void damaged_lines_are_passed_over_and_named(void **state)
{
    static const struct {
        const char *text;
        size_t steps, epochs;
        const char *skipped;
    } rows[] = {
        {"", 0, 0, ""},
        {"\n", 0, 0, "1 damaged line (1) is left out"},
        {"rubbish\n" STEP, 1, 0, "1 damaged line (1) is left out"},
        {STEP "{\"step\":2,\"epo\n" EPOCH "[]\n" STEP, 2, 1, "2 damaged lines (2, 4) are left out"},
        {STEP "{\"step\":2,\"epo", 1, 0, "a cut last line is left out"},
        {"\xff\xfe\n" STEP "{\"step\"", 1, 0, "1 damaged line (1) and a cut last line are left out"},
        {STEP "{\"step\":2,\"epoch\":1,\"loss\":1}", 2, 0, ""}, /* whole without its end of line */
        {"{\"step\":0,\"epoch\":1,\"loss\":1}\n{\"step\":1,\"epoch\":\"1\",\"loss\":1}\n{\"step\":1,\"epoch\":1}\n", 0,
         0, "3 damaged lines (1, 2, 3) are left out"},
        {"{\"step\":1,\"latency\":{\"samples\":0}}\n{\"step\":1,\"latency\":{\"samples\":3,\"mean\":null}}\n", 0, 0,
         "2 damaged lines (1, 2) are left out"},
        {"{\"step\":1,\"step\":2,\"epoch\":1,\"loss\":1}\n", 0, 0, "1 damaged line (1) is left out"},
        {"{\"step\":99999999999999999999,\"epoch\":1,\"loss\":1}\n", 0, 0, "1 damaged line (1) is left out"},
    };
    struct sk_run_log log;
    struct sk_err err = {0};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        assert_ok(sk_run_log_parse(&log, rows[i].text, strlen(rows[i].text), &err), err);
        assert_int_equal(log.steps, rows[i].steps);
        assert_int_equal(log.epochs, rows[i].epochs);
        assert_skipped(&log, rows[i].skipped);
        sk_run_log_release(&log);
    }
}

static void a_byte_zero_in_a_line_is_damage(void **state)
{
    static const char text[] = "\0\0\0\0\n" STEP;
    struct sk_run_log log;
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_run_log_parse(&log, text, sizeof(text) - 1, &err), err);
    assert_int_equal(log.steps, 1);
    assert_skipped(&log, "1 damaged line (1) is left out");
    sk_run_log_release(&log);
}

static void of_many_damaged_lines_the_first_are_named(void **state)
{
    struct sk_run_log log;
    struct sk_err err = {0};
    char text[30];
    (void)state;
    memset(text, '\n', sizeof(text));
    assert_ok(sk_run_log_parse(&log, text, sizeof(text), &err), err);
    assert_int_equal(log.skipped, 30);
    assert_skipped(&log,
                   "30 damaged lines (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, ...) "
                   "are left out");
    sk_run_log_release(&log);
}

static void a_log_that_is_not_there_is_an_error(void **state)
{
    struct sk_run_log log;
    struct sk_err err = {0};
    (void)state;
    assert_error(sk_run_log_read(&log, test_path("nowhere"), &err), SK_INPUT, err, "nowhere/log.jsonl");
    assert_null(log.step);
}

static void a_log_is_read_from_its_run(void **state)
{
    struct sk_run_log log;
    struct sk_err err = {0};
    (void)state;
    test_put("log.jsonl", STEP STEP EPOCH, strlen(STEP STEP EPOCH));
    assert_ok(sk_run_log_read(&log, test_folder(), &err), err);
    assert_int_equal(log.steps, 2);
    assert_int_equal(log.epochs, 1);
    sk_run_log_release(&log);
}

static void a_row_has_an_empty_field_where_nothing_is_known(void **state)
{
    struct sk_logged_line is;
    struct sk_str csv = {0};
    struct sk_err err = {0};
    (void)state;
    assert_int_equal(sk_logged_parse(EPOCH, strlen(EPOCH), &is), SK_LOGGED_EPOCH);
    assert_ok(sk_logged_csv(NULL, &csv, &err), err);
    assert_ok(sk_logged_csv(&is.epoch, &csv, &err), err);
    assert_string_equal(csv.text,
                        "epoch,step,epochs,train_loss,train_top1,train_top5,val_loss,val_top1,val_top5,lr,"
                        "seconds,wait_seconds,compute_seconds,val_seconds,images_per_s,replaced,best,complete,"
                        "ema_loss,ema_top1,ema_top5\n"
                        "1,1,2,2.5,,,,0.125,,,,,,,,3,true,false,,,\n");
    sk_str_release(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whole_is_read),
        cmocka_unit_test(the_inference_time_is_read),
        cmocka_unit_test(damaged_lines_are_passed_over_and_named),
        cmocka_unit_test(a_byte_zero_in_a_line_is_damage),
        cmocka_unit_test(of_many_damaged_lines_the_first_are_named),
        cmocka_unit_test(a_log_that_is_not_there_is_an_error),
        cmocka_unit_test(a_log_is_read_from_its_run),
        cmocka_unit_test(a_row_has_an_empty_field_where_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

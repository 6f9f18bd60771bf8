/* The run log: whole lines, cut back on resume, lines kept while the disk is full. */
#include "test.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "train/internal.h"

static char dir[SK_PATH];

static int make_folder(void **state)
{
    static int number;
    char name[32];
    struct sk_err err = {0};
    (void)state;
    snprintf(name, sizeof(name), "run%d", number++);
    snprintf(dir, sizeof(dir), "%s", test_path(name));
    assert_ok(sk_mkdirs(dir, &err), err);
    return 0;
}

static char *content(void)
{
    struct sk_err err = {0};
    char path[SK_PATH], *text;
    size_t len;
    assert_ok(sk_path_join(path, &err, dir, "log.jsonl"), err);
    assert_ok(sk_file_read(path, 1 << 20, &text, &len, &err), err);
    return text;
}

static void assert_content(const char *expected)
{
    char *text = content();
    assert_string_equal(text, expected);
    sk_free(text);
}

static void open_at(struct sk_log *log, int64_t step, uint32_t epoch)
{
    struct sk_err err = {0};
    struct sk_position at = {.step = step, .epoch = epoch};
    assert_ok(sk_log_open(log, dir, &at, &(struct sk_recipe_train){0}, &err), err);
}

static void close_log(struct sk_log *log)
{
    struct sk_err err = {0};
    assert_ok(sk_log_close(log, &err), err);
}

static void put_step(struct sk_log *log, int64_t step, uint32_t epoch, double loss)
{
    struct sk_step_report r = {.step = step, .epoch = epoch, .loss = loss, .lr = 0.1, .correct1 = 1, .count = 4};
    sk_log_step(log, &r);
}

#define STEP(n, e, loss) "{\"step\":" #n ",\"epoch\":" #e ",\"loss\":" loss ",\"top1\":0.25,\"lr\":0.1}\n"
#define EPOCH(n, e)                                                                                                    \
    "{\"step\":" #n ",\"epoch\":" #e                                                                                   \
    ",\"epochs\":2,\"train_loss\":0.5,\"train_top1\":0.5,\"train_top5\":0.75,\"lr\":0.1,"                              \
    "\"seconds\":0.0,\"wait_seconds\":0.0,\"compute_seconds\":0.0,\"val_seconds\":0.0,\"images_per_s\":0.0,"           \
    "\"replaced\":0,"                                                                                                  \
    "\"complete\":true}\n"

static void put_epoch(struct sk_log *log, int64_t step, uint32_t epoch)
{
    struct sk_epoch_report r = {.step = step,
                                .epoch = epoch,
                                .epochs = 2,
                                .train = {.loss_sum = 2, .count = 4, .correct1 = 2, .correct5 = 3},
                                .lr = 0.1,
                                .complete = true};
    sk_log_epoch(log, &r);
}

/* Two epochs of two steps. */
static void fill(void)
{
    struct sk_log log;
    open_at(&log, 0, 0);
    put_step(&log, 1, 1, 2.302585093);
    put_step(&log, 2, 1, 1);
    put_epoch(&log, 2, 1);
    put_step(&log, 3, 2, 0.25);
    put_step(&log, 4, 2, 0.125);
    put_epoch(&log, 4, 2);
    close_log(&log);
}
#define FIRST  STEP(1, 1, "2.30258509") STEP(2, 1, "1.0")
#define SECOND STEP(3, 2, "0.25") STEP(4, 2, "0.125")

static void lines_have_nine_digits(void **state)
{
    (void)state;
    fill();
    assert_content(FIRST EPOCH(2, 1) SECOND EPOCH(4, 2));
}

static void resume_cuts_back(void **state)
{
    static const struct {
        int64_t step;
        uint32_t epoch;
        const char *kept;
    } rows[] = {
        {4, 2, FIRST EPOCH(2, 1) SECOND EPOCH(4, 2)},
        {4, 1, FIRST EPOCH(2, 1) SECOND}, /* the last epoch was not finished: its line comes again */
        {3, 1, FIRST EPOCH(2, 1) STEP(3, 2, "0.25")},
        {2, 1, FIRST EPOCH(2, 1)},
        {2, 0, FIRST},
        {1, 0, STEP(1, 1, "2.30258509")},
        {0, 0, ""},
    };
    struct sk_log log;
    (void)state;
    fill();
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        open_at(&log, rows[i].step, rows[i].epoch);
        close_log(&log);
        assert_content(rows[i].kept);
    }
}

/* It is measured once more at the new end. */
static void the_inference_time_goes_on_resume(void **state)
{
    static const struct sk_latency latency = {20, 0.25, 0.125, 0.5, 0.75};
    struct sk_log log;
    (void)state;
    fill();
    open_at(&log, 4, 2);
    sk_log_latency(&log, &(struct sk_position){.step = 4, .epoch = 2}, &latency);
    close_log(&log);
    assert_content(FIRST EPOCH(2, 1) SECOND EPOCH(4, 2) "{\"step\":4,\"epoch\":2,\"latency\":{"
                                                        "\"samples\":20,\"mean\":0.25,\"median\":0.125,\"p90\":0.5,\"p99\":0.75}}\n");
    open_at(&log, 4, 2);
    close_log(&log);
    assert_content(FIRST EPOCH(2, 1) SECOND EPOCH(4, 2));
}

static void a_cut_or_foreign_line_ends_the_log(void **state)
{
    static const char *const tails[] = {"{\"step\":3,\"epo", "{\"step\":3}\n", "rubbish\n" STEP(3, 2, "1.0"), "\n",
                                        "\xff\n"};
    struct sk_log log;
    (void)state;
    for (size_t i = 0; i < SK_COUNT(tails); i++) {
        struct sk_str text = {0};
        struct sk_err err = {0};
        char path[SK_PATH];
        assert_ok(sk_str_add(&text, &err, "%s%s", FIRST, tails[i]), err);
        assert_ok(sk_path_join(path, &err, dir, "log.jsonl"), err);
        assert_ok(sk_file_write(path, text.text, text.len, &err), err);
        sk_str_release(&text);
        open_at(&log, 100, 9);
        put_step(&log, 3, 2, 4);
        close_log(&log);
        assert_content(FIRST STEP(3, 2, "4.0"));
    }
}

static void a_loss_that_is_no_number_is_null(void **state)
{
    struct sk_log log;
    (void)state;
    open_at(&log, 0, 0);
    put_step(&log, 1, 1, (double)__builtin_inff());
    close_log(&log);
    assert_content(STEP(1, 1, "null"));
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lines_wait_while_there_is_no_room(void **state)
{
    struct sk_log log;
    struct sk_err err = {0};
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    open_at(&log, 0, 0);
    put_step(&log, 1, 1, 2.302585093);
    limit_file_size(100); /* within the second line */
    put_step(&log, 2, 1, 1);
    put_step(&log, 3, 2, 0.25);
    assert_content(STEP(1, 1, "2.30258509"));
    limit_file_size(RLIM_INFINITY);
    put_step(&log, 4, 2, 0.125);
    close_log(&log);
    assert_content(FIRST SECOND);

    open_at(&log, 4, 1);
    limit_file_size(100);
    put_step(&log, 5, 2, 1);
    assert_error(sk_log_close(&log, &err), SK_IO, err, "File too large");
    limit_file_size(RLIM_INFINITY);
    assert_content(FIRST SECOND);
}

/* A picture may be larger than what may wait. */
static void a_large_record_is_written(void **state)
{
    enum { BYTES = SK_LOG_PENDING + 1 };
    struct sk_append file;
    struct sk_err err = {0};
    struct sk_str record = {0};
    (void)state;
    assert_ok(sk_append_open(&file, dir, "large", &err), err);
    char *text = calloc(1, BYTES);
    assert_non_null(text);
    assert_ok(sk_str_add_bytes(&record, text, BYTES, &err), err);
    sk_append_put(&file, &record, SK_OK);
    assert_int_equal(file.size, BYTES);
    assert_ok(sk_append_close(&file, &err), err);
    sk_str_release(&record);
    free(text);
}

static int notices;
static void count_notice(const char *text)
{
    notices += strstr(text, "training goes on") != NULL;
}

/* log.jsonl, metrics.csv and TensorBoard's events all fail; then there is room again, and nothing is missing. */
static void a_full_disk_is_one_warning(void **state)
{
    struct sk_log log;
    struct sk_err err = {0};
    (void)state;
    notices = 0;
    sk_notice_sink(count_notice);
    assert_ok(sk_log_open(&log, dir, &(struct sk_position){0}, &(struct sk_recipe_train){.tensorboard = true}, &err),
              err);
    limit_file_size(1);
    for (int i = 1; i <= 12; i++)
        put_step(&log, i, 1, 1);
    put_epoch(&log, 12, 1);
    sk_log_sync(&log);
    assert_true(log.lines.failure.code == SK_IO && log.table.failure.code == SK_IO &&
                log.board.file.failure.code == SK_IO);
    assert_int_equal(notices, 1);
    limit_file_size(RLIM_INFINITY);
    close_log(&log);
    assert_int_equal(notices, 1);
    sk_notice_sink(NULL);
    char *text = content();
    assert_non_null(strstr(text, "\"step\":12,\"epoch\":1,\"epochs\":2"));
    sk_free(text);
}

static void a_log_is_a_file(void **state)
{
    struct sk_log log;
    struct sk_err err = {0};
    char path[SK_PATH];
    (void)state;
    assert_ok(sk_path_join(path, &err, dir, "log.jsonl"), err);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_error(sk_log_open(&log, dir, &(struct sk_position){0}, &(struct sk_recipe_train){0}, &err), SK_IO, err,
                 "log.jsonl': not a regular file");
    close_log(&log);
}

/* Also within one second, and where the clock was ahead: TensorBoard reads them by name. */
static void each_start_has_its_own_events(void **state)
{
    struct sk_log log;
    struct sk_err err = {0};
    char **names, path[SK_PATH];
    size_t count, found = 0;
    (void)state;
    assert_ok(sk_path_join(path, &err, dir, "events.out.tfevents.4000000000.skua"), err);
    assert_ok(sk_file_write(path, "", 0, &err), err);
    for (int i = 0; i < 2; i++) {
        assert_ok(
            sk_log_open(&log, dir, &(struct sk_position){0}, &(struct sk_recipe_train){.tensorboard = true}, &err),
            err);
        close_log(&log);
    }
    assert_ok(sk_dir_list(dir, &names, &count, &err), err);
    for (size_t i = 0; i < count; i++)
        found += strcmp(names[i], "events.out.tfevents.4000000001.skua") == 0 ||
                 strcmp(names[i], "events.out.tfevents.4000000002.skua") == 0;
    assert_int_equal(found, 2);
    sk_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_have_nine_digits, make_folder),
        cmocka_unit_test_setup(resume_cuts_back, make_folder),
        cmocka_unit_test_setup(the_inference_time_goes_on_resume, make_folder),
        cmocka_unit_test_setup(a_cut_or_foreign_line_ends_the_log, make_folder),
        cmocka_unit_test_setup(a_loss_that_is_no_number_is_null, make_folder),
        cmocka_unit_test_setup(lines_wait_while_there_is_no_room, make_folder),
        cmocka_unit_test_setup(each_start_has_its_own_events, make_folder),
        cmocka_unit_test_setup(a_log_is_a_file, make_folder),
        cmocka_unit_test_setup(a_large_record_is_written, make_folder),
        cmocka_unit_test_setup(a_full_disk_is_one_warning, make_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

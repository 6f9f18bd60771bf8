/* Errors and notices: the first message wins, prefixes, cuts, no newline gets through; a notice is told once. */
#include "test.h"

#include <errno.h>
#include <pthread.h>

static void first_message_wins(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_int_equal(sk_fail(&err, SK_INPUT, "label %d is out of range", 12), SK_INPUT);
    assert_int_equal(sk_fail(&err, SK_IO, "second"), SK_INPUT);
    assert_int_equal(sk_fail_errno(&err, SK_IO, EIO, "third"), SK_INPUT);
    assert_int_equal(err.code, SK_INPUT);
    assert_string_equal(err.text, "label 12 is out of range");
    sk_err_clear(&err);
    assert_int_equal(err.code, SK_OK);
    assert_string_equal(err.text, "");
    assert_int_equal(sk_fail(&err, SK_IO, "second"), SK_IO);
    assert_string_equal(err.text, "second");
}

static void no_err_is_fine(void **state)
{
    (void)state;
    assert_int_equal(sk_fail(NULL, SK_BUG, "x"), SK_BUG);
    assert_int_equal(sk_fail_errno(NULL, SK_IO, ENOENT, "x"), SK_IO);
    assert_int_equal(sk_fail_errno(NULL, SK_IO, ENOMEM, "x"), SK_NOMEM);
    sk_err_prefix(NULL, "x");
    sk_err_clear(NULL);
}

static void errno_is_told(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_int_equal(sk_fail_errno(&err, SK_INPUT, ENOENT, "cannot open '%s'", "a"), SK_INPUT);
    assert_string_equal(err.text, "cannot open 'a': No such file or directory");
    sk_err_clear(&err);
    assert_int_equal(sk_fail_errno(&err, SK_IO, ENOMEM, "cannot read '%s'", "a"), SK_NOMEM);
    assert_int_equal(err.code, SK_NOMEM);
}

static void prefixes_go_before(void **state)
{
    (void)state;
    struct sk_err err = {0};
    sk_err_prefix(&err, "nothing to prefix");
    assert_string_equal(err.text, "");
    sk_fail(&err, SK_INPUT, "expected an integer");
    sk_err_prefix(&err, "%s", "train.batch");
    sk_err_prefix(&err, "recipe '%s' line %d", "x.yaml", 12);
    assert_string_equal(err.text, "recipe 'x.yaml' line 12: train.batch: expected an integer");
    assert_int_equal(err.code, SK_INPUT);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char text[6000];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    sk_fail(&err, SK_INPUT, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_string_equal(err.text + sizeof(err.text) - 5, "a...");
    sk_err_prefix(&err, "%s", "b");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "b: aaa", 6);
    sk_err_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);

    sk_err_clear(&err);
    sk_fail_errno(&err, SK_IO, ENOENT, "%s", text); /* the reason is kept, the rest is cut */
    assert_non_null(strstr(err.text, "a: No such file or directory"));
    assert_true(strlen(err.text) < sizeof(err.text));
}

static void one_line_only(void **state)
{
    (void)state;
    struct sk_err err = {0};
    sk_fail(&err, SK_INPUT, "class '%s'", "a\nb\x1b[31m\tc");
    assert_string_equal(err.text, "class 'a?b?[31m?c'");
    sk_err_prefix(&err, "in\n");
    assert_string_equal(err.text, "in?: class 'a?b?[31m?c'");
}

static void exit_statuses(void **state)
{
    (void)state;
    static const struct {
        enum sk_code code;
        int status;
    } rows[] = {{SK_OK, 0},          {SK_USAGE, 2},  {SK_INPUT, 2},       {SK_IO, 1}, {SK_NOMEM, 1},
                {SK_UNSUPPORTED, 2}, {SK_DEVICE, 1}, {SK_CANCELLED, 130}, {SK_BUG, 1}};
    for (size_t i = 0; i < SK_COUNT(rows); i++)
        assert_int_equal(sk_exit_status(rows[i].code), rows[i].status);
}

static int told;
static char last[2048];

static void sink(const char *text)
{
    told++;
    snprintf(last, sizeof(last), "%s", text);
}

static void notices_are_told_once(void **state)
{
    (void)state;
    sk_notice("no sink yet %d", 1);
    sk_notice_sink(sink);
    assert_int_equal(told, 0);
    sk_notice("no sink yet %d", 1); /* what nobody heard was not told */
    assert_int_equal(told, 1);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 100; i++)
            sk_notice("notice %d\n", i);
    assert_int_equal(told, 101);
    assert_string_equal(last, "notice 99?");
    sk_notice_sink(NULL);
    sk_notice("into the void");
    assert_int_equal(told, 101);
    sk_notice_sink(sink);
}

static void *notice_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++)
        sk_notice("from a thread %d", i);
    return NULL;
}

static int counted;

static void counting_sink(const char *text)
{
    (void)text;
    __atomic_fetch_add(&counted, 1, __ATOMIC_RELAXED);
}

static void notices_from_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    sk_notice_sink(counting_sink);
    for (size_t i = 0; i < SK_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, notice_all, NULL), 0);
    for (size_t i = 0; i < SK_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counted, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_message_wins),    cmocka_unit_test(no_err_is_fine),
        cmocka_unit_test(errno_is_told),         cmocka_unit_test(prefixes_go_before),
        cmocka_unit_test(long_messages_are_cut), cmocka_unit_test(one_line_only),
        cmocka_unit_test(exit_statuses),         cmocka_unit_test(notices_are_told_once),
        cmocka_unit_test(notices_from_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Strings: growth, bounded formatting, exact parsing in any locale, suggestions, text fit for a message. */
#include "test.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static void text_grows(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_str s = {0};
    sk_str_release(&s);
    for (int i = 0; i < 1000; i++)
        assert_ok(sk_str_add(&s, &err, "%d,", i % 10), err);
    assert_int_equal(s.len, 2000);
    assert_memory_equal(s.text + 1990, "5,6,7,8,9,", 11);
    assert_ok(sk_str_add_bytes(&s, "a\0b", 3, &err), err);
    assert_int_equal(s.len, 2003);
    assert_memory_equal(s.text + 2000, "a\0b", 4);
    assert_ok(sk_str_add_bytes(&s, NULL, 0, &err), err);
    assert_int_equal(s.len, 2003);
    sk_str_release(&s);
    assert_null(s.text);
    assert_ok(sk_str_add(&s, &err, "%s", ""), err);
    assert_string_equal(s.text, "");
    sk_str_release(&s);
}

static void formats_that_would_be_cut_fail(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char text[8];
    assert_ok(sk_format(text, sizeof(text), "the name", &err, "%s-%d", "abcd", 12), err);
    assert_string_equal(text, "abcd-12");
    assert_error(sk_format(text, sizeof(text), "the name", &err, "%s-%d", "abcd", 123), SK_INPUT, err,
                 "the name is too long");
    assert_int_equal(sk_format(text, sizeof(text), "the name", NULL, "%s", "12345678"), SK_INPUT);
}

static void integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"+7", 7},
                {"007", 7},
                {"65536", 65536},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *bad[] = {"",
                                "-",
                                "+",
                                "+-1",
                                "1 ",
                                " 1",
                                "1.0",
                                "1e3",
                                "0x10",
                                "1,000",
                                "one",
                                "--1",
                                "\t1",
                                "9223372036854775808",
                                "-9223372036854775809",
                                "99999999999999999999999"};
    for (size_t i = 0; i < SK_COUNT(good); i++) {
        int64_t value = -1;
        assert_true(sk_parse_i64(good[i].text, &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < SK_COUNT(bad); i++) {
        int64_t value = 42;
        if (sk_parse_i64(bad[i], &value))
            fail_msg("'%s' was taken for %lld", bad[i], (long long)value);
        assert_int_equal(value, 42);
    }
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},      {"5.0e-4", 5.0e-4}, {"5e-4", 5e-4},
                {"-.5", -0.5}, {"+2.", 2},         {"1E+3", 1000},
                {"0.1", 0.1},  {"1e-320", 1e-320}, {"1.7976931348623157e308", DBL_MAX}};
    static const char *bad[] = {"",   ".",  "e5",    "1e",   "1e+",   "nan",    "inf", "-inf", "0x1p3",    "1,5",
                                "1 ", " 1", "1.2.3", "1e5.", "1e999", "-1e999", "1f",  "+-1",  "infinity", "1_000"};
    for (size_t i = 0; i < SK_COUNT(good); i++) {
        double value = -1;
        if (!sk_parse_f64(good[i].text, &value))
            fail_msg("'%s' was refused", good[i].text);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < SK_COUNT(bad); i++) {
        double value = 42;
        if (sk_parse_f64(bad[i], &value))
            fail_msg("'%s' was taken for %g", bad[i], value);
        assert_true(value == 42);
    }
}

/* A locale with a decimal comma, where the machine has one. */
static void numbers_do_not_follow_the_locale(void **state)
{
    (void)state;
    static const char *names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    bool set = false;
    for (size_t i = 0; i < SK_COUNT(names) && !set; i++)
        set = setlocale(LC_ALL, names[i]) != NULL;
    if (!set)
        print_message("no locale with a decimal comma here: checked in the present one only\n");
    double value = 0;
    assert_true(sk_parse_f64("0.5", &value));
    assert_true(value == 0.5);
    assert_false(sk_parse_f64("0,5", &value));
    setlocale(LC_ALL, "C");
}

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {
        "train.epochs", "train.batch", "train.max_steps", "data.path", "data.workers", "sgd", "adam", "adamw"};
    static const struct {
        const char *text, *want;
    } rows[] = {{"train.epoch", "train.epochs"},
                {"train.bacth", "train.batch"},
                {"data.worker", "data.workers"},
                {"data.pat", "data.path"},
                {"train.maxsteps", "train.max_steps"},
                {"sdg", "sgd"},
                {"adam", "adam"},
                {"adan", "adam"},
                {"rmsprop", NULL},
                {"x", NULL},
                {"", NULL},
                {"completely.different", NULL}};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        const char *got = sk_nearest(rows[i].text, names, SK_COUNT(names));
        if (rows[i].want ? !got || strcmp(got, rows[i].want) != 0 : got != NULL)
            fail_msg("'%s': expected %s, got %s", rows[i].text, rows[i].want ? rows[i].want : "none",
                     got ? got : "none");
    }
    assert_null(sk_nearest("sgd", names, 0));
    char endless[5000];
    memset(endless, 'a', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_null(sk_nearest(endless, names, SK_COUNT(names)));
    const char *const long_names[] = {endless, "sgd"};
    assert_string_equal(sk_nearest("sgb", long_names, 2), "sgd");
}

static void messages_show_no_control_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *want;
    } rows[] = {
        {"plain", 16, "plain"},
        {"plain", 6, "plain"},
        {"plain!", 6, "pl..."},
        {"a\nb\rc\td\x1b\x7f", 16, "a?b?c?d??"},
        {"caf\xC3\xA9", 16, "caf\xC3\xA9"},
        {"\xE2\x82\xAC\xF0\x9F\x90\xA6", 16, "\xE2\x82\xAC\xF0\x9F\x90\xA6"},
        {"\xC2\x9B[31m", 16, "??[31m"}, /* a control character in two bytes */
        {"\xFF\xC3(", 16,
         "?"
         "?("},
        {"\xC0\xAF\xE0\x80\xAF\xED\xA0\x80\xF4\x90\x80\x80", 16, "????????????"}, /* overlong, no characters */
        {"abc\xE2\x82", 16, "abc??"},
        {"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 8, "\xC3\xA9\xC3\xA9..."}, /* never half a character */
        {"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 7, "\xC3\xA9..."},
        {"abcdef", 4, "..."},
        {"abcdef", 3, "ab"},
        {"abcdef", 1, ""},
        {"", 1, ""},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        char dst[16] = "untouched";
        assert_ptr_equal(sk_printable(dst, rows[i].size, rows[i].text), dst);
        assert_string_equal(dst, rows[i].want);
    }
    char none = 'x';
    sk_printable(&none, 0, "abc");
    assert_int_equal(none, 'x');
}

static void shell_words_are_pasted(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"runs/a-1_b.c", "runs/a-1_b.c"}, {"run a", "'run a'"}, {"", "''"}, {"it's", "'it'\\''s'"},
        {"$(x)", "'$(x)'"}, {"a\nb", "'a?b'"}, {"much too long a name", "much too lon..."},
    };
    (void)state;
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        char dst[16];
        assert_ptr_equal(sk_shell_word(dst, sizeof(dst), rows[i].text), dst);
        assert_string_equal(dst, rows[i].want);
    }
}

static void utf8_is_told(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a\nb", "caf\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x88",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {
        "a\xFF", "caf\xE9", "\x80", "\xC0\x80", "\xE2\x82", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
    };
    for (size_t i = 0; i < SK_COUNT(good); i++)
        assert_true(sk_is_utf8(good[i]));
    for (size_t i = 0; i < SK_COUNT(bad); i++)
        if (sk_is_utf8(bad[i]))
            fail_msg("row %zu is taken for UTF-8", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),
        cmocka_unit_test(formats_that_would_be_cut_fail),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(numbers_do_not_follow_the_locale),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(messages_show_no_control_bytes),
        cmocka_unit_test(shell_words_are_pasted),
        cmocka_unit_test(utf8_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Charts: points where their values say, ranges of any size, labels that do not cover each other. */
#include "test.h"

#include "report/internal.h"

static void draw(struct sk_page *p, const struct sk_series *series, size_t count, bool percent)
{
    struct sk_chart c = {
        .title = "T", .unit = "u", .across = "epoch", .percent = percent, .series = series, .count = count};
    sk_page_add(p, "%s", "");
    sk_chart_lines(p, &c);
    assert_int_equal(p->err.code, SK_OK);
}

/* The plot goes from 36 to 264 and from 194 up to 8. */
static void points_lie_where_their_values_say(void **state)
{
    struct sk_page p = {0};
    double x[] = {0, 1, 2, 4}, y[] = {0, 0.5, NAN, 1};
    struct sk_series s = {.label = "a<b", .x = x, .y = y, .count = 4};
    (void)state;
    draw(&p, &s, 1, true);
    assert_non_null(strstr(p.text.text, "d=\"M36.0 194.0L93.0 101.0M264.0 8.0\""));
    assert_non_null(
        strstr(p.text.text, "cx=\"93.0\" cy=\"101.0\" r=\"2.2\" fill=\"var(--c0)\"><title>epoch 1: 50.00%<"));
    assert_non_null(strstr(p.text.text, ">a&lt;b 100.00%</text>"));
    assert_non_null(strstr(p.text.text, "aria-label=\"T by epoch, at the end: a&lt;b 100.00%\""));
    assert_non_null(strstr(p.text.text, "text-anchor=\"end\">60%</text>"));
    sk_page_release(&p);
}

static void values_of_any_size_make_a_chart(void **state)
{
    static const double odd[][2] = {{0, 0},         {5, 5},   {-3, -3},      {1e300, -1e300},     {1e-300, 2e-300},
                                    {1e9, 1e9 + 1}, {NAN, 1}, {INFINITY, 2}, {1.7e308, -1.7e308}, {-1e-9, 1e-9}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(odd); i++) {
        struct sk_page p = {0};
        double x[] = {1, 2}, y[] = {odd[i][0], odd[i][1]};
        struct sk_series s = {.label = "a", .x = x, .y = y, .count = 2};
        draw(&p, &s, 1, false);
        assert_true(i == 8 ? p.text.len == 0 : strstr(p.text.text, "</svg>") != NULL);
        assert_null(strstr(p.text.text, "nan"));
        assert_null(strstr(p.text.text, "inf"));
        assert_true(p.text.len < 4000);
        sk_page_release(&p);
    }
}

static void nothing_is_drawn_of_nothing(void **state)
{
    struct sk_page p = {0};
    double x[] = {1}, y[] = {NAN};
    struct sk_series s = {.label = "a", .x = x, .y = y, .count = 1};
    (void)state;
    draw(&p, &s, 1, false);
    assert_string_equal(p.text.text, "");
    sk_page_release(&p);
}

static void labels_keep_apart(void **state)
{
    struct sk_page p = {0};
    double x[] = {1, 2}, y[SK_REPORT_RUNS][2];
    struct sk_series s[SK_REPORT_RUNS];
    double place[SK_REPORT_RUNS];
    int found = 0;
    (void)state;
    for (int k = 0; k < SK_REPORT_RUNS; k++) {
        y[k][0] = 1;
        y[k][1] = 0.001 * k; /* all at the lower edge */
        s[k] = (struct sk_series){.label = "run", .colour = k, .x = x, .y = y[k], .count = 2};
    }
    draw(&p, s, SK_REPORT_RUNS, false);
    for (const char *at = p.text.text; (at = strstr(at, "<text x=\"270.0\" y=\"")); at++)
        place[found++] = strtod(at + strlen("<text x=\"270.0\" y=\""), NULL);
    assert_int_equal(found, SK_REPORT_RUNS);
    for (int k = 0; k < found; k++) {
        assert_true(place[k] > 8 && place[k] <= 194 + 4);
        for (int j = 0; j < k; j++)
            assert_true(fabs(place[k] - place[j]) > 11.8);
    }
    sk_page_release(&p);
}

/* The axis' name stands behind its last tick, however long that is. */
static void the_name_of_an_axis_is_clear_of_its_ticks(void **state)
{
    static const double last[] = {3, 250, 100000};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(last); i++) {
        struct sk_page p = {0};
        double x[] = {0, last[i]}, y[] = {0, 1};
        char tick[80];
        struct sk_series s = {.label = "a", .x = x, .y = y, .count = 2};
        draw(&p, &s, 1, false);
        double half = 5.8 * (floor(log10(last[i])) + 1) / 2;
        snprintf(tick, sizeof(tick), "x=\"264.0\" y=\"207.0\" text-anchor=\"middle\">%.0f<", last[i]);
        const char *name = strstr(p.text.text, "\" y=\"207.0\">epoch<");
        assert_non_null(strstr(p.text.text, tick));
        while (name[-1] != '"')
            name--;
        assert_true(strtod(name, NULL) > 264 + half + 4);
        sk_page_release(&p);
    }
}

/* From 0.5 to 100: ticks at 0.5, 1, 2, 5 ... 100, all decades as long. */
static void a_peak_makes_a_logarithmic_axis(void **state)
{
    double x[] = {0, 1, 2}, y[] = {80, 10, 0.6};
    struct sk_series s = {.label = "a", .x = x, .y = y, .count = 3};
    struct sk_chart c = {.title = "T", .unit = "u", .across = "epoch", .may_be_log = true, .series = &s, .count = 1};
    (void)state;
    for (int peak = 1; peak >= 0; peak--) {
        struct sk_page p = {0};
        char place[64];
        y[0] = peak ? 80 : 11;
        sk_chart_lines(&p, &c);
        assert_int_equal(strstr(p.text.text, "u, logarithmic") != NULL, peak);
        snprintf(place, sizeof(place), "cx=\"150.0\" cy=\"%.1f\"",
                 194 - (peak ? log(10 / 0.5) / log(100 / 0.5) : 10 / 15.0) * 186);
        assert_non_null(strstr(p.text.text, place));
        assert_int_equal(strstr(p.text.text, ">0.5</text>") && strstr(p.text.text, ">100</text>") &&
                             strstr(p.text.text, ">20</text>"),
                         peak);
        sk_page_release(&p);
    }
}

/* Times a little above each other do not look far apart: the axis goes from 0, at 194, to 2, at 8. */
static void an_axis_begins_at_0_where_it_is_told_to(void **state)
{
    struct sk_page p = {0};
    double x[] = {0, 1}, y[] = {1.5, 2};
    struct sk_series s = {.label = "a", .x = x, .y = y, .count = 2};
    struct sk_chart c = {.title = "T", .unit = "u", .across = "epoch", .from_zero = true, .series = &s, .count = 1};
    (void)state;
    sk_chart_lines(&p, &c);
    assert_int_equal(p.err.code, SK_OK);
    assert_non_null(strstr(p.text.text, "d=\"M36.0 54.5L264.0 8.0\""));
    sk_page_release(&p);
}

/* What is expected is the band's upper edge. */
static void the_band_is_what_is_expected_less_the_tolerance(void **state)
{
    struct sk_page p = {0};
    double x[] = {0, 1}, y[] = {0, 1};
    struct sk_series s = {.label = "a", .x = x, .y = y, .count = 2};
    struct sk_chart c = {
        .title = "T", .unit = "u", .across = "epoch", .percent = true, .band = {0.5, 0.75}, .series = &s, .count = 1};
    (void)state;
    sk_chart_lines(&p, &c);
    assert_int_equal(p.err.code, SK_OK);
    assert_non_null(strstr(p.text.text, "<rect x=\"36.0\" y=\"54.5\" width=\"228.0\" height=\"46.5\""));
    assert_non_null(strstr(p.text.text, "expected: 75.00%, tolerance 25.00%"));
    sk_page_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_axis_begins_at_0_where_it_is_told_to),
        cmocka_unit_test(the_band_is_what_is_expected_less_the_tolerance),
        cmocka_unit_test(points_lie_where_their_values_say),
        cmocka_unit_test(values_of_any_size_make_a_chart),
        cmocka_unit_test(nothing_is_drawn_of_nothing),
        cmocka_unit_test(labels_keep_apart),
        cmocka_unit_test(the_name_of_an_axis_is_clear_of_its_ticks),
        cmocka_unit_test(a_peak_makes_a_logarithmic_axis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

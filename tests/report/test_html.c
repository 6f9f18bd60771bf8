/* The writer of pages: text that means something in HTML, base64 by RFC 4648's vectors, failures that stay. */
#include "test.h"

#include "report/html.h"

static void text_is_only_text(void **state)
{
    struct sk_page p = {0};
    (void)state;
    sk_page_cell(&p, "td class=\"text\"", "<b>&\"' \n\x7f\xff\xc2\x85\xc3\xa4");
    assert_string_equal(p.text.text, "<td class=\"text\">&lt;b&gt;&amp;&quot;&#39; ????\xc3\xa4</td>");
    sk_page_release(&p);
    sk_page_lines(&p, "a: <1>\n\nb");
    assert_string_equal(p.text.text, "a: &lt;1&gt;\n\nb\n");
    sk_page_release(&p);
}

static void base64_is_that_of_the_rfc(void **state)
{
    static const char *const want[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    (void)state;
    for (size_t len = 0; len < SK_COUNT(want); len++) {
        struct sk_page p = {0};
        sk_page_add(&p, "%s", "");
        sk_page_base64(&p, "foobar", len);
        assert_string_equal(p.text.text, want[len]);
        sk_page_release(&p);
    }
}

static void a_long_text_is_whole(void **state)
{
    struct sk_page p = {0};
    (void)state;
    sk_page_add(&p, "%01500d", 7);
    assert_int_equal(p.text.len, 1500);
    assert_int_equal(strspn(p.text.text, "0"), 1499);
    sk_page_release(&p);
}

/* Whatever allocation fails: the page is not written, the error is told, and what was there stays. */
static void without_memory_nothing_is_written(void **state)
{
    const char *path = test_put("page.html", "before", 6);
    char *text;
    size_t len;
    (void)state;
    for (long n = 1;; n++) {
        struct sk_page p = {0}, part = {0};
        struct sk_err err = {0}, ignored = {0};
        sk_mem_fail_after(n);
        sk_page_open(&p, "title <1>");
        sk_page_lines(&part, "one\ntwo");
        sk_page_add(&part, "%0900d", 1);
        sk_page_join(&p, &part);
        enum sk_code code = sk_page_write(&p, path, &err);
        sk_mem_fail_after(0);
        sk_page_release(&p);
        assert_ok(sk_file_read(path, 1 << 20, &text, &len, &ignored), ignored);
        if (code == SK_OK) {
            assert_non_null(strstr(text, "<title>skua: title &lt;1&gt;</title>"));
            assert_non_null(strstr(text, "one\ntwo\n0000"));
            assert_string_equal(text + len - 15, "</body></html>\n");
            sk_free(text);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(code, SK_NOMEM);
        assert_string_equal(text, "before");
        sk_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_only_text),
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(a_long_text_is_whole),
        cmocka_unit_test(without_memory_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A report of a run directory: whatever allocation fails, it is an error and no crash; what is there is on the page. */
#include "test.h"

#include "report/report.h"

static const char recipe[] = "name: r\n"
                             "data: {source: shapes, image_size: 16, train_size: 8, val_size: 4}\n"
                             "model: {arch: resnet18, stem: cifar, width: 0.0625, classes: 10}\n"
                             "train: {batch: 4, epochs: 2}\n"
                             "expect: {accuracy: 0.5, tolerance: 0.125}\n";
static const char log_lines[] =
    "{\"step\":1,\"epoch\":1,\"loss\":2.5,\"top1\":0.25,\"lr\":0.1}\n"
    "{\"step\":2,\"epoch\":1,\"loss\":1.5,\"top1\":0.5,\"lr\":0.05}\n"
    "{\"step\":2,\"epoch\":1,\"epochs\":2,\"train_loss\":2,\"train_top1\":0.375,\"val_loss\":1.75,"
    "\"val_top1\":0.4375,\"lr\":0.05,\"seconds\":1,\"complete\":true}\n"
    "broken\n";

static enum sk_code report(struct sk_page *page, size_t runs, struct sk_err *err)
{
    const char *run[] = {test_folder(), test_folder()};
    struct sk_report_options o = {.run = run, .runs = runs, .evaluate = true};
    enum sk_code code = sk_report(&o, page, err);
    if (code == SK_OK)
        code = page->err.code;
    return code;
}

static int put_run(void **state)
{
    (void)state;
    test_put("recipe.yaml", recipe, strlen(recipe));
    test_put("log.jsonl", log_lines, strlen(log_lines));
    return 0;
}

static void what_is_there_is_on_the_page(void **state)
{
    struct sk_page page = {0};
    struct sk_err err = {0};
    (void)state;
    assert_ok(report(&page, 1, &err), err);
    assert_non_null(strstr(page.text.text, "Stopped after epoch 1 of 2: <b>43.75%</b> so far"));
    assert_non_null(strstr(page.text.text, "(expected 50.00%, tolerance 12.50%)"));
    assert_non_null(strstr(page.text.text, "1 damaged line (4) is left out"));
    assert_non_null(strstr(page.text.text, "The run has no checkpoint."));
    assert_non_null(strstr(page.text.text, "<td>layer4.1.conv2</td>"));
    sk_page_release(&page);
}

/* Two runs of the same name go by their paths, which have no room in a chart. */
static void long_names_have_letters(void **state)
{
    struct sk_page page = {0};
    struct sk_err err = {0};
    char named[SK_PATH];
    (void)state;
    assert_ok(report(&page, 2, &err), err);
    for (int k = 0; k < 2; k++) {
        snprintf(named, sizeof(named), "<b>%c</b> %s", 'A' + k, test_folder());
        assert_non_null(strstr(page.text.text, named));
        snprintf(named, sizeof(named), "style=\"fill:var(--c%d)\">%c 43.75%%</text>", k, 'A' + k);
        assert_non_null(strstr(page.text.text, named));
    }
    sk_page_release(&page);
}

static void without_memory_it_is_an_error(void **state)
{
    (void)state;
    for (size_t runs = 1; runs <= 2; runs++) {
        enum sk_code code = SK_NOMEM;
        for (long n = 1; code != SK_OK; n++) {
            struct sk_page page = {0};
            struct sk_err err = {0};
            sk_mem_fail_after(n);
            code = report(&page, runs, &err);
            sk_mem_fail_after(0);
            assert_true(code == SK_OK || code == SK_NOMEM);
            assert_true(code == SK_NOMEM || n > 10);
            sk_page_release(&page);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_there_is_on_the_page, put_run),
        cmocka_unit_test_setup(long_names_have_letters, put_run),
        cmocka_unit_test_setup(without_memory_it_is_an_error, put_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

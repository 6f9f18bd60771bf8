/* Lists of texts in recipes: read, written back to the same, refused. */
#include "test.h"

#include <stdio.h>

#include "recipe/recipe.h"

static void lists_are_read(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_recipe r, again;
    struct sk_str text = {0};
    sk_recipe_defaults(&r);
    assert_int_equal(r.data.only_classes.count, 0);
    assert_ok(sk_recipe_set(&r, "data.only_classes=[cat, \"red panda\", 'no', \"a, b\", \"\xc3\xa9t\xc3\xa9\"]", &err),
              err);
    assert_ok(sk_recipe_set(&r, "data.also=more/pictures", &err), err);
    static const char *const want[] = {"cat", "red panda", "no", "a, b", "\xc3\xa9t\xc3\xa9"};
    assert_int_equal(r.data.only_classes.count, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(sk_recipe_word(&r.data.only_classes, i), want[i]);
    assert_int_equal(r.data.also.count, 1);
    assert_string_equal(sk_recipe_word(&r.data.also, 0), "more/pictures");
    assert_ok(sk_recipe_write(&r, &text, &err), err);
    sk_recipe_defaults(&again);
    assert_ok(sk_recipe_parse(&again, text.text, text.len, "written", &err), err);
    assert_memory_equal(&r.data.only_classes, &again.data.only_classes, sizeof(r.data.only_classes));
    assert_ok(sk_recipe_may_resume(&r, &again, &err), err);
    assert_ok(sk_recipe_set(&again, "data.only_classes=[]", &err), err);
    assert_int_equal(again.data.only_classes.count, 0);
    assert_error(sk_recipe_may_resume(&r, &again, &err), SK_INPUT, err,
                 "data.only_classes was [cat, \"red panda\", \"no\", \"a, b\"");
    sk_str_release(&text);
}

static void others_are_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_recipe r;
    sk_recipe_defaults(&r);
    assert_error(sk_recipe_set(&r, "data.only_classes={a: b}", &err), SK_INPUT, err, "expected a list of texts");
    assert_error(sk_recipe_set(&r, "data.only_classes=[a, [b]]", &err), SK_INPUT, err, "expected a text, got a list");
    assert_error(sk_recipe_set(&r, "data.only_classes=[a, '']", &err), SK_INPUT, err, "expected a text");
    char *all = calloc(1, 30000);
    strcpy(all, "data.only_classes=[");
    for (int i = 0; i < 2000; i++)
        sprintf(all + strlen(all), "cla%d, ", i);
    strcat(all, "x]");
    assert_error(sk_recipe_set(&r, all, &err), SK_INPUT, err, "expected texts of at most 8192 bytes together");
    assert_int_equal(r.data.only_classes.count, 0);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_are_read), cmocka_unit_test(others_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

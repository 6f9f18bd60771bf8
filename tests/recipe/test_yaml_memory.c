/* libyaml out of memory at every one of its allocations: its two allocating functions are replaced here. */
#include "test.h"

#include "recipe/recipe.h"

void *yaml_malloc(size_t size);
void *yaml_realloc(void *ptr, size_t size);

static long left, calls; /* left 0: no limit; 1: every allocation fails */

static bool must_fail(void)
{
    calls++;
    if (left > 1)
        left--;
    else if (left == 1)
        return true;
    return false;
}

void *yaml_malloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *yaml_realloc(void *ptr, size_t size)
{
    return must_fail() ? NULL : ptr ? realloc(ptr, size ? size : 1) : malloc(size ? size : 1);
}

static void libyaml_out_of_memory(void **state)
{
    (void)state;
    static const char text[] =
        "name: \"x\"\ndata: {augment: [{resize: [3, 4]}], normalize: {mean: [0.5], std: [0.5]}}\n"
        "train:\n  optimizer:\n    name: adam\n";
    static struct sk_recipe r, before;
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    sk_recipe_defaults(&before);
    assert_ok(sk_recipe_parse(&r, text, sizeof(text) - 1, "x", &err), err);
    if (calls == 0)
        skip(); /* a libyaml whose functions cannot be replaced */
    enum sk_code code = SK_NOMEM;
    long n = 1;
    for (; code != SK_OK && n < 10000; n++) {
        sk_recipe_defaults(&r);
        left = n;
        code = sk_recipe_parse(&r, text, sizeof(text) - 1, "x", &err);
        left = 0;
        if (code == SK_OK)
            break;
        assert_memory_equal(&r, &before, sizeof(r));
        assert_error(code, SK_NOMEM, err, "recipe 'x': not enough memory to parse it");
    }
    assert_int_equal(code, SK_OK);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(libyaml_out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

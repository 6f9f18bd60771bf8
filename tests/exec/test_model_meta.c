/* What a model file says of itself, the shape a recipe tells, and which file a path means. */
#include "test.h"

#include <unistd.h>

#include "exec/exec.h"

static struct sk_safetensors with(struct sk_st_meta *meta, size_t count)
{
    return (struct sk_safetensors){.meta = meta, .meta_count = count};
}

static void what_is_made_can_be_read(void **state)
{
    static const char *const names[] = {"a\"b", "\xc3\xa9t\xc3\xa9"};
    struct sk_net_shape shape = {.height = 7, .width = 9, .channels = 1, .pixel = SK_F32, .classes = 2};
    struct sk_err err = {0};
    struct sk_recipe recipe;
    struct sk_model_meta meta;
    struct sk_model_facts facts;
    (void)state;
    sk_recipe_defaults(&recipe);
    assert_ok(sk_recipe_set(&recipe, "model.width=0.25", &err), err);
    assert_ok(sk_model_meta_make(&meta, &recipe, &shape, names, 123456789012, &err), err);
    struct sk_safetensors st = with(meta.entry, meta.count);
    assert_ok(sk_model_facts_read(&facts, &st, "x", &err), err);
    assert_true(facts.has_recipe && facts.has_shape);
    assert_true(facts.recipe.model.width == 0.25);
    assert_memory_equal(&facts.shape, &shape, sizeof(shape));
    assert_string_equal(facts.class_name[0], names[0]);
    assert_string_equal(facts.class_name[1], names[1]);
    assert_true(facts.step == 123456789012);
    sk_model_facts_release(&facts);
    sk_model_meta_release(&meta);
}

static void class_names_must_be_text(void **state)
{
    static const char *const names[] = {"\xff"};
    struct sk_net_shape shape = {.height = 7, .width = 9, .channels = 1, .classes = 1};
    struct sk_err err = {0};
    struct sk_recipe recipe;
    struct sk_model_meta meta;
    (void)state;
    sk_recipe_defaults(&recipe);
    assert_error(sk_model_meta_make(&meta, &recipe, &shape, names, 0, &err), SK_INPUT, err, "is not UTF-8");
}

static void foreign_files_say_nothing(void **state)
{
    struct sk_st_meta meta = {"format", "pt"};
    struct sk_safetensors st = with(&meta, 1);
    struct sk_err err = {0};
    struct sk_model_facts facts;
    (void)state;
    assert_ok(sk_model_facts_read(&facts, &st, "x", &err), err);
    assert_false(facts.has_recipe || facts.has_shape);
    assert_null(facts.class_name);
    assert_int_equal(facts.step, 0);
    sk_model_facts_release(&facts);
}

static void damaged_values_are_refused(void **state)
{
    static const struct {
        char *key, *value;
    } rows[] = {
        {"skua.shape", "32x32"},
        {"skua.shape", "32x32x3"},
        {"skua.shape", "32x32x4 u8"},
        {"skua.shape", "0x32x3 u8"},
        {"skua.shape", "-1x32x3 u8"},
        {"skua.shape", "99999x32x3 u8"},
        {"skua.shape", "32x32x3 u16"},
        {"skua.shape", "32x32x3 u8 "},
        {"skua.classes", "{}"},
        {"skua.classes", "[]"},
        {"skua.classes", "[1, 2]"},
        {"skua.classes", "[\"a\", null]"},
        {"skua.classes", "[\"a\""},
        {"skua.step", "-1"},
        {"skua.step", "1.5"},
        {"skua.step", ""},
        {"skua.recipe", "model: {widht: 1}"},
    };
    struct sk_err err = {0};
    struct sk_model_facts facts;
    (void)state;
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_st_meta meta = {rows[i].key, rows[i].value};
        struct sk_safetensors st = with(&meta, 1);
        if (sk_model_facts_read(&facts, &st, "the/file", &err) != SK_INPUT || !strstr(err.text, "the/file"))
            fail_msg("%s '%s': '%s'", rows[i].key, rows[i].value, err.text);
        sk_err_clear(&err);
    }
}

static void a_recipe_tells_the_shape(void **state)
{
    static const struct {
        const char *set;
        int height, width;
    } rows[] = {
        {"data.prepare=[{resize: 256}, {center_crop: 224}]", 224, 224},
        {"data.prepare=[{resize: {size: [20, 30]}}]", 20, 30},
        {"data.augment=[{random_crop: {size: 28, padding: 2}}, {horizontal_flip: {p: 0.5}}]", 28, 28},
        {"data={source: shapes, image_size: 48}", 48, 48},
        {"data.source=cifar10", 32, 32},
        {"model.stem=cifar", 32, 32},
        {"model.stem=imagenet", 224, 224},
    };
    struct sk_err err = {0};
    struct sk_recipe recipe;
    struct sk_net_shape shape;
    (void)state;
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        sk_recipe_defaults(&recipe);
        assert_ok(sk_recipe_set(&recipe, rows[i].set, &err), err);
        sk_net_shape_guess(&recipe, &shape);
        if (shape.height != rows[i].height || shape.width != rows[i].width)
            fail_msg("%s: %d x %d", rows[i].set, shape.height, shape.width);
        assert_int_equal(shape.channels, 3);
    }
}

static void put_model(const char *folder)
{
    struct sk_err err = {0};
    char path[SK_PATH];
    snprintf(path, sizeof(path), "%s/model.safetensors", folder);
    assert_ok(sk_mkdirs(test_path(folder), &err), err);
    test_put(path, "x", 1);
}

static void assert_model(const char *path, const char *expected)
{
    struct sk_err err = {0};
    char out[SK_PATH];
    assert_ok(sk_model_path(path, out, &err), err);
    assert_string_equal(out, expected);
}

static void a_path_means_the_best_then_the_last_then_the_newest(void **state)
{
    struct sk_err err = {0};
    char out[SK_PATH];
    (void)state;
    assert_error(sk_model_path(test_path("run"), out, &err), SK_INPUT, err, "no such file or folder");
    assert_ok(sk_mkdirs(test_path("run/ckpt-99"), &err), err);
    assert_error(sk_model_path(test_path("run"), out, &err), SK_INPUT, err, "expected a run with a checkpoint");
    put_model("run/ckpt-9");
    put_model("run/ckpt-10");
    put_model("run/ckpt-011x");
    assert_model(test_path("run"), test_path("run/ckpt-10/model.safetensors"));
    assert_int_equal(symlink("ckpt-9", test_path("run/last")), 0);
    assert_model(test_path("run"), test_path("run/last/model.safetensors"));
    assert_int_equal(symlink("ckpt-10", test_path("run/best")), 0);
    assert_model(test_path("run"), test_path("run/best/model.safetensors"));
    assert_model(test_path("run/ckpt-9"), test_path("run/ckpt-9/model.safetensors"));
    assert_model(test_path("run/ckpt-9/model.safetensors"), test_path("run/ckpt-9/model.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_can_be_read),
        cmocka_unit_test(class_names_must_be_text),
        cmocka_unit_test(foreign_files_say_nothing),
        cmocka_unit_test(damaged_values_are_refused),
        cmocka_unit_test(a_recipe_tells_the_shape),
        cmocka_unit_test(a_path_means_the_best_then_the_last_then_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Inspection: counts, sizes, mean and deviation of known pictures, the same whatever the threads; damaged ones;
 * cancelling. */
#include "test.h"

#include "data/data.h"
#include "data/folder_make.h"

#include <math.h>
#include <stdio.h>

static struct sk_dataset *open_folder(const char *name)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = folder_recipe(name);
    data.val_fraction = 0;
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    return ds;
}

static void known_pictures(void **state)
{
    (void)state;
    struct sk_err err = {0};
    folder_picture("known/a/1.png", 2, 3, 0, 255);
    folder_picture("known/a/2.png", 6, 1, 255, 255);
    folder_picture("known/b/1.png", 4, 3, 51, 0);
    struct sk_dataset *ds = open_folder("known");
    for (int threads = 1; threads < 6; threads++) {
        struct sk_data_stats s;
        assert_ok(sk_data_inspect(ds, threads, &s, NULL, NULL, &err), err);
        assert_int_equal(s.count, 3);
        assert_int_equal(s.per_class[0], 2);
        assert_int_equal(s.per_class[1], 1);
        assert_int_equal(s.min_height, 2);
        assert_int_equal(s.max_height, 6);
        assert_int_equal(s.min_width, 1);
        assert_int_equal(s.max_width, 3);
        assert_int_equal(s.damaged, 0);
        assert_string_equal(s.first_damaged, "");
        /* of 24 pixels 6 are (0, 1), 6 (1, 1) and 12 (0.2, 0) */
        assert_true(fabs(s.mean[0] - 0.35) < 1e-12);
        assert_true(fabs(s.std[0] - sqrt(0.27 - 0.35 * 0.35)) < 1e-12);
        assert_true(fabs(s.mean[1] - 0.5) < 1e-12);
        assert_true(fabs(s.std[1] - 0.5) < 1e-12);
        assert_true(fabs(s.mean[2] - 7.0 / 255.0) < 1e-12);
        assert_true(s.std[2] < 1e-6);
        sk_free(s.per_class);
    }
    sk_dataset_close(ds);
}

static void damaged_are_counted(void **state)
{
    (void)state;
    struct sk_err err = {0};
    for (int i = 0; i < 60; i++) {
        char path[64];
        snprintf(path, sizeof(path), "damaged/%c/%02d.png", 'a' + i / 30, i);
        if (i % 20 == 13)
            folder_file(path, "GIF89a");
        else
            folder_picture(path, 3, 3, 51, 51);
    }
    struct sk_dataset *ds = open_folder("damaged");
    for (int threads = 1; threads < 5; threads++) {
        struct sk_data_stats s;
        assert_ok(sk_data_inspect(ds, threads, &s, NULL, NULL, &err), err);
        assert_int_equal(s.damaged, 3);
        assert_non_null(strstr(s.first_damaged, "a/13.png': not a JPEG or PNG file (GIF)"));
        assert_int_equal(s.per_class[0] + s.per_class[1], 60);
        assert_true(fabs(s.mean[0] - 0.2) < 1e-12);
        sk_free(s.per_class);
    }
    sk_dataset_close(ds);
}

static struct sk_dataset *open_shapes(int count)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = {.source = SK_SOURCE_SHAPES, .image_size = 64, .train_size = count, .val_size = 1};
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    return ds;
}

static void same_whatever_the_threads(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds = open_shapes(100);
    struct sk_data_stats one, s;
    assert_ok(sk_data_inspect(ds, 1, &one, NULL, NULL, &err), err);
    for (int threads = 2; threads < 6; threads++) {
        assert_ok(sk_data_inspect(ds, threads, &s, NULL, NULL, &err), err);
        assert_memory_equal(one.mean, s.mean, sizeof(s.mean));
        assert_memory_equal(one.std, s.std, sizeof(s.std));
        sk_free(s.per_class);
    }
    sk_free(one.per_class);
    sk_dataset_close(ds);
}

static bool stop_at_once(void *ctx, int64_t done, int64_t all)
{
    int *calls = ctx;
    ++*calls;
    assert_in_range(done, 0, all);
    return false;
}

static bool go_on(void *ctx, int64_t done, int64_t all)
{
    int64_t *last = ctx;
    assert_true(done >= *last && done <= all);
    *last = done;
    return true;
}

static void progress(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_data_stats s;
    int calls = 0;
    int64_t last = 0;
    struct sk_dataset *ds = open_shapes(100), *large = open_shapes(1000000);
    assert_error(sk_data_inspect(large, 2, &s, stop_at_once, &calls, &err), SK_CANCELLED, err, "stopped");
    assert_int_equal(calls, 1);
    assert_null(s.per_class);
    assert_ok(sk_data_inspect(ds, 2, &s, go_on, &last, &err), err);
    assert_int_equal(last, 100);
    sk_free(s.per_class);
    sk_dataset_close(ds);
    sk_dataset_close(large);
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_data_stats s;
    struct sk_dataset *ds = open_shapes(50);
    for (long n = 1; n <= 3; n++) { /* the parts, the counts, a picture in a thread */
        sk_mem_fail_after(n);
        enum sk_code code = sk_data_inspect(ds, 2, &s, NULL, NULL, &err);
        sk_mem_fail_after(0);
        assert_error(code, SK_NOMEM, err, "not enough memory");
    }
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_pictures),
        cmocka_unit_test(damaged_are_counted),
        cmocka_unit_test(same_whatever_the_threads),
        cmocka_unit_test(progress),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

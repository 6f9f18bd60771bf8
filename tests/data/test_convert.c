/* Shards written from other sources: the same samples, the same bytes whatever the threads, gone on with after a stop. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "data/data.h"
#include "data/folder_make.h"

enum { PICTURES = 30 };

static int make(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    for (int i = 0; i < PICTURES; i++) {
        char path[64];
        snprintf(path, sizeof(path), "in/%s/%02d.png", i % 3 ? "one" : "other", i);
        folder_picture(path, 20 + i, 40, i * 8, 100); /* JPEG changes colours a little */
    }
    return 0;
}

static struct sk_convert options(const char *dir, int threads)
{
    static char paths[4][SK_PATH];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, SK_PATH, "%s", test_path(dir));
    return (struct sk_convert){.dir = path, .shard_samples = 7, .quality = 95, .threads = threads, .seed = 1};
}

static struct sk_converted convert(const struct sk_convert *o)
{
    struct sk_err err = {0};
    struct sk_converted done;
    struct sk_dataset *ds = open_all("in");
    assert_ok(sk_data_convert(ds, o, &done, &err), err);
    char classes[SK_PATH];
    assert_ok(sk_path_join(classes, &err, o->dir, "classes.txt"), err);
    assert_ok(sk_data_write_classes(ds, classes, &err), err);
    sk_dataset_close(ds);
    return done;
}

/* The height of picture k, 20 + k x 40 pixels, once the shorter side is size at most; 0: as it was. */
static int height_of(int k, int size)
{
    int height = 20 + k;
    return size == 0 || height <= size ? height : height <= 40 ? size : size * height / 40;
}

/* Every picture once, with its class; the pixels are exact where it lies as it was. */
static void check_shards(const char *dir, int size, int tolerance)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    bool met[PICTURES] = {0};
    struct sk_dataset *ds = open_all(dir);
    assert_int_equal(sk_dataset_info(ds)->count, PICTURES);
    assert_int_equal(sk_dataset_info(ds)->classes, 2);
    for (int64_t i = 0; i < PICTURES; i++) {
        assert_ok(sk_dataset_read(ds, i, &p, &err), err);
        int number = (((uint8_t *)p.data)[0] + 4) / 8;
        assert_in_range(number, 0, PICTURES - 1);
        assert_false(met[number]);
        assert_int_equal(p.height, height_of(number, size));
        assert_true(abs(((uint8_t *)p.data)[0] - number * 8) <= tolerance);
        met[number] = true;
        assert_string_equal(sk_dataset_info(ds)->class_name[sk_dataset_label(ds, i)], number % 3 ? "one" : "other");
    }
    sk_picture_release(&p);
    sk_dataset_close(ds);
}

static void assert_same_file(const char *a, const char *b)
{
    struct sk_err err = {0};
    char *x, *y;
    size_t m, n;
    assert_ok(sk_file_read(test_path(a), 1 << 24, &x, &m, &err), err);
    assert_ok(sk_file_read(test_path(b), 1 << 24, &y, &n, &err), err);
    assert_int_equal(m, n);
    assert_memory_equal(x, y, m);
    sk_free(x);
    sk_free(y);
}

static void the_same_whatever_the_threads(void **state)
{
    (void)state;
    static const char *const dirs[] = {"t1", "t2", "t5"};
    for (int i = 0; i < 3; i++) {
        struct sk_convert o = options(dirs[i], i == 0 ? 1 : i == 1 ? 2 : 5);
        struct sk_converted done = convert(&o);
        assert_int_equal(done.samples, PICTURES);
        assert_int_equal(done.shards, 5);
        assert_int_equal(done.damaged, 0);
        check_shards(dirs[i], 0, 0);
        for (int k = 0; k < 5; k++) {
            char a[64], b[64];
            snprintf(a, sizeof(a), "t1/%06d.tar", k);
            snprintf(b, sizeof(b), "%s/%06d.tar", dirs[i], k);
            assert_same_file(a, b);
        }
    }
}

static bool stop_at_once(void *ctx, int64_t done, int64_t all)
{
    (void)ctx;
    (void)done;
    (void)all;
    return false;
}

/* What is whole stays; the rest is written by the next call, to the same bytes. */
static void a_stop_and_the_rest(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_convert whole = options("whole", 2), o = options("part", 2);
    struct sk_converted done;
    convert(&whole);
    struct sk_dataset *ds = open_all("in");
    o.progress = stop_at_once;
    enum sk_code code = sk_data_convert(ds, &o, &done, &err);
    if (code != SK_OK) /* on a fast machine all shards may be there before it is asked */
        assert_error(code, SK_CANCELLED, err, "was stopped");
    o.progress = NULL;
    assert_ok(sk_data_convert(ds, &o, &done, &err), err);
    assert_int_equal(done.shards + done.kept, 5);
    assert_int_equal(unlink(test_path("part/000003.tar")), 0);
    test_put("part/000003.tar.part", "left by a kill", 14);
    assert_ok(sk_data_convert(ds, &o, &done, &err), err);
    assert_int_equal(done.shards, 1);
    assert_int_equal(done.kept, 4);
    assert_same_file("whole/000003.tar", "part/000003.tar");
    assert_false(sk_is_file(test_path("part/000003.tar.part")));
    sk_dataset_close(ds);
}

static void larger_pictures_are_scaled(void **state)
{
    (void)state;
    struct sk_convert o = options("small", 2);
    o.resize = 24;
    convert(&o);
    check_shards("small", 24, 3); /* those up to 24 high stay */
}

static void shards_by_size(void **state)
{
    (void)state;
    struct sk_convert o = options("sized", 1);
    o.shard_samples = 0;
    o.shard_bytes = 10 * 2300; /* a small PNG, two headers and the padding: a little over 2 KiB */
    struct sk_converted done = convert(&o);
    assert_in_range(done.shards, 3, 4);
    check_shards("sized", 0, 0);
}

static void others_are_not_mixed(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_converted done;
    struct sk_dataset *ds = open_all("in");
    struct sk_convert o = options("mine", 1);
    folder_file("mine/thesis.txt", "text");
    assert_error(sk_data_convert(ds, &o, &done, &err), SK_INPUT, err, "mine' is not empty");
    o = options("mixed", 1);
    assert_ok(sk_data_convert(ds, &o, &done, &err), err);
    o.shard_samples = 8;
    assert_error(sk_data_convert(ds, &o, &done, &err), SK_INPUT, err, "shards of other data or other options");
    o = options("in/other/00.png/x", 1);
    assert_error(sk_data_convert(ds, &o, &done, &err), SK_IO, err, "00.png");
    sk_dataset_close(ds);
}

static void damaged_pictures(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_converted done;
    folder_file("in/one/98.png", "no picture");
    folder_file("in/one/99.png", "");
    assert_int_equal(symlink("in/nowhere", test_path("in/one/97.png")), 0);
    struct sk_dataset *ds = open_all("in");
    struct sk_convert o = options("damaged", 3);
    o.resize = 300;
    assert_ok(sk_data_convert(ds, &o, &done, &err), err);
    assert_int_equal(done.damaged, 2);
    assert_non_null(strstr(done.first_damaged.text, "in/one/9"));
    struct sk_verified v;
    for (int threads = 1; threads < 5; threads++) {
        assert_ok(sk_data_verify(ds, threads, &v, NULL, NULL, &err), err);
        assert_int_equal(v.count, 32);
        assert_int_equal(v.damaged, 2);
        assert_int_equal(v.items, 2);
        assert_non_null(strstr(v.text.text + v.item[0].at, "in/one/98.png': not a JPEG or PNG file"));
        assert_non_null(strstr(v.text.text + v.item[1].at, "in/one/99.png': the file is empty"));
        sk_verified_release(&v);
    }
    assert_error(sk_data_verify(ds, 2, &v, stop_at_once, NULL, &err), SK_CANCELLED, err, "stopped");
    sk_dataset_close(ds);
}

/* A source without files is written as PNG. */
static void drawn_pictures(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_converted done;
    struct sk_dataset *ds, *back;
    struct sk_picture a = {0}, b = {0};
    struct sk_recipe_data data = {.source = SK_SOURCE_SHAPES, .train_size = 20, .image_size = 24};
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    struct sk_convert o = options("shapes", 2);
    assert_ok(sk_data_convert(ds, &o, &done, &err), err);
    assert_ok(sk_data_write_classes(ds, test_path("shapes/classes.txt"), &err), err);
    back = open_all("shapes");
    assert_string_equal(sk_dataset_info(back)->class_name[3], sk_dataset_info(ds)->class_name[3]);
    int64_t order[20];
    sk_sampler_order(order, 20, true, o.seed, 0);
    for (int i = 0; i < 20; i++) {
        assert_ok(sk_dataset_read(back, i, &a, &err), err);
        assert_ok(sk_dataset_read(ds, order[i], &b, &err), err);
        assert_memory_equal(a.data, b.data, 24 * 24 * 3);
        assert_int_equal(sk_dataset_label(back, i), sk_dataset_label(ds, order[i]));
    }
    sk_picture_release(&a);
    sk_picture_release(&b);
    sk_dataset_close(ds);
    sk_dataset_close(back);
}

/* Sources whose classes are called by numbers: pictures keep the names of their classes. */
static void classes_called_by_numbers(void **state)
{
    (void)state;
    static const char *const sets[][4] = {{"1", "2", "10", "3"}, {"0", "1", "2", "10"}, {"10", "2", "dog", "x"},
                                          {"-1", "2", "3", "1"}};
    struct sk_err err = {0};
    struct sk_picture p = {0};
    for (size_t k = 0; k < SK_COUNT(sets); k++) {
        char path[64], out[32];
        struct sk_str list = {0};
        for (int i = 0; i < 8; i++) {
            snprintf(path, sizeof(path), "num%zu/%d.png", k, i);
            folder_picture(path, 2, 2, 20 * i, 0);
            assert_ok(sk_str_add(&list, &err, "%d.png,%s\n", i, sets[k][i % 4]), err);
        }
        snprintf(path, sizeof(path), "num%zu/all.csv", k);
        folder_file(path, list.text);
        sk_str_release(&list);
        snprintf(out, sizeof(out), "num%zu-shards", k);
        struct sk_dataset *ds = open_all(path);
        struct sk_convert o = options(out, 1);
        struct sk_converted done;
        char classes[64];
        snprintf(classes, sizeof(classes), "%s/classes.txt", out);
        assert_ok(sk_data_convert(ds, &o, &done, &err), err);
        assert_ok(sk_data_write_classes(ds, test_path(classes), &err), err);
        sk_dataset_close(ds);
        ds = open_all(out);
        assert_int_equal(sk_dataset_info(ds)->count, 8);
        for (int64_t i = 0; i < 8; i++) {
            assert_ok(sk_dataset_read(ds, i, &p, &err), err);
            assert_string_equal(sk_dataset_info(ds)->class_name[sk_dataset_label(ds, i)],
                                sets[k][((uint8_t *)p.data)[0] / 20 % 4]);
        }
        sk_dataset_close(ds);
    }
    sk_picture_release(&p);
}

/* While one conversion writes into a folder, another is refused. */
static void one_at_a_time(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_converted done;
    struct sk_dataset *ds = open_all("in");
    struct sk_convert o = options("locked", 1);
    assert_ok(sk_mkdirs(o.dir, &err), err);
    int fd = open(o.dir, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_error(sk_data_convert(ds, &o, &done, &err), SK_USAGE, err, "another conversion is writing into '");
    assert_false(sk_is_file(test_path("locked/000000.tar")));
    close(fd);
    assert_ok(sk_data_convert(ds, &o, &done, &err), err);
    sk_dataset_close(ds);
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds = open_all("in");
    struct sk_convert o = options("memory", 1);
    struct sk_converted done;
    enum sk_code code = SK_NOMEM;
    o.resize = 24;
    o.shard_samples = PICTURES;
    for (long n = 1; code != SK_OK; n += 5) { /* each one flushes files: a fifth of the places will do */
        assert_ok(sk_remove_tree(o.dir, &err), err);
        sk_mem_fail_after(n);
        code = sk_data_convert(ds, &o, &done, &err);
        sk_mem_fail_after(0);
        assert_true(n < 1000);
        if (code != SK_OK)
            assert_error(code, SK_NOMEM, err, "not enough memory");
    }
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_same_whatever_the_threads, make),
        cmocka_unit_test_setup(a_stop_and_the_rest, make),
        cmocka_unit_test_setup(larger_pictures_are_scaled, make),
        cmocka_unit_test_setup(shards_by_size, make),
        cmocka_unit_test_setup(others_are_not_mixed, make),
        cmocka_unit_test_setup(damaged_pictures, make),
        cmocka_unit_test_setup(drawn_pictures, make),
        cmocka_unit_test_setup(classes_called_by_numbers, make),
        cmocka_unit_test_setup(one_at_a_time, make),
        cmocka_unit_test_setup(no_memory, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

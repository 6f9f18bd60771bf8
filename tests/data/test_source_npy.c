/* The npy source: what it serves, where it looks for arrays, and what it refuses. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "data/data.h"
#include "format/format.h"

enum { COUNT = 4, HEIGHT = 2, WIDTH = 3 };

static void write_array(const char *name, enum sk_elem elem, int rank, const int64_t *dim, const void *values)
{
    struct sk_err err = {0};
    assert_ok(sk_npy_write(test_path(name), elem, rank, dim, values, &err), err);
}

static void write_images(const char *name, int64_t count, int64_t channels)
{
    uint8_t pixels[1000];
    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (uint8_t)(i * 3);
    write_array(name, SK_ELEM_U8, 4, (const int64_t[]){count, HEIGHT, WIDTH, channels}, pixels);
}

static void write_labels(const char *name, const int64_t *labels, int64_t count)
{
    write_array(name, SK_ELEM_I64, 1, &count, labels);
}

static int fresh(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    assert_ok(sk_mkdirs(test_folder(), &err), err);
    write_images("images.npy", COUNT, 3);
    write_labels("labels.npy", (const int64_t[]){2, 0, 11, 1}, COUNT);
    return 0;
}

static struct sk_recipe_data folder_data(enum sk_source source)
{
    struct sk_recipe_data data = {.source = source};
    snprintf(data.path, sizeof(data.path), "%s", test_folder());
    return data;
}

static void folder_is_read(void **state)
{
    (void)state;
    struct sk_recipe_data data = folder_data(SK_SOURCE_AUTO);
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_picture p = {0};
    char name[64];
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    assert_int_equal(info->count, COUNT);
    assert_int_equal(info->classes, 12);
    assert_string_equal(info->class_name[11], "11");
    assert_int_equal(info->pixel, SK_PIXEL_U8);
    assert_int_equal(info->height * 100 + info->width * 10 + info->channels, 233);
    assert_int_equal(sk_dataset_label(ds, 2), 11);
    for (int64_t i = 0; i < COUNT; i++) {
        assert_ok(sk_dataset_read(ds, i, &p, &err), err);
        assert_int_equal(p.height * 100 + p.width * 10 + p.channels, 233);
        for (int k = 0; k < 18; k++)
            assert_int_equal(((const uint8_t *)p.data)[k], (uint8_t)((i * 18 + k) * 3));
    }
    sk_dataset_name(ds, 3, name, sizeof(name));
    assert_string_equal(name, "training picture 3");
    sk_picture_release(&p);
    sk_dataset_close(ds);
    sk_dataset_close(NULL);
}

static void floats_are_taken_as_they_are(void **state)
{
    (void)state;
    struct sk_recipe_data data = {.source = SK_SOURCE_NPY};
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_picture p = {0};
    float values[2 * 5 * 4];
    uint8_t labels[] = {1, 0};
    for (int i = 0; i < 40; i++)
        values[i] = (float)i * -1.5f;
    write_array("x.npy", SK_ELEM_F32, 4, (const int64_t[]){2, 5, 4, 1}, values);
    write_array("y.npy", SK_ELEM_U8, 1, (const int64_t[]){2}, labels);
    snprintf(data.images, sizeof(data.images), "%s", test_path("x.npy")); /* without data.path */
    snprintf(data.labels, sizeof(data.labels), "%s", test_path("y.npy"));
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    assert_int_equal(sk_dataset_info(ds)->pixel, SK_PIXEL_F32);
    assert_int_equal(sk_dataset_info(ds)->classes, 2);
    assert_ok(sk_dataset_read(ds, 1, &p, &err), err);
    assert_int_equal(p.pixel, SK_PIXEL_F32);
    assert_memory_equal(p.data, values + 20, 20 * sizeof(float));
    sk_picture_release(&p);
    sk_dataset_close(ds);
}

static void validation_is_found(void **state)
{
    (void)state;
    struct sk_recipe_data data = folder_data(SK_SOURCE_NPY);
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_error(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), SK_NO_SPLIT, err, "has no validation split");
    write_images("val_images.npy", 2, 3);
    assert_error(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), SK_INPUT, err, "val_labels.npy': No such file");
    write_labels("val_labels.npy", (const int64_t[]){0, 1}, 2);
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), err);
    assert_int_equal(sk_dataset_info(ds)->count, 2);
    sk_dataset_close(ds);
    strcpy(data.images, "images.npy"); /* named arrays: only these */
    strcpy(data.labels, "labels.npy");
    assert_error(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), SK_NO_SPLIT, err, "data.val_images is not given");
    strcpy(data.val_images, "val_images.npy");
    strcpy(data.val_labels, "labels.npy");
    assert_error(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), SK_INPUT, err, "holds 4 labels, expected 2");
    strcpy(data.val_labels, "val_labels.npy");
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), err);
    sk_dataset_close(ds);
}

static void fingerprint_tells_changes(void **state)
{
    (void)state;
    struct sk_recipe_data data = folder_data(SK_SOURCE_NPY);
    struct sk_err err = {0};
    uint64_t prints[3];
    for (int i = 0; i < 3; i++) {
        struct sk_dataset *ds;
        if (i == 2)
            write_labels("labels.npy", (const int64_t[]){2, 0, 11, 0}, COUNT);
        assert_ok(sk_dataset_open(&ds, &data, i, SK_TRAIN, &err), err);
        prints[i] = sk_dataset_info(ds)->fingerprint;
        sk_dataset_close(ds);
    }
    assert_true(prints[0] == prints[1]);
    assert_true(prints[0] != prints[2]);
}

static uint64_t fingerprint(void)
{
    struct sk_recipe_data data = folder_data(SK_SOURCE_NPY);
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    uint64_t print = sk_dataset_info(ds)->fingerprint;
    sk_dataset_close(ds);
    return print;
}

/* Flips a bit of the byte at a distance from the end of images.npy. */
static void flip_bit(long from_end)
{
    FILE *f = fopen(test_path("images.npy"), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -from_end, SEEK_END), 0);
    int byte = getc(f);
    assert_int_equal(fseek(f, -from_end, SEEK_END), 0);
    putc(byte ^ 0x80, f);
    assert_int_equal(fclose(f), 0);
}

/* Of 48 pixels each one counts; of 65 MiB those in blocks of 4 KiB, of which the first and the last are two. */
static void fingerprint_tells_other_pixels(void **state)
{
    (void)state;
    enum { SIDE = 4096, LARGE = 65 << 20 };
    struct sk_err err = {0};
    uint64_t first = fingerprint();
    for (long i = 1; i <= COUNT * HEIGHT * WIDTH * 3; i++) {
        flip_bit(i);
        assert_true(fingerprint() != first);
        if (i < COUNT * HEIGHT * WIDTH * 3) { /* two of the same kind do not make up for each other */
            flip_bit(i + 1);
            assert_true(fingerprint() != first);
            flip_bit(i + 1);
        }
        flip_bit(i);
        assert_true(fingerprint() == first);
    }
    uint8_t *pixels = sk_alloc(LARGE, 1, &err);
    assert_non_null(pixels);
    write_array("images.npy", SK_ELEM_U8, 4, (const int64_t[]){COUNT, LARGE / COUNT / SIDE, SIDE, 1}, pixels);
    sk_free(pixels);
    first = fingerprint();
    flip_bit(1);
    assert_true(fingerprint() != first);
    flip_bit(1);
    flip_bit(LARGE);
    assert_true(fingerprint() != first);
    flip_bit(LARGE);
    assert_true(fingerprint() == first);
}

/* Cut off by another program while it is open: an error, not the end of the process. */
static void a_file_may_shrink(void **state)
{
    (void)state;
    struct sk_recipe_data data = folder_data(SK_SOURCE_NPY);
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_picture p = {0};
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    assert_int_equal(truncate(test_path("images.npy"), 0), 0);
    assert_int_equal(truncate(test_path("labels.npy"), 0), 0);
    assert_error(sk_dataset_read(ds, 1, &p, &err), SK_INPUT, err, "images.npy' became shorter while it was read");
    assert_int_equal(sk_dataset_label(ds, 2), 11);
    sk_picture_release(&p);
    sk_dataset_close(ds);
}

static void refused(const char *message)
{
    struct sk_recipe_data data = folder_data(SK_SOURCE_NPY);
    struct sk_err err = {0};
    struct sk_dataset *ds;
    enum sk_code code = sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err);
    assert_null(ds);
    assert_error(code, SK_INPUT, err, message);
}

static void bad_labels_are_refused(void **state)
{
    (void)state;
    const int64_t good[COUNT] = {0};
    const float floats[COUNT] = {0};
    write_labels("labels.npy", (const int64_t[]){0, -1, 0, 0}, COUNT);
    refused("labels.npy': label 1 is -1, expected 0 to 999999");
    write_labels("labels.npy", (const int64_t[]){0, 0, 0, 1000000}, COUNT);
    refused("labels.npy': label 3 is 1000000, expected 0 to 999999");
    write_array("labels.npy", SK_ELEM_U64, 1, (const int64_t[]){COUNT}, (const uint64_t[]){0, 0, UINT64_MAX, 0});
    refused("label 2 is 9223372036854775807");
    write_labels("labels.npy", good, COUNT - 1);
    refused("labels.npy' holds 3 labels, expected 4");
    write_array("labels.npy", SK_ELEM_I64, 2, (const int64_t[]){COUNT, 1}, good);
    refused("labels.npy' has 2 dimensions, expected 1");
    write_array("labels.npy", SK_ELEM_F32, 1, (const int64_t[]){COUNT}, floats);
    refused("labels.npy' holds F32, expected integers");
    assert_int_equal(unlink(test_path("labels.npy")), 0);
    refused("labels.npy': No such file");
}

static void bad_images_are_refused(void **state)
{
    (void)state;
    static const double pixels[1000];
    write_array("images.npy", SK_ELEM_F64, 4, (const int64_t[]){COUNT, 2, 2, 1}, pixels);
    refused("images.npy' holds F64, expected U8 or F32");
    write_array("images.npy", SK_ELEM_U8, 3, (const int64_t[]){COUNT, 2, 3}, pixels);
    refused("images.npy' has 3 dimensions, expected 4");
    write_array("images.npy", SK_ELEM_U8, 4, (const int64_t[]){COUNT, 2, 3, 4}, pixels);
    refused("images.npy' has 4 channels, expected 1 to 3");
    write_array("images.npy", SK_ELEM_U8, 4, (const int64_t[]){0, 2, 3, 1}, pixels);
    refused("images.npy' holds no pictures");
    write_array("images.npy", SK_ELEM_U8, 4, (const int64_t[]){COUNT, 0, 3, 1}, pixels);
    refused("pictures of 0 x 3 pixels");
    write_array("images.npy", SK_ELEM_U8, 4, (const int64_t[]){0, 65501, 3, 1}, pixels);
    refused("pictures of 65501 x 3 pixels");
    assert_int_equal(truncate(test_path("images.npy"), 100), 0);
    refused("images.npy' is not an npy file");
    assert_int_equal(unlink(test_path("images.npy")), 0);
    refused("images.npy': No such file");
}

static void nothing_given_is_told(void **state)
{
    (void)state;
    struct sk_recipe_data data = {.source = SK_SOURCE_AUTO};
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, "no data is given");
    data.source = SK_SOURCE_NPY;
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err,
                 "no arrays are given: set data.path (--data DIR), or data.images and data.labels");
    data.source = SK_SOURCE_AUTO;
    strcpy(data.path, "/no/such/folder");
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err,
                 "cannot open data '/no/such/folder': no such file or folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(folder_is_read, fresh),
        cmocka_unit_test_setup(floats_are_taken_as_they_are, fresh),
        cmocka_unit_test_setup(validation_is_found, fresh),
        cmocka_unit_test_setup(fingerprint_tells_changes, fresh),
        cmocka_unit_test_setup(fingerprint_tells_other_pixels, fresh),
        cmocka_unit_test_setup(a_file_may_shrink, fresh),
        cmocka_unit_test_setup(bad_labels_are_refused, fresh),
        cmocka_unit_test_setup(bad_images_are_refused, fresh),
        cmocka_unit_test(nothing_given_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

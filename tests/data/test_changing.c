/* Files that another program cuts off, replaces or takes away between opening a data set and reading a sample of it:
 * what was open goes on, what is opened anew is read as it is now, and nothing of it is ever mapped. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "data/cifar_make.h"
#include "data/data.h"
#include "data/folder_make.h"
#include "data/tar_make.h"

/* The first byte of a sample's pixels. */
static int first_byte(const struct sk_dataset *ds, int64_t index)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    assert_ok(sk_dataset_read(ds, index, &p, &err), err);
    int byte = ((const uint8_t *)p.data)[0];
    sk_picture_release(&p);
    return byte;
}

static void refused(const struct sk_dataset *ds, int64_t index, const char *part)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    assert_error(sk_dataset_read(ds, index, &p, &err), SK_INPUT, err, part);
    sk_picture_release(&p);
}

/* A whole file comes in the place of another, as a copy that is renamed does. */
static void replace(const char *path, const char *by)
{
    assert_int_equal(rename(test_path(by), test_path(path)), 0);
}

static void picture_files(void **state)
{
    (void)state;
    folder_picture("photos/a/1.png", 20, 20, 10, 0);
    folder_picture("photos/a/2.png", 20, 20, 20, 0);
    folder_picture("photos/b/3.png", 20, 20, 30, 0);
    folder_picture("photos/b/4.png", 20, 20, 40, 0);
    folder_picture("other.png", 5, 7, 99, 0);
    struct sk_dataset *ds = open_all("photos");
    assert_int_equal(truncate(test_path("photos/a/1.png"), 45), 0);
    replace("photos/a/2.png", "other.png");
    folder_file("photos/b/3.png", "no longer a picture");
    assert_int_equal(unlink(test_path("photos/b/4.png")), 0);
    refused(ds, 0, "photos/a/1.png': the file is truncated");
    assert_int_equal(first_byte(ds, 1), 99);
    refused(ds, 2, "photos/b/3.png': not a JPEG or PNG file");
    struct sk_err err = {0};
    struct sk_picture p = {0};
    assert_true(sk_is_damage(sk_dataset_read(ds, 3, &p, &err)));
    assert_non_null(strstr(err.text, "photos/b/4.png"));
    sk_picture_release(&p);
    sk_dataset_close(ds);
}

static void write_shard(const char *path, int red)
{
    struct archive *a = tar_begin(path, "ustar", false);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%d.png", i);
        tar_add_picture(a, name, 20, 20, red + i, 0);
        snprintf(name, sizeof(name), "%d.cls", i);
        tar_add_text(a, name, i % 2 ? "1" : "0");
    }
    tar_end(a);
}

static void shards(void **state)
{
    (void)state;
    write_shard("shards/a.tar", 10);
    write_shard("new.tar", 60);
    struct sk_dataset *ds = open_all("shards");
    assert_int_equal(first_byte(ds, 3), 13);
    replace("shards/a.tar", "new.tar");
    int byte = first_byte(ds, 3);
    assert_true(byte == 13 || byte == 63); /* the old file where it is still open, or the new one */
    assert_int_equal(truncate(test_path("shards/a.tar"), 600), 0);
    sk_dataset_close(ds);

    write_shard("cut/a.tar", 10);
    ds = open_all("cut");
    assert_int_equal(truncate(test_path("cut/a.tar"), 600), 0);
    refused(ds, 3, "a.tar' became shorter while it was read");
    sk_dataset_close(ds);
}

static void cifar_batches(void **state)
{
    (void)state;
    cifar_write_binary(test_path("cifar"));
    cifar_write_binary(test_path("again"));
    struct sk_dataset *ds = open_all("cifar");
    int before = first_byte(ds, 1);
    assert_int_equal(before, cifar_pixel(0, 1, 0, 0, 0));
    assert_int_equal(truncate(test_path("again/data_batch_1.bin"), 10), 0);
    replace("cifar/data_batch_1.bin", "again/data_batch_1.bin");
    assert_int_equal(first_byte(ds, 1), before); /* the batch is open still */
    assert_int_equal(truncate(test_path("cifar/data_batch_2.bin"), 3073 + 100), 0);
    assert_int_equal(first_byte(ds, CIFAR_MADE), cifar_pixel(1, 0, 0, 0, 0));
    refused(ds, CIFAR_MADE + 1, "data_batch_2.bin' became shorter while it was read");
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(picture_files), cmocka_unit_test(shards),
                                       cmocka_unit_test(cifar_batches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

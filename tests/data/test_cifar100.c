/* CIFAR-100: fine and coarse labels, the same from every layout; its everyday file names are not taken for it. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "data/cifar_make.h"
#include "data/data.h"

static struct sk_recipe_data data_at(const char *path, enum sk_source source, enum sk_labels labels)
{
    struct sk_recipe_data data = {.source = source, .cifar100_labels = labels};
    snprintf(data.path, sizeof(data.path), "%s", test_path(path));
    return data;
}

static int make_all(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    assert_ok(sk_mkdirs(test_path("packed"), &err), err);
    cifar100_write_binary(test_path("binary/cifar-100-binary"));
    cifar100_write_pickled(test_path("pickled/cifar-100-python"));
    cifar100_write_matlab(test_path("matlab/cifar-100-matlab"), false, true);
    cifar100_write_matlab(test_path("big"), true, false);
    cifar_write_archive(test_path("matlab.tar.gz"), test_path("matlab/cifar-100-matlab"), "cifar-100-matlab", 1, NULL);
    cifar_write_archive(test_path("packed/cifar-100-binary.tar.gz"), test_path("binary/cifar-100-binary"),
                        "cifar-100-binary", 1, NULL);
    cifar_write_archive(test_path("python.tar"), test_path("pickled/cifar-100-python"), "cifar-100-python", 0, NULL);
    return 0;
}

static void check_pictures(const struct sk_dataset *ds, int batch, bool coarse)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    for (int i = 0; i < CIFAR_MADE; i++) {
        assert_int_equal(sk_dataset_label(ds, i), cifar100_label(batch, i, coarse));
        assert_ok(sk_dataset_read(ds, i, &p, &err), err);
        for (int k = 0; k < 3072; k++)
            assert_int_equal(((uint8_t *)p.data)[k], cifar_pixel(batch, i, k % 3, k / 96, k / 3 % 32));
    }
    sk_picture_release(&p);
}

/* Opens both splits and compares them; the sum of the fingerprints. */
static uint64_t check_data(const char *path, enum sk_source source, enum sk_labels labels, bool names)
{
    struct sk_recipe_data data = data_at(path, source, labels);
    bool coarse = labels == SK_LABELS_COARSE;
    uint64_t sum = 0;
    for (int split = SK_TRAIN; split <= SK_VAL; split++) {
        struct sk_err err = {0};
        struct sk_dataset *ds;
        assert_ok(sk_dataset_open(&ds, &data, 0, (enum sk_split)split, &err), err);
        const struct sk_dataset_info *info = sk_dataset_info(ds);
        assert_int_equal(info->count, CIFAR_MADE);
        assert_int_equal(info->classes, coarse ? 20 : 100);
        assert_string_equal(info->class_name[19], names ? (coarse ? "group19" : "kind19")
                                                        : (coarse ? "vehicles_2" : "cattle"));
        check_pictures(ds, split == SK_TRAIN ? 0 : 5, coarse);
        sum += info->fingerprint;
        sk_dataset_close(ds);
    }
    return sum;
}

static void layouts_agree(void **state)
{
    (void)state;
    static const char *const paths[] = {"binary",  "binary/cifar-100-binary",        "pickled", "pickled/cifar-100-python",
                                        "packed", "packed/cifar-100-binary.tar.gz", "python.tar", "matlab",
                                        "matlab/cifar-100-matlab", "big", "matlab.tar.gz"};
    for (int labels = SK_LABELS_FINE; labels <= SK_LABELS_COARSE; labels++) {
        uint64_t first = check_data(paths[0], SK_SOURCE_CIFAR100, (enum sk_labels)labels, true);
        for (size_t i = 0; i < SK_COUNT(paths); i++) {
            assert_true(check_data(paths[i], SK_SOURCE_AUTO, (enum sk_labels)labels, true) == first);
            assert_true(check_data(paths[i], SK_SOURCE_CIFAR100, (enum sk_labels)labels, true) == first);
        }
    }
}

/* Without the file of names: built in, and asked for by name only, since any file may be called train. */
static void plain_names_do_not_tell(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_int_equal(unlink(test_path("pickled/cifar-100-python/meta")), 0);
    check_data("pickled", SK_SOURCE_AUTO, SK_LABELS_FINE, false);
    check_data("pickled/cifar-100-python", SK_SOURCE_CIFAR100, SK_LABELS_COARSE, false);
    assert_int_equal(unlink(test_path("big/meta.mat")), 0);
    check_data("big", SK_SOURCE_CIFAR100, SK_LABELS_COARSE, false);
    static const char *const paths[] = {"pickled/cifar-100-python", "big"};
    for (size_t i = 0; i < SK_COUNT(paths); i++) {
        struct sk_recipe_data data = data_at(paths[i], SK_SOURCE_AUTO, SK_LABELS_FINE);
        assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, "cannot tell what data");
    }
}

static void refused(const char *path, enum sk_labels labels, const char *message)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = data_at(path, SK_SOURCE_CIFAR100, labels);
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, message);
}

static void set_byte(const char *name, long offset, int byte)
{
    FILE *f = fopen(test_path(name), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    putc(byte, f);
    assert_int_equal(fclose(f), 0);
}

static void damage_is_named(void **state)
{
    (void)state;
    refused(".", SK_LABELS_FINE, "holds no CIFAR-100: expected train.bin, train or train.mat, a folder cifar-100-binary");
    set_byte("binary/cifar-100-binary/train.bin", 3074, 20);
    refused("binary", SK_LABELS_COARSE, "train.bin': record 1 has label 20, expected 0 to 19");
    set_byte("binary/cifar-100-binary/train.bin", 3075, 100);
    refused("binary", SK_LABELS_FINE, "train.bin': record 1 has label 100, expected 0 to 99");
    assert_int_equal(truncate(test_path("binary/cifar-100-binary/train.bin"), 3073), 0);
    refused("binary", SK_LABELS_FINE, "size 3073 is not a multiple of the record size 3074");
    test_put("pickled/cifar-100-python/train", "\x80\2}.", 4);
    refused("pickled", SK_LABELS_FINE, "'data' is not there as a numpy array");
    test_put("pickled/cifar-100-python/meta", "\x80\2}.", 4);
    cifar100_write_pickled(test_path("other"));
    test_put("other/meta", "\x80\2}.", 4);
    refused("other", SK_LABELS_FINE, "'fine_label_names' is not there as a list");
    refused("other", SK_LABELS_COARSE, "'coarse_label_names' is not there as a list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(layouts_agree, make_all),
        cmocka_unit_test_setup(plain_names_do_not_tell, make_all),
        cmocka_unit_test_setup(damage_is_named, make_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* WebDataset shards: layouts, labels, splits by seed, and what is wrong with them. */
#include "test.h"

#include <archive.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "data/data.h"
#include "data/folder_make.h"
#include "data/tar_make.h"

static struct sk_recipe_data shards_at(const char *path)
{
    struct sk_recipe_data data = folder_recipe(path);
    data.source = SK_SOURCE_TAR;
    return data;
}

static void refused(const char *path, enum sk_split split, const char *message)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = shards_at(path);
    assert_error(sk_dataset_open(&ds, &data, 0, split, &err), SK_INPUT, err, message);
    assert_null(ds);
}

/* Samples first..first+count of a shard: picture i is (i, 9) and has the label i % classes. */
static void write_shard(const char *path, const char *format, int first, int count, int classes)
{
    struct archive *a = tar_begin(path, format, false);
    for (int i = first; i < first + count; i++) {
        char name[64], label[16];
        snprintf(name, sizeof(name), "in/%06d.png", i);
        tar_add_picture(a, name, 2 + i % 3, 4, i, 9);
        snprintf(name, sizeof(name), "in/%06d.cls", i);
        snprintf(label, sizeof(label), "%d\n", i % classes);
        tar_add_text(a, name, label);
    }
    tar_end(a);
}

static void check_sample(const struct sk_dataset *ds, int64_t index, int number, int label)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    assert_int_equal(sk_dataset_label(ds, index), label);
    assert_ok(sk_dataset_read(ds, index, &p, &err), err);
    assert_int_equal(((uint8_t *)p.data)[0], number);
    assert_int_equal(((uint8_t *)p.data)[1], 9);
    assert_int_equal(p.height, 2 + number % 3);
    sk_picture_release(&p);
}

static void layouts(void **state)
{
    (void)state;
    char name[SK_PATH];
    write_shard("folders/train/b.tar", "pax", 5, 4, 3);
    write_shard("folders/train/a.tar", "ustar", 0, 5, 3);
    write_shard("folders/valid/x.tar", "gnutar", 20, 2, 3);
    write_shard("names/train-000.tar", "ustar", 0, 5, 3);
    write_shard("names/train-001.tar", "ustar", 5, 4, 3);
    write_shard("names/val-000.tar", "ustar", 20, 2, 3);
    static const char *const paths[] = {"folders", "names"};
    uint64_t print[2];
    for (int i = 0; i < 2; i++) {
        struct sk_recipe_data data = shards_at(paths[i]);
        data.source = SK_SOURCE_AUTO;
        struct sk_dataset *train = open_split(&data, SK_TRAIN, 3), *val = open_split(&data, SK_VAL, 3);
        const struct sk_dataset_info *info = sk_dataset_info(train);
        assert_int_equal(info->count, 9);
        assert_int_equal(info->classes, 3);
        assert_string_equal(info->class_name[2], "2");
        for (int k = 0; k < 9; k++)
            check_sample(train, k, k, k % 3);
        assert_int_equal(sk_dataset_info(val)->count, 2);
        assert_int_equal(sk_dataset_info(val)->classes, 3); /* those of the training split, though it has fewer */
        check_sample(val, 0, 20, 2);
        check_sample(val, 1, 21, 0);
        sk_dataset_name(train, 8, name, sizeof(name));
        assert_non_null(strstr(name, i ? "/names/train-001.tar:in/000008" : "/folders/train/b.tar:in/000008"));
        print[i] = info->fingerprint;
        sk_dataset_close(train);
        sk_dataset_close(val);
    }
    assert_true(print[0] == print[1]);
}

/* A sample is in one of the splits, whose shares of each class are alike. */
static void split_by_seed(void **state)
{
    (void)state;
    static const char *const paths[] = {"flat", "flat/only.tar"};
    write_shard("flat/only.tar", "ustar", 0, 40, 2);
    for (int i = 0; i < 2; i++) {
        struct sk_recipe_data data = shards_at(paths[i]);
        data.source = SK_SOURCE_AUTO;
        int met[40] = {0}, per_class[2] = {0};
        for (int split = SK_TRAIN; split <= SK_VAL; split++) {
            struct sk_err err = {0};
            struct sk_picture p = {0};
            struct sk_dataset *ds = open_split(&data, (enum sk_split)split, 3);
            assert_int_equal(sk_dataset_info(ds)->count, split == SK_TRAIN ? 32 : 8);
            for (int64_t k = 0; k < sk_dataset_info(ds)->count; k++) {
                assert_ok(sk_dataset_read(ds, k, &p, &err), err);
                int number = ((uint8_t *)p.data)[0];
                assert_int_equal(sk_dataset_label(ds, k), number % 2);
                met[number]++;
                per_class[number % 2] += split == SK_VAL;
            }
            sk_picture_release(&p);
            sk_dataset_close(ds);
        }
        for (int k = 0; k < 40; k++)
            assert_int_equal(met[k], 1);
        assert_int_equal(per_class[0], 4);
        assert_int_equal(per_class[1], 4);
    }
}

static char last_notice[2048];

static void keep_notice(const char *text)
{
    snprintf(last_notice, sizeof(last_notice), "%s", text);
}

static char all_notices[4096];

static void add_notice(const char *text)
{
    size_t len = strlen(all_notices);
    snprintf(all_notices + len, sizeof(all_notices) - len, "%s\n", text);
}

/* Names as labels, from either file; a sample without one of its files; files of no sample. */
static void labels_are_read(void **state)
{
    (void)state;
    struct archive *a = tar_begin("kinds/a.tar", "ustar", false);
    tar_add_text(a, "README", "nothing");
    tar_add_text(a, "._1.png", "hidden");
    tar_add_text(a, "1.json", "{\"caption\": \"a\", \"label\": \"zebra\"}");
    tar_add_picture(a, "1.png", 3, 4, 1, 9);
    tar_add_picture(a, "2.PNG", 4, 4, 2, 9);
    tar_add_text(a, "2.cls", "  red panda \r\n");
    tar_add_text(a, "2.json", "not even read");
    tar_add_picture(a, "3.png", 4, 4, 3, 9);
    tar_add_text(a, "4.cls", "zebra");
    tar_add_picture(a, "x/4.png", 3, 4, 4, 9); /* another folder, another sample */
    tar_add_text(a, "x/4.seg.png", "of no use");
    tar_add_text(a, "x/4.cls", "ape");
    tar_end(a);
    struct sk_recipe_data data = shards_at("kinds");
    data.val_fraction = 0;
    sk_notice_sink(keep_notice);
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    sk_notice_sink(NULL);
    assert_non_null(strstr(last_notice, "left out 2 samples without both a picture and a label, the first: '3'"));
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    assert_int_equal(info->count, 3);
    assert_int_equal(info->classes, 3);
    assert_string_equal(info->class_name[0], "ape");
    assert_string_equal(info->class_name[1], "red panda");
    assert_string_equal(info->class_name[2], "zebra");
    check_sample(ds, 0, 1, 2);
    check_sample(ds, 1, 2, 1);
    check_sample(ds, 2, 4, 0);
    sk_dataset_close(ds);
}

static void a_list_names_the_classes(void **state)
{
    (void)state;
    write_shard("listed/a.tar", "ustar", 0, 6, 2);
    folder_file("listed/classes.txt", "n01440764 tench, Tinca tinca\r\n\nsome other fish\nthird\n");
    struct sk_recipe_data data = shards_at("listed/a.tar");
    data.val_fraction = 0;
    for (int i = 0; i < 2; i++) {
        struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
        assert_int_equal(sk_dataset_info(ds)->classes, 3);
        assert_string_equal(sk_dataset_info(ds)->class_name[0], "tench, Tinca tinca");
        assert_string_equal(sk_dataset_info(ds)->class_name[1], "some other fish");
        sk_dataset_close(ds);
        data = shards_at("listed");
        data.val_fraction = 0;
    }
    folder_file("listed/other.txt", "third\n0\n");
    snprintf(data.class_names, sizeof(data.class_names), "other.txt");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    check_sample(ds, 0, 0, 0); /* the place 0, and not the class that is called so */
    check_sample(ds, 1, 1, 1);
    sk_dataset_close(ds);
    folder_file("listed/classes.txt", "only\n");
    refused("listed", SK_TRAIN, "the label '1' is none of the 1 classes of '");
    folder_file("listed/classes.txt", "a\nb\na\n");
    refused("listed", SK_TRAIN, "listed/classes.txt' line 3: the class 'a' is listed twice");
    folder_file("listed/classes.txt", "\n \n");
    refused("listed", SK_TRAIN, "listed/classes.txt' lists no class");
}

/* Classes that are called by numbers: a number is a place in the list, a JSON text is a name. */
static void names_of_digits(void **state)
{
    (void)state;
    static const struct {
        const char *first, *text, *second, *other; /* files of the samples, and what they hold */
        int label[2];
        const char *message;
    } rows[] = {
        {"0.cls", "0", "1.cls", "2\n", {0, 2}, NULL},
        {"0.cls", "\xef\xbb\xbf" "1", "1.json", "{\"label\": 2}", {1, 2}, NULL},
        {"0.json", "{\"label\": \"1\"}", "1.json", "{\"label\": \"3\"}", {0, 2}, NULL},
        {"0.cls", "0", "1.cls", "3", {0}, ":1.cls': the label '3' is none of the 3 classes of '"},
        {"0.cls", "-1", "1.cls", "1", {0}, "(a number is a place in the list, from 0)"},
        {"0.cls", "dog", "1.cls", "1", {0}, ":0.cls': the label 'dog' is none of the 3 classes of '"},
        {"0.json", "{\"label\": \"1\"}", "1.cls", "2", {0}, "of which '1' looks like a number: expected one kind"},
    };
    folder_file("digits/classes.txt", "\xef\xbb\xbf" "1\n2\n3\n");
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct archive *a = tar_begin("digits/a.tar", "ustar", false);
        tar_add_picture(a, "0.png", 2, 4, 0, 9);
        tar_add_text(a, rows[i].first, rows[i].text);
        tar_add_picture(a, "1.png", 3, 4, 1, 9);
        tar_add_text(a, rows[i].second, rows[i].other);
        tar_end(a);
        if (rows[i].message) {
            refused("digits", SK_TRAIN, rows[i].message);
            continue;
        }
        struct sk_recipe_data data = shards_at("digits");
        data.val_fraction = 0;
        struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
        assert_string_equal(sk_dataset_info(ds)->class_name[0], "1");
        check_sample(ds, 0, 0, rows[i].label[0]);
        check_sample(ds, 1, 1, rows[i].label[1]);
        sk_dataset_close(ds);
    }
}

/* What is left out, or seems to be missing, is told. */
static void odd_shards_are_told(void **state)
{
    (void)state;
    struct archive *a = tar_begin("odd/a.tar", "ustar", false);
    tar_add_picture(a, "0.png", 2, 4, 0, 9);
    tar_add_text(a, "0.cls", "1");
    tar_add_picture(a, "0.jpg", 2, 4, 5, 9);
    tar_add_text(a, "0.cls", "2");
    tar_add_picture(a, "1.png", 3, 4, 1, 9);
    tar_add_text(a, "1.cls", "3");
    tar_end(a);
    struct sk_recipe_data data = shards_at("odd");
    data.val_fraction = 0;
    sk_notice_sink(add_notice);
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    sk_notice_sink(NULL);
    assert_int_equal(sk_dataset_info(ds)->count, 2);
    check_sample(ds, 0, 0, 1);
    check_sample(ds, 1, 1, 3);
    sk_dataset_close(ds);
    assert_non_null(strstr(all_notices, "left out 2 files of which a sample has one already, the first: '0.jpg'"));
    assert_non_null(strstr(all_notices, "up to 3, which makes 4 classes, but only 2 of them have a picture"));
}

/* Shards of a conversion that was not finished, or of which one was lost. */
static void parts_of_conversions(void **state)
{
    (void)state;
    static const char stamp[] = "data 0123456789abcdef samples 10 a shard 4 resize 0 quality 0 seed 0\n";
    write_shard("conv/train/000000.tar", "ustar", 0, 4, 2);
    write_shard("conv/train/000001.tar", "ustar", 4, 4, 2);
    folder_file("conv/train/conversion.txt", stamp);
    refused("conv", SK_TRAIN, "conv/train' holds 2 of the 3 shards of its conversion: the same skua data convert command");
    refused("conv/train", SK_TRAIN, "conv/train' holds 2 of the 3 shards");
    write_shard("conv/train/000002.tar", "ustar", 8, 2, 2);
    refused("conv", SK_TRAIN, "conv' is no whole conversion, since it has no classes.txt");
    folder_file("conv/classes.txt", "a\nb\n");
    struct sk_recipe_data data = shards_at("conv");
    sk_dataset_close(open_split(&data, SK_TRAIN, 3));
    folder_file("conv/val/conversion.txt", stamp);
    refused("conv", SK_TRAIN, "conv/val' holds 0 of the 3 shards");
    folder_file("conv/val/conversion.txt", "samples 0\n");
    refused("conv", SK_VAL, "conv/val/conversion.txt' is damaged");
}

static void bad_labels_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *message;
    } rows[] = {
        {"a.cls", "", "one.tar:a.cls': the label is empty"},
        {"a.cls", " \n", "the label is empty"},
        {"a.cls", "b\x01", "the label 'b?' holds a control character"},
        {"a.cls", "caf\xe9", "is not UTF-8 text"},
        {"a.json", "{", "one.tar:a.json': not JSON"},
        {"a.json", "{\"class\": 1}", "expected \"label\": a text or an integer from 0"},
        {"a.json", "{\"label\": -1}", "expected \"label\": a text or an integer from 0"},
        {"a.json", "{\"label\": 1.5}", "expected \"label\": a text or an integer from 0"},
        {"a.json", "[]", "expected \"label\": a text or an integer from 0"},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct archive *a = tar_begin("badlabel/one.tar", "ustar", false);
        tar_add_text(a, "a.png", "no matter");
        tar_add_text(a, rows[i].name, rows[i].text);
        tar_end(a);
        refused("badlabel", SK_TRAIN, rows[i].message);
    }
    char *text = calloc(1, 5000);
    struct archive *a = tar_begin("badlabel/one.tar", "ustar", false);
    tar_add_text(a, "a.png", "no matter");
    tar_add(a, "a.cls", text, 5000);
    tar_end(a);
    refused("badlabel", SK_TRAIN, "one.tar:a.cls': expected at most 4096 bytes, found 5000");
    memset(text, 'x', 200);
    a = tar_begin("badlabel/one.tar", "ustar", false);
    tar_add_text(a, "a.png", "no matter");
    tar_add(a, "a.cls", text, 200);
    tar_end(a);
    refused("badlabel", SK_TRAIN, "the label has 200 bytes, expected at most 127");
    free(text);
}

static void wrong_places(void **state)
{
    static const char zeros[1024];
    (void)state;
    struct sk_err err = {0};
    refused("absent", SK_TRAIN, "absent': no such file or folder");
    assert_ok(sk_mkdirs(test_path("none/train"), &err), err);
    refused("none", SK_TRAIN, "has no training split: expected shards (.tar, .tar.gz)");
    write_shard("valonly/val/a.tar", "ustar", 0, 2, 2);
    refused("valonly", SK_TRAIN, "has no training split");
    folder_file("text/a.tar", "just text, and no archive");
    refused("text", SK_TRAIN, "a.tar' is damaged at byte 0: it is cut off in the middle of a header");
    folder_file("hollow/a.tar", "");
    refused("hollow", SK_TRAIN, "a.tar' is cut off: the two blocks of zeros that end a tar archive are not there");
    test_put("hollow/a.tar", zeros, sizeof(zeros));
    refused("hollow", SK_TRAIN, "hold no sample: expected KEY.jpg or KEY.png beside KEY.cls or KEY.json");
}

/* A shard that another program cuts off while it is open. */
static void a_shard_may_shrink(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    write_shard("shrink/a.tar", "ustar", 0, 4, 2);
    struct sk_recipe_data data = shards_at("shrink");
    data.val_fraction = 0;
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    assert_int_equal(truncate(test_path("shrink/a.tar"), 2100), 0);
    check_sample(ds, 0, 0, 0);
    assert_error(sk_dataset_read(ds, 3, &p, &err), SK_INPUT, err, "a.tar' became shorter while it was read");
    sk_dataset_close(ds);
    refused("shrink", SK_TRAIN, "a.tar' is ");
    sk_picture_release(&p);
}

/* More shards than are kept open, or than files may be. */
static void many_shards(void **state)
{
    (void)state;
    enum { SHARDS = 300 };
    for (int i = 0; i < SHARDS; i++) {
        char path[64];
        snprintf(path, sizeof(path), "many/%04d.tar", i);
        write_shard(path, "ustar", i % 200, 1, 200);
    }
    struct sk_recipe_data data = shards_at("many");
    data.val_fraction = 0;
    struct rlimit all, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    few = all;
    few.rlim_cur = 32;
    for (int limited = 0; limited < 2; limited++) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, limited ? &few : &all), 0);
        struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
        assert_int_equal(sk_dataset_info(ds)->count, SHARDS);
        for (int i = 0; i < SHARDS; i++)
            check_sample(ds, i, i % 200, i % 200);
        sk_dataset_close(ds);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_recipe_data data = shards_at("folders");
    folder_open_without_memory(&data, SK_VAL, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),
        cmocka_unit_test(split_by_seed),
        cmocka_unit_test(labels_are_read),
        cmocka_unit_test(a_list_names_the_classes),
        cmocka_unit_test(names_of_digits),
        cmocka_unit_test(odd_shards_are_told),
        cmocka_unit_test(parts_of_conversions),
        cmocka_unit_test(bad_labels_are_named),
        cmocka_unit_test(wrong_places),
        cmocka_unit_test(a_shard_may_shrink),
        cmocka_unit_test(many_shards),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Class folders: layouts, splits by seed, what is left out, and every way in which they can be wrong. */
#include "test.h"

#include "data/data.h"
#include "data/folder_make.h"

#include <stdio.h>
#include <unistd.h>

static void refused_as(enum sk_code code, const char *folder, enum sk_split split, const char *part)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = folder_recipe(folder);
    assert_error(sk_dataset_open(&ds, &data, 0, split, &err), code, err, part);
    assert_null(ds);
}

static void assert_refused(const char *folder, enum sk_split split, const char *part)
{
    refused_as(SK_INPUT, folder, split, part);
}

/* The name of sample i below the scratch folder. */
static const char *name_of(const struct sk_dataset *ds, int64_t i)
{
    static char name[SK_PATH];
    sk_dataset_name(ds, i, name, sizeof(name));
    size_t skip = strlen(test_folder()) + 1;
    assert_memory_equal(name, test_folder(), skip - 1);
    return name + skip;
}

static char last_notice[2048];
static int notices;

static void keep_notice(const char *text)
{
    notices++;
    snprintf(last_notice, sizeof(last_notice), "%s", text);
}

static void both_splits(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    folder_picture("two/train/cat/b.png", 5, 6, 10, 0);
    folder_picture("two/train/cat/a.PNG", 7, 8, 11, 0);
    folder_picture("two/train/cat/deep/er/z.png", 5, 6, 12, 0);
    folder_picture("two/train/dog/y.jpeg", 5, 6, 13, 0); /* told by its content */
    folder_picture("two/train/dog/.hidden.png", 5, 6, 14, 0);
    folder_file("two/train/dog/notes.txt", "text");
    folder_file("two/train/dog/Thumbs.db", "data");
    folder_file("two/train/readme.md", "text");
    folder_picture("two/val/cat/v.png", 5, 6, 15, 0);
    folder_picture("two/val/dog/w.png", 5, 6, 16, 0);
    struct sk_recipe_data data = folder_recipe("two");

    notices = 0;
    sk_notice_sink(keep_notice);
    struct sk_dataset *train = open_split(&data, SK_TRAIN, 0), *val = open_split(&data, SK_VAL, 0);
    sk_notice_sink(NULL);
    assert_int_equal(notices, 1);
    assert_non_null(strstr(last_notice, "/two/train': left out 2 files that are not .jpg, .jpeg or .png (.db 1, .txt 1)"));
    const struct sk_dataset_info *info = sk_dataset_info(train);
    assert_int_equal(info->count, 4);
    assert_int_equal(info->classes, 2);
    assert_string_equal(info->class_name[0], "cat");
    assert_string_equal(info->class_name[1], "dog");
    assert_int_equal(info->height, 0);
    assert_int_equal(info->channels, 3);
    static const struct {
        const char *name;
        int label, red;
    } want[] = {
        {"two/train/cat/a.PNG", 0, 11},
        {"two/train/cat/b.png", 0, 10},
        {"two/train/cat/deep/er/z.png", 0, 12},
        {"two/train/dog/y.jpeg", 1, 13},
    };
    for (int i = 0; i < 4; i++) {
        assert_string_equal(name_of(train, i), want[i].name);
        assert_int_equal(sk_dataset_label(train, i), want[i].label);
        assert_ok(sk_dataset_read(train, i, &p, &err), err);
        assert_int_equal(((uint8_t *)p.data)[0], want[i].red);
        assert_int_equal(p.height, i == 0 ? 7 : 5);
        assert_int_equal(p.width, i == 0 ? 8 : 6);
    }
    assert_int_equal(sk_dataset_info(val)->count, 2);
    assert_string_equal(name_of(val, 1), "two/val/dog/w.png");
    assert_int_not_equal(info->fingerprint, sk_dataset_info(val)->fingerprint);
    sk_picture_release(&p);
    sk_dataset_close(train);
    sk_dataset_close(val);
}

/* The fingerprint tells names and sizes, and nothing else. */
static void fingerprints(void **state)
{
    (void)state;
    uint64_t print[4];
    for (int i = 0; i < 4; i++) {
        folder_picture("print/a/1.png", 5, 6, i == 1 ? 99 : 1, 0);
        folder_picture("print/b/1.png", i == 2 ? 25 : 5, 6, 2, 0);
        if (i == 3)
            assert_int_equal(rename(test_path("print/a/1.png"), test_path("print/a/2.png")), 0);
        struct sk_recipe_data data = folder_recipe("print");
        data.val_fraction = 0;
        struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
        print[i] = sk_dataset_info(ds)->fingerprint;
        sk_dataset_close(ds);
    }
    assert_int_equal(print[0], print[1]); /* both encode to one size */
    assert_int_not_equal(print[0], print[2]);
    assert_int_not_equal(print[0], print[3]);
}

enum { LARGE = 40, SMALL = 7 };

/* Which of the pictures are in the split: bit by class and number. */
static int mark_members(const struct sk_dataset *ds, bool in[2][LARGE])
{
    memset(in, 0, sizeof(bool[2][LARGE]));
    int n = (int)sk_dataset_info(ds)->count;
    for (int i = 0; i < n; i++) {
        const char *name = name_of(ds, i);
        int number = atoi(strrchr(name, '/') + 1), label = sk_dataset_label(ds, i);
        assert_false(in[label][number]);
        in[label][number] = true;
    }
    return n;
}

static void split_by_seed(void **state)
{
    (void)state;
    for (int i = 0; i < LARGE + SMALL; i++) {
        char path[64];
        snprintf(path, sizeof(path), "flat/%s/%02d.png", i < LARGE ? "large" : "small", i < LARGE ? i : i - LARGE);
        folder_picture(path, 2, 2, i, 0);
    }
    struct sk_recipe_data data = folder_recipe("flat");
    bool train[2][LARGE], val[2][LARGE], again[2][LARGE], other[2][LARGE];
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    assert_int_equal(mark_members(ds, train), 32 + 6);
    sk_dataset_close(ds);
    ds = open_split(&data, SK_VAL, 3);
    assert_int_equal(mark_members(ds, val), 8 + 1);
    assert_string_equal(sk_dataset_info(ds)->class_name[0], "large");
    sk_dataset_close(ds);
    for (int i = 0; i < LARGE; i++)
        for (int c = 0; c < 2; c++)
            assert_int_equal(train[c][i] + val[c][i], i < (c ? SMALL : LARGE));
    ds = open_split(&data, SK_VAL, 3);
    mark_members(ds, again);
    sk_dataset_close(ds);
    assert_memory_equal(val, again, sizeof(val));
    ds = open_split(&data, SK_VAL, 4);
    mark_members(ds, other);
    sk_dataset_close(ds);
    assert_memory_not_equal(val, other, sizeof(val));

    data.val_fraction = 0.0; /* all for training */
    struct sk_err err = {0};
    ds = open_split(&data, SK_TRAIN, 3);
    assert_int_equal(sk_dataset_info(ds)->count, LARGE + SMALL);
    sk_dataset_close(ds);
    assert_error(sk_dataset_open(&ds, &data, 3, SK_VAL, &err), SK_NO_SPLIT, err, "has no validation split");
}

/* Each class keeps a picture for training and gives one for validation where it has two. */
static void split_of_few(void **state)
{
    (void)state;
    folder_picture("few/a/1.png", 2, 2, 0, 0);
    folder_picture("few/b/1.png", 2, 2, 0, 0);
    refused_as(SK_NO_SPLIT, "few", SK_VAL, "no class has more than one picture");
    folder_picture("few/b/2.png", 2, 2, 0, 0);
    struct sk_recipe_data data = folder_recipe("few");
    data.val_fraction = 0.9;
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
    assert_int_equal(sk_dataset_info(ds)->count, 2);
    sk_dataset_close(ds);
    data.val_fraction = 0.01;
    ds = open_split(&data, SK_VAL, 0);
    assert_int_equal(sk_dataset_info(ds)->count, 1);
    sk_dataset_close(ds);
}

static void names_of_splits(void **state)
{
    (void)state;
    static const char *const names[] = {"val", "valid", "validation", "test"};
    for (size_t i = 0; i < SK_COUNT(names); i++) {
        char path[64];
        snprintf(path, sizeof(path), "split%zu/%s/a/1.png", i, names[i]);
        folder_picture(path, 2, 2, 0, 0);
        snprintf(path, sizeof(path), "split%zu/%s/b/1.png", i, names[i]);
        folder_picture(path, 2, 2, 0, 0);
        snprintf(path, sizeof(path), "split%zu", i);
        assert_refused(path, SK_TRAIN, "has no training split: expected a folder 'train'");
        struct sk_recipe_data data = folder_recipe(path);
        struct sk_dataset *ds = open_split(&data, SK_VAL, 0);
        assert_int_equal(sk_dataset_info(ds)->count, 2);
        sk_dataset_close(ds);
    }
    for (int i = 0; i < 20; i++) { /* train alone is split by the seed */
        char path[64];
        snprintf(path, sizeof(path), "alone/train/%c/%d.png", 'a' + i % 2, i);
        folder_picture(path, 2, 2, 0, 0);
    }
    struct sk_recipe_data data = folder_recipe("alone");
    struct sk_dataset *train = open_split(&data, SK_TRAIN, 0), *val = open_split(&data, SK_VAL, 0);
    assert_int_equal(sk_dataset_info(train)->count, 16);
    assert_int_equal(sk_dataset_info(val)->count, 4);
    sk_dataset_close(train);
    sk_dataset_close(val);
}

static void told_by_itself(void **state)
{
    (void)state;
    struct sk_err err = {0};
    folder_picture("auto/train/a/1.png", 2, 2, 0, 0);
    folder_picture("auto/train/b/1.png", 2, 2, 0, 0);
    folder_picture("auto/val/a/1.png", 2, 2, 0, 0);
    folder_picture("auto/val/b/1.png", 2, 2, 0, 0);
    struct sk_recipe_data data = folder_recipe("auto");
    data.source = SK_SOURCE_AUTO;
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
    assert_int_equal(sk_dataset_info(ds)->count, 2);
    sk_dataset_close(ds);
    assert_ok(sk_mkdirs(test_path("nothing"), &err), err);
    data = folder_recipe("nothing");
    data.source = SK_SOURCE_AUTO;
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, "cannot tell what data");
}

static void wrong_folders(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_refused("absent", SK_TRAIN, "cannot open data");
    struct sk_recipe_data no_path = {.source = SK_SOURCE_FOLDER};
    struct sk_dataset *none;
    assert_error(sk_dataset_open(&none, &no_path, 0, SK_TRAIN, &err), SK_INPUT, err,
                 "no folder of pictures is given: set data.path (--data DIR)");
    folder_picture("latin/train/a/1.png", 2, 2, 0, 0);
    folder_picture("latin/train/caf\xe9/1.png", 2, 2, 0, 0);
    assert_refused("latin", SK_TRAIN, "latin/train/caf?': a class folder's name must be UTF-8 text");
    assert_ok(sk_mkdirs(test_path("empty"), &err), err);
    assert_refused("empty", SK_TRAIN, "expected a folder of pictures for each of at least two classes, found 0");
    folder_picture("single/a/1.png", 2, 2, 0, 0);
    assert_refused("single", SK_TRAIN, "found 1");
    folder_picture("hollow/train/a/1.png", 2, 2, 0, 0);
    folder_picture("hollow/train/c/1.png", 2, 2, 0, 0);
    folder_file("hollow/train/b/text.txt", "text");
    assert_refused("hollow", SK_TRAIN, "hollow/train/b' holds no .jpg, .jpeg or .png file");
    folder_picture("unlike/train/a/1.png", 2, 2, 0, 0);
    folder_picture("unlike/train/b/1.png", 2, 2, 0, 0);
    folder_picture("unlike/val/c/1.png", 2, 2, 0, 0);
    assert_refused("unlike", SK_TRAIN, "the class folder 'c' is in '");
    assert_refused("unlike", SK_VAL, "the class folder 'c' is in '");
    folder_picture("deep/a/1/2/3/4/5/6/7/x.png", 2, 2, 0, 0);
    folder_picture("deep/b/x.png", 2, 2, 0, 0);
    struct sk_recipe_data data = folder_recipe("deep");
    sk_dataset_close(open_split(&data, SK_TRAIN, 0));
    folder_picture("deep/b/1/2/3/4/5/6/7/8/x.png", 2, 2, 0, 0);
    assert_refused("deep", SK_TRAIN, "is nested more than 8 deep");
}

/* Validation may lack a class; folders that are no class are left out. */
static void lacking_and_foreign_folders(void **state)
{
    (void)state;
    folder_picture("mac/train/a/1.png", 2, 2, 0, 0);
    folder_picture("mac/train/b/1.png", 2, 2, 0, 0);
    folder_picture("mac/val/b/1.png", 2, 2, 0, 0);
    folder_file("mac/train/__MACOSX/._1.png", "nothing");
    folder_picture("mac/train/.trash/1.png", 2, 2, 0, 0);
    folder_file("mac/__MACOSX/a/._1.png", "nothing");
    struct sk_recipe_data data = folder_recipe("mac");
    data.source = SK_SOURCE_AUTO;
    sk_notice_sink(keep_notice);
    struct sk_dataset *train = open_split(&data, SK_TRAIN, 0);
    assert_non_null(strstr(last_notice, "mac/val' has 1 of the 2 classes of '"));
    assert_non_null(strstr(last_notice, "mac/train', without 'a'"));
    notices = 0;
    struct sk_dataset *val = open_split(&data, SK_VAL, 0);
    sk_notice_sink(NULL);
    assert_int_equal(notices, 0); /* each is told once */
    assert_int_equal(sk_dataset_info(train)->classes, 2);
    assert_int_equal(sk_dataset_info(val)->classes, 2);
    assert_int_equal(sk_dataset_info(val)->count, 1);
    assert_int_equal(sk_dataset_label(val, 0), 1);
    sk_dataset_close(train);
    sk_dataset_close(val);
    folder_picture("trash/a/1.png", 2, 2, 0, 0);
    folder_picture("trash/b/1.png", 2, 2, 0, 0);
    folder_picture("trash/.old/1.png", 2, 2, 0, 0);
    data = folder_recipe("trash");
    sk_notice_sink(keep_notice);
    train = open_split(&data, SK_TRAIN, 0);
    sk_notice_sink(NULL);
    assert_non_null(strstr(last_notice, "trash/.old': left out, with 1 picture, since such a folder is no class"));
    sk_dataset_close(train);
}

/* Links are followed once; those that lead back, or nowhere, add nothing. */
static void links(void **state)
{
    (void)state;
    folder_picture("links/a/1.png", 2, 2, 0, 0);
    folder_picture("links/b/1.png", 2, 2, 0, 0);
    folder_picture("elsewhere/2.png", 2, 2, 0, 0);
    assert_int_equal(symlink("../../elsewhere", test_path("links/a/more")), 0);
    assert_int_equal(symlink(".", test_path("links/b/self")), 0);
    assert_int_equal(symlink("nowhere", test_path("links/b/lost.png")), 0);
    assert_int_equal(symlink("../links/a", test_path("elsewhere/back")), 0);
    struct sk_recipe_data data = folder_recipe("links");
    data.val_fraction = 0;
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
    assert_int_equal(sk_dataset_info(ds)->count, 3);
    assert_string_equal(name_of(ds, 1), "links/a/more/2.png");
    sk_dataset_close(ds);
}

static void damaged_pictures(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    folder_file("bad/a/1.png", "no picture");
    folder_file("bad/b/1.png", "");
    struct sk_recipe_data data = folder_recipe("bad");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
    assert_error(sk_dataset_read(ds, 0, &p, &err), SK_INPUT, err, "bad/a/1.png': not a JPEG or PNG file");
    assert_error(sk_dataset_read(ds, 1, &p, &err), SK_INPUT, err, "bad/b/1.png': the file is empty");
    sk_dataset_close(ds);
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_recipe_data data = folder_recipe("flat");
    folder_open_without_memory(&data, SK_VAL, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_splits), cmocka_unit_test(fingerprints), cmocka_unit_test(split_by_seed),
        cmocka_unit_test(split_of_few), cmocka_unit_test(names_of_splits), cmocka_unit_test(told_by_itself),
        cmocka_unit_test(wrong_folders), cmocka_unit_test(links),
        cmocka_unit_test(lacking_and_foreign_folders), cmocka_unit_test(damaged_pictures),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

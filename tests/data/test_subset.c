/* Parts of data sets and several joined: shares by seed, chosen classes, further folders. */
#include "test.h"

#include <stdio.h>

#include "data/data.h"
#include "data/folder_make.h"

enum { PER_CLASS = 20 };
static const char *const classes[] = {"ant", "bee", "cat"};

/* Pictures with red = class * 50 + number. */
static int make(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * PER_CLASS; i++) {
        char path[64];
        snprintf(path, sizeof(path), "abc/%s/%02d.png", classes[i / PER_CLASS], i % PER_CLASS);
        folder_picture(path, 2, 2, i / PER_CLASS * 50 + i % PER_CLASS, 0);
    }
    folder_picture("more/cat/1.png", 2, 2, 200, 0);
    folder_picture("more/bee/1.png", 2, 2, 201, 0);
    folder_picture("more/ant/1.png", 2, 2, 202, 0);
    folder_file("more.csv", "more/cat/1.png,cat\nmore/ant/1.png,ant\nmore/bee/1.png,bee\n");
    return 0;
}

static void set_words(struct sk_recipe_words *w, const char *const *words)
{
    size_t at = 0;
    for (w->count = 0; words[w->count]; at += strlen(w->text + at) + 1)
        strcpy(w->text + at, words[w->count++]);
}

static int red_of(const struct sk_dataset *ds, int64_t i)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    assert_ok(sk_dataset_read(ds, i, &p, &err), err);
    int red = ((uint8_t *)p.data)[0];
    sk_picture_release(&p);
    return red;
}

/* Which pictures a data set has, by red; every label must be right, and no picture comes twice. */
static int members(const struct sk_dataset *ds, bool in[256])
{
    memset(in, 0, 256);
    for (int64_t i = 0; i < sk_dataset_info(ds)->count; i++) {
        int red = red_of(ds, i);
        assert_false(in[red]);
        in[red] = true;
        assert_string_equal(sk_dataset_info(ds)->class_name[sk_dataset_label(ds, i)], classes[red / 50]);
    }
    return (int)sk_dataset_info(ds)->count;
}

static void a_share_of_each_class(void **state)
{
    (void)state;
    struct sk_recipe_data data = folder_recipe("abc"); /* a fifth is for validation */
    bool all[256], share[256], again[256], other[256], val[256], val_again[256];
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 1);
    assert_int_equal(members(ds, all), 48);
    uint64_t print = sk_dataset_info(ds)->fingerprint;
    sk_dataset_close(ds);
    ds = open_split(&data, SK_VAL, 1);
    assert_int_equal(members(ds, val), 12);
    sk_dataset_close(ds);
    data.train_fraction = 0.25;
    ds = open_split(&data, SK_TRAIN, 1);
    assert_int_equal(members(ds, share), 12);
    assert_true(sk_dataset_info(ds)->fingerprint != print);
    int per_class[3] = {0};
    for (int i = 0; i < 256; i++) {
        assert_true(all[i] || !share[i]);
        per_class[i / 50 % 3] += share[i];
    }
    for (int c = 0; c < 3; c++)
        assert_int_equal(per_class[c], 4);
    sk_dataset_close(ds);
    ds = open_split(&data, SK_TRAIN, 1);
    members(ds, again);
    sk_dataset_close(ds);
    assert_memory_equal(share, again, sizeof(share));
    ds = open_split(&data, SK_TRAIN, 2);
    members(ds, other);
    sk_dataset_close(ds);
    assert_memory_not_equal(share, other, sizeof(share));
    ds = open_split(&data, SK_VAL, 1); /* validation is not shortened */
    members(ds, val_again);
    sk_dataset_close(ds);
    assert_memory_equal(val, val_again, sizeof(val));
    data.train_fraction = 0.001; /* one of each class at least */
    ds = open_split(&data, SK_TRAIN, 1);
    assert_int_equal(sk_dataset_info(ds)->count, 3);
    sk_dataset_close(ds);
}

static void chosen_classes(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_recipe_data data = folder_recipe("abc");
    bool all[256], some[256];
    struct sk_dataset *ds = open_split(&data, SK_VAL, 5);
    members(ds, all);
    sk_dataset_close(ds);
    set_words(&data.only_classes, (const char *[]){"cat", "ant", NULL});
    ds = open_split(&data, SK_VAL, 5);
    assert_int_equal(sk_dataset_info(ds)->classes, 2);
    assert_string_equal(sk_dataset_info(ds)->class_name[0], "ant");
    assert_string_equal(sk_dataset_info(ds)->class_name[1], "cat");
    assert_int_equal(members(ds, some), 8);
    sk_dataset_close(ds);
    for (int i = 0; i < 256; i++) /* the same of each class as without the others */
        assert_int_equal(some[i], all[i] && i / 50 != 1);
    set_words(&data.only_classes, (const char *[]){"cta", NULL});
    assert_error(sk_dataset_open(&ds, &data, 5, SK_VAL, &err), SK_INPUT, err,
                 "data.only_classes: 'cta' is no class of '");
}

static void joined_folders(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_recipe_data data = folder_recipe("abc");
    char name[SK_PATH];
    data.val_fraction = 0;
    for (int list = 0; list < 2; list++) {
        set_words(&data.also, (const char *[]){test_path(list ? "more.csv" : "more"), NULL});
        struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
        assert_int_equal(sk_dataset_info(ds)->count, 63);
        for (int i = 0; i < 60; i++)
            assert_int_equal(red_of(ds, i), i / 20 * 50 + i % 20);
        assert_int_equal(sk_dataset_label(ds, 60), list ? 2 : 0);
        assert_int_equal(red_of(ds, 60), list ? 200 : 202);
        assert_int_equal(sk_dataset_label(ds, 62), list ? 1 : 2);
        sk_dataset_name(ds, 60, name, sizeof(name));
        assert_non_null(strstr(name, list ? "more/cat/1.png" : "more/ant/1.png"));
        sk_dataset_close(ds);
    }
    set_words(&data.only_classes, (const char *[]){"bee", NULL});
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
    assert_int_equal(sk_dataset_info(ds)->count, 21);
    assert_int_equal(red_of(ds, 20), 201);
    sk_dataset_close(ds);
    data.only_classes.count = 0;
    data.val_fraction = 0.2; /* they are split together */
    data.train_fraction = 0.5;
    ds = open_split(&data, SK_TRAIN, 0);
    assert_int_equal(sk_dataset_info(ds)->count, 27); /* (16 + 1) / 2 of each class, rounded up */
    sk_dataset_close(ds);

    folder_file("foreign.csv", "x.png,ant\nx.png,bee\nx.png,dog\n");
    set_words(&data.also, (const char *[]){test_path("foreign.csv"), NULL});
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err,
                 "foreign.csv' has the class 'dog', which data.path has not");
    folder_file("fewer.csv", "x.png,ant\nx.png,bee\n");
    set_words(&data.also, (const char *[]){test_path("fewer.csv"), NULL});
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err,
                 "fewer.csv' has 2 classes, expected the 3 of data.path");
    set_words(&data.also, (const char *[]){test_path("absent"), NULL});
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, "data.also: cannot open data '");
}

/* The same files by folder, by list, and by the folder once more: each is in one split. A piece with splits of its own
 * keeps them, and does not change what the seed chooses. */
static void joined_files_are_split_once(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_str list = {0};
    for (int i = 0; i < 3 * PER_CLASS; i += 2)
        assert_ok(sk_str_add(&list, &err, "abc/%s/%02d.png,%s\n", classes[i / PER_CLASS], i % PER_CLASS,
                             classes[i / PER_CLASS]), err);
    folder_file("half.csv", list.text);
    sk_str_release(&list);
    folder_file("own/train.csv", "../more/cat/1.png,cat\n../more/bee/1.png,bee\n");
    folder_file("own/val.csv", "../more/ant/1.png,ant\n");
    char half[SK_PATH], own[SK_PATH], abc[SK_PATH];
    snprintf(half, sizeof(half), "%s", test_path("half.csv"));
    snprintf(own, sizeof(own), "%s", test_path("own"));
    snprintf(abc, sizeof(abc), "%s", test_path("abc"));
    int chosen[2][256] = {{0}};
    for (int with_own = 0; with_own < 2; with_own++) {
        struct sk_recipe_data data = folder_recipe("abc");
        int met[256] = {0}, *val = chosen[with_own];
        data.val_fraction = 0.2;
        set_words(&data.also, (const char *[]){half, abc, with_own ? own : NULL, NULL});
        for (int split = SK_TRAIN; split <= SK_VAL; split++) {
            struct sk_dataset *ds = open_split(&data, (enum sk_split)split, 7);
            for (int64_t i = 0; i < sk_dataset_info(ds)->count; i++) {
                int red = red_of(ds, i);
                assert_int_equal(sk_dataset_label(ds, i), red < 200 ? red / 50 : 202 - red);
                met[red] |= 1 << split;
                val[red] += split == SK_VAL;
            }
            sk_dataset_close(ds);
        }
        for (int i = 0; i < 3 * PER_CLASS; i++) {
            int red = i / PER_CLASS * 50 + i % PER_CLASS, times = i % 2 ? 2 : 3;
            assert_true(met[red] == 1 << SK_TRAIN || met[red] == 1 << SK_VAL);
            assert_int_equal(val[red], met[red] == 1 << SK_VAL ? times : 0);
        }
        assert_int_equal(met[200], with_own ? 1 << SK_TRAIN : 0);
        assert_int_equal(met[202], with_own ? 1 << SK_VAL : 0);
    }
    for (int red = 0; red < 200; red++)
        assert_int_equal(chosen[0][red], chosen[1][red]);
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_recipe_data data = folder_recipe("abc");
    data.train_fraction = 0.5;
    set_words(&data.also, (const char *[]){test_path("more.csv"), NULL});
    set_words(&data.only_classes, (const char *[]){"cat", "ant", NULL});
    folder_open_without_memory(&data, SK_TRAIN, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_each_class),
        cmocka_unit_test(chosen_classes),
        cmocka_unit_test(joined_folders),
        cmocka_unit_test(joined_files_are_split_once), cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}

/* Lists of pictures: CSV and JSON lines, their layouts, and every damaged line by its number. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/data.h"
#include "data/folder_make.h"

static struct sk_recipe_data list_at(const char *path)
{
    struct sk_recipe_data data = folder_recipe(path);
    data.source = SK_SOURCE_LIST;
    data.val_fraction = 0;
    return data;
}

static void refused(const char *path, const char *message)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = list_at(path);
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, message);
    assert_null(ds);
}

static void check_sample(const struct sk_dataset *ds, int64_t index, int red, const char *class_name)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    assert_string_equal(sk_dataset_info(ds)->class_name[sk_dataset_label(ds, index)], class_name);
    assert_ok(sk_dataset_read(ds, index, &p, &err), err);
    assert_int_equal(((uint8_t *)p.data)[0], red);
    sk_picture_release(&p);
}

static int make_pictures(void **state)
{
    (void)state;
    folder_picture("in/one.png", 2, 3, 1, 0);
    folder_picture("in/with space, and comma.png", 2, 3, 2, 0);
    folder_picture("in/with \"quotes\"\nand line.png", 2, 3, 3, 0);
    folder_picture("in/\xc3\xa9t\xc3\xa9.png", 2, 3, 4, 0);
    folder_picture("out.png", 2, 3, 5, 0);
    return 0;
}

/* The same list in all its forms. */
static void forms_agree(void **state)
{
    (void)state;
    struct sk_str absolute = {0};
    struct sk_err err = {0};
    assert_ok(sk_str_add(&absolute, &err, "\xef\xbb\xbf" "\"one.png\" ,x\n"), err);
    absolute.len = 0;
    assert_ok(sk_str_add(&absolute, &err,
                         "\xef\xbb\xbf" "one.png,cat\r\n"
                         "\"with space, and comma.png\",\"dog\"\r\n\r\n"
                         "\"with \"\"quotes\"\"\nand line.png\",cat\n"
                         "%s/in/\xc3\xa9t\xc3\xa9.png, ant \n"
                         "../out.png,dog", test_folder()), err);
    const char *lists[] = {
        absolute.text,
        "id,Label,size,PATH\n1,cat,3,one.png\n2,dog,3,\"with space, and comma.png\"\n"
        "3,cat,,\"with \"\"quotes\"\"\nand line.png\"\n4,ant,,\xc3\xa9t\xc3\xa9.png\n5,dog,,../out.png\n",
        "{\"path\": \"one.png\", \"label\": \"cat\"}\n\n"
        "{\"label\": \"dog\", \"path\": \"with space, and comma.png\", \"more\": [1]}\r\n"
        "{\"path\": \"with \\\"quotes\\\"\\nand line.png\", \"label\": \"cat\"}\n"
        "{\"path\": \"\\u00e9t\\u00e9.png\", \"label\": \"ant\"}\n"
        "{\"path\": \"../out.png\", \"label\": \"dog\"}",
    };
    static const char *const names[] = {"in/a.csv", "in/b.csv", "in/c.jsonl"};
    for (size_t i = 0; i < SK_COUNT(lists); i++) {
        folder_file(names[i], lists[i]);
        struct sk_recipe_data data = list_at(names[i]);
        data.source = SK_SOURCE_AUTO;
        struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
        assert_int_equal(sk_dataset_info(ds)->count, 5);
        assert_int_equal(sk_dataset_info(ds)->classes, 3);
        assert_string_equal(sk_dataset_info(ds)->class_name[0], "ant");
        check_sample(ds, 0, 1, "cat");
        check_sample(ds, 1, 2, "dog");
        check_sample(ds, 2, 3, "cat");
        check_sample(ds, 3, 4, "ant");
        check_sample(ds, 4, 5, "dog");
        sk_dataset_close(ds);
    }
    sk_str_release(&absolute);
}

static void two_lists_and_numbers(void **state)
{
    (void)state;
    struct sk_err err = {0};
    folder_file("in/train.csv", "one.png,0\n");
    folder_file("in/test.jsonl", "{\"path\": \"../out.png\", \"label\": 2}\n");
    struct sk_recipe_data data = list_at("in");
    data.source = SK_SOURCE_AUTO;
    struct sk_dataset *train = open_split(&data, SK_TRAIN, 0), *val = open_split(&data, SK_VAL, 0);
    assert_int_equal(sk_dataset_info(train)->count, 1);
    assert_int_equal(sk_dataset_info(train)->classes, 3);
    check_sample(train, 0, 1, "0");
    check_sample(val, 0, 5, "2");
    sk_dataset_close(train);
    sk_dataset_close(val);
    folder_file("in/classes.txt", "nought\nfirst\nsecond\nthird\n");
    val = open_split(&data, SK_VAL, 0);
    assert_int_equal(sk_dataset_info(val)->classes, 4);
    check_sample(val, 0, 5, "second");
    sk_dataset_close(val);
    assert_int_equal(unlink(test_path("in/classes.txt")), 0);
    assert_int_equal(unlink(test_path("in/test.jsonl")), 0);
    assert_error(sk_dataset_open(&val, &data, 0, SK_VAL, &err), SK_NO_SPLIT, err, "has no validation split");
    assert_int_equal(unlink(test_path("in/train.csv")), 0);
    refused("in", "has no training split: expected a list train.csv or train.jsonl");
}

/* Labels of digits beside a list of classes: names where all are, else places in it. */
static void classes_called_by_numbers(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds;
    static const struct {
        const char *labels[2], *names[2];
    } rows[] = {{{"1", "3"}, {"1", "3"}}, {{"0", "1"}, {"1", "2"}}, {{"2", "1"}, {"2", "1"}}};
    folder_file("digits/classes.txt", "1\n2\n3\n");
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        char text[64];
        snprintf(text, sizeof(text), "a.png,%s\nb.png,%s\n", rows[i].labels[0], rows[i].labels[1]);
        folder_file("digits/all.csv", text);
        struct sk_recipe_data data = list_at("digits/all.csv");
        data.val_fraction = 0;
        ds = open_split(&data, SK_TRAIN, 0);
        for (int k = 0; k < 2; k++)
            assert_string_equal(sk_dataset_info(ds)->class_name[sk_dataset_label(ds, k)], rows[i].names[k]);
        sk_dataset_close(ds);
    }
    folder_file("digits/all.csv", "a.png,0\nb.png,3\n");
    struct sk_recipe_data data = list_at("digits/all.csv");
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, "the label '0' is none of the 3 classes");
}

static char last_notice[2048];

static void keep_notice(const char *text)
{
    snprintf(last_notice, sizeof(last_notice), "%s", text);
}

/* A picture that is listed more than once is told, and falls into one split however it is written. */
static void listed_twice(void **state)
{
    (void)state;
    struct sk_str text = {0};
    struct sk_err err = {0};
    char name[SK_PATH];
    for (int i = 0; i < 40; i++)
        assert_ok(sk_str_add(&text, &err, "%s%d.png,%c\n", i < 20 ? "" : i % 2 ? "./" : "x/..//./", i % 20,
                             'a' + i % 20 / 10), err);
    folder_file("twice/all.csv", text.text);
    sk_str_release(&text);
    struct sk_recipe_data data = list_at("twice/all.csv");
    data.val_fraction = 0.2;
    int splits[20] = {0}, counts[2];
    sk_notice_sink(keep_notice);
    for (int split = SK_TRAIN; split <= SK_VAL; split++) {
        struct sk_dataset *ds = open_split(&data, (enum sk_split)split, 0);
        counts[split] = (int)sk_dataset_info(ds)->count;
        for (int i = 0; i < counts[split]; i++) {
            sk_dataset_name(ds, i, name, sizeof(name));
            splits[atoi(strrchr(name, '/') + 1)] |= 1 << split;
        }
        sk_dataset_close(ds);
    }
    sk_notice_sink(NULL);
    assert_non_null(strstr(last_notice, "all.csv': 20 lines name a picture that is listed before, the first: '"));
    assert_non_null(strstr(last_notice, "x/..//./0.png'"));
    assert_int_equal(counts[SK_TRAIN], 32);
    assert_int_equal(counts[SK_VAL], 8);
    for (int i = 0; i < 20; i++)
        assert_true(splits[i] == 1 << SK_TRAIN || splits[i] == 1 << SK_VAL);
}

static void split_by_seed(void **state)
{
    (void)state;
    struct sk_str text = {0};
    struct sk_err err = {0};
    for (int i = 0; i < 30; i++)
        assert_ok(sk_str_add(&text, &err, "%d.png,%c\n", i, 'a' + (i < 10)), err);
    folder_file("thirty.csv", text.text);
    struct sk_recipe_data data = list_at("thirty.csv");
    data.val_fraction = 0.2;
    struct sk_dataset *ds = open_split(&data, SK_VAL, 0);
    int of_b = 0;
    assert_int_equal(sk_dataset_info(ds)->count, 6);
    for (int i = 0; i < 6; i++)
        of_b += sk_dataset_label(ds, i);
    assert_int_equal(of_b, 2);
    sk_dataset_close(ds);
    sk_str_release(&text);
}

static void damaged_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *message;
    } rows[] = {
        {"bad.csv", "", "bad.csv' lists no picture"},
        {"bad.csv", "path,label\n", "bad.csv' lists no picture"},
        {"bad.csv", "a.png,x\nb.png\n", "bad.csv' line 2: expected 2 fields (path and label), found 1"},
        {"bad.csv", "a.png,x\n\nb.png,x,y\n", "bad.csv' line 3: expected 2 fields (path and label), found 3"},
        {"bad.csv", "path,label,z\nb.png,x\n", "bad.csv' line 2: expected 3 fields, found 2"},
        {"bad.csv", "\"a\nb\nc\",x\nd,\n", "bad.csv' line 4: the label is empty"},
        {"bad.csv", ",x\n", "bad.csv' line 1: the path is empty"},
        {"bad.csv", "a,x\n\"b,x\nc,x\n", "bad.csv' line 2: a quoted field has no end"},
        {"bad.csv", "\"b\"c,x\n", "bad.csv' line 1: expected a comma after a quoted field, got 'c'"},
        {"bad.csv", "a,x\xff\n", "bad.csv' line 1: the label 'x?' is not UTF-8 text"},
        {"bad.jsonl", "", "bad.jsonl' lists no picture"},
        {"bad.jsonl", "{\"path\": \"a\", \"label\": 1}\n{\"path\": \"a\", \"label\": }\n", "bad.jsonl' line 2: not JSON"},
        {"bad.jsonl", "{\"path\": 1, \"label\": 1}\n", "line 1: expected an object with \"path\", a text"},
        {"bad.jsonl", "[1]\n", "line 1: expected an object with \"path\", a text"},
        {"bad.jsonl", "{\"path\": \"\", \"label\": 1}\n", "line 1: the path is empty"},
        {"bad.jsonl", "{\"path\": \"a\"}\n", "line 1: expected \"label\", a text or an integer from 0"},
        {"bad.jsonl", "{\"path\": \"a\", \"label\": -1}\n", "line 1: expected \"label\", a text or an integer from 0"},
        {"bad.txt", "a b", "bad.txt' is no list of pictures: expected a name that ends in .csv or .jsonl"},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        folder_file(rows[i].name, rows[i].text);
        refused(rows[i].name, rows[i].message);
    }
    test_put("bad.csv", "a,b\n\0,c\n", 8);
    refused("bad.csv", "bad.csv' is not a text file: it holds a NUL byte");
    char *text = malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    folder_file("bad.jsonl", text);
    refused("bad.jsonl", "line 1: the line has 100000 bytes, expected at most 65536");
    memcpy(text + 5000, ",y", 3);
    folder_file("bad.csv", text);
    refused("bad.csv", "line 1: the path has 5000 bytes, expected at most 4095");
    memset(text, ',', 5000);
    folder_file("bad.csv", text);
    refused("bad.csv", "line 1: more than 64 fields");
    free(text);
    refused("absent.csv", "absent.csv': no such file or folder");
}

/* What is listed and not there shows when it is read. */
static void missing_pictures(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    folder_file("in/missing.csv", "one.png,a\nabsent.png,b\n");
    struct sk_recipe_data data = list_at("in/missing.csv");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 0);
    assert_error(sk_dataset_read(ds, 1, &p, &err), SK_INPUT, err, "in/absent.png': No such file");
    sk_dataset_close(ds);
}

static void no_memory(void **state)
{
    (void)state;
    folder_file("in/few.csv", "one.png,a\n../out.png,b\n");
    struct sk_recipe_data data = list_at("in/few.csv");
    folder_open_without_memory(&data, SK_TRAIN, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_agree),      cmocka_unit_test(two_lists_and_numbers),   cmocka_unit_test(split_by_seed),
        cmocka_unit_test(listed_twice),     cmocka_unit_test(classes_called_by_numbers),
        cmocka_unit_test(missing_pictures), cmocka_unit_test(damaged_lines_are_named), cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, make_pictures, NULL);
}

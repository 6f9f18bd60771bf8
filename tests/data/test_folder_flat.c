/* ImageNet's layout: class folders for training, a flat validation folder with a list of labels, a list of classes. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "data/data.h"
#include "data/folder_make.h"

static struct sk_recipe_data imagenet(const char *labels, const char *classes)
{
    struct sk_recipe_data data = folder_recipe("net");
    snprintf(data.val_labels, sizeof(data.val_labels), "%s", labels);
    snprintf(data.class_names, sizeof(data.class_names), "%s", classes);
    return data;
}

/* Class folders n00000001, n00000003, n00000002 (sorted: 1, 2, 3), three validation pictures with red 1, 2, 3. */
static int make(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    for (int i = 1; i <= 3; i++) {
        char path[64];
        snprintf(path, sizeof(path), "net/train/n%08d/x.png", i);
        folder_picture(path, 2, 2, 100 + i, 0);
        snprintf(path, sizeof(path), "net/val/ILSVRC2012_val_%08d.png", i);
        folder_picture(path, 2, 2, i, 0);
    }
    folder_file("net/val/notes.txt", "nothing");
    folder_file("net/classes.txt", "n00000003 crane\nn00000001 tench, Tinca tinca\nn00000002 crane\n");
    return 0;
}

/* The class of validation picture i must be want[i]. */
static void check_val(const char *list, const char *text, const char *classes, const int want[3])
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    folder_file(list, text);
    struct sk_recipe_data data = imagenet(strchr(list, '/') + 1, classes);
    struct sk_dataset *ds = open_split(&data, SK_VAL, 0);
    assert_int_equal(sk_dataset_info(ds)->count, 3);
    for (int i = 0; i < 3; i++) {
        assert_ok(sk_dataset_read(ds, i, &p, &err), err);
        assert_int_equal(((uint8_t *)p.data)[0], i + 1);
        assert_int_equal(sk_dataset_label(ds, i), want[i]);
    }
    sk_picture_release(&p);
    sk_dataset_close(ds);
}

static void labels_of_a_flat_folder(void **state)
{
    (void)state;
    static const int want[] = {2, 0, 1};
    check_val("net/val.txt", "ILSVRC2012_val_00000002.png n00000001\nILSVRC2012_val_00000001.png\tn00000003 \n"
                             "ILSVRC2012_val_00000003.png  n00000002\n", "", want);
    check_val("net/val.csv", "file,class\nILSVRC2012_val_00000001.png,n00000003\nILSVRC2012_val_00000002.png,n00000001\n"
                             "ILSVRC2012_val_00000003.png,n00000002\n", "", want);
    check_val("net/val.txt", "n00000003\nn00000001\nn00000002\n", "", want); /* in the order of the names */
    check_val("net/val.txt", "2\n0\n1\n", "", want);                         /* of the sorted folders */
    check_val("net/val.txt", "0\n1\n2\n", "classes.txt", want);              /* of the list of classes */
}

static void classes_have_names(void **state)
{
    (void)state;
    folder_file("net/val.txt", "n00000003\nn00000001\nn00000002\n");
    struct sk_recipe_data data = imagenet("val.txt", "classes.txt");
    data.source = SK_SOURCE_AUTO;
    for (int split = SK_TRAIN; split <= SK_VAL; split++) {
        struct sk_dataset *ds = open_split(&data, (enum sk_split)split, 0);
        assert_int_equal(sk_dataset_info(ds)->count, 3);
        assert_int_equal(sk_dataset_info(ds)->classes, 3);
        assert_string_equal(sk_dataset_info(ds)->class_name[0], "tench, Tinca tinca");
        assert_string_equal(sk_dataset_info(ds)->class_name[1], "crane");
        assert_string_equal(sk_dataset_info(ds)->class_name[2], "crane");
        sk_dataset_close(ds);
    }
}

static char last_notice[2048];

static void keep_notice(const char *text)
{
    snprintf(last_notice, sizeof(last_notice), "%s", text);
}

static void some_have_no_label(void **state)
{
    (void)state;
    folder_file("net/val.txt", "ILSVRC2012_val_00000002.png n00000001\n");
    struct sk_recipe_data data = imagenet("val.txt", "");
    sk_notice_sink(keep_notice);
    struct sk_dataset *ds = open_split(&data, SK_VAL, 0);
    sk_notice_sink(NULL);
    assert_int_equal(sk_dataset_info(ds)->count, 1);
    assert_non_null(strstr(last_notice, "net/val': left out 2 pictures without a label"));
    sk_dataset_close(ds);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *classes, *message;
    } rows[] = {
        {"absent.png n00000001\n", "", "val.txt' line 1: 'absent.png' is not in '"},
        {"ILSVRC2012_val_00000002.png 1\nILSVRC2012_val_00000002.png 1\n", "", "line 2: 'ILSVRC2012_val_00000002.png' is listed twice"},
        {"0\n0\n0\n0\n", "", "line 4: expected 3 labels, as there are pictures in '"},
        {"0\n1\n", "", "val.txt': expected 3 labels, as there are pictures in '"},
        {"0\nn00000001\n2\n", "", "the label '0' is none of the 3 classes"}, /* names and numbers */
        {"0\nx.png 1\n", "", "line 2: expected a label alone, as in the lines before"},
        {"0\n3\n1\n", "", "the label '3' is none of the 3 classes"},
        {"0\ncat\n1\n", "", "the label 'cat' is none of the 3 classes"},
        {"0\n1\n2\n", "absent.txt", "absent.txt'"},
        {"0\n1\n2\n", "short.txt", "the class folder 'n00000002' is not in the list '"},
    };
    folder_file("net/short.txt", "n00000001 a\nn00000003 b\n");
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_err err = {0};
        struct sk_dataset *ds;
        folder_file("net/val.txt", rows[i].text);
        struct sk_recipe_data data = imagenet("val.txt", rows[i].classes);
        assert_error(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), SK_INPUT, err, rows[i].message);
    }
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = imagenet("nothing.txt", "");
    assert_error(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), SK_INPUT, err, "nothing.txt'");
    assert_ok(sk_remove_tree(test_path("net/val"), &err), err);
    assert_error(sk_dataset_open(&ds, &data, 0, SK_VAL, &err), SK_INPUT, err, "expects folders 'train' and 'val'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(labels_of_a_flat_folder, make),
        cmocka_unit_test_setup(classes_have_names, make),
        cmocka_unit_test_setup(some_have_no_label, make),
        cmocka_unit_test_setup(what_is_wrong_is_named, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

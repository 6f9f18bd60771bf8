/* CIFAR-10: every layout gives the same pictures, damaged files are named, real data where it is there. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "data/cifar_make.h"
#include "data/data.h"

static struct sk_recipe_data data_at(const char *path, enum sk_source source)
{
    struct sk_recipe_data data = {.source = source};
    snprintf(data.path, sizeof(data.path), "%s", path);
    return data;
}

static enum sk_code open_at(struct sk_dataset **ds, const char *path, enum sk_split split, struct sk_err *err)
{
    struct sk_recipe_data data = data_at(path, SK_SOURCE_CIFAR10);
    return sk_dataset_open(ds, &data, 0, split, err);
}

/* Makes binary/, pickled/, matlab/ and archives of them under the scratch folder. */
static int make_all(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    for (int i = 0; i < 3; i++)
        assert_ok(sk_mkdirs(test_path((const char *[]){"archive1", "archive2", "archive3"}[i]), &err), err);
    cifar_write_binary(test_path("binary/cifar-10-batches-bin"));
    cifar_write_pickled(test_path("pickled/cifar-10-batches-py"));
    cifar_write_matlab(test_path("matlab/cifar-10-batches-mat"), false, true);
    cifar_write_matlab(test_path("big"), true, false);
    cifar_write_archive(test_path("archive3/cifar-10-matlab.tar.gz"), test_path("matlab/cifar-10-batches-mat"),
                        "cifar-10-batches-mat", 1, NULL);
    cifar_write_archive(test_path("archive1/cifar-10-binary.tar.gz"), test_path("binary/cifar-10-batches-bin"),
                        "cifar-10-batches-bin", 1, NULL);
    cifar_write_archive(test_path("archive2/cifar-10-python.tar.gz"), test_path("pickled/cifar-10-batches-py"),
                        "cifar-10-batches-py", 1, NULL);
    cifar_write_archive(test_path("plain.tar"), test_path("binary/cifar-10-batches-bin"), "some/where", 0, NULL);
    return 0;
}

static void check_picture(const struct sk_dataset *ds, int64_t index, int batch, int record, struct sk_picture *p)
{
    struct sk_err err = {0};
    assert_int_equal(sk_dataset_label(ds, index), cifar_label(batch, record));
    assert_ok(sk_dataset_read(ds, index, p, &err), err);
    const uint8_t *pixel = p->data;
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(*pixel++, cifar_pixel(batch, record, c, y, x));
}

/* Opens both splits at path and compares every picture; returns the fingerprints' sum. */
static uint64_t check_data(const char *path, enum sk_source source, const char *last_name)
{
    struct sk_recipe_data data = data_at(path, source);
    struct sk_picture p = {0};
    struct sk_err err = {0};
    struct sk_dataset *ds;
    char name[64];
    uint64_t sum = 0;
    for (int split = SK_TRAIN; split <= SK_VAL; split++) {
        assert_ok(sk_dataset_open(&ds, &data, 0, (enum sk_split)split, &err), err);
        const struct sk_dataset_info *info = sk_dataset_info(ds);
        assert_int_equal(info->count, split == SK_TRAIN ? 5 * CIFAR_MADE : CIFAR_MADE);
        assert_int_equal(info->classes, 10);
        assert_int_equal(info->pixel, SK_PIXEL_U8);
        assert_int_equal(info->channels, 3);
        assert_int_equal(info->height * info->width, 1024);
        assert_string_equal(info->class_name[0], "airplane");
        assert_string_equal(info->class_name[9], "truck");
        for (int64_t i = 0; i < info->count; i++)
            check_picture(ds, i, split == SK_TRAIN ? (int)i / CIFAR_MADE : 5, (int)i % CIFAR_MADE, &p);
        if (split == SK_TRAIN) {
            sk_dataset_name(ds, info->count - 1, name, sizeof(name));
            assert_string_equal(name, last_name);
        }
        sum += info->fingerprint;
        sk_dataset_close(ds);
    }
    sk_picture_release(&p);
    return sum;
}

static void layouts_agree(void **state)
{
    (void)state;
    static const struct {
        const char *path, *last_name;
    } rows[] = {
        {"binary", "data_batch_5.bin record 2"},
        {"binary/cifar-10-batches-bin", "data_batch_5.bin record 2"},
        {"pickled", "data_batch_5 record 2"},
        {"pickled/cifar-10-batches-py", "data_batch_5 record 2"},
        {"archive1", "data_batch_5.bin record 2"},
        {"archive2", "data_batch_5 record 2"},
        {"archive1/cifar-10-binary.tar.gz", "data_batch_5.bin record 2"},
        {"archive2/cifar-10-python.tar.gz", "data_batch_5 record 2"},
        {"plain.tar", "data_batch_5.bin record 2"},
        {"matlab", "data_batch_5.mat record 2"},
        {"matlab/cifar-10-batches-mat", "data_batch_5.mat record 2"},
        {"big", "data_batch_5.mat record 2"},
        {"archive3", "data_batch_5.mat record 2"},
        {"archive3/cifar-10-matlab.tar.gz", "data_batch_5.mat record 2"},
    };
    uint64_t first = check_data(test_path(rows[0].path), SK_SOURCE_CIFAR10, rows[0].last_name);
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        assert_true(check_data(test_path(rows[i].path), SK_SOURCE_AUTO, rows[i].last_name) == first);
        assert_true(check_data(test_path(rows[i].path), SK_SOURCE_CIFAR10, rows[i].last_name) == first);
    }
}

static void binary_is_preferred(void **state)
{
    (void)state;
    cifar_write_pickled(test_path("binary/cifar-10-batches-py"));
    check_data(test_path("binary"), SK_SOURCE_AUTO, "data_batch_5.bin record 2");
}

static void refused_as(enum sk_code want, const char *path, enum sk_split split, const char *message)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    enum sk_code code = open_at(&ds, test_path(path), split, &err);
    assert_null(ds);
    assert_error(code, want, err, message);
}

static void refused(const char *path, enum sk_split split, const char *message)
{
    refused_as(SK_INPUT, path, split, message);
}

/* Sets the byte at offset of a file; -1: cuts the file there instead. */
static void damage(const char *name, long offset, int byte)
{
    if (byte < 0) {
        assert_int_equal(truncate(test_path(name), offset), 0);
        return;
    }
    FILE *f = fopen(test_path(name), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    putc(byte, f);
    assert_int_equal(fclose(f), 0);
}

static void damaged_binary_is_named(void **state)
{
    (void)state;
#define BIN "binary/cifar-10-batches-bin/"
    refused("absent", SK_TRAIN, "absent': no such file or folder");
    refused(".", SK_TRAIN, "holds no CIFAR-10: expected data_batch_1.bin");
    damage(BIN "data_batch_2.bin", 2 * 3073, 10);
    refused("binary", SK_TRAIN, "data_batch_2.bin': record 2 has label 10, expected 0 to 9");
    damage(BIN "data_batch_2.bin", 2 * 3073 + 3072, -1);
    refused("binary", SK_TRAIN, "data_batch_2.bin': size 9218 is not a multiple of the record size 3073");
    damage(BIN "data_batch_2.bin", 0, -1);
    refused("binary", SK_TRAIN, "data_batch_2.bin' is empty");
    assert_int_equal(unlink(test_path(BIN "data_batch_2.bin")), 0);
    refused("binary", SK_TRAIN, "data_batch_2.bin': No such file");
    assert_int_equal(unlink(test_path(BIN "test_batch.bin")), 0);
    refused_as(SK_NO_SPLIT, "binary", SK_VAL, "has no validation split: test_batch.bin is not there");
}

static void class_names_are_read(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds;
    static const char *const name = BIN "batches.meta.txt";
    static const char text[] = "zero\r\none\n\n2\n3\n4\n5\n6\n7\n8\nni\x1b[31mne";
    test_put(name, text, sizeof(text) - 1);
    assert_ok(open_at(&ds, test_path("binary"), SK_VAL, &err), err);
    assert_string_equal(sk_dataset_info(ds)->class_name[0], "zero");
    assert_string_equal(sk_dataset_info(ds)->class_name[1], "one");
    assert_string_equal(sk_dataset_info(ds)->class_name[9], "ni?[31mne");
    sk_dataset_close(ds);
    test_put(name, "z\xe9ro\n", 5);
    refused("binary", SK_VAL, "batches.meta.txt': the name of class 0 must be UTF-8 text");
    test_put(name, text, 13);
    refused("binary", SK_VAL, "batches.meta.txt' names 3 classes, expected 10");
    test_put(name, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", 26);
    refused("binary", SK_VAL, "names at least 11 classes, expected 10");
    char endless[200];
    memset(endless, 'x', sizeof(endless));
    test_put(name, endless, sizeof(endless));
    refused("binary", SK_VAL, "the name of class 0 has 200 bytes, expected at most 127");
    assert_int_equal(unlink(test_path(name)), 0);
    check_data(test_path("binary"), SK_SOURCE_AUTO, "data_batch_5.bin record 2");
}

static uint64_t fingerprint(const char *path)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_ok(open_at(&ds, test_path(path), SK_TRAIN, &err), err);
    uint64_t print = sk_dataset_info(ds)->fingerprint;
    sk_dataset_close(ds);
    return print;
}

static void other_pixels_are_told(void **state)
{
    (void)state;
    uint64_t before = fingerprint("binary");
    int was = cifar_pixel(2, 1, 2, 31, 31);
    damage(BIN "data_batch_3.bin", 2 * 3073 - 1, was ^ 0x80);
    assert_true(fingerprint("binary") != before);
    damage(BIN "data_batch_3.bin", 2 * 3073 - 1, was);
    assert_true(fingerprint("binary") == before);
}

/* Cut off by another program while it is open: an error, not the end of the process. */
static void a_file_may_shrink(void **state)
{
    (void)state;
    static const char *const paths[] = {"binary", "pickled"};
    struct sk_err err = {0};
    struct sk_dataset *ds[2];
    struct sk_picture p = {0};
    for (int i = 0; i < 2; i++)
        assert_ok(open_at(&ds[i], test_path(paths[i]), SK_TRAIN, &err), err);
    damage(BIN "data_batch_3.bin", 3073, -1);
    damage("pickled/cifar-10-batches-py/data_batch_3", 3073, -1);
    check_picture(ds[0], 2 * CIFAR_MADE, 2, 0, &p);
    assert_error(sk_dataset_read(ds[0], 2 * CIFAR_MADE + 1, &p, &err), SK_INPUT, err,
                 "data_batch_3.bin' became shorter while it was read");
    check_picture(ds[1], 2 * CIFAR_MADE + 1, 2, 1, &p);
    sk_picture_release(&p);
    sk_dataset_close(ds[0]);
    sk_dataset_close(ds[1]);
}

static char last_notice[SK_PATH + 100];

static void keep_notice(const char *text)
{
    snprintf(last_notice, sizeof(last_notice), "%s", text);
}

static void unusual_sizes_are_told(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds;
    damage(BIN "test_batch.bin", 2 * 3073, -1);
    sk_notice_sink(keep_notice);
    assert_ok(open_at(&ds, test_path("binary"), SK_VAL, &err), err);
    sk_notice_sink(NULL);
    assert_int_equal(sk_dataset_info(ds)->count, 2);
    assert_non_null(strstr(last_notice, "test_batch.bin' has 2 records, the published one has 10000"));
    sk_dataset_close(ds);
}

static void damaged_pickles_are_named(void **state)
{
    (void)state;
#define PY "pickled/cifar-10-batches-py/"
    char *data;
    size_t len;
    struct sk_err err = {0};
    assert_ok(sk_file_read(test_path(PY "data_batch_1"), 1 << 20, &data, &len, &err), err);
    char *labels = strstr(data + 30, "labels") + 6 + 2 + 3; /* text q n ] q n */
    assert_memory_equal(labels, "(K", 2);
    damage(PY "data_batch_1", labels + 2 - data, 77);
    refused("pickled", SK_TRAIN, "data_batch_1': record 0 has label 77, expected 0 to 9");
    damage(PY "data_batch_1", labels + 1 - data, 'c');
    refused("pickled", SK_TRAIN, "data_batch_1': pickle opcode 'c'");
    damage(PY "data_batch_1", (long)len / 2, -1);
    refused("pickled", SK_TRAIN, "data_batch_1': pickle opcode");
    sk_free(data);
    static const struct {
        const char *pickle, *message;
    } rows[] = {
        {"\x80\2}.", "'data' is not there as a numpy array"},
        {"\x80\2K\1.", "'data' is not there as a numpy array"},
        {"\x80\2}(U\4dataK\1u.", "'data' is not there as a numpy array"},
        {"\x80\2", "the pickle ends without a stop"},
        {"hello", "is not a pickle of protocol 2 to 5"},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        test_put(PY "data_batch_1", rows[i].pickle, strlen(rows[i].pickle));
        refused("pickled", SK_TRAIN, rows[i].message);
    }
    test_put(PY "batches.meta", "\x80\2}.", 4);
    refused("pickled", SK_VAL, "batches.meta': 'label_names' is not there as a list");
    test_put(PY "batches.meta", "\x80\2}(U\13label_names](K\1eu.", 24);
    refused("pickled", SK_VAL, "names 1 classes, expected 10");
}

/* The parts of a pickled batch: shape of the data, number of bytes, labels. */
static void put_batch(const char *name, int rank, int columns, int bytes, int labels)
{
    char batch[40000], *at = batch;
#define ADD(literal) at = (char *)memcpy(at, literal, sizeof(literal) - 1) + sizeof(literal) - 1
    ADD("\x80\2}(U\6labels](");
    for (int i = 0; i < labels; i++)
        ADD("K\1");
    ADD("eU\4datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1(K\2");
    for (int i = 1; i < rank; i++)
        at += sprintf(at, "M%c%c", columns & 255, columns >> 8);
    ADD("tcnumpy\ndtype\nU\2u1K\0K\1\x87R\x89T");
    memcpy(at, &bytes, 4);
    memset(at + 4, 7, (size_t)bytes);
    at += 4 + bytes;
    ADD("tbu.");
    test_put(name, batch, (size_t)(at - batch));
}

static void wrong_shapes_are_named(void **state)
{
    (void)state;
    static const struct {
        int rank, columns, bytes, labels;
        const char *message;
    } rows[] = {
        {2, 3071, 6142, 2, "'data' is 2 x 3071, expected rows of 3072"},
        {1, 0, 2, 2, "'data' has 1 dimensions, expected 2"},
        {2, 3072, 6144, 3, "3 labels for 2 rows of data"},
        {2, 3072, 6144, 1, "1 labels for 2 rows of data"},
        {2, 3072, 6143, 2, "fills an array of 6144 bytes with 6143"},
    };
    struct sk_err err = {0};
    struct sk_dataset *ds;
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        put_batch(PY "test_batch", rows[i].rank, rows[i].columns, rows[i].bytes, rows[i].labels);
        refused("pickled", SK_VAL, rows[i].message);
    }
    put_batch(PY "test_batch", 2, 3072, 6144, 2);
    assert_ok(open_at(&ds, test_path("pickled"), SK_VAL, &err), err);
    assert_int_equal(sk_dataset_info(ds)->count, 2);
    sk_dataset_close(ds);
}

static void damaged_archives_are_named(void **state)
{
    (void)state;
#define PACK(skip)                                                                                                     \
    cifar_write_archive(test_path("a.tar.gz"), test_path("binary/cifar-10-batches-bin"), "cifar-10-batches-bin", 1,    \
                        skip)
    PACK("data_batch_4.bin");
    refused("a.tar.gz", SK_TRAIN, "a.tar.gz' holds no data_batch_4.bin");
    PACK("test_batch.bin");
    refused_as(SK_NO_SPLIT, "a.tar.gz", SK_VAL, "a.tar.gz' has no validation split: test_batch.bin is not there");
    damage("archive1/cifar-10-binary.tar.gz", 500, -1);
    refused("archive1", SK_TRAIN, "cannot read archive");
    damage("plain.tar", 20000, -1);
    refused("plain.tar", SK_TRAIN, "cannot read archive");
    test_put("a.tar.gz", "no archive at all, just text", 28);
    refused("a.tar.gz", SK_TRAIN, "cannot read archive");
    test_put("a.tar.gz", "", 0);
    refused("a.tar.gz", SK_TRAIN, "a.tar.gz'");
    damage(BIN "data_batch_1.bin", 0, 200);
    PACK(NULL);
    refused("a.tar.gz", SK_TRAIN, "a.tar.gz:data_batch_1.bin': record 0 has label 200");
}

static void strange_archives_are_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_ok(sk_mkdirs(test_path("other"), &err), err);
    test_put("other/readme.txt", "hello", 5);
    cifar_write_archive(test_path("other.tar"), test_path("other"), "other", 0, NULL);
    refused("other.tar", SK_TRAIN, "holds no CIFAR-10");
    struct sk_recipe_data data = data_at(test_path("other.tar"), SK_SOURCE_AUTO);
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, "hold no sample: expected KEY.jpg or KEY.png");
    /* a file said to have 8 GiB - 1: refused before any of it is unpacked */
    char *tar;
    size_t len;
    assert_ok(sk_file_read(test_path("other.tar"), 1 << 20, &tar, &len, &err), err);
    char *header = tar + 512;
    memcpy(header + 124, "77777777777", 12);
    memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    test_put("bomb.tar", tar, len);
    sk_free(tar);
    refused("bomb.tar", SK_TRAIN, "holds a file of 8589934591 bytes, expected at most 268435456");
}

static void lack_of_memory_is_reported(void **state)
{
    (void)state;
    static const char *const paths[] = {"binary", "pickled", "matlab", "archive1", "archive2", "archive3"};
    for (size_t i = 0; i < SK_COUNT(paths); i++) {
        struct sk_dataset *ds;
        for (long n = 1;; n++) {
            struct sk_err err = {0};
            sk_mem_fail_after(n);
            enum sk_code code = open_at(&ds, test_path(paths[i]), SK_TRAIN, &err);
            sk_mem_fail_after(0);
            if (code == SK_OK)
                break;
            assert_error(code, SK_NOMEM, err, "not enough memory");
        }
        sk_dataset_close(ds);
    }
}

/* Mean over all training pictures and the class counts, as published. SKUA_SHARED_DATA: the folder that holds
 * cifar-10-batches-bin. */
static void real_data_is_as_published(void **state)
{
    (void)state;
    const char *path = getenv("SKUA_SHARED_DATA");
    struct sk_recipe_data data = data_at(path ? path : SKUA_SOURCE_DIR "/../shared/data", SK_SOURCE_CIFAR10);
    struct sk_err err = {0};
    char batches[SK_PATH];
    struct sk_dataset *ds;
    struct sk_picture p = {0};
    double mean[3] = {0};
    int per_class[10] = {0};
    assert_ok(sk_path_join(batches, &err, data.path, "cifar-10-batches-bin"), err);
    if (!sk_is_dir(batches)) {
        print_message("skipped: no '%s' (SKUA_SHARED_DATA says where)\n", batches);
        skip();
    }
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    assert_int_equal(sk_dataset_info(ds)->count, 50000);
    for (int64_t i = 0; i < 50000; i++) {
        assert_ok(sk_dataset_read(ds, i, &p, &err), err);
        per_class[sk_dataset_label(ds, i)]++;
        long sum[3] = {0};
        for (int k = 0; k < 3072; k++)
            sum[k % 3] += ((const uint8_t *)p.data)[k];
        for (int c = 0; c < 3; c++)
            mean[c] += (double)sum[c] / 1024 / 255 / 50000;
    }
    for (int c = 0; c < 10; c++)
        assert_int_equal(per_class[c], 5000);
    assert_float_equal(mean[0], 0.4914, 5e-5);
    assert_float_equal(mean[1], 0.4822, 5e-5);
    assert_float_equal(mean[2], 0.4465, 5e-5);
    sk_picture_release(&p);
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(layouts_agree, make_all),
        cmocka_unit_test_setup(binary_is_preferred, make_all),
        cmocka_unit_test_setup(damaged_binary_is_named, make_all),
        cmocka_unit_test_setup(class_names_are_read, make_all),
        cmocka_unit_test_setup(other_pixels_are_told, make_all),
        cmocka_unit_test_setup(a_file_may_shrink, make_all),
        cmocka_unit_test_setup(unusual_sizes_are_told, make_all),
        cmocka_unit_test_setup(damaged_pickles_are_named, make_all),
        cmocka_unit_test_setup(wrong_shapes_are_named, make_all),
        cmocka_unit_test_setup(damaged_archives_are_named, make_all),
        cmocka_unit_test_setup(strange_archives_are_refused, make_all),
        cmocka_unit_test_setup(lack_of_memory_is_reported, make_all),
        cmocka_unit_test(real_data_is_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

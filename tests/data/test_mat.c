/* MAT-files: what SciPy wrote is read, in both byte orders, compressed or not; every kind of damage is named. */
#include "data/mat.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <zlib.h>

#include "data/cifar_make.h"
#include "data/data.h"
#include "data/mat_make.h"

enum { HEADER = 128 };

static char *stored(const char *name, size_t *len)
{
    char path[SK_PATH], *data;
    struct sk_err err = {0};
    assert_ok(sk_path_join(path, &err, SKUA_SOURCE_DIR "/tests/data/mats", name), err);
    assert_ok(sk_file_read(path, 1 << 20, &data, len, &err), err);
    return data;
}

static void batches_are_read(void **state)
{
    (void)state;
    static const char *const files[] = {"batch.mat", "batch_packed.mat", "batch_big.mat"};
    for (size_t f = 0; f < SK_COUNT(files); f++) {
        struct sk_err err = {0};
        struct sk_mat m;
        size_t len;
        int64_t label;
        char *file = stored(files[f], &len);
        assert_ok(sk_mat_find(&m, file, len, files[f], "data", &err), err);
        assert_int_equal(m.kind, SK_MAT_UINT8);
        assert_int_equal(m.rank, 2);
        assert_int_equal(m.rows, 2);
        assert_int_equal(m.columns, 3072);
        assert_int_equal(m.len, 6144);
        for (int i = 0; i < 6144; i++)
            assert_int_equal(m.data[i % 3072 * 2 + i / 3072], i * 7 % 251);
        sk_mat_release(&m);
        assert_ok(sk_mat_find(&m, file, len, files[f], "labels", &err), err);
        assert_int_equal(m.count, 2);
        assert_true(sk_mat_integer(&m, 0, &label) && label == 3);
        assert_true(sk_mat_integer(&m, 1, &label) && label == 9);
        sk_mat_release(&m);
        sk_free(file);
    }
}

static void names_are_read(void **state)
{
    (void)state;
    static const char *const files[] = {"names.mat", "names_packed.mat", "names_big.mat"};
    for (size_t f = 0; f < SK_COUNT(files); f++) {
        struct sk_err err = {0};
        struct sk_mat m, cell;
        char text[16], *file;
        size_t len;
        file = stored(files[f], &len);
        assert_ok(sk_mat_find(&m, file, len, files[f], "label_names", &err), err);
        assert_int_equal(m.kind, SK_MAT_CELL);
        assert_int_equal(m.count, 10);
        for (int i = 0; i < 10; i++) {
            assert_ok(sk_mat_next(&m, &cell, &err), err);
            assert_int_equal(cell.kind, SK_MAT_CHAR);
            if (i == 1)
                assert_memory_equal(text, "automobile", sk_mat_text(&cell, text, sizeof(text)));
            else if (i == 9)
                assert_memory_equal(text, "truck", sk_mat_text(&cell, text, sizeof(text)));
        }
        assert_error(sk_mat_next(&m, &cell, &err), SK_INPUT, err, "has fewer cells than its dimensions say");
        sk_mat_release(&m);
        sk_free(file);
    }
}

/* Among structures, sparse and complex arrays; numbers of several types, some not whole; text beyond ASCII. */
static void other_arrays_are_passed_over(void **state)
{
    (void)state;
    static const char *const files[] = {"others.mat", "others_packed.mat"};
    for (size_t f = 0; f < SK_COUNT(files); f++) {
        struct sk_err err = {0};
        struct sk_mat m;
        char text[8], *file;
        size_t len;
        int64_t n;
        file = stored(files[f], &len);
        assert_ok(sk_mat_find(&m, file, len, files[f], "n", &err), err);
        assert_true(sk_mat_integer(&m, 0, &n) && n == -5 && sk_mat_integer(&m, 1, &n) && n == 300);
        sk_mat_release(&m);
        assert_ok(sk_mat_find(&m, file, len, files[f], "o", &err), err);
        assert_false(sk_mat_integer(&m, 0, &n));
        assert_true(sk_mat_integer(&m, 1, &n) && n == 2 && sk_mat_integer(&m, 2, &n) && n == -3);
        sk_mat_release(&m);
        assert_ok(sk_mat_find(&m, file, len, files[f], "p", &err), err);
        assert_int_equal(sk_mat_text(&m, text, sizeof(text)), 7);
        assert_memory_equal(text, "Gr\xc3\xb6\xc3\x9f" "e", 7);
        assert_int_equal(sk_mat_text(&m, text, 3), 7);
        sk_mat_release(&m);
        assert_ok(sk_mat_find(&m, file, len, files[f], "a", &err), err);
        assert_int_equal(m.kind, 2);
        sk_mat_release(&m);
        assert_error(sk_mat_find(&m, file, len, files[f], "e", &err), SK_INPUT, err, "has complex numbers");
        assert_error(sk_mat_find(&m, file, len, files[f], "data", &err), SK_INPUT, err, "holds no array 'data'");
        assert_null(m.file);
        sk_free(file);
    }
}

/* Cut anywhere, a file is refused by a sentence, or is whole but for padding, or ends behind an array. */
static void cut_files_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"batch.mat", "batch_packed.mat", "names_big.mat"};
    for (size_t f = 0; f < SK_COUNT(files); f++) {
        const char *wanted = f == 2 ? "label_names" : "labels"; /* the last one */
        size_t len, taken = 0;
        char *file = stored(files[f], &len);
        for (size_t n = 0; n < len; n++) {
            struct sk_err err = {0};
            struct sk_mat m;
            char *part = sk_alloc(n, 1, &err); /* of just this size: reading beyond it shows */
            memcpy(part, file, n);
            if (sk_mat_find(&m, part, n, files[f], wanted, &err) == SK_OK)
                taken++;
            else
                assert_true(err.text[0] == '\'' && strstr(err.text, files[f]));
            sk_mat_release(&m);
            sk_free(part);
        }
        assert_int_equal(taken, 0);
        sk_free(file);
    }
}

/* One value of a stored type, in an array of doubles, as MATLAB stores them where they fit. */
static bool integer_of(unsigned type, const void *value, size_t len, int64_t *n)
{
    struct mat_file f = {0};
    struct sk_str array = {0};
    struct sk_err err = {0};
    struct sk_mat m;
    mat_head(&array, false, SK_MAT_DOUBLE, (const int32_t[]){1, 1}, 2, "data");
    mat_element(&array, false, type, value, len);
    mat_add(&f, &array);
    assert_ok(sk_mat_find(&m, f.bytes.text, f.bytes.len, "x.mat", "data", &err), err);
    bool whole = sk_mat_integer(&m, 0, n);
    sk_mat_release(&m);
    sk_str_release(&array);
    sk_str_release(&f.bytes);
    return whole;
}

static void numbers_of_every_type_are_read(void **state)
{
    (void)state;
    int64_t n;
    assert_true(integer_of(1, "\xff", 1, &n) && n == -1);
    assert_true(integer_of(2, "\xff", 1, &n) && n == 255);
    assert_true(integer_of(3, &(int16_t){-300}, 2, &n) && n == -300);
    assert_true(integer_of(4, &(uint16_t){65535}, 2, &n) && n == 65535);
    assert_true(integer_of(5, &(int32_t){INT32_MIN}, 4, &n) && n == INT32_MIN);
    assert_true(integer_of(6, &(uint32_t){UINT32_MAX}, 4, &n) && n == UINT32_MAX);
    assert_true(integer_of(7, &(float){-3}, 4, &n) && n == -3);
    assert_true(integer_of(9, &(double){9007199254740992}, 8, &n) && n == 9007199254740992);
    assert_true(integer_of(12, &(int64_t){INT64_MIN}, 8, &n) && n == INT64_MIN);
    assert_true(integer_of(13, &(uint64_t){INT64_MAX}, 8, &n) && n == INT64_MAX);
    assert_false(integer_of(13, &(uint64_t){UINT64_MAX}, 8, &n));
    assert_false(integer_of(7, &(float){0.5f}, 4, &n));
    assert_false(integer_of(9, &(double){1e300}, 8, &n));
    assert_false(integer_of(9, &(double){(double)NAN}, 8, &n));
    assert_false(integer_of(9, &(double){-(double)INFINITY}, 8, &n));
}

/* ---- damage ---- */
static void refused(const void *data, size_t len, const char *message)
{
    struct sk_err err = {0};
    struct sk_mat m;
    assert_error(sk_mat_find(&m, data, len, "x.mat", "data", &err), SK_INPUT, err, message);
    assert_null(m.owned);
}

static void strange_files_are_refused(void **state)
{
    (void)state;
    char header[HEADER] = "MATLAB 7.3 MAT-file";
    refused("", 0, "'x.mat' is empty");
    refused("hello", 5, "'x.mat' is not a MAT-file of level 5");
    refused(header, HEADER, "'x.mat' is not a MAT-file of level 5");
    refused("\x89HDF\r\n\x1a\n", 8, "'x.mat' is a MAT-file of level 7.3, expected level 5");
    memcpy(header + 124, "\0\2IM", 4);
    refused(header, HEADER, "'x.mat' is a MAT-file of level 7.3, expected level 5");
    memcpy(header + 124, "\2\0MI", 4);
    refused(header, HEADER, "'x.mat' is a MAT-file of level 7.3, expected level 5");
    memcpy(header + 124, "\0\1MI", 4);
    refused(header, HEADER, "'x.mat' is not a MAT-file of level 5");
    memcpy(header + 124, "\1\0MI", 4);
    refused(header, HEADER, "'x.mat' holds no array 'data'");
}

/* An array 'data' of the given parts; values NULL: none. */
static void refused_array(bool packed, unsigned flags, const int32_t *dim, int rank, unsigned type, const char *values,
                          size_t len, const char *message)
{
    struct mat_file f = {.packed = packed};
    struct sk_str array = {0};
    mat_head(&array, false, flags, dim, rank, "data");
    if (values)
        mat_element(&array, false, type, values, len);
    mat_add(&f, &array);
    refused(f.bytes.text, f.bytes.len, message);
    sk_str_release(&array);
    sk_str_release(&f.bytes);
}

static void damaged_arrays_are_named(void **state)
{
    (void)state;
    static const char bytes[16] = {0};
    static const int32_t two[] = {2, 1}, below[] = {2, -1}, huge[] = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX};
    for (int packed = 0; packed < 2; packed++) {
        refused_array(packed, 9, two, 1, 2, bytes, 2, "'x.mat': the array at byte 128 has no dimensions");
        refused_array(packed, 9, below, 2, 2, bytes, 2, "at byte 128 has impossible dimensions");
        refused_array(packed, 9, huge, 4, 2, bytes, 2, "at byte 128 has impossible dimensions");
        refused_array(packed, 9, two, 2, 2, NULL, 0, "at byte 128 has no values");
        refused_array(packed, 9, two, 2, 8, bytes, 2, "at byte 128 has no values");
        refused_array(packed, 9, two, 2, 99, bytes, 2, "at byte 128 has no values");
        refused_array(packed, 9, two, 2, 17, bytes, 4, "at byte 128 has no values");
        refused_array(packed, 4, two, 2, 9, bytes, 16, "at byte 128 has no values");
        refused_array(packed, 9, two, 2, 2, bytes, 3, "another number of values than its dimensions say");
        refused_array(packed, 9, two, 2, 4, bytes, 2, "another number of values than its dimensions say");
        refused_array(packed, 9 | 0x800, two, 2, 2, bytes, 2, "has complex numbers");
    }
}

static void damaged_elements_are_named(void **state)
{
    (void)state;
    struct mat_file f = {0}, twice = {0}, small = {0};
    struct sk_str empty = {0}, head = {0};
    struct sk_err err = {0};
    mat_add_bytes(&twice, "data", (const uint8_t[]){1}, 1, 1);
    mat_add_bytes(&twice, "data", (const uint8_t[]){1}, 1, 1);
    refused(twice.bytes.text, twice.bytes.len, "at byte 184 has a name that was there before");
    twice.bytes.text[HEADER] = 9;
    refused(twice.bytes.text, twice.bytes.len, "the array at byte 128 is none");
    mat_head(&head, false, 9, (const int32_t[]){1, 1}, 2, "data");
    assert_ok(sk_str_add_bytes(&empty, head.text, 8, &err), err);
    mat_add(&f, &empty);
    refused(f.bytes.text, f.bytes.len, "the array at byte 128 begins without flags");
    mat_add_bytes(&small, "data", (const uint8_t[]){1}, 1, 1);
    small.bytes.text[small.bytes.len - 6] = 5; /* bytes in the tag: four at most */
    refused(small.bytes.text, small.bytes.len, "the array at byte 128 has no values");
    sk_str_release(&twice.bytes);
    sk_str_release(&small.bytes);
    sk_str_release(&f.bytes);
    sk_str_release(&empty);
    sk_str_release(&head);
}

/* A compressed element whose content is a tag that says len and then as many bytes as are given; zeros behind it. */
static void refused_packed(uint32_t type, uint32_t len, const void *data, size_t bytes, size_t zeros,
                           const char *message)
{
    struct mat_file f = {.packed = true};
    uint8_t content[256] = {0}, *packed = calloc(1, 512 + zeros);
    uLongf size = 512;
    assert_non_null(packed);
    mat_add_bytes(&f, "other", (const uint8_t[]){1}, 1, 1);
    memcpy(content, &type, 4);
    memcpy(content + 4, &len, 4);
    memcpy(content + 8, data, bytes);
    assert_int_equal(compress(packed, &size, content, 8 + bytes), Z_OK);
    f.bytes.len = HEADER;
    mat_element(&f.bytes, false, 15, packed, size + zeros);
    refused(f.bytes.text, f.bytes.len, message);
    free(packed);
    sk_str_release(&f.bytes);
}

static void compressed_damage_is_named(void **state)
{
    (void)state;
    struct sk_str head = {0};
    mat_head(&head, false, 9, (const int32_t[]){1, 1}, 2, "data");
    mat_element(&head, false, 2, "x", 1);
    refused_packed(9, 4, "abcd", 4, 0, "the array at byte 128 is none, once unpacked");
    refused_packed(14, 1 << 20, head.text, head.len, 0, "at byte 128 says that it unpacks to more than it can");
    refused_packed(14, (256 << 20) + 8, head.text, head.len, 300 << 10,
                   "at byte 128 unpacks to 268435464 bytes, expected at most 268435456");
    for (int more = -8; more <= 8; more += 16)
        refused_packed(14, (uint32_t)((int)head.len + more), head.text, head.len, 0,
                       "its compressed data do not unpack to what it says");
    sk_str_release(&head);
}

/* ---- as CIFAR-10 ---- */
#define MAT "matlab/"
static void refused_set(enum sk_split split, const char *message)
{
    struct sk_recipe_data data = {.source = SK_SOURCE_CIFAR10};
    struct sk_dataset *ds;
    struct sk_err err = {0};
    snprintf(data.path, sizeof(data.path), "%s", test_path("matlab"));
    assert_error(sk_dataset_open(&ds, &data, 0, split, &err), SK_INPUT, err, message);
}

static void put_test_batch(int rows, int columns, int labels, int label)
{
    static uint8_t data[3 * 3073];
    struct mat_file f = {0};
    uint8_t every[8];
    memset(every, label, sizeof(every));
    if (rows >= 0)
        mat_add_bytes(&f, "data", data, rows, columns);
    if (labels >= 0)
        mat_add_bytes(&f, "labels", every, labels, 1);
    mat_write(&f, test_path(MAT "test_batch.mat"));
}

static void put_names(int count, const char *name)
{
    const char *text[11];
    struct mat_file f = {0};
    for (int i = 0; i < count; i++)
        text[i] = name;
    mat_add_texts(&f, "label_names", text, count);
    mat_write(&f, test_path(MAT "batches.meta.mat"));
}

static void damaged_sets_are_named(void **state)
{
    (void)state;
    struct mat_file f = {0}, labels = {0};
    const char *const text[] = {"a", "b"};
    cifar_write_matlab(test_path("matlab"), false, true);
    put_test_batch(2, 3071, 2, 0);
    refused_set(SK_VAL, "test_batch.mat': 'data' is 2 x 3071, expected rows of 3072");
    put_test_batch(0, 3072, 0, 0);
    refused_set(SK_VAL, "test_batch.mat': 'data' is 0 x 3072, expected rows of 3072");
    put_test_batch(2, 3072, 3, 0);
    refused_set(SK_VAL, "test_batch.mat': 3 labels for 2 rows of data");
    put_test_batch(2, 3072, 2, 10);
    refused_set(SK_VAL, "test_batch.mat': record 0 has label 10, expected 0 to 9");
    put_test_batch(2, 3072, -1, 0);
    refused_set(SK_VAL, "test_batch.mat' holds no array 'labels'");
    put_test_batch(-1, 0, 2, 0);
    refused_set(SK_VAL, "test_batch.mat' holds no array 'data'");
    mat_add_texts(&f, "data", text, 2);
    mat_write(&f, test_path(MAT "test_batch.mat"));
    refused_set(SK_VAL, "test_batch.mat': 'data' is not there as an array of uint8");
    mat_add_bytes(&labels, "data", (const uint8_t[3072]){0}, 1, 3072);
    mat_add_texts(&labels, "labels", text, 1);
    mat_write(&labels, test_path(MAT "test_batch.mat"));
    refused_set(SK_VAL, "test_batch.mat': 'labels' is not there as an array of numbers");
    test_put(MAT "data_batch_3.mat", "", 0);
    refused_set(SK_TRAIN, "data_batch_3.mat' is empty");
}

/* Ten cells with one array in each. */
static void put_cells(unsigned kind, unsigned type, const void *value, size_t len)
{
    struct mat_file f = {0};
    struct sk_str cell = {0}, array = {0};
    mat_head(&cell, false, kind, (const int32_t[]){1, 1}, 2, "");
    mat_element(&cell, false, type, value, len);
    mat_head(&array, false, SK_MAT_CELL, (const int32_t[]){10, 1}, 2, "label_names");
    for (int i = 0; i < 10; i++)
        mat_element(&array, false, 14, cell.text, cell.len);
    mat_add(&f, &array);
    mat_write(&f, test_path(MAT "batches.meta.mat"));
    sk_str_release(&cell);
    sk_str_release(&array);
}

static void damaged_names_are_named(void **state)
{
    (void)state;
    char name[SK_NAME + 9] = {0};
    struct mat_file f = {0};
    cifar_write_matlab(test_path("matlab"), true, false);
    put_names(9, "a");
    refused_set(SK_VAL, "batches.meta.mat' names 9 classes, expected 10");
    memset(name, 'a', sizeof(name) - 1);
    put_names(10, name);
    refused_set(SK_VAL, "batches.meta.mat': the name of class 0 has 136 bytes, expected at most 127");
    put_cells(SK_MAT_CHAR, 4, "\x01\xd8", 2); /* half of a surrogate pair */
    refused_set(SK_VAL, "batches.meta.mat': the name of class 0 must be UTF-8 text");
    put_cells(SK_MAT_UINT8, 2, "a", 1);
    refused_set(SK_VAL, "batches.meta.mat': the name of class 0 is not a string");
    mat_add_bytes(&f, "label_names", (const uint8_t[]){1}, 1, 1);
    mat_write(&f, test_path(MAT "batches.meta.mat"));
    refused_set(SK_VAL, "batches.meta.mat': 'label_names' is not there as a cell array");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_read),
        cmocka_unit_test(names_are_read),
        cmocka_unit_test(other_arrays_are_passed_over),
        cmocka_unit_test(numbers_of_every_type_are_read),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(strange_files_are_refused),
        cmocka_unit_test(damaged_arrays_are_named),
        cmocka_unit_test(damaged_elements_are_named),
        cmocka_unit_test(compressed_damage_is_named),
        cmocka_unit_test(damaged_sets_are_named),
        cmocka_unit_test(damaged_names_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

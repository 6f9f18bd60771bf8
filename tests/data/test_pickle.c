/* Pickles: those of the real package in every protocol, and those that must be refused. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "data/pickle.h"

#define PICKLES SKUA_TEST_DIR "/data/pickles/"

static void read_stored(struct sk_pickle *p, const char *name, char **data)
{
    struct sk_err err = {0};
    char path[SK_PATH];
    size_t len;
    snprintf(path, sizeof(path), PICKLES "%s.pickle", name);
    assert_ok(sk_file_read(path, 1 << 20, data, &len, &err), err);
    assert_ok(sk_pickle_read(p, *data, len, name, &err), err);
}

static void real_pickles_are_read(void **state)
{
    (void)state;
    static const char *const names[] = {"batch2", "batch3", "batch4", "batch5", "batch_text"};
    for (size_t n = 0; n < SK_COUNT(names); n++) {
        struct sk_pickle p;
        char *file;
        read_stored(&p, names[n], &file);
        const struct sk_pickle_value *data = sk_pickle_get(p.root, "data"), *labels = sk_pickle_get(p.root, "labels"),
                                     *files = sk_pickle_get(p.root, "filenames");
        assert_non_null(data);
        assert_int_equal(data->kind, SK_PICKLE_ARRAY);
        assert_int_equal(data->rank, 2);
        assert_int_equal(data->dim[0], 2);
        assert_int_equal(data->dim[1], 3072);
        assert_int_equal(data->len, 6144);
        for (int i = 0; i < 6144; i++)
            assert_int_equal(data->data[i], i * 7 % 251);
        assert_int_equal(labels->kind, SK_PICKLE_LIST);
        assert_int_equal(labels->count, 2);
        assert_int_equal(labels->item[0]->number, 3);
        assert_int_equal(labels->item[1]->number, 9);
        assert_int_equal(files->count, 2);
        assert_int_equal(files->item[1]->len, 5);
        assert_memory_equal(files->item[1]->data, "\xe4.png", 5);
        assert_null(sk_pickle_get(p.root, "absent"));
        assert_null(sk_pickle_get(labels, "data"));
        void *taken = sk_pickle_take(&p, data->data); /* only protocol 2 writes bytes as text */
        assert_int_equal(taken != NULL, n == 0);
        sk_pickle_release(&p);
        sk_pickle_release(&p);
        if (taken)
            assert_int_equal(((const uint8_t *)taken)[1], 7);
        sk_free(taken);
        sk_free(file);
    }
}

static void assert_refused(const void *data, size_t len, const char *message)
{
    struct sk_pickle p;
    struct sk_err err = {0};
    assert_error(sk_pickle_read(&p, data, len, "data_batch_1", &err), SK_INPUT, err, message);
    assert_null(p.root);
    assert_null(p.blocks);
}

static void stored_pickles_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"evil2", "'data_batch_1': pickle opcode 'c' at byte 16 names 'posix system', only numpy arrays are read"},
        {"evil4", "pickle opcode 0x93 at byte 37 names 'posix system', only numpy arrays are read"},
        {"batch_int64", "makes an array of 'i8', expected 'u1' (uint8)"},
        {"batch_fortran", "fills an array in Fortran order"},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_err err = {0};
        char path[SK_PATH], *data;
        size_t len;
        snprintf(path, sizeof(path), PICKLES "%s.pickle", rows[i][0]);
        assert_ok(sk_file_read(path, 1 << 20, &data, &len, &err), err);
        assert_refused(data, len, rows[i][1]);
        sk_free(data);
    }
    assert_int_equal(access("/tmp/skua-pickle-was-executed", F_OK), -1);
}

#define NUMPY "cnumpy.core.multiarray\n_reconstruct\n"

static void hostile_pickles_are_refused(void **state)
{
    (void)state;
#define ROW(pickle, message)                                                                                           \
    {                                                                                                                  \
        pickle, sizeof(pickle) - 1, message                                                                            \
    }
    static const struct {
        const char *pickle;
        size_t len;
        const char *message;
    } rows[] = {
        ROW("\x80\2cos\nsystem\n(U\2lstR.", "pickle opcode 'c' at byte 2 names 'os system', only numpy"),
        ROW("\x80\2c__builtin__\neval\n.", "names '__builtin__ eval'"),
        ROW("\x80\2cnumpy.core.multiarray \n_reconstruct\n.", "only numpy arrays are read"),
        ROW("\x80\2(U\2lsios\nsystem\n.", "pickle opcode 'i' at byte 7 is not one of those"),
        ROW("\x80\2\x82\1.", "pickle opcode 0x82 at byte 2 is not one of those"),
        ROW("\x80\2P1\n.", "'P'"),
        ROW("\x80\1.", "says protocol 1, expected 2 to 5"),
        ROW("\x80\6.", "says protocol 6"),
        ROW("(lp0\n.", "is not a pickle of protocol 2 to 5"),
        ROW("", "'data_batch_1' is empty"),
        ROW("\x80", "is cut off"),
        ROW("\x80\2]", "ends without a stop"),
        ROW("\x80\2.", "finds no finished value"),
        ROW("\x80\2(K\1.", "finds no finished value"),
        ROW("\x80\2U\5abc", "is cut off: 5 bytes said, 3 left"),
        ROW("\x80\2T\xff\xff\xff\xff", "is cut off: 4294967295 bytes said, 0 left"),
        ROW("\x80\4\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "is cut off: 18446744073709551615 bytes said"),
        ROW("\x80\2h\1.", "asks for memo entry 1, which is not there"),
        ROW("\x80\2Nr\xff\xff\xff\xff.", "numbers memo entry 4294967295"),
        ROW("\x80\2q\1.", "finds fewer than 1 values"),
        ROW("\x80\2t.", "finds no mark"),
        ROW("\x80\2K\1\x86.", "finds fewer than 2 values"),
        ROW("\x80\2K\1(K\2\x86.", "finds fewer than 2 values"),
        ROW("\x80\2K\1K\2a.", "finds no list to add to"),
        ROW("\x80\2](K\1ee.", "finds no mark"),
        ROW("\x80\2}(K\1u.", "finds a key without a value"),
        ROW("\x80\2](K\1u.", "finds no dictionary to add to"),
        ROW("\x80\2(e.", "finds no list to add to"),
        ROW("\x80\2\x8a\x09xxxxxxxxx.", "holds a number of 9 bytes"),
        ROW("\x80\2K\1)R.", "calls something that is no function"),
        ROW("\x80\2cnumpy\nndarray\n)R.", "calls something that is no function"),
        ROW("\x80\2cnumpy\ndtype\n)R.", "makes a dtype without a name"),
        ROW("\x80\2" NUMPY ")R.", "makes something else than an array"),
        ROW("\x80\2" NUMPY "K\1K\1K\1\x87R.", "makes something else than an array"),
        ROW("\x80\2K\1)b.", "sets the state of something that is no new array"),
        ROW("\x80\2c_codecs\nencode\nX\1\0\0\0aX\5\0\0\0utf-8\x86R.", "encodes something else than text as latin1"),
        ROW("\x80\2c_codecs\nencode\nX\3\0\0\0\xe2\x82\xacX\6\0\0\0latin1\x86R.", "a letter that is not of latin1"),
        ROW("\x80\2c_codecs\nencode\nX\1\0\0\0\xc3X\6\0\0\0latin1\x86R.", "a letter that is not of latin1"),
        ROW("\x80\2c__builtin__\nbytes\n(K\1tR.", "makes bytes from a value"),
        ROW("\x80\4K\1K\2\x93.", "finds no name on the stack"),
        ROW("\x80\2((((((((((((((((((((((((((((((((((((((((.", "nests deeper than 32"),
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++)
        assert_refused(rows[i].pickle, rows[i].len, rows[i].message);
}

#define ARRAY "\x80\2" NUMPY "cnumpy\nndarray\nK\0\x85U\1b\x87R(K\1"
#define U1    "cnumpy\ndtype\nU\2u1K\0K\1\x87R"

static void hostile_arrays_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t len;
        const char *message;
    } rows[] = {
        ROW(ARRAY "K\3\x85" U1 "\x89U\2abtb.", "fills an array of 3 bytes with 2"),
        ROW(ARRAY "J\xff\xff\xff\xff\x85" U1 "\x89U\2abtb.", "whose shape is wrong"),
        ROW(ARRAY "(\x8a\7\0\0\0\0\0\0\1\x8a\7\0\0\0\0\0\0\1\x8a\7\0\0\0\0\0\0\1t" U1 "\x89U\2abtb.",
            "whose shape is wrong"),
        ROW(ARRAY "(K\1K\1K\1K\1K\1t" U1 "\x89U\1atb.", "of 5 dimensions, expected at most 4"),
        ROW(ARRAY "K\2\x85"
                  "cnumpy\ndtype\nU\2f4K\0K\1\x87R\x89U\2abtb.",
            "makes an array of 'f4', expected 'u1'"),
        ROW(ARRAY "K\2\x85" U1 "\x88U\2abtb.", "fills an array in Fortran order"),
        ROW(ARRAY "K\2\x85" U1 "\x89]tb.", "something else than shape, dtype and bytes"),
        ROW(ARRAY "K\2\x85K\1\x89U\2abtb.", "something else than shape, dtype and bytes"),
        ROW(ARRAY "K\2\x85" U1 "U\2abtb.", "sets a state that is none of an array"),
        ROW(ARRAY "K\2\x85" U1 "\x89U\2abtb(K\1K\2\x85" U1 "\x89U\2abtb.", "something that is no new array"),
        ROW("\x80\2cnumpy.core.numeric\n_frombuffer\n(U\2ab" U1 "K\2\x85U\1FtR.", "not in C order"),
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++)
        assert_refused(rows[i].pickle, rows[i].len, rows[i].message);
}

/* The same byte sequence over and over, between a beginning and an end. */
static void assert_flood(const char *begin, size_t begin_len, const char *unit, size_t unit_len, const char *message)
{
    enum { TIMES = 2 << 20 };
    char *data = malloc(begin_len + unit_len * TIMES);
    memcpy(data, begin, begin_len);
    for (size_t i = 0; i < TIMES; i++)
        memcpy(data + begin_len + i * unit_len, unit, unit_len);
    assert_refused(data, begin_len + unit_len * TIMES, message);
    free(data);
}

static void floods_are_bounded(void **state)
{
    (void)state;
    assert_flood("\x80\2", 2, "N", 1, "puts more than 131072 values on the stack");
    assert_flood("\x80\2]", 3, "Na", 2, "comes after 1048576 others");
    assert_flood("\x80\2]q\0", 5, "h\0a", 3, "comes after 1048576 others"); /* a list that holds itself */
    /* one text decoded again and again */
    char begin[5000] = "\x80\2c_codecs\nencode\nq\0X\xa0\x0f\0\0";
    memset(begin + 25, 'x', 4000);
    memcpy(begin + 4025, "q\1X\6\0\0\0latin1q\2]", 16);
    assert_flood(begin, 4041, "(h\0h\1h\2\x86Re", 10, "decodes more text than the pickle holds");
}

static void values_are_read(void **state)
{
    (void)state;
    struct sk_pickle p;
    struct sk_err err = {0};
    static const char pickle[] =
        "\x80\2(NK\xffM\xff\xffJ\xff\xff\xff\xff\x8a\0\x8a\2\0\xff\x8a\1\x7f\x88\x89K\1\x85)K\1K\2\x86t.";
    static const int64_t want[] = {0, 255, 65535, -1, 0, -256, 127, 1, 0};
    assert_ok(sk_pickle_read(&p, pickle, sizeof(pickle) - 1, "x", &err), err);
    assert_int_equal(p.root->kind, SK_PICKLE_TUPLE);
    assert_int_equal(p.root->count, 12);
    for (size_t i = 0; i < SK_COUNT(want); i++)
        assert_true(p.root->item[i]->number == want[i]);
    assert_int_equal(p.root->item[0]->kind, SK_PICKLE_NONE);
    assert_int_equal(p.root->item[7]->kind, SK_PICKLE_BOOL);
    assert_int_equal(p.root->item[9]->count, 1);
    assert_int_equal(p.root->item[10]->count, 0);
    assert_int_equal(p.root->item[11]->item[1]->number, 2);
    sk_pickle_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_pickles_are_read),       cmocka_unit_test(stored_pickles_are_refused),
        cmocka_unit_test(hostile_pickles_are_refused), cmocka_unit_test(hostile_arrays_are_refused),
        cmocka_unit_test(floods_are_bounded),          cmocka_unit_test(values_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

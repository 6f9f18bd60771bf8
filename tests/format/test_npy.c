/* npy: arrays of the real package, hostile headers, writing. */
#include "test.h"

#include <stdio.h>

#include "format/format.h"

#define DATA SKUA_TEST_DIR "/format/data/"

static void every_type_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum sk_elem elem;
    } rows[] = {
        {"float16", SK_ELEM_F16}, {"float32", SK_ELEM_F32}, {"float64", SK_ELEM_F64}, {"int8", SK_ELEM_I8},
        {"int16", SK_ELEM_I16},   {"int32", SK_ELEM_I32},   {"int64", SK_ELEM_I64},   {"uint8", SK_ELEM_U8},
        {"uint16", SK_ELEM_U16},  {"uint32", SK_ELEM_U32},  {"uint64", SK_ELEM_U64},  {"bool", SK_ELEM_BOOL},
    };
    struct sk_err err = {0};
    struct sk_npy a;
    char path[SK_PATH];
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        float values[6];
        snprintf(path, sizeof(path), DATA "%s.npy", rows[i].file);
        assert_ok(sk_npy_open(&a, path, &err), err);
        assert_int_equal(a.elem, rows[i].elem);
        assert_int_equal(a.rank, 2);
        assert_int_equal(a.dim[0], 2);
        assert_int_equal(a.dim[1], 3);
        if (sk_elem_is_float(a.elem)) {
            assert_true(sk_elem_to_f32(a.elem, a.data, values, 6));
            assert_true(values[5] == 100 && values[4] == 4);
        } else if (sk_elem_is_integer(a.elem)) {
            assert_int_equal(sk_elem_integer(a.elem, a.data, 5), 100);
            assert_int_equal(sk_elem_integer(a.elem, a.data, 0), 0);
        } else {
            assert_memory_equal(a.data, "\0\1\1\1\1\1", 6);
        }
        sk_npy_close(&a);
    }
}

static void integers_keep_their_sign(void **state)
{
    (void)state;
    const int8_t small[] = {-128, 127};
    const int64_t large[] = {INT64_MIN, INT64_MAX};
    const uint64_t huge[] = {UINT64_MAX, 7};
    assert_true(sk_elem_integer(SK_ELEM_I8, small, 0) == -128);
    assert_true(sk_elem_integer(SK_ELEM_U8, small, 0) == 128);
    assert_true(sk_elem_integer(SK_ELEM_I64, large, 0) == INT64_MIN);
    assert_true(sk_elem_integer(SK_ELEM_U64, huge, 0) == INT64_MAX);
    assert_true(sk_elem_integer(SK_ELEM_U64, huge, 1) == 7);
}

static void every_version_is_read(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_npy a;
    char path[SK_PATH];
    for (int version = 1; version <= 3; version++) {
        snprintf(path, sizeof(path), DATA "version%d.npy", version);
        assert_ok(sk_npy_open(&a, path, &err), err);
        assert_int_equal(a.rank, 3);
        assert_int_equal(a.dim[2], 4);
        assert_true(((const float *)a.data)[23] == 23.0f);
        sk_npy_close(&a);
    }
}

static void odd_shapes_are_read(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_npy a;
    assert_ok(sk_npy_open(&a, DATA "scalar.npy", &err), err);
    assert_int_equal(a.rank, 0);
    assert_true(*(const float *)a.data == 2.5f);
    sk_npy_close(&a);
    assert_ok(sk_npy_open(&a, DATA "vector.npy", &err), err);
    assert_int_equal(a.rank, 1);
    assert_int_equal(sk_elem_integer(a.elem, a.data, 2), 2);
    sk_npy_close(&a);
    assert_ok(sk_npy_open(&a, DATA "empty.npy", &err), err);
    assert_int_equal(a.bytes, 0);
    sk_npy_close(&a);
    sk_npy_close(&a);
}

static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"bad_fortran.npy", "Fortran order"}, {"bad_endian.npy", "of type '>f4'"},
        {"bad_object.npy", "of type '|O'"},   {"bad_text.npy", "of type '<U2'"},
        {"bad_complex.npy", "of type '<c8'"}, {"bad_rank.npy", "more than 8 dimensions"},
    };
    struct sk_err err = {0};
    struct sk_npy a;
    char path[SK_PATH];
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        snprintf(path, sizeof(path), DATA "%s", rows[i][0]);
        assert_error(sk_npy_open(&a, path, &err), SK_UNSUPPORTED, err, rows[i][1]);
        assert_null(a.map);
    }
    assert_error(sk_npy_open(&a, DATA "bad_struct.npy", &err), SK_INPUT, err, "expected the name of an element type");
}

/* A version 1.0 file with this header, followed by data zero bytes. */
static const char *craft(const char *header, size_t data)
{
    static char file[4096];
    size_t len = strlen(header);
    memcpy(file, "\x93NUMPY\1\0", 8);
    file[8] = (char)(len & 255);
    file[9] = (char)(len >> 8);
    memcpy(file + 10, header, len);
    memset(file + 10 + len, 0, data);
    return test_put("crafted.npy", file, 10 + len + data);
}

#define HEAD "{'descr': '|u1', 'fortran_order': False, 'shape': "

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *message;
    } rows[] = {
        {HEAD "(3,), }\n", 2, "is truncated: expected 3 bytes of array data, found 2"},
        {HEAD "(3,), }\n", 4, "is too long: expected 3 bytes of array data, found 4"},
        {HEAD "(4294967296, 4294967296, 2), }\n", 0, "the size of its array overflows"},
        {HEAD "(99999999999999999999,), }\n", 0, "expected a dimension below 2^63"},
        {HEAD "(-1,), }\n", 0, "expected a dimension"},
        {HEAD "(1 1), }\n", 1, "expected ',' or ')'"},
        {HEAD "(1,", 1, "expected a dimension"},
        {HEAD "[1], }\n", 1, "expected a tuple"},
        {HEAD "(1,), } x\n", 1, "expected nothing after '}'"},
        {HEAD "(1,)", 1, "expected '}'"},
        {"{'descr': '|u1', 'descr': '|u1', 'shape': (1,)}", 1, "each once"},
        {"{'descr': '|u1', 'order': False, 'shape': (1,)}", 1, "each once"},
        {"{'descr': '|u1', 'shape': (1,)}", 1, "expected ','"},
        {"{'descr': '|u1', 'fortran_order': None, 'shape': (1,)}", 1, "True or False"},
        {"{'descr': '|u1|u1|u1|u1|u1|u1', 'fortran_order': False}", 1, "name of an element type"},
        {"{'descr': 'a\\", 1, "name of an element type"},
        {"", 1, "expected '{'"},
        {"(1,)", 1, "expected '{'"},
    };
    struct sk_err err = {0};
    struct sk_npy a;
    for (size_t i = 0; i < SK_COUNT(rows); i++)
        assert_error(sk_npy_open(&a, craft(rows[i].header, rows[i].data), &err), SK_INPUT, err, rows[i].message);
    assert_ok(sk_npy_open(&a, craft("{\"shape\":(1,2L),\"fortran_order\":False,\"descr\":\"|u1\"}", 2), &err), err);
    sk_npy_close(&a);
}

static void hostile_files_are_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_npy a;
    assert_error(sk_npy_open(&a, test_path("absent.npy"), &err), SK_INPUT, err, "absent.npy': No such file");
    assert_error(sk_npy_open(&a, test_put("a.npy", "", 0), &err), SK_INPUT, err, "does not begin with");
    assert_error(sk_npy_open(&a, test_put("a.npy", "\x93NUMPY\1\0\xff\xff", 10), &err), SK_INPUT, err, "does not fit");
    assert_error(sk_npy_open(&a, test_put("a.npy", "\x93NUMPY\2\0\1\0", 10), &err), SK_INPUT, err, "does not fit");
    assert_error(sk_npy_open(&a, test_put("a.npy", "\x93NUMPY\2\0\1\0\0\xff{", 13), &err), SK_INPUT, err,
                 "does not fit");
    assert_error(sk_npy_open(&a, test_put("a.npy", "\x93NUMPY\4\0\1\0{}", 12), &err), SK_UNSUPPORTED, err,
                 "npy version 4.0");
    assert_error(sk_npy_open(&a, test_put("a.npy", "\x89PNG...........", 15), &err), SK_INPUT, err,
                 "is not an npy file");
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_npy a, real;
    float values[24];
    const int64_t dim[] = {2, 3, 4, 1, 1, 1, 1, 1};
    for (int i = 0; i < 24; i++)
        values[i] = (float)i;
    for (int rank = 3; rank <= 8; rank++) {
        const char *path = test_path("written.npy");
        assert_ok(sk_npy_write(path, SK_ELEM_F32, rank, dim, values, &err), err);
        assert_ok(sk_npy_open(&a, path, &err), err);
        assert_int_equal(a.rank, rank);
        assert_int_equal((uintptr_t)a.data % 64, 0);
        assert_memory_equal(a.data, values, sizeof(values));
        if (rank == 3) { /* byte for byte what NumPy writes, but for spaces */
            assert_ok(sk_npy_open(&real, DATA "version1.npy", &err), err);
            assert_int_equal(a.map_size, real.map_size);
            sk_npy_close(&real);
        }
        sk_npy_close(&a);
    }
    assert_ok(sk_npy_write(test_path("scalar.npy"), SK_ELEM_F32, 0, dim, values, &err), err);
    assert_ok(sk_npy_open(&a, test_path("scalar.npy"), &err), err);
    assert_int_equal(a.rank, 0);
    sk_npy_close(&a);
    assert_error(sk_npy_write(test_path("b.npy"), SK_ELEM_BF16, 1, dim, values, &err), SK_UNSUPPORTED, err, "BF16");
    assert_error(sk_npy_write("/dev/full", SK_ELEM_F32, 3, dim, values, &err), SK_IO, err, "No space left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),           cmocka_unit_test(integers_keep_their_sign),
        cmocka_unit_test(every_version_is_read),        cmocka_unit_test(odd_shapes_are_read),
        cmocka_unit_test(what_cannot_be_read_is_named), cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(hostile_files_are_refused),    cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

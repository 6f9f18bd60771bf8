/* safetensors: files of the real package, hostile headers, writing. */
#include "test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "format/format.h"

#define DATA SKUA_TEST_DIR "/format/data/"

/* A file whose header is text, in the length that says, followed by data zero bytes. */
static const char *craft(const char *text, size_t text_len, uint64_t says, size_t data)
{
    size_t len = sizeof(says) + text_len + data;
    char *file = calloc(1, len);
    memcpy(file, &says, sizeof(says));
    memcpy(file + sizeof(says), text, text_len);
    const char *path = test_put("crafted.safetensors", file, len);
    free(file);
    return path;
}

static void assert_refused(const char *header, size_t data, enum sk_code code, const char *message)
{
    struct sk_err err = {0};
    struct sk_safetensors st;
    assert_error(sk_st_open(&st, craft(header, strlen(header), strlen(header), data), &err), code, err, message);
    assert_null(st.tensor);
    assert_null(st.map);
}

static void assert_same_as(const struct sk_safetensors *st, const char *name, const char *expected)
{
    struct sk_err err = {0};
    float found[16], want[16];
    const struct sk_st_tensor *t = sk_st_find(st, name), *e = sk_st_find(st, expected);
    assert_non_null(t);
    assert_non_null(e);
    assert_int_equal(t->dim[0], 10);
    assert_ok(sk_st_to_f32(t, found, 10, &err), err);
    assert_ok(sk_st_to_f32(e, want, 10, &err), err);
    assert_memory_equal(found, want, 10 * sizeof(float));
}

static void real_file_is_read(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_safetensors st;
    float weight[24];
    assert_ok(sk_st_open(&st, DATA "mixed.safetensors", &err), err);
    assert_int_equal(st.count, 13);
    const struct sk_st_tensor *t = sk_st_find(&st, "layer1.0.conv1.weight");
    assert_non_null(t);
    assert_int_equal(t->elem, SK_ELEM_F32);
    assert_int_equal(t->rank, 4);
    assert_int_equal(t->dim[1], 3);
    assert_ok(sk_st_to_f32(t, weight, 24, &err), err);
    for (int i = 0; i < 24; i++)
        assert_true(weight[i] == (float)i * 0.5f - 1);
    assert_same_as(&st, "halves", "halves.expected");
    assert_same_as(&st, "brains", "brains.expected");
    t = sk_st_find(&st, "bn1.num_batches_tracked");
    assert_int_equal(t->rank, 0);
    assert_int_equal(sk_elem_integer(t->elem, t->data, 0), 1234567890123);
    t = sk_st_find(&st, "empty");
    assert_int_equal(t->bytes, 0);
    assert_int_equal(t->dim[1], 7);
    for (size_t i = 0; i < 4; i++) {
        static const char *const name[] = {"int8", "int16", "int32", "uint8"};
        t = sk_st_find(&st, name[i]);
        assert_int_equal(sk_elem_integer(t->elem, t->data, 2), 100);
    }
    assert_string_equal(sk_st_meta(&st, "recipe"), "name: x\nüñí");
    assert_string_equal(sk_st_meta(&st, "empty"), "");
    assert_null(sk_st_meta(&st, "absent"));
    assert_null(sk_st_find(&st, "absent"));
    sk_st_close(&st);
    sk_st_close(&st);
}

static void conversion_is_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_safetensors st;
    float out[4];
    assert_ok(sk_st_open(&st, DATA "mixed.safetensors", &err), err);
    assert_error(sk_st_to_f32(sk_st_find(&st, "doubles"), out, 4, &err), SK_INPUT, err,
                 "tensor 'doubles' has 10 elements, expected 4");
    assert_error(sk_st_to_f32(sk_st_find(&st, "int16"), out, 3, &err), SK_INPUT, err,
                 "tensor 'int16' is of type I16, expected a floating type");
    sk_st_close(&st);
}

static void halves_are_exact(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        int exponent = (int)(bits >> 10 & 31);
        double fraction = (double)(bits & 1023) / 1024,
               want = ldexp(exponent ? 1 + fraction : fraction, (exponent ? exponent : 1) - 15);
        float found = sk_f16_to_f32((uint16_t)bits);
        if (exponent == 31 && fraction > 0) {
            assert_true(isnan(found));
            continue;
        }
        if (exponent == 31)
            want = (double)INFINITY;
        assert_true((double)found == (bits & 0x8000 ? -want : want));
        assert_int_equal(signbit(found) != 0, bits >> 15);
    }
}

static void hostile_places_are_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_safetensors st;
    static const char header[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    size_t len = sizeof(header) - 1;
    assert_error(sk_st_open(&st, test_path("absent"), &err), SK_INPUT, err, "absent': No such file");
    assert_error(sk_st_open(&st, test_folder(), &err), SK_INPUT, err, "not a regular file");
    assert_error(sk_st_open(&st, test_put("short", "1234567", 7), &err), SK_INPUT, err, "has only 7 bytes");
    assert_error(sk_st_open(&st, test_put("short", "", 0), &err), SK_INPUT, err, "has only 0 bytes");
    assert_error(sk_st_open(&st, craft(header, len, UINT64_MAX, 1), &err), SK_INPUT, err,
                 "length of a header (18446744073709551615,");
    assert_error(sk_st_open(&st, craft(header, len, 100000001, 1), &err), SK_INPUT, err, "(100000001, at most 100000000)");
    assert_error(sk_st_open(&st, craft(header, len, len + 2, 1), &err), SK_INPUT, err, "does not fit");
    assert_error(sk_st_open(&st, craft(header, len, 0, 1), &err), SK_INPUT, err, "does not begin with '{'");
    assert_error(sk_st_open(&st, craft(header, len, len - 1, 1), &err), SK_INPUT, err, "is not a safetensors file");
    assert_error(sk_st_open(&st, craft(header, len, len, 0), &err), SK_INPUT, err, "do not lie in the 0 bytes");
    assert_error(sk_st_open(&st, craft(header, len, len, 2), &err), SK_INPUT, err, "1 bytes after the last tensor");
    assert_ok(sk_st_open(&st, craft(header, len, len, 1), &err), err);
    sk_st_close(&st);
}

#define T(name, type, shape, begin, end)                                                                               \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        enum sk_code code;
        const char *message;
    } rows[] = {
        {"{" T("a", "U8", "4", "0", "4") "," T("b", "U8", "4", "2", "6") "}", 6, SK_INPUT, "overlap before tensor 'b'"},
        {"{" T("a", "U8", "4", "0", "4") "," T("b", "U8", "4", "0", "4") "}", 4, SK_INPUT, "overlap before tensor"},
        {"{" T("a", "U8", "4", "0", "4") "," T("b", "U8", "1", "5", "6") "}", 6, SK_INPUT, "a hole before tensor 'b'"},
        {"{" T("a", "U8", "4", "1", "5") "}", 5, SK_INPUT, "a hole before tensor 'a'"},
        {"{" T("a", "U8", "4", "0", "4") "," T("a", "U8", "4", "4", "8") "}", 8, SK_INPUT, "duplicate"},
        {"{" T("a", "F32", "1", "4", "0") "}", 4, SK_INPUT, "data_offsets [4, 0] of tensor 'a'"},
        {"{" T("a", "F32", "1", "-4", "0") "}", 4, SK_INPUT, "data_offsets [-4, 0] of tensor 'a'"},
        {"{" T("a", "F32", "1", "0", "9223372036854775807") "}", 4, SK_INPUT, "do not lie in the 4 bytes"},
        {"{" T("a", "F32", "1", "0", "18446744073709551616") "}", 4, SK_INPUT, "is not a safetensors file"},
        {"{" T("a", "F32", "4294967296,4294967296,4", "0", "0") "}", 0, SK_INPUT, "the size of tensor 'a' overflows"},
        {"{" T("a", "F32", "2", "0", "4") "}", 4, SK_INPUT, "has 4 bytes, expected 8 by its shape"},
        {"{" T("a", "F32", "-1", "0", "4") "}", 4, SK_INPUT, "not a natural number"},
        {"{" T("a", "F32", "1.0", "0", "4") "}", 4, SK_INPUT, "not a natural number"},
        {"{" T("a", "F32", "1,1,1,1,1,1,1,1,1", "0", "4") "}", 4, SK_UNSUPPORTED, "9 dimensions"},
        {"{" T("a", "F31", "1", "0", "4") "}", 4, SK_UNSUPPORTED, "of type 'F31'"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, SK_INPUT, "data_offsets"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, SK_INPUT, "other than dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1],\"x\":1}}", 1, SK_INPUT, "no shape"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, SK_INPUT, "no dtype"},
        {"{\"a\":7}", 0, SK_INPUT, "no dtype"},
        {"{\"__metadata__\":7}", 0, SK_INPUT, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"k\":7}}", 0, SK_INPUT, "__metadata__ 'k' is not a string"},
        {"{\"a\":[[[[[[]]]]]]}", 0, SK_INPUT, "nests deeper than 4"},
        {"{\"a\xff\":{}}", 0, SK_INPUT, "unable to decode byte 0xff"},
        {"{\"a\\u0000\":{}}", 0, SK_INPUT, "is not a safetensors file"},
        {"{} x", 0, SK_INPUT, "is not a safetensors file"},
        {"{", 0, SK_INPUT, "is not a safetensors file"},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++)
        assert_refused(rows[i].header, rows[i].data, rows[i].code, rows[i].message);
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    enum { COUNT = 3 << 20 };
    char *header = malloc(COUNT + 1);
    memset(header, ',', COUNT);
    header[0] = '{';
    header[COUNT] = '\0';
    assert_refused(header, 0, SK_INPUT, "more than 2097152 values");
    free(header);
}

static void unknown_type_is_unsupported(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_safetensors st;
    assert_error(sk_st_open(&st, DATA "float8.safetensors", &err), SK_UNSUPPORTED, err, "of type 'F8_E5M2'");
}

static struct sk_st_tensor tensor_of(char *name, enum sk_elem elem, int64_t count, const void *data)
{
    return (struct sk_st_tensor){.name = name,
                                 .elem = elem,
                                 .rank = 1,
                                 .dim = {count},
                                 .data = data,
                                 .bytes = (size_t)count * sk_elem_size(elem)};
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_safetensors st;
    static const float weights[] = {1.5f, -2.0f, 0.0f};
    static const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct sk_st_tensor tensors[] = {tensor_of("fc.weight", SK_ELEM_F32, 3, weights),
                                     tensor_of("none", SK_ELEM_F32, 0, NULL),
                                     tensor_of("\"quoted\" ü", SK_ELEM_U8, 5, bytes)};
    struct sk_st_meta meta[] = {{"recipe", "a: \"b\"\n\tc"}, {"classes", "[\"ä\"]"}};
    const char *path = test_path("written.safetensors");
    assert_ok(sk_st_write(path, tensors, 3, meta, 2, &err), err);
    assert_ok(sk_st_open(&st, path, &err), err);
    assert_int_equal(st.count, 3);
    assert_int_equal((uintptr_t)st.tensor[0].data % 8, 0);
    assert_string_equal(st.tensor[0].name, "fc.weight");
    assert_memory_equal(st.tensor[0].data, weights, sizeof(weights));
    assert_string_equal(st.tensor[2].name, "\"quoted\" ü");
    assert_memory_equal(st.tensor[2].data, bytes, sizeof(bytes));
    assert_string_equal(sk_st_meta(&st, "recipe"), "a: \"b\"\n\tc");
    assert_string_equal(sk_st_meta(&st, "classes"), "[\"ä\"]");
    sk_st_close(&st);
    assert_ok(sk_st_write(path, NULL, 0, NULL, 0, &err), err);
    assert_ok(sk_st_open(&st, path, &err), err);
    assert_int_equal(st.count + st.meta_count, 0);
    sk_st_close(&st);
}

static void bad_writes_are_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    static const float weights[] = {1, 2, 3};
    struct sk_st_tensor twice[] = {tensor_of("a", SK_ELEM_F32, 3, weights), tensor_of("a", SK_ELEM_F32, 3, weights)};
    struct sk_st_tensor latin = tensor_of("\xe4", SK_ELEM_F32, 3, weights),
                        wrong = tensor_of("a", SK_ELEM_F32, 3, weights);
    struct sk_st_meta meta = {"k", "\xff"};
    const char *path = test_path("refused.safetensors");
    wrong.bytes = 8;
    assert_error(sk_st_write(path, twice, 2, NULL, 0, &err), SK_BUG, err, "'a' is written twice");
    assert_error(sk_st_write(path, &latin, 1, NULL, 0, &err), SK_INPUT, err, "is not UTF-8");
    assert_error(sk_st_write(path, twice, 1, &meta, 1, &err), SK_INPUT, err, "the value of 'k' is not UTF-8");
    assert_error(sk_st_write(path, &wrong, 1, NULL, 0, &err), SK_BUG, err, "tensor 'a' has 8 bytes");
    assert_false(sk_is_file(path));
    assert_error(sk_st_write(test_path("no/where"), twice, 1, NULL, 0, &err), SK_IO, err, "cannot create");
}

static void full_disk_leaves_no_file(void **state)
{
    (void)state;
    struct sk_err err = {0};
    static const float weights[4096];
    struct sk_st_tensor t = tensor_of("a", SK_ELEM_F32, 4096, weights);
    const char *path = test_path("full.safetensors");
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){4096, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum sk_code code = sk_st_write(path, &t, 1, NULL, 0, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_error(code, SK_IO, err, "cannot write");
    assert_false(sk_is_file(path));
    assert_error(sk_st_write("/dev/full", &t, 1, NULL, 0, &err), SK_IO, err, "No space left");
    assert_int_equal(access("/dev/full", F_OK), 0);
}

static void lack_of_memory_is_reported(void **state)
{
    (void)state;
    struct sk_safetensors st;
    for (long n = 1;; n++) {
        struct sk_err err = {0};
        sk_mem_fail_after(n);
        enum sk_code code = sk_st_open(&st, DATA "mixed.safetensors", &err);
        sk_mem_fail_after(0);
        if (code == SK_OK) {
            assert_true(n > 1);
            break;
        }
        assert_error(code, SK_NOMEM, err, "not enough memory");
    }
    sk_st_close(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_file_is_read),
        cmocka_unit_test(conversion_is_refused),
        cmocka_unit_test(halves_are_exact),
        cmocka_unit_test(hostile_places_are_refused),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(unknown_type_is_unsupported),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(bad_writes_are_refused),
        cmocka_unit_test(full_disk_leaves_no_file),
        cmocka_unit_test(lack_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

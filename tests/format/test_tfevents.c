/* TensorBoard's event files: checksums by RFC 3720, records byte for byte as TensorBoard's own writer makes them, and
 * histograms by their definition. */
#include "test.h"

#include <float.h>
#include <math.h>

#include "format/format.h"

static void crc32c_gives_the_vectors_of_rfc_3720(void **state)
{
    static const unsigned char read_command[48] = {
        /* appendix B.4: an iSCSI SCSI Read (10) command PDU */
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02};
    unsigned char bytes[4][32];
    (void)state;
    memset(bytes[0], 0, 32);
    memset(bytes[1], 0xff, 32);
    for (int i = 0; i < 32; i++) {
        bytes[2][i] = (unsigned char)i;
        bytes[3][i] = (unsigned char)(31 - i);
    }
    static const uint32_t expected[4] = {0x8a9136aa, 0x62a8ab43, 0x46dd794e, 0x113fdb5c};
    for (int i = 0; i < 4; i++)
        assert_int_equal(sk_crc32c(bytes[i], 32), expected[i]);
    assert_int_equal(sk_crc32c(read_command, sizeof(read_command)), 0xd9963a56);
    assert_int_equal(sk_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(sk_crc32c("", 0), 0);
}

static void assert_hex(struct sk_str *record, const char *expected)
{
    char *hex = calloc(record->len + 1, 2);
    assert_non_null(hex);
    for (size_t i = 0; i < record->len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)record->text[i]);
    assert_string_equal(hex, expected);
    free(hex);
    sk_str_release(record);
}

/* Expected: tensorboard 2.21, summary.writer.record_writer.RecordWriter with Event(wall_time=1700000000.25, step=300).
 */
static void records_are_those_of_tensorboard(void **state)
{
    const struct sk_event_time time = {1700000000.25, 300};
    const struct sk_event_scalar scalars[] = {{"train/loss", 2.5}, {"lr", 0}};
    const struct sk_event_image image = {2, 3, 1, "PNG", 3};
    struct sk_str out = {0};
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_event_scalars(&out, time, scalars, SK_COUNT(scalars), &err), err);
    assert_hex(&out, "2c00000000000000f4aecc450900001040fc54d94110ac022a1e0a110a0a747261696e2f6c6f73731500002040"
                     "0a090a026c72150000000047d92332");
    assert_ok(sk_event_start(&out, time, &err), err);
    assert_hex(&out, "100000000000000095fbfe180900001040fc54d94110ac023a0208016b3b88f1");
    assert_ok(sk_event_image(&out, time, "p", &image, &err), err);
    assert_hex(&out,
               "200000000000000029eda9500900001040fc54d94110ac022a120a100a0170220b0802100318012203504e476400f57e");
}

static void records_follow_each_other(void **state)
{
    struct sk_str both = {0}, one = {0};
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_event_version(&one, 1, &err), err);
    assert_ok(sk_event_version(&both, 1, &err), err);
    assert_ok(sk_event_version(&both, 1, &err), err);
    assert_int_equal(both.len, 2 * one.len);
    assert_memory_equal(both.text, one.text, one.len);
    assert_memory_equal(both.text + one.len, one.text, one.len);
    sk_str_release(&both);
    sk_str_release(&one);
}

/* Each value is in the one bucket whose limits hold it. */
static void buckets_hold_what_their_limits_say(void **state)
{
    static const float values[] = {0,    -0.0F, 1e-12F, -1e-12F, 1e-13F,  -1e-13F,  1,       -1,       1.1F,  1.21F,
                                   0.3F, -0.3F, 1e20F,  -1e20F,  3.4e38F, -3.4e38F, FLT_MIN, -FLT_MIN, 1e-45F};
    struct sk_histogram h;
    (void)state;
    for (size_t v = 0; v < SK_COUNT(values); v++) {
        sk_histogram_make(&h, &values[v], 1);
        assert_int_equal(h.count, 1);
        assert_true(h.min == values[v] && h.max == values[v] && h.sum == values[v]);
        for (int i = 0; i < SK_HISTOGRAM_BUCKETS; i++) {
            bool above = i == 0 || values[v] >= h.limit[i - 1];
            assert_int_equal(h.bucket[i], above && values[v] < h.limit[i]);
        }
    }
}

static void limits_are_tensorflows(void **state)
{
    struct sk_histogram h;
    (void)state;
    sk_histogram_make(&h, NULL, 0);
    assert_true(h.limit[SK_HISTOGRAM_SIDE] == 0 && h.limit[SK_HISTOGRAM_SIDE + 1] == 1e-12);
    assert_true(h.limit[SK_HISTOGRAM_BUCKETS - 1] == DBL_MAX);
    double v = 1e-12;
    int n = 0;
    for (; v < 1e20; v *= 1.1, n++) { /* as InitDefaultBucketsInner */
        assert_true(h.limit[SK_HISTOGRAM_SIDE + 1 + n] == v);
        assert_true(h.limit[SK_HISTOGRAM_SIDE - 1 - n] == -v);
    }
    assert_int_equal(n, SK_HISTOGRAM_SIDE);
}

static void values_that_are_no_numbers_are_left_out(void **state)
{
    const float values[] = {NAN, 2, INFINITY, -INFINITY, -1};
    struct sk_histogram h;
    (void)state;
    sk_histogram_make(&h, values, SK_COUNT(values));
    assert_int_equal(h.count, 2);
    assert_true(h.min == -1 && h.max == 2 && h.sum == 1 && h.sum_squares == 5);
    sk_histogram_make(&h, values, 1);
    assert_int_equal(h.count, 0);
    assert_true(h.min == 0 && h.max == 0);
}

static void want_of_memory_is_told(void **state)
{
    struct sk_histogram h;
    (void)state;
    sk_histogram_make(&h, &(float){1}, 1);
    for (long n = 1; n <= 8; n++) {
        struct sk_str out = {0};
        struct sk_err err = {0};
        sk_mem_fail_after(n);
        enum sk_code code = sk_event_histogram(&out, (struct sk_event_time){1, 1}, "t", &h, &err);
        sk_mem_fail_after(0);
        assert_true(code == SK_OK || (code == SK_NOMEM && out.len == 0));
        if (n == 1)
            assert_int_equal(code, SK_NOMEM);
        sk_str_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_vectors_of_rfc_3720),
        cmocka_unit_test(records_are_those_of_tensorboard),
        cmocka_unit_test(records_follow_each_other),
        cmocka_unit_test(buckets_hold_what_their_limits_say),
        cmocka_unit_test(limits_are_tensorflows),
        cmocka_unit_test(values_that_are_no_numbers_are_left_out),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Memory: alignment, zeroing, growth, overflow, mappings, and injected failures. */
#include "test.h"

#include <unistd.h>

static int switch_off(void **state)
{
    (void)state;
    sk_mem_fail_after(0);
    return 0;
}

static void blocks_are_zeroed_and_aligned(void **state)
{
    (void)state;
    struct sk_err err = {0};
    static const size_t sizes[][2] = {{0, 0}, {0, 8}, {8, 0}, {1, 1}, {63, 1}, {64, 1}, {65, 1}, {1000, 24}};
    for (size_t i = 0; i < SK_COUNT(sizes); i++) {
        size_t bytes = sizes[i][0] * sizes[i][1];
        unsigned char *block = sk_alloc(sizes[i][0], sizes[i][1], &err);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t k = 0; k < bytes; k++)
            assert_int_equal(block[k], 0);
        memset(block, 0xFF, bytes); /* so that the next block of this size is not zero by chance */
        sk_free(block);
    }
    sk_free(NULL);
}

static void overflow_is_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    size_t product = 5;
    assert_true(sk_mul_size(1u << 20, 3, &product));
    assert_int_equal(product, 3u << 20);
    assert_false(sk_mul_size(SIZE_MAX / 2, 3, &product));
    assert_true(sk_mul_size(SIZE_MAX, 0, &product));
    assert_int_equal(product, 0);

    assert_null(sk_alloc(SIZE_MAX / 2, 3, &err));
    assert_error(err.code, SK_NOMEM, err, "not enough memory");
    assert_null(sk_alloc(SIZE_MAX, 1, &err));
    assert_error(err.code, SK_NOMEM, err, "not enough memory");
    assert_null(sk_map(SIZE_MAX, &err));
    assert_error(err.code, SK_NOMEM, err, "not enough memory");

    int *list = NULL;
    size_t cap = 0;
    assert_error(sk_grow(&list, &cap, SIZE_MAX / 2, sizeof(*list), &err), SK_NOMEM, err, "not enough memory");
    assert_null(list);
    assert_int_equal(cap, 0);
    assert_int_equal(sk_grow(&list, &cap, SIZE_MAX / 2, sizeof(*list), NULL), SK_NOMEM);
}

static void growth_keeps_and_zeroes(void **state)
{
    (void)state;
    struct sk_err err = {0};
    int *list = NULL;
    size_t cap = 0, moves = 0;
    for (size_t n = 1; n <= 10000; n++) {
        const int *before = list;
        assert_ok(sk_grow(&list, &cap, n, sizeof(*list), &err), err);
        moves += list != before;
        assert_true(cap >= n);
        assert_int_equal((uintptr_t)list % 64, 0);
        assert_int_equal(list[cap - 1], 0);
        list[n - 1] = (int)n;
    }
    for (size_t n = 1; n <= 10000; n++)
        assert_int_equal(list[n - 1], (int)n);
    assert_true(moves < 30); /* doubling */
    sk_free(list);
}

static void maps_are_zeroed_and_aligned(void **state)
{
    (void)state;
    struct sk_err err = {0};
    size_t page = (size_t)sysconf(_SC_PAGESIZE), huge = 2u << 20;
    const size_t sizes[] = {0, 1, page, page + 1, huge - 1, huge, huge + 1, 5 * huge};
    for (size_t i = 0; i < SK_COUNT(sizes); i++) {
        unsigned char *block = sk_map(sizes[i], &err);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % (sizes[i] >= huge ? huge : page), 0);
        for (size_t k = 0; k < sizes[i]; k += page / 2) {
            assert_int_equal(block[k], 0);
            block[k] = 1;
        }
        if (sizes[i])
            block[sizes[i] - 1] = 1;
        sk_unmap(block, sizes[i]);
    }
    sk_unmap(NULL, 100);
}

static void failures_are_injected(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_str s = {0};
    int *list = NULL;
    size_t cap = 0;

    sk_mem_fail_after(3);
    void *a = sk_alloc(1, 1, &err), *b = sk_alloc(1, 1, &err);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(sk_alloc(1, 1, &err));
    assert_error(err.code, SK_NOMEM, err, "not enough memory");
    assert_null(sk_map(1, &err)); /* every later one fails too */
    assert_error(err.code, SK_NOMEM, err, "not enough memory");
    assert_error(sk_grow(&list, &cap, 1, 4, &err), SK_NOMEM, err, "not enough memory");
    assert_error(sk_str_add(&s, &err, "x"), SK_NOMEM, err, "not enough memory");
    assert_error(sk_str_add_bytes(&s, "x", 1, &err), SK_NOMEM, err, "not enough memory");
    assert_null(s.text);
    sk_mem_fail_after(0);

    sk_mem_fail_after(1);
    assert_null(sk_alloc(1, 1, NULL));
    sk_mem_fail_after(0);
    void *c = sk_alloc(1, 1, &err);
    assert_non_null(c);
    sk_free(a);
    sk_free(b);
    sk_free(c);
}

static void a_failed_growth_changes_nothing(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_str s = {0};
    assert_ok(sk_str_add(&s, &err, "%s", "kept"), err);
    const char *text = s.text;
    size_t cap = s.cap;
    sk_mem_fail_after(1);
    assert_error(sk_str_add(&s, &err, "%0200d", 1), SK_NOMEM, err, "not enough memory");
    assert_ptr_equal(s.text, text);
    assert_int_equal(s.cap, cap);
    assert_string_equal(s.text, "kept");
    sk_mem_fail_after(0);
    sk_str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(overflow_is_refused),
        cmocka_unit_test(growth_keeps_and_zeroes),
        cmocka_unit_test(maps_are_zeroed_and_aligned),
        cmocka_unit_test_teardown(failures_are_injected, switch_off),
        cmocka_unit_test_teardown(a_failed_growth_changes_nothing, switch_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

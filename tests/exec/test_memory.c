/* Memory layout: blocks alive together never overlap, in-place outputs share, and a plan needs much less than the sum. */
#include "test.h"

#include "exec/internal.h"

static bool clash(const struct sk_block *a, const struct sk_block *b)
{
    bool together = a->first <= b->last && b->first <= a->last;
    return together && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void test_random_blocks(void **state)
{
    (void)state;
    struct sk_err err = {0};
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sk_block b[120];
        struct sk_rng rng;
        size_t bytes, peak = 0;
        sk_rng_init(&rng, seed, 0, 0, SK_RNG_TEST);
        for (size_t i = 0; i < SK_COUNT(b); i++) {
            int first = (int)sk_rng_below(&rng, 100);
            b[i] = (struct sk_block){.bytes = 64 * (1 + sk_rng_below(&rng, 50)), .first = first, .last = first + (int)sk_rng_below(&rng, 20)};
        }
        assert_ok(sk_memory_layout(b, SK_COUNT(b), &bytes, &err), err);
        for (size_t i = 0; i < SK_COUNT(b); i++)
            for (size_t k = 0; k < i; k++)
                if (clash(&b[i], &b[k]))
                    fail_msg("blocks %zu and %zu overlap (seed %llu)", i, k, (unsigned long long)seed);
        for (int at = 0; at < 120; at++) {
            size_t alive = 0;
            for (size_t i = 0; i < SK_COUNT(b); i++)
                alive += b[i].first <= at && at <= b[i].last ? b[i].bytes : 0;
            peak = alive > peak ? alive : peak;
        }
        assert_true(bytes >= peak);
        assert_true((double)bytes < 1.3 * (double)peak);
    }
}

/* x -> relu -> relu: the second may lie over the first, the first not over x, which is read again at the end. */
static void test_in_place(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_graph g = {0};
    struct sk_memory m;
    struct sk_desc d = sk_desc_make(SK_F32, 2, (int64_t[]){4, 100});
    size_t scratch[8] = {0};
    int in, x, a, b, y;
    assert_ok(sk_graph_tensor(&g, "in", SK_ROLE_INPUT, &d, &in, &err), err);
    assert_ok(sk_graph_emit(&g, SK_OP_RELU, "x", &in, 1, NULL, &x, &err), err);
    assert_ok(sk_graph_emit(&g, SK_OP_RELU, "a", &x, 1, NULL, &a, &err), err);
    assert_ok(sk_graph_emit(&g, SK_OP_RELU, "b", &a, 1, NULL, &b, &err), err);
    assert_ok(sk_graph_emit(&g, SK_OP_ADD, "y", (int[]){b, x}, 2, NULL, &y, &err), err);
    g.tensor[y].role = SK_ROLE_RESULT;
    assert_ok(sk_memory_plan(&m, &g, scratch, &err), err);
    assert_int_equal(m.tensor_block[in], -1);
    assert_int_not_equal(m.tensor_block[x], m.tensor_block[a]);
    assert_int_equal(m.tensor_block[a], m.tensor_block[b]);
    assert_int_equal(m.tensor_block[b], m.tensor_block[y]);
    assert_int_equal(m.bytes, 2 * 1600);
    sk_memory_release(&m);
    sk_graph_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_blocks), cmocka_unit_test(test_in_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The cpu backend as a plan sees it: candidates of every op, reasons for declining, memory, description. */
#include "backend/op.h"

#include <omp.h>

/* Every op has candidates of its kind; the last one takes f32 and has run and close. */
static void test_candidates(void **state)
{
    (void)state;
    for (int kind = 0; kind < SK_OP_KINDS; kind++) {
        const struct sk_kernel *const *list = sk_backend_cpu()->kernels((enum sk_op_kind)kind);
        assert_non_null(list[0]);
        for (; *list; list++) {
            assert_int_equal((*list)->kind, kind);
            assert_non_null((*list)->name);
            assert_non_null((*list)->open);
            assert_non_null((*list)->run);
            assert_non_null((*list)->close);
        }
    }
}

static struct op_test relu_test(void)
{
    struct op_test t = {.kind = SK_OP_RELU, .kernel = "cpu", .ins = 1, .outs = 1};
    t.in[0] = op_tensor(SK_F32, OP_DIMS(2, 3));
    t.out[0] = op_tensor(SK_F32, OP_DIMS(2, 3));
    return t;
}

static void declines(const struct op_test *t, int variant, const char *why)
{
    const struct sk_kernel_env env = {.threads = 1};
    struct sk_kernel_need need;
    struct sk_op_desc d = op_desc(t);
    struct sk_err err = {0};
    void *self;
    enum sk_code code = op_kernel(t->kind, t->kernel)->open(&self, &d, &env, variant, &need, &err);
    assert_error(code, SK_UNSUPPORTED, err, why);
}

static void test_declines(void **state)
{
    struct op_test t = relu_test();
    (void)state;
    declines(&t, 1, "no more implementations");
    t.in[0].desc.layout = SK_LAYOUT_BLOCKED;
    declines(&t, 0, "input 0 is not dense");
    t = relu_test();
    t.out[0].desc.layout = SK_LAYOUT_BLOCKED;
    declines(&t, 0, "output 0 is not dense");
    t = relu_test();
    t.out[0].desc.dtype = SK_U8;
    declines(&t, 0, "the output is u8, neither f32 nor bf16");
    t = relu_test();
    t.in[0].desc.dtype = SK_BF16;
    declines(&t, 0, "an input is bf16, not f32");
    op_free_all();
}

static void test_declines_windows(void **state)
{
    struct op_test t = {
        .kind = SK_OP_MAX_POOL, .kernel = "cpu", .attr = {.kernel = 17, .stride = 1}, .ins = 1, .outs = 2};
    (void)state;
    t.in[0] = t.out[0] = op_tensor(SK_F32, OP_DIMS(1, 20, 20, 1));
    t.out[1] = op_tensor(SK_U8, OP_DIMS(1, 20, 20, 1));
    declines(&t, 0, "kernel is 17, not from 1 to 16");
    t.attr = (struct sk_attr){.kernel = 2, .stride = 1, .pad = 2};
    declines(&t, 0, "padding 2 with a kernel of 2");
    t = (struct op_test){.kind = SK_OP_DROPOUT, .kernel = "cpu", .attr = {.p = 1}, .ins = 1, .outs = 1};
    t.in[0] = t.out[0] = op_tensor(SK_F32, OP_DIMS(2, 2));
    declines(&t, 0, "p is 1, not in [0, 1)");
    t = (struct op_test){.kind = SK_OP_NORMALIZE, .kernel = "cpu", .attr = {.std = {1, 0, 1}}, .ins = 1, .outs = 1};
    t.in[0] = t.out[0] = op_tensor(SK_F32, OP_DIMS(1, 2, 2, 3));
    declines(&t, 0, "standard deviation of channel 1 is not above 0");
    op_free_all();
}

/* An instance that cannot be allocated is an error, not a crash. */
static void test_no_memory(void **state)
{
    const struct sk_kernel_env env = {.threads = 1};
    struct sk_kernel_need need;
    struct op_test t = relu_test();
    struct sk_op_desc d = op_desc(&t);
    struct sk_err err = {0};
    void *self;
    (void)state;
    sk_mem_fail_after(1);
    enum sk_code code = op_kernel(SK_OP_RELU, "cpu")->open(&self, &d, &env, 0, &need, &err);
    sk_mem_fail_after(0);
    assert_int_equal(code, SK_NOMEM);
    assert_null(self);
    op_free_all();
}

static void test_memory(void **state)
{
    const struct sk_backend *b = sk_backend_cpu();
    struct sk_err err = {0};
    unsigned char back[4] = {0};
    (void)state;
    assert_int_equal(b->version, SK_BACKEND_VERSION);
    assert_true(b->host_memory);
    unsigned char *p = b->alloc(100000, &err);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    assert_int_equal(p[99999], 0);
    assert_ok(b->upload(p, "abc", 4, &err), err);
    assert_ok(b->sync(&err), err);
    assert_ok(b->download(back, p, 4, &err), err);
    assert_memory_equal(back, "abc", 4);
    assert_ok(b->upload(p, NULL, 0, &err), err);
    b->free(p, 100000);
    b->free(NULL, 0);
}

static void test_threads(void **state)
{
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_backend_cpu()->start(3, &err), err);
    assert_int_equal(omp_get_max_threads(), 3);
}

static void test_describe(void **state)
{
    struct sk_str text = {0};
    (void)state;
    sk_backend_cpu()->describe(&text);
    assert_non_null(strstr(text.text, sk_isa_name(sk_isa_level())));
    assert_non_null(strstr(text.text, "oneDNN"));
    sk_str_release(&text);
    assert_int_equal(sk_backend_cpu()->has_bf16(), sk_isa_level() == SK_ISA_AVX512_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates), cmocka_unit_test(test_declines), cmocka_unit_test(test_declines_windows),
        cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_memory),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

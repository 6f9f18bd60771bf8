/* oneDNN's linear layer and its gradients against the definition, in float32 and bf16; packed weights; what they
 * decline. */
#include "backend/cpu/cpu.h"
#include "kern/check.h"

#include <math.h>

enum pass { FORWARD, GRAD_DATA, GRAD_WEIGHT, PASSES };
enum tensor { X, W, BIAS, Y, TENSORS };
struct layer {
    enum pass pass;
    enum sk_ktype type; /* of x */
    size_t n, c, k;
    bool frozen;
    enum fill fill;
    struct guard memory[TENSORS], scratch, packed;
};

static size_t count_of(const struct layer *l, enum tensor t)
{
    const size_t counts[] = {[X] = l->n * l->c, [W] = l->k * l->c, [BIAS] = l->k, [Y] = l->n * l->k};
    return counts[t];
}

static struct sk_desc describe(const struct layer *l, enum tensor t)
{
    const int64_t n = (int64_t)l->n, c = (int64_t)l->c, k = (int64_t)l->k;
    const struct sk_desc descs[] = {[X] = {.dtype = l->type == SK_K_BF16 ? SK_BF16 : SK_F32, .rank = 2, .dim = {n, c}},
                                    [W] = {.dtype = SK_F32, .rank = 2, .dim = {k, c}},
                                    [BIAS] = {.dtype = SK_F32, .rank = 1, .dim = {k}},
                                    [Y] = {.dtype = SK_F32, .rank = 2, .dim = {n, k}}};
    return descs[t];
}

static const struct kernel_case {
    const struct sk_kernel *kernel;
    int in_count, out_count;
    enum tensor in[3], out[2];
} kernels[PASSES] = {
    [FORWARD] = {&sk_onednn_linear, 3, 1, {X, W, BIAS}, {Y}},
    [GRAD_DATA] = {&sk_onednn_linear_grad_data, 2, 1, {Y, W}, {X}},
    [GRAD_WEIGHT] = {&sk_onednn_linear_grad_weight, 2, 2, {Y, X}, {W, BIAS}},
};

static struct sk_op_desc op_of(const struct layer *l)
{
    const struct kernel_case *k = &kernels[l->pass];
    struct sk_op_desc op = {.kind = k->kernel->kind, .in_count = k->in_count, .out_count = k->out_count, .name = "fc"};
    for (int i = 0; i < k->in_count; i++)
        op.in[i] = describe(l, k->in[i]);
    for (int i = 0; i < k->out_count; i++)
        op.out[i] = describe(l, k->out[i]);
    return op;
}

static double value(const struct layer *l, enum tensor t, size_t i)
{
    return (double)check_get(l->memory[t].data, i, t == X ? l->type : SK_K_F32);
}

struct sum {
    double value, absolute;
};

static void add_product(struct sum *s, double a, double b)
{
    s->value += a * b;
    s->absolute += fabs(a * b);
}

/* Result i of output tensor t. Only the forward pass of a bf16 layer rounds its weights. */
static struct sum expected(const struct layer *l, enum tensor t, size_t i)
{
    struct sum s = {0};
    if (t == Y) {
        for (size_t c = 0; c < l->c; c++) {
            float w = (float)value(l, W, i % l->k * l->c + c);
            w = l->type == SK_K_BF16 ? sk_bf16_to_f32(sk_f32_to_bf16(w)) : w;
            add_product(&s, value(l, X, i / l->k * l->c + c), (double)w);
        }
        add_product(&s, value(l, BIAS, i % l->k), 1);
    } else if (t == X) {
        for (size_t k = 0; k < l->k; k++)
            add_product(&s, value(l, Y, i / l->c * l->k + k), value(l, W, k * l->c + i % l->c));
    } else if (t == W) {
        for (size_t n = 0; n < l->n; n++)
            add_product(&s, value(l, Y, n * l->k + i / l->c), value(l, X, n * l->c + i % l->c));
    } else {
        for (size_t n = 0; n < l->n; n++)
            add_product(&s, value(l, Y, n * l->k + i), 1);
    }
    return s;
}

static void check_output(const struct layer *l, enum tensor t, struct sk_rng *r)
{
    enum { SAMPLES = 400 };
    size_t count = count_of(l, t);
    for (size_t j = 0; j < count && j < SAMPLES; j++) {
        size_t i = count <= SAMPLES ? j : sk_rng_below(r, (uint32_t)count);
        struct sum s = expected(l, t, i);
        double bound = l->fill == FILL_EXACT ? 0 : 64 * CHECK_EPS * s.absolute;
        enum sk_ktype type = t == X ? l->type : SK_K_F32;
        double want = type == SK_K_BF16 && l->fill == FILL_EXACT
                          ? (double)sk_bf16_to_f32(sk_f32_to_bf16((float)s.value))
                          : s.value;
        check_one("result", i, value(l, t, i), want, bound, l->fill == FILL_EXACT ? SK_K_F32 : type);
    }
}

static void run_variant(struct layer *l, void *self, const struct sk_kernel_need *need, struct sk_rng *r)
{
    const struct kernel_case *k = &kernels[l->pass];
    struct sk_err err = {0};
    void *in[3], *out[2];
    guard_open(&l->scratch, need->scratch);
    guard_open(&l->packed, need->packed);
    struct sk_kernel_call call = {.in = in,
                                  .out = out,
                                  .scratch = guard_place(&l->scratch, need->scratch, SIDE_END),
                                  .packed = guard_place(&l->packed, need->packed, SIDE_END)};
    memset(call.scratch, 0xFF, need->scratch);
    for (int i = 0; i < k->in_count; i++)
        in[i] = l->memory[k->in[i]].data;
    for (int i = 0; i < k->out_count; i++) {
        out[i] = l->memory[k->out[i]].data;
        memset(out[i], 0xFF, l->memory[k->out[i]].used);
    }
    if (l->frozen && k->kernel->prepare != NULL)
        assert_ok(k->kernel->prepare(self, &call, &err), err);
    assert_ok(k->kernel->run(self, &call, &err), err);
    for (int i = 0; i < k->out_count; i++) {
        check_output(l, k->out[i], r);
        guard_verify(&l->memory[k->out[i]], "output");
    }
    guard_verify(&l->scratch, "scratch");
    guard_close(&l->scratch);
    guard_close(&l->packed);
}

static int check_layer(struct layer *l)
{
    static const char *const pass[] = {"forward", "grad_data", "grad_weight"};
    struct sk_rng r;
    struct sk_op_desc op = op_of(l);
    struct sk_kernel_env env = {.threads = 2, .frozen = l->frozen};
    check_rng(&r, l->n * 65536 + l->c);
    for (int t = 0; t < TENSORS; t++) {
        enum sk_ktype type = t == X ? l->type : SK_K_F32;
        size_t bytes = count_of(l, t) * (type == SK_K_BF16 ? 2 : 4);
        guard_open(&l->memory[t], bytes);
        guard_place(&l->memory[t], bytes, SIDE_END);
        check_fill(l->memory[t].data, count_of(l, t), type, l->fill, &r);
    }
    int variant = 0;
    for (;; variant++) {
        struct sk_kernel_need need;
        struct sk_err err = {0};
        void *self;
        enum sk_code code = kernels[l->pass].kernel->open(&self, &op, &env, variant, &need, &err);
        if (code != SK_OK) {
            assert_error(code, SK_UNSUPPORTED, err, variant > 0 ? "no more implementations" : "");
            break;
        }
        check_case("%s %s n %zu, %zu to %zu%s, '%s'", pass[l->pass], l->type == SK_K_BF16 ? "bf16" : "f32", l->n, l->c,
                   l->k, l->frozen ? ", frozen" : "", need.label);
        run_variant(l, self, &need, &r);
        kernels[l->pass].kernel->close(self);
    }
    for (int t = 0; t < TENSORS; t++)
        guard_close(&l->memory[t]);
    return variant;
}

static void test_sizes(void **state)
{
    static const size_t sizes[][3] = {{128, 512, 10}, {3, 2048, 1000}, {1, 64, 100}, {5, 7, 3},
                                      {1, 1, 1},      {17, 33, 65},    {2, 1, 1000}};
    (void)state;
    for (size_t i = 0; i < SK_COUNT(sizes); i++)
        for (int pass = 0; pass < PASSES; pass++)
            for (int kind = 0; kind < 8; kind++) {
                struct layer l = {.pass = pass,
                                  .type = kind & 1 ? SK_K_BF16 : SK_K_F32,
                                  .n = sizes[i][0],
                                  .c = sizes[i][1],
                                  .k = sizes[i][2],
                                  .frozen = kind & 2,
                                  .fill = kind & 4 ? FILL_RANDOM : FILL_EXACT};
                int variants = check_layer(&l);
                assert_true(variants > 0 || l.type == SK_K_BF16 || sk_isa_level() == SK_ISA_REF);
            }
}

static void test_declines(void **state)
{
    struct layer l = {.n = 2, .c = 3, .k = 4};
    struct sk_op_desc op = op_of(&l);
    struct sk_kernel_env env = {.threads = 1};
    struct sk_kernel_need need;
    struct sk_err err = {0};
    void *self = NULL;
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    op.in[0].dim[1] = 0;
    assert_error(sk_onednn_linear.open(&self, &op, &env, 0, &need, &err), SK_UNSUPPORTED, err, "empty or too large");
    op = op_of(&l);
    op.in[1].dim[1] = 5;
    assert_error(sk_onednn_linear.open(&self, &op, &env, 0, &need, &err), SK_UNSUPPORTED, err,
                 "do not belong together");
    assert_null(self);
}

static int start_backend(void **state)
{
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_backend_cpu()->start(2, &err), err);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes), cmocka_unit_test(test_declines)};
    return cmocka_run_group_tests(tests, start_backend, NULL);
}

/* Helpers of the cpu backend's tests. */
#include "backend/op.h"

#include <math.h>
#include <stdio.h>

enum { MARGIN = 64, PATTERN = 0xA5, MOST = 256 };
static void *blocks[MOST];
static size_t block_count;

static void *keep(void *p)
{
    assert_non_null(p);
    assert_true(block_count < MOST);
    blocks[block_count++] = p;
    return p;
}

void op_free_all(void)
{
    while (block_count > 0)
        sk_free(blocks[--block_count]);
}

double *op_doubles(size_t n)
{
    return keep(sk_alloc(n, sizeof(double), NULL));
}

/* A margin after the data shows writes past its end. */
struct op_tensor op_tensor(enum sk_dtype t, const int64_t *dim)
{
    int rank = 0;
    while (dim[rank] != 0)
        rank++;
    struct op_tensor a = {.desc = sk_desc_make(t, rank, dim)};
    size_t bytes = sk_desc_bytes(&a.desc);
    a.data = keep(sk_alloc(1, bytes + MARGIN, NULL));
    memset((char *)a.data + bytes, PATTERN, MARGIN);
    return a;
}

size_t op_count(const struct op_tensor *t)
{
    return (size_t)sk_desc_count(&t->desc);
}

double op_get(const struct op_tensor *t, size_t i)
{
    switch (t->desc.dtype) {
    case SK_U8:
        return ((const uint8_t *)t->data)[i];
    case SK_I32:
        return ((const int32_t *)t->data)[i];
    default:
        return (double)check_get(t->data, i, t->desc.dtype == SK_BF16 ? SK_K_BF16 : SK_K_F32);
    }
}

void op_set(struct op_tensor *t, size_t i, double v)
{
    switch (t->desc.dtype) {
    case SK_U8:
        ((uint8_t *)t->data)[i] = (uint8_t)v;
        break;
    case SK_I32:
        ((int32_t *)t->data)[i] = (int32_t)v;
        break;
    case SK_BF16:
        ((uint16_t *)t->data)[i] = sk_f32_to_bf16((float)v);
        break;
    case SK_F32:
        ((float *)t->data)[i] = (float)v;
        break;
    }
}

struct op_tensor op_random(enum sk_dtype t, const int64_t *dim, struct sk_rng *r)
{
    struct op_tensor a = op_tensor(t, dim);
    for (size_t i = 0; i < op_count(&a); i++)
        op_set(&a, i, t == SK_U8 ? (double)sk_rng_below(r, 256) : (double)sk_rng_unit(r) * 4 - 2);
    return a;
}

struct sk_op_desc op_desc(const struct op_test *t)
{
    struct sk_op_desc d = {.kind = t->kind, .attr = t->attr, .in_count = t->ins, .out_count = t->outs, .name = "op"};
    for (int i = 0; i < t->ins; i++)
        d.in[i] = t->in[i].desc;
    for (int i = 0; i < t->outs; i++)
        d.out[i] = t->out[i].desc;
    return d;
}

const struct sk_kernel *op_kernel(enum sk_op_kind kind, const char *name)
{
    const struct sk_kernel *const *list = sk_backend_cpu()->kernels(kind);
    while (*list && strcmp((*list)->name, name) != 0)
        list++;
    assert_non_null(*list);
    return *list;
}

/* An opened kernel with its memory. */
struct ready {
    const struct sk_kernel *kernel;
    void *self, *in[SK_OP_IN], *out[SK_OP_OUT];
    unsigned char *scratch;
    size_t scratch_bytes;
    struct sk_kernel_call call;
};

static void make_ready(struct ready *r, const struct op_test *t, int threads)
{
    const struct sk_kernel_env env = {.threads = threads, .winograd = t->winograd};
    struct sk_kernel_need need;
    struct sk_op_desc d = op_desc(t);
    struct sk_err err = {0};
    int variant = 0;
    assert_ok(sk_backend_cpu()->start(threads, &err), err);
    r->kernel = op_kernel(t->kind, t->kernel);
    assert_ok(r->kernel->open(&r->self, &d, &env, variant, &need, &err), err);
    while (t->label != NULL && strcmp(need.label, t->label) != 0) {
        r->kernel->close(r->self);
        assert_ok(r->kernel->open(&r->self, &d, &env, ++variant, &need, &err), err);
    }
    r->scratch_bytes = need.scratch;
    r->scratch = sk_alloc(1, need.scratch + MARGIN, NULL);
    assert_non_null(r->scratch);
    memset(r->scratch, PATTERN, need.scratch + MARGIN);
    for (int i = 0; i < t->ins; i++)
        r->in[i] = t->in[i].data;
    for (int i = 0; i < t->outs; i++)
        r->out[i] = t->out[i].data;
    r->call = (struct sk_kernel_call){.in = r->in, .out = r->out, .scratch = r->scratch, .step = &t->step};
}

bool op_label(const struct op_test *t, int variant, char label[64])
{
    const struct sk_kernel_env env = {.threads = 2, .winograd = t->winograd};
    const struct sk_kernel *kernel = op_kernel(t->kind, t->kernel);
    struct sk_kernel_need need;
    struct sk_op_desc d = op_desc(t);
    struct sk_err err = {0};
    void *self;
    enum sk_code code = kernel->open(&self, &d, &env, variant, &need, &err);
    if (code != SK_OK) {
        assert_error(code, SK_UNSUPPORTED, err, "");
        return false;
    }
    memcpy(label, need.label, sizeof need.label);
    kernel->close(self);
    return true;
}

static void check_margin(const unsigned char *p)
{
    for (int i = 0; i < MARGIN; i++)
        assert_int_equal(p[i], PATTERN);
}

void op_run_once(const struct op_test *t, int threads)
{
    struct sk_err err = {0};
    struct ready r;
    make_ready(&r, t, threads);
    assert_ok(r.kernel->run(r.self, &r.call, &err), err);
    check_margin(r.scratch + r.scratch_bytes);
    r.kernel->close(r.self);
    sk_free(r.scratch);
}

/* All inputs, then all outputs. */
static const struct op_tensor *tensor(const struct op_test *t, int i)
{
    return i < t->ins ? &t->in[i] : &t->out[i - t->ins];
}

static bool is_output(const struct op_test *t, const void *data)
{
    for (int i = 0; i < t->outs; i++)
        if (t->out[i].data == data)
            return true;
    return false;
}

static void *copy_of(const struct op_tensor *t)
{
    void *p = sk_alloc(1, sk_desc_bytes(&t->desc), NULL);
    assert_non_null(p);
    return memcpy(p, t->data, sk_desc_bytes(&t->desc));
}

static void compare_bits(const struct op_test *t, void *const *before, void *const *first, int threads)
{
    for (int i = 0; i < t->ins + t->outs; i++) {
        const struct op_tensor *a = tensor(t, i);
        size_t bytes = sk_desc_bytes(&a->desc);
        if (!is_output(t, a->data) && memcmp(a->data, before[i], bytes) != 0)
            check_fail("input %d was changed", i);
        if (i >= t->ins && memcmp(a->data, first[i - t->ins], bytes) != 0)
            check_fail("output %d with %d threads differs from that with 1", i - t->ins, threads);
        check_margin((const unsigned char *)a->data + bytes);
    }
}

void op_run(const struct op_test *t)
{
    void *before[SK_OP_IN + SK_OP_OUT], *first[SK_OP_OUT];
    int count = t->ins + t->outs;
    for (int i = 0; i < count; i++)
        before[i] = copy_of(tensor(t, i));
    for (int threads = 1; threads <= 3; threads++) {
        for (int i = 0; i < count; i++)
            memcpy(tensor(t, i)->data, before[i], sk_desc_bytes(&tensor(t, i)->desc));
        op_run_once(t, threads);
        for (int i = 0; i < t->outs && threads == 1; i++)
            first[i] = copy_of(&t->out[i]);
        compare_bits(t, before, first, threads);
    }
    for (int i = 0; i < count; i++)
        sk_free(before[i]);
    for (int i = 0; i < t->outs; i++)
        sk_free(first[i]);
}

void op_compare(const struct op_test *t, int output, const double *want, double bound)
{
    const struct op_tensor *a = &t->out[output];
    char what[32];
    snprintf(what, sizeof what, "output %d", output);
    for (size_t i = 0; i < op_count(a); i++)
        check_one(what, i, op_get(a, i), want[i], bound, a->desc.dtype == SK_BF16 ? SK_K_BF16 : SK_K_F32);
}

void op_bench(const struct op_test *t, const char *name, int threads, double bytes)
{
    enum { ROUNDS = 50 };
    double best = INFINITY;
    struct sk_err err = {0};
    struct ready r;
    make_ready(&r, t, threads);
    for (int i = 0; i < ROUNDS; i++) {
        double start = sk_now();
        assert_ok(r.kernel->run(r.self, &r.call, &err), err);
        best = fmin(best, sk_now() - start);
    }
    printf("%-34s %-5s %d threads %9.3f ms %7.1f GB/s\n", name, sk_dtype_name(t->in[0].desc.dtype), threads, best * 1e3,
           bytes / best / 1e9);
    r.kernel->close(r.self);
    sk_free(r.scratch);
}

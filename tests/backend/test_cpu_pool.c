/* Pooling on the cpu backend: against the definition, the same bits with any number of threads. */
#include "backend/op.h"

#include <math.h>

struct size {
    int64_t n, h, w, c;
    int kernel, stride, pad;
};
static const struct size sizes[] = {{1, 5, 4, 3, 3, 2, 1}, {5, 28, 28, 33, 3, 2, 1}, {6, 16, 16, 32, 2, 2, 0}};

static int64_t pooled(int64_t size, const struct size *s)
{
    return (size + 2 * s->pad - s->kernel) / s->stride + 1;
}

/* The first place of the largest value in a window, as an index into x. */
static size_t largest(const struct op_tensor *x, const struct size *s, int64_t n, int64_t p, int64_t q, int64_t c)
{
    size_t best = SIZE_MAX;
    for (int64_t h = p * s->stride - s->pad; h < p * s->stride - s->pad + s->kernel; h++)
        for (int64_t w = q * s->stride - s->pad; w < q * s->stride - s->pad + s->kernel; w++) {
            if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                continue;
            size_t i = (size_t)(((n * s->h + h) * s->w + w) * s->c + c);
            if (best == SIZE_MAX || op_get(x, i) > op_get(x, best))
                best = i;
        }
    return best;
}

/* Small integers: many are equal. */
static struct op_tensor integers(enum sk_dtype type, const int64_t *dim, struct sk_rng *r)
{
    struct op_tensor t = op_tensor(type, dim);
    for (size_t i = 0; i < op_count(&t); i++)
        op_set(&t, i, (double)sk_rng_below(r, 9) - 4);
    return t;
}

static void check_max(const struct size *s, enum sk_dtype type)
{
    struct sk_rng r;
    int64_t p = pooled(s->h, s), q = pooled(s->w, s);
    struct op_test t = {.kind = SK_OP_MAX_POOL,
                        .kernel = "cpu",
                        .attr = {.kernel = s->kernel, .stride = s->stride, .pad = s->pad},
                        .ins = 1,
                        .outs = 2};
    check_rng(&r, (uint64_t)s->c);
    t.in[0] = integers(type, OP_DIMS(s->n, s->h, s->w, s->c), &r);
    t.out[0] = op_tensor(type, OP_DIMS(s->n, p, q, s->c));
    t.out[1] = op_tensor(SK_U8, OP_DIMS(s->n, p, q, s->c));
    struct op_test back = {.kind = SK_OP_MAX_POOL_GRAD, .kernel = "cpu", .attr = t.attr, .ins = 2, .outs = 1};
    back.in[0] = integers(type, OP_DIMS(s->n, p, q, s->c), &r);
    back.in[1] = t.out[1];
    back.out[0] = op_tensor(type, OP_DIMS(s->n, s->h, s->w, s->c));
    double *want = op_doubles(op_count(&t.out[0])), *dx = op_doubles(op_count(&t.in[0]));
    for (size_t i = 0; i < op_count(&t.out[0]); i++) {
        int64_t at = (int64_t)i;
        size_t from = largest(&t.in[0], s, at / s->c / q / p, at / s->c / q % p, at / s->c % q, at % s->c);
        want[i] = op_get(&t.in[0], from);
        dx[from] += op_get(&back.in[0], i);
    }
    check_case("max pool of %d channels, %s", (int)s->c, sk_dtype_name(type));
    op_run(&t);
    op_compare(&t, 0, want, 0);
    op_run(&back);
    op_compare(&back, 0, dx, 0);
    op_free_all();
}

static void test_max(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(sizes); i++) {
        check_max(&sizes[i], SK_F32);
        check_max(&sizes[i], SK_BF16);
    }
}

static void check_avg(int64_t n, int64_t h, int64_t c, enum sk_dtype type)
{
    struct sk_rng r;
    struct op_test t = {.kind = SK_OP_AVG_POOL, .kernel = "cpu", .ins = 1, .outs = 1};
    struct op_test back = {.kind = SK_OP_AVG_POOL_GRAD, .kernel = "cpu", .ins = 1, .outs = 1};
    check_rng(&r, (uint64_t)c);
    t.in[0] = op_random(type, OP_DIMS(n, h, h, c), &r);
    t.out[0] = op_tensor(type, OP_DIMS(n, c));
    back.in[0] = op_random(type, OP_DIMS(n, c), &r);
    back.out[0] = op_tensor(type, OP_DIMS(n, h, h, c));
    double *want = op_doubles(op_count(&t.out[0])), *dx = op_doubles(op_count(&t.in[0])), area = (double)(h * h);
    for (size_t i = 0; i < op_count(&t.in[0]); i++) {
        size_t to = i / (size_t)(h * h * c) * (size_t)c + i % (size_t)c;
        want[to] += op_get(&t.in[0], i) / area;
        dx[i] = op_get(&back.in[0], to) / area;
    }
    check_case("average pool of %d channels, %s", (int)c, sk_dtype_name(type));
    op_run(&t);
    op_compare(&t, 0, want, 1e-6);
    op_run(&back);
    op_compare(&back, 0, dx, 1e-7);
    op_free_all();
}

static void test_avg(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        enum sk_dtype t = type ? SK_BF16 : SK_F32;
        check_avg(1, 1, 1, t);
        check_avg(3, 7, 19, t);
        check_avg(8, 4, 512, t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max),
        cmocka_unit_test(test_avg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

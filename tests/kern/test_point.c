/* Pointwise kernels: every level against the reference, with guard pages around all memory. */
#include "kern/check.h"

#include <math.h>
#include <stdio.h>

enum { LONGEST = 1500, MOST_CHANNELS = 300 };
static const size_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 1000, LONGEST};
static struct guard in[2], got, want, pixels, mul, add;
static struct guard *const all[] = {&in[0], &in[1], &got, &want, &pixels, &mul, &add};

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(all); i++)
        guard_open(all[i], 2 * LONGEST * sizeof(float));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < SK_COUNT(all); i++)
        guard_close(all[i]);
    return 0;
}

struct size {
    size_t n;
    enum side side;
    enum fill fill;
    enum sk_ktype t;
    struct sk_rng r;
};

static size_t width(enum sk_ktype t)
{
    return t == SK_K_BF16 ? 2 : 4;
}

static void *place_filled(struct guard *g, struct size *s, enum sk_ktype t)
{
    void *p = guard_place(g, s->n * width(t), s->side);
    check_fill(p, s->n, t, s->fill, &s->r);
    return p;
}

static void verify_guards(void)
{
    for (size_t i = 0; i < SK_COUNT(all); i++)
        guard_verify(all[i], "a tensor");
}

static void for_all(void (*check)(const struct sk_kern_point *kern, const struct sk_kern_point *ref, struct size *s))
{
    enum sk_isa levels[3];
    struct sk_kern ref, kern;
    uint64_t index = 0;
    size_t n = check_levels(levels);
    sk_kern_init(&ref, SK_ISA_REF);
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        for (size_t i = 0; i < SK_COUNT(lengths) * SIDES * FILLS * SK_K_TYPES; i++) {
            size_t rest = i / SK_COUNT(lengths);
            struct size s = {.n = lengths[i % SK_COUNT(lengths)],
                             .side = (enum side)(rest % SIDES),
                             .fill = (enum fill)(rest / SIDES % FILLS),
                             .t = (enum sk_ktype)(rest / SIDES / FILLS)};
            check_rng(&s.r, index++);
            check_case("%s %s n %zu side %d fill %d", sk_isa_name(levels[l]), s.t ? "bf16" : "f32", s.n, (int)s.side,
                       (int)s.fill);
            check(&kern.point[s.t], &ref.point[s.t], &s);
            verify_guards();
        }
    }
}

/* One rounding each: the same bits, in place too. */
static void check_exact(const struct sk_kern_point *kern, const struct sk_kern_point *ref, struct size *s)
{
    void *a = place_filled(&in[0], s, s->t), *b = place_filled(&in[1], s, s->t);
    size_t bytes = s->n * width(s->t);
    void *y = guard_place(&got, bytes, s->side), *right = guard_place(&want, bytes, s->side);
    ref->relu_grad(a, b, s->n, right);
    kern->relu_grad(a, b, s->n, y);
    check_same("relu_grad", y, right, s->n, s->t);
    ref->add(a, b, s->n, right);
    kern->add(a, b, s->n, y);
    check_same("add", y, right, s->n, s->t);
    memcpy(y, b, bytes);
    kern->add(a, y, s->n, y);
    check_same("add in place", y, right, s->n, s->t);
    ref->relu(a, s->n, right);
    kern->relu(a, s->n, y);
    check_same("relu", y, right, s->n, s->t);
    kern->relu(a, s->n, a);
    check_same("relu in place", a, right, s->n, s->t);
}

static void test_relu_add(void **state)
{
    (void)state;
    for_all(check_exact);
}

static void check_convert(const struct sk_kern_point *kern, const struct sk_kern_point *ref, struct size *s)
{
    void *a = place_filled(&in[0], s, s->t), *b = place_filled(&in[1], s, SK_K_F32);
    void *y = guard_place(&got, s->n * sizeof(float), s->side),
         *right = guard_place(&want, s->n * sizeof(float), s->side);
    ref->to_f32(a, s->n, right);
    kern->to_f32(a, s->n, y);
    check_same("to_f32", y, right, s->n, SK_K_F32);
    y = guard_place(&got, s->n * width(s->t), s->side);
    right = guard_place(&want, s->n * width(s->t), s->side);
    ref->from_f32(b, s->n, right);
    kern->from_f32(b, s->n, y);
    check_same("from_f32", y, right, s->n, s->t);
}

static void test_convert(void **state)
{
    (void)state;
    for_all(check_convert);
}

/* Every bf16 up, and around every bf16 and every halfway point down: rounding, overflow, denormals and NaN. */
static void test_convert_everything(void **state)
{
    enum sk_isa levels[3];
    struct sk_kern ref, kern;
    size_t n = check_levels(levels);
    (void)state;
    sk_kern_init(&ref, SK_ISA_REF);
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        check_case("%s", sk_isa_name(levels[l]));
        for (uint32_t h = 0; h < 0x10000; h++) {
            const uint32_t low[8] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x4000, 0xc000};
            float x[8];
            uint16_t down[8], right[8];
            for (int i = 0; i < 8; i++) {
                uint32_t u = h << 16 | low[i];
                memcpy(&x[i], &u, sizeof u);
            }
            ref.point[SK_K_BF16].from_f32(x, 8, right);
            kern.point[SK_K_BF16].from_f32(x, 8, down);
            assert_memory_equal(down, right, sizeof down); /* NaNs keep their bits too */
            kern.point[SK_K_BF16].to_f32(right, 8, x);
            for (int i = 0; i < 8; i++) {
                uint32_t u;
                memcpy(&u, &x[i], sizeof u);
                assert_int_equal(u, (uint32_t)right[i] << 16);
            }
        }
    }
}

static void check_pixels(const struct sk_kern_point *kern, const struct sk_kern_point *ref, struct size *s, size_t c)
{
    size_t rows = s->n / c, n = rows * c;
    float *m = guard_place(&mul, c * sizeof *m, s->side), *o = guard_place(&add, c * sizeof *o, s->side);
    uint8_t *bytes = guard_place(&pixels, n, s->side);
    float *x = guard_place(&in[0], n * sizeof *x, s->side);
    void *y = guard_place(&got, n * width(s->t), s->side), *right = guard_place(&want, n * width(s->t), s->side);
    check_fill_channels(m, c, s->fill, &s->r);
    check_fill_channels(o, c, s->fill, &s->r);
    check_fill(x, n, SK_K_F32, s->fill, &s->r);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)sk_rng_u32(&s->r);
    for (int from_bytes = 0; from_bytes < 2; from_bytes++) {
        if (from_bytes) {
            ref->normalize_u8(bytes, rows, c, m, o, right);
            kern->normalize_u8(bytes, rows, c, m, o, y);
        } else {
            ref->normalize_f32(x, rows, c, m, o, right);
            kern->normalize_f32(x, rows, c, m, o, y);
        }
        if (s->fill == FILL_EXACT)
            check_same("normalize", y, right, n, s->t);
        for (size_t i = 0; i < n; i++) {
            double v = from_bytes ? (double)bytes[i] : check_abs(x, i, SK_K_F32);
            double sum = fabs(v * (double)m[i % c]) + fabs((double)o[i % c]);
            check_one("normalize", i, (double)check_get(y, i, s->t), (double)check_get(right, i, s->t),
                      2 * CHECK_EPS * sum, s->t);
        }
    }
}

static void check_normalize(const struct sk_kern_point *kern, const struct sk_kern_point *ref, struct size *s)
{
    static const size_t channels[] = {1, 3, 4, 17, 255, MOST_CHANNELS};
    for (size_t i = 0; i < SK_COUNT(channels); i++) {
        check_pixels(kern, ref, s, channels[i]);
        verify_guards();
    }
}

static void test_normalize(void **state)
{
    (void)state;
    for_all(check_normalize);
}

/* ---- timing ---- */

static uint8_t bench_pixels[16384];
static float bench_memory[3][16384] __attribute__((aligned(64)));
static const float bench_channels[3] = {1, 2, 3};

static void time_add(void *arg)
{
    ((const struct sk_kern_point *)arg)->add(bench_memory[0], bench_memory[1], 16384, bench_memory[2]);
}

static void time_relu_grad(void *arg)
{
    ((const struct sk_kern_point *)arg)->relu_grad(bench_memory[0], bench_memory[1], 16384, bench_memory[2]);
}

static void time_normalize(void *arg)
{
    ((const struct sk_kern_point *)arg)
        ->normalize_u8(bench_pixels, 16384 / 3, 3, bench_channels, bench_channels, bench_memory[2]);
}

static void time_from_f32(void *arg)
{
    ((const struct sk_kern_point *)arg)->from_f32(bench_memory[0], 16384, bench_memory[2]);
}

static int bench(void)
{
    enum sk_isa levels[4] = {SK_ISA_REF};
    size_t n = check_levels(levels + 1) + 1;
    struct sk_kern kern;
    for (size_t l = 0; l < n; l++)
        for (int i = 0; i < SK_K_TYPES; i++) {
            enum sk_ktype t = (enum sk_ktype)i;
            double w = (double)width(t), elements = 16384;
            sk_kern_init(&kern, levels[l]);
            check_bench("point.add", levels[l], t, 3 * w * elements, time_add, &kern.point[t]);
            check_bench("point.relu_grad", levels[l], t, 3 * w * elements, time_relu_grad, &kern.point[t]);
            check_bench("point.normalize_u8", levels[l], t, (1 + w) * elements, time_normalize, &kern.point[t]);
            check_bench("point.from_f32", levels[l], t, (4 + w) * elements, time_from_f32, &kern.point[t]);
        }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relu_add),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_convert_everything),
        cmocka_unit_test(test_normalize),
    };
    if (check_wants_bench(argc, argv))
        return bench();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

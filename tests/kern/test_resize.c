/* Kernels of resizing: the reference against the definition in 64-bit integers, every level against the reference. */
#include "kern/check.h"

enum { WIDTH_MAX = 400, TAPS_MAX = 40, COUNT_MAX = 90 };

struct axis_case {
    struct sk_resize_axis a;
    int first[COUNT_MAX], taps[COUNT_MAX];
    int16_t weight[COUNT_MAX * TAPS_MAX * 2];
    int32_t whole[COUNT_MAX][TAPS_MAX];
};

/* Any weights whose sums stay within what resizing makes: the absolute ones add up to less than 1.9. */
static void draw(struct axis_case *c, int width, struct sk_rng *r)
{
    int widest = 1 + (int)sk_rng_below(r, width < TAPS_MAX ? (uint32_t)width : TAPS_MAX);
    memset(c, 0, sizeof(*c));
    c->a = (struct sk_resize_axis){1 + (int)sk_rng_below(r, COUNT_MAX), (widest + 3) / 4, c->first, c->taps, c->weight};
    for (int i = 0; i < c->a.n; i++) {
        c->taps[i] = 1 + (int)sk_rng_below(r, (uint32_t)widest);
        c->first[i] = (int)sk_rng_below(r, (uint32_t)(width - c->taps[i] + 1));
        for (int k = 0; k < c->taps[i]; k++) {
            int32_t w = ((int32_t)sk_rng_below(r, 1 << 23) - (1 << 21)) / c->taps[i];
            int16_t *group = c->weight + (i * c->a.groups + k / 4) * 8 + k % 4;
            c->whole[i][k] = w;
            group[0] = (int16_t)(w & 0xfff);
            group[4] = (int16_t)((w - (w & 0xfff)) / 4096);
        }
    }
}

static uint8_t defined(const uint8_t *in, size_t step, const int32_t *weight, int taps)
{
    int64_t sum = 1 << 21;
    for (int k = 0; k < taps; k++)
        sum += (int64_t)in[(size_t)k * step] * weight[k];
    sum = sum >= 0 ? sum >> 22 : -1;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void check_row(const struct sk_kern *kern, const struct axis_case *c, struct guard *in, struct guard *out,
                      int width, int channels, enum side side, struct sk_rng *r)
{
    uint8_t *from = guard_place(in, (size_t)(width * channels), side);
    uint8_t *to = guard_place(out, (size_t)(c->a.n * channels), side);
    for (int i = 0; i < width * channels; i++)
        from[i] = (uint8_t)sk_rng_below(r, 256);
    kern->resize.row(&c->a, from, (size_t)width, (size_t)channels, to);
    guard_verify(in, "the row");
    guard_verify(out, "the result");
    for (int i = 0; i < c->a.n * channels; i++) {
        int at = i / channels;
        uint8_t want = defined(from + c->first[at] * channels + i % channels, (size_t)channels, c->whole[at],
                               c->taps[at]);
        if (to[i] != want)
            check_fail("output %d is %d, expected %d", i, to[i], want);
    }
}

static void check_column(const struct sk_kern *kern, const struct axis_case *c, struct guard *in, struct guard *out,
                         int n, enum side side, struct sk_rng *r)
{
    const uint8_t *rows[TAPS_MAX];
    int taps = c->taps[0];
    uint8_t *from = guard_place(in, (size_t)(n * taps), side), *to = guard_place(out, (size_t)n, side);
    for (int i = 0; i < n * taps; i++)
        from[i] = (uint8_t)sk_rng_below(r, 256);
    for (int k = 0; k < taps; k++)
        rows[k] = from + k * n;
    kern->resize.column(rows, c->weight, taps, (size_t)n, to);
    guard_verify(in, "the rows");
    guard_verify(out, "the result");
    for (int j = 0; j < n; j++)
        if (to[j] != defined(from + j, (size_t)n, c->whole[0], taps))
            check_fail("output %d is %d, expected %d", j, to[j], defined(from + j, (size_t)n, c->whole[0], taps));
}

static void levels_as_defined(void **state)
{
    (void)state;
    enum sk_isa levels[4] = {SK_ISA_REF};
    size_t n = 1 + check_levels(levels + 1);
    struct guard in = {0}, out = {0};
    struct sk_rng r;
    static struct axis_case c;
    static struct sk_kern kern;
    guard_open(&in, WIDTH_MAX * TAPS_MAX);
    guard_open(&out, WIDTH_MAX * 3);
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        for (int round = 0; round < 600; round++) {
            check_rng(&r, (uint64_t)round);
            int width = 1 + (int)sk_rng_below(&r, round % 2 ? 20 : WIDTH_MAX), channels = round % 5 ? 3 : 1 + round % 3;
            check_case("%s, width %d, %d channels, round %d", sk_isa_name(levels[l]), width, channels, round);
            draw(&c, width, &r);
            check_row(&kern, &c, &in, &out, width, channels, round % SIDES, &r);
            check_column(&kern, &c, &in, &out, width, round % SIDES, &r);
        }
    }
    guard_close(&in);
    guard_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels_as_defined)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

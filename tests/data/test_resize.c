/* Resizing: stored results of Pillow, float pixels against the 8-bit ones, and what must hold for any size. */
#include "test.h"

#include "data/internal.h"
#include "format/format.h"

#include <math.h>
#include <stdio.h>

static void open_stored(struct sk_npy *a, const char *name)
{
    struct sk_err err = {0};
    char path[SK_PATH];
    snprintf(path, sizeof(path), "%s/data/pictures/%s", SKUA_TEST_DIR, name);
    assert_ok(sk_npy_open(a, path, &err), err);
    assert_int_equal(a->rank, 3);
    assert_int_equal(a->elem, SK_ELEM_U8);
}

static void load_stored(struct sk_picture *p, const char *name)
{
    struct sk_err err = {0};
    struct sk_npy a;
    open_stored(&a, name);
    assert_ok(sk_picture_reserve(p, (int)a.dim[0], (int)a.dim[1], (int)a.dim[2], SK_PIXEL_U8, &err), err);
    memcpy(p->data, a.data, a.bytes);
    sk_npy_close(&a);
}

static void as_pillow(void **state)
{
    (void)state;
    static const int sizes[][2] = {{37, 53}, {16, 16}, {74, 106}, {37, 20}, {12, 53}, {1, 1},
                                   {5, 90},  {80, 7},  {36, 52},  {38, 54}, {3, 4}};
    struct sk_err err = {0};
    struct sk_picture from = {0}, to = {0};
    load_stored(&from, "resize_from.npy");
    for (size_t i = 0; i < SK_COUNT(sizes); i++) {
        char name[64];
        struct sk_npy want;
        snprintf(name, sizeof(name), "resize_%dx%d.npy", sizes[i][0], sizes[i][1]);
        open_stored(&want, name);
        assert_ok(sk_picture_resize(&to, &from, sizes[i][0], sizes[i][1], &err), err);
        assert_int_equal(want.bytes, sk_picture_bytes(&to));
        assert_memory_equal(to.data, want.data, want.bytes);
        sk_npy_close(&want);
    }
    sk_picture_release(&from);
    sk_picture_release(&to);
}

/* Parts of the picture are resized as if they had been cut out: boxes and sizes of make_pictures.py in its order. */
static void boxes_as_pillow(void **state)
{
    (void)state;
    static const int boxes[][4] = {{0, 0, 37, 53}, {3, 5, 30, 40}, {10, 20, 9, 7}, {36, 52, 1, 1}, {0, 11, 37, 2},
                                   {0, 20, 37, 9}};
    static const int sizes[][2] = {{16, 16}, {60, 71}, {5, 40}, {33, 3},
                                   {0, 20},  {20, 0},  {28, 5}, {29, 5}}; /* 0: as the box */
    static const char *const names[] = {[SK_BILINEAR] = "boxes_bilinear.npy", [SK_BICUBIC] = "boxes_bicubic.npy"};
    struct sk_err err = {0};
    struct sk_picture from = {0}, to = {0};
    load_stored(&from, "resize_from.npy");
    for (size_t f = 0; f < SK_COUNT(names); f++) {
        struct sk_npy want;
        open_stored(&want, names[f]);
        size_t at = 0;
        for (size_t i = 0; i < SK_COUNT(boxes) * SK_COUNT(sizes); i++) {
            const int *b = boxes[i / SK_COUNT(sizes)], *s = sizes[i % SK_COUNT(sizes)];
            int h = s[0] ? s[0] : b[2], w = s[1] ? s[1] : b[3];
            struct sk_resize how = {h, w, {0, 0, h, w}, {b[0], b[1], b[2], b[3]}, (enum sk_interpolation)f};
            assert_ok(sk_picture_resize_box(&to, &from, &how, &err), err);
            size_t bytes = sk_picture_bytes(&to);
            assert_true(at + bytes <= want.bytes);
            if (memcmp(to.data, (const char *)want.data + at, bytes) != 0)
                fail_msg("%s: box %d x %d to %d x %d differs", names[f], b[2], b[3], h, w);
            at += bytes;
        }
        assert_int_equal(at, want.bytes);
        sk_npy_close(&want);
    }
    sk_picture_release(&from);
    sk_picture_release(&to);
}

/* Sides that are no whole pixels: the weights follow the box, a flat ramp stays one. */
static void fractional_box(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture from = {0}, to = {0};
    assert_ok(sk_picture_reserve(&from, 1, 64, 1, SK_PIXEL_F32, &err), err);
    for (int x = 0; x < 64; x++)
        ((float *)from.data)[x] = (float)x + 0.5f; /* the value at a place is its coordinate */
    struct sk_resize how = {1, 20, {0, 0, 1, 20}, {0, 7.25, 1, 40.5}, SK_BILINEAR};
    assert_ok(sk_picture_resize_box(&to, &from, &how, &err), err);
    for (int i = 3; i < 17; i++) /* the filter is cut off nearer to the sides */
        assert_true(fabs((double)((float *)to.data)[i] - (7.25 + 40.5 * (i + 0.5) / 20)) < 0.02);
    sk_picture_release(&from);
    sk_picture_release(&to);
}

/* Float pixels follow the same weights; the 8-bit path rounds twice, by half a level each at most. */
static void float_pixels(void **state)
{
    (void)state;
    static const int sizes[][2] = {{16, 16}, {74, 106}, {37, 20}, {12, 53}, {1, 1}, {80, 7}};
    struct sk_err err = {0};
    struct sk_picture from = {0}, to = {0}, f = {0}, g = {0};
    load_stored(&from, "resize_from.npy");
    assert_ok(sk_picture_reserve(&f, from.height, from.width, 3, SK_PIXEL_F32, &err), err);
    for (size_t i = 0; i < sk_picture_bytes(&from); i++)
        ((float *)f.data)[i] = ((uint8_t *)from.data)[i];
    for (size_t s = 0; s < SK_COUNT(sizes); s++) {
        assert_ok(sk_picture_resize(&to, &from, sizes[s][0], sizes[s][1], &err), err);
        assert_ok(sk_picture_resize(&g, &f, sizes[s][0], sizes[s][1], &err), err);
        assert_int_equal(g.pixel, SK_PIXEL_F32);
        for (size_t i = 0; i < sk_picture_bytes(&to); i++)
            assert_true(fabsf(((float *)g.data)[i] - (float)((uint8_t *)to.data)[i]) <= 1.01f);
    }
    sk_picture_release(&from);
    sk_picture_release(&to);
    sk_picture_release(&f);
    sk_picture_release(&g);
}

/* Whatever the sizes and channels: a flat picture stays flat, and nothing is written beyond the result. */
static void flat_stays_flat(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_rng rng;
    sk_rng_init(&rng, 5, 0, 0, SK_RNG_TEST);
    for (int round = 0; round < 300; round++) {
        struct sk_picture from = {0}, to = {0};
        int c = 1 + (int)sk_rng_below(&rng, 3), value = (int)sk_rng_below(&rng, 256);
        int h = 1 + (int)sk_rng_below(&rng, 60), w = 1 + (int)sk_rng_below(&rng, 60);
        assert_ok(sk_picture_reserve(&from, h, w, c, SK_PIXEL_U8, &err), err);
        memset(from.data, value, sk_picture_bytes(&from));
        int height = 1 + (int)sk_rng_below(&rng, 90), width = 1 + (int)sk_rng_below(&rng, 90);
        assert_ok(sk_picture_resize(&to, &from, height, width, &err), err);
        for (size_t i = 0; i < sk_picture_bytes(&to); i++)
            if (((uint8_t *)to.data)[i] != value)
                fail_msg("%d x %d x %d of %d to %d x %d: %d", h, w, c, value, height, width, ((uint8_t *)to.data)[i]);
        sk_picture_release(&from);
        sk_picture_release(&to);
    }
}

/* A window of the result is the result's window, to the last bit, for both kinds of pixels. */
static void windows_are_parts(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture from[2] = {0}, whole = {0}, part = {0};
    struct sk_rng rng;
    sk_rng_init(&rng, 6, 0, 0, SK_RNG_TEST);
    load_stored(&from[0], "resize_from.npy");
    assert_ok(sk_picture_reserve(&from[1], from[0].height, from[0].width, 3, SK_PIXEL_F32, &err), err);
    for (size_t i = 0; i < sk_picture_bytes(&from[0]); i++)
        ((float *)from[1].data)[i] = ((uint8_t *)from[0].data)[i];
    for (int round = 0; round < 300; round++) {
        const struct sk_picture *p = &from[round % 2];
        int h = round % 5 ? 1 + (int)sk_rng_below(&rng, 90) : p->height;
        int w = round % 7 ? 1 + (int)sk_rng_below(&rng, 120) : p->width;
        struct sk_window want = {.top = (int)sk_rng_below(&rng, (uint32_t)h), .left = (int)sk_rng_below(&rng, (uint32_t)w)};
        want.height = 1 + (int)sk_rng_below(&rng, (uint32_t)(h - want.top));
        want.width = 1 + (int)sk_rng_below(&rng, (uint32_t)(w - want.left));
        assert_ok(sk_picture_resize(&whole, p, h, w, &err), err);
        struct sk_resize how = {h, w, want, {0, 0, p->height, p->width}, SK_BILINEAR};
        assert_ok(sk_picture_resize_box(&part, p, &how, &err), err);
        size_t step = 3 * sk_pixel_size(p->pixel), row = (size_t)want.width * step;
        for (int y = 0; y < want.height; y++)
            if (memcmp((char *)part.data + (size_t)y * row,
                       (char *)whole.data + ((size_t)(want.top + y) * (size_t)w + (size_t)want.left) * step, row) != 0)
                fail_msg("%d x %d to %d x %d: row %d of %d x %d at (%d, %d) differs", p->height, p->width, h, w, y,
                         want.height, want.width, want.top, want.left);
    }
    for (int i = 0; i < 2; i++)
        sk_picture_release(&from[i]);
    sk_picture_release(&whole);
    sk_picture_release(&part);
}

/* Resizes in one go and in two of one direction each, which must be the same. */
static void assert_order(const struct sk_picture *from, int height, int width, bool columns_first)
{
    struct sk_err err = {0};
    struct sk_picture at_once = {0}, half = {0}, to = {0};
    assert_ok(sk_picture_resize(&at_once, from, height, width, &err), err);
    int h = columns_first ? height : from->height, w = columns_first ? from->width : width;
    assert_ok(sk_picture_resize(&half, from, h, w, &err), err);
    assert_ok(sk_picture_resize(&to, &half, height, width, &err), err);
    if (memcmp(at_once.data, to.data, sk_picture_bytes(&to)) != 0)
        fail_msg("%d x %d to %d x %d is not by %s first", from->height, from->width, height, width,
                 columns_first ? "columns" : "rows");
    sk_picture_release(&at_once);
    sk_picture_release(&half);
    sk_picture_release(&to);
}

/* Long sides: the order says which rows are held, and they take no more than the pictures do. */
static void far_from_square(void **state)
{
    (void)state;
    static const struct {
        int h, w, height, width;
        bool columns_first;
    } cases[] = {{30000, 2, 1, 20000, true}, {30000, 2, 300, 400, true},   {2, 30000, 20000, 1, false},
                 {2, 30000, 1, 100, false},  {30000, 2, 40000, 50, false}, {2001, 1001, 1001, 501, false}};
    struct sk_err err = {0};
    struct sk_rng rng;
    sk_rng_init(&rng, 9, 0, 0, SK_RNG_TEST);
    uint64_t before = sk_peak_rss();
    for (size_t i = 0; i < SK_COUNT(cases); i++) {
        struct sk_picture from = {0};
        assert_ok(sk_picture_reserve(&from, cases[i].h, cases[i].w, 3, SK_PIXEL_U8, &err), err);
        for (size_t k = 0; k < sk_picture_bytes(&from); k++)
            ((uint8_t *)from.data)[k] = sk_rng_below(&rng, 2) ? 255 : 0;
        assert_order(&from, cases[i].height, cases[i].width, cases[i].columns_first);
        sk_picture_release(&from);
    }
    assert_true(sk_peak_rss() - before < (uint64_t)256 << 20); /* a ring of 30000 rows of 20000 pixels: 1.8 GB */
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture from = {0};
    load_stored(&from, "resize_from.npy");
    for (long n = 1; n <= 11; n++) { /* the result, two axes of four blocks, the ring and its rows */
        struct sk_picture to = {0};
        sk_mem_fail_after(n);
        enum sk_code code = sk_picture_resize(&to, &from, 10, 12, &err);
        sk_mem_fail_after(0);
        assert_error(code, SK_NOMEM, err, "not enough memory");
        sk_picture_release(&to);
    }
    struct sk_picture to = {0};
    assert_error(sk_picture_resize(&to, &from, 0, 12, &err), SK_INPUT, err, "outside the limits");
    sk_picture_release(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_pillow), cmocka_unit_test(boxes_as_pillow),
                                       cmocka_unit_test(fractional_box), cmocka_unit_test(float_pixels),
                                       cmocka_unit_test(flat_stays_flat), cmocka_unit_test(windows_are_parts),
                                       cmocka_unit_test(far_from_square), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

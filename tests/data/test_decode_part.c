/* Parts of JPEGs against the same files decoded whole: every kind of file, boxes at random, to the bit; scaled down
 * where that is allowed, near to it. And what that means for a damaged file. */
#include "test.h"

#include "data/steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

/* ---- files: a scene of several blocks whose sides are no multiples of them, every way of halving colours ---- */
enum { HEIGHT = 83, WIDTH = 117 };

static const struct kind {
    const char *name;
    int across, down; /* sampling factors of the luma */
    bool progressive;
    int restart, channels;
} kinds[] = {
    {"4:4:4", 1, 1, false, 0, 3},      {"4:2:2", 2, 1, false, 0, 3},       {"4:2:0", 2, 2, false, 0, 3},
    {"4:4:0", 1, 2, false, 0, 3},      {"4:1:1", 4, 1, false, 0, 3},       {"4:1:0", 4, 2, false, 0, 3},
    {"grey", 1, 1, false, 0, 1},       {"CMYK", 1, 1, false, 0, 4},        {"progressive", 2, 2, true, 0, 3},
    {"restarts", 2, 2, false, 3, 3},   {"grey, progressive", 1, 1, true, 2, 1}, {"progressive 4:2:2", 2, 1, true, 5, 3},
};

static uint8_t level(int y, int x, int c)
{
    double wave = sin(x / 9.0 + c) * 70 + cos(y / 11.0 - c) * 50 + 128;
    return (uint8_t)(wave + (y * 7 + x * 13 + c * 5) % 11 - 5);
}

static char *make(const struct kind *k, size_t *len)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *data = NULL, row[WIDTH * 4], *target = row;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = WIDTH;
    jpeg.image_height = HEIGHT;
    jpeg.input_components = k->channels;
    jpeg.in_color_space = k->channels == 4 ? JCS_CMYK : k->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 80, TRUE);
    jpeg.comp_info[0].h_samp_factor = k->across;
    jpeg.comp_info[0].v_samp_factor = k->down;
    jpeg.restart_interval = (unsigned)k->restart;
    if (k->progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < HEIGHT; y++) {
        for (int i = 0; i < WIDTH * k->channels; i++)
            row[i] = level(y, i / k->channels, i % k->channels);
        jpeg_write_scanlines(&jpeg, &target, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    *len = size;
    return (char *)data; /* free */
}

static enum sk_code given(void *ctx, int height, int width, struct sk_window *box, struct sk_err *err)
{
    (void)height;
    (void)width;
    (void)err;
    *box = *(struct sk_window *)ctx;
    return SK_OK;
}

static void assert_part(const char *name, const struct sk_picture *whole, const struct sk_picture *part,
                        const struct sk_window *w, const struct sk_box *at)
{
    assert_true(at->top == 0 && at->height == w->height && at->width == w->width && part->height == w->height);
    assert_true(at->left == (int)at->left && at->left + at->width <= part->width);
    for (int y = 0; y < w->height; y++)
        if (memcmp((uint8_t *)part->data + ((size_t)y * (size_t)part->width + (size_t)at->left) * 3,
                   (uint8_t *)whole->data + ((size_t)(w->top + y) * (size_t)whole->width + (size_t)w->left) * 3,
                   (size_t)w->width * 3) != 0)
            fail_msg("%s: row %d of the box %d x %d at (%d, %d) differs", name, y, w->height, w->width, w->top, w->left);
}

static void parts_are_exact(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture whole = {0}, p = {0};
    struct sk_rng rng;
    sk_rng_init(&rng, 8, 0, 0, SK_RNG_TEST);
    for (size_t i = 0; i < SK_COUNT(kinds); i++) {
        size_t len;
        char *data = make(&kinds[i], &len);
        assert_ok(sk_picture_decode(&whole, data, len, kinds[i].name, &err), err);
        for (int round = 0; round < 150; round++) {
            struct sk_window w = {.top = (int)sk_rng_below(&rng, (uint32_t)whole.height),
                                  .left = (int)sk_rng_below(&rng, (uint32_t)whole.width)};
            w.height = 1 + (int)sk_rng_below(&rng, (uint32_t)(whole.height - w.top));
            w.width = 1 + (int)sk_rng_below(&rng, (uint32_t)(whole.width - w.left));
            struct sk_jpeg_part part = {.choose = given, .ctx = &w, .height = 1, .width = 1};
            assert_ok(sk_decode_jpeg_part(&p, data, len, kinds[i].name, &part, &err), err);
            assert_part(kinds[i].name, &whole, &p, &w, &part.box);
        }
        free(data);
    }
    sk_picture_release(&whole);
    sk_picture_release(&p);
}

/* All of decode, draw and resize in one: the same picture and the same generator afterwards as one by one. */
static void steps_on_the_way(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture a = {0}, b = {0}, scratch = {0};
    struct sk_picture_steps steps = {.count = 2,
                                     .step = {{.kind = SK_STEP_RANDOM_RESIZED_CROP, .size = 20, .scale = {0.08, 1},
                                               .ratio = {0.75, 1.25}, .filter = SK_BICUBIC},
                                              {.kind = SK_STEP_FLIP, .p = 0.5}}};
    for (uint64_t i = 0; i < 40 * SK_COUNT(kinds); i++) {
        size_t len;
        const char *name = kinds[i % SK_COUNT(kinds)].name;
        char *data = make(&kinds[i % SK_COUNT(kinds)], &len);
        struct sk_rng one, other;
        int done;
        sk_rng_init(&one, 3, 0, i, SK_RNG_AUGMENT);
        other = one;
        assert_ok(sk_picture_decode(&a, data, len, name, &err), err);
        assert_ok(sk_picture_apply(&a, &scratch, &steps, &one, &err), err);
        assert_ok(sk_picture_decode_for(&b, &scratch, data, len, name, &steps, &other, &done, &err), err);
        assert_int_equal(done, 1);
        assert_ok(sk_picture_apply_from(&b, &scratch, &steps, done, &other, &err), err);
        assert_memory_equal(a.data, b.data, sk_picture_bytes(&a));
        assert_int_equal(sk_rng_u32(&one), sk_rng_u32(&other));
        free(data);
    }
    struct sk_rng rng;
    int done = 1;
    struct sk_str png = {0};
    assert_ok(sk_picture_encode(&a, &png, &err), err);
    sk_rng_init(&rng, 3, 0, 0, SK_RNG_AUGMENT);
    assert_ok(sk_picture_decode_for(&a, &scratch, png.text, png.len, "x", &steps, &rng, &done, &err), err);
    assert_int_equal(done, 0);
    sk_str_release(&png);
    sk_picture_release(&a);
    sk_picture_release(&b);
    sk_picture_release(&scratch);
}

/* Fast decoding scales down where the box stays large enough, never below; what comes out is the same scene. */
static void fast_is_near(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture a = {0}, b = {0}, scratch = {0};
    struct sk_picture_steps steps = {.count = 1,
                                     .step = {{.kind = SK_STEP_RANDOM_RESIZED_CROP, .size = 20, .scale = {0.3, 1},
                                               .ratio = {0.75, 1.25}}}};
    double sum = 0, n = 0;
    size_t len;
    char *data = make(&kinds[2], &len);
    for (uint64_t i = 0; i < 60; i++) {
        struct sk_rng one, other;
        int done;
        sk_rng_init(&one, 3, 0, i, SK_RNG_AUGMENT);
        other = one;
        steps.decode = SK_DECODE_EXACT;
        assert_ok(sk_picture_decode_for(&a, &scratch, data, len, "x", &steps, &one, &done, &err), err);
        steps.decode = SK_DECODE_FAST;
        assert_ok(sk_picture_decode_for(&b, &scratch, data, len, "x", &steps, &other, &done, &err), err);
        assert_true(scratch.width >= 20 && scratch.height >= 20);
        for (size_t k = 0; k < sk_picture_bytes(&a); k++, n++)
            sum += abs(((uint8_t *)a.data)[k] - ((uint8_t *)b.data)[k]);
    }
    assert_true(sum / n > 0 && sum / n < 3); /* a smooth scene with noise: blurred a little more or less */
    free(data);
    sk_picture_release(&a);
    sk_picture_release(&b);
    sk_picture_release(&scratch);
}

/* What lies below the box is not read; a file cut off above its end is refused. */
static void damage(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    size_t len;
    char *data = make(&kinds[2], &len);
    struct sk_window high = {0, 10, 16, 30}, low = {60, 10, 16, 30};
    struct sk_jpeg_part part = {.choose = given, .ctx = &high, .height = 1, .width = 1};
    assert_ok(sk_decode_jpeg_part(&p, data, len * 3 / 4, "x", &part, &err), err);
    part.ctx = &low;
    assert_error(sk_decode_jpeg_part(&p, data, len / 2, "x", &part, &err), SK_INPUT, err, "the file is truncated");
    assert_error(sk_decode_jpeg_part(&p, data, 100, "x", &part, &err), SK_INPUT, err, "the file is truncated");
    free(data);
    sk_picture_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_are_exact), cmocka_unit_test(steps_on_the_way),
                                       cmocka_unit_test(fast_is_near), cmocka_unit_test(damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

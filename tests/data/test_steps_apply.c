/* Picture steps: crops and flips pixel by pixel for both pixel types, torchvision's rounding, what must be refused. */
#include "test.h"

#include "data/internal.h"

/* What a picture of marks holds at a place: never 0, and the same again no nearer than ten rows. */
static int mark(int y, int x, int c)
{
    return 1 + (y * 25 + x * 3 + c) % 255;
}

static void make(struct sk_picture *p, int h, int w, int channels, enum sk_pixel pixel)
{
    struct sk_err err = {0};
    assert_ok(sk_picture_reserve(p, h, w, channels, pixel, &err), err);
    for (int y = 0, i = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < channels; c++, i++)
                if (pixel == SK_PIXEL_F32)
                    ((float *)p->data)[i] = (float)mark(y, x, c);
                else
                    ((uint8_t *)p->data)[i] = (uint8_t)mark(y, x, c);
}

static int at(const struct sk_picture *p, int y, int x, int c)
{
    int i = (y * p->width + x) * p->channels + c;
    return p->pixel == SK_PIXEL_F32 ? (int)((float *)p->data)[i] : ((uint8_t *)p->data)[i];
}

/* p must be the window of an h x w picture of marks at (top, left), with zeros outside of it. */
static void assert_window(const struct sk_picture *p, int h, int w, int top, int left, bool flipped)
{
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            for (int c = 0; c < p->channels; c++) {
                int row = y + top, col = (flipped ? p->width - 1 - x : x) + left;
                int want = row >= 0 && row < h && col >= 0 && col < w ? mark(row, col, c) : 0;
                if (at(p, y, x, c) != want)
                    fail_msg("(%d, %d, %d) is %d, expected %d", y, x, c, at(p, y, x, c), want);
            }
        }
    }
}

static enum sk_code apply(struct sk_picture *p, struct sk_picture_step step, uint64_t index, struct sk_err *err)
{
    struct sk_picture scratch = {0};
    struct sk_picture_steps steps = {.count = 1, .step = {step}};
    struct sk_rng rng;
    sk_rng_init(&rng, 1, 0, index, SK_RNG_AUGMENT);
    enum sk_code code = sk_picture_apply(p, &scratch, &steps, &rng, err);
    sk_picture_release(&scratch);
    return code;
}

/* torchvision 0.2x: F.center_crop(img, size) of pictures h x w begins at (top, left); negative where it pads. */
static void center_crop(void **state)
{
    (void)state;
    static const struct {
        int h, w, size, top, left;
    } rows[] = {
        {10, 10, 10, 0, 0}, {10, 10, 4, 3, 3},  {11, 13, 4, 4, 4},  {9, 7, 4, 2, 2},  {7, 9, 6, 0, 2},
        {12, 5, 2, 5, 2},   {5, 5, 8, -1, -1},  {5, 12, 8, -1, 2},  {13, 6, 9, 2, -1}, {1, 1, 3, -1, -1},
    };
    struct sk_err err = {0};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        for (int kind = 0; kind < 4; kind++) {
            struct sk_picture p = {0};
            make(&p, rows[i].h, rows[i].w, kind & 1 ? 3 : 1, kind & 2 ? SK_PIXEL_F32 : SK_PIXEL_U8);
            struct sk_picture_step step = {.kind = SK_STEP_CENTER_CROP, .size = rows[i].size};
            assert_ok(apply(&p, step, 0, &err), err);
            assert_int_equal(p.height, rows[i].size);
            assert_int_equal(p.width, rows[i].size);
            assert_window(&p, rows[i].h, rows[i].w, rows[i].top, rows[i].left, false);
            sk_picture_release(&p);
        }
    }
}

/* Every window of a padded picture comes up, and none other. */
static void random_crop(void **state)
{
    (void)state;
    enum { H = 6, W = 7, SIZE = 5, PAD = 2, DRAWS = 3000 };
    enum { ROWS = H + 2 * PAD - SIZE + 1, COLS = W + 2 * PAD - SIZE + 1 };
    struct sk_err err = {0};
    int seen[ROWS][COLS] = {{0}};
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        struct sk_picture p = {0};
        make(&p, H, W, 3, draw % 2 ? SK_PIXEL_F32 : SK_PIXEL_U8);
        struct sk_picture_step step = {.kind = SK_STEP_RANDOM_CROP, .size = SIZE, .padding = PAD};
        assert_ok(apply(&p, step, draw, &err), err);
        assert_int_equal(p.height, SIZE);
        assert_int_equal(p.width, SIZE);
        struct sk_rng rng;
        sk_rng_init(&rng, 1, 0, draw, SK_RNG_AUGMENT);
        int top = (int)sk_rng_below(&rng, ROWS), left = (int)sk_rng_below(&rng, COLS);
        assert_window(&p, H, W, top - PAD, left - PAD, false);
        seen[top][left]++;
        sk_picture_release(&p);
    }
    for (int i = 0; i < ROWS * COLS; i++) /* 62.5 expected of each, deviation 7.8 */
        assert_in_range(seen[i / COLS][i % COLS], 25, 100);
}

/* A window that lies wholly beside the picture is empty. */
static void random_crop_of_padding_only(void **state)
{
    (void)state;
    struct sk_err err = {0};
    for (uint64_t draw = 0; draw < 200; draw++) {
        struct sk_picture p = {0};
        make(&p, 2, 3, 3, SK_PIXEL_U8);
        struct sk_picture_step step = {.kind = SK_STEP_RANDOM_CROP, .size = 2, .padding = 9};
        assert_ok(apply(&p, step, draw, &err), err);
        struct sk_rng rng;
        sk_rng_init(&rng, 1, 0, draw, SK_RNG_AUGMENT);
        int top = (int)sk_rng_below(&rng, 19), left = (int)sk_rng_below(&rng, 20);
        assert_window(&p, 2, 3, top - 9, left - 9, false);
        sk_picture_release(&p);
    }
}

/* numpy.pad's reflect mode: 0 1 2 becomes ... 2 1 [0 1 2] 1 0 1 2 ...; a single row or column is repeated. */
static void reflected_padding(void **state)
{
    (void)state;
    static const int sizes[][2] = {{5, 7}, {3, 2}, {1, 4}, {2, 1}, {1, 1}};
    struct sk_err err = {0};
    for (uint64_t draw = 0; draw < 200; draw++) {
        int h = sizes[draw % 5][0], w = sizes[draw % 5][1];
        struct sk_picture p = {0};
        make(&p, h, w, 3, draw % 2 ? SK_PIXEL_F32 : SK_PIXEL_U8);
        struct sk_picture_step step = {.kind = SK_STEP_RANDOM_CROP, .size = 6, .padding = 9, .mode = SK_PAD_REFLECT};
        assert_ok(apply(&p, step, draw, &err), err);
        struct sk_rng rng;
        sk_rng_init(&rng, 1, 0, draw, SK_RNG_AUGMENT);
        int top = (int)sk_rng_below(&rng, (uint32_t)(h + 13)) - 9, left = (int)sk_rng_below(&rng, (uint32_t)(w + 13)) - 9;
        for (int y = 0; y < 6; y++) {
            for (int x = 0; x < 6; x++) {
                int row = top + y, col = left + x;
                while (row < 0 || row >= h)
                    row = h == 1 ? 0 : row < 0 ? -row : 2 * (h - 1) - row;
                while (col < 0 || col >= w)
                    col = w == 1 ? 0 : col < 0 ? -col : 2 * (w - 1) - col;
                for (int c = 0; c < 3; c++)
                    assert_int_equal(at(&p, y, x, c), mark(row, col, c));
            }
        }
        sk_picture_release(&p);
    }
}

/* Steps for 8-bit pixels say so. */
static void colours_need_bytes(void **state)
{
    (void)state;
    static const struct {
        enum sk_step_kind kind;
        const char *name;
    } rows[] = {{SK_STEP_COLOR_JITTER, "color_jitter"}, {SK_STEP_GRAYSCALE, "grayscale"},
                {SK_STEP_TRIVIAL_AUGMENT_WIDE, "trivial_augment_wide"}, {SK_STEP_RAND_AUGMENT, "rand_augment"}};
    struct sk_err err = {0};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_picture p = {0};
        char expected[128];
        make(&p, 4, 4, 3, SK_PIXEL_F32);
        snprintf(expected, sizeof(expected), "%s needs 8-bit pictures of 1 or 3 channels, not float ones", rows[i].name);
        assert_error(apply(&p, (struct sk_picture_step){.kind = rows[i].kind, .n = 1}, 0, &err), SK_INPUT, err, expected);
        sk_picture_release(&p);
    }
}

static void vertical_flip(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    make(&p, 5, 4, 3, SK_PIXEL_U8);
    assert_ok(apply(&p, (struct sk_picture_step){.kind = SK_STEP_VERTICAL_FLIP, .p = 1}, 0, &err), err);
    for (int i = 0; i < 60; i++)
        assert_int_equal(at(&p, i / 12, i / 3 % 4, i % 3), mark(4 - i / 12, i / 3 % 4, i % 3));
    sk_picture_release(&p);
}

static void random_crop_too_large(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    make(&p, 6, 9, 3, SK_PIXEL_U8);
    struct sk_picture_step step = {.kind = SK_STEP_RANDOM_CROP, .size = 9, .padding = 1};
    assert_error(apply(&p, step, 0, &err), SK_INPUT, err, "random_crop of size 9 is larger than a picture of 6 x 9");
    sk_picture_release(&p);
}

static void flip(void **state)
{
    (void)state;
    struct sk_err err = {0};
    int flipped = 0;
    for (uint64_t draw = 0; draw < 2000; draw++) {
        struct sk_picture p = {0};
        int w = 1 + (int)(draw % 8), c = 1 + (int)(draw % 3);
        make(&p, 3, w, c, draw % 5 ? SK_PIXEL_U8 : SK_PIXEL_F32);
        assert_ok(apply(&p, (struct sk_picture_step){.kind = SK_STEP_FLIP, .p = 0.25}, draw, &err), err);
        struct sk_rng rng;
        sk_rng_init(&rng, 1, 0, draw, SK_RNG_AUGMENT);
        bool is = sk_rng_unit(&rng) < 0.25f;
        assert_window(&p, 3, w, 0, 0, is);
        flipped += is;
        sk_picture_release(&p);
    }
    assert_in_range(flipped, 400, 600); /* 500 expected, deviation 19 */
}

/* torchvision's Resize(size): the shorter side becomes size, the longer int(size * long / short). */
static void resize_sizes(void **state)
{
    (void)state;
    static const struct {
        int h, w, size, height, width;
    } rows[] = {
        {10, 20, 5, 5, 10},   {20, 10, 5, 10, 5},   {10, 15, 7, 7, 10},
        {37, 53, 16, 16, 22}, {53, 37, 64, 91, 64}, {8, 8, 8, 8, 8},
    };
    struct sk_err err = {0};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_picture p = {0};
        make(&p, rows[i].h, rows[i].w, 3, SK_PIXEL_U8);
        assert_ok(apply(&p, (struct sk_picture_step){.kind = SK_STEP_RESIZE, .size = rows[i].size}, 0, &err), err);
        assert_int_equal(p.height, rows[i].height);
        assert_int_equal(p.width, rows[i].width);
        struct sk_picture_step exact = {.kind = SK_STEP_RESIZE, .exact = true, .height = 4, .width = 9};
        assert_ok(apply(&p, exact, 0, &err), err);
        assert_int_equal(p.height, 4);
        assert_int_equal(p.width, 9);
        sk_picture_release(&p);
    }
    struct sk_picture strip = {0};
    make(&strip, 1, 60000, 1, SK_PIXEL_U8);
    struct sk_picture_step step = {.kind = SK_STEP_RESIZE, .size = 256};
    assert_error(apply(&strip, step, 0, &err), SK_INPUT, err, "too large");
    sk_picture_release(&strip);
}

/* A resize and the centre crop after it give what they give one by one; a strip needs no room for the whole. */
static void resize_and_crop(void **state)
{
    (void)state;
    static const struct {
        int h, w, size, crop;
    } rows[] = {{37, 53, 16, 16}, {53, 37, 20, 16}, {10, 31, 24, 17}, {9, 9, 12, 5}, {20, 40, 20, 8}, {20, 40, 10, 15}};
    struct sk_err err = {0};
    struct sk_rng rng = {0};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_picture both = {0}, single = {0}, scratch = {0};
        struct sk_picture_steps steps = {.count = 2,
                                         .step = {{.kind = SK_STEP_RESIZE, .size = rows[i].size},
                                                  {.kind = SK_STEP_CENTER_CROP, .size = rows[i].crop}}};
        make(&both, rows[i].h, rows[i].w, 3, SK_PIXEL_U8);
        make(&single, rows[i].h, rows[i].w, 3, SK_PIXEL_U8);
        assert_ok(sk_picture_apply(&both, &scratch, &steps, &rng, &err), err);
        for (int k = 0; k < 2; k++)
            assert_ok(apply(&single, steps.step[k], 0, &err), err);
        assert_int_equal(both.height * 100 + both.width, rows[i].crop * 101);
        assert_int_equal(sk_picture_bytes(&both), sk_picture_bytes(&single));
        assert_memory_equal(both.data, single.data, sk_picture_bytes(&both));
        sk_picture_release(&both);
        sk_picture_release(&single);
        sk_picture_release(&scratch);
    }
    struct sk_picture strip = {0}, scratch = {0};
    struct sk_picture_steps steps = {
        .count = 2, .step = {{.kind = SK_STEP_RESIZE, .size = 256}, {.kind = SK_STEP_CENTER_CROP, .size = 224}}};
    make(&strip, 1, 60000, 1, SK_PIXEL_U8);
    assert_ok(sk_picture_apply(&strip, &scratch, &steps, &rng, &err), err);
    int left = mark(0, 29999, 0), right = mark(0, 30000, 0); /* 256 columns for a pixel: the two in the middle */
    for (int y = 0; y < 224; y++)
        for (int x = 0; x < 224; x++)
            assert_in_range(at(&strip, y, x, 0), left < right ? left : right, left < right ? right : left);
    assert_int_equal(strip.height * 1000 + strip.width, 224224);
    sk_picture_release(&strip);
    sk_picture_release(&scratch);
}

/* Several steps follow each other, and the same key gives the same picture. */
static void several_steps(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture_steps steps = {.count = 3,
                                     .step = {{.kind = SK_STEP_RESIZE, .size = 20},
                                              {.kind = SK_STEP_RANDOM_CROP, .size = 12, .padding = 2},
                                              {.kind = SK_STEP_FLIP, .p = 0.5}}};
    uint8_t first[12 * 12 * 3];
    int changed = 0;
    for (uint64_t index = 0; index < 20; index++) {
        for (int again = 0; again < 2; again++) {
            struct sk_picture p = {0}, scratch = {0};
            struct sk_rng rng;
            make(&p, 25, 31, 3, SK_PIXEL_U8);
            sk_rng_init(&rng, 3, 1, index, SK_RNG_AUGMENT);
            assert_ok(sk_picture_apply(&p, &scratch, &steps, &rng, &err), err);
            assert_int_equal(sk_picture_bytes(&p), sizeof(first));
            if (again)
                assert_memory_equal(first, p.data, sizeof(first));
            changed += !again && index > 0 && memcmp(first, p.data, sizeof(first)) != 0;
            memcpy(first, p.data, sizeof(first));
            sk_picture_release(&p);
            sk_picture_release(&scratch);
        }
    }
    assert_true(changed > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(center_crop), cmocka_unit_test(random_crop), cmocka_unit_test(random_crop_of_padding_only),
        cmocka_unit_test(random_crop_too_large), cmocka_unit_test(reflected_padding),
        cmocka_unit_test(colours_need_bytes), cmocka_unit_test(vertical_flip), cmocka_unit_test(flip), cmocka_unit_test(resize_sizes),
        cmocka_unit_test(resize_and_crop), cmocka_unit_test(several_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

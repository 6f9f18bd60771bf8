/* Picture steps and normalization: every way to write them, what they set, what is refused; random recipes read back.
 */
#include "test.h"

#include "recipe/keys.h"
#include "recipe/text.h"

#include <math.h>

static struct sk_recipe r;

static int start(void **state)
{
    (void)state;
    sk_recipe_defaults(&r);
    return 0;
}

static void set(const char *assignment)
{
    struct sk_err err = {0};
    assert_ok(sk_recipe_set(&r, assignment, &err), err);
}

static void refused(const char *assignment, const char *message)
{
    static struct sk_recipe before;
    struct sk_err err = {0};
    before = r;
    assert_error(sk_recipe_set(&r, assignment, &err), SK_INPUT, err, message);
    assert_memory_equal(&r, &before, sizeof(r));
}

static void steps_are_read(void **state)
{
    (void)state;
    const struct sk_picture_step *s = r.data.augment.step;
    set("data.augment=[{random_crop: {size: 32, padding: 4}}, {horizontal_flip: {p: 0.25}}, {resize: {size: 256}}, "
        "{center_crop: {size: 224}}]");
    assert_int_equal(r.data.augment.count, 4);
    assert_true(s[0].kind == SK_STEP_RANDOM_CROP && s[0].size == 32 && s[0].padding == 4);
    assert_true(s[1].kind == SK_STEP_FLIP && s[1].p == 0.25);
    assert_true(s[2].kind == SK_STEP_RESIZE && s[2].size == 256 && !s[2].exact);
    assert_true(s[3].kind == SK_STEP_CENTER_CROP && s[3].size == 224);
    set("data.prepare=[{resize: {size: [24, 48]}}]");
    s = r.data.prepare.step;
    assert_true(s[0].kind == SK_STEP_RESIZE && s[0].exact && s[0].height == 24 && s[0].width == 48 && s[0].size == 0);
    assert_int_equal(r.data.augment.count, 4);
}

static void steps_have_short_forms(void **state)
{
    (void)state;
    static struct sk_recipe whole;
    set("data.augment=[{random_crop: {size: 28, padding: 0}}, {horizontal_flip: {p: 0.5}}, {horizontal_flip: {p: "
        "0.1}}, "
        "{resize: {size: 9}}, {resize: {size: [2, 3]}}, {center_crop: {size: 5}}]");
    whole = r;
    set("data.augment=[{random_crop: 28}, horizontal_flip, horizontal_flip: 0.1, resize: 9, {resize: [2, 3]}, "
        "{center_crop: 5}]");
    assert_memory_equal(&r, &whole, sizeof(r));
    set("data.augment=[random_crop: {size: 28}, {horizontal_flip: }, {horizontal_flip: {p: 0.1}}, resize: {size: 9}, "
        "{resize: [2, 3]}, {center_crop: 5}]");
    assert_memory_equal(&r, &whole, sizeof(r));
    static const char *const none[] = {"[]", "none", "null", "false", "~"};
    for (size_t i = 0; i < SK_COUNT(none); i++) {
        char assignment[64];
        r = whole;
        snprintf(assignment, sizeof(assignment), "data.augment=%s", none[i]);
        set(assignment);
        assert_int_equal(r.data.augment.count, 0);
    }
}

static void steps_are_refused(void **state)
{
    (void)state;
    refused("data.augment=[{random_corp: 3}]", "step 1: unknown step 'random_corp' (did you mean 'random_crop'?)");
    refused("data.augment=[blur]", "unknown step 'blur' (there are random_crop, horizontal_flip, resize, center_crop, ");
    refused("data.augment=[{random_crop: {siz: 3}}]",
            "step 1: unknown parameter 'siz' of random_crop (did you mean 'size'?)");
    refused("data.augment=[horizontal_flip, {random_crop: {padding: 3}}]", "step 2: random_crop needs its size");
    refused("data.augment=[resize]", "step 1: resize needs its size");
    refused("data.augment=[{random_crop: {size: 0}}]",
            "data.augment: step 1: random_crop.size: expected an integer from 1 to 8192, got '0'");
    refused("data.augment=[{random_crop: {size: 3, padding: -1}}]", "random_crop.padding: expected an integer from 0");
    refused("data.augment=[{random_crop: {size: 3, size: 4}}]", "random_crop.size is given twice");
    refused("data.augment=[{random_crop: {[a]: 3}}]", "expected a parameter's name, got a list");
    refused("data.augment=[{horizontal_flip: 1.5}]", "horizontal_flip.p: expected a number from 0 to 1, got '1.5'");
    refused("data.augment=[{resize: [3]}]", "resize.size: expected [height, width], got a list of 1");
    refused("data.augment=[{resize: [3, 4, 5]}]", "resize.size: expected [height, width], got a list of 3");
    refused("data.augment=[{resize: [3, x]}]", "resize.size: expected an integer from 1 to 8192, got 'x'");
    refused("data.augment=[{resize: [9000, 3]}]", "got '9000'");
    refused("data.augment=[{center_crop: [3, 4]}]", "center_crop.size: expected an integer from 1 to 8192, got a list");
    refused("data.augment=[{resize: 3, center_crop: 4}]", "expected one step such as {resize: 256}, got several");
    refused("data.augment=[{}]", "expected one step such as {resize: 256}, got nothing");
    refused("data.augment=[[resize]]", "expected one step such as {resize: 256}, got a list");
    refused("data.augment=[{[a]: 3}]", "expected a step's name, got a list");
    refused("data.augment={resize: 3}",
            "data.augment: expected a list of steps such as [{resize: 256}], got a mapping");
    refused("data.augment=resize", "expected a list of steps such as [{resize: 256}], got 'resize'");
    refused("data.augment=[a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]", "expected at most 16 steps, got 17");
}

static void normalization_is_read(void **state)
{
    (void)state;
    set("data.normalize={mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010]}");
    assert_true(r.data.has_normalize && r.data.normalize_channels == 3);
    assert_true(r.data.mean[0] == 0.4914 && r.data.mean[2] == 0.4465 && r.data.std[1] == 0.1994);
    set("data.normalize={std: [2], mean: [1]}");
    assert_true(r.data.normalize_channels == 1 && r.data.mean[0] == 1 && r.data.std[0] == 2 && r.data.std[1] == 0);
    set("data.normalize=none");
    assert_false(r.data.has_normalize);
    assert_int_equal(r.data.normalize_channels, 0);
    refused("data.normalize={mean: [1]}", "data.normalize: expected mean and std, got mean alone");
    refused("data.normalize={std: [1]}", "expected mean and std, got std alone");
    refused("data.normalize={}", "expected mean and std, got neither");
    refused("data.normalize={mean: [1, 2], std: [1]}", "expected as many values in std as in mean, got 1 and 2");
    refused("data.normalize={mean: [1], std: [0]}",
            "data.normalize: std: expected a number from 1e-06 to 1000000, got '0'");
    refused("data.normalize={mean: [1, 2, 3, 4], std: [1, 1, 1, 1]}",
            "mean: expected 1 to 3 numbers, one a channel, got 4");
    refused("data.normalize={mean: [], std: []}", "mean: expected 1 to 3 numbers, one a channel, got 0");
    refused("data.normalize={mean: 0.5, std: [1]}", "mean: expected a list of numbers, one a channel, got '0.5'");
    refused("data.normalize={mean: [[1]], std: [1]}", "mean: expected a number from -1000000 to 1000000, got a list");
    refused("data.normalize={mean: [1], mean: [1]}", "mean: given twice");
    refused("data.normalize={mean: [1], deviation: [1]}", "expected mean or std, got 'deviation'");
    refused("data.normalize={[mean]: [1]}", "expected mean or std, got a list");
    refused("data.normalize=[1, 2]", "expected none or {mean: [...], std: [...]}, got a list");
    refused("data.normalize=imagenet", "expected none or {mean: [...], std: [...]}, got 'imagenet'");
}

/* ---- what is written reads back, for random recipes ---- */
static double random_real(struct sk_rng *g, double min, double max)
{
    double value = min + (max - min) * ((double)sk_rng_u32(g) + sk_rng_u32(g) / 4294967296.0) / 4294967296.0;
    if (sk_rng_below(g, 3) == 0)
        value = min + ldexp((double)sk_rng_u32(g), -(int)sk_rng_below(g, 80)); /* also tiny ones */
    return value > max ? max : value < min ? min : value;
}

/* Numbers of any row of the table; bool, enum and text rows are driven through in test_keys. */
static void randomize(struct sk_recipe *x, struct sk_rng *g)
{
    for (size_t i = 0; i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        char *member = (char *)x + k->offset;
        uint64_t wide = (uint64_t)sk_rng_u32(g) << 32 | sk_rng_u32(g);
        bool whole = k->type == SK_KEY_INT || k->type == SK_KEY_INT64;
        int64_t integer = whole ? k->low + (int64_t)(wide % ((uint64_t)(k->high - k->low) + 1)) : 0;
        int small = (int)integer;
        double real = random_real(g, k->min, k->max);
        bool out = (k->above_min && real <= k->min) || (k->below_max && real >= k->max);
        if (k->type == SK_KEY_INT)
            memcpy(member, &small, sizeof(small));
        else if (k->type == SK_KEY_INT64)
            memcpy(member, &integer, sizeof(integer));
        else if (k->type == SK_KEY_REAL && !out)
            memcpy(member, &real, sizeof(real));
    }
    x->data.augment.count = (int)sk_rng_below(g, SK_MAX_STEPS + 1);
    for (int i = 0; i < x->data.augment.count; i++)
        x->data.augment.step[i] = (struct sk_picture_step){.kind = SK_STEP_FLIP, .p = random_real(g, 0, 1)};
    x->data.has_normalize = true;
    x->data.normalize_channels = 1 + (int)sk_rng_below(g, 3);
    for (int i = 0; i < x->data.normalize_channels; i++) {
        x->data.mean[i] = random_real(g, -1e6, 1e6);
        x->data.std[i] = random_real(g, 1e-6, 1e6);
    }
}

static void assert_reads_back(const char *what)
{
    static struct sk_recipe back;
    struct sk_err err = {0};
    struct sk_str s = {0};
    sk_recipe_defaults(&back);
    assert_ok(sk_recipe_write(&r, &s, &err), err);
    assert_ok(sk_recipe_parse(&back, s.text, s.len, what, &err), err);
    bool equal = sk_normalize_equal(&r, &back);
    for (size_t i = 0; equal && i < sk_key_count; i++)
        equal = sk_key_equal(&sk_keys[i], &r, &back);
    if (!equal)
        fail_msg("%s does not read back:\n%s", what, s.text);
    sk_str_release(&s);
}

static void ranges_are_read(void **state)
{
    (void)state;
    set("data.augment=[{random_resized_crop: 224}, {color_jitter: {brightness: 0.4, contrast: 2, hue: [-0.1, 0.2]}}, "
        "{affine: {degrees: 10, translate: [0.1, 0.2], scale: [0.9, 1.1], shear: 5, interpolation: bilinear}}, "
        "{rotation: [-5, 15]}, {random_erasing: {value: [1, 2, 3]}}, {cutout: {length: 16, value: 7}}, "
        "trivial_augment_wide, {rand_augment: {m: 30}}, {resize: {size: 9, interpolation: bicubic}}, "
        "{random_crop: {size: 4, mode: reflect}}, {grayscale: }, {vertical_flip: 0.1}]");
    const struct sk_picture_step *s = r.data.augment.step;
    assert_int_equal(r.data.augment.count, 12);
    assert_true(s[0].size == 224 && s[0].scale.low == 0.08 && s[0].scale.high == 1 && s[0].ratio.low == 0.75);
    assert_true(s[0].ratio.high == 4.0 / 3 && s[0].filter == SK_BILINEAR);
    assert_true(s[1].brightness.low == 0.6 && s[1].brightness.high == 1.4 && s[1].contrast.low == 0);
    assert_true(s[1].contrast.high == 3 && s[1].saturation.low == 1 && s[1].saturation.high == 1);
    assert_true(s[1].hue.low == -0.1 && s[1].hue.high == 0.2);
    assert_true(s[2].degrees.low == -10 && s[2].degrees.high == 10 && s[2].translate[1] == 0.2);
    assert_true(s[2].shear.low == -5 && s[2].shear_y.high == 0 && s[2].sampling == SK_LINEAR);
    assert_true(s[3].degrees.low == -5 && s[3].degrees.high == 15 && s[3].sampling == SK_NEAREST);
    assert_true(s[4].p == 0.5 && s[4].value[2] == 3 && s[4].scale.low == 0.02 && s[4].ratio.high == 3.3);
    assert_true(s[5].holes == 1 && s[5].length == 16 && s[5].value[0] == 7 && s[5].value[2] == 7);
    assert_true(s[7].n == 2 && s[7].m == 30 && s[8].filter == SK_BICUBIC && s[9].mode == SK_PAD_REFLECT);
    assert_true(s[10].p == 0.1 && s[11].p == 0.1);
    assert_reads_back("steps");
    refused("data.augment=[{random_resized_crop: {size: 8, scale: 0.5}}]",
            "random_resized_crop.scale: expected [low, high] above 0 to 1, got '0.5'");
    refused("data.augment=[{random_resized_crop: {size: 8, scale: [0.5, 0.1]}}]",
            "expected [low, high] with low at most high, got [0.5, 0.1]");
    refused("data.augment=[{random_resized_crop: {size: 8, scale: [0.5, 1.5]}}]",
            "random_resized_crop.scale: expected a number above 0 and at most 1, got '1.5'");
    refused("data.augment=[{color_jitter: {hue: 0.6}}]",
            "color_jitter.hue: expected x for [-x, x], or [low, high], from -0.5 to 0.5, got '0.6'");
    refused("data.augment=[{color_jitter: {contrast: [1, 2, 3]}}]", "or [low, high], from 0 to 100, got a list of 3");
    refused("data.augment=[{color_jitter: {contrast: -1}}]", "got '-1'");
    refused("data.augment=[{rotation: [1, x]}]", "rotation.degrees: expected a number from -360 to 360, got 'x'");
    refused("data.augment=[{cutout: {length: 3, value: [1, 2]}}]",
            "cutout.value: expected a number or a list of 3 from 0 to 255, got a list of 2");
    refused("data.augment=[{trivial_augment_wide: 3}]", "trivial_augment_wide");
    refused("data.augment=[{resize: {size: 3, interpolation: nearest}}]", "expected bilinear or bicubic, got 'nearest'");
}

static void random_recipes_read_back(void **state)
{
    (void)state;
    struct sk_rng g;
    char what[32];
    for (uint64_t seed = 0; seed < 300; seed++) {
        snprintf(what, sizeof(what), "seed %u", (unsigned)seed);
        sk_rng_init(&g, seed, 0, 0, SK_RNG_TEST);
        sk_recipe_defaults(&r);
        randomize(&r, &g);
        assert_reads_back(what);
    }
}

static void reals_are_shortest(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text, *yaml;
    } cases[] = {
        {0, "0", "0.0"},
        {1, "1", "1.0"},
        {30, "30", "30.0"},
        {-2.5, "-2.5", "-2.5"},
        {0.1, "0.1", "0.1"},
        {1e-8, "1e-08", "1.0e-08"},
        {2.5e-8, "2.5e-08", "2.5e-08"},
        {1e4, "10000", "10000.0"},
        {1e300, "1e+300", "1.0e+300"},
        {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
        {5e-324, "5e-324", "5.0e-324"},
        {999999999999999, "999999999999999", "999999999999999.0"},
        {123456.789, "123456.789", "123456.789"},
        {1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308"},
    };
    char text[SK_REAL_TEXT];
    for (size_t i = 0; i < SK_COUNT(cases); i++) {
        struct sk_err err = {0};
        struct sk_str s = {0};
        assert_string_equal(sk_real_text(cases[i].value, text), cases[i].text);
        assert_ok(sk_real_format(cases[i].value, &s, &err), err);
        assert_string_equal(s.text, cases[i].yaml);
        sk_str_release(&s);
    }
}

/* snprintf writes 0,5 where the host program's locale says so. */
static void locale_does_not_matter(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"0,5", "0.5"},
                                           {"0.5", "0.5"},
                                           {"-12", "-12"},
                                           {"-1,25e-08", "-1.25e-08"},
                                           {"0\xd9\xab"
                                            "5",
                                            "0.5"},
                                           {"1e+300", "1e+300"}};
    char text[SK_REAL_TEXT];
    for (size_t i = 0; i < SK_COUNT(cases); i++)
        assert_string_equal(sk_use_point(strcpy(text, cases[i][0])), cases[i][1]);
}

static void writing_can_fail(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_str s = {0};
    strcpy(r.data.path, "caf\xe9");
    assert_error(sk_recipe_write(&r, &s, &err), SK_INPUT, err, "data.path: text that is not UTF-8");
    sk_str_release(&s);
    strcpy(r.data.path, "path");
    set("data.augment=[resize: [3, 4]]");
    enum sk_code (*const write[])(struct sk_str *, struct sk_err *) = {sk_recipe_help, NULL};
    for (size_t i = 0; i < SK_COUNT(write); i++) {
        enum sk_code code = SK_NOMEM;
        long n = 1;
        for (; code != SK_OK && n < 100; n++) {
            sk_mem_fail_after(n);
            code = write[i] ? write[i](&s, &err) : sk_recipe_write(&r, &s, &err);
            sk_mem_fail_after(0);
            assert_true(code == SK_OK || code == SK_NOMEM);
            sk_str_release(&s);
            sk_err_clear(&err);
        }
        assert_true(n > 3 && n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(steps_are_read, start),           cmocka_unit_test_setup(steps_have_short_forms, start),
        cmocka_unit_test_setup(steps_are_refused, start),        cmocka_unit_test_setup(normalization_is_read, start),
        cmocka_unit_test_setup(random_recipes_read_back, start), cmocka_unit_test_setup(reals_are_shortest, start),
        cmocka_unit_test_setup(ranges_are_read, start),
        cmocka_unit_test_setup(locale_does_not_matter, start),   cmocka_unit_test_setup(writing_can_fail, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

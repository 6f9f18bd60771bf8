/* The built-in data set: the same picture for the same key whatever was read before, balanced classes, figures that can
 * be told apart. */
#include "test.h"

#include "data/internal.h"

static struct sk_recipe_data shapes(int side, int train, int val, int64_t seed)
{
    struct sk_recipe_data d = {.source = SK_SOURCE_SHAPES, .image_size = side, .train_size = train, .val_size = val};
    d.shapes_seed = seed;
    return d;
}

static struct sk_dataset *open_set(const struct sk_recipe_data *data, enum sk_split split)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_ok(sk_dataset_open(&ds, data, 0, split, &err), err);
    return ds;
}

static void read_one(const struct sk_dataset *ds, int64_t index, struct sk_picture *p)
{
    struct sk_err err = {0};
    assert_ok(sk_dataset_read(ds, index, p, &err), err);
}

static void info_and_labels(void **state)
{
    (void)state;
    struct sk_recipe_data data = shapes(48, 1000, 200, 0);
    struct sk_dataset *ds = open_set(&data, SK_TRAIN);
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    assert_int_equal(info->count, 1000);
    assert_int_equal(info->classes, 10);
    assert_int_equal(info->channels, 3);
    assert_int_equal(info->height, 48);
    assert_int_equal(info->width, 48);
    assert_string_equal(info->class_name[0], "circle");
    assert_string_equal(info->class_name[9], "arrow");
    int per_class[10] = {0};
    for (int64_t i = 0; i < 100; i++) /* any first N are balanced: a limit keeps that */
        per_class[sk_dataset_label(ds, i)]++;
    for (int c = 0; c < 10; c++)
        assert_int_equal(per_class[c], 10);
    char name[64];
    sk_dataset_name(ds, 17, name, sizeof(name));
    assert_string_equal(name, "training shape 17");
    sk_dataset_close(ds);
}

static void same_key_same_picture(void **state)
{
    (void)state;
    struct sk_recipe_data data = shapes(32, 100, 100, 7);
    struct sk_dataset *a = open_set(&data, SK_TRAIN), *b = open_set(&data, SK_TRAIN);
    struct sk_picture p = {0}, q = {0};
    for (int64_t i = 0; i < 100; i++) {
        read_one(a, i, &p);
        read_one(b, 99 - i, &q);
        read_one(b, i, &q);
        assert_memory_equal(p.data, q.data, sk_picture_bytes(&p));
    }
    assert_int_equal(sk_dataset_info(a)->fingerprint, sk_dataset_info(b)->fingerprint);
    sk_dataset_close(a);
    sk_dataset_close(b);
    sk_picture_release(&p);
    sk_picture_release(&q);
}

/* Another seed, split or index gives another picture of the class. */
static void other_key_other_picture(void **state)
{
    (void)state;
    struct sk_recipe_data data = shapes(32, 100, 100, 7), seed = shapes(32, 100, 100, 8);
    struct sk_dataset *sets[] = {open_set(&data, SK_TRAIN), open_set(&data, SK_VAL), open_set(&seed, SK_TRAIN)};
    struct sk_picture p[4] = {0};
    for (int64_t i = 0; i < 90; i++) {
        for (int k = 0; k < 3; k++)
            read_one(sets[k], i, &p[k]);
        read_one(sets[0], i + 10, &p[3]);
        for (int k = 1; k < 4; k++)
            assert_memory_not_equal(p[0].data, p[k].data, sk_picture_bytes(&p[0]));
    }
    assert_int_not_equal(sk_dataset_info(sets[0])->fingerprint, sk_dataset_info(sets[1])->fingerprint);
    assert_int_not_equal(sk_dataset_info(sets[0])->fingerprint, sk_dataset_info(sets[2])->fingerprint);
    for (int k = 0; k < 4; k++)
        sk_picture_release(&p[k]);
    for (int k = 0; k < 3; k++)
        sk_dataset_close(sets[k]);
}

/* All sizes can be drawn, and pictures fill the range of values: mean and deviation are far from any edge. */
static void any_size(void **state)
{
    (void)state;
    static const int sides[] = {16, 17, 33, 100, 512};
    struct sk_picture p = {0};
    for (size_t s = 0; s < SK_COUNT(sides); s++) {
        struct sk_recipe_data data = shapes(sides[s], 60, 10, 1);
        struct sk_dataset *ds = open_set(&data, SK_TRAIN);
        double sum = 0, square = 0, n = 0;
        for (int64_t i = 0; i < 60; i++) {
            read_one(ds, i, &p);
            assert_int_equal(p.height, sides[s]);
            assert_int_equal(p.width, sides[s]);
            for (size_t k = 0; k < sk_picture_bytes(&p); k++, n++) {
                double v = ((uint8_t *)p.data)[k];
                sum += v;
                square += v * v;
            }
        }
        double mean = sum / n, variance = square / n - mean * mean;
        assert_in_range((int)mean, 100, 160);
        assert_in_range((int)variance, 50 * 50, 95 * 95);
        sk_dataset_close(ds);
    }
    sk_picture_release(&p);
}

static void bad_settings(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data none = shapes(32, 10, 0, 0);
    assert_error(sk_dataset_open(&ds, &none, 0, SK_VAL, &err), SK_INPUT, err,
                 "no validation split: data.val_size is 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(info_and_labels), cmocka_unit_test(same_key_same_picture),
                                       cmocka_unit_test(other_key_other_picture), cmocka_unit_test(any_size),
                                       cmocka_unit_test(bad_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Pictures written as PNG are read again as they were; samples of a data set are spread over its classes. */
#include "data/data.h"
#include "test.h"

enum { SIDE = 24, SEED = 7 };

static void fill(struct sk_picture *p, int h, int w, int c)
{
    struct sk_err err = {0};
    struct sk_rng rng;
    assert_ok(sk_picture_reserve(p, h, w, c, SK_PIXEL_U8, &err), err);
    sk_rng_init(&rng, SEED, 0, (uint64_t)(h * w), SK_RNG_TEST);
    for (int i = 0; i < h * w * c; i++)
        ((uint8_t *)p->data)[i] = (uint8_t)sk_rng_u32(&rng);
}

static void assert_round_trip(int h, int w, int c)
{
    struct sk_picture in = {0}, out = {0};
    struct sk_str png = {0};
    struct sk_err err = {0};
    fill(&in, h, w, c);
    assert_ok(sk_picture_encode(&in, &png, &err), err);
    assert_ok(sk_picture_decode(&out, png.text, png.len, "made", &err), err);
    assert_int_equal(out.height, h);
    assert_int_equal(out.width, w);
    assert_int_equal(out.channels, 3); /* grey becomes three equal channels */
    for (int i = 0; i < h * w * 3; i++)
        assert_int_equal(((uint8_t *)out.data)[i], ((uint8_t *)in.data)[c == 3 ? i : i / 3]);
    sk_picture_release(&in);
    sk_picture_release(&out);
    sk_str_release(&png);
}

static void encodes(void **state)
{
    (void)state;
    assert_round_trip(32, 32, 3);
    assert_round_trip(1, 1, 3);
    assert_round_trip(5, 117, 3);
    assert_round_trip(40, 3, 1);
}

static void refuses_floats(void **state)
{
    (void)state;
    struct sk_picture p = {0};
    struct sk_str png = {0};
    struct sk_err err = {0};
    assert_ok(sk_picture_reserve(&p, 2, 2, 3, SK_PIXEL_F32, &err), err);
    assert_error(sk_picture_encode(&p, &png, &err), SK_UNSUPPORTED, err, "float32");
    sk_picture_release(&p);
}

static struct sk_dataset *open_shapes(int size)
{
    struct sk_recipe r;
    struct sk_dataset *ds = NULL;
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    r.data.source = SK_SOURCE_SHAPES;
    r.data.image_size = SIDE;
    r.data.val_size = size;
    assert_ok(sk_dataset_open(&ds, &r.data, 0, SK_VAL, &err), err);
    return ds;
}

static void check_file(void *ctx, const char *path)
{
    const struct sk_dataset *ds = ctx;
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    struct sk_picture file = {0}, sample = {0};
    struct sk_err err = {0};
    char *data = NULL;
    size_t len = 0;
    const char *name = strrchr(path, '/') + 1, *dash = strrchr(name, '-');
    int64_t index = strtoll(dash + 1, NULL, 10);
    assert_string_equal(strchr(dash, '.'), ".png");
    assert_true(index >= 0 && index < info->count);
    const char *class_name = info->class_name[sk_dataset_label(ds, index)];
    assert_int_equal(strncmp(name, class_name, (size_t)(dash - name)), 0);
    assert_ok(sk_file_read(path, 1 << 20, &data, &len, &err), err);
    assert_ok(sk_picture_decode(&file, data, len, path, &err), err);
    assert_ok(sk_dataset_read(ds, index, &sample, &err), err);
    assert_int_equal(file.height, SIDE);
    assert_memory_equal(file.data, sample.data, SIDE * SIDE * 3);
    sk_free(data);
    sk_picture_release(&file);
    sk_picture_release(&sample);
}

/* Writes samples into a folder of the test's and gives the names there. */
static void sample_into(const char *folder, struct sk_dataset *ds, int64_t count, char ***names, size_t *n)
{
    struct sk_err err = {0};
    struct sk_samples s = {.count = count, .seed = SEED, .dir = folder, .wrote = check_file, .ctx = ds};
    assert_ok(sk_data_sample(ds, &s, &err), err);
    assert_ok(sk_dir_list(folder, names, n, &err), err);
}

static void samples_every_class(void **state)
{
    (void)state;
    struct sk_dataset *ds = open_shapes(200);
    char **names = NULL, **again = NULL;
    size_t n = 0, m = 0;
    sample_into(test_path("ten"), ds, 10, &names, &n);
    assert_int_equal(n, 10);
    for (size_t i = 1; i < n; i++) /* sorted: neighbours of one class would show */
        assert_int_not_equal(strncmp(names[i - 1], names[i], strcspn(names[i], "-") + 1), 0);
    sample_into(test_path("again/and/deeper"), ds, 10, &again, &m);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(names[i], again[i]);
    sk_free(names);
    sk_free(again);
    sk_dataset_close(ds);
}

static void samples_all_there_are(void **state)
{
    (void)state;
    struct sk_dataset *ds = open_shapes(13);
    char **names = NULL;
    size_t n = 0;
    sample_into(test_path("all"), ds, 500, &names, &n);
    assert_int_equal(n, 13);
    sk_free(names);
    sk_dataset_close(ds);
}

static void measure_file(void *ctx, const char *path)
{
    struct sk_picture p = {0};
    struct sk_err err = {0};
    char *data = NULL;
    size_t len = 0;
    assert_ok(sk_file_read(path, 1 << 20, &data, &len, &err), err);
    assert_ok(sk_picture_decode(&p, data, len, path, &err), err);
    assert_int_equal(p.height, 11);
    assert_int_equal(p.width, 11);
    ++*(int *)ctx;
    sk_free(data);
    sk_picture_release(&p);
}

static void applies_steps(void **state)
{
    (void)state;
    struct sk_dataset *ds = open_shapes(13);
    struct sk_err err = {0};
    struct sk_picture_steps steps = {.count = 1, .step = {{.kind = SK_STEP_CENTER_CROP, .size = 11}}};
    int seen = 0;
    struct sk_samples s = {
        .count = 3, .steps = &steps, .dir = test_path("cropped"), .wrote = measure_file, .ctx = &seen};
    assert_ok(sk_data_sample(ds, &s, &err), err);
    assert_int_equal(seen, 3);
    sk_dataset_close(ds);
}

static void names_a_folder_that_cannot_be_made(void **state)
{
    (void)state;
    struct sk_dataset *ds = open_shapes(13);
    struct sk_err err = {0};
    const char *file = test_put("file", "x", 1);
    char dir[SK_PATH];
    assert_ok(sk_path_join(dir, &err, file, "below"), err);
    assert_error(sk_data_sample(ds, &(struct sk_samples){.count = 1, .dir = dir}, &err), SK_IO, err, "file");
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes),
        cmocka_unit_test(refuses_floats),
        cmocka_unit_test(samples_every_class),
        cmocka_unit_test(samples_all_there_are),
        cmocka_unit_test(applies_steps),
        cmocka_unit_test(names_a_folder_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Memory stays flat: a million samples go through the loader, and the process is no larger after them. */
#include "test.h"

#include <unistd.h>

#include "data/data.h"

enum { SAMPLES = 20000, EPOCHS = 50, SIDE = 2, PIXELS = SIDE * SIDE * 3 };

/* Bytes of physical memory that the process has now. */
static long resident(void)
{
    long all = 0, now = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &all, &now), 2);
    fclose(f);
    return now * sysconf(_SC_PAGESIZE);
}

/* An npy file: the header, then zeros. */
static void put_array(const char *name, const char *header, size_t bytes)
{
    size_t head = 10 + 118; /* header padded to a multiple of 64 */
    char *file = calloc(1, head + bytes);
    assert_non_null(file);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    memset(file + 10, ' ', 117);
    memcpy(file + 10, header, strlen(header));
    file[127] = '\n';
    test_put(name, file, head + bytes);
    free(file);
}

static struct sk_dataset *open_npy(void)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = {.source = SK_SOURCE_NPY};
    char shape[128];
    snprintf(shape, sizeof(shape), "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, %d, 3), }", SAMPLES,
             SIDE, SIDE);
    put_array("images.npy", shape, (size_t)SAMPLES * PIXELS);
    snprintf(shape, sizeof(shape), "{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }", SAMPLES);
    put_array("labels.npy", shape, SAMPLES);
    snprintf(data.images, sizeof(data.images), "%s", test_path("images.npy"));
    snprintf(data.labels, sizeof(data.labels), "%s", test_path("labels.npy"));
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    return ds;
}

static int64_t epoch(struct sk_loader *l, uint32_t number)
{
    struct sk_err err = {0};
    const struct sk_batch *b;
    int64_t samples = 0;
    assert_ok(sk_loader_start(l, number, 0, &err), err);
    do {
        assert_ok(sk_loader_next(l, &b, &err), err);
        samples += b ? b->count : 0;
    } while (b);
    return samples;
}

static void a_million_samples(void **state)
{
    (void)state;
    static const struct sk_picture_steps steps = {
        .count = 2,
        .step = {{.kind = SK_STEP_RANDOM_CROP, .size = SIDE, .padding = 1}, {.kind = SK_STEP_FLIP, .p = 0.5}}};
    struct sk_err err = {0};
    struct sk_dataset *ds = open_npy();
    struct sk_loader *l;
    struct sk_loader_options o = {.dataset = ds, .steps = &steps, .batch = 128, .workers = 2, .shuffle = true};
    assert_ok(sk_loader_new(&l, &o, &err), err);
    int64_t samples = epoch(l, 0) + epoch(l, 1);
    long before = resident();
    for (uint32_t e = 2; e < EPOCHS; e++)
        samples += epoch(l, e);
    long grown = resident() - before;
    assert_int_equal(samples, 1000000);
    assert_true(grown < 256 << 10); /* what a few bytes a sample would exceed by far */
    sk_loader_free(l);
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_million_samples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

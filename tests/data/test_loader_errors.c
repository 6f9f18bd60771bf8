/* The loader and damaged samples: replaced, counted and named in the same way whatever the workers; errors at their
 * batch. Run under the thread sanitizer too. */
#include "test.h"

#include "data/data.h"
#include "data/folder_make.h"

#include <pthread.h>
#include <stdio.h>

enum { SAMPLES = 300, CLASSES = 3, SIDE = 4, BATCH = 20 };

/* SAMPLES pictures in "name"/train; those for which damaged() holds are text. Sample i is i % 100 of class i / 100. */
static struct sk_dataset *make(const char *name, bool (*damaged)(int i))
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    for (int i = 0; i < SAMPLES; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/train/c%d/%03d.png", name, i / 100, i % 100);
        if (damaged(i))
            folder_file(path, "this is no picture");
        else
            folder_picture(path, SIDE, SIDE, i % 256, i / 256);
    }
    struct sk_recipe_data data = folder_recipe(name);
    data.val_fraction = 0.0;
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    assert_int_equal(sk_dataset_info(ds)->count, SAMPLES);
    return ds;
}

static struct sk_loader *new_loader_of(const struct sk_dataset *ds, int batch, int workers, enum sk_on_error on_error)
{
    struct sk_err err = {0};
    struct sk_loader *l;
    struct sk_loader_options o = {
        .dataset = ds, .batch = batch, .workers = workers, .shuffle = true, .seed = 2, .on_error = on_error};
    assert_ok(sk_loader_new(&l, &o, &err), err);
    return l;
}

static struct sk_loader *new_loader(const struct sk_dataset *ds, int workers, enum sk_on_error on_error)
{
    return new_loader_of(ds, BATCH, workers, on_error);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int notices;
static char last_notice[2048];

static void count_notice(const char *text)
{
    pthread_mutex_lock(&lock);
    notices++;
    snprintf(last_notice, sizeof(last_notice), "%s", text);
    pthread_mutex_unlock(&lock);
}

static bool three_damaged(int i)
{
    return i == 0 || i == 17 || i == 250;
}

/* At a damaged sample's place stands the next good one of the order; pixels, label and index are all of that one. */
static void replaced_by_the_next(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds = make("three", three_damaged);
    int64_t order[SAMPLES];
    sk_notice_sink(count_notice);
    for (int workers = 0; workers < 4; workers++) {
        struct sk_loader *l = new_loader(ds, workers, SK_ON_ERROR_REPLACE);
        for (uint32_t epoch = 0; epoch < 2; epoch++) {
            sk_sampler_order(order, SAMPLES, true, 2, epoch);
            assert_ok(sk_loader_start(l, epoch, 0, &err), err);
            for (int64_t at = 0; at < SAMPLES;) {
                const struct sk_batch *b;
                assert_ok(sk_loader_next(l, &b, &err), err);
                for (int k = 0; k < b->count; k++, at++) {
                    int64_t want = at;
                    while (three_damaged((int)order[want % SAMPLES]))
                        want++;
                    int64_t index = order[want % SAMPLES];
                    const uint8_t *pixel = (const uint8_t *)b->pixels + k * SIDE * SIDE * 3;
                    assert_int_equal(b->index[k], index);
                    assert_int_equal(b->label[k], index / 100);
                    assert_int_equal(pixel[0] + 256 * pixel[1], index);
                }
            }
            assert_int_equal(sk_loader_replaced(l), 3);
        }
        sk_loader_free(l);
    }
    sk_notice_sink(NULL);
    assert_int_equal(notices, 3); /* each once, over all loaders and epochs */
    assert_non_null(
        strstr(last_notice, ".png': not a JPEG or PNG file (unknown content); the next sample takes its place"));
    sk_dataset_close(ds);
}

static bool four_damaged(int i)
{
    return i % 75 == 5;
}

static bool run_damaged(int i)
{
    return i < 150;
}

/* The batches that come before an error, and its text. */
static int batches_before_error(struct sk_loader *l, uint32_t epoch, struct sk_err *err)
{
    struct sk_err again = {0};
    const struct sk_batch *b;
    int n = 0;
    assert_ok(sk_loader_start(l, epoch, 0, err), *err);
    while (sk_loader_next(l, &b, err) == SK_OK && b)
        n++;
    assert_null(b);
    if (err->code != SK_OK) { /* it stays */
        assert_int_equal(sk_loader_next(l, &b, &again), err->code);
        assert_string_equal(again.text, err->text);
    }
    return n;
}

static void too_many_damaged(void **state)
{
    (void)state;
    struct sk_dataset *ds = make("four", four_damaged);
    struct sk_err first = {0};
    int batches = 0;
    for (int workers = 0; workers < 4; workers++) {
        struct sk_loader *l = new_loader(ds, workers, SK_ON_ERROR_REPLACE);
        struct sk_err err = {0};
        int n = batches_before_error(l, 4, &err);
        batches = workers == 0 ? n : batches;
        first = workers == 0 ? err : first;
        assert_int_equal(n, batches);
        assert_string_equal(err.text, first.text);
        assert_error(err.code, SK_INPUT, err,
                     "more than 1% of the samples are damaged (4 of 300 so far; data.max_damaged; skua data convert leaves "
                     "damaged ones out); the first: cannot decode '");
        sk_loader_free(l);
    }
    sk_dataset_close(ds);
}

/* Already the first picture is looked for in vain. */
static void a_run_of_damaged(void **state)
{
    (void)state;
    struct sk_dataset *ds = make("run", run_damaged);
    struct sk_err err = {0};
    struct sk_loader *l;
    struct sk_loader_options o = {.dataset = ds, .batch = BATCH, .workers = 1};
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err, "more damaged samples in a row (");
    assert_null(l);
    sk_dataset_close(ds);
}

static bool one_damaged(int i)
{
    return i == 123;
}

/* on_error: stop. The error comes at the batch of the damaged sample; the next epoch may begin nevertheless. */
static void stops_where_told(void **state)
{
    (void)state;
    struct sk_dataset *ds = make("one", one_damaged);
    int64_t order[SAMPLES], place = 0;
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        sk_sampler_order(order, SAMPLES, true, 2, epoch);
        for (place = 0; order[place] != 123; place++)
            ;
        for (int workers = 0; workers < 4; workers++) {
            struct sk_loader *l = new_loader(ds, workers, SK_ON_ERROR_STOP);
            for (int again = 0; again < 2; again++) {
                struct sk_err err = {0};
                assert_int_equal(batches_before_error(l, epoch, &err), place / BATCH);
                assert_non_null(strstr(err.text, "c1/023.png': not a JPEG or PNG file"));
            }
            assert_int_equal(sk_loader_replaced(l), 0);
            sk_loader_free(l);
        }
    }
    sk_dataset_close(ds);
}

static bool none_damaged(int i)
{
    (void)i;
    return false;
}

/* Of two errors in one batch, which several workers fill, the one that comes first in the order is told. */
static void shapes_must_agree(void **state)
{
    (void)state;
    struct sk_dataset *ds = make("sizes", none_damaged);
    folder_picture("sizes/train/c2/050.png", SIDE, SIDE + 1, 1, 1);
    folder_picture("sizes/train/c1/070.png", SIDE + 2, SIDE, 1, 1);
    for (uint32_t epoch = 0; epoch < 6; epoch++) {
        int64_t order[SAMPLES], at = 0;
        sk_sampler_order(order, SAMPLES, true, 2, epoch);
        while (order[at] != 250 && order[at] != 170)
            at++;
        for (int workers = 0; workers < 4; workers++) {
            struct sk_loader *l = new_loader_of(ds, SAMPLES, workers, SK_ON_ERROR_REPLACE);
            struct sk_err err = {0};
            assert_int_equal(batches_before_error(l, epoch, &err), 0);
            assert_non_null(strstr(err.text, "but the first picture is 4 x 4 x 3: add resize and crop steps"));
            assert_error(err.code, SK_INPUT, err,
                         order[at] == 250 ? "c2/050.png' is 4 x 5 x 3" : "c1/070.png' is 6 x 4 x 3");
            sk_loader_free(l);
        }
    }
    sk_dataset_close(ds);
}

/* An epoch that is gone on with has replaced, and may replace, as many as one without a break. */
static void counts_survive_a_break(void **state)
{
    (void)state;
    static bool (*const damaged[])(int) = {three_damaged, four_damaged};
    for (int k = 0; k < 2; k++) {
        struct sk_dataset *ds = make(k ? "rest4" : "rest3", damaged[k]);
        struct sk_loader *l = new_loader(ds, 2, SK_ON_ERROR_REPLACE);
        for (int64_t stop = 0; stop <= SAMPLES / BATCH; stop++) {
            const struct sk_batch *b;
            struct sk_err err = {0};
            enum sk_code code = sk_loader_start(l, 0, 0, &err);
            for (int64_t i = 0; i < stop && code == SK_OK; i++)
                code = sk_loader_next(l, &b, &err);
            int64_t before = sk_loader_replaced(l);
            if (code == SK_OK && (code = sk_loader_start(l, 0, stop, &err)) == SK_OK) {
                sk_loader_replaced_before(l, before);
                do
                    code = sk_loader_next(l, &b, &err);
                while (code == SK_OK && b);
            }
            if (k == 0)
                assert_ok(code, err);
            else
                assert_error(code, SK_INPUT, err, "of the samples are damaged (4 of 300 so far;");
            assert_int_equal(sk_loader_replaced(l), 3 + k);
        }
        sk_loader_free(l);
        sk_dataset_close(ds);
    }
}

/* A file that is gone when its turn comes is a damaged sample too. */
static void files_may_vanish(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds = make("gone", none_damaged);
    assert_int_equal(remove(test_path("gone/train/c0/042.png")), 0);
    struct sk_loader *l = new_loader(ds, 2, SK_ON_ERROR_REPLACE);
    assert_int_equal(batches_before_error(l, 0, &err), SAMPLES / BATCH);
    assert_ok(err.code, err);
    assert_int_equal(sk_loader_replaced(l), 1);
    sk_loader_free(l);
    sk_dataset_close(ds);
}

static bool first_damaged(int i)
{
    return i == 0;
}

/* Of fewer than 100 samples one may be damaged, but of a single one none. */
static void one_of_few_is_replaced(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds = make("few", first_damaged);
    const struct sk_batch *b;
    struct sk_loader *l;
    struct sk_loader_options o = {.dataset = ds, .batch = 2, .limit = 2};
    assert_ok(sk_loader_new(&l, &o, &err), err);
    assert_ok(sk_loader_start(l, 0, 0, &err), err);
    assert_ok(sk_loader_next(l, &b, &err), err);
    assert_int_equal(b->count, 2);
    assert_true(b->index[0] == 1 && b->index[1] == 1);
    assert_int_equal(sk_loader_replaced(l), 1);
    sk_loader_free(l);
    o.limit = 1;
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err, "c0/000.png': not a JPEG or PNG file");
    sk_dataset_close(ds);
}

static bool two_damaged(int i)
{
    return i < 2;
}

static void two_of_few_are_too_many(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_dataset *ds = make("fewer", two_damaged);
    struct sk_loader *l;
    struct sk_loader_options o = {.dataset = ds, .batch = 9, .limit = 9};
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err, "c0/001.png': not a JPEG or PNG file");
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaced_by_the_next), cmocka_unit_test(too_many_damaged), cmocka_unit_test(a_run_of_damaged),
        cmocka_unit_test(stops_where_told), cmocka_unit_test(shapes_must_agree), cmocka_unit_test(counts_survive_a_break), cmocka_unit_test(files_may_vanish),
        cmocka_unit_test(one_of_few_is_replaced), cmocka_unit_test(two_of_few_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

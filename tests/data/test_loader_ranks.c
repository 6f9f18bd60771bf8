/* The loader over several ranks, with normalization, with a trace and with workers: auto: in all of them the batches
 * are those of one process that loads by itself. Run under the thread sanitizer too. */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "data/data.h"
#include "data/folder_make.h"
#include "data/loader.h"
#include "data/loader_make.h"

enum { PIXELS = SIDE * SIDE * 3 };

static void ranks_share_the_batches(void **state)
{
    (void)state;
    static const struct {
        int ranks, batch;
        int64_t limit;
        bool drop, shuffle;
    } rows[] = {{2, 32, 0, false, true},  {3, 32, 0, false, true},   {4, 100, 0, false, true},
                {7, 5, 0, false, true},   {4, 32, 0, true, true},    {3, 10, 11, false, true},
                {2, 32, 0, false, false}, {5, 1000, 3, false, false}};
    for (size_t k = 0; k < SK_COUNT(rows); k++) {
        for (int workers = 0; workers < 3; workers++) {
            struct sk_loader_options o = loader_options(rows[k].batch, workers);
            o.limit = rows[k].limit;
            o.drop_last = rows[k].drop;
            o.shuffle = rows[k].shuffle;
            struct sk_loader *alone = loader_new(&o);
            int seen[SAMPLES] = {0};
            int64_t count = 0, resumed = sk_loader_batches(alone) / 2;
            for (int rank = 0; rank < rows[k].ranks; rank++) {
                int again[SAMPLES] = {0};
                o.rank = rank;
                o.ranks = rows[k].ranks;
                struct sk_loader *l = loader_new(&o);
                assert_int_equal(sk_loader_batches(l), sk_loader_batches(alone));
                assert_int_equal(sk_loader_samples(l), sk_loader_samples(alone));
                loader_follow(alone, l, rank, rows[k].ranks, 0, seen);
                loader_follow(alone, l, rank, rows[k].ranks, resumed, again);
                sk_loader_free(l);
            }
            for (int i = 0; i < SAMPLES; i++) {
                assert_in_range(seen[i], 0, 1); /* none twice */
                count += seen[i];
            }
            assert_int_equal(count, sk_loader_samples(alone));
            sk_loader_free(alone);
        }
    }
}

static void ranks_are_checked(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_loader *l;
    static const int wrong[][2] = {{2, 2}, {-1, 2}, {1, 1}, {1, 0}, {0, -1}};
    for (size_t i = 0; i < SK_COUNT(wrong); i++) {
        struct sk_loader_options o = loader_options(8, 1);
        o.rank = wrong[i][0];
        o.ranks = wrong[i][1];
        assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err, "cannot load data as rank");
    }
}

/* Threads come while the caller does nothing but wait; the batches stay what they are. */
static void auto_workers_change_nothing(void **state)
{
    (void)state;
    struct sk_machine m;
    sk_machine_read(&m);
    struct sk_loader_options o = loader_options(4, 0), automatic = loader_options(4, -1);
    struct sk_loader *alone = loader_new(&o), *l = loader_new(&automatic);
    assert_int_equal(sk_loader_workers(alone), 0);
    assert_int_equal(sk_loader_workers(l), 1);
    for (int again = 0; again < 3; again++) {
        int seen[SAMPLES] = {0};
        loader_follow(alone, l, 0, 1, again, seen);
        assert_in_range(sk_loader_workers(l), 1, m.affinity);
    }
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        loader_start(l, epoch, 0);
        while (loader_next(l))
            ;
    }
    if (m.affinity > 1)
        assert_true(sk_loader_workers(l) > 1);
    sk_loader_free(alone);
    sk_loader_free(l);
}

static void workers_by_what_a_batch_takes(void **state)
{
    (void)state;
    static const struct {
        double prepare, compute;
        int most, want;
    } rows[] = {{0, 1, 8, 1},   {0.5, 1, 8, 1}, {0.8, 1, 8, 1}, {0.9, 1, 8, 2}, {1.6, 1, 8, 2},
                {3.3, 1, 8, 5}, {9, 1, 8, 8},   {9, 1, 1, 1},   {1, 0, 8, 8},   {1e300, 1e-300, 8, 8}};
    for (size_t i = 0; i < SK_COUNT(rows); i++)
        assert_int_equal(sk_load_wanted(rows[i].prepare, rows[i].compute, rows[i].most), rows[i].want);
}

/* The first computing decides: with threads that were busy for days all are started at once, with idle ones none. */
static void auto_workers_are_measured_at_the_start(void **state)
{
    (void)state;
    static const double busy[] = {1e6, -1e6};
    for (size_t i = 0; i < SK_COUNT(busy); i++) {
        double prepare, compute;
        struct sk_loader_options o = loader_options(20, -1);
        struct sk_loader *l = loader_new(&o);
        loader_start(l, 0, 0);
        assert_non_null(loader_next(l));
        sk_loader_pace(l, &prepare, &compute);
        assert_true(sk_loader_workers(l) == 1 && prepare == 0 && compute == 0);
        pthread_mutex_lock(&l->lock);
        l->busy = busy[i];
        pthread_mutex_unlock(&l->lock);
        assert_non_null(loader_next(l));
        assert_int_equal(sk_loader_workers(l), i == 0 ? l->workers : 1);
        sk_loader_pace(l, &prepare, &compute);
        assert_true(i == 0 ? prepare > 1e3 : prepare < 0);
        assert_true(compute > 0);
        sk_loader_free(l);
    }
}

static void normalized_pixels(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_loader_options o = loader_options(32, 0);
    static const struct sk_load_normalize three = {3, {0.5, 0.4, 0.3}, {0.2, 0.25, 0.3}}, one = {1, {0.5}, {0.25}},
                                          two = {2, {0.5, 0.5}, {1, 1}};
    struct sk_loader *raw = loader_new(&o), *l;
    for (int k = 0; k < 2; k++) {
        const struct sk_load_normalize *n = k ? &one : &three;
        int h, w, c;
        enum sk_pixel pixel;
        o.normalize = n;
        o.workers = k;
        l = loader_new(&o);
        sk_loader_shape(l, &h, &w, &c, &pixel);
        assert_int_equal(pixel, SK_PIXEL_F32);
        loader_start(raw, 0, 0);
        loader_start(l, 0, 0);
        for (const struct sk_batch *b; (b = loader_next(l));) {
            const uint8_t *from = loader_next(raw)->pixels;
            assert_int_equal(b->pixel, SK_PIXEL_F32);
            for (int i = 0; i < b->count * PIXELS; i++) {
                int ch = k ? 0 : i % 3;
                double want = (from[i] / 255.0 - n->mean[ch]) / n->std[ch];
                assert_true(fabs((double)((const float *)b->pixels)[i] - want) < 2e-6);
            }
        }
        sk_loader_free(l);
    }
    o.normalize = &two;
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err,
                 "normalization has 2 values, the pictures have 3 channels");
    sk_loader_free(raw);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int traced[SAMPLES], bad_spans;

static void on_sample(void *ctx, const struct sk_load_span *s)
{
    const int *workers = ctx;
    pthread_mutex_lock(&lock);
    traced[s->index]++;
    bad_spans += s->worker < 0 || s->worker >= *workers || s->read < 0 || s->decode < 0 || s->augment < 0 ||
                 s->copy < 0 || s->start <= 0 || s->start + s->read + s->decode + s->augment + s->copy > sk_now() ||
                 s->height != SIDE || s->width != SIDE || s->batch < 0 || s->batch > SAMPLES / 16;
    pthread_mutex_unlock(&lock);
}

static void every_sample_is_traced(void **state)
{
    (void)state;
    for (int workers = 0; workers < 3; workers++) {
        int most = workers ? workers : 1;
        struct sk_load_trace trace = {.sample = on_sample, .ctx = &most};
        struct sk_loader_options o = loader_options(16, workers);
        o.trace = &trace;
        struct sk_loader *l = loader_new(&o);
        memset(traced, 0, sizeof(traced));
        loader_start(l, 0, 0);
        while (loader_next(l))
            ;
        sk_loader_free(l);
        for (int i = 0; i < SAMPLES; i++)
            assert_int_equal(traced[i], 1);
    }
    assert_int_equal(bad_spans, 0);
}

/* The time of decoding is told apart where files are decoded: there is some. */
static double decoded;

static void on_decoded(void *ctx, const struct sk_load_span *s)
{
    (void)ctx;
    decoded += s->decode;
}

static struct sk_dataset *folder_of(int pictures, int damaged_every)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    for (int i = 0; i < pictures; i++) {
        char path[64];
        snprintf(path, sizeof(path), "f%d/train/a/%04d.png", damaged_every, i);
        if (damaged_every && i % damaged_every == 3)
            folder_file(path, "this is no picture");
        else
            folder_picture(path, 4, 4, i % 256, i / 256);
    }
    char name[16], other[32];
    snprintf(name, sizeof(name), "f%d", damaged_every);
    snprintf(other, sizeof(other), "%s/train/b/0.png", name);
    folder_picture(other, 4, 4, 1, 1); /* the last sample, of a second class */
    struct sk_recipe_data data = folder_recipe(name);
    data.val_fraction = 0.0;
    assert_ok(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), err);
    return ds;
}

static void decoding_is_timed(void **state)
{
    (void)state;
    struct sk_dataset *ds = folder_of(20, 0);
    struct sk_load_trace trace = {.sample = on_decoded};
    struct sk_loader_options o = {.dataset = ds, .batch = 8, .trace = &trace};
    struct sk_loader *l = loader_new(&o);
    loader_start(l, 0, 0);
    while (loader_next(l))
        ;
    assert_true(decoded > 0);
    sk_loader_free(l);
    sk_dataset_close(ds);
}

/* Which samples were damaged, and why, is known afterwards: the same list whatever the workers, each once. */
static void damaged_are_named(void **state)
{
    (void)state;
    enum { PICTURES = 900, EVERY = 150 };
    struct sk_dataset *ds = folder_of(PICTURES, EVERY);
    int64_t want[PICTURES / EVERY];
    for (int workers = 0; workers < 4; workers++) {
        struct sk_loader_options o = {.dataset = ds, .batch = 300, .workers = workers, .shuffle = true};
        struct sk_loader *l = loader_new(&o);
        const struct sk_damage *list;
        for (uint32_t epoch = 0; epoch < 2; epoch++) {
            loader_start(l, epoch, 0);
            while (loader_next(l))
                ;
            assert_int_equal(sk_loader_damaged(l, &list), PICTURES / EVERY);
            assert_int_equal(sk_loader_replaced(l), PICTURES / EVERY);
            for (int i = 0; i < PICTURES / EVERY; i++) {
                char name[32];
                snprintf(name, sizeof(name), "%04d.png'", (int)list[i].index);
                assert_int_equal(list[i].index % EVERY, 3);
                assert_non_null(strstr(list[i].why, name));
                assert_non_null(strstr(list[i].why, "not a JPEG or PNG file"));
                if (workers == 0)
                    want[i] = list[i].index;
                assert_int_equal(list[i].index, want[i]);
            }
        }
        sk_loader_free(l);
    }
    sk_dataset_close(ds);
}

/* Of the ranks together each damaged sample is replaced once, by what a process alone puts there. */
static void ranks_replace_alike(void **state)
{
    (void)state;
    struct sk_dataset *ds = folder_of(900, 150);
    int64_t replaced = 0;
    int64_t alone[901], at = 0;
    struct sk_loader_options o = {.dataset = ds, .batch = 30, .workers = 1, .shuffle = true};
    struct sk_loader *l = loader_new(&o);
    loader_start(l, 0, 0);
    for (const struct sk_batch *b; (b = loader_next(l));)
        for (int i = 0; i < b->count; i++)
            alone[at++] = b->index[i];
    sk_loader_free(l);
    for (int rank = 0; rank < 3; rank++) {
        o.rank = rank;
        o.ranks = 3;
        l = loader_new(&o);
        loader_start(l, 0, 0);
        for (const struct sk_batch *b; (b = loader_next(l));)
            for (int i = 0; i < b->count; i++)
                assert_int_equal(b->index[i], alone[b->number * 30 + rank + i * 3]);
        replaced += sk_loader_replaced(l);
        sk_loader_free(l);
    }
    assert_int_equal(replaced, 6);
    sk_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_share_the_batches),     cmocka_unit_test(ranks_are_checked),
        cmocka_unit_test(auto_workers_change_nothing), cmocka_unit_test(normalized_pixels),
        cmocka_unit_test(workers_by_what_a_batch_takes), cmocka_unit_test(auto_workers_are_measured_at_the_start),
        cmocka_unit_test(every_sample_is_traced),      cmocka_unit_test(decoding_is_timed),
        cmocka_unit_test(damaged_are_named),           cmocka_unit_test(ranks_replace_alike),
    };
    return cmocka_run_group_tests(tests, loader_open_set, loader_close_set);
}

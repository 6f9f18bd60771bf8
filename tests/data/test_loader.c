/* The loader: the same batches whatever the workers, every sample once, any starting batch, shutdown at any moment.
 * Run under the thread sanitizer too. */
#include "test.h"

#include "data/internal.h"
#include "data/loader_make.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>


static uint64_t hash_batch(const struct sk_batch *b)
{
    size_t n = (size_t)b->count, sample = (size_t)b->height * (size_t)b->width * (size_t)b->channels;
    uint64_t h = sk_hash_bytes(SK_HASH_START, &b->number, sizeof(b->number));
    h = sk_hash_bytes(h, b->label, n * sizeof(*b->label));
    h = sk_hash_bytes(h, b->index, n * sizeof(*b->index));
    return sk_hash_bytes(h, b->pixels, n * sample);
}

enum { BATCHES_MAX = 256 };

/* Hashes of the batches first.. of an epoch; returns how many. */
static int epoch_hashes(struct sk_loader *l, uint32_t epoch, int64_t first, uint64_t hashes[BATCHES_MAX])
{
    int n = 0;
    loader_start(l, epoch, first);
    for (const struct sk_batch *b; (b = loader_next(l)); n++) {
        assert_int_equal(b->number, first + n);
        hashes[n] = hash_batch(b);
    }
    assert_null(loader_next(l));
    return n;
}

static void same_whatever_the_workers(void **state)
{
    (void)state;
    static const int workers[] = {0, 1, 2, 5}, rings[] = {0, 1, 2, 7};
    uint64_t want[2][BATCHES_MAX], got[BATCHES_MAX];
    for (size_t i = 0; i < SK_COUNT(workers); i++) {
        for (size_t r = 0; r < SK_COUNT(rings); r++) {
            struct sk_loader_options o = loader_options(32, workers[i]);
            o.ring = rings[r];
            struct sk_loader *l = loader_new(&o);
            for (uint32_t epoch = 0; epoch < 2; epoch++) {
                assert_int_equal(epoch_hashes(l, epoch, 0, i + r ? got : want[epoch]), 7);
                if (i + r)
                    assert_memory_equal(want[epoch], got, 7 * sizeof(*got));
            }
            sk_loader_free(l);
        }
    }
    for (int b = 0; b < 7; b++) /* and another epoch is another order */
        assert_int_not_equal(want[0][b], want[1][b]);
}

static void starts_at_any_batch(void **state)
{
    (void)state;
    uint64_t want[BATCHES_MAX], got[BATCHES_MAX];
    for (int workers = 0; workers < 3; workers++) {
        struct sk_loader_options o = loader_options(10, workers);
        struct sk_loader *l = loader_new(&o);
        int n = epoch_hashes(l, 3, 0, want);
        assert_int_equal(n, 21);
        for (int first = 0; first <= n; first += 4) {
            assert_int_equal(epoch_hashes(l, 3, first, got), n - first);
            assert_memory_equal(want + first, got, (size_t)(n - first) * sizeof(*got));
        }
        struct sk_err err = {0};
        assert_error(sk_loader_start(l, 0, 22, &err), SK_BUG, err, "cannot start at batch 22");
        assert_error(sk_loader_start(l, 0, -1, &err), SK_BUG, err, "cannot start at batch -1");
        sk_loader_free(l);
    }
}

static void every_sample_once(void **state)
{
    (void)state;
    static const struct {
        int batch;
        bool drop, shuffle;
        int64_t limit, batches, samples;
    } rows[] = {
        {32, false, true, 0, 7, 203},   {32, true, true, 0, 6, 192},     {203, true, true, 0, 1, 203},
        {1000, false, true, 0, 1, 203}, {1, false, true, 0, 203, 203},   {32, false, true, 50, 2, 50},
        {32, true, false, 50, 1, 32},   {50, false, false, 999, 5, 203},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_loader_options o = loader_options(rows[i].batch, 2);
        o.drop_last = rows[i].drop;
        o.shuffle = rows[i].shuffle;
        o.limit = rows[i].limit;
        struct sk_loader *l = loader_new(&o);
        assert_int_equal(sk_loader_batches(l), rows[i].batches);
        assert_int_equal(sk_loader_samples(l), rows[i].samples);
        int64_t limit = rows[i].limit && rows[i].limit < SAMPLES ? rows[i].limit : SAMPLES, at = 0;
        bool seen[SAMPLES] = {false};
        loader_start(l, 1, 0);
        for (const struct sk_batch *b; (b = loader_next(l));) {
            for (int k = 0; k < b->count; k++, at++) {
                assert_in_range(b->index[k], 0, limit - 1);
                assert_false(seen[b->index[k]]);
                seen[b->index[k]] = true;
                assert_int_equal(b->label[k], sk_dataset_label(loader_set, b->index[k]));
                if (!rows[i].shuffle)
                    assert_int_equal(b->index[k], at);
            }
        }
        assert_int_equal(at, rows[i].samples);
        sk_loader_free(l);
    }
}

/* Without steps a batch holds the pictures as they are. */
static void pixels_are_the_pictures(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_loader_options o = loader_options(32, 1);
    o.steps = NULL;
    struct sk_loader *l = loader_new(&o);
    struct sk_picture p = {0};
    int h, w, c;
    enum sk_pixel pixel;
    sk_loader_shape(l, &h, &w, &c, &pixel);
    assert_true(h == SIDE && w == SIDE && c == 3 && pixel == SK_PIXEL_U8);
    loader_start(l, 0, 0);
    for (const struct sk_batch *b; (b = loader_next(l));) {
        for (int k = 0; k < b->count; k++) {
            assert_ok(sk_dataset_read(loader_set, b->index[k], &p, &err), err);
            assert_memory_equal(p.data, (uint8_t *)b->pixels + k * SIDE * SIDE * 3, SIDE * SIDE * 3);
        }
    }
    sk_picture_release(&p);
    sk_loader_free(l);
}

/* Freed, or started anew, at every moment: before the first batch, in the middle, with a batch held. */
static void stops_at_any_moment(void **state)
{
    (void)state;
    uint64_t want[BATCHES_MAX], got[BATCHES_MAX];
    for (int workers = 0; workers < 4; workers++) {
        struct sk_loader_options o = loader_options(16, workers);
        struct sk_loader *l = loader_new(&o);
        epoch_hashes(l, 9, 0, want);
        for (int taken = 0; taken < 6; taken++) {
            loader_start(l, (uint32_t)taken, 0);
            for (int i = 0; i < taken; i++)
                assert_non_null(loader_next(l));
            assert_int_equal(epoch_hashes(l, 9, 2, got), 11);
            assert_memory_equal(want + 2, got, 11 * sizeof(*got));
            struct sk_loader *other = loader_new(&o);
            if (taken > 0)
                loader_start(other, 0, 0);
            for (int i = 1; i < taken; i++)
                assert_non_null(loader_next(other));
            sk_loader_free(other);
        }
        sk_loader_free(l);
    }
    sk_loader_free(NULL);
}

/* A batch stays as it is until the next call, while the workers fill all the others. */
static void held_batch_is_stable(void **state)
{
    (void)state;
    struct sk_loader_options o = loader_options(8, 3);
    o.ring = 2;
    struct sk_loader *l = loader_new(&o);
    loader_start(l, 0, 0);
    for (const struct sk_batch *b; (b = loader_next(l));) {
        uint64_t first = hash_batch(b);
        struct timespec pause = {.tv_nsec = 200000};
        nanosleep(&pause, NULL);
        assert_int_equal(hash_batch(b), first);
    }
    sk_loader_free(l);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

/* A signal that the caller blocks stays pending while the workers run: none of them takes it. */
static void workers_take_no_signals(void **state)
{
    (void)state;
    struct sk_loader_options o = loader_options(8, 4);
    struct sk_loader *l = loader_new(&o);
    struct sigaction action = {.sa_handler = on_signal}, action_before;
    sigset_t usr1, before;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigaction(SIGUSR1, &action, &action_before);
    pthread_sigmask(SIG_BLOCK, &usr1, &before); /* those started above would take it, had they not blocked it */
    assert_false(sigismember(&before, SIGUSR1)); /* and starting them left the caller's mask as it was */
    kill(getpid(), SIGUSR1);
    loader_start(l, 0, 0);
    while (loader_next(l))
        ;
    assert_int_equal(signals, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(signals, 1);
    sigaction(SIGUSR1, &action_before, NULL);
    sk_loader_free(l);
}

static void options_are_checked(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_loader *l;
    struct sk_loader_options o = loader_options(0, 1);
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err, "batch 0");
    assert_null(l);
    o = loader_options(300, 1);
    o.drop_last = true;
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err, "a batch of 300 is larger than the 203 samples");
    o = loader_options(4, -2);
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err, "workers -2");
    o = loader_options(4, -1); /* auto */
    sk_loader_free(loader_new(&o));
    struct sk_picture_steps large = {.count = 1, .step = {{.kind = SK_STEP_RANDOM_CROP, .size = SIDE + 1}}};
    o.steps = &large;
    assert_error(sk_loader_new(&l, &o, &err), SK_INPUT, err,
                 "cannot prepare 'training shape 0': random_crop of size 17");
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_loader_options o = loader_options(32, 2);
    enum sk_code code = SK_NOMEM;
    for (long n = 1; code != SK_OK; n++) {
        struct sk_loader *l;
        sk_mem_fail_after(n);
        code = sk_loader_new(&l, &o, &err);
        sk_mem_fail_after(0);
        assert_true(n < 40);
        assert_true(n > 12 || code == SK_NOMEM);
        if (code != SK_OK)
            assert_error(code, SK_NOMEM, err, "not enough memory");
        sk_loader_free(l);
    }
}

static void sampler_orders(void **state)
{
    (void)state;
    enum { N = 1000 };
    int64_t a[N], b[N];
    bool seen[N] = {false};
    sk_sampler_order(a, N, true, 3, 4);
    for (int i = 0; i < N; i++) {
        assert_in_range(a[i], 0, N - 1);
        assert_false(seen[a[i]]);
        seen[a[i]] = true;
    }
    sk_sampler_order(b, N, true, 3, 4);
    assert_memory_equal(a, b, sizeof(a));
    sk_sampler_order(b, N, true, 3, 5);
    assert_memory_not_equal(a, b, sizeof(a));
    sk_sampler_order(b, N, true, 4, 4);
    assert_memory_not_equal(a, b, sizeof(a));
    sk_sampler_order(b, N, false, 3, 4);
    for (int i = 0; i < N; i++)
        assert_int_equal(b[i], i);
    sk_sampler_order(b, 0, true, 0, 0);
}

/* Where each of five elements lands, over many epochs: 24,000 / 25 = 4,800 expected of each, deviation 62. */
static void sampler_is_fair(void **state)
{
    (void)state;
    int count[5][5] = {{0}};
    for (uint32_t epoch = 0; epoch < 24000; epoch++) {
        int64_t order[5];
        sk_sampler_order(order, 5, true, 11, epoch);
        for (int i = 0; i < 5; i++)
            count[i][order[i]]++;
    }
    for (int i = 0; i < 25; i++)
        assert_in_range(count[i / 5][i % 5], 4400, 5200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_whatever_the_workers),
        cmocka_unit_test(starts_at_any_batch),
        cmocka_unit_test(every_sample_once),
        cmocka_unit_test(pixels_are_the_pictures),
        cmocka_unit_test(stops_at_any_moment),
        cmocka_unit_test(held_batch_is_stable),
        cmocka_unit_test(workers_take_no_signals),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(sampler_orders),
        cmocka_unit_test(sampler_is_fair),
    };
    return cmocka_run_group_tests(tests, loader_open_set, loader_close_set);
}

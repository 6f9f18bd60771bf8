/* Gzip'd shards in training: an epoch has every sample once, the same for any workers, ranks and start, in an order
 * that unpacks each span about once; and what is wrong with the files. Run under the thread sanitizer too. */
#include "test.h"

#include <archive.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <zlib.h>

#include "data/folder_make.h"
#include "data/internal.h"
#include "data/loader_make.h"
#include "data/tar_index.h"
#include "data/tar_make.h"

enum { SHARDS = 3, IN_SHARD = 40, ALL = SHARDS * IN_SHARD, PAD = 1 << 19, WINDOW = 16 /* MiB: two spans */ };

/* Samples first..first+count; each is followed by a file of no sample, which fills the spans. */
static void write_shard(const char *path, bool gzip, int first, int count, size_t pad)
{
    static const char zeros[PAD];
    struct archive *a = tar_begin(path, "ustar", gzip);
    for (int i = first; i < first + count; i++) {
        char name[32], label[8];
        snprintf(name, sizeof(name), "%04d.png", i);
        tar_add_picture(a, name, 4, 4, i, 9);
        snprintf(name, sizeof(name), "%04d.cls", i);
        snprintf(label, sizeof(label), "%d", i % 2);
        tar_add_text(a, name, label);
        snprintf(name, sizeof(name), "%04d.pad", i);
        tar_add(a, name, zeros, pad);
    }
    tar_end(a);
}

static struct sk_recipe_data recipe_of(const char *path)
{
    struct sk_recipe_data data = folder_recipe(path);
    data.source = SK_SOURCE_AUTO;
    data.val_fraction = 0;
    data.shuffle_buffer = WINDOW;
    return data;
}

static int make(void **state)
{
    (void)state;
    static const char *const names[2][SHARDS] = {{"gz/train-0.tar.gz", "gz/train-1.TGZ", "gz/train-2.tar.gz"},
                                                 {"plain/train-0.tar", "plain/train-1.tar", "plain/train-2.tar"}};
    for (int s = 0; s < SHARDS; s++)
        for (int plain = 0; plain < 2; plain++)
            write_shard(names[plain][s], !plain, s * IN_SHARD, IN_SHARD, PAD);
    write_shard("gz/val-0.tar.gz", true, 200, 5, 0);
    write_shard("plain/val-0.tar", false, 200, 5, 0);
    return 0;
}

/* As plain shards of the same members: samples, classes, names, pixels and fingerprint. */
static void the_same_as_plain(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture a = {0}, b = {0};
    for (int split = SK_TRAIN; split <= SK_VAL; split++) {
        struct sk_recipe_data packed = recipe_of("gz"), flat = recipe_of("plain");
            struct sk_dataset *gz = open_split(&packed, (enum sk_split)split, 3);
        struct sk_dataset *plain = open_split(&flat, (enum sk_split)split, 3);
        const struct sk_dataset_info *x = sk_dataset_info(gz), *y = sk_dataset_info(plain);
        assert_true(x->count == (split == SK_TRAIN ? ALL : 5) && x->count == y->count && x->classes == y->classes);
        assert_true(x->fingerprint == y->fingerprint);
        assert_true(x->span > 0 && y->span == 0);
        for (int64_t i = x->count - 1; i >= 0; i--) {
            assert_ok(sk_dataset_read(gz, i, &a, &err), err);
            assert_ok(sk_dataset_read(plain, i, &b, &err), err);
            assert_memory_equal(a.data, b.data, 48);
            assert_int_equal(sk_dataset_label(gz, i), sk_dataset_label(plain, i));
        }
        char name[SK_PATH];
        sk_dataset_name(gz, x->count - 1, name, sizeof(name));
        assert_non_null(strstr(name, split == SK_TRAIN ? "/gz/train-2.tar.gz:0119" : "/gz/val-0.tar.gz:0204"));
        sk_dataset_close(gz);
        sk_dataset_close(plain);
    }
    sk_picture_release(&a);
    sk_picture_release(&b);
}

static void any_workers_ranks_and_start(void **state)
{
    (void)state;
    struct sk_recipe_data data = recipe_of("gz");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    struct sk_loader_options o = {.dataset = ds, .batch = 9, .shuffle = true, .seed = 5};
    struct sk_loader *alone = loader_new(&o);
    static const int workers[] = {0, 1, 2, 4};
    for (size_t w = 0; w < SK_COUNT(workers); w++) {
        for (int ranks = 1; ranks <= 3; ranks++) {
            int seen[ALL] = {0}, again[ALL] = {0};
            for (int rank = 0; rank < ranks; rank++) {
                o.workers = workers[w];
                o.rank = rank;
                o.ranks = ranks;
                struct sk_loader *l = loader_new(&o);
                loader_follow(alone, l, rank, ranks, 0, seen);
                loader_follow(alone, l, rank, ranks, 9, again);
                sk_loader_free(l);
            }
            for (int i = 0; i < ALL; i++)
                assert_int_equal(seen[i], 1);
        }
    }
    sk_loader_free(alone);
    sk_dataset_close(ds);
}

/* ---- the order ---- */
static void shuffled(int64_t *order, const struct sk_dataset *ds, uint64_t window, int64_t seed, uint32_t epoch)
{
    struct sk_err err = {0};
    bool seen[ALL] = {false};
    assert_ok(sk_sampler_shuffle(order, ALL, ds, window, seed, epoch, &err), err);
    for (int i = 0; i < ALL; i++) {
        assert_in_range(order[i], 0, ALL - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
    }
}

/* Of the samples of one span: how far the first and the last are apart, at most. */
static int spread(const int64_t *order, const struct sk_dataset *ds)
{
    int first[ALL], most = 0;
    memset(first, -1, sizeof(first));
    for (int i = 0; i < ALL; i++) {
        uint64_t span = sk_dataset_place(ds, order[i]) / sk_dataset_info(ds)->span;
        first[span] = first[span] < 0 ? i : first[span];
        most = i - first[span] > most ? i - first[span] : most;
    }
    return most;
}

static void order_is_drawn_near(void **state)
{
    (void)state;
    int64_t a[ALL], b[ALL];
    struct sk_recipe_data data = recipe_of("gz"), flat = recipe_of("plain");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3), *plain = open_split(&flat, SK_TRAIN, 3);
    const uint64_t span = sk_dataset_info(ds)->span;
    shuffled(a, ds, 2 * span, 1, 0);
    shuffled(b, ds, 2 * span, 1, 0);
    assert_memory_equal(a, b, sizeof(a));
    shuffled(b, ds, 2 * span, 1, 1);
    assert_memory_not_equal(a, b, sizeof(a));
    shuffled(b, ds, 2 * span, 2, 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_in_range(spread(a, ds), 17, 4 * 16); /* a span holds 16 samples, and is read from for 3 spans */
    shuffled(b, ds, 0, 1, 0);
    assert_in_range(spread(b, ds), 7, 15);
    shuffled(b, plain, 2 * span, 1, 0);
    sk_sampler_order(a, ALL, true, 1, 0);
    assert_memory_equal(a, b, sizeof(a)); /* plain shards keep the order that they had */
    sk_dataset_close(ds);
    sk_dataset_close(plain);
}

/* A window so large that it holds all makes all orders about equally likely: where sample 0 goes is uniform. */
static void wide_window_mixes(void **state)
{
    (void)state;
    enum { EPOCHS = 2000, BINS = 4 };
    int64_t order[ALL];
    int bin[BINS] = {0};
    struct sk_recipe_data data = recipe_of("gz");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        int at = 0;
        shuffled(order, ds, UINT64_C(1) << 32, 1, epoch);
        while (order[at] != 0)
            at++;
        bin[at * BINS / ALL]++;
    }
    double chi2 = 0, want = EPOCHS / (double)BINS;
    for (int i = 0; i < BINS; i++)
        chi2 += (bin[i] - want) * (bin[i] - want) / want;
    assert_true(chi2 < 16.3); /* 3 degrees of freedom, one in a thousand; the seed is fixed */
    sk_dataset_close(ds);
}

/* ---- how often spans are unpacked ---- */
struct reading {
    struct sk_shards shards;
    struct sk_tar_index index;
    struct sk_label_set labels;
    int64_t order[ALL];
    atomic_int next;
};

static void *read_in_order(void *arg)
{
    struct reading *r = arg;
    for (int i; (i = atomic_fetch_add(&r->next, 1)) < ALL;) {
        struct sk_err err = {0};
        char file[4096];
        const struct sk_tar_sample *s = &r->index.sample[r->order[i]];
        const struct sk_bytes from = sk_shard_bytes(&r->shards.item[s->shard]);
        assert_ok(from.read_at(from.self, s->offset, file, s->bytes, &err), err);
    }
    return NULL;
}

/* Between first and last use of a span others are met, but never as many as are kept. */
static void spans_are_unpacked_once(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_recipe_data data = recipe_of("gz");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    static struct reading r;
    r.shards.spans = WINDOW * (1 << 20) / SK_GZIP_SPAN + 4;
    static const char *const names[] = {"gz/train-0.tar.gz", "gz/train-1.TGZ", "gz/train-2.tar.gz"};
    for (uint32_t i = 0; i < SHARDS; i++) {
        assert_ok(sk_shards_add(&r.shards, test_path(names[i]), &err), err);
        assert_ok(sk_tar_index_add(&r.index, &r.labels, &r.shards.item[i], i, &err), err);
    }
    const int64_t spans = SHARDS * (IN_SHARD * (PAD + 3 * 1024) / SK_GZIP_SPAN + 1);
    int64_t made = sk_span_cache_made(r.shards.cache);
    assert_in_range(made, spans, spans + SHARDS); /* opening: once */
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        pthread_t thread[4];
        int threads = epoch == 0 ? 1 : 4;
        shuffled(r.order, ds, sk_dataset_info(ds)->window, 5, epoch);
        r.next = 0;
        for (int i = 0; i < threads; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, read_in_order, &r), 0);
        for (int i = 0; i < threads; i++)
            pthread_join(thread[i], NULL);
        int64_t now = sk_span_cache_made(r.shards.cache);
        assert_in_range(now - made, spans - (int64_t)r.shards.spans, spans + 2 * (threads - 1));
        made = now;
    }
    sk_dataset_close(ds);
    sk_tar_index_release(&r.index);
    sk_label_set_release(&r.labels);
    sk_shards_release(&r.shards);
}

/* ---- parts and sums ---- */
static void split_shared_and_joined(void **state)
{
    (void)state;
    struct sk_recipe_data data = recipe_of("gz/train-0.tar.gz");
    data.val_fraction = 0.25;
    data.train_fraction = 0.5;
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    assert_int_equal(sk_dataset_info(ds)->count, 16); /* of each class 20, less 5, a half */
    assert_true(sk_dataset_info(ds)->span > 0);
    sk_dataset_close(ds);
    data = recipe_of("plain");
    data.also.count = 1;
    snprintf(data.also.text, sizeof(data.also.text), "%s", test_path("gz"));
    ds = open_split(&data, SK_TRAIN, 3);
    assert_int_equal(sk_dataset_info(ds)->count, 2 * ALL);
    struct sk_loader_options o = {.dataset = ds, .batch = 32, .workers = 2, .shuffle = true};
    struct sk_loader *l = loader_new(&o);
    int seen[2 * ALL] = {0};
    loader_start(l, 0, 0);
    for (const struct sk_batch *b; (b = loader_next(l));)
        for (int i = 0; i < b->count; i++) {
            int number = (int)b->index[i] % ALL;
            seen[b->index[i]]++;
            assert_int_equal(((uint8_t *)b->pixels)[i * 48], number);
        }
    for (int i = 0; i < 2 * ALL; i++)
        assert_int_equal(seen[i], 1);
    sk_loader_free(l);
    sk_dataset_close(ds);
}

/* ---- what is wrong ---- */
static void refused(const char *path, const char *message)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    struct sk_recipe_data data = recipe_of(path);
    assert_error(sk_dataset_open(&ds, &data, 0, SK_TRAIN, &err), SK_INPUT, err, message);
}

static void damaged_shards(void **state)
{
    (void)state;
    write_shard("bad/a.tar.gz", true, 0, 10, 100);
    assert_int_equal(truncate(test_path("bad/a.tar.gz"), 700), 0);
    refused("bad", "a.tar.gz' is cut off: its gzip data goes on behind byte 700");
    folder_file("bad/a.tar.gz", "just text");
    refused("bad/a.tar.gz", "a.tar.gz' is damaged at byte 2: incorrect header check");
    folder_file("bad/a.tar.gz", "");
    refused("bad", "a.tar.gz' is cut off: its gzip data goes on behind byte 0");
    struct archive *a = tar_begin("bad/a.tar.gz", "ustar", true);
    tar_add_text(a, "readme.txt", "no sample");
    tar_end(a);
    refused("bad", "hold no sample: expected KEY.jpg or KEY.png");
}

/* Whole gzip data of a shard that is none, or not whole. */
static void damaged_inside(void **state)
{
    (void)state;
    static const struct {
        bool picture, end;
        const char *size, *message;
    } rows[] = {{false, false, NULL, "in.tgz' is cut off: it unpacks to 1024 bytes"},
                {true, false, NULL, "in.tgz' is cut off: it unpacks to 2048 bytes"},
                {true, false, "00000200000", "in.tgz' is cut off: it unpacks to 2048 bytes"},
                {true, false, "77777777777", "in.tgz' is cut off: it unpacks to 2048 bytes"},
                {true, false, "7777777777777", "in.tgz' is cut off: '0.png' at byte 1024 has 68719476735 bytes"},
                {true, true, NULL, NULL}};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_str tar = {0};
        tar_put(&tar, "0.cls", '0', NULL, "1", 1);
        if (rows[i].picture)
            tar_put(&tar, "0.png", '0', rows[i].size, "no matter", 9);
        if (rows[i].end)
            tar_put_end(&tar);
        gzFile gz = gzopen(test_path("bad/in.tgz"), "wb");
        assert_int_equal(gzwrite(gz, tar.text, (unsigned)tar.len), tar.len);
        assert_int_equal(gzclose(gz), Z_OK);
        sk_str_release(&tar);
        if (rows[i].message) {
            refused("bad/in.tgz", rows[i].message);
        } else {
            struct sk_recipe_data data = recipe_of("bad/in.tgz");
            sk_dataset_close(open_split(&data, SK_TRAIN, 3));
        }
    }
}

/* More spans than are kept: some are unpacked again, from a file that another program has cut off. */
static void a_shard_may_shrink(void **state)
{
    (void)state;
    enum { COUNT = (SK_GZIP_SPANS + 2) * (SK_GZIP_SPAN / PAD) };
    struct sk_err err = {0};
    struct sk_picture p = {0};
    write_shard("shrink/a.tar.gz", true, 0, COUNT, PAD);
    struct sk_recipe_data data = recipe_of("shrink");
    data.shuffle_buffer = 0;
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    for (int i = 0; i < COUNT; i++)
        assert_ok(sk_dataset_read(ds, i, &p, &err), err);
    assert_int_equal(truncate(test_path("shrink/a.tar.gz"), 1000), 0);
    assert_error(sk_dataset_read(ds, 0, &p, &err), SK_INPUT, err, "a.tar.gz' has changed since it was opened: '");
    assert_ok(sk_dataset_read(ds, COUNT - 1, &p, &err), err);
    sk_dataset_close(ds);
    sk_picture_release(&p);
    refused("shrink", "a.tar.gz' is cut off");
}

/* More shards than are kept open. */
static void many_shards(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    for (int i = 0; i < SK_SHARDS_OPEN + 20; i++) {
        char path[64];
        snprintf(path, sizeof(path), "many/%04d.tgz", i);
        write_shard(path, true, i % 200, 1, 0);
    }
    struct sk_recipe_data data = recipe_of("many");
    struct sk_dataset *ds = open_split(&data, SK_TRAIN, 3);
    for (int i = SK_SHARDS_OPEN + 19; i >= 0; i--) {
        assert_ok(sk_dataset_read(ds, i, &p, &err), err);
        assert_int_equal(((uint8_t *)p.data)[0], i % 200);
    }
    sk_picture_release(&p);
    sk_dataset_close(ds);
}

static void the_default_buffer(void **state)
{
    (void)state;
    static struct sk_recipe r;
    sk_recipe_defaults(&r);
    assert_int_equal(r.data.shuffle_buffer, SK_SHUFFLE_BUFFER);
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_recipe_data data = recipe_of("many");
    data.source = SK_SOURCE_TAR;
    write_shard("few/train.tgz", true, 0, 4, 0);
    snprintf(data.path, sizeof(data.path), "%s", test_path("few"));
    folder_open_without_memory(&data, SK_TRAIN, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_plain),       cmocka_unit_test(any_workers_ranks_and_start),
        cmocka_unit_test(order_is_drawn_near),     cmocka_unit_test(wide_window_mixes),
        cmocka_unit_test(spans_are_unpacked_once), cmocka_unit_test(split_shared_and_joined),
        cmocka_unit_test(damaged_shards),          cmocka_unit_test(damaged_inside),
        cmocka_unit_test(a_shard_may_shrink),      cmocka_unit_test(many_shards),
        cmocka_unit_test(the_default_buffer),      cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}

/* data.cache: memory gives the pictures that reading anew gives, from several threads too, and keeps them. */
#include "test.h"

#include <pthread.h>

#include "data/data.h"

enum { COUNT = 40, THREADS = 3 };

static struct sk_dataset *open_shapes(enum sk_cache cache)
{
    struct sk_recipe r;
    struct sk_err err = {0};
    struct sk_dataset *ds;
    sk_recipe_defaults(&r);
    r.data.source = SK_SOURCE_SHAPES;
    r.data.image_size = 24;
    r.data.train_size = COUNT;
    r.data.cache = cache;
    assert_ok(sk_dataset_open(&ds, &r.data, 1, SK_TRAIN, &err), err);
    return ds;
}

static void *read_all(void *arg)
{
    struct sk_picture p = {0};
    struct sk_err err = {0};
    for (int pass = 0; pass < 3; pass++)
        for (int64_t i = 0; i < COUNT; i++)
            if (sk_dataset_read(arg, i, &p, &err) != SK_OK)
                return "a read failed";
    sk_picture_release(&p);
    return NULL;
}

static void test_same_pictures(void **state)
{
    struct sk_dataset *plain = open_shapes(SK_CACHE_NONE), *cached = open_shapes(SK_CACHE_MEMORY);
    struct sk_picture a = {0}, b = {0};
    struct sk_err err = {0};
    pthread_t thread[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_all, cached), 0);
    for (int i = 0; i < THREADS; i++) {
        void *complaint;
        pthread_join(thread[i], &complaint);
        assert_null(complaint);
    }
    for (int64_t i = 0; i < COUNT; i++) {
        assert_ok(sk_dataset_read(plain, i, &a, &err), err);
        assert_ok(sk_dataset_read(cached, i, &b, &err), err);
        assert_int_equal(a.height, b.height);
        assert_memory_equal(a.data, b.data, 24 * 24 * 3);
    }
    sk_picture_release(&a);
    sk_picture_release(&b);
    sk_dataset_close(plain);
    sk_dataset_close(cached);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_pictures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

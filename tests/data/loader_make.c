/* For tests of the loader: a small drawn set with random steps, and loaders whose errors end the test. */
#include "data/loader_make.h"

#include "test.h"

struct sk_dataset *loader_set;
const struct sk_picture_steps loader_steps = {
    .count = 2, .step = {{.kind = SK_STEP_RANDOM_CROP, .size = SIDE, .padding = 2}, {.kind = SK_STEP_FLIP, .p = 0.5}}};

int loader_open_set(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_recipe_data data = {.source = SK_SOURCE_SHAPES, .image_size = SIDE, .train_size = SAMPLES, .val_size = 1};
    return sk_dataset_open(&loader_set, &data, 0, SK_TRAIN, &err) != SK_OK;
}

int loader_close_set(void **state)
{
    (void)state;
    sk_dataset_close(loader_set);
    return 0;
}

struct sk_loader_options loader_options(int batch, int workers)
{
    return (struct sk_loader_options){.dataset = loader_set,
                                      .steps = &loader_steps,
                                      .batch = batch,
                                      .workers = workers,
                                      .shuffle = true,
                                      .seed = 5};
}

struct sk_loader *loader_new(const struct sk_loader_options *o)
{
    struct sk_err err = {0};
    struct sk_loader *l;
    assert_ok(sk_loader_new(&l, o, &err), err);
    return l;
}

void loader_start(struct sk_loader *l, uint32_t epoch, int64_t batch)
{
    struct sk_err err = {0};
    assert_ok(sk_loader_start(l, epoch, batch, &err), err);
}

const struct sk_batch *loader_next(struct sk_loader *l)
{
    struct sk_err err = {0};
    const struct sk_batch *b;
    assert_ok(sk_loader_next(l, &b, &err), err);
    return b;
}

void loader_follow(struct sk_loader *alone, struct sk_loader *l, int rank, int ranks, int64_t first, int *seen)
{
    loader_start(alone, 3, first);
    loader_start(l, 3, first);
    for (const struct sk_batch *all; (all = loader_next(alone));) {
        const struct sk_batch *b = loader_next(l);
        size_t bytes = (size_t)all->height * (size_t)all->width * (size_t)all->channels;
        assert_non_null(b);
        assert_int_equal(b->number, all->number);
        assert_int_equal(b->count, all->count > rank ? (all->count - rank + ranks - 1) / ranks : 0);
        for (int i = 0; i < b->count; i++) {
            int at = rank + i * ranks;
            assert_int_equal(b->index[i], all->index[at]);
            assert_int_equal(b->label[i], all->label[at]);
            assert_memory_equal((char *)b->pixels + (size_t)i * bytes, (char *)all->pixels + (size_t)at * bytes, bytes);
            seen[b->index[i]]++;
        }
    }
    assert_null(loader_next(l));
}

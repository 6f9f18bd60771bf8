/* For tests of the loader: a small drawn set with random steps, and loaders whose errors end the test. */
#ifndef SKUA_TEST_LOADER_MAKE_H
#define SKUA_TEST_LOADER_MAKE_H

#include "data/data.h"

enum { SAMPLES = 203, SIDE = 16 };
extern struct sk_dataset *loader_set;
extern const struct sk_picture_steps loader_steps;
/* Set up and tear down loader_set for a group of tests. */
int loader_open_set(void **state);
int loader_close_set(void **state);
/* Of loader_set, with the steps, shuffled by seed 5. */
struct sk_loader_options loader_options(int batch, int workers);

struct sk_loader *loader_new(const struct sk_loader_options *o);
void loader_start(struct sk_loader *l, uint32_t epoch, int64_t batch);
const struct sk_batch *loader_next(struct sk_loader *l); /* NULL: the epoch has ended */
/* Epoch 3 from batch first on: sample i of the rank's batch is sample rank + i * ranks of the batch of `alone`; seen
 * [samples] counts them. */
void loader_follow(struct sk_loader *alone, struct sk_loader *l, int rank, int ranks, int64_t first, int *seen);

#endif

/* skua bench --job load: how fast pictures become batches, without a network. */
#ifndef SKUA_CLI_BENCH_LOAD_H
#define SKUA_CLI_BENCH_LOAD_H

#include "cli/cli.h"

struct sk_bench_load {
    const char *data;           /* the pictures; NULL: by set alone */
    const struct sk_words *set; /* overrides of the recipe's data */
    int workers;                /* -1: auto */
    int batch;
    int64_t steps;  /* batches of a round; 0: an epoch */
    int64_t rounds; /* each from the begin of an epoch, after one to warm up */
    bool json;
};
/* Loads training pictures through data.augment, by default the usual one of their size: crops and flips of 32 x 32, or
 * crops of 224 x 224 and flips; normalized to float32 by the workers. */
enum sk_code sk_bench_load(const struct sk_bench_load *args, struct sk_err *err) SK_MUST;

#endif

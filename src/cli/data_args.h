/* Between the files of `skua data`: its arguments and the data that they mean. */
#ifndef SKUA_CLI_DATA_ARGS_H
#define SKUA_CLI_DATA_ARGS_H

#include "cli/cli.h"
#include "data/data.h"

struct sk_data_args {
    struct sk_words set;
    const char *data, *split, *out, *url, *html;
    int64_t count, shard_size, shard_samples, resize, quality, threads; /* below 1: not given */
    bool json, prepared, quiet;
};

/* The recipe meant by what: data itself (a folder, a file that is no recipe), a recipe, or NULL for --data alone. */
enum sk_code sk_data_recipe(struct sk_recipe *r, const char *what, const struct sk_data_args *a,
                            struct sk_err *err) SK_MUST;
/* Whether it names data itself. */
bool sk_is_data(const char *what);
bool sk_data_on_read(void *ctx, int64_t done, int64_t all); /* progress of reading */
int sk_data_threads(const struct sk_data_args *a);

/* Writes a page (data_html.c): what was found, some pictures as they lie and as training gets them, the classes. */
struct sk_data_page {
    const struct sk_dataset *dataset;
    const struct sk_data_stats *stats;
    const struct sk_picture_steps *steps;
    const struct sk_recipe_train *train; /* mixes? NULL: no */
    const char *title;
    int64_t seed;
};
enum sk_code sk_data_page(const struct sk_data_page *what, const char *path, struct sk_err *err) SK_MUST;

/* The verbs convert and verify (data_shards.c). */
enum sk_code sk_data_run_convert(const char *what, const struct sk_data_args *a, struct sk_err *err) SK_MUST;
enum sk_code sk_data_run_verify(const char *what, const struct sk_data_args *a, struct sk_err *err) SK_MUST;

#endif

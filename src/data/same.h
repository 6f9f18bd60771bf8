/* Which samples of a source are the same file; inside data/ only. */
#ifndef SKUA_DATA_SAME_H
#define SKUA_DATA_SAME_H

#include "data/data.h"

/* same[count]: becomes the first sample whose file has the same path, mostly the sample itself; those that are
 * SK_SPLIT_ALREADY stay so, and are no one's first. Paths are compared as absolute ones without `.`, `..` and doubled
 * slashes; links are not followed. *more: samples that are not the first of their file, of which *first_more is the first
 * (-1: none). At most UINT32_MAX samples. */
enum sk_code sk_same_files(uint32_t *same, int64_t *more, int64_t *first_more, const struct sk_source_ops *ops,
                           const void *self, int64_t count, struct sk_err *err) SK_MUST;

#endif

/* Samples of WebDataset shards (https://github.com/webdataset/webdataset): neighbours in a tar archive whose names are
 * alike up to the first dot of the last part, KEY.jpg|jpeg|png with KEY.cls or KEY.json; inside data/ only. */
#ifndef SKUA_DATA_TAR_INDEX_H
#define SKUA_DATA_TAR_INDEX_H

#include "data/labels.h"
#include "data/shards.h"

enum { SK_TAR_LABEL_MAX = 4096, SK_TAR_JSON_MAX = 1 << 20 };

struct sk_tar_sample { /* 32 bytes; besides it the key's text */
    uint64_t offset;   /* of the picture in its shard */
    uint64_t key;      /* where the name up to the dot begins in keys */
    uint32_t bytes, shard;
    int32_t label; /* number in a label set; with a list of classes: the class */
};
struct sk_tar_index { /* release accepts a zeroed one */
    const struct sk_class_list *list; /* borrowed; NULL: none */
    const char *list_path;
    struct sk_tar_sample *sample;
    size_t count, cap;
    struct sk_str keys;
    int64_t incomplete, skipped; /* samples that lack a file; members that no sample may have (tar.h) */
    int64_t repeated; /* files that a sample has already */
    char first_incomplete[256], first_repeated[256];
    bool numbers, names; /* labels of both kinds were met; only with a list */
};
/* Adds the samples of a shard. KEY.cls holds the label, else KEY.json does as the value of "label", a text or a number
 * from 0. With a list of classes a number is a place in it, from 0, and a text is an ID of it; in KEY.cls what reads as a
 * number is one. A label that cannot be read, or is no class: INPUT that names it; a shard without the mark of its end,
 * or that goes on behind it: INPUT. */
enum sk_code sk_tar_index_add(struct sk_tar_index *x, struct sk_label_set *labels, const struct sk_shard *shard,
                              uint32_t number, struct sk_err *err) SK_MUST;
void sk_tar_index_release(struct sk_tar_index *x);

#endif

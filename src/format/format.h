/* File formats of weights and arrays: safetensors and npy. Strict readers: sizes, offsets and names are checked before use. */
#ifndef SKUA_FORMAT_H
#define SKUA_FORMAT_H

#include "base/base.h"

enum sk_elem { SK_ELEM_F32, SK_ELEM_F64, SK_ELEM_F16, SK_ELEM_BF16, SK_ELEM_I64, SK_ELEM_I32, SK_ELEM_I16, SK_ELEM_I8, SK_ELEM_U8, SK_ELEM_BOOL, SK_ELEM_COUNT };
size_t sk_elem_size(enum sk_elem e);
const char *sk_elem_name(enum sk_elem e); /* safetensors spelling: "F32" */

enum { SK_MAX_RANK = 8 };

/* ---- safetensors (https://github.com/huggingface/safetensors, format section) ---- */
struct sk_st_tensor {
    char *name;
    enum sk_elem elem;
    int rank;
    int64_t dim[SK_MAX_RANK];
    const void *data; /* little endian; in the mapped file when read, the caller's when written */
    size_t bytes;
};
struct sk_safetensors {
    struct sk_st_tensor *tensor;
    size_t count;
    struct sk_st_meta { char *key, *value; } *meta; /* __metadata__ */
    size_t meta_count;
    void *map; size_t map_size; /* private to safetensors.c */
};
/* Opens and checks a file (header at most 100 MB, no overlap, no hole, no duplicate name, bytes = product of dims * size).
 * Data stays mapped until close. A file that is no safetensors: INPUT "'x' is not a safetensors file: ...". */
enum sk_code sk_st_open(struct sk_safetensors *st, const char *path, struct sk_err *err) SK_MUST;
void sk_st_close(struct sk_safetensors *st); /* accepts a zeroed one */
const struct sk_st_tensor *sk_st_find(const struct sk_safetensors *st, const char *name);
const char *sk_st_meta(const struct sk_safetensors *st, const char *key); /* NULL: absent */
/* Copies a tensor to float32 (from F32, F64, F16, BF16). n must equal its number of elements. */
enum sk_code sk_st_to_f32(const struct sk_st_tensor *t, float *out, size_t n, struct sk_err *err) SK_MUST;
/* Writes tensors (data borrowed) and metadata in the order given, 8-byte aligned, streaming (no second copy in memory),
 * fsync'd; path is created or truncated: callers that need atomicity write into a temporary folder and rename. On an
 * error (full disk) the file is removed. */
enum sk_code sk_st_write(const char *path, const struct sk_st_tensor *tensor, size_t count,
                         const struct sk_st_meta *meta, size_t meta_count, struct sk_err *err) SK_MUST;

/* ---- npy, versions 1.0 to 3.0, C order, little endian ---- */
struct sk_npy {
    enum sk_elem elem; /* U8, F32, F64, I64, I32, ... */
    int rank;
    int64_t dim[SK_MAX_RANK];
    const void *data;
    size_t bytes;
    void *map; size_t map_size;
};
enum sk_code sk_npy_open(struct sk_npy *a, const char *path, struct sk_err *err) SK_MUST; /* mapped, read-only */
void sk_npy_close(struct sk_npy *a);
enum sk_code sk_npy_write(const char *path, enum sk_elem elem, int rank, const int64_t *dim, const void *data,
                          struct sk_err *err) SK_MUST;

#endif

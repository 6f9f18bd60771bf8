/* File formats: safetensors and npy, for weights and arrays, by strict readers (sizes, offsets and names are checked
 * before use); TensorBoard's event files, which are only written. */
#ifndef SKUA_FORMAT_H
#define SKUA_FORMAT_H

#include "base/base.h"

/* ---- element types (elem.c) ---- */
enum sk_elem {
    SK_ELEM_F32, SK_ELEM_F64, SK_ELEM_F16, SK_ELEM_BF16,
    SK_ELEM_I64, SK_ELEM_I32, SK_ELEM_I16, SK_ELEM_I8,
    SK_ELEM_U8, SK_ELEM_BOOL, SK_ELEM_U16, SK_ELEM_U32, SK_ELEM_U64,
    SK_ELEM_COUNT
};
size_t sk_elem_size(enum sk_elem e);
const char *sk_elem_name(enum sk_elem e); /* safetensors spelling: "F32" */
bool sk_elem_parse(const char *name, enum sk_elem *e); /* from that spelling; false: unknown */
bool sk_elem_is_float(enum sk_elem e);
bool sk_elem_is_integer(enum sk_elem e); /* signed or unsigned, not BOOL */
/* Converts n elements of a floating type (false: e is none, out untouched). data is little endian, also unaligned. */
bool sk_elem_to_f32(enum sk_elem e, const void *data, float *out, size_t n);
float sk_f16_to_f32(uint16_t bits);  /* IEEE binary16, exact */
float sk_bf16_to_f32(uint16_t bits); /* exact */
/* Element index of an integer type as int64; a U64 above INT64_MAX gives INT64_MAX. BUG to call for another type. */
int64_t sk_elem_integer(enum sk_elem e, const void *data, size_t index);

enum { SK_MAX_RANK = 8 };
/* Bytes of a dense array; false where a dimension is negative, rank exceeds SK_MAX_RANK or the product overflows. */
bool sk_elem_bytes(enum sk_elem e, int rank, const int64_t *dim, size_t *bytes);

/* ---- safetensors (https://github.com/huggingface/safetensors, format section) ---- */
struct sk_st_tensor {
    char *name;
    enum sk_elem elem;
    int rank;
    int64_t dim[SK_MAX_RANK];
    const void *data; /* little endian, perhaps unaligned; in the mapped file when read, the caller's when written */
    size_t bytes;
};
struct sk_safetensors { /* tensors lie in the order of the file's data */
    struct sk_st_tensor *tensor;
    size_t count;
    struct sk_st_meta { char *key, *value; } *meta; /* __metadata__ */
    size_t meta_count;
    char *text;                 /* private: block that holds the names, keys and values */
    void *map; size_t map_size; /* private */
};
/* Opens and checks a file (header at most 100 MB, no overlap, no hole, no duplicate name, bytes as shape and type say).
 * Data stays mapped until close. A file that is no safetensors: INPUT "'x' is not a safetensors file: ..."; an element
 * type that skua does not know (8-bit floats): UNSUPPORTED. *st is overwritten; on failure it is zeroed. */
enum sk_code sk_st_open(struct sk_safetensors *st, const char *path, struct sk_err *err) SK_MUST;
void sk_st_close(struct sk_safetensors *st); /* accepts a zeroed one */
const struct sk_st_tensor *sk_st_find(const struct sk_safetensors *st, const char *name);
const char *sk_st_meta(const struct sk_safetensors *st, const char *key); /* NULL: absent */
/* Copies a tensor to float32 (from F32, F64, F16, BF16). n must equal its number of elements. */
enum sk_code sk_st_to_f32(const struct sk_st_tensor *t, float *out, size_t n, struct sk_err *err) SK_MUST;
/* Writes tensors (data borrowed) and metadata in the order given, streaming (no second copy in memory), fsync'd. The
 * data begins 8-byte aligned and has no holes, as the format demands: give tensors of larger elements first to keep all
 * aligned. A name, key or value that is not UTF-8 is INPUT, a duplicate name or a wrong byte count BUG. path is created
 * or truncated: callers that need atomicity write into a temporary folder and rename. On an error (full disk) the file
 * is removed. */
enum sk_code sk_st_write(const char *path, const struct sk_st_tensor *tensor, size_t count,
                         const struct sk_st_meta *meta, size_t meta_count, struct sk_err *err) SK_MUST;

/* ---- npy, versions 1.0 to 3.0, C order, little endian (numpy.lib.format) ---- */
struct sk_npy {
    enum sk_elem elem; /* U8, F32, F64, I64, I32, ... */
    int rank;
    int64_t dim[SK_MAX_RANK];
    const void *data;
    size_t bytes, offset; /* of data, in the file */
    void *map; size_t map_size; /* private */
};
/* Maps a file read-only. Broken, cut or with bytes after the array: INPUT; Fortran order, big endian, complex, strings,
 * objects: UNSUPPORTED. *a is overwritten; on failure it is zeroed. */
enum sk_code sk_npy_open(struct sk_npy *a, const char *path, struct sk_err *err) SK_MUST;
void sk_npy_close(struct sk_npy *a); /* accepts a zeroed one */
/* Writes version 1.0; path is created or truncated, on an error removed. BF16 has no npy type: UNSUPPORTED. */
enum sk_code sk_npy_write(const char *path, enum sk_elem elem, int rank, const int64_t *dim, const void *data,
                          struct sk_err *err) SK_MUST;

/* ---- histograms (histogram.c): TensorFlow's default buckets, growing by a tenth from 1e-12 to 1e20, both signs ---- */
enum { SK_HISTOGRAM_SIDE = 774, SK_HISTOGRAM_BUCKETS = 2 * SK_HISTOGRAM_SIDE + 2 };
struct sk_histogram {
    double min, max, sum, sum_squares;    /* of the values counted; 0 where there are none */
    int64_t count;                        /* values that are finite: others are left out */
    double limit[SK_HISTOGRAM_BUCKETS];   /* bucket i counts limit[i - 1] <= value < limit[i] */
    int64_t bucket[SK_HISTOGRAM_BUCKETS];
};
void sk_histogram_make(struct sk_histogram *h, const float *value, size_t n);

/* ---- TensorBoard's event files (tfevents.c): TFRecords of Event messages ----
 * A record is its length (uint64), the masked CRC-32C of that, the message, the masked CRC-32C of it, all little endian
 * (tensorflow/core/lib/io/record_writer.h); messages are those of tensorflow's event.proto, summary.proto and
 * histogram.proto in the wire format of protobuf. Each function appends one whole record to out; on failure (NOMEM) out
 * is as it was. */
uint32_t sk_crc32c(const void *data, size_t len); /* RFC 3720, appendix B.4 */
struct sk_event_time {
    double wall; /* seconds since 1970 */
    int64_t step;
};
enum sk_code sk_event_version(struct sk_str *out, double wall, struct sk_err *err) SK_MUST; /* begins each file */
/* Session start: readers drop what earlier files hold of time.step and of later steps. */
enum sk_code sk_event_start(struct sk_str *out, struct sk_event_time time, struct sk_err *err) SK_MUST;
struct sk_event_scalar {
    const char *tag;
    double value; /* kept as float32 */
};
enum sk_code sk_event_scalars(struct sk_str *out, struct sk_event_time time, const struct sk_event_scalar *scalar,
                              size_t count, struct sk_err *err) SK_MUST;
/* Runs of empty buckets are written as one. */
enum sk_code sk_event_histogram(struct sk_str *out, struct sk_event_time time, const char *tag,
                                const struct sk_histogram *h, struct sk_err *err) SK_MUST;
struct sk_event_image {
    int height, width, channels;
    const void *file; /* a PNG or JPEG file */
    size_t len;
};
enum sk_code sk_event_image(struct sk_str *out, struct sk_event_time time, const char *tag,
                            const struct sk_event_image *image, struct sk_err *err) SK_MUST;

#endif

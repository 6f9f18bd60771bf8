/* Shared by the files of data/ only: decoders by format, the drawer of the built-in set, and the fingerprint's hash. */
#ifndef SKUA_DATA_INTERNAL_H
#define SKUA_DATA_INTERNAL_H

#include <string.h>

#include "data/data.h"

/* Bytes of a picture's pixels; 0 while it is empty. */
size_t sk_picture_bytes(const struct sk_picture *p);
size_t sk_pixel_size(enum sk_pixel pixel);
/* OK where height x width lies within SK_MAX_SIDE and SK_MAX_PIXELS, else INPUT "cannot decode 'name': ...". */
enum sk_code sk_picture_check_size(uint64_t height, uint64_t width, const char *name, struct sk_err *err) SK_MUST;

/* Where this thread's decoding time is added up; NULL, the default: nothing is timed. */
struct sk_decode_times {
    double decode, resize; /* resize: of the box that alone was decoded (sk_picture_decode_for) */
};
extern _Thread_local struct sk_decode_times *sk_decode_clock;

/* Boxes of pictures, in whole pixels and in parts of them. */
struct sk_window {
    int top, left, height, width;
};
struct sk_box {
    double top, left, height, width; /* within src; sides above 0 */
};

/* As sk_picture_decode, for data known to begin like a file of that format. */
enum sk_code sk_decode_jpeg(struct sk_picture *p, const void *data, size_t len, const char *name,
                            struct sk_err *err) SK_MUST;
/* Decodes the part of a picture that is asked for when its size is known (JPEG only): p holds the rows of the box, and
 * of those the columns, with some to the left and right; its pixels are those of the whole picture. Only where fast is
 * set, it may be decoded at half, a quarter or an eighth of its size, as long as the box keeps height x width. What lies
 * below the box is not read: damage there is not seen. */
struct sk_jpeg_part {
    enum sk_code (*choose)(void *ctx, int height, int width, struct sk_window *box, struct sk_err *err);
    void *ctx;
    int height, width;
    bool fast;
    struct sk_box box; /* out: where the box lies in p */
};
enum sk_code sk_decode_jpeg_part(struct sk_picture *p, const void *data, size_t len, const char *name,
                                 struct sk_jpeg_part *part, struct sk_err *err) SK_MUST;
enum sk_code sk_decode_png(struct sk_picture *p, const void *data, size_t len, const char *name,
                           struct sk_err *err) SK_MUST;

/* Resizing in full: the box of src becomes height x width, and of that the window alone is made, which lies within. The
 * filter sees nothing outside the box (its sides rounded outward): the result is that of a copy of the box. */
struct sk_resize {
    int height, width;
    struct sk_window want;
    struct sk_box box;
    enum sk_interpolation filter;
};
enum sk_code sk_picture_resize_box(struct sk_picture *dst, const struct sk_picture *src, const struct sk_resize *how,
                                   struct sk_err *err) SK_MUST;

/* sk_dataset_open, but samples that are not divided into splits are all there, with info's both_splits set. */
enum sk_code sk_dataset_open_whole(struct sk_dataset **ds, const struct sk_recipe_data *data, int64_t seed,
                                   enum sk_split split, struct sk_err *err) SK_MUST;
/* data.path and what data.also names, as one source; not in the table, since no path looks like it. */
extern const struct sk_source_ops sk_source_joined;

/* Built-in set: SK_SHAPES classes; draws one picture of a class into rgb[size][size][3] with what rng gives. */
enum { SK_SHAPES = 10 };
extern const char *const sk_shape_name[SK_SHAPES];
void sk_shape_draw(uint8_t *rgb, int size, int shape, struct sk_rng *rng);

/* FNV-1a over bytes, for fingerprints; begin with SK_HASH_START. */
#define SK_HASH_START 0xcbf29ce484222325u
static inline uint64_t sk_hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3u;
    return hash;
}
/* The like for pixels, eight bytes a step; what is left of len goes byte by byte. */
static inline uint64_t sk_hash_pixels(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *at = data;
    for (uint64_t word; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return sk_hash_bytes(hash, at, len);
}

#endif

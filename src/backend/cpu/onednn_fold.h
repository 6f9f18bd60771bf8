/* Folding: a convolution over many small pictures seen as one over fewer, wider ones.
 *
 * Matrix kernels work on the pixels of one picture row at a time, and on a 4x4 picture they load the weights far too
 * often. So pictures are copied side by side, with zero columns between them that serve as the padding of both
 * neighbours; a row then has a few hundred pixels. Output columns that fall between two pictures mean nothing and are
 * dropped. A convolution with a 1x1 kernel needs no padding: its pixels are gathered (stride above 1) or taken as they
 * lie, as rows of a matrix. */
#ifndef SKUA_BACKEND_CPU_ONEDNN_FOLD_H
#define SKUA_BACKEND_CPU_ONEDNN_FOLD_H

#include "kern/kern.h"

enum sk_fold_how {
    SK_FOLD_NONE,  /* as it is */
    SK_FOLD_WIDE,  /* copied side by side */
    SK_FOLD_PIXELS /* 1x1: y as it lies, x gathered where the stride asks for it */
};
struct sk_fold {
    enum sk_fold_how how;
    struct sk_conv_shape shape; /* of the convolution */
    struct sk_conv_shape wide;  /* of what stands for it; wide.pad is left and top */
    int pad_bottom, pad_right;
    int group;            /* pictures side by side */
    int pitch_x, pitch_y; /* columns from one picture to the next */
    bool x, y;            /* which tensors are copied */
};
/* shape as it is. */
void sk_fold_none(struct sk_fold *f, const struct sk_conv_shape *s);
/* False where folding makes no sense: pictures already wide, a single one, or a shape that would grow too much. The
 * number of wide pictures is a multiple of threads where that can be had. */
bool sk_fold_make(struct sk_fold *f, const struct sk_conv_shape *s, int threads);
/* Elements of the folded tensors. */
size_t sk_fold_x_count(const struct sk_fold *f);
size_t sk_fold_y_count(const struct sk_fold *f);

/* Copies x [n][h][w][c] or y [n][p][q][k], elements of size bytes, into their folded form (zeros between) and back (the
 * gathered x: other pixels become zero). All threads take part. Only where f->x or f->y. */
void sk_fold_x(const struct sk_fold *f, size_t size, const void *x, void *wide);
void sk_fold_y(const struct sk_fold *f, size_t size, const void *y, void *wide);
void sk_unfold_x(const struct sk_fold *f, size_t size, const void *wide, void *x);
void sk_unfold_y(const struct sk_fold *f, size_t size, const void *wide, void *y);
/* sum[i] += further[i], for count numbers. All threads. */
void sk_fold_add(float *sum, const float *further, size_t count);
/* Reverses each of count runs of len numbers: kernels turned by 180 degrees. All threads. */
void sk_fold_flip(float *to, const float *from, size_t count, size_t len);
/* memcpy by all threads. */
void sk_fold_copy(void *to, const void *from, size_t bytes);

#endif

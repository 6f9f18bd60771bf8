/* Convolutions of oneDNN: what is asked for, and which implementation does it. Only onednn*.c include this. */
#ifndef SKUA_BACKEND_CPU_ONEDNN_CONV_H
#define SKUA_BACKEND_CPU_ONEDNN_CONV_H

#include "backend/cpu/onednn.h"
#include "backend/cpu/onednn_fold.h"

struct sk_dnnl_conv {
    enum sk_dnnl_pass pass;
    struct sk_conv_shape shape; /* of the forward convolution */
    enum sk_dtype type;         /* of x and y, and of the weights that the library reads */
    bool bias, sum, relu;       /* forward; sum: y += old y */
    int threads;                /* at least 1 */
};
static inline int sk_conv_groups(const struct sk_conv_shape *s)
{
    return s->groups > 1 ? s->groups : 1;
}
/* The weights OIHW, with groups GOIHW (the same in memory), or in any layout. */
enum sk_code sk_dnnl_conv_weights(struct sk_dnnl_desc *d, const struct sk_conv_shape *s, dnnl_data_type_t type, bool any,
                                  struct sk_err *err) SK_MUST;
/* Reads shape and type from an op's tensors and attributes; x, w and y as in the forward pass. UNSUPPORTED with the
 * reason. */
enum sk_code sk_dnnl_conv_read(struct sk_dnnl_conv *conv, const struct sk_attr *attr, const struct sk_desc *x,
                               const struct sk_desc *w, const struct sk_desc *y, struct sk_err *err) SK_MUST;

struct sk_dnnl_choice {
    struct sk_fold fold;
    bool turned; /* the gradient of the data is made by a forward convolution: from y to x, with the weights turned by
                    180 degrees and their channels swapped */
    int parts;   /* above 1: pd is for so many equal parts of the (folded) pictures, each the work of one thread */
    dnnl_primitive_desc_t pd;
    char label[64]; /* "fold turned jit:avx512_core" */
};
/* The variant-th best implementation: first by what was measured to be fastest for such shapes, see onednn_choose.c.
 * UNSUPPORTED "no more implementations" past the last, or why there is none at all. */
enum sk_code sk_dnnl_choose(struct sk_dnnl_choice *c, const struct sk_dnnl_conv *conv, int variant,
                            struct sk_err *err) SK_MUST;
void sk_dnnl_choice_release(struct sk_dnnl_choice *c);

#endif

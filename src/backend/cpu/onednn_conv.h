/* Convolutions of oneDNN: what is asked for, and which implementation does it. Only onednn_c*.c include this. */
#ifndef SKUA_BACKEND_CPU_ONEDNN_CONV_H
#define SKUA_BACKEND_CPU_ONEDNN_CONV_H

#include "backend/cpu/onednn.h"
#include "backend/cpu/onednn_fold.h"

struct sk_dnnl_conv {
    enum sk_dnnl_pass pass;
    struct sk_conv_shape shape; /* of the forward convolution */
    enum sk_dtype type;         /* of x and y, and of the weights that the library reads */
    bool bias, sum, relu;       /* forward; sum: y += old y */
};
struct sk_dnnl_choice {
    struct sk_fold fold;
    bool turned; /* the gradient of the data is made by a forward convolution: from y to x, with the weights turned by
                    180 degrees and their channels swapped */
    dnnl_primitive_desc_t pd;
    char label[64]; /* "fold turned jit:avx512_core" */
};
/* The variant-th best implementation: first by what was measured to be fastest for such shapes, see onednn_choose.c. UNSUPPORTED
 * "no more implementations" past the last, or why there is none at all. */
enum sk_code sk_dnnl_choose(struct sk_dnnl_choice *c, const struct sk_dnnl_conv *conv, int variant,
                            struct sk_err *err) SK_MUST;
void sk_dnnl_choice_release(struct sk_dnnl_choice *c);

#endif

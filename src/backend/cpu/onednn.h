/* oneDNN inside the cpu backend: descriptors, implementations and primitives, alike for its 2.6 and 3.x interfaces.
 * Only onednn*.c include this; what differs between the two interfaces lies in onednn_api.c.
 *
 * Shapes are oneDNN's: activations [N,C,H,W] whatever their layout. Functions return what backend.h's open and run
 * return; release and close accept a zeroed struct. */
#ifndef SKUA_BACKEND_CPU_ONEDNN_H
#define SKUA_BACKEND_CPU_ONEDNN_H

#include <dnnl.h>

#include "backend/cpu/cpu.h"

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t sk_dnnl_md; /* borrowed: lives as long as what it was asked from */
#else
typedef const dnnl_memory_desc_t *sk_dnnl_md;
#endif

/* ---- the library (onednn.c) ---- */
/* Makes the one engine and stream of the process on the first call and sets the instruction set that SKUA_CPU asks for.
 * Thread-safe. UNSUPPORTED "SKUA_CPU=ref" at the reference level. */
enum sk_code sk_dnnl_start(struct sk_err *err) SK_MUST;
dnnl_engine_t sk_dnnl_engine(void); /* both after sk_dnnl_start */
dnnl_stream_t sk_dnnl_stream(void);
/* SK_OK, or what failed: UNSUPPORTED, NOMEM or DEVICE. what: "convolution", for the message. */
enum sk_code sk_dnnl_check(dnnl_status_t status, const char *what, struct sk_err *err) SK_MUST;
dnnl_data_type_t sk_dnnl_type(enum sk_dtype t); /* f32 or bf16 */
/* Declines, with UNSUPPORTED, a tensor that is not dense, is of another rank or type, is empty, or
 * has more elements in one sample than the library's 32-bit offsets reach. what: "x", for the message. */
enum sk_code sk_dnnl_accept(const struct sk_desc *d, const char *what, int rank, enum sk_dtype type,
                            struct sk_err *err) SK_MUST;
/* As many threads as the library then plans with; returns how many it was before. */
int sk_dnnl_threads(int threads);

/* ---- memory descriptors and implementations (onednn_api.c) ---- */
struct sk_dnnl_desc {
    dnnl_memory_desc_t md;
    bool made;
};
enum sk_code sk_dnnl_desc_init(struct sk_dnnl_desc *d, int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
                               dnnl_format_tag_t tag, struct sk_err *err) SK_MUST;
void sk_dnnl_desc_release(struct sk_dnnl_desc *d);
sk_dnnl_md sk_dnnl_desc_md(const struct sk_dnnl_desc *d); /* NULL for a desc that was not made */

enum sk_dnnl_pass { SK_DNNL_FORWARD, SK_DNNL_GRAD_DATA, SK_DNNL_GRAD_WEIGHT };
/* A convolution, or an inner product (rank 2: x [N,C], w [K,C], y [N,K]); in the passes backward x, w, bias and y stand
 * for their gradients where the pass makes or reads those. */
struct sk_dnnl_spec {
    enum sk_dnnl_pass pass;
    bool inner;                        /* inner product: no strides, no padding, no post-ops */
    struct sk_dnnl_desc x, w, bias, y; /* owned; bias may be absent */
    struct sk_dnnl_desc hint_w;        /* the weights of the forward pass, where w is their gradient */
    dnnl_dims_t stride, pad_l, pad_r;
    bool sum, relu; /* forward: y += old y, then relu */
};
void sk_dnnl_spec_release(struct sk_dnnl_spec *s);

/* Walks the implementations that the library has for a spec, its own favourite first. */
struct sk_dnnl_iter {
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t hint; /* the forward pass */
#if DNNL_VERSION_MAJOR >= 3
    dnnl_primitive_desc_t at;
#else
    dnnl_primitive_desc_iterator_t at;
    union sk_dnnl_operation { /* what const_dnnl_op_desc_t points to; the library reads it while it walks */
        dnnl_convolution_desc_t conv;
        dnnl_inner_product_desc_t inner;
    } op;
#endif
};
enum sk_code sk_dnnl_iter_open(struct sk_dnnl_iter *it, const struct sk_dnnl_spec *s, struct sk_err *err) SK_MUST;
/* The implementation it stands at: a descriptor of the caller's own (dnnl_primitive_desc_destroy). */
enum sk_code sk_dnnl_iter_get(const struct sk_dnnl_iter *it, dnnl_primitive_desc_t *pd, struct sk_err *err) SK_MUST;
bool sk_dnnl_iter_next(struct sk_dnnl_iter *it); /* false: there are no more */
void sk_dnnl_iter_close(struct sk_dnnl_iter *it);
/* "jit:avx512_core"; lives as long as the library. */
const char *sk_dnnl_name(const_dnnl_primitive_desc_t pd);
/* Reference implementations: always there, never worth having. */
bool sk_dnnl_is_ref(const char *name);

/* ---- primitives (onednn_prim.c) ---- */
enum { SK_DNNL_ARGS = 6 };
struct sk_dnnl_prim { /* with a memory object for each argument; their addresses are set before each run */
    dnnl_primitive_t prim;
    dnnl_exec_arg_t arg[SK_DNNL_ARGS];
    int count;
};
/* The primitive of pd with its scratchpad as an argument; *scratchpad is how many bytes that takes. */
enum sk_code sk_dnnl_prim_open(struct sk_dnnl_prim *p, const_dnnl_primitive_desc_t pd, size_t *scratchpad,
                               struct sk_err *err) SK_MUST;
/* A further argument (DNNL_ARG_SRC, ...). */
enum sk_code sk_dnnl_prim_arg(struct sk_dnnl_prim *p, int arg, sk_dnnl_md md, struct sk_err *err) SK_MUST;
void sk_dnnl_prim_release(struct sk_dnnl_prim *p);
/* Sets the address of an argument; one that the primitive does not have is left out. */
void sk_dnnl_prim_bind(struct sk_dnnl_prim *p, int arg, void *ptr);
enum sk_code sk_dnnl_prim_run(const struct sk_dnnl_prim *p, struct sk_err *err) SK_MUST;

/* A tensor brought from one layout or type to another. */
struct sk_dnnl_reorder {
    struct sk_dnnl_prim prim;
    bool needed;  /* false: the two descriptors are the same, and nothing has to be done */
    size_t bytes; /* of what it writes */
};
enum sk_code sk_dnnl_reorder_open(struct sk_dnnl_reorder *r, sk_dnnl_md from, sk_dnnl_md to,
                                  struct sk_err *err) SK_MUST;
void sk_dnnl_reorder_release(struct sk_dnnl_reorder *r);
enum sk_code sk_dnnl_reorder_run(struct sk_dnnl_reorder *r, void *from, void *to, struct sk_err *err) SK_MUST;

#endif

/* Backend: the interface between a plan and the device that runs it. Only exec includes this.
 *
 * A backend offers kernels: candidates for an op, in order of preference. A candidate that cannot do an op declines and says why.
 * The same struct is what a plugin exports (versioned). */
#ifndef SKUA_BACKEND_H
#define SKUA_BACKEND_H

#include "base/base.h"
#include "graph/graph.h"

enum { SK_BACKEND_VERSION = 1 };

/* An op as kernels see it: descriptors instead of tensor ids. */
struct sk_op_desc {
    enum sk_op_kind kind;
    struct sk_attr attr;
    int in_count, out_count;
    struct sk_desc in[SK_OP_IN], out[SK_OP_OUT];
    const char *name;   /* for messages */
};
/* What changes from step to step. */
struct sk_step {
    double lr;
    double momentum;    /* above 0: in the place of the optimizer's momentum (beta1) */
    int64_t step;       /* optimizer steps done before this one, from 0 */
    int64_t seed;
    int part;           /* of the batch, from 0 */
    double share;       /* of the batch's mean gradient that this part's is */
};
struct sk_kernel_env {
    int threads;        /* as omp_set_num_threads was told */
    bool frozen;        /* weights change only through prepare: pack them there, not in run */
    enum sk_winograd winograd; /* never auto */
};
struct sk_kernel_need {
    size_t scratch;     /* bytes of arena memory during run, 64-byte aligned */
    size_t packed;      /* bytes kept between prepare and run (frozen plans) */
    double flops;       /* operations that run really does; 0: those of the op's definition */
    bool single;        /* they are float32, though the tensors may be bf16 */
    char label[64];     /* what exactly was chosen: "jit:avx512_core" */
};
struct sk_kernel_call {
    void *const *in;
    void *const *out;   /* out[i] may equal in[k] where the table allows in place */
    void *scratch, *packed;
    const struct sk_step *step;
};
#define SK_NO_MORE "no more implementations"
struct sk_kernel {
    const char *name;   /* "onednn", "cpu", "ref" */
    enum sk_op_kind kind;
    /* Makes a runnable instance for op. variant 0, 1, ...: further implementations the library has for it, best first; past the last: UNSUPPORTED
     * with SK_NO_MORE. Declining: UNSUPPORTED with the reason; variant 0 declines for all. */
    enum sk_code (*open)(void **self, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                         struct sk_kernel_need *need, struct sk_err *err);
    /* NULL, or packs weights (in[] as for run; only params are valid) into call->packed; only in frozen plans, whenever weights changed. */
    enum sk_code (*prepare)(void *self, const struct sk_kernel_call *call, struct sk_err *err);
    enum sk_code (*run)(void *self, const struct sk_kernel_call *call, struct sk_err *err); /* allocates nothing */
    void (*close)(void *self);
    int quick_variants; /* so many of its variants, the first, are worth measuring (engine.tune: quick); 0: all */
};
/* Ceilings: what the device does at most, measured by loops that do nothing else, with all threads. */
struct sk_peak {
    double f32, bf16;             /* operations a second, a multiply-add being two; 0: no instruction for it */
    const char *f32_by, *bf16_by; /* that instruction, "vdpbf16ps" */
    double read, triad;           /* bytes a second of arrays beyond the caches: read; a = b + s * c, three arrays */
};
struct sk_backend {
    int version;
    const char *name;   /* "cpu" */
    const struct sk_kernel *const *(*kernels)(enum sk_op_kind kind); /* NULL-terminated, best first */
    bool (*has_bf16)(void);
    void (*describe)(struct sk_str *out);  /* for skua info: instruction sets, library versions */
    /* Memory of the device; the cpu backend maps it anonymously. */
    void *(*alloc)(size_t bytes, struct sk_err *err);
    void (*free)(void *ptr, size_t bytes);
    enum sk_code (*upload)(void *device, const void *host, size_t bytes, struct sk_err *err);
    enum sk_code (*download)(void *host, const void *device, size_t bytes, struct sk_err *err);
    bool host_memory;   /* device pointers are host pointers: inputs are bound without a copy */
    enum sk_code (*start)(int threads, struct sk_err *err); /* once before use: threads of the one OpenMP pool */
    enum sk_code (*sync)(struct sk_err *err);
    enum sk_code (*peak)(int threads, struct sk_peak *out, struct sk_err *err); /* half a second or so */
};
/* The built-in backend. */
const struct sk_backend *sk_backend_cpu(void);

#endif

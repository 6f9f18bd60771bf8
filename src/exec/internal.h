/* What the files of exec share. */
#ifndef SKUA_EXEC_INTERNAL_H
#define SKUA_EXEC_INTERNAL_H

#include <jansson.h>

#include "exec/exec.h"

struct sk_engine {
    const struct sk_backend *backend;
    int threads;
    enum sk_precision precision;
    struct sk_recipe_engine recipe;
    void *arena;         /* one for all plans: they run one at a time */
    size_t arena_bytes;
    const struct sk_trace *trace; /* NULL: none */
    struct sk_peak peak;          /* f32 0: not measured yet */
};
/* Makes the arena at least this large; what it held is lost. INPUT where memory does not suffice. */
enum sk_code sk_engine_arena(struct sk_engine *e, size_t bytes, struct sk_err *err) SK_MUST;
/* INPUT "... needs X GB, Y GB are available" unless that many more bytes can be had. */
enum sk_code sk_engine_room(size_t bytes, struct sk_err *err) SK_MUST;

struct sk_store {
    struct sk_engine *engine;
    struct sk_store_entry **entry; /* entries do not move */
    size_t count, cap;
    uint64_t version;              /* grows with every write from outside and every update */
};
enum sk_code sk_store_new(struct sk_store **s, struct sk_engine *e, struct sk_err *err) SK_MUST;
void sk_store_free(struct sk_store *s);
/* Finds or adds (zeroed) a tensor; one of another shape under that name: INPUT. */
enum sk_code sk_store_take(struct sk_store *s, const struct sk_tensor *t, struct sk_store_entry **entry, struct sk_err *err) SK_MUST;

/* ---- memory layout (memory.c) ---- */
struct sk_block { size_t bytes, offset; int first, last; /* op indices between which it lives */ };
/* Gives every block an offset such that blocks alive together do not overlap; returns the bytes needed. Greedy by size. */
enum sk_code sk_memory_layout(struct sk_block *block, size_t count, size_t *bytes, struct sk_err *err) SK_MUST;
/* One block for each VALUE or RESULT tensor (in-place outputs share one): tensor_block[t] or -1. Scratch of op i becomes
 * block scratch_block[i] or -1. blocks is sk_alloc'd. */
struct sk_memory { struct sk_block *block; size_t count; int *tensor_block, *scratch_block; size_t bytes; };
enum sk_code sk_memory_plan(struct sk_memory *m, const struct sk_graph *g, const size_t *scratch, struct sk_err *err) SK_MUST;
void sk_memory_release(struct sk_memory *m);

/* ---- choice of kernels (choose.c) ---- */
struct sk_choice {       /* what one op runs on */
    const struct sk_kernel *kernel;
    void *self;
    struct sk_kernel_need need;
    char reason[256];    /* why candidates before it declined; empty: none did */
};
/* "conv bf16 128x32x32x64 64x64x3x3 s1 p1 ...": equal for ops that may share a choice. */
void sk_choice_key(const struct sk_op_desc *d, bool frozen, char *key, size_t size);
enum sk_code sk_choose(struct sk_choice *c, const struct sk_engine *e, const struct sk_op_desc *d, const struct sk_plan_options *o,
                       struct sk_err *err) SK_MUST;
void sk_choice_release(struct sk_choice *c);

struct sk_plan_op { struct sk_choice choice; size_t packed_offset; };
struct sk_plan {
    struct sk_engine *engine;
    struct sk_store *store;
    struct sk_graph graph;
    struct sk_plan_options options;
    struct sk_plan_op *op;
    struct sk_memory memory;
    struct sk_store_entry **entry;  /* by tensor; NULL for tensors that are not of the store */
    int *input;                     /* by tensor: which INPUT, -1: none */
    size_t *frozen_offset;          /* by tensor */
    unsigned char *kept;            /* FROZEN tensors and packed weights */
    size_t kept_bytes;
    uint64_t prepared;              /* store version that kept was made from; 0: never */
};
/* Adds what a plan chose, key -> kernel, to ops. */
void sk_choices_add(json_t *ops, const struct sk_plan *p);
json_t *sk_choices_ops(const struct sk_choices *c); /* borrowed */
void sk_op_describe(const struct sk_graph *g, const struct sk_op *op, struct sk_op_desc *d);


/* ---- a network (net.c, weights.c) ---- */
enum { SK_MAX_PLANS = 16 };
struct sk_net_plan { int batch; bool train; struct sk_plan *plan; int loss, logits, topk; };
struct sk_net {
    struct sk_engine *engine;
    struct sk_store *store;
    struct sk_recipe recipe;
    struct sk_net_shape shape;
    struct sk_choices *choices;
    struct sk_net_plan plan[SK_MAX_PLANS];
    int plans, next;               /* next: the one to be replaced when all are in use */
    bool keep_gradients;
    struct sk_net_plan *last_train;
    float *logits;                 /* of the last call */
    size_t logits_cap;
    int32_t *no_labels;            /* zeros, for prediction */
    size_t no_labels_cap;
};

#endif

/* What the files of exec share. */
#ifndef SKUA_EXEC_INTERNAL_H
#define SKUA_EXEC_INTERNAL_H

#include <jansson.h>

#include "exec/exec.h"

/* ---- kernels asked for by SKUA_FORCE (force.c) ---- */
struct sk_force {
    char text[512];
    const char *name[SK_OP_KINDS]; /* how the name of the op's kernel must begin, in text; NULL: any will do */
};
/* Reads "conv:onednn,conv_grad_data:ref"; NULL or "": nothing is forced. USAGE, with the names there are, for an op or a
 * kernel that the backend does not have. The pointers of f lead into f: it must not be moved. */
enum sk_code sk_force_parse(struct sk_force *f, const char *text, const struct sk_backend *b, struct sk_err *err) SK_MUST;

struct sk_engine {
    const struct sk_backend *backend;
    int threads;
    enum sk_precision precision;
    struct sk_recipe_engine recipe;
    void *arena;         /* one for all plans: they run one at a time */
    size_t arena_bytes;
    const struct sk_trace *trace; /* NULL: none */
    struct sk_peak peak;          /* f32 0: not measured yet */
    const atomic_bool *cancel;   /* NULL, or looked at between two measurements */
    double (*clock)(void);       /* seconds: sk_now; tests have their own */
    struct sk_tune_cache *cache; /* what measuring found so far */
    struct sk_force force;
    bool told_missing;           /* that a run's kernel cannot be had: once is enough */
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

/* ---- what became of the candidates for an op ---- */
enum { SK_CANDIDATES = 12, SK_TRIALS = 16, SK_KERNEL_NAME = 96 }; /* at most so many are measured, and on record */
struct sk_trial {
    char name[SK_KERNEL_NAME]; /* "kernel label", or "kernel" where it declined */
    double ms;                 /* the shortest of its runs; 0: not measured */
    char why[160];             /* ... and why not */
};
struct sk_trials { struct sk_trial at[SK_TRIALS]; int count; };
/* Adds one; beyond the last place it is lost. */
void sk_trials_add(struct sk_trials *t, const char *name, double ms, const char *why);
double sk_trials_ms(const struct sk_trials *t, const char *name); /* 0: not measured */

/* ---- what measuring found, for the plans of an engine and, on disk, for later (tune_cache.c) ---- */
struct sk_tune_cache;
/* machine: everything but the op that the times depend on. Where the file is, SKUA_CACHE tells (a folder, or "off": no
 * file), else XDG_CACHE_HOME, else HOME; it is read when first asked. */
enum sk_code sk_tune_cache_new(struct sk_tune_cache **c, const char *machine, struct sk_err *err) SK_MUST;
void sk_tune_cache_free(struct sk_tune_cache *c); /* accepts NULL */
/* False: not known. chosen: the name of the kernel. */
bool sk_tune_cache_get(struct sk_tune_cache *c, const char *key, char chosen[SK_KERNEL_NAME], struct sk_trials *t);
void sk_tune_cache_put(struct sk_tune_cache *c, const char *key, const char *chosen, const struct sk_trials *t);
/* Writes what is new, together with what others wrote meanwhile. What goes wrong is told once and is no error. */
void sk_tune_cache_save(struct sk_tune_cache *c);
const char *sk_tune_cache_path(const struct sk_tune_cache *c); /* of the file; "": there is none */

/* ---- choice of kernels (choose.c) ---- */
struct sk_choice {       /* what one op runs on */
    const struct sk_kernel *kernel;
    void *self;
    struct sk_kernel_need need;
    char name[SK_KERNEL_NAME]; /* "kernel label" */
    double ms;                 /* a run as measured; 0: not measured */
    const char *by;            /* what chose it but measuring or the order, "plan.json", "SKUA_FORCE"; else NULL */
    struct sk_trials *trials;  /* it and the others, sk_alloc'd; NULL where there was nothing to choose from */
};
/* "conv bf16 128x32x32x64 64x64x3x3 s1 p1 ...": equal for ops that may share a choice. */
enum { SK_CHOICE_KEY = 768 };
void sk_choice_key(const struct sk_op_desc *d, bool frozen, char key[SK_CHOICE_KEY]);
struct sk_tuner;
/* What SKUA_FORCE wants, and nothing else where it says something for such ops; else what o->choices says, where it can be
 * had; else with o->tune what was measured before or is now; without, the first that accepts. UNSUPPORTED with the reasons
 * where none does; CANCELLED. */
enum sk_code sk_choose(struct sk_choice *c, struct sk_tuner *t, const struct sk_op_desc *d, const struct sk_plan_options *o,
                       struct sk_err *err) SK_MUST;
void sk_choice_release(struct sk_choice *c);

/* ---- measuring (tune.c) ---- */
struct sk_tuner { /* zeroed but for engine */
    struct sk_engine *engine;
    void *own;        /* to measure in where the arena is too small; serves all ops of a plan */
    size_t own_bytes;
};
void sk_tuner_release(struct sk_tuner *t);
/* Sets ms of each candidate for d: the shortest of its runs on random values. The slower it is beside the best, the fewer
 * they are: one where it took more than twice as long. CANCELLED; INPUT or NOMEM where there is no memory to measure in. */
enum sk_code sk_tuner_measure(struct sk_tuner *t, const struct sk_op_desc *d, struct sk_choice *c, int count, bool frozen,
                              struct sk_err *err) SK_MUST;
/* The first that is at most 2% slower than the fastest. */
int sk_tuner_pick(const struct sk_choice *c, int count);

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
/* The kernel's name, or NULL; c may be NULL. */
const char *sk_choices_find(const struct sk_choices *c, const char *key);
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
    float *class_weight;           /* [classes], or NULL */
    char head[2][SK_TENSOR_NAME];  /* weight and bias of the classifier */
    int32_t *no_labels;            /* zeros, for prediction */
    size_t no_labels_cap;
};

#endif

/* Exec: plans that run a graph on a backend, networks with their weights, and opening a model file into a ready network. */
#ifndef SKUA_EXEC_H
#define SKUA_EXEC_H

#include <jansson.h>
#include <stdatomic.h>

#include "base/base.h"
#include "backend/backend.h"
#include "format/format.h"
#include "graph/graph.h"
#include "models/models.h"
#include "recipe/recipe.h"

/* ---- engine: the device, its threads and one arena that all plans share (engine.c) ---- */
struct sk_engine;
struct sk_plan;
/* Resolves device, threads and precision (auto: bf16 where the machine has it; told once through sk_notice when it has not).
 * USAGE where SKUA_FORCE names no op or kernel there is, or of many more threads than processors. */
enum sk_code sk_engine_open(struct sk_engine **e, const struct sk_recipe_engine *r, struct sk_err *err) SK_MUST;
/* UNSUPPORTED with the reason where a device asked for cannot be had here; nothing is opened. */
enum sk_code sk_engine_check_device(enum sk_device device, struct sk_err *err) SK_MUST;
void sk_engine_close(struct sk_engine *e);
/* Plans that are being made look at the flag while they measure kernels, and end with CANCELLED. */
void sk_engine_cancel(struct sk_engine *e, const atomic_bool *cancel);
int sk_engine_threads(const struct sk_engine *e);
enum sk_precision sk_engine_precision(const struct sk_engine *e); /* FP32 or BF16, never AUTO */
const char *sk_engine_device(const struct sk_engine *e);          /* "cpu" */
/* Backends found, and why one is not there, one line each; instruction sets; library versions. For skua info. */
enum sk_code sk_engine_describe(struct sk_str *out, struct sk_err *err) SK_MUST;
/* Ceilings of the device with the engine's threads: measured by the first call (half a second or so), kept for later ones. */
enum sk_code sk_engine_peak(struct sk_engine *e, struct sk_peak *out, struct sk_err *err) SK_MUST;
/* Called after each op that a plan runs in a step, with its index in the plan's graph and the seconds it took. */
struct sk_trace { void (*op)(void *context, const struct sk_plan *p, size_t op, double seconds); void *context; };
void sk_engine_trace(struct sk_engine *e, const struct sk_trace *trace); /* kept by reference; NULL: none (the default) */

/* ---- store: named tensors that outlive a step: params, running statistics, optimizer slots (store.c) ---- */
struct sk_store;
struct sk_store_entry {
    char name[SK_TENSOR_NAME];
    enum sk_role role;
    struct sk_desc desc; /* always float32 */
    float damp;          /* as in struct sk_tensor */
    void *data;          /* device memory */
};
size_t sk_store_count(const struct sk_store *s);
const struct sk_store_entry *sk_store_at(const struct sk_store *s, size_t i);
const struct sk_store_entry *sk_store_find(const struct sk_store *s, const char *name);
enum sk_code sk_store_read(const struct sk_store *s, const char *name, float *out, size_t n, struct sk_err *err) SK_MUST;
enum sk_code sk_store_write(struct sk_store *s, const char *name, const float *in, size_t n, struct sk_err *err) SK_MUST;

/* ---- plan: kernels chosen and memory laid out for one graph (plan.c, explain.c, memory.c, choose.c, tune.c) ---- */
struct sk_plan_options {
    bool frozen;              /* weights change only from outside: pack them once */
    enum sk_tune tune;
    enum sk_winograd winograd;
    const struct sk_choices *choices; /* kernels to use again (may be NULL) */
};
/* Takes over graph (zeroes *graph). Tensors of the store are found by name or added (zeroed). */
enum sk_code sk_plan_new(struct sk_plan **p, struct sk_engine *e, struct sk_store *store, struct sk_graph *graph,
                         const struct sk_plan_options *o, struct sk_err *err) SK_MUST;
void sk_plan_free(struct sk_plan *p);
/* Runs the ops of phases from..to (inclusive; PREPARE runs by itself when the store changed). inputs[i] belongs to the i-th INPUT
 * tensor of the graph. Nothing is allocated or checked. cancel (may be NULL) is looked at between ops, never from GATHER on: CANCELLED. */
enum sk_code sk_plan_run(struct sk_plan *p, enum sk_phase from, enum sk_phase to, const void *const *inputs, const struct sk_step *step,
                         const atomic_bool *cancel, struct sk_err *err) SK_MUST;
enum sk_code sk_plan_read(const struct sk_plan *p, int tensor, void *out, size_t bytes, struct sk_err *err) SK_MUST; /* RESULT tensors */
const struct sk_graph *sk_plan_graph(const struct sk_plan *p);
size_t sk_plan_bytes(const struct sk_plan *p);  /* arena this plan needs */
/* One line an op: phase, op, name, shape, kernel and label, its time, bytes; below it the other candidates with their time or why they
 * were not taken, once where several ops are alike. */
enum sk_code sk_plan_explain(const struct sk_plan *p, struct sk_str *out, struct sk_err *err) SK_MUST;
/* The same as {"ops": [{"phase", "op", "name", "output", "kernel", "ms", "by", "bytes", "others": [{"kernel", "ms" or "why"}]}],
 * "arena_bytes", "kept_bytes"}; ms, by and others where known. A new reference; NULL: no memory. */
json_t *sk_plan_explain_json(const struct sk_plan *p);

/* ---- what a plan's step costs (cost.c) ---- */
/* Operations of multiply-adds, one being two. direct: by the definitions of the ops; actual: what the chosen kernels do,
 * fewer where an algorithm such as Winograd's saves some. */
struct sk_flops { double direct, actual; };
struct sk_op_report {
    enum sk_phase phase;
    const char *kind, *name;
    char kernel[128];       /* kernel and label, "onednn jit:avx512_core" */
    struct sk_flops flops;  /* 0 for ops that do not multiply */
    double bytes;           /* of its tensors, each read or written once */
    enum sk_dtype type;     /* what is multiplied: that of its first input, or float32 where the kernel makes it so */
};
void sk_plan_report(const struct sk_plan *p, size_t op, struct sk_op_report *r);
struct sk_flops sk_plan_flops(const struct sk_plan *p); /* of a whole step, without PREPARE */

/* ---- choices: which kernel each op uses; plan.json (choices.c) ---- */
struct sk_choices;
enum sk_code sk_choices_parse(struct sk_choices **c, const char *json, size_t len, const char *origin, struct sk_err *err) SK_MUST;
void sk_choices_free(struct sk_choices *c);

/* ---- net: a network with weights, and its plans for training and evaluation at the batch sizes asked for (net.c) ---- */
struct sk_net;
struct sk_net_shape { int height, width, channels; enum sk_dtype pixel; int classes; };
struct sk_net_batch {
    int count;
    const void *pixels;
    const int32_t *label;     /* may be NULL for prediction */
    const struct sk_mix *mix; /* training with a recipe that mixes: how; NULL: not this one. Ignored by others */
};
struct sk_net_result { double loss; int64_t correct1, correct5; const float *logits; /* [count][classes], valid until the next call */ };

/* recipe is copied (model, engine, train.optimizer, loss, mixing, data.normalize are used). Weights are zero until init or load. */
enum sk_code sk_net_new(struct sk_net **n, struct sk_engine *e, const struct sk_recipe *recipe, const struct sk_net_shape *shape,
                        struct sk_err *err) SK_MUST;
void sk_net_free(struct sk_net *n);
struct sk_store *sk_net_store(struct sk_net *n);
const struct sk_net_shape *sk_net_shape(const struct sk_net *n);
void sk_net_init(struct sk_net *n, uint64_t seed); /* initial weights; fresh optimizer state */
/* The first tensor (weights, statistics, optimizer state) that holds a nan or an infinity; NULL: all are finite. */
const char *sk_net_not_finite(const struct sk_net *n);
/* Weights and running statistics from a file. Every param must be there in its shape: INPUT names the first that is not, expected and
 * found; num_batches_tracked and "skua."-prefixed extras are ignored, other unknown names are refused. */
enum sk_code sk_net_load(struct sk_net *n, const struct sk_safetensors *st, const char *path, struct sk_err *err) SK_MUST;
/* As sk_net_load, but the classifier stays as it is: the file may have another one. */
enum sk_code sk_net_load_body(struct sk_net *n, const struct sk_safetensors *st, const char *path, struct sk_err *err) SK_MUST;
/* Weights and running statistics change places with their averages (train.ema), or again; false: there are none. */
bool sk_net_swap_average(struct sk_net *n);
/* Optimizer state and averages written by sk_net_save_state. */
enum sk_code sk_net_load_state(struct sk_net *n, const struct sk_safetensors *st, const char *path, struct sk_err *err) SK_MUST;
/* Writes params, statistics and num_batches_tracked (= steps) with metadata; path need not be atomic. */
enum sk_code sk_net_save(struct sk_net *n, const char *path, int64_t steps, const struct sk_st_meta *meta, size_t metas,
                         struct sk_err *err) SK_MUST;
enum sk_code sk_net_save_state(struct sk_net *n, const char *path, struct sk_err *err) SK_MUST;
/* Weights of the classes in the loss of training; before the first plan is made. INPUT: not one for each class. */
enum sk_code sk_net_weigh_classes(struct sk_net *n, const double *weight, int count, struct sk_err *err) SK_MUST;
/* Makes the plan for a batch size beforehand (else made at first use). Checks memory: INPUT "a batch of 4096 needs 31.2 GB, 20.1 GB are available". */
enum sk_code sk_net_prepare(struct sk_net *n, int batch, bool train, struct sk_err *err) SK_MUST;
/* One optimizer step; with train.accumulate the batch goes through in parts, and batch norm sees those. A mixed sample counts as correct
 * where the label of the larger weight is. When the loss is not finite the update is left out, params are untouched, and result->loss is that
 * value: the caller decides. */
enum sk_code sk_net_train(struct sk_net *n, const struct sk_net_batch *b, const struct sk_step *step, struct sk_net_result *r,
                          const atomic_bool *cancel, struct sk_err *err) SK_MUST;
/* Evaluation with running statistics. Loss is the mean cross-entropy without label smoothing; 0 without labels. */
enum sk_code sk_net_eval(struct sk_net *n, const struct sk_net_batch *b, struct sk_net_result *r, struct sk_err *err) SK_MUST;
/* Gradient of the last training step's loss for a param, until the next evaluation: plans keep gradients only when this was asked for before the first step. */
void sk_net_keep_gradients(struct sk_net *n);
bool sk_net_has_gradient(const struct sk_net *n, const char *param); /* not of a frozen one */
enum sk_code sk_net_gradient(struct sk_net *n, const char *param, float *out, size_t count, struct sk_err *err) SK_MUST;
/* Kernels used so far as JSON (plan.json), and to be used again: told through sk_notice when one cannot be had. */
enum sk_code sk_net_choices(const struct sk_net *n, struct sk_str *json, struct sk_err *err) SK_MUST;
enum sk_code sk_net_use_choices(struct sk_net *n, const char *json, size_t len, const char *origin, struct sk_err *err) SK_MUST;
const struct sk_plan *sk_net_plan(const struct sk_net *n, int batch, bool train); /* NULL: not made */
size_t sk_net_bytes(const struct sk_net *n); /* store and arena */

/* ---- session: a model file made ready (session.c); shared by eval, predict, serve, compress and the C API ---- */
struct sk_session {
    struct sk_engine *engine;
    struct sk_net *net;
    struct sk_recipe recipe;       /* the one stored with the model, with overrides applied */
    int classes;
    char **class_name;             /* [classes], one sk_alloc'd block */
    char path[SK_PATH];            /* of the model.safetensors that was opened */
    int64_t step;
};
struct sk_session_options {
    const char *recipe;            /* --recipe for foreign weights; NULL: the one stored in the file */
    const char *const *set;        /* --set overrides, NULL-terminated; may be NULL */
    const atomic_bool *cancel;     /* as sk_engine_cancel; may be NULL */
};
/* Finds the model.safetensors meant by path: a run directory (its best checkpoint, else its last), a checkpoint folder, a model file. */
enum sk_code sk_model_path(const char *path, char out[SK_PATH], struct sk_err *err) SK_MUST;
/* Opens engine and network with the weights, ready to evaluate; kernels are those of the checkpoint's plan.json where there is one. INPUT: a file
 * without a recipe and none given, metadata that does not fit, weights that do not fit the recipe. On failure *s is zeroed. */
enum sk_code sk_session_open(struct sk_session *s, const char *path, const struct sk_session_options *o, struct sk_err *err) SK_MUST;
void sk_session_close(struct sk_session *s); /* accepts a zeroed one */
/* The pictures that a recipe's network takes as far as the recipe alone tells: the size its prepare (else augment) steps end with, else
 * that of its data source, else 32 or 224 by the stem; 3 channels of 8 bits. classes: model.classes. */
void sk_net_shape_guess(const struct sk_recipe *r, struct sk_net_shape *shape);
/* Metadata of a model file: skua.version, skua.recipe (YAML), skua.classes (JSON array), skua.shape ("HxWxC u8" or "HxWxC f32"), skua.step.
 * Used by the checkpoint writer. Values point into text. */
enum { SK_MODEL_METAS = 5 };
struct sk_model_meta { struct sk_st_meta entry[SK_MODEL_METAS]; size_t count; struct sk_str text[SK_MODEL_METAS]; };
/* What a model file says of itself. */
struct sk_model_facts {
    bool has_recipe, has_shape;
    struct sk_recipe recipe;
    struct sk_net_shape shape;     /* classes: number of class names, 0: none */
    char **class_name;             /* [shape.classes], one sk_alloc'd block, or NULL */
    int64_t step;                  /* 0 where it does not say */
};
/* INPUT where a value is there but cannot be read. path is for messages. On failure *f is zeroed. */
enum sk_code sk_model_facts_read(struct sk_model_facts *f, const struct sk_safetensors *st, const char *path, struct sk_err *err) SK_MUST;
void sk_model_facts_release(struct sk_model_facts *f);
enum sk_code sk_model_meta_make(struct sk_model_meta *m, const struct sk_recipe *r, const struct sk_net_shape *shape, const char *const *class_name,
                                int64_t step, struct sk_err *err) SK_MUST;
void sk_model_meta_release(struct sk_model_meta *m);

#endif

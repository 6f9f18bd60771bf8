/* Recipe: a YAML file (or defaults) plus --set overrides, validated against one table of keys into plain structs.
 *
 * The table (keys.c) is the only place that knows a key's name, type, bounds, default, help text and whether it may
 * change on resume; parsing, --set, `skua help recipe`, the resolved recipe.yaml and the resume check come from it. */
#ifndef SKUA_RECIPE_H
#define SKUA_RECIPE_H

#include "base/base.h"

enum { SK_MAX_STEPS = 16, SK_MAX_CHANNELS = 3, SK_SHAPES_MIN_SIDE = 16, SK_SHAPES_MAX_SIDE = 512,
       SK_WORDS_TEXT = 8192 };

/* ---- data: what one picture goes through before the network ---- */
enum sk_step_kind {
    SK_STEP_RANDOM_CROP,
    SK_STEP_FLIP,
    SK_STEP_RESIZE,
    SK_STEP_CENTER_CROP,
    SK_STEP_RANDOM_RESIZED_CROP,
    SK_STEP_VERTICAL_FLIP,
    SK_STEP_COLOR_JITTER,
    SK_STEP_GRAYSCALE,
    SK_STEP_ROTATION,
    SK_STEP_AFFINE,
    SK_STEP_RANDOM_ERASING,
    SK_STEP_CUTOUT,
    SK_STEP_RAND_AUGMENT,
    SK_STEP_TRIVIAL_AUGMENT_WIDE,
    SK_STEP_KINDS
};
enum { SK_MAX_HOLES = 16, SK_MAX_OPS = 8, SK_MAGNITUDES = 31 };
enum sk_interpolation { SK_BILINEAR, SK_BICUBIC }; /* of resizing, antialiased */
enum sk_sampling { SK_NEAREST, SK_LINEAR };        /* of rotations and affine maps */
enum sk_pad_mode { SK_PAD_ZERO, SK_PAD_REFLECT };
struct sk_range {
    double low, high;
};
struct sk_picture_step { /* `skua help recipe` has each parameter's meaning */
    enum sk_step_kind kind;
    int size;    /* crop: side of the result; resize: length of the shorter side, or both sides where exact */
    int padding; /* random_crop: on each side before cropping */
    enum sk_pad_mode mode;
    double p;    /* probability */
    bool exact;  /* resize: {size: [h, w]} gives h x w without keeping the aspect */
    int height, width;
    enum sk_interpolation filter;
    enum sk_sampling sampling;
    struct sk_range scale, ratio;                       /* boxes: share of the area, width / height; affine: scale */
    struct sk_range brightness, contrast, saturation, hue; /* factors; hue: turns */
    struct sk_range degrees, shear, shear_y;            /* degrees */
    double translate[2];                                /* affine: at most these shares of width and height */
    double value[SK_MAX_CHANNELS];                      /* erasing: levels 0 to 255, one a channel */
    int holes, length;                                  /* cutout */
    int n, m;                                           /* rand_augment: operations, magnitude */
};
/* Whether a step of this kind decides how large the picture is. */
bool sk_step_sets_size(enum sk_step_kind kind);
const char *sk_step_name(enum sk_step_kind kind);
enum sk_decode { SK_DECODE_EXACT, SK_DECODE_FAST };
struct sk_picture_steps {
    int count;
    enum sk_decode decode; /* data.decode, of data.augment alone: evaluation is exact */
    struct sk_picture_step step[SK_MAX_STEPS];
};

struct sk_recipe_words { /* texts one after the other, each with its NUL; zeroed = none */
    int count;
    char text[SK_WORDS_TEXT];
};
const char *sk_recipe_word(const struct sk_recipe_words *w, int i); /* i < count (words.c) */

enum { SK_MAX_NUMBERS = 1024 };
struct sk_recipe_numbers { /* a list of numbers; zeroed = none */
    int count;               /* or a word's value, below 0 */
    double at[SK_MAX_NUMBERS];
};
enum { SK_BALANCED = -1 };

enum sk_source { SK_SOURCE_AUTO, SK_SOURCE_CIFAR10, SK_SOURCE_CIFAR100, SK_SOURCE_FOLDER, SK_SOURCE_NPY, SK_SOURCE_TAR, SK_SOURCE_LIST, SK_SOURCE_SHAPES };
enum sk_labels { SK_LABELS_FINE, SK_LABELS_COARSE };
enum sk_on_error { SK_ON_ERROR_REPLACE, SK_ON_ERROR_STOP };
enum sk_cache { SK_CACHE_NONE, SK_CACHE_MEMORY };

enum { SK_SHUFFLE_BUFFER = 256 }; /* default of data.shuffle_buffer */
struct sk_recipe_data {
    enum sk_source source;   /* auto: told from what lies at path */
    char path[SK_PATH];      /* folder or archive; --data overrides */
    char images[SK_PATH], labels[SK_PATH];         /* npy: training arrays (relative to path where path is given) */
    char val_images[SK_PATH], val_labels[SK_PATH]; /* npy: validation arrays, empty: none; folder:
                                                      the labels of the pictures that lie in val itself */
    char class_names[SK_PATH]; /* folder, list, tar: file with a class a line (relative to path), empty: none */
    int workers;             /* threads that prepare batches; 0 = in the training thread; -1 = auto */
    bool shuffle;
    int64_t train_limit, val_limit; /* 0: all, N: the first N samples */
    double val_fraction;     /* folder without val/test: this share of each class, split by seed */
    double train_fraction;   /* this share of each class of the training samples, by seed; 0 and 1: all */
    struct sk_recipe_words only_classes; /* by name; none: all */
    int shuffle_buffer;      /* tar, gzip'd: MiB of unpacked data among which the order is drawn */
    struct sk_recipe_words also; /* further folders or files of the same classes, behind path */
    enum sk_cache cache;
    enum sk_on_error on_error;
    double max_damaged;      /* replace: more than this share of an epoch stops the run */
    int image_size, train_size, val_size; /* shapes: side, number of samples */
    enum sk_labels cifar100_labels; /* 100 classes, or the 20 groups of them */
    int64_t shapes_seed;     /* shapes: seed of the drawn set */
    struct sk_picture_steps augment, prepare; /* training; evaluation */
    bool has_normalize;
    int normalize_channels;  /* number of values given */
    double mean[SK_MAX_CHANNELS], std[SK_MAX_CHANNELS]; /* of [0,1] */
};

enum sk_stem { SK_STEM_IMAGENET, SK_STEM_CIFAR, SK_STEM_DEEP };
enum sk_norm { SK_NORM_BATCH, SK_NORM_GROUP, SK_NORM_NONE };
enum sk_pool { SK_POOL_AVG, SK_POOL_MAX };
struct sk_recipe_model {
    char arch[SK_NAME];      /* one of sk_model_names */
    enum sk_stem stem;
    double width;            /* channels = round(64 * width) at the start */
    int classes;             /* 0: as the data has */
    double dropout;          /* before the classifier */
    double drop_path;        /* of the last block; growing linearly from 0 */
    enum sk_norm norm;
    int norm_groups;
    int skip_kernel;         /* side of the shortcut's convolution, odd */
    bool residual;           /* false: blocks without shortcuts */
    bool zero_init_residual; /* the last norm of each residual block begins at 0 */
    enum sk_pool pool;       /* before the classifier */
    bool se;                 /* squeeze-and-excitation in each block */
    double bn_momentum;      /* PyTorch's sense: new = (1-m)*old + m*batch */
    double bn_eps;
    char init[SK_PATH];      /* safetensors file with initial weights, empty: none */
    bool new_head;           /* the classifier is not taken from init */
};

enum sk_precision { SK_PRECISION_AUTO, SK_PRECISION_FP32, SK_PRECISION_BF16 };
enum sk_device { SK_DEVICE_AUTO, SK_DEVICE_CPU, SK_DEVICE_CUDA };
enum sk_winograd { SK_WINOGRAD_OFF, SK_WINOGRAD_SAFE, SK_WINOGRAD_FAST, SK_WINOGRAD_AUTO }; /* auto: fast in training, else safe */
enum sk_tune { SK_TUNE_OFF, SK_TUNE_QUICK };
struct sk_recipe_engine {
    enum sk_device device;
    int threads;             /* 0: as the machine allows */
    enum sk_precision precision;
    enum sk_winograd winograd;
    enum sk_tune tune;       /* off: first candidate by a fixed order; quick: candidates are timed */
    bool recompute;          /* values inside blocks are made again in the backward pass instead of being kept */
};

enum sk_optimizer { SK_OPT_SGD, SK_OPT_ADAM, SK_OPT_ADAMW, SK_OPT_RMSPROP, SK_OPT_ADAGRAD, SK_OPT_ADADELTA, SK_OPT_LARS, SK_OPT_LAMB, SK_OPTIMIZERS };
struct sk_recipe_optimizer {
    enum sk_optimizer name;
    double lr;
    int base_batch;          /* lr is that of a batch of so many, and grows with the batch; 0: lr is as it stands */
    double momentum, rho, eps; /* below 0: the optimizer's own */
    double dampening, weight_decay, beta1, beta2;
    double trust;            /* lars: its coefficient */
    bool nesterov, centered;
    bool decoupled;          /* weight decay apart from the gradient; adamw and lamb: always */
    bool decay_norm_bias;    /* weight decay also for norms and biases (default true); lars, lamb: never */
    double clip_norm, clip_value; /* of the gradients; 0: none */
};
enum sk_schedule { SK_SCHED_CONSTANT, SK_SCHED_STEP, SK_SCHED_MULTI_STEP, SK_SCHED_COSINE, SK_SCHED_ONE_CYCLE, SK_SCHED_POLYNOMIAL, SK_SCHED_EXPONENTIAL, SK_SCHED_PLATEAU, SK_SCHED_FLAT_LINEAR, SK_SCHEDULES };
struct sk_recipe_schedule {
    enum sk_schedule name;
    double warmup_epochs;    /* linear from 0 (exclusive) to lr */
    double epochs;           /* length of the schedule; 0: that of the training */
    double step_epochs;      /* step: lr * gamma^floor(epoch / step_epochs) */
    double gamma;            /* factor of a drop; exponential: of an epoch */
    struct sk_recipe_numbers milestones; /* multi_step: the epochs after which the rate drops, rising */
    double power;            /* polynomial */
    double flat_epochs;      /* flat_linear: warm-up included */
    int patience, cooldown;  /* plateau: epochs without improvement before a drop; after one */
    double threshold;        /* plateau: relative; less is no improvement */
    double min_lr;           /* cosine, polynomial, flat_linear: where it ends; plateau: the least */
    double pct_start, div_factor, final_div_factor; /* one_cycle; optimizer.lr is its maximum */
    bool cycle_momentum;     /* one_cycle: momentum (adam, adamw: beta1) falls while the rate grows, and back; default false */
    double base_momentum, max_momentum;
};
struct sk_recipe_train {
    int epochs;
    int64_t max_steps;       /* 0: by epochs; otherwise the run ends after this many steps */
    int batch;
    int64_t seed;
    int log_every;           /* steps */
    int64_t checkpoint_every;/* steps, besides every epoch; 0: epochs only */
    bool tensorboard;        /* default false */
    int histograms;          /* epochs; 0: none */
    bool drop_last;          /* default false */
    struct sk_recipe_optimizer optimizer;
    struct sk_recipe_schedule schedule;
    double label_smoothing;
    struct sk_recipe_numbers class_weights; /* a weight a class; none: all the same; SK_BALANCED: by how rare a class is */
    int accumulate;          /* a batch goes through the network in so many parts */
    double ema;              /* decay of the average of the weights; 0: none */
    int early_stop;          /* epochs without a better validation accuracy; 0: none */
    struct sk_recipe_words freeze; /* first parts of the network that are not trained */
    double mixup_alpha, cutmix_alpha; /* 0: off; both: one of them for each batch, with even odds */
};
/* The top of the schedule: optimizer.lr, scaled with the batch where base_batch says so (check.c). */
double sk_recipe_lr(const struct sk_recipe_train *t);
struct sk_recipe_expect {
    double accuracy, tolerance; /* accuracy < 0: nothing expected */
};
/* Whether accuracy is at least what is expected less the tolerance; that much exactly is reached. */
bool sk_recipe_reached(const struct sk_recipe_expect *e, double accuracy);

enum sk_task { SK_TASK_TRAIN, SK_TASK_PROFILE, SK_TASK_SWEEP };
struct sk_recipe_profile {
    char workers[SK_NAME];   /* "0,1,2,4", empty: data.workers alone */
    int64_t steps;           /* 0: whole epochs */
    int epochs;
    bool network;            /* false: loading alone */
};

enum { SK_SWEEP_TEXT = 8192, SK_SWEEP_SETTINGS = 1000 };
struct sk_recipe_sweep {
    char grid[SK_SWEEP_TEXT], list[SK_SWEEP_TEXT]; /* as one line of YAML, empty: none */
    struct sk_recipe_numbers seeds;
    int parallel;
    struct sk_recipe_words show, fit_x; /* names of columns (cli/sweep_metrics.c) */
    char fit_y[SK_NAME];
};

struct sk_recipe {
    char name[SK_NAME];
    enum sk_task task;       /* what skua reproduce does */
    struct sk_recipe_data data;
    struct sk_recipe_model model;
    struct sk_recipe_engine engine;
    struct sk_recipe_train train;
    struct sk_recipe_profile profile;
    struct sk_recipe_sweep sweep;
    struct sk_recipe_expect expect;
};
/* Every member is plain data: a recipe is copied by assignment and needs no release. */

/* Fills r with the table's defaults. */
void sk_recipe_defaults(struct sk_recipe *r);

/* Reads a file, or, where no such file exists, an installed recipe of that name (`cifar10-resnet18-5`, also with .yaml)
 * from the folders in the environment's SKUA_RECIPE_DIR, of the source tree and of the installation. Keys not given get
 * their defaults, the name that of the file. INPUT errors name file and line (syntax: and column); an unknown key names
 * its nearest known one; at most 1 MiB, 10,000 nodes, depth 16; anchors, aliases and tags refused. On failure r is as
 * it was; so with the next two. */
enum sk_code sk_recipe_load(struct sk_recipe *r, const char *file_or_name, struct sk_err *err) SK_MUST;
/* The same from memory; origin is the name used in messages. Keys not given keep what r holds. A key's full name also
 * stands alone: `train.batch: 64`. */
enum sk_code sk_recipe_parse(struct sk_recipe *r, const char *text, size_t len, const char *origin,
                             struct sk_err *err) SK_MUST;
/* One --set override: "train.batch=64", "train.optimizer={name: adam, lr: 0.001}" (a section: the keys given change),
 * "data.augment=[{horizontal_flip: {p: 0.5}}]". The value is YAML, but text (data.path) is taken as it stands unless it
 * begins with a quote. USAGE without '='. */
enum sk_code sk_recipe_set(struct sk_recipe *r, const char *assignment, struct sk_err *err) SK_MUST;
/* Checks that span several keys (val_images without val_labels, warm-up longer than the schedule, ...). */
enum sk_code sk_recipe_check(const struct sk_recipe *r, struct sk_err *err) SK_MUST;
/* A notice for each key that was changed but is not used (momentum with adam): for a recipe that begins to be run, not
 * for that of a run that was. */
void sk_recipe_tell_unused(const struct sk_recipe *r);
/* The whole resolved recipe as YAML that parses back to an equal recipe. INPUT where a path is not UTF-8. */
enum sk_code sk_recipe_write(const struct sk_recipe *r, struct sk_str *out, struct sk_err *err) SK_MUST;
/* SK_OK, or INPUT naming the first key that differs and must not: "model.width was 0.5 in the run, is 1.0 now". Paths
 * of data may change (moved data): that it is the same data is for the dataset's fingerprint to tell. */
enum sk_code sk_recipe_may_resume(const struct sk_recipe *run, const struct sk_recipe *now, struct sk_err *err) SK_MUST;
/* The key that it would name, NULL: none. */
const char *sk_recipe_no_resume(const struct sk_recipe *run, const struct sk_recipe *now);
/* The keys one by one: the full name of number i, NULL past the last; whether two recipes agree in it; its value as
 * sk_recipe_write has it. */
const char *sk_recipe_key(size_t i);
bool sk_recipe_key_equal(size_t i, const struct sk_recipe *a, const struct sk_recipe *b);
enum sk_code sk_recipe_key_write(size_t i, const struct sk_recipe *r, struct sk_str *out, struct sk_err *err) SK_MUST;
/* --data DIR on a recipe: its data lies there. NULL: nothing changes. */
enum sk_code sk_recipe_set_data(struct sk_recipe *r, const char *data, struct sk_err *err) SK_MUST;
/* ---- sweeps (sweep.c) ---- */
bool sk_recipe_is_sweep(const struct sk_recipe *r); /* has a grid, a list or seeds */
/* Settings: entries of sweep.list times combinations of sweep.grid, 1 where there is neither. INPUT above
 * SK_SWEEP_SETTINGS. */
enum sk_code sk_recipe_sweep_count(const struct sk_recipe *r, size_t *count, struct sk_err *err) SK_MUST;
/* The recipe of a setting (below the count): r with its keys, without the sweep, to be trained; checked. */
enum sk_code sk_recipe_sweep_setting(const struct sk_recipe *r, size_t setting, struct sk_recipe *out,
                                     struct sk_err *err) SK_MUST;
/* Appends what a setting is called: "lr=0.1, width=0.5", for an entry with a name that. Without a section ("model."; NULL:
 * none) its keys are left out, and so are names, which say nothing of the keys. */
enum sk_code sk_recipe_sweep_label(const struct sk_recipe *r, size_t setting, const char *without, struct sk_str *out,
                                   struct sk_err *err) SK_MUST;
/* Makes true in sets, [keys as numbered by sk_recipe_key], those that a setting gives a value, and leaves the others. */
enum sk_code sk_recipe_sweep_keys(const struct sk_recipe *r, size_t setting, bool *sets, struct sk_err *err) SK_MUST;
/* The first key by which two recipes are validated on different pictures or classes; NULL: none. With may_move another
 * data.path is no difference. */
const char *sk_recipe_other_data(const struct sk_recipe *a, const struct sk_recipe *b, bool may_move);
/* `skua help recipe`: every key with type, bounds, default and meaning, grouped by section. */
enum sk_code sk_recipe_help(struct sk_str *out, struct sk_err *err) SK_MUST;
/* The full name of the first key whose last part is leaf ("epochs" -> "train.epochs"); NULL: there is none. */
const char *sk_recipe_key_of(const char *leaf);
/* Names of installed recipes, sorted (sk_free; one block). */
enum sk_code sk_recipe_list(char ***names, size_t *count, struct sk_err *err) SK_MUST;
/* Text of an enum value as written in a recipe, e.g. precision -> "bf16". */
const char *sk_precision_name(enum sk_precision p);
const char *sk_source_name(enum sk_source s);
const char *sk_optimizer_name(enum sk_optimizer o);
const char *sk_schedule_name(enum sk_schedule s);

#endif

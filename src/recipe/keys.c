/* The table of keys: the one place that knows every key's name, type, bounds, default, meaning and resume rule. */
#include "recipe/keys.h"

#include <assert.h>
#include <string.h>

static const char *const task_names[] = {"train", "profile", "sweep", NULL};
static const char *const source_names[] = {"auto", "cifar10", "cifar100", "folder", "npy", "tar", "list", "shapes", NULL};
static const char *const cifar100_names[] = {"fine", "coarse", NULL};
static const char *const on_error_names[] = {"replace", "stop", NULL};
static const char *const cache_names[] = {"none", "memory", NULL};
static const char *const decode_names[] = {[SK_DECODE_EXACT] = "exact", [SK_DECODE_FAST] = "fast", NULL};
static const char *const stem_names[] = {"imagenet", "cifar", "deep", NULL};
static const char *const norm_names[] = {"batch", "group", "none", NULL};
static const char *const pool_names[] = {"avg", "max", NULL};
static const char *const precision_names[] = {"auto", "fp32", "bf16", NULL};
static const char *const device_names[] = {"auto", "cpu", "cuda", NULL};
static const char *const winograd_names[] = {"off", "safe", "fast", "auto", NULL};
static const char *const tune_names[] = {"off", "quick", NULL};
static const char *const optimizer_names[] = {"sgd",     "adam",     "adamw", "rmsprop",
                                              "adagrad", "adadelta", "lars",  "lamb",    NULL};
static const char *const schedule_names[] = {"constant",   "step",        "multi_step", "cosine",      "one_cycle",
                                             "polynomial", "exponential", "plateau",    "flat_linear", NULL};

#define KEY(dotted, kind, member, given, rule, text, ...)                                                              \
    {                                                                                                                  \
        .name = (dotted), .type = (kind), .offset = offsetof(struct sk_recipe, member),                                \
        .size = sizeof(((struct sk_recipe *)0)->member), .initial = (given), .resume = (rule), .help = (text),         \
        __VA_ARGS__                                                                                                    \
    }
#define INTEGERS(from, to)   .low = (from), .high = (to)
#define REALS(from, to)      .min = (from), .max = (to)
#define PLAIN                .low = 0
#define OR_WORD(text, value) .word = (text), .word_value = (value)
#define NO                   SK_RESUME_NO
#define YES                  SK_RESUME_YES
#define GROW                 SK_RESUME_GROW
enum { EPOCHS_MAX = 100000, NAMES_MAX = 256, SECTIONS_MAX = 16 };

const struct sk_key sk_keys[] = {
    KEY("name", SK_KEY_NAME, name, "run", YES, "names the run's folder; in a file, by default the file's name",
        .low = 1),
    KEY("task", SK_KEY_ENUM, task, "train", YES, "what skua reproduce does with the recipe", .names = task_names),

    KEY("data.source", SK_KEY_ENUM, data.source, "auto", NO, "kind of data; auto: told from what lies at data.path",
        .names = source_names),
    KEY("data.path", SK_KEY_TEXT, data.path, "", YES, "folder or archive with the data (--data overrides)", PLAIN),
    KEY("data.images", SK_KEY_TEXT, data.images, "", YES, "npy: file with the training pictures [N, H, W, C]", PLAIN),
    KEY("data.labels", SK_KEY_TEXT, data.labels, "", YES, "npy: file with the training labels [N]", PLAIN),
    KEY("data.val_images", SK_KEY_TEXT, data.val_images, "", YES, "npy: file with the validation pictures", PLAIN),
    KEY("data.val_labels", SK_KEY_TEXT, data.val_labels, "", YES, "npy: file with the validation labels; folder: list of the labels of pictures that lie in val itself", PLAIN),
    KEY("data.class_names", SK_KEY_TEXT, data.class_names, "", YES,
        "folder, list, tar: file with the name of a class a line, or its WordNet ID and name", PLAIN),
    KEY("data.workers", SK_KEY_INT, data.workers, "auto", YES,
        "threads that prepare batches; auto: as many as keep the network from waiting; 0: the training thread does it", INTEGERS(0, 64), OR_WORD("auto", -1)),
    KEY("data.shuffle", SK_KEY_BOOL, data.shuffle, "true", NO, "a new order of the training samples each epoch", PLAIN),
    KEY("data.shuffle_buffer", SK_KEY_INT, data.shuffle_buffer, "256", NO,
        "tar, gzip'd shards: MiB of unpacked data, kept in memory, among which the order of an epoch is drawn",
        INTEGERS(0, 1 << 20)),
    KEY("data.train_limit", SK_KEY_INT64, data.train_limit, "0", NO, "use the first N training samples; 0: all",
        INTEGERS(0, INT64_C(1000000000000))),
    KEY("data.val_limit", SK_KEY_INT64, data.val_limit, "0", NO, "use the first N validation samples; 0: all",
        INTEGERS(0, INT64_C(1000000000000))),
    KEY("data.val_fraction", SK_KEY_REAL, data.val_fraction, "0.1", NO,
        "folder without val or test: this share of each class is for validation, split by train.seed", REALS(0, 1),
        .below_max = true),
    KEY("data.train_fraction", SK_KEY_REAL, data.train_fraction, "1.0", NO,
        "use this share of each class of the training samples, chosen by train.seed", REALS(0, 1), .above_min = true),
    KEY("data.only_classes", SK_KEY_WORDS, data.only_classes, "[]", NO, "use these classes only, given by name", PLAIN),
    KEY("data.also", SK_KEY_WORDS, data.also, "[]", YES,
        "further folders, lists or shards of the same classes, which are joined to data.path", PLAIN),
    KEY("data.cache", SK_KEY_ENUM, data.cache, "none", YES, "memory: pictures that must be decoded or drawn (folder, shapes) are kept, up to half of the free memory", .names = cache_names),
    KEY("data.on_error", SK_KEY_ENUM, data.on_error, "replace", YES,
        "a damaged sample: replaced by the next of the epoch's order and counted, or the run stops",
        .names = on_error_names),
    KEY("data.max_damaged", SK_KEY_REAL, data.max_damaged, "0.01", YES,
        "replace: the run stops where more than this share of an epoch's samples is damaged (but one may be)",
        REALS(0, 1), .above_min = true),
    KEY("data.image_size", SK_KEY_INT, data.image_size, "32", NO, "shapes: side of the pictures, in pixels",
        INTEGERS(SK_SHAPES_MIN_SIDE, SK_SHAPES_MAX_SIDE)),
    KEY("data.train_size", SK_KEY_INT, data.train_size, "20000", NO, "shapes: number of training samples",
        INTEGERS(1, 100000000)),
    KEY("data.val_size", SK_KEY_INT, data.val_size, "2000", NO, "shapes: number of validation samples",
        INTEGERS(1, 100000000)),
    KEY("data.cifar100_labels", SK_KEY_ENUM, data.cifar100_labels, "fine", NO,
        "cifar100: fine, the 100 classes, or coarse, their 20 groups", .names = cifar100_names),
    KEY("data.shapes_seed", SK_KEY_INT64, data.shapes_seed, "0", NO, "shapes: seed of the drawn pictures",
        INTEGERS(0, INT64_MAX)),
    KEY("data.augment", SK_KEY_STEPS, data.augment, "[]", NO, "steps a training picture goes through, in order", PLAIN),
    KEY("data.decode", SK_KEY_ENUM, data.augment.decode, "exact", NO,
        "fast: training JPEGs whose first step is random_resized_crop are decoded at 1/2, 1/4 or 1/8 where that is "
        "enough for the box",
        .names = decode_names),
    KEY("data.prepare", SK_KEY_STEPS, data.prepare, "[]", NO, "steps a picture goes through in evaluation and use",
        PLAIN),
    KEY("data.normalize", SK_KEY_NORMALIZE, data.has_normalize, "none", NO,
        "{mean: [...], std: [...]} of pixels in [0, 1], a value a channel: (pixel - mean) / std", PLAIN),

    KEY("model.arch", SK_KEY_TEXT, model.arch, "resnet18", NO,
        "the network: resnet18, ..., efficientnet_b0 (skua info --models names all)", .low = 1),
    KEY("model.stem", SK_KEY_ENUM, model.stem, "cifar", NO,
        "first layers: imagenet is 7x7 stride 2 and max pooling, cifar is 3x3, deep is three 3x3 (ResNet-D) and max "
        "pooling; efficientnet_b0: 3x3 stride 2, with cifar stride 1",
        .names = stem_names),
    KEY("model.width", SK_KEY_REAL, model.width, "1.0", NO, "factor on all channels (64 at the start of a ResNet)",
        REALS(0.01, 16)),
    KEY("model.classes", SK_KEY_INT, model.classes, "0", NO, "outputs of the classifier; 0: as the data has",
        INTEGERS(0, 1000000)),
    KEY("model.dropout", SK_KEY_REAL, model.dropout, "0.0", NO, "dropout probability before the classifier",
        REALS(0, 1), .below_max = true),
    KEY("model.drop_path", SK_KEY_REAL, model.drop_path, "0.0", NO,
        "probability that a sample skips the last residual block (stochastic depth), falling linearly to 0 at the first",
        REALS(0, 1), .below_max = true),
    KEY("model.norm", SK_KEY_ENUM, model.norm, "batch", NO,
        "after convolutions; none: convolutions with bias, initial weights after Fixup", .names = norm_names),
    KEY("model.norm_groups", SK_KEY_INT, model.norm_groups, "32", NO, "group norm: groups of channels",
        INTEGERS(1, 65536)),
    KEY("model.residual", SK_KEY_BOOL, model.residual, "true", NO, "false: blocks without their skip connections", PLAIN),
    KEY("model.zero_init_residual", SK_KEY_BOOL, model.zero_init_residual, "false", NO,
        "the last norm of each residual block of a ResNet begins at 0, so that all blocks begin as the identity", PLAIN),
    KEY("model.skip_kernel", SK_KEY_INT, model.skip_kernel, "1", NO,
        "side of the convolution in skip connections that change size or channels, odd", INTEGERS(1, 7)),
    KEY("model.pool", SK_KEY_ENUM, model.pool, "avg", NO, "pooling before the classifier, over all positions",
        .names = pool_names),
    KEY("model.se", SK_KEY_BOOL, model.se, "false", NO,
        "squeeze-and-excitation in each block of a ResNet, as the seresnets have it", PLAIN),
    KEY("model.bn_momentum", SK_KEY_REAL, model.bn_momentum, "0.1", NO,
        "batch norm: running = (1 - m) * running + m * batch", REALS(0, 1)),
    KEY("model.bn_eps", SK_KEY_REAL, model.bn_eps, "1.0e-5", NO, "batch and group norm: added to the variance", REALS(1e-12, 1)),
    KEY("model.init", SK_KEY_TEXT, model.init, "", NO, "safetensors file, run or checkpoint with the initial weights; empty: random",
        PLAIN),
    KEY("model.new_head", SK_KEY_BOOL, model.new_head, "false", NO,
        "the classifier is not taken from model.init but begins at random: for other classes", PLAIN),

    KEY("engine.device", SK_KEY_ENUM, engine.device, "auto", YES, "where the network runs", .names = device_names),
    KEY("engine.threads", SK_KEY_INT, engine.threads, "0", YES,
        "computing threads; 0: the least of affinity, container quota and physical cores", INTEGERS(0, 1024)),
    KEY("engine.precision", SK_KEY_ENUM, engine.precision, "auto", YES,
        "of activations and products; auto: bf16 where the machine has it, else fp32", .names = precision_names),
    KEY("engine.winograd", SK_KEY_ENUM, engine.winograd, "auto", YES,
        "Winograd convolutions that may be used: off; safe: those whose errors are of the size of the type's own rounding; "
        "fast: bf16 F(4x4), too, with errors some five times as large; auto: fast in training, safe elsewhere",
        .names = winograd_names),
    KEY("engine.tune", SK_KEY_ENUM, engine.tune, "quick", YES,
        "choice of kernels: off is a fixed order; quick times the candidates for each op, once for a machine",
        .names = tune_names),
    KEY("engine.recompute", SK_KEY_BOOL, engine.recompute, "false", YES,
        "training in less memory: values inside residual blocks are made again for the backward pass, not kept", PLAIN),

    KEY("train.epochs", SK_KEY_INT, train.epochs, "5", GROW, "passes over the training samples",
        INTEGERS(1, EPOCHS_MAX)),
    KEY("train.max_steps", SK_KEY_INT64, train.max_steps, "0", GROW, "end after this many steps; 0: by epochs",
        INTEGERS(0, INT64_C(1000000000000))),
    KEY("train.batch", SK_KEY_INT, train.batch, "128", NO, "samples a step, over all ranks", INTEGERS(1, 65536)),
    KEY("train.seed", SK_KEY_INT64, train.seed, "0", NO, "seed of weights, order, augmentation and dropout",
        INTEGERS(0, INT64_MAX)),
    KEY("train.log_every", SK_KEY_INT, train.log_every, "1", YES, "steps from one line of log.jsonl to the next",
        INTEGERS(1, 1000000000)),
    KEY("train.checkpoint_every", SK_KEY_INT64, train.checkpoint_every, "0", YES,
        "steps from one checkpoint to the next, besides every epoch; 0: epochs only",
        INTEGERS(0, INT64_C(1000000000000))),
    KEY("train.tensorboard", SK_KEY_BOOL, train.tensorboard, "false", YES,
        "write TensorBoard's event files into the run directory", PLAIN),
    KEY("train.histograms", SK_KEY_INT, train.histograms, "0", YES,
        "train.tensorboard: epochs from one histogram of weights and gradients to the next; 0: none",
        INTEGERS(0, EPOCHS_MAX)),
    KEY("train.drop_last", SK_KEY_BOOL, train.drop_last, "false", NO, "leave out an epoch's last, smaller batch",
        PLAIN),
    KEY("train.accumulate", SK_KEY_INT, train.accumulate, "1", NO,
        "a batch goes through the network in so many parts, in less memory; batch norm sees the parts",
        INTEGERS(1, 65536)),
    KEY("train.ema", SK_KEY_REAL, train.ema, "0.0", NO,
        "decay of a moving average of the weights, evaluated and saved beside them; 0: none", REALS(0, 1),
        .below_max = true),
    KEY("train.early_stop", SK_KEY_INT, train.early_stop, "0", YES,
        "end after so many epochs without a better validation accuracy; 0: never", INTEGERS(0, EPOCHS_MAX)),
    KEY("train.freeze", SK_KEY_WORDS, train.freeze, "[]", NO,
        "first parts of the network that stay as they are, by the names of their weights: [stem, layer1]", PLAIN),

    KEY("train.optimizer.name", SK_KEY_ENUM, train.optimizer.name, "sgd", NO, "update rule", .names = optimizer_names),
    KEY("train.optimizer.lr", SK_KEY_REAL, train.optimizer.lr, "0.1", NO, "learning rate; the largest of the schedule",
        REALS(0, 1000), .above_min = true),
    KEY("train.optimizer.base_batch", SK_KEY_INT, train.optimizer.base_batch, "0", NO,
        "lr is meant for a batch of this size: lr * train.batch / base_batch is used; 0: lr as it stands",
        INTEGERS(0, 1000000)),
    KEY("train.optimizer.momentum", SK_KEY_REAL, train.optimizer.momentum, "auto", NO,
        "sgd, lars, rmsprop: momentum; auto: 0.9, of rmsprop 0", REALS(0, 1), .below_max = true, OR_WORD("auto", -1)),
    KEY("train.optimizer.dampening", SK_KEY_REAL, train.optimizer.dampening, "0.0", NO,
        "sgd: share of the gradient that is kept out of the momentum", REALS(0, 1)),
    KEY("train.optimizer.nesterov", SK_KEY_BOOL, train.optimizer.nesterov, "true", NO, "sgd: Nesterov's momentum",
        PLAIN),
    KEY("train.optimizer.weight_decay", SK_KEY_REAL, train.optimizer.weight_decay, "5.0e-4", NO,
        "weight decay: added to the gradient, or decoupled from it (adamw, lamb)", REALS(0, 1000)),
    KEY("train.optimizer.decoupled", SK_KEY_BOOL, train.optimizer.decoupled, "false", NO,
        "weight decay as that of adamw: the weights shrink by lr * weight_decay", PLAIN),
    KEY("train.optimizer.decay_norm_bias", SK_KEY_BOOL, train.optimizer.decay_norm_bias, "true", NO,
        "weight decay also for batch norms and biases (lars, lamb: never)", PLAIN),
    KEY("train.optimizer.beta1", SK_KEY_REAL, train.optimizer.beta1, "0.9", NO,
        "adam, adamw, lamb: decay of the first moment", REALS(0, 1), .below_max = true),
    KEY("train.optimizer.beta2", SK_KEY_REAL, train.optimizer.beta2, "0.999", NO,
        "adam, adamw, lamb: decay of the second moment", REALS(0, 1), .below_max = true),
    KEY("train.optimizer.rho", SK_KEY_REAL, train.optimizer.rho, "auto", NO,
        "rmsprop, adadelta: decay of the mean square; auto: 0.99, of adadelta 0.9", REALS(0, 1), .below_max = true,
        OR_WORD("auto", -1)),
    KEY("train.optimizer.centered", SK_KEY_BOOL, train.optimizer.centered, "false", NO,
        "rmsprop: the variance of the gradient, not its mean square", PLAIN),
    KEY("train.optimizer.eps", SK_KEY_REAL, train.optimizer.eps, "auto", NO,
        "added to the root of the second moment (not sgd, lars); auto: 1e-8, of adagrad 1e-10, adadelta and lamb 1e-6",
        REALS(1e-16, 1), OR_WORD("auto", -1)),
    KEY("train.optimizer.trust", SK_KEY_REAL, train.optimizer.trust, "0.001", NO, "lars: trust coefficient",
        REALS(0, 1000), .above_min = true),
    KEY("train.optimizer.clip_norm", SK_KEY_REAL, train.optimizer.clip_norm, "0.0", NO,
        "gradients are scaled down to this norm of all together; 0: not", REALS(0, 1e12)),
    KEY("train.optimizer.clip_value", SK_KEY_REAL, train.optimizer.clip_value, "0.0", NO,
        "each value of a gradient is cut to this size, after clip_norm; 0: not", REALS(0, 1e12)),

    KEY("train.schedule.name", SK_KEY_ENUM, train.schedule.name, "cosine", NO, "learning rate over time",
        .names = schedule_names),
    KEY("train.schedule.warmup_epochs", SK_KEY_REAL, train.schedule.warmup_epochs, "0.0", NO,
        "epochs in which the rate grows linearly to lr (not one_cycle)", REALS(0, EPOCHS_MAX)),
    KEY("train.schedule.epochs", SK_KEY_REAL, train.schedule.epochs, "0.0", NO,
        "length of the schedule, in epochs; 0: that of the training", REALS(0, EPOCHS_MAX)),
    KEY("train.schedule.step_epochs", SK_KEY_REAL, train.schedule.step_epochs, "30.0", NO,
        "step: epochs from one drop of the rate to the next", REALS(0, EPOCHS_MAX), .above_min = true),
    KEY("train.schedule.milestones", SK_KEY_NUMBERS, train.schedule.milestones, "[]", NO,
        "multi_step: epochs after which the rate drops", REALS(0, EPOCHS_MAX), .above_min = true),
    KEY("train.schedule.gamma", SK_KEY_REAL, train.schedule.gamma, "0.1", NO,
        "step, multi_step, plateau: factor of a drop; exponential: of an epoch", REALS(0, 1), .above_min = true),
    KEY("train.schedule.power", SK_KEY_REAL, train.schedule.power, "1.0", NO,
        "polynomial: of the share of the schedule that is left", REALS(0, 100), .above_min = true),
    KEY("train.schedule.flat_epochs", SK_KEY_REAL, train.schedule.flat_epochs, "0.0", NO,
        "flat_linear: epochs, with the warm-up, before the rate begins to fall", REALS(0, EPOCHS_MAX)),
    KEY("train.schedule.patience", SK_KEY_INT, train.schedule.patience, "10", NO,
        "plateau: epochs without a lower validation loss that are borne before a drop", INTEGERS(0, EPOCHS_MAX)),
    KEY("train.schedule.cooldown", SK_KEY_INT, train.schedule.cooldown, "0", NO,
        "plateau: epochs after a drop that are not counted", INTEGERS(0, EPOCHS_MAX)),
    KEY("train.schedule.threshold", SK_KEY_REAL, train.schedule.threshold, "1.0e-4", NO,
        "plateau: a loss lower by less than this share is not lower", REALS(0, 1), .below_max = true),
    KEY("train.schedule.min_lr", SK_KEY_REAL, train.schedule.min_lr, "0.0", NO,
        "cosine, polynomial, flat_linear: rate at the end; plateau: the least", REALS(0, 1000)),
    KEY("train.schedule.pct_start", SK_KEY_REAL, train.schedule.pct_start, "0.3", NO,
        "one_cycle: share of the schedule in which the rate grows", REALS(0, 1), .above_min = true, .below_max = true),
    KEY("train.schedule.div_factor", SK_KEY_REAL, train.schedule.div_factor, "25.0", NO,
        "one_cycle: the rate starts at lr / div_factor", REALS(1, 1e9)),
    KEY("train.schedule.final_div_factor", SK_KEY_REAL, train.schedule.final_div_factor, "10000.0", NO,
        "one_cycle: the rate ends at its start / final_div_factor", REALS(1, 1e12)),
    KEY("train.schedule.cycle_momentum", SK_KEY_BOOL, train.schedule.cycle_momentum, "false", NO,
        "one_cycle: the momentum (adam, adamw: beta1) falls while the rate grows, and grows while it falls"),
    KEY("train.schedule.base_momentum", SK_KEY_REAL, train.schedule.base_momentum, "0.85", NO,
        "cycle_momentum: at the largest rate", REALS(0, 1), .above_min = true, .below_max = true),
    KEY("train.schedule.max_momentum", SK_KEY_REAL, train.schedule.max_momentum, "0.95", NO,
        "cycle_momentum: at the beginning and the end", REALS(0, 1), .above_min = true, .below_max = true),

    KEY("train.loss.label_smoothing", SK_KEY_REAL, train.label_smoothing, "0.0", NO,
        "share of the target spread over all classes", REALS(0, 1), .below_max = true),
    KEY("train.loss.class_weights", SK_KEY_NUMBERS, train.class_weights, "[]", NO,
        "weight of each class in the loss; balanced: samples / (classes * samples of the class)", REALS(0, 1e6),
        OR_WORD("balanced", SK_BALANCED)),
    KEY("train.mixup_alpha", SK_KEY_REAL, train.mixup_alpha, "0.0", NO,
        "MixUp of each batch, its share drawn from Beta(alpha, alpha); 0: off. Training accuracy then counts the label "
        "of the larger share",
        REALS(0, 1000)),
    KEY("train.cutmix_alpha", SK_KEY_REAL, train.cutmix_alpha, "0.0", NO,
        "CutMix, likewise; with both keys each batch gets one of the two, with even odds; 0: off", REALS(0, 1000)),

    KEY("profile.workers", SK_KEY_TEXT, profile.workers, "", YES,
        "numbers of workers to set beside each other, as in 0,1,2,4; empty: data.workers alone", PLAIN),
    KEY("profile.steps", SK_KEY_INT64, profile.steps, "20", YES, "measured steps; 0: whole epochs",
        INTEGERS(0, 1000000)),
    KEY("profile.epochs", SK_KEY_INT, profile.epochs, "1", YES, "so many epochs, each told; where profile.steps is above 0 those alone count",
        INTEGERS(1, 1000)),
    KEY("profile.network", SK_KEY_BOOL, profile.network, "true", YES,
        "false: with profile.workers, loading alone is measured", PLAIN),

    KEY("sweep.grid", SK_KEY_GRID, sweep.grid, "{}", YES,
        "keys with the values that each takes: {train.optimizer.lr: [0.1, 0.01]}; all combinations are settings",
        PLAIN),
    KEY("sweep.list", SK_KEY_LIST, sweep.list, "[]", YES,
        "settings one by one: [{name: wide, model.width: 2.0}, ...]; each with all of the grid", PLAIN),
    KEY("sweep.seeds", SK_KEY_NUMBERS, sweep.seeds, "[]", YES,
        "each setting is trained once with each; none: once, with train.seed", REALS(0, 1e15)),
    KEY("sweep.parallel", SK_KEY_INT, sweep.parallel, "1", YES, "runs at a time; the threads are divided among them",
        INTEGERS(1, 64)),
    KEY("sweep.show", SK_KEY_WORDS, sweep.show, "[]", YES,
        "columns of the table, the first of which sorts it and is drawn; empty: the usual ones", PLAIN),
    KEY("sweep.fit.x", SK_KEY_WORDS, sweep.fit_x, "[]", YES,
        "columns against each of which sweep.fit.y is fitted by a line: samples, parameters", PLAIN),
    KEY("sweep.fit.y", SK_KEY_TEXT, sweep.fit_y, "", YES, "the column that is fitted, such as epoch_seconds", PLAIN),

    KEY("expect.accuracy", SK_KEY_REAL, expect.accuracy, "none", YES, "validation top-1 the recipe should reach",
        REALS(0, 1), OR_WORD("none", -1)),
    KEY("expect.tolerance", SK_KEY_REAL, expect.tolerance, "0.01", YES, "how far below is still fine", REALS(0, 1)),
};
const size_t sk_key_count = SK_COUNT(sk_keys);

const struct sk_key *sk_key_find(const char *name)
{
    for (size_t i = 0; i < sk_key_count; i++)
        if (strcmp(sk_keys[i].name, name) == 0)
            return &sk_keys[i];
    return NULL;
}

bool sk_key_is_section(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sk_key_count; i++)
        if (strncmp(sk_keys[i].name, name, length) == 0 && sk_keys[i].name[length] == '.')
            return true;
    return false;
}

bool sk_key_is_scalar(const struct sk_key *k)
{
    return k->type < SK_KEY_SIDES;
}

/* Every key and every section once; sections are cut out of the keys' names into store. */
static size_t all_names(const char *names[NAMES_MAX], char store[SECTIONS_MAX][SK_NAME])
{
    size_t count = 0, sections = 0;
    for (size_t i = 0; i < sk_key_count; i++) {
        const char *name = sk_keys[i].name;
        for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
            size_t length = (size_t)(dot - name);
            bool met = i > 0 && strncmp(sk_keys[i - 1].name, name, length + 1) == 0;
            if (met)
                continue;
            assert(sections < SECTIONS_MAX);
            memcpy(store[sections], name, length);
            store[sections][length] = '\0';
            names[count++] = store[sections++];
        }
        assert(count < NAMES_MAX);
        names[count++] = name;
    }
    return count;
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* train.mixup for train.mixup_alpha, train.lr for train.optimizer.lr. */
static bool is_short_for(const char *name, const char *key)
{
    const char *dot = strchr(name, '.'), *last = last_part(name);
    size_t length = strlen(name), section = dot ? (size_t)(dot - name) + 1 : 0;
    if (section == 0 || strncmp(name, key, section) != 0)
        return false;
    return (strncmp(name, key, length) == 0 && key[length] == '_') || strcmp(last_part(key), last) == 0;
}

const char *sk_key_nearest(const char *name, char out[SK_NAME])
{
    const char *names[NAMES_MAX];
    char store[SECTIONS_MAX][SK_NAME];
    const char *nearest = NULL;
    for (size_t i = 0; i < sk_key_count && !nearest; i++) { /* deeper than a key goes: data.normalize.mean */
        size_t length = strlen(sk_keys[i].name);
        if (strncmp(name, sk_keys[i].name, length) == 0 && name[length] == '.')
            nearest = sk_keys[i].name;
    }
    for (size_t i = 0; i < sk_key_count && !nearest; i++) /* begun right, or with a section left out: train.lr */
        if (is_short_for(name, sk_keys[i].name))
            nearest = sk_keys[i].name;
    if (!nearest)
        nearest = sk_nearest(name, names, all_names(names, store));
    for (size_t i = 0; i < sk_key_count && !nearest; i++) /* in another section: batch */
        if (strcmp(last_part(sk_keys[i].name), last_part(name)) == 0)
            nearest = sk_keys[i].name;
    if (nearest)
        snprintf(out, SK_NAME, "%s", nearest);
    return nearest ? out : NULL;
}

const char *sk_precision_name(enum sk_precision p)
{
    return precision_names[p];
}

const char *sk_source_name(enum sk_source s)
{
    return source_names[s];
}

const char *sk_optimizer_name(enum sk_optimizer o)
{
    return optimizer_names[o];
}

const char *sk_schedule_name(enum sk_schedule s)
{
    return schedule_names[s];
}

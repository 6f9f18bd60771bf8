/* Single values of recipes by name: defaults, enums, sections given whole, messages word for word. */
#include "test.h"

#include "recipe/recipe.h"

static void messages_are_as_designed(void **state)
{
    (void)state;
    static const struct {
        const char *set, *message;
    } cases[] = {
        {"train.batch=x", "--set train.batch=x: train.batch: expected an integer from 1 to 65536, got 'x'"},
        {"train.bach=3", "--set train.bach=3: unknown key 'train.bach' (did you mean 'train.batch'?)"},
        {"data.workers=65", "data.workers: expected auto or an integer from 0 to 64, got '65'"},
        {"train.optimizer.lr=0", "expected a number above 0 and at most 1000, got '0'"},
        {"train.optimizer.momentum=1", "expected auto or a number from 0 to below 1, got '1'"},
        {"train.schedule.pct_start=1", "expected a number above 0 and below 1, got '1'"},
        {"model.width=17", "expected a number from 0.01 to 16, got '17'"},
        {"expect.accuracy=2", "expected none or a number from 0 to 1, got '2'"},
        {"train.seed=-1", "expected an integer from 0, got '-1'"},
        {"train.optimizer.name=lion", "expected sgd, adam, adamw, rmsprop, adagrad, adadelta, lars or lamb, got 'lion'"},
        {"data.on_error=x", "expected replace or stop, got 'x'"},
        {"data.image_size=8", "expected an integer from 16 to 512, got '8'"},
        {"data.shuffle=2", "expected true or false, got '2'"},
        {"train.batch=", "expected an integer from 1 to 65536, got nothing"},
        {"batch=3", "unknown key 'batch' (did you mean 'train.batch'?)"},
        {"train.optimzer={lr: 1}", "unknown key 'train.optimzer' (did you mean 'train.optimizer'?)"},
        {"data.normalize.mean=[1]", "unknown key 'data.normalize.mean' (did you mean 'data.normalize'?)"},
        {"quite.different=3", "unknown key 'quite.different' ('skua help recipe' lists them all)"},
        {"train.optimizer=3", "expected a mapping such as {key: value}, got '3'"},
        {"train.optimizer={lr: 1, rate: 2}", "unknown key 'train.optimizer.rate'"},
        {"train.optimizer={lr: 1, lr: 2}", "key 'train.optimizer.lr' is given twice"},
        {"train.optimizer={lr: 1", "value line 2 column 1: did not find expected ',' or '}'"},
    };
    static struct sk_recipe r;
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    for (size_t i = 0; i < SK_COUNT(cases); i++)
        assert_error(sk_recipe_set(&r, cases[i].set, &err), SK_INPUT, err, cases[i].message);
    assert_error(sk_recipe_set(&r, "train.batch", &err), SK_USAGE, err, "--set train.batch: expected KEY=VALUE");
    assert_error(sk_recipe_set(&r, "=3", &err), SK_USAGE, err, "expected KEY=VALUE");
    assert_error(sk_recipe_set(&r, "task=sweeps", &err), SK_INPUT, err,
                 "task: expected train, profile or sweep, got 'sweeps'");
}

static void sections_are_set_whole(void **state)
{
    (void)state;
    static struct sk_recipe r;
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    assert_ok(sk_recipe_set(&r, "train.optimizer={name: adam, lr: 0.001}", &err), err);
    assert_int_equal(r.train.optimizer.name, SK_OPT_ADAM);
    assert_true(r.train.optimizer.lr == 0.001 && r.train.optimizer.momentum == -1);
    assert_ok(
        sk_recipe_set(&r, "train={epochs: 7, schedule: {name: step, gamma: 0.5}, loss: {label_smoothing: 0.1}}", &err),
        err);
    assert_true(r.train.epochs == 7 && r.train.schedule.gamma == 0.5 && r.train.label_smoothing == 0.1);
    assert_ok(sk_recipe_set(&r, "data.path='quoted: yes'", &err), err);
    assert_string_equal(r.data.path, "quoted: yes");
    assert_ok(sk_recipe_set(&r, "data.path=", &err), err);
    assert_string_equal(r.data.path, "");
}

static void enum_names_are_those_of_recipes(void **state)
{
    (void)state;
    assert_string_equal(sk_precision_name(SK_PRECISION_AUTO), "auto");
    assert_string_equal(sk_precision_name(SK_PRECISION_BF16), "bf16");
    assert_string_equal(sk_source_name(SK_SOURCE_CIFAR10), "cifar10");
    assert_string_equal(sk_source_name(SK_SOURCE_SHAPES), "shapes");
    assert_string_equal(sk_optimizer_name(SK_OPT_SGD), "sgd");
    assert_string_equal(sk_optimizer_name(SK_OPT_ADAMW), "adamw");
}

/* Rows hold enums by position: the last name of each stands for its last value. */
static void enums_match_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        size_t offset;
        int value;
    } cases[] = {
        {"data.source=shapes", offsetof(struct sk_recipe, data.source), SK_SOURCE_SHAPES},
        {"data.source=npy", offsetof(struct sk_recipe, data.source), SK_SOURCE_NPY},
        {"data.source=folder", offsetof(struct sk_recipe, data.source), SK_SOURCE_FOLDER},
        {"data.on_error=stop", offsetof(struct sk_recipe, data.on_error), SK_ON_ERROR_STOP},
        {"data.cache=memory", offsetof(struct sk_recipe, data.cache), SK_CACHE_MEMORY},
        {"model.stem=cifar", offsetof(struct sk_recipe, model.stem), SK_STEM_CIFAR},
        {"engine.precision=fp32", offsetof(struct sk_recipe, engine.precision), SK_PRECISION_FP32},
        {"engine.precision=bf16", offsetof(struct sk_recipe, engine.precision), SK_PRECISION_BF16},
        {"engine.device=cpu", offsetof(struct sk_recipe, engine.device), SK_DEVICE_CPU},
        {"engine.device=cuda", offsetof(struct sk_recipe, engine.device), SK_DEVICE_CUDA},
        {"engine.winograd=safe", offsetof(struct sk_recipe, engine.winograd), SK_WINOGRAD_SAFE},
        {"engine.winograd=fast", offsetof(struct sk_recipe, engine.winograd), SK_WINOGRAD_FAST},
        {"engine.tune=quick", offsetof(struct sk_recipe, engine.tune), SK_TUNE_QUICK},
        {"train.optimizer.name=adam", offsetof(struct sk_recipe, train.optimizer.name), SK_OPT_ADAM},
        {"train.optimizer.name=adamw", offsetof(struct sk_recipe, train.optimizer.name), SK_OPT_ADAMW},
        {"train.schedule.name=step", offsetof(struct sk_recipe, train.schedule.name), SK_SCHED_STEP},
        {"train.schedule.name=cosine", offsetof(struct sk_recipe, train.schedule.name), SK_SCHED_COSINE},
        {"train.schedule.name=one_cycle", offsetof(struct sk_recipe, train.schedule.name), SK_SCHED_ONE_CYCLE},
    };
    static struct sk_recipe r;
    struct sk_err err = {0};
    for (size_t i = 0; i < SK_COUNT(cases); i++) {
        int value;
        sk_recipe_defaults(&r);
        assert_ok(sk_recipe_set(&r, cases[i].set, &err), err);
        memcpy(&value, (char *)&r + cases[i].offset, sizeof(value));
        assert_int_equal(value, cases[i].value);
    }
}

static void defaults_are_as_designed(void **state)
{
    (void)state;
    static struct sk_recipe r;
    sk_recipe_defaults(&r);
    assert_true(r.data.workers == -1 && r.data.shuffle && r.data.val_fraction == 0.1 && !r.data.has_normalize);
    assert_true(r.data.image_size == 32 && r.data.train_size == 20000 && r.data.val_size == 2000);
    assert_true(r.model.width == 1 && r.model.bn_momentum == 0.1 && r.model.bn_eps == 1e-5 && r.model.classes == 0);
    assert_string_equal(r.model.arch, "resnet18");
    assert_true(r.engine.winograd == SK_WINOGRAD_AUTO && r.engine.tune == SK_TUNE_QUICK && !r.engine.recompute);
    assert_true(r.train.epochs == 5 && r.train.batch == 128 && r.train.log_every == 1 && !r.train.drop_last);
    const struct sk_recipe_optimizer *o = &r.train.optimizer;
    assert_true(o->name == SK_OPT_SGD && o->lr == 0.1 && o->momentum == -1 && o->nesterov && o->weight_decay == 5e-4);
    assert_true(o->beta1 == 0.9 && o->beta2 == 0.999 && o->eps == -1 && o->decay_norm_bias);
    const struct sk_recipe_schedule *s = &r.train.schedule;
    assert_true(s->name == SK_SCHED_COSINE && s->pct_start == 0.3 && s->div_factor == 25 && s->final_div_factor == 1e4);
    assert_true(r.expect.accuracy == -1 && r.expect.tolerance == 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_as_designed),        cmocka_unit_test(sections_are_set_whole),
        cmocka_unit_test(enum_names_are_those_of_recipes), cmocka_unit_test(enums_match_their_names),
        cmocka_unit_test(defaults_are_as_designed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

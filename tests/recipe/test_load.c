/* Recipes as files and as installed names, the list of installed ones, rules across keys, what may change on resume. */
#include "test.h"

#include "recipe/keys.h"

#include <unistd.h>

static struct sk_recipe r;

static int start(void **state)
{
    (void)state;
    sk_recipe_defaults(&r);
    unsetenv("SKUA_RECIPE_DIR");
    return 0;
}

static void put(const char *name, const char *text)
{
    (void)test_put(name, text, strlen(text));
}

static void a_file_is_loaded(void **state)
{
    (void)state;
    struct sk_err err = {0};
    put("mine.yaml", "train: {batch: 7}\n");
    r.train.epochs = 77; /* a file starts from the defaults, not from what was there */
    assert_ok(sk_recipe_load(&r, test_path("mine.yaml"), &err), err);
    assert_int_equal(r.train.batch, 7);
    assert_int_equal(r.train.epochs, 5);
    assert_string_equal(r.name, "mine");
    put("named.yaml", "name: other\n");
    assert_ok(sk_recipe_load(&r, test_path("named.yaml"), &err), err);
    assert_string_equal(r.name, "other");
    put(".hidden", "train: {batch: 8}\n");
    assert_ok(sk_recipe_load(&r, test_path(".hidden"), &err), err);
    assert_string_equal(r.name, "run");
    put("bad.yaml", "\ntrain: {batch: x}\n");
    assert_error(sk_recipe_load(&r, test_path("bad.yaml"), &err), SK_INPUT, err,
                 "bad.yaml' line 2: train.batch: expected an integer from 1 to 65536, got 'x'");
    assert_int_equal(r.train.batch, 8); /* as it was */
}

static void the_shipped_recipes_are_fine(void **state)
{
    (void)state;
    static const char *const names[] = {"cifar10-resnet18-5", "cifar10-narrow-resnet18", "shapes-demo",
                                        "a-cifar10-resnet18-224", "a-scaling", "b-imagenet-resnet50",
                                        "c1", "c2", "c3", "c4", "c5", "c6", "c6-usual", "c7",
                                        "d-narrow-resnet18", "d-narrow-resnet18-60", "d-baseline-resnet18-60",
                                        "d-ablations"};
    struct sk_err err = {0};
    for (size_t i = 0; i < SK_COUNT(names); i++) {
        assert_ok(sk_recipe_load(&r, names[i], &err), err);
        assert_ok(sk_recipe_check(&r, &err), err);
        assert_string_equal(r.name, names[i]);
        assert_true(r.data.has_normalize);
    }
    assert_ok(sk_recipe_load(&r, "cifar10-narrow-resnet18.yaml", &err), err);
    assert_true(r.model.width == 0.5 && r.model.dropout == 0.5);
}

static void installed_names_are_found(void **state)
{
    (void)state;
    char folders[2 * SK_PATH];
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(test_path("one"), &err), err);
    assert_ok(sk_mkdirs(test_path("two"), &err), err);
    put("one/first.yaml", "train: {batch: 1}\n");
    put("two/first.yaml", "train: {batch: 2}\n");
    put("two/second.yaml", "train: {batch: 3}\n");
    put("two/shapes-demo.yaml", "train: {batch: 4}\n");
    put("two/notes.txt", "x");
    put("two/.yaml", "x");
    snprintf(folders, sizeof(folders), "%s::%s:/not/there", test_path("one"), test_path("two"));
    setenv("SKUA_RECIPE_DIR", folders, 1);
    assert_ok(sk_recipe_load(&r, "first", &err), err);
    assert_int_equal(r.train.batch, 1);
    assert_ok(sk_recipe_load(&r, "second.yaml", &err), err);
    assert_int_equal(r.train.batch, 3);
    assert_ok(sk_recipe_load(&r, "shapes-demo", &err), err); /* before the shipped one */
    assert_int_equal(r.train.batch, 4);

    char **names;
    size_t count;
    assert_ok(sk_recipe_list(&names, &count, &err), err);
    char **shipped, here[SK_PATH];
    size_t files, found = 0;
    assert_ok(sk_format(here, sizeof(here), "recipes", &err, "%s/recipes", SKUA_SOURCE_DIR), err);
    assert_ok(sk_dir_list(here, &shipped, &files, &err), err);
    assert_int_equal(count, files + 2); /* first and second; shapes-demo is there twice */
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(names[i - 1], names[i]) < 0);
        found += strcmp(names[i], "c1") == 0 || strcmp(names[i], "first") == 0 || strcmp(names[i], "second") == 0 ||
                 strcmp(names[i], "shapes-demo") == 0;
    }
    assert_int_equal(found, 4);
    sk_free(shipped);
    sk_free(names);
}

static void what_is_not_there_is_told(void **state)
{
    (void)state;
    char name[SK_PATH + 100];
    struct sk_err err = {0};
    assert_error(sk_recipe_load(&r, "cifar10-resnet17-5", &err), SK_INPUT, err,
                 "recipe 'cifar10-resnet17-5': no such file or installed recipe (did you mean 'cifar10-resnet18-5'?)");
    assert_error(sk_recipe_load(&r, "quite different", &err), SK_INPUT, err, "': no such file or installed recipe");
    assert_error(sk_recipe_load(&r, test_folder(), &err), SK_INPUT, err, "is a folder, expected a file or installed");
    assert_error(sk_recipe_load(&r, "", &err), SK_INPUT, err, "recipe '': no such file");
    assert_error(sk_recipe_load(&r, "../recipes/shapes-demo", &err), SK_INPUT, err, "no such file or installed recipe");
    assert_error(sk_recipe_load(&r, "/dev/null", &err), SK_INPUT, err, "/dev/null");
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_error(sk_recipe_load(&r, name, &err), SK_INPUT, err, "no such file or installed recipe");
}

static void a_huge_file_is_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char *text = sk_alloc((1 << 20) + 2, 1, &err);
    assert_non_null(text);
    memset(text, '\n', (1 << 20) + 1);
    (void)test_put("huge.yaml", text, (1 << 20) + 1);
    assert_error(sk_recipe_load(&r, test_path("huge.yaml"), &err), SK_INPUT, err, "huge.yaml");
    sk_free(text);
}

static void failing_allocations_are_told(void **state)
{
    (void)state;
    struct sk_err err = {0};
    for (int what = 0; what < 3; what++) {
        enum sk_code code = SK_NOMEM;
        long n = 1;
        for (; code == SK_NOMEM && n < 200; n++) {
            char **names = NULL;
            size_t count = 1;
            sk_err_clear(&err);
            sk_mem_fail_after(n);
            code = what == 0 ? sk_recipe_list(&names, &count, &err)
                             : sk_recipe_load(&r, what == 1 ? "shapes-demo" : "not-there", &err);
            sk_mem_fail_after(0);
            assert_int_equal(code, err.code);
            assert_true(code != SK_NOMEM || what != 0 || (!names && count == 0));
            sk_free(names);
        }
        assert_true(n > 3 && n < 200);
        assert_int_equal(code, what == 2 ? SK_INPUT : SK_OK);
    }
}

static void checks(const char *settings[], const char *message)
{
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    for (; *settings; settings++)
        assert_ok(sk_recipe_set(&r, *settings, &err), err);
    if (message)
        assert_error(sk_recipe_check(&r, &err), SK_INPUT, err, message);
    else
        assert_ok(sk_recipe_check(&r, &err), err);
}
#define SET(...) ((const char *[]){__VA_ARGS__, NULL})

static void rules_across_keys(void **state)
{
    (void)state;
    checks((const char *[]){NULL}, NULL);
    checks(SET("data.images=x.npy"), "data.images needs data.labels beside it");
    checks(SET("data.labels=x.npy"), "data.labels needs data.images beside it");
    checks(SET("data.images=x", "data.labels=y"), NULL);
    checks(SET("data.images=x", "data.labels=y", "data.source=npy"), NULL);
    checks(SET("data.images=x", "data.labels=y", "data.source=folder"),
           "data.images is for data.source npy, not folder");
    checks(SET("data.val_images=x", "data.images=x", "data.labels=y"),
           "data.val_images needs data.val_labels beside it");
    checks(SET("data.val_images=x", "data.val_labels=y"), "data.val_images needs data.images beside it");
    checks(SET("data.source=npy", "data.val_labels=x"), "data.val_labels needs data.val_images beside it");
    checks(SET("data.prepare=[{resize: 3}, horizontal_flip]"),
           "data.prepare: step 2: horizontal_flip is random and belongs in data.augment");
    checks(SET("data.prepare=[{resize: 3}, {center_crop: 3}]"), NULL);
    checks(SET("train.epochs=5", "train.schedule.warmup_epochs=5"),
           "train.schedule.warmup_epochs: expected less than the schedule's 5 epochs, got 5");
    checks(SET("train.epochs=5", "train.schedule.warmup_epochs=4.5"), NULL);
    checks(SET("train.schedule={warmup_epochs: 7, epochs: 8}"), NULL);
    checks(SET("train.schedule={name: one_cycle, warmup_epochs: 1}"),
           "one_cycle has its own warm-up (pct_start), got 1");
    checks(SET("train.schedule={name: one_cycle, cycle_momentum: true}", "train.optimizer.name=rmsprop"),
           "train.schedule.cycle_momentum: expected train.optimizer.name sgd, adam or adamw, got rmsprop");
    checks(SET("train.schedule={name: one_cycle, cycle_momentum: true, base_momentum: 0.9, max_momentum: 0.8}"),
           "train.schedule.base_momentum: expected at most max_momentum (0.8), got 0.9");
    checks(SET("train.schedule.min_lr=0.2"),
           "train.schedule.min_lr: expected at most train.optimizer.lr (0.1), got 0.2");
    checks(SET("train.schedule={min_lr: 0.2, name: step}"), NULL);
    checks(SET("train.schedule={min_lr: 0.2, name: polynomial}"),
           "train.schedule.min_lr: expected at most train.optimizer.lr (0.1), got 0.2");
    checks(SET("train.schedule={min_lr: 0.2}", "train.optimizer.base_batch=32"), NULL);
    checks(SET("train.schedule={name: multi_step, milestones: [30, 60]}"), NULL);
    checks(SET("train.schedule={name: multi_step}"), "train.schedule.milestones: multi_step needs at least one epoch");
    checks(SET("train.schedule={name: multi_step, milestones: [3, 3]}"), "expected rising epochs, got 3 after 3");
    checks(SET("train.epochs=5", "train.schedule={name: flat_linear, flat_epochs: 5}"),
           "train.schedule.flat_epochs: expected less than the schedule's 5 epochs, got 5");
    checks(SET("train.optimizer={dampening: 0.1}"), "Nesterov's momentum has none (nesterov: false), got 0.1");
    checks(SET("train.optimizer={dampening: 0.1, nesterov: false}"), NULL);
    checks(SET("train.batch=4", "train.accumulate=5"), "train.accumulate: expected at most train.batch (4), got 5");
    checks(SET("train.loss.class_weights=[0, 0]"), "train.loss.class_weights: at least one must be above 0");
    checks(SET("train.loss.class_weights=balanced"), NULL);
    checks(SET("model.new_head=true"), "model.new_head: there is no model.init");
    checks(SET("data.train_limit=100", "train.drop_last=true"),
           "data.train_limit: 100 samples make no batch of 128, and train.drop_last is on");
}

/* ---- resume ---- */
static void resumes(const char *in_run, const char *now_set, const char *message)
{
    static struct sk_recipe run, now;
    struct sk_err err = {0};
    sk_recipe_defaults(&run);
    sk_recipe_defaults(&now);
    assert_ok(sk_recipe_set(&run, in_run, &err), err);
    assert_ok(sk_recipe_set(&now, now_set, &err), err);
    if (message)
        assert_error(sk_recipe_may_resume(&run, &now, &err), SK_INPUT, err, message);
    else
        assert_ok(sk_recipe_may_resume(&run, &now, &err), err);
}

static char told[1024];

static void keep_notice(const char *text)
{
    size_t used = strlen(told);
    snprintf(told + used, sizeof(told) - used, "%s; ", text);
}

static void keys_without_effect_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *notices;
    } rows[] = {
        {"train.optimizer={name: adam, lr: 0.01, weight_decay: 0, beta1: 0.8}", ""},
        {"train.optimizer={name: adam, momentum: 0.5}", "train.optimizer.momentum has no effect with adam; "},
        {"model={drop_path: 0.1, residual: false}",
         "model.drop_path has no effect with model.residual: false: there is no skip connection beside it; "},
        {"train.schedule={name: cosine, base_momentum: 0.5}", "train.schedule.base_momentum has no effect with cosine; "},
        {"train.schedule={name: one_cycle, max_momentum: 0.9}",
         "train.schedule.base_momentum and max_momentum have no effect without cycle_momentum: true; "},
        {"train.optimizer={name: adamw, nesterov: false}", "train.optimizer.nesterov has no effect with adamw; "},
        {"train.optimizer={momentum: 0.5, eps: 0.1}", "train.optimizer.eps has no effect with sgd; "},
        {"train.optimizer={name: lars, decoupled: true}", "train.optimizer.decoupled has no effect with lars; "},
        {"train.optimizer={name: adagrad, rho: 0.5}", "train.optimizer.rho has no effect with adagrad; "},
        {"model={zero_init_residual: true, norm: none}",
         "model.zero_init_residual has no effect with model.norm: none, whose blocks begin at zero anyway; "},
        {"model.zero_init_residual=true", ""},
        {"train.schedule={name: cosine, milestones: [3]}", "train.schedule.milestones has no effect with cosine; "},
        {"train.schedule={name: cosine, min_lr: 0.01}", ""},
        {"train.schedule={name: step, gamma: 0.5, pct_start: 0.1}", "train.schedule.pct_start has no effect with step; "},
        {"data={decode: fast, augment: [{random_resized_crop: 8}]}", ""},
        {"data={decode: fast, augment: [{random_crop: 8}]}",
         "data.decode: fast has no effect: the first step of data.augment is not random_resized_crop; "},
        {"data={decode: fast, cache: memory, augment: [{random_resized_crop: 8}]}",
         "data.decode: fast has no effect with data.cache: memory, which keeps whole pictures; "},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        told[0] = '\0';
        sk_notice_sink(keep_notice);
        checks((const char *[]){rows[i].setting, NULL}, NULL);
        assert_string_equal(told, ""); /* by the check alone */
        sk_recipe_tell_unused(&r);
        sk_notice_sink(NULL);
        assert_string_equal(told, rows[i].notices);
    }
}

static void resume_knows_what_may_change(void **state)
{
    (void)state;
    resumes("model.width=0.5", "model.width=1.0", "model.width was 0.5 in the run, is 1.0 now");
    resumes("model.width=0.5", "model.width=0.50", NULL);
    resumes("train.epochs=5", "train.epochs=6", NULL);
    resumes("train.epochs=5", "train.epochs=4", "train.epochs was 5 in the run, is 4 now (it may only grow)");
    resumes("train.max_steps=50", "train.max_steps=60", NULL);
    resumes("train.max_steps=50", "train.max_steps=0", NULL);
    resumes("train.max_steps=50", "train.max_steps=40", "(it may only grow)");
    resumes("train.max_steps=0", "train.max_steps=40",
            "train.max_steps was 0 in the run, is 40 now (it may only grow)");
    resumes("engine={precision: fp32, winograd: off, tune: off, threads: 3}", "engine.device=cpu", NULL);
    resumes("engine.recompute=false", "engine.recompute=true", NULL);
    resumes("data.workers=0", "data.workers=4", NULL);
    resumes("data.path=a", "data.path=b", NULL); /* moved; the data's fingerprint tells whether it is other data */
    resumes("data.augment=[{random_crop: {size: 8, padding: 1}}]",
            "data.augment=[{random_crop: {size: 8, padding: 2}}]",
            "data.augment was [{random_crop: {size: 8, padding: 1, mode: zero}}] in the run, is [{random_crop: {size: 8, padding: "
            "2, mode: zero}}] now");
    resumes("data.augment=[resize: 8]", "data.augment=[resize: [8, 8]]", "data.augment was");
    resumes("data.augment=[resize: [8, 9]]", "data.augment=[resize: [8, 8]]", "data.augment was");
    resumes("data.normalize={mean: [0.5], std: [1]}", "data.normalize=none",
            "data.normalize was {mean: [0.5], std: [1.0]} in the run, is none now");
    resumes("data.normalize={mean: [0.5], std: [1]}", "data.normalize={mean: [0.5], std: [2]}", "data.normalize was");
    resumes("train.optimizer.name=adam", "train.optimizer.name=sgd",
            "train.optimizer.name was adam in the run, is sgd now");
}

/* Every row alone: free ones may differ, the others may not. */
static void resume_follows_the_table(void **state)
{
    (void)state;
    static struct sk_recipe now;
    struct sk_err err = {0};
    char message[256];
    int free_rows = 0, fixed_rows = 0;
    for (size_t i = 0; i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        bool composite = k->type >= SK_KEY_SIDES;
        if (composite || k->resume == SK_RESUME_GROW)
            continue;
        sk_recipe_defaults(&r);
        sk_recipe_defaults(&now);
        bool text = k->type == SK_KEY_TEXT || k->type == SK_KEY_NAME;
        char *first = (char *)&now + k->offset;
        *first = text ? 'Q' : (char)(*first ^ 1); /* another letter, or the lowest bit of a number */
        if (k->resume == SK_RESUME_YES) {
            assert_ok(sk_recipe_may_resume(&r, &now, &err), err);
            free_rows++;
        } else {
            snprintf(message, sizeof(message), "%s was ", k->name);
            assert_error(sk_recipe_may_resume(&r, &now, &err), SK_INPUT, err, message);
            assert_string_equal(sk_recipe_no_resume(&r, &now), k->name);
            fixed_rows++;
        }
    }
    assert_true(free_rows > 10 && fixed_rows > 20);
}

/* Every hundredth with every tolerance: exactly the difference is reached, a millionth less is not. */
static void expectations_have_their_bounds(void **state)
{
    (void)state;
    for (int expected = 1; expected <= 100; expected++)
        for (int tolerance = 0; tolerance < expected; tolerance++) {
            struct sk_recipe_expect e = {expected / 100.0, tolerance / 100.0};
            double least = (expected - tolerance) / 100.0;
            assert_true(sk_recipe_reached(&e, least) && sk_recipe_reached(&e, 1));
            assert_false(sk_recipe_reached(&e, least - 1e-6));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_file_is_loaded, start),
        cmocka_unit_test_setup(the_shipped_recipes_are_fine, start),
        cmocka_unit_test_setup(installed_names_are_found, start),
        cmocka_unit_test_setup(what_is_not_there_is_told, start),
        cmocka_unit_test_setup(a_huge_file_is_refused, start),
        cmocka_unit_test_setup(failing_allocations_are_told, start),
        cmocka_unit_test_setup(rules_across_keys, start),
        cmocka_unit_test_setup(keys_without_effect_are_told, start),
        cmocka_unit_test_setup(resume_knows_what_may_change, start),
        cmocka_unit_test_setup(resume_follows_the_table, start),
        cmocka_unit_test(expectations_have_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

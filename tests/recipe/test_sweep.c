/* The sweep section: what its settings are and are called, that it is written and read back, what is refused and where.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "recipe/recipe.h"

static struct sk_recipe r, setting, again;
static struct sk_err err;

static int begin(void **state)
{
    (void)state;
    sk_recipe_defaults(&r);
    sk_err_clear(&err);
    return 0;
}

static void set(const char *assignment)
{
    assert_ok(sk_recipe_set(&r, assignment, &err), err);
}

static void get(size_t i)
{
    assert_ok(sk_recipe_sweep_setting(&r, i, &setting, &err), err);
}

static void assert_label(size_t i, const char *without, const char *want)
{
    struct sk_str label = {0};
    assert_ok(sk_recipe_sweep_label(&r, i, without, &label, &err), err);
    assert_string_equal(label.len ? label.text : "", want);
    sk_str_release(&label);
}

static size_t count(void)
{
    size_t n;
    assert_ok(sk_recipe_sweep_count(&r, &n, &err), err);
    return n;
}

static void a_grid_is_all_combinations(void **state)
{
    (void)state;
    static const double lr[] = {0.1, 0.01, 0.001}, width[] = {0.5, 1};
    set("sweep.grid={train.optimizer.lr: [0.1, 0.01, 0.001], model.width: [0.5, 1.0]}");
    assert_int_equal(count(), 6);
    for (size_t i = 0; i < 6; i++) {
        get(i);
        assert_true(setting.train.optimizer.lr == lr[i / 2]);
        assert_true(setting.model.width == width[i % 2]);
        assert_string_equal(setting.sweep.grid, "");
        assert_int_equal(setting.task, SK_TASK_TRAIN);
    }
    assert_label(3, NULL, "lr=0.01, width=1.0");
    assert_label(3, "model.", "lr=0.01");
    assert_label(3, "train.", "width=1.0");
}

static void a_list_is_one_by_one_with_all_of_the_grid(void **state)
{
    (void)state;
    set("sweep.list=[{name: plain}, {model.width: 0.25, train.optimizer: {name: adam, lr: 0.001}}, "
        "{name: \"no, \\\"shortcut\\\"\", model.residual: false}]");
    assert_int_equal(count(), 3);
    set("sweep.grid={train.schedule.name: [cosine, step]}");
    assert_int_equal(count(), 6);
    get(0);
    assert_true(setting.model.width == 1 && setting.train.schedule.name == SK_SCHED_COSINE);
    get(3);
    assert_true(setting.model.width == 0.25 && setting.train.schedule.name == SK_SCHED_STEP);
    assert_true(setting.train.optimizer.name == SK_OPT_ADAM && setting.train.optimizer.lr == 0.001);
    get(4);
    assert_false(setting.model.residual);
    assert_label(0, NULL, "plain, schedule.name=cosine");
    assert_label(3, NULL, "width=0.25, optimizer={name: adam, lr: 0.001}, schedule.name=step");
    assert_label(4, NULL, "no, \"shortcut\", schedule.name=cosine");
    assert_label(0, "model.", "schedule.name=cosine"); /* a name says nothing of what is left out */
    assert_label(4, "model.", "schedule.name=cosine");
    assert_label(4, "data.", "residual=false, schedule.name=cosine");
    set("sweep.list=[{name: small, model: {width: 0.25}}, {name: large, model: {width: 2.0}}]");
    assert_label(0, "model.", "schedule.name=cosine");
    assert_label(3, "model.", "schedule.name=step");
}

static void values_may_be_lists_and_texts(void **state)
{
    (void)state;
    set("sweep.grid={data.augment: [[], [{random_crop: {size: 32, padding: 4}}, horizontal_flip]], "
        "data.path: ['a, b', \"null\", 'x: y', '-']}");
    assert_int_equal(count(), 8);
    get(0);
    assert_int_equal(setting.data.augment.count, 0);
    assert_string_equal(setting.data.path, "a, b");
    get(5);
    assert_int_equal(setting.data.augment.count, 2);
    assert_int_equal(setting.data.augment.step[0].padding, 4);
    assert_string_equal(setting.data.path, "null");
    get(6);
    assert_string_equal(setting.data.path, "x: y");
    get(7);
    assert_string_equal(setting.data.path, "-");
}

static bool gives(size_t i, const char *key)
{
    bool sets[512] = {0}, found = false;
    assert_ok(sk_recipe_sweep_keys(&r, i, sets, &err), err);
    for (size_t k = 0; sk_recipe_key(k); k++)
        found = found || (sets[k] && strcmp(sk_recipe_key(k), key) == 0);
    return found;
}

static void keys_of_a_setting_are_those_it_gives(void **state)
{
    (void)state;
    set("sweep.list=[{name: a}, {train.optimizer: {name: adam}, model.width: 0.5}, {train: {optimizer: {lr: 1}}}]");
    set("sweep.grid={data.shuffle: [true]}");
    static const char *const key[] = {"data.shuffle", "train.optimizer.name", "model.width", "train.optimizer.lr",
                                      "name", "train.optimizer.weight_decay"};
    static const bool want[3][SK_COUNT(key)] = {{1}, {1, 1, 1}, {1, 0, 0, 1}};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < SK_COUNT(key); k++)
            assert_int_equal(gives(i, key[k]), want[i][k]);
}

static void a_recipe_without_a_sweep_is_one_setting(void **state)
{
    (void)state;
    assert_int_equal(count(), 1);
    get(0);
    assert_memory_equal(&r, &setting, sizeof(r));
    assert_label(0, NULL, "");
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct sk_str text = {0};
    set("task=sweep");
    set("sweep={grid: {train.optimizer.lr: [0.1, 1e-2], data.normalize: [none, {mean: [0.5], std: [0.25]}]}, seeds: "
        "[1, 2], "
        "list: [{name: 'a \"b\" \\ #'}, {model.se: yes}], parallel: 2, show: [val_loss], fit: {x: [samples], y: "
        "epoch_seconds}}");
    assert_ok(sk_recipe_write(&r, &text, &err), err);
    sk_recipe_defaults(&again);
    assert_ok(sk_recipe_parse(&again, text.text, text.len, "written", &err), err);
    assert_memory_equal(&r.sweep, &again.sweep, sizeof(r.sweep));
    sk_str_release(&text);
    set("sweep.grid={}");
    set("sweep.list=[]");
    assert_string_equal(r.sweep.grid, "");
    assert_int_equal(count(), 1);
}

static void a_file_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char text[] = "task: sweep\nsweep:\n  seeds: [1, 2]\n  grid:\n    model.width: [0.5]\n"
                               "    train.optimiser.lr: [0.1]\n";
    static const char value[] = "sweep:\n  list:\n    - {model.width: 0.5}\n    - name: wide\n      model.width: 99\n";
    assert_error(
        sk_recipe_parse(&r, text, sizeof(text) - 1, "x.yaml", &err), SK_INPUT, err,
        "recipe 'x.yaml' line 6: sweep.grid: unknown key 'train.optimiser.lr' (did you mean 'train.optimizer.lr'?)");
    assert_error(
        sk_recipe_parse(&r, value, sizeof(value) - 1, "x.yaml", &err), SK_INPUT, err,
        "recipe 'x.yaml' line 5: sweep.list: entry 2: model.width: expected a number from 0.01 to 16, got '99'");
    assert_string_equal(r.sweep.grid, "");
}

static void others_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *message;
    } cases[] = {
        {"sweep.grid=[a]", "expected keys with lists of values"},
        {"sweep.grid={model.width: 0.5}", "model.width: expected a list of values such as [0.1, 0.01], got '0.5'"},
        {"sweep.grid={model.width: []}", "model.width: expected at least one value"},
        {"sweep.grid={model.width: [0.5, 0]}", "model.width: expected a number from 0.01 to 16, got '0'"},
        {"sweep.grid={model.width: [1], model.width: [2]}", "key 'model.width' is given twice"},
        {"sweep.grid={train.optimizer: [sgd]}", "train.optimizer: expected a mapping such as {key: value}, got 'sgd'"},
        {"sweep.grid={[a]: [1]}", "expected a key, got a list"},
        {"sweep.grid={sweep.seeds: [[1]]}", "'sweep.seeds' cannot vary in a sweep"},
        {"sweep.grid={task: [train]}", "'task' cannot vary in a sweep"},
        {"sweep.grid={widht: [1]}", "unknown key 'widht'"},
        {"sweep.list={model.width: 1}", "expected a list of settings"},
        {"sweep.list=[model.width]", "entry 1: expected keys and values such as"},
        {"sweep.list=[{name: a}, {}]", "entry 2: expected a name or keys, got an empty mapping"},
        {"sweep.list=[{name: [a]}]", "entry 1: expected a name, got a list"},
        {"sweep.list=[{model.width: [1, 2]}]", "entry 1: model.width: expected a number"},
        {"sweep.parallel=0", "expected an integer from 1 to 64"},
    };
    for (size_t i = 0; i < SK_COUNT(cases); i++)
        assert_error(sk_recipe_set(&r, cases[i].set, &err), SK_INPUT, err, cases[i].message);
}

static void a_value_is_set_once(void **state)
{
    static const struct {
        const char *set, *message;
    } cases[] = {
        {"sweep={grid: {model.width: [0.5]}, list: [{train.epochs: 1}, {model.width: 1}]}",
         "sweep: 'model.width' of sweep.grid and 'model.width' of sweep.list set the same"},
        {"sweep={grid: {train.optimizer.lr: [1]}, list: [{train.optimizer: {name: adam}}]}",
         "sweep: 'train.optimizer.lr' of sweep.grid and 'train.optimizer' of sweep.list set the same"},
        {"sweep={parallel: 2, grid: {engine.threads: [1, 2]}}", "sweep.parallel: 2 runs at once share the processors"},
        {"sweep={parallel: 2, list: [{name: a}, {engine: {threads: 1}}]}", "sweep.parallel: 2 runs at once share"},
    };
    (void)state;
    for (size_t i = 0; i < SK_COUNT(cases); i++) {
        set(cases[i].set);
        assert_error(sk_recipe_check(&r, &err), SK_INPUT, err, cases[i].message);
        begin(NULL);
    }
    set("sweep={parallel: 2, grid: {train.epochs: [1, 2]}, list: [{name: a, train.batch: 8}]}");
    assert_ok(sk_recipe_check(&r, &err), err);
}

static void rules_over_several_keys(void **state)
{
    (void)state;
    set("sweep.seeds=[1, 2.5]");
    assert_error(sk_recipe_check(&r, &err), SK_INPUT, err, "sweep.seeds: expected integers, got 2.5");
    set("sweep.seeds=[1, 2, 1]");
    assert_error(sk_recipe_check(&r, &err), SK_INPUT, err, "sweep.seeds: 1 is given twice");
    set("sweep.seeds=[1, 2]");
    set("sweep.grid={train.seed: [3]}");
    assert_error(sk_recipe_sweep_setting(&r, 0, &setting, &err), SK_INPUT, err, "train.seed varies");
    set("sweep.grid={train.schedule.warmup_epochs: [1, 5]}");
    get(0);
    assert_error(sk_recipe_sweep_setting(&r, 1, &setting, &err), SK_INPUT, err,
                 "sweep, setting 'warmup_epochs=5': train.schedule.warmup_epochs: expected less than");
    set("sweep.fit={x: [samples]}");
    assert_error(sk_recipe_check(&r, &err), SK_INPUT, err, "sweep.fit.x needs sweep.fit.y");
}

static void too_many_are_refused(void **state)
{
    (void)state;
    char text[4096] = "sweep.grid={";
    static const char *const keys[] = {"train.optimizer.lr", "model.width", "train.batch", "train.epochs"};
    for (int k = 0; k < 4; k++) {
        sprintf(text + strlen(text), "%s%s: [", k ? ", " : "", keys[k]);
        for (int i = 1; i <= 6; i++)
            sprintf(text + strlen(text), "%s%d", i > 1 ? ", " : "", i);
        strcat(text, "]");
    }
    strcat(text, "}");
    set(text);
    assert_error(sk_recipe_check(&r, &err), SK_INPUT, err, "sweep: expected at most 1000 settings");
    char *list = calloc(1, 30000);
    strcpy(list, "sweep.list=[");
    for (int i = 0; i < 600; i++)
        sprintf(list + strlen(list), "{name: entry-%d, model.width: 1}, ", i);
    strcat(list, "{name: x}]");
    assert_error(sk_recipe_set(&r, list, &err), SK_INPUT, err, "sweep.list: expected at most 8191 bytes, got");
    free(list);
}

static void other_data_is_found(void **state)
{
    (void)state;
    again = r;
    again.data.train_limit = 5;
    again.data.shuffle = false;
    assert_null(sk_recipe_other_data(&r, &again, false));
    strcpy(again.data.path, "moved");
    assert_string_equal(sk_recipe_other_data(&r, &again, false), "data.path");
    assert_null(sk_recipe_other_data(&r, &again, true));
    strcpy(again.data.path, r.data.path);
    again.data.val_limit = 5;
    assert_string_equal(sk_recipe_other_data(&r, &again, false), "data.val_limit");
    again.data.source = SK_SOURCE_SHAPES;
    assert_string_equal(sk_recipe_other_data(&r, &again, false), "data.source");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_grid_is_all_combinations, begin),
        cmocka_unit_test_setup(a_list_is_one_by_one_with_all_of_the_grid, begin),
        cmocka_unit_test_setup(values_may_be_lists_and_texts, begin),
        cmocka_unit_test_setup(keys_of_a_setting_are_those_it_gives, begin),
        cmocka_unit_test_setup(a_recipe_without_a_sweep_is_one_setting, begin),
        cmocka_unit_test_setup(what_is_written_reads_back, begin),
        cmocka_unit_test_setup(a_file_is_refused_with_its_line, begin),
        cmocka_unit_test_setup(others_are_refused, begin),
        cmocka_unit_test_setup(a_value_is_set_once, begin),
        cmocka_unit_test_setup(rules_over_several_keys, begin),
        cmocka_unit_test_setup(too_many_are_refused, begin),
        cmocka_unit_test_setup(other_data_is_found, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

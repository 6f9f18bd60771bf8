/* Recipes as files: syntax errors with line and column, limits, bytes that are no text, names nearly right, and what
 * may not be written at all; whatever comes in, the recipe stays as it was. */
#include "test.h"

#include "recipe/keys.h"
#include "recipe/yaml.h"

static struct sk_recipe r, untouched;

static int start(void **state)
{
    (void)state;
    sk_recipe_defaults(&r);
    sk_recipe_defaults(&untouched);
    return 0;
}

static void refused_bytes(const char *text, size_t len, const char *message)
{
    struct sk_err err = {0};
    assert_error(sk_recipe_parse(&r, text, len, "x.yaml", &err), SK_INPUT, err, message);
    assert_memory_equal(&r, &untouched, sizeof(r));
}

static void refused(const char *text, const char *message)
{
    refused_bytes(text, strlen(text), message);
}

static void a_recipe_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "\xef\xbb\xbf# a recipe\r\n"
        "name: cifar10-resnet18\r\n"
        "task: train\r\n"
        "data:\r\n"
        "  source: cifar10\r\n"
        "  path: DIR\r\n"
        "  workers: 4\r\n"
        "  augment: [{random_crop: {size: 32, padding: 4}}, {horizontal_flip: {p: 0.5}}]\r\n"
        "  normalize: {mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010]}\r\n"
        "model: {arch: resnet34, stem: imagenet, width: 0.5, classes: 10, dropout: 0.5, init: FILE}\r\n"
        "engine: {device: cpu, threads: 2, precision: bf16, winograd: off, tune: off}\r\n"
        "train:\r\n"
        "  epochs: 50\r\n"
        "  optimizer: {name: sgd, lr: 0.175, nesterov: no, weight_decay: 1.0e-4}\r\n"
        "  schedule: {name: one_cycle}\r\n"
        "  loss: {label_smoothing: 0.05}\r\n"
        "engine.precision: fp32\r\n"
        "expect:\r\n";
    struct sk_err err = {0};
    assert_error(sk_recipe_parse(&r, text, sizeof(text) - 1, "x", &err), SK_INPUT, err,
                 "recipe 'x' line 17: key 'engine.precision' is given twice");
    size_t cut = (size_t)(strstr(text, "engine.precision") - text);
    assert_ok(sk_recipe_parse(&r, text, cut, "x", &err), err);
    assert_string_equal(r.name, "cifar10-resnet18");
    assert_int_equal(r.data.source, SK_SOURCE_CIFAR10);
    assert_string_equal(r.data.path, "DIR");
    assert_int_equal(r.data.workers, 4);
    assert_int_equal(r.data.augment.count, 2);
    assert_true(r.data.has_normalize && r.data.normalize_channels == 3 && r.data.std[2] == 0.2010);
    assert_int_equal(r.model.stem, SK_STEM_IMAGENET);
    assert_true(r.model.width == 0.5 && r.model.classes == 10 && r.model.dropout == 0.5);
    assert_string_equal(r.model.init, "FILE");
    assert_int_equal(r.engine.device, SK_DEVICE_CPU);
    assert_int_equal(r.engine.precision, SK_PRECISION_BF16);
    assert_int_equal(r.engine.winograd, SK_WINOGRAD_OFF);
    assert_int_equal(r.engine.tune, SK_TUNE_OFF);
    assert_int_equal(r.train.epochs, 50);
    assert_true(r.train.optimizer.lr == 0.175 && !r.train.optimizer.nesterov && r.train.optimizer.weight_decay == 1e-4);
    assert_int_equal(r.train.schedule.name, SK_SCHED_ONE_CYCLE);
    assert_true(r.train.label_smoothing == 0.05);
    assert_int_equal(r.train.batch, 128); /* not given: as it was */
}

static void syntax_errors_have_a_place(void **state)
{
    (void)state;
    refused("train:\n  batch: 3\n bad: 4\n", "recipe 'x.yaml' line 3 column 2: did not find expected key");
    refused("train:\n\tbatch: 3\n", "recipe 'x.yaml' line 2 column 1: a tab cannot indent YAML, use spaces");
    refused("# h\xc3\xa9, h\xc3\xa9\ntrain:\n\tbatch: 3\n", "line 3 column 1: a tab cannot indent YAML, use spaces");
    refused("train:\n  batch:3\n  epochs: 4\n", "recipe 'x.yaml' line 3 column 9: mapping values are not allowed");
    refused("train: {batch: 3\n", "recipe 'x.yaml' line 2 column 1: did not find expected ',' or '}'");
    refused("name: \"abc\n", "recipe 'x.yaml' line 2 column 1: found unexpected end of stream");
    refused("name: @x\n", "recipe 'x.yaml' line 1 column 7: found character that cannot start any token");
}

static void values_have_a_line(void **state)
{
    (void)state;
    refused("# x\ntrain:\n\n  batch: x\n",
            "recipe 'x.yaml' line 4: train.batch: expected an integer from 1 to 65536, got 'x'");
    refused("name: x\n\ntrain:\n  bach: 3\n",
            "recipe 'x.yaml' line 4: unknown key 'train.bach' (did you mean 'train.batch'?)");
    refused("name: x\ntrian: {batch: 3}\n", "recipe 'x.yaml' line 2: unknown key 'trian' (did you mean 'train'?)");
    refused("train:\n  batch:\n", "line 2: train.batch: expected an integer from 1 to 65536, got nothing");
    refused("train: 5\n", "line 1: train: expected keys and values, got '5'");
    refused("train: [1]\n", "line 1: train: expected keys and values, got a list");
    refused("- train\n", "line 1: expected keys and values, got a list");
    refused("train\n", "line 1: expected keys and values, got 'train'");
    refused(
        "data:\n  augment:\n    - resize: 3\n    - resize:\n        size: 0\n",
        "line 5: data.augment: step 2: resize.size: expected an integer from 1 to 8192, or [height, width], got '0'");
    refused("task: sweep # later\nname: [\n", "line 3 column 1");
}

static void nothing_is_no_recipe(void **state)
{
    (void)state;
    refused("", "recipe 'x.yaml' line 1 column 1: expected keys and values, got nothing");
    refused("# only a comment\n", "expected keys and values, got nothing");
    refused("---\n", "expected keys and values, got nothing");
    refused("~", "expected keys and values, got nothing");
}

static void keys_are_given_once(void **state)
{
    (void)state;
    refused("name: x\nname: y\n", "line 2: key 'name' is given twice");
    refused("train:\n  batch: 1\nmodel:\ntrain:\n  epochs: 1\n", "line 4: key 'train' is given twice");
    refused("train: {batch: 3}\ntrain.batch: 4\n", "line 2: key 'train.batch' is given twice");
    refused("[a]: 3\n", "line 1: expected a key, got a list");
    refused("{a: 1}: 3\n", "line 1: expected a key, got a mapping");
}

static void references_are_refused(void **state)
{
    (void)state;
    char bomb[2048];
    size_t used = (size_t)snprintf(bomb, sizeof(bomb), "a: &a [x, x, x, x, x, x, x, x]\n");
    for (char c = 'b'; c <= 'z'; c++)
        used += (size_t)snprintf(bomb + used, sizeof(bomb) - used, "%c: &%c [*%c, *%c, *%c, *%c]\n", c, c, c - 1, c - 1,
                                 c - 1, c - 1);
    refused(bomb, "line 1 column 4: anchors, aliases and tags ('&', '*', '!') are not for recipes");
    refused("name: *x\n", "line 1 column 7: anchors, aliases and tags");
    refused("train: &t {batch: 3}\n", "line 1 column 8: anchors, aliases and tags");
    refused("name: !!python/object:os.system x\n", "line 1 column 7: anchors, aliases and tags");
    refused("data: {augment: !x [resize: 3]}\n", "anchors, aliases and tags");
    refused("train: !x {batch: 3}\n", "anchors, aliases and tags");
    refused("<<: {batch: 3}\n", "unknown key '<<'");
    refused("name: x\n---\nname: y\n", "line 2 column 1: expected one document, got a second");
}

static void bytes_must_be_text(void **state)
{
    (void)state;
    static const char zero[] = "name: a\0b\n", escaped[] = "name: \"a\\0b\"\n";
    static const char utf16[] = "\xff\xfen\0a\0m\0e\0:\0 \0x\0";
    refused_bytes(zero, sizeof(zero) - 1, "recipe 'x.yaml' line 1 column 8: expected text, got a control character");
    refused_bytes(escaped, sizeof(escaped) - 1, "line 1 column 7: expected text, got a zero byte");
    refused_bytes(utf16, sizeof(utf16) - 1, "line 1 column 1: expected UTF-8 text, got other bytes");
    refused("name: x\n# h\xe9llo\n", "line 2 column 4: expected UTF-8 text, got other bytes");
    refused("# \xc0\x80\n", "line 1 column 3: expected UTF-8");         /* overlong */
    refused("# \xed\xa0\x80\n", "line 1 column 3: expected UTF-8");     /* half a surrogate pair */
    refused("# \xf4\x90\x80\x80\n", "line 1 column 3: expected UTF-8"); /* beyond the last character */
    refused("# \xe2\x82", "line 1 column 3: expected UTF-8");           /* cut */
    refused("name: x\x1b[2J\n", "line 1 column 8: expected text, got a control character");
    refused("name: \"a\\nb\"\n", "line 1: name: expected a name of at most 127 bytes");
    refused("data.path: \"a\\x85\"\n",
            "line 1: data.path: expected text of at most 4095 bytes without control characters");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static char text[200001];
    memset(text, '[', 200000);
    refused(text, "nested too deep, a recipe has at most 16 levels");
    for (size_t i = 0; i + 3 < 200000; i += 3)
        memcpy(text + i, "{a:", 3);
    refused(text, "line 1 column");
    size_t used = 0;
    for (int i = 0; i < 2000 && used + 2010 < sizeof(text); i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%*sa:\n", i, "");
    refused(text, "nested too deep, a recipe has at most 16 levels");
    refused("a: [[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]", "unknown key 'a'"); /* 16 levels are read */
}

static void size_is_bounded(void **state)
{
    (void)state;
    size_t len = SK_YAML_BYTES + 1;
    struct sk_err err = {0};
    char *text = sk_alloc(len + 1, 1, &err);
    assert_non_null(text);
    memset(text, '#', len);
    refused_bytes(text, len, "1048577 bytes are too many, a recipe has at most 1 MiB");
    memcpy(text, "name: x\n", 8);
    assert_ok(sk_recipe_parse(&r, text, SK_YAML_BYTES, "x", &err), err);
    sk_recipe_defaults(&r);
    memset(text, 'k', len);
    refused_bytes(text, SK_YAML_BYTES, "got 'kkkk");
    memset(text, ',', len);
    memcpy(text, "a: [", 4);
    for (size_t i = 4; i + 2 < len; i += 2)
        memcpy(text + i, "1,", 2);
    refused_bytes(text, SK_YAML_BYTES, "too many values, a recipe holds at most 10000");
    memset(text, ' ', len);
    memcpy(text, "? ", 2);
    memset(text + 2, 'k', 900000);
    memcpy(text + 900002, "\n: 3\n", 5);
    refused_bytes(text, 900007, "unknown key 'kkkk");
    sk_free(text);
}

static void a_failing_allocation_is_told(void **state)
{
    (void)state;
    static const char text[] = "name: x\ndata: {augment: [{resize: [3, 4]}], normalize: {mean: [0.5], std: [0.5]}}\n";
    struct sk_err err = {0};
    enum sk_code code = SK_NOMEM;
    long n = 1;
    for (; code != SK_OK && n < 100; n++) {
        sk_mem_fail_after(n);
        code = sk_recipe_parse(&r, text, sizeof(text) - 1, "x", &err);
        sk_mem_fail_after(0);
        if (code != SK_OK) {
            assert_memory_equal(&r, &untouched, sizeof(r));
            assert_error(code, SK_NOMEM, err, "not enough memory");
        }
    }
    assert_true(n > 3 && n < 100);
    assert_int_equal(r.data.augment.step[0].height, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_recipe_is_read, start),    cmocka_unit_test_setup(syntax_errors_have_a_place, start),
        cmocka_unit_test_setup(values_have_a_line, start),  cmocka_unit_test_setup(nothing_is_no_recipe, start),
        cmocka_unit_test_setup(keys_are_given_once, start), cmocka_unit_test_setup(references_are_refused, start),
        cmocka_unit_test_setup(bytes_must_be_text, start),  cmocka_unit_test_setup(depth_is_bounded, start),
        cmocka_unit_test_setup(size_is_bounded, start),     cmocka_unit_test_setup(a_failing_allocation_is_told, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

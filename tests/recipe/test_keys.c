/* The table of keys, driven by itself: every row can be set from a file and by --set, reads back, is written and
 * refuses what lies outside its bounds with a message that says what it wants. */
#include "test.h"

#include "recipe/keys.h"
#include "recipe/text.h"

enum { SAMPLES_MAX = 16, TEXT = 256 };

struct samples { /* values a row takes, as text; and values it refuses */
    int good, bad;
    char good_text[SAMPLES_MAX][TEXT], bad_text[SAMPLES_MAX][TEXT];
};

static void good(struct samples *s, const char *text)
{
    assert_true(s->good < SAMPLES_MAX && strlen(text) < TEXT);
    strcpy(s->good_text[s->good++], text);
}

static void bad(struct samples *s, const char *text)
{
    assert_true(s->bad < SAMPLES_MAX && strlen(text) < TEXT);
    strcpy(s->bad_text[s->bad++], text);
}

static void integer_samples(const struct sk_key *k, struct samples *s)
{
    char text[TEXT];
    snprintf(text, sizeof(text), "%lld", (long long)k->low);
    good(s, text);
    snprintf(text, sizeof(text), "%lld", (long long)k->high);
    good(s, text);
    snprintf(text, sizeof(text), "%lld", (long long)(k->low + (k->high - k->low) / 3));
    good(s, text);
    snprintf(text, sizeof(text), "%lld", (long long)k->low - 1);
    bad(s, text);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)k->high + 1);
    bad(s, text);
    bad(s, "1.5");
    bad(s, "0x10");
    bad(s, "99999999999999999999999999");
}

static void real_samples(const struct sk_key *k, struct samples *s)
{
    char text[TEXT];
    double span = k->max - k->min;
    snprintf(text, sizeof(text), "%.17g", k->min + span / 3);
    good(s, text);
    snprintf(text, sizeof(text), "%.17g", k->min);
    k->above_min ? bad(s, text) : good(s, text);
    snprintf(text, sizeof(text), "%.17g", k->max);
    k->below_max ? bad(s, text) : good(s, text);
    snprintf(text, sizeof(text), "%.17g", k->min - 0.5);
    bad(s, text);
    snprintf(text, sizeof(text), "%.17g", k->max * 1.001);
    bad(s, text);
    bad(s, "nan");
    bad(s, ".inf");
    bad(s, "1e999");
    bad(s, "1,5");
}

static void text_samples(const struct sk_key *k, struct samples *s)
{
    static const char *const texts[] = {
        "resnet18",         "a b", "no", "null", "~", "1e3", "it's", "say \"x\" \\n", "a: b #c", "h\xc3\xa9llo",
        "\xf0\x9f\x90\xa6", "{a}", "&x"};
    for (size_t i = 0; i < SK_COUNT(texts); i++)
        good(s, texts[i]);
    if (k->type == SK_KEY_TEXT)
        good(s, "/data/cifar-10/../x.tar.gz");
    if (k->type == SK_KEY_NAME) {
        bad(s, "a/b");
        bad(s, ".hidden");
        bad(s, "-x");
    }
    bad(s, "a\tb");
    bad(s, "\xc2\x85");
}

static void make_samples(const struct sk_key *k, struct samples *s)
{
    memset(s, 0, sizeof(*s));
    switch (k->type) {
    case SK_KEY_INT:
    case SK_KEY_INT64:
        integer_samples(k, s);
        break;
    case SK_KEY_REAL:
        real_samples(k, s);
        break;
    case SK_KEY_BOOL:
        for (int i = 0; i < 7; i++)
            good(s, (const char *const[]){"true", "false", "yes", "no", "on", "Off", "TRUE"}[i]);
        bad(s, "1");
        bad(s, "maybe");
        break;
    case SK_KEY_ENUM:
        for (const char *const *name = k->names; *name; name++)
            good(s, *name);
        bad(s, "SGDX");
        break;
    case SK_KEY_NAME:
    case SK_KEY_TEXT:
        text_samples(k, s);
        break;
    case SK_KEY_REALS: /* of steps alone: test_steps.c */
    case SK_KEY_SIDES:
        fail_msg("no key of a recipe has this type");
        break;
    case SK_KEY_STEPS:
        good(s, "[{random_crop: {size: 8, padding: 2}}, {horizontal_flip: {p: 0.25}}, {resize: {size: [3, 4]}}]");
        good(s, "[{resize: 256}, {center_crop: 224}, horizontal_flip]");
        good(s, "[]");
        bad(s, "[{resize: 0}]");
        break;
    case SK_KEY_WORDS:
        good(s, "[cat, 'no', \"a, b\"]");
        good(s, "[]");
        bad(s, "[[a]]");
        bad(s, "{a: b}");
        break;
    case SK_KEY_NUMBERS:
        good(s, "[30, 60.5, 1.0e-3]");
        good(s, "[]");
        bad(s, "3");
        break;
    case SK_KEY_GRID:
        good(s, "{train.optimizer.lr: [0.1, 0.01], data.augment: [[], [{resize: 8}]]}");
        good(s, "{}");
        bad(s, "{model.width: 1}");
        break;
    case SK_KEY_LIST:
        good(s, "[{name: 'a, b', model.width: 0.5}, {train.optimizer: {name: adam}}]");
        good(s, "[]");
        bad(s, "[[a]]");
        break;
    case SK_KEY_NORMALIZE:
        good(s, "{mean: [0.1, -2, 1e-3], std: [1e-3, 2, 3]}");
        good(s, "{std: [0.5], mean: [0.25]}");
        good(s, "none");
        bad(s, "{mean: [0.5], std: [0]}");
        break;
    }
    if (k->word)
        good(s, k->word);
    if (k->type != SK_KEY_NAME && k->type != SK_KEY_TEXT && k->type != SK_KEY_WORDS)
        bad(s, "word");
}

static void format(const struct sk_key *k, const struct sk_recipe *r, char out[1024])
{
    struct sk_err err = {0};
    struct sk_str s = {0};
    assert_ok(sk_key_format(k, r, &s, &err), err);
    assert_true(s.len < 1024);
    strcpy(out, s.text);
    sk_str_release(&s);
}

static void assert_written_reads_back(const struct sk_recipe *r)
{
    static struct sk_recipe back;
    struct sk_err err = {0};
    struct sk_str s = {0};
    sk_recipe_defaults(&back);
    assert_ok(sk_recipe_write(r, &s, &err), err);
    assert_ok(sk_recipe_parse(&back, s.text, s.len, "written", &err), err);
    if (memcmp(r, &back, sizeof(back)) != 0)
        fail_msg("this does not read back:\n%s", s.text);
    sk_str_release(&s);
}

static void set_by_option(struct sk_recipe *r, const struct sk_key *k, const char *value)
{
    char assignment[2 * TEXT];
    struct sk_err err = {0};
    snprintf(assignment, sizeof(assignment), "%s=%s", k->name, value);
    assert_ok(sk_recipe_set(r, assignment, &err), err);
}

/* The row's value alone in a file, in nested sections or in one dotted key. */
static void set_by_file(struct sk_recipe *r, const struct sk_key *k, const char *value, bool nested)
{
    char text[4 * TEXT] = "";
    struct sk_err err = {0};
    size_t used = 0;
    const char *leaf = k->name;
    for (const char *dot; nested && (dot = strchr(leaf, '.')); leaf = dot + 1)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s: {", (int)(dot - leaf), leaf);
    used += (size_t)snprintf(text + used, sizeof(text) - used, "%s: %s", leaf, value);
    for (const char *dot = strchr(k->name, '.'); nested && dot; dot = strchr(dot + 1, '.'))
        used += (size_t)snprintf(text + used, sizeof(text) - used, "}");
    assert_ok(sk_recipe_parse(r, text, used, "test", &err), err);
}

static void every_key_is_set_and_written(void **state)
{
    (void)state;
    static struct sk_recipe by_option, nested, dotted;
    static struct samples s;
    char value[1024];
    for (size_t i = 0; i < sk_key_count; i++) {
        make_samples(&sk_keys[i], &s);
        assert_true(s.good > 0);
        for (int g = 0; g < s.good; g++) {
            sk_recipe_defaults(&by_option);
            sk_recipe_defaults(&nested);
            sk_recipe_defaults(&dotted);
            set_by_option(&by_option, &sk_keys[i], s.good_text[g]);
            format(&sk_keys[i], &by_option, value);
            set_by_file(&nested, &sk_keys[i], value, true);
            set_by_file(&dotted, &sk_keys[i], value, false);
            assert_memory_equal(&by_option, &nested, sizeof(nested));
            assert_memory_equal(&by_option, &dotted, sizeof(dotted));
            assert_written_reads_back(&by_option);
        }
    }
}

/* Setting one key changes that key alone, and to what was asked for. */
static void a_key_changes_its_own_member(void **state)
{
    (void)state;
    static struct sk_recipe r, before;
    static struct samples s;
    char value[1024];
    for (size_t i = 0; i < sk_key_count; i++) {
        int changes = 0;
        make_samples(&sk_keys[i], &s);
        for (int g = 0; g < s.good; g++) {
            sk_recipe_defaults(&before);
            sk_recipe_defaults(&r);
            set_by_option(&r, &sk_keys[i], s.good_text[g]);
            for (size_t other = 0; other < sk_key_count; other++)
                assert_true(other == i || sk_key_equal(&sk_keys[other], &r, &before));
            changes += !sk_key_equal(&sk_keys[i], &r, &before);
            format(&sk_keys[i], &r, value);
            bool verbatim = sk_keys[i].type == SK_KEY_ENUM || sk_keys[i].type == SK_KEY_INT64;
            if (verbatim)
                assert_string_equal(value, s.good_text[g]);
        }
        assert_true(changes > 0);
    }
}

static void every_key_refuses_what_it_must(void **state)
{
    (void)state;
    static struct sk_recipe r, before;
    static struct samples s;
    char assignment[2 * TEXT], expected[256], shown[TEXT], message[1024];
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    sk_recipe_defaults(&before);
    for (size_t i = 0; i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        make_samples(k, &s);
        for (int b = 0; b < s.bad; b++) {
            snprintf(assignment, sizeof(assignment), "%s=%s", k->name, s.bad_text[b]);
            sk_printable(shown, sizeof(shown), s.bad_text[b]);
            snprintf(message, sizeof(message), "%s: expected %s, got '%s'", k->name,
                     sk_key_expected(k, expected, sizeof(expected)), shown);
            bool composite = k->type == SK_KEY_STEPS || k->type == SK_KEY_WORDS || k->type == SK_KEY_NORMALIZE ||
                             k->type == SK_KEY_GRID || k->type == SK_KEY_LIST;
            assert_error(sk_recipe_set(&r, assignment, &err), SK_INPUT, err, composite ? k->name : message);
            assert_memory_equal(&r, &before, sizeof(r));
        }
    }
}

static void every_scalar_refuses_lists_and_maps(void **state)
{
    (void)state;
    static struct sk_recipe r;
    char text[TEXT], message[TEXT];
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    for (size_t i = 0; i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        bool list_is_fine = k->type == SK_KEY_STEPS || k->type == SK_KEY_WORDS || k->type == SK_KEY_NUMBERS,
              map_is_fine = k->type == SK_KEY_NORMALIZE || k->type == SK_KEY_GRID;
        snprintf(message, sizeof(message), "recipe 'f' line 2: %s: expected ", k->name);
        int length = snprintf(text, sizeof(text), "# first\n%s: [1, 2]\n", k->name);
        if (k->type == SK_KEY_LIST)
            assert_int_not_equal(sk_recipe_parse(&r, text, (size_t)length, "f", NULL), SK_OK);
        else if (!list_is_fine)
            assert_error(sk_recipe_parse(&r, text, (size_t)length, "f", &err), SK_INPUT, err, message);
        length = snprintf(text, sizeof(text), "# first\n%s: {a: 1}\n", k->name);
        if (!map_is_fine)
            assert_error(sk_recipe_parse(&r, text, (size_t)length, "f", &err), SK_INPUT, err, message);
        else
            assert_int_not_equal(sk_recipe_parse(&r, text, (size_t)length, "f", NULL), SK_OK);
    }
}

static void lengths_are_bounded(void **state)
{
    (void)state;
    static struct sk_recipe r;
    static char assignment[SK_PATH + 64];
    struct sk_err err = {0};
    for (size_t i = 0; i < sk_key_count; i++) {
        const struct sk_key *k = &sk_keys[i];
        if (k->type != SK_KEY_TEXT && k->type != SK_KEY_NAME)
            continue;
        int start = snprintf(assignment, sizeof(assignment), "%s=", k->name);
        memset(assignment + start, 'a', k->size);
        assignment[(size_t)start + k->size] = '\0';
        sk_recipe_defaults(&r);
        assert_error(sk_recipe_set(&r, assignment, &err), SK_INPUT, err, "of at most");
        assignment[(size_t)start + k->size - 1] = '\0';
        assert_ok(sk_recipe_set(&r, assignment, &err), err);
        assert_string_equal((char *)&r + k->offset, assignment + start);
        assert_written_reads_back(&r);
    }
}

/* Rows of a section stand together, or the written recipe would open a section twice. */
static void table_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sk_key_count; i++) {
        const char *name = sk_keys[i].name;
        assert_ptr_equal(sk_key_find(name), &sk_keys[i]);
        assert_false(sk_key_is_section(name));
        assert_true(*sk_keys[i].help && sk_keys[i].initial);
        size_t length = (size_t)(strrchr(name, '.') ? strrchr(name, '.') + 1 - name : 0);
        for (size_t j = i + 2; length && j < sk_key_count; j++)
            if (strncmp(sk_keys[j].name, name, length) == 0)
                assert_true(strncmp(sk_keys[j - 1].name, name, length) == 0);
    }
}

static void help_names_every_key(void **state)
{
    (void)state;
    char expected[256], line[512];
    struct sk_err err = {0};
    struct sk_str s = {0};
    assert_ok(sk_recipe_help(&s, &err), err);
    for (size_t i = 0; i < sk_key_count; i++) {
        snprintf(line, sizeof(line), "\n  %s: %s\n", sk_keys[i].name, sk_keys[i].help);
        assert_non_null(strstr(s.text, line));
        if (sk_keys[i].type != SK_KEY_TEXT)
            assert_non_null(strstr(s.text, sk_key_expected(&sk_keys[i], expected, sizeof(expected))));
    }
    for (size_t i = 0; i < sk_step_type_count; i++)
        assert_non_null(strstr(s.text, sk_step_types[i].name));
    assert_non_null(strstr(s.text, "\ntrain.optimizer\n"));
    assert_non_null(strstr(s.text, "an integer from 1 to 65536; default: 128\n"));
    sk_str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_set_and_written),
        cmocka_unit_test(a_key_changes_its_own_member),
        cmocka_unit_test(every_key_refuses_what_it_must),
        cmocka_unit_test(every_scalar_refuses_lists_and_maps),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(table_is_in_order),
        cmocka_unit_test(help_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

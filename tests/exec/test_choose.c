/* Choice of kernels: kernels of a made-up backend, whose runs move a made-up clock on, so that what is chosen is
 * certain. */
#include "test.h"

#include <math.h>

#include "exec/fake_backend.h"

static char last_told[2048];

static void on_notice(const char *text)
{
    snprintf(last_told, sizeof last_told, "%s", text);
}

/* ---- one choice ---- */
struct bed {
    struct sk_engine e;
    struct sk_plan_options o;
    struct sk_choice c;
    struct sk_err err;
};

static void bed_open(struct bed *b, const char *machine)
{
    memset(b, 0, sizeof *b);
    b->e = (struct sk_engine){.backend = &fake_backend, .threads = 2, .clock = fake_clock};
    b->o = (struct sk_plan_options){.tune = SK_TUNE_QUICK, .winograd = SK_WINOGRAD_SAFE};
    assert_ok(sk_tune_cache_new(&b->e.cache, machine, &b->err), b->err);
}

static void bed_close(struct bed *b)
{
    sk_choice_release(&b->c);
    sk_tune_cache_free(b->e.cache);
}

static struct sk_op_desc conv(int batch)
{
    struct sk_op_desc d = {.kind = SK_OP_CONV, .in_count = 2, .out_count = 1, .name = "conv1"};
    d.attr = (struct sk_attr){.kernel = 3, .stride = 1, .pad = 1};
    d.in[0] = d.out[0] = sk_desc_make(SK_F32, 4, (int64_t[]){batch, 16, 16, 64});
    d.in[1] = sk_desc_make(SK_F32, 4, (int64_t[]){64, 64, 3, 3});
    return d;
}

static enum sk_code choose(struct bed *b, int batch)
{
    struct sk_tuner t = {.engine = &b->e};
    struct sk_op_desc d = conv(batch);
    sk_choice_release(&b->c);
    enum sk_code code = sk_choose(&b->c, &t, &d, &b->o, &b->err);
    sk_tuner_release(&t);
    return code;
}

#define assert_chosen(b, batch, want)                                                                                  \
    do {                                                                                                               \
        assert_ok(choose((b), (batch)), (b)->err);                                                                     \
        assert_string_equal((b)->c.name, (want));                                                                      \
    } while (0)

/* The usual kernels: "two b" is the fastest. */
static int setup(void **state)
{
    (void)state;
    fake = (struct fake){.ms = {{10, 9}, {12, 7}, {8, 11, 1, 1, 1}, {100}}};
    setenv("SKUA_CACHE", "off", 1);
    return 0;
}

static double trial_ms(const struct bed *b, const char *name)
{
    return b->c.trials ? sk_trials_ms(b->c.trials, name) : 0;
}

static const char *trial_why(const struct bed *b, const char *name)
{
    for (int i = 0; b->c.trials && i < b->c.trials->count; i++)
        if (strcmp(b->c.trials->at[i].name, name) == 0)
            return b->c.trials->at[i].why;
    return "not there";
}

/* ---- measuring ---- */
static void test_fastest(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    assert_chosen(&b, 8, "two b");
    assert_true(fabs(b.c.ms - 7) < 1e-6 && fabs(trial_ms(&b, "one b") - 9) < 1e-6);
    assert_true(fabs(trial_ms(&b, "many a") - 8) < 1e-6 && fabs(trial_ms(&b, "many b") - 11) < 1e-6);
    assert_string_equal(trial_why(&b, "ref"), "reference: not timed");
    assert_int_equal(fake.opened[3], 0);
    assert_int_equal(fake.runs[2][2], 0); /* of many variants only the first few */
    assert_int_equal(b.c.trials->count, 7);
    int before = fake_runs();
    assert_chosen(&b, 8, "two b"); /* known now */
    assert_int_equal(fake_runs(), before);
    assert_chosen(&b, 9, "two b"); /* another shape */
    assert_true(fake_runs() > before);
    bed_close(&b);
}

static void test_ties(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    fake = (struct fake){.ms = {{100}, {98.5}, {99, 120}}};
    assert_chosen(&b, 1, "one a");
    fake.ms[1][0] = 97;
    assert_chosen(&b, 2, "two a");
    fake = (struct fake){
        .ms = {{102.5}, {101}, {100}}}; /* within two of a hundred of the best, though not of each other */
    assert_chosen(&b, 3, "two a");
    bed_close(&b);
}

static void test_slow_ones_run_once(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    fake = (struct fake){.ms = {{300}, {700}, {50, 99}}};
    assert_chosen(&b, 1, "many a");
    assert_int_equal(fake.runs[0][0], 1); /* the first, but left behind */
    assert_int_equal(fake.runs[1][0], 1);
    assert_int_equal(fake.runs[2][1], 2); /* slower, but not by so much */
    fake = (struct fake){.ms = {{55}, {700}, {50, 54}}};
    assert_chosen(&b, 3, "many a");
    assert_true(fake.runs[0][0] == 3 && fake.runs[2][0] == 3 && fake.runs[2][1] == 3);
    fake = (struct fake){.ms = {{1}, {3}}}; /* cheap enough for a second chance */
    assert_chosen(&b, 2, "one a");
    assert_int_equal(fake.runs[1][0], 2);
    bed_close(&b);
}

static void test_bounded_time(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    fake = (struct fake){.ms = {{1e-4}, {1e-4}}};
    assert_chosen(&b, 1, "one a");
    assert_true(fake_runs() < 100);
    fake = (struct fake){.ms = {{4000}, {5000}}};
    assert_chosen(&b, 2, "one a");
    assert_int_equal(fake_runs(), 6);
    bed_close(&b);
}

static void test_frozen_packs(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    assert_chosen(&b, 1, "two b");
    assert_int_equal(fake.prepared[1][1], 0);
    b.o.frozen = true;
    assert_chosen(&b, 1, "two b");
    assert_true(fake.prepared[1][1] == 1 && fake.prepared[0][0] == 1);
    bed_close(&b);
}

static void test_declines(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    fake.declines[0][0] = "no such stride";
    fake.declines[1][0] = "too wide";
    fake.ms[1][0] = 1; /* unseen: variant 0 declines for all */
    fake.ms[2][1] = 0;
    assert_chosen(&b, 1, "many a");
    assert_int_equal(fake_runs(), 0); /* nothing to choose from */
    assert_string_equal(trial_why(&b, "one"), "no such stride");
    fake.declines[2][0] = "not today";
    assert_chosen(&b, 1, "ref a");
    fake.declines[3][0] = "nor this";
    assert_error(choose(&b, 1), SK_UNSUPPORTED, b.err,
                 "one: no such stride; two: too wide; many: not today; ref: nor this");
    fake = (struct fake){.ms = {{5, 0, 3}}, .declines = {{NULL, "wants winograd: fast"}}};
    assert_chosen(&b, 1, "one c"); /* a variant that declines does not hide the next */
    assert_string_equal(trial_why(&b, "one"), "wants winograd: fast");
    bed_close(&b);
}

static void test_off(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    b.o.tune = SK_TUNE_OFF;
    assert_chosen(&b, 1, "one a");
    assert_true(fake_runs() == 0 && b.c.ms == 0 && fake.opened[1] == 0);
    b.o.tune = SK_TUNE_QUICK;
    assert_chosen(&b, 1, "two b");
    b.o.tune = SK_TUNE_OFF; /* whatever is known by now */
    assert_chosen(&b, 1, "one a");
    bed_close(&b);
}

static void test_cancel_and_memory(void **state)
{
    (void)state;
    struct bed b;
    atomic_bool cancel;
    atomic_init(&cancel, true);
    bed_open(&b, "m");
    b.e.cancel = &cancel;
    assert_error(choose(&b, 1), SK_CANCELLED, b.err, "stopped");
    assert_int_equal(fake_runs(), 0);
    atomic_store(&cancel, false);
    fake.no_memory = true;
    assert_chosen(&b, 1, "one a");
    assert_string_equal(trial_why(&b, "two b"), "no memory to measure in");
    fake.no_memory = false;
    assert_chosen(&b, 1, "two b"); /* that was no result to keep */
    bed_close(&b);
}

/* Goes on as another process would, with what was written. */
static void reopen(struct bed *b, const char *machine)
{
    sk_tune_cache_save(b->e.cache);
    bed_close(b);
    bed_open(b, machine);
    memset(fake.runs, 0, sizeof fake.runs);
}

static void test_remembered(void **state)
{
    (void)state;
    struct bed b;
    setenv("SKUA_CACHE", test_path("remembered"), 1);
    bed_open(&b, "m");
    assert_chosen(&b, 1, "two b");
    reopen(&b, "m");
    assert_chosen(&b, 1, "two b");
    assert_true(fake_runs() == 0 && fabs(b.c.ms - 7) < 1e-6 && fabs(trial_ms(&b, "one b") - 9) < 1e-6);
    assert_string_equal(trial_why(&b, "ref"), "reference: not timed");
    b.o.winograd = SK_WINOGRAD_OFF;
    assert_chosen(&b, 1, "two b");
    assert_true(fake_runs() > 0);
    reopen(&b, "another machine");
    assert_chosen(&b, 1, "two b");
    assert_true(fake_runs() > 0);
    reopen(&b, "m");
    fake.only_one_and_ref = true; /* other kernels to choose from */
    assert_chosen(&b, 1, "one b");
    assert_true(fake_runs() > 0);
    reopen(&b, "m");
    fake.only_one_and_ref = false;
    fake.ms[1][1] = 0; /* what was the best is no more */
    assert_chosen(&b, 1, "many a");
    assert_true(fake_runs() > 0);
    reopen(&b, "m");
    assert_chosen(&b, 1, "many a");
    assert_int_equal(fake_runs(), 0);
    bed_close(&b);
}

/* ---- plan.json, SKUA_FORCE ---- */
static void use_plan_json(struct bed *b, const char *kernel, struct sk_choices **stored)
{
    char key[SK_CHOICE_KEY], json[2 * SK_CHOICE_KEY];
    struct sk_op_desc d = conv(1);
    sk_choice_key(&d, false, key);
    snprintf(json, sizeof json, "{\"ops\": {\"%s\": \"%s\"}}", key, kernel);
    assert_ok(sk_choices_parse(stored, json, strlen(json), "plan.json", &b->err), b->err);
    b->o.choices = *stored;
}

static void test_precedence(void **state)
{
    (void)state;
    struct bed b;
    struct sk_choices *stored = NULL;
    bed_open(&b, "m");
    use_plan_json(&b, "many d", &stored); /* also one that is not measured */
    assert_chosen(&b, 1, "many d");
    assert_string_equal(b.c.by, "plan.json");
    assert_int_equal(fake_runs(), 0);
    assert_chosen(&b, 2, "two b"); /* an op that it does not know */
    assert_ok(sk_force_parse(&b.e.force, "conv:one", &fake_backend, &b.err), b.err);
    assert_chosen(&b, 1, "one b");
    assert_chosen(&b, 2, "one b"); /* also against what is known */
    assert_string_equal(b.c.by, "SKUA_FORCE");
    memset(&b.e.force, 0, sizeof b.e.force);
    sk_choices_free(stored);
    use_plan_json(&b, "gone x", &stored);
    assert_chosen(&b, 1, "two b");
    assert_non_null(strstr(last_told, "'gone x'"));
    sk_choices_free(stored);
    bed_close(&b);
}

static void test_force(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, "m");
    assert_ok(sk_force_parse(&b.e.force, "conv:many d", &fake_backend, &b.err), b.err);
    assert_chosen(&b, 1, "many d");
    assert_string_equal(last_told, "kernels are forced: SKUA_FORCE=conv:many d");
    assert_ok(sk_force_parse(&b.e.force, "conv:ref", &fake_backend, &b.err), b.err);
    assert_chosen(&b, 1, "ref a");
    b.o.tune = SK_TUNE_OFF;
    assert_ok(sk_force_parse(&b.e.force, "conv:two b", &fake_backend, &b.err), b.err);
    assert_chosen(&b, 1, "two b");
    fake.declines[1][0] = "too wide";
    assert_error(choose(&b, 1), SK_UNSUPPORTED, b.err, "no kernel 'two b', which SKUA_FORCE asks for, can run 'conv1'");
    assert_error(choose(&b, 1), SK_UNSUPPORTED, b.err, "two: too wide");
    bed_close(&b);
}

static void test_force_malformed(void **state)
{
    (void)state;
    struct sk_force f;
    struct sk_err err = {0};
    char longest[600];
    static const char *const wrong[][2] = {
        {"cnv:one", "unknown op 'cnv' in SKUA_FORCE: those with several kernels are conv"},
        {"conv:three", "unknown kernel 'three' in SKUA_FORCE: conv has one, two, many, ref"},
        {"conv", "expected OP:KERNEL[,OP:KERNEL...] in SKUA_FORCE, got 'conv'"},
        {"conv:", "got 'conv:'"},
        {":one", "got ':one'"},
        {"conv:one,", "got ''"},
        {"conv:one,conv:two", "op conv is twice in SKUA_FORCE"},
        {"relu:cpu", "unknown kernel 'cpu' in SKUA_FORCE: relu has"},
    };
    for (size_t i = 0; i < SK_COUNT(wrong); i++)
        assert_error(sk_force_parse(&f, wrong[i][0], &fake_backend, &err), SK_USAGE, err, wrong[i][1]);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_error(sk_force_parse(&f, longest, &fake_backend, &err), SK_USAGE, err, "longer than");
    assert_ok(sk_force_parse(&f, "", &fake_backend, &err), err);
    assert_null(f.name[SK_OP_CONV]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fastest, setup),
        cmocka_unit_test_setup(test_ties, setup),
        cmocka_unit_test_setup(test_slow_ones_run_once, setup),
        cmocka_unit_test_setup(test_bounded_time, setup),
        cmocka_unit_test_setup(test_frozen_packs, setup),
        cmocka_unit_test_setup(test_declines, setup),
        cmocka_unit_test_setup(test_off, setup),
        cmocka_unit_test_setup(test_cancel_and_memory, setup),
        cmocka_unit_test_setup(test_remembered, setup),
        cmocka_unit_test_setup(test_precedence, setup),
        cmocka_unit_test_setup(test_force, setup),
        cmocka_unit_test_setup(test_force_malformed, setup),
    };
    sk_notice_sink(on_notice);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Checkpoints: what is written comes back, the newest whole one is found, and neither a kill nor a full disk nor damage
 * costs more than the newest. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "train/internal.h"

static const char *const names[] = {"cat", "caf\xc3\xa9", "dog"};

struct bed { /* a run with a small network */
    struct sk_run run;
    struct sk_recipe recipe;
    struct sk_engine *engine;
    struct sk_net *net;
};
static struct bed bed;
static char dir[SK_PATH];
static struct sk_str notices;

static void on_notice(const char *text)
{
    if (sk_str_add(&notices, NULL, "%s\n", text) != SK_OK)
        fail_msg("no memory");
}

static void open_bed(bool resume)
{
    struct sk_err err = {0};
    struct sk_net_shape shape = {.height = 8, .width = 8, .channels = 3, .pixel = SK_U8, .classes = 3};
    sk_recipe_defaults(&bed.recipe);
    assert_ok(sk_recipe_set(&bed.recipe, "model={arch: resnet18, width: 0.0625, classes: 3}", &err), err);
    assert_ok(sk_recipe_set(&bed.recipe, "engine={precision: fp32, threads: 1, tune: off}", &err), err);
    assert_ok(sk_run_open(&bed.run, dir, resume, &err), err);
    assert_ok(sk_engine_open(&bed.engine, &bed.recipe.engine, &err), err);
    assert_ok(sk_net_new(&bed.net, bed.engine, &bed.recipe, &shape, &err), err);
    sk_net_init(bed.net, 5);
}

static void close_bed(void)
{
    sk_net_free(bed.net);
    sk_engine_close(bed.engine);
    sk_run_close(&bed.run);
    bed = (struct bed){0};
}

static int set_up(void **state)
{
    static int number;
    char name[32];
    (void)state;
    snprintf(name, sizeof(name), "run%d", number++);
    snprintf(dir, sizeof(dir), "%s", test_path(name));
    sk_notice_sink(on_notice);
    open_bed(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_bed();
    sk_str_release(&notices);
    return 0;
}

static struct sk_position position(int64_t step)
{
    return (struct sk_position){.step = step,
                                .batch = 3,
                                .replaced = 5,
                                .epoch = 2,
                                .best = 1.0 / 3,
                                .stale = 4,
                                .plateau = {.low = 0.7, .bad = 1, .cooling = 2, .drops = 3},
                                .metrics = {.loss_sum = 0.1 + 0.2, .count = 48, .correct1 = 7, .correct5 = 30},
                                .seconds = 12.000000000000002,
                                .epoch_seconds = 1e-300,
                                .fingerprint = UINT64_MAX - 3,
                                .samples = 960,
                                .batch_size = 16,
                                .reported = 1};
}

static void save(int64_t step, bool best)
{
    struct sk_err err = {0};
    struct sk_position at = position(step);
    assert_ok(sk_checkpoint_write(&bed.run, bed.net, &bed.recipe, names, &at, best, &err), err);
}

static const char *in_run(const char *name)
{
    static char path[4][SK_PATH];
    static unsigned turn;
    char *out = path[turn++ % 4];
    assert_int_equal(sk_path_join(out, NULL, dir, name), SK_OK);
    return out;
}

static bool has(const char *name)
{
    return sk_is_dir(in_run(name));
}

static void assert_found(const char *name)
{
    struct sk_err err = {0};
    char path[SK_PATH];
    bool found;
    assert_ok(sk_checkpoint_find(&bed.run, path, &found, &err), err);
    assert_int_equal(found, name != NULL);
    if (name)
        assert_string_equal(path, in_run(name));
}

static void train_a_step(void)
{
    struct sk_err err = {0};
    uint8_t pixels[4 * 8 * 8 * 3];
    struct sk_net_result result;
    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (uint8_t)(i * 37);
    assert_ok(sk_net_train(bed.net, &(struct sk_net_batch){4, pixels, (int32_t[]){0, 1, 2, 1}, NULL},
                           &(struct sk_step){.lr = 0.1}, &result, NULL, &err),
              err);
}

/* All tensors of the store, one after another. */
static float *content(size_t *count)
{
    struct sk_err err = {0};
    const struct sk_store *s = sk_net_store(bed.net);
    size_t n = 0;
    for (size_t i = 0; i < sk_store_count(s); i++)
        n += (size_t)sk_desc_count(&sk_store_at(s, i)->desc);
    float *all = sk_alloc(n, sizeof(*all), &err);
    *count = n;
    n = 0;
    for (size_t i = 0; i < sk_store_count(s); i++) {
        size_t part = (size_t)sk_desc_count(&sk_store_at(s, i)->desc);
        assert_ok(sk_store_read(s, sk_store_at(s, i)->name, all + n, part, &err), err);
        n += part;
    }
    return all;
}

/* ---- ---- */
static void what_is_written_comes_back(void **state)
{
    struct sk_err err = {0};
    struct sk_position at, expected = position(4);
    struct sk_recipe recipe;
    size_t n, m;
    (void)state;
    train_a_step();
    float *before = content(&n);
    save(4, false);
    close_bed();
    open_bed(true);
    assert_found("ckpt-4");
    assert_ok(sk_checkpoint_position(in_run("ckpt-4"), &at, &err), err);
    assert_memory_equal(&at, &expected, sizeof(at));
    assert_ok(sk_checkpoint_recipe(in_run("ckpt-4"), &recipe, &err), err);
    assert_ok(sk_recipe_may_resume(&bed.recipe, &recipe, &err), err);
    assert_ok(sk_checkpoint_load(in_run("ckpt-4"), bed.net, &err), err);
    float *after = content(&m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n * sizeof(*before));
    sk_free(before);
    sk_free(after);
}

static void the_model_says_what_it_is(void **state)
{
    struct sk_err err = {0};
    struct sk_safetensors st;
    struct sk_model_facts facts;
    (void)state;
    save(4, false);
    assert_ok(sk_st_open(&st, in_run("last/model.safetensors"), &err), err);
    assert_ok(sk_model_facts_read(&facts, &st, "x", &err), err);
    assert_int_equal(facts.step, 4);
    assert_true(facts.has_recipe && facts.has_shape);
    assert_int_equal(facts.shape.height, 8);
    assert_int_equal(facts.shape.pixel, SK_U8);
    assert_int_equal(facts.shape.classes, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(facts.class_name[i], names[i]);
    sk_model_facts_release(&facts);
    sk_st_close(&st);
}

static void old_ones_go_but_for_those_linked(void **state)
{
    (void)state;
    save(1, false);
    save(2, true);
    for (int64_t step = 3; step <= 6; step++)
        save(step, false);
    assert_true(has("ckpt-2") && has("ckpt-5") && has("ckpt-6"));
    assert_false(has("ckpt-1") || has("ckpt-3") || has("ckpt-4"));
    char name[SK_NAME];
    assert_true(sk_checkpoint_link(&bed.run, "best", name));
    assert_string_equal(name, "ckpt-2");
    assert_found("ckpt-6");
}

static void one_of_the_same_step_is_replaced(void **state)
{
    struct sk_err err = {0};
    struct sk_position at;
    (void)state;
    save(1, false);
    save(2, false);
    at = position(2);
    at.epoch = 9;
    assert_ok(sk_checkpoint_write(&bed.run, bed.net, &bed.recipe, names, &at, false, &err), err);
    assert_ok(sk_checkpoint_position(in_run("ckpt-2"), &at, &err), err);
    assert_int_equal(at.epoch, 9);
    char **list;
    size_t count;
    assert_ok(sk_dir_list(dir, &list, &count, &err), err);
    for (size_t i = 0; i < count; i++)
        assert_null(strstr(list[i], ".tmp-"));
    sk_free(list);
}

static void none_is_no_error(void **state)
{
    (void)state;
    assert_found(NULL);
}

static void without_links_the_newest_is_found(void **state)
{
    (void)state;
    save(9, false);
    save(10, false);
    unlink(in_run("last"));
    assert_found("ckpt-10");
}

/* ---- damage ---- */
static void change_byte(const char *path, off_t at)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void damage(const char *checkpoint, int kind)
{
    char path[4][SK_PATH];
    struct stat st;
    static const char *const file[] = {"model.safetensors", "state.safetensors", "plan.json", "state.json"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(sk_path_join(path[i], NULL, checkpoint, file[i]), SK_OK);
    assert_int_equal(stat(path[0], &st), 0);
    if (kind == 0)
        change_byte(path[0], st.st_size - 5);
    else if (kind == 1)
        assert_int_equal(truncate(path[0], st.st_size / 2), 0);
    else if (kind == 2)
        assert_int_equal(unlink(path[1]), 0);
    else if (kind == 3)
        assert_int_equal(unlink(path[3]), 0);
    else if (kind == 4)
        assert_int_equal(truncate(path[3], 40), 0);
    else
        change_byte(path[2], 3);
}

static void a_damaged_one_is_told_and_passed_over(void **state)
{
    (void)state;
    save(1, false);
    for (int kind = 0; kind < 6; kind++) { /* another step each time, for the same sentence is told only once */
        struct sk_err err = {0};
        char name[SK_NAME], told[2 * SK_NAME];
        snprintf(name, sizeof(name), "ckpt-%d", 10 + kind);
        snprintf(told, sizeof(told), "%s' is passed over: ", name);
        save(10 + kind, false);
        damage(in_run(name), kind);
        sk_str_release(&notices);
        assert_found("ckpt-1");
        if (!notices.text || !strstr(notices.text, told))
            fail_msg("damage %d: told '%s'", kind, notices.text ? notices.text : "");
        assert_ok(sk_remove_tree(in_run(name), &err), err);
    }
}

static void values_out_of_bounds_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"version\": 0}",
                                      "{\"version\": 1, \"epoch\": -1}",
                                      "{\"version\": 1, \"epoch\": 4294967296}",
                                      "{\"version\": 1, \"epoch\": 1, \"step\": 1.5}"};
    struct sk_err err = {0};
    struct sk_position at;
    (void)state;
    save(2, false);
    for (size_t i = 0; i < SK_COUNT(bad); i++) {
        assert_ok(sk_file_write(in_run("ckpt-2/state.json"), bad[i], strlen(bad[i]), &err), err);
        assert_error(sk_checkpoint_position(in_run("ckpt-2"), &at, &err), SK_INPUT, err, "is damaged");
    }
}

/* Starting anew would destroy the run: none that can be used is not the same as none. */
static void all_damaged_is_an_error_that_names_the_newest(void **state)
{
    struct sk_err err = {0};
    char path[SK_PATH];
    bool found;
    (void)state;
    save(1, false);
    save(2, false);
    damage(in_run("ckpt-1"), 3);
    damage(in_run("ckpt-2"), 0);
    assert_error(sk_checkpoint_find(&bed.run, path, &found, &err), SK_INPUT, err,
                 "ckpt-2/model.safetensors' is damaged");
    assert_false(found);
    assert_true(has("ckpt-1") && has("ckpt-2"));
    assert_int_equal(unlink(in_run("last")), 0);
    assert_error(sk_checkpoint_find(&bed.run, path, &found, &err), SK_INPUT, err,
                 "ckpt-2/model.safetensors' is damaged");
}

static void one_of_a_newer_version_is_never_passed_over(void **state)
{
    static const char newer[] = "{\"version\": 2, \"what\": \"ever\"}";
    struct sk_err err = {0};
    char path[SK_PATH];
    bool found;
    (void)state;
    save(1, false);
    save(2, false);
    assert_ok(sk_file_write(in_run("ckpt-2/state.json"), newer, strlen(newer), &err), err);
    assert_error(sk_checkpoint_find(&bed.run, path, &found, &err), SK_UNSUPPORTED, err,
                 "was written by a newer skua: version 2");
}

/* A limit of open files stands for all that passes: it must not look like damage. */
static void one_that_cannot_be_read_now_is_an_error(void **state)
{
    struct sk_err err = {0};
    struct sk_position at;
    struct rlimit limit, none;
    char sum[SK_SHA256_TEXT];
    (void)state;
    save(1, false);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum sk_code code = sk_checkpoint_position(in_run("ckpt-1"), &at, &err);
    struct sk_err why = {0};
    enum sk_code hashed = sk_file_sha256(in_run("ckpt-1/model.safetensors"), sum, &why);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_error(code, SK_IO, err, "Too many open files");
    assert_error(hashed, SK_IO, why, "Too many open files");
    assert_error(sk_file_sha256(in_run("ckpt-1/none"), sum, &why), SK_INPUT, why, "No such file");
    assert_error(sk_file_sha256(in_run("ckpt-1"), sum, &why), SK_INPUT, why, "not a regular file");
    /* FIPS 180-2, the first example */
    assert_ok(sk_file_write(in_run("abc"), "abc", 3, &err), err);
    assert_ok(sk_file_sha256(in_run("abc"), sum, &err), err);
    assert_string_equal(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* ---- full disk, kills ---- */
static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_leaves_the_last_good_one(void **state)
{
    struct sk_err err = {0};
    struct sk_position at = position(2);
    char **list;
    size_t count;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    save(1, false);
    limit_file_size(20000);
    enum sk_code code = sk_checkpoint_write(&bed.run, bed.net, &bed.recipe, names, &at, true, &err);
    limit_file_size(RLIM_INFINITY);
    assert_error(code, SK_IO, err, "File too large");
    assert_ok(sk_dir_list(dir, &list, &count, &err), err);
    assert_int_equal(count, 3); /* .lock, ckpt-1, last */
    sk_free(list);
    assert_found("ckpt-1");
    save(2, true);
    assert_found("ckpt-2");
}

static void memory_that_runs_out_costs_no_more_than_the_checkpoint(void **state)
{
    struct sk_position at = position(2);
    enum sk_code code = SK_NOMEM;
    (void)state;
    save(1, false);
    for (long n = 1; code != SK_OK; n++) {
        struct sk_err err = {0};
        sk_mem_fail_after(n);
        code = sk_checkpoint_write(&bed.run, bed.net, &bed.recipe, names, &at, true, &err);
        sk_mem_fail_after(0);
        assert_true(code == SK_OK || code == SK_NOMEM);
        assert_true(n < 1000);
        if (!has("ckpt-2"))
            assert_found("ckpt-1");
    }
    assert_found("ckpt-2");
    code = SK_NOMEM;
    for (long n = 1; code != SK_OK; n++) {
        struct sk_err err = {0};
        sk_mem_fail_after(n);
        code = sk_checkpoint_load(in_run("ckpt-2"), bed.net, &err);
        sk_mem_fail_after(0);
        assert_true(code == SK_OK || code == SK_NOMEM);
        assert_true(n < 1000);
    }
}

/* Saves until it is killed: now and then the same step again. */
static void save_on_and_on(int ready)
{
    open_bed(true);
    for (int64_t step = 1;; step++) {
        save(step / 2 + 1, step % 3 == 0);
        if (step == 1 && write(ready, "x", 1) != 1)
            _exit(1);
    }
}

static void a_kill_at_any_moment_leaves_a_whole_one(void **state)
{
    enum { KILLS = 25 };
    uint64_t seed = (uint64_t)time(NULL);
    struct sk_rng rng;
    (void)state;
    sk_rng_init(&rng, seed, 0, 0, SK_RNG_TEST);
    close_bed();
    for (int i = 0; i < KILLS; i++) {
        int ready[2];
        char byte;
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0)
            save_on_and_on(ready[1]);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        usleep(sk_rng_below(&rng, 20000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        open_bed(true);
        sk_str_release(&notices);
        struct sk_err err = {0};
        char path[SK_PATH];
        bool found = false;
        assert_ok(sk_checkpoint_find(&bed.run, path, &found, &err), err);
        if (!found || notices.len > 0)
            fail_msg("seed %llu, kill %d: found %d, told '%s'", (unsigned long long)seed, i, found,
                     notices.text ? notices.text : "");
        assert_ok(sk_checkpoint_load(path, bed.net, &err), err);
        close_bed();
    }
    open_bed(true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_comes_back),
        TEST(the_model_says_what_it_is),
        TEST(old_ones_go_but_for_those_linked),
        TEST(one_of_the_same_step_is_replaced),
        TEST(none_is_no_error),
        TEST(without_links_the_newest_is_found),
        TEST(a_damaged_one_is_told_and_passed_over),
        TEST(all_damaged_is_an_error_that_names_the_newest),
        TEST(one_of_a_newer_version_is_never_passed_over),
        TEST(one_that_cannot_be_read_now_is_an_error),
        TEST(values_out_of_bounds_are_refused),
        TEST(a_full_disk_leaves_the_last_good_one),
        TEST(memory_that_runs_out_costs_no_more_than_the_checkpoint),
        TEST(a_kill_at_any_moment_leaves_a_whole_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

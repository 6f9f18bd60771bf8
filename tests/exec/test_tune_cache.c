/* What measuring found, on disk: found again, shared by programs, bounded, and never trusted. */
#include "test.h"

#include <jansson.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/internal.h"

static int told;
static char last_told[2048];

static void on_notice(const char *text)
{
    told++;
    snprintf(last_told, sizeof last_told, "%s", text);
}

/* A folder of its own for each test; nothing else tells where the cache is. */
static const char *folder(const char *name)
{
    const char *path = test_path(name);
    setenv("SKUA_CACHE", path, 1);
    return path;
}

static const char *file_in(const char *dir)
{
    static char path[SK_PATH];
    snprintf(path, sizeof path, "%s/kernels.json", dir);
    return path;
}

static int setup(void **state)
{
    (void)state;
    told = 0;
    last_told[0] = 0;
    return 0;
}

static struct sk_tune_cache *open_cache(const char *machine)
{
    struct sk_tune_cache *c = NULL;
    struct sk_err err = {0};
    assert_ok(sk_tune_cache_new(&c, machine, &err), err);
    return c;
}

static void put(struct sk_tune_cache *c, const char *key, const char *chosen)
{
    struct sk_trials t = {0};
    sk_trials_add(&t, chosen, 1.25, "");
    sk_trials_add(&t, "ref", 0, "reference: not timed");
    sk_tune_cache_put(c, key, chosen, &t);
}

static void assert_known(struct sk_tune_cache *c, const char *key, const char *want)
{
    char chosen[SK_KERNEL_NAME];
    struct sk_trials t;
    bool known = sk_tune_cache_get(c, key, chosen, &t);
    assert_int_equal(known, want != NULL);
    if (!want)
        return;
    assert_string_equal(chosen, want);
    assert_int_equal(t.count, 2);
    assert_true(sk_trials_ms(&t, want) == 1.25);
    assert_string_equal(t.at[1].why, "reference: not timed");
}

/* What a program finds that begins now. */
static void assert_written(const char *machine, const char *key, const char *want)
{
    struct sk_tune_cache *c = open_cache(machine);
    assert_known(c, key, want);
    sk_tune_cache_free(c);
}

static void test_where(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"off", "/x", "/h", ""},
        {"/own", "/x", "/h", "/own/kernels.json"},
        {"rel", "/x", "/h", "rel/kernels.json"},
        {"", "/x", "/h", "/x/skua/kernels.json"},
        {"", "x", "/h", "/h/.cache/skua/kernels.json"},
        {"", "", "/h", "/h/.cache/skua/kernels.json"},
        {"", "", "", ""},
    };
    for (size_t i = 0; i < SK_COUNT(cases); i++) {
        setenv("SKUA_CACHE", cases[i][0], 1);
        setenv("XDG_CACHE_HOME", cases[i][1], 1);
        setenv("HOME", cases[i][2], 1);
        struct sk_tune_cache *c = open_cache("m");
        assert_string_equal(sk_tune_cache_path(c), cases[i][3]);
        sk_tune_cache_free(c);
    }
}

static void test_round(void **state)
{
    (void)state;
    const char *dir = folder("round/deep");
    struct sk_tune_cache *c = open_cache("m");
    assert_known(c, "k", NULL);
    sk_tune_cache_save(c); /* nothing new: nothing written */
    assert_false(sk_is_dir(dir));
    put(c, "k", "one a");
    assert_known(c, "k", "one a");
    put(c, "k", "two b"); /* the last counts */
    assert_known(c, "k", "two b");
    sk_tune_cache_save(c);
    sk_tune_cache_free(c);
    assert_written("m", "k", "two b");
    assert_written("n", "k", NULL);
    assert_written("m", "l", NULL);
    assert_int_equal(told, 0);
}

static void test_only_in_memory(void **state)
{
    (void)state;
    setenv("SKUA_CACHE", "off", 1);
    struct sk_tune_cache *c = open_cache("m");
    put(c, "k", "one a");
    sk_tune_cache_save(c);
    assert_known(c, "k", "one a");
    sk_tune_cache_free(c);
    assert_written("m", "k", NULL);
    assert_int_equal(told, 0);
}

/* Two programs at once, and one on another machine that shares the folder. */
static void test_merged(void **state)
{
    (void)state;
    folder("merged");
    struct sk_tune_cache *a = open_cache("m"), *b = open_cache("m"), *far = open_cache("n");
    assert_known(a, "x", NULL);
    assert_known(b, "x", NULL);
    put(a, "x", "one a");
    put(b, "y", "two b");
    put(far, "x", "three c");
    sk_tune_cache_save(a);
    sk_tune_cache_save(b);
    sk_tune_cache_save(far);
    put(a, "z", "four d");
    sk_tune_cache_save(a);
    sk_tune_cache_free(a);
    sk_tune_cache_free(b);
    sk_tune_cache_free(far);
    assert_written("m", "x", "one a");
    assert_written("m", "y", "two b");
    assert_written("m", "z", "four d");
    assert_written("n", "x", "three c");
}

/* A file that is no such record is told once, nothing in it is used, and it is replaced. */
static void test_damaged_files(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "",
        "{",
        "[]",
        "7",
        "{\"version\": 1}",
        "{\"version\": 1, \"machines\": []}",
        "\xff\xfe{}",
        "{\"version\": 0, \"machines\": {}}",
        "{\"version\": \"1\", \"machines\": {}}",
        "{\"version\": 1, \"machines\": {\"m\": {\"k\": {\"kernel\": \"one a\"",
    };
    for (size_t i = 0; i < SK_COUNT(damaged); i++) {
        char name[32];
        snprintf(name, sizeof name, "damaged-%zu", i);
        const char *dir = folder(name);
        assert_int_equal(mkdir(dir, 0777), 0);
        char inside[64];
        snprintf(inside, sizeof inside, "%s/kernels.json", name);
        test_put(inside, damaged[i], strlen(damaged[i]));
        told = 0;
        struct sk_tune_cache *c = open_cache("m");
        assert_known(c, "k", NULL);
        assert_int_equal(told, 1);
        assert_non_null(strstr(last_told, file_in(dir)));
        put(c, "k", "one a");
        sk_tune_cache_save(c);
        assert_int_equal(told, 1);
        sk_tune_cache_free(c);
        assert_written("m", "k", "one a");
        assert_int_equal(told, 1);
    }
}

/* What a newer program wrote stays. */
static void test_newer(void **state)
{
    static const char newer[] = "{\"version\": 2, \"machines\": {}}";
    char *text;
    size_t len;
    struct sk_err err = {0};
    (void)state;
    const char *dir = folder("newer");
    assert_int_equal(mkdir(dir, 0777), 0);
    test_put("newer/kernels.json", newer, strlen(newer));
    struct sk_tune_cache *c = open_cache("m");
    assert_known(c, "k", NULL);
    assert_non_null(strstr(last_told, "version 2"));
    put(c, "k", "one a");
    assert_known(c, "k", "one a");
    sk_tune_cache_save(c);
    sk_tune_cache_free(c);
    assert_ok(sk_file_read(file_in(dir), 1000, &text, &len, &err), err);
    assert_int_equal(len, strlen(newer));
    assert_memory_equal(text, newer, len);
    sk_free(text);
}

/* Many programs that save at the same moment: no entry is lost. */
static void test_at_once(void **state)
{
    enum { PROGRAMS = 8, KEYS = 20 };
    pid_t child[PROGRAMS];
    int go[2];
    (void)state;
    folder("at-once");
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < PROGRAMS; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] > 0)
            continue;
        char key[32], byte;
        close(go[1]);
        struct sk_tune_cache *c = open_cache("m");
        bool fine = read(go[0], &byte, 1) == 0; /* until the parent closes it */
        for (int k = 0; k < KEYS; k++) {
            snprintf(key, sizeof key, "%d of %d", k, i);
            put(c, key, "one a");
            sk_tune_cache_save(c);
        }
        _exit(fine ? 0 : 1);
    }
    close(go[0]), close(go[1]);
    for (int i = 0; i < PROGRAMS; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < PROGRAMS; i++)
        for (int k = 0; k < KEYS; k++) {
            char key[32];
            snprintf(key, sizeof key, "%d of %d", k, i);
            assert_written("m", key, "one a");
        }
}

/* Entries that are not as they should be are measured anew; the others of the file are used. */
static void test_damaged_entries(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "7",
        "[]",
        "{}",
        "{\"kernel\": \"one a\"}",
        "{\"kernel\": 7, \"trials\": [{\"name\": \"a\", \"ms\": 1}]}",
        "{\"kernel\": \"one a\", \"trials\": {}}",
        "{\"kernel\": \"one a\", \"trials\": []}",
        "{\"kernel\": \"one a\", \"trials\": [7]}",
        "{\"kernel\": \"one a\", \"trials\": [{\"name\": \"one a\"}]}",
        "{\"kernel\": \"one a\", \"trials\": [{\"name\": \"one a\", \"ms\": -1}]}",
        "{\"kernel\": \"one a\", \"trials\": [{\"name\": \"one a\", \"ms\": \"1\"}]}",
        "{\"kernel\": \"one a\", \"trials\": [{\"ms\": 1}]}",
    };
    const char *dir = folder("entries");
    assert_int_equal(mkdir(dir, 0777), 0);
    for (size_t i = 0; i < SK_COUNT(damaged); i++) {
        struct sk_str text = {0};
        struct sk_err err = {0};
        assert_ok(
            sk_str_add(&text, &err,
                       "{\"version\": 1, \"machines\": {\"x\": 7, \"m\": {\"k\": %s, \"good\": {\"kernel\": \"b\", "
                       "\"trials\": "
                       "[{\"name\": \"b\", \"ms\": 1.25}, {\"name\": \"ref\", \"why\": \"reference: not timed\"}]}}}}",
                       damaged[i]),
            err);
        test_put("entries/kernels.json", text.text, text.len);
        sk_str_release(&text);
        struct sk_tune_cache *c = open_cache("m");
        assert_known(c, "k", NULL);
        assert_known(c, "good", "b");
        put(c, "k", "one a");
        sk_tune_cache_save(c);
        sk_tune_cache_free(c);
        assert_written("m", "k", "one a");
        assert_written("m", "good", "b");
    }
    assert_int_equal(told, 0);
}

/* Long names, and more trials than there is room for. */
static void test_long_entries(void **state)
{
    (void)state;
    char chosen[SK_KERNEL_NAME], text[8192];
    const char *dir = folder("long");
    struct sk_trials t;
    assert_int_equal(mkdir(dir, 0777), 0);
    int n = snprintf(text, sizeof text,
                     "{\"version\": 1, \"machines\": {\"m\": {\"k\": {\"kernel\": \"%0300d\", \"trials\": [", 0);
    for (int i = 0; i < 20; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s{\"name\": \"%0200d\", \"why\": \"%0100d\"}", i ? ", " : "",
                      i, i);
    n += snprintf(text + n, sizeof text - (size_t)n, "]}}}}");
    test_put("long/kernels.json", text, (size_t)n);
    struct sk_tune_cache *c = open_cache("m");
    assert_true(sk_tune_cache_get(c, "k", chosen, &t));
    assert_int_equal(t.count, SK_TRIALS);
    assert_int_equal(strlen(chosen), SK_KERNEL_NAME - 1);
    sk_tune_cache_free(c);
}

static void test_huge_and_no_file(void **state)
{
    (void)state;
    const char *dir = folder("huge");
    struct sk_tune_cache *c = open_cache("m");
    put(c, "k", "one a");
    sk_tune_cache_save(c);
    sk_tune_cache_free(c);
    FILE *file = fopen(file_in(dir), "a");
    assert_non_null(file);
    assert_true(fprintf(file, "%*s", 9 << 20, "") > 0 && fclose(file) == 0); /* still good JSON */
    c = open_cache("m");
    assert_known(c, "k", NULL);
    assert_int_equal(told, 1);
    put(c, "k", "one a");
    sk_tune_cache_save(c);
    sk_tune_cache_free(c);
    assert_written("m", "k", "one a");

    dir = folder("no-file"); /* a folder where the file should be: told, nothing else */
    assert_int_equal(mkdir(dir, 0777), 0);
    assert_int_equal(mkdir(file_in(dir), 0777), 0);
    c = open_cache("m");
    put(c, "k", "one a");
    sk_tune_cache_save(c);
    assert_non_null(strstr(last_told, "measured kernels are not remembered: "));
    assert_known(c, "k", "one a");
    sk_tune_cache_free(c);
}

static void test_cannot_write(void **state)
{
    (void)state;
    const char *in_the_way = test_put("a-file", "x", 1);
    char dir[SK_PATH];
    snprintf(dir, sizeof dir, "%s/cache", in_the_way);
    setenv("SKUA_CACHE", dir, 1);
    struct sk_tune_cache *c = open_cache("m");
    put(c, "k", "one a");
    sk_tune_cache_save(c);
    assert_int_equal(told, 1);
    put(c, "l", "one a");
    sk_tune_cache_save(c); /* not told again */
    assert_int_equal(told, 1);
    assert_known(c, "k", "one a");
    sk_tune_cache_free(c);
}

static size_t entries_in(const char *dir)
{
    json_error_t at;
    json_t *root = json_load_file(file_in(dir), 0, &at), *ops;
    size_t count = 0;
    const char *machine;
    assert_non_null(root);
    json_object_foreach(json_object_get(root, "machines"), machine, ops) count += json_object_size(ops);
    json_decref(root);
    return count;
}

/* It does not grow for ever: other machines give way first, then one's own oldest. */
static void test_bounded(void **state)
{
    (void)state;
    enum { MANY = 1200 };
    const char *dir = folder("bounded");
    static const char *const machines[] = {"old", "new"};
    char key[32];
    for (size_t m = 0; m < SK_COUNT(machines); m++) {
        struct sk_tune_cache *c = open_cache(machines[m]);
        for (int i = 0; i < MANY; i++) {
            snprintf(key, sizeof key, "k%d", i);
            put(c, key, "one a");
        }
        sk_tune_cache_save(c);
        sk_tune_cache_free(c);
    }
    assert_int_equal(entries_in(dir), MANY);
    assert_written("old", "k0", NULL);
    assert_written("new", "k0", "one a");
    struct sk_tune_cache *c = open_cache("new");
    for (int i = MANY; i < 2 * MANY; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(c, key, "one a");
    }
    sk_tune_cache_save(c);
    sk_tune_cache_free(c);
    assert_int_equal(entries_in(dir), 2000);
    assert_written("new", "k0", NULL);
    assert_written("new", "k2399", "one a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_where, setup),          cmocka_unit_test_setup(test_round, setup),
        cmocka_unit_test_setup(test_only_in_memory, setup), cmocka_unit_test_setup(test_merged, setup),
        cmocka_unit_test_setup(test_damaged_files, setup),  cmocka_unit_test_setup(test_damaged_entries, setup),
        cmocka_unit_test_setup(test_long_entries, setup),   cmocka_unit_test_setup(test_huge_and_no_file, setup),
        cmocka_unit_test_setup(test_cannot_write, setup),   cmocka_unit_test_setup(test_bounded, setup),
        cmocka_unit_test_setup(test_newer, setup),          cmocka_unit_test_setup(test_at_once, setup),
    };
    sk_notice_sink(on_notice);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

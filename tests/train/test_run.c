/* The run directory: who may have it, and what is left of it. */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "train/train.h"

static void a_new_run_is_made_and_goes_when_nothing_came_of_it(void **state)
{
    struct sk_err err = {0};
    struct sk_run run;
    const char *dir = test_path("a/b");
    (void)state;
    assert_ok(sk_run_open(&run, dir, false, &err), err);
    assert_true(sk_is_dir(dir));
    sk_run_close(&run);
    assert_false(sk_is_dir(dir));
    sk_run_close(&run);
}

static void a_run_that_holds_something_is_taken_on_resume_only(void **state)
{
    struct sk_err err = {0};
    struct sk_run run;
    char dir[SK_PATH];
    (void)state;
    snprintf(dir, sizeof(dir), "%s", test_path("held"));
    assert_ok(sk_run_open(&run, dir, false, &err), err);
    test_put("held/recipe.yaml", "name: x\n", 8);
    sk_run_close(&run);
    assert_true(sk_is_dir(dir));
    assert_error(sk_run_open(&run, dir, false, &err), SK_USAGE, err, "exists already");
    assert_ok(sk_run_open(&run, dir, true, &err), err);
    sk_run_close(&run);
    assert_true(sk_is_file(test_path("held/recipe.yaml")));
}

static void a_folder_of_something_else_is_left_alone(void **state)
{
    struct sk_err err = {0};
    struct sk_run run;
    (void)state;
    assert_ok(sk_mkdirs(test_path("other"), &err), err);
    test_put("other/thesis.txt", "x", 1);
    assert_error(sk_run_open(&run, test_path("other"), false, &err), SK_USAGE, err, "is not empty");
    assert_false(sk_is_file(test_path("other/.lock")));
}

static void a_second_job_is_refused_until_the_first_dies(void **state)
{
    struct sk_err err = {0};
    struct sk_run run;
    int ready[2];
    char dir[SK_PATH], text[64], byte;
    (void)state;
    snprintf(dir, sizeof(dir), "%s", test_path("locked"));
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sk_err none = {0};
        bool held = sk_run_open(&run, dir, true, &none) == SK_OK;
        if (write(ready[1], held ? "y" : "n", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    snprintf(text, sizeof(text), "is in use by process %ld", (long)child);
    assert_error(sk_run_open(&run, dir, true, &err), SK_USAGE, err, text);
    assert_error(sk_run_open(&run, dir, false, &err), SK_USAGE, err, text);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_ok(sk_run_open(&run, dir, true, &err), err);
    sk_run_close(&run);
    close(ready[0]);
    close(ready[1]);
}

static void what_killed_processes_left_is_removed(void **state)
{
    struct sk_err err = {0};
    struct sk_run run;
    (void)state;
    assert_ok(sk_mkdirs(test_path("left/ckpt-7.tmp-123"), &err), err);
    assert_ok(sk_mkdirs(test_path("left/ckpt-6"), &err), err);
    test_put("left/ckpt-7.tmp-123/model.safetensors", "x", 1);
    test_put("left/recipe.yaml.tmp-99", "x", 1);
    test_put("left/mine.tmp-", "x", 1);
    test_put("left/mine.tmp-1a", "x", 1);
    assert_error(sk_run_open(&run, test_path("left"), true, &err), SK_USAGE, err, "is not empty");
    assert_true(sk_is_file(test_path("left/recipe.yaml.tmp-99"))); /* nothing shows that this folder is a run */
    test_put("left/recipe.yaml", "x", 1);
    assert_ok(sk_run_open(&run, test_path("left"), true, &err), err);
    sk_run_close(&run);
    assert_false(sk_is_dir(test_path("left/ckpt-7.tmp-123")));
    assert_false(sk_is_file(test_path("left/recipe.yaml.tmp-99")));
    assert_true(sk_is_dir(test_path("left/ckpt-6")));
    assert_true(sk_is_file(test_path("left/mine.tmp-")));
    assert_true(sk_is_file(test_path("left/mine.tmp-1a")));
}

static void leftovers_beside_a_lock_are_nothing(void **state)
{
    struct sk_err err = {0};
    struct sk_run run;
    (void)state;
    assert_ok(sk_mkdirs(test_path("killed"), &err), err);
    test_put("killed/recipe.yaml.tmp-99", "x", 1);
    assert_error(sk_run_open(&run, test_path("killed"), false, &err), SK_USAGE, err, "is not empty");
    assert_true(sk_is_file(test_path("killed/recipe.yaml.tmp-99"))); /* without a lock it is not ours */
    test_put("killed/.lock", "99\n", 3);
    assert_ok(sk_run_open(&run, test_path("killed"), false, &err), err);
    sk_run_close(&run);
    assert_false(sk_is_file(test_path("killed/recipe.yaml.tmp-99")));
}

static void a_file_in_the_way_is_an_error(void **state)
{
    struct sk_err err = {0};
    struct sk_run run;
    (void)state;
    test_put("file", "x", 1);
    assert_error(sk_run_open(&run, test_path("file"), false, &err), SK_IO, err, "Not a directory");
    assert_error(sk_run_open(&run, test_path("file/run"), false, &err), SK_IO, err, "Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_run_is_made_and_goes_when_nothing_came_of_it),
        cmocka_unit_test(a_run_that_holds_something_is_taken_on_resume_only),
        cmocka_unit_test(a_folder_of_something_else_is_left_alone),
        cmocka_unit_test(a_second_job_is_refused_until_the_first_dies),
        cmocka_unit_test(what_killed_processes_left_is_removed),
        cmocka_unit_test(leftovers_beside_a_lock_are_nothing),
        cmocka_unit_test(a_file_in_the_way_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

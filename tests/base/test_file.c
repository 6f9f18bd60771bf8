/* Files: bounded reading, writing that is whole or absent, folders, links. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fresh(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    assert_ok(sk_mkdirs(test_folder(), &err), err);
    return 0;
}

static void assert_content(const char *path, const char *want)
{
    struct sk_err err = {0};
    char *data;
    size_t len;
    assert_ok(sk_file_read(path, 1000, &data, &len, &err), err);
    assert_string_equal(data, want);
    assert_int_equal(len, strlen(want));
    sk_free(data);
}

static void assert_names(const char *folder, size_t n, const char *const *want)
{
    struct sk_err err = {0};
    char **names;
    size_t count;
    assert_ok(sk_dir_list(folder, &names, &count, &err), err);
    assert_int_equal(count, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(names[i], want[i]);
    sk_free(names);
}

static void paths_are_joined(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char out[SK_PATH], endless[SK_PATH + 10];
    static const char *rows[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"},
                                    {"/", "b", "/b"},  {"a", "/b", "/b"},  {"a", "", "a/"}};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        assert_ok(sk_path_join(out, &err, rows[i][0], rows[i][1]), err);
        assert_string_equal(out, rows[i][2]);
    }
    memset(endless, 'x', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_error(sk_path_join(out, &err, endless, "b"), SK_INPUT, err, "is too long");
    assert_error(sk_path_join(out, &err, "b", endless), SK_INPUT, err, "is too long");
    endless[SK_PATH - 2] = '\0'; /* one byte too long with the slash and the name */
    assert_error(sk_path_join(out, &err, endless, "b"), SK_INPUT, err, "is too long");
    endless[SK_PATH - 3] = '\0';
    assert_ok(sk_path_join(out, &err, endless, "b"), err);
    assert_error(sk_file_write(endless, "x", 1, &err), SK_INPUT, err, "is too long");
    assert_error(sk_symlink_swap("x", endless, &err), SK_INPUT, err, "is too long");
}

static void what_cannot_be_written_is_told_before(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char **names;
    size_t before, after;
    const char *path = test_put("kept", "old", 3);
    assert_ok(sk_dir_list(test_folder(), &names, &before, &err), err);
    sk_free(names);
    assert_ok(sk_file_writable(NULL, &err), err);
    assert_ok(sk_file_writable(path, &err), err);
    assert_ok(sk_file_writable(test_path("new"), &err), err);
    assert_error(sk_file_writable(test_path("nowhere/new"), &err), SK_IO, err, "No such file or directory");
    assert_error(sk_file_writable(test_folder(), &err), SK_IO, err, "it is a folder");
    assert_ok(sk_dir_list(test_folder(), &names, &after, &err), err);
    sk_free(names);
    assert_int_equal(after, before); /* nothing is left of the asking */
}

static void files_are_read_whole(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char *data, big[10000];
    size_t len;
    memset(big, 'y', sizeof(big));
    const char *path = test_put("big", big, sizeof(big));
    assert_ok(sk_file_read(path, sizeof(big), &data, &len, &err), err);
    assert_int_equal(len, sizeof(big));
    assert_memory_equal(data, big, len);
    assert_int_equal(data[len], 0);
    sk_free(data);
    assert_content(test_put("empty", "", 0), "");
    assert_ok(sk_file_read("/proc/self/status", 1 << 20, &data, &len, &err), err); /* its size says 0 */
    assert_non_null(strstr(data, "VmHWM"));
    assert_int_equal(strlen(data), len);
    sk_free(data);
}

static void unreadable_files_are_named(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char *data = (char *)&err;
    size_t len = 7;
    assert_error(sk_file_read(test_path("none"), 100, &data, &len, &err), SK_INPUT, err, "none': No such file");
    assert_null(data);
    assert_int_equal(len, 0);
    assert_error(sk_file_read(test_folder(), 100, &data, &len, &err), SK_INPUT, err, "not a regular file");
    assert_error(sk_file_read(test_put("three", "123", 3), 2, &data, &len, &err), SK_INPUT, err,
                 "three': expected at most 2 bytes, found 3");
    assert_error(sk_file_read("/proc/self/status", 2, &data, &len, &err), SK_INPUT, err, "expected at most 2 bytes");
    assert_int_equal(mkfifo(test_path("pipe"), 0600), 0); /* must neither wait nor be read */
    assert_error(sk_file_read(test_path("pipe"), 100, &data, &len, &err), SK_INPUT, err, "not a regular file");
    assert_error(sk_file_read("/dev/zero", 100, &data, &len, &err), SK_INPUT, err, "not a regular file");
}

static void reading_fails_without_memory(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char *data;
    size_t len;
    const char *path = test_put("some", "some", 4);
    sk_mem_fail_after(1);
    enum sk_code code = sk_file_read(path, 100, &data, &len, &err);
    sk_mem_fail_after(0);
    assert_error(code, SK_NOMEM, err, "some'");
    sk_mem_fail_after(2); /* the file of unknown size grows once */
    code = sk_file_read("/proc/self/status", 1 << 20, &data, &len, &err);
    sk_mem_fail_after(0);
    assert_error(code, SK_NOMEM, err, "/proc/self/status");
    assert_null(data);
}

static void writing_replaces(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_file_write(test_path("f"), "old", 3, &err), err);
    assert_content(test_path("f"), "old");
    assert_ok(sk_file_write(test_path("f"), "newer", 5, &err), err);
    assert_content(test_path("f"), "newer");
    assert_ok(sk_file_write(test_path("f"), NULL, 0, &err), err);
    assert_content(test_path("f"), "");
    assert_names(test_folder(), 1, (const char *const[]){"f"});
    assert_int_equal(chdir(test_folder()), 0);
    assert_ok(sk_file_write("g", "bare name", 9, &err), err);
    assert_content(test_path("g"), "bare name");
    assert_int_equal(chdir("/"), 0);
}

/* A device that is replaced is lost to the whole machine: what is no regular file stays, and gets the bytes. */
static void a_pipe_is_written_into(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct stat st;
    char got[16] = {0};
    assert_int_equal(mkfifo(test_path("pipe"), 0600), 0);
    assert_int_equal(symlink("pipe", test_path("link")), 0);
    int fd = open(test_path("pipe"), O_RDONLY | O_NONBLOCK);
    assert_ok(sk_file_writable(test_path("pipe"), &err), err);
    assert_ok(sk_file_write(test_path("pipe"), "one,", 4, &err), err);
    assert_ok(sk_file_write(test_path("link"), "two", 3, &err), err);
    assert_int_equal(read(fd, got, sizeof(got)), 7);
    assert_string_equal(got, "one,two");
    close(fd);
    assert_int_equal(lstat(test_path("pipe"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_names(test_folder(), 2, (const char *const[]){"link", "pipe"});
}

static void a_link_stays_and_leads_to_the_new_content(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct stat st;
    assert_ok(sk_mkdirs(test_path("far"), &err), err);
    test_put("far/f", "old", 3);
    const char *links[][2] = {{"far/f", "near"}, {"near", "second"}, {"far/none", "dangling"}, {"loop", "loop"}};
    for (size_t i = 0; i < SK_COUNT(links); i++)
        assert_int_equal(symlink(links[i][0], test_path(links[i][1])), 0);
    assert_ok(sk_file_write(test_path("second"), "new", 3, &err), err);
    assert_content(test_path("far/f"), "new");
    assert_ok(sk_file_write(test_path("dangling"), "made", 4, &err), err);
    assert_content(test_path("far/none"), "made");
    assert_error(sk_file_write(test_path("loop"), "x", 1, &err), SK_IO, err, "symbolic links");
    for (size_t i = 0; i < SK_COUNT(links); i++)
        assert_true(lstat(test_path(links[i][1]), &st) == 0 && S_ISLNK(st.st_mode));
    assert_names(test_path("far"), 2, (const char *const[]){"f", "none"});
}

/* As /dev/stdout with the output in a file: beside what is printed, not in its place. In a child, whose output it is. */
static void the_file_of_standard_output_is_written_into(void **state)
{
    (void)state;
    const char *path = test_put("out", "", 0);
    assert_int_equal(symlink("/proc/self/fd/1", test_path("stdout")), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen(path, "w", stdout))
            _exit(1);
        printf("before ");
        bool fine = sk_file_write(test_path("stdout"), "rows ", 5, NULL) == SK_OK;
        printf("after");
        fflush(stdout);
        _exit(fine ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_content(path, "before rows after");
}

/* A folder in the way makes the rename fail: it stays, and no temporary is left. */
static void a_failed_rename_leaves_all_as_it_was(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(test_path("f/inner"), &err), err);
    assert_error(sk_file_write(test_path("f"), "new", 3, &err), SK_IO, err, "cannot rename");
    assert_true(sk_is_dir(test_path("f/inner")));
    assert_names(test_folder(), 1, (const char *const[]){"f"});
    assert_error(sk_symlink_swap("target", test_path("f"), &err), SK_IO, err, "cannot rename");
    assert_names(test_folder(), 1, (const char *const[]){"f"});
    assert_error(sk_file_write(test_path("none/f"), "x", 1, &err), SK_IO, err, "cannot create");
}

/* A full disk, played by the limit on a file's size, in a child because the limit cannot be raised again. */
static void a_full_disk_keeps_the_old_file(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_file_write(test_path("f"), "old", 3, &err), err);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        static char big[5000];
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 4096, .rlim_max = 4096});
        enum sk_code code = sk_file_write(test_path("f"), big, sizeof(big), &err);
        _exit(code == SK_IO && strstr(err.text, "cannot write") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_content(test_path("f"), "old");
    assert_names(test_folder(), 1, (const char *const[]){"f"});
}

/* A temporary left by a killed process, and one that is a link to somewhere else. */
static void a_stale_temporary_does_no_harm(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char name[64];
    snprintf(name, sizeof(name), "f.tmp-%ld", (long)getpid());
    test_put(name, "a longer stale content", 22);
    assert_ok(sk_file_write(test_path("f"), "new", 3, &err), err);
    assert_content(test_path("f"), "new");
    const char *victim = test_put("victim", "keep", 4);
    assert_int_equal(symlink(victim, test_path(name)), 0);
    assert_error(sk_file_write(test_path("f"), "x", 1, &err), SK_IO, err, "cannot create");
    assert_content(victim, "keep");
    assert_ok(sk_symlink_swap("victim", test_path("f"), &err), err); /* takes the stale link's name over */
    assert_content(test_path("f"), "keep");
}

static void links_are_swapped(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char target[64] = {0};
    test_put("one", "1", 1);
    test_put("two", "2", 1);
    assert_ok(sk_symlink_swap("one", test_path("last"), &err), err);
    assert_content(test_path("last"), "1");
    assert_ok(sk_symlink_swap("two", test_path("last"), &err), err);
    assert_content(test_path("last"), "2");
    assert_int_equal(readlink(test_path("last"), target, sizeof(target) - 1), 3);
    assert_string_equal(target, "two");
    assert_names(test_folder(), 3, (const char *const[]){"last", "one", "two"});
}

static void folders_are_made_with_parents(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(test_path("a/b//c/"), &err), err);
    assert_true(sk_is_dir(test_path("a/b/c")));
    assert_ok(sk_mkdirs(test_path("a/b/c"), &err), err);
    assert_ok(sk_mkdirs("/", &err), err);
    test_put("a/file", "x", 1);
    assert_error(sk_mkdirs(test_path("a/file"), &err), SK_IO, err, "a/file': Not a directory");
    assert_error(sk_mkdirs(test_path("a/file/b"), &err), SK_IO, err, "Not a directory");
    assert_error(sk_mkdirs("", &err), SK_INPUT, err, "without a name");
    assert_true(sk_is_file(test_path("a/file")));
    assert_false(sk_is_file(test_path("a")));
    assert_false(sk_is_dir(test_path("a/file")));
    assert_false(sk_is_dir(test_path("none")));
    assert_int_equal(symlink("a", test_path("link")), 0); /* a link to a folder counts as one */
    assert_ok(sk_mkdirs(test_path("link/d"), &err), err);
    assert_true(sk_is_dir(test_path("a/d")));
    assert_ok(sk_dir_sync(test_path("a"), &err), err);
    assert_error(sk_dir_sync(test_path("none"), &err), SK_IO, err, "none'");
}

static void trees_are_removed_without_following_links(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(test_path("keep/deep"), &err), err);
    assert_ok(sk_mkdirs(test_path("tree/a/b/c"), &err), err);
    test_put("keep/file", "x", 1);
    test_put("tree/a/file", "x", 1);
    assert_int_equal(symlink(test_path("keep"), test_path("tree/a/link")), 0);
    assert_int_equal(symlink("nowhere", test_path("tree/dangling")), 0);
    assert_ok(sk_remove_tree(test_path("tree"), &err), err);
    assert_names(test_folder(), 1, (const char *const[]){"keep"});
    assert_names(test_path("keep"), 2, (const char *const[]){"deep", "file"});
    assert_ok(sk_remove_tree(test_path("tree"), &err), err);
    assert_int_equal(symlink("keep", test_path("link")), 0);
    assert_ok(sk_remove_tree(test_path("link"), &err), err); /* the link goes, not what it names */
    assert_ok(sk_remove_tree(test_path("keep/file"), &err), err);
    assert_names(test_path("keep"), 1, (const char *const[]){"deep"});
}

static void lists_are_sorted_bytewise(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char **names;
    size_t count;
    assert_names(test_folder(), 0, NULL);
    static const char *made[] = {"b", "a10", "a9", "B", ".hidden", "\xC3\xA9", "a"};
    for (size_t i = 0; i < SK_COUNT(made); i++)
        test_put(made[i], "", 0);
    assert_names(test_folder(), 7, (const char *const[]){".hidden", "B", "a", "a10", "a9", "b", "\xC3\xA9"});
    assert_error(sk_dir_list(test_path("none"), &names, &count, &err), SK_INPUT, err, "none'");
    assert_null(names);
    assert_error(sk_dir_list(test_path("a"), &names, &count, &err), SK_INPUT, err, "Not a directory");
    enum sk_code code = SK_NOMEM;
    for (long n = 1; code != SK_OK && n < 10; n++) { /* every allocation on the way fails once */
        sk_mem_fail_after(n);
        code = sk_dir_list(test_folder(), &names, &count, &err);
        sk_mem_fail_after(0);
        if (n == 1)
            assert_int_equal(code, SK_NOMEM);
        assert_true(code == SK_OK || (code == SK_NOMEM && !names && count == 0));
        sk_err_clear(&err);
    }
    assert_int_equal(code, SK_OK);
    sk_free(names);
}

static void files_are_mapped(void **state)
{
    (void)state;
    struct sk_err err = {0};
    void *map = &err;
    size_t len = 7;
    assert_ok(sk_file_map(test_put("f", "content", 7), &map, &len, &err), err);
    assert_int_equal(len, 7);
    assert_memory_equal(map, "content", 7);
    sk_file_unmap(map, len);
    assert_ok(sk_file_map(test_put("empty", "", 0), &map, &len, &err), err);
    assert_int_equal(len, 0);
    sk_file_unmap(map, len);
    assert_error(sk_file_map(test_path("none"), &map, &len, &err), SK_INPUT, err, "none'");
    assert_null(map);
    assert_error(sk_file_map(test_folder(), &map, &len, &err), SK_INPUT, err, "not a regular file");
}

static void files_are_read_at_places(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_file f = {0};
    char part[4] = "";
    sk_file_close(&f);
    assert_ok(sk_file_open(&f, test_put("f", "content", 7), &err), err);
    assert_int_equal(f.size, 7);
    assert_ok(sk_file_read_at(&f, 3, part, 3, &err), err);
    assert_string_equal(part, "ten");
    assert_ok(sk_file_read_at(&f, 7, part, 0, &err), err);
    assert_int_equal(truncate(f.path, 5), 0);
    assert_error(sk_file_read_at(&f, 3, part, 3, &err), SK_INPUT, err, "f' became shorter while it was read");
    sk_file_close(&f);
    assert_error(sk_file_open(&f, test_path("none"), &err), SK_INPUT, err, "none': No such file");
    assert_error(sk_file_open(&f, test_folder(), &err), SK_INPUT, err, "not a regular file");
    assert_int_equal(f.path[0], 0);
}

static void writing_to_a_full_device_fails(void **state)
{
    (void)state;
    struct sk_err err = {0};
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        skip();
    assert_error(sk_write_all(fd, "abc", 3, "the log", &err), SK_IO, err, "cannot write 'the log': No space left");
    assert_ok(sk_write_all(fd, "abc", 0, "the log", &err), err);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(paths_are_joined, fresh),
        cmocka_unit_test_setup(what_cannot_be_written_is_told_before, fresh),
        cmocka_unit_test_setup(files_are_read_whole, fresh),
        cmocka_unit_test_setup(unreadable_files_are_named, fresh),
        cmocka_unit_test_setup(reading_fails_without_memory, fresh),
        cmocka_unit_test_setup(writing_replaces, fresh),
        cmocka_unit_test_setup(a_pipe_is_written_into, fresh),
        cmocka_unit_test_setup(a_link_stays_and_leads_to_the_new_content, fresh),
        cmocka_unit_test_setup(the_file_of_standard_output_is_written_into, fresh),
        cmocka_unit_test_setup(a_failed_rename_leaves_all_as_it_was, fresh),
        cmocka_unit_test_setup(a_full_disk_keeps_the_old_file, fresh),
        cmocka_unit_test_setup(a_stale_temporary_does_no_harm, fresh),
        cmocka_unit_test_setup(links_are_swapped, fresh),
        cmocka_unit_test_setup(folders_are_made_with_parents, fresh),
        cmocka_unit_test_setup(trees_are_removed_without_following_links, fresh),
        cmocka_unit_test_setup(lists_are_sorted_bytewise, fresh),
        cmocka_unit_test_setup(files_are_mapped, fresh),
        cmocka_unit_test_setup(files_are_read_at_places, fresh),
        cmocka_unit_test_setup(writing_to_a_full_device_fails, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

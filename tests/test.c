/* Helpers of all test programs: errors as assertions, a scratch folder. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

static char folder[64];
static pid_t owner;

void test_ok(enum sk_code code, const struct sk_err *err, const char *file, int line)
{
    if (code == SK_OK)
        return;
    print_error("code %d: %s\n", (int)code, err->text);
    _fail(file, line);
}

void test_error(enum sk_code code, enum sk_code want, struct sk_err *err, const char *part, const char *file, int line)
{
    if (code != want || err->code != want || !strstr(err->text, part)) {
        print_error("expected code %d with '%s', got %d (err %d): '%s'\n", (int)want, part, (int)code, (int)err->code,
                    err->text);
        _fail(file, line);
    }
    sk_err_clear(err);
}

static void remove_folder(void)
{
    if (getpid() == owner && sk_remove_tree(folder, NULL) != SK_OK)
        print_error("cannot remove %s\n", folder);
}

const char *test_folder(void)
{
    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "/tmp/skua-test-XXXXXX");
        if (!mkdtemp(folder))
            fail_msg("cannot make a scratch folder");
        owner = getpid();
        atexit(remove_folder);
    }
    return folder;
}

const char *test_path(const char *name)
{
    static char paths[8][SK_PATH];
    static unsigned turn;
    char *path = paths[turn++ % SK_COUNT(paths)];
    snprintf(path, SK_PATH, "%s/%s", test_folder(), name);
    return path;
}

const char *test_put(const char *name, const void *data, size_t len)
{
    const char *path = test_path(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
        fail_msg("cannot write %s", path);
    return path;
}

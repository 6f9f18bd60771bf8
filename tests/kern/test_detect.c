/* Detection of instruction sets, and SKUA_CPU. The level is read once a process: each case runs in a child. */
#include "kern/check.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a process with this SKUA_CPU finds: its level, and "" or the complaint, in text. */
static enum sk_isa level_with(const char *value, char *text, size_t size)
{
    int fd[2], status;
    enum sk_isa level = SK_ISA_REF;
    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (value ? setenv("SKUA_CPU", value, 1) : unsetenv("SKUA_CPU"))
            _exit(1);
        level = sk_isa_level();
        const char *complaint = sk_isa_complaint() ? sk_isa_complaint() : "";
        bool written = write(fd[1], &level, sizeof level) == (ssize_t)sizeof level &&
                       write(fd[1], complaint, strlen(complaint)) == (ssize_t)strlen(complaint);
        _exit(!written);
    }
    close(fd[1]);
    assert_int_equal(read(fd[0], &level, sizeof level), sizeof level);
    ssize_t n = read(fd[0], text, size - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    close(fd[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return level;
}

/* Called before this process itself asks: hardware does not depend on SKUA_CPU. */
static void test_levels(void **state)
{
    static const enum sk_isa all[] = {SK_ISA_REF, SK_ISA_AVX2, SK_ISA_AVX512, SK_ISA_AVX512_BF16};
    char text[256];
    (void)state;
    enum sk_isa hardware = level_with(NULL, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(level_with("", text, sizeof text), hardware);
    assert_string_equal(text, "");
    for (size_t i = 0; i < SK_COUNT(all); i++) {
        enum sk_isa got = level_with(sk_isa_name(all[i]), text, sizeof text);
        if (all[i] <= hardware) {
            assert_int_equal(got, all[i]);
            assert_string_equal(text, "");
        } else {
            assert_int_equal(got, hardware);
            assert_non_null(strstr(text, "which this machine does not have"));
        }
    }
}

static void test_unknown(void **state)
{
    char text[256];
    (void)state;
    enum sk_isa hardware = level_with(NULL, text, sizeof text);
    assert_int_equal(level_with("avx3\n", text, sizeof text), hardware);
    assert_non_null(strstr(text, "expected ref, avx2, avx512 or avx512bf16, got 'avx3?'"));
    char long_value[4000];
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    assert_int_equal(level_with(long_value, text, sizeof text), hardware);
    assert_true(strlen(text) < 200);
}

/* Against the kernel's own list. */
static void test_features(void **state)
{
    static const char *const names[] = {"avx2", "avx512f", "avx512bw", "avx512_bf16", "avx512_vnni", "fma"};
    char line[8192];
    bool seen = false;
    (void)state;
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f)
        skip();
    while (!seen && fgets(line, sizeof line, f))
        seen = strncmp(line, "flags", 5) == 0;
    fclose(f);
    if (!seen)
        skip();
    line[strcspn(line, "\n")] = ' ';
    char have[512];
    snprintf(have, sizeof have, " %s ", sk_isa_features());
    for (size_t i = 0; i < SK_COUNT(names); i++) {
        char word[32];
        snprintf(word, sizeof word, " %s ", names[i]);
        assert_int_equal(strstr(line, word) != NULL, strstr(have, word) != NULL);
    }
    assert_int_equal(strstr(have, " avx512bw ") != NULL, sk_isa_hardware() >= SK_ISA_AVX512);
    assert_int_equal(strstr(have, " avx512_bf16 ") != NULL, sk_isa_hardware() == SK_ISA_AVX512_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

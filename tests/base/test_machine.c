/* The machine: limits of containers read from made-up /proc and /sys trees, this machine's own figures, the clock. */
#include "test.h"

#include <math.h>
#include <sched.h>
#include <unistd.h>

static int fresh(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    assert_ok(sk_mkdirs(test_folder(), &err), err);
    return 0;
}

/* A file below the made-up root, with its folders. */
static void put(const char *name, const char *text)
{
    struct sk_err err = {0};
    char parent[SK_PATH];
    snprintf(parent, sizeof(parent), "%s", test_path(name));
    *strrchr(parent, '/') = '\0';
    assert_ok(sk_mkdirs(parent, &err), err);
    test_put(name, text, strlen(text));
}

static struct sk_machine read_made_up(void)
{
    struct sk_machine m;
    put("proc/meminfo", "MemTotal:       8000000 kB\nMemFree:  1 kB\nMemAvailable:    6000000 kB\n");
    sk_machine_read_from(&m, test_folder());
    return m;
}

static void no_limits(void **state)
{
    (void)state;
    put("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags : x\nmodel name\t: other\n");
    struct sk_machine m = read_made_up();
    assert_string_equal(m.cpu, "Some CPU @ 2 GHz");
    assert_true(m.quota == 0);
    assert_true(m.memory_total == 8000000ull * 1024);
    assert_true(m.memory_available == 6000000ull * 1024);
    assert_true(m.affinity >= 1 && m.cores == m.affinity && m.threads == m.affinity);
}

static void version_2_limits_of_parents_count(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/pod/box\n");
    put("sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
    put("sys/fs/cgroup/pod/box/memory.max", "2000000000\n");
    put("sys/fs/cgroup/pod/box/memory.current", "900000000\n");
    put("sys/fs/cgroup/pod/box/memory.stat", "anon 5\ninactive_file 100000000\nactive_file 50000000\n");
    put("sys/fs/cgroup/pod/memory.max", "1500000000\n");
    put("sys/fs/cgroup/pod/memory.current", "100000000\n");
    put("sys/fs/cgroup/memory.max", "max\n");
    struct sk_machine m = read_made_up();
    assert_true(m.quota == 1.5);
    assert_true(m.threads <= 2);
    assert_true(m.memory_total == 1500000000);
    assert_true(m.memory_available == 2000000000 - (900000000 - 150000000));
}

static void small_quotas_leave_one_thread(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/\n");
    put("sys/fs/cgroup/cpu.max", "20000 100000\n");
    put("sys/fs/cgroup/memory.max", "1000\n");
    put("sys/fs/cgroup/memory.current", "2000\n"); /* over its limit: no room rather than a huge number */
    struct sk_machine m = read_made_up();
    assert_true(fabs(m.quota - 0.2) < 1e-12);
    assert_int_equal(m.threads, 1);
    assert_true(m.memory_total == 1000 && m.memory_available == 0);
}

/* Inside a container with the host's names the group is not there: the mount's root is the container's own. */
static void version_1_limits(void **state)
{
    (void)state;
    put("proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n3:cpuset:/\n1:name=systemd:/x\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "3000000000\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000000000\n");
    put("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 400000000\ntotal_active_file 0\n");
    struct sk_machine m = read_made_up();
    assert_true(m.quota == 0.5);
    assert_true(m.memory_total == 3000000000);
    assert_true(m.memory_available == 2400000000);
}

static void version_1_without_limits(void **state)
{
    (void)state;
    put("proc/self/cgroup", "5:memory:/\n4:cpuacct,cpu:/\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000000000\n");
    struct sk_machine m = read_made_up();
    assert_true(m.quota == 0);
    assert_true(m.memory_available == 6000000ull * 1024);
}

static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    char longest[9000];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest, "0::/", 4);
    put("proc/self/cgroup", longest);
    assert_true(read_made_up().quota == 0);
    put("proc/self/cgroup", "\n::\n0::\n0\nx:cpu\n0::nonsense\n");
    put("sys/fs/cgroup/cpu.max", "99999999999999999999999 100000\n");
    put("sys/fs/cgroup/memory.max", "");
    assert_true(read_made_up().quota == 0);
    put("sys/fs/cgroup/cpu.max", "100000 0\n");
    assert_true(read_made_up().quota == 0);
    put("proc/self/cgroup", "0::/\n");
    assert_true(read_made_up().quota == 0);
    assert_int_equal(read_made_up().threads, read_made_up().cores);
}

/* Every processor of this process' affinity in pairs of siblings: half as many cores. */
static void siblings_are_one_core(void **state)
{
    (void)state;
    cpu_set_t set;
    CPU_ZERO(&set);
    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    int cores = 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        char name[128], text[64];
        snprintf(name, sizeof(name), "sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", cpu);
        snprintf(text, sizeof(text), cpu % 4 < 2 ? "%zu-%zu\n" : "%zu,%zu\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        if (!CPU_ISSET(cpu, &set))
            continue;
        put(name, text);
        cores += cpu % 2 == 0 || !CPU_ISSET(cpu - 1, &set);
    }
    struct sk_machine m = read_made_up();
    assert_int_equal(m.affinity, CPU_COUNT(&set));
    assert_int_equal(m.cores, cores);
    assert_int_equal(m.threads, cores);
}

static void this_machine(void **state)
{
    (void)state;
    struct sk_machine m;
    sk_machine_read(&m);
    assert_true(m.cpu[0] != '\0');
    assert_true(m.affinity >= 1 && m.cores >= 1 && m.cores <= m.affinity);
    assert_true(m.threads >= 1 && m.threads <= m.cores);
    assert_true(m.memory_total > 0 && m.memory_available <= m.memory_total);
}

static void peak_memory_grows_with_use(void **state)
{
    (void)state;
    struct sk_err err = {0};
    size_t size = 64u << 20;
    uint64_t before = sk_peak_rss();
    char *block = sk_map(size, &err);
    assert_non_null(block);
    memset(block, 1, size);
    uint64_t after = sk_peak_rss();
    sk_unmap(block, size);
    assert_true(before > 0 && after >= before + size / 2);
    assert_true(sk_peak_rss() >= before + size / 2); /* the peak stays */
}

static void clock_and_stamp(void **state)
{
    (void)state;
    double last = sk_now();
    for (int i = 0; i < 1000; i++) {
        double now = sk_now();
        assert_true(now >= last);
        last = now;
    }
    char stamp[32];
    int year, month, day, hour, minute, second, used = 0;
    sk_time_stamp(stamp);
    assert_int_equal(sscanf(stamp, "%4d%2d%2d-%2d%2d%2d%n", &year, &month, &day, &hour, &minute, &second, &used), 6);
    assert_int_equal(used, 15);
    assert_int_equal(strlen(stamp), 15);
    assert_true(year >= 2024 && month >= 1 && month <= 12 && day >= 1 && day <= 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_limits, fresh),
        cmocka_unit_test_setup(version_2_limits_of_parents_count, fresh),
        cmocka_unit_test_setup(small_quotas_leave_one_thread, fresh),
        cmocka_unit_test_setup(version_1_limits, fresh),
        cmocka_unit_test_setup(version_1_without_limits, fresh),
        cmocka_unit_test_setup(damaged_files_do_no_harm, fresh),
        cmocka_unit_test_setup(siblings_are_one_core, fresh),
        cmocka_unit_test(this_machine),
        cmocka_unit_test(peak_memory_grows_with_use),
        cmocka_unit_test(clock_and_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

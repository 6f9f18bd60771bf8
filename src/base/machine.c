/* The machine: which processors and how much memory this process may really use, containers' limits included.
 * Limits are looked up in the process' own control group and in all groups above it, versions 1 and 2. */
#include "base/base.h"

#include <math.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

enum { CPUS_MAX = 8192, SYSTEM_FILE_MAX = 4 << 20 };

/* What the limits of all groups come to. */
struct limits {
    double quota;          /* processors, 0: none */
    uint64_t memory, room; /* bytes: the smallest limit, the smallest rest; UINT64_MAX: none */
};

/* A file of the system as text (sk_free), NULL where there is none. */
static char *read_text(const char *fmt, ...) SK_PRINTF(1, 2);
static char *read_text(const char *fmt, ...)
{
    char path[SK_PATH], *text = NULL;
    size_t len;
    va_list args;
    va_start(args, fmt);
    int got = vsnprintf(path, sizeof(path), fmt, args);
    va_end(args);
    if (got < 0 || got >= SK_PATH || sk_file_read(path, SYSTEM_FILE_MAX, &text, &len, NULL) != SK_OK)
        return NULL;
    return text;
}

/* The unsigned number at text after blanks; false where there is none ("max" means no limit). */
static bool number_at(const char *text, uint64_t *out)
{
    while (*text == ' ' || *text == '\t')
        text++;
    if (*text < '0' || *text > '9')
        return false;
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    *out = value;
    return true;
}

/* The number after key at the start of a line, else 0. */
static uint64_t number_of_key(const char *text, const char *key)
{
    size_t len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        uint64_t value;
        if (strncmp(line, key, len) == 0 && number_at(line + len, &value))
            return value;
    }
    return 0;
}

static bool read_number(const char *folder, const char *name, uint64_t *out)
{
    char *text = read_text("%s/%s", folder, name);
    bool found = text && number_at(text, out);
    sk_free(text);
    return found;
}

static void lower_quota(struct limits *l, uint64_t quota, uint64_t period)
{
    double cpus = period ? (double)quota / (double)period : 0;
    if (cpus > 0 && (l->quota <= 0 || cpus < l->quota))
        l->quota = cpus;
}

static void read_cpu(struct limits *l, const char *folder, bool v2)
{
    uint64_t quota, period;
    if (!v2) {
        if (read_number(folder, "cpu.cfs_quota_us", &quota) && read_number(folder, "cpu.cfs_period_us", &period))
            lower_quota(l, quota, period);
        return;
    }
    char *text = read_text("%s/cpu.max", folder);
    const char *blank = text ? strchr(text, ' ') : NULL;
    if (blank && number_at(text, &quota) && number_at(blank, &period))
        lower_quota(l, quota, period);
    sk_free(text);
}

/* Pages of files count as free, as they do in MemAvailable: the system takes them back when it must. */
static void read_memory(struct limits *l, const char *folder, bool v2)
{
    uint64_t limit, used = 0;
    if (!read_number(folder, v2 ? "memory.max" : "memory.limit_in_bytes", &limit))
        return;
    (void)read_number(folder, v2 ? "memory.current" : "memory.usage_in_bytes", &used);
    char *stat = read_text("%s/memory.stat", folder);
    if (stat) {
        const char *prefix[2] = {v2 ? "inactive_file " : "total_inactive_file ",
                                 v2 ? "active_file " : "total_active_file "};
        uint64_t files = number_of_key(stat, prefix[0]) + number_of_key(stat, prefix[1]);
        used -= files < used ? files : used;
    }
    sk_free(stat);
    uint64_t room = limit > used ? limit - used : 0;
    l->memory = limit < l->memory ? limit : l->memory;
    l->room = room < l->room ? room : l->room;
}

/* All groups from the process' own up to the root of the mount. In a container that keeps the host's names only the
 * root is there, and it is the container's own. */
static void walk_groups(struct limits *l, const char *mount, const char *group, bool v2,
                        void (*read)(struct limits *l, const char *folder, bool v2))
{
    char folder[SK_PATH];
    size_t least = strlen(mount);
    if (snprintf(folder, sizeof(folder), "%s%s", mount, group) >= SK_PATH)
        return;
    for (;;) {
        read(l, folder, v2);
        char *slash = strrchr(folder, '/');
        if (!slash || strlen(folder) <= least)
            return;
        *slash = '\0';
        if (strlen(folder) < least)
            return;
    }
}

static bool has_controller(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

/* One line of /proc/self/cgroup: number:controllers:group; number 0 without controllers is version 2. */
static void read_group_line(struct limits *l, const char *root, char *line)
{
    char mount[SK_PATH];
    char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
    if (!group)
        return;
    *group++ = '\0';
    list++;
    bool v2 = *list == '\0';
    const char *v2_mounts[] = {"", "/unified"};
    for (size_t i = 0; v2 && i < SK_COUNT(v2_mounts); i++) {
        snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup%s", root, v2_mounts[i]);
        walk_groups(l, mount, group, true, read_cpu);
        walk_groups(l, mount, group, true, read_memory);
    }
    if (has_controller(list, "cpu")) {
        snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/cpu", root);
        walk_groups(l, mount, group, false, read_cpu);
        snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/%s", root, list);
        walk_groups(l, mount, group, false, read_cpu);
    }
    if (has_controller(list, "memory")) {
        snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/memory", root);
        walk_groups(l, mount, group, false, read_memory);
    }
}

static struct limits read_limits(const char *root)
{
    struct limits l = {.memory = UINT64_MAX, .room = UINT64_MAX};
    char *text = read_text("%s/proc/self/cgroup", root), *rest = NULL;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
        read_group_line(&l, root, line);
    sk_free(text);
    return l;
}

/* The first of the logical processors that share a core with cpu: the core's name. */
static uint64_t core_of(const char *root, int cpu)
{
    uint64_t first;
    char *text = read_text("%s/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", root, cpu);
    if (!text || !number_at(text, &first) || first >= CPUS_MAX)
        first = (uint64_t)cpu;
    sk_free(text);
    return first;
}

static void read_cpus(struct sk_machine *m, const char *root)
{
    static const size_t bytes = CPUS_MAX / 8;
    unsigned long mask[CPUS_MAX / 8 / sizeof(unsigned long)] = {0};
    bool seen[CPUS_MAX] = {false};
    if (sched_getaffinity(0, bytes, (cpu_set_t *)mask) != 0)
        mask[0] = 1;
    for (int cpu = 0; cpu < CPUS_MAX; cpu++) {
        if (!CPU_ISSET_S((size_t)cpu, bytes, (cpu_set_t *)mask))
            continue;
        m->affinity++;
        uint64_t core = core_of(root, cpu);
        m->cores += !seen[core];
        seen[core] = true;
    }
}

static void read_name(struct sk_machine *m, const char *root)
{
    struct utsname system;
    char *text = read_text("%s/proc/cpuinfo", root);
    char *line = text ? strstr(text, "model name") : NULL, *rest = NULL;
    char *name = line ? strchr(line, ':') : NULL;
    if (name && (name = strtok_r(name, ":\n", &rest)))
        sk_printable(m->cpu, sizeof(m->cpu), name + strspn(name, " \t"));
    else if (uname(&system) == 0)
        sk_printable(m->cpu, sizeof(m->cpu), system.machine);
    sk_free(text);
}

void sk_machine_read_from(struct sk_machine *m, const char *root)
{
    *m = (struct sk_machine){0};
    read_name(m, root);
    read_cpus(m, root);
    struct limits l = read_limits(root);
    m->quota = l.quota;
    m->threads = m->affinity < m->cores ? m->affinity : m->cores;
    if (m->quota > 0 && ceil(m->quota) < m->threads)
        m->threads = (int)ceil(m->quota);
    if (m->threads < 1)
        m->threads = 1;

    char *text = read_text("%s/proc/meminfo", root);
    m->memory_total = text ? number_of_key(text, "MemTotal:") * 1024 : 0;
    m->memory_available = text ? number_of_key(text, "MemAvailable:") * 1024 : 0;
    sk_free(text);
    m->memory_total = l.memory < m->memory_total ? l.memory : m->memory_total;
    m->memory_available = l.room < m->memory_available ? l.room : m->memory_available;
}

/* What may still be mapped under a limit of the address space (ulimit -v), less what libraries map besides, for threads
 * and for code that they generate: where they get none, they end the process. */
static uint64_t address_room(void)
{
    enum { RESERVE = 64 << 20 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    char *text = read_text("/proc/self/status");
    uint64_t used = text ? number_of_key(text, "VmSize:") * 1024 : 0;
    sk_free(text);
    used += RESERVE;
    return used < limit.rlim_cur ? limit.rlim_cur - used : 0;
}

void sk_machine_read(struct sk_machine *m)
{
    sk_machine_read_from(m, "");
    uint64_t room = address_room();
    m->memory_available = room < m->memory_available ? room : m->memory_available;
}

/* VmHWM rather than ru_maxrss: the latter is inherited from the program that started this one. */
uint64_t sk_peak_rss(void)
{
    struct rusage usage;
    char *text = read_text("/proc/self/status");
    uint64_t kib = text ? number_of_key(text, "VmHWM:") : 0;
    sk_free(text);
    if (kib == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kib = (uint64_t)usage.ru_maxrss;
    return kib * 1024;
}

/* Time: a monotonic clock, and the stamp of folder names. */
#include "base/base.h"

#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double sk_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double sk_thread_seconds(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void sk_time_stamp(char out[32])
{
    time_t now = time(NULL);
    struct tm local;
    if (!localtime_r(&now, &local) || strftime(out, 32, "%Y%m%d-%H%M%S", &local) == 0)
        snprintf(out, 32, "00000000-000000");
}

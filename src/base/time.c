/* Time: a monotonic clock, and the stamp of folder names. */
#include "base/base.h"

#include <time.h>

double sk_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void sk_time_stamp(char out[32])
{
    time_t now = time(NULL);
    struct tm local;
    if (!localtime_r(&now, &local) || strftime(out, 32, "%Y%m%d-%H%M%S", &local) == 0)
        snprintf(out, 32, "00000000-000000");
}

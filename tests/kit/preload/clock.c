/*
 * Preloaded into one of our services: its wall clock, and nothing else's, is
 * CLOCK_SHIFT_S seconds ahead, or behind when that is negative. So a test has
 * a host whose clock is wrong, and no service has a setting for it.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    const char *shift = getenv("CLOCK_SHIFT_S");
    int result;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    result = real(clock, now);
    if (result == 0 && shift && clock == CLOCK_REALTIME)
        now->tv_sec += strtol(shift, NULL, 10);
    return result;
}

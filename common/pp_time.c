#include "pp_time.h"

#include <stdio.h>
#include <time.h>

#define MS_PER_DAY ((int64_t)86400000)

struct pp_wall pp_wall_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (struct pp_wall){(int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

struct pp_mono pp_mono_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct pp_mono){(int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
}

int64_t pp_mono_ms(struct pp_mono from, struct pp_mono to)
{
    return (to.ns - from.ns) / 1000000;
}

int64_t pp_wall_day(struct pp_wall at)
{
    return pp_divide_down(at.ms, MS_PER_DAY);
}

void pp_wall_text(struct pp_wall at, char text[static PP_WALL_TEXT_BYTES])
{
    int64_t seconds = pp_divide_down(at.ms, 1000);
    time_t t = (time_t)seconds;
    struct tm tm;

    gmtime_r(&t, &tm);
    /* The masks only tell the compiler that each part fits its width. */
    snprintf(text, PP_WALL_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100,
             (unsigned)(at.ms - seconds * 1000) % 1000);
}

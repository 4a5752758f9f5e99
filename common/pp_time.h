#ifndef PP_TIME_H
#define PP_TIME_H

#include <stdint.h>

/*
 * Wall clock and monotonic clock as two types that don't mix: an instant can
 * be stored and compared with other machines', a stopwatch can be trusted to
 * move forward only. Safe from any thread.
 */
struct pp_wall {
    int64_t ms; /* since 1970-01-01T00:00:00Z, without leap seconds */
};

struct pp_mono {
    int64_t ns; /* since some instant of this boot */
};

struct pp_wall pp_wall_now(void);
struct pp_mono pp_mono_now(void);

/* Milliseconds from one to the other, rounded down. */
int64_t pp_mono_ms(struct pp_mono from, struct pp_mono to);

/* "2026-11-24T03:45:23.123Z" (RFC 3339) for years 0 to 9999. */
#define PP_WALL_TEXT_BYTES 25
void pp_wall_text(struct pp_wall at, char text[static PP_WALL_TEXT_BYTES]);

/* a / b rounded down also where a is negative, as times before 1970 are; b > 0.
 */
static inline int64_t pp_divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 in UTC, rounded down also before it. */
int64_t pp_wall_day(struct pp_wall at);

#endif

#include "clock.h"

/* a - b, or the end of the range that it passes. */
static int64_t minus(int64_t a, int64_t b)
{
    int64_t difference;

    if (__builtin_sub_overflow(a, b, &difference))
        return a < b ? INT64_MIN : INT64_MAX;
    return difference;
}

int64_t clock_event_at_ms(const struct clock_times *times)
{
    int64_t age_ms;

    if (!times->has_at_ms)
        return times->received_at_ms;
    age_ms =
        minus(times->has_sent_at_ms ? times->sent_at_ms : times->received_at_ms,
              times->at_ms);
    if (age_ms < 0)
        age_ms = 0;
    if (age_ms > CLOCK_LATE_MAX_MS)
        age_ms = CLOCK_LATE_MAX_MS;
    return minus(times->received_at_ms, age_ms);
}

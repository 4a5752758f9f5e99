#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When an event happened, by the collector's clock.
 *
 * A sender's clock may be wrong by years, but wrong by the same amount at
 * both of its instants: how long ago the event was when it was sent is right
 * all the same, and that is subtracted from the instant of receipt:
 *
 *     event_at = received_at - (sent_at - at) = at + (received_at - sent_at)
 *
 * Without sent_at the sender's clock is taken at its word. Pure functions,
 * defined for every int64.
 */

/* The oldest event there is: a queue kept offline for a week. */
#define CLOCK_LATE_MAX_MS ((int64_t)7 * 24 * 60 * 60 * 1000)

struct clock_times {
    bool has_at_ms;
    int64_t at_ms; /* by the sender's clock */
    bool has_sent_at_ms;
    int64_t sent_at_ms; /* by the sender's clock */
    int64_t received_at_ms;
};

/*
 * Never later than received_at_ms, nor more than CLOCK_LATE_MAX_MS before it:
 * what lies beyond becomes that limit. received_at_ms when at_ms is missing.
 */
int64_t clock_event_at_ms(const struct clock_times *times);

#endif

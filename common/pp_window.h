#ifndef PP_WINDOW_H
#define PP_WINDOW_H

#include <stdint.h>

/*
 * Usage windows: one month each, in UTC, from the billing anchor on. Whatever
 * the calendar says, a window begins on the anchor's day and time of day; where
 * a month has no such day, on its last. Always reckoned from the anchor itself:
 * 31 January is followed by 28 February and then by 31 March. Who pays by the
 * year has twelve of them.
 *
 * Usage is counted in quarters of an hour, so the anchor is rounded down to
 * one: every event then belongs to one window. Pure, no I/O.
 */
#define PP_WINDOW_QUARTER_MS INT64_C(900000)

struct pp_window {
    int64_t start_ms; /* is in it */
    int64_t end_ms;   /* is not: where the next one begins */
};

/* The window in which at_ms lies, also before the anchor. */
struct pp_window pp_window_at(int64_t anchor_ms, int64_t at_ms);

/* Where the window begins that is so many months after the anchor's. */
int64_t pp_window_months_after(int64_t anchor_ms, int64_t months);

#endif

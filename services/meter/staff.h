#ifndef STAFF_H
#define STAFF_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether those who run Pawprint are told of something: once for each time
 * that it happens, however often it is looked at. It has ended when it was not
 * seen for an hour, so that what comes and goes is told once. No I/O, no
 * clock.
 */
#define STAFF_ENDS_MS INT64_C(3600000)

/* What the looks before have left. All 0 before the first. */
struct staff {
    int64_t since_ms; /* first seen; 0: it does not happen */
    int64_t held_ms;  /* last seen */
    bool told;
    int64_t episode; /* how often it was told */
};

/*
 * True: they are to be told now. patience_ms is how long it has to be seen, at
 * every look, before they are.
 */
bool staff_decide(struct staff *staff, bool holds, int64_t now_ms,
                  int64_t patience_ms);

#endif

#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "pp_pg.h"

/*
 * Keeps what every account had used at the end of a quarter of an hour, in
 * usage_snapshot: from what is counted and corrected, never from events.
 */
struct snapshot {
    struct pp_pg *pg; /* borrowed */
    /* Before every page; -1 ends it. May be NULL. */
    int (*progress)(void *context, struct pp_err *err);
    void *context;
    /* What was done, added up by every call. */
    int64_t accounts; /* looked at */
    int64_t written;  /* rows; not of those that used nothing */
};

/* The end of the last quarter that is over at an instant; both in ms. */
int64_t snapshot_at_ms(int64_t now_ms);

/*
 * at_ms is such an end. A row that is there stays as it is: doing it again,
 * or twice at once, changes nothing.
 */
int snapshot_take(struct snapshot *snapshot, int64_t at_ms, struct pp_err *err);

#endif

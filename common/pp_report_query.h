#ifndef PP_REPORT_QUERY_H
#define PP_REPORT_QUERY_H

#include "pp_arena.h"
#include "pp_clickhouse.h"
#include "pp_err.h"
#include "pp_report.h"
#include "pp_zone.h"

/*
 * Counts what a report says, from `events` itself and without estimates, by
 * the definitions of `pawprint stats` and of the rollups; days are those of
 * the site's zone. docs/reports.md has them in words. One thread.
 */
struct pp_report_count {
    struct pp_clickhouse *clickhouse; /* borrowed */
    const struct pp_zone *zone;       /* of the site */
    int timeout_ms;                   /* of one statement; there are nine */
    /* Called before each; -1 ends it all. May be NULL. */
    int (*progress)(void *context, struct pp_err *err);
    void *context;
};

/*
 * Fills in the figures and lists of a report whose site_id and periods are
 * set; names are put into arena. PP_ERR_INVALID: the arena is too small.
 */
int pp_report_count(const struct pp_report_count *count, struct pp_arena *arena,
                    struct pp_report *report, struct pp_err *err);

/*
 * What a report of a period is compared with: the month before that month;
 * else as many days before.
 */
struct pp_period pp_report_before(struct pp_str every, struct pp_period period);

#endif

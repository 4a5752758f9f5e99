#ifndef PP_SCHEDULE_H
#define PP_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_str.h"
#include "pp_window.h"
#include "pp_zone.h"

/*
 * When something happens by a clock on a wall: every day, week or month at
 * 09:00 in some zone, once for each date on which it is due, whatever is done
 * to the clocks. And what dates such a thing is about: the week before, the
 * month before.
 *
 * Pure, for years 0 to 9999; safe from any thread.
 */
enum pp_schedule_every {
    PP_SCHEDULE_DAY,
    PP_SCHEDULE_WEEK,
    PP_SCHEDULE_MONTH,
};

struct pp_schedule {
    enum pp_schedule_every every;
    int minute;    /* of the day by the clock: 0 to 1439 */
    int weekday;   /* of PP_SCHEDULE_WEEK: 1 Monday to 7 Sunday */
    int month_day; /* of PP_SCHEDULE_MONTH: 1 to 31, or the month's last */
};

/* Whether all that matters of it is within those bounds; else don't use it. */
bool pp_schedule_ok(const struct pp_schedule *schedule);

/*
 * The date is what an occurrence is known by: another zone or another minute
 * changes its instant and never makes it a second one.
 */
struct pp_occurrence {
    int64_t date;
    int64_t at_ms;
};

/*
 * The first one after an instant, and the last one that is not. Where two fall
 * on one instant, since a zone left out a date, both mean the earlier one.
 */
struct pp_occurrence pp_schedule_next(const struct pp_schedule *schedule,
                                      const struct pp_zone *zone,
                                      int64_t after_ms);
struct pp_occurrence pp_schedule_previous(const struct pp_schedule *schedule,
                                          const struct pp_zone *zone,
                                          int64_t at_ms);

/*
 * The first one on a later date than that. This is what follows an occurrence
 * that is done, also when schedule or zone have changed since: it may be due
 * already, and none is left out or comes twice.
 */
struct pp_occurrence pp_schedule_after(const struct pp_schedule *schedule,
                                       const struct pp_zone *zone,
                                       int64_t date);

/* --- periods ---------------------------------------------------------------
 *
 * Dates from the first to the one before end. A week begins on the weekday
 * week_start, 1 Monday to 7 Sunday; for days and months it doesn't matter.
 */
struct pp_period {
    int64_t first; /* is in it */
    int64_t end;   /* is not: the first of the next one */
};

/* The one in which a date lies. */
struct pp_period pp_period_of(enum pp_schedule_every every, int week_start,
                              int64_t date);

/*
 * The last whole one that has ended when a date begins; for the first date of
 * a period the one before it.
 */
struct pp_period pp_period_before(enum pp_schedule_every every, int week_start,
                                  int64_t date);

/* From the first instant of the first date to that of the end. Where a zone
 * left out the only date it is empty: start_ms is end_ms. */
struct pp_window pp_period_window(struct pp_period period,
                                  const struct pp_zone *zone);

/* --- jitter ----------------------------------------------------------------
 */

/*
 * How long after its instant an occurrence of this job and scope starts, so
 * that not all of them start at once: from 0 to less than spread_ms, spread
 * evenly, and always the same, in every process and release.
 */
int64_t pp_schedule_jitter_ms(struct pp_str job, struct pp_str scope,
                              int64_t spread_ms);

#endif

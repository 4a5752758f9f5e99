#include "pp_schedule.h"

#include <assert.h>

#include "pp_cityhash.h"
#include "pp_date.h"

#define MS_A_DAY    INT64_C(86400000)
#define MS_A_MINUTE INT64_C(60000)

bool pp_schedule_ok(const struct pp_schedule *schedule)
{
    if (schedule->minute < 0 || schedule->minute > 1439)
        return false;
    switch (schedule->every) {
    case PP_SCHEDULE_DAY:
        return true;
    case PP_SCHEDULE_WEEK:
        return schedule->weekday >= 1 && schedule->weekday <= 7;
    case PP_SCHEDULE_MONTH:
        return schedule->month_day >= 1 && schedule->month_day <= 31;
    }
    return false;
}

/* --- dates -----------------------------------------------------------------
 */

/* The first of the month that is so many months after that of the date. */
static int64_t month_start(int64_t date, int months)
{
    struct pp_date first = pp_date_of(date);

    first.month += months;
    first.day = 1;
    if (first.month == 13)
        first = (struct pp_date){first.year + 1, 1, 1};
    else if (first.month == 0)
        first = (struct pp_date){first.year - 1, 12, 1};
    return pp_date_day(first);
}

/* The day of the schedule in the month that begins on that date. */
static int64_t in_month(const struct pp_schedule *schedule, int64_t start)
{
    struct pp_date first = pp_date_of(start);
    int last = pp_date_month_days(first.year, first.month);

    return start + (schedule->month_day < last ? schedule->month_day : last) -
           1;
}

static int64_t last_weekday(int weekday, int64_t date)
{
    return date - (pp_date_weekday(date) - weekday + 7) % 7;
}

/* The last date not after that one on which the schedule is due. */
static int64_t due_until(const struct pp_schedule *schedule, int64_t date)
{
    int64_t due = date;

    if (schedule->every == PP_SCHEDULE_WEEK)
        due = last_weekday(schedule->weekday, date);
    if (schedule->every == PP_SCHEDULE_MONTH) {
        due = in_month(schedule, month_start(date, 0));
        if (due > date)
            due = in_month(schedule, month_start(date, -1));
    }
    return due;
}

/* The first date after that one on which it is. */
static int64_t due_after(const struct pp_schedule *schedule, int64_t date)
{
    int64_t due = date + 1;

    if (schedule->every == PP_SCHEDULE_WEEK)
        due = last_weekday(schedule->weekday, date) + 7;
    if (schedule->every == PP_SCHEDULE_MONTH) {
        due = in_month(schedule, month_start(date, 0));
        if (due <= date)
            due = in_month(schedule, month_start(date, 1));
    }
    return due;
}

/* --- occurrences -----------------------------------------------------------
 */

static struct pp_occurrence occurrence(const struct pp_schedule *schedule,
                                       const struct pp_zone *zone, int64_t date)
{
    return (struct pp_occurrence){
        .date = date,
        .at_ms = pp_zone_at_ms(zone, date * MS_A_DAY +
                                         schedule->minute * MS_A_MINUTE),
    };
}

struct pp_occurrence pp_schedule_after(const struct pp_schedule *schedule,
                                       const struct pp_zone *zone, int64_t date)
{
    assert(pp_schedule_ok(schedule));
    return occurrence(schedule, zone, due_after(schedule, date));
}

/*
 * Later dates never come earlier, so that those before the date which the
 * zone shows at after_ms are over.
 */
struct pp_occurrence pp_schedule_next(const struct pp_schedule *schedule,
                                      const struct pp_zone *zone,
                                      int64_t after_ms)
{
    struct pp_occurrence next =
        pp_schedule_after(schedule, zone, pp_zone_date(zone, after_ms) - 1);

    while (next.at_ms <= after_ms)
        next = pp_schedule_after(schedule, zone, next.date);
    return next;
}

/*
 * A zone that shows the end of a date twice has been on the next date between,
 * so the search begins there.
 */
struct pp_occurrence pp_schedule_previous(const struct pp_schedule *schedule,
                                          const struct pp_zone *zone,
                                          int64_t at_ms)
{
    struct pp_occurrence found = {pp_zone_date(zone, at_ms) + 2, 0}, earlier;

    assert(pp_schedule_ok(schedule));
    do {
        found = occurrence(schedule, zone, due_until(schedule, found.date - 1));
    } while (found.at_ms > at_ms);
    earlier = occurrence(schedule, zone, due_until(schedule, found.date - 1));
    return earlier.at_ms == found.at_ms ? earlier : found;
}

/* --- periods ---------------------------------------------------------------
 */

struct pp_period pp_period_of(enum pp_schedule_every every, int week_start,
                              int64_t date)
{
    int64_t first;

    switch (every) {
    case PP_SCHEDULE_DAY:
        break;
    case PP_SCHEDULE_WEEK:
        first = last_weekday(week_start, date);
        return (struct pp_period){first, first + 7};
    case PP_SCHEDULE_MONTH:
        return (struct pp_period){month_start(date, 0), month_start(date, 1)};
    }
    return (struct pp_period){date, date + 1};
}

struct pp_period pp_period_before(enum pp_schedule_every every, int week_start,
                                  int64_t date)
{
    int64_t first = pp_period_of(every, week_start, date).first;

    return pp_period_of(every, week_start, first - 1);
}

struct pp_window pp_period_window(struct pp_period period,
                                  const struct pp_zone *zone)
{
    return (struct pp_window){
        .start_ms = pp_zone_date_at_ms(zone, period.first),
        .end_ms = pp_zone_date_at_ms(zone, period.end),
    };
}

/* --- jitter ----------------------------------------------------------------
 */

/* Only numbers are hashed together, so that nothing depends on where one name
 * ends and the next begins. */
int64_t pp_schedule_jitter_ms(struct pp_str job, struct pp_str scope,
                              int64_t spread_ms)
{
    uint64_t parts[2] = {pp_cityhash128(job.p, job.n).low,
                         pp_cityhash128(scope.p, scope.n).low};
    uint64_t mixed = pp_cityhash128(parts, sizeof(parts)).low;

    return spread_ms <= 0 ? 0 : (int64_t)(mixed % (uint64_t)spread_ms);
}

#ifndef PP_CRON_H
#define PP_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"
#include "pp_zone.h"

/*
 * Times as cron has them: "30 9 * * MON-FRI".
 *
 *   minute       0-59
 *   hour         0-23
 *   day of month 1-31, L: the month's last
 *   month        1-12, JAN-DEC
 *   day of week  0-7, SUN-SAT; 0 and 7 are Sunday
 *
 * A field is "*", a number or name, a range "1-5", with a step as "*" "/15" or
 * "0-30/10", or several of those with commas. Also @hourly, @daily, @midnight,
 * @weekly, @monthly, @yearly and @annually. Upper and lower case are the same.
 *
 * Where both days are restricted one of them is enough; a field that begins
 * with "*" restricts nothing in this sense, and both have to match. [crontab(5)
 * of Debian's cron, whose rules those about changed clocks are, too:]
 *
 * A time that hour and minute name is met once a day, whatever is done to the
 * clocks: skipped, at the first instant after the gap; shown twice, at the
 * first one. Where hour or minute begin with "*" it follows the clock: nothing
 * happens for a time that is skipped, and a time shown twice is met twice.
 *
 * Pure; safe from any thread.
 */
struct pp_cron {
    uint64_t minutes; /* bit n stands for n */
    uint32_t hours, month_days, months, weekdays;
    bool last_day; /* L */
    bool one_day_is_enough;
    bool follows_the_clock;
};

/* PP_ERR_INVALID says what is wrong, also when no date can ever match. */
int pp_cron_parse(struct pp_str text, struct pp_cron *cron_out,
                  struct pp_err *err);

/* The first time after an instant. False: there is none before year 10000. */
bool pp_cron_next(const struct pp_cron *cron, const struct pp_zone *zone,
                  int64_t after_ms, int64_t *at_ms_out);

#endif

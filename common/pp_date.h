#ifndef PP_DATE_H
#define PP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_str.h"

/*
 * The Gregorian calendar. A date is the number of its day since 1970-01-01, so
 * that dates can be compared and counted; it belongs to no zone, see pp_zone.
 * Pure, for years 0 to 9999; safe from any thread.
 */
struct pp_date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

struct pp_date pp_date_of(int64_t day);
int64_t pp_date_day(struct pp_date date);

/* How many days that month has. */
int pp_date_month_days(int64_t year, int month);

/* 1 is Monday, 7 is Sunday (ISO 8601). */
int pp_date_weekday(int64_t day);

/*
 * The week of ISO 8601: week 1 is that with the year's first Thursday, so days
 * at a year's ends may belong to a week of the year before or after.
 */
struct pp_date_week {
    int64_t year;
    int week; /* 1 to 53 */
};
struct pp_date_week pp_date_week_of(int64_t day);

/* The last day of year 9999. */
#define PP_DATE_LAST INT64_C(2932896)

/* "2026-11-24" */
#define PP_DATE_TEXT_BYTES 11
void pp_date_text(int64_t day, char text[static PP_DATE_TEXT_BYTES]);

/* The same back, which has to be ten bytes and a date that there is. */
bool pp_date_parse(struct pp_str text, int64_t *day_out);

#endif

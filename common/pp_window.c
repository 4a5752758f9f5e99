#include "pp_window.h"

#define DAY_MS INT64_C(86400000)

static int64_t divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* A day's year, month (0 to 11) and day of the month (from 0). */
struct date {
    int64_t year;
    int month, day;
};

/*
 * The Gregorian calendar in both directions, with years that begin in March so
 * that the leap day is the last one. [H. Hinnant, chrono-compatible low-level
 * date algorithms]
 */
static struct date date_of(int64_t days)
{
    int64_t era = divide_down(days + 719468, 146097);
    int64_t of_era = days + 719468 - era * 146097;
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int from_march = (int)((5 * of_year + 2) / 153);

    return (struct date){
        .year = year + era * 400 + (from_march >= 10),
        .month = (from_march + 2) % 12,
        .day = (int)(of_year - (153 * from_march + 2) / 5),
    };
}

static int64_t days_of(const struct date *date)
{
    int64_t year = date->year - (date->month < 2);
    int64_t era = divide_down(year, 400), of_era = year - era * 400;
    int64_t of_year = (153 * ((date->month + 10) % 12) + 2) / 5 + date->day;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

static int last_day(int64_t year, int month)
{
    static const int last[12] = {30, 27, 30, 29, 30, 29,
                                 30, 30, 29, 30, 29, 30};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return last[month] + (month == 1 && leap);
}

int64_t pp_window_months_after(int64_t anchor_ms, int64_t months)
{
    int64_t start_ms =
        divide_down(anchor_ms, PP_WINDOW_QUARTER_MS) * PP_WINDOW_QUARTER_MS;
    int64_t days = divide_down(start_ms, DAY_MS);
    int64_t of_day_ms = start_ms - days * DAY_MS;
    struct date date = date_of(days);
    int64_t month = date.month + months;

    date.year += divide_down(month, 12);
    date.month = (int)(month - divide_down(month, 12) * 12);
    if (date.day > last_day(date.year, date.month))
        date.day = last_day(date.year, date.month);
    return days_of(&date) * DAY_MS + of_day_ms;
}

struct pp_window pp_window_at(int64_t anchor_ms, int64_t at_ms)
{
    struct date from = date_of(divide_down(anchor_ms, DAY_MS));
    struct date to = date_of(divide_down(at_ms, DAY_MS));
    int64_t months = (to.year - from.year) * 12 + to.month - from.month;

    /* In the month of at_ms the window may not have begun yet. */
    if (pp_window_months_after(anchor_ms, months) > at_ms)
        months--;
    return (struct pp_window){
        .start_ms = pp_window_months_after(anchor_ms, months),
        .end_ms = pp_window_months_after(anchor_ms, months + 1),
    };
}

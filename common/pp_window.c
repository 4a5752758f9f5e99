#include "pp_window.h"

#include "pp_date.h"
#include "pp_time.h"

#define DAY_MS INT64_C(86400000)

int64_t pp_window_months_after(int64_t anchor_ms, int64_t months)
{
    int64_t start_ms =
        pp_divide_down(anchor_ms, PP_WINDOW_QUARTER_MS) * PP_WINDOW_QUARTER_MS;
    int64_t days = pp_divide_down(start_ms, DAY_MS);
    int64_t of_day_ms = start_ms - days * DAY_MS;
    struct pp_date date = pp_date_of(days);
    int64_t month = date.month - 1 + months;

    date.year += pp_divide_down(month, 12);
    date.month = (int)(month - pp_divide_down(month, 12) * 12) + 1;
    if (date.day > pp_date_month_days(date.year, date.month))
        date.day = pp_date_month_days(date.year, date.month);
    return pp_date_day(date) * DAY_MS + of_day_ms;
}

struct pp_window pp_window_at(int64_t anchor_ms, int64_t at_ms)
{
    struct pp_date from = pp_date_of(pp_divide_down(anchor_ms, DAY_MS));
    struct pp_date to = pp_date_of(pp_divide_down(at_ms, DAY_MS));
    int64_t months = (to.year - from.year) * 12 + to.month - from.month;

    /* In the month of at_ms the window may not have begun yet. */
    if (pp_window_months_after(anchor_ms, months) > at_ms)
        months--;
    return (struct pp_window){
        .start_ms = pp_window_months_after(anchor_ms, months),
        .end_ms = pp_window_months_after(anchor_ms, months + 1),
    };
}

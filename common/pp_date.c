#include "pp_date.h"

#include <stdio.h>

#include "pp_time.h"

/* From the first of March of year 0 to 1970-01-01. */
#define EPOCH_DAY 719468

/*
 * Both directions take years that begin in March, so that the leap day is the
 * last one, and eras of 400 years, which all have as many days. [H. Hinnant,
 * chrono-compatible low-level date algorithms]
 */
struct pp_date pp_date_of(int64_t day)
{
    int64_t era = pp_divide_down(day + EPOCH_DAY, 146097);
    int64_t of_era = day + EPOCH_DAY - era * 146097;
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int from_march = (int)((5 * of_year + 2) / 153);

    return (struct pp_date){
        .year = year + era * 400 + (from_march >= 10),
        .month = (from_march + 2) % 12 + 1,
        .day = (int)(of_year - (153 * from_march + 2) / 5) + 1,
    };
}

int64_t pp_date_day(struct pp_date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = pp_divide_down(year, 400), of_era = year - era * 400;
    int64_t of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           EPOCH_DAY;
}

int pp_date_month_days(int64_t year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30,
                                 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

int pp_date_weekday(int64_t day)
{
    int64_t from_monday = day + 3; /* 1970-01-01 was a Thursday */

    return (int)(from_monday - pp_divide_down(from_monday, 7) * 7) + 1;
}

struct pp_date_week pp_date_week_of(int64_t day)
{
    int64_t thursday = day - pp_date_weekday(day) + 4;
    struct pp_date date = pp_date_of(thursday);
    int64_t new_year = pp_date_day((struct pp_date){date.year, 1, 1});

    return (struct pp_date_week){
        .year = date.year,
        .week = (int)((thursday - new_year) / 7) + 1,
    };
}

void pp_date_text(int64_t day, char text[static PP_DATE_TEXT_BYTES])
{
    struct pp_date date = pp_date_of(day);

    /* The remainders only tell the compiler that each part fits. */
    snprintf(text, PP_DATE_TEXT_BYTES, "%04u-%02u-%02u",
             (unsigned)date.year % 10000, (unsigned)date.month % 100,
             (unsigned)date.day % 100);
}

/* count digits from start on, as a number; -1 when they are not digits. */
static int digits(struct pp_str text, size_t start, size_t count)
{
    int number = 0;

    for (size_t i = start; i < start + count; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        number = number * 10 + (text.p[i] - '0');
    }
    return number;
}

bool pp_date_parse(struct pp_str text, int64_t *day_out)
{
    struct pp_date date;

    if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-')
        return false;
    date.year = digits(text, 0, 4);
    date.month = digits(text, 5, 2);
    date.day = digits(text, 8, 2);
    if (date.year < 0 || date.month < 1 || date.month > 12 || date.day < 1 ||
        date.day > pp_date_month_days(date.year, date.month))
        return false;
    *day_out = pp_date_day(date);
    return true;
}

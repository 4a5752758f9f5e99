/* The calendar, against that of the C library. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pp_date.h"

#include "test.h"

#define S_A_DAY 86400

static struct tm by_the_library(int64_t day)
{
    time_t at = (time_t)day * S_A_DAY;
    struct tm tm;

    gmtime_r(&at, &tm);
    return tm;
}

static void every_day_of_four_centuries_is_what_the_library_says(void **state)
{
    int64_t first = pp_date_day((struct pp_date){1799, 12, 1});
    int64_t last = pp_date_day((struct pp_date){2200, 1, 31});

    (void)state;
    for (int64_t day = first; day <= last; day++) {
        struct pp_date date = pp_date_of(day);
        struct tm tm = by_the_library(day);

        if (date.year != tm.tm_year + 1900 || date.month != tm.tm_mon + 1 ||
            date.day != tm.tm_mday || pp_date_weekday(day) % 7 != tm.tm_wday ||
            pp_date_day(date) != day)
            fail_msg("day %ld", (long)day);
    }
}

static void every_day_has_the_iso_week_that_the_library_says(void **state)
{
    int64_t last = pp_date_day((struct pp_date){2100, 12, 31});

    (void)state;
    for (int64_t day = -11000; day <= last; day++) {
        struct pp_date_week week = pp_date_week_of(day);
        struct tm tm = by_the_library(day);
        char ours[32], theirs[32];

        snprintf(ours, sizeof(ours), "%ld-W%02d", (long)week.year, week.week);
        strftime(theirs, sizeof(theirs), "%G-W%V", &tm);
        if (strcmp(ours, theirs) != 0)
            fail_msg("%s is not %s", ours, theirs);
    }
}

static void the_last_days_of_2026_are_of_week_53(void **state)
{
    static const struct {
        const char *date;
        int year, week;
    } cases[] = {
        {"2026-12-27", 2026, 52}, {"2026-12-28", 2026, 53},
        {"2027-01-03", 2026, 53}, {"2027-01-04", 2027, 1},
        {"2024-12-30", 2025, 1},  {"2023-01-01", 2022, 52},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_date_week week;
        int64_t day;

        assert_true(pp_date_parse(pp_str_of(cases[i].date), &day));
        week = pp_date_week_of(day);
        if (week.year != cases[i].year || week.week != cases[i].week)
            fail_msg("%s is of week %d", cases[i].date, week.week);
    }
}

static void a_date_is_read_as_it_is_written(void **state)
{
    static const char *const right[] = {"2024-02-29", "0000-01-01",
                                        "9999-12-31", "2000-02-29"};
    static const char *const wrong[] = {
        "2026-02-30", "2026-1-1",   "today",      "",           "2026-11-24x",
        "2025-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-01-00",
        "2026/01/01", "2026-01-+1", "-026-01-01", "2026-01-1 ",
    };
    char text[PP_DATE_TEXT_BYTES];
    int64_t day;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(right); i++) {
        assert_true(pp_date_parse(pp_str_of(right[i]), &day));
        pp_date_text(day, text);
        assert_string_equal(text, right[i]);
    }
    for (size_t i = 0; i < PP_COUNT(wrong); i++)
        if (pp_date_parse(pp_str_of(wrong[i]), &day))
            fail_msg("'%s' is taken for a date", wrong[i]);
    assert_true(pp_date_parse(PP_LIT("9999-12-31"), &day));
    assert_int_equal(day, PP_DATE_LAST);
    assert_true(pp_date_parse(PP_LIT("2024-02-29"), &day));
    assert_int_equal(day, 19782);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_four_centuries_is_what_the_library_says),
        cmocka_unit_test(every_day_has_the_iso_week_that_the_library_says),
        cmocka_unit_test(the_last_days_of_2026_are_of_week_53),
        cmocka_unit_test(a_date_is_read_as_it_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

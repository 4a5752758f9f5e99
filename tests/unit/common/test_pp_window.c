#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pp_mem.h"
#include "pp_time.h"
#include "pp_window.h"

#include "test.h"

/* Milliseconds of "2026-01-31 10:07:33"; the C library's calendar is another
 * than ours. */
static int64_t ms_of(const char *text)
{
    struct tm tm = {0};

    if (sscanf(text, "%d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec) < 3)
        fail_msg("%s is no time", text);
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return (int64_t)timegm(&tm) * 1000;
}

static void expect(const char *what, int64_t got_ms, int64_t wanted_ms)
{
    char got[PP_WALL_TEXT_BYTES], wanted[PP_WALL_TEXT_BYTES];

    if (got_ms == wanted_ms)
        return;
    pp_wall_text((struct pp_wall){got_ms}, got);
    pp_wall_text((struct pp_wall){wanted_ms}, wanted);
    fail_msg("%s: %s and not %s", what, got, wanted);
}

static void a_window_is_a_month_from_the_anchor(void **state)
{
    static const struct {
        const char *anchor, *at, *start, *end;
    } cases[] = {
        {"2026-01-01", "2026-01-15", "2026-01-01", "2026-02-01"},
        {"2026-01-15 10:45:00", "2026-02-15 10:44:59", "2026-01-15 10:45:00",
         "2026-02-15 10:45:00"},
        {"2026-01-15 10:45:00", "2026-02-15 10:45:00", "2026-02-15 10:45:00",
         "2026-03-15 10:45:00"},
        /* the quarter of the anchor is its window's first */
        {"2026-01-15 10:07:33", "2026-01-15 10:07:33", "2026-01-15 10:00:00",
         "2026-02-15 10:00:00"},
        {"2026-01-15 10:59:59", "2026-01-15 10:44:59", "2025-12-15 10:45:00",
         "2026-01-15 10:45:00"},
        /* 31 January: the last day of shorter months, and 31 March again */
        {"2026-01-31", "2026-02-27 23:59:59", "2026-01-31", "2026-02-28"},
        {"2026-01-31", "2026-02-28", "2026-02-28", "2026-03-31"},
        {"2026-01-31", "2026-03-30 23:59:59", "2026-02-28", "2026-03-31"},
        {"2026-01-31", "2026-03-31", "2026-03-31", "2026-04-30"},
        {"2026-01-31", "2026-04-30", "2026-04-30", "2026-05-31"},
        {"2026-01-31", "2026-12-31", "2026-12-31", "2027-01-31"},
        /* leap years */
        {"2028-01-31", "2028-02-28 12:00:00", "2028-01-31", "2028-02-29"},
        {"2028-01-31", "2028-02-29", "2028-02-29", "2028-03-31"},
        {"2028-01-30", "2028-02-29", "2028-02-29", "2028-03-30"},
        {"2028-01-29", "2028-02-29", "2028-02-29", "2028-03-29"},
        {"2026-01-29", "2026-02-28", "2026-02-28", "2026-03-29"},
        {"2028-02-29", "2029-02-28", "2029-02-28", "2029-03-29"},
        {"2028-02-29", "2032-02-29", "2032-02-29", "2032-03-29"},
        {"2096-02-29", "2100-02-28", "2100-02-28", "2100-03-29"},
        {"2000-01-31", "2000-02-29", "2000-02-29", "2000-03-31"},
        /* across a year, and the last month of one */
        {"2026-08-31", "2027-02-28", "2027-02-28", "2027-03-31"},
        {"2026-12-31 23:59:59", "2027-01-31 23:44:59", "2026-12-31 23:45:00",
         "2027-01-31 23:45:00"},
        {"2026-12-31 23:59:59", "2027-03-01", "2027-02-28 23:45:00",
         "2027-03-31 23:45:00"},
        /* far away, and before the anchor */
        {"2026-05-31", "2099-06-30", "2099-06-30", "2099-07-31"},
        {"2026-05-31", "2026-05-30", "2026-04-30", "2026-05-31"},
        {"2026-03-15", "1969-12-31", "1969-12-15", "1970-01-15"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_window window =
            pp_window_at(ms_of(cases[i].anchor), ms_of(cases[i].at));

        expect(cases[i].anchor, window.start_ms, ms_of(cases[i].start));
        expect(cases[i].anchor, window.end_ms, ms_of(cases[i].end));
    }
}

/* What the C library says of the n-th month after an anchor. */
static int64_t by_the_library(int64_t anchor_ms, int n)
{
    time_t anchor = (time_t)(anchor_ms / 1000 / 900 * 900);
    struct tm tm, last;

    gmtime_r(&anchor, &tm);
    last = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + n + 1};
    last.tm_mday = 0; /* of the month after: the last one */
    timegm(&last);
    tm.tm_mon += n;
    if (tm.tm_mday > last.tm_mday)
        tm.tm_mday = last.tm_mday;
    return (int64_t)timegm(&tm) * 1000;
}

static void every_anchor_day_has_the_windows_of_the_calendar(void **state)
{
    int64_t cases = 0;

    (void)state;
    /* Each day of five years, two of them around a leap day, 75 years on. */
    for (int64_t day = 0; day < 5 * 366; day++) {
        int64_t anchor_ms =
            ms_of("2023-12-31") + day * 86400000 + day * 7919 % 86400000;

        for (int n = 0; n < 12 * 75; n += n < 26 ? 1 : 37, cases++)
            expect("by the library", pp_window_months_after(anchor_ms, n),
                   by_the_library(anchor_ms, n));
    }
    assert_true(cases > 200);
}

static void windows_meet_and_never_overlap(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 800; day++) {
        int64_t anchor_ms = ms_of("2026-01-01") + day * 86400000 + 12345678;
        int64_t at_ms = anchor_ms - INT64_C(86400000) * 400;

        for (int i = 0; i < 40; i++) {
            struct pp_window window = pp_window_at(anchor_ms, at_ms);

            assert_true(window.start_ms <= at_ms && at_ms < window.end_ms);
            assert_true(window.end_ms - window.start_ms >=
                        INT64_C(27) * 86400000);
            expect("the last millisecond of the one before",
                   pp_window_at(anchor_ms, window.end_ms - 1).start_ms,
                   window.start_ms);
            at_ms = window.end_ms;
        }
    }
}

static void a_year_has_twelve_windows(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 366; day++) {
        int64_t anchor_ms = ms_of("2027-07-01") + day * 86400000;
        int64_t end_ms = pp_window_months_after(anchor_ms, 12), at_ms;
        int count = 0;

        for (at_ms = anchor_ms; at_ms < end_ms; count++)
            at_ms = pp_window_at(anchor_ms, at_ms).end_ms;
        assert_int_equal(at_ms, end_ms);
        assert_int_equal(count, 12);
    }
}

int main(void)
{
    const struct CMUnitTest window[] = {
        cmocka_unit_test(a_window_is_a_month_from_the_anchor),
        cmocka_unit_test(every_anchor_day_has_the_windows_of_the_calendar),
        cmocka_unit_test(windows_meet_and_never_overlap),
        cmocka_unit_test(a_year_has_twelve_windows),
    };

    return cmocka_run_group_tests(window, NULL, NULL);
}

/* What happens by a clock on a wall, also when somebody changes the clock. */
#include <stdio.h>

#include "pp_schedule.h"

#include "zones.h"

#define DAY_MS INT64_C(86400000)

static struct pp_schedule daily(int hour, int minute)
{
    return (struct pp_schedule){PP_SCHEDULE_DAY, hour * 60 + minute, 0, 0};
}

static struct pp_schedule weekly(int weekday, int hour)
{
    return (struct pp_schedule){PP_SCHEDULE_WEEK, hour * 60, weekday, 0};
}

static struct pp_schedule monthly(int day, int hour)
{
    return (struct pp_schedule){PP_SCHEDULE_MONTH, hour * 60, 0, day};
}

static void expect_date(const char *what, int64_t got, const char *wanted)
{
    char text[PP_DATE_TEXT_BYTES];

    pp_date_text(got, text);
    if (got != date_of(wanted))
        fail_msg("%s: %s and not %s", what, text, wanted);
}

/* After each occurrence comes the other one; none between. */
struct chain {
    const char *zone;
    struct pp_schedule schedule;
    const char *after, *first, *second;
};

static void expect_chains(const struct chain *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pp_zone *zone = frozen_zone(cases[i].zone);
        struct pp_occurrence next =
            pp_schedule_next(&cases[i].schedule, zone, ms_of(cases[i].after));

        expect_at(cases[i].zone, next.at_ms, cases[i].first);
        next = pp_schedule_next(&cases[i].schedule, zone, next.at_ms);
        expect_at(cases[i].zone, next.at_ms, cases[i].second);
        pp_zone_free(&zone);
    }
}

static void every_day_comes_once_when_clocks_go_forward(void **state)
{
    const struct chain cases[] = {
        {"America/New_York", daily(2, 30), "2026-03-07 12:00",
         "2026-03-08 07:00", "2026-03-09 06:30"},
        {"Europe/Berlin", daily(2, 30), "2026-03-28 12:00", "2026-03-29 01:00",
         "2026-03-30 00:30"},
        {"Australia/Lord_Howe", daily(2, 15), "2026-10-03 12:00",
         "2026-10-03 15:30", "2026-10-04 15:15"},
        {"Africa/Cairo", daily(0, 0), "2026-04-23 12:00", "2026-04-23 22:00",
         "2026-04-24 21:00"},
        {"Asia/Beirut", daily(0, 0), "2026-03-28 12:00", "2026-03-28 22:00",
         "2026-03-29 21:00"},
        {"America/Santiago", daily(0, 0), "2026-09-05 12:00",
         "2026-09-06 04:00", "2026-09-07 03:00"},
        {"Pacific/Chatham", daily(3, 50), "2026-09-26 12:00",
         "2026-09-26 14:05", "2026-09-27 14:05"},
        {"Africa/Casablanca", daily(2, 30), "2026-03-21 12:00",
         "2026-03-22 02:00", "2026-03-23 01:30"},
    };

    (void)state;
    expect_chains(cases, PP_COUNT(cases));
}

static void every_day_comes_once_when_clocks_go_back(void **state)
{
    const struct chain cases[] = {
        {"America/New_York", daily(1, 30), "2026-10-31 12:00",
         "2026-11-01 05:30", "2026-11-02 06:30"},
        {"Europe/Berlin", daily(2, 30), "2026-10-24 12:00", "2026-10-25 00:30",
         "2026-10-26 01:30"},
        {"Australia/Lord_Howe", daily(1, 45), "2026-04-04 12:00",
         "2026-04-04 14:45", "2026-04-05 15:15"},
        {"Pacific/Chatham", daily(3, 50), "2026-04-04 12:00",
         "2026-04-04 15:05", "2026-04-05 15:05"},
        {"Antarctica/Troll", daily(23, 0), "2026-10-25 12:00",
         "2026-10-25 23:00", "2026-10-26 23:00"},
        {"Africa/Casablanca", daily(2, 30), "2026-02-14 12:00",
         "2026-02-15 01:30", "2026-02-16 02:30"},
        /* between the two 01:30 the next one is tomorrow's */
        {"America/New_York", daily(1, 30), "2026-11-01 06:00",
         "2026-11-02 06:30", "2026-11-03 06:30"},
        /* the clock shows yesterday's end again */
        {"America/St_Johns", daily(0, 0), "2010-11-07 03:00",
         "2010-11-08 03:30", "2010-11-09 03:30"},
    };

    (void)state;
    expect_chains(cases, PP_COUNT(cases));
}

static void weeks_and_months_come_at_their_local_time(void **state)
{
    const struct chain cases[] = {
        /* 13:00Z would be nine hours after a midnight */
        {"America/New_York", monthly(1, 9), "2026-10-31 12:00",
         "2026-11-01 14:00", "2026-12-01 14:00"},
        {"America/New_York", weekly(1, 9), "2026-10-27 12:00",
         "2026-11-02 14:00", "2026-11-09 14:00"},
        {"America/New_York", weekly(7, 9), "2026-10-25 13:00",
         "2026-11-01 14:00", "2026-11-08 14:00"},
        /* an early hour in the east is still the day before in UTC */
        {"Pacific/Apia", weekly(1, 1), "2026-11-22 11:59", "2026-11-22 12:00",
         "2026-11-29 12:00"},
        /* at the year's end, where years of weeks are others */
        {"Europe/Berlin", weekly(1, 9), "2026-12-21 08:00", "2026-12-28 08:00",
         "2027-01-04 08:00"},
        /* the month's last day where it has no such */
        {"Europe/Berlin", monthly(31, 9), "2026-01-31 08:00",
         "2026-02-28 08:00", "2026-03-31 07:00"},
        {"Europe/Berlin", monthly(30, 9), "2028-02-01 08:00",
         "2028-02-29 08:00", "2028-03-30 07:00"},
        {"UTC", monthly(31, 0), "2026-12-30 00:00", "2026-12-31 00:00",
         "2027-01-31 00:00"},
    };

    (void)state;
    expect_chains(cases, PP_COUNT(cases));
}

static void a_date_that_was_left_out_makes_no_second_one(void **state)
{
    const struct pp_schedule at_nine = daily(9, 0), at_midnight = daily(0, 0);
    struct pp_zone *apia = frozen_zone("Pacific/Apia");
    int64_t before_ms = ms_of("2011-12-30 09:59:59"), next_day_ms;
    struct pp_occurrence next = pp_schedule_next(&at_nine, apia, before_ms);

    (void)state;
    expect_at("the day left out", next.at_ms, "2011-12-30 10:00");
    expect_date("the day left out", next.date, "2011-12-30");
    next = pp_schedule_next(&at_nine, apia, next.at_ms);
    expect_at("the day after", next.at_ms, "2011-12-30 19:00");
    /* Both midnights are one instant; the earlier date has something to say. */
    next = pp_schedule_next(&at_midnight, apia, before_ms);
    expect_date("midnight", next.date, "2011-12-30");
    next_day_ms = next.at_ms;
    next = pp_schedule_previous(&at_midnight, apia, next_day_ms);
    expect_date("midnight", next.date, "2011-12-30");
    next = pp_schedule_next(&at_midnight, apia, next_day_ms);
    expect_date("the next midnight", next.date, "2012-01-01");
    pp_zone_free(&apia);
}

static void the_previous_one_is_that_which_is_not_after(void **state)
{
    const struct pp_schedule at_nine = daily(9, 0), at_midnight = daily(0, 0),
                             month = monthly(31, 9);
    struct pp_zone *berlin = frozen_zone("Europe/Berlin");
    struct pp_zone *st_johns = frozen_zone("America/St_Johns");

    (void)state;
    expect_at(
        "at once",
        pp_schedule_previous(&at_nine, berlin, ms_of("2026-11-24 08:00")).at_ms,
        "2026-11-24 08:00");
    expect_at(
        "just before",
        pp_schedule_previous(&at_nine, berlin, ms_of("2026-11-24 08:00") - 1)
            .at_ms,
        "2026-11-23 08:00");
    expect_at(
        "a month",
        pp_schedule_previous(&month, berlin, ms_of("2027-03-01 00:00")).at_ms,
        "2027-02-28 08:00");
    /* the date has begun, though the clock shows the day before again */
    expect_at(
        "yesterday shown again",
        pp_schedule_previous(&at_midnight, st_johns, ms_of("2010-11-07 02:45"))
            .at_ms,
        "2010-11-07 02:30");
    pp_zone_free(&berlin);
    pp_zone_free(&st_johns);
}

/* --- for forty years -------------------------------------------------------
 */

/* Every date once, in order, found from before and from behind. */
static void check_days(const char *name, const struct pp_schedule *schedule)
{
    struct pp_zone *zone = frozen_zone(name);
    struct pp_occurrence last =
        pp_schedule_next(schedule, zone, ms_of("1999-12-31 12:00"));
    int64_t end_ms = ms_of("2041-01-01 00:00");

    while (last.at_ms < end_ms) {
        struct pp_occurrence next =
            pp_schedule_next(schedule, zone, last.at_ms);
        struct pp_occurrence again =
            pp_schedule_previous(schedule, zone, next.at_ms);
        struct pp_occurrence before =
            pp_schedule_previous(schedule, zone, next.at_ms - 1);
        int64_t days = next.date - last.date;

        /* Two days on are right where two dates are one instant. */
        if (next.at_ms <= last.at_ms || days < 1 ||
            (schedule->every == PP_SCHEDULE_DAY && days > 1 &&
             pp_schedule_after(schedule, zone, last.date).at_ms != last.at_ms))
            fail_msg("%s: day %ld after %ld", name, (long)next.date,
                     (long)last.date);
        if (again.date != next.date || before.date != last.date)
            fail_msg("%s: not the same from behind, day %ld", name,
                     (long)next.date);
        last = next;
    }
    pp_zone_free(&zone);
}

static void nothing_is_left_out_or_comes_twice_in_forty_years(void **state)
{
    static const char *const names[] = {
        "UTC",          "America/New_York",  "Australia/Lord_Howe",
        "Africa/Cairo", "Africa/Casablanca", "America/St_Johns",
        "Pacific/Apia", "Antarctica/Troll",  "America/Sao_Paulo",
    };
    const struct pp_schedule schedules[] = {
        daily(0, 0), daily(2, 15), daily(23, 59), weekly(7, 0), monthly(31, 0)};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(names); i++)
        for (size_t j = 0; j < PP_COUNT(schedules); j++)
            check_days(names[i], &schedules[j]);
}

/*
 * Somebody who moves the site and the report's hour again and again: with what
 * follows the last one by its date, every date has had its report.
 */
static void a_changed_zone_or_hour_leaves_out_no_date(void **state)
{
    static const char *const names[] = {"Pacific/Apia", "America/New_York",
                                        "Asia/Kathmandu", "UTC"};
    uint64_t random = 88172645463325252;
    int64_t date = date_of("2025-12-31"), last_ms = 0;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct pp_schedule schedule;
        struct pp_occurrence next;
        struct pp_zone *zone;

        random = random * 6364136223846793005u + 1442695040888963407u;
        schedule = daily((int)(random >> 40) % 24, 0);
        zone = frozen_zone(names[random >> 62]);
        next = pp_schedule_after(&schedule, zone, date);
        assert_int_equal(next.date, date + 1);
        /* never more than a zone and an hour earlier than the one before */
        assert_true(next.at_ms > last_ms - 2 * DAY_MS);
        date = next.date;
        last_ms = next.at_ms;
        pp_zone_free(&zone);
    }
}

/* --- periods ---------------------------------------------------------------
 */

static void a_period_is_the_whole_one_before(void **state)
{
    static const struct {
        enum pp_schedule_every every;
        int week_start;
        const char *date, *first, *end;
    } cases[] = {
        {PP_SCHEDULE_DAY, 1, "2026-03-01", "2026-02-28", "2026-03-01"},
        {PP_SCHEDULE_WEEK, 1, "2026-11-23", "2026-11-16", "2026-11-23"},
        {PP_SCHEDULE_WEEK, 1, "2026-11-29", "2026-11-16", "2026-11-23"},
        {PP_SCHEDULE_WEEK, 7, "2026-11-23", "2026-11-15", "2026-11-22"},
        {PP_SCHEDULE_WEEK, 6, "2026-11-23", "2026-11-14", "2026-11-21"},
        {PP_SCHEDULE_WEEK, 1, "2027-01-04", "2026-12-28", "2027-01-04"},
        {PP_SCHEDULE_WEEK, 1, "2026-12-28", "2026-12-21", "2026-12-28"},
        {PP_SCHEDULE_MONTH, 1, "2026-01-01", "2025-12-01", "2026-01-01"},
        {PP_SCHEDULE_MONTH, 1, "2028-03-31", "2028-02-01", "2028-03-01"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_period period = pp_period_before(
            cases[i].every, cases[i].week_start, date_of(cases[i].date));

        expect_date(cases[i].date, period.first, cases[i].first);
        expect_date(cases[i].date, period.end, cases[i].end);
    }
}

static void check_periods(enum pp_schedule_every every, int week_start)
{
    for (int64_t date = 10957; date < 12500; date++) {
        struct pp_period now = pp_period_of(every, week_start, date);
        struct pp_period before = pp_period_before(every, week_start, date);

        assert_true(now.first <= date && date < now.end);
        assert_int_equal(before.end, now.first);
        assert_true(every != PP_SCHEDULE_WEEK ||
                    pp_date_weekday(now.first) == week_start);
    }
}

static void periods_follow_each_other_without_a_gap(void **state)
{
    (void)state;
    for (int start = 1; start <= 7; start++) {
        check_periods(PP_SCHEDULE_DAY, start);
        check_periods(PP_SCHEDULE_WEEK, start);
        check_periods(PP_SCHEDULE_MONTH, start);
    }
}

/* Where its dates begin, not so many times 24 hours. */
static void a_period_begins_and_ends_with_its_dates(void **state)
{
    static const struct {
        const char *zone, *date;
        enum pp_schedule_every every;
        const char *start, *end;
    } cases[] = {
        {"America/New_York", "2026-03-08", PP_SCHEDULE_DAY, "2026-03-08 05:00",
         "2026-03-09 04:00"},
        {"America/New_York", "2026-11-01", PP_SCHEDULE_DAY, "2026-11-01 04:00",
         "2026-11-02 05:00"},
        {"Africa/Cairo", "2026-04-23", PP_SCHEDULE_DAY, "2026-04-22 22:00",
         "2026-04-23 22:00"},
        {"Africa/Cairo", "2026-04-24", PP_SCHEDULE_DAY, "2026-04-23 22:00",
         "2026-04-24 21:00"},
        {"Europe/Berlin", "2026-03-29", PP_SCHEDULE_WEEK, "2026-03-22 23:00",
         "2026-03-29 22:00"},
        {"Europe/Berlin", "2026-10-25", PP_SCHEDULE_MONTH, "2026-09-30 22:00",
         "2026-10-31 23:00"},
        {"Pacific/Apia", "2011-12-30", PP_SCHEDULE_DAY, "2011-12-30 10:00",
         "2011-12-30 10:00"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_zone *zone = frozen_zone(cases[i].zone);
        struct pp_window window = pp_period_window(
            pp_period_of(cases[i].every, 1, date_of(cases[i].date)), zone);

        expect_at(cases[i].zone, window.start_ms, cases[i].start);
        expect_at(cases[i].zone, window.end_ms, cases[i].end);
        pp_zone_free(&zone);
    }
}

/* --- the rest --------------------------------------------------------------
 */

static void jitter_is_the_same_for_ever_and_spread_evenly(void **state)
{
    int64_t spread_ms = 1800000;
    size_t in_tenth[10] = {0};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        char scope[32];
        int64_t ms;

        snprintf(scope, sizeof(scope), "subscription-%d", i);
        ms = pp_schedule_jitter_ms(PP_LIT("report"), pp_str_of(scope),
                                   spread_ms);
        assert_true(ms >= 0 && ms < spread_ms);
        in_tenth[ms * 10 / spread_ms]++;
    }
    for (size_t i = 0; i < PP_COUNT(in_tenth); i++)
        assert_true(in_tenth[i] > 850 && in_tenth[i] < 1150);
    /* of no meaning but that they must not change */
    assert_int_equal(
        pp_schedule_jitter_ms(PP_LIT("report"), PP_LIT("17"), spread_ms),
        1083581);
    assert_int_equal(pp_schedule_jitter_ms(PP_LIT("a"), PP_LIT(""), spread_ms),
                     1519490);
    assert_int_equal(pp_schedule_jitter_ms(PP_LIT("a"), PP_LIT("b"), 0), 0);
    /* where one name ends matters */
    assert_true(pp_schedule_jitter_ms(PP_LIT("ab"), PP_LIT("c"), spread_ms) !=
                pp_schedule_jitter_ms(PP_LIT("a"), PP_LIT("bc"), spread_ms));
}

static void a_schedule_has_its_bounds(void **state)
{
    static const struct {
        struct pp_schedule schedule;
        bool ok;
    } cases[] = {
        {{PP_SCHEDULE_DAY, 0, 0, 0}, true},
        {{PP_SCHEDULE_DAY, 1439, 99, 99}, true},
        {{PP_SCHEDULE_DAY, 1440, 0, 0}, false},
        {{PP_SCHEDULE_DAY, -1, 0, 0}, false},
        {{PP_SCHEDULE_WEEK, 0, 0, 0}, false},
        {{PP_SCHEDULE_WEEK, 0, 7, 0}, true},
        {{PP_SCHEDULE_WEEK, 0, 8, 0}, false},
        {{PP_SCHEDULE_MONTH, 0, 0, 0}, false},
        {{PP_SCHEDULE_MONTH, 0, 0, 31}, true},
        {{PP_SCHEDULE_MONTH, 0, 0, 32}, false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (pp_schedule_ok(&cases[i].schedule) != cases[i].ok)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_comes_once_when_clocks_go_forward),
        cmocka_unit_test(every_day_comes_once_when_clocks_go_back),
        cmocka_unit_test(weeks_and_months_come_at_their_local_time),
        cmocka_unit_test(a_date_that_was_left_out_makes_no_second_one),
        cmocka_unit_test(the_previous_one_is_that_which_is_not_after),
        cmocka_unit_test(nothing_is_left_out_or_comes_twice_in_forty_years),
        cmocka_unit_test(a_changed_zone_or_hour_leaves_out_no_date),
        cmocka_unit_test(a_period_is_the_whole_one_before),
        cmocka_unit_test(periods_follow_each_other_without_a_gap),
        cmocka_unit_test(a_period_begins_and_ends_with_its_dates),
        cmocka_unit_test(jitter_is_the_same_for_ever_and_spread_evenly),
        cmocka_unit_test(a_schedule_has_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

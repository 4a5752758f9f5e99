/* Cron's times, by the clocks of zones that are changed. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pp_cron.h"

#include "zones.h"

#define MINUTE_MS   INT64_C(60000)
#define MINUTES_DAY 1440

static struct pp_cron cron_of(const char *text)
{
    struct pp_cron cron;
    struct pp_err err;

    if (pp_cron_parse(pp_str_of(text), &cron, &err) < 0)
        fail_msg("'%s': %s", text, err.msg);
    return cron;
}

/* The three times that come after an instant; NULL: it doesn't matter. */
struct times {
    const char *zone, *text, *after;
    const char *next[3];
};

static void expect_times(const struct times *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pp_zone *zone = frozen_zone(cases[i].zone);
        struct pp_cron cron = cron_of(cases[i].text);
        int64_t at_ms = ms_of(cases[i].after);

        for (size_t j = 0; j < 3 && cases[i].next[j]; j++) {
            assert_true(pp_cron_next(&cron, zone, at_ms, &at_ms));
            expect_at(cases[i].text, at_ms, cases[i].next[j]);
        }
        pp_zone_free(&zone);
    }
}

static void fields_are_numbers_names_ranges_steps_and_lists(void **state)
{
    static const struct times cases[] = {
        {"UTC",
         "30 9 * * *",
         "2026-11-24 09:30",
         {"2026-11-25 09:30", "2026-11-26 09:30"}},
        {"UTC", "30 9 * * *", "2026-11-24 09:29:59", {"2026-11-24 09:30"}},
        {"UTC",
         "*/20 * * * *",
         "2026-11-24 23:30",
         {"2026-11-24 23:40", "2026-11-25 00:00", "2026-11-25 00:20"}},
        {"UTC",
         "10-20/5 8,17 * * *",
         "2026-11-24 08:12",
         {"2026-11-24 08:15", "2026-11-24 08:20", "2026-11-24 17:10"}},
        {"UTC",
         "0 0 * jan,JUL *",
         "2026-11-24 00:00",
         {"2027-01-01 00:00", "2027-01-02 00:00"}},
        {"UTC",
         "0 9 * * Mon-fri",
         "2026-11-26 12:00",
         {"2026-11-27 09:00", "2026-11-30 09:00"}},
        {"UTC",
         "0 9 * * 0",
         "2026-11-24 00:00",
         {"2026-11-29 09:00", "2026-12-06 09:00"}},
        {"UTC",
         "0 9 * * 7",
         "2026-11-24 00:00",
         {"2026-11-29 09:00", "2026-12-06 09:00"}},
        {"UTC",
         "0 9 * * 5-7",
         "2026-11-27 10:00",
         {"2026-11-28 09:00", "2026-11-29 09:00", "2026-12-04 09:00"}},
        {"UTC", " \t0\t9   * * *  ", "2026-11-24 00:00", {"2026-11-24 09:00"}},
        {"UTC", "59 23 31 12 *", "2026-12-31 23:59", {"2027-12-31 23:59"}},
        {"UTC",
         "0 0 29 2 *",
         "2096-02-29 00:00",
         {"2104-02-29 00:00", "2108-02-29 00:00"}},
        {"UTC",
         "0 12 31 * *",
         "2026-01-31 12:00",
         {"2026-03-31 12:00", "2026-05-31 12:00"}},
    };

    (void)state;
    expect_times(cases, PP_COUNT(cases));
}

static void l_is_the_last_day_of_a_month(void **state)
{
    static const struct times cases[] = {
        {"UTC",
         "0 6 L * *",
         "2028-01-31 06:00",
         {"2028-02-29 06:00", "2028-03-31 06:00", "2028-04-30 06:00"}},
        {"UTC",
         "0 6 15,l * *",
         "2026-02-01 00:00",
         {"2026-02-15 06:00", "2026-02-28 06:00", "2026-03-15 06:00"}},
        {"UTC",
         "0 6 L 2 *",
         "2026-02-28 06:00",
         {"2027-02-28 06:00", "2028-02-29 06:00"}},
        {"UTC",
         "0 6 L * MON",
         "2026-11-28 00:00",
         {"2026-11-30 06:00", "2026-12-07 06:00"}},
    };

    (void)state;
    expect_times(cases, PP_COUNT(cases));
}

/* 2026-11-13 is a Friday. */
static void one_of_two_restricted_days_is_enough(void **state)
{
    static const struct times cases[] = {
        {"UTC",
         "0 0 13 * FRI",
         "2026-11-10 00:00",
         {"2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00"}},
        {"UTC",
         "0 0 1-7 * MON",
         "2026-11-28 00:00",
         {"2026-11-30 00:00", "2026-12-01 00:00", "2026-12-02 00:00"}},
        /* a field that begins with a star restricts nothing in this sense */
        {"UTC",
         "0 0 */2 * MON",
         "2026-11-10 00:00",
         {"2026-11-23 00:00", "2026-12-07 00:00"}},
        {"UTC",
         "0 0 13 * */5",
         "2026-02-14 00:00",
         {"2026-03-13 00:00", "2026-09-13 00:00", "2026-11-13 00:00"}},
    };

    (void)state;
    expect_times(cases, PP_COUNT(cases));
}

static void macros_stand_for_five_fields(void **state)
{
    static const struct times cases[] = {
        {"UTC", "@hourly", "2026-11-24 12:30", {"2026-11-24 13:00"}},
        {"UTC", "@daily", "2026-11-24 12:30", {"2026-11-25 00:00"}},
        {"UTC", "@midnight", "2026-11-24 12:30", {"2026-11-25 00:00"}},
        {"UTC", "@weekly", "2026-11-24 12:30", {"2026-11-29 00:00"}},
        {"UTC", "@monthly", "2026-11-24 12:30", {"2026-12-01 00:00"}},
        {"UTC", "@yearly", "2026-11-24 12:30", {"2027-01-01 00:00"}},
        {"UTC", " @Annually ", "2026-11-24 12:30", {"2027-01-01 00:00"}},
    };

    (void)state;
    expect_times(cases, PP_COUNT(cases));
}

static void a_named_time_comes_once_a_day(void **state)
{
    static const struct times cases[] = {
        {"America/New_York",
         "30 2 * * *",
         "2026-03-07 12:00",
         {"2026-03-08 07:00", "2026-03-09 06:30"}},
        {"America/New_York",
         "30 1 * * *",
         "2026-10-31 12:00",
         {"2026-11-01 05:30", "2026-11-02 06:30"}},
        {"America/New_York",
         "0 9 1 * *",
         "2026-10-31 12:00",
         {"2026-11-01 14:00", "2026-12-01 14:00"}},
        {"Europe/Berlin",
         "30 2 * * *",
         "2026-03-28 12:00",
         {"2026-03-29 01:00", "2026-03-30 00:30"}},
        {"Europe/Berlin",
         "30 2 * * *",
         "2026-10-24 12:00",
         {"2026-10-25 00:30", "2026-10-26 01:30"}},
        {"Australia/Lord_Howe",
         "15 2 * * *",
         "2026-10-03 12:00",
         {"2026-10-03 15:30", "2026-10-04 15:15"}},
        {"Australia/Lord_Howe",
         "45 1 * * *",
         "2026-04-04 12:00",
         {"2026-04-04 14:45", "2026-04-05 15:15"}},
        {"Africa/Cairo",
         "0 0 * * *",
         "2026-04-23 12:00",
         {"2026-04-23 22:00", "2026-04-24 21:00"}},
        {"Asia/Beirut",
         "@daily",
         "2026-03-28 12:00",
         {"2026-03-28 22:00", "2026-03-29 21:00"}},
        {"America/Santiago",
         "@daily",
         "2026-09-05 12:00",
         {"2026-09-06 04:00", "2026-09-07 03:00"}},
        {"Pacific/Chatham",
         "50 3 * * *",
         "2026-09-26 12:00",
         {"2026-09-26 14:05", "2026-09-27 14:05"}},
        {"Pacific/Chatham",
         "50 3 * * *",
         "2026-04-04 12:00",
         {"2026-04-04 15:05", "2026-04-05 15:05"}},
        {"Antarctica/Troll",
         "0 23 * * *",
         "2026-10-25 12:00",
         {"2026-10-25 23:00", "2026-10-26 23:00"}},
        {"Africa/Casablanca",
         "30 2 * * *",
         "2026-02-14 12:00",
         {"2026-02-15 01:30", "2026-02-16 02:30"}},
        {"Africa/Casablanca",
         "30 2 * * *",
         "2026-03-21 12:00",
         {"2026-03-22 02:00", "2026-03-23 01:30"}},
        /* several that are skipped together come once */
        {"America/New_York",
         "0,15,30,45 2 * * *",
         "2026-03-08 06:59",
         {"2026-03-08 07:00", "2026-03-09 06:00"}},
        /* between the two 01:30 it has been already */
        {"America/New_York",
         "30 1 * * *",
         "2026-11-01 06:10",
         {"2026-11-02 06:30"}},
        /* a date that was left out */
        {"Pacific/Apia",
         "0 9 * * *",
         "2011-12-29 20:00",
         {"2011-12-30 10:00", "2011-12-30 19:00", "2011-12-31 19:00"}},
    };

    (void)state;
    expect_times(cases, PP_COUNT(cases));
}

static void a_star_follows_the_clock(void **state)
{
    static const struct times cases[] = {
        {"America/New_York",
         "30 * * * *",
         "2026-03-08 06:00",
         {"2026-03-08 06:30", "2026-03-08 07:30", "2026-03-08 08:30"}},
        {"America/New_York",
         "30 * * * *",
         "2026-11-01 05:00",
         {"2026-11-01 05:30", "2026-11-01 06:30", "2026-11-01 07:30"}},
        {"America/New_York",
         "*/30 1 * * *",
         "2026-11-01 05:10",
         {"2026-11-01 05:30", "2026-11-01 06:00", "2026-11-01 06:30"}},
        {"America/New_York",
         "*/30 2 * * *",
         "2026-03-07 07:40",
         {"2026-03-09 06:00", "2026-03-09 06:30"}},
        {"Australia/Lord_Howe",
         "0 * * * *",
         "2026-10-03 14:00",
         {"2026-10-03 14:30", "2026-10-03 16:00", "2026-10-03 17:00"}},
        {"Australia/Lord_Howe",
         "45 * * * *",
         "2026-04-04 14:30",
         {"2026-04-04 14:45", "2026-04-04 15:15", "2026-04-04 16:15"}},
    };

    (void)state;
    expect_times(cases, PP_COUNT(cases));
}

static void what_is_no_cron_is_refused_in_words(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "0 fields"},
        {"* * * *", "4 fields"},
        {"0 0 9 * * *", "more than five"},
        {"60 * * * *", "the minute"},
        {"-1 * * * *", "the minute"},
        {"+1 * * * *", "the minute"},
        {"* 24 * * *", "the hour"},
        {"* * 0 * *", "the day of month"},
        {"* * 32 * *", "the day of month"},
        {"* * * 13 *", "the month"},
        {"* * * 0 *", "the month"},
        {"* * * JANUARY *", "the month"},
        {"* * * * 8", "the day of week"},
        {"* * * * MO", "the day of week"},
        {"* * * * L", "the day of week"},
        {"L * * * *", "the minute"},
        {"* * 5L * *", "the day of month"},
        {"* * L-3 * *", "the day of month"},
        {"*/0 * * * *", "the minute"},
        {"*/60 * * * *", "the minute"},
        {"*/ * * * *", "the minute"},
        {"/5 * * * *", "the minute"},
        {"5/15 * * * *", "the minute"},
        {"5-59/15/2 * * * *", "the minute"},
        {"30-10 * * * *", "the minute"},
        {"1-2-3 * * * *", "the minute"},
        {"1- * * * *", "the minute"},
        {"-5 * * * *", "the minute"},
        {"1,,2 * * * *", "the minute"},
        {"1, * * * *", "the minute"},
        {",1 * * * *", "the minute"},
        {"** * * * *", "the minute"},
        {"*-5 * * * *", "the minute"},
        {"1.5 * * * *", "the minute"},
        {"99999999999999999999 * * * *", "the minute"},
        {"? * * * *", "the minute"},
        {"@reboot", "the minute"},
        {"@daily 1", "the minute"},
        {"0 0 30 2 *", "no such date"},
        {"0 0 31 4,6,9,11 *", "no such date"},
    };
    char longer[300];
    struct pp_cron cron;
    struct pp_err err;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (pp_cron_parse(pp_str_of(cases[i].text), &cron, &err) == 0 ||
            err.kind != PP_ERR_INVALID || !strstr(err.msg, cases[i].words))
            fail_msg("'%s': %s", cases[i].text, err.msg);
    memset(longer, ' ', sizeof(longer));
    assert_int_equal(
        pp_cron_parse((struct pp_str){longer, sizeof(longer)}, &cron, &err),
        -1);
    assert_non_null(strstr(err.msg, "longer"));
}

static void a_rare_date_is_found_however_far(void **state)
{
    /* Leap days that are Sundays, every 28 years but across 2100 */
    static const struct times cases[] = {
        {"UTC",
         "0 0 29 2 */7",
         "2060-01-01 00:00",
         {"2060-02-29 00:00", "2088-02-29 00:00", "2128-02-29 00:00"}},
    };
    struct pp_zone *utc = frozen_zone("UTC");
    struct pp_cron cron = cron_of("0 0 29 2 *");
    int64_t at_ms = ms_of("9996-02-29 00:00");

    (void)state;
    expect_times(cases, PP_COUNT(cases));
    assert_false(pp_cron_next(&cron, utc, at_ms, &at_ms));
    pp_zone_free(&utc);
}

/* --- against going through every minute ------------------------------------
 *
 * The rules once more, the slow way: what a clock shows at each minute, with
 * the C library's calendar.
 */
static bool shows(const struct pp_cron *cron, int64_t local_minute)
{
    time_t at = (time_t)local_minute * 60;
    time_t tomorrow = at + 86400;
    struct tm tm, next;
    bool of_month, of_week;

    gmtime_r(&at, &tm);
    gmtime_r(&tomorrow, &next);
    of_month = (cron->month_days & 1u << tm.tm_mday) ||
               (cron->last_day && next.tm_mday == 1);
    of_week = cron->weekdays & 1u << tm.tm_wday;
    return (cron->minutes & UINT64_C(1) << tm.tm_min) &&
           (cron->hours & 1u << tm.tm_hour) &&
           (cron->months & 1u << (tm.tm_mon + 1)) &&
           (cron->one_day_is_enough ? of_month || of_week
                                    : of_month && of_week);
}

/* Whether cron's time comes at this minute; *seen is the latest local one. */
static bool comes(const struct pp_cron *cron, const struct pp_zone *zone,
                  int64_t minute, int64_t *seen)
{
    int64_t local = pp_zone_local_ms(zone, minute * MINUTE_MS) / MINUTE_MS;
    bool found = false;

    if (cron->follows_the_clock)
        return shows(cron, local);
    for (; *seen < local; (*seen)++)
        found = found || shows(cron, *seen + 1);
    return found;
}

static void compare(const char *name, const char *text, const char *from,
                    int days)
{
    struct pp_zone *zone = frozen_zone(name);
    struct pp_cron cron = cron_of(text);
    int64_t minute = ms_of(from) / MINUTE_MS, next_ms;
    int64_t seen = pp_zone_local_ms(zone, minute * MINUTE_MS) / MINUTE_MS;
    int64_t end = minute + (int64_t)days * MINUTES_DAY;

    if (!pp_cron_next(&cron, zone, minute * MINUTE_MS, &next_ms))
        fail_msg("%s has no next time", text);
    for (minute++; minute < end; minute++) {
        bool is_next = next_ms == minute * MINUTE_MS;

        if (comes(&cron, zone, minute, &seen) != is_next)
            fail_msg("%s in %s: %sat minute %ld", text, name,
                     is_next ? "" : "not ", (long)minute);
        if (is_next && !pp_cron_next(&cron, zone, next_ms, &next_ms))
            fail_msg("%s has no next time", text);
    }
    pp_zone_free(&zone);
}

static unsigned pick(uint64_t *random, unsigned count)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*random >> 33) % count;
}

static void every_minute_says_the_same_around_changed_clocks(void **state)
{
    static const struct {
        const char *zone, *from;
    } places[] = {
        {"America/New_York", "2026-03-07 00:00"},
        {"America/New_York", "2026-10-31 00:00"},
        {"Australia/Lord_Howe", "2026-10-03 00:00"},
        {"Australia/Lord_Howe", "2026-04-04 00:00"},
        {"Africa/Cairo", "2026-04-23 00:00"},
        {"Antarctica/Troll", "2026-03-28 00:00"},
        {"Antarctica/Troll", "2026-10-24 00:00"},
        {"Pacific/Chatham", "2026-09-26 00:00"},
        {"America/St_Johns", "2010-11-06 12:00"},
        {"America/St_Johns", "2010-03-13 12:00"},
        {"America/Sao_Paulo", "2019-02-16 12:00"},
        {"Pacific/Apia", "2011-12-29 00:00"},
    };
    static const char *const minutes[] = {"0",    "30",  "*/15", "*",
                                          "1,59", "0-9", "15,45"};
    static const char *const hours[] = {"0", "1",   "2",   "3",    "23",
                                        "*", "0-3", "*/2", "1,13", "2"};
    static const char *const days[] = {"*", "*", "*", "L", "1-7", "*/3", "29"};
    static const char *const weeks[] = {"*", "*", "*", "SUN", "*/2", "MON-SAT"};
    uint64_t random = 20261124;

    (void)state;
    for (int i = 0; i < 600; i++) {
        size_t place = pick(&random, PP_COUNT(places));
        char text[64];

        snprintf(text, sizeof(text), "%s %s %s * %s",
                 minutes[pick(&random, PP_COUNT(minutes))],
                 hours[pick(&random, PP_COUNT(hours))],
                 days[pick(&random, PP_COUNT(days))],
                 weeks[pick(&random, PP_COUNT(weeks))]);
        compare(places[place].zone, text, places[place].from, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_numbers_names_ranges_steps_and_lists),
        cmocka_unit_test(l_is_the_last_day_of_a_month),
        cmocka_unit_test(one_of_two_restricted_days_is_enough),
        cmocka_unit_test(macros_stand_for_five_fields),
        cmocka_unit_test(a_named_time_comes_once_a_day),
        cmocka_unit_test(a_star_follows_the_clock),
        cmocka_unit_test(what_is_no_cron_is_refused_in_words),
        cmocka_unit_test(a_rare_date_is_found_however_far),
        cmocka_unit_test(every_minute_says_the_same_around_changed_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

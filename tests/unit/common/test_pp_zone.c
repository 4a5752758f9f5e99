/* What clocks show, in zones that do odd things. */
#include "pp_buf.h"
#include "pp_zone.h"

#include "tzif.h"
#include "zones.h"

#define HOUR_MS INT64_C(3600000)

/* local is shown once, twice, or never, at these instants (in UTC). */
struct shown {
    const char *zone, *local;
    enum pp_zone_shown shown;
    const char *at, *last_at;
};

static void expect_shown(const struct shown *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pp_zone *zone = frozen_zone(cases[i].zone);
        struct pp_zone_instant found =
            pp_zone_find(zone, ms_of(cases[i].local));

        if (found.shown != cases[i].shown)
            fail_msg("%s, %s: shown %d", cases[i].zone, cases[i].local,
                     found.shown);
        expect_at(cases[i].zone, found.at_ms, cases[i].at);
        expect_at(cases[i].zone, found.last_at_ms, cases[i].last_at);
        pp_zone_free(&zone);
    }
}

static void a_skipped_time_is_the_first_instant_after_the_gap(void **state)
{
    static const struct shown cases[] = {
        {"America/New_York", "2026-03-08 02:30", PP_ZONE_NEVER,
         "2026-03-08 07:00", "2026-03-08 07:00"},
        {"Europe/Berlin", "2026-03-29 02:30", PP_ZONE_NEVER, "2026-03-29 01:00",
         "2026-03-29 01:00"},
        {"Australia/Lord_Howe", "2026-10-04 02:15", PP_ZONE_NEVER,
         "2026-10-03 15:30", "2026-10-03 15:30"},
        {"Africa/Cairo", "2026-04-24 00:00", PP_ZONE_NEVER, "2026-04-23 22:00",
         "2026-04-23 22:00"},
        {"Asia/Beirut", "2026-03-29 00:00", PP_ZONE_NEVER, "2026-03-28 22:00",
         "2026-03-28 22:00"},
        {"America/Santiago", "2026-09-06 00:00", PP_ZONE_NEVER,
         "2026-09-06 04:00", "2026-09-06 04:00"},
        {"Pacific/Chatham", "2026-09-27 03:15", PP_ZONE_NEVER,
         "2026-09-26 14:00", "2026-09-26 14:00"},
        {"Antarctica/Troll", "2026-03-29 02:59:59", PP_ZONE_NEVER,
         "2026-03-29 01:00", "2026-03-29 01:00"},
        {"Africa/Casablanca", "2026-03-22 02:30", PP_ZONE_NEVER,
         "2026-03-22 02:00", "2026-03-22 02:00"},
        /* the first and the last time of a gap, and those around it */
        {"Europe/Berlin", "2026-03-29 01:59:59", PP_ZONE_ONCE,
         "2026-03-29 00:59:59", "2026-03-29 00:59:59"},
        {"Europe/Berlin", "2026-03-29 02:00", PP_ZONE_NEVER, "2026-03-29 01:00",
         "2026-03-29 01:00"},
        {"Europe/Berlin", "2026-03-29 02:59:59", PP_ZONE_NEVER,
         "2026-03-29 01:00", "2026-03-29 01:00"},
        {"Europe/Berlin", "2026-03-29 03:00", PP_ZONE_ONCE, "2026-03-29 01:00",
         "2026-03-29 01:00"},
    };

    (void)state;
    expect_shown(cases, PP_COUNT(cases));
}

static void a_repeated_time_is_the_first_of_the_two(void **state)
{
    static const struct shown cases[] = {
        {"America/New_York", "2026-11-01 01:30", PP_ZONE_TWICE,
         "2026-11-01 05:30", "2026-11-01 06:30"},
        {"Europe/Berlin", "2026-10-25 02:30", PP_ZONE_TWICE, "2026-10-25 00:30",
         "2026-10-25 01:30"},
        {"Australia/Lord_Howe", "2026-04-05 01:45", PP_ZONE_TWICE,
         "2026-04-04 14:45", "2026-04-04 15:15"},
        {"Africa/Casablanca", "2026-02-15 02:30", PP_ZONE_TWICE,
         "2026-02-15 01:30", "2026-02-15 02:30"},
        /* from the first to the last time that comes twice */
        {"Europe/Berlin", "2026-10-25 01:59:59", PP_ZONE_ONCE,
         "2026-10-24 23:59:59", "2026-10-24 23:59:59"},
        {"Europe/Berlin", "2026-10-25 02:00", PP_ZONE_TWICE, "2026-10-25 00:00",
         "2026-10-25 01:00"},
        {"Europe/Berlin", "2026-10-25 02:59:59", PP_ZONE_TWICE,
         "2026-10-25 00:59:59", "2026-10-25 01:59:59"},
        {"Europe/Berlin", "2026-10-25 03:00", PP_ZONE_ONCE, "2026-10-25 02:00",
         "2026-10-25 02:00"},
    };

    (void)state;
    expect_shown(cases, PP_COUNT(cases));
}

static void other_times_have_their_one_instant(void **state)
{
    static const struct shown cases[] = {
        {"UTC", "2026-11-24 09:00", PP_ZONE_ONCE, "2026-11-24 09:00",
         "2026-11-24 09:00"},
        {"America/New_York", "2026-11-01 09:00", PP_ZONE_ONCE,
         "2026-11-01 14:00", "2026-11-01 14:00"},
        /* offsets of 45 minutes */
        {"Asia/Kathmandu", "2026-11-24 09:00", PP_ZONE_ONCE, "2026-11-24 03:15",
         "2026-11-24 03:15"},
        {"Pacific/Chatham", "2026-09-27 03:50", PP_ZONE_ONCE,
         "2026-09-26 14:05", "2026-09-26 14:05"},
        {"Pacific/Chatham", "2026-04-05 03:50", PP_ZONE_ONCE,
         "2026-04-04 15:05", "2026-04-04 15:05"},
        {"Antarctica/Troll", "2026-10-25 23:00", PP_ZONE_ONCE,
         "2026-10-25 23:00", "2026-10-25 23:00"},
        /* summer time that is said to be negative */
        {"Europe/Dublin", "2026-07-01 12:00", PP_ZONE_ONCE, "2026-07-01 11:00",
         "2026-07-01 11:00"},
        {"Europe/Dublin", "2026-12-01 12:00", PP_ZONE_ONCE, "2026-12-01 12:00",
         "2026-12-01 12:00"},
        /* before there were zones: Berlin's own noon */
        {"Europe/Berlin", "1890-01-01 12:00", PP_ZONE_ONCE,
         "1890-01-01 11:06:32", "1890-01-01 11:06:32"},
        /* long after what the file lists */
        {"Europe/Berlin", "2999-07-01 12:00", PP_ZONE_ONCE, "2999-07-01 10:00",
         "2999-07-01 10:00"},
    };

    (void)state;
    expect_shown(cases, PP_COUNT(cases));
}

static void a_date_begins_at_its_first_instant(void **state)
{
    static const struct {
        const char *zone, *date, *at;
    } cases[] = {
        {"Europe/Berlin", "2026-07-01", "2026-06-30 22:00"},
        {"Africa/Cairo", "2026-04-24", "2026-04-23 22:00"},
        {"Asia/Beirut", "2026-03-29", "2026-03-28 22:00"},
        {"America/Santiago", "2026-09-06", "2026-09-06 04:00"},
        /* 24:00 became 23:00, so this midnight was shown only then */
        {"America/Sao_Paulo", "2019-02-17", "2019-02-17 03:00"},
        /* 00:01 became 23:01: the date began a minute before that */
        {"America/St_Johns", "2010-11-07", "2010-11-07 02:30"},
        /* a date that was left out began and ended as the next one began */
        {"Pacific/Apia", "2011-12-30", "2011-12-30 10:00"},
        {"Pacific/Apia", "2011-12-31", "2011-12-30 10:00"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_zone *zone = frozen_zone(cases[i].zone);

        expect_at(cases[i].zone,
                  pp_zone_date_at_ms(zone, date_of(cases[i].date)),
                  cases[i].at);
        pp_zone_free(&zone);
    }
}

static void a_date_may_be_shorter_or_longer_than_a_day(void **state)
{
    static const struct {
        const char *zone, *date;
        double hours;
    } cases[] = {
        {"America/New_York", "2026-03-08", 23},
        {"America/New_York", "2026-11-01", 25},
        {"America/New_York", "2026-11-02", 24},
        {"Australia/Lord_Howe", "2026-10-04", 23.5},
        {"Australia/Lord_Howe", "2026-04-05", 24.5},
        {"Antarctica/Troll", "2026-03-29", 22},
        {"Antarctica/Troll", "2026-10-25", 26},
        {"Africa/Cairo", "2026-04-24", 23},
        {"Pacific/Apia", "2011-12-30", 0},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_zone *zone = frozen_zone(cases[i].zone);
        int64_t date = date_of(cases[i].date);
        int64_t ms =
            pp_zone_date_at_ms(zone, date + 1) - pp_zone_date_at_ms(zone, date);

        if ((double)ms != cases[i].hours * (double)HOUR_MS)
            fail_msg("%s, %s has %.2f hours", cases[i].zone, cases[i].date,
                     (double)ms / (double)HOUR_MS);
        pp_zone_free(&zone);
    }
}

static void milliseconds_survive_both_ways(void **state)
{
    struct pp_zone *zone = frozen_zone("Asia/Kathmandu");
    int64_t before_1970_ms = -1, after_ms = 1700000000123;

    (void)state;
    assert_int_equal(pp_zone_local_ms(zone, after_ms),
                     after_ms + 20700 * INT64_C(1000));
    assert_int_equal(pp_zone_at_ms(zone, pp_zone_local_ms(zone, after_ms)),
                     after_ms);
    assert_int_equal(
        pp_zone_at_ms(zone, pp_zone_local_ms(zone, before_1970_ms)),
        before_1970_ms);
    pp_zone_free(&zone);
}

/* --- odd zones -------------------------------------------------------------
 */

static void summer_time_may_last_all_year(void **state)
{
    struct pp_zone *zone = tzif_zone("XXX3EDT4,0/0,J365/23");
    int64_t change_ms;

    (void)state;
    assert_int_equal(pp_zone_offset_s(zone, ms_of("2026-01-01 04:00")), -14400);
    assert_int_equal(pp_zone_offset_s(zone, ms_of("2028-12-31 23:00")), -14400);
    assert_false(
        pp_zone_next_change(zone, ms_of("2026-06-01 00:00"), &change_ms));
    pp_zone_free(&zone);
}

/* The text of the rule, and its first two changes after 2027-12-20. */
static void every_form_of_a_rule_is_understood(void **state)
{
    static const struct {
        const char *rule, *first, *second;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2028-03-26 01:00", "2028-10-29 01:00"},
        {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2028-03-26 01:00",
         "2028-10-29 01:00"},
        {"IST-2IDT,M3.4.4/26,M10.5.0", "2028-03-24 00:00", "2028-10-28 23:00"},
        {"AAA0BBB-0:30,J60/0,J365/0:30", "2027-12-31 00:00",
         "2028-03-01 00:00"},
        {"AAA0BBB,59/0,365/1", "2028-01-01 00:00", "2028-02-29 00:00"},
        /* a week before and after its year */
        {"AAA0BBB,0/-167,J180/1", "2027-12-25 01:00", "2028-06-29 00:00"},
        {"AAA0BBB,J100/0,J365/167", "2028-01-06 22:00", "2028-04-10 00:00"},
        {"AAA+0BBB-1:00:00,M12.1.0/00:00:30,J1/1", "2028-01-01 00:00",
         "2028-12-03 00:00:30"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_zone *zone = tzif_zone(cases[i].rule);
        int64_t at_ms = 0;

        assert_true(
            pp_zone_next_change(zone, ms_of("2027-12-20 00:00"), &at_ms));
        expect_at(cases[i].rule, at_ms, cases[i].first);
        assert_true(pp_zone_next_change(zone, at_ms, &at_ms));
        expect_at(cases[i].rule, at_ms, cases[i].second);
        pp_zone_free(&zone);
    }
}

/* Clocks go from 01:00 to 03:00, and an hour later from 04:00 to 02:00. */
static void later_times_never_come_earlier(void **state)
{
    static const int32_t offsets_s[] = {0, 7200};
    static const struct tzif_change changes[] = {{3600, 1}, {7200, 0}};
    const struct tzif tzif = {'2', offsets_s, 2, changes, 2, ""};
    struct pp_zone *zone;
    struct pp_buf buf;
    struct pp_err err;
    int64_t last_ms = INT64_MIN;

    (void)state;
    pp_buf_init(&buf, 4096);
    tzif_add(&buf, &tzif);
    assert_int_equal(pp_zone_new(&zone, pp_buf_str(&buf), &err), 0);
    for (int64_t local_ms = 0; local_ms < 8 * HOUR_MS; local_ms += 60000) {
        int64_t at_ms = pp_zone_at_ms(zone, local_ms);

        assert_true(at_ms >= last_ms);
        last_ms = at_ms;
    }
    /* 02:30 is skipped first, and shown later; 03:30 is shown twice */
    assert_int_equal(pp_zone_at_ms(zone, 5 * HOUR_MS / 2), HOUR_MS);
    assert_int_equal(pp_zone_at_ms(zone, 7 * HOUR_MS / 2), 3 * HOUR_MS / 2);
    pp_zone_free(&zone);
    pp_buf_fini(&buf);
}

/* --- bytes that are no zone ------------------------------------------------
 */

static void expect_refused(const char *what, struct pp_str bytes)
{
    struct pp_zone *zone = NULL;
    struct pp_err err = {0};

    if (pp_zone_new(&zone, bytes, &err) == 0 || err.kind != PP_ERR_INVALID)
        fail_msg("%s is taken", what);
}

static void every_part_of_a_file_is_no_zone(void **state)
{
    static const int32_t offsets_s[] = {0, 3600};
    static const struct tzif_change changes[] = {{0, 1}, {100, 0}};
    const struct tzif tzif = {'2', offsets_s, 2, changes, 2, "CET-1"};
    struct pp_zone *zone;
    struct pp_buf buf;
    struct pp_err err;

    (void)state;
    pp_buf_init(&buf, 4096);
    tzif_add(&buf, &tzif);
    for (size_t n = 0; n < buf.n; n++) {
        /* Memory of its own, for AddressSanitizer to watch its end. */
        char *part = pp_malloc(n + 1);

        memcpy(part, buf.p, n);
        expect_refused("a part", (struct pp_str){part, n});
        free(part);
    }
    assert_int_equal(pp_zone_new(&zone, pp_buf_str(&buf), &err), 0);
    pp_zone_free(&zone);
    pp_buf_fini(&buf);
}

static void files_that_contradict_themselves_are_no_zones(void **state)
{
    static const int32_t plain_s[] = {0, 3600}, far_s[] = {0, 93600},
                         far_west_s[] = {-90000, 0};
    static const struct tzif_change rising[] = {{0, 1}, {100, 0}},
                                    equal[] = {{100, 1}, {100, 0}},
                                    falling[] = {{100, 1}, {0, 0}},
                                    of_no_type[] = {{0, 1}, {100, 2}};
    static const struct {
        const char *what;
        struct tzif tzif;
    } cases[] = {
        {"version 1", {'\0', plain_s, 2, rising, 2, "CET-1"}},
        {"no offset at all", {'2', plain_s, 0, NULL, 0, "CET-1"}},
        {"26 hours east", {'2', far_s, 2, rising, 2, "CET-1"}},
        {"25 hours west", {'2', far_west_s, 2, rising, 2, "CET-1"}},
        {"two changes at once", {'2', plain_s, 2, equal, 2, "CET-1"}},
        {"falling times", {'2', plain_s, 2, falling, 2, "CET-1"}},
        {"a change to nothing", {'2', plain_s, 2, of_no_type, 2, "CET-1"}},
        {"a line more", {'2', plain_s, 2, rising, 2, "CET-1\n"}},
        {"a short name", {'2', plain_s, 2, rising, 2, "CE-1"}},
        {"no offset", {'2', plain_s, 2, rising, 2, "CET"}},
        {"25 hours", {'2', plain_s, 2, rising, 2, "CET-25"}},
        {"60 minutes", {'2', plain_s, 2, rising, 2, "CET-1:60"}},
        {"an open name", {'2', plain_s, 2, rising, 2, "<+01-1"}},
        {"no days", {'2', plain_s, 2, rising, 2, "CET-1CEST"}},
        {"one day", {'2', plain_s, 2, rising, 2, "CET-1CEST,M3.5.0"}},
        {"month 13", {'2', plain_s, 2, rising, 2, "CET-1CEST,M13.5.0,J1"}},
        {"week 6", {'2', plain_s, 2, rising, 2, "CET-1CEST,M3.6.0,J1"}},
        {"weekday 7", {'2', plain_s, 2, rising, 2, "CET-1CEST,M3.5.7,J1"}},
        {"day 366", {'2', plain_s, 2, rising, 2, "CET-1CEST,366,J1"}},
        {"J0", {'2', plain_s, 2, rising, 2, "CET-1CEST,J0,J1"}},
        {"hour 168", {'2', plain_s, 2, rising, 2, "CET-1CEST,J1/168,J2"}},
        {"more", {'2', plain_s, 2, rising, 2, "CET-1CEST,J1,J2 "}},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_buf buf;

        pp_buf_init(&buf, 4096);
        tzif_add(&buf, &cases[i].tzif);
        expect_refused(cases[i].what, pp_buf_str(&buf));
        pp_buf_fini(&buf);
    }
    expect_refused("nothing", (struct pp_str){NULL, 0});
    expect_refused("a text", PP_LIT("# version 2025b, and as long as a header"
                                    " is, which has forty-four bytes"));
}

/* Their instants are 27 seconds off. */
static void a_file_that_counts_leap_seconds_is_no_zone(void **state)
{
    struct pp_buf buf;

    (void)state;
    pp_buf_init(&buf, 4096);
    tzif_header(&buf, '2', 0, 0, 0);
    tzif_header(&buf, '2', 0, 1, 4);
    buf.p[44 + 28 + 3] = 1; /* the count of leap seconds */
    tzif_number(&buf, 0, 6);
    pp_buf_add(&buf, "UTC", 4);
    tzif_number(&buf, 78796800, 8);
    tzif_number(&buf, 1, 4);
    pp_buf_add(&buf, "\nUTC0\n", 6);
    expect_refused("leap seconds", pp_buf_str(&buf));
    pp_buf_fini(&buf);
}

static void other_bytes_have_another_digest(void **state)
{
    struct pp_zone *berlin = frozen_zone("Europe/Berlin");
    struct pp_zone *again = frozen_zone("Europe/Berlin");
    struct pp_zone *dublin = frozen_zone("Europe/Dublin");

    (void)state;
    assert_true(pp_zone_digest(berlin) == pp_zone_digest(again));
    assert_true(pp_zone_digest(berlin) != pp_zone_digest(dublin));
    pp_zone_free(&berlin);
    pp_zone_free(&again);
    pp_zone_free(&dublin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_skipped_time_is_the_first_instant_after_the_gap),
        cmocka_unit_test(a_repeated_time_is_the_first_of_the_two),
        cmocka_unit_test(other_times_have_their_one_instant),
        cmocka_unit_test(a_date_begins_at_its_first_instant),
        cmocka_unit_test(a_date_may_be_shorter_or_longer_than_a_day),
        cmocka_unit_test(milliseconds_survive_both_ways),
        cmocka_unit_test(summer_time_may_last_all_year),
        cmocka_unit_test(every_form_of_a_rule_is_understood),
        cmocka_unit_test(later_times_never_come_earlier),
        cmocka_unit_test(every_part_of_a_file_is_no_zone),
        cmocka_unit_test(files_that_contradict_themselves_are_no_zones),
        cmocka_unit_test(a_file_that_counts_leap_seconds_is_no_zone),
        cmocka_unit_test(other_bytes_have_another_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "alarm.h"
#include "pp_mem.h"

#include "test.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)

static const int64_t T0 = INT64_C(1700000000000);

static const struct alarm_limits limits = {.start_ms = 2 * MINUTE_MS,
                                           .run_ms = HOUR_MS,
                                           .run_least_ms = 100,
                                           .backlog_ms = 15 * MINUTE_MS,
                                           .runs_an_hour = 4,
                                           .items_least = 10,
                                           .delivered_percent = 98};

static void each_alarm_holds_behind_its_limit_and_not_at_it(void **state)
{
    static const struct {
        const char *when;
        enum alarm_kind kind;
        struct alarm_facts facts;
        bool holds;
    } cases[] = {
        {"nothing waits", ALARM_LATE, {0}, false},
        {"it may be two minutes late",
         ALARM_LATE,
         {.waits_since_ms = T0 - 2 * MINUTE_MS},
         false},
        {"it is later",
         ALARM_LATE,
         {.waits_since_ms = T0 - 2 * MINUTE_MS - 1},
         true},
        {"it is later, and paused",
         ALARM_LATE,
         {.waits_since_ms = T0 - HOUR_MS, .is_paused = true},
         false},
        {"it ran an hour", ALARM_LONG, {.runs_since_ms = T0 - HOUR_MS}, false},
        {"it runs on", ALARM_LONG, {.runs_since_ms = T0 - HOUR_MS - 1}, true},
        {"its lease has just ended",
         ALARM_STALLED,
         {.lease_until_ms = T0 - 1000},
         false},
        {"its lease lasts",
         ALARM_STALLED,
         {.lease_until_ms = T0 + 1000},
         false},
        {"nobody has gone on",
         ALARM_STALLED,
         {.lease_until_ms = T0 - 2 * MINUTE_MS},
         true},
        {"one try failed", ALARM_FAILED, {.failures = 1}, false},
        {"two tries failed", ALARM_FAILED, {.failures = 2}, true},
        {"it died after it was done",
         ALARM_FAILED,
         {.dead_at_ms = T0 - 1, .done_at_ms = T0 - 2},
         true},
        {"it was done after it died",
         ALARM_FAILED,
         {.dead_at_ms = T0 - 2, .done_at_ms = T0 - 1},
         false},
        {"it was never done", ALARM_SHORT, {.last_took_ms = -1}, false},
        {"it took its time", ALARM_SHORT, {.last_took_ms = 100}, false},
        {"it took no time", ALARM_SHORT, {.last_took_ms = 99}, true},
        {"it ran four times", ALARM_OFTEN, {.runs_last_hour = 4}, false},
        {"it ran five times", ALARM_OFTEN, {.runs_last_hour = 5}, true},
        {"it says nothing of what it did",
         ALARM_EMPTY,
         {.last_items = -1},
         false},
        {"it found enough", ALARM_EMPTY, {.last_items = 10}, false},
        {"it found too little", ALARM_EMPTY, {.last_items = 9}, true},
        {"it found nothing", ALARM_EMPTY, {.last_items = 0}, true},
        {"no report was due", ALARM_UNDELIVERED, {0}, false},
        {"98 of 100 arrived",
         ALARM_UNDELIVERED,
         {.reports_due = 100, .reports_delivered = 98},
         false},
        {"979 of 1,000 arrived",
         ALARM_UNDELIVERED,
         {.reports_due = 1000, .reports_delivered = 979},
         true},
        {"none arrived", ALARM_UNDELIVERED, {.reports_due = 1}, true},
        {"one waits for a quarter",
         ALARM_BACKLOG,
         {.open_since_ms = T0 - 15 * MINUTE_MS},
         false},
        {"one waits for longer",
         ALARM_BACKLOG,
         {.open_since_ms = T0 - 16 * MINUTE_MS},
         true},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct alarm_facts facts = cases[i].facts;
        int64_t value, limit;

        facts.now_ms = T0;
        if (alarm_holds(cases[i].kind, &limits, &facts, &value, &limit) !=
            cases[i].holds)
            fail_msg("when %s", cases[i].when);
    }
}

/* Three days of minutes, in which it is wrong from one to another. */
static void count_messages(int64_t from_ms, int64_t until_ms, int counts[4])
{
    struct alarm alarm = {0};

    for (int64_t at = T0; at < T0 + 72 * HOUR_MS; at += MINUTE_MS)
        counts[alarm_step(&alarm, at >= from_ms && at < until_ms, at)]++;
    assert_int_equal(alarm.since_ms, 0);
    assert_int_equal(alarm.episode, from_ms < until_ms);
}

static void it_is_told_once_reminded_of_thrice_and_cleared_once(void **state)
{
    static const struct {
        const char *when;
        int64_t lasts_ms;
        int fired, nags, cleared;
    } cases[] = {
        {"all is well", 0, 0, 0, 0},
        {"it lasts a minute", MINUTE_MS, 1, 0, 1},
        {"it lasts an hour", HOUR_MS + MINUTE_MS, 1, 1, 1},
        {"it lasts seven hours", 7 * HOUR_MS, 1, 2, 1},
        {"it lasts two days", 48 * HOUR_MS, 1, 3, 1},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        int counts[4] = {0};

        count_messages(T0 + HOUR_MS, T0 + HOUR_MS + cases[i].lasts_ms, counts);
        if (counts[ALARM_FIRED] != cases[i].fired ||
            counts[ALARM_NAG] != cases[i].nags ||
            counts[ALARM_CLEARED] != cases[i].cleared)
            fail_msg("when %s: %d, %d, %d", cases[i].when, counts[ALARM_FIRED],
                     counts[ALARM_NAG], counts[ALARM_CLEARED]);
    }
}

/* --- days of one job, minute by minute -------------------------------------
 */

/* What is known of a job at which all is well. */
static struct alarm_facts well(int64_t now_ms)
{
    return (struct alarm_facts){
        .now_ms = now_ms,
        .done_at_ms = now_ms - MINUTE_MS,
        .last_took_ms = 5000,
        .last_items = 50,
        .runs_last_hour = 4,
        .reports_due = 100,
        .reports_delivered = 100,
    };
}

/* And of one that has gone wrong, in one way, at an instant. */
static struct alarm_facts wrong(enum alarm_kind kind, int64_t since_ms,
                                int64_t now_ms)
{
    struct alarm_facts facts = well(now_ms);

    switch (kind) {
    case ALARM_LATE:
        facts.waits_since_ms = since_ms;
        break;
    case ALARM_LONG: /* its lease is renewed */
        facts.runs_since_ms = since_ms;
        facts.lease_until_ms = now_ms + MINUTE_MS;
        break;
    case ALARM_STALLED:
        facts.lease_until_ms = since_ms;
        break;
    case ALARM_FAILED: /* and was never done again */
        facts.dead_at_ms = since_ms;
        facts.done_at_ms = since_ms - 1;
        break;
    case ALARM_SHORT:
        facts.last_took_ms = 7;
        break;
    case ALARM_OFTEN:
        facts.runs_last_hour = 60;
        break;
    case ALARM_BACKLOG:
        facts.open_since_ms = since_ms;
        break;
    case ALARM_EMPTY:
        facts.last_items = 0;
        break;
    case ALARM_UNDELIVERED:
        facts.reports_delivered = 90;
        break;
    case ALARM_KINDS:
        break;
    }
    return facts;
}

static void expect(enum alarm_kind wrong_kind, enum alarm_kind kind,
                   int64_t minute, int64_t fires_at, int64_t ends_at,
                   enum alarm_message is)
{
    enum alarm_message then = ALARM_NOTHING;
    int64_t since = minute - fires_at;

    if (kind == wrong_kind && since == 0)
        then = ALARM_FIRED;
    else if (kind == wrong_kind &&
             (since == 60 || since == 6 * 60 || since == 24 * 60))
        then = ALARM_NAG;
    else if (kind == wrong_kind && minute == ends_at)
        then = ALARM_CLEARED;
    if (is != then)
        fail_msg("job that %s: in minute %d %s said %d, not %d",
                 alarm_words(wrong_kind), (int)minute, alarm_name(kind), is,
                 then);
}

static void each_alarm_alone_fires_nags_and_clears_in_its_minutes(void **state)
{
    /* Minutes from when it goes wrong until it is told. */
    static const int patience[ALARM_KINDS] = {[ALARM_LATE] = 3,
                                              [ALARM_LONG] = 61,
                                              [ALARM_STALLED] = 2,
                                              [ALARM_BACKLOG] = 16};
    const int64_t begins = 100, ends = 100 + 30 * 60, last = 72 * 60;

    (void)state;
    for (int w = 0; w < ALARM_KINDS; w++) {
        enum alarm_kind wrong_kind = (enum alarm_kind)w;
        struct alarm alarms[ALARM_KINDS] = {0};

        for (int64_t minute = 0; minute < last; minute++) {
            int64_t now_ms = T0 + minute * MINUTE_MS;
            struct alarm_facts facts =
                minute >= begins && minute < ends
                    ? wrong(wrong_kind, T0 + begins * MINUTE_MS, now_ms)
                    : well(now_ms);

            for (int k = 0; k < ALARM_KINDS; k++) {
                enum alarm_kind kind = (enum alarm_kind)k;
                int64_t value, limit;
                bool holds = alarm_holds(kind, &limits, &facts, &value, &limit);

                expect(wrong_kind, kind, minute, begins + patience[w], ends,
                       alarm_step(&alarms[k], holds, now_ms));
            }
        }
        assert_int_equal(alarms[w].episode, 1);
    }
}

static void who_was_away_for_long_reminds_once(void **state)
{
    struct alarm alarm = {0};

    (void)state;
    assert_int_equal(alarm_step(&alarm, true, T0), ALARM_FIRED);
    assert_int_equal(alarm_step(&alarm, true, T0 + 8 * HOUR_MS), ALARM_NAG);
    assert_int_equal(alarm_step(&alarm, true, T0 + 9 * HOUR_MS), ALARM_NOTHING);
    assert_int_equal(alarm_step(&alarm, true, T0 + 24 * HOUR_MS), ALARM_NAG);
    assert_int_equal(alarm_step(&alarm, false, T0 + 25 * HOUR_MS),
                     ALARM_CLEARED);
    assert_int_equal(alarm_step(&alarm, true, T0 + 26 * HOUR_MS), ALARM_FIRED);
    assert_int_equal(alarm.episode, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alarm_holds_behind_its_limit_and_not_at_it),
        cmocka_unit_test(it_is_told_once_reminded_of_thrice_and_cleared_once),
        cmocka_unit_test(each_alarm_alone_fires_nags_and_clears_in_its_minutes),
        cmocka_unit_test(who_was_away_for_long_reminds_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

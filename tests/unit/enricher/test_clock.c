#include "clock.h"

#include "test.h"

#define SECOND ((int64_t)1000)
#define DAY    (24 * 60 * 60 * SECOND)
#define YEAR   (365 * DAY)
#define WEEK   CLOCK_LATE_MAX_MS

static const int64_t NOW = 1700000000000; /* any instant will do */

static void an_event_happened_as_long_ago_as_its_sender_says(void **state)
{
    static const struct {
        const char *when;
        int64_t at_ms, sent_at_ms; /* from the instant of receipt */
        int64_t event_at_ms;       /* likewise */
    } cases[] = {
        {"it is sent at once by a right clock", 0, 0, 0},
        {"it waited five seconds", -5 * SECOND, 0, -5 * SECOND},
        {"it travelled two seconds", -7 * SECOND, -2 * SECOND, -5 * SECOND},
        {"the clock is three years behind", -3 * YEAR - 5 * SECOND, -3 * YEAR,
         -5 * SECOND},
        {"the clock is three years ahead", 3 * YEAR - 5 * SECOND, 3 * YEAR,
         -5 * SECOND},
        {"it is from after it was sent", SECOND, 0, 0},
        {"it is from after it was sent, by a slow clock", -YEAR + DAY, -YEAR,
         0},
        {"a queue is a day old", -DAY, 0, -DAY},
        {"a queue is a week old", -WEEK, 0, -WEEK},
        {"a queue is older than a week by a blink", -WEEK - 1, 0, -WEEK},
        {"a queue is a month old", -30 * DAY, 0, -WEEK},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct clock_times times = {true, NOW + cases[i].at_ms, true,
                                    NOW + cases[i].sent_at_ms, NOW};
        int64_t got = clock_event_at_ms(&times) - NOW;

        if (got != cases[i].event_at_ms)
            fail_msg("when %s: %lld", cases[i].when, (long long)got);
    }
}

static void without_sent_at_the_clock_is_believed_within_a_week(void **state)
{
    static const struct {
        const char *when;
        int64_t at_ms, event_at_ms;
    } cases[] = {
        {"it is from now", 0, 0},
        {"it is from yesterday", -DAY, -DAY},
        {"it is from the future", SECOND, 0},
        {"the clock is three years ahead", 3 * YEAR, 0},
        {"the clock is three years behind", -3 * YEAR, -WEEK},
        {"a week has just passed", -WEEK - 1, -WEEK},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct clock_times times = {true, NOW + cases[i].at_ms, false, 0, NOW};
        int64_t got = clock_event_at_ms(&times) - NOW;

        if (got != cases[i].event_at_ms)
            fail_msg("when %s: %lld", cases[i].when, (long long)got);
    }
}

static void without_its_own_time_it_happened_on_receipt(void **state)
{
    struct clock_times times = {false, 1, false, 2, NOW};

    (void)state;
    assert_int_equal(clock_event_at_ms(&times), NOW);
    times.has_sent_at_ms = true;
    assert_int_equal(clock_event_at_ms(&times), NOW);
}

static void no_number_takes_it_out_of_its_week(void **state)
{
    static const int64_t ends[] = {INT64_MIN,     INT64_MIN + 1, -1,       0, 1,
                                   1700000000000, INT64_MAX - 1, INT64_MAX};
    const size_t n = PP_COUNT(ends);

    (void)state;
    for (size_t i = 0; i < n * n * n * 2; i++) {
        int64_t received = ends[i / 2 / n / n], got;
        struct clock_times times = {true, ends[i / 2 / n % n], i % 2 == 0,
                                    ends[i / 2 % n], received};
        int64_t oldest =
            received < INT64_MIN + WEEK ? INT64_MIN : received - WEEK;

        got = clock_event_at_ms(&times);
        if (got > received || got < oldest)
            fail_msg("case %zu: %lld", i, (long long)got);
    }
}

int main(void)
{
    const struct CMUnitTest clock[] = {
        cmocka_unit_test(an_event_happened_as_long_ago_as_its_sender_says),
        cmocka_unit_test(without_sent_at_the_clock_is_believed_within_a_week),
        cmocka_unit_test(without_its_own_time_it_happened_on_receipt),
        cmocka_unit_test(no_number_takes_it_out_of_its_week),
    };

    return cmocka_run_group_tests(clock, NULL, NULL);
}

#include "pp_job_rule.h"
#include "pp_mem.h"

#include "test.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static const int64_t T0 = INT64_C(1700006400000); /* a whole hour */

/* How many runs a job of every minute has after nobody was there. */
static int runs_after(enum pp_job_catch_up catch_up, int window_s,
                      int64_t absent_ms)
{
    struct pp_job_rule rule = {.every_s = 60};
    int64_t at = T0 + MINUTE_MS, now = T0 + 30000 + absent_ms, next;
    int count = 0;

    for (; at <= now; at = next) {
        assert_true(pp_job_rule_next(&rule, at, &next));
        count += pp_job_is_wanted(catch_up, window_s, at, next, now);
    }
    return count;
}

static void what_an_absence_leaves_to_do_is_what_the_policy_says(void **state)
{
    static const struct {
        const char *when;
        enum pp_job_catch_up catch_up;
        int window_s;
        int64_t absent_ms;
        int runs;
    } cases[] = {
        {"latest, a second", PP_JOB_LATEST, 0, 1000, 0},
        {"latest, a minute", PP_JOB_LATEST, 0, MINUTE_MS, 1},
        {"latest, an hour", PP_JOB_LATEST, 0, HOUR_MS, 1},
        {"latest, three days", PP_JOB_LATEST, 0, 3 * DAY_MS, 1},
        {"all of an hour, a second", PP_JOB_ALL, 3600, 1000, 0},
        {"all of an hour, a minute", PP_JOB_ALL, 3600, MINUTE_MS, 1},
        {"all of an hour, an hour", PP_JOB_ALL, 3600, HOUR_MS, 60},
        {"all of an hour, three days", PP_JOB_ALL, 3600, 3 * DAY_MS, 60},
        {"none, a minute, 30 s late", PP_JOB_NONE, 0, MINUTE_MS, 0},
        {"none, and 30 s is not late", PP_JOB_NONE, 30, MINUTE_MS, 1},
        {"none, three days", PP_JOB_NONE, 0, 3 * DAY_MS, 0},
        {"must, a minute", PP_JOB_MUST, 0, MINUTE_MS, 1},
        {"must, three days", PP_JOB_MUST, 0, 3 * DAY_MS, 3 * 24 * 60},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        int runs = runs_after(cases[i].catch_up, cases[i].window_s,
                              cases[i].absent_ms);

        if (runs != cases[i].runs)
            fail_msg("%s: %d runs, not %d", cases[i].when, runs, cases[i].runs);
    }
}

static void seconds_count_from_1970(void **state)
{
    struct pp_job_rule rule = {.every_s = 900};
    int64_t at;

    (void)state;
    assert_true(pp_job_rule_next(&rule, T0, &at));
    assert_int_equal(at, T0 + 15 * MINUTE_MS);
    assert_true(pp_job_rule_next(&rule, T0 - 1, &at));
    assert_int_equal(at, T0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_absence_leaves_to_do_is_what_the_policy_says),
        cmocka_unit_test(seconds_count_from_1970),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

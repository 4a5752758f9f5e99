#include <stdio.h>
#include <string.h>

#include "pp_rollup.h"
#include "pp_rollup_plan.h"

#include "test.h"

/* Days 0 to 9 of which 1 to 7 are asked for; all of them right. */
#define DAYS 10

static struct pp_rollup_state states[DAYS];

static int begin(void **state)
{
    (void)state;
    memset(states, 0, sizeof(states));
    for (size_t i = 0; i < DAYS; i++) {
        const struct pp_rollup_sum all = {100, UINT64_MAX - i};
        const struct pp_rollup_sum own = {70, 7000 + i}, next = {10, 900 + i};

        states[i].events = states[i].minute = states[i].hour = all;
        states[i].day = all;
        states[i].visits = own;
        states[i].next = next;
        states[i].entry = (struct pp_rollup_sum){80, 7900 + 2 * i};
        states[i].people = (struct pp_rollup_sum){80, 7900 + 2 * i - 1};
    }
    return 0;
}

/* The days of which a table has to be made anew, as "3 4". */
static const char *anew(enum pp_rollup_table table)
{
    static char text[64];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < DAYS; i++)
        if (states[i].anew[table])
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%zu",
                                  n ? " " : "", i);
    return text;
}

static void what_is_right_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(pp_rollup_plan(states, DAYS, 0, false), 0);
    for (int table = 0; table < PP_ROLLUP_TABLES; table++)
        assert_string_equal(anew((enum pp_rollup_table)table), "");
}

static void a_late_event_of_people_makes_its_day_anew_everywhere(void **state)
{
    (void)state;
    states[4].events.rows++;
    states[4].people.rows++;
    assert_int_equal(pp_rollup_plan(states, DAYS, 0, false), 1);
    assert_string_equal(anew(PP_ROLLUP_VISITS), "4");
    assert_string_equal(anew(PP_ROLLUP_MINUTE), "4");
    assert_string_equal(anew(PP_ROLLUP_HOUR), "4");
    assert_string_equal(anew(PP_ROLLUP_DAY), "4");
}

static void a_robot_moves_no_visit(void **state)
{
    (void)state;
    states[4].events.checksum++;
    pp_rollup_plan(states, DAYS, 0, false);
    assert_string_equal(anew(PP_ROLLUP_VISITS), "");
    assert_string_equal(anew(PP_ROLLUP_HOUR), "4");
}

static void where_the_day_alone_did_not_help_its_neighbours_follow(void **state)
{
    (void)state;
    states[4].people.checksum++;
    pp_rollup_plan(states, DAYS, 0, true);
    assert_string_equal(anew(PP_ROLLUP_VISITS), "3 4 5 6");
    assert_string_equal(anew(PP_ROLLUP_DAY), "3 4 5 6");
    assert_string_equal(anew(PP_ROLLUP_HOUR), "");
}

static void a_neighbour_without_anybody_is_not_made(void **state)
{
    static const struct pp_rollup_sum none;

    (void)state;
    states[7].people.rows++;
    for (size_t i = 8; i < DAYS; i++)
        states[i].people = states[i].visits = states[i].next = none;
    pp_rollup_plan(states, DAYS, 0, true);
    assert_string_equal(anew(PP_ROLLUP_VISITS), "6 7");
}

static void minutes_are_kept_for_the_last_days_only(void **state)
{
    static const struct pp_rollup_sum none;

    (void)state;
    for (size_t i = 0; i < DAYS; i++)
        states[i].minute = none;
    assert_int_equal(pp_rollup_plan(states, DAYS, 5, false), 3);
    assert_string_equal(anew(PP_ROLLUP_MINUTE), "5 6 7");
}

static void the_neighbours_that_were_only_looked_at_stay(void **state)
{
    (void)state;
    states[0].events.rows = states[8].events.rows = states[9].events.rows = 0;
    assert_int_equal(pp_rollup_plan(states, DAYS, 0, false), 0);
}

static void a_day_by_entry_page_that_lacks_a_visit_is_made_anew(void **state)
{
    (void)state;
    states[2].entry.rows--;
    pp_rollup_plan(states, DAYS, 0, false);
    assert_string_equal(anew(PP_ROLLUP_DAY), "2");
    assert_string_equal(anew(PP_ROLLUP_VISITS), "");
}

static void a_day_that_has_grown_by_little_may_wait(void **state)
{
    static const struct {
        const char *when;
        uint64_t had, has, age_s;
        bool may_lag;
    } cases[] = {
        {"a row in a hundred came just now", 100, 101, 5, true},
        {"it waited long enough", 100, 101, 600, false},
        {"a twentieth came", 100, 105, 5, false},
        {"rows have gone", 100, 99, 5, false},
        {"there was nothing", 0, 1, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct pp_rollup_state one = {.day.rows = cases[i].had,
                                            .events.rows = cases[i].has,
                                            .age_s = cases[i].age_s};

        if (pp_rollup_may_lag(&one, 600) != cases[i].may_lag)
            fail_msg("when %s", cases[i].when);
        assert_false(pp_rollup_may_lag(&one, 0));
    }
    states[4].events.rows++;
    states[4].people.rows++;
    states[4].may_lag = true;
    assert_int_equal(pp_rollup_plan(states, DAYS, 0, false), 0);
    assert_string_equal(anew(PP_ROLLUP_DAY), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_right_is_left_alone, begin),
        cmocka_unit_test_setup(
            a_late_event_of_people_makes_its_day_anew_everywhere, begin),
        cmocka_unit_test_setup(a_robot_moves_no_visit, begin),
        cmocka_unit_test_setup(
            where_the_day_alone_did_not_help_its_neighbours_follow, begin),
        cmocka_unit_test_setup(a_neighbour_without_anybody_is_not_made, begin),
        cmocka_unit_test_setup(minutes_are_kept_for_the_last_days_only, begin),
        cmocka_unit_test_setup(the_neighbours_that_were_only_looked_at_stay,
                               begin),
        cmocka_unit_test_setup(
            a_day_by_entry_page_that_lacks_a_visit_is_made_anew, begin),
        cmocka_unit_test_setup(a_day_that_has_grown_by_little_may_wait, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

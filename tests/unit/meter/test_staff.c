/* When those who run Pawprint are told. */
#include "staff.h"

#include "test.h"

#define MINUTE_MS INT64_C(60000)

static const int64_t T0 = INT64_C(1700000000000);

static void what_happens_is_told_once_while_it_lasts(void **state)
{
    struct staff staff = {0};

    (void)state;
    assert_true(staff_decide(&staff, true, T0, 0));
    for (int i = 1; i < 5000; i++)
        assert_false(staff_decide(&staff, true, T0 + i * MINUTE_MS, 0));
    assert_int_equal(staff.episode, 1);
    assert_int_equal(staff.since_ms, T0);
}

static void what_comes_and_goes_within_an_hour_is_told_once(void **state)
{
    struct staff staff = {0};

    (void)state;
    assert_true(staff_decide(&staff, true, T0, 0));
    for (int i = 1; i < 500; i++)
        assert_false(staff_decide(&staff, i % 50 == 0, T0 + i * MINUTE_MS, 0));
}

static void what_comes_again_after_an_hour_without_is_told_again(void **state)
{
    struct staff staff = {0};

    (void)state;
    assert_true(staff_decide(&staff, true, T0, 0));
    assert_false(staff_decide(&staff, false, T0 + STAFF_ENDS_MS - 1, 0));
    assert_true(staff.told);
    assert_false(staff_decide(&staff, false, T0 + STAFF_ENDS_MS, 0));
    assert_false(staff.told);
    assert_true(staff_decide(&staff, true, T0 + STAFF_ENDS_MS + 1, 0));
    assert_int_equal(staff.episode, 2);
    assert_int_equal(staff.since_ms, T0 + STAFF_ENDS_MS + 1);
}

static void an_hour_in_which_nobody_looked_ends_it_too(void **state)
{
    struct staff staff = {0};

    (void)state;
    assert_true(staff_decide(&staff, true, T0, 0));
    assert_true(staff_decide(&staff, true, T0 + STAFF_ENDS_MS, 0));
}

static void what_has_to_last_is_told_when_it_has_lasted(void **state)
{
    struct staff staff = {0};

    (void)state;
    assert_false(staff_decide(&staff, true, T0, 5 * MINUTE_MS));
    assert_false(
        staff_decide(&staff, true, T0 + 5 * MINUTE_MS - 1, 5 * MINUTE_MS));
    assert_true(staff_decide(&staff, true, T0 + 5 * MINUTE_MS, 5 * MINUTE_MS));
    assert_int_equal(staff.since_ms, T0);
}

static void what_ends_before_that_begins_anew(void **state)
{
    struct staff staff = {0};

    (void)state;
    assert_false(staff_decide(&staff, true, T0, 5 * MINUTE_MS));
    assert_false(staff_decide(&staff, false, T0 + MINUTE_MS, 5 * MINUTE_MS));
    assert_false(staff_decide(&staff, true, T0 + 5 * MINUTE_MS, 5 * MINUTE_MS));
    assert_false(staff_decide(&staff, false, T0 + 9 * MINUTE_MS, 0));
    assert_int_equal(staff.episode, 0);
}

int main(void)
{
    const struct CMUnitTest staff[] = {
        cmocka_unit_test(what_happens_is_told_once_while_it_lasts),
        cmocka_unit_test(what_comes_and_goes_within_an_hour_is_told_once),
        cmocka_unit_test(what_comes_again_after_an_hour_without_is_told_again),
        cmocka_unit_test(an_hour_in_which_nobody_looked_ends_it_too),
        cmocka_unit_test(what_has_to_last_is_told_when_it_has_lasted),
        cmocka_unit_test(what_ends_before_that_begins_anew),
    };

    return cmocka_run_group_tests(staff, NULL, NULL);
}

/* What a run of a report is known by. */
#include "send.h"

#include "test.h"

static void a_scope_says_which_subscription_and_which_date(void **state)
{
    char scope[SEND_SCOPE_BYTES];
    int64_t id, date;

    (void)state;
    send_scope(42, 20780, scope);
    assert_string_equal(scope, "42/2026-11-23");
    assert_true(send_scope_read(scope, &id, &date));
    assert_int_equal(id, 42);
    assert_int_equal(date, 20780);
    send_scope(INT64_MAX, 20780, scope);
    assert_true(send_scope_read(scope, &id, &date));
    assert_true(id == INT64_MAX);
}

static void what_is_no_scope_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "42",
        "42/",
        "/2026-11-23",
        "x/2026-11-23",
        "42/2026-11-31",
        "42/2026-11-23/1",
    };
    int64_t id, date;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (send_scope_read(cases[i], &id, &date))
            fail_msg("taken: %s", cases[i]);
}

/* A release that changed them would have reports come at other times. */
static void a_subscription_begins_always_as_much_later(void **state)
{
    (void)state;
    assert_int_equal(send_jitter_ms(1, 0), 0);
    assert_int_equal(send_jitter_ms(1, 1800), 1427409);
    assert_int_equal(send_jitter_ms(2, 1800), 314061);
    assert_int_equal(send_jitter_ms(INT64_MAX, 60), 9755);
}

int main(void)
{
    const struct CMUnitTest send[] = {
        cmocka_unit_test(a_scope_says_which_subscription_and_which_date),
        cmocka_unit_test(a_subscription_begins_always_as_much_later),
        cmocka_unit_test(what_is_no_scope_is_refused),
    };

    return cmocka_run_group_tests(send, NULL, NULL);
}

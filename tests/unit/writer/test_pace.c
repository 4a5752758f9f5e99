#include "pace.h"

#include "test.h"

/* Batches grow while the server has too many parts, and shrink again. */

static void every_refusal_doubles_a_batch_up_to_a_limit(void **state)
{
    struct pace pace = pace_of(1000, 100000);

    (void)state;
    pace_slower(&pace);
    assert_int_equal(pace.age_ms, 2000);
    assert_int_equal(pace.rows, 200000);
    for (int i = 0; i < 100; i++)
        pace_slower(&pace);
    assert_int_equal(pace.age_ms, PACE_AGE_MS_MAX);
    assert_int_equal(pace.rows, PACE_ROWS_MAX);
}

static void what_was_set_comes_back_with_inserts_that_work(void **state)
{
    struct pace pace = pace_of(1000, 100000);
    int inserts = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        pace_slower(&pace);
    for (; pace.age_ms > 1000 || pace.rows > 100000; inserts++)
        pace_worked(&pace);
    assert_int_equal(pace.age_ms, 1000);
    assert_int_equal(pace.rows, 100000);
    assert_in_range(inserts, 20, 120);
    pace_worked(&pace);
    assert_int_equal(pace.age_ms, 1000);
}

static void a_longer_age_than_the_limit_stays_as_it_was_set(void **state)
{
    struct pace pace = pace_of(60000, 10);

    (void)state;
    pace_slower(&pace);
    assert_int_equal(pace.age_ms, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_doubles_a_batch_up_to_a_limit),
        cmocka_unit_test(what_was_set_comes_back_with_inserts_that_work),
        cmocka_unit_test(a_longer_age_than_the_limit_stays_as_it_was_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

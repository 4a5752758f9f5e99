#include "pp_retry.h"

#include "test.h"

/* The longest wait seen at each step over many seeds: close to the bound. */
static int64_t longest_wait(int failures)
{
    int64_t longest = 0;

    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct pp_retry retry;
        int64_t wait = 0;

        pp_retry_init(&retry, 100, 1000, seed * UINT64_C(0x9e3779b97f4a7c15));
        for (int i = 0; i <= failures; i++)
            wait = pp_retry_wait_ms(&retry);
        assert_true(wait >= 1);
        if (wait > longest)
            longest = wait;
    }
    return longest;
}

static void the_bound_doubles_up_to_its_limit(void **state)
{
    static const int64_t bounds[] = {100, 200, 400, 800, 1000, 1000, 1000};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(bounds); i++) {
        int64_t longest = longest_wait((int)i);

        assert_true(longest <= bounds[i]);
        assert_true(longest > bounds[i] * 9 / 10);
    }
}

static void a_success_starts_it_over(void **state)
{
    struct pp_retry retry;

    (void)state;
    pp_retry_init(&retry, 10, INT64_MAX, 7);
    for (int i = 0; i < 200; i++)
        assert_true(pp_retry_wait_ms(&retry) >= 1);
    for (int i = 0; i < 1000; i++) {
        pp_retry_worked(&retry);
        assert_true(pp_retry_wait_ms(&retry) <= 10);
    }
}

static void two_processes_do_not_come_back_in_step(void **state)
{
    struct pp_retry a, b;
    int same = 0;

    (void)state;
    pp_retry_init(&a, 1000, 1000, 12345);
    pp_retry_init(&b, 1000, 1000, 54321);
    for (int i = 0; i < 100; i++)
        same += pp_retry_wait_ms(&a) == pp_retry_wait_ms(&b);
    assert_true(same < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_doubles_up_to_its_limit),
        cmocka_unit_test(a_success_starts_it_over),
        cmocka_unit_test(two_processes_do_not_come_back_in_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

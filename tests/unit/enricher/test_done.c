#include "done.h"

#include "test.h"

static struct pp_message hit(int32_t partition, int64_t offset, int64_t at_ms)
{
    return (struct pp_message){
        .partition = partition, .offset = offset, .timestamp_ms = at_ms};
}

static void note(struct done *done, int32_t partition, int64_t offset,
                 int64_t at_ms)
{
    struct pp_message message = hit(partition, offset, at_ms);

    done_note(done, &message);
}

static bool has(const struct done *done, int32_t partition, int64_t offset,
                int64_t at_ms)
{
    struct pp_message message = hit(partition, offset, at_ms);

    return done_has(done, &message);
}

static void at_first_no_hit_is_done(void **state)
{
    struct done *done = done_new(1, 1);

    (void)state;
    assert_false(has(done, 0, 0, 0));
    assert_false(has(done, 7, 100, 1000));
    done_free(&done);
}

static void what_comes_before_a_noted_hit_of_its_partition_is_done(void **state)
{
    struct done *done = done_new(1, 1);

    (void)state;
    note(done, 3, 41, 1000);
    assert_true(has(done, 3, 41, 1000));
    assert_true(has(done, 3, 0, 10));
    assert_false(has(done, 3, 42, 1000));
    assert_false(has(done, 2, 0, 10));
    done_free(&done);
}

static void
hits_of_one_request_share_their_time_and_are_told_apart(void **state)
{
    struct done *done = done_new(1, 1);

    (void)state;
    note(done, 0, 5, 1000);
    assert_false(has(done, 0, 6, 1000));
    note(done, 0, 6, 1000);
    assert_true(has(done, 0, 6, 1000));
    done_free(&done);
}

static void
a_hit_that_came_later_at_an_offset_that_was_lost_is_new(void **state)
{
    struct done *done = done_new(1, 1);

    (void)state;
    note(done, 0, 99, 1000);
    assert_false(has(done, 0, 50, 1001));
    note(done, 0, 50, 1001);
    assert_true(has(done, 0, 50, 1001));
    assert_false(has(done, 0, 51, 1000)); /* it lies behind the new end */
    done_free(&done);
}

static void a_partition_beyond_all_bounds_is_nothing_that_we_know(void **state)
{
    struct done *done = done_new(1, 1);

    (void)state;
    note(done, 1024, 5, 1000);
    note(done, -1, 5, 1000);
    assert_false(has(done, 1024, 5, 1000));
    assert_false(has(done, -1, 5, 1000));
    done_free(&done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_first_no_hit_is_done),
        cmocka_unit_test(
            what_comes_before_a_noted_hit_of_its_partition_is_done),
        cmocka_unit_test(
            hits_of_one_request_share_their_time_and_are_told_apart),
        cmocka_unit_test(
            a_hit_that_came_later_at_an_offset_that_was_lost_is_new),
        cmocka_unit_test(a_partition_beyond_all_bounds_is_nothing_that_we_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "store.h"

#include "test.h"

/* Which rows of a batch go out together, and which are still to go. */

#define AT  INT64_C(1700000000000) /* November 2023 */
#define DAY INT64_C(86400000)

static struct batch *batch;
static struct pp_buf props;

static int begin(void **state)
{
    (void)state;
    batch = batch_new();
    pp_buf_init(&props, 4096);
    return 0;
}

static int end(void **state)
{
    (void)state;
    batch_free(&batch);
    pp_buf_fini(&props);
    return 0;
}

/* A row unlike its neighbours in every kind of column. */
static struct event event_of(int64_t i)
{
    static char texts[3][32];
    struct event event = {
        .site_id = PP_LIT("site"),
        .account_id = PP_LIT("account"),
        .event_at_ms = AT + i,
        .received_at_ms = AT,
    };

    for (size_t j = 0; j < 3; j++)
        snprintf(texts[j], sizeof(texts[j]), "%zu-%lld", j,
                 (long long)(j == 1 ? i % 3 : i));
    event.event_id = pp_str_of(texts[0]);
    event.source = pp_str_of(texts[1]);
    event.has_value = i % 2;
    event.value = (double)i;
    pp_buf_reset(&props);
    if (i % 3) {
        pp_avro_map_begin(&props, i % 3);
        for (int64_t j = 0; j < i % 3; j++) {
            pp_avro_put_bytes(&props, pp_str_of(j ? "second" : "first"));
            pp_avro_put_bytes(&props, pp_str_of(texts[2]));
        }
        pp_avro_map_end(&props);
    }
    event.props.blocks = pp_buf_str(&props);
    return event;
}

static void put(int32_t partition, int64_t offset)
{
    const struct event event = event_of(offset);

    batch_put(batch, &event, &(struct row_identity){1, partition, offset},
              PP_LIT("key"), PP_LIT("value"));
}

/* The oracle: those rows put into a block that never had another. */
static void chosen_rows_make_the_block_that_they_alone_would_make(void **state)
{
    struct native *alone = row_block_new();
    struct pp_buf want, got;
    uint32_t rows[50];

    (void)state;
    pp_buf_init(&want, 1 << 20);
    pp_buf_init(&got, 1 << 20);
    for (int64_t i = 0; i < 100; i++)
        put(0, i);
    for (uint32_t i = 0; i < 50; i++) {
        const struct event event = event_of(2 * i + 1);

        rows[i] = 2 * i + 1;
        row_put(alone, &event, &(struct row_identity){1, 0, 2 * i + 1});
    }
    row_set_valid_until(alone, AT);
    native_write(alone, &want);
    struct native *chosen = batch_block(batch, (struct batch_group){rows, 50});

    row_set_valid_until(chosen, AT);
    native_write(chosen, &got);
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.p, want.p, want.n);
    native_free(&alone);
    pp_buf_fini(&want);
    pp_buf_fini(&got);
}

static void rows_of_two_months_go_out_apart(void **state)
{
    struct batch_group group;
    struct event event;

    (void)state;
    for (int64_t i = 0; i < 6; i++) {
        event = event_of(i);
        event.event_at_ms = AT + (i % 2) * 30 * DAY;
        batch_put(batch, &event, &(struct row_identity){1, 0, i}, PP_LIT("key"),
                  PP_LIT("value"));
    }
    group = batch_next(batch);
    assert_int_equal(group.count, 3);
    assert_int_equal(group.rows[1], 2);
    batch_done(batch, group);
    group = batch_next(batch);
    assert_int_equal(group.count, 3);
    assert_int_equal(group.rows[0], 1);
    batch_done(batch, group);
    assert_int_equal(batch_next(batch).count, 0);
}

/* Each class of retention has partitions of its own. */
static void rows_that_are_kept_for_another_time_go_out_apart(void **state)
{
    static const int32_t days[] = {90, 400, 90, 1100, 91, 5000};
    struct batch_group group;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(days); i++) {
        struct event event = event_of(0);

        event.retention_days = days[i];
        batch_put(batch, &event, &(struct row_identity){1, 0, (int64_t)i},
                  PP_LIT(""), PP_LIT(""));
    }
    for (uint32_t i = 0; i < 2; i++) { /* 90 and 90; 400 and 91 */
        group = batch_next(batch);
        assert_int_equal(group.count, 2);
        assert_int_equal(group.rows[0], i);
        batch_done(batch, group);
    }
    group = batch_next(batch);
    assert_int_equal(group.count, 2);
    assert_int_equal(group.rows[0], 3);
}

static void a_month_begins_at_midnight_utc(void **state)
{
    static const int64_t midnight = 1701388800000; /* 1 December 2023 */
    struct event event = event_of(0);

    (void)state;
    event.event_at_ms = midnight - 1;
    batch_put(batch, &event, &(struct row_identity){1, 0, 0}, PP_LIT(""),
              PP_LIT(""));
    event.event_at_ms = midnight;
    batch_put(batch, &event, &(struct row_identity){1, 0, 1}, PP_LIT(""),
              PP_LIT(""));
    assert_int_equal(batch_next(batch).count, 1);
}

static void rows_that_are_stored_are_not_sent_again(void **state)
{
    static const struct batch_stored stored[] = {
        {0, 1}, {0, 3}, {0, 99}, {2, 1}, {2, 2}};

    (void)state;
    for (int64_t i = 1; i <= 3; i++) {
        put(0, i);
        put(2, i);
    }
    assert_int_equal(batch_skip(batch, stored, PP_COUNT(stored)), 0);
    assert_int_equal(batch_next(batch).count, 2);
    assert_int_equal(
        batch_record(batch, batch_next(batch).rows[0]).identity.offset, 2);
    assert_int_equal(
        batch_record(batch, batch_next(batch).rows[1]).identity.partition, 2);
}

static void a_row_that_is_stored_twice_is_noticed(void **state)
{
    static const struct batch_stored stored[] = {{0, 1}, {0, 1}, {0, 2}};

    (void)state;
    put(0, 1);
    assert_int_equal(batch_skip(batch, stored, PP_COUNT(stored)), 1);
}

static void the_record_of_a_row_is_kept_byte_for_byte(void **state)
{
    const struct event event = event_of(1);
    struct batch_record record;

    (void)state;
    put(0, 7);
    batch_put(batch, &event, &(struct row_identity){1, 0, 8}, PP_LIT("k\0y"),
              PP_LIT("\0v"));
    record = batch_record(batch, 1);
    assert_true(pp_str_eq(record.key, PP_LIT("k\0y")));
    assert_true(pp_str_eq(record.value, PP_LIT("\0v")));
    assert_int_equal(record.identity.offset, 8);
    assert_int_equal(batch_last(batch, 0), 8);
    assert_int_equal(batch_last(batch, 1), -1);
    batch_reset(batch);
    assert_int_equal(batch_rows(batch), 0);
    assert_int_equal(batch_last(batch, 0), -1);
}

static void what_an_answer_of_clickhouse_means(void **state)
{
    static const struct {
        int code;
        const char *message;
        enum store_verdict verdict;
    } cases[] = {
        {252, "Too many parts", STORE_CROWDED},
        {242, "Table is in readonly mode", STORE_WAIT},
        {243, "Cannot reserve 1.00 MiB", STORE_WAIT},
        {241, "Memory limit exceeded", STORE_WAIT},
        {0, "timeout", STORE_DOUBT},
        {159, "Timeout exceeded", STORE_DOUBT},
        {209, "Timeout exceeded while reading", STORE_DOUBT},
        {319, "Unknown status of insert", STORE_DOUBT},
        {394, "Query was cancelled", STORE_DOUBT},
        {16, "No such column", STORE_LAYOUT},
        {60, "Unknown table", STORE_LAYOUT},
        {497, "Not enough privileges", STORE_ACCESS},
        {516, "Authentication failed", STORE_ACCESS},
        {469, "Constraint `fence` is violated", STORE_LATE},
        {469, "Constraint `small` is violated", STORE_ROW},
        {117, "Incorrect data", STORE_ROW},
        {349, "Cannot convert NULL", STORE_ROW},
        {395, "Value passed to 'throwIf' function is non zero", STORE_LATE},
        {123456, "A code of the future", STORE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        enum store_verdict got = store_judge(cases[i].code, cases[i].message);

        if (got != cases[i].verdict)
            fail_msg("%d, %s: %s, should be %s", cases[i].code,
                     cases[i].message, store_verdict_name(got),
                     store_verdict_name(cases[i].verdict));
    }
}

static bool is_odd_site(void *context, struct pp_str site_id)
{
    assert_string_equal(context, "of the caller");
    return pp_str_eq(site_id, PP_LIT("odd"));
}

static void put_of_site(int64_t offset, const char *site_id)
{
    struct event event = event_of(offset);

    event.site_id = pp_str_of(site_id);
    batch_put(batch, &event, &(struct row_identity){1, 0, offset},
              PP_LIT("key"), PP_LIT("value"));
}

static void rows_of_a_denied_site_never_go_out(void **state)
{
    static char context[] = "of the caller";
    struct batch_group group;

    (void)state;
    for (int64_t i = 0; i < 10; i++)
        put_of_site(i, i % 2 ? "odd" : "even");
    batch_done(batch, (struct batch_group){(uint32_t[]){1}, 1});
    assert_int_equal(batch_deny(batch, is_odd_site, context), 4);
    assert_int_equal(batch_deny(batch, is_odd_site, context), 0);
    group = batch_next(batch);
    assert_int_equal(group.count, 5);
    for (size_t i = 0; i < group.count; i++)
        assert_int_equal(group.rows[i], 2 * i);
    assert_int_equal(batch_last(batch, 0), 8); /* 9 will never be there */
    batch_done(batch, group);
    assert_int_equal(batch_next(batch).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            chosen_rows_make_the_block_that_they_alone_would_make, begin, end),
        cmocka_unit_test_setup_teardown(rows_of_two_months_go_out_apart, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_month_begins_at_midnight_utc, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            rows_that_are_kept_for_another_time_go_out_apart, begin, end),
        cmocka_unit_test_setup_teardown(rows_that_are_stored_are_not_sent_again,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_row_that_is_stored_twice_is_noticed,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            the_record_of_a_row_is_kept_byte_for_byte, begin, end),
        cmocka_unit_test_setup_teardown(rows_of_a_denied_site_never_go_out,
                                        begin, end),
        cmocka_unit_test(what_an_answer_of_clickhouse_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

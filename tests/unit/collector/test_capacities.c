/* Every account's capacity in memory. E-numbers: docs/capacity.md. */
#include "capacities.h"

#include <stdio.h>

#include "pp_avro.h"
#include "pp_mem.h"

#include "capacity.h"
#include "test.h"

#define NOW INT64_C(1790000000000)

static void apply(struct capacities *capacities, struct capacity capacity)
{
    const struct pp_avro_frame frame = {.fingerprint = CAPACITY_FINGERPRINT};
    struct pp_err err = {0};
    struct pp_buf record;

    pp_buf_init(&record, 4096);
    pp_avro_frame_put(&record, &frame);
    capacity_encode(&capacity, &record);
    if (capacities_apply(capacities, NULL, pp_buf_str(&record), &err) < 0)
        fail_msg("%s", err.msg);
    pp_buf_fini(&record);
}

static struct capacity rejecting(const char *account, int64_t version)
{
    return (struct capacity){.account_id = pp_str_of(account),
                             .version = version,
                             .state = CAPACITY_STATE_REJECTING,
                             .reject_until_ms = NOW + 1000};
}

static enum pp_capacity_verdict judge(const struct capacities *capacities,
                                      const char *account, int64_t now_ms)
{
    int64_t until;

    return capacities_judge(capacities, pp_str_of(account), now_ms, &until);
}

/* E41, D11 */
static void an_account_that_was_never_heard_of_is_taken(void **state)
{
    struct capacities *capacities = capacities_new();

    (void)state;
    assert_int_equal(judge(capacities, "a", NOW), PP_CAPACITY_TAKE);
    assert_false(capacities_has(capacities, PP_LIT("a")));
    capacities_free(&capacities);
}

static void each_state_has_its_answer(void **state)
{
    static const struct {
        const char *when;
        struct capacity capacity;
        enum pp_capacity_verdict verdict;
    } cases[] = {
        {"it is within its limit",
         {.state = CAPACITY_STATE_OK},
         PP_CAPACITY_TAKE},
        {"it is in grace", {.state = CAPACITY_STATE_GRACE}, PP_CAPACITY_TAKE},
        {"its grace is over",
         {.state = CAPACITY_STATE_REJECTING, .reject_until_ms = NOW + 1},
         PP_CAPACITY_EXHAUSTED},
        {"its window is over as well",
         {.state = CAPACITY_STATE_REJECTING, .reject_until_ms = NOW},
         PP_CAPACITY_TAKE},
        {"it is blocked", {.blocked = true}, PP_CAPACITY_BLOCKED},
        {"it is closed", {.closed = true}, PP_CAPACITY_CLOSED},
        {"it is all of that",
         {.state = CAPACITY_STATE_REJECTING,
          .reject_until_ms = NOW + 1,
          .blocked = true,
          .closed = true},
         PP_CAPACITY_CLOSED},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct capacities *capacities = capacities_new();
        struct capacity capacity = cases[i].capacity;

        capacity.account_id = PP_LIT("a");
        capacity.version = 1;
        apply(capacities, capacity);
        if (judge(capacities, "a", NOW) != cases[i].verdict)
            fail_msg("when %s", cases[i].when);
        assert_int_equal(judge(capacities, "b", NOW), PP_CAPACITY_TAKE);
        capacities_free(&capacities);
    }
}

/* E42 */
static void a_stale_record_after_a_newer_one_is_ignored(void **state)
{
    struct capacities *capacities = capacities_new();

    (void)state;
    apply(capacities, rejecting("a", 5));
    apply(capacities, (struct capacity){.account_id = PP_LIT("a"),
                                        .version = 7,
                                        .state = CAPACITY_STATE_OK});
    apply(capacities, rejecting("a", 5));
    apply(capacities, rejecting("a", 6));
    apply(capacities, rejecting("a", 7));
    assert_int_equal(judge(capacities, "a", NOW), PP_CAPACITY_TAKE);
    apply(capacities, rejecting("a", 8));
    assert_int_equal(judge(capacities, "a", NOW), PP_CAPACITY_EXHAUSTED);
    capacities_free(&capacities);
}

/* E10 */
static void a_refusal_passes_by_itself(void **state)
{
    struct capacities *capacities = capacities_new();
    int64_t until = 0;

    (void)state;
    apply(capacities, rejecting("a", 1));
    assert_int_equal(
        capacities_judge(capacities, PP_LIT("a"), NOW + 999, &until),
        PP_CAPACITY_EXHAUSTED);
    assert_int_equal(until, NOW + 1000);
    assert_int_equal(judge(capacities, "a", NOW + 1000), PP_CAPACITY_TAKE);
    capacities_free(&capacities);
}

static void a_hundred_thousand_accounts_are_all_found(void **state)
{
    struct capacities *capacities = capacities_new();
    char id[16];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(id, sizeof(id), "account%d", i);
        apply(capacities, rejecting(id, i % 2 ? 1 : 2));
    }
    assert_int_equal(capacities_count(capacities), 100000);
    for (int i = 0; i < 100000; i++) {
        snprintf(id, sizeof(id), "account%d", i);
        assert_int_equal(judge(capacities, id, NOW), PP_CAPACITY_EXHAUSTED);
    }
    assert_int_equal(judge(capacities, "account100000", NOW), PP_CAPACITY_TAKE);
    capacities_free(&capacities);
}

static void what_is_no_record_changes_nothing(void **state)
{
    static const char long_id[] = "a2345678901234567890123456789012x";
    const struct pp_avro_frame frame = {.fingerprint = CAPACITY_FINGERPRINT};
    const struct capacity capacity = {.account_id = PP_LIT(long_id)};
    struct capacities *capacities = capacities_new();
    struct pp_err err = {0};
    struct pp_buf record;

    (void)state;
    assert_int_equal(capacities_apply(capacities, NULL, PP_LIT("{}"), &err),
                     -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    assert_int_equal(capacities_apply(capacities, NULL,
                                      PP_LIT("\xC3\x01"
                                             "12345678x"),
                                      &err),
                     -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    pp_buf_init(&record, 4096);
    pp_avro_frame_put(&record, &frame);
    capacity_encode(&capacity, &record);
    assert_int_equal(
        capacities_apply(capacities, NULL, pp_buf_str(&record), &err), -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    pp_buf_fini(&record);
    assert_int_equal(capacities_count(capacities), 0);
    capacities_free(&capacities);
}

static void only_what_comes_after_the_beginning_is_a_change(void **state)
{
    struct capacities *capacities = capacities_new();
    struct capacities_entry changed[4];

    (void)state;
    apply(capacities, rejecting("a", 1));
    capacities_begin_changes(capacities);
    assert_int_equal(capacities_take_changes(capacities, changed, 4), 0);
    apply(capacities, rejecting("a", 1)); /* stale */
    assert_int_equal(capacities_take_changes(capacities, changed, 4), 0);
    apply(capacities, rejecting("a", 2));
    apply(capacities, rejecting("a", 3));
    apply(capacities, rejecting("b", 1));
    assert_int_equal(capacities_take_changes(capacities, changed, 1), 1);
    assert_int_equal(capacities_take_changes(capacities, &changed[1], 3), 1);
    assert_int_equal(capacities_take_changes(capacities, changed, 4), 0);
    capacities_free(&capacities);
}

static void what_could_not_be_told_is_told_as_it_is_by_then(void **state)
{
    struct capacities *capacities = capacities_new();
    struct capacities_entry changed[4];

    (void)state;
    capacities_begin_changes(capacities);
    apply(capacities, rejecting("a", 1));
    assert_int_equal(capacities_take_changes(capacities, changed, 4), 1);
    apply(capacities, rejecting("a", 2)); /* while the first is being told */
    assert_int_equal(capacities_take_changes(capacities, &changed[1], 3), 1);
    for (int i = 0; i < 3000; i++) { /* the table grows */
        char name[8];

        snprintf(name, sizeof(name), "%d", i);
        apply(capacities, rejecting(name, 1));
        assert_int_equal(capacities_take_changes(capacities, &changed[1], 1),
                         1);
    }
    capacities_change_again(capacities, changed, 1);
    assert_int_equal(capacities_take_changes(capacities, changed, 4), 1);
    assert_int_equal(changed[0].version, 2);
    assert_int_equal(capacities_take_changes(capacities, changed, 4), 0);
    capacities_free(&capacities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_that_was_never_heard_of_is_taken),
        cmocka_unit_test(each_state_has_its_answer),
        cmocka_unit_test(a_stale_record_after_a_newer_one_is_ignored),
        cmocka_unit_test(a_refusal_passes_by_itself),
        cmocka_unit_test(a_hundred_thousand_accounts_are_all_found),
        cmocka_unit_test(what_is_no_record_changes_nothing),
        cmocka_unit_test(only_what_comes_after_the_beginning_is_a_change),
        cmocka_unit_test(what_could_not_be_told_is_told_as_it_is_by_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

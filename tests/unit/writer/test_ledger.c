#include <string.h>

#include "ledger.h"

#include "test.h"

/* How far a partition is, and from where a successor goes on. */

static struct ledger *ledger;

static int begin(void **state)
{
    (void)state;
    ledger = ledger_new(7);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ledger_free(&ledger);
    return 0;
}

static void a_note_is_read_as_it_was_written(void **state)
{
    const struct intent intent = {7, INT64_MAX, -1, 12, 1700000000123};
    struct intent back = {0};
    struct pp_buf note;

    (void)state;
    pp_buf_init(&note, INTENT_BYTES);
    intent_write(&intent, &note);
    assert_false(note.overflow);
    assert_true(intent_read(pp_buf_str(&note), &back));
    assert_memory_equal(&intent, &back, sizeof(back));
    pp_buf_fini(&note);
}

static void a_note_of_somebody_else_is_none(void **state)
{
    static const char *const notes[] = {
        "",
        "w1",
        "w2 epoch=7 end=1 last=0 salt=1 until=1",
        "w1 epoch=7 end=1 last=0 salt=1",
        "w1 epoch=7 end=x last=0 salt=1 until=1",
        "w1 end=1 epoch=7 last=0 salt=1 until=1",
        "reset by hand",
    };
    struct intent intent;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(notes); i++)
        if (intent_read(pp_str_of(notes[i]), &intent))
            fail_msg("\"%s\" was taken for a note", notes[i]);
}

static void where_a_successor_goes_on(void **state)
{
    static const struct {
        const char *when, *note;
        int64_t committed, stored, from, doubt;
    } cases[] = {
        {"nobody was there before", "", -1, -1, 0, 0},
        {"all was settled", "w1 epoch=7 end=50 last=49 salt=3 until=9", 50, 49,
         50, 50},
        {"rows were declared and perhaps sent",
         "w1 epoch=7 end=80 last=49 salt=3 until=9", 50, 49, 50, 80},
        {"the answer was lost, and more is stored than was known",
         "w1 epoch=7 end=80 last=49 salt=3 until=9", 50, 79, 50, 80},
        {"somebody set the offset back by hand", "", 10, 49, 10, 50},
        {"the topic was made anew", "w1 epoch=6 end=80 last=49 salt=3 until=9",
         50, -1, 0, 0},
        {"an old backup was restored",
         "w1 epoch=7 end=80 last=49 salt=3 until=9", 50, 30, 0, 80},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct ledger_found found = {
            3, cases[i].committed, pp_str_of(cases[i].note), cases[i].stored};

        ledger_reset(ledger);
        if (ledger_own(ledger, &found) != cases[i].from ||
            ledger_part(ledger, 3)->doubt != cases[i].doubt)
            fail_msg("when %s: from %lld, doubt to %lld", cases[i].when,
                     (long long)ledger_part(ledger, 3)->committed,
                     (long long)ledger_part(ledger, 3)->doubt);
    }
}

static void own_from_fifty(void)
{
    const struct ledger_found found = {
        3, 50, PP_LIT("w1 epoch=7 end=50 last=49 salt=3 until=9"), 49};

    ledger_own(ledger, &found);
}

static void what_is_declared_is_noted_before_it_is_settled(void **state)
{
    (void)state;
    own_from_fifty();
    ledger_next_salt(ledger, 1000);
    ledger_declare(ledger, 3, 90);
    assert_int_equal(ledger_intent(ledger, 3).end, 90);
    assert_int_equal(ledger_intent(ledger, 3).salt, 1000);
    assert_int_equal(ledger_intent(ledger, 3).until_ms, 1000);
    assert_int_equal(ledger_part(ledger, 3)->settled, 50);
    assert_int_equal(ledger_part(ledger, 3)->committed, 50);
}

static void a_declaration_is_never_taken_back(void **state)
{
    (void)state;
    own_from_fifty();
    ledger_declare(ledger, 3, 90);
    ledger_declare(ledger, 3, 70);
    assert_int_equal(ledger_intent(ledger, 3).end, 90);
    ledger_doubt(ledger);
    assert_int_equal(ledger_part(ledger, 3)->doubt, 90);
}

/* Tokens of two processes must never be alike: one would lose its rows. */
static void a_salt_is_higher_than_that_of_whoever_was_before(void **state)
{
    int64_t before;

    (void)state;
    ledger_next_salt(ledger, 1700000000000);
    before = ledger_salt(ledger);
    ledger_next_salt(ledger, 1600000000000); /* the clock was set back */
    assert_true(ledger_salt(ledger) > before);
    ledger_free(&ledger);
    ledger = ledger_new(7); /* a process that found no note */
    ledger_next_salt(ledger, 1700000002000);
    assert_true(ledger_salt(ledger) > before);
}

static void others_are_waited_for_once(void **state)
{
    (void)state;
    assert_int_equal(ledger_others_until(ledger), 0);
    own_from_fifty();
    assert_int_equal(ledger_others_until(ledger), 9);
    ledger_others_gone(ledger);
    ledger_next_salt(ledger, 1000);
    assert_int_equal(ledger_others_until(ledger), 0);
    ledger_doubt(ledger);
    assert_int_equal(ledger_others_until(ledger), 1000);
}

static void rows_are_asked_for_from_where_they_matter(void **state)
{
    static const struct {
        const char *when, *note;
        int64_t committed, from;
    } cases[] = {
        {"nothing was committed", "", -1, 0},
        {"an offset was set by hand", "", 40, 40},
        {"the newest row is before the offset",
         "w1 epoch=7 end=50 last=44 salt=3 until=9", 50, 44},
        {"the newest row is behind a late commit",
         "w1 epoch=7 end=80 last=79 salt=3 until=9", 50, 50},
        {"no row was ever seen", "w1 epoch=7 end=50 last=-1 salt=3 until=9", 50,
         0},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct ledger_found found = {3, cases[i].committed,
                                           pp_str_of(cases[i].note), -1};

        if (ledger_asks_from(&found) != cases[i].from)
            fail_msg("when %s: %lld", cases[i].when,
                     (long long)ledger_asks_from(&found));
    }
}

static void what_is_settled_is_committed_only_after_the_lag(void **state)
{
    (void)state;
    own_from_fifty();
    ledger_settle(ledger, 3, 60, 59, 1000);
    ledger_settle(ledger, 3, 70, 69, 2000);
    ledger_ripen(ledger, 2500, 1000);
    assert_int_equal(ledger_part(ledger, 3)->committed, 60);
    assert_int_equal(ledger_part(ledger, 3)->settled, 70);
    ledger_ripen(ledger, 3000, 1000);
    assert_int_equal(ledger_part(ledger, 3)->committed, 70);
    assert_int_equal(ledger_intent(ledger, 3).last, 69);
}

static void thousands_of_batches_may_wait_for_the_lag(void **state)
{
    (void)state;
    own_from_fifty();
    for (int64_t i = 0; i < 5000; i++) {
        ledger_settle(ledger, 3, 51 + i, 50 + i, i);
        ledger_ripen(ledger, i, 1000);
        assert_int_equal(ledger_part(ledger, 3)->committed,
                         i < 1000 ? 50 : 51 + i - 1000);
    }
}

static void a_partition_that_is_gone_is_not_ours(void **state)
{
    (void)state;
    own_from_fifty();
    assert_non_null(ledger_part(ledger, 3));
    assert_null(ledger_part(ledger, 4));
    assert_null(ledger_part(ledger, LEDGER_PARTITIONS));
    ledger_reset(ledger);
    assert_null(ledger_part(ledger, 3));
    assert_int_equal(ledger_salt(ledger), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_read_as_it_was_written),
        cmocka_unit_test(a_note_of_somebody_else_is_none),
        cmocka_unit_test_setup_teardown(where_a_successor_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_declared_is_noted_before_it_is_settled, begin, end),
        cmocka_unit_test_setup_teardown(a_declaration_is_never_taken_back,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_salt_is_higher_than_that_of_whoever_was_before, begin, end),
        cmocka_unit_test_setup_teardown(others_are_waited_for_once, begin, end),
        cmocka_unit_test(rows_are_asked_for_from_where_they_matter),
        cmocka_unit_test_setup_teardown(
            what_is_settled_is_committed_only_after_the_lag, begin, end),
        cmocka_unit_test_setup_teardown(
            thousands_of_batches_may_wait_for_the_lag, begin, end),
        cmocka_unit_test_setup_teardown(a_partition_that_is_gone_is_not_ours,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The inbox, the order of questions to Stripe and the invoices, by a real
 * Postgres. The database has a clock of its own that is shifted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_mem.h"

#include "inbox.h"
#include "invoice.h"

#include "postgres.h"

#define DATABASE "test_billing_inbox"

static char owner_dsn[POSTGRES_DSN_BYTES], dsn[POSTGRES_DSN_BYTES];
static struct pp_pg *owner, *one, *two;
static struct pp_err err;

/* --- help ----------------------------------------------------------------- */

#define HOLDS(call) assert_int_equal((err = (struct pp_err){0}, (call)), 0)

static int64_t number(const char *sql)
{
    return postgres_number(owner, sql);
}

static void let_pass(const char *interval)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "UPDATE installation SET clock_shift = clock_shift + interval "
             "'%s'",
             interval);
    postgres_run(owner, sql);
}

static void comes(const char *id, const char *customer)
{
    struct inbox_entry entry = {.body = PP_LIT("{}"), .label = "main"};

    snprintf(entry.notice.id, sizeof(entry.notice.id), "%s", id);
    snprintf(entry.notice.type, sizeof(entry.notice.type), "%s", "a.b");
    snprintf(entry.notice.customer, sizeof(entry.notice.customer), "%s",
             customer);
    HOLDS(inbox_add(one, (struct inbox_entry *const[]){&entry}, 1, &err));
}

static enum inbox_taken take(struct pp_pg *pg, struct inbox_lot *lot)
{
    enum inbox_taken taken;

    HOLDS(inbox_take(pg, &taken, lot, &err));
    return taken;
}

/* --- taking --------------------------------------------------------------- */

static void the_same_event_is_there_once(void **state)
{
    (void)state;
    comes("evt_1", "cus_a");
    comes("evt_1", "cus_a");
    assert_int_equal(number("SELECT count(*) FROM stripe_event"), 1);
}

static void all_of_a_customer_are_taken_under_his_lock(void **state)
{
    struct inbox_lot first, second;

    (void)state;
    comes("evt_1", "cus_a");
    comes("evt_2", "cus_a");
    assert_int_equal(take(one, &first), INBOX_TAKEN);
    assert_int_equal(first.count, 2);
    comes("evt_3", "cus_a");
    assert_int_equal(take(two, &second), INBOX_OTHERS);
    comes("evt_4", "cus_b");
    assert_int_equal(take(two, &second), INBOX_TAKEN);
    assert_string_equal(second.ids[0], "evt_4");
    inbox_unlock(two, second.key);
    inbox_unlock(one, first.key);
    let_pass("1 second");
    assert_int_equal(take(two, &second), INBOX_TAKEN);
    assert_string_equal(second.ids[0], "evt_3");
    inbox_unlock(two, second.key);
}

static void who_loses_his_connection_lets_go_of_his_customer(void **state)
{
    struct inbox_lot lot;
    struct pp_pg *third;

    (void)state;
    comes("evt_1", "cus_a");
    HOLDS(pp_pg_open(&third, dsn, "test", &err));
    assert_int_equal(take(third, &lot), INBOX_TAKEN);
    pp_pg_close(&third);
    let_pass("3 seconds");
    for (int i = 0; i < 100 && take(one, &lot) != INBOX_TAKEN; i++)
        let_pass("1 second");
    assert_int_equal(lot.count, 1);
    inbox_unlock(one, lot.key);
}

/* --- failing -------------------------------------------------------------- */

/* Twelve attempts; the pauses between them are a day, more or less a fifth. */
static void
an_event_that_fails_for_a_day_is_dead_and_can_be_put_back(void **state)
{
    int64_t last_s = 0, all_s = 0;
    struct inbox_lot lot;
    bool is_dead = false, is_there;

    (void)state;
    comes("evt_1", "cus_a");
    for (int i = 1; i <= INBOX_ATTEMPTS; i++) {
        int64_t pause_s;

        assert_false(is_dead);
        assert_int_equal(take(one, &lot), INBOX_TAKEN);
        HOLDS(inbox_fail(one, "evt_1", "a test", &is_dead, &err));
        inbox_unlock(one, lot.key);
        pause_s = number("SELECT ceil(extract(epoch FROM next_at - pp_now()))"
                         "::bigint FROM stripe_event");
        assert_int_equal(take(two, &lot), INBOX_NONE);
        if (is_dead)
            break;
        assert_true(pause_s > last_s);
        last_s = pause_s;
        all_s += pause_s;
        let_pass("9 hours");
    }
    assert_true(is_dead);
    assert_true(all_s > 8 * 3600 && all_s < 26 * 3600);
    assert_int_equal(number("SELECT count(*) FROM notification WHERE "
                            "business_key = 'stripe/dead/evt_1'"),
                     1);
    HOLDS(inbox_put_back(one, "evt_1", "done", &is_there, &err));
    assert_false(is_there);
    HOLDS(inbox_put_back(one, "evt_1", "dead", &is_there, &err));
    assert_true(is_there);
    assert_int_equal(take(one, &lot), INBOX_TAKEN);
    inbox_unlock(one, lot.key);
}

static void while_stripe_is_away_no_attempt_counts(void **state)
{
    struct inbox_lot lot;

    (void)state;
    comes("evt_1", "cus_a");
    for (int i = 0; i < 3 * INBOX_ATTEMPTS; i++) {
        assert_int_equal(take(one, &lot), INBOX_TAKEN);
        HOLDS(inbox_postpone(one, &lot, 300000, "away", &err));
        inbox_unlock(one, lot.key);
        assert_int_equal(take(one, &lot), INBOX_NONE);
        let_pass("301 seconds");
    }
    assert_int_equal(number("SELECT attempts FROM stripe_event"), 0);
}

/* --- forgetting ----------------------------------------------------------- */

static void bodies_go_after_90_days_and_rows_after_400(void **state)
{
    static const struct {
        const char *passes;
        int64_t bodies, rows;
    } cases[] = {
        {"89 days 23 hours", 3, 3},
        {"2 hours", 1, 3}, /* one of them is not done yet */
        {"309 days", 1, 3},
        {"1 day 2 hours", 1, 1},
    };

    (void)state;
    comes("evt_1", "cus_a");
    comes("evt_2", "cus_a");
    comes("evt_3", "cus_a");
    HOLDS(inbox_finish(one, "evt_1", "done", "", &err));
    HOLDS(inbox_finish(one, "evt_2", "ignored", "", &err));
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        let_pass(cases[i].passes);
        HOLDS(inbox_forget(one, &err));
        assert_int_equal(number("SELECT count(body) FROM stripe_event"),
                         cases[i].bodies);
        assert_int_equal(number("SELECT count(*) FROM stripe_event"),
                         cases[i].rows);
    }
}

static void the_last_hundred_that_were_no_events_are_kept(void **state)
{
    static char body[100000];

    (void)state;
    memset(body, 'x', sizeof(body));
    for (int i = 0; i < 120; i++)
        HOLDS(inbox_add_unreadable(
            one, (struct pp_str){body, i == 119 ? sizeof(body) : 1}, "main",
            "a test", &err));
    assert_int_equal(number("SELECT count(*) FROM stripe_unreadable"), 100);
    assert_int_equal(number("SELECT max(length(body)) FROM stripe_unreadable"),
                     65536);
}

/* --- the order of questions ----------------------------------------------- */

static void ask(struct sync *sync, struct sync_answer *answer)
{
    err = (struct pp_err){0};
    assert_int_equal(sync_begin(sync, "cus_a", answer, &err), 1);
}

static enum sync_outcome apply(struct sync *sync, struct sync_answer *answer)
{
    enum sync_outcome outcome;

    HOLDS(sync_apply(sync, answer, false, &outcome, &err));
    return outcome;
}

/* The answer says FREE, and a customer who was deleted: staff would hear. */
static void an_earlier_answer_does_not_overwrite_a_later_one(void **state)
{
    struct sync first = {.pg = one}, second = {.pg = two};
    struct sync_answer early, late;

    (void)state;
    ask(&first, &early);
    ask(&second, &late);
    assert_true(late.number > early.number);
    assert_int_equal(apply(&second, &late), SYNC_SAME);
    early.is_deleted = true;
    assert_int_equal(apply(&first, &early), SYNC_SUPERSEDED);
    assert_int_equal(number("SELECT count(*) FROM billing_profile WHERE "
                            "stripe_customer_id = 'cus_a'"),
                     1);
    assert_int_equal(apply(&second, &late), SYNC_SUPERSEDED); /* nor twice */
    assert_int_equal(number("SELECT count(*) FROM notification"), 0);
}

static void an_invoice_never_goes_back_to_what_it_was(void **state)
{
    struct sync sync = {.pg = one};
    struct sync_answer early, late;
    struct invoices is = {.count = 1};

    (void)state;
    ask(&sync, &early);
    ask(&sync, &late);
    snprintf(is.all[0].id, sizeof(is.all[0].id), "in_1");
    snprintf(is.all[0].status, sizeof(is.all[0].status), "paid");
    is.all[0].amount_paid = 900;
    HOLDS(invoices_write(&sync, &late, &is, &err));
    snprintf(is.all[0].status, sizeof(is.all[0].status), "open");
    is.all[0].amount_paid = 0;
    HOLDS(invoices_write(&sync, &early, &is, &err));
    assert_int_equal(number("SELECT amount_paid FROM billing_invoice WHERE "
                            "status = 'paid'"),
                     900);
    ask(&sync, &late);
    snprintf(is.all[0].status, sizeof(is.all[0].status), "void");
    HOLDS(invoices_write(&sync, &late, &is, &err));
    assert_int_equal(number("SELECT count(*) FROM billing_invoice WHERE status "
                            "= 'void'"),
                     1);
}

/* --- around --------------------------------------------------------------- */

static int start_anew(void **state)
{
    (void)state;
    postgres_run(owner,
                 "TRUNCATE stripe_event, stripe_unreadable, notification, "
                 "billing_invoice CASCADE; UPDATE billing_profile SET "
                 "stripe_customer_id = 'cus_a', ask_number = 0, applied_number "
                 "= 0");
    return 0;
}

static int make_database(void **state)
{
    (void)state;
    owner = postgres_begin(DATABASE, owner_dsn);
    postgres_dsn(DATABASE, "pawprint_billing", dsn);
    one = postgres_open(dsn);
    two = postgres_open(dsn);
    postgres_run(owner,
                 "UPDATE installation SET is_test = true; INSERT INTO account "
                 "(account_id, name, owner_mail) VALUES ('a', 'A', "
                 "'a@example.com'); INSERT INTO "
                 "billing_profile (account_id, plan_code, anchor_at) VALUES "
                 "('a', 'FREE', pp_now()) ON CONFLICT DO NOTHING");
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_pg_close(&one);
    pp_pg_close(&two);
    pp_pg_close(&owner);
    postgres_drop(DATABASE);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest inbox[] = {
        cmocka_unit_test_setup(the_same_event_is_there_once, start_anew),
        cmocka_unit_test_setup(all_of_a_customer_are_taken_under_his_lock,
                               start_anew),
        cmocka_unit_test_setup(who_loses_his_connection_lets_go_of_his_customer,
                               start_anew),
        cmocka_unit_test_setup(
            an_event_that_fails_for_a_day_is_dead_and_can_be_put_back,
            start_anew),
        cmocka_unit_test_setup(while_stripe_is_away_no_attempt_counts,
                               start_anew),
        cmocka_unit_test_setup(bodies_go_after_90_days_and_rows_after_400,
                               start_anew),
        cmocka_unit_test_setup(the_last_hundred_that_were_no_events_are_kept,
                               start_anew),
        cmocka_unit_test_setup(an_earlier_answer_does_not_overwrite_a_later_one,
                               start_anew),
        cmocka_unit_test_setup(an_invoice_never_goes_back_to_what_it_was,
                               start_anew),
    };

    return cmocka_run_group_tests(inbox, make_database, drop_database);
}

/* Mails that came back, in a real Postgres, as the notifier's role. */
#include "pp_bounce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define DATABASE "bounce_test"
#define ID       "2c8307c7ac55ef6087b9c3b7098f27cb"
#define OTHER    "00000000000000000000000000000000"

static char owner_dsn[POSTGRES_DSN_BYTES], notifier_dsn[POSTGRES_DSN_BYTES];
static struct pp_pg *owner, *notifier;

static void exec(const char *sql)
{
    postgres_run(owner, sql);
}

static void assert_text(const char *sql, const char *expected)
{
    struct pp_pg_rows rows;
    struct pp_err err = {0};

    if (pp_pg_query(owner, sql, 0, NULL, &rows, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
    assert_int_equal(rows.count, 1);
    assert_string_equal(pp_pg_text(&rows, 0, 0), expected);
    pp_pg_rows_fini(&rows);
}

static int make_databases(void **state)
{
    struct pp_err err = {0};

    (void)state;
    postgres_make(DATABASE, owner_dsn);
    postgres_dsn(DATABASE, "pawprint_notifier", notifier_dsn);
    postgres_migrate(DATABASE, owner_dsn);
    assert_int_equal(pp_pg_open(&owner, owner_dsn, "test", &err), 0);
    return pp_pg_open(&notifier, notifier_dsn, "notifier", &err);
}

static int close_databases(void **state)
{
    (void)state;
    pp_pg_close(&owner);
    pp_pg_close(&notifier);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    exec("TRUNCATE notification, delivery, bounce, suppression, opt_out");
    exec("DELETE FROM account");
    exec("INSERT INTO account (account_id, name, owner_mail) VALUES "
         "('acc', 'Kettles', 'Ann@example.com')");
    return 0;
}

/* A mail that a relay took. */
static void sent(const char *kind)
{
    char sql[800];

    snprintf(sql, sizeof(sql),
             "WITH n AS (INSERT INTO notification (business_key, kind, "
             "account_id, state, fence, handed_over_at) VALUES ('key/%s', "
             "'%s', 'acc', 'sent', 1, pp_now()) RETURNING notification_id) "
             "INSERT INTO delivery (notification_id, fence, channel, target, "
             "state, worker, message_id) SELECT notification_id, 1, 'mail', "
             "'Ann@example.com', 'sent', 'w', '" ID "' FROM n",
             kind, kind);
    exec(sql);
}

static enum pp_bounce take(const char *id, const char *action,
                           const char *status, const char *diagnostic)
{
    enum pp_bounce bounce;
    struct pp_err err = {0};
    char mail[2000];

    snprintf(mail, sizeof(mail),
             "Content-Type: multipart/report; boundary=b\n\n--b\n"
             "Content-Type: message/delivery-status\n\n"
             "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; %s\n"
             "Action: %s\nStatus: %s\nDiagnostic-Code: smtp; %s\n\n--b\n"
             "Content-Type: message/rfc822\n\n"
             "Message-ID: <%s@pawprint.example>\n\n--b--\n",
             "someone.else@example.com", action, status, diagnostic, id);
    if (pp_bounce_take(notifier, pp_str_of(mail), &bounce, &err) < 0)
        fail_msg("%s", err.msg);
    return bounce;
}

static void an_address_that_takes_no_mail_gets_nothing_more(void **state)
{
    (void)state;
    sent("usage_warning");
    assert_int_equal(take(ID, "failed", "5.1.1", "550 no such mailbox"),
                     PP_BOUNCE_SUPPRESSED);
    /* The one that we wrote to, whatever the report calls it. */
    assert_text("SELECT channel || ' ' || target || ' ' || answer FROM "
                "suppression",
                "mail ann@example.com 5.1.1 550 no such mailbox");
    assert_text("SELECT status || ' ' || permanent FROM bounce", "5.1.1 true");
    assert_text("SELECT count(*) FROM notification WHERE kind = 'staff_alert'",
                "0");
}

static void what_may_pass_is_only_written_down(void **state)
{
    (void)state;
    sent("capacity_depleted");
    assert_int_equal(take(ID, "delayed", "4.4.1", "no answer"),
                     PP_BOUNCE_LOGGED);
    assert_int_equal(take(ID, "failed", "4.2.2", "full"), PP_BOUNCE_LOGGED);
    assert_int_equal(take(ID, "failed", "5.4.4", "no route"), PP_BOUNCE_LOGGED);
    assert_text("SELECT count(*) FROM suppression", "0");
    assert_text("SELECT count(*) FROM bounce WHERE NOT permanent", "3");
    assert_text("SELECT count(*) FROM notification WHERE kind = 'staff_alert'",
                "0");
}

static void staff_are_told_once_that_a_depleted_account_was_not(void **state)
{
    (void)state;
    sent("capacity_depleted");
    assert_int_equal(take(ID, "failed", "5.1.1", "x"), PP_BOUNCE_SUPPRESSED);
    assert_int_equal(take(ID, "failed", "5.1.1", "x"), PP_BOUNCE_REPEATED);
    assert_int_equal(take(ID, "failed", "5.1.2", "x"), PP_BOUNCE_SUPPRESSED);
    assert_text("SELECT string_agg(account_id || ' ' || state || ' ' || "
                "(facts ->> 'what'), ';') FROM notification WHERE kind = "
                "'staff_alert'",
                "acc due The mail about a depleted account came back");
}

static void nothing_is_believed_about_a_mail_that_is_none_of_ours(void **state)
{
    (void)state;
    sent("usage_warning");
    assert_int_equal(take(OTHER, "failed", "5.1.1", "x"),
                     PP_BOUNCE_UNKNOWN_MESSAGE);
    assert_int_equal(take("x' OR true --", "failed", "5.1.1", "x"),
                     PP_BOUNCE_UNKNOWN_MESSAGE);
    assert_int_equal(take(ID "0", "failed", "5.1.1", "x"),
                     PP_BOUNCE_UNKNOWN_MESSAGE);
    assert_int_equal(take(ID, "delivered", "2.0.0", "x"), PP_BOUNCE_DELIVERED);
    assert_int_equal(take(ID, "failed", "x", "x"), PP_BOUNCE_NO_STATUS);
    assert_text("SELECT count(*) FROM suppression", "0");
    assert_text("SELECT count(*) FROM bounce", "0");
}

static void what_a_server_says_is_kept_as_one_short_line(void **state)
{
    char said[1200];

    (void)state;
    memset(said, 'x', sizeof(said) - 1);
    said[sizeof(said) - 1] = '\0';
    memcpy(said, "\xFF\x01\x1B[31m", 7);
    sent("usage_warning");
    assert_int_equal(take(ID, "failed", "5.0.0", said), PP_BOUNCE_SUPPRESSED);
    assert_text("SELECT (length(diagnostic) <= 300 AND diagnostic !~ "
                "'[[:cntrl:]]')::text FROM bounce",
                "true");
}

static void the_notifier_may_record_a_report_and_no_more(void **state)
{
    static const char *const refused[] = {
        "INSERT INTO bounce (notification_id, status, permanent, diagnostic) "
        "VALUES (1, '5.1.1', true, '')",
        "DELETE FROM suppression",
        "UPDATE opt_out SET kind = 'announcement'",
        "INSERT INTO notification (business_key, kind) VALUES ('x', 'y')",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(refused); i++) {
        struct pp_err err = {0};

        assert_int_equal(pp_pg_exec(notifier, refused[i], 0, NULL, &err), -1);
        if (!strstr(err.msg, "permission denied"))
            fail_msg("%s: %s", refused[i], err.msg);
    }
    assert_text("SELECT has_function_privilege('pawprint_meter', "
                "'bounce_record(text, text, boolean, text)', 'EXECUTE')::text",
                "false");
}

static void only_some_kinds_can_be_opted_out_of(void **state)
{
    static const char sql[] = "INSERT INTO opt_out (account_id, kind, "
                              "address_hash) VALUES ('acc', $1, 'x')";
    static const char *const kinds[] = {"usage_warning", "grace_reminder",
                                        "announcement"};
    static const char *const needed[] = {"capacity_depleted",
                                         "capacity_rejecting"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(kinds); i++) {
        struct pp_err err = {0};

        assert_int_equal(pp_pg_exec(notifier, sql, 1, &kinds[i], &err), 0);
    }
    for (size_t i = 0; i < PP_COUNT(needed); i++) {
        struct pp_err err = {0};

        assert_int_equal(pp_pg_exec(notifier, sql, 1, &needed[i], &err), -1);
        assert_int_equal(err.kind, PP_ERR_INVALID);
    }
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup(name_, empty)
    const struct CMUnitTest bounce[] = {
        TEST(an_address_that_takes_no_mail_gets_nothing_more),
        TEST(what_may_pass_is_only_written_down),
        TEST(staff_are_told_once_that_a_depleted_account_was_not),
        TEST(nothing_is_believed_about_a_mail_that_is_none_of_ours),
        TEST(what_a_server_says_is_kept_as_one_short_line),
        TEST(the_notifier_may_record_a_report_and_no_more),
        TEST(only_some_kinds_can_be_opted_out_of),
    };

    return cmocka_run_group_tests(bounce, make_databases, close_databases);
}

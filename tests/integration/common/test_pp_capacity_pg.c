/*
 * Capacity in a real Postgres: what is decided, written and told, in one
 * transaction. The database has a clock of its own that is shifted. E-numbers
 * are the edge cases of docs/capacity.md.
 */
#include "pp_capacity_pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pp_arena.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "capacity.h"
#include "postgres.h"

#define PROCESSES 5
#define ROUNDS    10

static char dsn[POSTGRES_DSN_BYTES];
static struct pp_pg *pg;

static void exec(const char *sql)
{
    postgres_run(pg, sql);
}

static void execf(const char *format, const char *text)
{
    char sql[1000];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, sizeof(sql), format, text);
#pragma GCC diagnostic pop
    exec(sql);
}

/* The first value of the first row, or "" where there is none. */
static const char *text_of(const char *sql)
{
    static char text[8][2000];
    static int next;
    char *out = text[next++ % 8];
    struct pp_pg_rows rows;
    struct pp_err err = {0};

    if (pp_pg_query(pg, sql, 0, NULL, &rows, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
    snprintf(out, 2000, "%s",
             rows.count && !pp_pg_is_null(&rows, 0, 0) ? pp_pg_text(&rows, 0, 0)
                                                       : "");
    pp_pg_rows_fini(&rows);
    return out;
}

static long number_of(const char *sql)
{
    return strtol(text_of(sql), NULL, 10);
}

/* What notifier and meter bring, in the form that was agreed on; used() is
 * this test's way to say what was counted. */
static const char neighbours[] =
    "CREATE TABLE notification (notification_id bigint GENERATED ALWAYS AS "
    "IDENTITY PRIMARY KEY, business_key text UNIQUE, kind text, account_id "
    "text, site_id text, channel text DEFAULT 'mail', target text, facts "
    "jsonb, state text DEFAULT 'due', created_at timestamptz DEFAULT "
    "pp_now(), handed_over_at timestamptz);"
    "CREATE TABLE usage_watch (account_id text PRIMARY KEY, counted bigint "
    "NOT NULL DEFAULT 0, run_at bigint NOT NULL DEFAULT 0);"
    "GRANT SELECT, UPDATE ON usage_watch TO pawprint_meter;"
    "CREATE TABLE used (account_id text, at timestamptz, n bigint);"
    "CREATE FUNCTION usage_of(account text, since timestamptz, until "
    "timestamptz) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT "
    "coalesce(sum(n), 0)::bigint FROM used WHERE account_id = $1 AND at >= $2 "
    "AND at < $3';"
    "CREATE TABLE usage_refused (site_id text, hour_at timestamptz, stage "
    "text, reason text, n bigint);"
    "GRANT SELECT ON usage_refused TO pawprint_meter;"
    "GRANT SELECT (site_id, status) ON site TO pawprint_meter;"
    "GRANT SELECT, INSERT ON notification TO pawprint_meter;"
    "GRANT SELECT ON used TO pawprint_meter";

static int make_database(void **state)
{
    struct pp_err err = {0};

    (void)state;
    postgres_make("capacity_test", dsn);
    assert_int_equal(pp_pg_open(&pg, dsn, "test", &err), 0);
    postgres_run_file(pg, "schemas/postgres/0001_accounts_sites_outbox.sql");
    postgres_run_file(pg, "schemas/postgres/0008_capacity.sql");
    exec(neighbours);
    postgres_run_file(pg, "schemas/postgres/0013_capacity_ceiling.sql");
    exec("UPDATE installation SET is_test = true");
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_pg_close(&pg);
    postgres_drop("capacity_test");
    return 0;
}

/* A steady clock, and one account `a` of plan FREE. */
static int start_anew(void **state)
{
    (void)state;
    exec(
        "DELETE FROM site; DELETE FROM usage_refused; DELETE FROM account; "
        "DELETE FROM notification; DELETE FROM outbox; "
        "DELETE FROM used; DELETE FROM usage_watch; DELETE FROM plan_in_force; "
        "UPDATE installation SET clock_shift = '0'; "
        "INSERT INTO account (account_id, name, owner_mail) VALUES "
        "('a', 'A', 'a@example.com');"
        "UPDATE capacity_clock SET last_tick_at = pp_now(), steady = true");
    return 0;
}

static void run_of(const char *account_id)
{
    struct pp_err err = {0};

    if (pp_pg_begin(pg, &err) < 0 ||
        pp_capacity_run(pg, account_id, &err) < 0 || pp_pg_commit(pg, &err) < 0)
        fail_msg("%s", err.msg);
}

static void run(void)
{
    run_of("a");
}

static void confirm(void)
{
    struct pp_err err = {0};

    if (pp_pg_begin(pg, &err) < 0 || pp_capacity_confirm(pg, "a", &err) < 0 ||
        pp_pg_commit(pg, &err) < 0)
        fail_msg("%s", err.msg);
}

static void tick(void)
{
    struct pp_err err = {0};

    if (pp_capacity_tick(pg, &err) < 0)
        fail_msg("%s", err.msg);
}

static void use(const char *count)
{
    execf("INSERT INTO used VALUES ('a', pp_now(), %s)", count);
}

static void hand_over(void)
{
    exec("UPDATE notification SET handed_over_at = pp_now() WHERE kind = "
         "'capacity_depleted' AND handed_over_at IS NULL");
}

/* The clock goes on, and ticks all the way as a meter's would. */
static void let_pass(const char *interval)
{
    execf("UPDATE installation SET clock_shift = clock_shift + interval '%s'",
          interval);
    exec("UPDATE capacity_clock SET last_tick_at = pp_now(), steady = true");
    tick();
}

static const char *state_now(void)
{
    return text_of("SELECT state FROM account_capacity WHERE account_id = 'a'");
}

static long mails_of(const char *kind)
{
    char sql[500];

    snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM notification WHERE business_key LIKE '%%/%s' "
        "AND kind = CASE WHEN '%s' LIKE 'staff%%' THEN 'staff_alert' ELSE "
        "'%s' END AND (kind <> 'staff_alert' OR facts->>'what' <> '')",
        kind, kind, kind);
    return number_of(sql);
}

static void become_rejecting(void)
{
    use("5000");
    run();
    hand_over();
    tick();
    let_pass("8 days");
    confirm();
    assert_string_equal(state_now(), "rejecting");
}

/* The newest record that waits for the relay, read as a collector would. */
static void told(struct capacity *out)
{
    static struct pp_arena arena;
    struct pp_pg_rows rows;
    struct pp_err err = {0};
    struct pp_str bytes;
    uint64_t schema;

    pp_arena_fini(&arena);
    pp_arena_init(&arena, 65536);
    if (pp_pg_query(pg,
                    "SELECT value FROM outbox WHERE topic = 'capacity.v1' AND "
                    "key = 'a' ORDER BY id DESC LIMIT 1",
                    0, NULL, &rows, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(rows.count, 1);
    if (pp_pg_bytes(&rows, 0, 0, &arena, &bytes, &err) < 0 ||
        pp_registry_get(NULL, &bytes, &schema, &err) < 0 ||
        capacity_decode(schema, bytes, out, &err) < 0)
        fail_msg("%s", err.msg);
    pp_pg_rows_fini(&rows);
}

/* E39 */
static void state_log_mail_and_record_are_one_transaction(void **state)
{
    struct capacity record;
    struct pp_err err = {0};

    (void)state;
    use("5000");
    assert_int_equal(pp_pg_begin(pg, &err), 0);
    assert_int_equal(pp_capacity_run(pg, "a", &err), 0);
    pp_pg_rollback(pg); /* killed */
    assert_int_equal(number_of("SELECT (SELECT count(*) FROM account_capacity) "
                               "+ (SELECT count(*) FROM notification) + "
                               "(SELECT count(*) FROM capacity_transition) + "
                               "(SELECT count(*) FROM outbox)"),
                     0);
    run();
    assert_string_equal(state_now(), "grace");
    assert_int_equal(mails_of("capacity_depleted"), 1);
    assert_string_equal(
        text_of("SELECT transition || ' ' || from_state || ' ' || to_state || "
                "' ' || used || ' ' || monthly_limit FROM capacity_transition"),
        "T1 ok grace 5000 5000");
    told(&record);
    assert_int_equal(record.state, CAPACITY_STATE_GRACE);
    assert_int_equal(record.version, 1);
    assert_string_equal(text_of("SELECT facts->>'used' || ' ' || "
                                "(facts->>'limit') || ' ' || "
                                "(facts->>'plan') FROM notification"),
                        "5000 5000 FREE");
}

static void what_has_not_changed_is_not_written(void **state)
{
    (void)state;
    run();
    exec("CREATE TABLE before AS SELECT xmin::text AS row FROM "
         "account_capacity");
    run();
    assert_int_equal(number_of("SELECT count(*) FROM before JOIN "
                               "account_capacity AS c ON c.xmin::text = "
                               "before.row"),
                     1);
    exec("DROP TABLE before");
    assert_int_equal(number_of("SELECT count(*) FROM outbox"), 1);
}

static void
an_account_goes_all_the_way_and_comes_back_with_its_window(void **state)
{
    struct capacity record;
    int64_t reject_until;

    (void)state;
    become_rejecting();
    told(&record);
    assert_int_equal(record.state, CAPACITY_STATE_REJECTING);
    reject_until = record.reject_until_ms;
    assert_int_equal(reject_until, number_of("SELECT pp_ms(window_end) FROM "
                                             "account_capacity"));
    assert_int_equal(mails_of("capacity_rejecting"), 1);
    let_pass("31 days"); /* E10: by the clock alone */
    assert_string_equal(state_now(), "ok");
    told(&record);
    assert_int_equal(record.state, CAPACITY_STATE_OK);
    assert_int_equal(record.reject_until_ms, 0);
    assert_int_equal(mails_of("capacity_restored"), 1);
    use("5000"); /* E9: the mail may be sent again */
    run();
    assert_int_equal(mails_of("capacity_depleted"), 2);
}

/* E21 */
static void without_a_fresh_count_of_clickhouse_the_grace_goes_on(void **state)
{
    (void)state;
    use("5000");
    run();
    hand_over();
    tick();
    confirm(); /* of today */
    let_pass("8 days");
    assert_string_equal(state_now(), "grace");
    let_pass("2 days");
    assert_string_equal(state_now(), "grace");
    assert_int_equal(mails_of("staff_capacity_unconfirmed"), 1);
    confirm();
    assert_string_equal(state_now(), "rejecting");
}

/* E16 */
static void
a_clock_that_jumps_refuses_nobody_until_it_is_steady_again(void **state)
{
    (void)state;
    use("5000");
    run();
    hand_over();
    tick();
    exec("UPDATE installation SET clock_shift = '8 days'");
    confirm();
    assert_string_equal(state_now(), "grace");
    tick();
    assert_string_equal(state_now(), "grace");
    assert_int_equal(mails_of("staff_clock_jumped"), 1);
    exec("UPDATE installation SET clock_shift = '1 hour'"); /* it was wrong */
    tick();
    tick();
    assert_string_equal(state_now(), "grace");
    assert_int_equal(mails_of("capacity_rejecting"), 0);
}

/* E40 */
static void
without_a_hand_over_the_grace_runs_after_a_day_and_staff_know(void **state)
{
    (void)state;
    use("5000");
    run();
    let_pass("23 hours");
    assert_string_equal(text_of("SELECT grace_ends_at FROM account_capacity"),
                        "");
    let_pass("2 hours");
    assert_int_equal(mails_of("staff_capacity_no_handover"), 1);
    assert_int_equal(number_of("SELECT count(*) FROM account_capacity WHERE "
                               "grace_ends_at = detected_at + '8 days'"),
                     1);
}

/* E2, E3, E34, E4 */
static void plans_overrides_and_credits_count_at_once(void **state)
{
    (void)state;
    become_rejecting();
    exec("UPDATE billing_profile SET plan_code = 'PREMIUM'"); /* E2 */
    run();
    assert_string_equal(state_now(), "ok");
    exec("UPDATE billing_profile SET plan_code = 'FREE'"); /* E4 */
    run();
    assert_string_equal(state_now(), "grace");
    exec("INSERT INTO capacity_credit (account_id, events, reason) VALUES "
         "('a', 1, 'test')"); /* E34 */
    run();
    assert_string_equal(state_now(), "ok");
    exec("INSERT INTO capacity_override (account_id, monthly_limit, reason) "
         "VALUES ('a', 9007199254740993, 'test')"); /* E33 */
    run();
    assert_string_equal(text_of("SELECT monthly_limit FROM account_capacity"),
                        "9007199254740994");
    exec("UPDATE capacity_override SET monthly_limit = NULL, unlimited = true");
    run();
    assert_int_equal(number_of("SELECT monthly_limit FROM account_capacity"),
                     -1);
    exec("UPDATE capacity_override SET unlimited = false, monthly_limit = 0; "
         "DELETE FROM capacity_credit");
    run();
    assert_string_equal(state_now(), "grace");
}

/* T4 */
static void who_is_taken_again_is_told_how_much_was_refused(void **state)
{
    (void)state;
    become_rejecting();
    exec("INSERT INTO site (site_id, account_id, name) VALUES ('s', 'a', 'S'), "
         "('t', 'a', 'T');"
         "INSERT INTO usage_refused VALUES "
         "('s', date_trunc('hour', pp_now()), 'collector', "
         "'capacity_exhausted', 30), "
         "('t', date_trunc('hour', pp_now() + '1 hour'), 'collector', "
         "'capacity_exhausted', 12), "
         "('s', date_trunc('hour', pp_now()), 'collector', 'rate_limited', 7), "
         "('s', date_trunc('hour', pp_now() - interval '5 hours'), "
         "'collector', 'capacity_exhausted', 100)");
    exec("UPDATE installation SET clock_shift = clock_shift + '5 hours'; "
         "UPDATE billing_profile SET plan_code = 'PREMIUM'; "
         "SET ROLE pawprint_meter");
    run();
    exec("RESET ROLE");
    assert_string_equal(state_now(), "ok");
    assert_string_equal(
        text_of("SELECT (facts->>'refused') || ' ' || (SELECT round(extract("
                "epoch FROM (facts->>'refused_until')::timestamptz - "
                "(facts->>'refused_from_at')::timestamptz) / 3600)) FROM "
                "notification WHERE kind = 'capacity_restored'"),
        "42 5");
}

/* D12 */
static void a_plan_may_have_a_ceiling_in_grace_and_none_has(void **state)
{
    (void)state;
    use("60000");
    run();
    hand_over();
    tick();
    confirm();
    assert_string_equal(state_now(), "grace");
    assert_string_equal(text_of("SELECT grace_ceiling FROM plan_in_force"), "");
    exec("UPDATE plan_in_force SET grace_ceiling = 60000");
    exec("INSERT INTO capacity_credit (account_id, events, reason) VALUES "
         "('a', 1, 'it raises the ceiling as well')");
    run();
    assert_string_equal(state_now(), "grace");
    use("1");
    run();
    assert_string_equal(state_now(), "rejecting");
    assert_string_equal(text_of("SELECT reason FROM capacity_transition WHERE "
                                "transition = 'T3'"),
                        "usage reached the plan's ceiling");
}

static void a_credit_is_over_with_its_window(void **state)
{
    (void)state;
    exec("INSERT INTO capacity_credit (account_id, events, reason) VALUES "
         "('a', 1000, 'test')");
    run();
    assert_int_equal(number_of("SELECT monthly_limit FROM account_capacity"),
                     6000);
    let_pass("31 days");
    assert_int_equal(number_of("SELECT monthly_limit FROM account_capacity"),
                     5000);
}

/* E37 */
static void a_plan_that_nobody_knows_keeps_the_limit_there_was(void **state)
{
    (void)state;
    exec("UPDATE billing_profile SET plan_code = 'BASIC'");
    run();
    exec("UPDATE billing_profile SET plan_code = 'NO_SUCH_PLAN'");
    use("6000");
    run();
    assert_string_equal(state_now(), "ok");
    assert_int_equal(number_of("SELECT monthly_limit FROM account_capacity"),
                     50000);
    exec("INSERT INTO account (account_id, name, owner_mail) VALUES ('b', 'B', "
         "'b@example.com'); UPDATE billing_profile SET plan_code = "
         "'NO_SUCH_PLAN' WHERE account_id = 'b'");
    run_of("b"); /* never decided: its hits are taken */
    run_of("nobody");
    assert_int_equal(number_of("SELECT count(*) FROM account_capacity"), 1);
}

/* E38 */
static void a_catalogue_that_was_edited_counts_once_it_is_in_force(void **state)
{
    (void)state;
    use("5000");
    exec("INSERT INTO plan_in_force VALUES ('FREE', 6000, 7, 1)");
    run();
    assert_string_equal(state_now(), "ok");
    exec("UPDATE plan_in_force SET monthly_limit = 5000");
    run();
    assert_string_equal(state_now(), "grace");
    assert_int_equal(number_of("SELECT limit_version FROM account_capacity"),
                     2);
}

/* E30, E31 */
static void blocked_and_closed_go_out_at_once_and_stop_the_clock(void **state)
{
    struct capacity record;

    (void)state;
    use("5000");
    run();
    hand_over();
    tick();
    exec("UPDATE account SET blocked_at = pp_now(), blocked_reason = 'spam'");
    run();
    told(&record);
    assert_true(record.blocked);
    assert_int_equal(record.state, CAPACITY_STATE_GRACE);
    assert_int_equal(mails_of("staff_account_blocked"), 1);
    let_pass("10 days");
    confirm();
    assert_string_equal(state_now(), "grace");
    exec("UPDATE account SET blocked_at = NULL, blocked_reason = NULL, "
         "closed_at = pp_now()");
    run();
    told(&record);
    assert_true(record.closed && !record.blocked);
    let_pass("2 days");
    exec("UPDATE account SET closed_at = NULL");
    run();
    told(&record);
    assert_true(!record.closed && record.grace_ends_at_ms > 0);
    assert_int_equal(number_of("SELECT count(*) FROM account_capacity WHERE "
                               "grace_ends_at > pp_now() + '6 days'"),
                     1);
}

static void what_stands_is_told_again_every_six_hours(void **state)
{
    (void)state;
    run();
    let_pass("5 hours");
    assert_int_equal(number_of("SELECT count(*) FROM outbox"), 1);
    let_pass("2 hours");
    assert_int_equal(number_of("SELECT count(*) FROM outbox"), 2);
    assert_int_equal(number_of("SELECT version FROM account_capacity"), 2);
}

static void
the_meter_is_told_when_to_ask_again_and_never_waited_for(void **state)
{
    struct pp_err err = {0};
    struct pp_pg *meter = NULL;

    (void)state;
    exec("INSERT INTO usage_watch VALUES ('a', 3000, 0)");
    use("3000");
    run();
    assert_string_equal(
        text_of("SELECT counted || ' ' || run_at FROM usage_watch"), "0 1000");
    assert_int_equal(pp_pg_open(&meter, dsn, "test", &err), 0);
    assert_int_equal(pp_pg_begin(meter, &err), 0);
    assert_int_equal(
        pp_pg_exec(meter, "UPDATE usage_watch SET counted = 7", 0, NULL, &err),
        0);
    exec("SET statement_timeout = '5s'");
    run(); /* it holds the row, and would wait for this account */
    exec("RESET statement_timeout");
    assert_int_equal(pp_pg_commit(meter, &err), 0);
    assert_int_equal(number_of("SELECT counted FROM usage_watch"), 7);
    pp_pg_close(&meter);
}

/* Connected, and waiting for the word to begin. */
static void one_process(int begin)
{
    struct pp_err err = {0};
    struct pp_pg *own = NULL;
    char word;
    int bad = pp_pg_open(&own, dsn, "test", &err) ||
              pp_pg_exec(own, "SELECT 1", 0, NULL, &err);

    if (read(begin, &word, 1) != 0)
        _exit(2);
    bad = bad || pp_pg_begin(own, &err) || pp_capacity_run(own, "a", &err) ||
          pp_pg_commit(own, &err) || pp_capacity_tick(own, &err);
    if (bad)
        fprintf(stderr, "%s\n", err.msg);
    _exit(bad != 0);
}

static void all_at_once(void)
{
    pid_t pids[PROCESSES];
    int status, begin[2];

    assert_int_equal(pipe(begin), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if ((pids[i] = fork()) == 0) {
            close(begin[1]);
            one_process(begin[0]);
        }
    }
    usleep(150000);
    close(begin[1]);
    close(begin[0]);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

/* E26 */
static void five_that_decide_at_the_same_time_send_one_mail(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        start_anew(state);
        use("5000");
        /* Putting it in force would make them wait for each other. */
        exec("INSERT INTO plan_in_force VALUES ('FREE', 5000, 7, 1)");
        all_at_once();
        assert_int_equal(number_of("SELECT count(*) FROM notification"), 1);
        assert_int_equal(mails_of("capacity_depleted"), 1);
        assert_int_equal(number_of("SELECT count(*) FROM capacity_transition"),
                         1);
        assert_int_equal(number_of("SELECT count(*) FROM outbox"), 1);
        assert_int_equal(number_of("SELECT version FROM account_capacity"), 1);
    }
}

static void
the_meters_role_may_do_all_of_it_and_may_change_no_plan(void **state)
{
    struct pp_err err = {0};

    (void)state;
    use("5000");
    exec("SET ROLE pawprint_meter");
    run();
    confirm();
    tick();
    assert_int_equal(
        pp_pg_exec(pg, "UPDATE billing_profile SET plan_code = 'PREMIUM'", 0,
                   NULL, &err),
        -1);
    assert_int_equal(
        pp_pg_exec(pg, "DELETE FROM capacity_transition", 0, NULL, &err), -1);
    exec("RESET ROLE");
    assert_string_equal(state_now(), "grace");
}

static void a_tick_over_a_thousand_accounts_takes_seconds(void **state)
{
    struct pp_mono start;
    int64_t took_ms;

    (void)state;
    exec("INSERT INTO account (account_id, name, owner_mail) SELECT 'n' || n, "
         "'N', 'n@example.com' FROM generate_series(1, 1000) AS n;"
         "INSERT INTO used SELECT 'n' || n, pp_now(), 5000 FROM "
         "generate_series(1, 1000) AS n; CREATE INDEX ON used (account_id);"
         "INSERT INTO account_capacity SELECT account_id, 'grace', false, "
         "false, 1, pp_now(), b.anchor_at, b.anchor_at + '28 days', 5000, 1, "
         "pp_now(), NULL, NULL, NULL, 1, 1, NULL, 0, 0, NULL FROM "
         "billing_profile AS b WHERE account_id LIKE 'n%'");
    start = pp_mono_now();
    tick();
    took_ms = pp_mono_ms(start, pp_mono_now());
    print_message("1,000 accounts in grace: %lld ms\n", (long long)took_ms);
    assert_true(took_ms < 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(state_log_mail_and_record_are_one_transaction,
                               start_anew),
        cmocka_unit_test_setup(what_has_not_changed_is_not_written, start_anew),
        cmocka_unit_test_setup(
            an_account_goes_all_the_way_and_comes_back_with_its_window,
            start_anew),
        cmocka_unit_test_setup(
            without_a_fresh_count_of_clickhouse_the_grace_goes_on, start_anew),
        cmocka_unit_test_setup(
            a_clock_that_jumps_refuses_nobody_until_it_is_steady_again,
            start_anew),
        cmocka_unit_test_setup(
            without_a_hand_over_the_grace_runs_after_a_day_and_staff_know,
            start_anew),
        cmocka_unit_test_setup(plans_overrides_and_credits_count_at_once,
                               start_anew),
        cmocka_unit_test_setup(a_credit_is_over_with_its_window, start_anew),
        cmocka_unit_test_setup(who_is_taken_again_is_told_how_much_was_refused,
                               start_anew),
        cmocka_unit_test_setup(a_plan_may_have_a_ceiling_in_grace_and_none_has,
                               start_anew),
        cmocka_unit_test_setup(
            a_plan_that_nobody_knows_keeps_the_limit_there_was, start_anew),
        cmocka_unit_test_setup(
            a_catalogue_that_was_edited_counts_once_it_is_in_force, start_anew),
        cmocka_unit_test_setup(
            blocked_and_closed_go_out_at_once_and_stop_the_clock, start_anew),
        cmocka_unit_test_setup(what_stands_is_told_again_every_six_hours,
                               start_anew),
        cmocka_unit_test_setup(
            the_meter_is_told_when_to_ask_again_and_never_waited_for,
            start_anew),
        cmocka_unit_test_setup(five_that_decide_at_the_same_time_send_one_mail,
                               start_anew),
        cmocka_unit_test_setup(
            the_meters_role_may_do_all_of_it_and_may_change_no_plan,
            start_anew),
        cmocka_unit_test_setup(a_tick_over_a_thousand_accounts_takes_seconds,
                               start_anew),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}

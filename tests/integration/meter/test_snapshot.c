/* What is kept of usage every quarter of an hour, in a real Postgres. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "pp_mem.h"

#include "snapshot.h"

#include "postgres.h"

#define DATABASE "snapshot_test"

/* 2026-03-10 12:00 UTC, in a window that began on the first. */
#define AT_MS INT64_C(1773144000000)

static char owner_dsn[POSTGRES_DSN_BYTES], meter_dsn[POSTGRES_DSN_BYTES];
static struct pp_pg *owner;

static void exec(const char *sql)
{
    postgres_run(owner, sql);
}

static int64_t number(const char *sql)
{
    return postgres_number(owner, sql);
}

static int make_database(void **state)
{
    (void)state;
    owner = postgres_begin(DATABASE, owner_dsn);
    postgres_dsn(DATABASE, "pawprint_meter", meter_dsn);
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_pg_close(&owner);
    postgres_drop(DATABASE);
    return 0;
}

static void add_accounts(const char *name, int count)
{
    char sql[1000];

    snprintf(sql, sizeof(sql),
             "INSERT INTO account (account_id, name, owner_mail) SELECT '%s' "
             "|| lpad(i::text, 4, '0'), 'x', 'x@example.com' FROM "
             "generate_series(1, %d) AS i; INSERT INTO account_capacity "
             "(account_id, state, blocked, closed, version, window_start, "
             "window_end, monthly_limit, limit_version, graces, grace_version, "
             "mailed, alerted) SELECT account_id, 'ok', false, false, 1, "
             "'2026-03-01', '2026-04-01', 1000, 1, 0, 0, 0, 0 FROM account "
             "WHERE account_id LIKE '%s%%'",
             name, count, name);
    exec(sql);
}

static void count_events(const char *account, const char *at, const char *kind,
                         bool bot, int n)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "INSERT INTO usage_bucket VALUES ('%s', '%s', 'site', '%s', %s, "
             "%d)",
             account, at, kind, bot ? "true" : "false", n);
    exec(sql);
}

static int begin(void **state)
{
    (void)state;
    exec("TRUNCATE account, usage_bucket, usage_correction CASCADE");
    add_accounts("a", 1);
    return 0;
}

/* As the meter's role. */
static void take(struct snapshot *snapshot, int64_t at_ms)
{
    struct pp_err err = {0};

    *snapshot = (struct snapshot){0};
    if (pp_pg_open(&snapshot->pg, meter_dsn, "test", &err) < 0 ||
        snapshot_take(snapshot, at_ms, &err) < 0)
        fail_msg("%s", err.msg);
    pp_pg_close(&snapshot->pg);
}

static int64_t of_a(const char *column)
{
    char sql[120];

    snprintf(sql, sizeof(sql),
             "SELECT %s FROM usage_snapshot WHERE account_id = 'a0001'",
             column);
    return number(sql);
}

static void an_instant_belongs_to_the_quarter_that_has_ended(void **state)
{
    (void)state;
    assert_int_equal(snapshot_at_ms(AT_MS), AT_MS);
    assert_int_equal(snapshot_at_ms(AT_MS + 899999), AT_MS);
    assert_int_equal(snapshot_at_ms(AT_MS + 900000), AT_MS + 900000);
}

static void it_says_what_was_counted_and_corrected_until_then(void **state)
{
    struct snapshot snapshot;

    (void)state;
    count_events("a0001", "2026-02-28 23:45Z", "pageview", false, 5000);
    count_events("a0001", "2026-03-01 00:00Z", "pageview", false, 100);
    count_events("a0001", "2026-03-10 11:45Z", "custom", false, 20);
    count_events("a0001", "2026-03-10 11:45Z", "vital", false, 700);
    count_events("a0001", "2026-03-10 11:45Z", "pageview", true, 900);
    count_events("a0001", "2026-03-10 12:00Z", "pageview", false, 3000);
    exec("INSERT INTO usage_correction (account_id, bucket_at, site_id, kind, "
         "bot, n, counted, stored) VALUES ('a0001', '2026-03-02', 'site', "
         "'pageview', false, -7, 7, 0)");
    take(&snapshot, AT_MS);
    assert_int_equal(snapshot.accounts, 1);
    assert_int_equal(snapshot.written, 1);
    assert_int_equal(of_a("used"), 113);
    assert_int_equal(of_a("in_quarter"), 20);
    assert_int_equal(of_a("monthly_limit"), 1000);
    assert_int_equal(of_a("(at = '2026-03-10 12:00Z')::int"), 1);
}

static void doing_it_again_changes_nothing(void **state)
{
    struct snapshot snapshot;

    (void)state;
    count_events("a0001", "2026-03-10 11:45Z", "pageview", false, 20);
    take(&snapshot, AT_MS);
    count_events("a0001", "2026-03-10 11:30Z", "pageview", false, 1);
    exec("UPDATE account_capacity SET state = 'ok', monthly_limit = 5");
    for (int i = 0; i < 10; i++) {
        take(&snapshot, AT_MS);
        assert_int_equal(snapshot.written, 0);
    }
    assert_int_equal(of_a("count(*)"), 1);
    assert_int_equal(of_a("min(used)"), 20);
    assert_int_equal(of_a("min(monthly_limit)"), 1000);
    take(&snapshot, AT_MS + 900000);
    assert_int_equal(of_a("count(*)"), 2);
    assert_int_equal(of_a("max(used)"), 21);
}

static void who_used_nothing_has_no_row_but_who_is_blocked_has(void **state)
{
    struct snapshot snapshot;

    (void)state;
    add_accounts("b", 1);
    exec("UPDATE account_capacity SET blocked = true WHERE account_id = "
         "'b0001'");
    take(&snapshot, AT_MS);
    assert_int_equal(snapshot.accounts, 2);
    assert_int_equal(snapshot.written, 1);
    assert_int_equal(number("SELECT count(*) FROM usage_snapshot WHERE "
                            "account_id = 'b0001' AND state = 'blocked' AND "
                            "used = 0"),
                     1);
}

static void a_window_that_has_ended_counts_up_to_its_end(void **state)
{
    struct snapshot snapshot;

    (void)state;
    count_events("a0001", "2026-03-31 23:45Z", "pageview", false, 9);
    count_events("a0001", "2026-04-01 00:00Z", "pageview", false, 500);
    take(&snapshot, AT_MS + INT64_C(22) * 86400 * 1000);
    assert_int_equal(of_a("used"), 9);
}

static void *take_beside(void *context)
{
    take(context, AT_MS);
    return NULL;
}

static void many_accounts_are_taken_once_by_several_at_once(void **state)
{
    struct snapshot snapshots[4];
    pthread_t threads[PP_COUNT(snapshots)];
    int64_t written = 0;

    (void)state;
    add_accounts("c", 600);
    exec("INSERT INTO usage_bucket SELECT account_id, '2026-03-05', 'site', "
         "'pageview', false, 3 FROM account");
    for (size_t i = 0; i < PP_COUNT(threads); i++)
        pthread_create(&threads[i], NULL, take_beside, &snapshots[i]);
    for (size_t i = 0; i < PP_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(snapshots[i].accounts, 601);
        written += snapshots[i].written;
    }
    assert_int_equal(written, 601);
    assert_int_equal(number("SELECT count(*) FROM usage_snapshot"), 601);
}

int main(void)
{
    const struct CMUnitTest snapshot[] = {
        cmocka_unit_test(an_instant_belongs_to_the_quarter_that_has_ended),
        cmocka_unit_test_setup(
            it_says_what_was_counted_and_corrected_until_then, begin),
        cmocka_unit_test_setup(doing_it_again_changes_nothing, begin),
        cmocka_unit_test_setup(
            who_used_nothing_has_no_row_but_who_is_blocked_has, begin),
        cmocka_unit_test_setup(a_window_that_has_ended_counts_up_to_its_end,
                               begin),
        cmocka_unit_test_setup(many_accounts_are_taken_once_by_several_at_once,
                               begin),
    };

    return cmocka_run_group_tests(snapshot, make_database, drop_database);
}

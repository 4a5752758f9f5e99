/* What is taken away when nobody needs it any more, by a real Postgres. */
#include <stdio.h>
#include <string.h>

#include "pp_mem.h"

#include "housekeeping.h"

#include "postgres.h"

#define DATABASE "housekeeping_test"

static char dsn[POSTGRES_DSN_BYTES], theirs[POSTGRES_DSN_BYTES];
static struct pp_pg *pg, *reports;

static void exec(const char *sql)
{
    postgres_run(pg, sql);
}

static int64_t number(const char *sql)
{
    return postgres_number(pg, sql);
}

static int make_database(void **state)
{
    (void)state;
    pg = postgres_begin(DATABASE, dsn);
    postgres_dsn(DATABASE, "pawprint_reports", theirs);
    reports = postgres_open(theirs);
    exec("INSERT INTO account (account_id, name, owner_mail) VALUES ('a', 'x', "
         "'x@example.com')");
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_pg_close(&pg);
    pp_pg_close(&reports);
    postgres_drop(DATABASE);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    exec("TRUNCATE job_run, notification, login_link, login_session, "
         "billing_call, outbox, usage_snapshot CASCADE");
    return 0;
}

/* Stops it before page so many; 0: never. */
static int pages, stops_at;

static int keep_on(void *context, struct pp_job_run *run, struct pp_err *err)
{
    (void)context;
    (void)run;
    if (++pages == stops_at)
        return pp_err_set(err, PP_ERR_AGAIN, "told to stop");
    return 0;
}

/* As the role of reports; numbers has what the run says of itself. */
static int keep_house(char *numbers, size_t size)
{
    struct housekeeping self = {.keep_on = keep_on};
    struct pp_job_run run = {.pg = reports};
    struct pp_err err = {0};
    int result;

    pages = 0;
    pp_buf_init(&run.numbers, 4096);
    result = housekeeping_run(&run, &self, &err);
    if (result < 0 && stops_at == 0)
        fail_msg("%s", err.msg);
    snprintf(numbers, size, "%.*s", PP_ARG(pp_buf_str(&run.numbers)));
    pp_buf_fini(&run.numbers);
    return result;
}

static void runs_stay_for_90_days_and_dead_ones_for_good(void **state)
{
    char numbers[1000];

    (void)state;
    exec("INSERT INTO job_run (job, scope, scheduled_for, state, finished_at) "
         "SELECT 'j', state || days, '2020-01-01', state, pp_now() - days * "
         "interval '1 day' FROM unnest(ARRAY['done', 'skipped', 'dead', "
         "'failed']) AS state, unnest(ARRAY[89, 91]) AS days; INSERT INTO "
         "job_run (job, scope, scheduled_for, state) VALUES ('j', 'due', "
         "'2020-01-01', 'due'), ('j', 'running', '2020-01-01', 'running')");
    keep_house(numbers, sizeof(numbers));
    assert_int_equal(number("SELECT count(*) FROM job_run"), 8);
    assert_int_equal(number("SELECT count(*) FROM job_run WHERE scope IN "
                            "('done91', 'skipped91')"),
                     0);
    assert_non_null(strstr(numbers, "\"job_runs\":2"));
}

static void
what_a_message_said_is_forgotten_and_that_it_was_sent_is_not(void **state)
{
    char numbers[1000];

    (void)state;
    exec("INSERT INTO notification (business_key, kind, facts, state, "
         "finished_at) SELECT 'k' || days || s, 'report', '{\"a\":1}', s, "
         "pp_now() - days * interval '1 day' FROM unnest(ARRAY['sent', "
         "'failed', 'unknown']) AS s, unnest(ARRAY[29, 31]) AS days; INSERT "
         "INTO notification (business_key, kind, facts, created_at) VALUES "
         "('waits', 'report', '{\"a\":1}', pp_now() - interval '40 days')");
    keep_house(numbers, sizeof(numbers));
    assert_non_null(strstr(numbers, "\"message_texts\":3"));
    assert_int_equal(number("SELECT count(*) FROM notification"), 7);
    assert_int_equal(number("SELECT count(*) FROM notification WHERE facts = "
                            "'{}' AND business_key LIKE 'k31%'"),
                     3);
    assert_int_equal(
        number("SELECT count(*) FROM notification WHERE facts <> '{}'"), 4);
}

static void
links_sessions_keys_and_sent_rows_go_when_they_are_over(void **state)
{
    char numbers[1000];

    (void)state;
    exec("INSERT INTO login_link (hash, account_id, role, expires_at) SELECT "
         "sha256(i::text::bytea), 'a', 'owner', pp_now() - i * interval '1 "
         "hour' FROM unnest(ARRAY[-1, 23, 25]) AS i; INSERT INTO login_session "
         "(hash, account_id, role, expires_at) SELECT hash, 'a', 'owner', "
         "expires_at FROM login_link; INSERT INTO billing_call (account_id, "
         "key, request, created_at) SELECT 'a', i::text, '', pp_now() - i * "
         "interval '1 hour' FROM unnest(ARRAY[1, 23, 25]) AS i; INSERT INTO "
         "outbox (topic, key, created_at, sent_at) VALUES ('t', '', now() - "
         "interval '20 days', now() - interval '8 days'), ('t', '', now() - "
         "interval '20 days', now() - interval '6 days'), ('t', '', now() - "
         "interval '20 days', NULL); INSERT INTO usage_snapshot (account_id, "
         "at, window_start, window_end, used, in_quarter, monthly_limit, "
         "state) SELECT 'a', date_trunc('hour', pp_now()) - i * interval '1 "
         "day', pp_now(), pp_now(), 1, 1, 1, 'ok' FROM unnest(ARRAY[1, 89, "
         "91]) AS i");
    keep_house(numbers, sizeof(numbers));
    for (int i = HOUSEKEEPING_LOGIN_LINKS; i < HOUSEKEEPING_THINGS; i++) {
        char said[64];

        snprintf(said, sizeof(said), "\"%s\":1",
                 housekeeping_name((enum housekeeping_thing)i));
        if (!strstr(numbers, said))
            fail_msg("not %s: %s", said, numbers);
    }
    assert_int_equal(number("SELECT (SELECT count(*) FROM login_link) + "
                            "(SELECT count(*) FROM login_session) + (SELECT "
                            "count(*) FROM billing_call) + (SELECT count(*) "
                            "FROM outbox) + (SELECT count(*) FROM "
                            "usage_snapshot)"),
                     10);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE sent_at IS "
                            "NULL"),
                     1);
}

static void it_goes_by_pages_and_goes_on_where_it_was_stopped(void **state)
{
    char numbers[1000];

    (void)state;
    exec("INSERT INTO job_run (job, scope, scheduled_for, state, finished_at) "
         "SELECT 'j', i::text, '2020-01-01', 'done', pp_now() - interval '91 "
         "days' FROM generate_series(1, 2500) AS i");
    stops_at = 3; /* two pages are done */
    assert_int_equal(keep_house(numbers, sizeof(numbers)), -1);
    stops_at = 0;
    assert_non_null(strstr(numbers, "\"job_runs\":2000"));
    assert_int_equal(number("SELECT count(*) FROM job_run"), 500);
    keep_house(numbers, sizeof(numbers));
    assert_non_null(strstr(numbers, "\"job_runs\":500"));
    assert_int_equal(pages, HOUSEKEEPING_THINGS);
}

static void reports_may_take_away_nothing_else(void **state)
{
    static const char *const statements[] = {
        "DELETE FROM login_session",
        "DELETE FROM outbox",
        "UPDATE notification SET facts = '{}'",
        "SELECT housekeeping('account', 1)",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(statements); i++) {
        struct pp_err err = {0};

        if (pp_pg_exec(reports, statements[i], 0, NULL, &err) == 0)
            fail_msg("%s was done", statements[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(runs_stay_for_90_days_and_dead_ones_for_good,
                               begin),
        cmocka_unit_test_setup(
            what_a_message_said_is_forgotten_and_that_it_was_sent_is_not,
            begin),
        cmocka_unit_test_setup(
            links_sessions_keys_and_sent_rows_go_when_they_are_over, begin),
        cmocka_unit_test_setup(
            it_goes_by_pages_and_goes_on_where_it_was_stopped, begin),
        cmocka_unit_test(reports_may_take_away_nothing_else),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}

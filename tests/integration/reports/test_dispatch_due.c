/* What becomes due of many subscriptions, in a real Postgres. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pp_time.h"

#include "send.h"

#include "postgres.h"

#define DATABASE "dispatch_due_test"

static char dsn[POSTGRES_DSN_BYTES], theirs[POSTGRES_DSN_BYTES];
static struct pp_pg *pg;
static struct pp_zones *zones;

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
    struct pp_err err = {0};

    (void)state;
    postgres_make(DATABASE, dsn);
    postgres_migrate(DATABASE, dsn);
    postgres_dsn(DATABASE, "pawprint_reports", theirs);
    assert_int_equal(pp_pg_open(&pg, dsn, "test", &err), 0);
    assert_int_equal(pp_zones_open(&zones, PP_ZONES_FOLDER, 10, 600000, &err),
                     0);
    exec("INSERT INTO account (account_id, name, owner_mail) SELECT 'a' || n, "
         "'Shop', 'a@example.com' FROM generate_series(1, 2) AS n");
    exec("INSERT INTO site (site_id, account_id, name) SELECT 's' || n, 'a' || "
         "n, 'Shop' FROM generate_series(1, 2) AS n");
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_zones_close(&zones);
    pp_pg_close(&pg);
    postgres_drop(DATABASE);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    exec("TRUNCATE report_subscription, job_run, job, suppression, "
         "notification CASCADE");
    return 0;
}

/* So many of a site that are due since yesterday, or tomorrow. */
static void subscribe(const char *site, int count, const char *when)
{
    char sql[500];

    snprintf(sql, sizeof(sql),
             "INSERT INTO report_subscription (account_id, site_id, every, "
             "recipient, state, last_date, next_at) SELECT 'a%s', 's%s', "
             "'day', 'R' || n || '@example.com', 'active', "
             "(pp_now() - interval '2 days')::date, pp_now() + interval '%s' "
             "FROM generate_series(1, %d) AS n",
             site, site, when, count);
    exec(sql);
}

static int keep_on(void *context, struct pp_job_run *run, struct pp_err *err)
{
    (void)context;
    (void)run;
    (void)err;
    return 0;
}

/* One run of the job, as the role of reports; gives how long it took. */
static int64_t dispatch(void)
{
    static struct pp_counter counters[5];
    struct send_context context = {
        .zones = zones,
        .keep_on = keep_on,
        .planned = &counters[0],
        .missed = &counters[1],
        .sent = &counters[2],
        .empty = &counters[3],
        .disabled = &counters[4],
    };
    struct pp_job_run run = {0};
    struct pp_mono began;
    struct pp_err err = {0};
    int64_t took_ms;

    pp_buf_init(&run.numbers, 1000);
    assert_int_equal(pp_pg_open(&run.pg, theirs, "test", &err), 0);
    if (pp_pg_exec(run.pg, "SET statement_timeout = '5s'", 0, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    began = pp_mono_now();
    if (send_dispatch(&run, &context, &err) < 0)
        fail_msg("%s", err.msg);
    took_ms = pp_mono_ms(began, pp_mono_now());
    pp_pg_close(&run.pg);
    pp_buf_fini(&run.numbers);
    return took_ms;
}

static void only_those_on_the_list_are_stopped_whatever_their_case(void **state)
{
    (void)state;
    subscribe("1", 3, "1 day");
    exec("INSERT INTO report_subscription (account_id, site_id, every, "
         "channel, recipient, state, next_at) SELECT 'a2', 's2', 'day', "
         "'webhook', u, 'active', pp_now() + interval '1 day' FROM "
         "unnest(ARRAY['https://x.example/A', 'https://x.example/b']) AS u");
    exec("INSERT INTO suppression (channel, target, code, answer) VALUES "
         "('mail', 'r2@example.com', 550, 'no'), ('slack', 'r3@example.com', "
         "410, 'no'), ('webhook', 'https://x.example/a', 410, 'no'), "
         "('webhook', 'https://x.example/b', 410, 'gone')");
    dispatch();
    dispatch();
    assert_int_equal(number("SELECT count(*) FROM report_subscription WHERE "
                            "state = 'disabled'"),
                     2);
    assert_int_equal(
        number("SELECT count(*) FROM report_subscription WHERE state = "
               "'disabled' AND recipient IN ('R2@example.com', "
               "'https://x.example/b')"),
        2);
    assert_int_equal(number("SELECT count(*) FROM notification WHERE kind = "
                            "'report_disabled'"),
                     2);
}

/* Which grew with the product of both: an hour, of a million and 10,000. */
static void a_long_list_and_many_subscriptions_do_not_hold_it_up(void **state)
{
    int64_t took_ms;

    (void)state;
    subscribe("1", 20000, "1 day");
    exec("INSERT INTO suppression (channel, target, code, answer) SELECT "
         "'mail', 'gone' || n || '@example.com', 550, 'no' FROM "
         "generate_series(1, 5000) AS n");
    exec("ANALYZE report_subscription, suppression");
    took_ms = dispatch();
    if (took_ms > 1000)
        fail_msg("%d ms", (int)took_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            only_those_on_the_list_are_stopped_whatever_their_case, empty),
        cmocka_unit_test_setup(
            a_long_list_and_many_subscriptions_do_not_hold_it_up, empty),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}

/* Which reports are put among the runs, when they begin, in what order, and
 * which are stopped. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_time.h"

#include "send.h"

#include "postgres.h"

#define DATABASE "dispatch_test"
#define MANY     600 /* subscriptions of one account */
#define SPREAD_S 1800

static char dsn[POSTGRES_DSN_BYTES], theirs[POSTGRES_DSN_BYTES];
static struct pp_pg *pg, *reports;
static struct pp_zones *zones;
static struct pp_counter planned, missed, sent, nobody, disabled;

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
    pg = postgres_begin(DATABASE, dsn);
    postgres_dsn(DATABASE, "pawprint_reports", theirs);
    reports = postgres_open(theirs);
    /* Within so long everything of the job has to be done. */
    postgres_run(reports, "SET statement_timeout = '5s'");
    assert_int_equal(pp_zones_open(&zones, PP_ZONES_FOLDER, 100, 60000, &err),
                     0);
    exec("UPDATE installation SET is_test = true");
    exec("INSERT INTO account (account_id, name, owner_mail) VALUES ('large', "
         "'x', 'x@example.com'), ('small', 'y', 'y@example.com'); INSERT INTO "
         "site (site_id, account_id, name, zone) VALUES ('l', 'large', 'l', "
         "'Asia/Kathmandu'), ('s', 'small', 's', 'America/New_York')");
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_zones_close(&zones);
    pp_pg_close(&pg);
    pp_pg_close(&reports);
    postgres_drop(DATABASE);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    exec("TRUNCATE report_subscription, job_run, suppression, notification "
         "CASCADE");
    exec("UPDATE installation SET clock_shift = '0'");
    return 0;
}

/* A daily report each, of which the last that was told is of long ago. */
static int begin(void **state)
{
    char sql[600];

    empty(state);
    snprintf(sql, sizeof(sql),
             "INSERT INTO report_subscription (account_id, site_id, every, "
             "recipient, state) SELECT 'large', 'l', 'day', i || "
             "'@example.com', 'active' FROM generate_series(1, %d) AS i; "
             "INSERT INTO report_subscription (account_id, site_id, every, "
             "recipient, state) VALUES ('small', 's', 'day', "
             "'one@example.com', 'active')",
             MANY);
    exec(sql);
    return 0;
}

/* So many of the large account that are due tomorrow. */
static void subscribe(int count)
{
    char sql[500];

    snprintf(sql, sizeof(sql),
             "INSERT INTO report_subscription (account_id, site_id, every, "
             "recipient, state, last_date, next_at) SELECT 'large', 'l', "
             "'day', 'R' || n || '@example.com', 'active', "
             "(pp_now() - interval '2 days')::date, pp_now() + interval "
             "'1 day' FROM generate_series(1, %d) AS n",
             count);
    exec(sql);
}

static int keep_on(void *context, struct pp_job_run *run, struct pp_err *err)
{
    (void)context;
    (void)run;
    (void)err;
    return 0;
}

/* As the role of reports, and as a process that has just started. */
static void dispatch(int spread_s)
{
    struct send_context context = {
        .zones = zones,
        .spread_s = spread_s,
        .keep_on = keep_on,
        .planned = &planned,
        .missed = &missed,
        .sent = &sent,
        .empty = &nobody,
        .disabled = &disabled,
    };
    struct pp_job_run run = {.pg = reports};
    struct pp_err err = {0};

    pp_buf_init(&run.numbers, 4096);
    if (send_dispatch(&run, &context, &err) < 0)
        fail_msg("%s", err.msg);
    pp_buf_fini(&run.numbers);
}

static void pass_a_day(void)
{
    exec("UPDATE installation SET clock_shift = clock_shift + '1 day'");
}

/* --- a run is begun by this test's own job ---------------------------------
 */

static char scopes[8][PP_JOB_SCOPE_BYTES];
static size_t begun;

static int note(struct pp_job_run *run, void *context, struct pp_err *err)
{
    (void)context;
    (void)err;
    snprintf(scopes[begun++ % PP_COUNT(scopes)], PP_JOB_SCOPE_BYTES, "%s",
             run->scope);
    return 0;
}

static void begin_runs(size_t count)
{
    static const struct pp_job table[] = {
        {.name = SEND_REPORT, .lease_s = 60, .attempts_max = 1, .run = note}};
    enum pp_job_outcome outcome;
    const struct pp_job *job;
    struct pp_jobs *jobs;
    struct pp_err err = {0};

    begun = 0;
    assert_int_equal(pp_jobs_open(&jobs, theirs, "test", table, 1, NULL, &err),
                     0);
    for (size_t i = 0; i < count; i++)
        if (pp_jobs_turn(jobs, &outcome, &job, &err) < 0)
            fail_msg("%s", err.msg);
    pp_jobs_close(&jobs);
}

static int64_t id_of_small(void)
{
    return number("SELECT subscription_id FROM report_subscription WHERE "
                  "account_id = 'small'");
}

static void hundreds_of_one_account_hold_up_no_other(void **state)
{
    char small[24];
    bool found = false;

    (void)state;
    dispatch(0); /* nothing before now is told of new ones */
    pass_a_day();
    dispatch(0);
    assert_int_equal(number("SELECT count(*) FROM job_run"), MANY + 1);
    /* The other's is the last that was due, and the last that was added. */
    exec("UPDATE job_run SET scheduled_for = scheduled_for + interval '5 "
         "minutes', not_before = pp_now() WHERE account_id = 'small'");
    exec("UPDATE job_run SET not_before = pp_now() WHERE account_id = 'large'");
    begin_runs(2);
    snprintf(small, sizeof(small), "%" PRId64 "/", id_of_small());
    for (size_t i = 0; i < begun; i++)
        found = found || strncmp(scopes[i], small, strlen(small)) == 0;
    assert_int_equal(begun, 2);
    if (!found)
        fail_msg("of two accounts, %s and %s came first", scopes[0], scopes[1]);
}

/* Seconds from when the run of a subscription is planned until it begins. */
static int64_t later_s(int64_t id)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT extract(epoch FROM max(not_before - scheduled_for))"
             "::bigint FROM job_run WHERE scope LIKE '%" PRId64 "/%%'",
             id);
    return number(sql);
}

static void each_begins_always_as_much_later_and_not_all_at_once(void **state)
{
    int64_t id = id_of_small(), first;

    (void)state;
    dispatch(SPREAD_S);
    pass_a_day();
    dispatch(SPREAD_S);
    first = later_s(id);
    assert_int_equal(first, send_jitter_ms(id, SPREAD_S) / 1000);
    assert_int_equal(number("SELECT count(*) FROM job_run WHERE not_before < "
                            "scheduled_for OR not_before >= scheduled_for + "
                            "interval '30 minutes' OR starts_at <> not_before"),
                     0);
    /* Each six minutes have their share, a fifth of them, or about that. */
    assert_int_equal(
        number("SELECT count(*) FROM (SELECT width_bucket(extract(epoch FROM "
               "not_before - scheduled_for), 0, 1800, 5) AS part, count(*) AS "
               "n FROM job_run GROUP BY 1) AS of WHERE n BETWEEN 80 AND 160"),
        5);
    pass_a_day(); /* another date, another process */
    dispatch(SPREAD_S);
    assert_int_equal(number("SELECT count(*) FROM job_run"), 2 * (MANY + 1));
    assert_int_equal(later_s(id), first);
    assert_int_equal(
        number("SELECT count(*) FROM (SELECT split_part(scope, '/', 1) AS id, "
               "count(DISTINCT not_before - scheduled_for) AS n FROM job_run "
               "GROUP BY 1) AS of WHERE n <> 1"),
        0);
}

static void without_a_spread_each_begins_at_its_time(void **state)
{
    (void)state;
    dispatch(0);
    pass_a_day();
    dispatch(0);
    assert_int_equal(number("SELECT count(*) FROM job_run WHERE not_before <> "
                            "scheduled_for OR starts_at IS NOT NULL"),
                     0);
}

static void only_those_on_the_list_are_stopped_whatever_their_case(void **state)
{
    (void)state;
    subscribe(3);
    exec("INSERT INTO report_subscription (account_id, site_id, every, "
         "channel, recipient, state, next_at) SELECT 'small', 's', 'day', "
         "'webhook', u, 'active', pp_now() + interval '1 day' FROM "
         "unnest(ARRAY['https://x.example/A', 'https://x.example/b']) AS u");
    exec("INSERT INTO suppression (channel, target, code, answer) VALUES "
         "('mail', 'r2@example.com', 550, 'no'), ('slack', 'r3@example.com', "
         "410, 'no'), ('webhook', 'https://x.example/a', 410, 'no'), "
         "('webhook', 'https://x.example/b', 410, 'gone')");
    dispatch(0);
    dispatch(0);
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
    struct pp_mono began;
    int64_t took_ms;

    (void)state;
    subscribe(20000);
    exec("INSERT INTO suppression (channel, target, code, answer) SELECT "
         "'mail', 'gone' || n || '@example.com', 550, 'no' FROM "
         "generate_series(1, 5000) AS n");
    exec("ANALYZE report_subscription, suppression");
    began = pp_mono_now();
    dispatch(0);
    took_ms = pp_mono_ms(began, pp_mono_now());
    if (took_ms > 1000)
        fail_msg("%d ms", (int)took_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(hundreds_of_one_account_hold_up_no_other, begin),
        cmocka_unit_test_setup(
            each_begins_always_as_much_later_and_not_all_at_once, begin),
        cmocka_unit_test_setup(without_a_spread_each_begins_at_its_time, begin),
        cmocka_unit_test_setup(
            only_those_on_the_list_are_stopped_whatever_their_case, empty),
        cmocka_unit_test_setup(
            a_long_list_and_many_subscriptions_do_not_hold_it_up, empty),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}

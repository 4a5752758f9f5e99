/* What people are told of jobs, by a real Postgres whose clock is shifted. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_job.h"
#include "pp_mem.h"

#include "jobs_watch.h"

#include "postgres.h"

static char dsn[POSTGRES_DSN_BYTES], theirs[POSTGRES_DSN_BYTES];
static struct pp_pg *pg;

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
    pg = postgres_begin("jobs_watch_test", dsn);
    postgres_dsn("jobs_watch_test", "pawprint_reports", theirs);
    exec("UPDATE installation SET is_test = true");
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_pg_close(&pg);
    postgres_drop("jobs_watch_test");
    return 0;
}

static int empty(void **state)
{
    (void)state;
    exec("TRUNCATE job, job_run, job_alarm, notification CASCADE");
    exec("INSERT INTO job (job, service, every_s, catch_up, lease_s, "
         "attempts_max, next_at) VALUES ('hourly', 'test', 3600, 'latest', 60, "
         "3, pp_now() + interval '1 minute')");
    return 0;
}

/* As the role of reports. */
static void *look(void *context)
{
    const struct jobs_watch_options *options = context;
    struct pp_err err = {0};
    struct pp_pg *other;
    int64_t told = 0;

    if (pp_pg_open(&other, theirs, "test", &err) < 0 ||
        jobs_watch_look(other, options, &told, &err) < 0)
        fail_msg("%s", err.msg);
    pp_pg_close(&other);
    return NULL;
}

static struct jobs_watch_options mail_only = {0};

/* So many replicas look at the same time. */
static void looks(void)
{
    pthread_t threads[4];

    for (size_t i = 0; i < PP_COUNT(threads); i++)
        pthread_create(&threads[i], NULL, look, &mail_only);
    for (size_t i = 0; i < PP_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

static void pass(const char *interval)
{
    char sql[160];

    snprintf(sql, sizeof(sql),
             "UPDATE installation SET clock_shift = clock_shift + '%s'",
             interval);
    exec(sql);
}

static int64_t messages(const char *like)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM notification WHERE business_key LIKE '%s'",
             like);
    return number(sql);
}

static void
four_replicas_tell_once_that_a_job_is_late_and_that_it_is_well(void **state)
{
    (void)state;
    looks();
    assert_int_equal(messages("%"), 0);
    pass("2 minutes");
    looks();
    assert_int_equal(messages("%"), 0); /* one minute late may be */
    pass("2 minutes");
    looks();
    looks();
    assert_int_equal(messages("job/hourly/late/1/bad1/mail"), 1);
    assert_int_equal(messages("%"), 1);
    pass("65 minutes");
    looks();
    assert_int_equal(messages("job/hourly/late/1/bad2/mail"), 1);
    exec("UPDATE job SET next_at = pp_now() + interval '1 hour'");
    looks();
    looks();
    assert_int_equal(messages("job/hourly/late/1/well0/mail"), 1);
    assert_int_equal(messages("%"), 3);
}

static void a_paused_job_is_not_late(void **state)
{
    (void)state;
    exec("UPDATE job SET paused_at = pp_now()");
    pass("1 hour");
    looks();
    assert_int_equal(messages("%"), 0);
}

static void what_becomes_of_runs_is_told(void **state)
{
    static const struct {
        const char *when, *values, *well, *key;
    } cases[] = {
        {"it is dead", "'dead', 3, pp_now(), pp_now(), NULL",
         "UPDATE job_run SET state = 'skipped'", "job/hourly/failed/%"},
        {"it was tried twice", "'failed', 2, pp_now(), pp_now(), NULL",
         "UPDATE job_run SET state = 'done'", "job/hourly/failed/%"},
        {"its lease is long over",
         "'running', 1, pp_now(), NULL, pp_now() - interval '5 minutes'",
         "UPDATE job_run SET lease_until = pp_now() + interval '1 minute'",
         "job/hourly/stalled/%"},
        {"it takes two hours",
         "'running', 1, pp_now() - interval '2 hours', NULL, pp_now() + "
         "interval '1 minute'",
         "UPDATE job_run SET state = 'done', finished_at = pp_now()",
         "job/hourly/long/%"},
        {"it took no time", "'done', 1, pp_now(), pp_now(), NULL",
         "UPDATE job_run SET started_at = finished_at - interval '2 seconds'",
         "job/hourly/short/%"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        char sql[400];

        empty(NULL);
        exec("UPDATE job SET min_run_ms = 1000");
        snprintf(sql, sizeof(sql),
                 "INSERT INTO job_run (job, scheduled_for, state, attempt, "
                 "started_at, finished_at, lease_until) VALUES ('hourly', "
                 "pp_now(), %s)",
                 cases[i].values);
        exec(sql);
        looks();
        looks();
        if (messages(cases[i].key) != 1)
            fail_msg("when %s: %d messages", cases[i].when,
                     (int)messages(cases[i].key));
        exec(cases[i].well);
        looks();
        if (messages(cases[i].key) != 2)
            fail_msg("well, after %s: %d messages", cases[i].when,
                     (int)messages(cases[i].key));
    }
}

static void
a_run_that_takes_its_time_is_no_backlog_and_one_that_waits_is(void **state)
{
    (void)state;
    exec("INSERT INTO job_run (job, scheduled_for, state, attempt, started_at, "
         "lease_until) VALUES ('hourly', pp_now() - interval '20 minutes', "
         "'running', 1, pp_now() - interval '20 minutes', pp_now() + interval "
         "'1 minute')");
    looks();
    assert_int_equal(messages("%"), 0);
    exec("INSERT INTO job_run (job, scheduled_for, state, attempt) VALUES "
         "('hourly', pp_now() - interval '21 minutes', 'failed', 1)");
    looks();
    assert_int_equal(messages("job/hourly/backlog/1/bad1/mail"), 1);
    assert_int_equal(messages("%"), 1);
}

static void a_job_that_runs_too_often_is_told(void **state)
{
    (void)state;
    exec("UPDATE job SET max_runs_an_hour = 4");
    exec("INSERT INTO job_run (job, scheduled_for, state, started_at, "
         "finished_at) SELECT 'hourly', pp_now() - n * interval '1 minute', "
         "'done', pp_now() - interval '1 minute', pp_now() FROM "
         "generate_series(1, 5) AS n");
    looks();
    assert_int_equal(messages("job/hourly/often/1/bad1/mail"), 1);
    pass("61 minutes");
    exec("UPDATE job SET next_at = pp_now() + interval '1 hour'");
    looks();
    assert_int_equal(messages("job/hourly/often/1/well0/mail"), 1);
}

static void a_run_that_found_too_little_to_do_is_told(void **state)
{
    (void)state;
    exec("INSERT INTO job_run (job, scheduled_for, state, started_at, "
         "finished_at, numbers) VALUES ('hourly', pp_now(), 'done', pp_now() - "
         "interval '1 minute', pp_now(), '{\"customers\":3}')");
    looks();
    exec("UPDATE job SET min_items = 5"); /* and no number is named */
    looks();
    exec("UPDATE job SET items = 'rules'"); /* which the run does not give */
    looks();
    assert_int_equal(messages("%"), 0);
    exec("UPDATE job SET items = 'customers'");
    looks();
    looks();
    assert_int_equal(messages("job/hourly/empty/1/bad1/mail"), 1);
    exec("UPDATE job_run SET numbers = '{\"customers\":5}'");
    looks();
    assert_int_equal(messages("job/hourly/empty/1/well0/mail"), 1);
    assert_int_equal(messages("%"), 2);
}

/* So many reports of 20 arrived, seven hours ago. */
static void reports_of_which_arrived(int count)
{
    char sql[500];

    snprintf(sql, sizeof(sql),
             "INSERT INTO notification (business_key, kind, state, created_at, "
             "handed_over_at) SELECT 'r' || n, 'report', CASE WHEN n <= %d "
             "THEN 'sent' ELSE 'failed' END, pp_now() - interval '7 hours', "
             "CASE WHEN n <= %d THEN pp_now() END FROM generate_series(1, 20) "
             "AS n",
             count, count);
    exec(sql);
}

static void reports_that_do_not_arrive_are_told_of_six_hours_later(void **state)
{
    (void)state;
    exec("UPDATE job SET job = 'report', every_s = 0, next_at = NULL");
    reports_of_which_arrived(20);
    looks();
    assert_int_equal(messages("job/%"), 0);
    exec("TRUNCATE notification CASCADE");
    reports_of_which_arrived(19);
    /* One that its reader does not want is not due. */
    exec("INSERT INTO notification (business_key, kind, state, created_at) "
         "VALUES ('x', 'report', 'suppressed', pp_now() - interval '7 hours')");
    looks();
    looks();
    assert_int_equal(messages("job/report/undelivered/1/bad1/mail"), 1);
    exec("UPDATE notification SET created_at = pp_now() - interval '5 hours' "
         "WHERE kind = 'report'");
    looks();
    assert_int_equal(messages("job/report/undelivered/1/well0/mail"), 1);
    assert_int_equal(messages("job/%"), 2);
}

static void a_report_that_was_never_made_has_not_arrived(void **state)
{
    (void)state;
    exec("UPDATE job SET job = 'report', every_s = 0, next_at = NULL, "
         "backlog_s = 0, start_grace_s = 0");
    reports_of_which_arrived(20);
    exec("INSERT INTO job_run (job, scheduled_for, state, attempt, not_before) "
         "VALUES ('report', pp_now() - interval '7 hours', 'failed', 1, "
         "pp_now())");
    looks();
    assert_int_equal(messages("job/report/undelivered/1/bad1/mail"), 1);
    assert_int_equal(messages("job/%"), 1);
}

static void a_run_that_was_to_begin_later_waits_from_then_on(void **state)
{
    (void)state;
    exec("INSERT INTO job_run (job, scheduled_for, starts_at, state, attempt, "
         "not_before) VALUES ('hourly', pp_now() - interval '40 minutes', "
         "pp_now() - interval '14 minutes', 'failed', 1, pp_now())");
    looks();
    assert_int_equal(messages("%"), 0);
    pass("2 minutes");
    exec("UPDATE job SET next_at = pp_now() + interval '1 hour'");
    looks();
    assert_int_equal(messages("job/hourly/backlog/1/bad1/mail"), 1);
}

static void slack_and_sms_get_the_same_message_where_they_are_set(void **state)
{
    struct jobs_watch_options all = {.slack = "https://hooks.example/x",
                                     .sms = "+15550100"};

    (void)state;
    pass("10 minutes");
    look(&all);
    assert_int_equal(messages("job/hourly/late/1/bad1/%"), 3);
    assert_int_equal(number("SELECT count(DISTINCT channel) FROM notification"),
                     3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            four_replicas_tell_once_that_a_job_is_late_and_that_it_is_well,
            empty),
        cmocka_unit_test_setup(a_paused_job_is_not_late, empty),
        cmocka_unit_test_setup(what_becomes_of_runs_is_told, empty),
        cmocka_unit_test_setup(
            a_run_that_takes_its_time_is_no_backlog_and_one_that_waits_is,
            empty),
        cmocka_unit_test_setup(a_job_that_runs_too_often_is_told, empty),
        cmocka_unit_test_setup(a_run_that_found_too_little_to_do_is_told,
                               empty),
        cmocka_unit_test_setup(
            reports_that_do_not_arrive_are_told_of_six_hours_later, empty),
        cmocka_unit_test_setup(a_report_that_was_never_made_has_not_arrived,
                               empty),
        cmocka_unit_test_setup(a_run_that_was_to_begin_later_waits_from_then_on,
                               empty),
        cmocka_unit_test_setup(
            slack_and_sms_get_the_same_message_where_they_are_set, empty),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}

/* pp_job against a real Postgres: who does what, when, and how often. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pp_job.h"
#include "pp_time.h"

#include "postgres.h"

#define RUNS      200
#define PROCESSES 4
#define KILLS     25

static char dsn[POSTGRES_DSN_BYTES];
static struct pp_pg *pg;

static void exec(const char *sql)
{
    postgres_run(pg, sql);
}

static int64_t number(const char *sql)
{
    return postgres_number(pg, sql);
}

/* A database of the test's own: its clock is shifted. */
static int make_database(void **state)
{
    (void)state;
    pg = postgres_begin("job_test", dsn);
    exec("UPDATE installation SET is_test = true");
    exec("CREATE TABLE effect (job text, scope text, worker int)");
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    pp_pg_close(&pg);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    exec("TRUNCATE job_run, job, effect");
    exec("UPDATE installation SET clock_shift = date_trunc('hour', now()) "
         "+ interval '30 minutes 20 seconds' - now()"); /* near no edge */
    return 0;
}

/* Writes one row, in the transaction that marks the run as done. */
static int note(struct pp_job_run *run, void *context, struct pp_err *err)
{
    char worker[16];
    const char *values[] = {run->job->name, run->scope, worker};

    (void)context;
    snprintf(worker, sizeof(worker), "%d", (int)getpid());
    if (pp_pg_begin(run->pg, err) < 0)
        return -1;
    usleep(3000);
    pp_job_number(run, "attempts", run->attempt);
    if (pp_pg_exec(run->pg, "INSERT INTO effect VALUES ($1, $2, $3::int)", 3,
                   values, err) < 0 ||
        pp_job_finish(run, err) < 0) {
        pp_pg_rollback(run->pg);
        return -1;
    }
    return pp_pg_commit(run->pg, err);
}

static int refuse(struct pp_job_run *run, void *context, struct pp_err *err)
{
    (void)run;
    (void)context;
    return pp_err_set(err, PP_ERR_AGAIN, "not today");
}

static enum pp_job_outcome turn(struct pp_jobs *jobs)
{
    const struct pp_job *job;
    enum pp_job_outcome outcome;
    struct pp_err err = {0};

    if (pp_jobs_turn(jobs, &outcome, &job, &err) < 0)
        fail_msg("%s", err.msg);
    return outcome;
}

static struct pp_jobs *jobs_of(const struct pp_job *job, void *context)
{
    struct pp_err err = {0};
    struct pp_jobs *jobs;

    assert_int_equal(pp_jobs_open(&jobs, dsn, "test", job, 1, context, &err),
                     0);
    return jobs;
}

/* --- many processes -------------------------------------------------------
 */

/* A child: does runs until there are none, and then leaves without a word. */
static pid_t start_worker(const struct pp_job *job)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    struct pp_jobs *jobs;
    struct pp_err err = {0};
    const struct pp_job *done;
    enum pp_job_outcome outcome;

    if (pp_jobs_open(&jobs, dsn, "worker", job, 1, NULL, &err) < 0)
        _exit(1);
    for (;;) {
        if (pp_jobs_turn(jobs, &outcome, &done, &err) < 0)
            _exit(1);
        if (outcome == PP_JOB_NOTHING)
            usleep(10000);
    }
}

static void four_processes_do_each_of_200_runs_once_whoever_is_killed(void **s)
{
    static const struct pp_job job = {
        .name = "note", .lease_s = 1, .attempts_max = 1000, .run = note};
    pid_t workers[PROCESSES];
    int kills = 0;

    (void)s;
    for (int i = 0; i < RUNS; i++) {
        struct pp_err err = {0};
        char scope[16];

        snprintf(scope, sizeof(scope), "%d", i);
        assert_int_equal(pp_job_add(pg, "note", scope, "2026-01-01", &err), 0);
    }
    for (size_t i = 0; i < PROCESSES; i++)
        workers[i] = start_worker(&job);
    for (int tries = 0; tries < 1500; tries++) {
        size_t victim = (size_t)tries % PROCESSES;

        usleep(17000 + (unsigned)tries % 7 * 1000);
        if (kills++ < KILLS) {
            kill(workers[victim], SIGKILL);
            waitpid(workers[victim], NULL, 0);
            workers[victim] = start_worker(&job);
        } else if (number("SELECT count(*) FROM job_run WHERE state = "
                          "'done'") == RUNS) {
            break;
        }
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        kill(workers[i], SIGKILL);
        waitpid(workers[i], NULL, 0);
    }
    assert_int_equal(number("SELECT count(*) FROM effect"), RUNS);
    assert_int_equal(number("SELECT count(DISTINCT scope) FROM effect"), RUNS);
    assert_int_equal(
        number("SELECT count(*) FROM job_run WHERE state = 'done'"), RUNS);
    assert_true(number("SELECT count(*) FROM job_run WHERE attempt > 1") > 0);
    assert_true(number("SELECT count(DISTINCT worker) FROM effect") > 1);
    assert_int_equal(number("SELECT count(*) - count(DISTINCT fence) "
                            "FROM job_run"),
                     0);
}

/* --- one process ----------------------------------------------------------
 */

static void the_last_instant_is_done_and_none_that_was_missed(void **state)
{
    static const struct pp_job job = {.name = "minute",
                                      .every_s = 60,
                                      .lease_s = 10,
                                      .attempts_max = 3,
                                      .run = note};
    struct pp_jobs *jobs = jobs_of(&job, NULL);

    (void)state;
    assert_int_equal(turn(jobs), PP_JOB_DONE);
    assert_int_equal(turn(jobs), PP_JOB_NOTHING);
    exec("UPDATE installation SET clock_shift = clock_shift + '10 minutes'");
    assert_int_equal(turn(jobs), PP_JOB_DONE);
    assert_int_equal(turn(jobs), PP_JOB_NOTHING);
    assert_int_equal(number("SELECT count(*) FROM job_run"), 2);
    assert_int_equal(number("SELECT count(*) FROM job_run WHERE extract("
                            "second FROM scheduled_for) = 0"),
                     2);
    assert_int_equal(number("SELECT max((numbers->>'attempts')::int) "
                            "FROM job_run"),
                     1);
    pp_jobs_close(&jobs);
}

static void a_run_that_fails_is_tried_later_and_later_and_then_buried(void **s)
{
    static const struct pp_job job = {.name = "refuse",
                                      .every_s = 3600,
                                      .lease_s = 10,
                                      .attempts_max = 2,
                                      .run = refuse};
    struct pp_jobs *jobs = jobs_of(&job, NULL);

    (void)s;
    assert_int_equal(turn(jobs), PP_JOB_FAILED);
    assert_int_equal(turn(jobs), PP_JOB_NOTHING);
    assert_int_equal(number("SELECT count(*) FROM job_run WHERE error = "
                            "'not today' AND state = 'failed'"),
                     1);
    exec("UPDATE installation SET clock_shift = clock_shift + '6 seconds'");
    assert_int_equal(turn(jobs), PP_JOB_FAILED);
    assert_int_equal(number("SELECT count(*) FROM job_run WHERE state = "
                            "'dead' AND attempt = 2"),
                     1);
    exec("UPDATE installation SET clock_shift = clock_shift + '20 minutes'");
    assert_int_equal(turn(jobs), PP_JOB_NOTHING); /* dead is dead */
    assert_int_equal(number("SELECT max(attempt) FROM job_run"), 2);
    pp_jobs_close(&jobs);
}

/* A stopped process whose run another has claimed meanwhile. */
static int lose(struct pp_job_run *run, void *context, struct pp_err *err)
{
    struct pp_jobs *other = context;

    if (!other)
        return note(run, NULL, err);
    exec("UPDATE installation SET clock_shift = clock_shift + '1 minute'");
    assert_int_equal(turn(other), PP_JOB_DONE);
    assert_int_equal(pp_job_renew(run, err), -1);
    assert_int_equal(err->kind, PP_ERR_DENIED);
    return note(run, NULL, err);
}

static void whoever_lost_the_lease_changes_nothing(void **state)
{
    static const struct pp_job job = {.name = "lose",
                                      .every_s = 3600,
                                      .lease_s = 10,
                                      .attempts_max = 5,
                                      .run = lose};
    struct pp_jobs *second = jobs_of(&job, NULL);
    struct pp_jobs *first = jobs_of(&job, second);

    (void)state;
    assert_int_equal(turn(first), PP_JOB_LOST);
    assert_int_equal(number("SELECT count(*) FROM effect"), 1);
    assert_int_equal(number("SELECT attempt FROM job_run"), 2);
    pp_jobs_close(&first);
    pp_jobs_close(&second);
}

static int give_up(struct pp_job_run *run, void *context, struct pp_err *err)
{
    (void)context;
    pp_job_give_back(run);
    return pp_err_set(err, PP_ERR_AGAIN, "told to stop");
}

static void a_run_that_is_given_back_is_due_at_once(void **state)
{
    static const struct pp_job leaves = {.name = "give",
                                         .every_s = 3600,
                                         .lease_s = 10,
                                         .attempts_max = 1,
                                         .run = give_up};
    static const struct pp_job does = {.name = "give",
                                       .every_s = 3600,
                                       .lease_s = 10,
                                       .attempts_max = 1,
                                       .run = note};
    struct pp_jobs *first = jobs_of(&leaves, NULL);
    struct pp_jobs *second = jobs_of(&does, NULL);

    (void)state;
    assert_int_equal(turn(first), PP_JOB_GIVEN_BACK);
    assert_int_equal(turn(second), PP_JOB_DONE);
    assert_int_equal(number("SELECT count(*) FROM job_run"), 1);
    pp_jobs_close(&first);
    pp_jobs_close(&second);
}

static void
the_role_of_reports_does_jobs_and_reads_no_mail_address(void **state)
{
    static const struct pp_job job = {.name = "role",
                                      .every_s = 3600,
                                      .lease_s = 10,
                                      .attempts_max = 1,
                                      .run = give_up};
    char theirs[POSTGRES_DSN_BYTES];
    struct pp_err err = {0};
    struct pp_jobs *jobs;
    struct pp_pg *other;

    (void)state;
    postgres_dsn("job_test", "pawprint_reports", theirs);
    assert_int_equal(pp_jobs_open(&jobs, theirs, "test", &job, 1, NULL, &err),
                     0);
    assert_int_equal(turn(jobs), PP_JOB_GIVEN_BACK);
    assert_int_equal(pp_pg_open(&other, theirs, "test", &err), 0);
    assert_int_equal(
        pp_pg_exec(other, "SELECT owner_mail FROM account", 0, NULL, &err), -1);
    assert_int_equal(pp_pg_exec(other, "DELETE FROM outbox", 0, NULL, &err),
                     -1);
    pp_pg_close(&other);
    pp_jobs_close(&jobs);
}

/* --- policies -------------------------------------------------------------
 */

/* Runs that are done after nobody was there for so long. */
static int64_t runs_after(const struct pp_job *job, const char *absence)
{
    struct pp_jobs *jobs = jobs_of(job, NULL);
    char sql[160];

    empty(NULL);
    while (turn(jobs) != PP_JOB_NOTHING)
        continue;
    exec("TRUNCATE effect");
    snprintf(sql, sizeof(sql),
             "UPDATE installation SET clock_shift = clock_shift + '%s'",
             absence);
    pp_jobs_close(&jobs);
    exec(sql);
    jobs = jobs_of(job, NULL);
    while (turn(jobs) != PP_JOB_NOTHING)
        continue;
    pp_jobs_close(&jobs);
    return number("SELECT count(*) FROM effect");
}

/* It is 30 minutes and 20 seconds past the hour when they leave. */
static void what_comes_after_an_absence_is_what_the_policy_says(void **state)
{
    static const char *const absences[] = {"1 second", "1 minute", "1 hour",
                                           "3 days"};
    static const struct {
        const char *name;
        struct pp_job job;
        int64_t runs[4];
    } cases[] = {
        {"latest", {.catch_up = PP_JOB_LATEST, .every_s = 600}, {0, 0, 1, 1}},
        {"all of 3 hours",
         {.catch_up = PP_JOB_ALL, .every_s = 600, .window_s = 10800},
         {0, 0, 6, 18}},
        {"none", {.catch_up = PP_JOB_NONE, .every_s = 600}, {0, 0, 0, 0}},
        {"must", {.catch_up = PP_JOB_MUST, .every_s = 3600}, {0, 0, 1, 72}},
        {"latest by cron",
         {.catch_up = PP_JOB_LATEST, .cron = "*/10 * * * *"},
         {0, 0, 1, 1}},
        {"all by cron, of two days",
         {.catch_up = PP_JOB_ALL, .cron = "0 * * * *", .window_s = 172800},
         {0, 0, 1, 48}},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        for (size_t a = 0; a < PP_COUNT(absences); a++) {
            struct pp_job job = cases[i].job;
            int64_t runs;

            job.name = "policy";
            job.lease_s = 10;
            job.attempts_max = 3;
            job.run = note;
            runs = runs_after(&job, absences[a]);
            if (runs != cases[i].runs[a])
                fail_msg("%s, %s: %d runs, not %d", cases[i].name, absences[a],
                         (int)runs, (int)cases[i].runs[a]);
        }
    }
    assert_true(number("SELECT skipped FROM job") >= 23);
}

static void who_must_is_never_buried(void **state)
{
    static const struct pp_job job = {.name = "refuse",
                                      .every_s = 3600,
                                      .catch_up = PP_JOB_MUST,
                                      .lease_s = 10,
                                      .attempts_max = 1,
                                      .backoff_s = 60,
                                      .backoff_max_s = 60,
                                      .run = refuse};
    struct pp_jobs *jobs = jobs_of(&job, NULL);

    (void)state;
    assert_int_equal(turn(jobs), PP_JOB_NOTHING); /* from the next hour on */
    exec("UPDATE installation SET clock_shift = clock_shift + '30 minutes'");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(turn(jobs), PP_JOB_FAILED);
        exec("UPDATE installation SET clock_shift = clock_shift + '40 s'");
        assert_int_equal(turn(jobs), PP_JOB_NOTHING);
        exec("UPDATE installation SET clock_shift = clock_shift + '21 s'");
    }
    assert_int_equal(number("SELECT attempt FROM job_run WHERE state = "
                            "'failed'"),
                     4);
    pp_jobs_close(&jobs);
}

static void ten_thousand_runs_of_one_account_hold_up_no_other(void **state)
{
    static const struct pp_job job = {
        .name = "fair", .lease_s = 10, .attempts_max = 3, .run = note};
    struct pp_jobs *jobs = jobs_of(&job, NULL);
    struct pp_err err = {0};

    (void)state;
    exec("INSERT INTO job_run (job, scope, account_id, scheduled_for, turn) "
         "SELECT 'fair', 'a' || n, 'large', '2026-01-01', n FROM "
         "generate_series(0, 9999) AS n");
    for (int i = 0; i < 10; i++)
        assert_int_equal(turn(jobs), PP_JOB_DONE);
    assert_int_equal(
        pp_job_add_of(pg, "fair", "small", "b1", "2026-01-02", 0, &err), 0);
    assert_int_equal(
        pp_job_add_of(pg, "fair", "small", "b2", "2026-01-02", 0, &err), 0);
    assert_int_equal(
        pp_job_add_of(pg, "fair", "large", "a10000", "2026-01-01", 0, &err), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(turn(jobs), PP_JOB_DONE);
    assert_int_equal(number("SELECT count(*) FROM effect WHERE scope LIKE "
                            "'b%'"),
                     2);
    assert_int_equal(number("SELECT count(*) FROM effect"), 14);
    assert_int_equal(number("SELECT turn FROM job_run WHERE scope = 'a10000'"),
                     10000);
    pp_jobs_close(&jobs);
}

/* Rows that Postgres read one after the other; it says so with a delay. */
static int64_t rows_scanned(void)
{
    return number("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname "
                  "= 'job_run'");
}

static void a_claim_reads_no_row_that_is_not_its_own(void **state)
{
    static const struct pp_job job = {
        .name = "queue", .lease_s = 10, .attempts_max = 3, .run = note};
    struct pp_jobs *jobs = jobs_of(&job, NULL);
    int64_t before;

    (void)state;
    exec("INSERT INTO job_run (job, scope, scheduled_for) SELECT 'queue', "
         "'q' || n, '2026-01-01' FROM generate_series(1, 20000) AS n");
    exec("ANALYZE job_run");
    exec("SELECT pg_stat_force_next_flush()"); /* what the tests before read */
    assert_int_equal(turn(jobs), PP_JOB_DONE); /* the first one cleans up */
    usleep(1100000);
    assert_int_equal(turn(jobs), PP_JOB_DONE);
    before = rows_scanned();
    for (int i = 0; i < 5; i++)
        assert_int_equal(turn(jobs), PP_JOB_DONE);
    usleep(1100000);
    assert_int_equal(turn(jobs), PP_JOB_DONE);
    assert_int_equal(rows_scanned() - before, 0);
    pp_jobs_close(&jobs);
}

static void a_paused_job_waits_and_then_does_what_its_policy_says(void **s)
{
    static const struct pp_job job = {.name = "minute",
                                      .every_s = 60,
                                      .lease_s = 10,
                                      .attempts_max = 3,
                                      .run = note};
    struct pp_jobs *jobs = jobs_of(&job, NULL);

    (void)s;
    assert_int_equal(turn(jobs), PP_JOB_DONE);
    exec("UPDATE job SET paused_at = pp_now()");
    exec("UPDATE installation SET clock_shift = clock_shift + '10 minutes'");
    assert_int_equal(turn(jobs), PP_JOB_NOTHING);
    exec("UPDATE job SET paused_at = NULL");
    assert_int_equal(turn(jobs), PP_JOB_DONE);
    assert_int_equal(turn(jobs), PP_JOB_NOTHING);
    assert_int_equal(number("SELECT skipped FROM job"), 9);
    pp_jobs_close(&jobs);
}

static int sleep_long(struct pp_job_run *run, void *context, struct pp_err *err)
{
    (void)context;
    return pp_pg_exec(run->pg, "SELECT pg_sleep(20)", 0, NULL, err);
}

static void a_statement_of_a_job_ends_when_its_time_is_over(void **state)
{
    static const struct pp_job job = {.name = "sleep",
                                      .every_s = 3600,
                                      .lease_s = 10,
                                      .attempts_max = 1,
                                      .statement_s = 1,
                                      .run = sleep_long};
    struct pp_jobs *jobs = jobs_of(&job, NULL);

    (void)state;
    assert_int_equal(turn(jobs), PP_JOB_FAILED);
    assert_int_equal(number("SELECT count(*) FROM job_run WHERE error LIKE "
                            "'%statement timeout%'"),
                     1);
    pp_jobs_close(&jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            four_processes_do_each_of_200_runs_once_whoever_is_killed, empty),
        cmocka_unit_test_setup(
            the_last_instant_is_done_and_none_that_was_missed, empty),
        cmocka_unit_test_setup(
            a_run_that_fails_is_tried_later_and_later_and_then_buried, empty),
        cmocka_unit_test_setup(whoever_lost_the_lease_changes_nothing, empty),
        cmocka_unit_test_setup(a_run_that_is_given_back_is_due_at_once, empty),
        cmocka_unit_test_setup(
            the_role_of_reports_does_jobs_and_reads_no_mail_address, empty),
        cmocka_unit_test_setup(
            what_comes_after_an_absence_is_what_the_policy_says, empty),
        cmocka_unit_test_setup(who_must_is_never_buried, empty),
        cmocka_unit_test_setup(
            ten_thousand_runs_of_one_account_hold_up_no_other, empty),
        cmocka_unit_test_setup(a_claim_reads_no_row_that_is_not_its_own, empty),
        cmocka_unit_test_setup(
            a_paused_job_waits_and_then_does_what_its_policy_says, empty),
        cmocka_unit_test_setup(a_statement_of_a_job_ends_when_its_time_is_over,
                               empty),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}

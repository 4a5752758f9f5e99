#include "pp_job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_log.h"
#include "pp_mem.h"

#define NUMBERS_BYTES ((size_t)16 << 10)
#define WORKER_BYTES  128
#define CLEAN_EVERY   1000 /* turns */
#define KEEP_DAYS     "35"
#define BACKOFF_S     "5"
#define BACKOFF_MAX_S "300"

#define OPEN "state IN ('due', 'running', 'failed')"
/* Whoever holds an older fence changes nothing. */
#define MINE                                                                   \
    " WHERE job = $1 AND scope = $2 AND scheduled_for = $3::timestamptz "      \
    "AND fence = $4::bigint AND state = 'running'"

struct pp_jobs {
    struct pp_pg *pg;
    const struct pp_job *table;
    size_t count, next; /* whose turn it is to be asked first */
    void *context;
    char worker[WORKER_BYTES];
    unsigned turns;
};

int pp_jobs_open(struct pp_jobs **jobs_out, const char *dsn,
                 const char *application, const struct pp_job *table,
                 size_t count, void *context, struct pp_err *err)
{
    struct pp_jobs *jobs = pp_calloc(1, sizeof(*jobs));
    char host[64] = "";

    *jobs_out = jobs;
    jobs->table = table;
    jobs->count = count;
    jobs->context = context;
    (void)gethostname(host, sizeof(host) - 1);
    snprintf(jobs->worker, sizeof(jobs->worker), "%s:%d", host, (int)getpid());
    return pp_pg_open(&jobs->pg, dsn, application, err);
}

void pp_jobs_close(struct pp_jobs **jobs)
{
    if (!*jobs)
        return;
    pp_pg_close(&(*jobs)->pg);
    free(*jobs);
    *jobs = NULL;
}

/* --- planning --------------------------------------------------------------
 */

/* The last instant that has come, unless an earlier one is still open. */
static int plan_latest(struct pp_jobs *jobs, const struct pp_job *job,
                       struct pp_err *err)
{
    static const char sql[] =
        "INSERT INTO job_run (job, scheduled_for, alone) "
        "SELECT $1, at, true FROM (SELECT to_timestamp(floor("
        "extract(epoch FROM pp_now()) / $2::int) * $2::int) AS at) AS slot "
        "WHERE NOT EXISTS (SELECT FROM job_run WHERE job = $1 AND scope = '' "
        "AND (scheduled_for >= at OR alone AND " OPEN ")) "
        "ON CONFLICT DO NOTHING";
    char every[16];
    const char *values[] = {job->name, every};

    snprintf(every, sizeof(every), "%d", job->every_s);
    return pp_pg_exec(jobs->pg, sql, 2, values, err);
}

int pp_job_add(struct pp_pg *pg, const char *job, const char *scope,
               const char *scheduled_for, struct pp_err *err)
{
    const char *values[] = {job, scope, scheduled_for};

    return pp_pg_exec(pg,
                      "INSERT INTO job_run (job, scope, scheduled_for, "
                      "not_before) VALUES ($1, $2, $3::timestamptz, "
                      "$3::timestamptz) ON CONFLICT DO NOTHING",
                      3, values, err);
}

/* What was begun too often and never ended. */
static int bury(struct pp_jobs *jobs, const struct pp_job *job,
                struct pp_err *err)
{
    char most[16];
    const char *values[] = {job->name, most};
    struct pp_pg_rows rows;
    int result;

    snprintf(most, sizeof(most), "%d", job->attempts_max);
    result = pp_pg_query(
        jobs->pg,
        "UPDATE job_run SET state = 'dead', finished_at = pp_now(), "
        "error = 'its lease ran out' WHERE job = $1 AND state = 'running' "
        "AND lease_until <= pp_now() AND attempt >= $2::int",
        2, values, &rows, err);
    if (result == 0 && rows.changed > 0)
        pp_error("job.dead", "job=%s runs=%" PRId64, job->name, rows.changed);
    pp_pg_rows_fini(&rows);
    return result;
}

static int clean_up(struct pp_jobs *jobs, const struct pp_job *job,
                    struct pp_err *err)
{
    const char *values[] = {job->name};

    return pp_pg_exec(jobs->pg,
                      "DELETE FROM job_run WHERE job = $1 AND NOT (" OPEN ") "
                      "AND finished_at < pp_now() - interval '" KEEP_DAYS
                      " days'",
                      1, values, err);
}

static int plan(struct pp_jobs *jobs, const struct pp_job *job,
                struct pp_err *err)
{
    if (bury(jobs, job, err) < 0)
        return -1;
    if (jobs->turns % CLEAN_EVERY == 0 && clean_up(jobs, job, err) < 0)
        return -1;
    if (job->every_s == 0)
        return 0;
    switch (job->catch_up) {
    case PP_JOB_LATEST:
        return plan_latest(jobs, job, err);
    }
    return 0;
}

/* --- a run -----------------------------------------------------------------
 */

/* Returns 1 when it got one, 0 when there is none. */
static int claim(struct pp_jobs *jobs, const struct pp_job *job,
                 struct pp_job_run *run, struct pp_err *err)
{
    static const char sql[] =
        "UPDATE job_run SET state = 'running', attempt = attempt + 1, "
        "fence = nextval('job_fence'), worker = $2, error = '', "
        "lease_until = pp_now() + make_interval(secs => $3::int), "
        "started_at = pp_now(), finished_at = NULL "
        "WHERE (job, scope, scheduled_for) = ("
        "SELECT job, scope, scheduled_for FROM job_run WHERE job = $1 "
        "AND attempt < $4::int AND (state IN ('due', 'failed') "
        "AND not_before <= pp_now() OR state = 'running' "
        "AND lease_until <= pp_now()) ORDER BY scheduled_for, scope "
        "LIMIT 1 FOR UPDATE SKIP LOCKED) "
        "RETURNING scope, scheduled_for, attempt, fence, "
        "floor(extract(epoch FROM scheduled_for) * 1000)::bigint";
    char lease[16], most[16];
    const char *values[] = {job->name, jobs->worker, lease, most};
    struct pp_pg_rows rows;
    int result;

    snprintf(lease, sizeof(lease), "%d", job->lease_s);
    snprintf(most, sizeof(most), "%d", job->attempts_max);
    result = pp_pg_query(jobs->pg, sql, 4, values, &rows, err);
    if (result == 0 && rows.count == 1) {
        *run = (struct pp_job_run){.job = job, .pg = jobs->pg};
        snprintf(run->scope, sizeof(run->scope), "%s", pp_pg_text(&rows, 0, 0));
        snprintf(run->scheduled_for, sizeof(run->scheduled_for), "%s",
                 pp_pg_text(&rows, 0, 1));
        run->attempt = (int)pp_pg_int64(&rows, 0, 2);
        run->fence = pp_pg_int64(&rows, 0, 3);
        run->scheduled_at_ms = pp_pg_int64(&rows, 0, 4);
        pp_buf_init(&run->numbers, NUMBERS_BYTES);
        result = 1;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* A change of the row, by whoever holds it; $5 is value. */
static int change(struct pp_job_run *run, const char *set, const char *value,
                  struct pp_err *err)
{
    char fence[24], sql[600];
    const char *values[] = {run->job->name, run->scope, run->scheduled_for,
                            fence, value};
    struct pp_pg_rows rows;
    int result;

    snprintf(fence, sizeof(fence), "%" PRId64, run->fence);
    snprintf(sql, sizeof(sql), "UPDATE job_run SET %s" MINE, set);
    result = pp_pg_query(run->pg, sql, 5, values, &rows, err);
    if (result == 0 && rows.changed != 1)
        result = pp_err_set(err, PP_ERR_DENIED,
                            "the run is no longer ours: its lease ran out");
    pp_pg_rows_fini(&rows);
    return result;
}

int pp_job_renew(struct pp_job_run *run, struct pp_err *err)
{
    char lease[16];

    snprintf(lease, sizeof(lease), "%d", run->job->lease_s);
    return change(run,
                  "lease_until = pp_now() + make_interval(secs => $5::int)",
                  lease, err);
}

void pp_job_number(struct pp_job_run *run, const char *name, int64_t value)
{
    pp_buf_printf(&run->numbers, "%c\"%s\":%" PRId64,
                  run->numbers.n ? ',' : '{', name, value);
}

int pp_job_finish(struct pp_job_run *run, struct pp_err *err)
{
    const char *numbers = "{}";

    if (run->numbers.n && !run->numbers.overflow) {
        pp_buf_add_text(&run->numbers, "}");
        pp_buf_add_byte(&run->numbers, '\0');
        numbers = run->numbers.p;
    }
    if (change(run,
               "state = 'done', finished_at = pp_now(), numbers = $5::jsonb",
               numbers, err) < 0)
        return -1;
    run->finished = true;
    return 0;
}

void pp_job_give_back(struct pp_job_run *run)
{
    run->given_back = true;
}

static int give_back(struct pp_job_run *run, struct pp_err *err)
{
    return change(run,
                  "state = 'due', attempt = attempt - 1, error = $5, "
                  "not_before = pp_now()",
                  "given back", err);
}

static int fail(struct pp_job_run *run, const char *why, struct pp_err *err)
{
    static const char again[] =
        "state = 'failed', finished_at = pp_now(), error = $5, not_before = "
        "pp_now() + make_interval(secs => least(" BACKOFF_MAX_S ", " BACKOFF_S
        " * 2 ^ (attempt - 1)))";
    static const char never[] =
        "state = 'dead', finished_at = pp_now(), error = $5";

    return change(run, run->attempt < run->job->attempts_max ? again : never,
                  why, err);
}

/* What became of it, in the table and in the log. */
static int settle(struct pp_job_run *run, int result, struct pp_err *why,
                  enum pp_job_outcome *outcome_out, struct pp_err *err)
{
    int marked = 0;

    *outcome_out = PP_JOB_DONE;
    if (result == 0) {
        marked = run->finished ? 0 : pp_job_finish(run, err);
    } else if (run->given_back) {
        *outcome_out = PP_JOB_GIVEN_BACK;
        marked = give_back(run, err);
    } else {
        *outcome_out = PP_JOB_FAILED;
        pp_warn("job.failed", "job=%s attempt=%d why=%s", run->job->name,
                run->attempt, why->msg);
        marked = fail(run, why->msg, err);
    }
    if (marked == 0 || err->kind != PP_ERR_DENIED)
        return marked;
    pp_warn("job.lost", "job=%s attempt=%d", run->job->name, run->attempt);
    *outcome_out = PP_JOB_LOST;
    *err = (struct pp_err){0};
    return 0;
}

int pp_jobs_turn(struct pp_jobs *jobs, enum pp_job_outcome *outcome_out,
                 const struct pp_job **job_out, struct pp_err *err)
{
    struct pp_err why = {0};
    struct pp_job_run run;
    int got = 0, result;

    *outcome_out = PP_JOB_NOTHING;
    *job_out = NULL;
    for (size_t i = 0; i < jobs->count && got == 0; i++) {
        const struct pp_job *job = &jobs->table[(jobs->next + i) % jobs->count];

        if (plan(jobs, job, err) < 0)
            return -1;
        got = claim(jobs, job, &run, err);
    }
    jobs->turns++;
    jobs->next = (jobs->next + 1) % jobs->count;
    if (got <= 0)
        return got;
    *job_out = run.job;
    result = run.job->run(&run, jobs->context, &why);
    result = settle(&run, result, &why, outcome_out, err);
    pp_buf_fini(&run.numbers);
    return result;
}

int pp_job_age(struct pp_jobs *jobs, const char *job, int64_t *seconds_out,
               struct pp_err *err)
{
    const char *values[] = {job};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        jobs->pg,
        "SELECT coalesce(extract(epoch FROM pp_now() - max(finished_at)), -1)"
        "::bigint FROM job_run WHERE job = $1 AND state = 'done'",
        1, values, &rows, err);
    if (result == 0)
        *seconds_out = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

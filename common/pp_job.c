#include "pp_job.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_job_plan.h"
#include "pp_log.h"
#include "pp_mem.h"

#define NUMBERS_BYTES ((size_t)16 << 10)
#define WORKER_BYTES  128
#define BURY_EVERY    100 /* turns; and where there is nothing to do */
#define BACKOFF_S     5
#define BACKOFF_MAX_S 300
#define ZONES_MAX     16
#define ZONES_MS      60000

#define OPEN "state IN ('due', 'running', 'failed')"
/* Whoever holds an older fence changes nothing. */
#define MINE                                                                   \
    " WHERE job = $1 AND scope = $2 AND scheduled_for = $3::timestamptz "      \
    "AND fence = $4::bigint AND state = 'running'"

struct pp_jobs {
    struct pp_pg *pg;
    struct pp_zones *zones; /* NULL where no job has a cron */
    char service[64];
    char timeout[32]; /* of statements, where a job sets none */
    bool registered;
    const struct pp_job *table;
    size_t count, next; /* whose turn it is to be asked first */
    void *context;
    char worker[WORKER_BYTES];
    unsigned turns;
};

/* What can't be is known before the service is ready. */
static int check_crons(struct pp_jobs *jobs, struct pp_err *err)
{
    struct pp_cron cron;

    for (size_t i = 0; i < jobs->count; i++) {
        if (!jobs->table[i].cron)
            continue;
        if (pp_cron_parse(pp_str_of(jobs->table[i].cron), &cron, err) < 0)
            return -1;
        if (!jobs->zones && pp_zones_open(&jobs->zones, PP_ZONES_FOLDER,
                                          ZONES_MAX, ZONES_MS, err) < 0)
            return -1;
    }
    return 0;
}

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
    snprintf(jobs->service, sizeof(jobs->service), "%s", application);
    if (check_crons(jobs, err) < 0)
        return -1;
    (void)gethostname(host, sizeof(host) - 1);
    snprintf(jobs->worker, sizeof(jobs->worker), "%s:%d", host, (int)getpid());
    return pp_pg_open(&jobs->pg, dsn, application, err);
}

void pp_jobs_close(struct pp_jobs **jobs)
{
    if (!*jobs)
        return;
    pp_pg_close(&(*jobs)->pg);
    pp_zones_close(&(*jobs)->zones);
    free(*jobs);
    *jobs = NULL;
}

/* --- planning --------------------------------------------------------------
 */

/* Says what jobs there are, once; and asks how long a statement may take. */
static int register_all(struct pp_jobs *jobs, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    if (jobs->registered)
        return 0;
    result =
        pp_pg_query(jobs->pg, "SHOW statement_timeout", 0, NULL, &rows, err);
    if (result == 0 && strcmp(pp_pg_text(&rows, 0, 0), "0") != 0)
        snprintf(jobs->timeout, sizeof(jobs->timeout), "%s",
                 pp_pg_text(&rows, 0, 0));
    else
        snprintf(jobs->timeout, sizeof(jobs->timeout), "%ds",
                 PP_JOB_STATEMENT_S);
    pp_pg_rows_fini(&rows);
    for (size_t i = 0; i < jobs->count && result == 0; i++)
        result = pp_job_register(jobs->pg, jobs->service, &jobs->table[i], err);
    jobs->registered = result == 0;
    return result;
}

int pp_job_add_of(struct pp_pg *pg, const char *job, const char *account,
                  const char *scope, const char *scheduled_for,
                  int64_t later_ms, struct pp_err *err)
{
    /* One behind the last of its account, and not before those that wait. */
    static const char sql[] =
        "INSERT INTO job_run (job, scope, scheduled_for, account_id, "
        "not_before, starts_at, turn) SELECT $1, $2, $3::timestamptz, $4, "
        "$3::timestamptz + $5::bigint * interval '1 ms', CASE WHEN $5::bigint "
        "> 0 THEN $3::timestamptz + $5::bigint * interval '1 ms' END, CASE "
        "WHEN $4 = '' "
        "THEN 0 ELSE greatest((SELECT max(turn) + 1 FROM job_run WHERE "
        "job = $1 AND account_id = $4 AND " OPEN "), (SELECT min(turn) FROM "
        "job_run WHERE job = $1 AND " OPEN "), 0) END ON CONFLICT DO NOTHING";
    char jitter[24];
    const char *values[] = {job, scope, scheduled_for, account, jitter};

    snprintf(jitter, sizeof(jitter), "%" PRId64, later_ms);
    return pp_pg_exec(pg, sql, 5, values, err);
}

int pp_job_add(struct pp_pg *pg, const char *job, const char *scope,
               const char *scheduled_for, struct pp_err *err)
{
    return pp_job_add_of(pg, job, "", scope, scheduled_for, 0, err);
}

/* After so many it is dead. What must be done never is. */
static int attempts_max(const struct pp_job *job)
{
    return job->catch_up == PP_JOB_MUST ? INT_MAX : job->attempts_max;
}

/* What was begun too often and never ended. */
static int bury(struct pp_jobs *jobs, const struct pp_job *job,
                struct pp_err *err)
{
    char most[16];
    const char *values[] = {job->name, most};
    struct pp_pg_rows rows;
    int result;

    snprintf(most, sizeof(most), "%d", attempts_max(job));
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

/* can_claim_out: it is not paused. */
static int plan(struct pp_jobs *jobs, const struct pp_job *job,
                bool *can_claim_out, struct pp_err *err)
{
    struct pp_job_row row;

    if (pp_job_row_read(jobs->pg, job, jobs->timeout, &row, err) < 0)
        return -1;
    *can_claim_out = !row.is_paused;
    if (jobs->turns % BURY_EVERY == 0 && bury(jobs, job, err) < 0)
        return -1;
    if (row.is_paused)
        return 0;
    return pp_job_plan(jobs->pg, jobs->zones, job, &row, err);
}

/* --- a run -----------------------------------------------------------------
 */

/* Returns 1 when it got one, 0 when there is none. */
static int claim(struct pp_jobs *jobs, const struct pp_job *job,
                 struct pp_job_run *run, struct pp_err *err)
{
    /* OPEN is what the index of turns holds: else it would not be used. */
    static const char sql[] =
        "UPDATE job_run SET state = 'running', attempt = attempt + 1, "
        "fence = nextval('job_fence'), worker = $2, error = '', "
        "lease_until = pp_now() + make_interval(secs => $3::int), "
        "started_at = pp_now(), finished_at = NULL "
        "WHERE (job, scope, scheduled_for) = ("
        "SELECT job, scope, scheduled_for FROM job_run WHERE job = $1 "
        "AND " OPEN " AND attempt < $4::int AND (state IN ('due', 'failed') "
        "AND not_before <= (SELECT pp_now()) OR state = 'running' "
        "AND lease_until <= (SELECT pp_now())) ORDER BY turn, scheduled_for, "
        "scope LIMIT 1 FOR UPDATE SKIP LOCKED) "
        "RETURNING scope, scheduled_for, attempt, fence, "
        "floor(extract(epoch FROM scheduled_for) * 1000)::bigint";
    char lease[16], most[16];
    const char *values[] = {job->name, jobs->worker, lease, most};
    struct pp_pg_rows rows;
    int result;

    snprintf(lease, sizeof(lease), "%d", job->lease_s);
    snprintf(most, sizeof(most), "%d", attempts_max(job));
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
        "pp_now() + make_interval(secs => least(%d, %d * 2 ^ least(attempt - "
        "1, 20)) * (0.75 + random() / 4))"; /* not all at once */
    static const char never[] =
        "state = 'dead', finished_at = pp_now(), error = $5";

    const struct pp_job *job = run->job;
    char later[300];

    snprintf(later, sizeof(later), again,
             job->backoff_max_s ? job->backoff_max_s : BACKOFF_MAX_S,
             job->backoff_s ? job->backoff_s : BACKOFF_S);
    return change(run, run->attempt < attempts_max(job) ? later : never, why,
                  err);
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
    if (register_all(jobs, err) < 0)
        return -1;
    for (size_t i = 0; i < jobs->count && got == 0; i++) {
        const struct pp_job *job = &jobs->table[(jobs->next + i) % jobs->count];

        bool can_claim;

        if (plan(jobs, job, &can_claim, err) < 0)
            return -1;
        if (can_claim)
            got = claim(jobs, job, &run, err);
        if (got == 0 && bury(jobs, job, err) < 0)
            return -1;
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

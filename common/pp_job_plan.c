#include "pp_job_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_log.h"
#include "pp_schedule.h"

#define PLAN_MAX 1000   /* runs */
#define LOOK_MAX 100000 /* instants */
#define TEXT_MAX ((size_t)64 << 10)

int pp_job_register(struct pp_pg *pg, const char *service,
                    const struct pp_job *job, struct pp_err *err)
{
    static const char sql[] =
        "INSERT INTO job (job, service, every_s, cron, zone, catch_up, "
        "window_s, lease_s, attempts_max, items) VALUES ($1, $2, $3::int, $4, "
        "$5, $6, $7::int, $8::int, $9::int, $10) ON CONFLICT (job) DO UPDATE "
        "SET "
        "service = EXCLUDED.service, every_s = EXCLUDED.every_s, "
        "cron = EXCLUDED.cron, zone = EXCLUDED.zone, "
        "catch_up = EXCLUDED.catch_up, window_s = EXCLUDED.window_s, "
        "lease_s = EXCLUDED.lease_s, attempts_max = EXCLUDED.attempts_max, "
        "items = EXCLUDED.items, registered_at = pp_now()";
    char every[16], window[16], lease[16], most[16];
    const char *values[] = {job->name,
                            service,
                            every,
                            job->cron ? job->cron : "",
                            job->zone ? job->zone : "UTC",
                            pp_job_catch_up_name(job->catch_up),
                            window,
                            lease,
                            most,
                            job->items ? job->items : ""};

    snprintf(every, sizeof(every), "%d", job->every_s);
    snprintf(window, sizeof(window), "%d", job->window_s);
    snprintf(lease, sizeof(lease), "%d", job->lease_s);
    snprintf(most, sizeof(most), "%d", job->attempts_max);
    return pp_pg_exec(pg, sql, 10, values, err);
}

int pp_job_row_read(struct pp_pg *pg, const struct pp_job *job,
                    const char *timeout, struct pp_job_row *row_out,
                    struct pp_err *err)
{
    char limit[16];
    const char *values[] = {job->name, limit};
    struct pp_pg_rows rows;
    int result;

    if (job->statement_s > 0)
        snprintf(limit, sizeof(limit), "%ds", job->statement_s);
    else
        snprintf(limit, sizeof(limit), "%s", timeout);
    result = pp_pg_query(
        pg,
        "SELECT paused_at IS NOT NULL, floor(extract(epoch FROM next_at) * "
        "1000)::bigint, floor(extract(epoch FROM pp_now()) * 1000)::bigint, "
        "set_config('statement_timeout', $2, false) FROM job WHERE job = $1",
        2, values, &rows, err);
    if (result == 0 && rows.count == 0)
        result = pp_err_set(err, PP_ERR_AGAIN,
                            "the row of job %s has gone from the table job",
                            job->name);
    if (result == 0)
        *row_out = (struct pp_job_row){
            .is_paused = pp_pg_bool(&rows, 0, 0),
            .has_next = !pp_pg_is_null(&rows, 0, 1),
            .next_ms =
                pp_pg_is_null(&rows, 0, 1) ? 0 : pp_pg_int64(&rows, 0, 1),
            .now_ms = pp_pg_int64(&rows, 0, 2)};
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- which instants --------------------------------------------------------
 */

struct plan {
    const struct pp_job *job;
    struct pp_job_rule rule;
    int64_t now_ms, next_ms; /* next_ms: the first that is not looked at */
    int64_t skipped, wanted; /* counts */
    int64_t last_ms;         /* of the wanted */
    struct pp_buf list;      /* wanted, as an array of Postgres */
};

static int rule_of(const struct pp_job *job, struct pp_zones *zones,
                   struct pp_zone **zone_out, struct pp_job_rule *rule_out,
                   struct pp_err *err)
{
    *zone_out = NULL;
    *rule_out = (struct pp_job_rule){.every_s = job->every_s};
    if (job->every_s > 0)
        return 0;
    if (pp_cron_parse(pp_str_of(job->cron), &rule_out->cron, err) < 0)
        return -1;
    if (pp_zones_get(zones, pp_str_of(job->zone ? job->zone : "UTC"), zone_out,
                     err) < 0)
        return -1;
    rule_out->zone = *zone_out;
    return 0;
}

static void look(struct plan *plan)
{
    const struct pp_job *job = plan->job;
    int64_t next_ms;

    for (int i = 0; i < LOOK_MAX && plan->next_ms <= plan->now_ms &&
                    plan->wanted < PLAN_MAX;
         i++, plan->next_ms = next_ms) {
        if (!pp_job_rule_next(&plan->rule, plan->next_ms, &next_ms))
            return;
        if (!pp_job_is_wanted(job->catch_up, job->window_s, plan->next_ms,
                              next_ms, plan->now_ms)) {
            plan->skipped++;
            continue;
        }
        pp_buf_printf(&plan->list, "%c%" PRId64, plan->wanted++ ? ',' : '{',
                      plan->next_ms);
        plan->last_ms = plan->next_ms;
    }
}

/* --- into the table --------------------------------------------------------
 */

/* Whoever does the latest waits for the one that is still open. */
static int is_waiting(struct pp_pg *pg, const struct plan *plan, bool *is,
                      struct pp_err *err)
{
    const char *values[] = {plan->job->name};
    struct pp_pg_rows rows;
    int result;

    *is = false;
    if (plan->job->catch_up != PP_JOB_LATEST || plan->wanted == 0)
        return 0;
    result = pp_pg_query(pg,
                         "SELECT FROM job_run WHERE job = $1 AND scope = '' "
                         "AND alone AND state IN ('due', 'running', 'failed')",
                         1, values, &rows, err);
    *is = result == 0 && rows.count > 0;
    pp_pg_rows_fini(&rows);
    return result;
}

static int insert(struct pp_pg *pg, struct plan *plan, struct pp_err *err)
{
    static const char sql[] =
        "INSERT INTO job_run (job, scheduled_for, not_before, starts_at, "
        "alone) "
        "SELECT $1, at, at + $3::bigint * interval '1 ms', CASE WHEN "
        "$3::bigint > 0 THEN at + $3::bigint * interval '1 ms' END, "
        "$4::boolean FROM "
        "(SELECT timestamptz 'epoch' + ms * interval '1 ms' AS at FROM "
        "unnest($2::bigint[]) AS ms) AS instant ON CONFLICT DO NOTHING";
    char jitter[24];
    const char *values[] = {plan->job->name, NULL, jitter,
                            plan->job->catch_up == PP_JOB_LATEST ? "true"
                                                                 : "false"};

    if (plan->wanted == 0)
        return 0;
    pp_buf_add_text(&plan->list, "}");
    pp_buf_add_byte(&plan->list, '\0');
    values[1] = plan->list.p;
    snprintf(jitter, sizeof(jitter), "%" PRId64,
             plan->job->spread_s > 0
                 ? pp_schedule_jitter_ms(pp_str_of(plan->job->name),
                                         pp_str_of(""),
                                         plan->job->spread_s * INT64_C(1000))
                 : 0);
    return pp_pg_exec(pg, sql, 4, values, err);
}

static int write_next(struct pp_pg *pg, const struct plan *plan,
                      struct pp_err *err)
{
    char next[24], skipped[24];
    const char *values[] = {plan->job->name, next, skipped};

    snprintf(next, sizeof(next), "%" PRId64, plan->next_ms);
    snprintf(skipped, sizeof(skipped), "%" PRId64, plan->skipped);
    if (plan->skipped > 0)
        pp_warn("job.skipped", "job=%s instants=%" PRId64, plan->job->name,
                plan->skipped);
    return pp_pg_exec(
        pg,
        "UPDATE job SET next_at = timestamptz 'epoch' + $2::bigint * interval "
        "'1 ms', skipped = skipped + $3::bigint, skipped_at = CASE WHEN "
        "$3::bigint > 0 THEN pp_now() ELSE skipped_at END WHERE job = $1",
        3, values, err);
}

/* Only one process plans a job at a time; the others find it done. */
static int lock_row(struct pp_pg *pg, const struct plan *plan,
                    const struct pp_job_row *row, bool *is_ours,
                    struct pp_err *err)
{
    char next[24];
    const char *values[] = {plan->job->name, next};
    struct pp_pg_rows rows;
    int result;

    snprintf(next, sizeof(next), "%" PRId64, row->next_ms);
    result = pp_pg_query(
        pg,
        "SELECT FROM job WHERE job = $1 AND paused_at IS NULL AND "
        "coalesce(floor(extract(epoch FROM next_at) * 1000)::bigint, 0) = "
        "$2::bigint FOR UPDATE SKIP LOCKED",
        2, values, &rows, err);
    *is_ours = result == 0 && rows.count == 1;
    pp_pg_rows_fini(&rows);
    return result;
}

static int write_plan(struct pp_pg *pg, struct plan *plan,
                      const struct pp_job_row *row, struct pp_err *err)
{
    bool is_ours, waits = false;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    if (lock_row(pg, plan, row, &is_ours, err) < 0 ||
        (is_ours && is_waiting(pg, plan, &waits, err) < 0))
        goto failed;
    if (is_ours && waits)
        plan->next_ms = plan->last_ms; /* asked again */
    if (is_ours &&
        ((!waits && insert(pg, plan, err) < 0) ||
         (plan->next_ms != row->next_ms && write_next(pg, plan, err) < 0)))
        goto failed;
    return pp_pg_commit(pg, err);
failed:
    pp_pg_rollback(pg);
    return -1;
}

/*
 * A new job that does the latest begins with the instant that has just come.
 * Where nothing is left to plan, the next is reckoned anew each time, so that
 * it follows another rule, other zones, and a clock that was set back.
 */
static bool begin(struct plan *plan, const struct pp_job_row *row)
{
    int64_t every_ms = plan->job->every_s * INT64_C(1000);

    plan->next_ms = row->next_ms;
    if (row->has_next && row->next_ms <= row->now_ms)
        return true;
    if (!row->has_next && every_ms && plan->job->catch_up == PP_JOB_LATEST)
        plan->next_ms = row->now_ms / every_ms * every_ms;
    else if (!pp_job_rule_next(&plan->rule, row->now_ms, &plan->next_ms))
        return false;
    return !row->has_next || plan->next_ms != row->next_ms;
}

int pp_job_plan(struct pp_pg *pg, struct pp_zones *zones,
                const struct pp_job *job, const struct pp_job_row *row,
                struct pp_err *err)
{
    struct plan plan = {.job = job, .now_ms = row->now_ms};
    struct pp_zone *zone;
    int result = 0;

    if (job->every_s == 0 && !job->cron)
        return 0;
    if (rule_of(job, zones, &zone, &plan.rule, err) < 0)
        return -1;
    if (begin(&plan, row)) {
        pp_buf_init(&plan.list, TEXT_MAX);
        look(&plan);
        result = write_plan(pg, &plan, row, err);
        pp_buf_fini(&plan.list);
    }
    pp_zone_free(&zone);
    return result;
}

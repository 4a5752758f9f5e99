#include "jobs.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pp_alert_pg.h"
#include "pp_job_thread.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_usage.h"

#include "snapshot.h"

#define STATEMENT_MS 50000
#define LEASE_S      120 /* longer than two statements */
#define JOB_NAME     "usage.reconcile"
#define DAY_S        86400
#define ALERT_NAME   "alerts"
#define ALERT_MS     10000 /* of a statement to ClickHouse */
#define STAFF_NAME   "alerts.staff"
#define SNAP_NAME    "usage.snapshot"
#define SNAP_CRON    "2,17,32,47 * * * *" /* what came last is counted then */

static struct pp_gauge drift = PP_GAUGE(
    "pawprint_meter_drift_events",
    "events by which usage and ClickHouse differed at the last comparison");
static struct pp_counter corrections =
    PP_COUNTER("pawprint_meter_corrections_total",
               "corrections of usage that were written");
static struct pp_counter failures =
    PP_COUNTER("pawprint_meter_reconcile_failures_total",
               "comparisons with ClickHouse that failed; they are tried again");
static struct pp_gauge age = PP_GAUGE(
    "pawprint_meter_reconcile_age_seconds",
    "time since the last good comparison, of any replica; -1 before the first");

static struct pp_counter alerts_fired = PP_COUNTER(
    "pawprint_meter_alerts_fired_total", "messages that a rule fires");
static struct pp_counter alerts_resolved = PP_COUNTER(
    "pawprint_meter_alerts_resolved_total", "messages that it does no more");
static struct pp_counter alerts_unknown =
    PP_COUNTER("pawprint_meter_alerts_unknown_total",
               "times that a rule could not be measured and stayed as it was");
static struct pp_counter staff_told = PP_COUNTER(
    "pawprint_meter_staff_told_total", "messages to those who run Pawprint");
static struct pp_counter snapshots = PP_COUNTER(
    "pawprint_meter_snapshots_total",
    "rows that say what an account had used when a quarter of an hour ended");

struct jobs {
    struct jobs_options options;
    struct pp_jobs *jobs;
    struct pp_kafka *kafka;
    struct pp_clickhouse *clickhouse;
    struct pp_job table[5];
    struct pp_job_thread *thread;
    atomic_bool compared;
};

void jobs_metrics_add(void)
{
    pp_metrics_add(&drift.metric);
    pp_metrics_add(&corrections.metric);
    pp_metrics_add(&failures.metric);
    pp_metrics_add(&age.metric);
    pp_metrics_add(&alerts_fired.metric);
    pp_metrics_add(&alerts_resolved.metric);
    pp_metrics_add(&alerts_unknown.metric);
    pp_metrics_add(&staff_told.metric);
    pp_metrics_add(&snapshots.metric);
}

/* --- the job ---------------------------------------------------------------
 */

struct turn {
    struct jobs *self;
    struct pp_job_run *run;
};

static int progress(void *context, struct pp_err *err)
{
    const struct turn *turn = context;

    return pp_job_thread_keep_on(turn->self->thread, turn->run, err);
}

/* Whole quarters that ended long enough ago. */
static int range_now(struct pp_pg *pg, int age_s, int64_t hours,
                     struct pp_usage_range *range, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(pg, "SELECT extract(epoch FROM pp_now())::bigint", 0,
                         NULL, &rows, err);
    if (result == 0) {
        range->until_s = pp_pg_int64(&rows, 0, 0) - age_s;
        range->until_s -= range->until_s % PP_USAGE_QUARTER_S;
        range->since_s = range->until_s - hours * 3600;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* What was told long before the last that was told does not come again. */
static int forget_told(struct pp_pg *pg, struct pp_err *err)
{
    return pp_pg_exec(pg,
                      "DELETE FROM usage_told WHERE told_at < (SELECT "
                      "max(told_at) FROM usage_told) - interval '1 hour'",
                      0, NULL, err);
}

static int reconcile(struct pp_job_run *run, struct jobs *self, int64_t hours,
                     struct pp_err *err)
{
    struct turn turn = {self, run};
    struct pp_usage usage = {
        .pg = run->pg,
        .clickhouse = self->clickhouse,
        .lookback_s = self->options.lookback_hours * 3600,
        .timeout_ms = STATEMENT_MS,
        .progress = progress,
        .context = &turn,
    };
    struct pp_usage_range range;

    if (forget_told(run->pg, err) < 0 ||
        range_now(run->pg, self->options.age_s, hours, &range, err) < 0 ||
        pp_usage_settled(run->pg, self->kafka, self->options.prefix,
                         range.until_s * 1000, err) < 0 ||
        pp_usage_reconcile(&usage, &range, err) < 0)
        return -1;
    atomic_store(&self->compared, true);
    pp_gauge_set(&drift, usage.drift);
    pp_counter_add(&corrections, (uint64_t)usage.corrections);
    pp_job_number(run, "corrections", usage.corrections);
    pp_job_number(run, "drift", usage.drift);
    if (usage.drift > 0)
        pp_warn("usage.corrected", "corrections=%lld drift=%lld",
                (long long)usage.corrections, (long long)usage.drift);
    return 0;
}

static int reconcile_recent(struct pp_job_run *run, void *context,
                            struct pp_err *err)
{
    struct jobs *self = context;

    return reconcile(run, self, self->options.back_hours, err);
}

/* A whole window, and what came to it late. */
static int reconcile_window(struct pp_job_run *run, void *context,
                            struct pp_err *err)
{
    struct jobs *self = context;

    return reconcile(run, self, self->options.back_days * INT64_C(24), err);
}

/* What is not yet stored is not missing: then only usage is looked at. */
static bool all_is_stored(struct pp_job_run *run, struct jobs *self)
{
    struct pp_err why = {0};
    int delay_s = self->options.alert_delay_s;

    if (pp_usage_settled(run->pg, self->kafka, self->options.prefix,
                         (run->scheduled_at_ms / 1000 - delay_s) * 1000,
                         &why) == 0)
        return true;
    pp_warn("alerts.wait", "why=%s", why.msg);
    return false;
}

static int watch_alerts(struct pp_job_run *run, void *context,
                        struct pp_err *err)
{
    struct jobs *self = context;
    struct turn turn = {self, run};
    struct pp_alerts alerts = {
        .pg = run->pg,
        .clickhouse = self->clickhouse,
        .timeout_ms = ALERT_MS,
        .delay_s = self->options.alert_delay_s,
        .is_stored = all_is_stored(run, self),
        .progress = progress,
        .context = &turn,
    };
    int result = pp_alerts_run(&alerts, err);

    pp_counter_add(&alerts_fired, (uint64_t)alerts.fired);
    pp_counter_add(&alerts_resolved, (uint64_t)alerts.resolved);
    pp_counter_add(&alerts_unknown, (uint64_t)alerts.unknown);
    pp_job_number(run, "rules", alerts.rules);
    pp_job_number(run, "unknown", alerts.unknown);
    return result;
}

static int watch_for_staff(struct pp_job_run *run, void *context,
                           struct pp_err *err)
{
    struct jobs *self = context;
    struct watch watch = {
        .pg = run->pg,
        .kafka = self->kafka,
        .prefix = self->options.prefix,
        .options = &self->options.watch,
    };
    int result = watch_look(&watch, err);

    pp_counter_add(&staff_told, (uint64_t)watch.told);
    pp_job_number(run, "told", watch.told);
    return result;
}

static int take_snapshot(struct pp_job_run *run, void *context,
                         struct pp_err *err)
{
    struct jobs *self = context;
    struct turn turn = {self, run};
    struct snapshot snapshot = {
        .pg = run->pg, .progress = progress, .context = &turn};
    int64_t at_ms = snapshot_at_ms(run->scheduled_at_ms);
    int result;

    if (pp_usage_counted(run->pg, self->kafka, self->options.prefix, at_ms,
                         err) < 0)
        return -1;
    result = snapshot_take(&snapshot, at_ms, err);
    pp_counter_add(&snapshots, (uint64_t)snapshot.written);
    pp_job_number(run, "accounts", snapshot.accounts);
    pp_job_number(run, "written", snapshot.written);
    return result;
}

/* --- the thread ------------------------------------------------------------
 */

static int one_turn(void *context, enum pp_job_outcome *outcome_out,
                    struct pp_err *err)
{
    struct jobs *self = context;
    const struct pp_job *job;
    int64_t seconds;

    if (pp_jobs_turn(self->jobs, outcome_out, &job, err) < 0 ||
        pp_job_age(self->jobs, JOB_NAME, &seconds, err) < 0)
        return -1;
    pp_gauge_set(&age, seconds);
    if (*outcome_out == PP_JOB_FAILED)
        pp_counter_add(&failures, 1);
    return 0;
}

static void register_jobs(struct jobs *self)
{
    self->table[0] = (struct pp_job){
        .name = JOB_NAME,
        .every_s = self->options.every_s,
        .catch_up = PP_JOB_LATEST,
        .lease_s = LEASE_S,
        .attempts_max = 20,
        .run = reconcile_recent,
    };
    self->table[1] = (struct pp_job){
        .name = JOB_NAME ".window",
        .every_s = DAY_S,
        .catch_up = PP_JOB_LATEST,
        .lease_s = LEASE_S,
        .attempts_max = 20,
        .run = reconcile_window,
    };
    self->table[2] = (struct pp_job){
        .name = ALERT_NAME,
        .every_s = self->options.alert_every_s,
        .catch_up = PP_JOB_LATEST,
        .lease_s = LEASE_S,
        .attempts_max = 3,
        .items = "rules",
        .run = watch_alerts,
    };
    self->table[3] = (struct pp_job){
        .name = STAFF_NAME,
        .every_s = self->options.watch.every_s,
        .catch_up = PP_JOB_LATEST,
        .lease_s = LEASE_S,
        .attempts_max = 3,
        .run = watch_for_staff,
    };
    self->table[4] = (struct pp_job){
        .name = SNAP_NAME,
        .cron = SNAP_CRON,
        .catch_up = PP_JOB_LATEST,
        .lease_s = LEASE_S,
        .attempts_max = 20,
        .backoff_s = 60, /* what came last may not be counted yet */
        .items = "accounts",
        .run = take_snapshot,
    };
}

int jobs_open(struct jobs **jobs_out, const struct jobs_options *options,
              struct pp_err *err)
{
    struct jobs *self = pp_calloc(1, sizeof(*self));

    *jobs_out = self;
    self->options = *options;
    register_jobs(self);
    if (pp_kafka_open(&self->kafka, options->kafka, err) < 0 ||
        pp_clickhouse_open(&self->clickhouse, options->clickhouse, err) < 0 ||
        pp_jobs_open(&self->jobs, options->postgres, "meter", self->table,
                     PP_COUNT(self->table), self, err) < 0)
        return -1;
    return pp_job_thread_open(&self->thread, one_turn, self, err);
}

bool jobs_compared(struct jobs *jobs)
{
    return atomic_exchange(&jobs->compared, false);
}

void jobs_close(struct jobs **jobs)
{
    struct jobs *self = *jobs;

    if (!self)
        return;
    pp_job_thread_close(&self->thread);
    pp_jobs_close(&self->jobs);
    pp_clickhouse_close(&self->clickhouse);
    pp_kafka_close(&self->kafka);
    free(self);
    *jobs = NULL;
}

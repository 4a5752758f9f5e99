/*
 * reports - does what is due at a time.
 *
 *   reads   ClickHouse: events
 *           Postgres: report_subscription, site, job_run
 *   writes  ClickHouse: visits, rollup_minute, rollup_hour, rollup_day
 *           Postgres: job, job_run, job_alarm, report_subscription, report_run,
 *           notification
 *
 * A run is claimed by one replica under a lease and may begin again when that
 * dies, so a job may do a thing twice but never leaves half of one: what a
 * table's day should be is asked of events each time. The jobs of rollups are
 * the rows below; how a day is made is in common/pp_rollup. Beside them a
 * thread tells people what there is to tell (mails.c), and another one watches
 * the jobs of all services (jobs_watch.c).
 */
#include <unistd.h>

#include "pp_beat.h"
#include "pp_job.h"
#include "pp_mem.h"
#include "pp_service.h"

#include "backups.h"
#include "jobs_watch.h"
#include "mails.h"
#include "rollup.h"

#define IDLE_MS      500
#define LEASE_MORE_S 15 /* than the longest statement */
#define DAY_S        86400

static struct {
    struct pp_clickhouse_access clickhouse;
    const char *postgres;
    int every_s, recent_days, statement_s, lag_s;
    struct mails_options mails;
    struct jobs_watch_options watch;
} cfg;

static const char *beat_wrong(const char *where)
{
    static struct pp_err err;

    return *where && pp_beat_check(where, &err) < 0 ? err.msg : NULL;
}

static const struct pp_setting settings[] = {
    PP_CLICKHOUSE_SETTINGS(&cfg.clickhouse),
    PP_SECRET("PAWPRINT_POSTGRES_DSN", &cfg.postgres, NULL,
              "how to reach Postgres, as libpq takes it"),
    PP_INT_RANGE("PAWPRINT_REPORTS_ROLLUP_SECONDS", &cfg.every_s, "60", 1,
                 DAY_S, "seconds between two runs that make recent days right"),
    PP_INT_RANGE("PAWPRINT_REPORTS_RECENT_DAYS", &cfg.recent_days, "9", 1, 60,
                 "days that are looked at each time; all are once a day"),
    PP_INT_RANGE("PAWPRINT_REPORTS_LAG_SECONDS", &cfg.lag_s, "600", 0, DAY_S,
                 "longest time that today lacks up to a twentieth of its rows"),
    PP_INT_RANGE("PAWPRINT_REPORTS_STATEMENT_SECONDS", &cfg.statement_s, "50",
                 5, 50, "longest time of one statement in ClickHouse"),
    MAILS_SETTINGS(&cfg.mails),
    PP_INT_RANGE("PAWPRINT_REPORTS_WATCH_SECONDS", &cfg.watch.every_s, "30", 1,
                 3600, "seconds between two looks at how all jobs stand"),
    PP_INT_RANGE("PAWPRINT_REPORTS_AWAY_SECONDS", &cfg.watch.away_s, "60", 1,
                 DAY_S, "time Postgres is away before the staff's URL is told"),
    PP_SECRET("PAWPRINT_STAFF_URL", &cfg.watch.url, "",
              "URL told straight when Postgres is away, as Slack takes it"),
    PP_SECRET("PAWPRINT_STAFF_SLACK", &cfg.watch.slack, "",
              "Slack webhook that messages about jobs go to, beside the mail"),
    PP_SECRET("PAWPRINT_STAFF_SMS", &cfg.watch.sms, "",
              "telephone number that messages about jobs go to, too"),
    {.name = "PAWPRINT_REPORTS_BEAT",
     .kind = PP_SETTING_SECRET,
     .to.text = &cfg.watch.beat,
     .fallback = "",
     .wrong = beat_wrong,
     .help = "healthchecks:URL, cronitor:URL or url:URL told of each good look "
             "at the jobs"},
    {0},
};

#define RUNS(outcome_)                                                         \
    PP_COUNTER_WITH("pawprint_reports_runs_total", "runs of jobs, by outcome", \
                    {"outcome", outcome_})
static struct pp_counter runs[] = {
    [PP_JOB_DONE] = RUNS("done"),
    [PP_JOB_FAILED] = RUNS("failed"),
    [PP_JOB_LOST] = RUNS("lost"),
    [PP_JOB_GIVEN_BACK] = RUNS("given_back"),
};
static struct pp_counter days =
    PP_COUNTER("pawprint_reports_rollup_days_total",
               "days of which some table was made anew");
static struct pp_counter partitions =
    PP_COUNTER("pawprint_reports_rollup_partitions_total",
               "days of tables that were made anew");
static struct pp_gauge days_left =
    PP_GAUGE("pawprint_reports_rollup_days_left",
             "days that were not right at the end of the last run");
static struct pp_gauge age = PP_GAUGE(
    "pawprint_reports_rollup_age_seconds",
    "time since the last good run, of any replica; -1 before the first");

struct reports {
    struct pp_jobs *jobs;
    struct rollup_context rollup;
    struct pp_job table[2];
    struct mails *mails;
    struct jobs_watch *watch;
    struct backups *backups;
};

static void register_jobs(struct reports *self)
{
    const int lease_s = cfg.statement_s + LEASE_MORE_S;
    const struct pp_job table[] = {
        {
            .name = "rollup",
            .every_s = cfg.every_s,
            .catch_up = PP_JOB_LATEST,
            .lease_s = lease_s,
            .attempts_max = 5,
            .run = rollup_recent,
        },
        {
            .name = "rollup.all",
            .every_s = DAY_S,
            .catch_up = PP_JOB_LATEST,
            .lease_s = lease_s,
            .attempts_max = 20,
            .run = rollup_all,
        },
    };

    for (size_t i = 0; i < PP_COUNT(table); i++)
        self->table[i] = table[i];
}

static int open_all(struct reports *self, struct pp_err *err)
{
    register_jobs(self);
    self->rollup = (struct rollup_context){
        .recent_days = cfg.recent_days,
        .statement_s = cfg.statement_s,
        .lag_s = cfg.lag_s,
        .running = pp_service_running,
        .days = &days,
        .partitions = &partitions,
        .days_left = &days_left,
    };
    if (pp_clickhouse_open(&self->rollup.clickhouse, &cfg.clickhouse, err) < 0)
        return -1;
    if (pp_jobs_open(&self->jobs, cfg.postgres, "reports", self->table,
                     PP_COUNT(self->table), &self->rollup, err) < 0)
        return -1;
    if (backups_open(&self->backups, cfg.postgres, err) < 0)
        return -1;
    cfg.mails.clickhouse = &cfg.clickhouse;
    cfg.mails.postgres = cfg.postgres;
    cfg.mails.statement_s = cfg.statement_s;
    if (mails_open(&self->mails, &cfg.mails, err) < 0)
        return -1;
    cfg.watch.postgres = cfg.postgres;
    return jobs_watch_open(&self->watch, &cfg.watch, err);
}

static int one_turn(struct reports *self, struct pp_err *err)
{
    enum pp_job_outcome outcome;
    const struct pp_job *job;
    int64_t seconds;

    if (backups_look(self->backups, err) < 0 ||
        pp_jobs_turn(self->jobs, &outcome, &job, err) < 0 ||
        pp_job_age(self->jobs, self->table[0].name, &seconds, err) < 0)
        return -1;
    pp_gauge_set(&age, seconds);
    if (outcome == PP_JOB_NOTHING)
        usleep(IDLE_MS * 1000);
    else
        pp_counter_add(&runs[outcome], 1);
    return 0;
}

static void close_all(struct reports *self)
{
    jobs_watch_close(&self->watch);
    mails_close(&self->mails);
    backups_close(&self->backups);
    pp_jobs_close(&self->jobs);
    pp_clickhouse_close(&self->rollup.clickhouse);
}

static void add_metrics(void)
{
    for (size_t i = PP_JOB_DONE; i < PP_COUNT(runs); i++)
        pp_metrics_add(&runs[i].metric);
    pp_metrics_add(&days.metric);
    pp_metrics_add(&partitions.metric);
    pp_metrics_add(&days_left.metric);
    pp_metrics_add(&age.metric);
    mails_metrics_add();
    backups_metrics_add();
    jobs_watch_metrics_add();
}

int main(int argc, char **argv)
{
    struct reports self = {0};
    struct pp_err err = {0};

    add_metrics();
    pp_service_init("reports", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        while (pp_service_running()) {
            if (one_turn(&self, &err) == 0) {
                pp_service_ready();
                continue;
            }
            pp_service_not_ready();
            if (err.kind != PP_ERR_AGAIN)
                break;
            pp_service_backoff(&err);
        }
    }
    close_all(&self);
    return pp_service_exit(&err);
}

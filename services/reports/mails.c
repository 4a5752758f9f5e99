#include "mails.h"

#include <stdlib.h>

#include "pp_job_thread.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_zones.h"

#include "housekeeping.h"
#include "send.h"
#include "staff.h"

#define LEASE_MORE_S   15  /* than the longest statement */
#define REPORT_TRIES   200 /* five minutes apart in the end: most of a day */
#define STAFF_TRIES    50
#define KEEPING_TRIES  3
#define HOUR_S         3600
#define ZONES_MAX      1000 /* there are about 600 */
#define ZONES_AGAIN_MS (600 * 1000)

#define RUNS(outcome_)                                                         \
    PP_COUNTER_WITH("pawprint_reports_mail_runs_total",                        \
                    "runs of jobs that tell people something, by outcome",     \
                    {"outcome", outcome_})
static struct pp_counter runs[] = {
    [PP_JOB_DONE] = RUNS("done"),
    [PP_JOB_FAILED] = RUNS("failed"),
    [PP_JOB_LOST] = RUNS("lost"),
    [PP_JOB_GIVEN_BACK] = RUNS("given_back"),
};
static struct pp_counter planned =
    PP_COUNTER("pawprint_reports_planned_total", "reports that became due");
static struct pp_counter missed =
    PP_COUNTER("pawprint_reports_missed_total",
               "reports that were not made, since they came too late");
static struct pp_counter sent = PP_COUNTER(
    "pawprint_reports_sent_total", "reports that the notifier was given");
static struct pp_counter empty =
    PP_COUNTER("pawprint_reports_empty_total", "reports without any traffic");
static struct pp_counter disabled =
    PP_COUNTER("pawprint_reports_disabled_total",
               "subscriptions that were stopped, since nothing arrives there");
#define GONE(thing_)                                                           \
    PP_COUNTER_WITH("pawprint_reports_housekeeping_rows_total",                \
                    "rows that nobody needed any more and that were taken "    \
                    "away, or emptied",                                        \
                    {"thing", thing_})
static struct pp_counter gone[HOUSEKEEPING_THINGS] = {
    GONE("job_runs"),        GONE("message_texts"), GONE("login_links"),
    GONE("login_sessions"),  GONE("billing_calls"), GONE("outbox_rows"),
    GONE("usage_snapshots"),
};
static struct pp_gauge age = PP_GAUGE(
    "pawprint_reports_dispatch_age_seconds",
    "time since it was last looked which reports are due, by any replica; -1 "
    "before the first");

struct mails {
    struct pp_jobs *jobs;
    struct pp_clickhouse *clickhouse;
    struct pp_zones *zones;
    struct send_context send;
    struct staff_context staff;
    struct housekeeping housekeeping;
    struct pp_zone *staff_zone;
    struct pp_job table[4];
    struct pp_job_thread *thread;
};

void mails_metrics_add(void)
{
    for (size_t i = PP_JOB_DONE; i < PP_COUNT(runs); i++)
        pp_metrics_add(&runs[i].metric);
    pp_metrics_add(&planned.metric);
    pp_metrics_add(&missed.metric);
    pp_metrics_add(&sent.metric);
    pp_metrics_add(&empty.metric);
    pp_metrics_add(&disabled.metric);
    for (size_t i = 0; i < PP_COUNT(gone); i++)
        pp_metrics_add(&gone[i].metric);
    pp_metrics_add(&age.metric);
}

/* --- the jobs --------------------------------------------------------------
 */

static int keep_on(void *context, struct pp_job_run *run, struct pp_err *err)
{
    const struct mails *self = context;

    return pp_job_thread_keep_on(self->thread, run, err);
}

static int dispatch(struct pp_job_run *run, void *context, struct pp_err *err)
{
    struct mails *self = context;

    if (staff_plan(run->pg, &self->staff, err) < 0)
        return -1;
    return send_dispatch(run, &self->send, err);
}

static int staff(struct pp_job_run *run, void *context, struct pp_err *err)
{
    const struct mails *self = context;

    return staff_report(run, &self->staff, err);
}

static int report(struct pp_job_run *run, void *context, struct pp_err *err)
{
    struct mails *self = context;

    return send_report(run, &self->send, err);
}

static int keep_house(struct pp_job_run *run, void *context, struct pp_err *err)
{
    struct mails *self = context;

    return housekeeping_run(run, &self->housekeeping, err);
}

static void register_jobs(struct mails *self,
                          const struct mails_options *options)
{
    const int lease_s = options->statement_s + LEASE_MORE_S;

    self->table[0] = (struct pp_job){
        .name = SEND_DISPATCH,
        .every_s = options->every_s,
        .catch_up = PP_JOB_LATEST,
        .lease_s = lease_s,
        .attempts_max = 5,
        .items = "subscriptions",
        .run = dispatch,
    };
    self->table[1] = (struct pp_job){
        .name = SEND_REPORT,
        .lease_s = lease_s,
        .attempts_max = REPORT_TRIES,
        .run = report,
    };
    self->table[2] = (struct pp_job){
        .name = STAFF_JOB,
        .lease_s = lease_s,
        .attempts_max = STAFF_TRIES,
        .run = staff,
    };
    self->table[3] = (struct pp_job){
        .name = HOUSEKEEPING_JOB,
        .every_s = HOUR_S,
        .catch_up = PP_JOB_LATEST,
        .lease_s = HOUSEKEEPING_STATEMENT_S + LEASE_MORE_S,
        .attempts_max = KEEPING_TRIES,
        .statement_s = HOUSEKEEPING_STATEMENT_S,
        .run = keep_house,
    };
}

/* "07:00" as minutes of the day, or -1. */
static int minute_of(const char *text)
{
    struct pp_str rest = pp_str_of(text), part;
    int64_t hour, minute;

    if (!pp_str_split(&rest, ':', &part) || !pp_str_int64(part, &hour) ||
        !pp_str_int64(rest, &minute) || rest.n != 2 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59)
        return -1;
    return (int)(60 * hour + minute);
}

const char *mails_time_wrong(const char *text)
{
    return minute_of(text) < 0 ? "a time like 07:00" : NULL;
}

static int open_staff(struct mails *self, const struct mails_options *options,
                      struct pp_err *err)
{
    struct pp_err why = {0};

    self->staff = (struct staff_context){
        .zone_name = options->staff_zone,
        .minute = minute_of(options->staff_at),
        .mail = options->staff_mail,
    };
    if (pp_zones_get(self->zones, pp_str_of(options->staff_zone),
                     &self->staff_zone, &why) < 0)
        return pp_err_set(err, PP_ERR_FATAL, "PAWPRINT_REPORTS_STAFF_ZONE: %s",
                          why.msg);
    self->staff.zone = self->staff_zone;
    return 0;
}

/* --- the thread ------------------------------------------------------------
 */

static int turn(void *context, enum pp_job_outcome *outcome_out,
                struct pp_err *err)
{
    struct mails *self = context;
    const struct pp_job *job;
    int64_t seconds;

    if (pp_jobs_turn(self->jobs, outcome_out, &job, err) < 0 ||
        pp_job_age(self->jobs, SEND_DISPATCH, &seconds, err) < 0)
        return -1;
    pp_gauge_set(&age, seconds);
    if (*outcome_out != PP_JOB_NOTHING)
        pp_counter_add(&runs[*outcome_out], 1);
    return 0;
}

int mails_open(struct mails **mails_out, const struct mails_options *options,
               struct pp_err *err)
{
    struct mails *self = pp_calloc(1, sizeof(*self));

    *mails_out = self;
    register_jobs(self, options);
    if (pp_clickhouse_open(&self->clickhouse, options->clickhouse, err) < 0 ||
        pp_zones_open(&self->zones, PP_ZONES_FOLDER, ZONES_MAX, ZONES_AGAIN_MS,
                      err) < 0 ||
        open_staff(self, options, err) < 0)
        return -1;
    self->send = (struct send_context){
        .clickhouse = self->clickhouse,
        .zones = self->zones,
        .statement_s = options->statement_s,
        .spread_s = options->spread_s,
        .keep_on = keep_on,
        .context = self,
        .planned = &planned,
        .missed = &missed,
        .sent = &sent,
        .empty = &empty,
        .disabled = &disabled,
    };
    self->housekeeping = (struct housekeeping){
        .keep_on = keep_on, .context = self, .gone = gone};
    if (pp_jobs_open(&self->jobs, options->postgres, "reports-mails",
                     self->table, PP_COUNT(self->table), self, err) < 0)
        return -1;
    return pp_job_thread_open(&self->thread, turn, self, err);
}

void mails_close(struct mails **mails)
{
    if (!*mails)
        return;
    pp_job_thread_close(&(*mails)->thread);
    pp_jobs_close(&(*mails)->jobs);
    pp_clickhouse_close(&(*mails)->clickhouse);
    pp_zone_free(&(*mails)->staff_zone);
    pp_zones_close(&(*mails)->zones);
    free(*mails);
    *mails = NULL;
}

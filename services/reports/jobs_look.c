/* What Postgres knows of jobs, and what is told of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_log.h"
#include "pp_mem.h"

#include "alarm.h"
#include "jobs_watch.h"

#define NUMBER_BYTES 24

struct look {
    struct pp_pg *pg;
    const struct jobs_watch_options *options;
    const char *job;
    struct alarm_limits limits;
    struct alarm_facts facts;
    int64_t told;
};

/*
 * Of the day that ended six hours ago: a report that was not made has not
 * arrived; one that its reader does not want is not due.
 */
#define FROM_TO                                                                \
    "BETWEEN pp_now() - interval '30 hours' AND pp_now() - interval '6 hours'"
#define REPORTS_SQL                                                            \
    "SELECT m.due + (SELECT count(*) FROM job_run WHERE job = 'report' AND "   \
    "state IN ('due', 'running', 'failed') AND scheduled_for " FROM_TO         \
    ") + (SELECT count(*) FROM job_run WHERE job = 'report' AND state = "      \
    "'dead' AND scheduled_for " FROM_TO ") AS due, delivered FROM (SELECT "    \
    "count(*) AS due, count(handed_over_at) AS delivered FROM notification "   \
    "WHERE kind IN ('report', 'report_empty') AND state <> 'suppressed' AND "  \
    "created_at " FROM_TO ") AS m"

/*
 * A job that should have been planned and was not waits since next_at, unless
 * a run is open: then the next may be waiting for that.
 */
static const char facts_sql[] =
    "SELECT j.job, paused_at IS NOT NULL, start_grace_s * 1000::bigint, "
    "max_run_s * 1000::bigint, min_run_ms, max_runs_an_hour, backlog_s * "
    "1000::bigint, pp_ms(pp_now()), coalesce(pp_ms(least(o.waits, CASE WHEN "
    "o.count = 0 THEN next_at END)), 0), coalesce(pp_ms(o.open), 0), "
    "coalesce(pp_ms(o.runs), 0), coalesce(pp_ms(o.lease), 0), "
    "coalesce(pp_ms(d.finished_at), 0), coalesce((SELECT "
    "pp_ms(max(finished_at)) FROM job_run WHERE job = j.job AND state = "
    "'dead'), 0), coalesce(o.failures, 0), coalesce(pp_ms(d.finished_at) - "
    "pp_ms(d.started_at), -1), (SELECT count(*) FROM job_run WHERE job = "
    "j.job AND state IN ('done', 'dead') AND finished_at > pp_now() - "
    "interval '1 hour'), min_items, CASE WHEN jsonb_typeof(d.numbers -> "
    "j.items) = 'number' THEN floor((d.numbers ->> j.items)::numeric)::bigint "
    "ELSE -1 END, min_delivered_percent, coalesce(r.due, 0), "
    "coalesce(r.delivered, 0) FROM job j LEFT JOIN LATERAL (SELECT count(*) AS "
    "count, min(not_before) FILTER (WHERE state = 'due' AND attempt = 0) AS "
    "waits, min(CASE state WHEN 'due' THEN not_before WHEN 'failed' THEN "
    "coalesce(starts_at, scheduled_for) END) AS open, min(started_at) FILTER "
    "(WHERE state = "
    "'running') AS runs, min(lease_until) FILTER (WHERE state = 'running') "
    "AS lease, max(attempt) FILTER (WHERE state = 'failed') AS failures "
    "FROM job_run WHERE job = j.job AND state IN ('due', 'running', "
    "'failed')) AS o ON true LEFT JOIN LATERAL (SELECT finished_at, "
    "started_at, numbers FROM job_run WHERE job = j.job AND state = 'done' "
    "ORDER BY "
    "finished_at DESC LIMIT 1) AS d ON true LEFT JOIN LATERAL (" REPORTS_SQL
    ") AS r ON j.job = 'report' ORDER BY j.job";

static void take(struct look *look, const struct pp_pg_rows *rows, int i)
{
    look->job = pp_pg_text(rows, i, 0);
    look->limits = (struct alarm_limits){
        .start_ms = pp_pg_int64(rows, i, 2),
        .run_ms = pp_pg_int64(rows, i, 3),
        .run_least_ms = pp_pg_int64(rows, i, 4),
        .runs_an_hour = pp_pg_int64(rows, i, 5),
        .backlog_ms = pp_pg_int64(rows, i, 6),
        .items_least = pp_pg_int64(rows, i, 17),
        .delivered_percent = pp_pg_int64(rows, i, 19),
    };
    look->facts = (struct alarm_facts){
        .is_paused = pp_pg_bool(rows, i, 1),
        .now_ms = pp_pg_int64(rows, i, 7),
        .waits_since_ms = pp_pg_int64(rows, i, 8),
        .open_since_ms = pp_pg_int64(rows, i, 9),
        .runs_since_ms = pp_pg_int64(rows, i, 10),
        .lease_until_ms = pp_pg_int64(rows, i, 11),
        .done_at_ms = pp_pg_int64(rows, i, 12),
        .dead_at_ms = pp_pg_int64(rows, i, 13),
        .failures = pp_pg_int64(rows, i, 14),
        .last_took_ms = pp_pg_int64(rows, i, 15),
        .runs_last_hour = pp_pg_int64(rows, i, 16),
        .last_items = pp_pg_int64(rows, i, 18),
        .reports_due = pp_pg_int64(rows, i, 20),
        .reports_delivered = pp_pg_int64(rows, i, 21),
    };
}

/* --- telling ---------------------------------------------------------------
 */

struct news {
    enum alarm_kind kind;
    enum alarm_message message;
    struct alarm alarm;
    int64_t since_ms, value, limit;
};

static int write_one(struct look *look, const struct news *news,
                     const char *channel, const char *target,
                     struct pp_err *err)
{
    static const char *const again[] = {
        [ALARM_FIRED] = "", [ALARM_NAG] = ", still", [ALARM_CLEARED] = ""};
    char key[300], what[200], value[NUMBER_BYTES], limit[NUMBER_BYTES];
    char since[NUMBER_BYTES], detail[200];
    const char *values[] = {key,   channel, target,
                            what,  value,   limit,
                            since, detail,  alarm_unit(news->kind)};

    snprintf(key, sizeof(key), "job/%s/%s/%" PRId64 "/%s%d/%s", look->job,
             alarm_name(news->kind), news->alarm.episode,
             news->message == ALARM_CLEARED ? "well" : "bad",
             news->alarm.messages, channel);
    if (news->message == ALARM_CLEARED)
        snprintf(what, sizeof(what), "The job %s is well again (it: %s)",
                 look->job, alarm_words(news->kind));
    else
        snprintf(what, sizeof(what), "The job %s%s %s", look->job,
                 again[news->message], alarm_words(news->kind));
    snprintf(detail, sizeof(detail),
             "pawprint jobs history %s shows what came of its runs.",
             look->job);
    snprintf(value, sizeof(value), "%" PRId64, news->value);
    snprintf(limit, sizeof(limit), "%" PRId64, news->limit);
    snprintf(since, sizeof(since), "%" PRId64, news->since_ms);
    return pp_pg_exec(
        look->pg,
        "INSERT INTO notification (business_key, kind, channel, target, facts) "
        "VALUES ($1, 'staff_alert', $2, $3, jsonb_build_object('what', "
        "$4::text, 'value', $5::bigint, 'threshold', $6::bigint, 'since_at', "
        "pp_at($7::bigint), 'detail', $8::text, 'metric', $9::text)) ON "
        "CONFLICT (business_key) DO NOTHING",
        PP_COUNT(values), values, err);
}

static int tell(struct look *look, const struct news *news, struct pp_err *err)
{
    const struct jobs_watch_options *options = look->options;

    look->told++;
    pp_warn("job.alarm", "job=%s alarm=%s well=%d", look->job,
            alarm_name(news->kind), news->message == ALARM_CLEARED);
    if (write_one(look, news, "mail", NULL, err) < 0)
        return -1;
    if (options->slack && *options->slack &&
        write_one(look, news, "slack", options->slack, err) < 0)
        return -1;
    return options->sms && *options->sms
               ? write_one(look, news, "sms", options->sms, err)
               : 0;
}

/* --- the state -------------------------------------------------------------
 */

/* Locks its row. */
static int read_alarm(struct look *look, enum alarm_kind kind,
                      struct alarm *alarm, struct pp_err *err)
{
    const char *values[] = {look->job, alarm_name(kind)};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(look->pg,
                         "SELECT coalesce(pp_ms(since_at), 0), episode, "
                         "messages FROM job_alarm WHERE job = $1 AND kind = $2 "
                         "FOR UPDATE",
                         2, values, &rows, err);
    *alarm = (struct alarm){0};
    if (result == 0 && rows.count == 1)
        *alarm = (struct alarm){.since_ms = pp_pg_int64(&rows, 0, 0),
                                .episode = pp_pg_int64(&rows, 0, 1),
                                .messages = (int)pp_pg_int64(&rows, 0, 2)};
    pp_pg_rows_fini(&rows);
    return result;
}

static int write_alarm(struct look *look, enum alarm_kind kind,
                       const struct alarm *alarm, struct pp_err *err)
{
    char since[NUMBER_BYTES], episode[NUMBER_BYTES], messages[NUMBER_BYTES];
    const char *values[] = {look->job, alarm_name(kind),
                            alarm->since_ms ? since : NULL, episode, messages};

    snprintf(since, sizeof(since), "%" PRId64, alarm->since_ms);
    snprintf(episode, sizeof(episode), "%" PRId64, alarm->episode);
    snprintf(messages, sizeof(messages), "%d", alarm->messages);
    return pp_pg_exec(look->pg,
                      "INSERT INTO job_alarm (job, kind, since_at, episode, "
                      "messages) VALUES ($1, $2, pp_at($3::bigint), "
                      "$4::bigint, $5::int) ON CONFLICT (job, kind) DO UPDATE "
                      "SET since_at = EXCLUDED.since_at, episode = "
                      "EXCLUDED.episode, messages = EXCLUDED.messages",
                      PP_COUNT(values), values, err);
}

static int step(struct look *look, enum alarm_kind kind, struct pp_err *err)
{
    struct news news = {.kind = kind};
    bool holds = alarm_holds(kind, &look->limits, &look->facts, &news.value,
                             &news.limit);

    if (read_alarm(look, kind, &news.alarm, err) < 0)
        return -1;
    news.since_ms =
        news.alarm.since_ms ? news.alarm.since_ms : look->facts.now_ms;
    news.message = alarm_step(&news.alarm, holds, look->facts.now_ms);
    if (news.message == ALARM_NOTHING)
        return 0;
    if (write_alarm(look, kind, &news.alarm, err) < 0)
        return -1;
    return tell(look, &news, err);
}

static int one_job(struct look *look, struct pp_err *err)
{
    if (pp_pg_begin(look->pg, err) < 0)
        return -1;
    for (int kind = 0; kind < ALARM_KINDS; kind++)
        if (step(look, (enum alarm_kind)kind, err) < 0) {
            pp_pg_rollback(look->pg);
            return -1;
        }
    return pp_pg_commit(look->pg, err);
}

int jobs_watch_look(struct pp_pg *pg, const struct jobs_watch_options *options,
                    int64_t *told_out, struct pp_err *err)
{
    struct look look = {.pg = pg, .options = options};
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg, facts_sql, 0, NULL, &rows, err);

    for (int i = 0; result == 0 && i < rows.count; i++) {
        take(&look, &rows, i);
        result = one_job(&look, err);
    }
    pp_pg_rows_fini(&rows);
    *told_out = look.told;
    return result;
}

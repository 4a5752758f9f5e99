/*
 * Puts what is due among the runs, a page of subscriptions a transaction: each
 * page moves its subscriptions on to their next occurrence, so one that was
 * cut off is begun again where it was.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_crash.h"
#include "pp_date.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_schedule.h"
#include "pp_time.h"

#include "send.h"

#define PAGE         500
#define NUMBER_BYTES 24
#define HOUR_MS      INT64_C(3600000)

/* How late a report may be that is still worth something. */
static const int64_t late_ms[] = {
    [PP_SCHEDULE_DAY] = 36 * HOUR_MS,
    [PP_SCHEDULE_WEEK] = 72 * HOUR_MS,
    [PP_SCHEDULE_MONTH] = 120 * HOUR_MS,
};

void send_scope(int64_t subscription_id, int64_t date,
                char scope[static SEND_SCOPE_BYTES])
{
    char text[PP_DATE_TEXT_BYTES];

    pp_date_text(date, text);
    snprintf(scope, SEND_SCOPE_BYTES, "%" PRId64 "/%s", subscription_id, text);
}

bool send_scope_read(const char *scope, int64_t *subscription_id_out,
                     int64_t *date_out)
{
    struct pp_str rest = pp_str_of(scope), id;

    return pp_str_split(&rest, '/', &id) &&
           pp_str_int64(id, subscription_id_out) &&
           pp_date_parse(rest, date_out);
}

int64_t send_jitter_ms(int64_t subscription_id, int spread_s)
{
    char id[NUMBER_BYTES];

    if (spread_s <= 0)
        return 0;
    snprintf(id, sizeof(id), "%" PRId64, subscription_id);
    return pp_schedule_jitter_ms(PP_LIT(SEND_REPORT), pp_str_of(id),
                                 spread_s * INT64_C(1000));
}

/* A row of the page. */
struct due {
    int64_t id, now_ms, last_date;
    bool is_new; /* or was resumed: nothing before now is told */
    struct pp_schedule schedule;
    struct pp_str zone;
    const char *account_id;
};

static enum pp_schedule_every every_of(struct pp_str text)
{
    if (pp_str_eq(text, PP_LIT("day")))
        return PP_SCHEDULE_DAY;
    return pp_str_eq(text, PP_LIT("week")) ? PP_SCHEDULE_WEEK
                                           : PP_SCHEDULE_MONTH;
}

static struct due row_of(const struct pp_pg_rows *rows, int i)
{
    struct due due = {
        .id = pp_pg_int64(rows, i, 0),
        .schedule = {.every = every_of(pp_str_of(pp_pg_text(rows, i, 1))),
                     .minute = (int)pp_pg_int64(rows, i, 2),
                     .weekday = (int)pp_pg_int64(rows, i, 3),
                     .month_day = 1},
        .zone = pp_str_of(pp_pg_text(rows, i, 4)),
        .now_ms = pp_pg_int64(rows, i, 6),
        .account_id = pp_pg_text(rows, i, 7),
    };

    due.is_new =
        !pp_date_parse(pp_str_of(pp_pg_text(rows, i, 5)), &due.last_date);
    return due;
}

static int move_on(struct pp_pg *pg, const struct due *due, int64_t date,
                   int64_t next_ms, struct pp_err *err)
{
    char id[NUMBER_BYTES], next[NUMBER_BYTES], day[PP_DATE_TEXT_BYTES];
    const char *values[] = {id, day, next};

    snprintf(id, sizeof(id), "%" PRId64, due->id);
    snprintf(next, sizeof(next), "%" PRId64, next_ms);
    pp_date_text(date, day);
    return pp_pg_exec(pg,
                      "UPDATE report_subscription SET last_date = $2::date, "
                      "next_at = to_timestamp($3::bigint / 1000.0) WHERE "
                      "subscription_id = $1::bigint",
                      3, values, err);
}

static int add_run(struct pp_pg *pg, const struct send_context *context,
                   const struct due *due, struct pp_occurrence occurrence,
                   struct pp_err *err)
{
    char scope[SEND_SCOPE_BYTES], at[PP_WALL_TEXT_BYTES];

    send_scope(due->id, occurrence.date, scope);
    pp_wall_text((struct pp_wall){occurrence.at_ms}, at);
    return pp_job_add_of(pg, SEND_REPORT, due->account_id, scope, at,
                         send_jitter_ms(due->id, context->spread_s), err);
}

/* All that is due of one subscription, and when it is due next. */
static int plan(struct pp_pg *pg, struct send_context *context,
                const struct due *due, const struct pp_zone *zone,
                struct pp_err *err)
{
    int64_t date = due->last_date;
    struct pp_occurrence next;

    if (due->is_new)
        date = pp_schedule_previous(&due->schedule, zone, due->now_ms).date;
    for (next = pp_schedule_after(&due->schedule, zone, date);
         next.at_ms <= due->now_ms;
         next = pp_schedule_after(&due->schedule, zone, date)) {
        bool late = due->now_ms - next.at_ms > late_ms[due->schedule.every];

        if (!late && add_run(pg, context, due, next, err) < 0)
            return -1;
        pp_counter_add(late ? context->missed : context->planned, 1);
        date = next.date;
    }
    return move_on(pg, due, date, next.at_ms, err);
}

static int plan_row(struct pp_pg *pg, struct send_context *context,
                    const struct due *due, struct pp_err *err)
{
    struct pp_zone *zone = NULL;
    int result;

    if (pp_zones_get(context->zones, due->zone, &zone, err) < 0) {
        if (err->kind != PP_ERR_INVALID)
            return -1;
        pp_error("report.zone", "subscription=%" PRId64 " why=%s", due->id,
                 err->msg);
        *err = (struct pp_err){0};
        /* Looked at again after an hour: tzdata may have it then. */
        return move_on(pg, due,
                       due->is_new ? due->now_ms / (24 * HOUR_MS)
                                   : due->last_date,
                       due->now_ms + HOUR_MS, err);
    }
    result = plan(pg, context, due, zone, err);
    pp_zone_free(&zone);
    return result;
}

/* The number of subscriptions of the page, or -1. */
static int plan_page(struct pp_pg *pg, struct send_context *context,
                     struct pp_err *err)
{
    static const char sql[] =
        "SELECT r.subscription_id, r.every, r.minute, r.weekday, s.zone, "
        "coalesce(r.last_date::text, ''), floor(extract(epoch FROM pp_now()) "
        "* 1000)::bigint, r.account_id FROM report_subscription r JOIN site s "
        "USING (site_id) WHERE r.state = 'active' AND r.next_at <= pp_now() "
        "ORDER BY "
        "r.next_at LIMIT $1::int FOR UPDATE OF r SKIP LOCKED";
    char most[NUMBER_BYTES];
    const char *values[] = {most};
    struct pp_pg_rows rows;
    int result;

    snprintf(most, sizeof(most), "%d", PAGE);
    result = pp_pg_query(pg, sql, 1, values, &rows, err);
    for (int i = 0; i < rows.count && result == 0; i++) {
        const struct due due = row_of(&rows, i);

        result = plan_row(pg, context, &due, err);
    }
    if (result == 0)
        result = rows.count;
    pp_pg_rows_fini(&rows);
    return result;
}

static int plan_one_page(struct pp_pg *pg, struct send_context *context,
                         struct pp_err *err)
{
    int count;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    count = plan_page(pg, context, err);
    if (count > 0)
        pp_crash_point("reports.page");
    if (count < 0 || pp_pg_commit(pg, err) < 0) {
        pp_pg_rollback(pg);
        return -1;
    }
    if (count > 0)
        pp_crash_point("reports.paged");
    return count;
}

/*
 * Where nothing arrives nothing is sent, and the owner is told once: what is
 * on the list of those that get nothing more is so since an instant, and that
 * is part of the message's key. The list asks for subscriptions, one by one
 * (OFFSET 0): it is the shorter one, which Postgres does not always see.
 */
static int disable(struct pp_pg *pg, struct send_context *context,
                   struct pp_err *err)
{
    static const char sql[] =
        "WITH gone AS (UPDATE report_subscription r SET state = 'disabled', "
        "reason = left(p.answer, 300) FROM suppression p, LATERAL (SELECT "
        "subscription_id FROM report_subscription WHERE channel = p.channel "
        "AND lower(recipient) = lower(p.target) AND (channel = 'mail' OR "
        "recipient = p.target) OFFSET 0) AS its WHERE r.subscription_id = "
        "its.subscription_id AND r.state = 'active' RETURNING "
        "r.subscription_id, r.account_id, r.site_id, "
        "r.recipient, r.every, r.reason, p.created_at) INSERT INTO "
        "notification (business_key, kind, account_id, site_id, facts) SELECT "
        "'report_disabled/' || subscription_id || '/' || extract(epoch FROM "
        "created_at), 'report_disabled', account_id, site_id, "
        "jsonb_build_object('recipient', recipient, 'every', every, 'reason', "
        "reason) FROM gone ON CONFLICT (business_key) DO NOTHING";
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg, sql, 0, NULL, &rows, err);

    if (result == 0 && rows.changed > 0) {
        pp_counter_add(context->disabled, (uint64_t)rows.changed);
        pp_info("report.disabled", "subscriptions=%" PRId64, rows.changed);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int send_dispatch(struct pp_job_run *run, struct send_context *context,
                  struct pp_err *err)
{
    int64_t looked_at = 0;
    int count;

    if (disable(run->pg, context, err) < 0)
        return -1;
    do {
        if (context->keep_on(context->context, run, err) < 0)
            return -1;
        count = plan_one_page(run->pg, context, err);
        looked_at += count > 0 ? count : 0;
    } while (count == PAGE);
    pp_job_number(run, "subscriptions", looked_at);
    return count < 0 ? -1 : 0;
}

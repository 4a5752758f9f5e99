/* One report of one subscription: counted, kept, and handed to the notifier. */
#include "send.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_crash.h"
#include "pp_date.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_report_query.h"
#include "pp_report_words.h"

#define NUMBER_BYTES 24
#define ARENA_BYTES  ((size_t)256 << 10)
#define JSON_BYTES   ((size_t)128 << 10)
#define NUMBERS_LAST "5 minutes" /* for others of the same site and period */

/* A subscription as it is now. Texts belong to rows. */
struct subscription {
    struct pp_pg_rows rows;
    char id[NUMBER_BYTES];
    const char *every, *channel, *recipient, *account_id, *site_id, *site;
    const char *zone;
    int weekday;
    bool wanted; /* and its site is there */
};

static int load(struct pp_pg *pg, int64_t id, struct subscription *of,
                struct pp_err *err)
{
    const char *values[] = {of->id};

    snprintf(of->id, sizeof(of->id), "%" PRId64, id);
    if (pp_pg_query(pg,
                    "SELECT r.every, r.channel, r.recipient, r.account_id, "
                    "r.site_id, s.name, s.zone, r.weekday, r.state = 'active' "
                    "AND s.status IN ('active', 'paused') FROM "
                    "report_subscription r JOIN site s USING (site_id) WHERE "
                    "r.subscription_id = $1::bigint",
                    1, values, &of->rows, err) < 0)
        return -1;
    if (of->rows.count == 0)
        return 0;
    of->every = pp_pg_text(&of->rows, 0, 0);
    of->channel = pp_pg_text(&of->rows, 0, 1);
    of->recipient = pp_pg_text(&of->rows, 0, 2);
    of->account_id = pp_pg_text(&of->rows, 0, 3);
    of->site_id = pp_pg_text(&of->rows, 0, 4);
    of->site = pp_pg_text(&of->rows, 0, 5);
    of->zone = pp_pg_text(&of->rows, 0, 6);
    of->weekday = (int)pp_pg_int64(&of->rows, 0, 7);
    of->wanted = pp_pg_bool(&of->rows, 0, 8);
    return 0;
}

/* What is done between the statements of a count. */
struct turn {
    struct send_context *context;
    struct pp_job_run *run;
};

static int progress(void *context, struct pp_err *err)
{
    const struct turn *turn = context;

    return turn->context->keep_on(turn->context->context, turn->run, err);
}

static enum pp_schedule_every every_of(const char *text)
{
    return text[0] == 'd'   ? PP_SCHEDULE_DAY
           : text[0] == 'w' ? PP_SCHEDULE_WEEK
                            : PP_SCHEDULE_MONTH;
}

/* What it is about; numbers are not known yet. */
static struct pp_report describe(const struct subscription *of, int64_t date)
{
    struct pp_report report = {
        .site = pp_str_of(of->site),
        .site_id = pp_str_of(of->site_id),
        .zone = pp_str_of(of->zone),
        .every = pp_str_of(of->every),
        .period = pp_period_before(every_of(of->every), of->weekday, date),
    };

    report.before = pp_report_before(report.every, report.period);
    return report;
}

/*
 * Numbers that another recipient was given of the same period, a moment ago:
 * all of a site read the same, and it is counted once. *found_out: there are
 * some.
 */
static int take_numbers(struct pp_pg *pg, struct pp_report *report,
                        struct pp_arena *arena, bool *found_out,
                        struct pp_err *err)
{
    const struct pp_report about = *report;
    char first[PP_DATE_TEXT_BYTES], end[PP_DATE_TEXT_BYTES];
    const char *values[] = {about.site_id.p, about.every.p, first, end,
                            about.zone.p};
    const char *kept = NULL;
    struct pp_pg_rows rows;
    int result;

    pp_date_text(about.period.first, first);
    pp_date_text(about.period.end, end);
    result = pp_pg_query(
        pg,
        "SELECT k.numbers FROM report_subscription s JOIN report_run k USING "
        "(subscription_id) WHERE s.site_id = $1 AND s.every = $2 AND "
        "k.period_first = $3::date AND k.period_end = $4::date AND k.zone = $5 "
        "AND k.frozen_at > pp_now() - interval '" NUMBERS_LAST "' LIMIT 1",
        PP_COUNT(values), values, &rows, err);
    *found_out = result == 0 && rows.count == 1;
    if (*found_out)
        kept = pp_arena_text(arena, pp_str_of(pp_pg_text(&rows, 0, 0)));
    pp_pg_rows_fini(&rows);
    if (!*found_out)
        return result;
    if (!kept)
        return pp_err_set(err, PP_ERR_INVALID, "the report is too large");
    result = pp_report_read(pp_str_of(kept), arena, report, err);
    report->site = about.site; /* may have another name by now */
    report->before = about.before;
    return result;
}

static int count_numbers(struct turn *turn, struct pp_arena *arena,
                         struct pp_report *report, struct pp_err *err)
{
    struct pp_report_count count = {
        .clickhouse = turn->context->clickhouse,
        .timeout_ms = turn->context->statement_s * 1000,
        .progress = progress,
        .context = turn,
    };
    struct pp_zone *zone = NULL;
    bool found;
    int result;

    if (take_numbers(turn->run->pg, report, arena, &found, err) < 0)
        return -1;
    if (found)
        return 0;
    if (pp_zones_get(turn->context->zones, report->zone, &zone, err) < 0)
        return -1;
    count.zone = zone;
    result = pp_report_count(&count, arena, report, err);
    pp_crash_point("reports.counted");
    pp_zone_free(&zone);
    return result;
}

/* 1: the numbers are kept; 0: they were before, so it has been told. */
static int keep(struct pp_pg *pg, const struct subscription *of,
                const struct pp_report *report, struct pp_err *err)
{
    char first[PP_DATE_TEXT_BYTES], end[PP_DATE_TEXT_BYTES];
    struct pp_pg_rows rows;
    struct pp_buf json;
    int result;

    pp_buf_init(&json, JSON_BYTES);
    pp_report_add_json(report, &json);
    pp_buf_add_byte(&json, '\0');
    pp_date_text(report->period.first, first);
    pp_date_text(report->period.end, end);
    const char *values[] = {of->id, first, end, of->zone, json.p};

    result = pp_pg_query(
        pg,
        "INSERT INTO report_run (subscription_id, period_first, period_end, "
        "zone, numbers) VALUES ($1::bigint, $2::date, $3::date, $4, "
        "$5::jsonb) ON CONFLICT DO NOTHING",
        PP_COUNT(values), values, &rows, err);
    if (result == 0)
        result = (int)rows.changed;
    pp_pg_rows_fini(&rows);
    pp_buf_fini(&json);
    return result;
}

static int tell(struct pp_pg *pg, const struct subscription *of,
                const struct pp_report *report, struct pp_err *err)
{
    const char *kind =
        pp_report_has_traffic(report) ? "report" : "report_empty";
    char first[PP_DATE_TEXT_BYTES];
    struct pp_buf facts;
    int64_t id = 0;
    int result;

    (void)pp_str_int64(pp_str_of(of->id), &id);
    pp_date_text(report->period.first, first);
    pp_buf_init(&facts, JSON_BYTES);
    pp_report_add_facts(&facts, report, id, false);
    pp_buf_add_byte(&facts, '\0');
    const char *values[] = {of->id,  first,         of->recipient,
                            kind,    of->channel,   of->site_id,
                            facts.p, of->account_id};

    result = pp_pg_exec(
        pg,
        "INSERT INTO notification (business_key, kind, account_id, site_id, "
        "channel, target, facts) VALUES ('report/' || $1 || '/' || $2 || '/' "
        "|| address_hash($3), $4, $8, $6, $5, $3, $7::jsonb) ON CONFLICT "
        "(business_key) DO NOTHING",
        PP_COUNT(values), values, err);
    pp_buf_fini(&facts);
    return result;
}

/*
 * Whether there is something to say: that nobody came is said once. Locks the
 * subscription, so that whoever unsubscribes now comes before or after.
 */
static int ask_quiet(struct pp_pg *pg, const struct subscription *of,
                     bool has_traffic, bool *say_out, struct pp_err *err)
{
    const char *values[] = {of->id, has_traffic ? "f" : "t"};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        pg,
        "WITH old AS (SELECT subscription_id, quiet FROM report_subscription "
        "WHERE subscription_id = $1::bigint AND state = 'active' FOR UPDATE) "
        "UPDATE report_subscription r SET quiet = $2::bool FROM old WHERE "
        "r.subscription_id = old.subscription_id RETURNING NOT (old.quiet AND "
        "$2::bool)",
        2, values, &rows, err);
    *say_out = result == 0 && rows.count == 1 && pp_pg_bool(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

/* In a transaction that is open; *said_out: the notifier was asked. */
static int finish(struct pp_job_run *run, const struct subscription *of,
                  const struct pp_report *report, bool *said_out,
                  struct pp_err *err)
{
    int kept;

    if (ask_quiet(run->pg, of, pp_report_has_traffic(report), said_out, err) <
        0)
        return -1;
    kept = keep(run->pg, of, report, err);
    if (kept < 0)
        return -1;
    *said_out = *said_out && kept == 1;
    pp_crash_point("reports.kept");
    if (*said_out && tell(run->pg, of, report, err) < 0)
        return -1;
    pp_job_number(run, "visitors",
                  (int64_t)report->figures[PP_REPORT_VISITORS].now.value);
    pp_job_number(run, "messages", *said_out);
    pp_crash_point("reports.told");
    return pp_job_finish(run, err);
}

static int freeze(struct turn *turn, const struct subscription *of,
                  const struct pp_report *report, struct pp_err *err)
{
    struct pp_pg *pg = turn->run->pg;
    bool said = false;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    if (finish(turn->run, of, report, &said, err) < 0 ||
        pp_pg_commit(pg, err) < 0) {
        turn->run->finished = false;
        pp_pg_rollback(pg);
        return -1;
    }
    pp_crash_point("reports.frozen");
    if (said)
        pp_counter_add(turn->context->sent, 1);
    if (!pp_report_has_traffic(report))
        pp_counter_add(turn->context->empty, 1);
    return 0;
}

int send_report(struct pp_job_run *run, struct send_context *context,
                struct pp_err *err)
{
    struct turn turn = {context, run};
    struct subscription of = {0};
    struct pp_report report;
    struct pp_arena arena;
    int64_t id, date;
    int result;

    if (!send_scope_read(run->scope, &id, &date))
        return pp_err_set(err, PP_ERR_INVALID, "no such scope: %s", run->scope);
    pp_crash_point("reports.begun");
    pp_arena_init(&arena, ARENA_BYTES);
    result = load(run->pg, id, &of, err);
    if (result == 0 && of.wanted) {
        report = describe(&of, date);
        result = count_numbers(&turn, &arena, &report, err);
        if (result == 0)
            result = freeze(&turn, &of, &report, err);
    } else if (result == 0) {
        pp_job_number(run, "messages", 0);
    }
    pp_pg_rows_fini(&of.rows);
    pp_arena_fini(&arena);
    return result;
}

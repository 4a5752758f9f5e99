/*
 * Reports: who gets them, and how they look. What is due is sent by `reports`;
 * here is only asked for it.
 */
#include <stdio.h>
#include <string.h>

#include "pp_date.h"
#include "pp_mem.h"
#include "pp_report_query.h"
#include "pp_report_view.h"
#include "pp_report_words.h"
#include "pp_time.h"
#include "pp_zones.h"

#include "cli.h"

#define QUERY_MS     60000
#define ARENA_BYTES  ((size_t)1 << 20)
#define OUTPUT_BYTES ((size_t)1 << 20)
#define NUMBER_BYTES 24

/* --- who gets them ---------------------------------------------------------
 */

/* "09:00" as minutes of the day. */
static bool minute_of(const char *text, int *minute_out)
{
    struct pp_str rest = pp_str_of(text), part;
    int64_t hour, minute;

    if (!pp_str_split(&rest, ':', &part) || !pp_str_int64(part, &hour) ||
        !pp_str_int64(rest, &minute) || rest.n != 2 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59)
        return false;
    *minute_out = (int)(60 * hour + minute);
    return true;
}

/* 1 to 7, or 0 when there is no such day. */
static int weekday_of(const char *text)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu",
                                        "fri", "sat", "sun"};

    for (int i = 0; i < 7; i++)
        if (strcmp(names[i], text) == 0)
            return i + 1;
    return 0;
}

static bool is_one_of(const char *text, const char *list)
{
    struct pp_str rest = pp_str_of(list), part;

    while (pp_str_split(&rest, ' ', &part))
        if (pp_str_eq(part, pp_str_of(text)))
            return true;
    return false;
}

/* Somebody who is not the account's owner is asked first. */
static const char subscribe_sql[] =
    "WITH added AS (INSERT INTO report_subscription (account_id, site_id, "
    "every, minute, weekday, channel, recipient, state) SELECT s.account_id, "
    "s.site_id, $2, $3::int, $4::int, $5, $6, CASE WHEN $5 <> 'mail' OR "
    "lower($6) = lower(a.owner_mail) THEN 'active' ELSE 'unconfirmed' END "
    "FROM site s JOIN account a USING (account_id) WHERE s.site_id = $1 AND "
    "s.status IN ('active', 'paused') RETURNING *), asked AS (INSERT INTO "
    "notification (business_key, kind, account_id, site_id, target, facts) "
    "SELECT 'report_confirm/' || subscription_id, 'report_confirm', "
    "account_id, site_id, recipient, jsonb_build_object('subscription', "
    "subscription_id, 'every', every) FROM added WHERE state = 'unconfirmed' "
    "ON CONFLICT (business_key) DO NOTHING) SELECT subscription_id, state "
    "FROM added";

static int print_subscribed(const struct cli *cli,
                            const struct pp_pg_rows *rows)
{
    const char *id = pp_pg_text(rows, 0, 0), *state = pp_pg_text(rows, 0, 1);
    bool asked = strcmp(state, "unconfirmed") == 0;

    if (cli->json)
        printf("{\"subscription\":%s,\"state\":\"%s\"}\n", id, state);
    else
        printf("subscription %s%s\n", id,
               asked ? ": nothing is sent before the recipient has said yes; "
                       "he was sent a mail that asks"
                     : "");
    return 0;
}

int report_subscribe_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err)
{
    const char *at = cli_option(argc, argv, "--at", "09:00");
    const char *day = cli_option(argc, argv, "--weekday", "mon");
    char minute[NUMBER_BYTES], weekday[NUMBER_BYTES];
    const char *values[] = {
        cli_argument(argc, argv, 0),
        cli_option(argc, argv, "--every", "week"),
        minute,
        weekday,
        cli_option(argc, argv, "--channel", "mail"),
        cli_option(argc, argv, "--to", NULL),
    };
    struct pp_pg_rows rows;
    int result, minutes;

    if (!values[0] || !values[5])
        return cli_usage(err, "a site's key and --to are needed");
    if (!is_one_of(values[1], "day week month"))
        return cli_usage(err, "--every is day, week or month");
    if (!is_one_of(values[4], "mail slack webhook"))
        return cli_usage(err, "--channel is mail, slack or webhook");
    if (!minute_of(at, &minutes))
        return cli_usage(err, "--at is a time like 09:00");
    if (!weekday_of(day))
        return cli_usage(err, "--weekday is mon, tue, wed, thu, fri, sat, sun");
    if (strcmp(values[4], "mail") == 0
            ? pp_str_find(pp_str_of(values[5]), '@') == strlen(values[5])
            : strncmp(values[5], "https://", 8) != 0)
        return cli_usage(err, "--to is an address, or, of slack and webhook, "
                              "a URL that begins with https://");
    snprintf(minute, sizeof(minute), "%d", minutes);
    snprintf(weekday, sizeof(weekday), "%d", weekday_of(day));
    result = pp_pg_query(cli->pg, subscribe_sql, PP_COUNT(values), values,
                         &rows, err);
    if (result == 0 && rows.count == 1)
        result = print_subscribed(cli, &rows);
    else if (result == 0)
        result =
            pp_err_set(err, PP_ERR_INVALID, "there is no site %s", values[0]);
    else if (err->kind == PP_ERR_INVALID &&
             strstr(err->msg, "report_subscription_once"))
        result = pp_err_set(err, PP_ERR_INVALID,
                            "%s is on that list already: see report list",
                            values[5]);
    pp_pg_rows_fini(&rows);
    return result;
}

int report_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    static const char *const names[] = {"id",      "site",      "every", "at",
                                        "weekday", "channel",   "state", "next",
                                        "last",    "recipient", "reason"};
    static const int widths[] = {5, 12, 5, 5, 7, 7, 12, 20, 10, 24, 0};
    const char *values[] = {cli_option(argc, argv, "--site", NULL)};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        cli->pg,
        "SELECT r.subscription_id, r.site_id, r.every, to_char(make_interval("
        "mins => r.minute), 'HH24:MI'), CASE r.every WHEN 'week' THEN "
        "(ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])[r.weekday] "
        "ELSE '-' END, r.channel, r.state, CASE WHEN r.state <> 'active' THEN "
        "'-' WHEN r.next_at = '-infinity' THEN 'soon' ELSE to_char(r.next_at "
        "AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') END, "
        "coalesce((SELECT "
        "max(period_end) - 1 FROM report_run u WHERE u.subscription_id = "
        "r.subscription_id)::text, '-'), r.recipient, "
        "coalesce(nullif(r.reason, "
        "''), '-') FROM report_subscription r WHERE $1::text IS NULL OR "
        "r.site_id = $1 ORDER BY r.subscription_id",
        1, values, &rows, err);
    if (result == 0)
        cli_print_rows(cli, &rows, names, widths, PP_COUNT(names));
    pp_pg_rows_fini(&rows);
    return result;
}

/* One subscription's state; sql says of which states, and to what. */
static int change(struct cli *cli, int argc, char **argv, const char *sql,
                  const char *states, struct pp_err *err)
{
    const char *id = cli_argument(argc, argv, 0);
    struct pp_pg_rows rows;
    int64_t number;
    int result;

    if (!id || !pp_str_int64(pp_str_of(id), &number))
        return cli_usage(err, "which subscription? see report list");
    result = pp_pg_query(cli->pg, sql, 1, &id, &rows, err);
    if (result == 0 && rows.changed == 0)
        result =
            pp_err_set(err, PP_ERR_INVALID,
                       "there is no subscription %s that is %s", id, states);
    pp_pg_rows_fini(&rows);
    return result;
}

int report_pause_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    return change(cli, argc, argv,
                  "UPDATE report_subscription SET state = 'paused' WHERE "
                  "subscription_id = $1::bigint AND state = 'active'",
                  "active", err);
}

int report_resume_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    return change(cli, argc, argv,
                  "UPDATE report_subscription SET state = 'active', reason = "
                  "'', next_at = '-infinity', last_date = NULL WHERE "
                  "subscription_id = $1::bigint AND state IN ('paused', "
                  "'disabled')",
                  "paused or disabled", err);
}

int report_unsubscribe_run(struct cli *cli, int argc, char **argv,
                           struct pp_err *err)
{
    return change(cli, argc, argv,
                  "UPDATE report_subscription SET state = 'unsubscribed' WHERE "
                  "subscription_id = $1::bigint AND state <> 'unsubscribed'",
                  "not unsubscribed", err);
}

/* --- how they look ---------------------------------------------------------
 */

/* What is asked for, with what its texts and numbers lie in. */
struct look {
    struct pp_pg_rows rows;
    struct pp_zones *zones;
    struct pp_zone *zone;
    struct pp_arena arena;
    struct pp_report report;
    int64_t subscription_id; /* 0: none */
    bool test;
};

static int open_look(struct cli *cli, struct look *look, const char *sql,
                     const char *key, struct pp_err *err)
{
    pp_arena_init(&look->arena, ARENA_BYTES);
    if (pp_pg_query(cli->pg, sql, 1, &key, &look->rows, err) < 0)
        return -1;
    if (look->rows.count == 0)
        return pp_err_set(err, PP_ERR_INVALID, "there is no %s", key);
    look->report.site_id = pp_str_of(pp_pg_text(&look->rows, 0, 0));
    look->report.site = pp_str_of(pp_pg_text(&look->rows, 0, 1));
    look->report.zone = pp_str_of(pp_pg_text(&look->rows, 0, 2));
    if (pp_zones_open(&look->zones, PP_ZONES_FOLDER, 1, 0, err) < 0)
        return -1;
    return pp_zones_get(look->zones, look->report.zone, &look->zone, err);
}

static void close_look(struct look *look)
{
    pp_zone_free(&look->zone);
    pp_zones_close(&look->zones);
    pp_pg_rows_fini(&look->rows);
    pp_arena_fini(&look->arena);
}

/* The last whole period before today, by the site's calendar. */
static void choose_last(struct look *look, const char *every, int week_start)
{
    int64_t today = pp_zone_date(look->zone, pp_wall_now().ms);
    enum pp_schedule_every kind = every[0] == 'd'   ? PP_SCHEDULE_DAY
                                  : every[0] == 'w' ? PP_SCHEDULE_WEEK
                                                    : PP_SCHEDULE_MONTH;

    look->report.every = pp_str_of(every);
    look->report.period = pp_period_before(kind, week_start, today);
}

static int count_look(struct cli *cli, struct look *look, struct pp_err *err)
{
    const struct pp_report_count count = {
        .clickhouse = cli->clickhouse,
        .zone = look->zone,
        .timeout_ms = QUERY_MS,
    };

    look->report.before =
        pp_report_before(look->report.every, look->report.period);
    return pp_report_count(&count, &look->arena, &look->report, err);
}

/* --from and --to; the last whole period where nothing is said. */
static int choose(struct look *look, int argc, char **argv, const char *every,
                  int week_start, struct pp_err *err)
{
    const char *from = cli_option(argc, argv, "--from", NULL);
    const char *to = cli_option(argc, argv, "--to", NULL);
    struct pp_period *period = &look->report.period;

    choose_last(look, every, week_start);
    if (!from && !to)
        return 0;
    if (!from || !to || !pp_date_parse(pp_str_of(from), &period->first) ||
        !pp_date_parse(pp_str_of(to), &period->end) ||
        period->end <= period->first || period->end - period->first > 400)
        return cli_usage(err, "--from and --to are dates like 2026-11-16, at "
                              "most 400 days apart; --to is not in it");
    return 0;
}

static int print_look(struct cli *cli, const struct look *look, bool html,
                      struct pp_err *err)
{
    const struct pp_report_reader reader = {.test = look->test};
    struct pp_report_layout *layout;
    struct pp_buf out;

    if (pp_report_layout_open(&layout, err) < 0)
        return -1;
    pp_buf_init(&out, OUTPUT_BYTES);
    if (html)
        pp_report_html(layout, &look->report, &reader, &out);
    else if (cli->json)
        pp_report_add_json(&look->report, &out);
    else
        pp_report_text(&look->report, &reader, &out);
    fwrite(out.p, 1, out.n, stdout);
    if (cli->json && !html)
        puts("");
    pp_buf_fini(&out);
    pp_report_layout_close(&layout);
    return 0;
}

int report_preview_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err)
{
    bool html = cli_flag(&argc, argv, "--html");
    const char *site = cli_argument(argc, argv, 0);
    const char *every = cli_option(argc, argv, "--every", "week");
    struct look look = {0};
    int result;

    if (!site)
        return cli_usage(err, "a site's key is needed");
    if (!is_one_of(every, "day week month"))
        return cli_usage(err, "--every is day, week or month");
    result = open_look(
        cli, &look, "SELECT site_id, name, zone FROM site WHERE site_id = $1",
        site, err);
    if (result == 0)
        result = choose(&look, argc, argv, every, 1, err);
    if (result == 0)
        result = count_look(cli, &look, err);
    if (result == 0)
        result = print_look(cli, &look, html, err);
    close_look(&look);
    return result;
}

static int insert_test(struct cli *cli, const struct look *look, const char *id,
                       struct pp_err *err)
{
    struct pp_pg_rows rows;
    struct pp_buf facts;
    int result;

    pp_buf_init(&facts, OUTPUT_BYTES);
    pp_report_add_facts(&facts, &look->report, look->subscription_id, true);
    pp_buf_add_byte(&facts, '\0');
    const char *values[] = {
        id, facts.p,
        pp_report_has_traffic(&look->report) ? "report" : "report_empty"};

    result = pp_pg_query(
        cli->pg,
        "INSERT INTO notification (business_key, kind, account_id, site_id, "
        "channel, target, facts) SELECT 'report_test/' || subscription_id || "
        "'/' || extract(epoch FROM clock_timestamp()), $3, account_id, "
        "site_id, channel, recipient, $2::jsonb FROM report_subscription "
        "WHERE subscription_id = $1::bigint AND state NOT IN ('unconfirmed', "
        "'unsubscribed') RETURNING notification_id",
        PP_COUNT(values), values, &rows, err);
    if (result == 0 && rows.count == 0)
        result = pp_err_set(err, PP_ERR_DENIED,
                            "the recipient has not said yes, or has said no");
    else if (result == 0)
        printf(cli->json ? "{\"message\":%s}\n"
                         : "message %s; pawprint notify list shows what "
                           "becomes of it\n",
               pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    pp_buf_fini(&facts);
    return result;
}

int report_send_test_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err)
{
    const char *id = cli_argument(argc, argv, 0);
    struct look look = {.test = true};
    int result;

    if (!id || !pp_str_int64(pp_str_of(id), &look.subscription_id))
        return cli_usage(err, "which subscription? see report list");
    result = open_look(cli, &look,
                       "SELECT s.site_id, s.name, s.zone, r.every, r.weekday "
                       "FROM report_subscription r JOIN site s USING "
                       "(site_id) WHERE r.subscription_id = $1::bigint",
                       id, err);
    if (result == 0)
        result = choose(&look, argc, argv, pp_pg_text(&look.rows, 0, 3),
                        (int)pp_pg_int64(&look.rows, 0, 4), err);
    if (result == 0)
        result = count_look(cli, &look, err);
    if (result == 0)
        result = insert_test(cli, &look, id, err);
    close_look(&look);
    return result;
}

#include "pp_alert_pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_alert_report.h"
#include "pp_json.h"
#include "pp_log.h"
#include "pp_mem.h"

#define PAGE_ROWS   "200"
#define FACTS_BYTES ((size_t)4096)
#define SQL_BYTES   ((size_t)8192)
#define WEEK_S      INT64_C(604800)
#define LATE_S      86400 /* how long an event may be before its receipt */
#define AHEAD_S     3600

/* A rule in the middle of its decision. */
struct rule {
    const char *id, *account, *site;
    struct pp_alert_rule is;
    struct pp_alert_facts facts;
    int64_t created_s;
};

#define RULES_SQL                                                              \
    "SELECT r.alert_id, r.account_id, r.site_id, r.kind, r.threshold, "        \
    "r.window_s, r.least, CASE r.repeat WHEN 'hourly' THEN 3600000 WHEN "      \
    "'daily' THEN 86400000 ELSE 0 END, s.status <> 'active' OR a.closed_at "   \
    "IS NOT NULL, pp_ms(pp_now()), pp_ms(s.created_at) / 1000, "               \
    "c.monthly_limit, CASE WHEN r.kind <> 'usage' THEN 0 WHEN "                \
    "c.monthly_limit = 0 THEN 100 WHEN c.monthly_limit > 0 THEN 100.0 * "      \
    "usage_of(r.account_id, c.window_start, c.window_end) / c.monthly_limit "  \
    "ELSE 0 END FROM alert_rule r JOIN site s USING (site_id) JOIN account a " \
    "ON a.account_id = r.account_id LEFT JOIN account_capacity c ON "          \
    "c.account_id = r.account_id WHERE "

static double number_of(const char *text)
{
    double number = 0;

    (void)pp_json_double(pp_str_of(text), &number);
    return number;
}

/* False: it is of a kind that a newer program knows. */
static bool read_rule(const struct pp_pg_rows *rows, int i, struct rule *rule)
{
    *rule = (struct rule){.id = pp_pg_text(rows, i, 0),
                          .account = pp_pg_text(rows, i, 1),
                          .site = pp_pg_text(rows, i, 2)};
    if (!pp_alert_kind_of(pp_pg_text(rows, i, 3), &rule->is.kind))
        return false;
    rule->is.threshold = number_of(pp_pg_text(rows, i, 4));
    rule->is.window_s = (int)pp_pg_int64(rows, i, 5);
    rule->is.least = pp_pg_int64(rows, i, 6);
    rule->is.repeat_ms = pp_pg_int64(rows, i, 7);
    rule->facts.is_over = pp_pg_bool(rows, i, 8);
    rule->facts.now_ms = pp_pg_int64(rows, i, 9);
    rule->created_s = pp_pg_int64(rows, i, 10);
    if (rule->is.kind == PP_ALERT_USAGE) {
        rule->facts.is_known = !pp_pg_is_null(rows, i, 11);
        rule->facts.limit = pp_pg_int64(rows, i, 11);
        rule->facts.value = number_of(pp_pg_text(rows, i, 12));
    }
    return true;
}

/* --- what ClickHouse says --------------------------------------------------
 */

#define RECEIVED                                                               \
    "received_at >= toDateTime64(%" PRId64 ", 3, 'UTC') AND "                  \
    "received_at < toDateTime64(%" PRId64 ", 3, 'UTC')"
#define HAPPENED                                                               \
    "event_at >= toDateTime64(%" PRId64 ", 3, 'UTC') AND "                     \
    "event_at < toDateTime64(%" PRId64 ", 3, 'UTC')"

/* The window and the same hours of the weeks before, each of its own. */
static void counts_sql(const struct rule *rule, int64_t until_s, int windows,
                       struct pp_buf *sql)
{
    int64_t since_s = until_s - rule->is.window_s;

    pp_buf_add_text(sql, "SELECT ");
    for (int k = 0; k < windows; k++)
        pp_buf_printf(sql, "%suniqExactIf(event_id, " RECEIVED ")",
                      k ? ", " : "", since_s - k * WEEK_S,
                      until_s - k * WEEK_S);
    pp_buf_add_text(sql, " FROM events WHERE site_id = {site:String} AND bot = "
                         "0 AND kind IN ('pageview', 'custom') AND (");
    for (int k = 0; k < windows; k++)
        pp_buf_printf(sql, "%s" HAPPENED, k ? " OR " : "",
                      since_s - k * WEEK_S - LATE_S,
                      until_s - k * WEEK_S + AHEAD_S);
    pp_buf_add(sql, ")", 2);
}

static void vital_sql(const struct rule *rule, int64_t until_s,
                      struct pp_buf *sql)
{
    int64_t since_s = until_s - rule->is.window_s;

    pp_buf_printf(sql,
                  "SELECT count(), ifNull(quantileExactOrNull(0.75)(value), 0) "
                  "FROM events WHERE site_id = {site:String} AND bot = 0 AND "
                  "kind = 'vital' AND name = upper({kind:String}) AND " RECEIVED
                  " AND " HAPPENED,
                  since_s, until_s, since_s - LATE_S, until_s + AHEAD_S);
    pp_buf_add_byte(sql, '\0');
}

static int weeks_of(const struct rule *rule, int64_t since_s)
{
    int64_t weeks = (since_s - rule->created_s) / WEEK_S;

    return weeks < 0 ? 0 : weeks > PP_ALERT_WEEKS ? PP_ALERT_WEEKS : (int)weeks;
}

/* Tab-separated numbers; 0 where there are fewer. */
static void take_answer(struct rule *rule, struct pp_str answer)
{
    double numbers[1 + PP_ALERT_WEEKS] = {0};
    struct pp_str field;

    for (size_t i = 0;
         i < PP_COUNT(numbers) && pp_str_split(&answer, '\t', &field); i++)
        if (!pp_json_double(field, &numbers[i]))
            return;
    rule->facts.is_known = true;
    if (pp_alert_is_vital(rule->is.kind)) {
        rule->facts.samples = (int64_t)numbers[0];
        rule->facts.value = numbers[1];
        return;
    }
    rule->facts.value = numbers[0];
    for (int k = 0; k < PP_ALERT_WEEKS; k++)
        rule->facts.weeks[k] = (int64_t)numbers[1 + k];
}

static int ask(struct pp_alerts *alerts, struct rule *rule, struct pp_err *err)
{
    int64_t until_s = rule->facts.now_ms / 1000 - alerts->delay_s;
    const struct pp_clickhouse_value parameters[] = {
        {"site", rule->site},
        {"kind", pp_alert_defaults(rule->is.kind)->name},
        {0}};
    struct pp_str answer;
    struct pp_buf sql;
    int result;

    rule->facts.week_count = weeks_of(rule, until_s - rule->is.window_s);
    /* A site that is younger than the window has not been silent for it. */
    if (rule->is.kind == PP_ALERT_NO_DATA &&
        rule->created_s > until_s - rule->is.window_s)
        return 0;
    pp_buf_init(&sql, SQL_BYTES);
    if (pp_alert_is_vital(rule->is.kind))
        vital_sql(rule, until_s, &sql);
    else
        counts_sql(rule, until_s,
                   rule->is.kind == PP_ALERT_NO_DATA ? 1 : 1 + PP_ALERT_WEEKS,
                   &sql);
    const struct pp_clickhouse_call call = {.sql = sql.p,
                                            .parameters = parameters,
                                            .timeout_ms = alerts->timeout_ms};
    result = pp_clickhouse_run(alerts->clickhouse, &call, &answer, err);
    if (result == 0)
        take_answer(rule, pp_str_trim(answer));
    pp_buf_fini(&sql);
    return result;
}

/* Whoever does not answer is not asked for the other rules. */
static void measure(struct pp_alerts *alerts, struct rule *rule)
{
    struct pp_err why = {0};

    if (rule->is.kind == PP_ALERT_USAGE || rule->facts.is_over ||
        !alerts->is_stored)
        return;
    if (ask(alerts, rule, &why) == 0)
        return;
    pp_warn("alerts.no_answer", "why=%s", why.msg);
    if (why.kind == PP_ERR_AGAIN)
        alerts->is_stored = false;
}

/* --- deciding --------------------------------------------------------------
 */

/* Locks the rule. 0 rows: it was deleted meanwhile. */
static int read_state(struct pp_alerts *alerts, struct rule *rule,
                      struct pp_alert *alert, bool *is_there,
                      struct pp_err *err)
{
    static const char sql[] =
        "SELECT coalesce(t.firing, false), coalesce(t.told, false), "
        "coalesce(t.calm, 0), coalesce(t.episode, 0), coalesce(t.messages, 0), "
        "pp_ms(t.since_at), pp_ms(t.resolved_at), pp_ms(t.sent_at), "
        "alert_is_quiet(pp_now(), a.zone, r.quiet_from, r.quiet_until) OR "
        "coalesce(r.snoozed_until > pp_now(), false) FROM alert_rule r JOIN "
        "account a USING (account_id) LEFT JOIN alert_state t USING (alert_id) "
        "WHERE r.alert_id = $1::bigint";
    struct pp_pg_rows rows;
    int result;

    /* Of its own, so that what is read next is what others have committed. */
    if (pp_pg_exec(alerts->pg,
                   "SELECT FROM alert_rule WHERE alert_id = $1::bigint FOR "
                   "UPDATE",
                   1, &rule->id, err) < 0)
        return -1;
    result = pp_pg_query(alerts->pg, sql, 1, &rule->id, &rows, err);
    *is_there = result == 0 && rows.count == 1;
    if (*is_there) {
        *alert = (struct pp_alert){
            .firing = pp_pg_bool(&rows, 0, 0),
            .told = pp_pg_bool(&rows, 0, 1),
            .calm = (int)pp_pg_int64(&rows, 0, 2),
            .episode = pp_pg_int64(&rows, 0, 3),
            .messages = pp_pg_int64(&rows, 0, 4),
            .since_ms = pp_pg_int64(&rows, 0, 5),
            .resolved_ms = pp_pg_int64(&rows, 0, 6),
            .sent_ms = pp_pg_int64(&rows, 0, 7),
        };
        rule->facts.is_silent = pp_pg_bool(&rows, 0, 8);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static int write_state(struct pp_alerts *alerts, const struct rule *rule,
                       const struct pp_alert *alert, struct pp_err *err)
{
    static const char sql[] =
        "INSERT INTO alert_state (alert_id, firing, told, calm, episode, "
        "messages, since_at, resolved_at, sent_at, value, evaluated_at) VALUES "
        "($1, $2, $3, $4, $5, $6, pp_at($7::bigint), pp_at($8::bigint), "
        "pp_at($9::bigint), $10, pp_now()) ON CONFLICT (alert_id) DO UPDATE "
        "SET (firing, told, calm, episode, messages, since_at, resolved_at, "
        "sent_at, value, evaluated_at) = (EXCLUDED.firing, EXCLUDED.told, "
        "EXCLUDED.calm, EXCLUDED.episode, EXCLUDED.messages, "
        "EXCLUDED.since_at, EXCLUDED.resolved_at, EXCLUDED.sent_at, "
        "EXCLUDED.value, EXCLUDED.evaluated_at)";
    char text[7][24], value[40];
    const int64_t numbers[7] = {alert->calm,
                                alert->episode,
                                alert->messages,
                                alert->since_ms,
                                alert->resolved_ms,
                                alert->sent_ms,
                                0};
    const char *values[] = {rule->id,
                            alert->firing ? "t" : "f",
                            alert->told ? "t" : "f",
                            text[0],
                            text[1],
                            text[2],
                            text[3],
                            text[4],
                            text[5],
                            rule->facts.is_known ? value : NULL};

    for (size_t i = 0; i < 6; i++)
        snprintf(text[i], sizeof(text[i]), "%" PRId64, numbers[i]);
    snprintf(value, sizeof(value), "%.9g", rule->facts.value);
    return pp_pg_exec(alerts->pg, sql, PP_COUNT(values), values, err);
}

/* is_test: it is none of an episode's, and has a key of its own each time. */
static int write_message(struct pp_alerts *alerts, const struct rule *rule,
                         const struct pp_alert_decision *is, bool is_test,
                         struct pp_err *err)
{
    static const char sql[] =
        "INSERT INTO notification (business_key, kind, account_id, site_id, "
        "channel, target, facts) SELECT $2, $3, account_id, site_id, channel, "
        "target, $4::jsonb FROM alert_rule WHERE alert_id = $1::bigint ON "
        "CONFLICT (business_key) DO NOTHING";
    const struct pp_alert_report report = {.alert_id = rule->id,
                                           .rule = &rule->is,
                                           .facts = &rule->facts,
                                           .decision = is,
                                           .is_test = is_test};
    bool fired = is->message == PP_ALERT_FIRED;
    struct pp_buf facts;
    char key[100];
    int result;

    pp_buf_init(&facts, FACTS_BYTES);
    pp_alert_report_add(&report, &facts);
    pp_buf_add_byte(&facts, '\0');
    if (is_test)
        snprintf(key, sizeof(key), "alert-test/%s/%" PRId64, rule->id,
                 rule->facts.now_ms);
    else
        snprintf(key, sizeof(key), "alert/%s/%" PRId64 "/%" PRId64, rule->id,
                 is->next.episode, is->next.messages);
    const char *values[] = {rule->id, key,
                            fired ? "alert_fired" : "alert_resolved", facts.p};
    result = pp_pg_exec(alerts->pg, sql, PP_COUNT(values), values, err);
    pp_buf_fini(&facts);
    return result;
}

static int decide(struct pp_alerts *alerts, struct rule *rule,
                  struct pp_alert_decision *is, struct pp_err *err)
{
    struct pp_alert before = {0};
    bool is_there;

    if (read_state(alerts, rule, &before, &is_there, err) < 0)
        return -1;
    if (!is_there)
        return 0;
    *is = pp_alert_decide(&rule->is, &before, &rule->facts);
    if (is->message != PP_ALERT_NOTHING &&
        write_message(alerts, rule, is, false, err) < 0)
        return -1;
    return write_state(alerts, rule, &is->next, err);
}

static int run_rule(struct pp_alerts *alerts, struct rule *rule,
                    struct pp_err *err)
{
    struct pp_alert_decision is = {0};

    if (alerts->progress && alerts->progress(alerts->context, err) < 0)
        return -1;
    measure(alerts, rule);
    if (pp_pg_begin(alerts->pg, err) < 0)
        return -1;
    if (decide(alerts, rule, &is, err) < 0 ||
        pp_pg_commit(alerts->pg, err) < 0) {
        pp_pg_rollback(alerts->pg);
        return -1;
    }
    alerts->rules++;
    alerts->unknown += !rule->facts.is_over && is.answer == PP_ALERT_UNKNOWN;
    alerts->fired += is.message == PP_ALERT_FIRED;
    alerts->resolved += is.message == PP_ALERT_RESOLVED;
    return 0;
}

/* after: the last rule of the page before; empty behind the last page. */
static int run_page(struct pp_alerts *alerts, char after[static 24],
                    struct pp_err *err)
{
    static const char sql[] = RULES_SQL
        "r.alert_id > $1::bigint ORDER BY r.alert_id LIMIT " PAGE_ROWS;
    const char *values[] = {after};
    struct pp_pg_rows rows;
    int result = pp_pg_query(alerts->pg, sql, 1, values, &rows, err);

    after[0] = '\0';
    for (int i = 0; result == 0 && i < rows.count; i++) {
        struct rule rule;

        if (read_rule(&rows, i, &rule))
            result = run_rule(alerts, &rule, err);
        snprintf(after, 24, "%s", pp_pg_text(&rows, i, 0));
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int pp_alerts_run(struct pp_alerts *alerts, struct pp_err *err)
{
    char after[24] = "0";

    alerts->rules = alerts->unknown = alerts->fired = alerts->resolved = 0;
    while (after[0])
        if (run_page(alerts, after, err) < 0)
            return -1;
    return 0;
}

/* As though it had not fired before. */
static int send_test(struct pp_alerts *alerts, struct rule *rule,
                     struct pp_err *err)
{
    const struct pp_alert none = {0};
    struct pp_alert_decision is;

    measure(alerts, rule);
    is = pp_alert_decide(&rule->is, &none, &rule->facts);
    is.message = PP_ALERT_FIRED;
    return write_message(alerts, rule, &is, true, err);
}

int pp_alerts_test(struct pp_alerts *alerts, const char *alert_id,
                   struct pp_err *err)
{
    static const char sql[] = RULES_SQL "r.alert_id::text = $1";
    struct pp_pg_rows rows;
    struct rule rule;
    int result = pp_pg_query(alerts->pg, sql, 1, &alert_id, &rows, err);

    if (result == 0 && rows.count == 0)
        result =
            pp_err_set(err, PP_ERR_INVALID, "there is no alert %s", alert_id);
    else if (result == 0 && read_rule(&rows, 0, &rule))
        result = send_test(alerts, &rule, err);
    else if (result == 0)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "alert %s is of a kind that is not known here",
                            alert_id);
    pp_pg_rows_fini(&rows);
    return result;
}

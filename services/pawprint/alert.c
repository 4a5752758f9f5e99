/*
 * Alert rules of sites. The meter evaluates them; here they are made, shown,
 * tried, silenced and removed.
 */
#include <stdio.h>

#include "pp_alert_pg.h"
#include "pp_mem.h"

#include "alert_rule.h"
#include "cli.h"

#define MEASURE_MS 10000 /* ClickHouse has for one question */

/* --- add ------------------------------------------------------------------ */

/* Under the profile's lock, so that two at once don't pass the maximum. */
static int check_maximum(struct cli *cli, const char *site, struct pp_err *err)
{
    struct pp_pg_rows rows;
    const struct pp_plan *plan;
    int result;

    result = pp_pg_query(
        cli->pg,
        "SELECT b.plan_code FROM billing_profile b JOIN site s USING "
        "(account_id) WHERE s.site_id = $1 AND s.status = 'active' FOR UPDATE "
        "OF b",
        1, &site, &rows, err);
    if (result == 0 && rows.count == 0)
        result =
            pp_err_set(err, PP_ERR_INVALID, "there is no active site %s", site);
    plan = result == 0
               ? pp_plans_find(cli->plans, pp_str_of(pp_pg_text(&rows, 0, 0)))
               : NULL;
    if (result == 0 && !plan)
        result = pp_err_set(err, PP_ERR_FATAL, "its plan is not known");
    pp_pg_rows_fini(&rows);
    if (result < 0)
        return -1;
    result = pp_pg_query(
        cli->pg,
        "SELECT count(*) FROM alert_rule WHERE account_id = (SELECT account_id "
        "FROM site WHERE site_id = $1)",
        1, &site, &rows, err);
    if (result == 0 && pp_pg_int64(&rows, 0, 0) >= plan->max_alerts)
        result = pp_err_set(err, PP_ERR_DENIED,
                            "the plan %s has %d alert rules, and all are used: "
                            "remove one, or choose a larger plan",
                            plan->display_name, plan->max_alerts);
    pp_pg_rows_fini(&rows);
    return result;
}

/* What stands in for what was not said, as text. */
struct fallbacks {
    char threshold[32], window[16], least[24];
};

static void read_options(int argc, char **argv,
                         const struct pp_alert_defaults *kind,
                         struct fallbacks *text, struct alert_rule *rule)
{
    snprintf(text->threshold, sizeof(text->threshold), "%.9g", kind->threshold);
    snprintf(text->window, sizeof(text->window), "%d", kind->window_s / 60);
    snprintf(text->least, sizeof(text->least), "%lld", (long long)kind->least);
    *rule = (struct alert_rule){
        .threshold = cli_option(argc, argv, "--threshold", text->threshold),
        .window = cli_option(argc, argv, "--window", text->window),
        .least = cli_option(argc, argv, "--least", text->least),
        .repeat = cli_option(argc, argv, "--repeat", "once"),
        .quiet_from = cli_option(argc, argv, "--quiet-from", NULL),
        .quiet_until = cli_option(argc, argv, "--quiet-until", NULL),
        .channel = cli_option(argc, argv, "--channel", "mail"),
        .target = cli_option(argc, argv, "--target", NULL),
    };
}

static int insert(struct cli *cli, const char *site, const char *kind,
                  const struct alert_rule *rule, struct pp_err *err)
{
    const char *values[] = {
        site,          kind,         rule->threshold,  rule->window,
        rule->least,   rule->repeat, rule->quiet_from, rule->quiet_until,
        rule->channel, rule->target,
    };
    struct pp_pg_rows rows;
    int result = pp_pg_query(
        cli->pg,
        "INSERT INTO alert_rule (account_id, site_id, kind, threshold, "
        "window_s, least, repeat, quiet_from, quiet_until, channel, target) "
        "SELECT account_id, site_id, $2, $3::float8, 60 * $4::int, $5::bigint, "
        "$6, $7::time, $8::time, $9, $10 FROM site WHERE site_id = $1 "
        "RETURNING alert_id",
        PP_COUNT(values), values, &rows, err);

    if (result == 0)
        result = pp_pg_commit(cli->pg, err);
    if (result == 0)
        printf(cli->json ? "{\"alert\":%s}\n" : "alert %s\n",
               pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

int alert_add_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *site = cli_argument(argc, argv, 0);
    const char *name = cli_argument(argc, argv, 1);
    struct fallbacks fallbacks;
    struct alert_rule rule;
    enum pp_alert_kind kind;

    if (!site || !name)
        return cli_usage(err, "a site and a kind are needed");
    if (!pp_alert_kind_of(name, &kind))
        return cli_usage(err, "kinds are usage, spike, drop, no_data, lcp, "
                              "inp, cls, ttfb");
    read_options(argc, argv, pp_alert_defaults(kind), &fallbacks, &rule);
    if (alert_rule_check(&rule, err) < 0 ||
        pp_plans_open(&cli->plans, cli->plans_path, err) < 0 ||
        pp_pg_begin(cli->pg, err) < 0)
        return -1;
    if (check_maximum(cli, site, err) == 0 &&
        insert(cli, site, name, &rule, err) == 0)
        return 0;
    pp_pg_rollback(cli->pg);
    return -1;
}

/* --- list ----------------------------------------------------------------- */

int alert_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    static const char sql[] =
        "SELECT coalesce(jsonb_agg(one ORDER BY (one->>'alert')::bigint), "
        "'[]')::text, coalesce(string_agg(format('%s  %s %s %s  %s%s', "
        "one->>'alert', one->>'site', one->>'kind', one->>'threshold', CASE "
        "WHEN (one->>'firing')::bool THEN 'fires, ' || (one->>'value') ELSE "
        "'calm' END, CASE WHEN one->>'snoozed_until' IS NOT NULL THEN ', "
        "snoozed until ' || (one->>'snoozed_until') ELSE '' END), E'\\n' ORDER "
        "BY (one->>'alert')::bigint), '') FROM (SELECT jsonb_build_object("
        "'alert', r.alert_id, 'account', account_id, 'site', site_id, 'kind', "
        "kind, 'threshold', threshold, 'window_s', window_s, 'least', least, "
        "'repeat', repeat, 'channel', channel, 'target', target, 'quiet_from', "
        "quiet_from, 'quiet_until', quiet_until, 'snoozed_until', CASE WHEN "
        "snoozed_until > pp_now() THEN snoozed_until END, 'firing', "
        "coalesce(firing, false), 'since_at', since_at, 'value', value, "
        "'evaluated_at', evaluated_at) AS one FROM alert_rule r LEFT JOIN "
        "alert_state USING (alert_id) WHERE $1::text IS NULL OR site_id = $1 "
        "OR account_id = $1) AS rules";
    const char *values[] = {cli_argument(argc, argv, 0)};
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, sql, 1, values, &rows, err);

    if (result == 0)
        puts(pp_pg_text(&rows, 0, cli->json ? 0 : 1));
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- remove, snooze ------------------------------------------------------- */

static int change(struct cli *cli, const char *sql, int count,
                  const char *const *values, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, sql, count, values, &rows, err);

    if (result == 0 && rows.changed == 0)
        result =
            pp_err_set(err, PP_ERR_INVALID, "there is no alert %s", values[0]);
    if (result == 0)
        printf(cli->json ? "{\"alert\":\"%s\"}\n" : "alert %s: done\n",
               values[0]);
    pp_pg_rows_fini(&rows);
    return result;
}

int alert_remove_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0)};

    if (!values[0])
        return cli_usage(err, "which alert? its number");
    return change(cli, "DELETE FROM alert_rule WHERE alert_id::text = $1", 1,
                  values, err);
}

int alert_snooze_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0),
                            cli_option(argc, argv, "--hours", "24")};

    if (!values[0])
        return cli_usage(err, "which alert? its number");
    if (alert_hours_check(values[1], err) < 0)
        return -1;
    return change(cli,
                  "UPDATE alert_rule SET snoozed_until = pp_now() + "
                  "make_interval(hours => $2::int) WHERE alert_id::text = $1",
                  2, values, err);
}

/* --- test ----------------------------------------------------------------- */

int alert_test_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *alert = cli_argument(argc, argv, 0);
    struct pp_alerts alerts = {
        .pg = cli->pg,
        .clickhouse = cli->clickhouse,
        .timeout_ms = MEASURE_MS,
        .is_stored = true,
    };

    if (!alert)
        return cli_usage(err, "which alert? its number");
    if (pp_alerts_test(&alerts, alert, err) < 0)
        return -1;
    printf(cli->json ? "{\"alert\":\"%s\"}\n"
                     : "alert %s: its message is on its way, as a test\n",
           alert);
    return 0;
}

/*
 * What an account may use. Every change, what follows from it for the
 * account's hits, and the record that tells the collectors are one
 * transaction.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_capacity_pg.h"
#include "pp_json.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "capacity.h"
#include "cli.h"
#include "explain.h"

#define LINE_BYTES    ((size_t)64 << 10)
#define RESTORE_HOURS "72"

int cli_capacity_ready(struct cli *cli, struct pp_err *err)
{
    char topic[200];

    snprintf(topic, sizeof(topic), "%scapacity.v1", cli->prefix);
    if (pp_plans_open(&cli->plans, cli->plans_path, err) < 0 ||
        pp_registry_learn(cli->registry, topic, capacity_schema,
                          CAPACITY_FINGERPRINT, err) < 0)
        return -1;
    pp_capacity_setup(cli->plans, cli->registry);
    return 0;
}

/* --- changes -------------------------------------------------------------- */

/* A statement about the account ($1), and what follows from it. */
static int change(struct cli *cli, const char *sql, int count,
                  const char *const *values, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    if (cli_capacity_ready(cli, err) < 0 || pp_pg_begin(cli->pg, err) < 0)
        return -1;
    result = pp_pg_query(cli->pg, sql, count, values, &rows, err);
    if (result == 0 && rows.changed == 0)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "there is no account %s, or nothing to change",
                            values[0]);
    pp_pg_rows_fini(&rows);
    if (result < 0 || pp_capacity_run(cli->pg, values[0], err) < 0) {
        pp_pg_rollback(cli->pg);
        return -1;
    }
    return pp_pg_commit(cli->pg, err);
}

/* The account's id, after the change: its state is on the way. */
static int print_state(struct cli *cli, const char *account_id,
                       struct pp_err *err)
{
    const char *values[] = {account_id};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(cli->pg,
                         "SELECT state, version FROM account_capacity "
                         "WHERE account_id = $1",
                         1, values, &rows, err);
    if (result == 0 && rows.count == 1)
        printf(cli->json
                   ? "{\"account\":\"%s\",\"state\":\"%s\",\"version\":%s}\n"
                   : "%s %s (version %s)\n",
               account_id, pp_pg_text(&rows, 0, 0), pp_pg_text(&rows, 0, 1));
    pp_pg_rows_fini(&rows);
    return result;
}

static int change_and_print(struct cli *cli, const char *sql, int count,
                            const char *const *values, struct pp_err *err)
{
    if (change(cli, sql, count, values, err) < 0)
        return -1;
    return print_state(cli, values[0], err);
}

int account_plan_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0),
                            cli_argument(argc, argv, 1)};

    if (!values[0] || !values[1])
        return cli_usage(err, "an account and a plan are needed");
    if (pp_plans_open(&cli->plans, cli->plans_path, err) < 0)
        return -1;
    if (!pp_plans_find(cli->plans, pp_str_of(values[1])))
        return pp_err_set(err, PP_ERR_INVALID, "there is no plan %s",
                          values[1]);
    pp_plans_close(&cli->plans);
    return change_and_print(cli,
                            "UPDATE billing_profile SET plan_code = $2, "
                            "plan_source = 'staff', pending_plan_code = NULL, "
                            "version = version + 1, changed_at = pp_now() "
                            "WHERE account_id = $1",
                            2, values, err);
}

int account_block_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0),
                            cli_option(argc, argv, "--reason", NULL)};

    if (!values[0] || !values[1])
        return cli_usage(err, "an account and --reason are needed");
    return change_and_print(cli,
                            "UPDATE account SET blocked_at = "
                            "coalesce(blocked_at, pp_now()), "
                            "blocked_reason = $2 WHERE account_id = $1",
                            2, values, err);
}

int account_unblock_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0)};

    if (!values[0])
        return cli_usage(err, "an account is needed");
    return change_and_print(cli,
                            "UPDATE account SET blocked_at = NULL, "
                            "blocked_reason = NULL WHERE account_id = $1 "
                            "AND blocked_at IS NOT NULL",
                            1, values, err);
}

int account_close_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0)};

    if (!values[0])
        return cli_usage(err, "an account is needed");
    return change_and_print(cli,
                            "UPDATE account SET closed_at = pp_now() WHERE "
                            "account_id = $1 AND closed_at IS NULL",
                            1, values, err);
}

int account_restore_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0)};
    int result;

    if (!values[0])
        return cli_usage(err, "an account is needed");
    result = change_and_print(
        cli,
        "UPDATE account SET closed_at = NULL WHERE account_id = $1 AND "
        "closed_at > pp_now() - interval '" RESTORE_HOURS " hours'",
        1, values, err);
    if (result < 0 && err->kind == PP_ERR_INVALID)
        return pp_err_set(
            err, PP_ERR_INVALID,
            "no account %s was closed within the last " RESTORE_HOURS " hours",
            values[0]);
    return result;
}

static const char override_sql[] =
    "INSERT INTO capacity_override (account_id, monthly_limit, unlimited, "
    "grace_days, reason) SELECT account_id, nullif($2, 'unlimited')::bigint, "
    "coalesce($2 = 'unlimited', false), $3::int, $4 FROM account WHERE "
    "account_id = $1 ON CONFLICT (account_id) DO UPDATE SET monthly_limit = "
    "EXCLUDED.monthly_limit, unlimited = EXCLUDED.unlimited, grace_days = "
    "EXCLUDED.grace_days, reason = EXCLUDED.reason, set_at = pp_now()";

int capacity_override_run(struct cli *cli, int argc, char **argv,
                          struct pp_err *err)
{
    bool removes = cli_flag(&argc, argv, "--remove");
    const char *values[] = {cli_argument(argc, argv, 0),
                            cli_option(argc, argv, "--limit", NULL),
                            cli_option(argc, argv, "--grace-days", NULL),
                            cli_option(argc, argv, "--reason", NULL)};

    if (!values[0] || !values[3])
        return cli_usage(err, "an account and --reason are needed");
    if (removes)
        return change_and_print(
            cli, "DELETE FROM capacity_override WHERE account_id = $1", 1,
            values, err);
    if (!values[1] && !values[2])
        return cli_usage(err, "--limit, --grace-days or --remove is needed");
    return change_and_print(cli, override_sql, 4, values, err);
}

int capacity_credit_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0),
                            cli_option(argc, argv, "--events", NULL),
                            cli_option(argc, argv, "--reason", NULL)};

    if (!values[0] || !values[1] || !values[2])
        return cli_usage(err, "an account, --events and --reason are needed");
    return change_and_print(cli,
                            "INSERT INTO capacity_credit (account_id, events, "
                            "reason) SELECT account_id, $2::bigint, $3 FROM "
                            "account WHERE account_id = $1",
                            3, values, err);
}

/* --- what is so ----------------------------------------------------------- */

/* A site's key stands for its account. */
static const char shown_sql[] =
    "SELECT a.account_id, s.status, b.plan_code, coalesce(c.state, 'ok'), "
    "coalesce(c.monthly_limit, 0), CASE WHEN c.account_id IS NULL THEN 0 ELSE "
    "usage_of(a.account_id, c.window_start, c.window_end) END, "
    "pp_ms(c.window_start), pp_ms(c.window_end), pp_ms(c.detected_at), "
    "pp_ms(c.grace_ends_at), pp_ms(c.reject_until), "
    "coalesce(c.blocked, false), coalesce(c.closed, false), "
    "coalesce(a.blocked_reason, ''), pp_ms(pp_now()), "
    "c.account_id IS NOT NULL, coalesce(c.version, 0) "
    "FROM account AS a JOIN billing_profile AS b USING (account_id) LEFT JOIN "
    "account_capacity AS c USING (account_id) LEFT JOIN site AS s ON "
    "s.site_id = $1 WHERE a.account_id = $1 OR a.account_id = s.account_id "
    "ORDER BY a.account_id = $1 DESC LIMIT 1";

static enum pp_capacity_state state_of(const char *name)
{
    return strcmp(name, "grace") == 0       ? PP_CAPACITY_GRACE
           : strcmp(name, "rejecting") == 0 ? PP_CAPACITY_REJECTING
                                            : PP_CAPACITY_OK;
}

/* What it says is the rows', valid as long as they are. */
static int shown(struct cli *cli, const char *id, struct pp_pg_rows *rows,
                 struct explained *out, struct pp_err *err)
{
    const char *values[] = {id};

    if (pp_pg_query(cli->pg, shown_sql, 1, values, rows, err) < 0)
        return -1;
    if (rows->count == 0)
        return pp_err_set(err, PP_ERR_INVALID, "there is no site or account %s",
                          id);
    *out = (struct explained){
        .account = pp_pg_text(rows, 0, 0),
        .site_status = pp_pg_text(rows, 0, 1),
        .plan = pp_pg_text(rows, 0, 2),
        .used = pp_pg_int64(rows, 0, 5),
        .blocked_reason = pp_pg_text(rows, 0, 13),
        .now_ms = pp_pg_int64(rows, 0, 14),
        .is_decided = pp_pg_bool(rows, 0, 15),
        .capacity = {.state = state_of(pp_pg_text(rows, 0, 3)),
                     .limit = pp_pg_int64(rows, 0, 4),
                     .window_start_ms = pp_pg_int64(rows, 0, 6),
                     .window_end_ms = pp_pg_int64(rows, 0, 7),
                     .detected_at_ms = pp_pg_int64(rows, 0, 8),
                     .grace_ends_at_ms = pp_pg_int64(rows, 0, 9),
                     .reject_until_ms = pp_pg_int64(rows, 0, 10),
                     .blocked = pp_pg_bool(rows, 0, 11),
                     .closed = pp_pg_bool(rows, 0, 12),
                     .version = pp_pg_int64(rows, 0, 16)}};
    if (strcmp(out->account, id) != 0)
        out->site = id;
    return 0;
}

int capacity_explain_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err)
{
    const char *id = cli_argument(argc, argv, 0);
    struct explained explained;
    struct pp_pg_rows rows;
    struct pp_buf words, line;
    int result;

    if (!id)
        return cli_usage(err, "a site or an account is needed");
    pp_buf_init(&words, LINE_BYTES);
    pp_buf_init(&line, LINE_BYTES);
    result = shown(cli, id, &rows, &explained, err);
    if (result == 0) {
        explain(&explained, &words);
        pp_json_add_str(&line, pp_buf_str(&words));
        printf(cli->json ? "{\"why\":%.*s}\n" : "%.*s\n",
               PP_ARG(pp_buf_str(cli->json ? &line : &words)));
    }
    pp_pg_rows_fini(&rows);
    pp_buf_fini(&line);
    pp_buf_fini(&words);
    return result;
}

static void print_instant(struct pp_buf *line, const char *name, int64_t at_ms,
                          bool json)
{
    char text[PP_WALL_TEXT_BYTES];

    if (at_ms == 0)
        return;
    pp_wall_text((struct pp_wall){at_ms}, text);
    pp_buf_printf(line, json ? ",\"%s\":\"%s\"" : "%-15s %s\n", name, text);
}

static void print_account(const struct explained *is, bool json)
{
    const struct pp_capacity *c = &is->capacity;
    struct pp_buf line;

    pp_buf_init(&line, LINE_BYTES);
    if (json)
        pp_buf_printf(&line,
                      "{\"account\":\"%s\",\"plan\":\"%s\",\"state\":\"%s\","
                      "\"used\":%" PRId64 ",\"limit\":%" PRId64
                      ",\"blocked\":%s,\"closed\":%s,\"version\":%" PRId64,
                      is->account, is->plan, pp_capacity_state_name(c->state),
                      is->used, c->limit, c->blocked ? "true" : "false",
                      c->closed ? "true" : "false", c->version);
    else
        pp_buf_printf(&line,
                      "%-15s %s\n%-15s %s\n%-15s %s%s%s\n%-15s %" PRId64
                      " of %" PRId64 "%s\n",
                      "account", is->account, "plan", is->plan, "state",
                      pp_capacity_state_name(c->state),
                      c->blocked ? ", blocked" : "",
                      c->closed ? ", closed" : "", "used", is->used, c->limit,
                      c->limit == PP_CAPACITY_UNLIMITED ? " (unlimited)" : "");
    print_instant(&line, "window_start", c->window_start_ms, json);
    print_instant(&line, "window_end", c->window_end_ms, json);
    print_instant(&line, "detected_at", c->detected_at_ms, json);
    print_instant(&line, "grace_ends_at", c->grace_ends_at_ms, json);
    print_instant(&line, "reject_until", c->reject_until_ms, json);
    printf("%.*s", PP_ARG(pp_buf_str(&line)));
    pp_buf_fini(&line);
}

/* The log of the last decisions, oldest first. */
static int print_log(struct cli *cli, const char *account_id,
                     struct pp_err *err)
{
    const char *values[] = {account_id};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        cli->pg,
        "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), "
        "transition, from_state, to_state, used, monthly_limit, reason FROM "
        "(SELECT * FROM capacity_transition WHERE account_id = $1 ORDER BY id "
        "DESC LIMIT 20) AS t ORDER BY id",
        1, values, &rows, err);
    if (cli->json && result == 0)
        printf(",\"log\":[");
    for (int i = 0; result == 0 && i < rows.count; i++)
        printf(cli->json ? "%s{\"at\":\"%s\",\"transition\":\"%s\",\"from\":"
                           "\"%s\",\"to\":\"%s\",\"used\":%s,\"limit\":%s,"
                           "\"reason\":\"%s\"}"
                         : "%s%s  %-3s %s -> %s  %s of %s: %s\n",
               cli->json && i ? "," : "", pp_pg_text(&rows, i, 0),
               pp_pg_text(&rows, i, 1), pp_pg_text(&rows, i, 2),
               pp_pg_text(&rows, i, 3), pp_pg_text(&rows, i, 4),
               pp_pg_text(&rows, i, 5), pp_pg_text(&rows, i, 6));
    if (cli->json && result == 0)
        puts("]}");
    pp_pg_rows_fini(&rows);
    return result;
}

int capacity_show_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    const char *id = cli_argument(argc, argv, 0);
    struct explained explained;
    struct pp_pg_rows rows;
    int result;

    if (!id)
        return cli_usage(err, "an account is needed");
    result = shown(cli, id, &rows, &explained, err);
    if (result == 0) {
        print_account(&explained, cli->json);
        result = print_log(cli, explained.account, err);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

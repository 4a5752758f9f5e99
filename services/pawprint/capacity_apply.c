/*
 * Puts the plan catalogue in force: a limit that was edited counts for all
 * holders of the plan from then on. Each account is a transaction of its own,
 * and whoever is put over the limit gets a grace like anybody.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_capacity_pg.h"

#include "cli.h"

#define EACH_TIME "500"

static int put_in_force(struct cli *cli, const struct pp_plan *plan,
                        struct pp_err *err)
{
    char limit[24], grace[16], alerts[16], ceiling[24];
    const char *values[] = {plan->code, limit, grace, alerts, ceiling};

    snprintf(limit, sizeof(limit), "%" PRId64, plan->monthly_limit);
    snprintf(grace, sizeof(grace), "%d", plan->grace_days);
    snprintf(alerts, sizeof(alerts), "%d", plan->max_alerts);
    snprintf(ceiling, sizeof(ceiling), "%" PRId64, plan->grace_ceiling);
    return pp_pg_exec(
        cli->pg,
        "INSERT INTO plan_in_force AS p (code, monthly_limit, grace_days, "
        "max_alerts, grace_ceiling) VALUES ($1, nullif($2::bigint, -1), $3, "
        "$4, nullif($5::bigint, -1)) ON CONFLICT (code) DO UPDATE SET "
        "monthly_limit = EXCLUDED.monthly_limit, grace_days = "
        "EXCLUDED.grace_days, max_alerts = EXCLUDED.max_alerts, grace_ceiling "
        "= EXCLUDED.grace_ceiling, applied_at = pp_now() WHERE "
        "(p.monthly_limit, p.grace_days, p.max_alerts, p.grace_ceiling) IS "
        "DISTINCT FROM (EXCLUDED.monthly_limit, EXCLUDED.grace_days, "
        "EXCLUDED.max_alerts, EXCLUDED.grace_ceiling)",
        5, values, err);
}

/* 1 when the account's hits are taken only for now, or not at all. */
static int is_over(struct cli *cli, const char *account_id, struct pp_err *err)
{
    const char *values[] = {account_id};
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg,
                             "SELECT 1 FROM account_capacity WHERE "
                             "account_id = $1 AND state <> 'ok'",
                             1, values, &rows, err);

    if (result == 0)
        result = rows.count;
    pp_pg_rows_fini(&rows);
    return result;
}

/* 1 when it is newly over its limit, 0 when not, -1. */
static int decide(struct cli *cli, const char *account_id, struct pp_err *err)
{
    int before = is_over(cli, account_id, err), after;

    if (before < 0 || pp_capacity_run(cli->pg, account_id, err) < 0)
        return -1;
    after = is_over(cli, account_id, err);
    return after < 0 ? -1 : after > before;
}

/* dry: nobody waits for the account's lock longer than this takes. */
static int decide_one(struct cli *cli, const char *account_id, bool dry,
                      int64_t *depleted, struct pp_err *err)
{
    int result = dry ? pp_pg_exec(cli->pg, "SAVEPOINT one", 0, NULL, err)
                     : pp_pg_begin(cli->pg, err);

    if (result < 0)
        return -1;
    result = decide(cli, account_id, err);
    if (result >= 0) {
        *depleted += result;
        return dry ? pp_pg_exec(cli->pg, "ROLLBACK TO one", 0, NULL, err)
                   : pp_pg_commit(cli->pg, err);
    }
    if (!dry)
        pp_pg_rollback(cli->pg);
    return -1;
}

/* All accounts whose limit is their plan's, so many at a time. */
static int decide_all(struct cli *cli, bool dry, int64_t *count,
                      int64_t *depleted, struct pp_err *err)
{
    char last_id[64] = "";
    const char *values[] = {last_id};
    struct pp_pg_rows rows;
    int result, got;

    do {
        result = pp_pg_query(
            cli->pg,
            "SELECT account_id FROM account_capacity JOIN billing_profile "
            "USING (account_id) JOIN plan_in_force AS p ON p.code = plan_code "
            "WHERE account_id > $1 ORDER BY account_id LIMIT " EACH_TIME,
            1, values, &rows, err);
        got = result == 0 ? rows.count : 0;
        for (int i = 0; result == 0 && i < got; i++) {
            snprintf(last_id, sizeof(last_id), "%s", pp_pg_text(&rows, i, 0));
            result = decide_one(cli, last_id, dry, depleted, err);
            *count += 1;
        }
        pp_pg_rows_fini(&rows);
    } while (result == 0 && got > 0);
    return result;
}

int capacity_apply_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err)
{
    bool dry = cli_flag(&argc, argv, "--dry-run");
    int64_t count = 0, depleted = 0;
    int result = 0;

    if (cli_capacity_ready(cli, err) < 0 || pp_pg_begin(cli->pg, err) < 0)
        return -1;
    for (size_t i = 0; result == 0 && i < pp_plans_count(cli->plans); i++)
        result = put_in_force(cli, pp_plans_at(cli->plans, i), err);
    if (result == 0 && !dry)
        result = pp_pg_commit(cli->pg, err);
    if (result == 0)
        result = decide_all(cli, dry, &count, &depleted, err);
    if (result < 0 || dry)
        pp_pg_rollback(cli->pg);
    if (result < 0)
        return -1;
    printf(cli->json ? "{\"accounts\":%" PRId64 ",\"depleted\":%" PRId64 "}\n"
                     : "%" PRId64 " accounts, %" PRId64 " of them newly over "
                       "their limit\n",
           count, depleted);
    return 0;
}

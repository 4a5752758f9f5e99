/*
 * Jobs as people see them: what there is, what came of it, and what may be
 * done by hand. The services do the work; here only rows change.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_job.h"
#include "pp_mem.h"
#include "pp_zones.h"

#include "cli.h"

#define NEXT_MAX   100
#define ZONES_MS   60000
#define UTC(x)     "to_char(" x " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
#define LIST_BYTES ((size_t)8192)

/* The rows of a statement below a line of names, widths apart. */
static int print(struct cli *cli, const char *sql, int count,
                 const char *const *values, const char *const *names,
                 const int *widths, int columns, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, sql, count, values, &rows, err);

    for (int c = 0; result == 0 && !cli->json && c < columns; c++)
        printf("%-*s%s", widths[c], names[c], c == columns - 1 ? "\n" : " ");
    if (result == 0)
        cli_print_rows(cli, &rows, names, widths, columns);
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- looking ---------------------------------------------------------------
 */

int jobs_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    static const char *const names[] = {"job",    "service", "schedule",
                                        "policy", "next",    "last_done",
                                        "open",   "dead",    "state"};
    static const int widths[] = {26, 9, 22, 9, 19, 19, 6, 5, 0};

    if (argc > 0)
        return cli_usage(err, argv[0]);
    return print(
        cli,
        "SELECT j.job, service, CASE WHEN every_s > 0 THEN 'every ' || every_s "
        "|| ' s' WHEN cron <> '' THEN cron || ' ' || zone ELSE 'when added' "
        "END, catch_up || CASE WHEN window_s > 0 THEN ':' || window_s ELSE '' "
        "END, coalesce(" UTC("next_at") ", '-'), coalesce(" UTC(
            "r.done") ", '-'), coalesce(r.open, 0), coalesce(r.dead, 0), CASE "
                      "WHEN paused_at IS NOT NULL THEN 'paused: ' || "
                      "paused_reason WHEN r.running > 0 THEN 'running' ELSE "
                      "'idle' END FROM job j LEFT JOIN (SELECT job, "
                      "max(finished_at) FILTER (WHERE state = 'done') AS done, "
                      "count(*) FILTER (WHERE state IN ('due', 'running', "
                      "'failed')) AS open, count(*) FILTER (WHERE state = "
                      "'dead') AS dead, count(*) FILTER (WHERE state = "
                      "'running') AS running FROM job_run GROUP BY job) AS r "
                      "USING (job) ORDER BY j.job",
        0, NULL, names, widths, PP_COUNT(names), err);
}

/* A job that there is, by the first argument. */
static int find_job(struct cli *cli, int argc, char **argv,
                    const char **job_out, bool *is_outside_out,
                    struct pp_err *err)
{
    const char *job = cli_argument(argc, argv, 0);
    struct pp_pg_rows rows;
    int result;

    if (!job)
        return cli_usage(err, "the name of a job is needed");
    result = pp_pg_query(cli->pg,
                         "SELECT service = 'outside' FROM job WHERE job = $1",
                         1, &job, &rows, err);
    if (result == 0 && is_outside_out)
        *is_outside_out = rows.count == 1 && pp_pg_bool(&rows, 0, 0);
    if (result == 0 && rows.count == 0)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "there is no job %s; pawprint jobs list shows them",
                            job);
    pp_pg_rows_fini(&rows);
    *job_out = job;
    return result;
}

static int job_of(struct cli *cli, int argc, char **argv, const char **job_out,
                  struct pp_err *err)
{
    return find_job(cli, argc, argv, job_out, NULL, err);
}

/* One whose runs a service does: nobody would do what becomes due of another.
 */
static int own_job_of(struct cli *cli, int argc, char **argv,
                      const char **job_out, struct pp_err *err)
{
    bool is_outside = false;

    if (find_job(cli, argc, argv, job_out, &is_outside, err) < 0)
        return -1;
    if (is_outside)
        return pp_err_set(
            err, PP_ERR_INVALID,
            "%s is run by pawprint job-run: run its command again", *job_out);
    return 0;
}

int jobs_history_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    static const char *const names[] = {"scheduled_for", "state",   "attempt",
                                        "started_at",    "seconds", "scope",
                                        "numbers",       "error"};
    static const int widths[] = {19, 8, 7, 19, 8, 12, 30, 0};
    const char *values[] = {NULL, cli_option(argc, argv, "--limit", "20"),
                            cli_option(argc, argv, "--state", "")};

    if (job_of(cli, argc, argv, &values[0], err) < 0)
        return -1;
    return print(
        cli,
        "SELECT " UTC("scheduled_for") ", state, attempt, coalesce(" UTC(
            "started_at") ", '-'), coalesce(round(extract(epoch FROM "
                          "finished_at - started_at), 1)::text, '-'), scope, "
                          "numbers, error FROM job_run WHERE job = $1 AND "
                          "($3 = '' OR state = $3) ORDER BY scheduled_for "
                          "DESC, scope LIMIT $2::int",
        3, values, names, widths, PP_COUNT(names), err);
}

/* --- the next instants -----------------------------------------------------
 */

static void next_list(const struct pp_job_rule *rule, int64_t now_ms, int count,
                      struct pp_buf *list)
{
    int64_t at_ms = now_ms;

    for (int i = 0; i < count; i++) {
        if (!pp_job_rule_next(rule, at_ms, &at_ms))
            break;
        pp_buf_printf(list, "%c%" PRId64, i ? ',' : '{', at_ms);
    }
    pp_buf_add(list, list->n ? "}" : "{}", list->n ? 2 : 3);
}

/* Of the row: every_s, cron, zone, and now in ms. */
static int next_of(const struct pp_pg_rows *rows, int count,
                   struct pp_buf *list, struct pp_err *err)
{
    struct pp_job_rule rule = {.every_s = (int)pp_pg_int64(rows, 0, 0)};
    struct pp_zones *zones = NULL;
    struct pp_zone *zone = NULL;
    int result = 0;

    if (rule.every_s == 0 && pp_pg_text(rows, 0, 1)[0] == '\0')
        return pp_err_set(err, PP_ERR_INVALID,
                          "it has no schedule: it runs when it is added");
    if (rule.every_s == 0 &&
        (pp_cron_parse(pp_str_of(pp_pg_text(rows, 0, 1)), &rule.cron, err) <
             0 ||
         pp_zones_open(&zones, PP_ZONES_FOLDER, 1, ZONES_MS, err) < 0 ||
         pp_zones_get(zones, pp_str_of(pp_pg_text(rows, 0, 2)), &zone, err) <
             0))
        result = -1;
    rule.zone = zone;
    if (result == 0)
        next_list(&rule, pp_pg_int64(rows, 0, 3), count, list);
    pp_zone_free(&zone);
    pp_zones_close(&zones);
    return result;
}

int jobs_next_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    static const char *const names[] = {"at", "in"};
    static const int widths[] = {19, 0};
    const char *text = cli_option(argc, argv, "--count", "5"), *job;
    const char *values[1];
    int count = atoi(text), result;
    struct pp_pg_rows rows;
    struct pp_buf list;

    if (count < 1 || count > NEXT_MAX)
        return cli_usage(err, "--count takes 1 to 100");
    if (job_of(cli, argc, argv, &job, err) < 0)
        return -1;
    pp_buf_init(&list, LIST_BYTES);
    result = pp_pg_query(cli->pg,
                         "SELECT every_s, cron, zone, floor(extract(epoch FROM "
                         "pp_now()) * 1000)::bigint FROM job WHERE job = $1",
                         1, &job, &rows, err);
    if (result == 0)
        result = next_of(&rows, count, &list, err);
    pp_pg_rows_fini(&rows);
    values[0] = list.p;
    if (result == 0)
        result = print(
            cli,
            "SELECT " UTC("at") ", date_trunc('second', at - pp_now()) FROM "
                                "(SELECT timestamptz 'epoch' + ms * interval "
                                "'1 ms' AS at FROM unnest($1::bigint[]) AS "
                                "ms) AS i ORDER BY at",
            1, values, names, widths, PP_COUNT(names), err);
    pp_buf_fini(&list);
    return result;
}

/* --- changing --------------------------------------------------------------
 */

/* Does it, and says of how many rows. */
static int change(struct cli *cli, const char *sql, int count,
                  const char *const *values, const char *done, const char *none,
                  struct pp_err *err)
{
    struct pp_pg_rows rows;
    int64_t changed = 0;
    int result = pp_pg_query(cli->pg, sql, count, values, &rows, err);

    if (result == 0)
        changed = rows.changed;
    pp_pg_rows_fini(&rows);
    if (result == 0 && changed == 0)
        result = pp_err_set(err, PP_ERR_INVALID, "%s", none);
    if (result == 0 && cli->json)
        printf("{\"changed\":%" PRId64 "}\n", changed);
    else if (result == 0)
        printf("%s (%" PRId64 ")\n", done, changed);
    return result;
}

int jobs_run_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {NULL, cli_option(argc, argv, "--scope", "")};

    if (own_job_of(cli, argc, argv, &values[0], err) < 0)
        return -1;
    return change(cli,
                  "INSERT INTO job_run (job, scope, scheduled_for) SELECT $1, "
                  "$2, pp_now() FROM job WHERE job = $1 AND paused_at IS NULL",
                  2, values, "it is due now; pawprint jobs history shows it",
                  "the job is paused", err);
}

int jobs_pause_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {NULL, cli_option(argc, argv, "--reason", "")};

    if (job_of(cli, argc, argv, &values[0], err) < 0)
        return -1;
    if (values[1][0] == '\0')
        return cli_usage(err, "--reason TEXT is needed, for the others");
    return change(cli,
                  "UPDATE job SET paused_at = pp_now(), paused_reason = $2 "
                  "WHERE job = $1 AND paused_at IS NULL",
                  2, values, "paused; a run that is under way goes on",
                  "it is paused already", err);
}

int jobs_resume_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[1];

    if (job_of(cli, argc, argv, &values[0], err) < 0)
        return -1;
    return change(cli,
                  "UPDATE job SET paused_at = NULL, paused_reason = '' WHERE "
                  "job = $1 AND paused_at IS NOT NULL",
                  1, values, "resumed; what it missed is up to its policy",
                  "it is not paused", err);
}

#define THESE                                                                  \
    " WHERE job = $1 AND ($2::text IS NULL OR scope = $2) AND "                \
    "($3::text IS NULL OR date_trunc('second', scheduled_for) = "              \
    "date_trunc('second', ($3::text)::timestamp AT TIME ZONE 'UTC')) "

int jobs_retry_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {NULL, cli_option(argc, argv, "--scope", NULL),
                            cli_option(argc, argv, "--at", NULL)};

    if (own_job_of(cli, argc, argv, &values[0], err) < 0)
        return -1;
    /* Not alone any more: another of the job may be open. */
    return change(
        cli,
        "UPDATE job_run SET state = 'due', attempt = 0, alone = "
        "false, not_before = pp_now()" THESE "AND state IN ('dead', 'failed')",
        3, values, "due again", "there is no dead or failed run of it", err);
}

int jobs_discard_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {NULL, cli_option(argc, argv, "--scope", NULL),
                            cli_option(argc, argv, "--at", NULL),
                            cli_option(argc, argv, "--reason", "")};

    if (job_of(cli, argc, argv, &values[0], err) < 0)
        return -1;
    if (values[3][0] == '\0')
        return cli_usage(err, "--reason TEXT is needed, for the others");
    return change(cli,
                  "UPDATE job_run SET state = 'skipped', finished_at = "
                  "pp_now(), error = 'discarded: ' || $4 || CASE WHEN error = "
                  "'' THEN '' ELSE '; it had said: ' || error END" THESE
                  "AND state IN ('dead', 'failed')",
                  4, values, "discarded",
                  "there is no dead or failed run of it", err);
}

/*
 * What an account has used, what was not accepted, and the proof that the
 * stream was counted as ClickHouse stores it.
 */
#include "usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_time.h"
#include "pp_usage.h"
#include "pp_window.h"

#define QUERY_MS   300000
#define AGAIN_US   200000
#define LOOKBACK_H "24"
#define BACK_H     "24"
#define TEXT_BYTES ((size_t)64 << 20)

/* --- windows ---------------------------------------------------------------
 */

static struct pp_usage_range range_of(const struct pp_window *window)
{
    return (struct pp_usage_range){.since_s = window->start_ms / 1000,
                                   .until_s = window->end_ms / 1000};
}

/* Each account's anchor and the time that it is now, both in ms. */
static int anchors(struct cli *cli, const char *account_id,
                   struct pp_pg_rows *rows, struct pp_err *err)
{
    const char *values[] = {account_id};
    int result;

    result = pp_pg_query(
        cli->pg,
        "SELECT account_id, (extract(epoch FROM created_at) * 1000)::bigint, "
        "(extract(epoch FROM pp_now()) * 1000)::bigint, name FROM account "
        "WHERE $1::text IS NULL OR account_id = $1 ORDER BY 1",
        1, values, rows, err);
    if (result == 0 && account_id && rows->count == 0)
        return pp_err_set(err, PP_ERR_INVALID, "there is no account %s",
                          account_id);
    return result;
}

static struct pp_window window_now(const struct pp_pg_rows *rows, int row)
{
    return pp_window_at(pp_pg_int64(rows, row, 1), pp_pg_int64(rows, row, 2));
}

/* --- show ------------------------------------------------------------------
 */

/* Rows of names and numbers of the account ($1) and the range ($2, $3). */
static const struct panel {
    const char *name, *title, *sql;
} panels[] = {
    {"sites", "By site, kind, people or bots",
     "SELECT site_id, kind, CASE WHEN bot THEN 'bot' ELSE 'people' END, sum(n) "
     "FROM (SELECT account_id, bucket_at, site_id, kind, bot, n FROM "
     "usage_bucket UNION ALL SELECT account_id, bucket_at, site_id, kind, bot, "
     "n FROM usage_correction) b WHERE account_id = $1 AND bucket_at >= "
     "to_timestamp($2::bigint) AND bucket_at < to_timestamp($3::bigint) "
     "GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3"},
    {"corrections", "Corrections by day, and the events they add",
     "SELECT to_char(bucket_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), "
     "site_id, kind, sum(n) FROM usage_correction WHERE account_id = $1 AND "
     "bucket_at >= to_timestamp($2::bigint) AND bucket_at < "
     "to_timestamp($3::bigint) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
    {"days", "By day (UTC): state, limit, and what was used when it ended",
     "SELECT to_char(day, 'YYYY-MM-DD'), state, CASE WHEN monthly_limit < 0 "
     "THEN 'unlimited' ELSE monthly_limit::text END, used FROM (SELECT "
     "DISTINCT ON (day) date_trunc('day', at AT TIME ZONE 'UTC' - interval "
     "'1 second') AS day, state, monthly_limit, used FROM usage_snapshot WHERE "
     "account_id = $1 AND at > to_timestamp($2::bigint) AND at <= "
     "to_timestamp($3::bigint) ORDER BY day, at DESC) AS last ORDER BY day"},
    {"not_accepted", "Not accepted, by site and reason",
     "SELECT site_id, stage, reason, sum(r.n) FROM usage_refused r JOIN site "
     "USING (site_id) WHERE account_id = $1 AND hour_at >= date_trunc('hour', "
     "to_timestamp($2::bigint)) AND hour_at < to_timestamp($3::bigint) "
     "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"},
};

static void print_row(const struct cli *cli, const struct pp_pg_rows *rows,
                      int row, struct pp_buf *out)
{
    if (!cli->json) {
        printf("  %-24s %-10s %-18s %12s\n", pp_pg_text(rows, row, 0),
               pp_pg_text(rows, row, 1), pp_pg_text(rows, row, 2),
               pp_pg_text(rows, row, 3));
        return;
    }
    pp_buf_add_text(out, row ? ",[" : "[");
    for (int i = 0; i < 3; i++) {
        pp_json_add_str(out, pp_str_of(pp_pg_text(rows, row, i)));
        pp_buf_add_byte(out, ',');
    }
    pp_buf_printf(out, "%s]", pp_pg_text(rows, row, 3));
}

static int show_panel(struct cli *cli, const struct panel *panel,
                      const char *const *values, struct pp_buf *out,
                      struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, panel->sql, 3, values, &rows, err);

    if (result == 0) {
        if (cli->json)
            pp_buf_printf(out, ",\"%s\":[", panel->name);
        else if (rows.count > 0)
            printf("\n%s\n", panel->title);
        for (int i = 0; i < rows.count; i++)
            print_row(cli, &rows, i, out);
        if (cli->json)
            pp_buf_add_byte(out, ']');
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static int show_used(struct cli *cli, const struct pp_window *window,
                     const char *const *values, struct pp_buf *out,
                     struct pp_err *err)
{
    char start[PP_WALL_TEXT_BYTES], end[PP_WALL_TEXT_BYTES];
    struct pp_pg_rows rows;
    int result;

    pp_wall_text((struct pp_wall){window->start_ms}, start);
    pp_wall_text((struct pp_wall){window->end_ms}, end);
    result = pp_pg_query(cli->pg,
                         "SELECT usage_of($1, to_timestamp($2::bigint), "
                         "to_timestamp($3::bigint))",
                         3, values, &rows, err);
    if (result == 0 && cli->json)
        pp_buf_printf(out,
                      "{\"account\":\"%s\",\"from\":\"%s\",\"to\":\"%s\","
                      "\"used\":%s",
                      values[0], start, end, pp_pg_text(&rows, 0, 0));
    else if (result == 0)
        printf("account  %s\nwindow   %s to %s\nused     %s\n", values[0],
               start, end, pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

static int show(struct cli *cli, const char *account_id,
                const struct pp_window *window, struct pp_err *err)
{
    struct pp_usage_range range = range_of(window);
    char since[24], until[24];
    const char *values[] = {account_id, since, until};
    struct pp_buf out;
    int result;

    snprintf(since, sizeof(since), "%" PRId64, range.since_s);
    snprintf(until, sizeof(until), "%" PRId64, range.until_s);
    pp_buf_init(&out, TEXT_BYTES);
    result = show_used(cli, window, values, &out, err);
    for (size_t i = 0; result == 0 && i < PP_COUNT(panels); i++)
        result = show_panel(cli, &panels[i], values, &out, err);
    if (result == 0 && cli->json)
        printf("%.*s}\n", PP_ARG(pp_buf_str(&out)));
    pp_buf_fini(&out);
    return result;
}

int usage_show_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *account_id = cli_argument(argc, argv, 0);
    struct pp_window window;
    struct pp_pg_rows rows;
    int64_t back = 0;
    int result;

    if (!account_id)
        return cli_usage(err, "whose usage?");
    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, "--back", "0")),
                      &back) ||
        back < 0 || back > 1000)
        return cli_usage(err, "--back takes a number of windows");
    result = anchors(cli, account_id, &rows, err);
    if (result == 0) {
        window = window_now(&rows, 0);
        for (; back > 0; back--)
            window =
                pp_window_at(pp_pg_int64(&rows, 0, 1), window.start_ms - 1);
        result = show(cli, account_id, &window, err);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- reconcile -------------------------------------------------------------
 */

static int hours_of(int argc, char **argv, const char *option,
                    const char *fallback, int64_t *hours_out,
                    struct pp_err *err)
{
    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, option, fallback)),
                      hours_out) ||
        *hours_out < 0 || *hours_out > 24 * 60)
        return cli_usage(err, "hours are 0 to 1440");
    return 0;
}

/* The quarter that has begun is not over. */
static int range_back(struct cli *cli, int64_t hours,
                      struct pp_usage_range *range, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(cli->pg, "SELECT extract(epoch FROM pp_now())::bigint",
                         0, NULL, &rows, err);
    if (result == 0) {
        int64_t now_s = pp_pg_int64(&rows, 0, 0);

        range->until_s =
            now_s - now_s % PP_USAGE_QUARTER_S + PP_USAGE_QUARTER_S;
        range->since_s = range->until_s - hours * 3600;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* Waits until all that is in Kafka now is counted and stored. */
static int await_settled(struct cli *cli, int64_t wait_s, struct pp_err *err)
{
    struct pp_mono start = pp_mono_now();
    int64_t now_ms = pp_wall_now().ms;

    while (pp_usage_settled(cli->pg, cli->kafka, cli->prefix, now_ms, err) <
           0) {
        if (err->kind != PP_ERR_AGAIN ||
            pp_mono_ms(start, pp_mono_now()) >= wait_s * 1000)
            return -1;
        *err = (struct pp_err){0};
        usleep(AGAIN_US);
    }
    return 0;
}

static int wait_of(int argc, char **argv, int64_t *wait_s, struct pp_err *err)
{
    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, "--wait", "0")), wait_s))
        return cli_usage(err, "--wait takes a number of seconds");
    return 0;
}

int usage_reconcile_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err)
{
    struct pp_usage usage = {
        .pg = cli->pg, .clickhouse = cli->clickhouse, .timeout_ms = QUERY_MS};
    struct pp_usage_range range;
    int64_t hours, lookback, wait_s;

    if (hours_of(argc, argv, "--hours", BACK_H, &hours, err) < 0 ||
        hours_of(argc, argv, "--lookback", LOOKBACK_H, &lookback, err) < 0 ||
        wait_of(argc, argv, &wait_s, err) < 0 ||
        await_settled(cli, wait_s, err) < 0 ||
        range_back(cli, hours, &range, err) < 0)
        return -1;
    usage.lookback_s = (int)lookback * 3600;
    if (pp_usage_reconcile(&usage, &range, err) < 0)
        return -1;
    printf(cli->json ? "{\"corrections\":%" PRId64 ",\"drift\":%" PRId64 "}\n"
                     : "corrections %" PRId64 ", of %" PRId64 " events\n",
           usage.corrections, usage.drift);
    return 0;
}

/* --- proof -----------------------------------------------------------------
 */

struct proof_of_usage {
    struct cli *cli;
    const struct pp_window *window;
    int64_t accounts, differ;
    struct pp_usage_sum all;
};

static void take_sum(void *context, const struct pp_usage_sum *sum)
{
    struct proof_of_usage *p = context;
    bool equal = sum->counted + sum->corrections - sum->erased == sum->stored;
    char start[PP_WALL_TEXT_BYTES];

    p->accounts++;
    p->differ += !equal;
    p->all.counted += sum->counted;
    p->all.corrections += sum->corrections;
    p->all.stored += sum->stored;
    p->all.erased += sum->erased;
    if (p->cli->json)
        return;
    pp_wall_text((struct pp_wall){p->window->start_ms}, start);
    printf("%-24s %.16s %12" PRId64 " %12" PRId64 " %10" PRId64 " %12" PRId64
           "  %s\n",
           sum->account_id, start, sum->counted, sum->corrections, sum->erased,
           sum->stored, equal ? "equal" : "DIFFERS");
}

static int prove_account(struct proof_of_usage *p, struct pp_usage *usage,
                         const char *account_id, const struct pp_window *window,
                         struct pp_err *err)
{
    struct pp_usage_range range = range_of(window);

    p->window = window;
    return pp_usage_compare(usage, account_id, &range, take_sum, p, err);
}

int prove_usage(struct cli *cli, int64_t wait_s, bool *equal_out,
                struct pp_err *err)
{
    struct proof_of_usage p = {.cli = cli};
    struct pp_usage usage = {.pg = cli->pg,
                             .clickhouse = cli->clickhouse,
                             .lookback_s = 86400,
                             .timeout_ms = QUERY_MS};
    struct pp_pg_rows rows;
    int result;

    if (await_settled(cli, wait_s, err) < 0)
        return -1;
    result = anchors(cli, NULL, &rows, err);
    if (!cli->json && result == 0)
        printf("%-24s %-16s %12s %12s %10s %12s\n", "account", "window from",
               "counted", "corrections", "erased", "stored");
    for (int i = 0; result == 0 && i < rows.count; i++) {
        struct pp_window window = window_now(&rows, i);

        result =
            prove_account(&p, &usage, pp_pg_text(&rows, i, 0), &window, err);
    }
    pp_pg_rows_fini(&rows);
    if (result < 0)
        return -1;
    if (cli->json)
        printf("{\"accounts\":%" PRId64 ",\"accounts_that_differ\":%" PRId64
               ",\"counted\":%" PRId64 ",\"corrections\":%" PRId64
               ",\"erased\":%" PRId64 ",\"stored\":%" PRId64 "}\n",
               p.accounts, p.differ, p.all.counted, p.all.corrections,
               p.all.erased, p.all.stored);
    *equal_out = p.differ == 0;
    return 0;
}

int prove_usage_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    int64_t wait_s;
    bool equal;

    if (wait_of(argc, argv, &wait_s, err) < 0 ||
        prove_usage(cli, wait_s, &equal, err) < 0)
        return -1;
    return !equal;
}

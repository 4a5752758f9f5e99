#include "snapshot.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_str.h"
#include "pp_usage.h"

#define PAGE          "200" /* accounts a statement */
#define PAGE_ROWS     200
#define ACCOUNT_BYTES 64
#define NUMBER_BYTES  24

int64_t snapshot_at_ms(int64_t now_ms)
{
    return now_ms - now_ms % (PP_USAGE_QUARTER_S * 1000);
}

/*
 * A page of accounts behind $1, at $2. A window that has ended and was not
 * looked at since counts up to its end.
 */
static const char page_sql[] =
    "WITH page AS (SELECT account_id, window_start, window_end, "
    "usage_of(account_id, window_start, least(pp_at($2::bigint), window_end)) "
    "AS used, usage_of(account_id, pp_at($2::bigint) - interval '15 minutes', "
    "pp_at($2::bigint)) AS in_quarter, monthly_limit, CASE WHEN closed THEN "
    "'closed' WHEN blocked THEN 'blocked' ELSE state END AS state FROM "
    "account_capacity WHERE account_id > $1 ORDER BY account_id LIMIT " PAGE
    "), made AS (INSERT INTO usage_snapshot (account_id, at, window_start, "
    "window_end, used, in_quarter, monthly_limit, state) SELECT account_id, "
    "pp_at($2::bigint), window_start, window_end, used, in_quarter, "
    "monthly_limit, state FROM page WHERE used > 0 OR in_quarter > 0 OR state "
    "<> 'ok' ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*), "
    "max(account_id), (SELECT count(*) FROM made) FROM page";

/* Gives the number of accounts of the page, or -1; moves on. */
static int take_page(struct snapshot *snapshot, const char *at,
                     char account[static ACCOUNT_BYTES], struct pp_err *err)
{
    const char *values[] = {account, at};
    struct pp_pg_rows rows;
    int result = pp_pg_query(snapshot->pg, page_sql, 2, values, &rows, err);

    if (result == 0) {
        result = (int)pp_pg_int64(&rows, 0, 0);
        snapshot->accounts += result;
        snapshot->written += pp_pg_int64(&rows, 0, 2);
        snprintf(account, ACCOUNT_BYTES, "%s", pp_pg_text(&rows, 0, 1));
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int snapshot_take(struct snapshot *snapshot, int64_t at_ms, struct pp_err *err)
{
    char account[ACCOUNT_BYTES] = "", at[NUMBER_BYTES];
    int count;

    snprintf(at, sizeof(at), "%" PRId64, at_ms);
    do {
        if (snapshot->progress &&
            snapshot->progress(snapshot->context, err) < 0)
            return -1;
        count = take_page(snapshot, at, account, err);
    } while (count == PAGE_ROWS);
    return count < 0 ? -1 : 0;
}

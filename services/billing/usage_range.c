#include "usage_range.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_date.h"
#include "pp_json.h"
#include "pp_time.h"

#define DAY_MS INT64_C(86400000)

bool usage_query_is(const struct usage_query *query)
{
    return query->from.p || query->to.p || query->step.p;
}

bool usage_range_of(const struct usage_query *query, int64_t today,
                    struct usage_range *out)
{
    int64_t most, days;

    *out =
        (struct usage_range){.by_hour = pp_str_eq(query->step, PP_LIT("hour"))};
    most = out->by_hour ? USAGE_RANGE_HOURS : USAGE_RANGE_DAYS;
    if ((query->step.p && !out->by_hour &&
         !pp_str_eq(query->step, PP_LIT("day"))) ||
        (query->from.p && !pp_date_parse(query->from, &out->from_day)) ||
        (query->to.p && !pp_date_parse(query->to, &out->to_day)))
        return false;
    if (!query->to.p)
        out->to_day = query->from.p ? out->from_day + most : today + 1;
    if (!query->from.p)
        out->from_day = out->to_day - most;
    days = out->to_day - out->from_day;
    return days > 0 && days <= most;
}

/*
 * Rows by step: a reason, or '' of what was used and '+' of its corrections,
 * which come before all reasons. $2, $3: milliseconds; $4: 'day' or 'hour'.
 */
static const char range_sql[] =
    "SELECT pp_ms(at), what, sum(n)::bigint FROM ("
    "SELECT date_trunc($4, bucket_at, 'UTC') AS at, '' AS what, n FROM "
    "usage_bucket WHERE account_id = $1 AND bucket_at >= pp_at($2::bigint) AND "
    "bucket_at < pp_at($3::bigint) AND kind IN ('pageview', 'custom') AND NOT "
    "bot UNION ALL "
    "SELECT date_trunc($4, bucket_at, 'UTC'), '+', n FROM usage_correction "
    "WHERE account_id = $1 AND bucket_at >= pp_at($2::bigint) AND bucket_at < "
    "pp_at($3::bigint) AND kind IN ('pageview', 'custom') AND NOT bot UNION "
    "ALL "
    "SELECT date_trunc($4, hour_at, 'UTC'), reason, r.n FROM usage_refused AS "
    "r JOIN site USING (site_id) WHERE account_id = $1 AND hour_at >= "
    "pp_at($2::bigint) AND hour_at < pp_at($3::bigint)) AS step "
    "GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, what COLLATE \"C\"";

struct step {
    int64_t at_ms;
    int64_t counted, corrections;
};

/* The rows of one step, from row on; which row is the next one's. */
static int add_step(const struct pp_pg_rows *rows, int row, struct pp_buf *out)
{
    struct step step = {.at_ms = pp_pg_int64(rows, row, 0)};
    char at[PP_WALL_TEXT_BYTES];
    bool any = false;

    for (; row < rows->count && pp_pg_int64(rows, row, 0) == step.at_ms;
         row++) {
        char kind = pp_pg_text(rows, row, 1)[0];

        if (kind == '\0')
            step.counted = pp_pg_int64(rows, row, 2);
        else if (kind == '+')
            step.corrections = pp_pg_int64(rows, row, 2);
        else
            break;
    }
    pp_wall_text((struct pp_wall){step.at_ms}, at);
    pp_buf_printf(out,
                  "{\"at\":\"%s\",\"used\":%" PRId64 ",\"corrections\":%" PRId64
                  ",\"refused\":{",
                  at, step.counted + step.corrections, step.corrections);
    for (; row < rows->count && pp_pg_int64(rows, row, 0) == step.at_ms;
         row++) {
        if (any)
            pp_buf_add_byte(out, ',');
        any = true;
        pp_json_add_str(out, pp_str_of(pp_pg_text(rows, row, 1)));
        pp_buf_printf(out, ":%" PRId64, pp_pg_int64(rows, row, 2));
    }
    pp_buf_add_text(out, "}}");
    return row;
}

static void add_range(const char *account_id, const struct usage_range *range,
                      const struct pp_pg_rows *rows, struct pp_buf *out)
{
    char from[PP_DATE_TEXT_BYTES], to[PP_DATE_TEXT_BYTES];

    pp_date_text(range->from_day, from);
    pp_date_text(range->to_day, to);
    pp_buf_add_text(out, "{\"result\":\"ok\",\"account\":");
    pp_json_add_str(out, pp_str_of(account_id));
    pp_buf_printf(out,
                  ",\"from\":\"%s\",\"to\":\"%s\",\"step\":\"%s\",\"steps\":[",
                  from, to, range->by_hour ? "hour" : "day");
    for (int row = 0; row < rows->count;) {
        if (row)
            pp_buf_add_byte(out, ',');
        row = add_step(rows, row, out);
    }
    pp_buf_add_text(out, "]}");
}

int usage_range_read(struct pp_pg *pg, const char *account_id,
                     const struct usage_range *range, struct pp_buf *out,
                     struct pp_err *err)
{
    char from[24], to[24];
    const char *values[] = {account_id, from, to,
                            range->by_hour ? "hour" : "day"};
    struct pp_pg_rows rows;
    int result;

    snprintf(from, sizeof(from), "%" PRId64, range->from_day * DAY_MS);
    snprintf(to, sizeof(to), "%" PRId64, range->to_day * DAY_MS);
    result = pp_pg_query(pg, range_sql, 4, values, &rows, err);
    if (result == 0)
        add_range(account_id, range, &rows, out);
    pp_pg_rows_fini(&rows);
    return result;
}

#include "ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_capacity_pg.h"
#include "pp_column.h"
#include "pp_crash.h"
#include "pp_mem.h"

#define ROWS_EACH    10000 /* of one statement */
#define COLUMN_BYTES ((size_t)4 << 20)

static const char *const kinds[] = {
    [EVENT_KIND_PAGEVIEW] = "pageview",
    [EVENT_KIND_CUSTOM] = "custom",
    [EVENT_KIND_TIMING] = "timing",
    [EVENT_KIND_VITAL] = "vital",
};

/* --- offsets ---------------------------------------------------------------
 */

int ledger_next(struct pp_pg *pg, const struct ledger_topic *topic,
                int32_t partition, int64_t first, int64_t *next_out,
                struct pp_err *err)
{
    char epoch[24], number[16], offset[24];
    const char *values[] = {topic->name, epoch, number, offset};
    struct pp_pg_rows rows = {0};
    int result;

    snprintf(epoch, sizeof(epoch), "%" PRId64, topic->epoch);
    snprintf(number, sizeof(number), "%d", partition);
    snprintf(offset, sizeof(offset), "%" PRId64, first);
    result = pp_pg_exec(pg,
                        "INSERT INTO usage_offset (topic, epoch, partition, "
                        "next_offset) VALUES ($1, $2, $3, $4) "
                        "ON CONFLICT DO NOTHING",
                        4, values, err);
    if (result == 0)
        result = pp_pg_query(pg,
                             "SELECT next_offset FROM usage_offset WHERE "
                             "topic = $1 AND epoch = $2 AND partition = $3",
                             3, values, &rows, err);
    if (result == 0)
        *next_out = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

/* All of them move, or none: a partition may be another's by now. */
static int move_offsets(struct pp_pg *pg, const struct ledger_topic *topic,
                        struct pp_err *err)
{
    char epoch[24];
    struct pp_buf columns[3];
    const char *values[5] = {topic->name, epoch};
    struct pp_pg_rows rows;
    int result;

    snprintf(epoch, sizeof(epoch), "%" PRId64, topic->epoch);
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_column_begin(&columns[i], COLUMN_BYTES);
    for (size_t i = 0; i < topic->count; i++) {
        pp_column_number(&columns[0], topic->ranges[i].partition);
        pp_column_number(&columns[1], topic->ranges[i].since);
        pp_column_number(&columns[2], topic->ranges[i].until);
    }
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        values[2 + i] = pp_column_end(&columns[i]);
    result = pp_pg_query(
        pg,
        "UPDATE usage_offset o SET next_offset = r.until, changed_at = "
        "clock_timestamp() FROM unnest($3::int[], $4::bigint[], $5::bigint[]) "
        "AS r (partition, since, until) WHERE o.topic = $1 AND o.epoch = $2 "
        "AND o.partition = r.partition AND o.next_offset = r.since",
        5, values, &rows, err);
    if (result == 0 && rows.changed != (int64_t)topic->count)
        result = pp_err_set(err, PP_ERR_DENIED,
                            "another has counted of %s: %" PRId64
                            " of %zu partitions are ours",
                            topic->name, rows.changed, topic->count);
    pp_pg_rows_fini(&rows);
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_buf_fini(&columns[i]);
    return result;
}

/* --- buckets ---------------------------------------------------------------
 */

static int compare_texts(struct pp_str a, struct pp_str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* By account first; beyond that any order does, if it is always the same. */
static int compare_buckets(const void *left, const void *right, void *context)
{
    const struct bucket a = buckets_at(context, *(const uint32_t *)left);
    const struct bucket b = buckets_at(context, *(const uint32_t *)right);
    int order = compare_texts(a.account_id, b.account_id);

    if (!order)
        order = (a.at_ms > b.at_ms) - (a.at_ms < b.at_ms);
    if (!order)
        order = compare_texts(a.site_id, b.site_id);
    if (!order)
        order = (a.kind > b.kind) - (a.kind < b.kind);
    return order ? order : a.bot - b.bot;
}

/* Buckets in an order; some of them. */
struct list {
    const struct buckets *buckets;
    const uint32_t *order;
    size_t count;
};

static struct bucket list_at(const struct list *list, size_t i)
{
    return buckets_at(list->buckets, list->order[i]);
}

/* In order, since two meters that lock rows crosswise would wait for ever. */
static uint32_t *sorted(struct buckets *buckets)
{
    size_t count = buckets_count(buckets);
    uint32_t *order = pp_malloc((count + 1) * sizeof(*order));

    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, count, sizeof(*order), compare_buckets, buckets);
    return order;
}

static int run_columns(struct pp_pg *pg, const char *sql,
                       struct pp_buf *columns, int count,
                       struct pp_pg_rows *rows, struct pp_err *err)
{
    const char *values[8];

    for (int i = 0; i < count; i++)
        values[i] = pp_column_end(&columns[i]);
    return pp_pg_query(pg, sql, count, values, rows, err);
}

static int add_rows(struct pp_pg *pg, const struct list *list,
                    struct pp_err *err)
{
    struct pp_buf columns[6];
    struct pp_pg_rows rows = {0};
    int result;

    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_column_begin(&columns[i], COLUMN_BYTES);
    for (size_t i = 0; i < list->count; i++) {
        const struct bucket one = list_at(list, i);

        pp_column_plain(&columns[0], one.account_id);
        pp_column_number(&columns[1], one.at_ms / 1000);
        pp_column_plain(&columns[2], one.site_id);
        pp_column_plain(&columns[3], pp_str_of(kinds[one.kind]));
        pp_column_plain(&columns[4], one.bot ? PP_LIT("t") : PP_LIT("f"));
        pp_column_number(&columns[5], one.n);
    }
    result = run_columns(
        pg,
        "INSERT INTO usage_bucket AS b (account_id, bucket_at, site_id, kind, "
        "bot, n) SELECT account_id, to_timestamp(at), site_id, kind, bot, n "
        "FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], "
        "$5::boolean[], $6::bigint[]) AS r (account_id, at, site_id, kind, "
        "bot, n) ON CONFLICT (account_id, bucket_at, site_id, kind, bot) "
        "DO UPDATE SET n = b.n + excluded.n",
        columns, PP_COUNT(columns), &rows, err);
    pp_pg_rows_fini(&rows);
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_buf_fini(&columns[i]);
    return result;
}

/* --- whose capacity has to be looked at ------------------------------------
 */

static bool is_used(const struct bucket *bucket)
{
    return !bucket->bot && (bucket->kind == EVENT_KIND_PAGEVIEW ||
                            bucket->kind == EVENT_KIND_CUSTOM);
}

/*
 * Usage of each account, from the sorted list on from *i, into two columns; of
 * so many accounts as go into one statement. False when there was none.
 */
static bool sum_accounts(const struct list *list, size_t *i,
                         struct pp_buf *accounts, struct pp_buf *sums)
{
    size_t found = 0;

    while (*i < list->count && found < ROWS_EACH) {
        struct pp_str account = list_at(list, *i).account_id;
        int64_t sum = 0;

        for (; *i < list->count; ++*i) {
            const struct bucket one = list_at(list, *i);

            if (!pp_str_eq(one.account_id, account))
                break;
            sum += is_used(&one) ? one.n : 0;
        }
        if (sum == 0)
            continue;
        pp_column_plain(accounts, account);
        pp_column_number(sums, sum);
        found++;
    }
    return found > 0;
}

static int run_capacity(struct pp_pg *pg, const struct pp_pg_rows *due,
                        struct pp_err *err)
{
    for (int i = 0; i < due->count; i++)
        if (pp_capacity_run(pg, pp_pg_text(due, i, 0), err) < 0)
            return -1;
    return 0;
}

static int watch_some(struct pp_pg *pg, const struct list *list, size_t *i,
                      struct pp_err *err)
{
    struct pp_buf columns[2];
    struct pp_pg_rows due = {0};
    int result = 0;

    for (size_t c = 0; c < PP_COUNT(columns); c++)
        pp_column_begin(&columns[c], COLUMN_BYTES);
    if (sum_accounts(list, i, &columns[0], &columns[1])) {
        result = run_columns(
            pg,
            "WITH w AS (INSERT INTO usage_watch AS w (account_id, counted) "
            "SELECT * FROM unnest($1::text[], $2::bigint[]) "
            "ON CONFLICT (account_id) DO UPDATE SET counted = w.counted + "
            "excluded.counted RETURNING account_id, counted >= run_at AS due) "
            "SELECT account_id FROM w WHERE due",
            columns, PP_COUNT(columns), &due, err);
        if (result == 0)
            result = run_capacity(pg, &due, err);
    }
    pp_pg_rows_fini(&due);
    for (size_t c = 0; c < PP_COUNT(columns); c++)
        pp_buf_fini(&columns[c]);
    return result;
}

/* --- the transactions ------------------------------------------------------
 */

static int write_buckets(struct pp_pg *pg, const struct ledger_topic *topic,
                         const struct list *list, struct pp_err *err)
{
    if (move_offsets(pg, topic, err) < 0)
        return -1;
    pp_crash_point("M1");
    for (size_t i = 0; i < list->count; i += ROWS_EACH) {
        size_t rest = list->count - i;
        const struct list some = {list->buckets, list->order + i,
                                  rest < ROWS_EACH ? rest : ROWS_EACH};

        if (add_rows(pg, &some, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < list->count;)
        if (watch_some(pg, list, &i, err) < 0)
            return -1;
    return 0;
}

static int commit(struct pp_pg *pg, int result, struct pp_err *err)
{
    if (result == 0) {
        pp_crash_point("M2");
        result = pp_pg_commit(pg, err);
        pp_crash_point("M3");
    }
    if (result < 0)
        pp_pg_rollback(pg);
    return result;
}

int ledger_write_buckets(struct pp_pg *pg, const struct ledger_topic *topic,
                         struct buckets *buckets, struct pp_err *err)
{
    struct list list = {buckets, NULL, buckets_count(buckets)};
    uint32_t *order;
    int result;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    list.order = order = sorted(buckets);
    result = write_buckets(pg, topic, &list, err);
    free(order);
    return commit(pg, result, err);
}

static int write_refusals(struct pp_pg *pg, struct refusals *refusals,
                          struct pp_err *err)
{
    const char *values[REFUSALS_COLUMNS];

    refusals_end(refusals, values);
    return pp_pg_exec(
        pg,
        "WITH r AS (SELECT * FROM unnest($1::text[], $2::bigint[], "
        "$3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], "
        "$8::bigint[]) AS r (instance, sequence, told, site_id, hour, stage, "
        "reason, n)), fresh AS (INSERT INTO usage_told SELECT instance, "
        "sequence, to_timestamp(told) FROM r ON CONFLICT DO NOTHING RETURNING "
        "instance, sequence), once AS (SELECT DISTINCT ON (instance, sequence) "
        "r.* FROM r JOIN fresh USING (instance, sequence)) "
        "INSERT INTO usage_refused AS t (site_id, hour_at, stage, reason, n) "
        "SELECT site_id, to_timestamp(hour), stage, reason, sum(n) FROM once "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 "
        "ON CONFLICT (site_id, hour_at, stage, reason) "
        "DO UPDATE SET n = t.n + excluded.n",
        REFUSALS_COLUMNS, values, err);
}

int ledger_write_refusals(struct pp_pg *pg, const struct ledger_topic *topic,
                          struct refusals *refusals, struct pp_err *err)
{
    int result;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    result = move_offsets(pg, topic, err);
    if (result == 0)
        result = write_refusals(pg, refusals, err);
    return commit(pg, result, err);
}

static int confirm_one(struct pp_pg *pg, const char *account_id,
                       struct pp_err *err)
{
    int result;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    result = pp_capacity_confirm(pg, account_id, err);
    if (result == 0)
        result = pp_pg_commit(pg, err);
    if (result < 0)
        pp_pg_rollback(pg);
    return result;
}

int ledger_confirm(struct pp_pg *pg, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg, "SELECT account_id FROM usage_watch", 0, NULL,
                             &rows, err);

    for (int i = 0; result == 0 && i < rows.count; i++)
        result = confirm_one(pg, pp_pg_text(&rows, i, 0), err);
    pp_pg_rows_fini(&rows);
    return result;
}

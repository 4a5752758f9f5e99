#include "pp_usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_buf.h"
#include "pp_mem.h"

#define EVENTS_NAME  "events.v1"
#define EVENTS_EACH  2000000 /* of one question, about */
#define PARTS_MAX    512
#define LATE_S       (7 * 86400) /* how long an event may be before its receipt */
#define COLUMN_BYTES ((size_t)32 << 20)
#define SQL_BYTES    4096

/* --- is all of it there? ---------------------------------------------------
 */

/* The offset up to which a partition of `events` is counted. */
static int counted_to(struct pp_pg *pg, int partition, int64_t *offset_out,
                      struct pp_err *err)
{
    char number[16];
    const char *values[] = {EVENTS_NAME, number};
    struct pp_pg_rows rows;
    int result;

    snprintf(number, sizeof(number), "%d", partition);
    result = pp_pg_query(pg,
                         "SELECT next_offset FROM usage_offset WHERE topic = "
                         "$1 AND partition = $2 ORDER BY epoch DESC LIMIT 1",
                         2, values, &rows, err);
    if (result == 0)
        *offset_out = rows.count > 0 ? pp_pg_int64(&rows, 0, 0) : 0;
    pp_pg_rows_fini(&rows);
    return result;
}

static int partition_counted(struct pp_pg *pg, struct pp_kafka *kafka,
                             const char *topic, int partition, int64_t at_ms,
                             int64_t *needed_out, struct pp_err *err)
{
    int64_t low, end, needed, counted = 0;

    *needed_out = 0;
    if (pp_kafka_offsets(kafka, topic, partition, &low, &end, err) < 0 ||
        pp_kafka_offset_at(kafka, topic, partition, at_ms, &needed, err) < 0 ||
        counted_to(pg, partition, &counted, err) < 0)
        return -1;
    if (needed < 0)
        needed = end;                /* nothing has come since */
    if (low == end || needed <= low) /* Kafka holds nothing of that time */
        return 0;
    if (counted < needed)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "partition %d is counted to %" PRId64
                          " and not yet to %" PRId64,
                          partition, counted, needed);
    *needed_out = needed;
    return 0;
}

static int partition_stored(struct pp_kafka *kafka, const char *topic,
                            int partition, int64_t needed, struct pp_err *err)
{
    int64_t stored;

    if (pp_kafka_committed(kafka, "writer", topic, partition, &stored, err) < 0)
        return -1;
    if (stored < needed)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "partition %d is stored to %" PRId64
                          " and not yet to %" PRId64,
                          partition, stored, needed);
    return 0;
}

static int settled(struct pp_pg *pg, struct pp_kafka *kafka, const char *prefix,
                   int64_t at_ms, bool and_stored, struct pp_err *err)
{
    char topic[200];
    int partitions;

    snprintf(topic, sizeof(topic), "%s" EVENTS_NAME, prefix);
    if (pp_kafka_partitions(kafka, topic, &partitions, err) < 0)
        return -1;
    for (int i = 0; i < partitions; i++) {
        int64_t needed;

        if (partition_counted(pg, kafka, topic, i, at_ms, &needed, err) < 0 ||
            (and_stored && needed > 0 &&
             partition_stored(kafka, topic, i, needed, err) < 0))
            return -1;
    }
    return 0;
}

int pp_usage_counted(struct pp_pg *pg, struct pp_kafka *kafka,
                     const char *prefix, int64_t at_ms, struct pp_err *err)
{
    return settled(pg, kafka, prefix, at_ms, false, err);
}

int pp_usage_settled(struct pp_pg *pg, struct pp_kafka *kafka,
                     const char *prefix, int64_t at_ms, struct pp_err *err)
{
    return settled(pg, kafka, prefix, at_ms, true, err);
}

/* --- what is stored --------------------------------------------------------
 */

/*
 * Each event of a site counts once, where it came first; so those that came
 * shortly before the range are read too. GROUP_ is what the outer SELECT asks.
 */
#define STORED(columns_, where_)                                               \
    "SELECT " columns_                                                         \
    " FROM (SELECT site_id, argMin((account_id, kind, bot, "                   \
    "received_at), (received_at, kafka_epoch, kafka_partition, kafka_offset))" \
    " AS f, f.1 AS account, f.2 AS what, f.3 AS robot, "                       \
    "toUnixTimestamp(toDateTime(f.4)) AS at FROM events WHERE "                \
    "received_at >= toDateTime64({before:Int64}, 3, 'UTC') AND "               \
    "received_at < toDateTime64({until:Int64}, 3, 'UTC') AND "                 \
    "event_at >= toDateTime64({late:Int64}, 3, 'UTC') AND "                    \
    "event_at <= toDateTime64({until:Int64}, 3, 'UTC') " where_                \
    " GROUP BY site_id, event_id) WHERE at >= {since:Int64} "

struct question {
    char since[24], until[24], before[24], late[24];
    char parts[16], part[16];
    const char *account;
};

static void question_of(struct question *question, const struct pp_usage *usage,
                        const struct pp_usage_range *range)
{
    *question = (struct question){.account = ""};
    snprintf(question->since, sizeof(question->since), "%" PRId64,
             range->since_s);
    snprintf(question->until, sizeof(question->until), "%" PRId64,
             range->until_s);
    snprintf(question->before, sizeof(question->before), "%" PRId64,
             range->since_s - usage->lookback_s);
    snprintf(question->late, sizeof(question->late), "%" PRId64,
             range->since_s - usage->lookback_s - LATE_S);
}

static int ask(const struct pp_usage *usage, const char *sql,
               const struct question *question, struct pp_str *answer,
               struct pp_err *err)
{
    const struct pp_clickhouse_value parameters[] = {
        {"since", question->since},     {"until", question->until},
        {"before", question->before},   {"late", question->late},
        {"parts", question->parts},     {"part", question->part},
        {"account", question->account}, {0}};
    const struct pp_clickhouse_call call = {
        .sql = sql, .parameters = parameters, .timeout_ms = usage->timeout_ms};

    if (pp_clickhouse_run(usage->clickhouse, &call, answer, err) < 0)
        return -1;
    *answer = pp_str_trim(*answer);
    return 0;
}

static int odd_answer(struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_FATAL,
                      "clickhouse: an answer that cannot be read");
}

/* Tab-separated lines as SQL arrays, a column each. */
static int columns_of(struct pp_str answer, struct pp_buf *columns,
                      size_t count, struct pp_err *err)
{
    struct pp_str line, field;
    size_t lines = 0;

    for (size_t i = 0; i < count; i++)
        pp_buf_add_byte(&columns[i], '{');
    for (; answer.n && pp_str_split(&answer, '\n', &line); lines++)
        for (size_t i = 0; i < count; i++) {
            if (!pp_str_split(&line, '\t', &field))
                return odd_answer(err);
            if (lines > 0)
                pp_buf_add_byte(&columns[i], ',');
            pp_buf_add_byte(&columns[i], '"');
            pp_buf_add_str(&columns[i], field);
            pp_buf_add_byte(&columns[i], '"');
        }
    for (size_t i = 0; i < count; i++) {
        pp_buf_add_byte(&columns[i], '}');
        pp_buf_add_byte(&columns[i], '\0');
        if (columns[i].overflow)
            return pp_err_set(err, PP_ERR_FATAL,
                              "clickhouse: too many buckets in one answer");
    }
    return 0;
}

/* --- corrections -----------------------------------------------------------
 */

/* Of one part of the sites: what is stored ($3 to $8) against what is counted
 * ($1, $2: the range; $9: the sites of the part, as ClickHouse knows them). */
static const char correct_sql[] =
    "WITH stored AS (SELECT * FROM unnest($3::text[], $4::text[], $5::text[], "
    "$6::boolean[], $7::bigint[], $8::bigint[]) AS s (account_id, site_id, "
    "kind, bot, at, n)), both_sides AS ("
    "SELECT account_id, bucket_at, site_id, kind, bot, n AS counted, 0 AS "
    "stored FROM usage_bucket WHERE bucket_at >= to_timestamp($1::bigint) AND "
    "bucket_at < to_timestamp($2::bigint) AND site_id = ANY ($9::text[]) "
    "UNION ALL "
    "SELECT account_id, bucket_at, site_id, kind, bot, n, 0 FROM "
    "usage_correction WHERE bucket_at >= to_timestamp($1::bigint) AND "
    "bucket_at < to_timestamp($2::bigint) AND site_id = ANY ($9::text[]) "
    "UNION ALL "
    "SELECT account_id, to_timestamp(at), site_id, kind, bot, 0, n FROM "
    "stored), sums AS (SELECT account_id, bucket_at, site_id, kind, bot, "
    "sum(counted)::bigint AS counted, sum(stored)::bigint AS stored FROM "
    "both_sides GROUP BY 1, 2, 3, 4, 5), written AS ("
    "INSERT INTO usage_correction (account_id, bucket_at, site_id, kind, bot, "
    "n, counted, stored) SELECT account_id, bucket_at, site_id, kind, bot, "
    "stored - counted, counted, stored FROM sums WHERE stored <> counted AND "
    "(stored > counted OR NOT EXISTS (SELECT FROM site WHERE site.site_id = "
    "sums.site_id AND status = 'erased')) ORDER BY 1, 2, 3, 4, 5 RETURNING n) "
    "SELECT count(*), coalesce(sum(abs(n)), 0)::bigint FROM written";

/* Sites of the range, as counted; one that is only stored comes with its rows.
 */
static int sites_of(const struct pp_usage *usage,
                    const struct question *question, struct pp_pg_rows *rows,
                    struct pp_err *err)
{
    const char *values[] = {question->since, question->until};

    return pp_pg_query(
        usage->pg,
        "SELECT DISTINCT site_id FROM (SELECT site_id, bucket_at FROM "
        "usage_bucket UNION ALL SELECT site_id, bucket_at FROM "
        "usage_correction) b WHERE bucket_at >= to_timestamp($1::bigint) AND "
        "bucket_at < to_timestamp($2::bigint)",
        2, values, rows, err);
}

/* Which of the part the sites belong to is said by ClickHouse's hash only. */
static int part_sites(const struct pp_usage *usage,
                      const struct question *question, struct pp_buf *sites,
                      struct pp_err *err)
{
    const struct pp_clickhouse_value parameters[] = {
        {"parts", question->parts}, {"part", question->part}, {0}};
    struct pp_buf sql;
    struct pp_pg_rows rows;
    struct pp_str answer;
    int result = sites_of(usage, question, &rows, err);

    pp_buf_init(&sql, COLUMN_BYTES);
    if (result == 0 && rows.count == 0) {
        pp_buf_add(sites, "{}", 3); /* with its NUL */
    } else if (result == 0) {
        pp_buf_add_text(&sql, "SELECT arrayJoin(['");
        for (int i = 0; i < rows.count; i++)
            pp_buf_printf(&sql, "%s%s", i ? "','" : "",
                          pp_pg_text(&rows, i, 0));
        pp_buf_add_text(&sql, "']) AS s WHERE cityHash64(s) % {parts:UInt32} "
                              "= {part:UInt32}");
        pp_buf_add_byte(&sql, '\0');
        const struct pp_clickhouse_call call = {.sql = sql.p,
                                                .parameters = parameters,
                                                .timeout_ms =
                                                    usage->timeout_ms};

        result = sql.overflow ? odd_answer(err)
                              : pp_clickhouse_run(usage->clickhouse, &call,
                                                  &answer, err);
        if (result == 0)
            result = columns_of(pp_str_trim(answer), sites, 1, err);
    }
    pp_buf_fini(&sql);
    pp_pg_rows_fini(&rows);
    return result;
}

static int write_corrections(struct pp_usage *usage,
                             const struct question *question,
                             struct pp_buf columns[static 7],
                             struct pp_err *err)
{
    const char *values[9] = {question->since, question->until};
    struct pp_pg_rows rows;
    int result;

    for (size_t i = 0; i < 7; i++)
        values[2 + i] = columns[i].p;
    if (pp_pg_begin(usage->pg, err) < 0)
        return -1;
    /* One at a time: the second finds what the first has written. */
    result = pp_pg_exec(usage->pg,
                        "SELECT pg_advisory_xact_lock(hashtext("
                        "'usage_correction'))",
                        0, NULL, err);
    if (result == 0) {
        result = pp_pg_query(usage->pg, correct_sql, 9, values, &rows, err);
        if (result == 0) {
            usage->corrections += pp_pg_int64(&rows, 0, 0);
            usage->drift += pp_pg_int64(&rows, 0, 1);
        }
        pp_pg_rows_fini(&rows);
    }
    if (result == 0)
        result = pp_pg_commit(usage->pg, err);
    if (result < 0)
        pp_pg_rollback(usage->pg);
    return result;
}

static int reconcile_part(struct pp_usage *usage,
                          const struct question *question, struct pp_err *err)
{
    static const char sql[] =
        STORED("account, site_id, what, robot, intDiv(at, 900) * 900 AS q, "
               "count()",
               "AND cityHash64(site_id) % {parts:UInt32} = {part:UInt32}") //
        "GROUP BY account, site_id, what, robot, q";
    struct pp_buf columns[7];
    struct pp_str answer;
    int result;

    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_buf_init(&columns[i], COLUMN_BYTES);
    result = part_sites(usage, question, &columns[6], err);
    if (result == 0)
        result = ask(usage, sql, question, &answer, err);
    if (result == 0)
        result = columns_of(answer, columns, 6, err);
    if (result == 0 && usage->progress)
        result = usage->progress(usage->context, err);
    if (result == 0)
        result = write_corrections(usage, question, columns, err);
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_buf_fini(&columns[i]);
    return result;
}

/* So many parts that each is about EVENTS_EACH. */
static int count_parts(const struct pp_usage *usage,
                       const struct question *question, int *parts_out,
                       struct pp_err *err)
{
    const char *values[] = {question->before, question->until};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(usage->pg,
                         "SELECT coalesce(sum(n), 0)::bigint FROM usage_bucket "
                         "WHERE bucket_at >= to_timestamp($1::bigint) AND "
                         "bucket_at < to_timestamp($2::bigint)",
                         2, values, &rows, err);
    if (result == 0) {
        int64_t parts = 1 + pp_pg_int64(&rows, 0, 0) / EVENTS_EACH;

        *parts_out = parts < PARTS_MAX ? (int)parts : PARTS_MAX;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int pp_usage_reconcile(struct pp_usage *usage,
                       const struct pp_usage_range *range, struct pp_err *err)
{
    struct question question;
    int parts = 1;

    question_of(&question, usage, range);
    if (count_parts(usage, &question, &parts, err) < 0)
        return -1;
    snprintf(question.parts, sizeof(question.parts), "%d", parts);
    for (int i = 0; i < parts; i++) {
        snprintf(question.part, sizeof(question.part), "%d", i);
        if (reconcile_part(usage, &question, err) < 0)
            return -1;
    }
    return 0;
}

/* --- comparing -------------------------------------------------------------
 */

static const char compare_sql[] =
    "SELECT account_id, sum(counted)::bigint, sum(corrected)::bigint, "
    "sum(stored)::bigint, coalesce(sum(counted + corrected) FILTER (WHERE "
    "EXISTS (SELECT FROM site s WHERE s.site_id = b.site_id AND status = "
    "'erased')), 0)::bigint FROM (SELECT account_id, site_id, n AS counted, 0 "
    "AS corrected, 0 AS stored, bucket_at FROM usage_bucket UNION ALL SELECT "
    "account_id, site_id, 0, n, 0, bucket_at FROM usage_correction UNION ALL "
    "SELECT account_id, '', 0, 0, n, to_timestamp($1::bigint) FROM "
    "unnest($4::text[], $5::bigint[]) AS s (account_id, n)) b WHERE bucket_at "
    ">= to_timestamp($1::bigint) AND bucket_at < to_timestamp($2::bigint) AND "
    "($3 = '' OR account_id = $3) GROUP BY 1 ORDER BY account_id COLLATE \"C\"";

static int
take_sums(const struct pp_usage *usage, const struct question *question,
          const struct pp_buf columns[static 2],
          void (*take)(void *context, const struct pp_usage_sum *sum),
          void *context, struct pp_err *err)
{
    const char *values[] = {question->since, question->until, question->account,
                            columns[0].p, columns[1].p};
    struct pp_pg_rows rows;
    int result = pp_pg_query(usage->pg, compare_sql, 5, values, &rows, err);

    for (int i = 0; result == 0 && i < rows.count; i++) {
        struct pp_usage_sum sum = {
            .counted = pp_pg_int64(&rows, i, 1),
            .corrections = pp_pg_int64(&rows, i, 2),
            .stored = pp_pg_int64(&rows, i, 3),
            .erased = pp_pg_int64(&rows, i, 4),
        };

        snprintf(sum.account_id, sizeof(sum.account_id), "%s",
                 pp_pg_text(&rows, i, 0));
        take(context, &sum);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int pp_usage_compare(struct pp_usage *usage, const char *account_id,
                     const struct pp_usage_range *range,
                     void (*take)(void *context,
                                  const struct pp_usage_sum *sum),
                     void *context, struct pp_err *err)
{
    static const char sql[] =
        STORED("account, count()", "AND ({account:String} = '' OR account_id "
                                   "= {account:String})") //
        "GROUP BY account";
    struct question question;
    struct pp_buf columns[2];
    struct pp_str answer;
    int result;

    question_of(&question, usage, range);
    question.account = account_id ? account_id : "";
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_buf_init(&columns[i], COLUMN_BYTES);
    result = ask(usage, sql, &question, &answer, err);
    if (result == 0)
        result = columns_of(answer, columns, 2, err);
    if (result == 0)
        result = take_sums(usage, &question, columns, take, context, err);
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        pp_buf_fini(&columns[i]);
    return result;
}

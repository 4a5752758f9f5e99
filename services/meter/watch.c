#include "watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_log.h"
#include "pp_mem.h"

#include "staff.h"

#define NUMBER_BYTES 24
#define DETAIL_BYTES 240

/* What one look has found. */
struct finding {
    const char *name; /* of the rule, and of what it looks at */
    const char *account_id;
    const char *what, *metric, *detail; /* for the message */
    int64_t value;                      /* kept for the next look */
    int64_t shown, threshold;           /* in the message */
    bool holds;
    int64_t patience_ms;
};

/* --- the state and the message ---------------------------------------------
 */

/* Locks its row. 0 rows: it was never seen. */
static int read_state(struct watch *watch, const char *name,
                      struct staff *staff, int64_t *now_ms, bool *is_there,
                      struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result =
        pp_pg_query(watch->pg,
                    "SELECT pp_ms(since_at), pp_ms(held_at), told, episode, "
                    "pp_ms(pp_now()) FROM staff_alert_state WHERE name = $1 "
                    "FOR UPDATE",
                    1, &name, &rows, err);

    *is_there = result == 0 && rows.count == 1;
    if (*is_there) {
        *staff = (struct staff){.since_ms = pp_pg_int64(&rows, 0, 0),
                                .held_ms = pp_pg_int64(&rows, 0, 1),
                                .told = pp_pg_bool(&rows, 0, 2),
                                .episode = pp_pg_int64(&rows, 0, 3)};
        *now_ms = pp_pg_int64(&rows, 0, 4);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static int write_state(struct watch *watch, const struct finding *finding,
                       const struct staff *staff, struct pp_err *err)
{
    char text[4][NUMBER_BYTES];
    const int64_t numbers[4] = {finding->value, staff->since_ms, staff->held_ms,
                                staff->episode};
    const char *values[] = {finding->name, text[0], text[1],
                            text[2],       text[3], staff->told ? "t" : "f"};

    for (size_t i = 0; i < PP_COUNT(numbers); i++)
        snprintf(text[i], sizeof(text[i]), "%" PRId64, numbers[i]);
    return pp_pg_exec(watch->pg,
                      "UPDATE staff_alert_state SET value = $2, since_at = "
                      "pp_at($3::bigint), held_at = pp_at($4::bigint), "
                      "episode = $5, told = $6, seen_at = pp_now() "
                      "WHERE name = $1",
                      PP_COUNT(values), values, err);
}

static int write_message(struct watch *watch, const struct finding *finding,
                         const struct staff *staff, struct pp_err *err)
{
    char key[200], shown[NUMBER_BYTES], threshold[NUMBER_BYTES];
    char since[NUMBER_BYTES];
    const char *values[] = {
        key,       finding->account_id, finding->what,   shown,
        threshold, finding->metric,     finding->detail, since};

    snprintf(key, sizeof(key), "staff/%s/%" PRId64, finding->name,
             staff->episode);
    snprintf(shown, sizeof(shown), "%" PRId64, finding->shown);
    snprintf(threshold, sizeof(threshold), "%" PRId64, finding->threshold);
    snprintf(since, sizeof(since), "%" PRId64, staff->since_ms);
    watch->told++;
    pp_warn("staff.told", "rule=%s value=%" PRId64, finding->name,
            finding->shown);
    return pp_pg_exec(
        watch->pg,
        "INSERT INTO notification (business_key, kind, account_id, facts) "
        "VALUES ($1, 'staff_alert', $2, jsonb_build_object('what', $3::text, "
        "'value', $4::bigint, 'threshold', $5::bigint, 'metric', $6::text, "
        "'detail', $7::text, 'since_at', pp_at($8::bigint))) ON CONFLICT "
        "(business_key) DO NOTHING",
        PP_COUNT(values), values, err);
}

/* keep: also what does not hold has a row, for its value. */
static int decide(struct watch *watch, const struct finding *finding, bool keep,
                  struct pp_err *err)
{
    char value[NUMBER_BYTES];
    const char *values[] = {finding->name, value};
    struct staff staff = {0};
    int64_t now_ms = 0;
    bool is_there, tell;

    snprintf(value, sizeof(value), "%" PRId64, finding->value);
    if ((keep || finding->holds) &&
        pp_pg_exec(watch->pg,
                   "INSERT INTO staff_alert_state (name, value) VALUES ($1, "
                   "$2) ON CONFLICT DO NOTHING",
                   2, values, err) < 0)
        return -1;
    if (read_state(watch, finding->name, &staff, &now_ms, &is_there, err) < 0)
        return -1;
    if (!is_there)
        return 0;
    tell = staff_decide(&staff, finding->holds, now_ms, finding->patience_ms);
    if (write_state(watch, finding, &staff, err) < 0)
        return -1;
    return tell ? write_message(watch, finding, &staff, err) : 0;
}

static int settle(struct watch *watch, const struct finding *finding, bool keep,
                  struct pp_err *err)
{
    if (pp_pg_begin(watch->pg, err) < 0)
        return -1;
    if (decide(watch, finding, keep, err) == 0)
        return pp_pg_commit(watch->pg, err);
    pp_pg_rollback(watch->pg);
    return -1;
}

/* --- accounts --------------------------------------------------------------
 */

/*
 * Those with so many events in the last 24 hours, as they were counted, and
 * those that were seen before: what they used in these hours, and the median
 * of the days before of which they were there. NULL: of fewer than three days.
 */
static const char accounts_sql[] =
    "WITH clock AS (SELECT pp_now() AS now), busy AS (SELECT account_id FROM "
    "usage_bucket, clock WHERE bucket_at > now - interval '24 hours' AND kind "
    "IN ('pageview', 'custom') AND NOT bot GROUP BY account_id HAVING sum(n) "
    ">= $1::bigint UNION SELECT substr(name, 8) FROM staff_alert_state WHERE "
    "name LIKE 'median/%' AND since_at IS NOT NULL) "
    "SELECT account_id, usage_of(account_id, now - interval '1 day', now), "
    "days.median FROM clock, busy JOIN account a USING (account_id), LATERAL "
    "(SELECT CASE WHEN count(*) >= 3 THEN percentile_cont(0.5) WITHIN GROUP "
    "(ORDER BY usage_of(account_id, now - (d + 1) * interval '1 day', now - d "
    "* interval '1 day')) END::bigint AS median FROM generate_series(1, 14) d "
    "WHERE a.created_at <= now - (d + 1) * interval '1 day') days "
    "ORDER BY account_id";

static int look_at_account(struct watch *watch, const struct pp_pg_rows *rows,
                           int i, struct pp_err *err)
{
    int64_t least = watch->options->median_events;
    int64_t median = pp_pg_int64(rows, i, 2);
    char name[100], detail[DETAIL_BYTES];
    struct finding finding = {
        .name = name,
        .account_id = pp_pg_text(rows, i, 0),
        .what = "An account uses far more than usual",
        .metric = "page views and events of people, in 24 hours",
        .detail = detail,
        .value = pp_pg_int64(rows, i, 1),
        .threshold = median * watch->options->median_times,
    };

    snprintf(name, sizeof(name), "median/%s", finding.account_id);
    snprintf(detail, sizeof(detail),
             "The median of its last 14 days is %" PRId64 " events a day.",
             median);
    if (finding.threshold < least)
        finding.threshold = least;
    finding.shown = finding.value;
    finding.holds =
        !pp_pg_is_null(rows, i, 2) && finding.value >= finding.threshold;
    return settle(watch, &finding, false, err);
}

static int look_at_accounts(struct watch *watch, struct pp_err *err)
{
    char least[NUMBER_BYTES];
    const char *values[] = {least};
    struct pp_pg_rows rows;
    int result;

    if (watch->options->median_times == 0)
        return 0;
    snprintf(least, sizeof(least), "%d", watch->options->median_events);
    result = pp_pg_query(watch->pg, accounts_sql, 1, values, &rows, err);
    for (int i = 0; result == 0 && i < rows.count; i++)
        result = look_at_account(watch, &rows, i, err);
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- rejects ---------------------------------------------------------------
 */

static int end_of(struct watch *watch, const char *name, int64_t *end_out,
                  struct pp_err *err)
{
    int64_t low, high;
    char topic[200];
    int partitions;

    *end_out = 0;
    snprintf(topic, sizeof(topic), "%s%s", watch->prefix, name);
    if (pp_kafka_partitions(watch->kafka, topic, &partitions, err) < 0)
        return -1;
    for (int i = 0; i < partitions; i++) {
        if (pp_kafka_offsets(watch->kafka, topic, i, &low, &high, err) < 0)
            return -1;
        *end_out += high;
    }
    return 0;
}

/* The end that the look before has seen; at the first, none is new. */
static int end_before(struct watch *watch, const char *name, int64_t now,
                      int64_t *before_out, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(watch->pg,
                             "SELECT value FROM staff_alert_state WHERE name "
                             "= $1",
                             1, &name, &rows, err);

    if (result == 0)
        *before_out = rows.count == 1 ? pp_pg_int64(&rows, 0, 0) : now;
    pp_pg_rows_fini(&rows);
    return result;
}

static int look_at_rejects(struct watch *watch, struct pp_err *err)
{
    struct finding finding = {
        .name = "rejects",
        .what = "Records were rejected",
        /* Marks of transactions are offsets, too. */
        .metric = "offsets by which the topic of rejects grew",
        .detail = "Each has its reason: pawprint rejects list shows them. Once "
                  "the cause is mended, pawprint rejects replay puts them "
                  "back.",
        .threshold = watch->options->rejects,
    };
    int64_t before = 0;

    if (watch->options->rejects == 0)
        return 0;
    if (end_of(watch, "rejects.v1", &finding.value, err) < 0 ||
        end_before(watch, finding.name, finding.value, &before, err) < 0)
        return -1;
    finding.shown = finding.value - before;
    finding.holds = finding.shown >= finding.threshold;
    return settle(watch, &finding, true, err);
}

/* --- lag -------------------------------------------------------------------
 */

/* Records that Kafka still has and the group has not committed. */
static int lag_of(struct watch *watch, const char *group, const char *name,
                  int64_t *lag_out, struct pp_err *err)
{
    int64_t low, high, committed;
    char topic[200];
    int partitions;

    *lag_out = 0;
    snprintf(topic, sizeof(topic), "%s%s", watch->prefix, name);
    if (pp_kafka_partitions(watch->kafka, topic, &partitions, err) < 0)
        return -1;
    for (int i = 0; i < partitions; i++) {
        if (pp_kafka_offsets(watch->kafka, topic, i, &low, &high, err) < 0 ||
            pp_kafka_committed(watch->kafka, group, topic, i, &committed, err) <
                0)
            return -1;
        if (committed < low)
            committed = low;
        if (committed < high)
            *lag_out += high - committed;
    }
    return 0;
}

static int look_at_group(struct watch *watch, const char *group,
                         const char *topic, const char *what,
                         struct pp_err *err)
{
    char name[100], detail[DETAIL_BYTES];
    struct finding finding = {
        .name = name,
        .what = what,
        .metric = "records that wait for it",
        .detail = detail,
        .threshold = watch->options->lag_records,
        .patience_ms = watch->options->lag_s * INT64_C(1000),
    };

    if (lag_of(watch, group, topic, &finding.value, err) < 0)
        return -1;
    snprintf(name, sizeof(name), "lag/%s", group);
    snprintf(detail, sizeof(detail),
             "Nothing is lost while the topic %s keeps it. Does the %s run, "
             "and what does its log say that it waits for? More replicas, up "
             "to the number of partitions, are faster.",
             topic, group);
    finding.shown = finding.value;
    finding.holds = finding.value >= finding.threshold;
    return settle(watch, &finding, false, err);
}

static int look_at_groups(struct watch *watch, struct pp_err *err)
{
    static const struct {
        const char *group, *topic, *what;
    } groups[] = {
        {"enricher", "hits.v1", "The enricher lags behind"},
        {"writer", "events.v1", "The writer lags behind"},
        {"meter", "events.v1", "The meter lags behind"},
    };

    if (watch->options->lag_records == 0)
        return 0;
    for (size_t i = 0; i < PP_COUNT(groups); i++)
        if (look_at_group(watch, groups[i].group, groups[i].topic,
                          groups[i].what, err) < 0)
            return -1;
    return 0;
}

int watch_look(struct watch *watch, struct pp_err *err)
{
    watch->told = 0;
    if (look_at_accounts(watch, err) < 0 || look_at_rejects(watch, err) < 0)
        return -1;
    return look_at_groups(watch, err);
}

/*
 * What a restored Postgres has to hear of Kafka, which lived on: which sites
 * were changed, made or erased since the backup; which versions the collectors
 * already know, since they take no older one; which epochs topics have. And
 * from where the writers have to read again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backup_rows.h"
#include "capacity.h"
#include "restore.h"
#include "site.h"
#include "topic_scan.h"

#define GROUP "writer"

/* Later records of a key are read later; a version never falls. */
static const char tables_sql[] =
    "CREATE TEMP TABLE IF NOT EXISTS known_site (site_id text PRIMARY KEY, "
    "account_id text, version bigint, status text, origins text, zone text, "
    "retention_days int); CREATE TEMP TABLE IF NOT EXISTS known_capacity "
    "(account_id text PRIMARY KEY, version bigint); CREATE TEMP TABLE IF NOT "
    "EXISTS known_epoch (name text PRIMARY KEY, epoch bigint); TRUNCATE "
    "known_site, known_capacity, known_epoch";

/* --- what the topics say ---------------------------------------------------
 */

static int put(struct cli *cli, const char *sql, const struct pp_str *texts,
               int count, struct pp_err *err)
{
    char copies[8][512];
    const char *values[8];

    for (int i = 0; i < count; i++) {
        snprintf(copies[i], sizeof(copies[i]), "%.*s", PP_ARG(texts[i]));
        values[i] = copies[i];
    }
    return pp_pg_exec(cli->pg, sql, count, values, err);
}

static int take_site(void *context, const struct pp_message *message,
                     struct pp_err *err)
{
    static const char *const words[] = {
        [SITE_STATUS_ACTIVE] = "active",
        [SITE_STATUS_PAUSED] = "paused",
        [SITE_STATUS_DELETED] = "deleted",
        [SITE_STATUS_ERASED] = "erased",
    };
    struct cli *cli = context;
    struct pp_str body = message->value;
    char version[24], days[16];
    struct site site;
    uint64_t schema;

    if (!body.p)
        return 0;
    if (pp_registry_get(cli->registry, &body, &schema, err) < 0 ||
        site_decode(schema, body, &site, err) < 0)
        return -1;
    snprintf(version, sizeof(version), "%" PRId64, site.version);
    snprintf(days, sizeof(days), "%d", site.retention_days);
    return put(cli,
               "INSERT INTO known_site VALUES ($1, $2, $3::bigint, $4, $5, $6, "
               "$7::int) ON CONFLICT (site_id) DO UPDATE SET (account_id, "
               "version, status, origins, zone, retention_days) = "
               "(EXCLUDED.account_id, EXCLUDED.version, EXCLUDED.status, "
               "EXCLUDED.origins, EXCLUDED.zone, EXCLUDED.retention_days) "
               "WHERE EXCLUDED.version >= known_site.version",
               (struct pp_str[]){site.site_id, site.account_id,
                                 pp_str_of(version),
                                 pp_str_of(words[site.status]), site.origins,
                                 site.zone, pp_str_of(days)},
               7, err);
}

static int take_capacity(void *context, const struct pp_message *message,
                         struct pp_err *err)
{
    struct cli *cli = context;
    struct pp_str body = message->value;
    struct capacity capacity;
    char version[24];
    uint64_t schema;

    if (!body.p)
        return 0;
    if (pp_registry_get(cli->registry, &body, &schema, err) < 0 ||
        capacity_decode(schema, body, &capacity, err) < 0)
        return -1;
    snprintf(version, sizeof(version), "%" PRId64, capacity.version);
    return put(cli,
               "INSERT INTO known_capacity VALUES ($1, $2::bigint) ON CONFLICT "
               "(account_id) DO UPDATE SET version = "
               "greatest(known_capacity.version, EXCLUDED.version)",
               (struct pp_str[]){capacity.account_id, pp_str_of(version)}, 2,
               err);
}

/* Its keys are epoch/TOPIC and schema/FINGERPRINT. */
static int take_epoch(void *context, const struct pp_message *message,
                      struct pp_err *err)
{
    const struct pp_str before = PP_LIT("epoch/");
    struct cli *cli = context;
    int64_t epoch;

    if (!pp_str_starts(message->key, before) ||
        !pp_str_int64(message->value, &epoch))
        return 0;
    return put(
        cli,
        "INSERT INTO known_epoch VALUES ($1, $2::bigint) ON CONFLICT "
        "(name) DO UPDATE SET epoch = greatest(known_epoch.epoch, "
        "EXCLUDED.epoch)",
        (struct pp_str[]){pp_str_sub(message->key, before.n, message->key.n),
                          message->value},
        2, err);
}

static int scan(struct cli *cli, const char *topic, topic_take *take,
                struct pp_err *err)
{
    static struct topic_range range;

    return topic_kept(cli, topic, &range, err) < 0
               ? -1
               : topic_scan(cli, topic, &range, take, cli, err);
}

static int learn(struct cli *cli, struct pp_err *err)
{
    return pp_pg_script(cli->pg, tables_sql, err) < 0 ||
                   scan(cli, "sites.v1", take_site, err) < 0 ||
                   scan(cli, "capacity.v1", take_capacity, err) < 0 ||
                   scan(cli, "schemas.v1", take_epoch, err) < 0
               ? -1
               : 0;
}

/* --- what follows from it --------------------------------------------------
 */

/* Of sites Kafka knows more; of an erased one nothing is ever taken back. */
static const char changed_sql[] =
    "UPDATE site s SET version = k.version + 1, status = CASE WHEN s.status = "
    "'erased' THEN s.status ELSE k.status END, origins = CASE WHEN k.origins = "
    "'' THEN '{}' ELSE string_to_array(k.origins, ' ') END, zone = k.zone, "
    "retention_days = k.retention_days, changed_at = pp_now() FROM known_site "
    "k WHERE k.site_id = s.site_id AND (k.version > s.version OR (k.version = "
    "s.version AND k.status <> s.status)) RETURNING s.site_id";

static const char made_sql[] =
    "INSERT INTO site (site_id, account_id, name, status, origins, zone, "
    "version, retention_days) SELECT k.site_id, k.account_id, 'restored ' || "
    "k.site_id, k.status, CASE WHEN k.origins = '' THEN '{}' ELSE "
    "string_to_array(k.origins, ' ') END, k.zone, k.version + 1, "
    "k.retention_days FROM known_site k JOIN account USING (account_id) WHERE "
    "NOT EXISTS (SELECT FROM site s WHERE s.site_id = k.site_id) RETURNING "
    "site_id";

static int sites(struct cli *cli, const char *sql, const char *what,
                 struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, sql, 0, NULL, &rows, err);

    for (int i = 0; result == 0 && i < rows.count; i++)
        result = site_tell(cli, pp_pg_text(&rows, i, 0), err);
    if (result == 0 && rows.count > 0)
        fprintf(stderr, "%d sites %s after the backup, as Kafka says\n",
                rows.count, what);
    pp_pg_rows_fini(&rows);
    return result;
}

static int name_orphans(struct cli *cli, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result =
        pp_pg_query(cli->pg,
                    "SELECT site_id, account_id FROM known_site k WHERE status "
                    "<> 'erased' AND NOT EXISTS (SELECT FROM site s WHERE "
                    "s.site_id = k.site_id) ORDER BY 2, 1",
                    0, NULL, &rows, err);

    for (int i = 0; i < rows.count; i++)
        fprintf(stderr,
                "LOST: account %s was made after the backup; the collectors "
                "take hits of its site %s\n",
                pp_pg_text(&rows, i, 1), pp_pg_text(&rows, i, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

static int tell(struct cli *cli, struct pp_err *err)
{
    if (pp_pg_begin(cli->pg, err) < 0)
        return -1;
    if (sites(cli, changed_sql, "were changed", err) == 0 &&
        sites(cli, made_sql, "were made", err) == 0 &&
        name_orphans(cli, err) == 0 &&
        pp_pg_script(cli->pg,
                     "UPDATE account_capacity c SET version = k.version + 1, "
                     "told_at = NULL FROM known_capacity k WHERE k.account_id "
                     "= c.account_id AND k.version >= c.version; UPDATE topic "
                     "t SET epoch = k.epoch FROM known_epoch k WHERE k.name = "
                     "t.name AND k.epoch > t.epoch",
                     err) == 0)
        return pp_pg_commit(cli->pg, err);
    pp_pg_rollback(cli->pg);
    return -1;
}

/* --- offsets ---------------------------------------------------------------
 */

struct aim {
    char topic[MANIFEST_NAME_BYTES + 20];
    int partitions;
    int64_t wanted[SCAN_PARTITIONS];
    int64_t low[SCAN_PARTITIONS], high[SCAN_PARTITIONS];
    int64_t committed[SCAN_PARTITIONS];
};

static int look(struct cli *cli, struct aim *aim, struct pp_err *err)
{
    snprintf(aim->topic, sizeof(aim->topic), "%sevents.v1", cli->prefix);
    if (pp_kafka_partitions(cli->kafka, aim->topic, &aim->partitions, err) < 0)
        return -1;
    if (aim->partitions > SCAN_PARTITIONS)
        return pp_err_set(err, PP_ERR_FATAL, "too many partitions");
    for (int i = 0; i < aim->partitions; i++)
        if (pp_kafka_offsets(cli->kafka, aim->topic, i, &aim->low[i],
                             &aim->high[i], err) < 0 ||
            pp_kafka_committed(cli->kafka, GROUP, aim->topic, i,
                               &aim->committed[i], err) < 0)
            return -1;
    return 0;
}

static int commit(struct cli *cli, const struct aim *aim, struct pp_err *err)
{
    if (pp_kafka_commit_for(cli->kafka, GROUP, aim->topic, aim->wanted,
                            aim->partitions, err) == 0)
        return 0;
    if (err->kind == PP_ERR_DENIED)
        return pp_err_set(err, PP_ERR_DENIED,
                          "writers run: stop all services first (a killed one "
                          "is gone after 10 seconds)");
    return -1;
}

/* Committing what is committed changes nothing, and says who is there. */
int restore_writers_stopped(struct cli *cli, struct pp_err *err)
{
    static struct aim aim;

    if (look(cli, &aim, err) < 0)
        return -1;
    memcpy(aim.wanted, aim.committed, sizeof(aim.wanted));
    return aim.partitions > 0 ? commit(cli, &aim, err) : 0;
}

/* Records of another epoch than the backup's are not in it at all. */
static int epoch_now(struct cli *cli, const struct aim *aim,
                     const struct manifest *m, bool *other_out,
                     struct pp_err *err)
{
    bool beyond = false;
    int64_t epoch;
    int result;

    for (size_t i = 0; i < m->offset_count; i++)
        beyond |= m->offsets[i].partition < aim->partitions &&
                  m->offsets[i].offset > aim->high[m->offsets[i].partition];
    result = rows_events_epoch(cli, &epoch, err);
    *other_out = beyond || (m->offset_count > 0 && epoch > m->offsets[0].epoch);
    if (result == 0 && beyond) {
        fprintf(stderr, "Kafka's topics are other ones than those of the "
                        "backup: they get new epochs\n");
        result = pp_pg_script(
            cli->pg,
            "UPDATE topic SET epoch = epoch + 1; INSERT INTO outbox (topic, "
            "key, value) SELECT 'schemas.v1', convert_to('epoch/' || name, "
            "'UTF8'), convert_to(epoch::text, 'UTF8') FROM topic",
            err);
    }
    return result;
}

static void aim_one(struct aim *aim, const struct manifest_offset *one,
                    bool other)
{
    int i = one->partition;
    int64_t to = other ? aim->low[i] : one->offset;

    if (to < aim->low[i]) {
        fprintf(stderr,
                "LOST: partition %d: %" PRId64 " events between the backup and "
                "what Kafka still keeps\n",
                i, aim->low[i] - to);
        to = aim->low[i];
    }
    aim->wanted[i] = to < aim->committed[i] ? to : -1;
    fprintf(stderr, "partition %-3d the writers read from %" PRId64 " on\n", i,
            aim->wanted[i] >= 0 ? to : aim->committed[i]);
}

int restore_from_kafka(struct cli *cli, const struct manifest *m,
                       struct pp_err *err)
{
    static struct aim aim;
    bool other;

    if (look(cli, &aim, err) < 0)
        return -1;
    if (aim.partitions == 0) {
        fprintf(stderr, "Kafka has no topics: what is not in the backup is "
                        "lost. `pawprint topics` makes them.\n");
        return 0;
    }
    if (learn(cli, err) < 0 || tell(cli, err) < 0 ||
        epoch_now(cli, &aim, m, &other, err) < 0)
        return -1;
    for (int i = 0; i < aim.partitions; i++)
        aim.wanted[i] = -1;
    for (size_t i = 0; i < m->offset_count; i++)
        if (m->offsets[i].partition < aim.partitions)
            aim_one(&aim, &m->offsets[i], other);
    return commit(cli, &aim, err);
}

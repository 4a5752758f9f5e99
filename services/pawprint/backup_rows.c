#include "backup_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#include "topic_scan.h"

#define QUERY_MS  60000
#define READ_MS   (12 * 3600 * 1000) /* a month of a large installation */
#define SQL_BYTES ((size_t)1 << 20)
#define GROUP     "writer"

#define ROW_BYTES_MAX ((size_t)96 << 20)
#define TALLY_BYTES   ((size_t)1 << 20)

/* Behind what a restore inserts: nobody's time to insert it is over. */
#define NO_HURRY "toDateTime64('2200-01-01 00:00:00', 3, 'UTC')"

int rows_ask(struct cli *cli, const char *sql, struct pp_str *answer_out,
             struct pp_err *err)
{
    return cli_ask(cli, sql, NULL, QUERY_MS, answer_out, err);
}

int rows_number(struct cli *cli, const char *sql, int64_t *out,
                struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, sql, 0, NULL, &rows, err);

    *out = rows.count ? pp_pg_int64(&rows, 0, 0) : 0;
    pp_pg_rows_fini(&rows);
    return result;
}

int rows_events_epoch(struct cli *cli, int64_t *out, struct pp_err *err)
{
    return rows_number(cli, "SELECT epoch FROM topic WHERE name = 'events.v1'",
                       out, err);
}

void rows_add_columns(struct pp_buf *sql, const char *columns)
{
    pp_buf_add_byte(sql, '"');
    for (; *columns; columns++)
        pp_buf_printf(sql, *columns == ',' ? "\"%c\"" : "%c", *columns);
    pp_buf_add_byte(sql, '"');
}

/* --- what there is ---------------------------------------------------------
 */

/* A table comes behind those that it refers to. What `migrate` writes itself
 * is not copied, nor what the server makes of other columns. */
static const char tables_sql[] =
    "WITH RECURSIVE fk AS (SELECT DISTINCT conrelid AS child, confrelid AS "
    "parent FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid), "
    "mine AS (SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON "
    "n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = "
    "'r' AND c.relname <> 'migration'), deep(oid, depth) AS (SELECT oid, 0 "
    "FROM "
    "mine UNION SELECT fk.child, deep.depth + 1 FROM deep JOIN fk ON fk.parent "
    "= deep.oid WHERE deep.depth < 50) SELECT m.relname, (SELECT "
    "string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a WHERE "
    "a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped AND "
    "a.attgenerated = '') FROM mine m JOIN deep USING (oid) GROUP BY m.oid, "
    "m.relname ORDER BY max(deep.depth), m.relname";

int rows_postgres_parts(struct cli *cli, struct manifest *m, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, tables_sql, 0, NULL, &rows, err);

    for (int i = 0; i < rows.count; i++) {
        struct manifest_part *part = manifest_add_part(m);

        part->store = MANIFEST_POSTGRES;
        snprintf(part->table, sizeof(part->table), "%s",
                 pp_pg_text(&rows, i, 0));
        part->columns = pp_strdup(pp_pg_text(&rows, i, 1));
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int rows_sequences(struct cli *cli, struct manifest *m, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result =
        pp_pg_query(cli->pg,
                    "SELECT sequencename, last_value FROM pg_sequences WHERE "
                    "schemaname = current_schema() AND last_value IS NOT NULL "
                    "ORDER BY 1",
                    0, NULL, &rows, err);

    for (int i = 0; i < rows.count; i++) {
        struct manifest_sequence *sequence = manifest_add_sequence(m);

        snprintf(sequence->name, sizeof(sequence->name), "%s",
                 pp_pg_text(&rows, i, 0));
        sequence->value = pp_pg_int64(&rows, i, 1);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* What struct tally looks at comes first, valid_until last. */
static int events_columns(struct cli *cli, char **columns_out,
                          struct pp_err *err)
{
    struct pp_str answer;

    if (rows_ask(cli,
                 "SELECT arrayStringConcat(groupArray(name), ',') FROM (SELECT "
                 "name FROM system.columns WHERE database = currentDatabase() "
                 "AND table = 'events' ORDER BY name = 'site_id' DESC, name = "
                 "'account_id' DESC, name = 'event_at' DESC, name = "
                 "'valid_until', position)",
                 &answer, err) < 0)
        return -1;
    *columns_out = pp_strndup(answer.p, answer.n);
    return 0;
}

int rows_clickhouse_parts(struct cli *cli, struct manifest *m,
                          struct pp_err *err)
{
    char *columns = NULL, *list;
    struct pp_str answer, rest, one;

    if (events_columns(cli, &columns, err) < 0 ||
        rows_ask(cli,
                 "SELECT DISTINCT _partition_id FROM events ORDER BY "
                 "_partition_id",
                 &answer, err) < 0) {
        free(columns);
        return -1;
    }
    list = pp_strndup(answer.p, answer.n);
    rest = pp_str_of(list);
    while (rest.n && pp_str_split(&rest, '\n', &one)) {
        struct manifest_part *part = manifest_add_part(m);

        part->store = MANIFEST_CLICKHOUSE;
        snprintf(part->table, sizeof(part->table), "events");
        snprintf(part->partition, sizeof(part->partition), "%.*s", PP_ARG(one));
        part->columns = pp_strdup(columns);
    }
    free(list);
    free(columns);
    return 0;
}

int rows_offsets(struct cli *cli, struct manifest *m, struct pp_err *err)
{
    char topic[MANIFEST_NAME_BYTES + 20];
    int64_t epoch;
    int partitions;

    snprintf(m->prefix, sizeof(m->prefix), "%s", cli->prefix);
    snprintf(topic, sizeof(topic), "%sevents.v1", cli->prefix);
    if (rows_events_epoch(cli, &epoch, err) < 0 ||
        pp_kafka_partitions(cli->kafka, topic, &partitions, err) < 0)
        return -1;
    if (epoch == 0 || partitions == 0)
        return pp_err_set(err, PP_ERR_FATAL,
                          "there is no topic %s: `pawprint topics` makes it",
                          topic);
    for (int i = 0; i < partitions; i++) {
        struct manifest_offset *one = manifest_add_offset(m);

        one->epoch = epoch;
        one->partition = i;
        if (pp_kafka_committed(cli->kafka, GROUP, topic, i, &one->offset, err) <
            0)
            return -1;
    }
    return 0;
}

int rows_versions(struct cli *cli, struct manifest *m, struct pp_err *err)
{
    struct pp_pg_rows rows;
    struct pp_str answer;
    int64_t number = 0;
    int result =
        pp_pg_query(cli->pg,
                    "SELECT max(number), (SELECT "
                    "current_setting('server_version')) FROM migration",
                    0, NULL, &rows, err);

    if (result == 0) {
        m->postgres_schema = (int)pp_pg_int64(&rows, 0, 0);
        snprintf(m->postgres, sizeof(m->postgres), "%s",
                 pp_pg_text(&rows, 0, 1));
    }
    pp_pg_rows_fini(&rows);
    if (result < 0 || rows_ask(cli, "SELECT version()", &answer, err) < 0)
        return -1;
    snprintf(m->clickhouse, sizeof(m->clickhouse), "%.*s", PP_ARG(answer));
    if (rows_ask(cli, "SELECT max(number) FROM migration", &answer, err) < 0)
        return -1;
    if (!pp_str_int64(answer, &number) || number < 1)
        return pp_err_set(err, PP_ERR_FATAL, "clickhouse: no migrations");
    m->clickhouse_schema = (int)number;
    return 0;
}

/* --- rows ------------------------------------------------------------------
 */

static int read_postgres(struct cli *cli, const struct manifest_part *part,
                         rows_take *take, void *context, struct pp_err *err)
{
    struct pp_buf sql;
    int result;

    pp_buf_init(&sql, SQL_BYTES);
    pp_buf_printf(&sql, "COPY \"%s\" (", part->table);
    rows_add_columns(&sql, part->columns);
    pp_buf_printf(&sql, ") TO STDOUT%c", '\0');
    result = pp_pg_copy_out(cli->pg, sql.p, take, context, err);
    pp_buf_fini(&sql);
    return result;
}

struct stream {
    rows_take *take;
    void *context;
    struct pp_err *err;
};

static bool stream_take(void *context, struct pp_str bytes)
{
    struct stream *stream = context;

    return stream->take(stream->context, bytes, stream->err) == 0;
}

static void events_sql(struct pp_buf *sql, const struct manifest *m,
                       const struct manifest_part *part)
{
    size_t named = strlen(part->columns) - (sizeof(",valid_until") - 1);

    pp_buf_printf(sql,
                  "SELECT %.*s, " NO_HURRY " FROM events WHERE _partition_id = "
                  "'%s'",
                  (int)named, part->columns, part->partition);
    for (size_t i = 0; i < m->offset_count; i++)
        pp_buf_printf(
            sql,
            " AND NOT (kafka_epoch = %" PRId64
            " AND kafka_partition = %d AND kafka_offset >= %" PRId64 ")",
            m->offsets[i].epoch, m->offsets[i].partition, m->offsets[i].offset);
    pp_buf_printf(sql, " FORMAT TabSeparated%c", '\0');
}

static int read_clickhouse(struct cli *cli, const struct manifest *m,
                           const struct manifest_part *part, rows_take *take,
                           void *context, struct pp_err *err)
{
    struct pp_err inner = {0};
    struct stream stream = {take, context, &inner};
    struct pp_clickhouse_call call = {
        .timeout_ms = READ_MS, .take = stream_take, .take_context = &stream};
    struct pp_str answer;
    struct pp_buf sql;
    int result;

    if (!pp_str_ends(pp_str_of(part->columns), PP_LIT(",valid_until")))
        return pp_err_set(err, PP_ERR_INVALID, "events has no valid_until");
    pp_buf_init(&sql, SQL_BYTES);
    events_sql(&sql, m, part);
    call.sql = sql.p;
    result = sql.overflow
                 ? pp_err_set(err, PP_ERR_FATAL, "too many partitions")
                 : pp_clickhouse_run(cli->clickhouse, &call, &answer, err);
    pp_buf_fini(&sql);
    if (inner.kind != PP_ERR_NONE)
        *err = inner;
    return result;
}

/* Lines that came in pieces of any length. */
struct lines {
    struct pp_buf text;
    size_t full_bytes;
    rows_take *take;
    void *context;
};

/* Hands on all whole lines; what is behind them stays. */
static int hand_on(struct lines *lines, struct pp_err *err)
{
    struct pp_str text = pp_buf_str(&lines->text);
    const char *end = memrchr(text.p, '\n', text.n);
    size_t whole = end ? (size_t)(end - text.p) + 1 : 0;

    if (whole == 0)
        return 0;
    if (lines->take(lines->context, pp_str_sub(text, 0, whole), err) < 0)
        return -1;
    memmove(lines->text.p, lines->text.p + whole, text.n - whole);
    lines->text.n = text.n - whole;
    return 0;
}

static int lines_take(void *context, struct pp_str bytes, struct pp_err *err)
{
    struct lines *lines = context;

    pp_buf_add_str(&lines->text, bytes);
    if (lines->text.overflow)
        return pp_err_set(err, PP_ERR_INVALID, "a row is too large");
    return lines->text.n < lines->full_bytes ? 0 : hand_on(lines, err);
}

int rows_read(struct cli *cli, const struct manifest *m,
              const struct manifest_part *part, size_t full_bytes,
              rows_take *take, void *context, struct pp_err *err)
{
    struct lines lines = {{0}, full_bytes, take, context};
    int result;

    pp_buf_init(&lines.text, ROW_BYTES_MAX);
    result = part->store == MANIFEST_POSTGRES
                 ? read_postgres(cli, part, lines_take, &lines, err)
                 : read_clickhouse(cli, m, part, lines_take, &lines, err);
    if (result == 0 && lines.text.n > 0)
        result = hand_on(&lines, err);
    if (result == 0 && lines.text.n > 0)
        result =
            pp_err_set(err, PP_ERR_AGAIN, "%s: a row has no end", part->table);
    pp_buf_fini(&lines.text);
    return result;
}

static int tally_take(void *context, struct pp_str text, struct pp_err *err)
{
    if (!tally_add_all(context, text))
        return pp_err_set(err, PP_ERR_AGAIN, "events could not be read: %.*s",
                          PP_ARG(pp_str_cut_utf8(text, 150)));
    return 0;
}

int rows_tally(struct cli *cli, const struct manifest *m,
               const struct manifest_part *part, struct tally *tally,
               struct pp_err *err)
{
    tally_init(tally, manifest_columns(part),
               part->store == MANIFEST_CLICKHOUSE);
    return rows_read(cli, m, part, TALLY_BYTES, tally_take, tally, err);
}

/*
 * Writes both databases to the place of backups. First it notes how far the
 * writers have come, then it copies Postgres as it is at one instant, then
 * those events that lie before what it noted. So what was acknowledged before
 * it began is in the copy, or in Kafka behind the offsets that it notes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pp_json.h"
#include "pp_time.h"

#include "backup_rows.h"
#include "cli.h"
#include "place.h"

#define LOCK "7166158"

struct backup {
    struct cli *cli;
    struct place place;
    struct manifest m;
    /* Of the part that is being written: */
    struct manifest_part *part;
    struct tally tally;
};

/* --- pieces ----------------------------------------------------------------
 */

static void piece_name(const struct backup *b, char *out, size_t size)
{
    const struct manifest_part *part = b->part;

    snprintf(out, size, "data/%s/%s.%s%s%s.%06zu", b->m.id,
             part->store == MANIFEST_POSTGRES ? "postgres" : "clickhouse",
             part->table, part->partition[0] ? "." : "", part->partition,
             part->piece_count);
}

static int piece_write(void *context, struct pp_str text, struct pp_err *err)
{
    struct backup *b = context;
    int64_t before = b->tally.rows;
    struct manifest_piece *piece;
    char name[2 * MANIFEST_NAME_BYTES + 80];

    if (!tally_add_all(&b->tally, text))
        return pp_err_set(err, PP_ERR_AGAIN, "%s could not be read: %.*s",
                          b->part->table, PP_ARG(pp_str_cut_utf8(text, 150)));
    piece_name(b, name, sizeof(name));
    if (!manifest_name_ok(pp_str_of(name)))
        return pp_err_set(err, PP_ERR_FATAL, "a table is called %s",
                          b->part->table);
    piece = manifest_add_piece(b->part);
    snprintf(piece->name, sizeof(piece->name), "%.*s",
             (int)sizeof(piece->name) - 1, name);
    piece->rows = b->tally.rows - before;
    return place_put(&b->place, piece->name, text, piece->sha256, &piece->bytes,
                     err);
}

static int part_write(struct backup *b, struct manifest_part *part,
                      struct pp_err *err)
{
    int result;

    b->part = part;
    tally_init(&b->tally, manifest_columns(part),
               part->store == MANIFEST_CLICKHOUSE);
    result = rows_read(b->cli, &b->m, part, PIECE_BYTES, piece_write, b, err);
    part->rows = b->tally.rows;
    part->checksum = b->tally.checksum;
    if (part->store == MANIFEST_CLICKHOUSE)
        tally_join(&b->m.events, &b->tally);
    tally_fini(&b->tally);
    if (result == 0 && (part->rows > 0 || part->partition[0]))
        place_say(b->m.started_ms, "%s %s: %" PRId64 " rows", part->table,
                  part->partition, part->rows);
    return result;
}

static int parts_write(struct backup *b, size_t from, struct pp_err *err)
{
    for (size_t i = from; i < b->m.part_count; i++)
        if (part_write(b, &b->m.parts[i], err) < 0)
            return -1;
    return 0;
}

/* --- stores ----------------------------------------------------------------
 */

/* One instant of all tables; sequences are read after it, never before. */
static int postgres_write(struct backup *b, struct pp_err *err)
{
    struct pp_pg *pg = b->cli->pg;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    if (pp_pg_script(pg,
                     "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ "
                     "ONLY; SET LOCAL statement_timeout = 0",
                     err) < 0 ||
        rows_postgres_parts(b->cli, &b->m, err) < 0 ||
        parts_write(b, 0, err) < 0 || rows_sequences(b->cli, &b->m, err) < 0) {
        pp_pg_rollback(pg);
        return -1;
    }
    return pp_pg_commit(pg, err);
}

static int clickhouse_write(struct backup *b, struct pp_err *err)
{
    size_t from = b->m.part_count;

    return rows_clickhouse_parts(b->cli, &b->m, err) < 0
               ? -1
               : parts_write(b, from, err);
}

static int manifest_put(struct backup *b, struct pp_err *err)
{
    char name[MANIFEST_ID_BYTES + 20], sha[SEAL_SHA_BYTES];
    struct pp_buf text;
    int64_t bytes;
    int result;

    b->m.ended_ms = pp_wall_now().ms;
    tally_sort(&b->m.events);
    pp_buf_init(&text, MANIFEST_BYTES_MAX);
    manifest_write(&b->m, &text);
    snprintf(name, sizeof(name), "manifests/%s", b->m.id);
    result =
        text.overflow
            ? pp_err_set(err, PP_ERR_FATAL, "the manifest is too large")
            : place_put(&b->place, name, pp_buf_str(&text), sha, &bytes, err);
    pp_buf_fini(&text);
    return result;
}

/* --- commands --------------------------------------------------------------
 */

static void begin(struct backup *b)
{
    time_t now;
    struct tm parts;

    b->m.started_ms = pp_wall_now().ms;
    now = (time_t)(b->m.started_ms / 1000);
    gmtime_r(&now, &parts);
    strftime(b->m.id, sizeof(b->m.id), "%Y%m%dT%H%M%SZ", &parts);
    snprintf(b->m.program, sizeof(b->m.program), "pawprint");
    b->m.is_encrypted = b->place.key.is_set;
}

/* The lock goes with the connection. */
static int alone(struct cli *cli, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, "SELECT pg_try_advisory_lock(" LOCK ")",
                             0, NULL, &rows, err);

    if (result == 0 && !pp_pg_bool(&rows, 0, 0))
        result = pp_err_set(err, PP_ERR_AGAIN, "another backup is being made");
    pp_pg_rows_fini(&rows);
    return result;
}

static int make(struct backup *b, bool unencrypted, struct pp_err *err)
{
    if (place_open(&b->place, b->cli, err) < 0)
        return -1;
    if (!b->place.key.is_set && !unencrypted)
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_BACKUP_KEY is not set, so whoever reads "
                          "the backup reads all of it: set it, or say "
                          "--unencrypted");
    begin(b);
    return alone(b->cli, err) < 0 || rows_versions(b->cli, &b->m, err) < 0 ||
                   rows_offsets(b->cli, &b->m, err) < 0 ||
                   postgres_write(b, err) < 0 || clickhouse_write(b, err) < 0
               ? -1
               : manifest_put(b, err);
}

static void print_done(const struct cli *cli, const struct manifest *m,
                       const char *what)
{
    printf(cli->json ? "{\"%s\":\"%s\",\"rows_postgres\":%" PRId64
                       ",\"rows_clickhouse\":%" PRId64 ",\"bytes\":%" PRId64
                       ",\"encrypted\":%s,\"took_ms\":%" PRId64 "}\n"
                     : "%s %s: %" PRId64 " rows of Postgres, %" PRId64
                       " events, %" PRId64
                       " bytes, encrypted: %s, took %" PRId64 " ms\n",
           what, m->id, manifest_rows(m, MANIFEST_POSTGRES),
           manifest_rows(m, MANIFEST_CLICKHOUSE), manifest_bytes(m),
           m->is_encrypted ? "true" : "false", m->ended_ms - m->started_ms);
}

int backup_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    bool unencrypted = cli_flag(&argc, argv, "--unencrypted");
    struct backup b = {.cli = cli};
    int result;

    if (argc > 0)
        return cli_usage(err, "backup takes --unencrypted and nothing else");
    manifest_init(&b.m);
    result = make(&b, unencrypted, err);
    place_record(cli, "backup", &b.m,
                 b.m.started_ms ? b.m.started_ms : pp_wall_now().ms,
                 result < 0 ? err : NULL);
    if (result == 0)
        print_done(cli, &b.m, "backup");
    place_close(&b.place);
    manifest_fini(&b.m);
    return result;
}

/* One that can't be read is listed with the reason. */
static void list_one(const struct cli *cli, struct place *place, const char *id,
                     bool more)
{
    struct pp_err err = {0};
    struct manifest m;
    struct pp_buf why;
    int result = place_find(place, id, &m, &err);

    if (cli->json && more)
        putchar(',');
    if (result == 0) {
        print_done(cli, &m, "backup");
    } else if (cli->json) {
        pp_buf_init(&why, sizeof(err.msg) * 8);
        pp_json_add_str(&why, pp_str_of(err.msg));
        printf("{\"backup\":\"%s\",\"error\":%.*s}", id,
               PP_ARG(pp_buf_str(&why)));
        pp_buf_fini(&why);
    } else {
        printf("backup %s: NOT READABLE: %s\n", id, err.msg);
    }
    manifest_fini(&m);
}

int backup_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    struct place place;
    struct pp_buf ids;
    struct pp_str rest, line;
    int result, count = 0;

    (void)argv;
    if (argc > 0)
        return cli_usage(err, "backup list takes no arguments");
    pp_buf_init(&ids, MANIFEST_BYTES_MAX);
    result = place_open(&place, cli, err);
    if (result == 0)
        result = place_list(&place, "manifests", &ids, err);
    if (result == 0 && cli->json)
        putchar('[');
    rest = pp_str_trim(pp_buf_str(&ids));
    while (result == 0 && rest.n && pp_str_split(&rest, '\n', &line)) {
        char id[MANIFEST_ID_BYTES];

        snprintf(id, sizeof(id), "%.*s", PP_ARG(line));
        if (manifest_name_ok(pp_str_of(id)))
            list_one(cli, &place, id, count++ > 0);
    }
    if (result == 0 && cli->json)
        puts("]");
    else if (result == 0 && count == 0)
        puts("there is none");
    place_close(&place);
    pp_buf_fini(&ids);
    return result;
}

int backup_verify_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    struct place place;
    struct manifest m = {0};
    int result = place_open(&place, cli, err);

    if (result == 0)
        result = place_find(&place, cli_argument(argc, argv, 0), &m, err);
    if (result == 0)
        result = place_read_all(&place, &m, NULL, NULL, err);
    if (result == 0)
        print_done(cli, &m, "whole");
    place_close(&place);
    manifest_fini(&m);
    return result;
}

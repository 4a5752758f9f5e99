/*
 * A backup is good when it was restored. This does it, on the servers that are
 * there but in databases of its own, compares, and drops them again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pp_time.h"

#include "restore.h"

#define DROP_MS 600000

struct drill {
    struct cli *live;
    struct cli scratch;
    char name[40]; /* of both databases */
    struct place place;
    struct manifest m;
    struct restored restored;
    int64_t loaded_ms; /* how long that took: what a restore would take */
};

/* Also what a drill before has left behind when it was killed. */
static int drop(struct drill *d, struct pp_err *err)
{
    struct pp_clickhouse_call call = {.timeout_ms = DROP_MS,
                                      .without_database = true};
    struct pp_str answer;
    char sql[120];

    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s", d->name);
    call.sql = sql;
    pp_pg_close(&d->scratch.pg);
    if (pp_pg_exec(d->live->pg, sql, 0, NULL, err) < 0)
        return -1;
    return pp_clickhouse_run(d->live->clickhouse, &call, &answer, err);
}

static int make(struct drill *d, struct pp_err *err)
{
    struct pp_clickhouse_access access = d->live->clickhouse_access;
    char sql[80];

    d->scratch = *d->live;
    d->scratch.pg = NULL;
    d->scratch.clickhouse = NULL;
    snprintf(d->name, sizeof(d->name), "%.20s_drill", access.database);
    access.database = d->name;
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", d->name);
    if (drop(d, err) < 0 || pp_pg_exec(d->live->pg, sql, 0, NULL, err) < 0)
        return -1;
    return pp_pg_open_database(&d->scratch.pg, d->live->postgres_dsn, d->name,
                               "drill", err) < 0
               ? -1
               : pp_clickhouse_open(&d->scratch.clickhouse, &access, err);
}

/* As a restore would: those of the place, and those that Postgres knows. */
static int erased(struct drill *d, struct pp_err *err)
{
    struct pp_pg_rows rows;
    struct pp_buf known;
    int result = pp_pg_query(d->live->pg,
                             "SELECT site_id FROM site WHERE status = 'erased'",
                             0, NULL, &rows, err);

    pp_buf_init(&known, MANIFEST_BYTES_MAX);
    for (int i = 0; i < rows.count; i++)
        pp_buf_printf(&known, "%s\n", pp_pg_text(&rows, i, 0));
    pp_pg_rows_fini(&rows);
    if (result == 0)
        result = restore_erase_again(&d->scratch, &d->place, pp_buf_str(&known),
                                     &d->restored, err);
    pp_buf_fini(&known);
    return result;
}

static int try_it(struct drill *d, const char *id, struct pp_err *err)
{
    int64_t from;

    if (place_open(&d->place, d->live, err) < 0 ||
        place_find(&d->place, id, &d->m, err) < 0)
        return -1;
    from = pp_wall_now().ms;
    if (place_read_all(&d->place, &d->m, NULL, NULL, err) < 0 ||
        make(d, err) < 0 ||
        restore_load(&d->scratch, &d->place, &d->m, err) < 0)
        return -1;
    d->loaded_ms = pp_wall_now().ms - from;
    if (restore_compare(&d->scratch, &d->m, &d->restored, err) < 0 ||
        erased(d, err) < 0)
        return -1;
    if (d->restored.parts_wrong + d->restored.sites_wrong > 0)
        return pp_err_set(err, PP_ERR_INVALID,
                          "%s came back otherwise: %d tables or partitions and "
                          "%d sites differ",
                          d->m.id, d->restored.parts_wrong,
                          d->restored.sites_wrong);
    return 0;
}

static void print_done(const struct drill *d)
{
    printf(d->live->json
               ? "{\"drill\":\"%s\",\"rows_postgres\":%" PRId64
                 ",\"rows_clickhouse\":%" PRId64
                 ",\"sites\":%zu,\"sites_erased\":%d,\"rows_erased\":%" PRId64
                 ",\"age_ms\":%" PRId64 ",\"load_ms\":%" PRId64 "}\n"
               : "drill of %s: %" PRId64 " rows of Postgres and %" PRId64
                 " events of %zu sites came back as they were; erased again: "
                 "%d sites, %" PRId64 " rows; the backup is %" PRId64
                 " ms old, checking and loading took %" PRId64 " ms\n",
           d->m.id, manifest_rows(&d->m, MANIFEST_POSTGRES),
           manifest_rows(&d->m, MANIFEST_CLICKHOUSE), d->m.events.site_count,
           d->restored.sites_erased, d->restored.rows_erased,
           pp_wall_now().ms - d->m.started_ms, d->loaded_ms);
}

int drill_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    struct drill d = {.live = cli};
    int64_t started_ms = pp_wall_now().ms;
    int result = try_it(&d, cli_argument(argc, argv, 0), err);
    struct pp_err ignored = {0};

    pp_clickhouse_close(&d.scratch.clickhouse);
    if (d.name[0] && drop(&d, result < 0 ? &ignored : err) < 0)
        result = -1;
    place_record(cli, "drill", &d.m, started_ms, result < 0 ? err : NULL);
    if (result == 0)
        print_done(&d);
    place_close(&d.place);
    manifest_fini(&d.m);
    return result;
}

/*
 * Puts a backup back. All of it is read and checked first; then Postgres is
 * filled in one transaction, then ClickHouse; then both are read again and
 * compared with the manifest. Nothing of a site that was erased since stays.
 */
#include "restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_time.h"

#include "backup_rows.h"
#include "site_status.h"

#define LOAD_MS   600000
#define SQL_BYTES ((size_t)1 << 20)

/* --- filling ---------------------------------------------------------------
 */

struct load {
    struct cli *cli;
    const struct manifest *m;
    bool postgres_open; /* its transaction */
    int64_t started_ms;
};

/* One statement over all tables of the backup: each is named once. */
static int for_tables(struct load *load, const char *before,
                      const char *between, const char *behind,
                      struct pp_err *err)
{
    const struct manifest *m = load->m;
    bool more = false;
    struct pp_buf sql;
    int result;

    pp_buf_init(&sql, SQL_BYTES);
    for (size_t i = 0; i < m->part_count; i++) {
        if (m->parts[i].store != MANIFEST_POSTGRES)
            continue;
        pp_buf_printf(&sql, "%s\"%s\"", more ? between : before,
                      m->parts[i].table);
        more = true;
    }
    pp_buf_printf(&sql, "%s%c", behind, '\0');
    result = pp_pg_script(load->cli->pg, sql.p, err);
    pp_buf_fini(&sql);
    return result;
}

static int postgres_begin(struct load *load, struct pp_err *err)
{
    if (pp_pg_begin(load->cli->pg, err) < 0)
        return -1;
    load->postgres_open = true;
    /* The rows are whole: what triggers made of them is among them. */
    return pp_pg_script(load->cli->pg, "SET LOCAL statement_timeout = 0", err) <
                       0 ||
                   for_tables(load, "TRUNCATE ", ", ", "", err) < 0 ||
                   for_tables(load, "ALTER TABLE ",
                              " DISABLE TRIGGER USER; ALTER TABLE ",
                              " DISABLE TRIGGER USER", err) < 0
               ? -1
               : 0;
}

static int postgres_end(struct load *load, struct pp_err *err)
{
    for (size_t i = 0; i < load->m->sequence_count; i++) {
        const struct manifest_sequence *one = &load->m->sequences[i];
        char value[24];
        const char *values[] = {one->name, value};

        snprintf(value, sizeof(value), "%" PRId64, one->value);
        if (pp_pg_exec(load->cli->pg,
                       "SELECT setval(to_regclass(quote_ident($1)), "
                       "$2::bigint) WHERE to_regclass(quote_ident($1)) IS NOT "
                       "NULL",
                       2, values, err) < 0)
            return -1;
    }
    if (for_tables(load, "ALTER TABLE ", " ENABLE TRIGGER USER; ALTER TABLE ",
                   " ENABLE TRIGGER USER", err) < 0)
        return -1;
    load->postgres_open = false;
    if (pp_pg_commit(load->cli->pg, err) < 0)
        return -1;
    place_say(load->started_ms, "Postgres is filled");
    return 0;
}

static int postgres_copy(struct load *load, const struct manifest_part *part,
                         struct pp_str text, struct pp_err *err)
{
    struct pp_buf sql;
    int result;

    pp_buf_init(&sql, SQL_BYTES);
    pp_buf_printf(&sql, "COPY \"%s\" (", part->table);
    rows_add_columns(&sql, part->columns);
    pp_buf_printf(&sql, ") FROM STDIN%c", '\0');
    result = pp_pg_copy_in(load->cli->pg, sql.p, text, err);
    pp_buf_fini(&sql);
    return result;
}

static int clickhouse_insert(struct load *load,
                             const struct manifest_part *part,
                             struct pp_str text, struct pp_err *err)
{
    static const struct pp_clickhouse_value settings[] = {{"async_insert", "0"},
                                                          {0}};
    struct pp_clickhouse_call call = {
        .settings = settings, .data = text, .timeout_ms = LOAD_MS};
    struct pp_str answer;
    struct pp_buf sql;
    int result;

    pp_buf_init(&sql, SQL_BYTES);
    pp_buf_printf(&sql, "INSERT INTO %s (%s) FORMAT TabSeparated%c",
                  part->table, part->columns, '\0');
    call.sql = sql.p;
    result = pp_clickhouse_run(load->cli->clickhouse, &call, &answer, err);
    pp_buf_fini(&sql);
    return result;
}

static int load_piece(void *context, const struct manifest_part *part,
                      struct pp_str text, struct pp_err *err)
{
    struct load *load = context;

    if (part->store == MANIFEST_POSTGRES)
        return postgres_copy(load, part, text, err);
    if (load->postgres_open && postgres_end(load, err) < 0)
        return -1;
    return clickhouse_insert(load, part, text, err);
}

static int schema_make(struct cli *cli, const struct manifest *m,
                       struct pp_err *err)
{
    struct manifest now;
    int result;

    manifest_init(&now);
    result =
        migrate_to(cli, m->postgres_schema, m->clickhouse_schema, true, err) < 0
            ? -1
            : rows_versions(cli, &now, err);
    if (result == 0 && (now.postgres_schema < m->postgres_schema ||
                        now.clickhouse_schema < m->clickhouse_schema))
        result = pp_err_set(err, PP_ERR_FATAL,
                            "the backup was made by a newer pawprint: its "
                            "migrations are %d and %d, those here end with %d "
                            "and %d",
                            m->postgres_schema, m->clickhouse_schema,
                            now.postgres_schema, now.clickhouse_schema);
    manifest_fini(&now);
    return result;
}

/* Rows that are over stay until they are compared. */
static int clickhouse_prepare(struct cli *cli, struct pp_err *err)
{
    static const char *const statements[] = {
        "TRUNCATE TABLE events",        "TRUNCATE TABLE visits",
        "TRUNCATE TABLE rollup_minute", "TRUNCATE TABLE rollup_hour",
        "TRUNCATE TABLE rollup_day",    "SYSTEM STOP TTL MERGES events"};
    struct pp_str answer;

    for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++)
        if (rows_ask(cli, statements[i], &answer, err) < 0)
            return -1;
    return 0;
}

int restore_load(struct cli *cli, struct place *place, const struct manifest *m,
                 struct pp_err *err)
{
    struct load load = {.cli = cli, .m = m, .started_ms = pp_wall_now().ms};
    int result;

    if (schema_make(cli, m, err) < 0 || clickhouse_prepare(cli, err) < 0)
        return -1;
    result = postgres_begin(&load, err);
    if (result == 0)
        result = place_read_all(place, m, load_piece, &load, err);
    if (result == 0 && load.postgres_open)
        result = postgres_end(&load, err);
    if (load.postgres_open)
        pp_pg_rollback(cli->pg);
    if (result == 0)
        place_say(load.started_ms, "ClickHouse is filled");
    return result;
}

/* --- comparing -------------------------------------------------------------
 */

static int64_t rows_of(const struct tally *tally, const struct tally_site *site)
{
    for (size_t i = 0; i < tally->site_count; i++)
        if (strcmp(tally->sites[i].site, site->site) == 0 &&
            strcmp(tally->sites[i].account, site->account) == 0)
            return tally->sites[i].rows;
    return 0;
}

/* Both are sorted, and mostly equal: then nothing is searched. */
static void compare_sites(const struct tally *want, const struct tally *have,
                          struct restored *out)
{
    for (size_t i = 0; i < want->site_count; i++) {
        const struct tally_site *one = &want->sites[i];
        int64_t rows = i < have->site_count &&
                               strcmp(have->sites[i].site, one->site) == 0 &&
                               strcmp(have->sites[i].account, one->account) == 0
                           ? have->sites[i].rows
                           : rows_of(have, one);

        if (rows == one->rows)
            continue;
        out->sites_wrong++;
        fprintf(stderr,
                "DIFFERS: site %s of account %s has %" PRId64
                " events, the backup %" PRId64 "\n",
                one->site, one->account, rows, one->rows);
    }
}

static int compare_part(struct cli *cli, const struct manifest *m,
                        const struct manifest_part *part, struct tally *events,
                        struct restored *out, struct pp_err *err)
{
    struct tally tally;
    int result = rows_tally(cli, m, part, &tally, err);

    if (result == 0 &&
        (tally.rows != part->rows || tally.checksum != part->checksum)) {
        out->parts_wrong++;
        fprintf(stderr,
                "DIFFERS: %s %s has %" PRId64 " rows, sum %016" PRIx64
                "; the backup %" PRId64 ", %016" PRIx64 "\n",
                part->table, part->partition, tally.rows, tally.checksum,
                part->rows, part->checksum);
    }
    if (part->store == MANIFEST_CLICKHOUSE)
        tally_join(events, &tally);
    tally_fini(&tally);
    return result;
}

int restore_compare(struct cli *cli, const struct manifest *m,
                    struct restored *out, struct pp_err *err)
{
    struct tally want, have;
    int result = 0;

    tally_init(&want, 0, true);
    tally_init(&have, 0, true);
    tally_join(&want, &m->events);
    for (size_t i = 0; i < m->part_count && result == 0; i++)
        result = compare_part(cli, m, &m->parts[i], &have, out, err);
    tally_sort(&want);
    tally_sort(&have);
    if (result == 0)
        compare_sites(&want, &have, out);
    tally_fini(&want);
    tally_fini(&have);
    return result;
}

/* --- erased ----------------------------------------------------------------
 */

static int erase_all(struct cli *cli, struct pp_str sites, struct pp_err *err)
{
    struct pp_str line;

    sites = pp_str_trim(sites);
    while (sites.n && pp_str_split(&sites, '\n', &line)) {
        char id[64];

        snprintf(id, sizeof(id), "%.*s", PP_ARG(line));
        if (line.n > 0 && site_status_change(cli, id, "erased", err) < 0)
            return -1;
    }
    return 0;
}

int restore_erase_again(struct cli *cli, struct place *place,
                        struct pp_str more, struct restored *out,
                        struct pp_err *err)
{
    struct pp_buf sites;
    int result;

    pp_buf_init(&sites, MANIFEST_BYTES_MAX);
    result = place_list(place, "erased", &sites, err);
    pp_buf_add_str(&sites, more);
    if (result == 0)
        result = erase_all(cli, pp_buf_str(&sites), err);
    pp_buf_fini(&sites);
    return result < 0 ? -1
                      : erase_apply(cli, false, &out->sites_erased,
                                    &out->rows_erased, err);
}

/* --- the command -----------------------------------------------------------
 */

static int is_empty(struct cli *cli, struct pp_err *err)
{
    struct pp_clickhouse_call call = {.timeout_ms = LOAD_MS,
                                      .without_database = true};
    char sql[300];
    struct pp_str answer;
    int64_t there;

    if (rows_number(cli, "SELECT (to_regclass('account') IS NOT NULL)::int",
                    &there, err) < 0 ||
        (there > 0 &&
         rows_number(cli, "SELECT count(*) FROM account", &there, err) < 0))
        return -1;
    snprintf(sql, sizeof(sql),
             "SELECT toInt64(sum(total_rows)) FROM system.tables WHERE "
             "database = '%s' AND name = 'events'",
             pp_clickhouse_database(cli->clickhouse));
    call.sql = sql;
    if (there == 0 &&
        pp_clickhouse_run(cli->clickhouse, &call, &answer, err) < 0)
        return -1;
    if (there == 0)
        (void)pp_str_int64(pp_str_trim(answer), &there);
    if (there > 0)
        return pp_err_set(err, PP_ERR_DENIED,
                          "the databases are not empty: --replace deletes what "
                          "is there");
    return 0;
}

static int settle(struct cli *cli, struct place *place,
                  const struct manifest *m, struct restored *out,
                  struct pp_err *err)
{
    struct pp_str answer;
    int64_t left;

    if (migrate_to(cli, 0, 0, true, err) < 0 ||
        restore_from_kafka(cli, m, err) < 0 ||
        restore_erase_again(cli, place, PP_LIT(""), out, err) < 0 ||
        rows_ask(cli, "SYSTEM START TTL MERGES events", &answer, err) < 0)
        return -1;
    left = rollup_all(cli, err);
    if (left > 0)
        fprintf(stderr, "%" PRId64 " days of rollups are not right yet\n",
                left);
    return left < 0 ? -1 : 0;
}

static void print_accounts(const struct tally *events)
{
    for (size_t i = 0; i < events->site_count;) {
        const char *account = events->sites[i].account;
        int64_t rows = 0;
        size_t sites = 0;

        for (; i < events->site_count &&
               strcmp(events->sites[i].account, account) == 0;
             i++, sites++)
            rows += events->sites[i].rows;
        printf("account %-16s %zu sites, %" PRId64 " events\n", account, sites,
               rows);
    }
}

static void print_done(const struct cli *cli, const struct manifest *m,
                       const struct restored *r, int64_t took_ms)
{
    if (!cli->json)
        print_accounts(&m->events);
    printf(cli->json
               ? "{\"restored\":\"%s\",\"rows_postgres\":%" PRId64
                 ",\"rows_clickhouse\":%" PRId64
                 ",\"parts_wrong\":%d,\"sites_wrong\":%d,\"sites_erased\":%d,"
                 "\"rows_erased\":%" PRId64 ",\"took_ms\":%" PRId64 "}\n"
               : "restored %s: %" PRId64 " rows of Postgres, %" PRId64
                 " events; tables that differ: %d, sites that differ: %d; "
                 "erased again: %d sites, %" PRId64 " rows; took %" PRId64
                 " ms\n",
           m->id, manifest_rows(m, MANIFEST_POSTGRES),
           manifest_rows(m, MANIFEST_CLICKHOUSE), r->parts_wrong,
           r->sites_wrong, r->sites_erased, r->rows_erased, took_ms);
}

static int put_back(struct cli *cli, struct place *place, struct manifest *m,
                    const char *id, bool replace, struct restored *out,
                    struct pp_err *err)
{
    if (place_open(place, cli, err) < 0 ||
        (!replace && is_empty(cli, err) < 0) ||
        restore_writers_stopped(cli, err) < 0 ||
        place_find(place, id, m, err) < 0 ||
        place_read_all(place, m, NULL, NULL, err) < 0)
        return -1;
    fprintf(stderr, "%s is whole\n", m->id);
    return restore_load(cli, place, m, err) < 0 ||
                   restore_compare(cli, m, out, err) < 0
               ? -1
               : settle(cli, place, m, out, err);
}

int restore_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    bool replace = cli_flag(&argc, argv, "--replace");
    int64_t started_ms = pp_wall_now().ms;
    struct restored restored = {0};
    struct manifest m = {0};
    struct place place;
    int result = put_back(cli, &place, &m, cli_argument(argc, argv, 0), replace,
                          &restored, err);

    if (result == 0) {
        place_record(cli, "restore", &m, started_ms, NULL);
        tally_sort(&m.events);
        print_done(cli, &m, &restored, pp_wall_now().ms - started_ms);
        result = restored.parts_wrong + restored.sites_wrong > 0;
    }
    place_close(&place);
    manifest_fini(&m);
    return result;
}

#ifndef POSTGRES_H
#define POSTGRES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_pg.h"

#include "test.h"

/* A database of an integration test's own. What fails fails the test. */
#define POSTGRES_DSN_BYTES 512

/* How a role reaches it; the tests' stack asks nobody for a password. */
static inline void postgres_dsn(const char *database, const char *role,
                                char dsn_out[static POSTGRES_DSN_BYTES])
{
    const char *all = getenv("PAWPRINT_POSTGRES_DSN");
    const char *at = all ? strchr(all, '@') : NULL;
    const char *slash = at ? strrchr(at, '/') : NULL;

    assert_non_null(slash);
    snprintf(dsn_out, POSTGRES_DSN_BYTES, "postgresql://%s%.*s/%s", role,
             (int)(slash - at), at, database);
}

/* One statement or several. */
static inline void postgres_run(struct pp_pg *pg, const char *sql)
{
    struct pp_err err = {0};

    if (pp_pg_script(pg, sql, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
}

static inline int64_t postgres_number(struct pp_pg *pg, const char *sql)
{
    struct pp_pg_rows rows;
    struct pp_err err = {0};
    int64_t value;

    if (pp_pg_query(pg, sql, 0, NULL, &rows, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
    value = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return value;
}

/* A migration, from the checkout's folder. */
static inline void postgres_run_file(struct pp_pg *pg, const char *path)
{
    static char sql[32768];
    FILE *file = fopen(path, "r");
    size_t n;

    assert_non_null(file);
    n = fread(sql, 1, sizeof(sql) - 1, file);
    fclose(file);
    sql[n] = '\0';
    postgres_run(pg, sql);
}

/* Runs a statement about a database that nobody may be connected to. */
static inline void postgres_run_outside(const char *sql)
{
    struct pp_pg *pg;
    struct pp_err err = {0};

    if (pp_pg_open(&pg, getenv("PAWPRINT_POSTGRES_DSN"), "test", &err) < 0)
        fail_msg("%s", err.msg);
    postgres_run(pg, sql);
    pp_pg_close(&pg);
}

static inline void postgres_drop(const char *database)
{
    char sql[200];

    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)",
             database);
    postgres_run_outside(sql);
}

/* Makes it anew, empty; dsn_out is its owner's. */
static inline void postgres_make(const char *database,
                                 char dsn_out[static POSTGRES_DSN_BYTES])
{
    char sql[200];

    postgres_drop(database);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", database);
    postgres_run_outside(sql);
    postgres_dsn(database, "pawprint", dsn_out);
}

/* All migrations, of ClickHouse too, by the CLI. */
static inline void postgres_migrate(const char *database, const char *dsn)
{
    const char *bin = getenv("PAWPRINT_BIN");
    char command[POSTGRES_DSN_BYTES + 400];

    assert_non_null(bin);
    snprintf(command, sizeof(command),
             "PAWPRINT_POSTGRES_DSN='%s' PAWPRINT_CLICKHOUSE_DATABASE=%s "
             "%s/pawprint migrate >/dev/null",
             dsn, database, bin);
    assert_int_equal(system(command), 0);
}

static inline struct pp_pg *postgres_open(const char *dsn)
{
    struct pp_pg *pg;
    struct pp_err err = {0};

    if (pp_pg_open(&pg, dsn, "test", &err) < 0)
        fail_msg("%s", err.msg);
    return pg;
}

/* A database made anew with all migrations; the connection and dsn_out are its
 * owner's. */
static inline struct pp_pg *
postgres_begin(const char *database, char dsn_out[static POSTGRES_DSN_BYTES])
{
    postgres_make(database, dsn_out);
    postgres_migrate(database, dsn_out);
    return postgres_open(dsn_out);
}

#endif

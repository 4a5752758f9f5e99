/*
 * Forward only, under a lock, each file once. What was applied is written
 * down in the store itself, with a checksum: a file that was changed after it
 * was applied is refused, since nobody could say what the store looks like.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_avro.h"
#include "pp_mem.h"

#include "cli.h"
#include "migrations.h"

#define LOCK       "7166150"
#define TIMEOUT_MS 60000
#define APPLY_MS   (4 * 3600 * 1000) /* a whole table may have to be moved */

/* What differs between the two stores. */
struct store {
    const char *name;
    int (*prepare)(struct cli *cli, struct pp_err *err);
    int (*applied)(struct cli *cli, int number, char checksum_out[17],
                   struct pp_err *err); /* 1 applied, 0 not, -1 */
    int (*apply)(struct cli *cli, const struct migration *migration,
                 const char *checksum, struct pp_err *err);
};

static int clickhouse(struct cli *cli, const char *sql,
                      const struct pp_clickhouse_value *parameters,
                      struct pp_str *answer, struct pp_err *err)
{
    struct pp_clickhouse_call call = {
        .sql = sql, .parameters = parameters, .timeout_ms = TIMEOUT_MS};

    return pp_clickhouse_run(cli->clickhouse, &call, answer, err);
}

static int postgres_prepare(struct cli *cli, struct pp_err *err)
{
    return pp_pg_script(cli->pg,
                        "CREATE TABLE IF NOT EXISTS migration ("
                        "number int PRIMARY KEY, name text NOT NULL, "
                        "checksum text NOT NULL, "
                        "applied_at timestamptz NOT NULL DEFAULT now())",
                        err);
}

static int postgres_applied(struct cli *cli, int number, char checksum_out[17],
                            struct pp_err *err)
{
    struct pp_pg_rows rows;
    char text[16];
    const char *values[] = {text};
    int result;

    snprintf(text, sizeof(text), "%d", number);
    result =
        pp_pg_query(cli->pg, "SELECT checksum FROM migration WHERE number = $1",
                    1, values, &rows, err);
    if (result == 0 && rows.count == 1) {
        snprintf(checksum_out, 17, "%s", pp_pg_text(&rows, 0, 0));
        result = 1;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static int postgres_apply(struct cli *cli, const struct migration *migration,
                          const char *checksum, struct pp_err *err)
{
    char number[16];
    const char *values[] = {number, migration->name, checksum};

    snprintf(number, sizeof(number), "%d", migration->number);
    if (pp_pg_begin(cli->pg, err) < 0)
        return -1;
    if (pp_pg_script(cli->pg, migration->sql, err) < 0 ||
        pp_pg_exec(cli->pg, "INSERT INTO migration VALUES ($1, $2, $3)", 3,
                   values, err) < 0) {
        pp_pg_rollback(cli->pg);
        return -1;
    }
    return pp_pg_commit(cli->pg, err);
}

static int clickhouse_prepare(struct cli *cli, struct pp_err *err)
{
    static const char database[] = "CREATE DATABASE IF NOT EXISTS ";
    struct pp_clickhouse_call call = {.timeout_ms = TIMEOUT_MS,
                                      .without_database = true};
    struct pp_str answer;
    char sql[200];

    snprintf(sql, sizeof(sql), "%s`%s`", database,
             pp_clickhouse_database(cli->clickhouse));
    call.sql = sql;
    if (pp_clickhouse_run(cli->clickhouse, &call, &answer, err) < 0)
        return -1;
    return clickhouse(cli,
                      "CREATE TABLE IF NOT EXISTS migration ("
                      "number UInt32, name String, checksum String, "
                      "applied_at DateTime DEFAULT now()) "
                      "ENGINE = MergeTree ORDER BY number",
                      NULL, &answer, err);
}

static int clickhouse_applied(struct cli *cli, int number,
                              char checksum_out[17], struct pp_err *err)
{
    char text[16];
    const struct pp_clickhouse_value values[] = {{"n", text}, {0}};
    struct pp_str answer;

    snprintf(text, sizeof(text), "%d", number);
    if (clickhouse(cli,
                   "SELECT checksum FROM migration WHERE number = {n:UInt32}",
                   values, &answer, err) < 0)
        return -1;
    answer = pp_str_trim(answer);
    snprintf(checksum_out, 17, "%.*s", PP_ARG(answer));
    return answer.n > 0;
}

static int clickhouse_step(struct cli *cli, const char *sql, struct pp_err *err)
{
    const struct pp_clickhouse_call call = {.sql = sql, .timeout_ms = APPLY_MS};
    struct pp_str answer;

    return pp_clickhouse_run(cli->clickhouse, &call, &answer, err);
}

/* A real server takes one statement at a time: they end with ";\n". */
static int clickhouse_apply(struct cli *cli, const struct migration *migration,
                            const char *checksum, struct pp_err *err)
{
    char number[16];
    const struct pp_clickhouse_value values[] = {
        {"n", number}, {"name", migration->name}, {"sum", checksum}, {0}};
    char *rest = pp_strdup(migration->sql), *next = rest;
    struct pp_str answer;
    int result = 0;

    while (result == 0 && next) {
        char *sql = next, *end = strstr(sql, ";\n");

        next = end ? end + 2 : NULL;
        if (end)
            *end = '\0';
        if (pp_str_trim(pp_str_of(sql)).n > 0)
            result = clickhouse_step(cli, sql, err);
    }
    free(rest);
    if (result < 0)
        return -1;
    snprintf(number, sizeof(number), "%d", migration->number);
    return clickhouse(cli,
                      "INSERT INTO migration (number, name, checksum) SELECT "
                      "{n:UInt32}, {name:String}, {sum:String}",
                      values, &answer, err);
}

static const struct store stores[] = {
    {"postgres", postgres_prepare, postgres_applied, postgres_apply},
    {"clickhouse", clickhouse_prepare, clickhouse_applied, clickhouse_apply},
};

static int migrate_one(struct cli *cli, const struct store *store,
                       const struct migration *migration, struct pp_err *err)
{
    char checksum[17], applied[17] = "";
    int known;

    snprintf(checksum, sizeof(checksum), "%016" PRIx64,
             pp_avro_fingerprint(pp_str_of(migration->sql)));
    known = store->applied(cli, migration->number, applied, err);
    if (known < 0)
        return -1;
    if (known && strcmp(checksum, applied) != 0)
        return pp_err_set(err, PP_ERR_FATAL,
                          "%s/%s was changed after it was applied: put it "
                          "back, and write a new file",
                          store->name, migration->name);
    if (known)
        return 0;
    if (store->apply(cli, migration, checksum, err) < 0)
        return -1;
    return 1;
}

static int migrate_store(struct cli *cli, const struct store *store, int last,
                         bool quiet, struct pp_err *err)
{
    int count = 0;

    if (store->prepare(cli, err) < 0)
        return -1;
    for (const struct migration *m = migrations; m->store; m++) {
        int made;

        if (strcmp(m->store, store->name) != 0 || (last && m->number > last))
            continue;
        made = migrate_one(cli, store, m, err);
        if (made < 0)
            return -1;
        if (made && !quiet)
            printf("applied %s/%s\n", store->name, m->name);
        count += made;
    }
    return count;
}

int migrate_to(struct cli *cli, int postgres, int clickhouse, bool quiet,
               struct pp_err *err)
{
    const int last[] = {postgres, clickhouse};
    int count = 0;

    /* The lock goes with the connection: it needs no unlocking. */
    if (pp_pg_exec(cli->pg, "SELECT pg_advisory_lock(" LOCK ")", 0, NULL, err) <
        0)
        return -1;
    for (size_t i = 0; i < PP_COUNT(stores); i++) {
        int made = migrate_store(cli, &stores[i], last[i], quiet, err);

        if (made < 0)
            return -1;
        count += made;
    }
    return count;
}

int migrate_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    int count;

    (void)argv;
    if (argc > 0)
        return cli_usage(err, "migrate takes no arguments");
    count = migrate_to(cli, 0, 0, cli->json, err);
    if (count < 0)
        return -1;
    if (cli->json)
        printf("{\"applied\":%d}\n", count);
    else if (count == 0)
        puts("everything is up to date");
    return 0;
}

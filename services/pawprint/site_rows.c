#include "site_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pp_time.h"

#define QUERY_MS  60000
#define DELETE_MS 3600000
#define SQL_BYTES 400
#define POLL_US   100000

/* Ends only when it is done, on every replica. */
static const struct pp_clickhouse_value wait_for_it[] = {
    {"mutations_sync", "2"}, {"lightweight_deletes_sync", "2"}, {0}};

static int ask_number(struct cli *cli, const char *sql,
                      const struct pp_clickhouse_value *parameters,
                      int64_t *out, struct pp_err *err)
{
    struct pp_str answer;

    if (cli_ask(cli, sql, parameters, QUERY_MS, &answer, err) < 0)
        return -1;
    if (!pp_str_int64(answer, out))
        return pp_err_set(err, PP_ERR_FATAL, "clickhouse: not a count");
    return 0;
}

int site_rows_tables(struct cli *cli, struct site_tables *out,
                     struct pp_err *err)
{
    static const char sql[] =
        "SELECT t.name FROM system.columns AS c JOIN system.tables AS t ON "
        "t.database = c.database AND t.name = c.table WHERE c.database = "
        "currentDatabase() AND c.name = 'site_id' AND t.engine LIKE "
        "'%MergeTree' ORDER BY t.name";
    struct pp_str rest, name;

    out->count = 0;
    if (cli_ask(cli, sql, NULL, QUERY_MS, &rest, err) < 0)
        return -1;
    while (rest.n && pp_str_split(&rest, '\n', &name)) {
        if (out->count == SITE_TABLES_MAX || name.n >= sizeof(out->names[0]))
            return pp_err_set(err, PP_ERR_FATAL,
                              "clickhouse: too many tables with a site_id");
        snprintf(out->names[out->count++], sizeof(out->names[0]), "%.*s",
                 PP_ARG(name));
    }
    if (out->count == 0)
        return pp_err_set(err, PP_ERR_FATAL,
                          "clickhouse: no tables: run pawprint migrate");
    return 0;
}

int site_rows_count(struct cli *cli, const struct site_tables *tables,
                    const char *site_id, int64_t *count_out, struct pp_err *err)
{
    const struct pp_clickhouse_value values[] = {{"site", site_id}, {0}};
    char sql[SQL_BYTES];
    int64_t count;

    *count_out = 0;
    for (size_t i = 0; i < tables->count; i++) {
        snprintf(sql, sizeof(sql),
                 "SELECT count() FROM `%s` WHERE site_id = {site:String}",
                 tables->names[i]);
        if (ask_number(cli, sql, values, &count, err) < 0)
            return -1;
        *count_out += count;
    }
    return 0;
}

static int change(struct cli *cli, const char *sql,
                  const struct pp_clickhouse_value *parameters,
                  struct pp_err *err)
{
    const struct pp_clickhouse_call call = {.sql = sql,
                                            .parameters = parameters,
                                            .settings = wait_for_it,
                                            .timeout_ms = DELETE_MS};
    struct pp_str answer;

    return pp_clickhouse_run(cli->clickhouse, &call, &answer, err);
}

int site_rows_delete(struct cli *cli, const struct site_tables *tables,
                     const char *site_id, struct pp_err *err)
{
    const struct pp_clickhouse_value values[] = {{"site", site_id}, {0}};
    char sql[SQL_BYTES];

    for (size_t i = 0; i < tables->count; i++) {
        snprintf(sql, sizeof(sql),
                 "DELETE FROM `%s` WHERE site_id = {site:String}",
                 tables->names[i]);
        if (change(cli, sql, values, err) < 0)
            return -1;
    }
    return 0;
}

int site_rows_wipe(struct cli *cli, const struct site_tables *tables,
                   struct pp_err *err)
{
    char sql[SQL_BYTES];

    for (size_t i = 0; i < tables->count; i++) {
        snprintf(sql, sizeof(sql), "ALTER TABLE `%s` APPLY DELETED MASK",
                 tables->names[i]);
        if (change(cli, sql, NULL, err) < 0)
            return -1;
    }
    return 0;
}

int site_rows_settle(struct cli *cli, int wait_ms, struct pp_err *err)
{
    static const char sql[] =
        "SELECT count() FROM system.processes WHERE "
        "startsWith(query, 'INSERT') AND "
        "position(query, '/* pawprint writer */') > 0 AND "
        "elapsed * 1000 > {since:Int64}";
    struct pp_mono start = pp_mono_now();
    char since[24];
    const struct pp_clickhouse_value values[] = {{"since", since}, {0}};
    int64_t running;

    for (;;) {
        int64_t waited_ms = pp_mono_ms(start, pp_mono_now());

        snprintf(since, sizeof(since), "%" PRId64, waited_ms);
        if (ask_number(cli, sql, values, &running, err) < 0)
            return -1;
        if (running == 0)
            return 0;
        if (waited_ms > wait_ms)
            return pp_err_set(err, PP_ERR_AGAIN,
                              "clickhouse: an insert does not end");
        usleep(POLL_US);
    }
}

/*
 * Erases a site for ever: says so to everybody first, then takes its rows out
 * of ClickHouse until no more come, then off the disk. Topics keep their
 * copies until they expire; the writers store none of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pp_mem.h"
#include "pp_time.h"

#include "cli.h"
#include "place.h"
#include "site_rows.h"
#include "site_status.h"

#define SENT_MS      60000
#define SETTLE_MS    300000
#define CALM_ROUNDS  2 /* without a row, one after the other */
#define TABLES_BYTES ((size_t)4096)
#define TOPICS_KEEP                                                            \
    "topics keep copies for at most 72 hours, and no writer "                  \
    "stores them"

struct erasure {
    const char *site_id;
    const char *reason; /* as in schemas/postgres/0003_erasure.sql */
    struct site_tables tables;
    int64_t before, after; /* rows */
    char started[PP_WALL_TEXT_BYTES], finished[PP_WALL_TEXT_BYTES];
};

/* --- rows ------------------------------------------------------------------
 */

/* Deletes what is there now; *found_out says how many rows that were. */
static int delete_found(struct cli *cli, struct erasure *e, int64_t *found_out,
                        struct pp_err *err)
{
    if (site_rows_count(cli, &e->tables, e->site_id, found_out, err) < 0)
        return -1;
    e->before += *found_out;
    return *found_out > 0 ? site_rows_delete(cli, &e->tables, e->site_id, err)
                          : 0;
}

/*
 * Until every writer must have heard of it: nobody can be asked for that, so
 * it waits longer than a writer takes, and looks again. An insert that had
 * begun before is waited for.
 */
static int delete_until_calm(struct cli *cli, struct erasure *e, int grace_ms,
                             struct pp_err *err)
{
    struct pp_mono start = pp_mono_now();
    int64_t found = 0;

    for (int calm = 0; calm < CALM_ROUNDS; calm = found ? 0 : calm + 1) {
        if (pp_mono_ms(start, pp_mono_now()) > SETTLE_MS)
            return pp_err_set(err, PP_ERR_AGAIN,
                              "rows of site %s keep coming: a writer does not "
                              "read the topic of sites",
                              e->site_id);
        if (site_rows_settle(cli, SETTLE_MS, err) < 0 ||
            delete_found(cli, e, &found, err) < 0)
            return -1;
        usleep((useconds_t)grace_ms * 1000);
    }
    if (site_rows_settle(cli, SETTLE_MS, err) < 0)
        return -1;
    return site_rows_count(cli, &e->tables, e->site_id, &e->after, err);
}

/* --- receipt ---------------------------------------------------------------
 */

static void now_text(char text[static PP_WALL_TEXT_BYTES])
{
    pp_wall_text(pp_wall_now(), text);
}

static void tables_text(const struct erasure *e, const char *between,
                        struct pp_buf *out)
{
    for (size_t i = 0; i < e->tables.count; i++)
        pp_buf_printf(out, "%s%s", i ? between : "", e->tables.names[i]);
}

static int keep_receipt(struct cli *cli, struct erasure *e, struct pp_err *err)
{
    struct pp_buf tables;
    char before[24], after[24];
    const char *values[] = {e->site_id, e->reason,  NULL,       before,
                            after,      e->started, e->finished};
    int result;

    now_text(e->finished);
    pp_buf_init(&tables, TABLES_BYTES);
    pp_buf_add_byte(&tables, '{');
    tables_text(e, ",", &tables);
    pp_buf_printf(&tables, "}%c", '\0');
    values[2] = tables.p;
    snprintf(before, sizeof(before), "%" PRId64, e->before);
    snprintf(after, sizeof(after), "%" PRId64, e->after);
    result = pp_pg_exec(cli->pg,
                        "INSERT INTO erasure (site_id, reason, tables, "
                        "rows_before, rows_after, started_at, finished_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                        7, values, err);
    pp_buf_fini(&tables);
    return result;
}

static void print_receipt(const struct cli *cli, const struct erasure *e,
                          bool more)
{
    struct pp_buf tables;

    pp_buf_init(&tables, TABLES_BYTES);
    tables_text(e, cli->json ? "\",\"" : ", ", &tables);
    printf(cli->json ? "%s{\"site\":\"%s\",\"rows_before\":%" PRId64
                       ",\"rows_after\":%" PRId64 ",\"tables\":[\"%.*s\"],"
                       "\"started\":\"%s\",\"finished\":\"%s\",\"note\":\"%s\"}"
                     : "%ssite         %s, erased for ever\n"
                       "rows before  %" PRId64 "\nrows after   %" PRId64 "\n"
                       "tables       %.*s\nstarted      %s\nfinished     %s\n"
                       "note         %s\n",
           more ? (cli->json ? "," : "\n") : "", e->site_id, e->before,
           e->after, PP_ARG(pp_buf_str(&tables)), e->started, e->finished,
           TOPICS_KEEP);
    pp_buf_fini(&tables);
}

/* --- where backups lie -----------------------------------------------------
 */

/* A backup from before holds the site's rows: what restores it asks here. */
static int keep_in_place(struct cli *cli, const struct erasure *e,
                         struct pp_err *err)
{
    char name[80], sha[SEAL_SHA_BYTES], text[200];
    struct place place;
    int64_t bytes;
    int result;

    if (!cli->backup->target[0])
        return 0;
    snprintf(name, sizeof(name), "erased/%s", e->site_id);
    snprintf(text, sizeof(text), "{\"site\":\"%s\",\"erased_at\":\"%s\"}\n",
             e->site_id, e->started);
    result = place_open(&place, cli, err);
    if (result == 0)
        result = place_put(&place, name, pp_str_of(text), sha, &bytes, err);
    place_close(&place);
    return result;
}

/* --- commands --------------------------------------------------------------
 */

int erase_site_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    bool yes = cli_flag(&argc, argv, "--yes");
    struct erasure e = {.site_id = cli_argument(argc, argv, 0),
                        .reason = "asked"};
    int64_t grace_ms;

    if (!e.site_id)
        return cli_usage(err, "a site's key is needed");
    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, "--grace", "3000")),
                      &grace_ms) ||
        grace_ms < 0 || grace_ms > 600000)
        return cli_usage(err, "--grace takes milliseconds, up to 600000");
    if (!yes && cli_confirm("This deletes all that was ever measured on the "
                            "site. Nothing brings it back.",
                            e.site_id, err) < 0)
        return -1;
    now_text(e.started);
    if (site_status_set(cli, e.site_id, "erased", err) < 0 ||
        keep_in_place(cli, &e, err) < 0 ||
        site_rows_tables(cli, &e.tables, err) < 0 ||
        site_status_sent(cli, e.site_id, SENT_MS, err) < 0 ||
        delete_until_calm(cli, &e, (int)grace_ms, err) < 0 ||
        site_rows_wipe(cli, &e.tables, err) < 0 ||
        keep_receipt(cli, &e, err) < 0)
        return -1;
    print_receipt(cli, &e, false);
    if (cli->json)
        puts("");
    return 0;
}

/* What a restore has brought back of one site. */
static int apply_one(struct cli *cli, struct erasure *e, struct pp_err *err)
{
    int64_t found;

    now_text(e->started);
    if (delete_found(cli, e, &found, err) < 0)
        return -1;
    if (found == 0)
        return 0;
    return site_rows_wipe(cli, &e->tables, err) < 0 ||
                   site_rows_count(cli, &e->tables, e->site_id, &e->after,
                                   err) < 0 ||
                   keep_receipt(cli, e, err) < 0
               ? -1
               : 0;
}

int erase_apply(struct cli *cli, bool print, int *sites_out, int64_t *rows_out,
                struct pp_err *err)
{
    struct site_tables tables;
    struct pp_pg_rows rows;
    int result;

    *sites_out = 0;
    *rows_out = 0;
    if (site_rows_tables(cli, &tables, err) < 0)
        return -1;
    result = pp_pg_query(cli->pg,
                         "SELECT site_id FROM site WHERE status = 'erased' "
                         "ORDER BY site_id",
                         0, NULL, &rows, err);
    for (int i = 0; result == 0 && i < rows.count; i++) {
        struct erasure e = {.site_id = pp_pg_text(&rows, i, 0),
                            .reason = "restored",
                            .tables = tables};

        result = apply_one(cli, &e, err);
        if (result == 0 && e.before > 0 && print)
            print_receipt(cli, &e, *sites_out > 0);
        if (result == 0 && e.before > 0)
            ++*sites_out;
        *rows_out += e.before;
    }
    if (result == 0 && print && !cli->json && *sites_out == 0)
        printf("%d sites are erased; nothing of them is stored\n", rows.count);
    pp_pg_rows_fini(&rows);
    return result;
}

int erase_apply_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    int64_t rows;
    int sites, result;

    (void)argv;
    if (argc > 0)
        return cli_usage(err, "erase apply takes no arguments");
    if (cli->json)
        printf("[");
    result = erase_apply(cli, true, &sites, &rows, err);
    if (cli->json && result == 0)
        puts("]");
    return result;
}

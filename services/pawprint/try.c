/*
 * One hit, sent as a page would send it, and awaited in ClickHouse: whether an
 * installation works, from outside to the disk. It has a site of its own for
 * that, so that nobody's numbers change; between two runs it is paused.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "pp_httpc.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "cli.h"
#include "site_status.h"

#define OURS     "pawprint try" /* name of the account, and of its site */
#define CALL_MS  10000
#define PAUSE_US 250000

struct attempt {
    char site[40];
    char id[20]; /* of the hit: sent again, it is the same one */
    struct pp_mono start;
    int64_t wait_ms;
};

/* An account that belongs to nobody, with one site. Both keep their ids. */
static const char make_sql[] =
    "WITH made AS (INSERT INTO account (account_id, name, owner_mail, zone, "
    "locale) VALUES (substr(replace(gen_random_uuid()::text, '-', ''), 1, 12), "
    "'" OURS "', 'nobody@pawprint.invalid', 'UTC', 'en') "
    "RETURNING account_id) "
    "INSERT INTO site (site_id, account_id, name, origins, zone, "
    "retention_days) SELECT substr(replace(gen_random_uuid()::text, '-', ''), "
    "1, 12), account_id, '" OURS "', '{}', 'UTC', 90 FROM made "
    "RETURNING site_id";

static const char find_sql[] =
    "SELECT site_id FROM site JOIN account USING (account_id) "
    "WHERE account.name = '" OURS "' AND site.name = '" OURS "' "
    "AND site.status <> 'erased' ORDER BY site.created_at LIMIT 1";

/* Returns 1 when sql gave a site, 0 when it gave none. */
static int site_by(struct cli *cli, const char *sql, struct attempt *attempt,
                   struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg, sql, 0, NULL, &rows, err);

    if (result == 0 && rows.count > 0) {
        snprintf(attempt->site, sizeof(attempt->site), "%s",
                 pp_pg_text(&rows, 0, 0));
        result = 1;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static int site_make(struct cli *cli, struct attempt *attempt,
                     struct pp_err *err)
{
    if (pp_pg_begin(cli->pg, err) < 0)
        return -1;
    if (site_by(cli, make_sql, attempt, err) < 0 ||
        site_tell(cli, attempt->site, err) < 0) {
        pp_pg_rollback(cli->pg);
        return -1;
    }
    return pp_pg_commit(cli->pg, err);
}

static int site_open(struct cli *cli, struct attempt *attempt,
                     struct pp_err *err)
{
    int found = site_by(cli, find_sql, attempt, err);

    if (found == 0)
        return site_make(cli, attempt, err);
    return found < 0 ? -1 : site_status_set(cli, attempt->site, "active", err);
}

static int64_t waited_ms(const struct attempt *attempt)
{
    return pp_mono_ms(attempt->start, pp_mono_now());
}

/* The collector may not know the site yet, or not be there yet. */
static bool may_come(int status)
{
    return status == 0 || status == 404 || status == 429 || status == 503;
}

static int send_once(struct cli *cli, struct pp_httpc *httpc,
                     const struct attempt *attempt, int *status_out,
                     struct pp_err *err)
{
    static const char *const headers[] = {"Content-Type: text/plain", NULL};
    char url[300], body[300];
    struct pp_httpc_call call = {.method = "POST",
                                 .url = url,
                                 .headers = headers,
                                 .timeout_ms = CALL_MS};
    struct pp_httpc_answer answer = {0};

    snprintf(url, sizeof(url), "%s/e", cli->collector);
    snprintf(body, sizeof(body),
             "{\"site\":\"%s\",\"id\":\"%s\",\"url\":"
             "\"https://try.pawprint.invalid/%s\"}",
             attempt->site, attempt->id, attempt->id);
    call.body = pp_str_of(body);
    *status_out = 0;
    if (pp_httpc_run(httpc, &call, &answer, err) < 0)
        return err->kind == PP_ERR_AGAIN ? 0 : -1;
    *status_out = answer.status;
    if (answer.status == 202)
        return 0;
    pp_err_set(err, PP_ERR_INVALID, "%s answered %d: %.*s", url, answer.status,
               PP_ARG(pp_str_trim(answer.body)));
    return may_come(answer.status) ? 0 : -1;
}

/* Until the collector says 202, which is said when Kafka has the hit. */
static int send_hit(struct cli *cli, const struct attempt *attempt,
                    struct pp_err *err)
{
    static const struct pp_httpc_options options = {.connect_ms = 3000,
                                                    .answer_bytes = 65536};
    struct pp_httpc *httpc = NULL;
    int status = 0;
    int result = pp_httpc_open(&httpc, &options, err);

    while (result == 0) {
        result = send_once(cli, httpc, attempt, &status, err);
        if (result < 0 || status == 202)
            break;
        if (waited_ms(attempt) > attempt->wait_ms)
            result = -1; /* err says what was answered last */
        else
            usleep(PAUSE_US);
    }
    pp_httpc_close(&httpc);
    return result;
}

static int await_row(struct cli *cli, const struct attempt *attempt,
                     struct pp_err *err)
{
    char path[40];
    const struct pp_clickhouse_value values[] = {
        {"site", attempt->site}, {"path", path}, {0}};
    const struct pp_clickhouse_call call = {
        .sql = "SELECT count() FROM events WHERE site_id = {site:String} "
               "AND pathname = {path:String}",
        .parameters = values,
        .timeout_ms = CALL_MS};
    struct pp_str count;

    snprintf(path, sizeof(path), "/%s", attempt->id);
    for (;;) {
        if (pp_clickhouse_run(cli->clickhouse, &call, &count, err) < 0)
            return -1;
        count = pp_str_trim(count);
        if (pp_str_eq(count, PP_LIT("1")))
            return 0;
        if (!pp_str_eq(count, PP_LIT("0")))
            return pp_err_set(err, PP_ERR_INVALID, "one hit became %.*s events",
                              PP_ARG(count));
        if (waited_ms(attempt) > attempt->wait_ms)
            return pp_err_set(err, PP_ERR_AGAIN,
                              "the collector took the hit, and after %" PRId64
                              " ms it is not stored",
                              waited_ms(attempt));
        usleep(PAUSE_US);
    }
}

static int begin(struct attempt *attempt, int argc, char **argv,
                 struct pp_err *err)
{
    const char *text = cli_option(argc, argv, "--wait", "60");
    int64_t seconds;
    uint64_t random;

    if (!pp_str_int64(pp_str_of(text), &seconds) || seconds < 1 ||
        seconds > 3600)
        return cli_usage(err, "--wait takes 1 to 3600 seconds");
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return pp_err_sys(err, PP_ERR_FATAL, "getrandom");
    snprintf(attempt->id, sizeof(attempt->id), "%016" PRIx64, random);
    attempt->wait_ms = seconds * 1000;
    attempt->start = pp_mono_now();
    return 0;
}

int try_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    struct attempt attempt = {0};
    struct pp_err later = {0};
    int64_t taken_ms = 0;
    int result;

    if (begin(&attempt, argc, argv, err) < 0 ||
        site_open(cli, &attempt, err) < 0)
        return -1;
    result = send_hit(cli, &attempt, err);
    if (result == 0) {
        taken_ms = waited_ms(&attempt);
        result = await_row(cli, &attempt, err);
    }
    /* Also after a failure, which is what is told then. */
    if (site_status_set(cli, attempt.site, "paused", &later) < 0 &&
        result == 0) {
        *err = later;
        return -1;
    }
    if (result == 0)
        printf(cli->json ? "{\"site\":\"%s\",\"taken_ms\":%" PRId64
                           ",\"stored_ms\":%" PRId64 "}\n"
                         : "site %s: a hit was taken after %" PRId64
                           " ms and stored after %" PRId64 " ms\n",
               attempt.site, taken_ms, waited_ms(&attempt));
    return result;
}

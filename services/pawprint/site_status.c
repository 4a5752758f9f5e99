/* A site is paused, deleted, resumed, or erased. */
#include "site_status.h"

#include <stdio.h>
#include <unistd.h>

#include "pp_time.h"

#define POLL_US 100000

static int change(struct cli *cli, const char *site_id, const char *status,
                  struct pp_err *err)
{
    const char *values[] = {site_id, status};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(cli->pg,
                         "UPDATE site SET status = $2, version = version + 1, "
                         "changed_at = pp_now() "
                         "WHERE site_id = $1 AND status <> $2",
                         2, values, &rows, err);
    if (result == 0 && rows.changed > 0)
        result = site_tell(cli, site_id, err);
    pp_pg_rows_fini(&rows);
    return result;
}

static int must_be_there(struct cli *cli, const char *site_id,
                         struct pp_err *err)
{
    const char *values[] = {site_id};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(cli->pg, "SELECT 1 FROM site WHERE site_id = $1", 1,
                         values, &rows, err);
    if (result == 0 && rows.count == 0)
        result =
            pp_err_set(err, PP_ERR_INVALID, "there is no site %s", site_id);
    pp_pg_rows_fini(&rows);
    return result;
}

int site_status_set(struct cli *cli, const char *site_id, const char *status,
                    struct pp_err *err)
{
    return must_be_there(cli, site_id, err) < 0
               ? -1
               : site_status_change(cli, site_id, status, err);
}

int site_status_change(struct cli *cli, const char *site_id, const char *status,
                       struct pp_err *err)
{
    if (pp_pg_begin(cli->pg, err) < 0)
        return -1;
    if (change(cli, site_id, status, err) < 0) {
        pp_pg_rollback(cli->pg);
        return -1;
    }
    return pp_pg_commit(cli->pg, err);
}

int site_status_sent(struct cli *cli, const char *site_id, int wait_ms,
                     struct pp_err *err)
{
    const char *values[] = {site_id};
    struct pp_mono start = pp_mono_now();
    struct pp_pg_rows rows;
    int64_t unsent = 1;
    int result;

    for (;;) {
        result = pp_pg_query(cli->pg,
                             "SELECT count(*) FROM outbox WHERE topic = "
                             "'sites.v1' AND key = convert_to($1, 'UTF8') "
                             "AND sent_at IS NULL",
                             1, values, &rows, err);
        if (result == 0)
            unsent = pp_pg_int64(&rows, 0, 0);
        pp_pg_rows_fini(&rows);
        if (result < 0 || unsent == 0)
            return result;
        if (pp_mono_ms(start, pp_mono_now()) > wait_ms)
            return pp_err_set(err, PP_ERR_AGAIN,
                              "the relay has not told Kafka of site %s; it "
                              "is marked: call this again when the relay runs",
                              site_id);
        usleep(POLL_US);
    }
}

static int run(struct cli *cli, int argc, char **argv, const char *status,
               struct pp_err *err)
{
    const char *site_id = cli_argument(argc, argv, 0);

    if (!site_id)
        return cli_usage(err, "a site's key is needed");
    if (site_status_set(cli, site_id, status, err) < 0)
        return -1;
    printf(cli->json ? "{\"site\":\"%s\",\"status\":\"%s\"}\n" : "%s %s\n",
           site_id, status);
    return 0;
}

int site_pause_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    return run(cli, argc, argv, "paused", err);
}

int site_resume_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    return run(cli, argc, argv, "active", err);
}

int site_delete_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    return run(cli, argc, argv, "deleted", err);
}

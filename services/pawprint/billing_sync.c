/*
 * What Stripe has against what we keep: asked and repaired by hand, with the
 * code that `billing` works with.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pp_capacity_pg.h"
#include "pp_log.h"
#include "pp_mem.h"

#include "apply.h"
#include "cli.h"
#include "sweep.h"

#define DIFFERS 1 /* exit code */

/* What the command asks Stripe with. Lines of the log go beside the answer. */
static int open_sync(struct cli *cli, struct sync *sync, struct pp_err *err)
{
    pp_log_to(STDERR_FILENO);
    *sync = (struct sync){.pg = cli->pg, .is_live = cli->is_live};
    if (cli_capacity_ready(cli, err) < 0)
        return -1;
    sync->plans = cli->plans;
    return stripe_open(&sync->stripe, cli->stripe, err);
}

/* --- one customer --------------------------------------------------------- */

static int sync_one(struct cli *cli, const char *customer, bool is_dry,
                    struct pp_err *err)
{
    char account[64] = "", before[64] = "", after[64] = "";
    enum sync_outcome outcome = SYNC_SAME;
    struct sync sync;
    int result = open_sync(cli, &sync, err);

    if (result == 0)
        result = sync_customer(&sync, customer, is_dry, &outcome, account,
                               before, after, err);
    stripe_close(&sync.stripe);
    if (result < 0)
        return -1;
    printf(cli->json ? "{\"customer\":\"%s\",\"account\":\"%s\","
                       "\"outcome\":\"%s\",\"before\":\"%s\",\"after\":\"%s\","
                       "\"dry_run\":%s}\n"
                     : "%s of account %s: %s, plan %s before, %s after%s\n",
           customer, account, sync_outcome_name(outcome), before, after,
           cli->json ? (is_dry ? "true" : "false")
                     : (is_dry ? "; nothing was changed" : ""));
    return outcome == SYNC_DOUBTFUL ? DIFFERS : 0;
}

int billing_sync_customer_run(struct cli *cli, int argc, char **argv,
                              struct pp_err *err)
{
    bool is_dry = cli_flag(&argc, argv, "--dry-run");
    const char *customer = cli_argument(argc, argv, 0);

    if (!customer || !notice_is_id(pp_str_of(customer)))
        return cli_usage(err, "a customer's id at Stripe is needed");
    return sync_one(cli, customer, is_dry, err);
}

int billing_sync_account_run(struct cli *cli, int argc, char **argv,
                             struct pp_err *err)
{
    bool is_dry = cli_flag(&argc, argv, "--dry-run");
    const char *account = cli_argument(argc, argv, 0);
    char customer[NOTICE_ID_BYTES] = "";
    struct pp_pg_rows rows;
    int result;

    if (!account)
        return cli_usage(err, "an account is needed");
    result = pp_pg_query(cli->pg,
                         "SELECT stripe_customer_id FROM billing_profile WHERE "
                         "account_id = $1",
                         1, &account, &rows, err);
    if (result == 0 && rows.count == 1 && !pp_pg_is_null(&rows, 0, 0))
        snprintf(customer, sizeof(customer), "%s", pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    if (result < 0)
        return -1;
    if (!customer[0])
        return pp_err_set(err, PP_ERR_INVALID,
                          "account %.63s is not there, or no customer",
                          account);
    return sync_one(cli, customer, is_dry, err);
}

/* --- many ----------------------------------------------------------------- */

int billing_sync_all_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err)
{
    bool is_dry = cli_flag(&argc, argv, "--dry-run");
    struct sweep_found found = {0};
    struct sync sync;
    int result = open_sync(cli, &sync, err);

    if (result == 0)
        result = sweep_compare(&sync, is_dry, NULL, NULL, &found, err);
    stripe_close(&sync.stripe);
    if (result < 0)
        return -1;
    printf(cli->json ? "{\"customers\":%" PRId64 ",\"differed\":%" PRId64
                       ",\"failures\":%" PRId64 ",\"dry_run\":%s}\n"
                     : "%" PRId64 " customers, %" PRId64 " differed, %" PRId64
                       " could not be compared%s\n",
           found.seen, found.added, found.failures,
           cli->json ? (is_dry ? "true" : "false")
                     : (is_dry ? "; nothing was changed" : ""));
    return found.failures > 0 ? DIFFERS : 0;
}

/* As Postgres reads an instant: 2026-11-25, 2026-11-25T14:30Z, yesterday. */
static int read_since(struct cli *cli, const char *since, int64_t *since_s,
                      struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(cli->pg,
                             "SELECT extract(epoch FROM coalesce("
                             "$1::timestamptz, pp_now() - interval '3 "
                             "days'))::bigint",
                             1, &since, &rows, err);

    if (result == 0)
        *since_s = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

int billing_reconcile_run(struct cli *cli, int argc, char **argv,
                          struct pp_err *err)
{
    bool undelivered = cli_flag(&argc, argv, "--undelivered");
    const char *since = cli_option(argc, argv, "--since", NULL);
    struct sweep_found found = {0};
    struct sync sync = {0};
    int64_t since_s;
    int result;

    if (!undelivered)
        return cli_usage(err, "--undelivered is needed");
    result = read_since(cli, since, &since_s, err);
    if (result == 0)
        result = open_sync(cli, &sync, err);
    if (result == 0)
        result = sweep_undelivered(&sync, since_s, NULL, NULL, &found, err);
    stripe_close(&sync.stripe);
    if (result < 0)
        return -1;
    printf(cli->json ? "{\"seen\":%" PRId64 ",\"added\":%" PRId64 "}\n"
                     : "%" PRId64 " events were not delivered, %" PRId64
                       " of them are new here; billing does them now\n",
           found.seen, found.added);
    return 0;
}

/* --- the catalogue -------------------------------------------------------- */

struct wrongs {
    const struct cli *cli;
    int count;
};

static int print_wrong(void *context, const char *price, const char *what,
                       struct pp_err *err)
{
    struct wrongs *wrongs = context;

    (void)err;
    if (wrongs->cli->json)
        printf("%s{\"price\":\"%s\",\"wrong\":\"%s\"}",
               wrongs->count ? "," : "", price, what);
    else
        printf("%s %s\n", price, what);
    wrongs->count++;
    return 0;
}

int billing_catalogue_check_run(struct cli *cli, int argc, char **argv,
                                struct pp_err *err)
{
    struct wrongs wrongs = {cli, 0};
    struct sync sync;
    int result = open_sync(cli, &sync, err);

    (void)argc;
    (void)argv;
    if (result == 0 && cli->json)
        printf("[");
    if (result == 0)
        result = apply_check_catalogue(&sync, print_wrong, &wrongs, err);
    stripe_close(&sync.stripe);
    if (result < 0)
        return -1;
    if (cli->json)
        puts("]");
    else if (!wrongs.count)
        puts("all prices of the catalogue are as they have to be");
    return wrongs.count > 0 ? DIFFERS : 0;
}

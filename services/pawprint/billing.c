/*
 * What Stripe told: to look at, and to have done once more. Workers of
 * `billing` do it; nothing here does.
 */
#include <stdio.h>

#include "pp_mem.h"

#include "cli.h"
#include "inbox.h"

#define BODY_BYTES ((size_t)4 << 20)

/* --- looking -------------------------------------------------------------- */

static int list(struct cli *cli, const char *const values[static 4],
                struct pp_err *err)
{
    static const char *const names[] = {
        "event", "received_at", "type",  "customer",
        "state", "attempts",    "label", "error",
    };
    static const int widths[] = {30, 20, 36, 20, 16, 2, 8, 0};
    struct pp_pg_rows rows;
    int result = pp_pg_query(
        cli->pg,
        "SELECT event_id, to_char(received_at AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), type, coalesce(nullif(customer_id, "
        "''), '-'), state, attempts, coalesce(nullif(secret_label, ''), '-'), "
        "coalesce(nullif(last_error, ''), '-') FROM stripe_event WHERE "
        "($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR customer_id "
        "= $2) AND ($3::text IS NULL OR type = $3) ORDER BY received_at DESC, "
        "event_id LIMIT $4::int",
        4, values, &rows, err);

    if (result == 0)
        cli_print_rows(cli, &rows, names, widths, PP_COUNT(names));
    pp_pg_rows_fini(&rows);
    return result;
}

int billing_events_list_run(struct cli *cli, int argc, char **argv,
                            struct pp_err *err)
{
    const char *values[] = {
        cli_option(argc, argv, "--state", NULL),
        cli_option(argc, argv, "--customer", NULL),
        cli_option(argc, argv, "--type", NULL),
        cli_option(argc, argv, "--limit", "50"),
    };

    return list(cli, values, err);
}

int billing_dead_list_run(struct cli *cli, int argc, char **argv,
                          struct pp_err *err)
{
    const char *values[] = {"dead", NULL, NULL, "1000"};

    (void)argc;
    (void)argv;
    return list(cli, values, err);
}

/* The body as it was signed, byte by byte; with --json that is JSON, too. */
int billing_events_show_run(struct cli *cli, int argc, char **argv,
                            struct pp_err *err)
{
    const char *id = cli_argument(argc, argv, 0);
    struct pp_arena arena;
    struct pp_pg_rows rows;
    struct pp_str body = {0};
    int result;

    if (!id)
        return cli_usage(err, "an event is needed");
    pp_arena_init(&arena, BODY_BYTES);
    result = pp_pg_query(cli->pg,
                         "SELECT body FROM stripe_event WHERE event_id = $1", 1,
                         &id, &rows, err);
    if (result == 0 && rows.count == 0)
        result =
            pp_err_set(err, PP_ERR_INVALID, "there is no event %.255s", id);
    else if (result == 0 && pp_pg_is_null(&rows, 0, 0))
        result = pp_err_set(err, PP_ERR_INVALID,
                            "what it said is not kept for longer than 90 days");
    else if (result == 0)
        result = pp_pg_bytes(&rows, 0, 0, &arena, &body, err);
    if (result == 0)
        printf("%.*s\n", PP_ARG(body));
    pp_pg_rows_fini(&rows);
    pp_arena_fini(&arena);
    return result;
}

/* --- once more ------------------------------------------------------------ */

static int print_count(const struct cli *cli, int count)
{
    printf(cli->json ? "{\"put_back\":%d}\n"
                     : "%d put back; billing does them now\n",
           count);
    return 0;
}

static int put_one_back(struct cli *cli, const char *id, const char *state,
                        struct pp_err *err)
{
    bool is_there;

    if (inbox_put_back(cli->pg, id, state, &is_there, err) < 0)
        return -1;
    if (!is_there)
        return pp_err_set(err, PP_ERR_INVALID, "there is no %s %.255s",
                          state ? "dead event" : "event", id);
    return print_count(cli, 1);
}

/* Events of the other mode are none of ours, whatever their type. */
static int put_all_back(struct cli *cli, const char *const values[static 3],
                        struct pp_err *err)
{
    struct pp_pg_rows rows;
    int count = 0, result;

    result = pp_pg_query(
        cli->pg,
        "SELECT event_id FROM stripe_event WHERE ($1::text IS NULL OR state = "
        "$1) AND ($2::text IS NULL OR type = $2) AND ($3::timestamptz IS NULL "
        "OR received_at >= $3) AND state <> 'ignored_livemode' ORDER BY "
        "received_at, event_id",
        3, values, &rows, err);
    for (int i = 0; result == 0 && i < rows.count; i++) {
        bool is_there;

        result = inbox_put_back(cli->pg, pp_pg_text(&rows, i, 0), values[0],
                                &is_there, err);
        count += is_there;
    }
    pp_pg_rows_fini(&rows);
    return result < 0 ? -1 : print_count(cli, count);
}

int billing_events_replay_run(struct cli *cli, int argc, char **argv,
                              struct pp_err *err)
{
    const char *id = cli_argument(argc, argv, 0);
    const char *values[] = {
        NULL,
        cli_option(argc, argv, "--type", NULL),
        cli_option(argc, argv, "--since", NULL),
    };

    if (id)
        return put_one_back(cli, id, NULL, err);
    if (!values[1] || !values[2])
        return cli_usage(err, "an event, or --type and --since, are needed");
    return put_all_back(cli, values, err);
}

int billing_dead_retry_run(struct cli *cli, int argc, char **argv,
                           struct pp_err *err)
{
    static const char *const values[] = {"dead", NULL, NULL};
    bool all = cli_flag(&argc, argv, "--all");
    const char *id = cli_argument(argc, argv, 0);

    if (!id == !all)
        return cli_usage(err, "an event or --all is needed");
    return all ? put_all_back(cli, values, err)
               : put_one_back(cli, id, "dead", err);
}

/*
 * Messages to people: what became of them, again, and how they look. The
 * notifier sends; nothing here does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_message.h"
#include "pp_webhook.h"

#include "cli.h"

#define OUTPUT_BYTES ((size_t)1 << 20)

/* Rows as a table, or as a JSON array of objects of texts. */
static void print_rows(const struct cli *cli, const struct pp_pg_rows *rows,
                       const char *const *names, const int *widths, int columns)
{
    struct pp_buf out;

    pp_buf_init(&out, (size_t)64 << 20);
    for (int i = 0; i < rows->count; i++) {
        for (int c = 0; c < columns; c++) {
            const char *text = pp_pg_text(rows, i, c);

            if (!cli->json) {
                pp_buf_printf(&out, "%-*s%s", widths[c], text,
                              c == columns - 1 ? "\n" : " ");
                continue;
            }
            pp_buf_printf(&out, "%s\"%s\":",
                          c   ? ","
                          : i ? ",\n{"
                              : "[{",
                          names[c]);
            pp_json_add_str(&out, pp_str_of(text));
            pp_buf_add_text(&out, c == columns - 1 ? "}" : "");
        }
    }
    if (cli->json)
        pp_buf_add_text(&out, rows->count ? "]\n" : "[]\n");
    fwrite(out.p, 1, out.n, stdout);
    pp_buf_fini(&out);
}

static int list_messages(struct cli *cli, int argc, char **argv,
                         struct pp_err *err)
{
    static const char *const names[] = {
        "id",    "at",       "kind", "account", "channel", "target",
        "state", "attempts", "code", "answer",  "key",
    };
    static const int widths[] = {6, 20, 19, 13, 7, 24, 10, 2, 3, 30, 0};
    const char *values[] = {
        cli_option(argc, argv, "--account", NULL),
        cli_option(argc, argv, "--state", NULL),
        cli_option(argc, argv, "--limit", "50"),
    };
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        cli->pg,
        "SELECT n.notification_id, to_char(n.created_at AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), n.kind, coalesce(n.account_id, "
        "'-'), n.channel, coalesce(nullif(d.target, ''), n.target, '-'), "
        "w.state, n.attempts, coalesce(d.code, 0), coalesce(b.answer, "
        "nullif(d.answer, ''), '-'), n.business_key FROM notification n "
        "LEFT JOIN LATERAL (SELECT target, code, answer FROM delivery WHERE "
        "delivery.notification_id = n.notification_id ORDER BY fence DESC "
        "LIMIT 1) d ON true LEFT JOIN LATERAL (SELECT btrim(status || ' ' || "
        "diagnostic) AS answer FROM bounce WHERE n.state = 'sent' AND "
        "bounce.notification_id = n.notification_id AND permanent ORDER BY "
        "reported_at DESC LIMIT 1) b ON true CROSS JOIN LATERAL (SELECT CASE "
        "WHEN b.answer IS NULL THEN n.state ELSE 'bounced' END AS state) w "
        "WHERE ($1::text IS NULL OR n.account_id = $1) AND "
        "($2::text IS NULL OR w.state = $2) ORDER BY n.notification_id DESC "
        "LIMIT $3::int",
        PP_COUNT(values), values, &rows, err);
    if (result == 0)
        print_rows(cli, &rows, names, widths, PP_COUNT(names));
    pp_pg_rows_fini(&rows);
    return result;
}

/* Every attempt of one message, and every report about it. */
static int list_deliveries(struct cli *cli, const char *message,
                           struct pp_err *err)
{
    static const char *const names[] = {"at",   "channel", "target", "state",
                                        "code", "ms",      "worker", "answer"};
    static const int widths[] = {24, 7, 24, 10, 3, 6, 16, 0};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        cli->pg,
        "SELECT to_char(began_at AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), d.channel, d.target, d.state, "
        "code, coalesce(took_ms::text, '-'), worker, answer FROM "
        "(SELECT notification_id, fence, began_at, channel, target, state, "
        "code, took_ms, worker, answer FROM delivery UNION ALL "
        "SELECT notification_id, 9223372036854775807, reported_at, 'mail', "
        "'-', CASE WHEN permanent THEN 'bounced' ELSE 'delayed' END, 0, NULL, "
        "'-', btrim(status || ' ' || diagnostic) FROM bounce) d "
        "JOIN notification n USING (notification_id) WHERE "
        "notification_id::text = $1 OR business_key = $1 ORDER BY d.fence, "
        "began_at",
        1, &message, &rows, err);
    if (result == 0)
        print_rows(cli, &rows, names, widths, PP_COUNT(names));
    pp_pg_rows_fini(&rows);
    return result;
}

static int list_suppressed(struct cli *cli, struct pp_err *err)
{
    static const char *const names[] = {"since", "channel", "target", "code",
                                        "answer"};
    static const int widths[] = {20, 7, 30, 3, 0};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(cli->pg,
                         "SELECT to_char(created_at AT TIME ZONE 'UTC', "
                         "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), channel, target, "
                         "code, answer FROM suppression ORDER BY created_at",
                         0, NULL, &rows, err);
    if (result == 0)
        print_rows(cli, &rows, names, widths, PP_COUNT(names));
    pp_pg_rows_fini(&rows);
    return result;
}

int notify_suppressed_list_run(struct cli *cli, int argc, char **argv,
                               struct pp_err *err)
{
    (void)argc;
    (void)argv;
    return list_suppressed(cli, err);
}

int notify_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *message = cli_option(argc, argv, "--attempts", NULL);

    if (cli_flag(&argc, argv, "--suppressed"))
        return list_suppressed(cli, err);
    if (message)
        return list_deliveries(cli, message, err);
    return list_messages(cli, argc, argv, err);
}

/* The same message, under the same Message-ID: due now, attempts from 0. */
static int make_due(struct cli *cli, const char *message, bool sent_too,
                    bool lift, struct pp_err *err)
{
    const char *values[] = {message, sent_too ? "t" : "f", lift ? "t" : "f"};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        cli->pg,
        "WITH due AS (UPDATE notification SET state = 'due', attempts = 0, "
        "not_before = pp_now(), finished_at = NULL WHERE "
        "(notification_id::text = $1 OR business_key = $1) AND (state IN "
        "('due', 'failed', 'suppressed') OR (state = 'sent' AND $2::bool)) "
        "RETURNING notification_id), lifted AS (DELETE FROM suppression s "
        "USING due JOIN delivery d USING (notification_id) WHERE $3::bool AND "
        "s.channel = d.channel AND s.target = CASE d.channel WHEN 'mail' THEN "
        "lower(d.target) ELSE d.target END) "
        "SELECT notification_id, pg_notify('notification', '') FROM due",
        PP_COUNT(values), values, &rows, err);
    if (result == 0 && rows.count == 0)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "no such message that is not sent or being sent; "
                            "--sent sends also one that was");
    if (result == 0)
        printf(cli->json ? "{\"id\":\"%s\"}\n" : "message %s is due\n",
               pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

int notify_resend_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    bool sent_too = cli_flag(&argc, argv, "--sent");
    bool lift = cli_flag(&argc, argv, "--lift");
    const char *message = cli_argument(argc, argv, 0);

    if (!message)
        return cli_usage(err, "which message? its number or its key");
    return make_due(cli, message, sent_too, lift, err);
}

/* What a customer checks the signatures of his webhooks with. */
int notify_secret_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    const char *account = cli_argument(argc, argv, 0);
    char secret[PP_WEBHOOK_SECRET_BYTES];
    struct pp_webhook_key key;

    if (!account)
        return cli_usage(err, "of which account?");
    if (!cli->webhook_secret[0])
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_WEBHOOK_SECRET is not set");
    pp_webhook_key_of(pp_str_of(cli->webhook_secret), pp_str_of(account), &key);
    pp_webhook_secret(&key, secret);
    printf(cli->json ? "{\"secret\":\"%s\"}\n" : "%s\n", secret);
    return 0;
}

/* --- preview ---------------------------------------------------------------
 */

static int no_such_kind(const struct pp_messages *messages, struct pp_err *err)
{
    struct pp_buf kinds;
    const char *kind;
    int result;

    pp_buf_init(&kinds, 1024);
    for (size_t i = 0; (kind = pp_message_kind(messages, i)); i++)
        pp_buf_printf(&kinds, " %s", kind);
    pp_buf_add_byte(&kinds, '\0');
    result = pp_err_set(err, PP_ERR_FATAL, "kinds are:%s", kinds.p);
    pp_buf_fini(&kinds);
    return result;
}

static int preview(const struct pp_messages *messages, const char *kind,
                   const char *format, struct pp_err *err)
{
    const struct pp_message *message =
        kind ? pp_message_find(messages, kind) : NULL;
    struct pp_message_values values = {0};
    struct pp_buf out;

    if (!message)
        return no_such_kind(messages, err);
    pp_message_sample(message, &values);
    pp_buf_init(&out, OUTPUT_BYTES);
    if (strcmp(format, "html") == 0) {
        pp_message_html(messages, message, &values, &out);
    } else if (strcmp(format, "text") == 0) {
        pp_buf_add_text(&out, "Subject: ");
        pp_message_subject(message, &values, &out);
        pp_buf_add_text(&out, "\n\n");
        pp_message_text(message, &values, &out);
    } else {
        pp_buf_fini(&out);
        return cli_usage(err, "--format is html or text");
    }
    fwrite(out.p, 1, out.n, stdout);
    pp_buf_fini(&out);
    return 0;
}

int notify_preview_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err)
{
    struct pp_messages *messages;
    int result;

    (void)cli;
    if (pp_messages_open(&messages, err) < 0)
        return -1;
    result = preview(messages, cli_argument(argc, argv, 0),
                     cli_option(argc, argv, "--format", "text"), err);
    pp_messages_close(&messages);
    return result;
}

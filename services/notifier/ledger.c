#include "ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_mem.h"
#include "pp_str.h"

#define ANSWER_BYTES 500
#define NUMBER_BYTES 24

/* Of these a second copy is worse than none. */
#define REPORTS "('report', 'report_empty')"

/* A process may have sent the dot, and did not live to say so. */
#define LEFT_AT_DOT                                                            \
    "EXISTS (SELECT FROM delivery d WHERE d.notification_id = "                \
    "notification.notification_id AND d.fence = notification.fence AND "       \
    "d.at_dot AND d.state = 'trying')"

struct ledger {
    struct pp_pg *pg;
    const struct ledger_options *options;
    char worker[128];
    struct pp_pg_rows claimed;
    bool listening;
};

int ledger_open(struct ledger **ledger_out,
                const struct ledger_options *options, struct pp_err *err)
{
    struct ledger *ledger = pp_calloc(1, sizeof(*ledger));
    char host[64] = "";

    *ledger_out = ledger;
    ledger->options = options;
    (void)gethostname(host, sizeof(host) - 1);
    snprintf(ledger->worker, sizeof(ledger->worker), "%s:%d", host,
             (int)getpid());
    return pp_pg_open(&ledger->pg, options->dsn, "notifier", err);
}

void ledger_close(struct ledger **ledger)
{
    if (!*ledger)
        return;
    pp_pg_rows_fini(&(*ledger)->claimed);
    pp_pg_close(&(*ledger)->pg);
    free(*ledger);
    *ledger = NULL;
}

/*
 * next is the message that has waited longest, taken, the same under a new
 * fence; written, its attempt. A process that had it before and did not end
 * has lost it, which counts, so that nothing kills us for ever.
 */
static const char claim_sql[] =
    "WITH next AS (SELECT notification_id, state, fence FROM notification "
    "WHERE state IN ('due', 'sending') AND not_before <= pp_now() AND NOT "
    "(state = 'sending' AND kind IN " REPORTS " AND " LEFT_AT_DOT ") AND "
    "channel || CASE WHEN channel = 'slack' AND target IS NULL THEN '?' ELSE "
    "'' "
    "END = ANY (string_to_array($1, ',')) "
    "ORDER BY not_before LIMIT 1 FOR UPDATE SKIP LOCKED), "
    "lost AS (UPDATE delivery d SET state = 'lost' FROM next "
    "WHERE d.notification_id = next.notification_id AND d.fence = next.fence "
    "AND d.state = 'trying'), "
    "taken AS (UPDATE notification n SET state = 'sending', attempts = "
    "n.attempts + (next.state = 'sending')::int, fence = n.fence + 1, "
    "not_before = pp_now() + make_interval(secs => $2::float8 / 1000) "
    "FROM next WHERE n.notification_id = next.notification_id "
    "RETURNING n.*), "
    "whole AS (SELECT t.*, coalesce(t.target, CASE WHEN t.channel = 'mail' "
    "THEN CASE t.kind WHEN 'staff_alert' THEN $4 ELSE a.owner_mail END END, "
    "'') AS goes_to, a.name AS account, "
    "coalesce(a.zone, 'UTC') AS zone, s.name AS site FROM taken t "
    "LEFT JOIN account a USING (account_id) "
    "LEFT JOIN site s ON s.site_id = t.site_id), "
    "written AS (INSERT INTO delivery (notification_id, fence, channel, "
    "target, worker) SELECT notification_id, fence, channel, goes_to, $3 "
    "FROM whole) "
    "SELECT notification_id, fence, business_key, kind, channel, goes_to, "
    "facts, to_char(created_at AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), account_id, account, zone, site_id, "
    "site, attempts, (SELECT answer FROM suppression p WHERE "
    "p.channel = whole.channel AND p.target = CASE p.channel WHEN 'mail' THEN "
    "lower(goes_to) ELSE goes_to END), channel = 'mail' AND EXISTS (SELECT "
    "FROM opt_out o WHERE o.account_id = coalesce(whole.account_id, '') AND "
    "o.kind = whole.kind AND o.address_hash = address_hash(goes_to)) "
    "OR kind IN ('report', 'report_empty', 'report_confirm') AND EXISTS "
    "(SELECT FROM report_subscription r WHERE r.state = 'unsubscribed' AND "
    "r.subscription_id::text = facts->>'subscription') "
    "FROM whole";

static const char *text_or_null(const struct pp_pg_rows *rows, int column)
{
    return pp_pg_is_null(rows, 0, column) ? NULL : pp_pg_text(rows, 0, column);
}

static void read_message(const struct pp_pg_rows *rows,
                         struct ledger_message *message)
{
    *message = (struct ledger_message){
        .id = pp_pg_text(rows, 0, 0),
        .fence = pp_pg_text(rows, 0, 1),
        .key = pp_pg_text(rows, 0, 2),
        .kind = pp_pg_text(rows, 0, 3),
        .channel = pp_pg_text(rows, 0, 4),
        .target = pp_pg_text(rows, 0, 5),
        .facts = pp_pg_text(rows, 0, 6),
        .created_at = pp_pg_text(rows, 0, 7),
        .account_id = text_or_null(rows, 8),
        .account = text_or_null(rows, 9),
        .zone = pp_pg_text(rows, 0, 10),
        .site_id = text_or_null(rows, 11),
        .site = text_or_null(rows, 12),
        .attempts = (int)pp_pg_int64(rows, 0, 13),
        .suppressed = text_or_null(rows, 14),
        .opted_out = pp_pg_bool(rows, 0, 15),
    };
}

/* Reports that claim_sql passes over. */
static const char unknown_sql[] =
    "WITH left_behind AS (UPDATE notification n SET state = 'unknown', "
    "finished_at = pp_now() FROM delivery d WHERE n.state = 'sending' AND "
    "n.not_before <= pp_now() AND n.kind IN " REPORTS " AND "
    "d.notification_id = n.notification_id AND d.fence = n.fence AND d.at_dot "
    "AND d.state = 'trying' RETURNING d.notification_id, d.fence) UPDATE "
    "delivery d SET state = 'lost' FROM left_behind l WHERE "
    "d.notification_id = l.notification_id AND d.fence = l.fence";

bool ledger_dot(struct ledger *ledger, const struct ledger_message *message)
{
    const char *values[] = {message->id, message->fence};
    struct pp_err err = {0};
    struct pp_pg_rows rows;
    bool ours;

    ours = pp_pg_query(ledger->pg,
                       "UPDATE delivery d SET at_dot = true FROM notification "
                       "n WHERE d.notification_id = $1::bigint AND d.fence = "
                       "$2::bigint AND d.state = 'trying' AND "
                       "n.notification_id = d.notification_id AND n.fence = "
                       "d.fence AND n.state = 'sending'",
                       2, values, &rows, &err) == 0 &&
           rows.changed == 1;
    pp_pg_rows_fini(&rows);
    return ours;
}

int ledger_give_up(struct ledger *ledger, struct pp_err *err)
{
    return pp_pg_exec(ledger->pg, unknown_sql, 0, NULL, err);
}

int ledger_claim(struct ledger *ledger, const char *channels,
                 struct ledger_message *message_out, struct pp_err *err)
{
    char lease[NUMBER_BYTES];
    const char *values[] = {channels, lease, ledger->worker,
                            ledger->options->staff_mail};

    snprintf(lease, sizeof(lease), "%d", ledger->options->lease_ms);
    pp_pg_rows_fini(&ledger->claimed);
    if (pp_pg_query(ledger->pg, claim_sql, PP_COUNT(values), values,
                    &ledger->claimed, err) < 0)
        return -1;
    if (ledger->claimed.count == 0)
        return 0;
    read_message(&ledger->claimed, message_out);
    return 1;
}

/* An answer as it may be kept: short, and UTF-8 without control characters. */
static void clip(const char *answer, char text[static ANSWER_BYTES])
{
    struct pp_str clipped =
        pp_str_cut_utf8(pp_str_of(answer), ANSWER_BYTES - 1);

    snprintf(text, ANSWER_BYTES, "%.*s", PP_ARG(clipped));
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F ||
            (!pp_str_is_utf8(clipped) && (unsigned char)*c >= 0x80))
            *c = ' ';
}

/*
 * The attempt's end is written whoever has the message by now: it is what
 * happened. The message changes only under the fence of this claim.
 */
static const char finish_sql[] =
    "WITH ended AS (UPDATE delivery SET state = $3, code = $4::int, "
    "answer = $5, took_ms = $6::bigint, message_id = nullif($9, '') WHERE "
    "notification_id = $1::bigint "
    "AND fence = $2::bigint), "
    "suppressed AS (INSERT INTO suppression (channel, target, code, answer) "
    "SELECT channel, CASE channel WHEN 'mail' THEN lower(target) ELSE target "
    "END, $4::int, $5 FROM delivery WHERE notification_id = $1::bigint AND "
    "fence = $2::bigint AND $8::bool ON CONFLICT DO NOTHING), "
    "late AS (UPDATE notification SET handed_over_at = "
    "coalesce(handed_over_at, pp_now()), state = CASE WHEN state IN ('due', "
    "'unknown') THEN 'sent' ELSE state END WHERE notification_id = $1::bigint "
    "AND (fence <> $2::bigint OR state = 'unknown') AND $3 = 'sent'), "
    "changed AS (UPDATE notification SET state = CASE WHEN $3 IN ('sent', "
    "'failed', 'suppressed') THEN $3 WHEN $3 = 'doubtful' AND kind IN " REPORTS
    " THEN 'unknown' ELSE 'due' END, attempts = attempts + "
    "($3 <> 'away')::int, not_before = pp_now() + "
    "make_interval(secs => $7::float8 / 1000), handed_over_at = CASE $3 WHEN "
    "'sent' THEN coalesce(handed_over_at, pp_now()) ELSE handed_over_at END, "
    "finished_at = CASE WHEN $3 IN ('sent', 'failed', 'suppressed') OR $3 = "
    "'doubtful' AND kind IN " REPORTS " THEN "
    "pp_now() END WHERE notification_id = $1::bigint AND fence = $2::bigint "
    "AND state = 'sending' RETURNING fence) "
    "SELECT count(*) FROM changed";

int ledger_finish(struct ledger *ledger, const struct ledger_message *message,
                  const struct ledger_end *end, bool *lost_out,
                  struct pp_err *err)
{
    char code[NUMBER_BYTES], took[NUMBER_BYTES], wait[NUMBER_BYTES];
    char answer[ANSWER_BYTES];
    const char *values[] = {
        message->id,
        message->fence,
        outcome_name(end->outcome),
        code,
        answer,
        took,
        wait,
        end->suppress ? "t" : "f",
        end->message_id,
    };
    struct pp_pg_rows rows;
    int result;

    snprintf(code, sizeof(code), "%d", end->code);
    snprintf(took, sizeof(took), "%" PRId64, end->took_ms);
    snprintf(wait, sizeof(wait), "%" PRId64, end->wait_ms);
    clip(end->answer, answer);
    result = pp_pg_query(ledger->pg, finish_sql, PP_COUNT(values), values,
                         &rows, err);
    *lost_out = result == 0 && pp_pg_int64(&rows, 0, 0) == 0;
    pp_pg_rows_fini(&rows);
    return result;
}

int ledger_instant(struct ledger *ledger, struct pp_str instant,
                   const char *zone, char text[static LEDGER_INSTANT_BYTES],
                   struct pp_err *err)
{
    char copy[LEDGER_INSTANT_BYTES];
    const char *values[] = {copy, zone};
    struct pp_pg_rows rows;
    int result;

    snprintf(copy, sizeof(copy), "%.*s",
             PP_ARG(pp_str_sub(instant, 0, sizeof(copy) - 1)));
    result = pp_pg_query(ledger->pg,
                         "SELECT to_char($1::timestamptz AT TIME ZONE $2, "
                         "'Dy FMDD Mon YYYY, HH24:MI ') || $2",
                         2, values, &rows, err);
    if (result == 0)
        snprintf(text, LEDGER_INSTANT_BYTES, "%s", pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

int ledger_waiting(struct ledger *ledger, const char *channel,
                   struct ledger_waiting *waiting_out, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result =
        pp_pg_query(ledger->pg,
                    "SELECT count(*), coalesce(extract(epoch FROM pp_now() - "
                    "min(created_at)), 0)::bigint FROM notification "
                    "WHERE state IN ('due', 'sending') AND channel = $1",
                    1, &channel, &rows, err);
    if (result == 0)
        *waiting_out = (struct ledger_waiting){pp_pg_int64(&rows, 0, 0),
                                               pp_pg_int64(&rows, 0, 1)};
    pp_pg_rows_fini(&rows);
    return result;
}

/* A connection that was lost listens to nothing any more. */
int ledger_wait(struct ledger *ledger, int wait_ms, struct pp_err *err)
{
    if (!ledger->listening &&
        pp_pg_exec(ledger->pg, "LISTEN notification", 0, NULL, err) < 0)
        return -1;
    ledger->listening = true;
    if (pp_pg_wait(ledger->pg, wait_ms, err) >= 0)
        return 0;
    ledger->listening = false;
    return -1;
}

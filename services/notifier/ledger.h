#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_pg.h"

#include "mail.h"
#include "outcome.h"

/*
 * The messages in Postgres, and every attempt to deliver one.
 *
 * A message is claimed under a lease, with FOR UPDATE SKIP LOCKED, and the
 * attempt is written down in the same transaction, before it begins. One whose
 * process did not live to end it is marked as lost by whoever claims the
 * message next. All time is the database's pp_now(). One thread.
 */
struct ledger;

struct ledger_options {
    const char *dsn;
    const char *staff_mail; /* gets staff alerts without a target; or empty */
    int lease_ms;           /* longer than any attempt */
};

/* The options are borrowed. Does not connect yet. */
int ledger_open(struct ledger **ledger_out,
                const struct ledger_options *options, struct pp_err *err);
void ledger_close(struct ledger **ledger);

/* A claimed message. Texts are valid until the next claim; NULL: not there. */
struct ledger_message {
    const char *id, *fence;
    const char *key, *kind, *channel;
    const char *target; /* the owner's mail where none was given; else empty */
    const char *facts;  /* JSON */
    const char *created_at; /* RFC 3339 */
    const char *account_id, *account, *zone, *site_id, *site;
    int attempts;           /* that counted, before this one */
    const char *suppressed; /* why the target gets nothing more, or NULL */
    bool opted_out;         /* the recipient wants no mails of this kind */
};

/*
 * channels: those that can be served, separated by commas; "slack?" is slack
 * without a target of its own. 1: there is one, 0: none is due.
 */
int ledger_claim(struct ledger *ledger, const char *channels,
                 struct ledger_message *message_out, struct pp_err *err);

/*
 * Reports whose process died when they may have been there become unknown;
 * ledger_claim() passes them over. For every few seconds: it looks at all that
 * waits.
 */
int ledger_give_up(struct ledger *ledger, struct pp_err *err);

/* How an attempt ended. */
struct ledger_end {
    enum outcome outcome;
    int code;
    const char *answer; /* clipped here */
    int64_t took_ms;
    int64_t wait_ms;                /* until the next, where there is one */
    bool suppress;                  /* the target from now on */
    char message_id[MAIL_ID_BYTES]; /* of a mail that was tried; or empty */
};

/*
 * Writes down that a report's mail may be there from now on: if nobody lives to
 * say how it ended, it is not sent again. False: it is another's, or Postgres
 * is away.
 */
bool ledger_dot(struct ledger *ledger, const struct ledger_message *message);

/*
 * Writes it down, in one transaction with what becomes of the message. lost
 * says that another process has claimed it meanwhile: the attempt is written
 * down, the message is its.
 */
int ledger_finish(struct ledger *ledger, const struct ledger_message *message,
                  const struct ledger_end *end, bool *lost_out,
                  struct pp_err *err);

/* An instant as the people of that zone read it. PP_ERR_INVALID: it is none. */
#define LEDGER_INSTANT_BYTES 100
int ledger_instant(struct ledger *ledger, struct pp_str instant,
                   const char *zone, char text[static LEDGER_INSTANT_BYTES],
                   struct pp_err *err);

/* What is not delivered yet, of a channel. */
struct ledger_waiting {
    int64_t count, oldest_s;
};
int ledger_waiting(struct ledger *ledger, const char *channel,
                   struct ledger_waiting *waiting_out, struct pp_err *err);

/* Up to wait_ms, less when a message comes. */
int ledger_wait(struct ledger *ledger, int wait_ms, struct pp_err *err);

#endif

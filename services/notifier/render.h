#ifndef RENDER_H
#define RENDER_H

#include "pp_arena.h"
#include "pp_buf.h"
#include "pp_err.h"
#include "pp_message.h"
#include "pp_report.h"

#include "ledger.h"

/*
 * A message of the ledger as what its channel sends. Pure but for the values
 * of instants, which Postgres writes in the account's zone.
 */

/*
 * Its values: facts, and the names of account and site. PP_ERR_INVALID: they
 * can't make a message, ever. They point into arena and message.
 */
int render_values(struct ledger *ledger, const struct pp_message *kind,
                  const struct ledger_message *message, struct pp_arena *arena,
                  struct pp_message_values *values_out, struct pp_err *err);

/* A report of a site: it has numbers, which a mail shows in a form of their
 * own. */
bool render_is_report(const struct ledger_message *message);

/* Its numbers, as they were kept; they point into arena and message. */
int render_report(const struct ledger_message *message, struct pp_arena *arena,
                  struct pp_report *report_out, struct pp_err *err);

/* The JSON of a webhook: type, timestamp, and the facts as they came. */
void render_webhook(const struct pp_message *kind,
                    const struct ledger_message *message,
                    const struct pp_message_values *values, struct pp_buf *out);

/* The JSON of Slack's incoming webhooks; of a report with its numbers. Nothing
 * in that is markup, whoever wrote the names in it. */
void render_slack_report(const struct pp_report *report, bool test,
                         struct pp_buf *out);
void render_slack(const struct pp_message *kind,
                  const struct pp_message_values *values, struct pp_buf *out);

#endif

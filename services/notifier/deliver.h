#ifndef DELIVER_H
#define DELIVER_H

#include <stdbool.h>

#include "pp_err.h"
#include "pp_message.h"
#include "pp_time.h"

#include "guard.h"
#include "ledger.h"
#include "links.h"
#include "smtp.h"

/*
 * One attempt to deliver a message, by whatever channel it names. What went
 * wrong is an outcome; only Postgres being away is an error.
 */
struct deliver_options {
    struct smtp_options smtp; /* url empty: no mail */
    const char *from;         /* Name <address> */
    const char *bounces;      /* mail_add_return_path(); or empty */
    const char *slack_url;    /* where messages without a target go; or empty */
    const char *webhook_secret; /* empty: no webhooks */
    const char *sms_url;        /* a template, as the body; empty: no SMS */
    const char *sms_method, *sms_type, *sms_body, *sms_authorization;
    const char *allowed; /* networks for webhooks besides public ones */
    const char *ca_file; /* empty: the system's authorities */
    int timeout_ms;
    const struct links *links; /* what mails lead to the public port by */
};

struct deliver;

/* PP_ERR_FATAL: an option can't be right. The options are borrowed. */
int deliver_open(struct deliver **deliver_out,
                 const struct deliver_options *options, struct pp_err *err);
void deliver_close(struct deliver **deliver);

/*
 * until: the attempt is given up by then, before anything is final. Everything
 * in end_out but took_ms and wait_ms of messages that are tried again, which
 * is set, too.
 */
int deliver_once(struct deliver *deliver, struct ledger *ledger,
                 const struct ledger_message *message, struct pp_mono until,
                 struct ledger_end *end_out, struct pp_err *err);

#endif

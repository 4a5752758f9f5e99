#ifndef SMTP_H
#define SMTP_H

#include <stdbool.h>

#include "pp_err.h"
#include "pp_str.h"
#include "pp_time.h"

#include "outcome.h"

/*
 * Hands mails to a relay by SMTP. One handle is one connection, kept open
 * between mails; of the thread that uses it.
 *
 * Crash points: notifier.before_dot, when the body is on its way and its final
 * dot is not; notifier.after_dot, when the relay's answer to it has come.
 */
enum smtp_tls {
    SMTP_TLS_NEED, /* no mail without it */
    SMTP_TLS_MAY,  /* where the relay offers it */
    SMTP_TLS_OFF,
};

struct smtp_options {
    const char *url;      /* smtp://HOST:PORT, or smtps:// */
    const char *user;     /* empty: without AUTH */
    const char *password; /* never without TLS */
    const char *ca_file;  /* empty: the system's authorities */
    enum smtp_tls tls;
    int timeout_ms; /* for a whole mail */
};

struct smtp;

/* PP_ERR_FATAL: the options can't be right. They are borrowed. */
int smtp_open(struct smtp **smtp_out, const struct smtp_options *options,
              struct pp_err *err);
void smtp_close(struct smtp **smtp);

#define SMTP_ANSWER_BYTES 300

struct smtp_result {
    enum smtp_phase phase;
    int code;                       /* 0: no answer in that phase */
    char answer[SMTP_ANSWER_BYTES]; /* or what went wrong */
};

/* Asked when all but the final dot is sent; false: it is not sent either. */
struct smtp_gate {
    bool (*may_end)(void *context);
    void *context;
};

/*
 * One mail to one recipient; both addresses as mail_is_address() takes them.
 * The final dot is not sent when until is over: somebody else may be at it.
 * gate may be NULL.
 */
void smtp_send(struct smtp *smtp, struct pp_str from, struct pp_str to,
               struct pp_str mail, struct pp_mono until,
               const struct smtp_gate *gate, struct smtp_result *result_out);

#endif

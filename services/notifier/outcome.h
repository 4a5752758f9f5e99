#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_str.h"

/*
 * What an attempt means for its message: whether it is tried again, when, and
 * whether its target gets anything more. Pure; any thread.
 */
enum outcome {
    OUTCOME_SENT,
    OUTCOME_AGAIN,      /* refused for now */
    OUTCOME_AWAY,       /* the relay is away, or does not want us: no attempt */
    OUTCOME_DOUBTFUL,   /* cut off after the last byte: again, the same id */
    OUTCOME_FAILED,     /* refused for good */
    OUTCOME_SUPPRESSED, /* the target is on the list: nothing was tried */
};

/* As the table delivery has it. */
const char *outcome_name(enum outcome outcome);

/* How far a conversation by SMTP came. */
enum smtp_phase {
    SMTP_GREETING,  /* connect, EHLO, STARTTLS, AUTH */
    SMTP_SENDER,    /* MAIL FROM */
    SMTP_RECIPIENT, /* RCPT TO */
    SMTP_BODY,      /* DATA, and the body without its final dot */
    SMTP_DOT,       /* the final dot may be on its way */
};

/* code is the last answer in that phase, 0: there was none. */
enum outcome outcome_of_smtp(enum smtp_phase phase, int code);

/* Does an answer to RCPT TO mean that there is no such mailbox? */
bool outcome_is_bounce(enum smtp_phase phase, int code, struct pp_str answer);

enum outcome_channel { OUTCOME_WEBHOOK, OUTCOME_SLACK, OUTCOME_SMS };

/* status 0: there was no answer. */
enum outcome outcome_of_http(enum outcome_channel channel, int status);

/* 410 Gone: the endpoint wants nothing more. */
bool outcome_is_gone(enum outcome_channel channel, int status);

/*
 * Milliseconds until the next attempt after that many which count, with jitter
 * from random; at least what the other side asked for (up to an hour). -1:
 * it was the last. All of them take about 24 hours.
 */
int64_t outcome_wait_ms(int attempts, int64_t asked_ms, uint32_t random);

#endif

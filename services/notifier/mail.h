#ifndef MAIL_H
#define MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * A mail as bytes: headers that nobody can add to, HTML and text as two forms
 * of the same. [RFC 5322, RFC 2045 to 2047] Pure; any thread.
 */
struct mail {
    struct pp_str from_name; /* may be empty */
    struct pp_str from;      /* an address, as mail_is_address() takes it */
    struct pp_str to;
    struct pp_str subject;
    struct pp_str key;         /* of the message: decides Message-ID */
    struct pp_str unsubscribe; /* a URL, or empty: no List-Unsubscribe */
    struct pp_str list; /* "k3ttl3s.report": before the domain of List-Id; or
                           empty, and letters, digits, dots and dashes */
    struct pp_str kind; /* of the message, for Feedback-ID; the same, or _ */
    struct pp_str text, html; /* UTF-8 */
    int64_t date_ms;
};

/* Adds the whole of it, lines ended by CRLF. */
void mail_write(const struct mail *mail, struct pp_buf *out);

/*
 * local@domain of ASCII without quotes, comments and literals: what can stand
 * in a command of SMTP and in a header without any escaping.
 */
bool mail_is_address(struct pp_str text);

/*
 * Whom a mail server tells that a mail with this id never arrived: the address
 * bounces with the id behind a plus, so that it is known again also where the
 * mail does not come back with it. Without bounces it is from. [VERP]
 */
#define MAIL_BOUNCES_CHARS_MAX 31 /* of its local part: the rest is of 64 */
void mail_add_return_path(struct pp_buf *out, struct pp_str from,
                          struct pp_str bounces, const char *id);

/*
 * Takes "Name <address>" or "address" apart; the parts point into text.
 * PP_ERR_FATAL: it is neither.
 */
int mail_read_mailbox(struct pp_str text, struct pp_str *name_out,
                      struct pp_str *address_out, struct pp_err *err);

/*
 * Adds "Name: value" CRLF: a value that is not short ASCII as encoded words,
 * on lines of at most 76 bytes. Control characters become blanks.
 */
void mail_add_header(struct pp_buf *out, const char *name, struct pp_str value);

/* Adds text as quoted-printable, its line ends as CRLF. */
void mail_add_quoted(struct pp_buf *out, struct pp_str text);

/* 32 characters that the key decides, and nothing else. */
#define MAIL_ID_BYTES 33
void mail_id(struct pp_str key, char id[static MAIL_ID_BYTES]);

#endif

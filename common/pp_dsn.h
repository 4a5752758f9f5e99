#ifndef PP_DSN_H
#define PP_DSN_H

#include <stdbool.h>

#include "pp_str.h"

/*
 * What a delivery status notification says: a mail that a mail server wrote
 * about one of ours. [RFC 3464, in the multipart/report of RFC 6522]
 *
 * It comes from strangers, so nothing of it is believed but what leads to a
 * message that we sent: the Message-ID in the headers that it gives back, or,
 * where it gives none, ID@DOMAIN of what it is sent to, BOUNCES+ID@DOMAIN.
 * Pure; any thread. Everything points into the mail.
 */
enum pp_dsn_kind {
    PP_DSN_PERMANENT,     /* failed, and 5.x.x: nothing will ever arrive */
    PP_DSN_TRANSIENT,     /* failed or delayed for a reason that may pass */
    PP_DSN_DELIVERED,     /* or relayed, expanded: nothing is wrong */
    PP_DSN_NO_REPORT,     /* no mail about a delivery */
    PP_DSN_NO_STATUS,     /* a report without Action or Status */
    PP_DSN_NO_MESSAGE_ID, /* a report that does not say of which mail */
};

struct pp_dsn {
    enum pp_dsn_kind kind;
    struct pp_str message_id; /* of the mail it is about, without < and > */
    struct pp_str recipient;  /* an address, or empty */
    struct pp_str action;     /* "failed" */
    struct pp_str status;     /* "5.1.1" */
    struct pp_str diagnostic; /* what the server said, its first line */
};

/*
 * Reads the first recipient, since a mail of ours has one. Of the last three
 * kinds the other fields may be empty. 5.4.4, no route, is PP_DSN_TRANSIENT:
 * a name server that is ill says it of every domain.
 */
void pp_dsn_read(struct pp_str mail, struct pp_dsn *dsn_out);

/* As metrics and the CLI have it: "permanent". */
const char *pp_dsn_kind_name(enum pp_dsn_kind kind);

#endif
